"""Pitch: tuning, chroma, tonnetz and key.

Tuning and chroma are librosa's. The key is estimated from spectral peaks of longer frames (8192
samples), because a 2048-point spectrum cannot tell semitones apart below 500 Hz.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled
from workbench.features import filters
from workbench.features.frames import FrameBlock, Framer
from workbench.features.stft import Spectra, rfft_frames

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

#: Names of the keys by their index.
KEY_NAMES = (*(f"{p} major" for p in PITCH_CLASSES), *(f"{p} minor" for p in PITCH_CLASSES))

_PIP_FMIN, _PIP_FMAX, _PIP_THRESHOLD = 150.0, 4000.0, np.float32(0.1)
_TUNING_BINS = 100


def camelot(key: int) -> str:
    """Camelot code of a key index.

    Examples
    --------
    >>> camelot(KEY_NAMES.index("A minor")), camelot(KEY_NAMES.index("C major"))
    ('8A', '8B')
    """
    minor = key >= 12
    relative_major = (key % 12 + 3) % 12 if minor else key
    return f"{(relative_major * 7 + 7) % 12 + 1}{'A' if minor else 'B'}"


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
    for k in range(first, end):
        for t in range(S.shape[1]):
            below, height, above = S[k - 1, t], S[k, t], S[k + 1, t]
            if height > below and height >= above and height > floor[t]:
                slope, curve = (above - below) / np.float32(2), above + below - 2 * height
                shift = -slope / curve if abs(slope) < abs(curve) else np.float32(0)
                frequencies[n] = (k + shift) * bin_hz
                heights[n] = height + slope * shift / np.float32(2)
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
        """Take in spectra, give out chroma, shape (12, n), of all frames that are ready."""
        power = spectra.power[:, : spectra.n_frames]
        if self._bank is not None:
            yield chroma(power, self._bank)
            return
        self._form = (spectra.sr, spectra.n_fft)
        self._held.append(power)
        self._n_held += spectra.n_frames
        self._peaks.append(pitch_peaks(power, *self._form))
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
    return np.asarray(bank.T, dtype=np.float32)


def tonnetz(chroma: FloatArray) -> FloatArray:
    """Tonal centroids, shape (6, n), of chroma, shape (12, n) (``librosa.feature.tonnetz(chroma=chroma)``).

    References
    ----------
    C. Harte, M. Sandler, M. Gasser, "Detecting harmonic change in musical audio", ACM MM 2006.
    """
    total = np.abs(chroma).sum(axis=0)
    total[total < np.finfo(np.float32).tiny] = 1
    return np.asarray(_tonnetz_bank() @ (chroma / total))


@dataclass(frozen=True, slots=True)
class Key:
    """A key and how well it fits; NaN where nothing is tonal.

    Attributes
    ----------
    index : index in `KEY_NAMES`
    strength : correlation with the profile of the key, 0 to 1
    """

    index: float
    strength: float


UNKNOWN_KEY = Key(float("nan"), float("nan"))

_BINS = 120  # per octave: 10 cents
_KEY_FMIN, _KEY_FMAX, _KEY_THRESHOLD = 100.0, 2000.0, np.float32(0.1)
_C4_HZ = 440.0 * 2.0 ** (-9 / 12)
_LEAST_STRENGTH = 0.3
_THIRD_HARMONIC = 0.2
# Strength times contrast that noise does not reach: 0.11 with many frames, 0.23 with ten; music starts at 0.24.
_LEAST_EVIDENCE, _LEAST_EVIDENCE_OF_ONE = 0.15, 0.38
_SHARP_BINS, _SHARP_RATIO = 3, np.float32(2.0)
_FULL_SCALE_DB = -80.0  # frames without a peak above this have no voice
_KEY_BLOCK_FRAMES = 32
_FEWEST_FRAMES = 9  # more than a click or an edge can fill

#: How often pitch classes occur in major and in minor, from the tonic upwards (Albrecht & Shanahan 2013).
KEY_PROFILES = (
    np.array([0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081]),
    np.array([0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052]),
)


class KeyStream:
    """Collect the pitch of spectral peaks over a stream and find its key.

    Peaks from 100 to 2000 Hz that reach a tenth of their frame's strongest and fall off to half within
    8 Hz on both sides (a drum's are broader) are counted by the root of their magnitude in a histogram
    of 10 cents. Every frame is scaled to the same maximum, so that loud drums do not outvote soft chords.

    Parameters
    ----------
    sr : float
        Sample rate, Hz.
    n_fft, hop_length : int
        Of the frames, in samples: long enough to tell semitones apart.

    References
    ----------
    E. Gómez, "Tonal description of polyphonic audio for music content processing", INFORMS Journal on
    Computing 18 (3), 2006 (harmonic pitch class profile).
    """

    def __init__(self, sr: float, n_fft: int, hop_length: int) -> None:
        self._sr = sr
        self._framer = Framer(n_fft, hop_length, _KEY_BLOCK_FRAMES)
        self._histogram = np.zeros(_BINS)
        self._n_frames = 0

    def push(self, y: FloatArray) -> None:
        """Take in mono samples."""
        for block in self._framer.push(y):
            self._count(block)

    def finish(self) -> Key:
        """Give the key of everything; `UNKNOWN_KEY` for less than about a second of sound."""
        for block in self._framer.finish():
            self._count(block)
        if self._n_frames < _FEWEST_FRAMES:
            return UNKNOWN_KEY
        return estimate_key(self._histogram, self._n_frames)

    def _count(self, block: FrameBlock) -> None:
        first, end = (int(hz * block.frame_length / self._sr) for hz in (_KEY_FMIN, _KEY_FMAX))
        S = np.abs(rfft_frames(block)[:, first - 1 : end + 1])
        quietest = block.frame_length / 4 * 10 ** (_FULL_SCALE_DB / 20)
        S = S[S.max(axis=1) > quietest]
        if not len(S):
            return
        row, column, shift = _parabolic_peaks(S, _KEY_THRESHOLD * S.max(axis=1, keepdims=True))
        sides = np.clip((column - _SHARP_BINS, column + _SHARP_BINS), 0, S.shape[1] - 1)
        sharp = S[row, column] > _SHARP_RATIO * S[row, sides].max(axis=0)
        row, column, shift = row[sharp], column[sharp], shift[sharp]
        frequencies = (column + first - 1 + shift) * np.float32(self._sr / block.frame_length)
        bins = np.rint(_BINS * np.log2(frequencies / np.float32(_C4_HZ))).astype(np.int64) % _BINS
        weights = np.sqrt(S[row, column])
        counts = np.bincount(row * _BINS + bins, weights, minlength=len(S) * _BINS).reshape(-1, _BINS)
        counts = counts[counts.any(axis=1)]
        self._n_frames += len(counts)
        self._histogram += (counts / counts.max(axis=1, keepdims=True)).sum(axis=0)


def estimate_key(histogram: DoubleArray, n_frames: int) -> Key:
    """Key of a histogram of pitch.

    The histogram is shifted by its own tuning (the circular mean over each semitone), gathered into
    pitch classes and correlated with `KEY_PROFILES` in all 12 positions. A fifth of each pitch class is
    counted a fifth lower too, where it would be a third harmonic, as far as that note is there itself.

    Parameters
    ----------
    histogram : numpy.ndarray, shape (120,)
        Weight of each tenth of a semitone, C first.
    n_frames : int
        Frames counted in it: the fewer, the clearer they must be.

    Returns
    -------
    Key
        `UNKNOWN_KEY` if the pitch classes are nearly as even as those of noise or fit no profile. (Contrast
        is the deviation of the 12 pitch classes over their mean.)

    References
    ----------
    C. Krumhansl, "Cognitive foundations of musical pitch", 1990 (correlation with key profiles);
    J. Albrecht, D. Shanahan, "The use of large corpora to train a new type of key-finding algorithm",
    Music Perception 31 (1), 2013 (profiles).

    Examples
    --------
    >>> scale = np.zeros(120)
    >>> scale[[90, 110, 0, 20, 40, 50, 70]] = [3, 1, 2, 1, 2, 1, 1]
    >>> KEY_NAMES[int(estimate_key(scale, n_frames=100).index)]
    'A minor'
    """
    pitch_classes = _pitch_classes(histogram)
    pitch_classes += _THIRD_HARMONIC * np.minimum(np.roll(pitch_classes, -7), 2 * pitch_classes)
    if not pitch_classes.std() > 0:
        return UNKNOWN_KEY
    contrast = pitch_classes.std() / pitch_classes.mean()
    least = _LEAST_EVIDENCE + _LEAST_EVIDENCE_OF_ONE / np.sqrt(n_frames)
    rotated = np.stack([np.roll(profile, k) for profile in KEY_PROFILES for k in range(12)])
    rotated -= rotated.mean(axis=1, keepdims=True)
    centred = pitch_classes - pitch_classes.mean()
    scores = rotated @ centred / np.sqrt((rotated**2).sum(axis=1) * (centred**2).sum())
    best = int(np.argmax(scores))
    if scores[best] < _LEAST_STRENGTH or scores[best] * contrast < least:
        return UNKNOWN_KEY
    return Key(float(best), float(min(scores[best], 1.0)))


def _pitch_classes(histogram: DoubleArray) -> DoubleArray:
    """Gather tenths of a semitone into 12 tuned pitch classes."""
    per_semitone = _BINS // 12
    bins = np.arange(_BINS)
    turn = np.angle(np.sum(histogram * np.exp(2j * np.pi * bins / per_semitone))) / (2 * np.pi)
    distance = bins / per_semitone - turn - np.arange(12)[:, None]
    distance = (distance + 6) % 12 - 6
    weights = np.where(np.abs(distance) < 0.5, np.cos(np.pi * distance) ** 2, 0.0)
    return np.asarray(weights @ histogram)


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
