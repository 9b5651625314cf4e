"""Labels, and columns that are learned from them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from workbench.schema import MOST_LABELS
from workbench.server.models.limits import MOST_PER_PAGE, MOST_RECORDS, Line
from workbench.similarity.request import Asked, Seconds, TrackId


class LabelRecord(BaseModel):
    """Something that somebody says of a track."""

    track: TrackId
    name: str
    value: str | None
    start_s: float | None
    end_s: float | None
    author: str
    labelled_at: float = Field(description="Seconds since 1970.")


class NewLabel(Asked):
    """Something to say of a track, or of a part of it."""

    name: Line = Field(description="What it is about, such as genre.")
    value: Line | None = Field(default=None, description="What is said, such as dub.")
    start_s: Seconds | None = Field(default=None, description="Where the part begins; all of the track if left out.")
    end_s: Seconds | None = Field(default=None, description="Where it ends.")


class Labels(Asked):
    """All that you say of a track; it replaces what you said before, and nothing that others say."""

    labels: list[NewLabel] = Field(max_length=MOST_LABELS)


class LabelsKept(BaseModel):
    """What was said."""

    labels: list[LabelRecord]


class ColumnQuery(Asked):
    """What is learned from labels of this name."""

    name: Line = Field(description="Of the labels.", json_schema_extra={"format": "workbench-line"})


class NextQuery(ColumnQuery):
    """How many to label."""

    n: int = Field(default=10, ge=1, le=MOST_PER_PAGE)


class NextToLabel(BaseModel):
    """Tracks, the one whose label would teach most first."""

    tracks: list[TrackId]


class ColumnBody(Asked):
    """What is learned from labels of this name."""

    name: Line = Field(description="Of the labels.")


class ColumnValuesBody(ColumnBody):
    """A column that was learned, for some tracks."""

    tracks: list[TrackId] | None = Field(default=None, max_length=MOST_RECORDS, description="All if left out.")


class LabelColumns(BaseModel):
    """Columns that were learned: how many tracks have each value, by name."""

    columns: dict[str, dict[str, int]]


class LearnedValue(BaseModel):
    """What such a column says of a track."""

    value: str
    confidence: float


class ColumnValues(BaseModel):
    """What such a column says, by track."""

    values: dict[str, LearnedValue]


class LearnedReport(BaseModel):
    """What was learned is worth, by cross-validation; null while there are too few labels to tell."""

    report: dict[str, Any] | None


class AppliedColumn(LearnedReport):
    """A column that was made: how many tracks have each value."""

    name: str
    counts: dict[str, int]
