"""What is asked and told in words."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from workbench.similarity.request import Asked


class AskBody(Asked):
    """What is asked in words."""

    text: str = Field(
        min_length=1,
        max_length=1000,
        description="Such as: a calm hour around 80 bpm, getting livelier.",
        json_schema_extra={"format": "workbench-words"},
    )
    offline: bool = Field(default=False, description="Ask no language model.")


class ReadAnswer(BaseModel):
    """The request that was made of words, and what is not in it."""

    kind: Literal["playlist", "similar"]
    request: dict[str, Any] = Field(description="A body for /playlists/generate or /audio/find-similar.")
    read: dict[str, list[str]] = Field(
        description="Field to the words that it was made of, where the parser read them."
    )
    unknown: list[str] = Field(description="Words of which nothing was made.")
    notes: list[str]
    by: str = Field(description="`offline`, or the provider that read the words.")
    tried: list[dict[str, str]] = Field(description="Providers that were asked in vain, and why.")
    near: float | None = Field(description="Distance of the words that it was made of before, if those were others.")


class AskAnswer(ReadAnswer):
    """The same with its answer."""

    text: str
    result: dict[str, Any] = Field(description="The answer of the one or the other.")


class AssistStatus(BaseModel):
    """The language models of this server, and what was used today."""

    installed: bool
    offline: bool
    providers: list[dict[str, Any]]
    budget: dict[str, Any]


class ClaimRecord(BaseModel):
    """A sentence about a track."""

    says: str
    descriptor: str
    value: Any


class SuggestionRecord(BaseModel):
    """A tag for review."""

    name: str
    value: str
    descriptor: str
    confidence: float | None


class Description(BaseModel):
    """A track in words, each with the descriptor that it is about, and tags that could be written."""

    claims: list[ClaimRecord]
    tags: list[SuggestionRecord]
