"""The search: valid sequences, held positions, and costs that compare with the best there is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.playlist.compatibility import TrackTable
from workbench.playlist.order import WINDOW, Problem, solve

Maker = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def problem(make_tracks: Maker) -> Callable[..., Problem]:
    """Give the maker of problems."""

    def make(size: int, n: int, seed: int = 0, **more: Any) -> Problem:
        return Problem(TrackTable.of(make_tracks(size, seed)), n, **more)

    return make


@pytest.mark.parametrize("n", [0, 1, 2, 5, 30, WINDOW + 20])
@pytest.mark.parametrize("curve", [False, True])
def test_a_solution_is_n_different_candidates(problem: Callable[..., Problem], n: int, curve: bool) -> None:
    asked = problem(80, n, targets=np.linspace(0, 1, n) if curve else None)
    sequence = solve(asked)
    assert len(set(sequence.tolist())) == n
    assert solve(asked).tolist() == sequence.tolist()


def test_too_few_candidates_are_the_callers_mistake(problem: Callable[..., Problem]) -> None:
    with pytest.raises(ValueError, match="5 positions, but only 4 candidates"):
        solve(problem(4, 5))


@pytest.mark.parametrize("fixed", [{0: 7}, {9: 7}, {0: 7, 9: 3}, {4: 7}, {0: 1, 4: 7, 9: 2}])
def test_fixed_positions_are_kept(problem: Callable[..., Problem], fixed: dict[int, int]) -> None:
    sequence = solve(problem(40, 10, fixed=fixed))
    assert {position: int(sequence[position]) for position in fixed} == fixed
    assert len(set(sequence.tolist())) == 10


@pytest.mark.parametrize("seed", range(12))
def test_short_orders_are_the_best_there_is(problem: Callable[..., Problem], seed: int) -> None:
    asked = problem(6, 6, seed, targets=np.linspace(0.2, 0.8, 6) if seed % 2 else None)
    best = min(asked.cost(np.array(order)) for order in itertools.permutations(range(6)))
    assert asked.cost(solve(asked)) == pytest.approx(best, abs=1e-4)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 40), curve=st.booleans())
def test_no_random_order_is_better(problem: Callable[..., Problem], seed: int, n: int, curve: bool) -> None:
    asked = problem(60, n, seed, targets=np.linspace(1, 0, n) if curve else None)
    sequence = solve(asked)
    found = asked.cost(sequence)
    rng = np.random.default_rng(seed)
    assert all(found <= asked.cost(rng.permutation(sequence)) + 1e-4 for _ in range(50))


def test_it_comes_near_the_optimum_over_choice_and_order(problem: Callable[..., Problem]) -> None:
    """Every choice and order of 5 of 9 candidates, on ten libraries: at most 5 % above the best, on average 1 %."""
    excess = []
    for seed in range(10):
        asked = problem(9, 5, seed)
        best = min(asked.cost(np.array(order)) for order in itertools.permutations(range(9), 5))
        excess.append(asked.cost(solve(asked)) / best - 1)
    assert max(excess) <= 0.05
    assert np.mean(excess) <= 0.01


def test_the_total_duration_is_met(problem: Callable[..., Problem]) -> None:
    durations = np.random.default_rng(5).uniform(60, 400, 200)
    asked = problem(200, 12, durations=durations, wanted_s=3000.0, tolerance_s=20.0)
    assert abs(asked.total_s(solve(asked)) - 3000) <= 20


def test_a_preference_decides_among_equals(make_tracks: Maker) -> None:
    table = TrackTable.of(make_tracks(1) * 10)
    preference = np.linspace(1, 0, 10)
    assert sorted(solve(Problem(table, 3, preference=preference)).tolist()) == [7, 8, 9]
