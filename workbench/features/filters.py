"""Filter banks, built in numpy so that workers need not import librosa or scipy.signal.

Frequency banks are matrices of shape (n_filters, n_bins), as librosa's: a bank times a block of spectra of
shape (n_bins, n_frames) gives (n_filters, n_frames). Tests compare each with librosa's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
Array = TypeVar("Array", bound=npt.NDArray[Any])

# Slaney's mel scale: linear below 1 kHz, 27 logarithmic steps to each factor of 6.4 above.
_MEL_LINEAR_HZ = 200.0 / 3
_MEL_BREAK_HZ = 1000.0
_MEL_LOG_STEP = np.log(6.4) / 27.0

A4_HZ = 440.0


def fft_frequencies(sr: float, n_fft: int) -> DoubleArray:
    """Centre frequency of each bin of a real FFT, Hz, shape (n_fft // 2 + 1,)."""
    return np.arange(n_fft // 2 + 1, dtype=np.float64) * np.float64(sr / n_fft)


@lru_cache(maxsize=8)
def hann(n: int) -> FloatArray:
    """Periodic Hann window of `n` samples (``scipy.signal.get_window("hann", n)``)."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)
    return frozen(window)


def hz_to_mel(hz: npt.ArrayLike) -> DoubleArray:
    """Frequency in Hz to Slaney's mel scale (``librosa.hz_to_mel(htk=False)``)."""
    frequency = np.asarray(hz, dtype=np.float64)
    octaves = np.log(np.maximum(frequency, _MEL_BREAK_HZ) / _MEL_BREAK_HZ)
    above = _MEL_BREAK_HZ / _MEL_LINEAR_HZ + octaves / _MEL_LOG_STEP
    return np.where(frequency < _MEL_BREAK_HZ, frequency / _MEL_LINEAR_HZ, above)


def mel_to_hz(mel: npt.ArrayLike) -> DoubleArray:
    """Slaney's mel scale to frequency in Hz (``librosa.mel_to_hz(htk=False)``)."""
    mels = np.asarray(mel, dtype=np.float64)
    knee = _MEL_BREAK_HZ / _MEL_LINEAR_HZ
    above = _MEL_BREAK_HZ * np.exp(_MEL_LOG_STEP * (np.maximum(mels, knee) - knee))
    return np.where(mels < knee, mels * _MEL_LINEAR_HZ, above)


@lru_cache(maxsize=8)
def mel_bank(sr: float, n_fft: int, n_mels: int) -> FloatArray:
    """Triangular filters of equal area on Slaney's mel scale (``librosa.filters.mel``).

    Parameters
    ----------
    sr : float
        Sample rate, Hz; the highest filter ends at half of it.
    n_fft : int
        FFT length.
    n_mels : int
        Number of filters.

    Returns
    -------
    numpy.ndarray, shape (n_mels, n_fft // 2 + 1), float32

    References
    ----------
    M. Slaney, Auditory Toolbox, Interval Research Corporation TR 1998-010.
    """
    edges = mel_to_hz(np.linspace(0.0, hz_to_mel(sr / 2), n_mels + 2))
    widths = np.diff(edges)
    ramps = edges[:, None] - fft_frequencies(sr, n_fft)[None, :]
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    weights = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return frozen(weights.astype(np.float32))


@lru_cache(maxsize=4)
def dct_bank(n_mels: int, n_mfcc: int) -> FloatArray:
    """Orthonormal DCT-II from `n_mels` bands to the first `n_mfcc` coefficients, shape (n_mfcc, n_mels)."""
    angles = np.pi / n_mels * (np.arange(n_mels) + 0.5)[None, :] * np.arange(n_mfcc)[:, None]
    basis = np.cos(angles) * np.sqrt(2.0 / n_mels)
    basis[0] *= np.sqrt(0.5)
    return frozen(basis.astype(np.float32))


@lru_cache(maxsize=128)
def chroma_bank(sr: float, n_fft: int, tuning: float = 0.0) -> FloatArray:
    """Gaussian pitch-class filters (``librosa.filters.chroma``), C first.

    Parameters
    ----------
    sr : float
        Sample rate, Hz.
    n_fft : int
        FFT length.
    tuning : float
        Deviation from A4 = 440 Hz in fractions of a semitone.

    Returns
    -------
    numpy.ndarray, shape (12, n_fft // 2 + 1), float32

    References
    ----------
    D. Ellis, "Chroma feature analysis and synthesis", Columbia University, 2007.
    """
    frequencies = np.linspace(0, sr, n_fft, endpoint=False)[1:]
    semitones = 12 * hz_to_octaves(frequencies, tuning)
    semitones = np.concatenate(([semitones[0] - 18.0], semitones))
    widths = np.concatenate((np.maximum(np.diff(semitones), 1.0), [1.0]))
    distance = np.remainder(semitones[:, None] - np.arange(12) + 126, 12) - 6
    weights = np.exp(-0.5 * (2 * distance / widths[:, None]) ** 2)
    weights /= np.sqrt(np.sum(weights**2, axis=1, keepdims=True))
    weights *= np.exp(-0.5 * ((semitones / 12 - 5.0) / 2.0) ** 2)[:, None]
    weights = np.roll(weights, -3, axis=1)[: n_fft // 2 + 1]
    return frozen(np.ascontiguousarray(weights.T, dtype=np.float32))


def hz_to_octaves(hz: npt.NDArray[Any], tuning: float = 0.0) -> npt.NDArray[Any]:
    """Frequency in Hz to octaves above A0 (27.5 Hz), as ``librosa.hz_to_octs``."""
    reference = A4_HZ * 2.0 ** (tuning / 12)
    return np.asarray(np.log2(hz / (reference / 16)))


@dataclass(frozen=True, slots=True)
class SparseBank:
    """A bank of which each filter covers few neighbouring bins, kept without its zeros.

    Attributes
    ----------
    first : first bin of each filter, shape (n_filters,)
    length : number of its bins, shape (n_filters,)
    weights : the bins of all filters, one filter after another
    """

    first: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    weights: FloatArray

    @classmethod
    def of(cls, bank: FloatArray) -> SparseBank:
        """Leave the zeros at both ends of each filter out of `bank`, shape (n_filters, n_bins)."""
        used = bank != 0
        first = np.where(used.any(axis=1), used.argmax(axis=1), 0)
        end = np.where(used.any(axis=1), bank.shape[1] - used[:, ::-1].argmax(axis=1), 0)
        weights = np.concatenate([row[a:b] for row, a, b in zip(bank, first, end, strict=True)])
        return cls(frozen(first), frozen(end - first), frozen(weights))

    def apply(self, S: FloatArray) -> FloatArray:
        """Multiply the bank by spectra, shape (n_bins, n_frames): shape (n_filters, n_frames)."""
        return _apply_sparse(self.first, self.length, self.weights, S)


@compiled
def _apply_sparse(
    first: npt.NDArray[np.int64], length: npt.NDArray[np.int64], weights: FloatArray, S: FloatArray
) -> FloatArray:
    found = np.zeros((len(first), S.shape[1]), dtype=np.float32)
    done = 0
    for i in range(len(first)):
        total = found[i]
        for k in range(length[i]):
            spectrum, weight = S[first[i] + k], weights[done + k]
            for t in range(S.shape[1]):
                total[t] += weight * spectrum[t]
        done += length[i]
    return found


@lru_cache(maxsize=8)
def sparse_mel_bank(sr: float, n_fft: int, n_mels: int) -> SparseBank:
    """`mel_bank` for `SparseBank.apply`."""
    return SparseBank.of(mel_bank(sr, n_fft, n_mels))


def k_weighting(sample_rate: float) -> DoubleArray:
    """Second-order sections of the K-weighting filter at any sample rate.

    A shelf of +4 dB above about 1.7 kHz (the head) and a high-pass at 38 Hz. The analogue prototypes
    are those that give the coefficients of the standard at 48 kHz under the bilinear transform.

    Parameters
    ----------
    sample_rate : float
        Hz. Below 3.4 kHz the shelf lies beyond the Nyquist frequency and is left out.

    Returns
    -------
    numpy.ndarray, shape (n_sections, 6), float64
        Rows of ``b0, b1, b2, 1, a1, a2``.

    References
    ----------
    ITU-R BS.1770-4, annex 1; prototypes from B. De Man, "Evaluation of implementations of the EBU
    R128 loudness measurement", AES Convention e-Brief, 2018.

    Examples
    --------
    >>> k_weighting(48000).shape
    (2, 6)
    """
    sections = []
    shelf_hz, shelf_q, shelf_db = 1681.974450955533, 0.7071752369554196, 3.999843853973347
    if sample_rate > 2 * shelf_hz:
        k = np.tan(np.pi * shelf_hz / sample_rate)
        high = 10.0 ** (shelf_db / 20)
        band = high**0.4996667741545416
        norm = 1 + k / shelf_q + k * k
        b = [high + band * k / shelf_q + k * k, 2 * (k * k - high), high - band * k / shelf_q + k * k]
        sections.append([*(value / norm for value in b), 1.0, *_poles(k, shelf_q)])
    k = np.tan(np.pi * 38.13547087602444 / sample_rate)
    sections.append([1.0, -2.0, 1.0, 1.0, *_poles(k, 0.5003270373238773)])
    return np.array(sections)


def _poles(k: float, q: float) -> tuple[float, float]:
    """Denominator ``a1, a2`` of a second-order section with prewarped frequency `k` and quality `q`."""
    norm = 1 + k / q + k * k
    return 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm


def channel_weights(n_channels: int) -> DoubleArray:
    """Weight of each channel in the loudness sum, in the channel order of WAV and FLAC.

    Surround channels count 1.41, the low-frequency channel of 5.1 and 7.1 counts nothing, all others
    (and all channels of a layout that the standard does not know) count 1.

    References
    ----------
    ITU-R BS.1770-4, tables 3 and 4.

    Examples
    --------
    >>> channel_weights(6).tolist()
    [1.0, 1.0, 1.0, 0.0, 1.41, 1.41]
    """
    known: dict[int, Sequence[float]] = {
        4: (1.0, 1.0, 1.41, 1.41),
        5: (1.0, 1.0, 1.0, 1.41, 1.41),
        6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41),
        8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41),
    }
    return np.array(known.get(n_channels, (1.0,) * n_channels))


def frozen(array: Array) -> Array:
    """Guard a cached array against being written to."""
    array.flags.writeable = False
    return array
