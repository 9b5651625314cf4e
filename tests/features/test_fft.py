"""Power spectra of a block are those of numpy's FFT, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.features import filters
from workbench.features.fft import PowerSpectrum


def check(found: np.ndarray, frames: np.ndarray, n_fft: int) -> None:
    """Compare with the definition in float64, to the precision of float32."""
    expected = np.abs(np.fft.rfft(frames.astype(np.float64), n_fft, axis=0)) ** 2
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6 * max(expected.max(), 1e-30))


@given(exponent=st.integers(3, 13), n_frames=st.integers(1, 300), share=st.floats(0.1, 1.0), seed=st.integers(0, 99))
def test_windows_at_each_sample(exponent: int, n_frames: int, share: float, seed: int) -> None:
    n_fft, rng = 1 << exponent, np.random.default_rng(seed)
    n = max(int(share * n_fft), 1)
    y, window = rng.standard_normal(n + n_frames - 1).astype(np.float32), rng.random(n).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(y, n).T * window[:, None]
    check(PowerSpectrum(n_fft).of_hops(y[np.newaxis], window), frames, n_fft)


@pytest.mark.parametrize(("n_fft", "hop_length"), [(2048, 512), (8192, 2048), (64, 64), (64, 16)])
def test_overlapping_frames(n_fft: int, hop_length: int) -> None:
    y = np.random.default_rng(0).standard_normal(n_fft + 20 * hop_length).astype(np.float32)
    hops = np.ascontiguousarray(y[: len(y) // hop_length * hop_length].reshape(-1, hop_length).T)
    n_frames = hops.shape[1] - n_fft // hop_length + 1
    frames = np.lib.stride_tricks.sliding_window_view(y, n_fft)[::hop_length][:n_frames].T
    found = PowerSpectrum(n_fft).of_hops(hops, filters.hann(n_fft))
    check(found, frames * filters.hann(n_fft)[:, None], n_fft)


def test_a_result_is_not_written_over_by_the_next() -> None:
    spectrum, one = PowerSpectrum(16), np.ones(16, np.float32)
    first = spectrum.of_hops(np.ones((1, 17), np.float32), one)
    spectrum.of_hops(np.zeros((1, 17), np.float32), one)
    assert first[0, 0] == 256
