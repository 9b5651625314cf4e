"""Costs of transitions: their scale, their symmetry, and what is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench.playlist.compatibility import (
    NEUTRAL,
    TrackTable,
    Transition,
    Weights,
    cost_matrix,
    cost_rows,
    transition,
)

SURE: dict[str, Any] = {
    **{"bpm": 120.0, "bpm_confidence": 1.0, "key": "A minor", "key_strength": 1.0},
    **{"energy": 0.5, "loudness_lufs": -14.0},
}
ONLY = {
    "tempo": Weights(1, 0, 0, 0),
    "key": Weights(0, 1, 0, 0),
    "energy": Weights(0, 0, 1, 0),
    "loudness": Weights(0, 0, 0, 1),
}


def cost(term: str, *, half_double: bool = False, first: dict[str, Any] | None = None, **second: Any) -> float:
    """Cost of one term between the sure track, changed by `first`, and one that differs by `second`."""
    pair = [{**SURE, **(first or {})}, {**SURE, **second}]
    return float(cost_matrix(pair, weights=ONLY[term], half_double=half_double)[0, 1])


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
    assert cost("tempo", bpm=60, half_double=True) == pytest.approx(0, abs=1e-5)
    assert cost("tempo", bpm=240, half_double=True) == pytest.approx(0, abs=1e-5)
    assert cost("tempo", bpm=121, half_double=True) == cost("tempo", bpm=121)


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
    assert np.array_equal(cost_rows(table, [5, 9]), matrix[[5, 9]])
    assert np.array_equal(cost_rows(table, 5), matrix[[5]])


def test_no_tracks_cost_nothing() -> None:
    assert cost_matrix([]).shape == (0, 0)


@pytest.mark.parametrize("weights", [Weights(0, 0, 0, 0), Weights(tempo=-1)])
def test_senseless_weights_are_refused(weights: Weights) -> None:
    with pytest.raises(ValueError, match="weights"):
        cost_matrix([SURE, SURE], weights=weights)


def test_a_transition_in_words() -> None:
    assert transition(SURE, {**SURE, "bpm": 125.5, "key": "E minor"}, 0.123456) == Transition(5.5, "up a fifth", 0.1235)
    assert transition(SURE, {"bpm": None, "key": None}, 0.5) == Transition(None, None, 0.5)
