"""The framewise descriptors of a mono stream: from samples to pools, one block of frames at a time.

`kernels` is the one table from a descriptor's name to its function: a faster function of the same values
takes the place of another there, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from math import prod
from typing import cast

import numpy as np
import numpy.typing as npt

from workbench.features import bands, filters, moments, peaks, spectral, tonal
from workbench.features.config import ExtractConfig
from workbench.features.fft import PowerSpectrum
from workbench.features.frames import FrameBlock, Framer
from workbench.features.harmony import HarmonyStream
from workbench.features.metre import BPM_PEAKS, BandLevels
from workbench.features.percussion import PercussiveStream
from workbench.features.registry import DESCRIPTORS, SILENCE_DB, WEIGHTED
from workbench.features.stft import N_MELS_SHARED, Spectra
from workbench.features.summary import Pool, WeightedMoments
from workbench.features.tempogram import TEMPO_LAGS, TempogramMean
from workbench.growing import Series
from workbench.schema import Level

FloatArray = npt.NDArray[np.float32]
Kernel = Callable[[Spectra], FloatArray]

#: RMS below which a frame is silent, by descriptor.
SILENCE_RMS = {name: 10.0 ** (-db / 20) for name, db in SILENCE_DB.items()}

#: Descriptors that wait for the tuning (`tonal.ChromaStream`).
TUNED = ("chroma", "tonnetz", "hpcp", "hpcp_entropy", "hpcp_crest")

#: Descriptors that wait for frames to come (`percussion.PercussiveStream`).
DELAYED = ("percussive_ratio",)


def kernels(config: ExtractConfig) -> dict[str, Kernel]:
    """Give the function of each framewise descriptor, from spectra to an array (*shape, n >= n_frames).

    `TUNED` and `DELAYED` are not here. Those that look back at the last block remember it: the table is made anew
    for each track.
    """
    flux = spectral.Flux()
    onset_strength = spectral.OnsetStrength(config.n_fft, config.hop_length)
    salience = peaks.PitchSalience(config.sr / config.n_fft)
    n_mfcc, n_gfcc = DESCRIPTORS["mfcc"].shape[0], DESCRIPTORS["gfcc"].shape[0]
    dct = filters.dct_bank(N_MELS_SHARED, n_mfcc)
    return {
        "mel": lambda s: s.mel.decibels,
        "mfcc": lambda s: dct @ s.shared_mel_db,
        "spectral_centroid": lambda s: s.centroid,
        "spectral_bandwidth": lambda s: s.bandwidth,
        "spectral_rolloff": lambda s: spectral.rolloff(s.magnitude, s.total_magnitude, s.frequencies),
        "spectral_contrast": lambda s: spectral.contrast(s.magnitude, s.sr, s.n_fft),
        "spectral_flatness": lambda s: spectral.flatness(s.power),
        "spectral_flux": lambda s: flux(s.magnitude, s.norm, s.n_frames),
        "zero_crossing_rate": lambda s: spectral.zero_crossing_rate(s.block),
        "rms": lambda s: spectral.rms(s.block),
        "onset_strength": lambda s: onset_strength(s.shared_mel_db, s.n_frames),
        "spectral_skewness": lambda s: s.skewness_and_kurtosis[0],
        "spectral_kurtosis": lambda s: s.skewness_and_kurtosis[1],
        "spectral_entropy": lambda s: moments.entropy(s.magnitude, s.total_magnitude),
        "spectral_decrease": lambda s: moments.decrease(s.magnitude, s.total_magnitude),
        "spectral_complexity": lambda s: moments.complexity(s.magnitude, s.sr / s.n_fft, s.full_scale),
        "spectral_strongpeak": lambda s: moments.strong_peak(s.magnitude, np.float32(s.full_scale)),
        "spectral_energyband": lambda s: spectral.power_to_db(bands.energy_bank(s.sr, s.n_fft).apply(s.power)),
        "hfc": lambda s: moments.high_frequency_content(s.power),
        "poly_features": lambda s: moments.poly_features(s.magnitude, s.total_magnitude, s.frequencies),
        "barkbands": lambda s: s.bark.decibels,
        "erbbands": lambda s: s.erb.decibels,
        "gfcc": lambda s: bands.cepstrum(s.erb.decibels, n_gfcc),
        "dissonance": lambda s: peaks.dissonance(s.peaks),
        "pitch_salience": lambda s: salience(s.magnitude, s.norm),
        **_shape_kernels("melbands", lambda s: s.mel),
        **_shape_kernels("barkbands", lambda s: s.bark),
        **_shape_kernels("erbbands", lambda s: s.erb),
    }


def _shape_kernels(family: str, of: Callable[[Spectra], bands.Bands]) -> dict[str, Kernel]:
    """Give the functions of ``melbands_crest`` and its like."""

    def kernel(field: str) -> Kernel:
        return lambda s: cast(FloatArray, getattr(of(s).shape, field))

    return {f"{family}_{field}": kernel(field) for field in bands.BandShape._fields}


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
    tempogram, long_tempogram, harmony, band_levels : what a whole track is described from, running; None where it is
        not needed
    """

    def __init__(self, config: ExtractConfig, levels: Mapping[str, Set[Level]], *, keep_pulse: bool) -> None:
        self.config = config
        self._framer = Framer(config.n_fft, config.hop_length, config.block_frames)
        self._transform = PowerSpectrum(config.n_fft)
        framewise = {name: wanted for name, wanted in levels.items() if DESCRIPTORS[name].framewise}
        self._tuned, self._delayed, self._spectral = (
            self._pool({name: levels for name, levels in framewise.items() if name in some})
            for some in (TUNED, DELAYED, framewise.keys() - {*TUNED, *DELAYED})
        )
        self._weighted_names = [name for name in levels if name in WEIGHTED]
        if self._weighted_names:
            self._weighted_rows = self._spectral.rows(WEIGHTED[name] for name in self._weighted_names)
            self._weighted = WeightedMoments(len(self._weighted_rows))
        self._kernels = {name: kernel for name, kernel in kernels(config).items() if name in self._spectral}
        self.tempogram = TempogramMean(TEMPO_LAGS) if "tempogram" in levels else None
        self.long_tempogram = TempogramMean() if {"tempogram_ratio", *BPM_PEAKS} & levels.keys() else None
        self._pulse_values = Series(np.float32, (len(spectral.PULSE_BANDS),)) if keep_pulse else None
        self._pulse = spectral.OnsetStrength(config.n_fft, config.hop_length, spectral.PULSE_BANDS)
        prologue = int(config.tuning_s * config.sr / config.hop_length)
        self._chroma = tonal.ChromaStream(prologue) if self._tuned.names or "tuning" in levels else None
        self._percussive = PercussiveStream() if self._delayed.names else None
        self.harmony = HarmonyStream(config.frame_rate) if "hpcp" in levels else None
        self.band_levels = BandLevels() if "beats_loudness" in levels else None
        self._n_silent = dict.fromkeys(SILENCE_RMS, 0)

    def _pool(self, levels: Mapping[str, Set[Level]]) -> Pool:
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
    def silence_rates(self) -> dict[str, float]:
        """Share of frames below each of `SILENCE_RMS`; needs the kernel ``rms``."""
        return {name: n / self._framer.n_frames for name, n in self._n_silent.items()}

    def pulse(self) -> FloatArray:
        """Give every value of the pulse (see `rhythm`), shape (n_frames, 3); must be wanted, can be called once."""
        if self._pulse_values is None:
            raise ValueError("the pulse was not kept")
        return self._pulse_values.take()

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
        if self._percussive is not None:
            for ratio in self._percussive.finish():
                self._delayed.push({"percussive_ratio": ratio}, len(ratio))

    def summaries(self) -> dict[str, FloatArray]:
        """Give the statistics of each framewise descriptor, shape (7, *shape), or (2, *shape) of those by energy."""
        found = {name: values for pool in self._pools for name, values in pool.summaries().items()}
        if self._weighted_names:
            shapes = [DESCRIPTORS[name].shape for name in self._weighted_names]
            columns = np.split(self._weighted.result(), np.cumsum([prod(shape[1:]) for shape in shapes])[:-1], axis=1)
            found |= {n: c.reshape(s) for n, c, s in zip(self._weighted_names, columns, shapes, strict=True)}
        return found

    def segments(self) -> dict[str, FloatArray]:
        """Give the segment means that are wanted, shape (n_segments, *shape)."""
        return {name: values for pool in self._pools for name, values in pool.segments(self.n_samples).items()}

    def frames(self) -> dict[str, FloatArray]:
        """Give the frames that are wanted, shape (n_frames, *shape). Can be called once."""
        return {name: values for pool in self._pools for name, values in pool.frames().items()}

    @property
    def _pools(self) -> tuple[Pool, ...]:
        return self._spectral, self._tuned, self._delayed

    def _describe(self, block: FrameBlock) -> None:
        spectra = Spectra(block, self.config.sr, self._transform)
        values = {name: kernel(spectra) for name, kernel in self._kernels.items()}
        self._spectral.push(values, block.n_frames)
        if self._weighted_names:
            self._weighted.push(self._spectral.table[self._weighted_rows], values["rms"][: block.n_frames])
        for tempogram in filter(None, (self.tempogram, self.long_tempogram)):
            tempogram.push(values["onset_strength"])
        if "rms" in values:
            for name, quietest in SILENCE_RMS.items():
                self._n_silent[name] += int(np.count_nonzero(values["rms"] < np.float32(quietest)))
        if self._pulse_values is not None:
            self._pulse_values.add(self._pulse(spectra.shared_mel_compressed, block.n_frames))
        if self.band_levels is not None:
            self.band_levels.push(spectra.power, spectra.sr, spectra.n_fft, block.n_frames)
        if self._percussive is not None:
            for ratio in self._percussive.push(spectra.mel.power[:, : block.n_frames]):
                self._delayed.push({"percussive_ratio": ratio}, len(ratio))
        if self.harmony is not None:
            self.harmony.hold(spectra.peaks, block.n_frames)
        if self._chroma is not None:
            for chroma in self._chroma.push(spectra):
                self._take_chroma(chroma)

    def _take_chroma(self, chroma: FloatArray) -> None:
        if self._tuned.names:
            values = {"chroma": chroma}
            if "tonnetz" in self._tuned:
                values["tonnetz"] = tonal.tonnetz(chroma)
            if self.harmony is not None and self._chroma is not None:
                values |= self.harmony.describe(self._chroma.tuning)
            self._tuned.push(values, chroma.shape[1])
