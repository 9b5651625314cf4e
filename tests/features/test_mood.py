"""The formulas of mood stay in range, move the right way and cover the plane."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.features.mood import (
    CUES,
    MOODS,
    WEIGHTS,
    affect,
    danceability,
    mood_name,
    mood_of,
    moods_of,
    percent_ranks,
)

UNIT = st.floats(0, 1)
MAYBE = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6))

SOUND = {
    "loudness": -14.0,
    "onset_rate": 4.0,
    "spectral_centroid": 1800.0,
    "spectral_flatness": 0.01,
    "dynamic_complexity": 2.0,
    "tempo": 120.0,
    "tempo_confidence": 0.7,
    "beat_interval_std": 0.01,
    "key": 0.0,
    "key_strength": 0.85,
}


@given(inputs=st.fixed_dictionaries(dict.fromkeys(SOUND, MAYBE)), tempo=st.floats(20, 400), confidence=UNIT)
def test_all_values_are_in_range_or_missing(inputs: dict[str, float], tempo: float, confidence: float) -> None:
    inputs |= {"tempo": tempo, "tempo_confidence": confidence, "beat_interval_std": abs(inputs["beat_interval_std"])}
    found = affect(inputs)
    assert all(math.isnan(found[name]) or 0 <= found[name] <= 1 for name in (*WEIGHTS, "danceability"))
    assert math.isnan(found["mood"]) or found["mood"] in range(len(MOODS))


@given(valence=UNIT, arousal=UNIT)
def test_every_point_of_the_plane_has_exactly_one_mood(valence: float, arousal: float) -> None:
    inside = [i for i, region in enumerate(MOODS.values()) if (valence, arousal) in region]
    assert inside == [mood_of(valence, arousal)]


@pytest.mark.parametrize("formula", WEIGHTS)
def test_each_cue_moves_each_formula_by_the_sign_of_its_weight(formula: str) -> None:
    for cue, weight in WEIGHTS[formula].items():
        if cue == "major":
            more, less = SOUND, {**SOUND, "key": 12.0}
        else:
            name = CUES[cue].descriptor
            more = {**SOUND, name: SOUND[name] + abs(SOUND[name]) / 4}
            less = SOUND
        assert math.copysign(1, affect(more)[formula] - affect(less)[formula]) == math.copysign(1, weight), cue


def test_silence_has_no_mood() -> None:
    assert all(math.isnan(value) for value in affect({**SOUND, "loudness": math.nan}).values())


def test_without_key_and_tempo_valence_is_unknown_but_energy_is_not() -> None:
    unknown = {"key": math.nan, "key_strength": math.nan, "tempo": math.nan, "tempo_confidence": math.nan}
    found = affect({**SOUND, **unknown})
    assert math.isnan(found["valence"])
    assert math.isnan(found["mood"])
    assert math.isnan(found["danceability"])
    assert 0 < found["energy"] < 1


def test_a_clear_regular_beat_at_a_walking_pace_is_danceable() -> None:
    assert danceability(120, 0.9, 0.005) > 0.9
    assert danceability(120, 0.9, 0.1) < danceability(120, 0.9, 0.01)
    assert danceability(60, 0.9, 0.01) < danceability(120, 0.9, 0.01)
    assert danceability(120, 0.2, 0.01) < danceability(120, 0.9, 0.01)


@given(values=st.lists(st.one_of(UNIT, st.just(math.nan)), max_size=40), among=st.lists(UNIT, max_size=40))
def test_a_rank_is_the_part_below_and_half_of_the_equal(values: list[float], among: list[float]) -> None:
    for ranks, compared in ((percent_ranks(values), values), (percent_ranks(values, among), among)):
        known = [value for value in compared if not math.isnan(value)]
        for value, rank in zip(values, ranks.tolist(), strict=True):
            below, equal = sum(other < value for other in known), sum(other == value for other in known)
            expected = math.nan if math.isnan(value) else (below + equal / 2) / max(len(known), 1)
            np.testing.assert_allclose(rank, expected)


def test_on_a_narrow_scale_ranks_tell_moods_apart() -> None:
    """Music of one kind has one mood by its values, and many by its ranks."""
    rng = np.random.default_rng(1)
    valence, arousal = rng.uniform(0.52, 0.56, (2, 300))
    assert {mood_name(*point) for point in zip(valence, arousal, strict=True)} == {"neutral"}
    ranks = zip(percent_ranks(valence), percent_ranks(arousal), strict=True)
    assert {mood_name(*point) for point in ranks} == set(MOODS)
    assert mood_name(math.nan, 0.5) is None


@given(st.lists(st.tuples(*[st.one_of(st.floats(0, 1), st.sampled_from([0.4, 0.6, 1.0, math.nan]))] * 2)))
def test_the_moods_of_many_points_are_those_of_each(points: list[tuple[float, float]]) -> None:
    valence, arousal = np.array(points, dtype=np.float64).reshape(-1, 2).T
    np.testing.assert_array_equal(moods_of(valence, arousal), [mood_of(*point) for point in points])
