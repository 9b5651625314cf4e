"""Pitch of a stream, for the key: how much of each tenth of a semitone sounds, whatever the octave.

- Audio is decimated to a quarter of its rate, as pitch above 2 kHz says little more about the key, and cut into
  frames of 0.37 s, because shorter spectra cannot tell semitones apart below 500 Hz.
- Sharp spectral peaks of each frame go into a histogram. One histogram is kept for each passage of the track; there
  are never more than 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, log, log2, sqrt

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled
from workbench.features import filters
from workbench.features.fft import PowerSpectrum
from workbench.features.frames import FrameBlock, Framer

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

#: Of a histogram: an octave in steps of 10 cents.
CELLS = 120

_C4_HZ = 440.0 * 2.0 ** (-9 / 12)
_DECIMATION = 4
_N_TAPS = 48  # 53 dB from 3.5 kHz, which would fold to 2 kHz
_FMIN, _FMAX, _THRESHOLD = 100.0, 2000.0, 0.1
_SHARP_BINS, _SHARP_RATIO = 3, 2.0
_FULL_SCALE_DB = -80.0  # frames without a peak above this have no voice
_BLOCK_FRAMES = 64
_PASSAGE_FRAMES, _MOST_PASSAGES = 54, 16  # 5 s, and twice that whenever there are too many

_TILE = 1024  # outputs that stay in the fastest cache
_TINY = 1e-30  # has a logarithm, and is nothing beside a peak


@dataclass(frozen=True, slots=True)
class PitchHistograms:
    """How much of each pitch sounds in each passage of a track.

    Attributes
    ----------
    passages : weight of each tenth of a semitone, C first, shape (n_passages, 120)
    n_frames : frames counted in them
    """

    passages: DoubleArray
    n_frames: int


class PitchStream:
    """Collect the pitch of spectral peaks over a stream.

    Peaks from 100 to 2000 Hz that reach a tenth of their frame's strongest and fall off to half within
    8 Hz on both sides (a drum's are broader) are counted by the root of their magnitude. Every frame has the
    same weight (norm 1), so that loud drums do not outvote soft chords. Memory does not grow.

    Parameters
    ----------
    sr : float
        Sample rate, Hz; pitch is found up to a tenth of it.
    n_fft, hop_length : int
        Of the frames, in samples: long enough to tell semitones apart; multiples of 4.

    References
    ----------
    E. Gómez, "Tonal description of polyphonic audio for music content processing", INFORMS Journal on
    Computing 18 (3), 2006 (harmonic pitch class profile).

    Examples
    --------
    >>> t = np.arange(44100, dtype=np.float32) / 22050
    >>> stream = PitchStream(22050, 8192, 2048)
    >>> stream.push(np.sin(2 * np.pi * 440 * t))
    >>> int(stream.finish().passages[0].argmax())  # A: 9 semitones of 10 bins
    90
    """

    def __init__(self, sr: float, n_fft: int, hop_length: int) -> None:
        self._sr = sr / _DECIMATION
        self._taps = _low_pass()
        # The filter is centred: half of it lies before the first sample.
        self._waiting = np.zeros(_N_TAPS // 2, dtype=np.float32)
        self._framer = Framer(n_fft // _DECIMATION, hop_length // _DECIMATION, _BLOCK_FRAMES)
        self._transform = PowerSpectrum(n_fft // _DECIMATION)
        self._passages = np.zeros((_MOST_PASSAGES, CELLS))
        self._passage_frames = _PASSAGE_FRAMES
        self._n_seen = 0  # frames, silent ones included
        self._n_frames = 0

    def push(self, y: FloatArray) -> None:
        """Take in mono samples."""
        found = decimate(self._waiting, y, self._taps, _DECIMATION)
        gone = len(found) * _DECIMATION - len(self._waiting)
        self._waiting = y[gone:].copy() if gone >= 0 else np.concatenate((self._waiting[gone:], y))
        for block in self._framer.push(found):
            self._count(block)

    def finish(self) -> PitchHistograms:
        """Give what was collected."""
        self.push(np.zeros(_N_TAPS // 2, dtype=np.float32))
        for block in self._framer.finish():
            self._count(block)
        n, rest = divmod(self._n_seen, self._passage_frames)
        if n and rest < self._passage_frames // 2:
            # Too short to have a key of its own. There is no rest if all passages are full.
            self._passages[n - 1] += self._passages[n] if rest else 0
        elif rest:
            n += 1
        return PitchHistograms(self._passages[:n], self._n_frames)

    def _count(self, block: FrameBlock) -> None:
        bin_hz = self._sr / block.frame_length
        last = block.frame_length // 2 - _SHARP_BINS  # with bins beside it, if the sample rate is low
        first, end = round(_FMIN / bin_hz), min(round(_FMAX / bin_hz), last)
        floor = block.frame_length / 4 * 10 ** (_FULL_SCALE_DB / 20)
        spectra = self._transform.of_hops(block.hops, filters.hann(block.frame_length))
        pitch = count_pitch(spectra, first, end, bin_hz, _C4_HZ, CELLS, floor, _THRESHOLD, _SHARP_BINS, _SHARP_RATIO)
        pitch = pitch[: block.n_frames]
        self._n_frames += int(pitch.any(axis=1).sum())
        self._add(pitch)

    def _add(self, pitch: FloatArray) -> None:
        while len(pitch):
            passage, done = divmod(self._n_seen, self._passage_frames)
            if passage == _MOST_PASSAGES:
                pairs = self._passages.reshape(-1, 2, CELLS).sum(axis=1)
                self._passages = np.concatenate((pairs, np.zeros_like(pairs)))
                self._passage_frames *= 2
                continue
            here = pitch[: self._passage_frames - done]
            self._passages[passage] += here.sum(axis=0)
            self._n_seen += len(here)
            pitch = pitch[len(here) :]


@lru_cache(maxsize=1)
def _low_pass() -> FloatArray:
    """Taps of the filter before decimation: a sinc in a Kaiser window, 6 dB down at its new Nyquist frequency."""
    n = np.arange(_N_TAPS) - (_N_TAPS - 1) / 2
    taps = np.sinc(n / _DECIMATION) * np.kaiser(_N_TAPS, 5.0)
    return np.asarray(taps / taps.sum(), dtype=np.float32)


@compiled
def decimate(before: FloatArray, y: FloatArray, taps: FloatArray, factor: int) -> FloatArray:
    """Filter samples and those before them, and keep every `factor`-th where all taps fit.

    The number of taps is a multiple of the factor. Gives ``(len(before) + len(y) - len(taps)) // factor + 1`` samples,
    none for fewer than the taps. The two are not joined first, which would copy `y` for the few samples before it.
    """
    n_phases_taps = len(taps) // factor
    n = max((len(before) + len(y) - len(taps)) // factor + 1, 0)
    out = np.zeros(n, dtype=np.float32)
    if not n:
        return out
    # One phase at a time lies together in memory, so that the innermost loop runs over neighbours.
    phase = np.empty(n + n_phases_taps - 1, dtype=np.float32)
    for p in range(factor):
        n_before = min(max((len(before) - p + factor - 1) // factor, 0), len(phase))
        for i in range(n_before):
            phase[i] = before[i * factor + p]
        samples = y[n_before * factor + p - len(before) :]
        for i in range(len(phase) - n_before):
            phase[n_before + i] = samples[i * factor]
        for start in range(0, n, _TILE):
            sums = out[start : min(start + _TILE, n)]
            # Three taps at a time: sums are then read and written a third as often.
            for j in range(0, n_phases_taps - 2, 3):
                a, b, c = taps[j * factor + p], taps[(j + 1) * factor + p], taps[(j + 2) * factor + p]
                samples = phase[start + j :]
                for i in range(len(sums)):
                    sums[i] += a * samples[i] + b * samples[i + 1] + c * samples[i + 2]
            for j in range(n_phases_taps // 3 * 3, n_phases_taps):
                tap, samples = taps[j * factor + p], phase[start + j :]
                for i in range(len(sums)):
                    sums[i] += tap * samples[i]
    return out


@compiled
def count_pitch(
    spectra: FloatArray,
    first: int,
    end: int,
    bin_hz: float,
    c_hz: float,
    n_cells: int,
    floor: float,
    threshold: float,
    sharp_bins: int,
    sharp_ratio: float,
) -> FloatArray:
    """Weigh the pitch of sharp spectral peaks, frame by frame, whatever the octave.

    Parameters
    ----------
    spectra : power, shape (n_bins, n_frames)
    first, end : bins from and before which peaks are looked for; `sharp_bins` more are needed on both sides
    bin_hz : distance of bins, Hz
    c_hz : frequency of some C, Hz
    n_cells : cells of an octave
    floor : magnitude that the highest peak of a frame must exceed
    threshold : share of the highest sharp peak that a peak must exceed
    sharp_bins, sharp_ratio : a sharp peak is this many times as high as the bins this far from it

    Returns
    -------
    shape (n_frames, n_cells)
        Rows of norm 1: roots of the heights of the peaks; zeros without a peak.
    """
    n_frames = spectra.shape[1]
    far, n = sharp_bins, end - first
    band = np.ascontiguousarray(spectra[first - far : end + far].T)
    is_peak, peaks = np.empty(n, dtype=np.bool_), np.empty(n + 1, dtype=np.int64)
    ratio, least_highest = np.float32(sharp_ratio**2), np.float32(floor**2)
    counts = np.zeros((n_frames, n_cells), dtype=np.float32)
    for t in range(n_frames):
        # Views that begin at 0: the compiler then knows that no index is negative, and uses vectors.
        here, left, right = band[t, far : far + n], band[t, far - 1 : far - 1 + n], band[t, far + 1 : far + 1 + n]
        far_left, far_right = band[t, :n], band[t, 2 * far :]
        for k in range(n):
            peak = here[k]
            beside = (peak > left[k]) & (peak >= right[k])
            is_peak[k] = beside & (peak > ratio * far_left[k]) & (peak > ratio * far_right[k])
        n_peaks, highest = 0, least_highest
        for k in range(n):
            peaks[n_peaks] = k
            n_peaks += is_peak[k]
        for k in peaks[:n_peaks]:
            highest = max(highest, here[k])
        if highest <= least_highest:
            continue
        for k in peaks[:n_peaks]:
            if here[k] <= threshold**2 * highest:
                continue
            # A parabola through the logarithms: exact for a Gaussian window, close for Hann's.
            below, middle, above = log(left[k] + _TINY), log(here[k] + _TINY), log(right[k] + _TINY)
            shift = 0.5 * (below - above) / (below - 2 * middle + above)
            height = exp(0.5 * (middle - 0.25 * (below - above) * shift))
            cell = round(n_cells * log2((first + k + shift) * bin_hz / c_hz)) % n_cells
            counts[t, cell] += sqrt(height)
        norm = np.float32(0)
        for cell in range(n_cells):
            norm += counts[t, cell] ** 2
        counts[t] /= sqrt(norm)
    return counts
