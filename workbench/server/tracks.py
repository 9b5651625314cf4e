"""Tracks: pages of them, one with its labels, its outline, and what people say of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from workbench.library import Library
from workbench.server.models import (
    Labels,
    LabelsKept,
    TrackDetail,
    TracksPage,
    TracksQuery,
    Waveform,
    WaveformQuery,
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


class Track(Route):
    """One track."""

    pattern = "/tracks/{track_id}"

    @operation("A track with its labels", answer=TrackDetail, refusals=(404,))
    async def get(self, track_id: str) -> dict[str, Any]:
        """Give the record."""
        return await self.service.call(_detail, self.service, track_id)


class TrackWaveform(Route):
    """The outline of a track."""

    pattern = "/tracks/{track_id}/waveform"

    @operation("The outline of a track", query=WaveformQuery, answer=Waveform, refusals=(404,))
    async def get(self, track_id: str, asked: WaveformQuery) -> dict[str, Any]:
        """Give the outline; the first time it is decoded."""
        return await self.service.compute(_waveform, self.service, track_id, asked.points)


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


def _waveform(service: Service, track_id: str, points: int) -> dict[str, Any]:
    record = service.require_tracks([track_id])[track_id]
    spans = service.library.waveform(track_id, points)
    lowest, highest = ([round(float(value), 4) for value in column] for column in spans.T)
    return {"duration_s": record["duration_s"], "lowest": lowest, "highest": highest}


routes = [Tracks, Track, TrackWaveform, TrackLabels]
