"""Pitch is counted as by the plain definitions, whatever the blocks, and at constant memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.sounds import SR, labelled, load, music, tone
from workbench.features import pitch
from workbench.features.fft import PowerSpectrum
from workbench.features.filters import hann
from workbench.features.frames import Framer


def histograms(y: np.ndarray, cut: int = 1 << 16) -> pitch.PitchHistograms:
    stream = pitch.PitchStream(SR, 8192, 2048)
    for start in range(0, len(y), cut):
        stream.push(y[start : start + cut])
    return stream.finish()


def plain_decimate(y: np.ndarray, taps: np.ndarray, factor: int) -> np.ndarray:
    return np.convolve(y.astype(float), taps[::-1], mode="valid")[::factor]


def plain_count_pitch(
    spectra: np.ndarray,
    first: int,
    end: int,
    bin_hz: float,
    c_hz: float,
    n_cells: int,
    floor: float,
    threshold: float,
    sharp_bins: int,
    sharp_ratio: float,
) -> np.ndarray:
    counts = np.zeros((spectra.shape[1], n_cells))
    for count, spectrum in zip(counts, np.sqrt(spectra.T.astype(float)), strict=True):
        peaks = [
            k
            for k in range(first, end)
            if spectrum[k] > spectrum[k - 1]
            and spectrum[k] >= spectrum[k + 1]
            and spectrum[k] > sharp_ratio * max(spectrum[k - sharp_bins], spectrum[k + sharp_bins])
        ]
        highest = max((spectrum[k] for k in peaks), default=0.0)
        for k in peaks:
            if highest <= floor or spectrum[k] <= threshold * highest:
                continue
            below, middle, above = np.log(np.maximum(spectrum[k - 1 : k + 2], 1e-15))
            shift = (below - above) / (below - 2 * middle + above) / 2
            semitones = n_cells * np.log2((k + shift) * bin_hz / c_hz)
            count[int(np.rint(semitones)) % n_cells] += np.sqrt(np.exp(middle - (below - above) * shift / 4))
    norms = np.sqrt((counts**2).sum(axis=1, keepdims=True))
    return np.divide(counts, norms, out=counts, where=norms > 0)


@given(
    seed=st.integers(0, 99),
    n=st.integers(0, 5000),
    cut=st.integers(0, 5000),
    phase_taps=st.integers(1, 13),
    factor=st.integers(1, 5),
)
@settings(deadline=None)
def test_the_decimator_is_the_plain_one(seed: int, n: int, cut: int, phase_taps: int, factor: int) -> None:
    rng = np.random.default_rng(seed)
    taps = rng.standard_normal(phase_taps * factor).astype(np.float32)
    y = rng.standard_normal(n + len(taps)).astype(np.float32)
    found = pitch.decimate(y[:cut], y[cut:], taps, factor)
    np.testing.assert_array_equal(pitch.decimate(y[:0], y, taps, factor), found)
    assert not len(pitch.decimate(y[:0], y[: len(taps) - 1], taps, factor))
    np.testing.assert_allclose(found, plain_decimate(y, taps, factor), atol=1e-5 * np.abs(taps).sum())


@given(
    seed=st.integers(0, 99),
    n_frames=st.integers(1, 9),
    n_bins=st.integers(20, 300),
    n_cells=st.sampled_from([12, 36, 120]),
    far=st.integers(1, 4),
)
@settings(deadline=None)
def test_pitch_is_counted_as_plainly(seed: int, n_frames: int, n_bins: int, n_cells: int, far: int) -> None:
    rng = np.random.default_rng(seed)
    spectra = (rng.chisquare(2, (n_bins, n_frames)) * rng.random(n_frames) ** 8).astype(np.float32)
    spectra[:, rng.random(n_frames) < 0.2] = 0
    arguments = (far + 1, n_bins - far - 1, 2.7, 261.6, n_cells, 0.1, 0.3, far, 1.5)
    assert_same_pitch(pitch.count_pitch(spectra, *arguments), plain_count_pitch(spectra, *arguments))


def assert_same_pitch(found: np.ndarray, plain: np.ndarray) -> None:
    """Equal, but that rounding may move a peak at the edge of two cells to the other."""
    moved = np.abs(found - plain).max(axis=1) > 1e-4
    assert moved.mean() <= 0.01


@pytest.mark.parametrize("seed", [0, 1])
def test_pitch_of_music_is_counted_as_plainly(seed: int) -> None:
    framer = Framer(2048, 512, 64)
    y = music(seed, 6)[::4].copy()
    for block in [*framer.push(y), *framer.finish()]:
        spectra = PowerSpectrum(2048).of_hops(block.hops, hann(2048))
        arguments = (37, 743, SR / 4 / 2048, 261.6, 120, 0.05, 0.1, 3, 2.0)
        assert_same_pitch(pitch.count_pitch(spectra, *arguments), plain_count_pitch(spectra, *arguments))


def test_pitch_of_recorded_music_is_counted_as_plainly(shared: Path) -> None:
    for path, _ in labelled(shared / "excerpts", "key")[::9]:
        y, _ = load(path)
        framer = Framer(2048, 512, 64)
        for block in framer.push(y.mean(axis=1)[: 8 * SR : 4].copy()):
            spectra = PowerSpectrum(2048).of_hops(block.hops, hann(2048))
            arguments = (37, 743, SR / 4 / 2048, 261.6, 120, 0.05, 0.1, 3, 2.0)
            assert_same_pitch(pitch.count_pitch(spectra, *arguments), plain_count_pitch(spectra, *arguments))


def test_spectra_that_are_zero_beside_a_peak_are_counted() -> None:
    spectra = np.zeros((50, 1), np.float32)
    spectra[20, 0] = 1
    counts = pitch.count_pitch(spectra, 5, 45, 10.0, 200.0, 12, 0.0, 0.1, 3, 2.0)
    np.testing.assert_array_equal(counts, np.eye(1, 12))


# The stream


@given(cuts=st.lists(st.integers(1, 30000), max_size=12))
@settings(deadline=None, max_examples=20)
def test_histograms_do_not_depend_on_the_cut(cuts: list[int]) -> None:
    y = music(seconds=8)
    whole = histograms(y, cut=len(y))
    stream = pitch.PitchStream(SR, 8192, 2048)
    for part in np.split(y, np.minimum(np.cumsum(cuts), len(y)).astype(int)):
        stream.push(part)
    found = stream.finish()
    np.testing.assert_array_equal(found.passages, whole.passages)
    assert found.n_frames == whole.n_frames == 1 + len(y) // 2048


@pytest.mark.parametrize("hz", [105.0, 440.0, 1900.0])
def test_a_tone_is_counted_at_its_pitch(hz: float) -> None:
    found = histograms(tone(hz, 3, harmonics=1).astype(np.float32))
    expected = round(120 * np.log2(hz / 261.6256)) % 120
    assert abs((int(found.passages.sum(axis=0).argmax()) - expected + 60) % 120 - 60) <= 1


@pytest.mark.parametrize("hz", [50.0, 2500.0, 3700.0, 5600.0, 9000.0])
def test_a_tone_out_of_the_range_is_not_counted_nor_folded_into_it(hz: float) -> None:
    quiet, loud = tone(440, 3, harmonics=1), tone(hz, 3, harmonics=1)
    found = histograms((0.01 * quiet + loud).astype(np.float32)).passages.sum(axis=0)
    assert found[89:92].sum() > 0.7 * found.sum()


@given(n=st.integers(0, 5000))
@settings(deadline=None, max_examples=30)
def test_passages_are_few_however_long_the_track(n: int) -> None:
    stream = pitch.PitchStream(SR, 8192, 2048)
    rows = np.ones((n, 120), np.float32)
    for start in range(0, n, 32):
        stream._add(rows[start : start + 32])
    stream._n_seen -= 1  # the framer's last frame takes its place
    found = stream.finish().passages
    assert len(found) <= 16
    assert found.sum() == pytest.approx(rows.sum())


def test_a_low_sample_rate_is_no_harm() -> None:
    stream = pitch.PitchStream(8000, 4096, 1024)
    stream.push(tone(440, 4, harmonics=1, sr=8000).astype(np.float32))
    assert stream.finish().passages.sum(axis=0).argmax() == 90


def test_a_short_rest_joins_the_last_passage() -> None:
    for seconds, n_passages in ((2, 1), (6, 1), (8, 2), (11, 2)):
        assert len(histograms(music(seconds=seconds)).passages) == n_passages
