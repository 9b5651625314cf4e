"""Spectral and time-domain descriptors of frames: kernels on arrays with time along the first axis.

Each kernel takes a block of spectra (n_frames, n_bins) and gives (n_frames,) or (n_frames, n).
Silent frames give what librosa gives: zeros, and a flatness of one. `Flux` and `OnsetStrength`
compare a frame with the one before it and therefore remember the end of the last block.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from workbench.features.frames import FrameBlock

FloatArray = npt.NDArray[np.float32]

#: Power below which `power_to_db` does not look: -100 dB, librosa's ``amin``.
AMIN = 1e-10

DB_PER_NEPER = np.float32(10.0 / np.log(10.0))

#: First of the 128 mel bands of the pulse's low (to 420 Hz: kick, bass), middle (snare) and high band (from 5.4 kHz:
#: cymbals).
PULSE_BANDS = (0, 16, 101)

_ROLL_PERCENT = np.float32(0.85)
_CONTRAST_FMIN = 200.0
_CONTRAST_BANDS = 6
_CONTRAST_QUANTILE = 0.02
_ZERO_THRESHOLD = np.float32(1e-10)


def power_to_db(S: FloatArray) -> FloatArray:
    """Power to decibels re 1.0 (``librosa.power_to_db(S, ref=1.0, amin=1e-10, top_db=None)``).

    librosa's ``top_db`` cuts at a distance from the loudest value of the whole signal, which a
    stream cannot know; only the absolute floor `AMIN` applies here.
    """
    decibels = np.maximum(S, np.float32(AMIN))
    np.log(decibels, out=decibels)
    decibels *= DB_PER_NEPER
    return decibels


def centroid(S: FloatArray, total: FloatArray, frequencies: FloatArray) -> FloatArray:
    """Mean frequency weighted by magnitude, Hz (``librosa.feature.spectral_centroid``).

    Parameters
    ----------
    S : numpy.ndarray, shape (n_frames, n_bins)
        Magnitude spectra.
    total : numpy.ndarray, shape (n_frames,)
        Sum of each spectrum.
    frequencies : numpy.ndarray, shape (n_bins,)
        Hz.

    Returns
    -------
    numpy.ndarray, shape (n_frames,)
        ``sum(S * f) / sum(S)``; 0 for silence.

    Examples
    --------
    >>> S = np.array([[0, 1, 1, 0], [0, 0, 0, 0]], np.float32)
    >>> centroid(S, S.sum(axis=1), np.array([0, 100, 200, 300], np.float32)).tolist()
    [150.0, 0.0]
    """
    return _ratio(S @ frequencies, total)


def bandwidth(S: FloatArray, total: FloatArray, frequencies: FloatArray, centroids: FloatArray) -> FloatArray:
    """Spread about the centroid, Hz (``librosa.feature.spectral_bandwidth``, p=2).

    Parameters
    ----------
    S, total, frequencies
        As for `centroid`.
    centroids : numpy.ndarray, shape (n_frames,)
        Hz.

    Returns
    -------
    numpy.ndarray, shape (n_frames,)
        ``sqrt(sum(S * (f - centroid)²) / sum(S))``; 0 for silence.
    """
    # The sum of squares is not expanded: float32 would cancel for narrow spectra.
    deviation = frequencies - centroids[:, None]
    deviation *= deviation
    return np.sqrt(_ratio(np.einsum("tf,tf->t", S, deviation), total))


def rolloff(S: FloatArray, frequencies: FloatArray) -> FloatArray:
    """Lowest frequency below which 85 % of the magnitude lies, Hz (``librosa.feature.spectral_rolloff``).

    The running sum is taken over groups of bins first and over bins only inside the group where it
    passes the threshold; rounding may differ from librosa's sum by one bin.
    """
    n_frames, n_bins = S.shape
    size = 32
    groups = np.zeros((n_frames, -(-n_bins // size)), dtype=np.float32)
    whole = n_bins // size
    groups[:, :whole] = S[:, : whole * size].reshape(n_frames, whole, size).sum(axis=2)
    if whole < groups.shape[1]:
        groups[:, whole] = S[:, whole * size :].sum(axis=1)
    reached = np.cumsum(groups, axis=1)
    threshold = _ROLL_PERCENT * reached[:, -1]
    group = np.minimum(np.count_nonzero(reached < threshold[:, None], axis=1), groups.shape[1] - 1)
    rows = np.arange(n_frames)
    before = reached[rows, group] - groups[rows, group]
    bins = np.minimum(group[:, None] * size + np.arange(size), n_bins - 1)
    inside = before[:, None] + np.cumsum(S[rows[:, None], bins], axis=1)
    index = group * size + np.count_nonzero(inside < threshold[:, None], axis=1)
    result: FloatArray = frequencies[np.minimum(index, n_bins - 1)]
    return result


def flatness(power: FloatArray) -> FloatArray:
    """Geometric over arithmetic mean of the power spectrum, 0 to 1 (``librosa.feature.spectral_flatness``)."""
    floored = np.maximum(power, np.float32(AMIN))
    arithmetic = floored.mean(axis=1)
    np.log(floored, out=floored)
    geometric: FloatArray = np.exp(floored.mean(axis=1))
    geometric /= arithmetic
    return geometric


@lru_cache(maxsize=8)
def contrast_bands(sr: float, n_fft: int) -> tuple[tuple[int, int, int], ...]:
    """Octave bands of `contrast`: first bin, end bin and how many bins make a peak or a valley."""
    frequencies = np.fft.rfftfreq(n_fft, 1.0 / sr)
    edges = np.concatenate(([0.0], _CONTRAST_FMIN * 2.0 ** np.arange(_CONTRAST_BANDS + 1)))
    bands = []
    for k, (low, high) in enumerate(pairwise(edges)):
        inside = np.flatnonzero((frequencies >= low) & (frequencies <= high))
        first, end = int(inside[0]), int(inside[-1]) + 1
        if k > 0:
            first -= 1
        if k == _CONTRAST_BANDS:
            end = len(frequencies)
        n_extreme = max(int(np.rint(_CONTRAST_QUANTILE * (end - first))), 1)
        bands.append((first, end if k == _CONTRAST_BANDS else end - 1, n_extreme))
    return tuple(bands)


def contrast(S: FloatArray, sr: float, n_fft: int) -> FloatArray:
    """Peak minus valley in 7 octave bands, dB (``librosa.feature.spectral_contrast``).

    As in librosa the mean of the highest and lowest 2 % of the bins of each band; `power_to_db`
    explains why the floor is absolute.

    References
    ----------
    D.-N. Jiang et al., "Music type classification by spectral contrast feature", ICME 2002.
    """
    bands = contrast_bands(sr, n_fft)
    peaks = np.empty((len(S), len(bands)), dtype=np.float32)
    valleys = np.empty_like(peaks)
    for k, (first, end, n_extreme) in enumerate(bands):
        band = S[:, first:end]
        if n_extreme == 1:
            peaks[:, k], valleys[:, k] = band.max(axis=1), band.min(axis=1)
        else:
            # numpy sorts float32 with SIMD: here faster than its own partition.
            ordered = np.sort(band, axis=1)
            peaks[:, k] = ordered[:, -n_extreme:].mean(axis=1)
            valleys[:, k] = ordered[:, :n_extreme].mean(axis=1)
    return power_to_db(peaks) - power_to_db(valleys)


def zero_crossing_rate(block: FrameBlock) -> FloatArray:
    """Share of samples at which the sign changes, 0 to 1 (``librosa.feature.zero_crossing_rate``)."""
    negative = block.samples < -_ZERO_THRESHOLD
    changes = np.empty(len(negative), dtype=np.bool_)
    changes[0] = False
    np.not_equal(negative[1:], negative[:-1], out=changes[1:])
    # librosa repeats the edge samples instead of adding zeros: no crossing at the borders.
    changes[list(block.borders)] = False
    within = block.frame_sums(changes)
    within -= changes[:: block.hop_length][: block.n_frames]
    within /= np.float32(block.frame_length)
    return within


def rms(block: FrameBlock) -> FloatArray:
    """Root mean square of each frame of samples (``librosa.feature.rms(y=y)``)."""
    energy = block.frame_sums(block.samples * block.samples)
    energy /= np.float32(block.frame_length)
    return np.sqrt(energy, out=energy)


class Flux:
    """Distance between successive magnitude spectra scaled to unit norm, 0 to sqrt(2).

    The first frame has a flux of 0, and so has a change from silence to silence.

    References
    ----------
    G. Tzanetakis, P. Cook, "Musical genre classification of audio signals", IEEE TSAP 10 (5), 2002;
    here the square root of their sum of squared differences.
    """

    def __init__(self) -> None:
        self._last: FloatArray | None = None

    def __call__(self, S: FloatArray) -> FloatArray:
        """Flux of each frame of magnitude spectra, shape (n_frames,)."""
        norm = np.sqrt(np.einsum("tf,tf->t", S, S))
        unit = np.empty((len(S) + 1, S.shape[1]), dtype=np.float32)
        np.multiply(S, _ratio(np.ones_like(norm), norm)[:, None], out=unit[1:])
        unit[0] = unit[1] if self._last is None else self._last
        self._last = unit[-1].copy()
        change = unit[1:] - unit[:-1]
        squares: FloatArray = np.einsum("tf,tf->t", change, change)
        return np.sqrt(squares, out=squares)


class OnsetStrength:
    """Mean rise of the mel spectrum from frame to frame, dB (``librosa.onset.onset_strength``).

    Parameters
    ----------
    n_fft, hop_length : int
        The curve is delayed by ``n_fft // (2 * hop_length)`` frames, as librosa does for centred frames.
    bands : tuple of int, optional
        First mel band of each of several groups: then there is a value for each, whose sum is the whole, and
        no delay, which would put each onset 46 ms after it was heard.

    References
    ----------
    S. Böck, G. Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013 (with
    a lag of 1 and no maximum filter).
    """

    def __init__(self, n_fft: int, hop_length: int, bands: tuple[int, ...] | None = None) -> None:
        self._bands = bands
        self._delay = n_fft // (2 * hop_length) if bands is None else 0
        self._last: FloatArray | None = None

    def __call__(self, mel_db: FloatArray) -> FloatArray:
        """Onset strength of each frame of a mel spectrum in dB, shape (n_frames,) or (n_frames, n_bands)."""
        if self._last is None:
            # A constant past rises nowhere: the first `delay + 1` values are 0 as in librosa.
            self._last = np.repeat(mel_db[:1], self._delay + 1, axis=0)
        spectrum = np.concatenate((self._last, mel_db))
        self._last = spectrum[-self._delay - 1 :]
        now = spectrum[1 : 1 + len(mel_db)]
        rise = np.maximum(now - spectrum[: len(mel_db)], np.float32(0))
        if self._bands is not None:
            sums: FloatArray = np.add.reduceat(rise, self._bands, axis=1)
            return sums / np.float32(rise.shape[1])
        mean: FloatArray = rise.mean(axis=1)
        return mean


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide, with 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
