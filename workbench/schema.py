"""What is stored: the contract of every array, and the words of the catalog that requests use too.

An `ArraySpec` both validates what is written and documents what is read: the attributes that it
gives to the Zarr array are those that xarray shows.

Missing values: in memory a value that cannot be known is NaN; on disk NaN is never stored. A spec
with ``optional=True`` stores `MISSING` instead and declares it as ``missing_value`` (CF
conventions), which xarray turns back into NaN. A spec without it refuses NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Level = Literal["summary", "segments", "frames", "embedding"]

#: The default set of descriptors, and everything.
DescriptorSet = Literal["fast", "full"]

#: Columns by which tracks are listed page by page; each has an index.
SORT_COLUMNS = (
    "path",
    "title",
    "artist",
    "album",
    "genre",
    "duration_s",
    "bpm",
    "key",
    "energy",
    "valence",
    "arousal",
    "danceability",
    "mood",
    "loudness_lufs",
)

#: Of one author and track; characters of a name or a value.
MOST_LABELS = 1000
LABEL_LENGTH = 200

#: Stands for "not known" on disk: netCDF's default fill value for float32, absurd if seen raw.
MISSING = np.float32(9.969209968386869e36)

#: The first axis of an array, by level.
LEADING_DIM: dict[Level, str] = {"summary": "track", "segments": "segment", "frames": "frame", "embedding": "track"}


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    PLANNING = "planning"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def finished(self) -> bool:
        """True when the job will not go on unless it is resumed on request."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """One stored array.

    Attributes
    ----------
    name : the descriptor's name, for example ``mfcc``
    level : ``summary`` (a row per track), ``segments`` (per second), ``frames`` (per hop), or
        ``embedding`` (a row per track: the raw vector that similarity search starts from)
    dims : names of the axes after the first, which is given by the level
    shape : lengths of those axes
    unit : SI or field unit as text; ``1`` for a plain number
    low, high : closed range of valid values; infinite where there is no bound
    sentence : what the values mean
    source : librosa function, paper or standard that defines them
    version : raised when the definition changes; part of the stored key
    dtype : numpy dtype name
    optional : True where a value may be missing
    coords : labels of an axis, for example ``{"statistic": ("mean", "std")}``
    """

    name: str
    level: Level
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    unit: str
    low: float
    high: float
    sentence: str
    source: str
    version: int = 1
    dtype: str = "float32"
    optional: bool = False
    coords: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where the array lies inside its part: ``summary/mfcc``; ``embedding`` is its own level."""
        return self.name if self.name == self.level else f"{self.level}/{self.name}"

    @property
    def key(self) -> str:
        """Path and version: what decides whether a stored array is current."""
        return f"{self.path}@{self.version}"

    @property
    def all_dims(self) -> tuple[str, ...]:
        """Every axis name, the leading one first."""
        return (LEADING_DIM[self.level], *self.dims)

    @property
    def attributes(self) -> dict[str, Any]:
        """What is written beside the array, JSON-ready."""
        attributes: dict[str, Any] = {
            "long_name": self.sentence,
            "units": self.unit,
            "source": self.source,
            "descriptor_version": self.version,
        }
        if self.optional:
            attributes["missing_value"] = float(MISSING)
        for dim, labels in self.coords.items():
            attributes[f"{dim}_labels"] = list(labels)
        return attributes

    def encode(self, values: npt.ArrayLike) -> npt.NDArray[Any]:
        """Check values against the contract and return them as they are to be stored.

        Parameters
        ----------
        values : array_like, shape (n, *shape)
            NaN marks a missing value.

        Returns
        -------
        numpy.ndarray
            Same shape, dtype of the spec, `MISSING` in place of NaN.

        Raises
        ------
        ValueError
            On a wrong shape, an infinity, a NaN in a spec that is not optional, or a value out of range.
        """
        array = np.asarray(values, dtype=self.dtype)
        if array.shape[1:] != self.shape:
            raise ValueError(f"{self.path}: shape {array.shape[1:]} given, {self.shape} expected")
        unknown = np.isnan(array)
        if unknown.any() and not self.optional:
            raise ValueError(f"{self.path}: NaN in an array that must be complete")
        known = array[~unknown] if unknown.any() else array
        # float32 rounding may carry a value a hair over a bound that holds exactly in float64
        slack = 1e-4 * max(abs(b) for b in (self.low, self.high, 1.0) if np.isfinite(b))
        if known.size and not (known.min() >= self.low - slack and known.max() <= self.high + slack):
            raise ValueError(f"{self.path}: values {known.min()}..{known.max()} outside {self.low}..{self.high}")
        if known.size and not np.isfinite(known).all():
            raise ValueError(f"{self.path}: infinite values")
        return np.where(unknown, MISSING, array).astype(self.dtype) if unknown.any() else array

    def decode(self, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Turn stored values back: `MISSING` becomes NaN."""
        return np.where(stored == MISSING, np.float32(np.nan), stored) if self.optional else stored
