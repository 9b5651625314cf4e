"""Running statistics equal those of the whole, however the rows are cut."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.features.summary import Moments, Pool, Segments

ROWS = hnp.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(3)), elements=st.floats(-1e3, 1e3, width=32))


def plain(rows: np.ndarray) -> np.ndarray:
    """The definition."""
    change = np.abs(np.diff(rows.astype(float), axis=0)).mean(axis=0) if len(rows) > 1 else np.zeros(rows.shape[1])
    x = rows.astype(float)
    return np.stack((x.mean(axis=0), x.std(axis=0), x.min(axis=0), x.max(axis=0), change))


@given(rows=ROWS, at=st.lists(st.integers(0, 40), max_size=4))
def test_moments_are_those_of_the_whole(rows: np.ndarray, at: list[int]) -> None:
    moments = Moments()
    for piece in np.split(rows, sorted(min(a, len(rows)) for a in at)):
        moments.push(piece)
    np.testing.assert_allclose(moments.result(), plain(rows), rtol=1e-4, atol=1e-2)


def test_a_small_deviation_from_a_large_mean_is_not_lost() -> None:
    rows = (1e4 + np.random.default_rng(0).standard_normal((1000, 1))).astype(np.float32)
    moments = Moments()
    for piece in np.split(rows, 10):
        moments.push(piece)
    np.testing.assert_allclose(moments.result()[1], rows.astype(float).std(), rtol=1e-4)


@given(n=st.integers(1, 300), at=st.lists(st.integers(0, 300), max_size=5), rest=st.integers(0, 511))
def test_segments_are_means_of_the_frames_of_each_second(n: int, at: list[int], rest: int) -> None:
    length, hop = 2205, 512
    rows = np.random.default_rng(n).random((n, 2)).astype(np.float32)
    segments = Segments(length, hop)
    for piece in np.split(rows, sorted(min(a, n) for a in at)):
        segments.push(piece)
    n_samples = (n - 1) * hop + rest
    index = np.arange(n) * hop // length
    last = index[-1]
    if last and 2 * (n_samples - last * length) < length:
        index[index == last] = last - 1
    expected = np.stack([rows[index == k].mean(axis=0) for k in range(index[-1] + 1)])
    np.testing.assert_allclose(segments.result(n_samples), expected, rtol=1e-5)


def test_a_pool_keeps_what_it_is_asked_for() -> None:
    pool = Pool((2, 3), Segments(1024, 512), keep_frames=True)
    rows = np.random.default_rng(0).random((8, 2, 3)).astype(np.float32)
    pool.push(rows[:3])
    pool.push(rows[3:3])
    pool.push(rows[3:])
    assert np.array_equal(pool.frames(), rows)
    assert pool.summary().shape == (5, 2, 3)
    np.testing.assert_allclose(pool.segments(8 * 512), rows.reshape(4, 2, 2, 3).mean(axis=1), rtol=1e-6)
