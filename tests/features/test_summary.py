"""Running statistics equal those of the whole, however the rows are cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.features import summary
from workbench.features.summary import STATISTICS, Median, Moments, Pool, Segments, WeightedMoments

TABLES = hnp.arrays(np.float32, st.tuples(st.just(3), st.integers(1, 40)), elements=st.floats(-1e3, 1e3, width=32))


def plain(table: np.ndarray) -> dict[str, np.ndarray]:
    """The definition."""
    x = table.astype(float)
    change = np.abs(np.diff(x, axis=1)) if x.shape[1] > 1 else np.zeros((len(x), 1))
    axis = {"axis": 1}
    return {
        "mean": x.mean(**axis), "std": x.std(**axis), "min": x.min(**axis), "max": x.max(**axis),
        "dmean": change.mean(**axis), "dstd": change.std(**axis),
    }  # fmt: skip


@given(table=TABLES, at=st.lists(st.integers(0, 40), max_size=4))
def test_moments_are_those_of_the_whole(table: np.ndarray, at: list[int]) -> None:
    moments = Moments(3)
    for piece in np.split(table, sorted(min(a, table.shape[1]) for a in at), axis=1):
        moments.push(piece)
    found = moments.result()
    for name, expected in plain(table).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-6, atol=1e-3, err_msg=name)


def test_a_small_deviation_from_a_large_mean_is_not_lost() -> None:
    table = (1e4 + np.random.default_rng(0).standard_normal((1, 1000))).astype(np.float32)
    moments = Moments(1)
    for piece in np.split(table, 10, axis=1):
        moments.push(piece)
    np.testing.assert_allclose(moments.result()["std"], table.astype(float).std(), rtol=1e-9)


RMS = st.floats(0, 1e3, width=32)


@given(table=TABLES, rms=hnp.arrays(np.float32, 40, elements=RMS), at=st.lists(st.integers(0, 40), max_size=4))
def test_weighted_moments_are_those_of_the_whole(table: np.ndarray, rms: np.ndarray, at: list[int]) -> None:
    n = table.shape[1]
    moments = WeightedMoments(3)
    for start, stop in pairwise([0, *sorted(min(a, n) for a in at), n]):
        moments.push(np.ascontiguousarray(table[:, start:stop]), rms[start:stop])
    found = moments.result()
    energy = rms[:n].astype(float) ** 2
    if not energy.any():
        assert np.isnan(found).all()
        return
    x = table.astype(float)
    mean = np.average(x, weights=energy, axis=1)
    std = np.sqrt(np.average((x - mean[:, None]) ** 2, weights=energy, axis=1))
    np.testing.assert_allclose(found, [mean, std], rtol=1e-6, atol=1e-3)


def test_a_pause_counts_for_nothing() -> None:
    """However far from what sounds the values of silence are."""
    sound = (1e-3 * np.random.default_rng(0).standard_normal((1, 100))).astype(np.float32)
    table = np.concatenate((np.full((1, 50), -1000, np.float32), sound), axis=1)
    moments = WeightedMoments(1)
    for piece, rms in zip(np.split(table, 3, axis=1), np.split(np.repeat([0, 1], [50, 100]), 3), strict=True):
        moments.push(np.ascontiguousarray(piece), rms.astype(np.float32))
    np.testing.assert_allclose(moments.result()[:, 0], [sound.mean(), sound.astype(float).std()], rtol=1e-5)


@given(n=st.integers(1, 90), at=st.lists(st.integers(0, 90), max_size=6))
def test_medians_are_exact_for_short_tables_and_of_even_samples_for_long_ones(n: int, at: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary, "MEDIAN_FRAMES", 16)
        table = np.random.default_rng(n).standard_normal((2, n)).astype(np.float32)
        median = Median(2)
        for piece in np.split(table, sorted(min(a, n) for a in at), axis=1):
            median.push(piece)
        stride = next(s for s in (1, 2, 4, 8) if -(-n // s) <= 16)
        np.testing.assert_allclose(median.result(), np.median(table[:, ::stride], axis=1), rtol=1e-6)


@given(n=st.integers(1, 300), at=st.lists(st.integers(0, 300), max_size=5), rest=st.integers(0, 511))
def test_segments_are_means_of_the_frames_of_each_second(n: int, at: list[int], rest: int) -> None:
    length, hop = 2205, 512
    table = np.random.default_rng(n).random((2, n)).astype(np.float32)
    segments = Segments(2, length, hop)
    for piece in np.split(table, sorted(min(a, n) for a in at), axis=1):
        segments.push(piece)
    n_samples = (n - 1) * hop + rest
    index = np.arange(n) * hop // length
    last = index[-1]
    if last and 2 * (n_samples - last * length) < length:
        index[index == last] = last - 1
    expected = np.stack([table[:, index == k].mean(axis=1) for k in range(index[-1] + 1)])
    np.testing.assert_allclose(segments.result(n_samples), expected, rtol=1e-5)


def test_a_pool_keeps_what_it_is_asked_for() -> None:
    pool = Pool({"plain": (), "table": (2, 3)}, {"table"}, {"table", "plain"}, 1024, 512)
    rng = np.random.default_rng(0)
    values = {"table": rng.random((2, 3, 8)).astype(np.float32), "plain": rng.random(8).astype(np.float32)}
    for start, stop in ((0, 3), (3, 3), (3, 8)):
        pool.push({name: array[..., start:] for name, array in values.items()}, stop - start)
    frames = pool.frames()
    assert np.array_equal(frames["table"], np.moveaxis(values["table"], -1, 0))
    assert np.array_equal(frames["plain"], values["plain"])
    summaries = pool.summaries()
    assert {name: array.shape for name, array in summaries.items()} == {"table": (7, 2, 3), "plain": (7,)}
    np.testing.assert_allclose(summaries["plain"][STATISTICS.index("median")], np.median(values["plain"]), rtol=1e-6)
    segments = pool.segments(8 * 512)
    assert list(segments) == ["table"]
    expected = np.moveaxis(values["table"].reshape(2, 3, 4, 2).mean(axis=3), -1, 0)
    np.testing.assert_allclose(segments["table"], expected, rtol=1e-6)
