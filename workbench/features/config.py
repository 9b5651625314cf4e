"""The parameters of an analysis."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExtractConfig:
    """What all stored arrays have in common; changing a field changes every descriptor.

    Attributes
    ----------
    sr : sample rate of the mono descriptors, Hz
    n_fft : frame length, samples
    hop_length : hop from frame to frame, samples
    key_n_fft, key_hop_length : the same for the key, which needs finer spectra
    segment_s : length of a segment, seconds
    tuning_s : the tuning is estimated from this much of the beginning, seconds
    block_frames : frames computed at once
    """

    sr: int = 22050
    n_fft: int = 2048
    hop_length: int = 512
    key_n_fft: int = 8192
    key_hop_length: int = 2048
    segment_s: float = 1.0
    tuning_s: float = 60.0
    block_frames: int = 128

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sr / self.hop_length


DEFAULT_CONFIG = ExtractConfig()
