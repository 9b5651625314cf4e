"""Tuning, chroma and tonnetz are librosa's; the key is right, and nothing is invented."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.features.sounds import SR, labelled, load, music, noise, tone
from workbench import metrics
from workbench.features import extract, tonal
from workbench.features.config import ExtractConfig


def power_of(y: np.ndarray) -> np.ndarray:
    return np.abs(librosa.stft(y)) ** 2


def key_of(y: np.ndarray) -> object:
    return extract([y[:, None]], SR, paths=["summary/key"]).columns["key"]


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


@pytest.mark.parametrize("tonic", [0, 3, 7, 10])
@pytest.mark.parametrize("minor", [False, True])
def test_music_has_its_key_whatever_the_tuning(tonic: int, minor: bool) -> None:
    y = music(tonic, 10, tonic=tonic, minor=minor, cents=6 * tonic - 30)
    assert key_of(y) == f"{tonal.PITCH_CLASSES[tonic]} {'minor' if minor else 'major'}"


@given(shift=st.integers(0, 11), offset=st.integers(-4, 4))
def test_a_transposed_histogram_has_the_transposed_key(shift: int, offset: int) -> None:
    histogram = np.zeros(120)
    histogram[[0, 20, 40, 50, 70, 90, 110]] = (5, 2, 4, 2, 5, 2, 1)
    found = tonal.estimate_key(np.roll(histogram, 10 * shift + offset), 100)
    assert found.index == shift


@pytest.mark.parametrize("seconds", [0.02, 0.5, 1.5, 5.0, 20.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_has_no_key(seconds: float, seed: int) -> None:
    assert key_of(noise(seed, seconds)) is None


def test_silence_clicks_and_a_constant_have_no_key() -> None:
    click = np.zeros(3 * SR, np.float32)
    assert key_of(click) is None
    click[SR] = 1
    assert key_of(click) is None
    assert key_of(np.ones(3 * SR, np.float32)) is None


def test_a_held_note_is_the_tonic() -> None:
    found = key_of(tone(440, 3, harmonics=1).astype(np.float32) * np.float32(0.2))
    assert str(found).startswith("A ")


def test_a_single_short_note_is_too_little_for_a_key() -> None:
    assert key_of(tone(440, 0.2).astype(np.float32) * np.float32(0.2)) is None


def test_an_empty_histogram_has_no_key() -> None:
    assert tonal.estimate_key(np.zeros(120), 9) is tonal.UNKNOWN_KEY
    assert tonal.estimate_key(np.ones(120), 9) is tonal.UNKNOWN_KEY


def test_camelot_codes_go_round_the_circle_of_fifths() -> None:
    codes = [tonal.camelot(key) for key in range(24)]
    assert len(set(codes)) == 24
    assert all(codes[(k + 7) % 12] == f"{int(codes[k][:-1]) % 12 + 1}B" for k in range(12))
    assert all(codes[12 + (k + 9) % 12] == f"{codes[k][:-1]}A" for k in range(12))


def test_keys_of_labelled_audio_are_better_than_the_peers(shared: Path) -> None:
    scores = []
    for path, label in labelled(shared / "excerpts", "key"):
        y, sr = load(path)
        found = extract([y], sr, paths=["summary/key"]).columns["key"]
        scores.append(metrics.key_score(label, found) if isinstance(found, str) else 0.0)
    # MIREX weights; Essentia's KeyExtractor (edma) scores .64 here, librosa's chroma with Krumhansl's profiles .44
    assert np.mean(scores) >= 0.68
