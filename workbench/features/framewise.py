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
from workbench.features.frames import FrameBlock, Framer
from workbench.features.registry import DESCRIPTORS
from workbench.features.rhythm import TempogramMean
from workbench.features.stft import N_MELS_SHARED, Spectra
from workbench.features.summary import Pool, Segments
from workbench.schema import Level

FloatArray = npt.NDArray[np.float32]
Kernel = Callable[[Spectra], FloatArray]

#: RMS below which a frame is silent: -60 dB re full scale.
SILENCE_RMS = np.float32(1e-3)


def kernels(config: ExtractConfig) -> dict[str, Kernel]:
    """Give the function of each framewise descriptor, from spectra to rows (n_frames, *shape).

    Those that look back at the last block remember it: the table is made anew for each track. Chroma and
    tonnetz are not in it, because they wait for the tuning (`tonal.ChromaStream`).
    """
    flux = spectral.Flux()
    onset_strength = spectral.OnsetStrength(config.n_fft, config.hop_length)
    n_mels, n_mfcc = DESCRIPTORS["mel"].shape[0], DESCRIPTORS["mfcc"].shape[0]
    dct = filters.dct_bank(N_MELS_SHARED, n_mfcc)
    return {
        "mel": lambda s: s.mel_db(n_mels),
        "mfcc": lambda s: s.shared_mel_db @ dct,
        "spectral_centroid": lambda s: s.centroid,
        "spectral_bandwidth": lambda s: spectral.bandwidth(s.magnitude, s.total_magnitude, s.frequencies, s.centroid),
        "spectral_rolloff": lambda s: spectral.rolloff(s.magnitude, s.frequencies),
        "spectral_contrast": lambda s: spectral.contrast(s.magnitude, s.sr, s.n_fft),
        "spectral_flatness": lambda s: spectral.flatness(s.power),
        "spectral_flux": lambda s: flux(s.magnitude),
        "zero_crossing_rate": lambda s: spectral.zero_crossing_rate(s.block),
        "rms": lambda s: spectral.rms(s.block),
        "onset_strength": lambda s: onset_strength(s.shared_mel_db),
    }


class FramewiseStream:
    """Run the kernels that are needed over a stream and pool their rows.

    Parameters
    ----------
    config : ExtractConfig
        Frame length and hop.
    levels : mapping from the name of each descriptor needed to the levels wanted of it (maybe none)
    keep_pulse : whether `pulse` is wanted

    Attributes
    ----------
    pools : dict from name to `Pool`
    tempogram : running `TempogramMean`, None where it is not needed
    """

    def __init__(self, config: ExtractConfig, levels: dict[str, set[Level]], *, keep_pulse: bool) -> None:
        self.config = config
        self._framer = Framer(config.n_fft, config.hop_length, config.block_frames)
        self.pools = {name: self._pool(name, wanted) for name, wanted in levels.items() if DESCRIPTORS[name].framewise}
        self.tempogram = TempogramMean() if "tempogram" in levels else None
        self._pulse_values = array("f") if keep_pulse else None
        self._kernels = {name: kernel for name, kernel in kernels(config).items() if name in self.pools}
        self._pulse = spectral.OnsetStrength(config.n_fft, config.hop_length, spectral.PULSE_BANDS)
        prologue = int(config.tuning_s * config.sr / config.hop_length)
        needs_tuning = not levels.keys().isdisjoint(("chroma", "tonnetz", "tuning"))
        self._chroma = tonal.ChromaStream(prologue) if needs_tuning else None
        self._n_silent = 0

    def _pool(self, name: str, wanted: set[Level]) -> Pool:
        length = round(self.config.segment_s * self.config.sr)
        segments = Segments(length, self.config.hop_length) if "segments" in wanted else None
        return Pool(DESCRIPTORS[name].shape, segments, keep_frames="frames" in wanted)

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
            for rows in self._chroma.finish():
                self._take_chroma(rows)

    def _describe(self, block: FrameBlock) -> None:
        spectra = Spectra(block, self.config.sr)
        for name, kernel in self._kernels.items():
            self._take(name, kernel(spectra))
        if self._pulse_values is not None:
            self._pulse_values.frombytes(self._pulse(spectra.shared_mel_compressed).tobytes())
        if self._chroma is not None:
            for rows in self._chroma.push(spectra):
                self._take_chroma(rows)

    def _take(self, name: str, rows: FloatArray) -> None:
        self.pools[name].push(rows)
        if name == "onset_strength" and self.tempogram is not None:
            self.tempogram.push(rows)
        if name == "rms":
            self._n_silent += int(np.count_nonzero(rows < SILENCE_RMS))

    def _take_chroma(self, chroma: FloatArray) -> None:
        if "chroma" in self.pools:
            self._take("chroma", chroma)
        if "tonnetz" in self.pools:
            self._take("tonnetz", tonal.tonnetz(chroma))
