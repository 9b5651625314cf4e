"""Spectra of a block of frames: each is computed when first asked for, and once.

All are float32 arrays of shape (n_frames, n_something): time runs along the first axis, so that a
frame lies together in memory (librosa's arrays are the transposes).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from workbench.features import filters, spectral
from workbench.features.frames import FrameBlock

FloatArray = npt.NDArray[np.float32]

#: Mel bands under the MFCC and the onset envelope: librosa's default.
N_MELS_SHARED = 128

_COMPRESSION = np.float32(10.0)


def rfft_frames(block: FrameBlock) -> npt.NDArray[np.complex64]:
    """Hann-windowed real FFT of each frame, shape (n_frames, frame_length // 2 + 1), complex64."""
    # Imported on use: 0.3 s, and numpy's own FFT is three times slower on float32.
    from scipy import fft

    windowed = block.frames * filters.hann(block.frame_length)
    spectrum: npt.NDArray[np.complex64] = fft.rfft(windowed, axis=1, overwrite_x=True)
    return spectrum


class Spectra:
    """The spectra that descriptors share, of one block.

    Parameters
    ----------
    block : FrameBlock
        Frames of mono audio.
    sr : float
        Sample rate, Hz.
    """

    def __init__(self, block: FrameBlock, sr: float) -> None:
        self.block = block
        self.sr = sr
        self.n_fft = block.frame_length

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.block.n_frames

    @cached_property
    def frequencies(self) -> FloatArray:
        """Centre of each bin, Hz, shape (n_bins,)."""
        return filters.fft_frequencies(self.sr, self.n_fft).astype(np.float32)

    @cached_property
    def power(self) -> FloatArray:
        """Power spectrum ``|X|²``, shape (n_frames, n_bins)."""
        spectrum = rfft_frames(self.block)
        power = spectrum.real * spectrum.real
        power += spectrum.imag * spectrum.imag
        return power

    @cached_property
    def magnitude(self) -> FloatArray:
        """Magnitude spectrum ``|X|``, shape (n_frames, n_bins)."""
        return np.sqrt(self.power)

    @cached_property
    def total_magnitude(self) -> FloatArray:
        """Sum of each magnitude spectrum, shape (n_frames,)."""
        total: FloatArray = self.magnitude.sum(axis=1)
        return total

    @cached_property
    def centroid(self) -> FloatArray:
        """Spectral centroid, Hz, shape (n_frames,): a descriptor, and the middle of another."""
        return spectral.centroid(self.magnitude, self.total_magnitude, self.frequencies)

    def mel_db(self, n_mels: int) -> FloatArray:
        """Mel spectrum in dB, shape (n_frames, n_mels)."""
        return spectral.power_to_db(filters.banded_mel_bank(self.sr, self.n_fft, n_mels).apply(self.power))

    @cached_property
    def _shared_mel(self) -> FloatArray:
        return filters.banded_mel_bank(self.sr, self.n_fft, N_MELS_SHARED).apply(self.power)

    @cached_property
    def shared_mel_db(self) -> FloatArray:
        """The mel spectrum under MFCC and onset strength, dB, shape (n_frames, `N_MELS_SHARED`)."""
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
