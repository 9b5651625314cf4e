"""Cut an ID3v2 tag down to the text that is wanted, before mutagen sees it.

mutagen holds the whole tag in memory, copies what is left of it once per frame, and inflates compressed
frames whole: 16 MiB of tiny frames keep it busy for hours, and a few hundred KiB take gigabytes.
Here only the headers of frames are read, and the frames wanted; pictures are passed over.

Source: id3.org, "ID3 tag version 2.3.0" and "ID3 tag version 2.4.0 - Main Structure".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_MOST_FRAMES = 10_000  # looked at
_MOST_KEPT = 64
_LARGEST_FRAME = 64 * 1024  # bytes; a longer text is no title
_LARGEST_UNSYNCHRONISED = 16 * 2**20  # such a tag has to be read whole
_ID = re.compile(rb"[A-Z][A-Z0-9]{2,3}\Z")

ReadAt = Callable[[int, int], bytes]


class _Frame(NamedTuple):
    name: bytes
    start: int  # of its header
    length: int  # of its content
    flags: bytes


def text_frames(read_at: ReadAt, start: int, wanted: frozenset[bytes]) -> bytes:
    """Return an ID3v2 tag with nothing but the frames wanted.

    Parameters
    ----------
    read_at : callable
        Gives ``count`` bytes of the file at an offset.
    start : int
        Where the tag begins.
    wanted : frozenset of bytes
        Names of frames.

    Returns
    -------
    bytes
        A tag of the same version; empty if there is none at ``start``.
    """
    header = read_at(start, 10)
    if len(header) < 10 or not header.startswith(b"ID3") or header[3] not in (2, 3, 4):
        return b""
    version, flags = header[3], header[5]
    at, end = start + 10, start + 10 + _synchsafe(header[6:])
    if flags & 0x80 and version < 4:  # the whole body has a zero after each 0xFF; version 4 does that per frame
        body = read_at(at, min(end - at, _LARGEST_UNSYNCHRONISED)).replace(b"\xff\x00", b"\xff")
        at, end, flags = 0, len(body), flags & ~0x80

        def read_at(offset: int, count: int) -> bytes:
            return body[offset : offset + count]

    if flags & 0x40 and version > 2:  # extended header; version 4 counts its own four bytes
        size = read_at(at, 4)
        at += _synchsafe(size) if version == 4 else 4 + int.from_bytes(size, "big")
    kept = bytearray()
    for frame in _frames(read_at, at, end, version):
        if frame.name in wanted and len(kept) < _MOST_KEPT * _LARGEST_FRAME and not _compressed(frame, version):
            kept += _pack(frame, version) + read_at(frame.start + _header_size(version), frame.length)
    return b"ID3" + bytes([version, 0, flags & 0x80]) + _to_synchsafe(len(kept)) + kept


def _frames(read_at: ReadAt, at: int, end: int, version: int) -> Iterator[_Frame]:
    """Yield the frames that are short enough to be text."""
    names, head = (3, 6) if version == 2 else (4, 10)
    for _ in range(_MOST_FRAMES):
        header = read_at(at, head)
        if len(header) < head or at + head > end or not _ID.match(header[:names]):
            return
        size = header[names : head - (0 if version == 2 else 2)]
        length = _v4_length(read_at, at, size) if version == 4 else int.from_bytes(size, "big")
        if length <= _LARGEST_FRAME:
            yield _Frame(header[:names], at, length, header[8:10])
        at += head + length


def _v4_length(read_at: ReadAt, at: int, size: bytes) -> int:
    """Length of a version 4 frame; iTunes and others wrote it with eight bits to the byte."""
    synchsafe, plain = _synchsafe(size), int.from_bytes(size, "big")
    if synchsafe == plain or max(size) > 0x7F:
        return plain
    follows = read_at(at + 10 + plain, 4)
    return plain if _ID.match(follows) and not _ID.match(read_at(at + 10 + synchsafe, 4)) else synchsafe


def _header_size(version: int) -> int:
    return 6 if version == 2 else 10


def _pack(frame: _Frame, version: int) -> bytes:
    if version == 2:
        return frame.name + frame.length.to_bytes(3, "big")
    length = _to_synchsafe(frame.length) if version == 4 else frame.length.to_bytes(4, "big")
    return frame.name + length + frame.flags


def _compressed(frame: _Frame, version: int) -> bool:
    """Whether a frame is compressed or encrypted: nobody does that to a title, but bombs are made so."""
    return version > 2 and bool(frame.flags[1] & (0x0C if version == 4 else 0xC0))


def _synchsafe(field: bytes) -> int:
    value = 0
    for byte in field:
        value = value << 7 | byte & 0x7F
    return value


def _to_synchsafe(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))
