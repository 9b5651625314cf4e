"""The compiled costs against their plain definition, term by term as array operations."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.playlist.compatibility import Rules, Weights, cost_rows, term_rows
from workbench.playlist.table import Floats, TrackTable


def plain(table: TrackTable, rows: Any, rules: Rules) -> Floats:
    cost = np.zeros((len(table.bpm[rows]), len(table)), dtype=np.float32)
    for _, share, term in term_rows(table, rows, rules):
        cost += term * np.float32(share)
    return cost


def tracks(rng: np.random.Generator, n: int, components: int) -> TrackTable:
    """Make tracks of which about every fifth value is not known."""

    def some(values: Any) -> list[Any]:
        return [None if rng.random() < 0.2 else value for value in values.tolist()]

    columns = {
        "id": [str(i) for i in range(n)], "mood": [None] * n, "artist": [None] * n, "album": [None] * n,
        "key": some(np.array(["A minor", "C major", "F# major", "D# minor"])[rng.integers(4, size=n)]),
        "bpm": some(rng.uniform(50, 200, n)), "loudness_lufs": some(rng.uniform(-30, -5, n)),
    }  # fmt: skip
    for name in ("duration_s", "bpm_confidence", "key_strength", "energy", "valence", "arousal"):
        columns[name] = some(rng.random(n))
    start, end = rng.normal(size=(2, n, components)).astype(np.float32)
    start[rng.random(n) < 0.2] = end[rng.random(n) < 0.2] = np.nan
    return TrackTable.of_columns(columns).with_edges(start, end)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 70),
    components=st.sampled_from([0, 1, 19]),
    weights=st.lists(st.sampled_from([0.0, 0.3, 1.0, 7.0]), min_size=5, max_size=5).filter(any),
    octaves=st.booleans(),
    pitch=st.floats(1, 50),
    keys=st.sampled_from(["camelot", "fifths"]),
)
def test_they_are_the_plain_definition_to_the_bit(
    seed: int, n: int, components: int, weights: list[float], octaves: bool, pitch: float, keys: Any
) -> None:
    rng = np.random.default_rng(seed)
    table = tracks(rng, n, components)
    given = dict(zip(("tempo", "key", "energy", "timbre", "loudness"), weights, strict=True))
    if not components:
        given["tempo"] = 1.0  # of something a cost must be made
    rules = Rules(Weights(**given), octaves, pitch, keys)
    whole = plain(table, slice(None), rules)
    assert np.array_equal(cost_rows(table, slice(None), rules), whole)
    rows, to = rng.integers(n, size=3), rng.integers(n, size=n // 2)
    assert np.array_equal(cost_rows(table, rows, rules), plain(table, rows, rules))
    assert np.array_equal(cost_rows(table, rows, rules, to=to), whole[rows][:, to])
