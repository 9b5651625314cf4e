"""The exact search: what it calls optimal is the best of all sequences there are."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.playlist.exact import solve_exactly
from workbench.playlist.order import Problem, Spacing, groups_of

pytest.importorskip("ortools")


def problem(seed: int, **changes: Any) -> Problem:
    rng = np.random.default_rng(seed)
    size, n = 8, 5
    given: dict[str, Any] = {
        "pair": rng.random((size, size)).astype(np.float32),
        "place": np.zeros((n, size)),
        "spacings": (Spacing(groups_of(rng.integers(-1, 3, size)), int(rng.integers(1, 4)), 2.0),),
    }
    return Problem(**(given | changes))


def best_of_all(asked: Problem) -> float:
    costs = (
        asked.cost(np.array(order))
        for order in itertools.permutations(range(asked.size), asked.n)
        if asked.required <= set(order) and all(order[p] == i for p, i in asked.fixed.items())
    )
    return min(costs)


CHANGES: dict[str, dict[str, Any]] = {
    "free": {},
    "curve": {"place": np.random.default_rng(1).random((5, 8))},
    "ends": {"fixed": {0: 3, 4: 5}},
    "waypoint": {"fixed": {2: 3}},
    "required": {"required": frozenset({1, 6})},
    "required on a curve": {"required": frozenset({1, 6}), "place": np.random.default_rng(2).random((5, 8))},
    "minutes": {"durations": np.random.default_rng(3).uniform(60, 400, 8), "wanted_s": 900.0, "tolerance_s": 5.0},
    "minutes on a curve": {
        **{"durations": np.random.default_rng(3).uniform(60, 400, 8), "wanted_s": 900.0, "tolerance_s": 5.0},
        "place": np.random.default_rng(4).random((5, 8)),
    },
    "one": {"place": np.random.default_rng(1).random((1, 8))},
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", CHANGES)
def test_the_optimum_is_the_best_of_all(kind: str, seed: int) -> None:
    asked = problem(seed, **CHANGES[kind])
    found = solve_exactly(asked)
    best = best_of_all(asked)
    assert found.optimal
    assert found.cost == pytest.approx(best, abs=1e-4)
    assert found.bound == pytest.approx(best, abs=1e-4)
    assert asked.cost(found.sequence) == pytest.approx(found.cost)


def test_without_time_the_bound_is_still_a_bound() -> None:
    asked = problem(0, place=np.random.default_rng(7).random((5, 8)))
    found = solve_exactly(asked, time_limit_s=1e-9)
    assert found.bound <= best_of_all(asked) + 1e-4
    assert found.cost >= best_of_all(asked) - 1e-4


def test_without_the_extra_it_says_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python", None)
    with pytest.raises(InputError, match=r"audio-workbench\[exact\]"):
        solve_exactly(problem(0))
