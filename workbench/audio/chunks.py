"""Walk the chunks of a container without trusting what it says of itself.

One function per family, each yields `Chunk`: its size is cut to what the file holds, and the claim is
kept beside it. Memory is constant, and a file made of endless empty chunks is given up
with `MalformedError`.

Sources: Microsoft/IBM "Multimedia Programming Interface" (RIFF); EBU Tech 3306 (RF64); ITU-R BS.2088
(BW64); Sony "Wave64"; Apple "Audio Interchange File Format AIFF-C" and "Core Audio Format";
ISO/IEC 14496-12 (MP4); Microsoft "Advanced Systems Format".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from workbench.audio import bounds

_MOST_CHUNKS = 200_000  # a fragmented MP4 of ten hours has some 40,000
_LONGEST_HEADER = 24
_UNKNOWN_SIZE = 0x7FFFF000  # a writer that cannot seek back leaves something near 2 or 4 GiB


class MalformedError(ValueError):
    """The structure of a file makes no sense."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk of a file.

    Attributes
    ----------
    name : its identifier as it stands in the file; of a GUID the first four bytes
    start : offset of its content, bytes
    size : length of its content that is really in the file, bytes
    claimed : length that its header gives; None where the writer left it open
    """

    name: bytes
    start: int
    size: int
    claimed: int | None


class _Header(NamedTuple):
    name: bytes
    length: int  # of the header itself
    content: int | None  # None: to the end of the file
    align: int = 1


def _walk(fd: int, size: int, at: int, parse: Callable[[bytes], _Header | None]) -> Iterator[Chunk]:
    """Yield chunks from offset ``at``; ``parse`` reads a header, and says None when the bytes do not suffice."""
    for _ in range(_MOST_CHUNKS):
        header = parse(os.pread(fd, _LONGEST_HEADER, at)) if at < size else None
        if header is None:
            return
        start = at + header.length
        there, content = max(0, size - start), header.content
        if content is not None and there < content and _UNKNOWN_SIZE <= content <= 0xFFFFFFFF:
            content = None
        yield Chunk(header.name, start, there if content is None else min(there, content), content)
        if content is None:
            return
        at = start + content + -content % header.align
    raise MalformedError(f"more than {_MOST_CHUNKS} chunks")


def _content(field: bytes, order: Literal["little", "big"], header: int) -> int:
    """Length of the content, from a field that counts the header too."""
    length = int.from_bytes(field, order) - header
    if length < 0:
        raise MalformedError(f"a chunk shorter than its own header: {length + header} bytes")
    return length


def riff(fd: int, size: int) -> Iterator[Chunk]:
    """Chunks of a WAV, RF64 or BW64 file."""
    order: Literal["little", "big"] = "big" if os.pread(fd, 4, 0) == b"RIFX" else "little"
    ds64 = os.pread(fd, 28, 12)
    data_size = int.from_bytes(ds64[16:24], "little") if ds64.startswith(b"ds64") else None

    def parse(header: bytes) -> _Header | None:
        if len(header) < 8:
            return None
        content = int.from_bytes(header[4:8], order)
        if header.startswith(b"data") and content == 0xFFFFFFFF and data_size is not None:
            content = data_size
        return _Header(header[:4], 8, content, 2)

    return _walk(fd, size, 12, parse)


def iff(fd: int, size: int) -> Iterator[Chunk]:
    """Chunks of an AIFF or AIFF-C file."""

    def parse(header: bytes) -> _Header | None:
        return _Header(header[:4], 8, int.from_bytes(header[4:8], "big"), 2) if len(header) >= 8 else None

    return _walk(fd, size, 12, parse)


def w64(fd: int, size: int) -> Iterator[Chunk]:
    """Chunks of a Sony Wave64 file."""

    def parse(header: bytes) -> _Header | None:
        return _Header(header[:4], 24, _content(header[16:24], "little", 24), 8) if len(header) >= 24 else None

    return _walk(fd, size, 40, parse)


def caf(fd: int, size: int) -> Iterator[Chunk]:
    """Chunks of a Core Audio file."""

    def parse(header: bytes) -> _Header | None:
        if len(header) < 12:
            return None
        content = int.from_bytes(header[4:12], "big", signed=True)
        return _Header(header[:4], 12, None if content < 0 else content)

    return _walk(fd, size, 8, parse)


def mp4(fd: int, size: int) -> Iterator[Chunk]:
    """Boxes of an MP4 or QuickTime file, outermost level."""

    def parse(header: bytes) -> _Header | None:
        if len(header) < 8:
            return None
        name, short = header[4:8], header[:4]
        if short == b"\0\0\0\0":
            return _Header(name, 8, None)
        if short == b"\0\0\0\1":
            return _Header(name, 16, _content(header[8:16], "big", 16))
        return _Header(name, 8, _content(short, "big", 8))

    return _walk(fd, size, 0, parse)


def asf(fd: int, size: int) -> Iterator[Chunk]:
    """Objects of an ASF (WMA) file, outermost level."""

    def parse(header: bytes) -> _Header | None:
        return _Header(header[:4], 24, _content(header[16:24], "little", 24)) if len(header) >= 24 else None

    return _walk(fd, size, 0, parse)


#: `Chunk.name` of a FLAC metadata block that holds tags.
VORBIS_COMMENT = b"\x04"


def flac_blocks(fd: int, size: int) -> Iterator[Chunk]:
    """Metadata blocks of a FLAC file, and last, named ``frames``, all that follows them.

    Parameters
    ----------
    fd : int
        Descriptor of a regular file; its position is neither used nor moved.
    size : int
        Length of the file, bytes.
    """
    at, last = bounds.skip_id3v2(fd, size) + 4, False
    for _ in range(_MOST_CHUNKS):
        header = os.pread(fd, 4, at)
        if last or len(header) < 4:
            break
        length, start = int.from_bytes(header[1:], "big"), at + 4
        yield Chunk(bytes([header[0] & 0x7F]), start, max(0, min(length, size - start)), length)
        at, last = start + length, header[0] >= 0x80
    if not last or at >= size:
        raise MalformedError("no audio after the metadata blocks")
    yield Chunk(b"frames", at, size - at, None)


#: How to walk a format, and which chunk holds its audio.
CONTAINERS: dict[str, tuple[Callable[[int, int], Iterator[Chunk]], bytes]] = {
    "wav": (riff, b"data"),
    "rf64": (riff, b"data"),
    "w64": (w64, b"data"),
    "aiff": (iff, b"SSND"),
    "caf": (caf, b"data"),
    "m4a": (mp4, b"mdat"),
    "wma": (asf, b"\x36\x26\xb2\x75"),
}
