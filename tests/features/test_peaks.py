"""Spectral peaks, dissonance and salience against their plain definitions and against what is known of tones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from tests.features.sounds import SR, noise, tone
from tests.features.test_spectral import SPECTRA
from workbench.features import extract
from workbench.features.peaks import PitchSalience, dissonance, spectral_peaks

BIN_HZ = SR / 2048


def spectrum_of(y: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.rfft(y[:2048] * np.hanning(2049)[:-1]))[:, None].astype(np.float32)


@given(SPECTRA)
def test_the_highest_peaks_are_found_in_their_order(S: np.ndarray) -> None:
    frequencies, heights = spectral_peaks(S, BIN_HZ, 8)
    first, end = int(40 / BIN_HZ), int(5000 / BIN_HZ)
    for t, x in enumerate(S.T):
        floor = x[first:end].max() * np.float32(1e-3)
        peaks = [k for k in range(first, end) if x[k] > x[k - 1] and x[k] >= x[k + 1] and x[k] > floor]
        kept = sorted(sorted(peaks, key=lambda k: -x[k])[:8])
        n = len(kept)
        np.testing.assert_array_equal(heights[:n, t], x[kept])
        assert not heights[n:, t].any()
        assert not frequencies[n:, t].any()
        assert np.all(np.abs(frequencies[:n, t] / BIN_HZ - kept) <= 0.5001)


@pytest.mark.parametrize("hz", [60.3, 441.7, 1234.5, 4321.0])
def test_the_frequency_of_a_sine_is_exact(hz: float) -> None:
    frequencies, heights = spectral_peaks(spectrum_of(np.sin(2 * np.pi * hz * np.arange(2048) / SR)), BIN_HZ)
    assert frequencies[heights[:, 0].argmax(), 0] == pytest.approx(hz, abs=0.2)


@given(SPECTRA)
def test_dissonance_is_the_sum_over_pairs(S: np.ndarray) -> None:
    peaks = spectral_peaks(S, BIN_HZ, 6)
    found = dissonance(peaks)
    for t in range(S.shape[1]):
        f, a = (values[:, t].astype(float) for values in peaks)
        rough = 0.0
        for i in range(6):
            for j in range(i):
                x = 0.24 * abs(f[i] - f[j]) / (0.0207 * min(f[i], f[j]) + 18.96)
                rough += min(a[i], a[j]) * (np.exp(-3.5 * x) - np.exp(-5.75 * x)) / 0.18072
        np.testing.assert_allclose(found[t], rough / a.sum() if a.any() else 0, rtol=1e-3, atol=1e-5)


def test_a_minor_second_is_rougher_than_a_fifth() -> None:
    def roughness(semitones: float) -> float:
        return float(
            dissonance(spectral_peaks(spectrum_of(tone(440, 1) + tone(440 * 2 ** (semitones / 12), 1)), BIN_HZ))[0]
        )

    assert roughness(1) > roughness(6) > roughness(7) > roughness(12)


@given(SPECTRA)
def test_salience_is_the_highest_autocorrelation(S: np.ndarray) -> None:
    S = np.ascontiguousarray(S[:513])
    found = PitchSalience(BIN_HZ)(S, np.sqrt((S**2).sum(axis=0)))
    for t in range(S.shape[1]):
        x = S[:512, t].astype(float)
        acf = np.correlate(x, x, "full")[511:]
        expected = acf[10:465].max() / acf[0] if acf[0] > 0 else 0.0
        assert found[t] == pytest.approx(expected, abs=2e-3)


def test_rich_tones_are_salient_and_noise_and_sines_are_less() -> None:
    t = np.arange(2 * SR) / SR
    sounds = {"rich": tone(220, 2, harmonics=20), "sine": np.sin(2 * np.pi * 220 * t)}
    found = {
        name: extract([y.astype(np.float32)[:, None]], SR, paths=["summary/pitch_salience"]).arrays.popitem()[1][0]
        for name, y in {**sounds, "click": np.eye(1, 2 * SR, SR)[0], "noise": noise(0, 2)}.items()
    }
    assert found["rich"] > 0.5
    assert found["sine"] < 0.05
