"""What a descriptor is: a named quantity with its range, unit, source and levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from workbench.features.summary import STATISTICS
from workbench.schema import ArraySpec, DescriptorSet, Level

Facet = Literal["timbre", "rhythm", "harmony", "dynamics", "mood"]

ALL_LEVELS: tuple[Level, ...] = ("summary", "segments", "frames")
NO_SEGMENTS: tuple[Level, ...] = ("summary", "frames")


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A named quantity.

    Attributes
    ----------
    name : as in librosa or in the field
    facet : the group that similarity explains it in
    dims, shape : axes at one frame, or of the whole if it is not framewise
    unit : SI or field unit; ``1`` for a plain number
    low, high : closed range of values at one frame
    sentence : what it means
    source : librosa function, paper or standard
    version : raised when the definition changes
    levels : the levels at which it exists
    optional : True where a value may be missing
    labels : names along each axis
    categories : what the values 0, 1, 2… stand for, if it is a category
    requires : descriptors that it is computed from
    exceptions : where it differs from `source`, and why
    set : the smallest set that holds it: ``full`` holds those of ``fast`` too
    """

    name: str
    facet: Facet
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    unit: str
    low: float
    high: float
    sentence: str
    source: str
    version: int = 1
    levels: tuple[Level, ...] = ("summary",)
    optional: bool = False
    labels: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    exceptions: str = ""
    set: DescriptorSet = "fast"

    @property
    def framewise(self) -> bool:
        """True if its summary holds statistics over frames."""
        return "frames" in self.levels and "summary" in self.levels

    def spec(self, level: Level) -> ArraySpec:
        """Give the contract of the array that is stored at `level`."""
        dims, shape, low, high = self.dims, self.shape, self.low, self.high
        labels = dict(self.labels)
        sentence = self.sentence
        if level == "summary" and self.framewise:
            dims, shape = ("statistic", *dims), (len(STATISTICS), *shape)
            labels = {"statistic": STATISTICS, **labels}
            # Deviation and change lie between 0 and the width of the range.
            low, high = min(low, 0.0), max(high, high - low)
            sentence = f"{sentence} Mean, deviation, extremes and median over frames; mean and deviation of changes."
        elif level == "segments":
            sentence = f"{sentence} Mean over each second."
        return ArraySpec(
            name=self.name,
            level=level,
            dims=dims,
            shape=shape,
            unit=self.unit,
            low=low,
            high=high,
            sentence=sentence,
            source=self.source,
            version=self.version,
            optional=self.optional,
            coords=labels,
        )
