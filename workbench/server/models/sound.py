"""What players and plots need of a track."""

from __future__ import annotations

from pydantic import BaseModel, Field

from workbench.similarity.request import Asked


class WaveformQuery(Asked):
    """How fine."""

    points: int = Field(default=1000, ge=1, le=4096, description="Spans; a very short recording has fewer.")


class Waveform(BaseModel):
    """The outline of a track: the lowest and highest sample of each of some equal spans, in [-1, 1]."""

    duration_s: float
    lowest: list[float]
    highest: list[float]


class ExcerptQuery(Asked):
    """Which part."""

    start_s: float = Field(default=0.0, ge=0, le=1e6, description="Where it begins, seconds.")
    seconds: float = Field(default=10.0, gt=0, le=60, description="How long it is.")


class SpectrogramQuery(Asked):
    """How fine."""

    columns: int = Field(default=1000, ge=1, le=4096, description="At most so many; a short recording has fewer.")


class CurveQuery(Asked):
    """Which descriptor."""

    name: str = Field(
        min_length=1,
        max_length=80,
        description="One that has a value per frame.",
        json_schema_extra={"format": "workbench-descriptor"},
    )


class BeatsQuery(Asked):
    """What may be done for it."""

    stored: bool = Field(default=False, description="Decode nothing: null where beats are not stored.")


class Beats(BaseModel):
    """The beats of a track."""

    beats_s: list[float] | None
