"""Kernels against their definitions where the parity tests do not reach: silence, borders, block edges."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.features import spectral
from workbench.features.frames import Framer

FREQUENCIES = np.linspace(0, 11025, 1025).astype(np.float32)


@given(
    seed=st.integers(0, 200),
    n_bins=st.sampled_from([1025, 1024, 33, 65]),
    kind=st.sampled_from(["even", "steep", "one"]),
)
def test_rolloff_is_the_first_bin_of_the_running_sum_that_reaches_85_percent(seed: int, n_bins: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    S = rng.random((6, n_bins)).astype(np.float32)
    if kind == "steep":
        S *= np.exp(-np.arange(n_bins) / 20).astype(np.float32)
    if kind == "one":
        S *= np.arange(n_bins) == rng.integers(n_bins)
    running = np.cumsum(S.astype(np.float64), axis=1)
    expected = np.argmax(running >= 0.85 * running[:, -1:], axis=1)
    found = np.searchsorted(FREQUENCIES[:n_bins], spectral.rolloff(S, FREQUENCIES[:n_bins]))
    assert np.abs(found - expected).max() <= 1


def test_silence_gives_what_librosa_gives() -> None:
    S = np.zeros((3, 1025), np.float32)
    total = S.sum(axis=1)
    centroids = spectral.centroid(S, total, FREQUENCIES)
    assert not centroids.any()
    assert not spectral.bandwidth(S, total, FREQUENCIES, centroids).any()
    assert not spectral.rolloff(S, FREQUENCIES).any()
    assert not spectral.contrast(S, 22050, 2048).any()
    assert not spectral.Flux()(S).any()
    np.testing.assert_allclose(spectral.flatness(S), 1.0, rtol=1e-5)


def test_a_narrow_spectrum_keeps_its_bandwidth_in_float32() -> None:
    S = np.zeros((1, 1025), np.float32)
    S[0, 900:903] = (1, 2, 1)
    total = S.sum(axis=1)
    found = spectral.bandwidth(S, total, FREQUENCIES, spectral.centroid(S, total, FREQUENCIES))
    np.testing.assert_allclose(found, np.sqrt(0.5) * (FREQUENCIES[901] - FREQUENCIES[900]), rtol=1e-3)


def test_flux_is_the_distance_of_unit_spectra_across_blocks() -> None:
    S = np.random.default_rng(0).random((10, 1025)).astype(np.float32)
    unit = S / np.linalg.norm(S, axis=1, keepdims=True)
    expected = np.concatenate(([0.0], np.linalg.norm(np.diff(unit, axis=0), axis=1)))
    flux = spectral.Flux()
    np.testing.assert_allclose(np.concatenate([flux(S[:3]), flux(S[3:4]), flux(S[4:])]), expected, rtol=1e-4)


def test_onset_strength_is_librosas_across_blocks() -> None:
    mel = np.random.default_rng(0).standard_normal((50, 128)).astype(np.float32) * 20
    expected = librosa.onset.onset_strength(S=mel.T)
    for edges in ([], [1], [2, 3], [7, 8, 30]):
        onset_strength = spectral.OnsetStrength(2048, 512)
        found = np.concatenate([onset_strength(piece) for piece in np.split(mel, edges)])
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("offset", [0.5, -0.5, 0.0])
def test_the_borders_of_a_signal_are_no_zero_crossings(offset: float) -> None:
    y = (np.random.default_rng(1).standard_normal(5000) * 0.4 + offset).astype(np.float32)
    framer = Framer(2048, 512, 3)
    blocks = [*framer.push(y), *framer.finish()]
    found = np.concatenate([spectral.zero_crossing_rate(b) for b in blocks])
    np.testing.assert_allclose(found, librosa.feature.zero_crossing_rate(y)[0], rtol=1e-6)


def test_decibels_have_a_floor_and_no_ceiling() -> None:
    S = np.array([[0.0, 1e-12, 1.0, 1e10]], np.float32)
    np.testing.assert_allclose(spectral.power_to_db(S), librosa.power_to_db(S, top_db=None), atol=1e-4)
