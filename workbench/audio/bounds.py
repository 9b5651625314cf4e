"""Where the audio of a stream begins and ends, between the tags that are glued to its ends.

MP3, AAC, FLAC, WavPack, Monkey's Audio, True Audio and Musepack files may carry

* in front: ID3v2 tags, several, with or without footer (id3.org, "ID3v2.4.0 Main Structure");
* behind: ID3v1 (128 bytes from ``TAG``), APEv1/v2 (wiki.hydrogenaudio.org, "APEv2 specification"),
  Lyrics3v2 (id3.org, "Lyrics3 v2.00") and ID3v2 with a footer, in any order.

Sizes that point outside the file are not believed: such a tag is taken for audio.
"""

from __future__ import annotations

import os

_MOST_TAGS = 64  # a file made of nothing but tags must not keep us busy

_ID3V1_SIZE = 128
_APE_FOOTER_SIZE = 32
_APE_HAS_HEADER = 1 << 31
_LYRICS3_FOOTER_SIZE = 15  # six digits and LYRICS200


def skip_id3v2(fd: int, size: int) -> int:
    """Offset of the first byte after all leading ID3v2 tags; 0 if there are none.

    Parameters
    ----------
    fd : int
        Descriptor of a regular file; its position is neither used nor moved.
    size : int
        Length of the file, bytes.
    """
    start = 0
    for _ in range(_MOST_TAGS):
        length = _id3v2_length(os.pread(fd, 10, start), b"ID3")
        if length is None or start + length > size:
            break
        start += length
    return start


def skip_trailing_tags(fd: int, start: int, size: int) -> int:
    """Offset of the first byte of the tags at the end; the file's size if there are none."""
    end = size
    for _ in range(_MOST_TAGS):
        length = _trailing_length(fd, end)
        if not length or end - length < start:
            break
        end -= length
    return end


def _trailing_length(fd: int, end: int) -> int:
    """Length of the tag that ends at ``end``; 0 if there is none."""
    tail = os.pread(fd, min(end, _ID3V1_SIZE), max(0, end - _ID3V1_SIZE))
    if len(tail) == _ID3V1_SIZE and tail.startswith(b"TAG"):
        return _ID3V1_SIZE
    ape = tail[-_APE_FOOTER_SIZE:]
    if ape.startswith(b"APETAGEX"):
        flags = int.from_bytes(ape[20:24], "little")
        return int.from_bytes(ape[12:16], "little") + (_APE_FOOTER_SIZE if flags & _APE_HAS_HEADER else 0)
    lyrics = tail[-_LYRICS3_FOOTER_SIZE:]
    if lyrics.endswith(b"LYRICS200") and lyrics[:6].isdigit():
        return int(lyrics[:6]) + _LYRICS3_FOOTER_SIZE
    return _id3v2_length(tail[-10:], b"3DI") or 0


def _id3v2_length(header: bytes, marker: bytes) -> int | None:
    """Length of an ID3v2 tag with header and footer, from either; None if this is neither."""
    if len(header) < 10 or not header.startswith(marker) or max(header[3:5]) == 0xFF or max(header[6:10]) > 0x7F:
        return None
    body = 0
    for byte in header[6:10]:  # seven bits in each
        body = body << 7 | byte
    return body + (20 if header[5] & 0x10 else 10)
