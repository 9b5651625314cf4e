"""Rows that are added behind others."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workbench.growing import Growing


@given(st.lists(st.lists(st.integers(-9, 9)), min_size=1))
def test_it_holds_all_that_was_added_and_changes_nothing_that_was_given(pieces: list[list[int]]) -> None:
    first, *others = (np.array([[value, -value] for value in piece], dtype=np.int8).reshape(-1, 2) for piece in pieces)
    first.setflags(write=False)  # as of a file that is mapped
    growing = Growing(first)
    given_out = [growing.rows, *map(growing.add, others)]
    everything = np.concatenate([first, *others])
    np.testing.assert_array_equal(growing.rows, everything)
    assert len(growing) == len(everything)
    for rows in given_out:
        np.testing.assert_array_equal(rows, everything[: len(rows)])
    assert [len(rows) for rows in given_out] == np.cumsum([len(piece) for piece in pieces]).tolist()
