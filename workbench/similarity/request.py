"""What a search by sound may be asked for: one model for Python, the web, and what is asked in words."""

from __future__ import annotations

import os
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_RESULTS = 200

TrackId = Annotated[str, Field(pattern="^[0-9a-f]{32}$", description="A track's id.")]
Where = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2000,
        description='Only tracks that fit, such as: bpm > 120 and key == "A minor"',
        json_schema_extra={"format": "workbench-where"},
    ),
]
Seconds = Annotated[float, Field(ge=0, lt=1e9, allow_inf_nan=False)]
Factor = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Asked(BaseModel):
    """Base of what requests say: nothing that is not known, and nothing that is something else."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FacetWeights(Asked):
    """Factors on the usual weights; one that is left out is 1."""

    timbre: Factor = 1.0
    rhythm: Factor = 1.0
    harmony: Factor = 1.0
    dynamics: Factor = 1.0


class SimilarOptions(Asked):
    """What may be asked of results, whatever they are to be like."""

    n: int = Field(default=10, ge=1, le=MOST_RESULTS, description="How many.")
    where: Where | None = None
    weights: FacetWeights | None = None
    per_artist: int | None = Field(default=None, ge=1, le=MOST_RESULTS, description="At most so many of one artist.")
    per_album: int | None = Field(default=None, ge=1, le=MOST_RESULTS, description="At most so many of one album.")
    fold: bool = Field(default=True, description="Near-identical versions are listed under the nearest of them.")

    def wanted(self) -> dict[str, Any]:
        """Give the arguments of `Library.similar`."""
        weights = None if self.weights is None else self.weights.model_dump()
        return {name: getattr(self, name) for name in ("n", "where", "per_artist", "per_album", "fold")} | {
            "weights": weights
        }


class Region(Asked):
    """A part of the reference, to be found anywhere in the library."""

    start_s: Seconds
    end_s: Seconds


class Blended(Asked):
    """A track of a blend."""

    track_id: TrackId
    weight: float = Field(
        default=1.0, ge=-10, le=10, allow_inf_nan=False, description="Below 0: the results are to be unlike it."
    )


class SimilarRequest(SimilarOptions):
    """What to be like: one track, a region of it, the way from it to another, or a blend of several."""

    track_id: TrackId | None = None
    region: Region | None = Field(default=None, description="Look for this part of the track.")
    to: TrackId | None = Field(default=None, description="Lead from the first track to this one.")
    blend: list[Blended] | None = Field(default=None, min_length=1, max_length=50, description="Instead of track_id.")

    @model_validator(mode="after")
    def _one_reference(self) -> SimilarRequest:
        if (self.track_id is None) == (self.blend is None):
            raise ValueError("give either track_id or blend")
        if self.blend is not None and (self.region is not None or self.to is not None):
            raise ValueError("region and to go with track_id, not with a blend")
        if self.region is not None and self.to is not None:
            raise ValueError("region and to exclude each other; give one of them")
        return self

    def tracks(self) -> dict[str | os.PathLike[str], float]:
        """Give the references with their weights."""
        if self.blend is None:
            return {str(self.track_id): 1.0}
        return {one.track_id: one.weight for one in self.blend}

    def named(self) -> list[str]:
        """Give the ids of all tracks that the request names."""
        return [*map(str, self.tracks()), *([self.to] if self.to else [])]

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of `Library.similar`."""
        region = None if self.region is None else (self.region.start_s, self.region.end_s)
        reference = self.track_id if self.blend is None else self.tracks()
        return {"reference": reference, "to": self.to, "region": region, **self.wanted()}

    def asked_for(self) -> dict[str, Any]:
        """Give what was asked, without what was left out, as plain JSON-ready values."""
        return self.model_dump(mode="json", exclude_defaults=True)
