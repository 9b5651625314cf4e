"""The tempo is right or doubtful, nothing is invented, and loops are whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.features.sounds import SR, clicks, labelled, load, music, noise
from workbench.features import extract, tempo, tempo_weights

FRAME_RATE = SR / 512


def tempo_of(y: np.ndarray) -> tuple[object, object]:
    """BPM and confidence as the catalog gets them."""
    columns = extract([y[:, None]], SR, paths=["summary/tempo", "summary/tempo_confidence"]).columns
    return columns["bpm"], columns["bpm_confidence"]


@pytest.mark.parametrize("bpm", [50, 66, 90, 120, 128, 150, 174, 200])
def test_a_metronome_has_its_tempo(bpm: float) -> None:
    found, confidence = tempo_of(clicks(bpm, 12))
    assert found == pytest.approx(bpm, rel=0.005)
    assert confidence == pytest.approx(0.95, abs=0.05)


@pytest.mark.parametrize("bpm", [84.0, 120.0, 143.0])
def test_music_has_its_tempo_and_its_candidates(bpm: float) -> None:
    found = extract([music(seconds=15, bpm=bpm)[:, None]], SR)
    assert found.columns["bpm"] == pytest.approx(bpm, rel=0.02)
    shares = found.arrays["summary/tempo_candidates"]
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    assert shares.argmax() == 0
    assert found.arrays["summary/beat_count"] == pytest.approx(15 * bpm / 60, rel=0.15)
    assert found.arrays["summary/beat_interval_std"] < 0.05


@pytest.mark.parametrize("seconds", [0.02, 0.5, 1.0, 1.5, 3.0, 20.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_has_no_tempo(seconds: float, seed: int) -> None:
    assert tempo_of(noise(seed, seconds)) == (None, None)


def test_silence_and_a_click_have_no_tempo() -> None:
    y = np.zeros(5 * SR, np.float32)
    assert tempo_of(y) == (None, None)
    y[2 * SR] = 1
    assert tempo_of(y) == (None, None)


def drone() -> np.ndarray:
    t = np.arange(12 * SR) / SR
    return (0.3 * np.sin(2 * np.pi * 110 * t) + 0.15 * np.sin(2 * np.pi * 165.3 * t)).astype(np.float32)


def test_a_drone_and_brown_noise_have_no_tempo() -> None:
    assert tempo_of(drone()) == (None, None)
    assert tempo_of(np.cumsum(noise(1, 12, level=0.002)).astype(np.float32)) == (None, None)


def test_an_irregular_pulse_without_any_period_is_unknown_or_doubtful() -> None:
    x = np.zeros((200, 3), np.float32)
    assert tempo.estimate_tempo(x, FRAME_RATE, 2.0, 4.6) is tempo.UNKNOWN_TEMPO
    x[[20, 50, 55, 120, 180]] = 1
    assert not tempo.estimate_tempo(x, FRAME_RATE, 1.1, 4.6).confidence > 0.5


@pytest.mark.parametrize("bpm", [87.3, 140.7, 172.2])
@pytest.mark.parametrize("n_bars", [1, 2, 4])
def test_a_loop_has_the_tempo_that_makes_it_whole(bpm: float, n_bars: int) -> None:
    duration = n_bars * 240 / bpm
    y = music(seconds=2 * duration, bpm=bpm)[: round(duration * SR)]
    found, _ = tempo_of(y)
    ratio = float(found) / bpm  # type: ignore[arg-type]
    assert min(abs(ratio / octave - 1) for octave in (0.5, 1, 2)) < 1e-4


def test_a_loop_with_a_silent_end_keeps_the_tempo_of_its_pulse() -> None:
    y = music(seconds=12, bpm=120)[: round(4 * SR)]
    found, _ = tempo_of(np.concatenate((y, np.zeros(round(0.3 * SR), np.float32))))
    assert found == pytest.approx(120, rel=0.01)


def test_what_is_no_loop_keeps_its_tempo() -> None:
    found, _ = tempo_of(music(seconds=6.9, bpm=120))  # 13.8 beats
    assert found == pytest.approx(120, abs=0.5)
    found, _ = tempo_of(music(seconds=20, bpm=97.3))
    assert found == pytest.approx(97.3, abs=0.1)


def plain_periodicities(pulse: np.ndarray, n_lags: int) -> np.ndarray:
    """The definition, lag by lag, of a pulse no longer than a window."""
    curves = np.vstack((pulse.sum(axis=1), pulse.T)).astype(np.float64)
    curves -= curves.mean(axis=1, keepdims=True)
    rows = []
    for one, other in ((0, 0), (1, 1), (2, 2), (3, 3), (1, 2)):
        a, b = curves[one], curves[other]
        norm, n = np.sqrt((a @ a) * (b @ b)), len(a)
        rows.append(
            [(a[lag:] @ b[: n - lag] + b[lag:] @ a[: n - lag]) / 2 / norm * n / (n - lag) for lag in range(n_lags)]
        )
    return np.array(rows)


@given(seed=st.integers(0, 300), n=st.integers(50, 500))
def test_periodicities_are_autocorrelations(seed: int, n: int) -> None:
    pulse = np.random.default_rng(seed).random((n, 3)).astype(np.float32)
    found = tempo.periodicities(pulse, FRAME_RATE)
    n_lags = min(found.shape[1], n - 10)  # the longest lags of a short pulse are of few values
    np.testing.assert_allclose(found[:, :n_lags], plain_periodicities(pulse, n_lags), atol=1e-6)


def test_a_band_that_is_silent_counts_as_nothing() -> None:
    pulse = np.zeros((1500, 3), np.float32)
    pulse[::20, 1] = 1
    found = tempo.periodicities(pulse, FRAME_RATE)
    assert not found[[1, 3, 4]].any()
    assert found[0, 20] > 0.9


def test_evidence_has_a_weight_each() -> None:
    acfs = tempo.periodicities(np.random.default_rng(0).random((900, 3)).astype(np.float32), FRAME_RATE)
    assert tempo.tempo_evidence(acfs, FRAME_RATE, 3.0).shape == (len(tempo.GRID), len(tempo_weights.ALL))


@given(bpm=st.floats(20, 400), low=st.floats(30, 200), width=st.floats(1, 3))
def test_a_folded_tempo_is_an_octave_away_and_inside(bpm: float, low: float, width: float) -> None:
    high = low * width + 0.1
    folded = tempo.fold_tempo(bpm, low, high)
    octaves = np.log2(folded / bpm)
    assert octaves == pytest.approx(round(octaves))
    if width >= 2 or low <= bpm < high:
        assert low <= folded < high
    else:
        assert low / 2 < folded < high * 2


def test_folding_says_what_it_cannot_do() -> None:
    assert np.isnan(tempo.fold_tempo(float("nan"), 70, 140))
    assert tempo.fold_tempo(90, 100, 120) == 90  # 180 is farther
    for bpm, low, high in ((120, 140, 70), (120, 0, 70), (120, 70, float("inf")), (0, 70, 140), (-1, 70, 140)):
        with pytest.raises(ValueError, match="BPM"):
            tempo.fold_tempo(bpm, low, high)


def test_tempo_on_labelled_audio_is_better_than_librosas(shared: Path) -> None:
    scores: dict[str, list[tuple[bool, bool]]] = {"excerpts": [], "loops": []}
    for folder, rows in scores.items():
        for path, label in labelled(shared / folder, "bpm"):
            y, sr = load(path)
            found = extract([y], sr, paths=["summary/tempo"]).columns["bpm"] or 0.0
            assert isinstance(found, float)
            ratios = [abs(found * k / float(label) - 1) <= 0.04 for k in (1, 2, 1 / 2, 3, 1 / 3)]
            rows.append((ratios[0], any(ratios)))
    # The weights have seen these files; left out of the fit they scored .81, .93 and .95, 1.
    # Accuracy 1 and 2; librosa.beat.beat_track scores .73, .87 on the excerpts and .10, .30 on the loops
    assert np.all(np.mean(scores["excerpts"], axis=0) >= (0.78, 0.88))
    assert np.all(np.mean(scores["loops"], axis=0) >= (0.90, 0.95))
