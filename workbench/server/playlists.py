"""Playlists, as JSON or as files that players read."""

from __future__ import annotations

from workbench.playlist import Playlist, to_csv, to_m3u8, to_xspf
from workbench.server.models import PlaylistAnswer, PlaylistBody
from workbench.server.negotiate import best_of
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


def _compose(service: Service, asked: PlaylistBody) -> Playlist:
    service.require_tracks(asked.named())
    fields = {name: getattr(asked, name) for name in asked.model_fields_set}
    return service.library.answers.playlist(**fields)


routes = [GeneratePlaylist]
