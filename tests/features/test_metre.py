"""Loudness at the beats, and the peaks of tempograms of which they are known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.features.sounds import SR, clicks, noise
from workbench.features import extract, metre
from workbench.features.metre import BPM_PEAKS, BandLevels, bpm_peaks, tempogram_ratio

FRAME_RATE = SR / 512


def test_the_loudest_frame_about_each_beat_counts() -> None:
    power = np.full((1025, 40), 1e-6, np.float32)
    power[5, 11] = 100.0  # 54 Hz, a frame after the first beat
    power[500, 29] = 1.0  # 5.4 kHz, a frame before the second
    levels = BandLevels()
    levels.push(power[:, :25], SR, 2048, 25)
    levels.push(power[:, 25:], SR, 2048, 15)
    found = levels.at_beats(np.array([10, 30]))
    assert found["beats_loudness"] == pytest.approx(10 * np.log10((100 + 1) / 2), abs=0.02)
    np.testing.assert_allclose(found["beats_loudness_band_ratio"], [0.5, 0, 0, 0, 0.5, 0], atol=1e-3)


def test_without_beats_there_is_nothing_to_measure() -> None:
    levels = BandLevels()
    levels.push(np.ones((1025, 4), np.float32), SR, 2048, 4)
    found = levels.at_beats(np.empty(0, np.int64))
    assert np.isnan(found["beats_loudness"])
    assert np.isnan(found["beats_loudness_band_ratio"]).all()
    assert np.isnan(tempogram_ratio(np.ones(384), float("nan"), FRAME_RATE)).all()


def test_peaks_of_a_tempogram() -> None:
    lags = np.arange(384)
    curve = sum(h * np.exp(-0.5 * ((lags - lag) / 3) ** 2) for lag, h in ((21.5, 0.6), (43.0, 0.9), (200.0, 2.0)))
    found = bpm_peaks(np.asarray(curve), FRAME_RATE)
    assert found["bpm_histogram_first_peak_bpm"] == pytest.approx(60 * FRAME_RATE / 43, rel=0.01)
    assert found["bpm_histogram_second_peak_bpm"] == pytest.approx(60 * FRAME_RATE / 21.5, rel=0.01)
    assert found["bpm_histogram_first_peak_weight"] == pytest.approx(0.6, abs=0.01)
    assert found["bpm_histogram_first_peak_spread"] == pytest.approx(np.log2((43 + 3.5) / (43 - 3.5)), abs=0.05)


def test_a_flat_tempogram_has_no_peaks() -> None:
    found = bpm_peaks(np.zeros(384), FRAME_RATE)
    assert tuple(found) == BPM_PEAKS
    assert all(np.isnan(value) for value in found.values())


def test_metronomes_have_their_beat_among_the_peaks() -> None:
    y = clicks(100, 20) + noise(0, 20, level=1e-3)
    paths = [f"summary/{name}" for name in (*BPM_PEAKS, "beats_loudness", "beats_loudness_band_ratio")]
    found = {path.split("/")[1]: value for path, value in extract([y[:, None]], SR, paths=paths).arrays.items()}
    ratio = 100 / found["bpm_histogram_first_peak_bpm"]
    assert ratio == pytest.approx(round(float(ratio)), rel=0.02)
    assert found["beats_loudness_band_ratio"].sum() == pytest.approx(1, abs=1e-3)
    assert found["beats_loudness"] > 10
    assert len(metre.TEMPO_FACTORS) == 13
