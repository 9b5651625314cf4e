"""Costs of transitions: their scale, their symmetry, and what is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench.playlist.compatibility import (
    KEY_DISTANCES,
    NEUTRAL,
    Rules,
    Transition,
    Weights,
    cost_matrix,
    cost_rows,
    transitions,
)
from workbench.playlist.keys import parse_key
from workbench.playlist.table import TrackTable

SURE: dict[str, Any] = {
    **{"bpm": 120.0, "bpm_confidence": 1.0, "key": "A minor", "key_strength": 1.0},
    **{"energy": 0.5, "loudness_lufs": -14.0},
}
NONE = dict.fromkeys(("tempo", "key", "energy", "timbre", "loudness"), 0.0)
ONLY = {name: Weights(**{**NONE, name: 1.0}) for name in ("tempo", "key", "energy", "loudness")}


def cost(
    term: str, *, first: dict[str, Any] | None = None, rules: dict[str, Any] | None = None, **second: Any
) -> float:
    """Cost of one term between the sure track, changed by `first`, and one that differs by `second`."""
    pair = [{"id": 1, **SURE, **(first or {})}, {"id": 2, **SURE, **second}]
    return float(cost_matrix(pair, Rules(weights=ONLY[term], **(rules or {})))[0, 1])


@pytest.mark.parametrize("term", ONLY)
def test_no_change_costs_nothing(term: str) -> None:
    assert cost(term) == 0


@pytest.mark.parametrize(
    ("term", "change"),
    [("tempo", {"bpm": 120 * 1.06}), ("energy", {"energy": 0.7}), ("loudness", {"loudness_lufs": -8.0})],
)
def test_the_half_way_points_are_those_documented(term: str, change: dict[str, float]) -> None:
    assert cost(term, **change) == pytest.approx(NEUTRAL, abs=1e-5)


@pytest.mark.parametrize(
    ("term", "changes"),
    [
        ("tempo", [{"bpm": bpm} for bpm in (121, 126, 140, 180, 240)]),
        ("energy", [{"energy": energy} for energy in (0.55, 0.7, 1.0)]),
        ("loudness", [{"loudness_lufs": level} for level in (-13, -10, -2)]),
        ("key", [{"key": key} for key in ("E minor", "F major", "B minor", "F# minor", "D# minor")]),
    ],
)
def test_a_larger_step_costs_more_but_never_more_than_one(term: str, changes: list[dict[str, Any]]) -> None:
    costs = [cost(term, **change) for change in changes]
    assert costs == sorted(costs)
    assert len(set(costs)) == len(costs)
    assert costs[0] > 0
    assert costs[-1] <= 1


def test_half_and_double_tempo_cost_nothing_where_they_count_as_the_same() -> None:
    assert cost("tempo", bpm=60) > 0.9
    assert cost("tempo", bpm=60, rules={"half_double": True}) == pytest.approx(0, abs=1e-5)
    assert cost("tempo", bpm=240, rules={"half_double": True}) == pytest.approx(0, abs=1e-5)
    assert cost("tempo", bpm=121, rules={"half_double": True}) == cost("tempo", bpm=121)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("A minor", "C major"),
        ("A minor", "E minor"),
        ("E minor", "G major"),
        ("C major", "G major"),
        ("C major", "E minor"),
    ],
)
def test_neighbours_on_the_wheel_cost_little(a: str, b: str) -> None:
    assert cost("key", first={"key": a}, key=b) < NEUTRAL


@pytest.mark.parametrize(
    ("term", "unknown"),
    [
        ("tempo", {"bpm": None}),
        ("key", {"key": None}),
        ("energy", {"energy": None}),
        ("loudness", {"loudness_lufs": None}),
    ],
)
def test_the_unknown_neither_helps_nor_hurts(term: str, unknown: dict[str, None]) -> None:
    assert cost(term, **unknown) == NEUTRAL


@pytest.mark.parametrize(
    ("term", "trust", "other"), [("key", "key_strength", "D# minor"), ("tempo", "bpm_confidence", 200.0)]
)
def test_doubt_draws_towards_neutral_from_both_sides(term: str, trust: str, other: Any) -> None:
    column = {"key": "key", "tempo": "bpm"}[term]
    bad = [cost(term, **{column: other, trust: sure}) for sure in (1.0, 0.5, 0.0)]
    good = [cost(term, **{trust: sure}) for sure in (1.0, 0.5, 0.0)]
    assert bad == sorted(bad, reverse=True)
    assert good == sorted(good)
    assert bad[-1] == good[-1] == NEUTRAL


def test_a_value_without_a_confidence_counts_in_full() -> None:
    assert cost("key", first={"key_strength": None}, key="D# minor") == cost("key", key="D# minor")


def test_the_matrix_is_symmetric_bounded_and_made_of_rows(library: list[dict[str, Any]]) -> None:
    matrix = cost_matrix(library)
    assert matrix.dtype == np.float32
    assert matrix.shape == (len(library), len(library))
    assert np.array_equal(matrix, matrix.T)
    assert np.isfinite(matrix).all()
    assert matrix.min() >= 0
    assert matrix.max() <= 1
    table = TrackTable.of(library)
    assert len(table) == len(library)
    assert np.array_equal(cost_rows(table, np.array([5, 9])), matrix[[5, 9]])


def test_no_tracks_cost_nothing() -> None:
    assert cost_matrix([]).shape == (0, 0)


def test_the_reach_of_a_pitch_control_is_the_half_way_point() -> None:
    assert cost("tempo", bpm=120 * 1.16, rules={"pitch_percent": 16}) == pytest.approx(NEUTRAL, abs=1e-5)
    assert cost("tempo", bpm=130, rules={"pitch_percent": 16}) < cost("tempo", bpm=130)


@pytest.mark.parametrize("steps", range(7))
def test_by_fifths_a_key_costs_the_share_of_six_notes_that_differ(steps: int) -> None:
    def notes(key: str) -> set[int]:
        found = parse_key(key)
        tonic = found.tonic + (3 if found.minor else 0)
        return {(tonic + note) % 12 for note in (0, 2, 4, 5, 7, 9, 11)}

    for name in (f"{(8 + steps - 1) % 12 + 1}A", f"{(8 - steps - 1) % 12 + 1}B"):
        differ = len(notes(name) - notes("A minor"))
        # six steps apart, five notes differ and the sixth has another name
        assert cost("key", key=parse_key(name).name, rules={"key_distance": "fifths"}) == pytest.approx(steps / 6)
        assert differ == min(steps, 5)


def test_key_tables_are_symmetric_and_bounded() -> None:
    for table in KEY_DISTANCES.values():
        assert np.array_equal(table, table.T)
        assert not np.diag(table).any()
        assert (table.min(), table.max()) == (0, 1)


# --- timbre ---------------------------------------------------------------------------------------


def edged(start: np.ndarray, end: np.ndarray) -> TrackTable:
    return TrackTable.of([{"id": f"{i:03}"} for i in range(len(start))]).with_edges(
        start.astype(np.float32), end.astype(np.float32)
    )


def test_timbre_goes_from_the_end_of_one_to_the_start_of_the_next() -> None:
    rng = np.random.default_rng(0)
    start, end = rng.normal(size=(2, 40, 19))
    start[7] = end[3]
    start[5] = np.nan
    found = cost_matrix(edged(start, end), Rules(weights=Weights(**{**NONE, "timbre": 1.0})))
    assert found[3, 7] == pytest.approx(0, abs=2e-3)
    assert found[7, 3] > 0.3
    assert (found[:, 5] == NEUTRAL).all()
    distance = np.sqrt(((end[:, None] - start[None]) ** 2).mean(axis=2))
    known = ~np.isnan(distance) & (distance > 0.1)
    plain = distance / (distance + np.sqrt(2))
    np.testing.assert_allclose(found[known], plain[known], atol=1e-4)
    assert np.median(found) == pytest.approx(0.5, abs=0.02), "two random tracks"


def test_timbre_that_nobody_knows_counts_for_nothing(library: list[dict[str, Any]]) -> None:
    without = Rules(weights=Weights(timbre=0))
    assert np.array_equal(cost_matrix(library), cost_matrix(library, without))


# --- transitions ----------------------------------------------------------------------------------


def test_a_transition_in_words() -> None:
    tracks = [{"id": 1, **SURE}, {"id": 2, **SURE, "bpm": 125.5, "key": "E minor"}, {"id": 3, "bpm": None, "key": None}]
    table = TrackTable.of(tracks)
    first, second = transitions(tracks, table, Rules())
    assert (first.bpm_change, first.key_relation) == (5.5, "up a fifth")
    assert first.cost == pytest.approx(float(cost_matrix(table)[0, 1]), abs=1e-4)
    assert first.terms["key"] == pytest.approx(0.1)
    assert second == Transition(None, None, 0.5, {"tempo": 0.5, "key": 0.5, "energy": 0.5, "loudness": 0.5})
    assert transitions(tracks[:1], table, Rules()) == []
