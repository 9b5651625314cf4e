"""Pitch-class profiles, chords and tuning of sounds of which they are known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.features.sounds import SR, music, noise, tone
from workbench.features import extract, harmony, spec
from workbench.features.harmony import CHORD_NAMES
from workbench.features.peaks import spectral_peaks

TRACK = (
    "thpcp", "chords_histogram", "chords_changes_rate", "chords_number_rate", "chords_strength", "chords_key",
    "tuning_diatonic_strength", "tuning_equal_tempered_deviation", "tuning_nontempered_energy_ratio",
)  # fmt: skip


def chord(names: list[int], seconds: float, cents: float = 0.0) -> np.ndarray:
    return sum(tone(261.63 * 2 ** ((n + cents / 100) / 12), seconds) for n in names) * 0.1  # type: ignore[return-value]


def describe(y: np.ndarray) -> dict[str, np.ndarray]:
    paths = [f"summary/{name}" for name in (*TRACK, "hpcp", "hpcp_entropy", "hpcp_crest")]
    return {k.split("/")[1]: v for k, v in extract([y.astype(np.float32)[:, None]], SR, paths=paths).arrays.items()}


def test_the_profile_is_that_of_the_formula() -> None:
    """Gómez 2006, one peak at a time: cos² within 2/3 semitone of each pitch it may be a harmonic of."""
    frequencies, heights = np.array([[261.63], [415.3], [1000.0]]), np.array([[1.0], [0.5], [0.2]])
    expected = np.zeros(36)
    for f, a in zip(frequencies[:, 0], heights[:, 0], strict=True):
        for n in range(1, 9):
            distance = 12 * np.log2(f / n / harmony._C_HZ) - np.arange(36) / 3
            distance = np.abs((distance + 6) % 12 - 6)
            expected += 0.6 ** (n - 1) * a**2 * np.where(distance < 2 / 3, np.cos(np.pi / 2 * distance * 1.5) ** 2, 0)
    peaks = (frequencies.astype(np.float32), heights.astype(np.float32))
    found = harmony.hpcp(harmony.pitch_histogram(peaks, 0.0))[:, 0]
    np.testing.assert_allclose(found, expected / expected.max(), atol=0.06)  # peaks are rounded to 10 cents


@pytest.mark.parametrize("cents", [0, 30, -40])
@pytest.mark.parametrize("name", ["C major", "A minor", "F# major", "D# minor"])
def test_chords_are_named_in_any_tuning(name: str, cents: float) -> None:
    index = CHORD_NAMES.index(name)
    steps = (0, 4, 7) if index < 12 else (0, 3, 7)
    found = describe(chord([index % 12 + step for step in steps], 4, cents))
    assert CHORD_NAMES[int(found["chords_key"])] == name
    assert found["chords_histogram"][index] == 1
    assert found["chords_changes_rate"] == 0
    assert found["chords_strength"] > 0.7
    assert found["tuning_nontempered_energy_ratio"] < 0.1
    assert found["tuning_equal_tempered_deviation"] < 0.12
    assert found["thpcp"][0] == found["thpcp"].max() == 1


def test_chords_follow_each_other() -> None:
    y = np.concatenate([chord(list(notes), 4) for notes in ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))])
    found = describe(y)
    assert {CHORD_NAMES[i] for i in np.argsort(found["chords_histogram"])[-3:]} == {"C major", "F major", "G major"}
    assert found["chords_changes_rate"] == pytest.approx(3 / 16, abs=0.05)
    assert found["tuning_diatonic_strength"] > 0.7


def test_neither_noise_nor_silence_has_a_chord() -> None:
    for y in (noise(0, 6), noise(1, 0.2), np.zeros(SR)):
        found = describe(y)
        assert np.isnan(found["chords_key"])
        assert np.isnan(found["chords_histogram"]).all()
    assert np.isnan(found["thpcp"]).all()
    assert found["hpcp_crest"].max() == found["hpcp_entropy"].max() == 0


def test_entropy_and_crest_of_a_profile() -> None:
    even = np.ones((36, 2), np.float32)
    one = np.eye(36, 2, dtype=np.float32)
    np.testing.assert_allclose(harmony.profile_entropy(even), np.log2(36), rtol=1e-5)
    np.testing.assert_allclose(harmony.profile_entropy(one), 0, atol=1e-6)
    np.testing.assert_allclose(harmony.profile_crest(even), 1, rtol=1e-5)
    np.testing.assert_allclose(harmony.profile_crest(one), 36, rtol=1e-5)


def test_a_quarter_tone_scale_is_off_the_tempered_one() -> None:
    tempered, between = describe(chord([0, 3, 7, 10], 3)), describe(chord([0, 3.5, 7, 10.5], 3))  # type: ignore[list-item]
    for name in ("tuning_equal_tempered_deviation", "tuning_nontempered_energy_ratio"):
        assert between[name] > tempered[name] + 0.1


def test_profiles_of_music_have_few_pitches() -> None:
    found = describe(music(0, 6))
    assert found["hpcp_entropy"][0] < describe(noise(0, 6))["hpcp_entropy"][0]
    assert spec("summary/hpcp").shape == (7, 36)
    assert spectral_peaks(np.zeros((1025, 2), np.float32), 10.0)[0].shape == (24, 2)
