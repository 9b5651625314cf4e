"""The strongest peaks of a spectrum, and how rough and how pitched it sounds.

The peaks of a frame are two arrays of the shape (n_peaks, n_frames), frequencies (ascending) and heights, with
zeros where a frame has fewer.

References
----------
T. Grandke, "Interpolation algorithms for discrete Fourier transforms of weighted signals", IEEE Trans. IM 32,
1983 (peak frequency); R. Plomp, W. Levelt, "Tonal consonance and critical bandwidth", JASA 38, 1965, in the form
of W. Sethares, "Tuning, timbre, spectrum, scale", 1998 (dissonance); J. Ricard, "Towards computational
morphological description of sound", Universitat Pompeu Fabra, 2004 (pitch salience).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled
from workbench.features.fft import PowerSpectrum
from workbench.features.filters import frozen

FloatArray = npt.NDArray[np.float32]
Peaks = tuple[FloatArray, FloatArray]

#: Peaks kept of each frame, the range in which they are sought, and the lowest relative to the highest.
N_PEAKS = 24
_PEAK_HZ = 40.0, 5000.0
_LEAST_HEIGHT = np.float32(1e-3)

_TINY = np.finfo(np.float32).tiny


def spectral_peaks(S: FloatArray, bin_hz: float, n_peaks: int = N_PEAKS) -> Peaks:
    """Give the highest local maxima from 40 to 5000 Hz of each Hann-windowed magnitude spectrum.

    Parameters
    ----------
    S : numpy.ndarray, shape (n_bins, n_frames)
    bin_hz : float
        Distance of bins, Hz.
    n_peaks : int
        How many at most.

    Returns
    -------
    frequencies, heights : numpy.ndarray, shape (n_peaks, n_frames)
        Those above a thousandth of the highest. The frequency is exact for a lone sine (Grandke 1983); the height
        is that of the bin.
    """
    first, end = (int(hz / bin_hz) for hz in _PEAK_HZ)
    return _highest_peaks(S, max(first, 1), min(end, len(S) - 1), n_peaks, _LEAST_HEIGHT, np.float32(bin_hz))


@compiled
def _highest_peaks(
    S: FloatArray, first: int, end: int, n_peaks: int, least: np.float32, bin_hz: np.float32
) -> tuple[FloatArray, FloatArray]:
    n_frames = S.shape[1]
    floor = np.zeros(n_frames, dtype=np.float32)
    for k in range(first, end):
        row = S[k]
        for t in range(n_frames):
            floor[t] = max(floor[t], row[t])
    floor *= least
    bins = np.empty((n_frames, end - first), dtype=np.int32)
    values = np.empty((n_frames, end - first), dtype=np.float32)
    n_found = np.zeros(n_frames, dtype=np.int32)
    for k in range(first, end):
        below, row, above = S[k - 1], S[k], S[k + 1]
        for t in range(n_frames):
            # every bin is written down, and written over by the next unless it is a peak: no jump to guess
            bins[t, n_found[t]], values[t, n_found[t]] = k, row[t]
            n_found[t] += (row[t] > below[t]) & (row[t] >= above[t]) & (row[t] > floor[t])
    frequencies = np.zeros((n_peaks, n_frames), dtype=np.float32)
    heights = np.zeros((n_peaks, n_frames), dtype=np.float32)
    for t in range(n_frames):
        n = _keep_highest(bins[t, : n_found[t]], values[t, : n_found[t]], n_peaks)
        for i in range(n):
            k, height = bins[t, i], values[t, i]
            frequencies[i, t] = (k + _hann_shift(S[k - 1, t], height, S[k + 1, t])) * bin_hz
            heights[i, t] = height
    return frequencies, heights


@compiled
def _hann_shift(below: np.float32, height: np.float32, above: np.float32) -> np.float32:
    """Distance of a sine from the bin in which it is highest, bins, by the magnitude of its higher neighbour."""
    neighbour, sign = (above, np.float32(1)) if above >= below else (below, np.float32(-1))
    shift = (2 * neighbour - height) / (height + neighbour)
    return sign * min(max(shift, np.float32(-0.5)), np.float32(0.5))


@compiled
def _keep_highest(bins: npt.NDArray[np.int32], values: FloatArray, n: int) -> int:
    """Move those that hold the `n` highest values to the front, in their order; of equals the first."""
    if len(bins) <= n:
        return len(bins)
    cut = np.partition(values, len(bins) - n)[len(bins) - n]
    n_at_cut = n
    for i in range(len(bins)):
        n_at_cut -= values[i] > cut
    n_kept = 0
    for i in range(len(bins)):
        at_cut = values[i] == cut and n_at_cut > 0
        n_at_cut -= at_cut
        if values[i] > cut or at_cut:
            bins[n_kept], values[n_kept] = bins[i], values[i]
            n_kept += 1
    return n_kept


_CURVE_PEAK = 0.18072  # of exp(-3.5 x) - exp(-5.75 x)


def dissonance(peaks: Peaks) -> FloatArray:
    """Roughness of all pairs of peaks over what they would have at most with their strongest, shape (n_frames,).

    A pair is rough by ``min(a, b) (exp(-3.5 x) - exp(-5.75 x))`` with ``x = 0.24 |f - g| / (0.0207 min(f, g) +
    18.96)``, scaled to 1 at the roughest distance; their sum is divided by the sum of heights.

    Returns
    -------
    numpy.ndarray, shape (n_frames,)
        From 0 (a pure tone, silence) to ``(n_peaks - 1) / 2``; music has 0.1 to 2.
    """
    frequencies, heights = peaks
    lower, upper = _pairs(len(frequencies))
    distance = _pair_distances(frequencies, lower, upper)
    wide = np.exp(np.float32(-3.5) * distance)
    distance *= np.float32(-5.75)
    wide -= np.exp(distance, out=distance)
    return _pair_sum(heights, wide, lower, upper) / np.float32(_CURVE_PEAK)


@cache
def _pairs(n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    lower, upper = np.triu_indices(n, 1)
    return frozen(lower), frozen(upper)


@compiled
def _pair_distances(frequencies: FloatArray, lower: npt.NDArray[np.int64], upper: npt.NDArray[np.int64]) -> FloatArray:
    """Distance of each pair in units of the critical bandwidth; peaks ascend, those that are missing are 0."""
    n_frames = frequencies.shape[1]
    distance = np.empty((len(lower), n_frames), dtype=np.float32)
    for p in range(len(lower)):
        f, g, row = frequencies[lower[p]], frequencies[upper[p]], distance[p]
        for t in range(n_frames):
            row[t] = np.float32(0.24) * abs(g[t] - f[t]) / (np.float32(0.0207) * min(f[t], g[t]) + np.float32(18.96))
    return distance


@compiled
def _pair_sum(
    heights: FloatArray, roughness: FloatArray, lower: npt.NDArray[np.int64], upper: npt.NDArray[np.int64]
) -> FloatArray:
    n_frames = heights.shape[1]
    total, found = np.zeros(n_frames, dtype=np.float32), np.zeros(n_frames, dtype=np.float32)
    for i in range(heights.shape[0]):
        for t in range(n_frames):
            total[t] += heights[i, t]
    for p in range(len(lower)):
        a, b, rough = heights[lower[p]], heights[upper[p]], roughness[p]
        for t in range(n_frames):
            found[t] += min(a[t], b[t]) * rough[t]
    for t in range(n_frames):
        found[t] = found[t] / total[t] if total[t] > 0 else np.float32(0)
    return found


class PitchSalience:
    """How much a spectrum repeats along frequency, 0 to 1: high for a tone with many harmonics (Ricard 2004).

    The highest autocorrelation of the magnitude spectrum below 5.5 kHz at shifts from 100 to 5000 Hz, over that
    at no shift; 0 for silence.

    Parameters
    ----------
    bin_hz : float
        Distance of bins, Hz.
    """

    _N_BINS = 512
    _LAGS_HZ = 100.0, 5000.0

    def __init__(self, bin_hz: float) -> None:
        self._first, self._end = (int(np.ceil(hz / bin_hz)) for hz in self._LAGS_HZ)
        n_fft = 2 * self._N_BINS
        self._transform = PowerSpectrum(n_fft)
        self._ones = np.ones(n_fft, np.float32)

    def __call__(self, S: FloatArray, norm: FloatArray) -> FloatArray:
        """Salience of magnitude spectra, shape (n_bins, n_frames), given their Euclidean norms."""
        # unit norms: the fourth power of what a spectrum can hold does not fit float32
        unit = np.zeros((2 * self._N_BINS, S.shape[1]), dtype=np.float32)
        np.divide(S[: self._N_BINS], np.maximum(norm, _TINY), out=unit[: self._N_BINS])
        power = self._transform.of_hops(unit, self._ones)
        # The transform of a real and even sequence is real: what comes back is the square of its autocorrelation.
        even = np.concatenate((power, power[-2:0:-1]))
        squared = self._transform.of_hops(even, self._ones)
        highest, whole = squared[self._first : self._end].max(axis=0), squared[0]
        return np.sqrt(np.where(whole > 0, np.minimum(highest / np.maximum(whole, _TINY), 1), 0), dtype=np.float32)
