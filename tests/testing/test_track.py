"""Simulated tracks: the truth is true, and ordinary estimators find it as they do in music."""

from __future__ import annotations

import dataclasses
import time

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import metrics
from workbench.errors import InputError
from workbench.testing import STYLES, simulate_track
from workbench.testing.theory import SCALES, TONICS, harmonies, parse_key, progressions

SR = 22050

# Krumhansl and Kessler (1982): how well each pitch class fits a major and a minor key
PROFILES = {
    "major": [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
    "minor": [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
}


def estimate_key(chroma: np.ndarray) -> str:
    scores = {
        f"{tonic} {mode}": np.corrcoef(np.roll(profile, i), chroma)[0, 1]
        for i, tonic in enumerate(TONICS)
        for mode, profile in PROFILES.items()
    }
    return max(scores, key=scores.__getitem__)


@pytest.fixture(scope="module")
def listened():
    """Two tracks of each style, and what librosa hears in them."""
    rows = []
    for seed, style in enumerate([style for style in STYLES for _ in range(2)]):
        y, sr, truth = simulate_track(seed, style=style, duration=12, sr=SR)
        mono = y.mean(axis=1)
        strength = librosa.onset.onset_strength(y=mono, sr=sr)
        rows.append(
            {
                "truth": truth,
                "tempo": float(librosa.feature.tempo(onset_envelope=strength, sr=sr)[0]),
                "key": estimate_key(librosa.feature.chroma_cqt(y=mono, sr=sr).mean(axis=1)),
                "strength": strength,
                "mfcc": librosa.feature.mfcc(y=mono, sr=sr).mean(axis=1),
            }
        )
    return rows


def test_an_ordinary_estimator_finds_most_tempi(listened):
    truth, heard = zip(*((row["truth"].tempo, row["tempo"]) for row in listened), strict=True)
    assert metrics.tempo_accuracy_2(truth, heard) >= 0.8
    assert metrics.tempo_accuracy_1(truth, heard) >= 0.6


def test_an_ordinary_estimator_finds_most_keys(listened):
    truth, heard = zip(*((row["truth"].key, row["key"]) for row in listened), strict=True)
    assert metrics.key_accuracy(truth, heard) >= 0.8
    assert metrics.key_weighted_score(truth, heard) >= 0.85


def test_beats_fall_on_onsets(listened):
    """Onset strength is higher around true beats than between them, in every style."""
    gains = {}
    for row in listened:
        beats, beat = np.array(row["truth"].beats[1:-1]), 60 / row["truth"].tempo
        peak = {}
        for name, times in (("on", beats), ("between", beats + 0.37 * beat)):
            frames = librosa.time_to_frames(times, sr=SR)
            peak[name] = np.mean([row["strength"][max(f - 2, 0) : f + 3].max() for f in frames])
        gains.setdefault(row["truth"].style, []).append(peak["on"] / peak["between"])
    assert {style for style, ratios in gains.items() if np.mean(ratios) < 1.2} == set()


def test_tracks_of_a_style_are_alike_in_timbre(listened):
    mfcc = np.array([row["mfcc"] for row in listened])
    scaled = (mfcc - mfcc.mean(axis=0)) / mfcc.std(axis=0)
    distances = np.linalg.norm(scaled[:, None] - scaled, axis=2)
    styles = [row["truth"].style for row in listened]
    assert metrics.precision_at_k(distances, styles, 1) >= 0.5  # 0.04 by chance: one of 27 is right
    same = np.equal.outer(styles, styles) & ~np.eye(len(styles), dtype=bool)
    assert distances[same].mean() < 0.6 * distances[~np.equal.outer(styles, styles)].mean()


@pytest.mark.parametrize("style", ["house", "rock", "jazz", "classical"])
def test_energy_makes_it_louder_and_busier(style):
    tracks = [simulate_track(3, style=style, energy=e, duration=8, sr=SR) for e in (0.1, 0.4, 0.7, 1.0)]
    levels = [track.truth.rms_db for track in tracks]
    assert np.all(np.diff(levels) > 3)
    assert levels == pytest.approx([-28.2, -22.8, -17.4, -12.0], abs=1.5)
    counts = [len(track.truth.onsets) for track in tracks]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_brightness_makes_it_brighter():
    centroids = [
        librosa.feature.spectral_centroid(
            y=simulate_track(3, brightness=b, duration=4, sr=SR).y.mean(axis=1), sr=SR
        ).mean()
        for b in (0, 0.5, 1)
    ]
    assert np.all(np.diff(centroids) > 100)


def test_tuning_is_heard():
    for cents in (-30, 25):
        y = simulate_track(5, style="folk", duration=6, sr=SR, tuning_cents=cents).y.mean(axis=1)
        assert 100 * librosa.estimate_tuning(y=y, sr=SR) == pytest.approx(cents, abs=6)


def test_onsets_follow_the_grid_within_the_jitter():
    straight = simulate_track(2, style="rock", duration=6, sr=SR, jitter_ms=0).truth
    sixteenth = 15 / straight.tempo
    steps = (np.array(straight.onsets) - straight.beats[0]) / sixteenth
    assert np.abs(steps - steps.round()).max() < 1e-6
    loose = simulate_track(2, style="rock", duration=6, sr=SR, jitter_ms=6).truth
    steps = (np.array(loose.onsets) - loose.beats[0]) / sixteenth
    assert 0 < np.abs(steps - steps.round()).max() * sixteenth <= 0.0151


def test_silence_before_the_first_beat():
    y, sr, truth = simulate_track(4, style="techno", duration=4, sr=SR, jitter_ms=0)
    assert not y[: int(truth.beats[0] * sr) - 1].any()
    assert y[int(truth.beats[0] * sr) :][: sr // 10].any()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    style=st.sampled_from([None, *STYLES]),
    tempo=st.one_of(st.none(), st.floats(20, 400)),
    duration=st.floats(0.01, 9),
    sr=st.sampled_from([4000, 8000, 22050, 44100]),
)
def test_the_truth_is_consistent(seed, style, tempo, duration, sr):
    y, rate, truth = simulate_track(seed, style=style, tempo=tempo, duration=duration, sr=sr)
    assert (y.dtype, y.shape, rate) == (np.float32, (round(duration * sr), 2), sr)
    assert np.isfinite(y).all()
    assert np.abs(y).max(initial=0) <= 1
    assert truth.duration == pytest.approx(len(y) / sr)
    assert truth.tempo == tempo or tempo is None
    assert np.diff(truth.beats) == pytest.approx(60 / truth.tempo)
    assert set(truth.downbeats) <= set(truth.beats)
    assert all(0 <= t < truth.duration for t in (*truth.beats, *truth.onsets))
    assert truth.sections[0].start == 0
    assert truth.sections[-1].end == pytest.approx(truth.duration)
    assert all(a.end == b.start for a, b in zip(truth.sections, truth.sections[1:], strict=False))
    assert truth.chords[-1].end == pytest.approx(truth.duration)
    assert truth.chords[0].name.split(":")[0] == truth.key.split()[0]
    assert 0 <= truth.valence <= 1
    assert truth.mode in truth.key


def test_a_long_form_has_every_section_and_ends_on_the_tonic():
    truth = simulate_track(1, style="drum and bass", duration=75, sr=4000).truth
    assert {section.label for section in truth.sections} >= {"intro", "verse", "chorus", "break"}
    energies = {section.label: section.energy for section in truth.sections}
    assert energies["break"] < energies["intro"] < energies["verse"] < energies["chorus"]
    assert truth.chords[-1].name.split(":")[0] == truth.key.split()[0]
    assert {"kick", "reese bass"} <= set(truth.instruments)


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_piece():
    first, again, other = (simulate_track(seed, duration=3) for seed in (8, 8, 9))
    assert first.y.tobytes() == again.y.tobytes()
    assert first.truth == again.truth
    assert first.y.tobytes() != other.y.tobytes()


def test_giving_one_thing_changes_no_other():
    plain = simulate_track(8, duration=3, sr=8000).truth
    given_tempo = simulate_track(8, duration=3, sr=8000, tempo=111).truth
    same = {f.name for f in dataclasses.fields(plain) if getattr(plain, f.name) == getattr(given_tempo, f.name)}
    assert same >= {"key", "energy", "brightness", "style", "beats_per_bar", "tuning_cents", "duration"}
    given_key = simulate_track(8, duration=3, sr=8000, key="Eb minor").truth
    assert (given_key.key, given_key.beats) == ("D# minor", plain.beats)
    assert simulate_track(8, duration=1, sr=8000, key="F#", mode="minor").truth.key == "F# minor"
    assert simulate_track(8, duration=1, sr=8000, key="F#").truth.mode == plain.mode


def test_noise_is_as_loud_as_asked():
    clean, noisy = (simulate_track(6, duration=3, noise_db=db, energy=0.3) for db in (None, -20))
    noise = (noisy.y - clean.y).astype(float)
    assert 20 * np.log10(noise.std()) - clean.truth.rms_db == pytest.approx(-20, abs=0.2)
    assert noisy.truth.onsets == clean.truth.onsets


def test_it_is_at_least_forty_times_faster_than_real_time():
    simulate_track(0, duration=1)
    start = time.process_time()
    for style in STYLES:
        simulate_track(1, style=style, duration=10)
    assert 10 * len(STYLES) / (time.process_time() - start) > 40


@pytest.mark.parametrize(
    "wrong",
    [
        {"style": "polka"},
        {"tempo": 0},
        {"tempo": float("nan")},
        {"key": "H major"},
        {"key": "A dorian"},
        {"key": "A minor", "mode": "major"},
        {"mode": "dorian"},
        {"energy": 1.1},
        {"brightness": -0.1},
        {"duration": 0},
        {"duration": float("inf")},
        {"sr": 100},
        {"seed": -1},
    ],
)
def test_what_cannot_be_simulated_is_refused(wrong):
    with pytest.raises(InputError):
        simulate_track(**{"seed": 0, "duration": 1, **wrong})


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_chords_belong_to_the_key(mode):
    scale = {(9 + s) % 12 for s in SCALES[mode]} | {8}  # the leading note of the dominant
    for progression in progressions(mode):
        for chord in harmonies(progression, 9, mode, sevenths=True):
            assert set(chord.pitch_classes) <= scale


def test_flats_are_read_as_sharps():
    assert parse_key("bb minor") == (10, "minor")
    assert parse_key("Cb", "major") == (11, "major")
