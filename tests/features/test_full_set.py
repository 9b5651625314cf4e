"""On music, framewise descriptors of the full set are what their formulas give on librosa's spectra."""

from __future__ import annotations

from itertools import pairwise

import librosa
import numpy as np
import pytest
from scipy import fft

from tests.features.sounds import SR, music, noise
from workbench.features import DESCRIPTORS, extract
from workbench.features.bands import BARK_EDGES_HZ, ENERGY_EDGES_HZ, erb_centres

N_FFT = 2048


def decibels(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, 1e-10))


def moments(p: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Variance, skewness and kurtosis less 3 of each column of shares of `x`."""
    deviation = x[:, None] - (p * x[:, None]).sum(axis=0)
    variance, third, fourth = ((p * deviation**n).sum(axis=0) for n in (2, 3, 4))
    return variance, third / variance**1.5, fourth / variance**2 - 3


def boxes(power: np.ndarray, edges: list[tuple[int, int]]) -> np.ndarray:
    frequencies = librosa.fft_frequencies(sr=SR, n_fft=N_FFT)
    frequencies[-1] -= 1  # the Nyquist frequency belongs to the last band
    return np.array([power[(frequencies >= low) & (frequencies < high)].sum(axis=0) for low, high in edges])


def gammatones(power: np.ndarray) -> np.ndarray:
    centres, frequencies = erb_centres(SR)[:, None], librosa.fft_frequencies(sr=SR, n_fft=N_FFT)
    weights = (1 + ((frequencies - centres) / (1.019 * (24.7 + 0.107939 * centres))) ** 2) ** -4
    return np.asarray(np.where(weights < 1e-4, 0, weights) @ power)


def shape(family: str, power: np.ndarray) -> dict[str, np.ndarray]:
    x = np.maximum(power, 1e-10)
    spread, skewness, kurtosis = moments(x / x.sum(axis=0), np.arange(len(x)))
    return {
        f"{family}_crest": x.max(axis=0) / x.mean(axis=0),
        f"{family}_flatness_db": 10 * (np.log10(x).mean(axis=0) - np.log10(x.mean(axis=0))),
        f"{family}_spread": spread,
        f"{family}_skewness": skewness,
        f"{family}_kurtosis": kurtosis,
    }


def plain(y: np.ndarray) -> dict[str, np.ndarray]:
    S = np.abs(librosa.stft(y.astype(float)))
    power, p = S**2, S / S.sum(axis=0)
    _, skewness, kurtosis = moments(p, librosa.fft_frequencies(sr=SR, n_fft=N_FFT))
    spectrum = S[:512]
    acf = np.array([np.correlate(x, x, "full")[511:] for x in spectrum.T]).T
    peaks = (S[9:464] > S[8:463]) & (S[9:464] >= S[10:465]) & (S[9:464] >= 0.005 * N_FFT / 4)
    bark, erb = boxes(power, list(pairwise(BARK_EDGES_HZ))), gammatones(power)
    found = {
        "spectral_skewness": skewness,
        "spectral_kurtosis": kurtosis,
        "spectral_entropy": -(p * np.log2(np.maximum(p, 1e-300))).sum(axis=0),
        "spectral_complexity": peaks.sum(axis=0),
        "spectral_decrease": ((S[2:] - S[1]) / np.arange(1, 1024)[:, None]).sum(axis=0) / S[2:].sum(axis=0),
        "spectral_energyband": decibels(boxes(power, list(ENERGY_EDGES_HZ.values()))),
        "hfc": decibels((power * np.arange(1025)[:, None]).sum(axis=0)),
        "pitch_salience": acf[10:465].max(axis=0) / acf[0],
        "barkbands": decibels(bark),
        "erbbands": decibels(erb),
        "gfcc": fft.dct(decibels(erb), axis=0, norm="ortho")[:13],
        **shape("melbands", librosa.feature.melspectrogram(S=power, sr=SR, n_mels=64)),
        **shape("barkbands", bark),
        **shape("erbbands", erb),
    }
    return {name: values.T for name, values in found.items()}


@pytest.mark.parametrize("seed", [0, 1])
def test_framewise_descriptors_are_their_formulas_on_music(seed: int) -> None:
    y = music(seed, 5, minor=bool(seed)) + noise(seed, 5, level=1e-3)
    expected = plain(y)
    found = extract([y[:, None]], SR, paths=[f"frames/{name}" for name in expected]).arrays
    for name, values in expected.items():
        scale = np.abs(values).max()
        np.testing.assert_allclose(found[f"frames/{name}"], values, rtol=1e-3, atol=1e-3 * scale, err_msg=name)


def test_what_has_no_formula_here_has_one_beside_its_kernel() -> None:
    """The rest is compared in the tests of moments, peaks, harmony, percussion, and of parity with librosa."""
    framewise = {name for name, descriptor in DESCRIPTORS.items() if descriptor.set == "full" and descriptor.framewise}
    elsewhere = {
        "spectral_strongpeak", "poly_features", "dissonance", "hpcp", "hpcp_entropy", "hpcp_crest", "percussive_ratio",
    }  # fmt: skip
    assert framewise - set(plain(noise(0, 0.1))) == elsewhere
