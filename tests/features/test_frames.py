"""Blocks and frames do not depend on how a stream is cut, and are librosa's."""

from __future__ import annotations

from itertools import pairwise

import librosa
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workbench.features.frames import Framer, Reblocker


def cut(y: np.ndarray, at: list[int]) -> list[np.ndarray]:
    """Cut a signal at positions."""
    edges = [0, *sorted(min(a, len(y)) for a in at), len(y)]
    return [y[a:b] for a, b in pairwise(edges)]


@given(n=st.integers(0, 500), at=st.lists(st.integers(0, 500), max_size=8), length=st.integers(1, 70))
def test_reblocked_rows_are_the_rows_that_came(n: int, at: list[int], length: int) -> None:
    rows = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    blocks = Reblocker(length)
    out = [b for piece in cut(rows, at) for b in blocks.push(piece)]
    assert all(len(b) == length for b in out)
    out += blocks.finish()
    assert np.array_equal(np.concatenate([np.empty((0, 2)), *out]), rows)


def test_a_block_whose_memory_is_used_again_does_no_harm() -> None:
    blocks, memory = Reblocker(4), np.zeros((6, 1), np.float32)
    first = [b.copy() for b in blocks.push(memory)]
    memory[:] = 9
    (rest,) = blocks.finish()
    assert not np.any(rest)
    assert len(first) == 1


@given(n=st.integers(1, 30000), at=st.lists(st.integers(0, 30000), max_size=6), block_frames=st.integers(1, 40))
def test_frames_are_librosas_whatever_the_cut(n: int, at: list[int], block_frames: int) -> None:
    y = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    framer = Framer(2048, 512, block_frames)
    blocks = [b for piece in cut(y, at) for b in framer.push(piece)] + list(framer.finish())
    padded = np.pad(y, 1024)
    expected = librosa.util.frame(padded, frame_length=2048, hop_length=512).T
    assert np.array_equal(np.concatenate([b.frames for b in blocks]), expected)
    assert framer.n_frames == 1 + n // 512 == sum(b.n_frames for b in blocks)
    assert framer.n_samples == n
    assert all(b.n_frames <= block_frames for b in blocks)


def test_borders_mark_where_the_signal_begins_and_has_ended() -> None:
    framer = Framer(2048, 512, 4)
    blocks = [*framer.push(np.ones(6000, np.float32)), *framer.finish()]
    assert blocks[0].borders == (1024,)
    assert blocks[-1].samples[blocks[-1].borders[-1] - 1] == 1
    assert blocks[-1].samples[blocks[-1].borders[-1]] == 0


def test_sums_over_frames_take_each_hop_once() -> None:
    (block,) = Framer(2048, 512, 100).push(np.ones(1024 + 512 * 99 + 1024, np.float32))
    np.testing.assert_allclose(block.frame_sums(block.hops.sum(axis=0)), block.frames.sum(axis=1))


def test_hops_are_the_samples_column_by_column_and_fill_the_block() -> None:
    y = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    framer = Framer(2048, 512, 100)
    (block,) = [*framer.push(y), *framer.finish()]
    assert block.hops.shape == (512, 16 + 3)  # ten frames, rounded up to 16
    n_hops = len(block.samples) // 512
    assert np.array_equal(block.hops[:, :n_hops].T.ravel(), block.samples)
    assert not block.hops[:, n_hops:].any()
