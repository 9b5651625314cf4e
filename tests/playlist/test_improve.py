"""The compiled moves against their plain definitions."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.playlist.plain_order import Posed, plain_order, plain_regrown, posed
from workbench.playlist.improve import _regrow, regrow, reorder
from workbench.playlist.order import Problem, _improve, _moves


def everywhere(n: int) -> np.ndarray:
    """Every position has changed."""
    return np.ones(n, dtype=bool)


def full_cost(given_: Posed, sequence: np.ndarray) -> float:
    """What a sequence costs, and that it lacks what is required."""
    return given_.problem.cost(sequence) - float(given_.problem.bonus[sequence].sum())


def assert_valid(given_: Posed, sequence: np.ndarray) -> None:
    """Different candidates, and what is fixed in its place."""
    assert len(set(sequence.tolist())) == given_.problem.n
    assert {p: int(sequence[p]) for p in given_.problem.fixed} == given_.problem.fixed


@settings(max_examples=80, deadline=None)
@given(given_=posed(grids=(1_000_003,)), window=st.integers(1, 9))
def test_an_order_is_the_plain_one(given_: Posed, window: int) -> None:
    moves, found = _moves(min(window, given_.problem.n)), given_.sequence.copy()
    start = int(given_.rng.integers(0, given_.problem.n - moves.shape[1] + 1))
    reorder(given_.problem.arrays, found, start, moves)
    np.testing.assert_array_equal(found, plain_order(given_.problem, given_.sequence, start, moves))


@settings(max_examples=80, deadline=None)
@given(given_=posed())
def test_a_choice_is_the_plain_one(given_: Posed) -> None:
    problem, found, expected = given_.problem, given_.sequence.copy(), given_.sequence.copy()
    for position in range(problem.n):
        expected = plain_regrown(problem, expected, position, position + 1, 1)
    regrow(problem.arrays, found, problem.bonus > 0, everywhere(problem.n), 1, 1, 1)
    assert_valid(given_, found)
    assert full_cost(given_, found) == pytest.approx(full_cost(given_, expected))


@settings(max_examples=120, deadline=None)
@given(given_=posed(), width=st.sampled_from([1, 4, 30]))
def test_a_stretch_costs_no_more_than_a_plain_one(given_: Posed, width: int) -> None:
    """It does not follow what cannot become cheaper, so that a narrow beam holds more of what can."""
    problem, found = given_.problem, given_.sequence.copy()
    start = int(given_.rng.integers(0, problem.n))
    stop = int(given_.rng.integers(start + 1, problem.n + 1))
    _regrow(problem.arrays, found, problem.bonus > 0, start, stop, width)
    assert_valid(given_, found)
    outside = np.r_[0:start, stop : problem.n]
    np.testing.assert_array_equal(found[outside], given_.sequence[outside])
    expected = plain_regrown(problem, given_.sequence, start, stop, width)
    assert full_cost(given_, found) <= full_cost(given_, expected) + 1e-6


@settings(max_examples=60, deadline=None)
@given(given_=posed(), length=st.integers(1, 5), step=st.integers(1, 3))
def test_each_stretch_has_its_turn_where_something_has_changed(given_: Posed, length: int, step: int) -> None:
    problem, n = given_.problem, given_.problem.n
    length, changed = min(length, n), given_.rng.random(n) < 0.3
    found, expected = given_.sequence.copy(), given_.sequence.copy()
    regrow(problem.arrays, found, problem.bonus > 0, changed, length, step, 8)
    for start in sorted({*range(0, n - length + 1, step), n - length}):
        if changed[max(0, start - 1) : start + length + 1].any():
            _regrow(problem.arrays, expected, problem.bonus > 0, start, start + length, 8)
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=60, deadline=None)
@given(given_=posed())
def test_no_order_is_better_than_the_improved_one(given_: Posed) -> None:
    problem, found = given_.problem, given_.sequence.copy()
    _improve(problem, found, everywhere(problem.n))
    assert_valid(given_, found)
    assert full_cost(given_, found) <= full_cost(given_, given_.sequence) + 1e-9
    np.testing.assert_array_equal(plain_order(problem, found, 0, _moves(problem.n)), found)


def test_where_nothing_has_changed_nothing_is_tried() -> None:
    problem = Problem(np.eye(3, dtype=np.float32), np.arange(6.0).reshape(2, 3)[:, ::-1])
    worst, better = np.array([0, 1]), np.array([0, 1])
    _improve(problem, worst, ~everywhere(2))
    assert worst.tolist() == [0, 1]
    _improve(problem, better, everywhere(2))
    assert problem.cost(better) < problem.cost(worst)


FIRST_PLAYLIST = """
import sys
import subprocess
import sys

import numpy as np
from workbench.playlist.order import Problem, solve
for seed in range(2):
    rng = np.random.default_rng(seed)
    solve(Problem(rng.random((20, 20)).astype(np.float32), rng.random((6, 20))))
print(*sorted({"numba.np.linalg", "scipy.linalg"} & set(sys.modules)))
"""


def test_what_was_compiled_is_loaded_without_the_compilers_linear_algebra() -> None:
    """It would take three times as long; see `workbench.compiled`."""
    command = [sys.executable, "-c", FIRST_PLAYLIST]
    for _ in range(2):  # the first one may compile
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
