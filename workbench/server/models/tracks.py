"""Tracks, one or many."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from workbench.schema import SORT_COLUMNS
from workbench.server.models.labels import LabelRecord
from workbench.server.models.limits import MOST_PER_PAGE, MOST_RECORDS
from workbench.similarity.request import Asked, TrackId, Where


def _column(name: str) -> str:
    if name not in SORT_COLUMNS:
        raise ValueError(f"give one of {', '.join(SORT_COLUMNS)}")
    return name


class TracksQuery(Asked):
    """Which tracks, in which order."""

    where: Where | None = None
    sort: Annotated[str, AfterValidator(_column)] = Field(
        default="path",
        description="Order by this; tracks that lack it come last.",
        json_schema_extra={"enum": list(SORT_COLUMNS)},
    )
    descending: bool = Field(default=False, description="From the greatest down.")
    after: str | None = Field(
        default=None, min_length=1, max_length=8000, description="`next` of the page before.",
        json_schema_extra={"format": "workbench-mark"},
    )  # fmt: skip
    limit: int = Field(default=100, ge=1, le=MOST_PER_PAGE, description="How many at most.")


class CountQuery(Asked):
    """Which tracks."""

    where: Where | None = None


class Count(BaseModel):
    """How many."""

    count: int


class RecordsBody(Asked):
    """Some tracks."""

    tracks: list[TrackId] = Field(max_length=MOST_RECORDS)


class ColumnsQuery(Asked):
    """Which columns."""

    names: str = Field(
        min_length=1,
        max_length=1000,
        description="Fields of a track, parted by commas.",
        json_schema_extra={"format": "workbench-columns"},
    )


class Columns(BaseModel):
    """Columns of all tracks, in ascending order of their ids."""

    columns: dict[str, list[Any]]


class TrackRecord(BaseModel):
    """A track; what is not known is null."""

    id: TrackId
    path: str
    duration_s: float
    bpm: float | None
    bpm_confidence: float | None
    key: str | None
    camelot: str | None
    key_strength: float | None
    energy: float | None
    valence: float | None
    arousal: float | None
    danceability: float | None
    mood: str | None
    loudness_lufs: float | None
    title: str | None
    artist: str | None
    album: str | None
    flags: list[str]


class TracksPage(BaseModel):
    """Some tracks, and where the next ones begin."""

    tracks: list[TrackRecord]
    next: str | None = Field(description="Give it as `after` for the next page; null at the end.")


class TrackRecords(BaseModel):
    """Those of the tracks that are there, in no order."""

    tracks: list[TrackRecord]


class TrackDetail(TrackRecord):
    """A track with its labels."""

    labels: list[LabelRecord]
