"""The mean tempogram of a track: which periods its onsets repeat at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.features import filters
from workbench.features.fft import PowerSpectrum
from workbench.features.spectral import sum_of_bins

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

#: Tempi at which the tempogram is read, beats per minute: 8 per octave.
TEMPO_POINTS: DoubleArray = 30.0 * 2.0 ** (np.arange(33) / 8)

_WIN_LENGTH = 384  # librosa's default: 9 s
_BLOCK = 128  # windows computed at once
_TINY = np.finfo(np.float32).tiny

#: Lags that reach 30 beats per minute at librosa's frame rate, with half as many to spare: a third of all.
TEMPO_LAGS = 129


class TempogramMean:
    """Mean over time of ``librosa.feature.tempogram(onset_envelope=envelope)`` of a stream.

    The autocorrelation of a window is the inverse transform of its power spectrum, and its largest value,
    by which librosa divides, is the one at lag 0: the mean power. Both are linear, so spectra are divided
    and averaged, and the mean alone is transformed back.

    Parameters
    ----------
    n_lags : int
        Lags of the result, from 0; those of librosa are 384, the frames of a window. Few take half the time.
    """

    def __init__(self, n_lags: int = _WIN_LENGTH) -> None:
        self._n_lags = n_lags
        self._n_fft = 1 << (_WIN_LENGTH + n_lags - 2).bit_length()  # no lag wraps around to these
        self._spectrum = PowerSpectrum(self._n_fft)
        self._waiting = np.empty(0, dtype=np.float32)
        self._total = np.zeros(self._n_fft // 2 + 1)
        self._n_pushed = self._n_done = 0

    def push(self, envelope: FloatArray) -> None:
        """Take in onset strengths, shape (n,)."""
        if not len(envelope):
            return
        if not self._n_pushed:
            self._waiting = self._ramp(envelope[0])
        self._n_pushed += len(envelope)
        self._last = envelope[-1]
        self._waiting = np.concatenate((self._waiting, envelope))
        while len(self._waiting) >= _BLOCK + _WIN_LENGTH - 1:
            self._take(_BLOCK)

    def finish(self) -> DoubleArray:
        """Give the mean, shape (n_lags,); zeros where there was nothing."""
        if self._n_pushed:
            self._waiting = np.concatenate((self._waiting, self._ramp(self._last)[::-1]))
        while self._n_done < self._n_pushed:
            self._take(min(_BLOCK, self._n_pushed - self._n_done))
        return np.fft.irfft(self._total)[: self._n_lags] / max(self._n_done, 1)

    def _ramp(self, edge: np.float32) -> FloatArray:
        """Give what librosa puts before the first value, and reversed after the last."""
        return np.linspace(0, edge, _WIN_LENGTH // 2, endpoint=False, dtype=np.float32)

    def _take(self, n: int) -> None:
        envelope = self._waiting[np.newaxis, : n + _WIN_LENGTH - 1]
        power = self._spectrum.of_hops(envelope, filters.hann(_WIN_LENGTH))
        at_lag_0 = (2 * sum_of_bins(power) - power[0] - power[-1]) / np.float32(self._n_fft)
        at_lag_0[at_lag_0 < _TINY] = 1
        self._total += power @ (1 / at_lag_0)
        self._waiting = self._waiting[n:]
        self._n_done += n


def tempogram_at(tempogram: DoubleArray, frame_rate: float, bpm: DoubleArray = TEMPO_POINTS) -> DoubleArray:
    """Read a tempogram, one value per lag, at tempi by linear interpolation."""
    return np.interp(60.0 * frame_rate / bpm, np.arange(len(tempogram)), tempogram)
