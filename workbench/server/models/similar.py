"""What sounds alike: searches, the map, duplicates, tastes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from workbench.server.models.limits import Line
from workbench.similarity.request import Asked, Region, SimilarOptions, TrackId


class UploadOptions(SimilarOptions):
    """The part `options` of an upload."""

    region: Region | None = Field(default=None, description="Look for this part of the upload.")


class SimilarVersion(BaseModel):
    """A track that was found."""

    id: TrackId
    path: str
    score: float
    facets: dict[str, float]
    start_s: float
    end_s: float


class SimilarResult(SimilarVersion):
    """A track that was found, and why."""

    why: str
    because: list[dict[str, Any]]
    versions: list[SimilarVersion]
    title: str | None
    artist: str | None


class SimilarAnswer(BaseModel):
    """What sounds most alike, nearest first, or in the order of the way."""

    query: dict[str, Any]
    elapsed_ms: float
    results: list[SimilarResult]


class MapAnswer(BaseModel):
    """Where the tracks lie on a plane: those that sound alike close together."""

    ids: list[TrackId]
    x: list[float]
    y: list[float]
    cluster: list[int] = Field(description="Position in `names`.")
    names: list[str] = Field(description="What the tracks of each cluster have in common.")


class DuplicatesAnswer(BaseModel):
    """Groups of the same recording, of versions of a song, and of the same sample, for review."""

    groups: list[dict[str, Any]]


_Pairs = Annotated[tuple[tuple[TrackId, TrackId], ...], Field(max_length=1000)]


class TasteBody(Asked):
    """Clicks that say what sounds alike: a reference and a result each. Without any, a taste is used again."""

    name: Annotated[Line, Field(max_length=200)] = "mine"
    likes: _Pairs = ()
    dislikes: _Pairs = ()


class UntuneQuery(Asked):
    """Whether a taste is to be forgotten as well."""

    forget: Line | None = Field(default=None, max_length=200, description="Its name.",
                                 json_schema_extra={"format": "workbench-line"})  # fmt: skip


class TasteRecord(BaseModel):
    """A taste that was learned."""

    name: str
    in_use: bool
    likes: list[tuple[TrackId, TrackId]]
    dislikes: list[tuple[TrackId, TrackId]]
    factors: dict[str, float] = Field(description="Quality to the factor on its usual weight.")
    agreement: float | None = Field(description="Share of clicks that it agrees with when they are left out, 0 to 1.")
    agreement_before: float | None = Field(description="The same of the usual weights.")
    saved_at: float


class Tastes(BaseModel):
    """All tastes, in order of their names."""

    tastes: list[TasteRecord]
