"""Filter banks equal librosa's; the sparse product equals the dense one."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.fft
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from workbench.features import filters


@pytest.mark.parametrize(("sr", "n_fft", "n_mels"), [(22050, 2048, 128), (22050, 2048, 64), (16000, 1024, 40)])
def test_the_mel_bank_is_librosas(sr: int, n_fft: int, n_mels: int) -> None:
    ours = filters.mel_bank(sr, n_fft, n_mels)
    np.testing.assert_allclose(ours, librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels), atol=1e-7)


@pytest.mark.parametrize("tuning", [0.0, 0.21, -0.5])
def test_the_chroma_bank_is_librosas(tuning: float) -> None:
    ours = filters.chroma_bank(22050, 2048, tuning)
    np.testing.assert_allclose(ours, librosa.filters.chroma(sr=22050, n_fft=2048, tuning=tuning), atol=1e-7)


def test_the_mel_scale_turns_back() -> None:
    hz = np.array([0.0, 60.0, 999.0, 1000.0, 1001.0, 11025.0])
    np.testing.assert_allclose(filters.hz_to_mel(hz), librosa.hz_to_mel(hz))
    np.testing.assert_allclose(filters.mel_to_hz(filters.hz_to_mel(hz)), hz, atol=1e-9)


def test_the_window_and_the_cosine_transform_are_scipys() -> None:
    np.testing.assert_allclose(filters.hann(2048), scipy.signal.get_window("hann", 2048), atol=1e-7)
    x = np.random.default_rng(0).standard_normal((5, 128))
    np.testing.assert_allclose(x @ filters.dct_bank(128, 20).T, scipy.fft.dct(x, norm="ortho")[:, :20], atol=1e-5)


@given(n_filters=st.integers(1, 40), n_frames=st.integers(1, 9), seed=st.integers(0, 99))
def test_a_sparse_product_is_the_dense_one(n_filters: int, n_frames: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bank = (rng.random((n_filters, 60)) * (rng.random((n_filters, 60)) > 0.8)).astype(np.float32)
    S = rng.random((60, n_frames)).astype(np.float32)
    found = filters.SparseBank.of(bank).apply(S)
    np.testing.assert_allclose(found, bank @ S, rtol=1e-5, atol=1e-5)


def test_k_weighting_has_the_coefficients_of_the_standard_at_48_khz() -> None:
    shelf, highpass = filters.k_weighting(48000)
    np.testing.assert_allclose(shelf[:3], [1.53512485958697, -2.69169618940638, 1.19839281085285], atol=1e-8)
    np.testing.assert_allclose(shelf[4:], [-1.69065929318241, 0.73248077421585], atol=1e-8)
    np.testing.assert_allclose(highpass, [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621], atol=1e-8)


def test_k_weighting_leaves_the_shelf_out_beyond_the_nyquist_frequency() -> None:
    assert filters.k_weighting(3000).shape == (1, 6)


def test_channels_that_the_standard_does_not_know_count_alike() -> None:
    assert filters.channel_weights(1).tolist() == [1.0]
    assert filters.channel_weights(8).tolist() == [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41]
    assert filters.channel_weights(64).tolist() == [1.0] * 64


def test_cached_banks_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        filters.mel_bank(22050, 2048, 64)[0] = 1
