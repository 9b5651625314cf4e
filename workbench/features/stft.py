"""Spectra of a block of frames: each is computed when first asked for, and once.

All are float32 arrays of shape (n_frames, n_something): time runs along the first axis, so that a
frame lies together in memory (librosa's arrays are the transposes).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from workbench.features import filters
from workbench.features.frames import FrameBlock

FloatArray = npt.NDArray[np.float32]

#: Power below which `power_to_db` does not look: -100 dB, librosa's ``amin``.
AMIN = 1e-10

#: Mel bands under the MFCC and the onset envelope: librosa's default.
N_MELS_SHARED = 128

_DB_PER_NEPER = np.float32(10.0 / np.log(10.0))


def power_to_db(S: FloatArray) -> FloatArray:
    """Power to decibels re 1.0 (``librosa.power_to_db(S, ref=1.0, amin=1e-10, top_db=None)``).

    librosa's ``top_db`` cuts at a distance from the loudest value of the whole signal, which a
    stream cannot know; only the absolute floor `AMIN` applies here.
    """
    decibels = np.maximum(S, np.float32(AMIN))
    np.log(decibels, out=decibels)
    decibels *= _DB_PER_NEPER
    return decibels


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
        return self.magnitude.sum(axis=1)

    def mel_db(self, n_mels: int) -> FloatArray:
        """Mel spectrum in dB, shape (n_frames, n_mels)."""
        return power_to_db(filters.banded_mel_bank(self.sr, self.n_fft, n_mels).apply(self.power))

    @cached_property
    def shared_mel_db(self) -> FloatArray:
        """The mel spectrum under MFCC and onset envelope, dB, shape (n_frames, `N_MELS_SHARED`)."""
        return self.mel_db(N_MELS_SHARED)
