"""Playlists, chosen and kept."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from workbench.playlist import PlaylistRequest
from workbench.server.models.limits import Line
from workbench.server.models.tracks import TrackRecord
from workbench.similarity.request import Asked, TrackId

_ArtistNames = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=500)], ...], Field(max_length=100)]


_TrackIds = Annotated[tuple[TrackId, ...], Field(max_length=1000)]


class PlaylistBody(PlaylistRequest):
    """A playlist as it is asked for; everything left out is left open. Over the web, tracks go by their ids alone."""

    start: TrackId | None = None
    end: TrackId | None = None
    waypoints: _TrackIds = ()
    slots: Annotated[tuple[TrackId | None, ...], Field(max_length=1000)] = ()
    include: _TrackIds = ()
    exclude: _TrackIds = ()
    artists: _ArtistNames = Field(default=(), description="Tracks by others are left out.")
    without_artists: _ArtistNames = Field(default=(), description="Artists whose tracks are left out.")
    like: _TrackIds = ()

    def named(self) -> list[str]:
        """Give the ids of all tracks that the request names."""
        return [str(track) for track in (*self.asked, *self.exclude, *self.like)]


class PlaylistAnswer(BaseModel):
    """Tracks in order, what each step costs, and what could not be met."""

    request: dict[str, Any]
    tracks: list[TrackRecord]
    transitions: list[dict[str, Any]]
    violations: list[dict[str, Any]]
    cost: float
    targets: list[float] | None


class SaveBody(Asked):
    """A playlist to be kept; one of that name is replaced."""

    name: Annotated[Line, Field(max_length=200)]
    tracks: _TrackIds = Field(description="In order.")
    request: PlaylistBody = Field(default=PlaylistBody(), description="What was asked for, to be asked again.")
    text: str | None = Field(default=None, max_length=1000, description="The words that it was asked for in.")


class PlaylistQuery(Asked):
    """Which playlist."""

    name: str = Field(min_length=1, max_length=200, json_schema_extra={"format": "workbench-line"})


class SavedPlaylist(BaseModel):
    """A playlist that was kept."""

    name: str
    request: dict[str, Any]
    tracks: list[TrackId]
    saved_at: float
    text: str | None


class SavedPlaylists(BaseModel):
    """All of them, in order of their names."""

    playlists: list[SavedPlaylist]
