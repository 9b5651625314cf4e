"""The audio of a track as it lies on the disk, whole or in part (RFC 9110, section 14)."""

from __future__ import annotations

import email.utils
import os
import re
from dataclasses import dataclass
from urllib.parse import quote

from tornado.iostream import StreamClosedError

from workbench.audio.files import OpenFile
from workbench.audio.formats import sniff
from workbench.server.problem import Problem
from workbench.server.route import Route, operation
from workbench.server.service import Service

_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

#: Media types by `workbench.audio.formats.Format.name`; what browsers do not know is called bytes.
_MEDIA = {
    "wav": "audio/wav",
    "aiff": "audio/aiff",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "oggflac": "audio/ogg",
    "speex": "audio/ogg",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "matroska": "audio/webm",
}
_OTHER = "application/octet-stream"


class Audio(Route):
    """The file of a track. Only files that the catalog names are ever opened."""

    pattern = "/tracks/{track_id}/audio"

    @operation(
        "The audio of a track, as it lies on the disk; takes Range",
        media=tuple(sorted({*_MEDIA.values(), _OTHER})),
        refusals=(404, 409, 416),
    )
    async def get(self, track_id: str) -> None:
        """Send the file, or the range that was asked for."""
        sound = await self.service.call(_open, self.service, track_id)
        try:
            await self._send(sound)
        finally:
            sound.file.close()

    async def _send(self, sound: _Sound) -> None:
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("ETag", sound.etag)
        self.set_header("Last-Modified", email.utils.formatdate(sound.modified_s, usegmt=True))
        self.set_header("Cache-Control", "private, no-cache")
        if self.request.headers.get("If-None-Match") == sound.etag:
            self.set_status(304)
            return
        start, end = self._wanted(sound)
        self.set_header("Content-Type", sound.media)
        self.set_header("Content-Disposition", f"inline; filename*=UTF-8''{quote(sound.name, errors='replace')}")
        self.set_header("Content-Length", str(end - start))
        while start < end:
            piece = await self.service.call(os.pread, sound.file.fd, min(_CHUNK, end - start), start)
            if not piece:  # the file has become shorter: a connection that breaks says so
                self.refuse(Problem(503, "The file has changed."))
                return
            start += len(piece)
            self.write(piece)
            try:
                await self.flush()
            except StreamClosedError:  # a player that has heard enough
                return

    def _wanted(self, sound: _Sound) -> tuple[int, int]:
        """Give the first byte to send and the one after the last. More than one range is answered with all."""
        condition = self.request.headers.get("If-Range", sound.etag)
        asked = _RANGE.fullmatch(self.request.headers.get("Range", ""))
        if asked is None or not (asked[1] or asked[2]) or condition != sound.etag:
            return 0, sound.size
        if asked[1]:
            start, end = int(asked[1]), min(int(asked[2] or sound.size) + 1, sound.size)
            if asked[2] and int(asked[2]) < start:
                return 0, sound.size  # no range at all
        else:
            start, end = max(0, sound.size - int(asked[2])), sound.size
        if start >= end:
            size = {"Content-Range": f"bytes */{sound.size}"}
            raise Problem(416, f"The file has {sound.size} bytes.", headers=size)
        self.set_status(206)
        self.set_header("Content-Range", f"bytes {start}-{end - 1}/{sound.size}")
        return start, end


@dataclass(frozen=True, slots=True)
class _Sound:
    """An open file with what is said of it."""

    file: OpenFile
    name: str
    size: int
    modified_s: float
    media: str
    etag: str


def _open(service: Service, track_id: str) -> _Sound:
    path = service.require_tracks([track_id])[track_id]["path"]
    file = OpenFile(path)
    try:
        found = os.fstat(file.fd)
        kind = sniff(file.fd, found.st_size)
    except BaseException:
        file.close()
        raise
    if kind is None:  # what lies there now is not what was analyzed
        file.close()
        raise Problem(409, "The file has changed and is no audio any more.", code="file-changed")
    media = _MEDIA.get(kind.name, _OTHER)
    etag = f'"{track_id}-{found.st_size:x}-{found.st_mtime_ns:x}"'
    return _Sound(file, os.path.basename(path), found.st_size, found.st_mtime, media, etag)


routes = [Audio]
