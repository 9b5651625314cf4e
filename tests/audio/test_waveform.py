"""Outlines against their plain definition, however the samples are cut into blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.audio.waveform import outline, reduce_outline
from workbench.errors import InputError


def plain(samples: np.ndarray, width: int) -> list[list[int]]:
    """The definition: spans of so many frames, lowest and highest of each over all channels."""
    return [
        [int(samples[i : i + width].min()), int(samples[i : i + width].max())] for i in range(0, len(samples), width)
    ]


@given(
    n=st.integers(1, 700),
    channels=st.integers(1, 3),
    cuts=st.lists(st.integers(0, 700), max_size=8),
    most=st.sampled_from([2, 8, 16, 64]),
    seed=st.integers(0, 1000),
)
def test_spans_are_equally_wide_and_hold_the_extremes(
    n: int, channels: int, cuts: list[int], most: int, seed: int
) -> None:
    samples = np.random.default_rng(seed).integers(-32767, 32768, (n, channels), dtype=np.int16)
    edges = sorted({0, n, *(cut for cut in cuts if cut < n)})
    found = outline((samples[a:b] for a, b in pairwise(edges)), most=most).tolist()
    assert 1 <= len(found) <= most
    widths = [width for width in (2**k for k in range(11)) if plain(samples, width) == found]
    assert widths
    assert n < most or len(found) > most // 4


def test_float_samples_are_scaled_and_clipped() -> None:
    block = np.array([[-1.0], [1.0], [2.0], [-2.0], [0.25]], dtype=np.float32)
    assert outline([block])[:, 0].tolist() == [-32767, 32767, 32767, -32767, 8192]
    assert outline([np.array([[-32768]], dtype=np.int16)]).tolist() == [[-32767, -32767]]
    assert outline([]).shape == (0, 2)


@given(n=st.integers(1, 300), points=st.integers(1, 400), seed=st.integers(0, 100))
def test_a_reduced_outline_loses_no_extreme(n: int, points: int, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-32767, 32768, (n, 1), dtype=np.int16)
    spans = outline([samples], most=1024)
    reduced = reduce_outline(spans, points)
    assert reduced.shape == (min(points, n), 2)
    starts = [i * n // len(reduced) for i in range(len(reduced))] + [n]
    for i, (low, high) in enumerate(reduced.tolist()):
        assert low == pytest.approx(samples[starts[i] : starts[i + 1]].min() / 32767, abs=1e-6)
        assert high == pytest.approx(samples[starts[i] : starts[i + 1]].max() / 32767, abs=1e-6)


def test_no_points_are_refused() -> None:
    with pytest.raises(InputError, match="points=0"):
        reduce_outline(np.zeros((1, 2), dtype=np.int16), 0)
