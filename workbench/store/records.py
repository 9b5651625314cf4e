"""What driver and workers tell each other of files: plain values, so that a worker need not load the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkFile:
    """A file of a batch that has no outcome yet."""

    ordinal: int
    path: str
    cost: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the catalog keeps of an analysis, beside the arrays.

    Attributes
    ----------
    columns : of the track's row
    source : what decoding told (`Source`); None where nothing was decoded, and what is known stays
    """

    columns: Mapping[str, float | str | None]
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What decoding a file told of it."""

    format: str
    sample_rate: int
    channels: int
    flags: tuple[str, ...]
