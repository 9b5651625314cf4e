from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from workbench.audio import Resampler, downmix

RATES = [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000]


def resampled(y: np.ndarray, sr_in: int, sr_out: int, cuts: list[int]) -> np.ndarray:
    resampler = Resampler(sr_in, sr_out)
    blocks = [resampler.push(block) for block in np.split(y, sorted(cuts))]
    return np.concatenate([*blocks, resampler.flush()])


@given(
    sr_in=st.sampled_from(RATES),
    sr_out=st.sampled_from(RATES),
    length=st.integers(0, 8000),
    cuts=st.lists(st.integers(0, 8000), max_size=8),
    seed=st.integers(0, 2**32 - 1),
)
def test_blocks_of_any_size_give_what_the_whole_gives(
    sr_in: int, sr_out: int, length: int, cuts: list[int], seed: int
) -> None:
    y = np.random.default_rng(seed).uniform(-1, 1, length).astype(np.float32)
    whole = soxr.resample(y, sr_in, sr_out, "HQ") if length else y
    parts = resampled(y, sr_in, sr_out, [min(cut, length) for cut in cuts])
    assert parts.dtype == np.float32
    assert parts.shape == whole.shape
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_equal_rates_change_nothing() -> None:
    y = np.random.default_rng(1).uniform(-1, 1, 1000).astype(np.float32)
    resampler = Resampler(44100, 44100)
    assert resampler.push(y) is y
    assert resampler.flush().size == 0


def test_a_tone_stays_a_tone() -> None:
    t = np.arange(44100) / 44100
    y = resampled(np.sin(2 * np.pi * 1000 * t).astype(np.float32), 44100, 22050, [1, 5000, 5001])
    np.testing.assert_allclose(y[200:-200], np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)[200:-200], atol=1e-4)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 64])
def test_downmix_is_the_mean_of_the_channels(channels: int) -> None:
    block = np.random.default_rng(channels).uniform(-1, 1, (5000, channels)).astype(np.float32)
    mono = downmix(block)
    assert mono.dtype == np.float32
    assert mono.flags.c_contiguous
    np.testing.assert_allclose(mono, block.mean(axis=1, dtype=np.float64), atol=1e-6)
    np.testing.assert_array_equal(mono[100:107], downmix(block[100:107]))  # wherever the block is cut
