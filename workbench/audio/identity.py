"""The identity of a track: a hash of its audio bytes that renaming and retagging leave as it is.

What is hashed, per format, after the format's name:

==============================  ==========================================================
WAV, RF64, W64                  ``fmt`` and ``data`` chunks
AIFF                            ``COMM`` and ``SSND`` chunks
CAF                             ``desc``, ``kuki``, ``pakt`` and ``data`` chunks
FLAC                            STREAMINFO without its MD5 field, and the frames
Ogg (Vorbis, Opus, FLAC, Speex) packets but the comment header (`workbench.audio.ogg`)
MP3                             from the first frame to the tags at the end
AAC, WavPack, APE, TTA, MPC     between the tags at both ends (`workbench.audio.bounds`)
DSF                             from the format chunk to the tag
M4A, MP4                        ``mdat`` boxes
WMA                             the data object
anything else, or malformed     the whole file
==============================  ==========================================================

Lengths are cut to what the file holds. A structure in which no audio is found counts as malformed,
so that two broken files never get one identity by having nothing in common but nothing.
Damage outside the payload (a wrong checksum of an Ogg page, say) does not change the identity.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator

from workbench.audio import bounds, mpeg, ogg
from workbench.audio.chunks import CONTAINERS, MalformedError, flac_blocks
from workbench.audio.formats import Format

_BLOCK = 1 << 20

Span = tuple[int, int]  # offset, length


def content_id(fd: int, size: int, kind: Format | None) -> str:
    """Hash the audio bytes of an open file.

    Parameters
    ----------
    fd : int
        Descriptor of a regular file; its position may be moved.
    size : int
        Length of the file, bytes.
    kind : Format or None
        What `workbench.audio.formats.sniff` found.

    Returns
    -------
    str
        32 hexadecimal digits: BLAKE2b with a digest of 16 bytes (RFC 7693).
    """
    try:
        return _hash(kind.name if kind else "", _payload(fd, size, kind))
    except MalformedError:
        return _hash("file", _read(fd, 0, size))


def _hash(name: str, pieces: Iterator[bytes | memoryview]) -> str:
    digest = hashlib.blake2b(name.encode() + b"\0", digest_size=16)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _payload(fd: int, size: int, kind: Format | None) -> Iterator[bytes | memoryview]:
    """Yield the audio bytes; MalformedError if there are none or there is no rule for the format."""
    if kind is None:
        raise MalformedError("an unknown format")
    if kind.demuxer == "ogg" or kind.name in ("ogg", "opus"):
        start = bounds.skip_id3v2(fd, size)
        os.lseek(fd, start, os.SEEK_SET)
        with open(fd, "rb", buffering=_BLOCK, closefd=False) as file:
            yield from ogg.payload(file)
        return
    for start, length in _SPANS.get(kind.name, _no_rule)(fd, size, kind.name):
        yield from _read(fd, start, length)


def _read(fd: int, start: int, length: int) -> Iterator[memoryview]:
    """Yield a range of the file in blocks, all in one buffer; less if the file has less."""
    buffer = memoryview(bytearray(min(_BLOCK, length)))
    while length > 0:
        count = os.preadv(fd, [buffer[: min(_BLOCK, length)]], start)
        if not count:
            return
        yield buffer[:count]
        start, length = start + count, length - count


def _no_rule(fd: int, size: int, name: str) -> Iterator[Span]:
    raise MalformedError(f"no rule for {name}")


_CODING = {b"fmt ", b"COMM", b"desc", b"kuki", b"pakt"}  # chunks without which the samples mean nothing


def _chunked(fd: int, size: int, name: str) -> Iterator[Span]:
    walk, audio = CONTAINERS[name]
    found = False
    for chunk in walk(fd, size):
        if chunk.name == audio:
            found = found or chunk.size > 0
            yield chunk.start, chunk.size
        elif chunk.name in _CODING:
            yield chunk.start, chunk.size
    if not found:
        raise MalformedError("no audio in the file")


def _flac(fd: int, size: int, name: str) -> Iterator[Span]:
    for block in flac_blocks(fd, size):
        if block.name == b"\0":
            yield block.start, 18  # without the MD5 at its end, which some tools add later
        elif block.name == b"frames":
            yield block.start, bounds.skip_trailing_tags(fd, block.start, size) - block.start


def _mp3(fd: int, size: int, name: str) -> Iterator[Span]:
    start, end = mpeg.stream_bounds(fd, size)
    yield start, end - start


def _between_tags(fd: int, size: int, name: str) -> Iterator[Span]:
    start = bounds.skip_id3v2(fd, size)
    end = bounds.skip_trailing_tags(fd, start, size)
    if start == end:
        raise MalformedError("nothing between the tags")
    yield start, end - start


def _dsf(fd: int, size: int, name: str) -> Iterator[Span]:
    tag = int.from_bytes(os.pread(fd, 8, 20), "little")
    end = tag if 28 < tag <= size else size
    if end <= 28:
        raise MalformedError("nothing after the header")
    yield 28, end - 28


_SPANS: dict[str, Callable[[int, int, str], Iterator[Span]]] = {
    **dict.fromkeys(CONTAINERS, _chunked),
    **dict.fromkeys(("aac", "wavpack", "ape", "tta", "musepack7", "musepack8"), _between_tags),
    "flac": _flac,
    "mp3": _mp3,
    "dsf": _dsf,
}
