"""Pitch: tuning, chroma and tonnetz, all librosa's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from workbench.features import filters
from workbench.features.stft import Spectra

FloatArray = npt.NDArray[np.float32]

_PIP_FMIN, _PIP_FMAX, _PIP_THRESHOLD = 150.0, 4000.0, np.float32(0.1)
_TUNING_BINS = 100


def pitch_peaks(S: FloatArray, sr: float, n_fft: int) -> tuple[FloatArray, FloatArray]:
    """Frequencies and heights of all spectral peaks from 150 to 4000 Hz (``librosa.piptrack``).

    Parameters
    ----------
    S : numpy.ndarray, shape (n_frames, n_bins)
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
    band = S[:, inside[0] - 1 : inside[-1] + 2]
    row, column, shift = _parabolic_peaks(band, _PIP_THRESHOLD * S.max(axis=1, keepdims=True))
    frequencies = ((column + (inside[0] - 1) + shift) * np.float32(sr) / np.float32(n_fft)).astype(np.float32)
    slope = (band[row, column + 1] - band[row, column - 1]) / 2
    return frequencies, (band[row, column] + slope * shift / 2).astype(np.float32)


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
    power : numpy.ndarray, shape (n_frames, n_bins)
    bank : numpy.ndarray, shape (n_bins, 12)
        See `filters.chroma_bank`.

    Returns
    -------
    numpy.ndarray, shape (n_frames, 12)
        Zeros for silence.
    """
    classes: FloatArray = power @ bank
    strongest = classes.max(axis=1, keepdims=True)
    strongest[strongest < np.finfo(np.float32).tiny] = 1
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
        self._peaks: list[tuple[FloatArray, FloatArray]] = []
        self._form = (0.0, 0)  # sample rate and FFT length of the spectra
        self._bank: FloatArray | None = None
        self.tuning = float("nan")

    def push(self, spectra: Spectra) -> Iterator[FloatArray]:
        """Take in spectra, give out chroma, shape (n, 12), of all frames that are ready."""
        if self._bank is not None:
            yield chroma(spectra.power, self._bank)
            return
        self._form = (spectra.sr, spectra.n_fft)
        self._held.append(spectra.power)
        self._n_held += spectra.n_frames
        self._peaks.append(pitch_peaks(spectra.power, *self._form))
        if self._n_held >= self._prologue:
            yield from self.finish()

    def finish(self) -> Iterator[FloatArray]:
        """Give out what is still held back."""
        held, self._held = self._held, []
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
    return np.asarray(bank, dtype=np.float32)


def tonnetz(chroma: FloatArray) -> FloatArray:
    """Tonal centroids, shape (n, 6), of chroma, shape (n, 12) (``librosa.feature.tonnetz(chroma=chroma)``).

    References
    ----------
    C. Harte, M. Sandler, M. Gasser, "Detecting harmonic change in musical audio", ACM MM 2006.
    """
    total = np.abs(chroma).sum(axis=1, keepdims=True)
    total[total < np.finfo(np.float32).tiny] = 1
    return np.asarray((chroma / total) @ _tonnetz_bank())


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
