"""The compiled beam against its plain definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.playlist.plain_order import Posed, plain_grow, posed
from workbench.playlist.order import Problem, _grow


@settings(max_examples=150, deadline=None)
@given(given_=posed(), width=st.sampled_from([1, 2, 8, 100]))
def test_it_is_the_plain_definition_to_the_bit(given_: Posed, width: int) -> None:
    problem, rng, n = given_.problem, given_.rng, given_.problem.n
    start = int(rng.integers(0, n))
    stop = int(rng.integers(start + 1, n + 1))
    sequence = given_.sequence.copy()
    held = np.isin(np.arange(start, stop), list(problem.fixed))
    sequence[start:stop] = np.where(held, sequence[start:stop], -1)
    banned = [*problem.fixed.values(), *(problem.required if rng.random() < 0.5 else ())]
    expected = plain_grow(problem, sequence, start, stop, width, banned=banned)
    found = _grow(problem, sequence, start, stop, width, banned=banned)
    np.testing.assert_array_equal(found, expected)


def test_there_may_be_nobody_left() -> None:
    problem = Problem(np.zeros((3, 3), dtype=np.float32), np.zeros((2, 3)))
    assert _grow(problem, np.array([0, -1]), 1, 2, 8, banned=[1, 2]).shape == (0, 2)
