"""Tuning, chroma and tonnetz are librosa's."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.features.sounds import SR, music
from workbench.features import extract, tonal
from workbench.features.config import ExtractConfig


def power_of(y: np.ndarray) -> np.ndarray:
    return np.abs(librosa.stft(y)) ** 2


@pytest.mark.parametrize("seed", [0, 1])
def test_peaks_are_those_of_piptrack(seed: int) -> None:
    S = power_of(music(seed, 3))
    pitches, magnitudes = librosa.piptrack(S=S, sr=SR)
    frequencies, heights = tonal.pitch_peaks(S, SR, 2048)
    np.testing.assert_allclose(np.sort(frequencies), np.sort(pitches[pitches > 0]), rtol=1e-5)
    np.testing.assert_allclose(np.sort(heights), np.sort(magnitudes[pitches > 0]), rtol=1e-4)


@given(seed=st.integers(0, 50), n=st.integers(1, 500))
def test_tuning_of_frequencies_is_librosas(seed: int, n: int) -> None:
    frequencies = np.random.default_rng(seed).uniform(150, 4000, n).astype(np.float32)
    assert tonal.pitch_tuning(frequencies) == pytest.approx(librosa.pitch_tuning(frequencies))


@pytest.mark.parametrize("cents", [-38.0, 0.0, 25.0])
def test_tuning_is_librosas_on_music(cents: float) -> None:
    y = music(seconds=5, cents=cents)
    found = extract([y[:, None]], SR, paths=["summary/tuning"]).arrays["summary/tuning"]
    assert found == pytest.approx(librosa.estimate_tuning(S=power_of(y), sr=SR), abs=1e-6)


def test_the_tuning_is_that_of_the_prologue() -> None:
    flat, sharp = music(seconds=4, cents=-30), music(seconds=8, cents=30)
    y = np.concatenate((flat, sharp))[:, None]
    paths = ["summary/tuning", "frames/chroma"]
    whole = extract([y], SR, paths=paths)
    early = extract([y], SR, paths=paths, config=ExtractConfig(tuning_s=3.0))
    assert early.arrays["summary/tuning"] < 0 < whole.arrays["summary/tuning"]
    assert len(early.arrays["frames/chroma"]) == len(whole.arrays["frames/chroma"]) == 1 + len(y) // 512


def test_silence_has_no_tuning_and_no_chroma() -> None:
    found = extract([np.zeros((SR, 1), np.float32)], SR).arrays
    assert np.isnan(found["summary/tuning"])
    assert not found["summary/chroma"].any()


def test_tonnetz_is_librosas() -> None:
    chroma = np.random.default_rng(0).random((12, 40)).astype(np.float32)
    chroma[:, 3] = 0
    np.testing.assert_allclose(tonal.tonnetz(chroma), librosa.feature.tonnetz(chroma=chroma), atol=1e-5)
