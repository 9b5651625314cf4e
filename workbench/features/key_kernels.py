"""Compiled inner loops of the key; `tests/features/test_key.py` holds the plain definition of each."""

from __future__ import annotations

from math import exp, log, log2, sqrt

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled

FloatArray = npt.NDArray[np.float32]

_TILE = 1024  # outputs that stay in the fastest cache
_TINY = 1e-30  # has a logarithm, and is nothing beside a peak


@compiled
def decimate(y: FloatArray, taps: FloatArray, factor: int) -> FloatArray:
    """Filter and keep every `factor`-th sample, where all taps fit: shape ((len(y) - len(taps)) // factor + 1,).

    The number of taps is a multiple of the factor.
    """
    n_phases_taps = len(taps) // factor
    n = (len(y) - len(taps)) // factor + 1
    out = np.zeros(n, dtype=np.float32)
    # One phase at a time lies together in memory, so that the innermost loop runs over neighbours.
    phase = np.empty(n + n_phases_taps - 1, dtype=np.float32)
    for p in range(factor):
        for i in range(len(phase)):
            phase[i] = y[i * factor + p]
        for start in range(0, n, _TILE):
            end = min(start + _TILE, n)
            for j in range(n_phases_taps):
                tap = taps[j * factor + p]
                for i in range(start, end):
                    out[i] += tap * phase[i + j]
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
