"""The shape of a spectrum in numbers: higher moments, entropy, slope, strongest peak, count of peaks.

All take spectra of the shape (n_bins, n_frames) and give (n_frames,). Silence has an entropy, a slope, a
decrease, a skewness and peaks of 0.

References
----------
G. Peeters, "A large set of audio features for sound description (similarity and classification) in the
CUIDADO project", IRCAM, 2004 (moments, decrease); P. Masri, "Computer modelling of sound for transformation
and synthesis of musical signals", University of Bristol, 1996 (high-frequency content); F. Gouyon,
P. Herrera, "Exploration of techniques for automatic labeling of audio drum tracks' instruments", MOSART 2001
(strong peak); C. Laurier et al., "Indexing music by mood", Multimedia Tools and Applications 48, 2010
(complexity); H. Misra et al., "Spectral entropy based feature for robust ASR", ICASSP 2004 (entropy).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled
from workbench.features.filters import frozen
from workbench.features.spectral import power_to_db, ratio, sum_of_bins, weighted_sum

FloatArray = npt.NDArray[np.float32]

#: Lowest value of `decrease`, which has no bound where a spectrum is all in its first bin.
LEAST_DECREASE = -10.0

_TINY = np.finfo(np.float32).tiny

# Complexity counts peaks within this range that reach this share of a sine at full scale (Essentia's).
_COMPLEXITY_HZ = 100.0, 5000.0
_COMPLEXITY_SHARE = 0.005


@compiled
def skewness_and_kurtosis(
    S: FloatArray, total: FloatArray, frequencies: FloatArray, centroids: FloatArray, spreads: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Third and fourth standardised moment of the magnitude over frequency, 3 subtracted from the fourth.

    Parameters
    ----------
    S : numpy.ndarray, shape (n_bins, n_frames)
        Magnitude spectra.
    total, centroids, spreads : numpy.ndarray, shape (n_frames,)
        Sum, centroid (Hz) and standard deviation (Hz) of each spectrum.
    frequencies : numpy.ndarray, shape (n_bins,)
        Hz, evenly spaced.

    Returns
    -------
    skewness, kurtosis : numpy.ndarray, shape (n_frames,)
        A spread below a bin counts as a bin: then neither passes the number of bins (or its square). For
        silence 0 and -3.
    """
    third = np.zeros(S.shape[1], dtype=np.float32)
    fourth = np.zeros(S.shape[1], dtype=np.float32)
    scale = np.float32(1) / np.maximum(spreads, frequencies[1] - frequencies[0])
    for k in range(S.shape[0]):
        row, frequency = S[k], frequencies[k]
        for t in range(S.shape[1]):
            z = (frequency - centroids[t]) * scale[t]
            cube = row[t] * z * z * z
            third[t] += cube
            fourth[t] += cube * z
    return ratio(third, total), ratio(fourth, total) - np.float32(3)


def entropy(S: FloatArray, total: FloatArray) -> FloatArray:
    """Entropy of the magnitudes as a distribution over bins, bits: 0 for one bin, log2(n_bins) for evenness.

    Examples
    --------
    >>> S = np.array([[1, 3, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]], np.float32)
    >>> entropy(S, S.sum(axis=0)).tolist()
    [2.0, 0.0, 0.0]
    """
    logs = np.maximum(S, _TINY)
    np.log2(logs, out=logs)
    bits = np.log2(np.maximum(total, _TINY)) - ratio(sum_of_bins(S * logs), total)
    return np.where(total > 0, np.maximum(bits, np.float32(0)), np.float32(0))


def decrease(S: FloatArray, total: FloatArray) -> FloatArray:
    """How steeply the magnitudes fall from the lowest bin, low bins counting most (Peeters 2004).

    With the bins counted from 1, the constant left out: ``sum((S[k] - S[1]) / (k - 1)) / sum(S[k])`` over
    ``k >= 2``; at least `LEAST_DECREASE`.

    Parameters
    ----------
    S : numpy.ndarray, shape (n_bins, n_frames)
        Magnitude spectra.
    total : numpy.ndarray, shape (n_frames,)
        Sum of each.
    """
    weights = _decrease_weights(len(S))
    rest = total - S[0] - S[1]
    # what is left beside the first bins may be rounding alone
    rest = np.where(rest > np.float32(1e-6) * total, rest, total * np.float32(1e-6))
    found = ratio(weighted_sum(S, weights), rest)
    return np.clip(found, np.float32(LEAST_DECREASE), np.float32(1))


@lru_cache(maxsize=4)
def _decrease_weights(n_bins: int) -> FloatArray:
    weights = np.zeros(n_bins)
    weights[2:] = 1 / np.arange(1, n_bins - 1)
    weights[1] = -weights[2:].sum()
    return frozen(weights.astype(np.float32))


def high_frequency_content(power: FloatArray) -> FloatArray:
    """Power weighted by the number of the bin, dB (Masri 1996): high where noise or an attack is."""
    return power_to_db(weighted_sum(power, np.arange(len(power), dtype=np.float32)))


def complexity(S: FloatArray, bin_hz: float, full_scale: float) -> FloatArray:
    """Peaks of the magnitude spectrum from 100 to 5000 Hz that reach 0.5 % of a sine at full scale.

    Parameters
    ----------
    S : numpy.ndarray, shape (n_bins, n_frames)
        Magnitude spectra.
    bin_hz : float
        Distance of bins, Hz.
    full_scale : float
        Magnitude of a sine of amplitude 1.
    """
    first, end = (int(hz / bin_hz) for hz in _COMPLEXITY_HZ)
    return _count_peaks(S, max(first, 1), min(end, len(S) - 1), np.float32(_COMPLEXITY_SHARE * full_scale))


@compiled
def _count_peaks(S: FloatArray, first: int, end: int, floor: np.float32) -> FloatArray:
    count = np.zeros(S.shape[1], dtype=np.float32)
    for k in range(first, end):
        below, row, above = S[k - 1], S[k], S[k + 1]
        for t in range(S.shape[1]):
            count[t] += np.float32((row[t] > below[t]) & (row[t] >= above[t]) & (row[t] >= floor))
    return count


@compiled
def strong_peak(S: FloatArray, full_scale: np.float32) -> FloatArray:
    """Height of the strongest bin over its width: high for one thin peak (Gouyon & Herrera 2001).

    The width is ``log10(above / below)`` of the edges of the bins around it that reach half its height.

    Parameters
    ----------
    S : numpy.ndarray, shape (n_bins, n_frames)
        Magnitude spectra; the constant is left out.
    full_scale : float
        Magnitude that counts as a height of 1.
    """
    n_bins, n_frames = S.shape
    highest, where = S[1].copy(), np.ones(n_frames, dtype=np.int32)
    for k in range(2, n_bins):
        row = S[k]
        for t in range(n_frames):
            where[t] = np.int32(k) if row[t] > highest[t] else where[t]
            highest[t] = max(row[t], highest[t])
    found = np.zeros(n_frames, dtype=np.float32)
    for t in range(n_frames):
        if highest[t] > 0:
            low, high, half = where[t], where[t], highest[t] / np.float32(2)
            while low > 1 and S[low - 1, t] >= half:
                low -= 1
            while high < n_bins - 1 and S[high + 1, t] >= half:
                high += 1
            found[t] = highest[t] / full_scale / np.log10((high + 0.5) / (low - 0.5))
    return found


def poly_features(S: FloatArray, total: FloatArray, frequencies: FloatArray) -> FloatArray:
    """Least squares fits of the magnitudes over frequency (``librosa.feature.poly_features``, order 0 and 1).

    Parameters
    ----------
    S : numpy.ndarray, shape (n_bins, n_frames)
        Magnitude spectra.
    total : numpy.ndarray, shape (n_frames,)
        Sum of each.
    frequencies : numpy.ndarray, shape (n_bins,)
        Hz.

    Returns
    -------
    numpy.ndarray, shape (3, n_frames)
        The constant of order 0; slope (per Hz) and value at 0 Hz of order 1.

    Examples
    --------
    >>> S = np.array([[5], [4], [3]], np.float32)
    >>> poly_features(S, S.sum(axis=0), np.array([0, 2, 4], np.float32)).ravel().tolist()
    [4.0, -0.5, 5.0]
    """
    middle = frequencies.mean(dtype=np.float64)
    centred = frequencies - middle
    slope = weighted_sum(S, (centred / np.sum(centred**2)).astype(np.float32))
    mean = total / np.float32(len(S))
    return np.stack((mean, slope, mean - slope * np.float32(middle)))
