"""All descriptors of one track in one pass over its blocks, at constant memory.

- Blocks of any size become blocks of one size (`Reblocker`), so that results do not depend on the cut.
- The original channels go to the loudness meter; their mean, resampled to 22.05 kHz, goes to the
  framewise descriptors (`FramewiseStream`) and to the key (`PitchStream`).
- Only what the wanted arrays need is computed: descriptors by `registry.closure`, spectra on first use.
- What grows with the length are one number per hop, segments, and frames if asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.audio.resample import Resampler, downmix
from workbench.audio.samples import Samples
from workbench.features import metre, mood, rhythm
from workbench.features.config import DEFAULT_CONFIG, ExtractConfig
from workbench.features.envelope import Envelope
from workbench.features.frames import Reblocker
from workbench.features.framewise import FramewiseStream
from workbench.features.key import KEY_DESCRIPTORS, camelot, describe_key
from workbench.features.loudness import LoudnessMeter
from workbench.features.pitch import PitchStream
from workbench.features.registry import COLUMNS, DESCRIPTORS, SILENCE_DB, closure, spec, specs
from workbench.features.tempogram import tempogram_at
from workbench.schema import ArraySpec, Level

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

FloatArray = npt.NDArray[np.float32]

#: The shortest audio that is described, seconds.
SHORTEST_S = 0.005

# Half a megabyte at once over all channels.
_BLOCK_SAMPLES = 1 << 18

# Descriptors that are made together, in the order in which their maker gives them.
LOUDNESS = ("loudness", "loudness_range", "dynamic_complexity", "crest_factor")
PULSE = ("onset_rate", "tempo", "tempo_confidence", "tempo_candidates", "beat_count", "beat_interval_std", "beats")
ENVELOPE = ("log_attack_time", "temporal_centroid", "effective_duration", "average_loudness")
MOOD = ("energy", "arousal", "valence", "danceability", "mood")


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
    blocks: Iterable[Samples],
    sample_rate: int,
    *,
    paths: Collection[str] | None = None,
    config: ExtractConfig = DEFAULT_CONFIG,
) -> Features:
    """Describe one track.

    Parameters
    ----------
    blocks : iterable of numpy.ndarray, shape (n, n_channels), float32 or int16
        The decoded samples, finite, full scale 1.0 or 32768, cut as the decoder likes: the result is the same to the
        bit.
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
    >>> y = sum(np.sin(2 * np.pi * hz * t) for hz in (440, 554.37, 659.26))[:, None]
    >>> features = extract([y[:5000], y[5000:]], 22050, paths=["summary/mfcc", "summary/key"])
    >>> features.arrays["summary/mfcc"].shape, features.columns["key"]
    ((7, 20), 'A major')
    """
    extractor: Extractor | None = None
    with _one_thread():
        for block in blocks:
            if block.ndim != 2:
                raise ValueError(f"blocks must have the shape (n, n_channels), not {block.shape}")
            if extractor is None:
                extractor = Extractor(sample_rate, block.shape[1], paths=paths, config=config)
            extractor.push(block)
            del block  # the decoder can use its memory again
        if extractor is None:
            raise ValueError("no audio to describe")
        return extractor.finish()


class Extractor:
    """The running analysis of one track, which `extract` drives: `push` blocks, then `finish`."""

    def __init__(
        self,
        sample_rate: int,
        n_channels: int,
        *,
        paths: Collection[str] | None = None,
        config: ExtractConfig = DEFAULT_CONFIG,
    ) -> None:
        self.config = config
        self.sample_rate = sample_rate
        self.n_channels = n_channels
        self._wanted, self._levels = _wanted(None if paths is None else tuple(paths))
        self._reblocker = Reblocker(max(_BLOCK_SAMPLES // n_channels, 1))
        self._n_native = 0
        self._dtype: np.dtype[Any] | None = None
        self._meter = LoudnessMeter(sample_rate, n_channels) if self._needs(*LOUDNESS) else None
        self._resampler = Resampler(sample_rate, config.sr)
        needs_key = self._needs(*KEY_DESCRIPTORS)
        self._key = PitchStream(config.sr, config.key_n_fft, config.key_hop_length) if needs_key else None
        self._envelope = Envelope(config.sr) if self._needs(*ENVELOPE) else None
        self._framewise = FramewiseStream(config, self._levels, keep_pulse=self._needs(*PULSE))

    def _needs(self, *names: str) -> bool:
        return not self._levels.keys().isdisjoint(names)

    def push(self, block: Samples) -> None:
        """Take in samples, shape (n, n_channels)."""
        if block.shape[1:] != (self.n_channels,):
            raise ValueError(f"blocks must have {self.n_channels} channels, not the shape {block.shape}")
        if block.dtype != (self._dtype or block.dtype):
            raise ValueError(f"blocks must all be {self._dtype}, not {block.dtype}")
        self._dtype = block.dtype
        for rows in self._reblocker.push(block):
            self._analyze(rows)

    def _analyze(self, rows: Samples) -> None:
        self._n_native += len(rows)
        if self._meter is not None:
            self._meter.push(rows)
        self._analyze_mono(self._resampler.push(downmix(rows)))

    def _analyze_mono(self, y: FloatArray) -> None:
        self._framewise.push(y)
        if self._key is not None:
            self._key.push(y)
        if self._envelope is not None:
            self._envelope.push(y)

    def finish(self) -> Features:
        """Close the analysis and give its results."""
        for rows in self._reblocker.finish():
            self._analyze(rows)
        duration_s = self._n_native / self.sample_rate
        if duration_s < SHORTEST_S:
            raise ValueError(f"{duration_s * 1000:.2f} ms of audio: at least {SHORTEST_S * 1000:g} ms are needed")
        rest = self._resampler.flush()
        # The length that librosa.resample gives: the resampler's own may differ by a few samples.
        missing = -(-self._n_native * self.config.sr // self.sample_rate) - self._framewise.n_samples
        self._analyze_mono(np.pad(rest, (0, max(missing - len(rest), 0)))[: max(missing, 0)])
        self._framewise.finish()
        pooled = {
            "summary": self._framewise.summaries(),
            "segments": self._framewise.segments(),
            "frames": self._framewise.frames(),
        }
        values = self._values({name: float(row[0]) for name, row in pooled["summary"].items() if row.ndim == 1})
        arrays = {
            wanted.path: np.asarray(pooled[wanted.level].get(wanted.name, values.get(wanted.name)), dtype=np.float32)
            for wanted in self._wanted
        }
        return Features(arrays, duration_s, {"duration_s": duration_s, **columns(arrays)})

    def _values(self, means: dict[str, float]) -> dict[str, Any]:
        """Everything that is not framewise, by name; `means` are those of framewise descriptors that are numbers."""
        framewise, frame_rate = self._framewise, self.config.frame_rate
        values: dict[str, Any] = {"tuning": framewise.tuning}
        if self._meter is not None:
            values |= zip(LOUDNESS, astuple(self._meter.finish()), strict=True)
        if self._key is not None:
            values |= describe_key(self._key.finish())
        if self._envelope is not None:
            values |= zip(ENVELOPE, astuple(self._envelope.finish()), strict=True)
        if framewise.harmony is not None:
            values |= framewise.harmony.finish()
        if self._needs(*SILENCE_DB):
            values |= framewise.silence_rates
        if self._needs(*PULSE):
            duration_s = self._n_native / self.sample_rate
            with_beats = self._needs("beats")
            values |= rhythm.describe_pulse(framewise.pulse(), frame_rate, duration_s, with_beats=with_beats)
        if framewise.band_levels is not None:
            values |= framewise.band_levels.at_beats(np.flatnonzero(values["beats"]))
        if framewise.tempogram is not None:
            values["tempogram"] = tempogram_at(framewise.tempogram.finish(), frame_rate)
        if framewise.long_tempogram is not None:
            values |= self._metre(framewise.long_tempogram.finish(), values)
        if self._needs(*MOOD):
            # rounded as they are stored, so that the same comes out of a library without its audio
            scalars = {name: float(np.float32(value)) for name, value in values.items() if np.ndim(value) == 0}
            values |= mood.affect(scalars | means)
        return values

    def _metre(self, tempogram: npt.NDArray[np.float64], values: dict[str, Any]) -> dict[str, Any]:
        """Give what the mean tempogram tells, also with the tempo."""
        frame_rate = self.config.frame_rate
        found: dict[str, Any] = {}
        if self._needs(*metre.BPM_PEAKS):
            found |= metre.bpm_peaks(tempogram, frame_rate)
        if self._needs("tempogram_ratio"):
            found["tempogram_ratio"] = metre.tempogram_ratio(tempogram, values["tempo"], frame_rate)
        return found


@lru_cache(maxsize=16)
def _wanted(paths: tuple[str, ...] | None) -> tuple[tuple[ArraySpec, ...], Mapping[str, frozenset[Level]]]:
    """Give the arrays wanted, and of each descriptor that they need the levels wanted of it, maybe none."""
    wanted = tuple(map(spec, paths)) if paths is not None else tuple(specs())
    needed = sorted(closure(array.name for array in wanted))
    return wanted, {name: frozenset(array.level for array in wanted if array.name == name) for name in needed}


@cache
def _libraries() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _one_thread() -> AbstractContextManager[object]:
    """Keep matrix products to one thread: how many share one decides the last bits of its sums."""
    limited: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limited


def columns(arrays: Mapping[str, FloatArray]) -> dict[str, float | str | None]:
    """Give the catalog's columns of a track from its arrays, by path, those that are there.

    Examples
    --------
    >>> columns({"summary/key": np.float32(21)})
    {'key': 'A minor', 'camelot': '8A'}
    """
    found: dict[str, float | str | None] = {}
    for name, column in COLUMNS.items():
        if f"summary/{name}" not in arrays:
            continue
        value = float(arrays[f"summary/{name}"])
        known = not np.isnan(value)
        categories = DESCRIPTORS[name].categories
        found[column] = (categories[int(value)] if categories else value) if known else None
        if name == "key":
            found["camelot"] = camelot(int(value)) if known else None
    return found
