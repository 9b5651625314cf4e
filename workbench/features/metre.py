"""What the beats and the tempogram of a track tell: how loud beats are and in which bands, and metrical levels.

References
----------
G. Tzanetakis, P. Cook, "Musical genre classification of audio signals", IEEE TSAP 10 (5), 2002 (beat
histogram); G. Peeters, "Rhythm classification using spectral rhythm patterns", ISMIR 2005, and M. Prockup et al.,
"Modeling genre with the music genome project", ISMIR 2015 (tempogram ratios); Essentia's BeatsLoudness.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.features.bands import box_bank
from workbench.features.spectral import power_to_db
from workbench.growing import Series

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

#: Edges of the bands in which beats are measured, Hz (Essentia's, the last cut at the Nyquist frequency).
BEAT_BAND_EDGES_HZ = (20, 150, 400, 800, 3200, 7000, 11025)

#: Readings of a tempo, as multiples of it: librosa's.
TEMPO_FACTORS = (4, 8 / 3, 3, 2, 4 / 3, 3 / 2, 1, 2 / 3, 3 / 4, 1 / 2, 1 / 3, 3 / 8, 1 / 4)

#: Names of what `bpm_peaks` gives.
BPM_PEAKS = tuple(
    f"bpm_histogram_{which}_peak_{what}" for which in ("first", "second") for what in ("bpm", "weight", "spread")
)

_BEAT_FRAMES = 2  # frames about a beat in which it is loudest: ±46 ms
_BEAT_PIECE = 4096  # beats looked at together, so that ten hours need little room
_PEAK_BPM = 30.0, 300.0
_HUNDREDTHS = 100.0


class BandLevels:
    """Keep the level of 6 bands in each frame, to look it up at the beats when these are known.

    Levels are kept in hundredths of a decibel: 12 bytes a frame, 19 MB for 10 hours.
    """

    def __init__(self) -> None:
        self._levels = Series(np.int16, (len(BEAT_BAND_EDGES_HZ) - 1,))

    def push(self, power: FloatArray, sr: float, n_fft: int, n_frames: int) -> None:
        """Take in the first `n_frames` of power spectra, shape (n_bins, n)."""
        edges = tuple(pairwise(BEAT_BAND_EDGES_HZ))
        levels = power_to_db(box_bank(sr, n_fft, edges).apply(power))
        levels *= np.float32(_HUNDREDTHS)
        self._levels.add(np.rint(levels[:, :n_frames]).astype(np.int16).T)

    def at_beats(self, beats: npt.NDArray[np.int64]) -> dict[str, Any]:
        """Give ``beats_loudness`` and ``beats_loudness_band_ratio``; NaN without beats. Can be called once.

        Parameters
        ----------
        beats : numpy.ndarray, shape (n_beats,), int64
            Frames of the beats.
        """
        n_bands = len(BEAT_BAND_EDGES_HZ) - 1
        if not len(beats):
            return {"beats_loudness": float("nan"), "beats_loudness_band_ratio": np.full(n_bands, np.nan)}
        levels = self._levels.take()
        energy, ratio = 0.0, np.zeros(n_bands)
        for start in range(0, len(beats), _BEAT_PIECE):
            energies = _energies_of_beats(levels, beats[start : start + _BEAT_PIECE])
            total = energies.sum(axis=1, keepdims=True)
            energy += total.sum()
            ratio += (energies / total).sum(axis=0)
        return {
            "beats_loudness": 10 * np.log10(energy / len(beats)),
            "beats_loudness_band_ratio": ratio / len(beats),
        }


def _energies_of_beats(levels: npt.NDArray[np.int16], beats: npt.NDArray[np.int64]) -> DoubleArray:
    """Energy of each band in the loudest frame about each beat, shape (n_beats, n_bands)."""
    near = np.clip(beats[:, None] + np.arange(-_BEAT_FRAMES, _BEAT_FRAMES + 1), 0, len(levels) - 1)
    energies = 10.0 ** (levels[near] / (10.0 * _HUNDREDTHS))
    loudest = energies.sum(axis=2).argmax(axis=1)
    return np.asarray(energies[np.arange(len(beats)), loudest])


def tempogram_ratio(tempogram: DoubleArray, bpm: float, frame_rate: float) -> DoubleArray:
    """Read a tempogram at `TEMPO_FACTORS` times a tempo (``librosa.feature.tempogram_ratio(tg=…, bpm=bpm)``).

    Parameters
    ----------
    tempogram : numpy.ndarray, shape (n_lags,)
        Autocorrelation by lag in frames, or its mean over time.
    bpm : float
        Beats per minute; NaN if not known.
    frame_rate : float
        Frames per second.

    Returns
    -------
    numpy.ndarray, shape (13,)
        Interpolated over beats per minute; 0 beyond the lags; NaN without a tempo.
    """
    if np.isnan(bpm):
        return np.full(len(TEMPO_FACTORS), np.nan)
    tempi = 60.0 * frame_rate / np.arange(len(tempogram) - 1, 0, -1)
    return np.interp(bpm * np.array(TEMPO_FACTORS), tempi, tempogram[:0:-1], left=0.0, right=0.0)


def bpm_peaks(tempogram: DoubleArray, frame_rate: float) -> dict[str, float]:
    """Give tempo, weight and spread of the two highest peaks of a tempogram from 30 to 300 beats per minute.

    Parameters
    ----------
    tempogram : numpy.ndarray, shape (n_lags,)
        Mean autocorrelation by lag in frames.
    frame_rate : float
        Frames per second.

    Returns
    -------
    dict
        By `BPM_PEAKS`. The tempo is that of the parabola through the peak, the weight its height over those of
        all peaks, the spread its width in octaves at half its height, or to the next valley. NaN without peaks.
    """
    lags = np.arange(1, len(tempogram) - 1)
    low, high = (60.0 * frame_rate / bpm for bpm in reversed(_PEAK_BPM))
    heights = tempogram[lags]
    is_peak = (heights > tempogram[lags - 1]) & (heights >= tempogram[lags + 1]) & (heights > 0)
    peaks = lags[is_peak & (lags >= low) & (lags <= high)]
    found = dict.fromkeys(BPM_PEAKS, float("nan"))
    total = tempogram[peaks].sum()
    for which, lag in zip(("first", "second"), peaks[np.argsort(-tempogram[peaks], kind="stable")], strict=False):
        below, height, above = tempogram[lag - 1 : lag + 2]
        shift = (below - above) / 2 / (below + above - 2 * height)
        found[f"bpm_histogram_{which}_peak_bpm"] = 60.0 * frame_rate / (lag + shift)
        found[f"bpm_histogram_{which}_peak_weight"] = height / total
        found[f"bpm_histogram_{which}_peak_spread"] = _half_width(tempogram, int(lag))
    return found


def _half_width(curve: DoubleArray, peak: int) -> float:
    """Octaves between the places on both sides where a curve has fallen to half its peak or rises again."""
    left, right = peak, peak
    while left > 1 and curve[peak] / 2 < curve[left - 1] <= curve[left]:
        left -= 1
    while right < len(curve) - 1 and curve[peak] / 2 < curve[right + 1] <= curve[right]:
        right += 1
    return float(np.log2((right + 0.5) / (left - 0.5)))
