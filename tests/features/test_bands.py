"""Bands hold the energy that they should, and their shape is that of the formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.features.sounds import SR
from workbench.features import bands, filters
from workbench.features.bands import BARK_EDGES_HZ, Bands

N_FFT = 2048


def energies(seed: int, n_bands: int, n_frames: int, spread: float) -> np.ndarray:
    """Energies over many orders of magnitude, some frames silent."""
    rng = np.random.default_rng(seed)
    power = 10 ** (spread * rng.standard_normal((n_bands, n_frames)))
    power[:, rng.random(n_frames) > 0.9] = 0
    return power.astype(np.float32)


@given(
    st.builds(
        energies, st.integers(0, 200), st.sampled_from([25, 40, 64]), st.integers(1, 70), st.sampled_from([0, 0.5, 3])
    )
)
def test_shape_is_that_of_the_formulas(power: np.ndarray) -> None:
    shape = Bands(power).shape
    x = np.maximum(power.astype(float), 1e-10)
    p, position = x / x.sum(axis=0), np.arange(len(x))[:, None]
    distance = position - (p * position).sum(axis=0)
    spread = (p * distance**2).sum(axis=0)
    scale = np.maximum(spread, 0.01)
    np.testing.assert_allclose(shape.crest, x.max(axis=0) / x.mean(axis=0), rtol=1e-4)
    flatness = np.log10(x).mean(axis=0) - np.log10(x.mean(axis=0))
    np.testing.assert_allclose(shape.flatness_db, 10 * flatness, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(shape.spread, spread, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(shape.skewness, (p * distance**3).sum(axis=0) / scale**1.5, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(shape.kurtosis, (p * distance**4).sum(axis=0) / scale**2 - 3, rtol=2e-3, atol=2e-3)


def test_every_bin_is_in_one_bark_band() -> None:
    power = np.random.default_rng(0).random((1025, 3)).astype(np.float32)
    found = bands.bark_bank(SR, N_FFT).apply(power)
    assert found.shape == (len(BARK_EDGES_HZ) - 1, 3)
    np.testing.assert_allclose(found.sum(axis=0), power.sum(axis=0), rtol=1e-5)
    frequencies = filters.fft_frequencies(SR, N_FFT)
    np.testing.assert_allclose(found[9], power[(frequencies >= 770) & (frequencies < 920)].sum(axis=0), rtol=1e-5)


def test_energy_bands_are_sums_of_their_bins() -> None:
    power = np.ones((1025, 1), np.float32)
    assert bands.energy_bank(SR, N_FFT).apply(power).ravel().tolist() == [12, 61, 297, 653]


def test_erb_bands_are_evenly_spaced_and_have_their_bandwidth() -> None:
    centres = bands.erb_centres(SR)
    scale = 21.4 * np.log10(1 + 4.37e-3 * centres)  # number of bandwidths below (Glasberg & Moore 1990)
    np.testing.assert_allclose(np.diff(scale), np.diff(scale)[0], rtol=1e-2)
    assert centres[0] == pytest.approx(50)
    assert centres[-1] < SR / 2
    # of white noise, a filter passes as much as a box of its equivalent rectangular bandwidth
    found = bands.erb_bank(SR, N_FFT).apply(np.ones((1025, 1), np.float32)).ravel() * SR / N_FFT
    inside = (centres > 300) & (centres < 5000)
    np.testing.assert_allclose(found[inside], 24.7 * (4.37e-3 * centres[inside] + 1), rtol=0.02)


def test_a_tone_is_loudest_in_its_band() -> None:
    spectrum = np.zeros((1025, 1), np.float32)
    spectrum[round(1000 * N_FFT / SR)] = 1
    assert BARK_EDGES_HZ[bands.bark_bank(SR, N_FFT).apply(spectrum).argmax()] == 920
    nearest = np.abs(bands.erb_centres(SR) - 1000).argmin()
    assert bands.erb_bank(SR, N_FFT).apply(spectrum).argmax() == nearest
