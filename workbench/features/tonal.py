"""Pitch: tuning, chroma and tonnetz, all librosa's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled
from workbench.features import filters
from workbench.features.stft import Spectra

FloatArray = npt.NDArray[np.float32]

_PIP_FMIN, _PIP_FMAX, _PIP_THRESHOLD = 150.0, 4000.0, np.float32(0.1)
_TUNING_BINS = 100
_TINY = np.finfo(np.float32).tiny


def pitch_peaks(S: FloatArray, sr: float, n_fft: int) -> tuple[FloatArray, FloatArray]:
    """Frequencies and heights of all spectral peaks from 150 to 4000 Hz (``librosa.piptrack``).

    Parameters
    ----------
    S : numpy.ndarray, shape (n_bins, n_frames)
        Magnitude or power spectra.
    sr : float
        Hz.
    n_fft : int
        FFT length.

    Returns
    -------
    frequencies, heights : numpy.ndarray, shape (n_peaks,)
        Of every bin that is higher than its neighbours and than a tenth of its frame's maximum,
        refined by a parabola.
    """
    hz = filters.fft_frequencies(sr, n_fft)
    inside = np.flatnonzero((hz >= _PIP_FMIN) & (hz < min(_PIP_FMAX, sr / 2)))
    first, end = int(inside[0]), int(inside[-1]) + 1
    return _peaks_of_bins(S, first, end, _PIP_THRESHOLD, np.float32(sr / n_fft))


@compiled
def _peaks_of_bins(
    S: FloatArray, first: int, end: int, threshold: np.float32, bin_hz: np.float32
) -> tuple[FloatArray, FloatArray]:
    highest = np.zeros(S.shape[1], dtype=np.float32)
    for k in range(S.shape[0]):
        for t in range(S.shape[1]):
            highest[t] = max(highest[t], S[k, t])
    floor = threshold * highest
    most = (end - first + 1) // 2 * S.shape[1]  # of two neighbours, one at most is a peak
    frequencies, heights, n = np.empty(most, dtype=np.float32), np.empty(most, dtype=np.float32), 0
    is_peak, columns = np.empty(S.shape[1], dtype=np.bool_), np.empty(S.shape[1] + 1, dtype=np.int64)
    for k in range(first, end):
        below, row, above = S[k - 1], S[k], S[k + 1]
        for t in range(len(row)):
            is_peak[t] = (row[t] > below[t]) & (row[t] >= above[t]) & (row[t] > floor[t])
        n_here = 0
        for t in range(len(row)):
            # every column is written down, and written over by the next unless it is a peak: no jump to guess
            columns[n_here] = t
            n_here += is_peak[t]
        for t in columns[:n_here]:
            slope, curve = (above[t] - below[t]) / np.float32(2), above[t] + below[t] - 2 * row[t]
            shift = -slope / curve if abs(slope) < abs(curve) else np.float32(0)
            frequencies[n] = (k + shift) * bin_hz
            heights[n] = row[t] + slope * shift / np.float32(2)
            n += 1
    return frequencies[:n], heights[:n]


def pitch_tuning(frequencies: FloatArray) -> float:
    """Most frequent deviation from the equal-tempered scale, in semitones (``librosa.pitch_tuning``).

    Returns
    -------
    float
        In [-0.5, 0.5), in steps of 0.01; NaN without frequencies.
    """
    if not len(frequencies):
        return float("nan")
    residual = np.mod(12 * filters.hz_to_octaves(frequencies), 1.0)
    residual[residual >= 0.5] -= 1.0
    counts, edges = np.histogram(residual, np.linspace(-0.5, 0.5, _TUNING_BINS + 1))
    return float(edges[np.argmax(counts)])


def chroma(power: FloatArray, bank: FloatArray) -> FloatArray:
    """Pitch classes of power spectra, the strongest of each frame scaled to 1 (``librosa.feature.chroma_stft``).

    Parameters
    ----------
    power : numpy.ndarray, shape (n_bins, n_frames)
    bank : numpy.ndarray, shape (12, n_bins)
        See `filters.chroma_bank`.

    Returns
    -------
    numpy.ndarray, shape (12, n_frames)
        Zeros for silence.
    """
    classes: FloatArray = bank @ power
    strongest = classes.max(axis=0)
    strongest[strongest < _TINY] = 1
    classes /= strongest
    return classes


class ChromaStream:
    """Chroma of a stream with the tuning of its beginning.

    The filters depend on the tuning, which ``librosa.chroma_stft`` takes from the whole signal. A stream
    holds back the spectra of its first frames, estimates the tuning from them by
    ``librosa.estimate_tuning``'s definition, and goes on with it. Up to `prologue` frames the result is
    that of librosa; memory is bounded.

    Parameters
    ----------
    prologue : int
        Frames to estimate the tuning from.
    """

    def __init__(self, prologue: int) -> None:
        self._prologue = prologue
        self._held: list[FloatArray] = []
        self._n_held = 0
        self._room: FloatArray | None = None
        self._peaks: list[tuple[FloatArray, FloatArray]] = []
        self._form = (0.0, 0)  # sample rate and FFT length of the spectra
        self._bank: FloatArray | None = None
        self.tuning = float("nan")

    def push(self, spectra: Spectra) -> Iterator[FloatArray]:
        """Take in spectra, give out chroma, shape (12, n), of all frames that are ready."""
        power = spectra.power[:, : spectra.n_frames]
        if self._bank is not None:
            yield chroma(power, self._bank)
            return
        self._form = (spectra.sr, spectra.n_fft)
        self._held.append(self._keep(power))
        self._n_held += spectra.n_frames
        self._peaks.append(pitch_peaks(power, *self._form))
        if self._n_held >= self._prologue:
            yield from self.finish()

    def _keep(self, power: FloatArray) -> FloatArray:
        """Move all but the first block, which a short sound has alone, to where one allocation holds them.

        So large a one goes back to the system when it is freed; many small ones stay with the process.
        """
        if not self._held:
            return power
        if self._room is None:
            self._room = np.empty((-(-self._prologue // power.shape[1]), *self._held[0].shape), dtype=np.float32)
        room = self._room[len(self._held) - 1, :, : power.shape[1]]
        room[:] = power
        return room

    def finish(self) -> Iterator[FloatArray]:
        """Give out what is still held back."""
        held, self._held, self._room = self._held, [], None
        if not held:
            return
        self.tuning = _tuning_of_peaks(self._peaks)
        self._peaks = []
        self._bank = filters.chroma_bank(*self._form, 0.0 if np.isnan(self.tuning) else self.tuning)
        for power in held:
            yield chroma(power, self._bank)


def _tuning_of_peaks(peaks: list[tuple[FloatArray, FloatArray]]) -> float:
    frequencies = np.concatenate([f for f, _ in peaks])
    heights = np.concatenate([h for _, h in peaks])
    if not len(frequencies):
        return float("nan")
    return pitch_tuning(frequencies[heights >= np.median(heights)])


@lru_cache(maxsize=1)
def _tonnetz_bank() -> FloatArray:
    steps = np.arange(12)
    radius = np.array([1, 1, 1, 1, 0.5, 0.5])
    turns = np.array([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3])
    offset = np.array([0.5, 0, 0.5, 0, 0.5, 0])
    bank = radius * np.cos(np.pi * (steps[:, None] * turns - offset))
    return np.asarray(bank.T, dtype=np.float32)


def tonnetz(chroma: FloatArray) -> FloatArray:
    """Tonal centroids, shape (6, n), of chroma, shape (12, n) (``librosa.feature.tonnetz(chroma=chroma)``).

    References
    ----------
    C. Harte, M. Sandler, M. Gasser, "Detecting harmonic change in musical audio", ACM MM 2006.
    """
    total = np.abs(chroma).sum(axis=0)
    total[total < _TINY] = 1
    return np.asarray(_tonnetz_bank() @ (chroma / total))


def _parabolic_peaks(
    S: FloatArray, floor: FloatArray
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], FloatArray]:
    """Row, column and shift in bins of each local maximum above `floor`, the first and last column left out."""
    middle = S[:, 1:-1]
    row, column = np.nonzero((middle > S[:, :-2]) & (middle >= S[:, 2:]) & (middle > floor))
    column += 1
    below, height, above = S[row, column - 1], S[row, column], S[row, column + 1]
    slope, curve = (above - below) / 2, above + below - 2 * height
    bent = np.abs(slope) < np.abs(curve)
    return row, column, np.divide(-slope, curve, out=np.zeros_like(slope), where=bent)
