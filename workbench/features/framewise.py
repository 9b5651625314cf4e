"""The framewise descriptors of a mono stream: from samples to pools, one block of frames at a time.

`kernels` is the one table from a descriptor's name to its function: a faster function of the same values
takes the place of another there, and nothing else changes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from workbench.features import filters, spectral, tonal
from workbench.features.config import ExtractConfig
from workbench.features.fft import PowerSpectrum
from workbench.features.frames import FrameBlock, Framer
from workbench.features.registry import DESCRIPTORS
from workbench.features.stft import N_MELS_SHARED, Spectra
from workbench.features.summary import Pool
from workbench.features.tempogram import TempogramMean
from workbench.schema import Level

FloatArray = npt.NDArray[np.float32]
Kernel = Callable[[Spectra], FloatArray]

#: RMS below which a frame is silent: -60 dB re full scale.
SILENCE_RMS = np.float32(1e-3)

#: Descriptors that wait for the tuning (`tonal.ChromaStream`).
TUNED = ("chroma", "tonnetz")


def kernels(config: ExtractConfig) -> dict[str, Kernel]:
    """Give the function of each framewise descriptor but `TUNED`, from spectra to an array (*shape, n >= n_frames).

    Those that look back at the last block remember it: the table is made anew for each track.
    """
    flux = spectral.Flux()
    onset_strength = spectral.OnsetStrength(config.n_fft, config.hop_length)
    n_mels, n_mfcc = DESCRIPTORS["mel"].shape[0], DESCRIPTORS["mfcc"].shape[0]
    dct = filters.dct_bank(N_MELS_SHARED, n_mfcc)
    return {
        "mel": lambda s: s.mel_db(n_mels),
        "mfcc": lambda s: dct @ s.shared_mel_db,
        "spectral_centroid": lambda s: s.centroid,
        "spectral_bandwidth": lambda s: spectral.bandwidth(s.magnitude, s.total_magnitude, s.frequencies, s.centroid),
        "spectral_rolloff": lambda s: spectral.rolloff(s.magnitude, s.total_magnitude, s.frequencies),
        "spectral_contrast": lambda s: spectral.contrast(s.magnitude, s.sr, s.n_fft),
        "spectral_flatness": lambda s: spectral.flatness(s.power),
        "spectral_flux": lambda s: flux(s.magnitude, s.norm, s.n_frames),
        "zero_crossing_rate": lambda s: spectral.zero_crossing_rate(s.block),
        "rms": lambda s: spectral.rms(s.block),
        "onset_strength": lambda s: onset_strength(s.shared_mel_db, s.n_frames),
    }


class FramewiseStream:
    """Run the kernels that are needed over a stream and pool what they give.

    Parameters
    ----------
    config : ExtractConfig
        Frame length and hop.
    levels : mapping from the name of each descriptor needed to the levels wanted of it (maybe none)
    keep_pulse : whether `pulse` is wanted

    Attributes
    ----------
    tempogram : running `TempogramMean`, None where it is not needed
    """

    def __init__(self, config: ExtractConfig, levels: dict[str, set[Level]], *, keep_pulse: bool) -> None:
        self.config = config
        self._framer = Framer(config.n_fft, config.hop_length, config.block_frames)
        self._transform = PowerSpectrum(config.n_fft, config.block_frames)
        framewise = {name: wanted for name, wanted in levels.items() if DESCRIPTORS[name].framewise}
        self._spectral = self._pool({name: levels for name, levels in framewise.items() if name not in TUNED})
        self._tuned = self._pool({name: levels for name, levels in framewise.items() if name in TUNED})
        self._kernels = {name: kernel for name, kernel in kernels(config).items() if name in self._spectral}
        self.tempogram = TempogramMean() if "tempogram" in levels else None
        self._pulse_values = array("f") if keep_pulse else None
        self._pulse = spectral.OnsetStrength(config.n_fft, config.hop_length, spectral.PULSE_BANDS)
        prologue = int(config.tuning_s * config.sr / config.hop_length)
        self._chroma = tonal.ChromaStream(prologue) if self._tuned.names or "tuning" in levels else None
        self._n_silent = 0

    def _pool(self, levels: dict[str, set[Level]]) -> Pool:
        return Pool(
            {name: DESCRIPTORS[name].shape for name in levels},
            {name for name, wanted in levels.items() if "segments" in wanted},
            {name for name, wanted in levels.items() if "frames" in wanted},
            round(self.config.segment_s * self.config.sr),
            self.config.hop_length,
        )

    @property
    def n_samples(self) -> int:
        """Samples taken in."""
        return self._framer.n_samples

    @property
    def tuning(self) -> float:
        """Deviation from A4 = 440 Hz in semitones; NaN if it was not needed or there is no pitch."""
        return float("nan") if self._chroma is None else self._chroma.tuning

    @property
    def silence_rate(self) -> float:
        """Share of silent frames; needs the kernel ``rms``."""
        return self._n_silent / self._framer.n_frames

    @property
    def pulse(self) -> FloatArray:
        """Every value of the pulse (see `rhythm`), shape (n_frames, 3)."""
        return np.frombuffer(self._pulse_values or b"", dtype=np.float32).reshape(-1, len(spectral.PULSE_BANDS))

    def push(self, y: FloatArray) -> None:
        """Take in mono samples."""
        for block in self._framer.push(y):
            self._describe(block)

    def finish(self) -> None:
        """Close the signal."""
        for block in self._framer.finish():
            self._describe(block)
        if self._chroma is not None:
            for chroma in self._chroma.finish():
                self._take_chroma(chroma)

    def summaries(self) -> dict[str, FloatArray]:
        """Give the statistics of each framewise descriptor, shape (7, *shape)."""
        return {**self._spectral.summaries(), **self._tuned.summaries()}

    def segments(self) -> dict[str, FloatArray]:
        """Give the segment means that are wanted, shape (n_segments, *shape)."""
        return {**self._spectral.segments(self.n_samples), **self._tuned.segments(self.n_samples)}

    def frames(self) -> dict[str, FloatArray]:
        """Give the frames that are wanted, shape (n_frames, *shape)."""
        return {**self._spectral.frames(), **self._tuned.frames()}

    def _describe(self, block: FrameBlock) -> None:
        spectra = Spectra(block, self.config.sr, self._transform)
        values = {name: kernel(spectra) for name, kernel in self._kernels.items()}
        self._spectral.push(values, block.n_frames)
        if self.tempogram is not None:
            self.tempogram.push(values["onset_strength"])
        if "rms" in values:
            self._n_silent += int(np.count_nonzero(values["rms"] < SILENCE_RMS))
        if self._pulse_values is not None:
            self._pulse_values.frombytes(self._pulse(spectra.shared_mel_compressed, block.n_frames).tobytes())
        if self._chroma is not None:
            for chroma in self._chroma.push(spectra):
                self._take_chroma(chroma)

    def _take_chroma(self, chroma: FloatArray) -> None:
        if self._tuned.names:
            values = {"chroma": chroma}
            if "tonnetz" in self._tuned:
                values["tonnetz"] = tonal.tonnetz(chroma)
            self._tuned.push(values, chroma.shape[1])
