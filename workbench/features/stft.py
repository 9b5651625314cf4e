"""Spectra of a block of frames: each is computed when first asked for, and once.

All are float32 arrays of shape (n_something, capacity) with time along the last axis, as librosa's. The
last block of a signal may hold fewer frames than there are columns: the rest are zeros, and whoever keeps
rows takes the first `n_frames`.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from workbench.features import bands, filters, moments, spectral
from workbench.features.bands import Bands
from workbench.features.fft import PowerSpectrum
from workbench.features.frames import FrameBlock
from workbench.features.peaks import Peaks, spectral_peaks

FloatArray = npt.NDArray[np.float32]

#: Mel bands under the MFCC and the onset envelope: librosa's default.
N_MELS_SHARED = 128

#: Mel bands of the descriptor ``mel``.
N_MELS = 64

_COMPRESSION = np.float32(10.0)


@lru_cache(maxsize=8)
def _frequencies(sr: float, n_fft: int) -> FloatArray:
    return filters.frozen(filters.fft_frequencies(sr, n_fft).astype(np.float32))


class Spectra:
    """The spectra that descriptors share, of one block.

    Parameters
    ----------
    block : FrameBlock
        Frames of mono audio.
    sr : float
        Sample rate, Hz.
    transform : PowerSpectrum
        Of `block.frame_length` samples.
    """

    def __init__(self, block: FrameBlock, sr: float, transform: PowerSpectrum) -> None:
        self.block = block
        self.sr = sr
        self.n_fft = block.frame_length
        self._transform = transform

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.block.n_frames

    @property
    def frequencies(self) -> FloatArray:
        """Centre of each bin, Hz, shape (n_bins,)."""
        return _frequencies(self.sr, self.n_fft)

    @cached_property
    def power(self) -> FloatArray:
        """Power spectrum ``|X|²`` of Hann-windowed frames."""
        return self._transform.of_hops(self.block.hops, filters.hann(self.n_fft))

    @cached_property
    def magnitude(self) -> FloatArray:
        """Magnitude spectrum ``|X|``."""
        return np.sqrt(self.power)

    @cached_property
    def total_magnitude(self) -> FloatArray:
        """Sum of each magnitude spectrum, shape (capacity,)."""
        return spectral.sum_of_bins(self.magnitude)

    @cached_property
    def norm(self) -> FloatArray:
        """Euclidean norm of each magnitude spectrum, shape (capacity,)."""
        return np.sqrt(spectral.sum_of_bins(self.power))

    @cached_property
    def centroid(self) -> FloatArray:
        """Spectral centroid, Hz, shape (capacity,): a descriptor, and the middle of another."""
        return spectral.centroid(self.magnitude, self.total_magnitude, self.frequencies)

    @cached_property
    def bandwidth(self) -> FloatArray:
        """Spectral bandwidth, Hz, shape (capacity,)."""
        return spectral.bandwidth(self.magnitude, self.total_magnitude, self.frequencies, self.centroid)

    @cached_property
    def skewness_and_kurtosis(self) -> tuple[FloatArray, FloatArray]:
        """Higher moments over frequency, shape (capacity,) each."""
        return moments.skewness_and_kurtosis(
            self.magnitude, self.total_magnitude, self.frequencies, self.centroid, self.bandwidth
        )

    @property
    def full_scale(self) -> float:
        """Magnitude of a sine of amplitude 1 at the centre of a bin."""
        return self.n_fft / 4

    @cached_property
    def mel(self) -> Bands:
        """Energies in `N_MELS` mel bands."""
        return Bands(filters.sparse_mel_bank(self.sr, self.n_fft, N_MELS).apply(self.power))

    @cached_property
    def bark(self) -> Bands:
        """Energies in Bark bands."""
        return Bands(bands.bark_bank(self.sr, self.n_fft).apply(self.power))

    @cached_property
    def erb(self) -> Bands:
        """Energies in ERB bands."""
        return Bands(bands.erb_bank(self.sr, self.n_fft).apply(self.power))

    @cached_property
    def peaks(self) -> Peaks:
        """Frequencies (Hz) and heights of the highest peaks of the magnitude spectrum."""
        return spectral_peaks(self.magnitude, self.sr / self.n_fft)

    @cached_property
    def _shared_mel(self) -> FloatArray:
        return filters.sparse_mel_bank(self.sr, self.n_fft, N_MELS_SHARED).apply(self.power)

    @cached_property
    def shared_mel_db(self) -> FloatArray:
        """The mel spectrum under MFCC and onset strength, dB, shape (`N_MELS_SHARED`, capacity)."""
        return spectral.power_to_db(self._shared_mel)

    @cached_property
    def shared_mel_compressed(self) -> FloatArray:
        """The same mel spectrum as ``10 * log10(1 + 10 * power)``: flat where music is inaudible.

        Decibels rise as much from -100 to -60 as from -40 to 0; the pulse of music is in the latter.
        """
        compressed = self._shared_mel * _COMPRESSION
        compressed += np.float32(1)
        np.log(compressed, out=compressed)
        compressed *= spectral.DB_PER_NEPER
        return compressed
