"""Beats are librosa's, half hour by half hour; an even row of them says the tempo exactly."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.sounds import SR, clicks, envelope
from workbench.features import beats, extract
from workbench.testing import simulate_track

FRAME_RATE = SR / 512


def test_each_half_hour_of_beats_is_tracked_for_itself() -> None:
    half_hour = round(1800 * FRAME_RATE)
    x = np.tile(envelope(3, 1000), 160)
    expected = [beats.track_beats(x[:half_hour], 120, FRAME_RATE)]
    expected += [half_hour + beats.track_beats(x[half_hour : 2 * half_hour], 120, FRAME_RATE)]
    expected += [2 * half_hour + beats.track_beats(x[2 * half_hour :], 120, FRAME_RATE)]
    assert beats.track_beats(x, 120, FRAME_RATE).tolist() == np.concatenate(expected).tolist()


@pytest.mark.slow
@settings(max_examples=40)
@given(seed=st.integers(0, 60), n=st.integers(50, 900), bpm=st.floats(45, 220))
def test_beats_are_librosas(seed: int, n: int, bpm: float) -> None:
    x = envelope(seed, n)
    _, expected = librosa.beat.beat_track(onset_envelope=x, sr=SR, bpm=bpm)
    assert beats.track_beats(x, bpm, FRAME_RATE, weakest=0.5).tolist() == expected.tolist()


def test_a_constant_curve_has_no_beats() -> None:
    assert beats.track_beats(np.ones(100, np.float32), 120, FRAME_RATE).size == 0
    assert beats.track_beats(np.ones(1, np.float32), 120, FRAME_RATE).size == 0


@pytest.mark.parametrize("bpm", [61.3, 120.0, 173.9])
def test_even_beats_say_the_tempo_to_a_tenth(bpm: float) -> None:
    frames = np.round(np.arange(30) * 60 * FRAME_RATE / bpm).astype(np.int64)
    assert beats.steady_tempo(frames, FRAME_RATE, bpm * 1.005) == pytest.approx(bpm, abs=0.1)


def test_uneven_few_or_far_beats_leave_the_tempo() -> None:
    frames = np.round(np.arange(30) * 60 * FRAME_RATE / 100).astype(np.int64)
    assert beats.steady_tempo(frames[:15], FRAME_RATE, 100.5) == 100.5
    assert beats.steady_tempo(frames, FRAME_RATE, 110) == 110
    assert beats.steady_tempo(frames + 3 * (np.arange(30) % 2), FRAME_RATE, 100.5) == 100.5
    assert beats.steady_tempo(frames[:0], FRAME_RATE, 100.5) == 100.5


def test_beats_are_where_the_clicks_are() -> None:
    frames = extract([clicks(120, 12)[:, None]], SR, paths=["frames/beats"]).arrays["frames/beats"]
    late = np.flatnonzero(frames) / FRAME_RATE - 0.05
    assert np.abs(late - 0.5 * np.round(late / 0.5)).max() < 0.03


@pytest.mark.parametrize("style", ["house", "drum and bass", "rock", "folk"])
def test_beats_of_simulated_music_are_near_the_truth(style: str) -> None:
    y, sr, truth = simulate_track(3, style=style, duration=20)
    frames = extract([y], sr, paths=["frames/beats"]).arrays["frames/beats"]
    found, expected = np.flatnonzero(frames) / FRAME_RATE, np.array(truth.beats)
    near = np.abs(found[:, None] - expected) <= 0.07
    hits = min(near.any(axis=0).sum(), near.any(axis=1).sum())
    assert 2 * hits / (len(found) + len(expected)) > 0.9
