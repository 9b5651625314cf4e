"""Loudness by the test signals of the EBU, and against a second implementation."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pyloudnorm
import pytest
import scipy.signal

from tests.features.sounds import noise
from workbench.features import filters
from workbench.features.loudness import Loudness, LoudnessMeter, _peak_and_squares


def measure(channels: np.ndarray, sample_rate: int, block: int = 65536) -> Loudness:
    """Measure samples of shape (n_channels, n)."""
    meter = LoudnessMeter(sample_rate, len(channels))
    for start in range(0, channels.shape[1], block):
        meter.push(np.ascontiguousarray(channels[:, start : start + block].T, dtype=np.float32))
    return meter.finish()


def steps(levels: list[tuple[float, float]], sample_rate: int = 48000, n_channels: int = 2) -> np.ndarray:
    """A sine of 1 kHz whose peak takes each level, dBFS, for some seconds."""
    envelope = np.concatenate([np.full(int(s * sample_rate), 10 ** (db / 20)) for db, s in levels])
    sine = envelope * np.sin(2 * np.pi * 1000 * np.arange(len(envelope)) / sample_rate)
    return np.tile(sine.astype(np.float32), (n_channels, 1))


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
    ids=["case 1", "case 2", "case 3", "case 4", "case 5"],
)
def test_integrated_loudness_passes_ebu_tech_3341(levels: list[tuple[float, float]], expected: float) -> None:
    assert measure(steps(levels), 48000).integrated == pytest.approx(expected, abs=0.1)


def test_surround_channels_are_weighted_as_in_ebu_tech_3341_case_6() -> None:
    one = steps([(0, 20)])[0]
    levels = np.array(
        [-28, -28, -24, 0, -30, -30]
    )  # L R C LFE Ls Rs: what the low-frequency channel holds is not heard
    channels = one * 10 ** (levels[:, None] / 20)
    assert measure(channels, 48000).integrated == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([(-20, 20), (-30, 20)], 10.0),
        ([(-20, 20), (-15, 20)], 5.0),
        ([(-40, 20), (-20, 20)], 20.0),
        ([(-50, 20), (-35, 20), (-20, 20), (-35, 20), (-50, 20)], 15.0),
    ],
)
def test_loudness_range_passes_ebu_tech_3342(levels: list[tuple[float, float]], expected: float) -> None:
    assert measure(steps(levels), 48000).range == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize("sample_rate", [32000, 44100, 96000])
def test_loudness_agrees_with_pyloudnorm(sample_rate: int) -> None:
    sos = scipy.signal.butter(1, 500, output="sos", fs=sample_rate)  # music has little above 10 kHz
    y = scipy.signal.sosfilt(sos, np.stack([noise(s, 8, sr=sample_rate) for s in (0, 1)]), axis=1)
    y *= 0.2 + np.abs(np.sin(np.arange(y.shape[1]) / sample_rate))
    expected = pyloudnorm.Meter(sample_rate).integrated_loudness(y.T)
    assert measure(y, sample_rate).integrated == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("sample_rate", [3000, 8000, 11025, 44100, 192000])
@pytest.mark.parametrize(("n_channels", "block_s", "rtol"), [(n, 0.0145, 1e-9) for n in (1, 2, 3, 6)] + [(2, 1, 1e-5)])
def test_energies_are_those_of_the_recursive_filter_whatever_the_blocks(
    sample_rate: int, n_channels: int, block_s: float, rtol: float
) -> None:
    """Blocks of a second are cut into parts that are filtered side by side."""
    y = np.stack([noise(s, 2.75, sr=sample_rate) + 0.3 for s in range(n_channels)])
    meter = LoudnessMeter(sample_rate, n_channels)
    block = round(block_s * sample_rate) // 8 * 8
    for start in range(0, y.shape[1], block):
        meter.push(np.ascontiguousarray(y[:, start : start + block].T))
    weighted = scipy.signal.sosfilt(filters.k_weighting(sample_rate), y.astype(np.float64), axis=1)
    energy = filters.channel_weights(n_channels) @ weighted**2
    expected = [part.sum() for part in np.split(energy, range(sample_rate // 10, len(energy), sample_rate // 10))]
    np.testing.assert_allclose(meter._energies.take(), expected[:27], rtol=rtol)
    assert meter._square_sum == pytest.approx(float((y.astype(np.float64) ** 2).sum()))


def test_16_bit_samples_are_measured_as_they_are() -> None:
    y = (noise(0, 3.0, sr=8000) * 32768).astype(np.int16)[:, None]
    whole, exact = LoudnessMeter(8000, 1), LoudnessMeter(8000, 1)
    whole.push(y)
    exact.push(y.astype(np.float32) / np.float32(32768))
    assert whole.finish() == exact.finish()


def test_the_sums_of_steps_do_not_depend_on_the_blocks() -> None:
    y = noise(0, 5.03, sr=11025)[None]
    whole, cut = measure(y, 11025, 10**6), measure(y, 11025, 64)
    assert cut.integrated == pytest.approx(whole.integrated, abs=1e-4)
    assert cut.range == pytest.approx(whole.range, abs=1e-3)


def test_less_than_a_gating_block_counts_as_one() -> None:
    y = steps([(-20, 0.1)])
    assert measure(y, 48000).integrated == pytest.approx(-20, abs=0.3)
    assert np.isnan(measure(y, 48000).range)


def test_what_silence_is_cannot_be_known() -> None:
    assert np.isnan(astuple(measure(np.zeros((2, 48000)), 48000))).all()


def test_the_crest_of_a_sine_is_3_decibels_and_a_steady_tone_is_not_complex() -> None:
    measured = measure(steps([(-10, 5)]), 48000)
    assert measured.crest == pytest.approx(3.01, abs=0.01)
    assert measured.complexity == pytest.approx(0, abs=0.01)
    assert measure(steps([(-10, 5), (-30, 5)]), 48000).complexity > 5


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
@pytest.mark.parametrize("n", [0, 1, 127, 128, 5000, 128 * 32, 128 * 33 + 5, 262144])
def test_peak_and_squares_are_the_plain_ones(n: int, dtype: type) -> None:
    rng = np.random.default_rng(n)
    samples = (rng.standard_normal(n) * 8000).astype(dtype)
    if n:
        samples[rng.integers(n)] = -32768  # the lowest, whose magnitude has no number of 16 bits
    exact = samples.astype(np.float64)
    peak, squares = _peak_and_squares(samples)
    assert peak == (np.abs(exact).max() if n else 0)
    assert squares == pytest.approx(np.square(exact).sum(), rel=1e-6)


def test_the_crest_of_what_is_far_too_loud_is_that_of_what_is_left_of_it() -> None:
    y = noise(1, 1.0)[:, None]
    y[1000] = 3e38  # its square is no number of single precision
    limited = np.clip(y, -1e5, 1e5)
    crests = []
    for signal in (y, limited):
        meter = LoudnessMeter(22050, 1)
        meter.push(signal)
        crests.append(meter.finish().crest)
    assert crests[0] == crests[1]
    assert crests[0] == pytest.approx(20 * np.log10(1e5 / np.sqrt(np.square(limited, dtype=np.float64).mean())))
