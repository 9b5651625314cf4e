"""Moments, entropy, decrease, peaks and fits are those of their formulas in numpy."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from tests.features.test_spectral import FREQUENCIES, SPECTRA
from workbench.features import moments, spectral

BIN_HZ = float(FREQUENCIES[1])


def silent(S: np.ndarray) -> np.ndarray:
    return ~S.any(axis=0)


@given(SPECTRA)
def test_skewness_and_kurtosis(S: np.ndarray) -> None:
    frequencies = FREQUENCIES[: len(S)]
    total = spectral.sum_of_bins(S)
    centroid = spectral.centroid(S, total, frequencies)
    spread = spectral.bandwidth(S, total, frequencies, centroid)
    found = moments.skewness_and_kurtosis(S, total, frequencies, centroid, spread)
    p = S.astype(float) / np.maximum(S.sum(axis=0, dtype=float), 1e-300)
    f = frequencies[:, None].astype(float)
    deviation = f - (p * f).sum(axis=0)
    scale = np.maximum(np.sqrt((p * deviation**2).sum(axis=0)), BIN_HZ)
    np.testing.assert_allclose(found[0], (p * deviation**3).sum(axis=0) / scale**3, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found[1], (p * deviation**4).sum(axis=0) / scale**4 - 3, rtol=1e-3, atol=1e-3)
    assert np.abs(found[0]).max() < len(S)


@given(SPECTRA)
def test_entropy(S: np.ndarray) -> None:
    p = S.astype(float) / np.maximum(S.sum(axis=0, dtype=float), 1e-300)
    expected = -(p * np.log2(np.where(p > 0, p, 1))).sum(axis=0)
    for scale in (1e-6, 1, 1e6):
        scaled = (S * np.float32(scale)).astype(np.float32)
        found = moments.entropy(scaled, spectral.sum_of_bins(scaled))
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-4)


@given(SPECTRA)
def test_decrease(S: np.ndarray) -> None:
    x = S.astype(float)
    steps = np.arange(1, len(S) - 1)[:, None]
    above = np.maximum(x[2:].sum(axis=0), 1e-6 * x.sum(axis=0))
    expected = ((x[2:] - x[1]) / steps).sum(axis=0) / np.where(above > 0, above, 1)
    found = moments.decrease(S, spectral.sum_of_bins(S))
    np.testing.assert_allclose(found, np.clip(expected, -10, 1), rtol=1e-3, atol=2e-3)


@given(SPECTRA)
def test_complexity_counts_peaks(S: np.ndarray) -> None:
    first, end = int(100 / BIN_HZ), int(5000 / BIN_HZ)
    middle = S[first:end]
    peaks = (middle > S[first - 1 : end - 1]) & (middle >= S[first + 1 : end + 1]) & (middle >= np.float32(0.5))
    np.testing.assert_array_equal(moments.complexity(S, BIN_HZ, 100.0), peaks.sum(axis=0))


@given(SPECTRA)
def test_strong_peak(S: np.ndarray) -> None:
    found = moments.strong_peak(S, np.float32(512))
    for t, spectrum in enumerate(S.T):
        top = 1 + int(spectrum[1:].argmax())
        if spectrum[top] == 0:
            assert found[t] == 0
            continue
        below = np.flatnonzero(spectrum < spectrum[top] / 2)
        low = max([int(k) + 1 for k in below if k < top] + [1])
        high = min([int(k) - 1 for k in below if k > top] + [len(S) - 1])
        expected = spectrum[top] / 512 / np.log10((high + 0.5) / (low - 0.5))
        np.testing.assert_allclose(found[t], expected, rtol=1e-4)


@given(SPECTRA)
def test_high_frequency_content(S: np.ndarray) -> None:
    expected = 10 * np.log10(np.maximum((S.astype(float) * np.arange(len(S))[:, None]).sum(axis=0), 1e-10))
    np.testing.assert_allclose(moments.high_frequency_content(S), expected, rtol=1e-4, atol=1e-4)


@given(SPECTRA)
def test_fits_are_numpys(S: np.ndarray) -> None:
    frequencies = FREQUENCIES[: len(S)]
    found = moments.poly_features(S, spectral.sum_of_bins(S), frequencies)
    line = np.polyfit(frequencies.astype(float), S.astype(float), 1)
    scale = S.max() + 1e-9
    np.testing.assert_allclose(found[0], S.mean(axis=0, dtype=float), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[1] * 11025, line[0] * 11025, rtol=1e-3, atol=1e-4 * scale)
    np.testing.assert_allclose(found[2], line[1], rtol=1e-3, atol=1e-4 * scale)
