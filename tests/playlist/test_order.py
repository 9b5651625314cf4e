"""The search: valid sequences, held positions, and costs that compare with the best there is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.playlist.compatibility import cost_matrix
from workbench.playlist.order import WINDOW, Problem, Spacing, greedy, groups_of, solve

Maker = Callable[..., list[dict[str, Any]]]


def curve(energies: np.ndarray, targets: np.ndarray | None, n: int) -> np.ndarray:
    """Place costs of a curve, nothing without one."""
    if targets is None:
        return np.zeros((n, len(energies)))
    return np.nan_to_num(np.abs(energies - targets[:, None]), nan=0.5)


@pytest.fixture(scope="session")
def problem(make_tracks: Maker) -> Callable[..., Problem]:
    """Give the maker of problems."""

    def make(size: int, n: int, seed: int = 0, targets: np.ndarray | None = None, **more: Any) -> Problem:
        tracks = make_tracks(size, seed)
        energies = np.array([track["energy"] for track in tracks], dtype=float)
        return Problem(cost_matrix([{**t, "id": f"{t['id']:05}"} for t in tracks]), curve(energies, targets, n), **more)

    return make


def plain_cost(asked: Problem, sequence: np.ndarray) -> float:
    """The cost by its definition, term by term."""
    steps = sum(float(asked.pair[a, b]) for a, b in itertools.pairwise(sequence))
    placed = sum(float(asked.place[p, i]) for p, i in enumerate(sequence))
    near = sum(
        spacing.cost * (1 + 1 / (q - p))
        for spacing in asked.spacings
        for p, q in itertools.combinations(range(len(sequence)), 2)
        if q - p <= spacing.gap and spacing.groups[sequence[p]] == spacing.groups[sequence[q]] >= 0
    )
    missed = 0.0
    if asked.durations is not None and asked.wanted_s is not None:
        missed = max(abs(sum(asked.durations[i] for i in sequence) - asked.wanted_s) - asked.tolerance_s, 0) / 60
    return steps + placed + near + missed


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 12), gap=st.integers(1, 5))
def test_the_cost_is_its_plain_definition(problem: Callable[..., Problem], seed: int, n: int, gap: int) -> None:
    rng = np.random.default_rng(seed)
    asked = problem(
        30, n, seed,
        targets=rng.random(n),
        spacings=(Spacing(groups_of(rng.integers(-1, 5, 30)), gap, 0.7),),
        durations=rng.uniform(60, 300, 30), wanted_s=200.0 * n, tolerance_s=10.0,
    )  # fmt: skip
    sequence = rng.permutation(30)[:n]
    assert asked.cost(sequence) == pytest.approx(plain_cost(asked, sequence), abs=1e-5)


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
    """Every choice and order of 5 of 9 candidates, on ten libraries."""
    for seed in range(10):
        asked = problem(9, 5, seed)
        best = min(asked.cost(np.array(order)) for order in itertools.permutations(range(9), 5))
        assert asked.cost(solve(asked)) <= best * 1.01


def test_it_is_never_worse_than_greed(problem: Callable[..., Problem]) -> None:
    for seed in range(10):
        asked = problem(60, 15, seed, targets=np.linspace(0, 1, 15) if seed % 2 else None)
        assert asked.cost(solve(asked)) < asked.cost(greedy(asked))


@pytest.mark.parametrize("fixed", [{}, {0: 7, 9: 3}])
def test_required_tracks_are_somewhere(problem: Callable[..., Problem], fixed: dict[int, int]) -> None:
    sequence = solve(problem(200, 10, fixed=fixed, required=frozenset({50, 60, 199})))
    assert {50, 60, 199} <= set(sequence.tolist())
    assert {position: int(sequence[position]) for position in fixed} == fixed
    everything = solve(problem(10, 10, required=frozenset(range(10))))
    assert sorted(everything.tolist()) == list(range(10))


@pytest.mark.parametrize("gap", [1, 3, 6])
def test_groups_are_spaced_where_that_is_possible(problem: Callable[..., Problem], gap: int) -> None:
    groups = groups_of(np.random.default_rng(gap).integers(-1, 10, 80))
    asked = problem(80, 30, spacings=(Spacing(groups, gap, 10.0),))
    sequence = solve(asked)
    assert plain_cost(asked, sequence) == pytest.approx(plain_cost(replace(asked, spacings=()), sequence))


def test_the_total_duration_is_met(problem: Callable[..., Problem]) -> None:
    durations = np.random.default_rng(5).uniform(60, 400, 200)
    asked = problem(200, 12, durations=durations, wanted_s=3000.0, tolerance_s=18.0)  # aimed inside, as `compose` does
    assert abs(asked.total_s(solve(asked)) - 3000) <= 20


def test_a_preference_decides_among_equals() -> None:
    place = np.tile(np.linspace(1, 0, 10), (3, 1))
    assert sorted(solve(Problem(np.zeros((10, 10), dtype=np.float32), place)).tolist()) == [7, 8, 9]
