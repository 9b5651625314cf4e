"""All descriptors of one track in one pass over its blocks, at constant memory.

- Blocks of any size become blocks of one size (`Reblocker`), so that results do not depend on the cut.
- The original channels go to the loudness meter; their mean, resampled to 22.05 kHz, is cut into
  frames, and the frames into spectra that all descriptors share (`Spectra`).
- Each framewise descriptor is a kernel from spectra to rows; its rows go to its `Pool` and are gone.
- Only what the wanted arrays need is computed: descriptors by `registry.closure`, spectra on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.features import filters, mood, rhythm, spectral, tonal
from workbench.features.frames import Framer, Reblocker
from workbench.features.loudness import LoudnessMeter
from workbench.features.registry import COLUMNS, DESCRIPTORS, closure, spec, specs
from workbench.features.stft import Spectra
from workbench.features.summary import Pool, Segments
from workbench.schema import ArraySpec

FloatArray = npt.NDArray[np.float32]

#: Samples beyond this are clipped: 100 dB over full scale, and its power still fits float32.
AMPLITUDE_LIMIT = 1e5

#: The shortest audio that is described, seconds.
SHORTEST_S = 0.005

_SILENCE_RMS = 1e-3  # -60 dB
_NATIVE_BLOCK = 1 << 17  # samples over all channels: half a megabyte

Kernel = Callable[[Spectra], FloatArray]


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
    block_frames : frames computed at once: no result depends on it by more than rounding
    """

    sr: int = 22050
    n_fft: int = 2048
    hop_length: int = 512
    key_n_fft: int = 8192
    key_hop_length: int = 2048
    segment_s: float = 1.0
    tuning_s: float = 60.0
    block_frames: int = 128


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of one track.

    Attributes
    ----------
    arrays : by path: a summary of the shape in its spec, segments and frames with one row each; float32;
        NaN is a missing value
    duration_s : decoded duration, seconds
    columns : what the catalog stores: ``duration_s`` and those of ``bpm, bpm_confidence, key, camelot,
        key_strength, energy, valence, arousal, danceability, mood, loudness_lufs`` whose arrays were
        wanted; None is a missing value
    """

    arrays: dict[str, FloatArray]
    duration_s: float
    columns: dict[str, float | str | None]


def extract(
    blocks: Iterable[FloatArray],
    sample_rate: int,
    *,
    paths: Collection[str] | None = None,
    config: ExtractConfig = ExtractConfig(),
) -> Features:
    """Describe one track.

    Parameters
    ----------
    blocks : iterable of numpy.ndarray, shape (n, n_channels), float32
        The decoded samples, finite, full scale 1.0, cut as the decoder likes: the result is the same to the bit.
    sample_rate : int
        Hz.
    paths : collection of str, optional
        The arrays wanted, for example ``{"summary/mfcc"}``; by default those of `registry.specs`.
    config : ExtractConfig
        The analysis parameters.

    Returns
    -------
    Features

    Raises
    ------
    ValueError
        For less than 5 ms of audio, or blocks of another shape.
    InputError
        For a path that no descriptor has.

    Examples
    --------
    >>> t = np.arange(22050, dtype=np.float32) / 22050
    >>> y = np.sin(2 * np.pi * 440 * t)[:, None]
    >>> features = extract([y], 22050, paths=["summary/spectral_centroid", "summary/tuning"])
    >>> round(float(features.arrays["summary/tuning"]), 2)
    0.0
    """
    extractor: Extractor | None = None
    for block in blocks:
        if block.ndim != 2:
            raise ValueError(f"blocks must have the shape (n, n_channels), not {block.shape}")
        if extractor is None:
            extractor = Extractor(sample_rate, block.shape[1], paths=paths, config=config)
        extractor.push(block)
    if extractor is None:
        raise ValueError("no audio to describe")
    return extractor.finish()


class Extractor:
    """The running analysis of one track: `push` blocks, then `finish`. See `extract`."""

    def __init__(
        self,
        sample_rate: int,
        n_channels: int,
        *,
        paths: Collection[str] | None = None,
        config: ExtractConfig = ExtractConfig(),
    ) -> None:
        self.config = config
        self.sample_rate = sample_rate
        self.n_channels = n_channels
        self._wanted: list[ArraySpec] = [spec(p) for p in paths] if paths is not None else list(specs())
        self._needed = closure(s.name for s in self._wanted)
        rows = max(_NATIVE_BLOCK // n_channels // 64, 1) * 64
        self._native = Reblocker(rows)
        self._n_native = 0
        self._meter = LoudnessMeter(sample_rate, n_channels) if self._needs(*_LOUDNESS) else None
        self._mono = _Mono(sample_rate, config, self._needed, self._wanted)

    def _needs(self, *names: str) -> bool:
        return not self._needed.isdisjoint(names)

    def push(self, block: FloatArray) -> None:
        """Take in samples, shape (n, n_channels)."""
        if block.shape[1:] != (self.n_channels,):
            raise ValueError(f"blocks must have {self.n_channels} channels, not the shape {block.shape}")
        for native in self._native.push(block):
            self._analyze(native)

    def _analyze(self, native: FloatArray) -> None:
        self._n_native += len(native)
        channels = np.ascontiguousarray(native.T, dtype=np.float32)
        if np.abs(channels).max() > AMPLITUDE_LIMIT:
            channels = np.clip(channels, -AMPLITUDE_LIMIT, AMPLITUDE_LIMIT)
        if self._meter is not None:
            self._meter.push(channels)
        self._mono.push(channels.mean(axis=0) if self.n_channels > 1 else channels[0])

    def finish(self) -> Features:
        """Close the analysis and give its results."""
        for native in self._native.finish():
            self._analyze(native)
        duration_s = self._n_native / self.sample_rate
        if duration_s < SHORTEST_S:
            raise ValueError(f"{duration_s * 1000:.2f} ms of audio: at least {SHORTEST_S * 1000:g} ms are needed")
        self._mono.finish(self._n_native)
        values = self._values(duration_s)
        arrays = {s.path: self._array(s, values) for s in self._wanted}
        return Features(arrays, duration_s, _columns(arrays, duration_s))

    def _values(self, duration_s: float) -> dict[str, Any]:
        """Compute everything that is not framewise."""
        values: dict[str, Any] = {}
        if self._meter is not None:
            loudness = self._meter.finish()
            values |= dict(zip(_LOUDNESS, (loudness.integrated, loudness.range, loudness.complexity, loudness.crest), strict=True))
        values |= self._mono.values(duration_s)
        if self._needs("energy", "arousal", "valence", "danceability", "mood"):
            scalars = {name: value for name, value in values.items() if np.ndim(value) == 0}
            means = {name: float(pool.summary()[0]) for name, pool in self._mono.pools.items() if pool.shape == ()}
            values |= mood.affect(scalars | means)
        return values

    def _array(self, wanted: ArraySpec, values: dict[str, Any]) -> FloatArray:
        pool = self._mono.pools.get(wanted.name)
        if pool is None:
            return np.asarray(values[wanted.name], dtype=np.float32)
        if wanted.level == "summary":
            return pool.summary()
        return pool.segments(self._mono.n_samples) if wanted.level == "segments" else pool.frames()


_LOUDNESS = ("loudness", "loudness_range", "dynamic_complexity", "crest_factor")
_FROM_ONSETS = (
    "onset_rate", "tempogram", "tempo", "tempo_confidence", "tempo_candidates", "beat_count", "beat_interval_std", "beats",
)  # fmt: skip
_FROM_CHROMA = ("chroma", "tonnetz", "tuning")


class _Mono:
    """Everything that is computed from the mono signal at the common sample rate."""

    def __init__(self, sample_rate: int, config: ExtractConfig, needed: set[str], wanted: list[ArraySpec]) -> None:
        self.config = config
        self._needed = needed
        self._sample_rate = sample_rate
        self._resampler: Any = None
        if sample_rate != config.sr:
            import soxr  # imported on use: only audio at another rate needs it

            self._resampler = soxr.ResampleStream(sample_rate, config.sr, 1, dtype="float32", quality="HQ")
        self.n_samples = 0
        self._framer = Framer(config.n_fft, config.hop_length, config.block_frames)
        self._kernels = {name: k for name, k in _kernels(config).items() if name in needed}
        self.pools = {d: self._pool(d, wanted) for d in needed if DESCRIPTORS[d].framewise}
        chroma = not needed.isdisjoint(_FROM_CHROMA)
        prologue = int(config.tuning_s * config.sr / config.hop_length)
        self._chroma = tonal.ChromaStream(prologue) if chroma else None
        key = not needed.isdisjoint(("key", "key_strength"))
        self._key_framer = Framer(config.key_n_fft, config.key_hop_length, 16) if key else None
        self._key = tonal.KeyStream()
        self._onsets: list[FloatArray] = []
        self._n_silent = 0

    def _pool(self, name: str, wanted: list[ArraySpec]) -> Pool:
        levels = {s.level for s in wanted if s.name == name}
        length = round(self.config.segment_s * self.config.sr)
        segments = Segments(length, self.config.hop_length) if "segments" in levels else None
        return Pool(DESCRIPTORS[name].shape, segments, keep_frames="frames" in levels)

    def push(self, y: FloatArray, last: bool = False) -> None:
        if self._resampler is not None:
            y = self._resampler.resample_chunk(y, last=last)
        self._take(y)

    def finish(self, n_native: int) -> None:
        """Flush the resampler to exactly the length that librosa gives, then the frames."""
        length = -(-n_native * self.config.sr // self._sample_rate)
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(np.empty(0, dtype=np.float32), last=True)
            missing = max(length - self.n_samples - len(rest), 0)
            self._take(np.pad(rest, (0, missing))[: max(length - self.n_samples, 0)])
        self._spectra(self._framer.finish())
        if self._key_framer is not None:
            self._key_spectra(self._key_framer.finish())
        if self._chroma is not None:
            for rows in self._chroma.finish():
                self._pool_chroma(rows)

    def _take(self, y: FloatArray) -> None:
        self.n_samples += len(y)
        self._spectra(self._framer.push(y))
        if self._key_framer is not None:
            self._key_spectra(self._key_framer.push(y))

    def _key_spectra(self, blocks: Iterator[Any]) -> None:
        for block in blocks:
            self._key.push(block, self.config.sr)

    def _spectra(self, blocks: Iterator[Any]) -> None:
        for block in blocks:
            spectra = Spectra(block, self.config.sr)
            for name, kernel in self._kernels.items():
                rows = kernel(spectra)
                self.pools[name].push(rows)
                if name == "onset_strength":
                    self._onsets.append(rows)
                elif name == "rms":
                    self._n_silent += int(np.count_nonzero(rows < _SILENCE_RMS))
            if self._chroma is not None:
                for rows in self._chroma.push(spectra):
                    self._pool_chroma(rows)

    def _pool_chroma(self, chroma: FloatArray) -> None:
        if "chroma" in self.pools:
            self.pools["chroma"].push(chroma)
        if "tonnetz" in self.pools:
            self.pools["tonnetz"].push(tonal.tonnetz(chroma))

    def values(self, duration_s: float) -> dict[str, Any]:
        """What is known only at the end."""
        values: dict[str, Any] = {}
        if self._chroma is not None:
            values["tuning"] = self._chroma.tuning
        if self._key_framer is not None:
            key = self._key.finish()
            values |= {"key": key.index, "key_strength": key.strength}
        if "silence_rate" in self._needed:
            values["silence_rate"] = self._n_silent / self._framer.n_frames
        if not self._needed.isdisjoint(_FROM_ONSETS):
            envelope = np.concatenate(self._onsets)
            values |= _rhythm(envelope, self.config.sr / self.config.hop_length, duration_s, self._needed)
        return values


def _rhythm(envelope: FloatArray, frame_rate: float, duration_s: float, needed: set[str]) -> dict[str, Any]:
    onset_rate = len(rhythm.detect_onsets(envelope, frame_rate)) / duration_s
    values: dict[str, Any] = {"onset_rate": onset_rate}
    if "tempogram" in needed:
        values["tempogram"] = rhythm.tempogram_at(rhythm.mean_tempogram(envelope), frame_rate)
    tempo = rhythm.estimate_tempo(envelope, frame_rate, onset_rate)
    values |= {"tempo": tempo.bpm, "tempo_confidence": tempo.confidence, "tempo_candidates": tempo.shares}
    beats = np.empty(0, dtype=np.int64)
    if not np.isnan(tempo.bpm):
        beats = rhythm.track_beats(envelope, tempo.bpm, frame_rate)
    values["beat_count"] = len(beats)
    values["beat_interval_std"] = np.std(np.diff(beats)) / frame_rate if len(beats) > 2 else np.nan
    values["beats"] = np.zeros(len(envelope), dtype=np.float32)
    values["beats"][beats] = 1
    return values


def _kernels(config: ExtractConfig) -> dict[str, Kernel]:
    """Give the kernel of each framewise descriptor; those that look back are made anew for each track."""
    flux = spectral.Flux()
    onset_strength = spectral.OnsetStrength(config.n_fft, config.hop_length)
    dct = filters.dct_bank(128, DESCRIPTORS["mfcc"].shape[0])

    def centroid(s: Spectra) -> FloatArray:
        return spectral.centroid(s.magnitude, s.total_magnitude, s.frequencies)

    def bandwidth(s: Spectra) -> FloatArray:
        return spectral.bandwidth(s.magnitude, s.total_magnitude, s.frequencies, centroid(s))

    return {
        "mel": lambda s: s.mel_db(DESCRIPTORS["mel"].shape[0]),
        "mfcc": lambda s: s.shared_mel_db @ dct,
        "spectral_centroid": centroid,
        "spectral_bandwidth": bandwidth,
        "spectral_rolloff": lambda s: spectral.rolloff(s.magnitude, s.frequencies),
        "spectral_contrast": lambda s: spectral.contrast(s.magnitude, s.sr, s.n_fft),
        "spectral_flatness": lambda s: spectral.flatness(s.power),
        "spectral_flux": lambda s: flux(s.magnitude),
        "zero_crossing_rate": lambda s: spectral.zero_crossing_rate(s.block),
        "rms": lambda s: spectral.rms(s.block),
        "onset_strength": lambda s: onset_strength(s.shared_mel_db),
    }


def _columns(arrays: dict[str, FloatArray], duration_s: float) -> dict[str, float | str | None]:
    columns: dict[str, float | str | None] = {"duration_s": float(duration_s)}
    for name, column in COLUMNS.items():
        value = arrays.get(f"summary/{name}")
        if value is None:
            continue
        known = not np.isnan(value)
        categories = DESCRIPTORS[name].categories
        columns[column] = (categories[int(value)] if categories else float(value)) if known else None
        if name == "key":
            columns["camelot"] = tonal.camelot(int(value)) if known else None
    return columns
