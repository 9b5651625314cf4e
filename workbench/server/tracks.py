"""Tracks: pages of them, columns of all, one with its labels, and what people say of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from workbench import tabular
from workbench.library import Library
from workbench.server.models.labels import Labels, LabelsKept
from workbench.server.models.tracks import (
    Columns,
    ColumnsQuery,
    Count,
    CountQuery,
    RecordsBody,
    TrackDetail,
    TrackRecords,
    TracksPage,
    TracksQuery,
)
from workbench.server.route import Route, operation
from workbench.server.service import Service
from workbench.store.labels import Label


class Tracks(Route):
    """All tracks, some at a time."""

    pattern = "/tracks"

    @operation("A page of tracks", query=TracksQuery, answer=TracksPage)
    async def get(self, asked: TracksQuery) -> dict[str, Any]:
        """Give a page."""
        tracks, mark = await self.service.call(lambda: self.service.library.tracks_page(**asked.model_dump()))
        return {"tracks": tracks, "next": mark}


class CountTracks(Route):
    """How many tracks there are."""

    pattern = "/tracks/count"

    @operation("How many tracks fit", query=CountQuery, answer=Count)
    async def get(self, asked: CountQuery) -> dict[str, Any]:
        """Count."""
        return {"count": await self.service.call(lambda: self.service.library.count(asked.where))}


class Records(Route):
    """Some tracks by their ids."""

    pattern = "/tracks/records"

    @operation("Tracks by their ids; those that are not there are left out", body=RecordsBody, answer=TrackRecords)
    async def post(self, asked: RecordsBody) -> dict[str, Any]:
        """Look them up."""
        records = await self.service.call(lambda: self.service.library.records(asked.tracks))
        return {"tracks": list(records.values())}


class TrackColumns(Route):
    """Some fields of all tracks."""

    pattern = "/tracks/columns"

    @operation("Some fields of all tracks, in ascending order of their ids", query=ColumnsQuery, answer=Columns)
    async def get(self, asked: ColumnsQuery) -> None:
        """Give the columns."""
        self.answer_bytes(await self.service.compute(_columns, self.service, asked.names))


class Track(Route):
    """One track."""

    pattern = "/tracks/{track_id}"

    @operation("A track with its labels", answer=TrackDetail, refusals=(404,))
    async def get(self, track_id: str) -> dict[str, Any]:
        """Give the record."""
        return await self.service.call(_detail, self.service, track_id)


class TrackLabels(Route):
    """What people say of a track."""

    pattern = "/tracks/{track_id}/labels"

    @operation("Say what a track is; replaces what you said before", body=Labels, answer=LabelsKept, refusals=(404,))
    async def put(self, track_id: str, asked: Labels) -> dict[str, Any]:
        """Replace the labels of whoever asks."""
        return await self.service.call(_label, self.service, track_id, asked, self.owner)


def _detail(service: Service, track_id: str) -> dict[str, Any]:
    record = service.require_tracks([track_id])[track_id]
    return {**record, **_labels(service.library, track_id)}


def _label(service: Service, track_id: str, asked: Labels, author: str) -> dict[str, Any]:
    service.require_tracks([track_id])
    service.library.label(track_id, *(Label(**label.model_dump()) for label in asked.labels), author=author)
    return _labels(service.library, track_id)


def _labels(library: Library, track_id: str) -> dict[str, Any]:
    return {"labels": [asdict(label) for label in library.labels(track_id)]}


def _columns(service: Service, names: str) -> bytes:
    columns = service.library.columns(*(name.strip() for name in names.split(",")))
    return tabular.to_json({"columns": columns}, indent=None).encode()


routes = [Tracks, CountTracks, Records, TrackColumns, Track, TrackLabels]
