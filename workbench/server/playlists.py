"""Playlists, as JSON or as files that players read."""

from __future__ import annotations

from typing import Any

from workbench.playlist import Playlist, to_csv, to_m3u8, to_xspf
from workbench.server.models.playlists import (
    PlaylistAnswer,
    PlaylistBody,
    PlaylistQuery,
    SaveBody,
    SavedPlaylist,
    SavedPlaylists,
)
from workbench.server.negotiate import best_of
from workbench.server.problem import Problem
from workbench.server.route import Route, operation
from workbench.server.service import Service

_JSON = "application/json"
_WRITERS = {
    "application/vnd.apple.mpegurl": (to_m3u8, "m3u8"),
    "application/xspf+xml": (to_xspf, "xspf"),
    "text/csv": (to_csv, "csv"),
}
#: Other names of the same.
_ALSO = {"audio/x-mpegurl": "application/vnd.apple.mpegurl", "application/x-mpegurl": "application/vnd.apple.mpegurl"}


class GeneratePlaylist(Route):
    """Choose and order tracks."""

    pattern = "/playlists/generate"

    @operation(
        "A playlist; Accept picks JSON, M3U8, XSPF or CSV",
        body=PlaylistBody,
        answer=PlaylistAnswer,
        media=(_JSON, *_WRITERS),
        refusals=(404, 406),
    )
    async def post(self, asked: PlaylistBody) -> None:
        """Compose the playlist."""
        media = best_of(self.request.headers.get("Accept", "*/*"), (_JSON, *_WRITERS, *_ALSO))
        playlist = await self.service.compose(_compose, self.service, asked)
        if media == _JSON:
            self.answer(playlist.to_dict())
            return
        media = _ALSO.get(media, media)
        write, ending = _WRITERS[media]
        self.set_header("Content-Disposition", f'attachment; filename="playlist.{ending}"')
        self.answer_text(write(playlist), media)


class Playlists(Route):
    """Playlists that were kept."""

    pattern = "/playlists"

    @operation("The playlists that were kept", answer=SavedPlaylists)
    async def get(self) -> dict[str, Any]:
        """List them."""
        return {"playlists": await self.service.call(lambda: list(self.service.library.playlists()))}

    @operation("Keep a playlist under a name, in place of one of that name", body=SaveBody, answer=SavedPlaylist,
               refusals=(404,))  # fmt: skip
    async def put(self, asked: SaveBody) -> dict[str, Any]:
        """Keep it."""
        return await self.service.call(_save, self.service, asked)

    @operation("Forget a playlist", query=PlaylistQuery, answer=SavedPlaylists, refusals=(404,))
    async def delete(self, asked: PlaylistQuery) -> dict[str, Any]:
        """Forget it."""
        return {"playlists": await self.service.call(_delete, self.service, asked.name)}


def _save(service: Service, asked: SaveBody) -> dict[str, Any]:
    records = service.require_tracks([*asked.tracks, *asked.request.named()])
    fields = {name: getattr(asked.request, name) for name in asked.request.model_fields_set}
    request = service.library.playlist_request(**fields)
    playlist = Playlist(request, [records[track] for track in asked.tracks], [], [], 0.0)
    service.library.save_playlist(asked.name, playlist, text=asked.text)
    return next(kept for kept in service.library.playlists() if kept["name"] == asked.name)


def _delete(service: Service, name: str) -> list[dict[str, Any]]:
    if name not in {kept["name"] for kept in service.library.playlists()}:
        raise Problem(404, f"There is no saved playlist {name!r}.", code="playlist-not-found")
    service.library.delete_playlist(name)
    return list(service.library.playlists())


def _compose(service: Service, asked: PlaylistBody) -> Playlist:
    service.require_tracks(asked.named())
    fields = {name: getattr(asked, name) for name in asked.model_fields_set}
    return service.library.answers.playlist(**fields)


routes = [GeneratePlaylist, Playlists]
