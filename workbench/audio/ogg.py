"""The payload of an Ogg file without its comments (RFC 3533; Vorbis I, 4.2; RFC 7845).

A longer comment moves all that follows: pages are numbered anew and get new checksums, and the
headers may be cut into pages otherwise. What stays is the bytes of the packets. So the payload is all
packets of all logical streams, in file order, except the second of each: that is the comment
header in Vorbis, Opus, FLAC and Speex alike.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from workbench.audio.chunks import MalformedError

_PAGE = struct.Struct("<4sxB8xI8xB")  # capture pattern, flags, serial number, number of segments
_BEGINS_STREAM = 0x02
_COMMENT = 1  # index of the packet that holds the comment
_MOST_STREAMS = 64
_BLOCK = 1 << 20


def payload(file: BinaryIO) -> Iterator[bytes]:
    """Yield the payload in pieces; all that is left as it stands, from where the pages lose their order.

    Parameters
    ----------
    file : binary file
        At the first page.

    Raises
    ------
    MalformedError
        If more streams begin than any real file has.
    """
    in_headers: dict[int, int] = {}  # serial number -> index of the packet being read, until the comment is over
    while (header := file.read(_PAGE.size)).startswith(b"OggS") and len(header) == _PAGE.size:
        _, flags, serial, segments = _PAGE.unpack(header)
        lacing = file.read(segments)
        body = file.read(sum(lacing))
        if flags & _BEGINS_STREAM:
            in_headers[serial] = 0
            if len(in_headers) > _MOST_STREAMS:
                raise MalformedError(f"more than {_MOST_STREAMS} streams at once")
        if serial not in in_headers:
            yield body
            continue
        pieces, packet = _without_comment(body, lacing, in_headers.pop(serial))
        yield from pieces
        if packet <= _COMMENT:
            in_headers[serial] = packet
    while header:
        yield header
        header = file.read(_BLOCK)


def _without_comment(body: bytes, lacing: bytes, packet: int) -> tuple[list[bytes], int]:
    """Split the body of a page into what is no comment, and the index of the packet that goes on after it."""
    pieces: list[bytes] = []
    at = 0
    for length in lacing:
        if packet != _COMMENT:
            pieces.append(body[at : at + length])
        at += length
        packet += length < 255  # a shorter segment ends its packet
    return pieces, packet
