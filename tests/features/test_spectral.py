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


def spectra(seed: int, n_bins: int, n_frames: int, kind: str) -> np.ndarray:
    """Spectra of several shapes, some of them silent."""
    rng = np.random.default_rng(seed)
    S = rng.random((n_bins, n_frames)).astype(np.float32)
    if kind == "steep":
        S *= np.exp(-np.arange(n_bins) / 20).astype(np.float32)[:, None]
    if kind == "one":
        S *= (np.arange(n_bins) == rng.integers(n_bins))[:, None]
    S[:, rng.random(n_frames) > 0.9] = 0
    return S


SPECTRA = st.builds(
    spectra,
    st.integers(0, 200),
    st.sampled_from([1025, 1024, 513, 600]),
    st.integers(1, 70),
    st.sampled_from(["even", "steep", "one"]),
)


@given(SPECTRA)
def test_rolloff_is_the_first_bin_of_the_running_sum_that_reaches_85_percent(S: np.ndarray) -> None:
    running = np.cumsum(S, axis=0, dtype=np.float32)
    expected = FREQUENCIES[np.argmax(running >= np.float32(0.85) * running[-1], axis=0)]
    found = spectral.rolloff(S, spectral.sum_of_bins(S), FREQUENCIES[: len(S)])
    np.testing.assert_array_equal(found, expected)


@given(SPECTRA)
def test_moments_are_those_of_the_formula(S: np.ndarray) -> None:
    frequencies, x = FREQUENCIES[: len(S), None].astype(float), S.astype(float)
    total = np.maximum(x.sum(axis=0), 1e-300)
    centroids = (x * frequencies).sum(axis=0) / total
    spread = np.sqrt((x * (frequencies - centroids) ** 2).sum(axis=0) / total)
    sums = spectral.sum_of_bins(S)
    np.testing.assert_allclose(sums, x.sum(axis=0), rtol=1e-4)
    found = spectral.centroid(S, sums, FREQUENCIES[: len(S)])
    np.testing.assert_allclose(found, centroids, rtol=1e-4)
    np.testing.assert_allclose(spectral.bandwidth(S, sums, FREQUENCIES[: len(S)], found), spread, rtol=1e-3, atol=0.1)


@given(SPECTRA, st.sampled_from([1e-12, 1e-3, 1e9]))
def test_flatness_is_the_geometric_over_the_arithmetic_mean(S: np.ndarray, scale: float) -> None:
    power = (S * np.float32(scale)).astype(np.float32)
    floored = np.maximum(power.astype(float), 1e-10)
    expected = np.exp(np.log(floored).mean(axis=0)) / floored.mean(axis=0)
    np.testing.assert_allclose(spectral.flatness(power), expected, rtol=1e-4)


@given(SPECTRA)
def test_contrast_is_that_of_sorted_bands(S: np.ndarray) -> None:
    n_fft = 2 * (len(S) - 1)
    peaks, valleys = [], []
    for first, end, n in spectral.contrast_bands(22050, n_fft):
        band = np.sort(S[first:end], axis=0)
        peaks.append(band[-n:].mean(axis=0))
        valleys.append(band[:n].mean(axis=0))
    expected = spectral.power_to_db(np.array(peaks)) - spectral.power_to_db(np.array(valleys))
    np.testing.assert_allclose(spectral.contrast(S, 22050, n_fft), expected, rtol=1e-4, atol=1e-4)


def test_silence_gives_what_librosa_gives() -> None:
    S = np.zeros((1025, 3), np.float32)
    total = S.sum(axis=0)
    centroids = spectral.centroid(S, total, FREQUENCIES)
    assert not centroids.any()
    assert not spectral.bandwidth(S, total, FREQUENCIES, centroids).any()
    assert not spectral.rolloff(S, total, FREQUENCIES).any()
    assert not spectral.contrast(S, 22050, 2048).any()
    assert not spectral.Flux()(S, total, 3).any()
    np.testing.assert_allclose(spectral.flatness(S), 1.0, rtol=1e-5)


def test_a_narrow_spectrum_keeps_its_bandwidth_in_float32() -> None:
    S = np.zeros((1025, 1), np.float32)
    S[900:903, 0] = (1, 2, 1)
    total = S.sum(axis=0)
    found = spectral.bandwidth(S, total, FREQUENCIES, spectral.centroid(S, total, FREQUENCIES))
    np.testing.assert_allclose(found, np.sqrt(0.5) * (FREQUENCIES[901] - FREQUENCIES[900]), rtol=1e-3)


def test_flux_is_the_distance_of_unit_spectra_across_blocks() -> None:
    S = np.random.default_rng(0).random((1025, 10)).astype(np.float32)
    norm = np.linalg.norm(S, axis=0)
    expected = np.concatenate(([0.0], np.linalg.norm(np.diff(S / norm, axis=1), axis=0)))
    flux = spectral.Flux()
    found = [flux(S[:, a:b].copy(), norm[a:b], b - a) for a, b in ((0, 3), (3, 4), (4, 10))]
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-4, atol=1e-7)


def test_onset_strength_is_librosas_across_blocks() -> None:
    mel = np.random.default_rng(0).standard_normal((128, 50)).astype(np.float32) * 20
    expected = librosa.onset.onset_strength(S=mel)
    for edges in ([], [1], [2, 3], [7, 8, 30]):
        onset_strength = spectral.OnsetStrength(2048, 512)
        found = np.concatenate([onset_strength(piece, piece.shape[1]) for piece in np.split(mel, edges, axis=1)])
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_pulse_is_the_rise_in_groups_of_bands_without_a_delay() -> None:
    mel = np.random.default_rng(0).standard_normal((128, 50)).astype(np.float32)
    rise = np.maximum(np.diff(mel, axis=1, prepend=mel[:, :1]), 0) / 128
    expected = np.stack([group.sum(axis=0) for group in np.split(rise, (16, 101))], axis=1)
    pulse = spectral.OnsetStrength(2048, 512, (0, 16, 101))
    found = [pulse(piece, piece.shape[1]) for piece in np.split(mel, [1, 7], axis=1)]
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-4, atol=1e-6)


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
