"""Read tags by mutagen, as text that is safe to store and to show; hostile tags cost nothing but themselves.

Tags are written by strangers. Here they are bounded in length and in the memory and time that reading
them takes, and rid of control characters, of lone surrogates and of the marks that reverse the direction
of text (Unicode TR 36). They are still not escaped: that is for whoever writes HTML or CSV.
"""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from workbench.audio.chunks import CONTAINERS, VORBIS_COMMENT, flac_blocks
from workbench.audio.files import OpenFile, View
from workbench.audio.formats import Format, sniff
from workbench.audio.id3 import text_frames

_LONGEST = 500  # characters of a value
_MOST_VALUES = 20  # artists, genres … of one field
_LARGEST_READ = 16 * 2**20  # bytes; a larger picture is not worth its memory
_LARGEST_TOTAL = 64 * 2**20
_LARGEST_TEXT = 2**20  # of a chunk that holds nothing but text
_LONGEST_S = 10.0
_MOST_ENTRIES = 100
_ID3V1_SIZE = 128

_TO_SPACE = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_TO_NOTHING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file says of itself; None where it says nothing.

    Attributes
    ----------
    title, artist, album, genre, date, track_number : at most 500 characters, valid Unicode, one line
    problem : why the tags could not be read, if they could not
    """

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    genre: str | None = None
    date: str | None = None
    track_number: str | None = None
    problem: str | None = None


_FIELDS = tuple(field.name for field in fields(Tags) if field.name != "problem")

#: Keys of each kind of tag, in the order of `_FIELDS`; the first that has text is taken.
_ID3 = (("TIT2",), ("TPE1", "TPE2"), ("TALB",), ("TCON",), ("TDRC", "TDRL", "TYER"), ("TRCK",))
_VORBIS = (("title",), ("artist", "albumartist"), ("album",), ("genre",), ("date", "year"), ("tracknumber",))
_APE = (("Title",), ("Artist", "Album Artist"), ("Album",), ("Genre",), ("Year",), ("Track",))
_MP4 = (("©nam",), ("©ART", "aART"), ("©alb",), ("©gen",), ("©day",), ("trkn",))
_ASF = (("Title",), ("Author", "WM/AlbumArtist"), ("WM/AlbumTitle",), ("WM/Genre",), ("WM/Year",), ("WM/TrackNumber",))
_INFO = (("INAM",), ("IART",), ("IPRD",), ("IGNR",), ("ICRD",), ("ITRK", "IPRT", "TRCK"))
_AIFF = (("NAME",), ("AUTH",), (), (), (), ())
_CAF = (("title",), ("artist",), ("album",), ("genre",), ("year", "recorded date"), ("track number",))

# In version 2 of ID3 names have three letters; mutagen turns them into these.
_ID3_FRAMES = frozenset(name.encode() for names in _ID3 for name in names) | {
    *(b"TDAT", b"TIME", b"TT2", b"TP1", b"TP2", b"TAL", b"TCO", b"TYE", b"TDA", b"TIM", b"TRK"),
}

Keys = tuple[tuple[str, ...], ...]


class TagsTooLargeError(Exception):
    """Reading the tags would take more memory or time than tags are worth."""


def read_tags(path: str) -> Tags:
    """Read the tags of a file.

    Parameters
    ----------
    path : str
        A regular file, or a symbolic link to one.

    Returns
    -------
    Tags
        Empty, with ``problem`` set, if the tags cannot be read.

    Raises
    ------
    AudioError
        If the file itself cannot be opened, as `workbench.audio.files.stat_file`.
    """
    with OpenFile(path) as file:
        return read_open_file(file, sniff(file.fd, file.size))


def read_open_file(file: OpenFile, kind: Format | None) -> Tags:
    """Read the tags of a file whose format is known; see `read_tags`."""
    reader = _READERS.get(kind.name) if kind else None
    if reader is None:
        return Tags()
    try:
        return reader(_Bounded(file.fd, file.size))
    except Exception as error:
        # mutagen raises IndexError, MemoryError, struct.error and others on bad tags (its documentation
        # promises MutagenError alone). Whatever it is, it must not cost the audio.
        return Tags(problem=clean(f"{type(error).__name__}: {error}"))


def clean(text: str) -> str | None:
    r"""Make text safe to store and to show on one line; None if nothing is left of it.

    Examples
    --------
    >>> clean("  Blue\r\n in \u202eGreen\ud800 ")
    'Blue in Green'
    """
    text = _TO_NOTHING.sub("", text[: 4 * _LONGEST])
    return _TO_SPACE.sub(" ", text).strip()[:_LONGEST].strip() or None


class _Bounded(View):
    """A file that refuses to be read without measure, for a library that believes lengths in headers."""

    def __init__(self, fd: int, size: int) -> None:
        super().__init__(fd, 0, size)
        self.fd, self._total = fd, 0
        self._deadline = time.monotonic() + _LONGEST_S

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        position = super().seek(offset, whence)
        if position < 0:
            raise OSError("a position before the beginning of the file")
        return position

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self.size - self._position)
        count = left if size is None or size < 0 else min(size, left)
        data = self.read_at(self._position, count)
        self._position += len(data)
        return data

    def read_at(self, start: int, count: int) -> bytes:
        """Read a range; TagsTooLargeError if that is too much, or it is too late."""
        self._total += count
        if count > _LARGEST_READ or self._total > _LARGEST_TOTAL:
            raise TagsTooLargeError(f"{max(count, self._total) >> 20} MiB of tags are not read")
        if time.monotonic() > self._deadline:
            raise TagsTooLargeError(f"tags not read in {_LONGEST_S:g} s")
        return os.pread(self.fd, count, start)


def _tags(found: Any, keys: Keys) -> Tags:
    """Pick the fields out of a mapping of a reader; mutagen gives None for no tags at all."""
    values: dict[str, str | None] = {}
    for field, names in zip(_FIELDS, keys, strict=True):
        texts = (_text(found[name]) for name in names if found and name in found)
        values[field] = next((text for text in texts if text), None)
    return Tags(**values)


def _text(value: Any) -> str | None:
    """Turn whatever mutagen holds a value in into one text."""
    # ID3 genres are numbers or words; other frames have a list of text; MP4 and Vorbis are lists themselves
    value = getattr(value, "genres", None) or getattr(value, "text", value)
    items: Iterable[Any] = value if isinstance(value, list) else [value]
    texts = [clean(_item_text(item)) for item, _ in zip(items, range(_MOST_VALUES), strict=False)]
    return clean("; ".join(text for text in texts if text))


def _item_text(item: Any) -> str:
    if isinstance(item, tuple):  # MP4: track number and number of tracks, 0 for unknown
        return "/".join(str(part) for part in item if part)
    return str(item).replace("\0", "; ")


def _mutagen(module: str, name: str, keys: Keys) -> Callable[[_Bounded], Tags]:
    """Make a reader from a file type of mutagen."""

    def read(source: _Bounded) -> Tags:
        import importlib

        return _tags(getattr(importlib.import_module(f"mutagen.{module}"), name)(source).tags, keys)

    return read


def _id3(source: _Bounded, start: int = 0, end: int | None = None) -> Tags:
    """ID3v2 at the start of a range, completed by ID3v1 at its end."""
    from mutagen import id3

    end = source.size if end is None else end

    def read_at(offset: int, count: int) -> bytes:
        return source.read_at(offset, max(0, min(count, end - offset)))

    tag = text_frames(read_at, start, _ID3_FRAMES)
    tail = max(start, end - _ID3V1_SIZE)
    try:
        return _tags(id3.ID3(io.BytesIO(tag + bytes(_ID3V1_SIZE) + read_at(tail, _ID3V1_SIZE))), _ID3)
    except id3.ID3NoHeaderError:
        return Tags()


def _dsf(source: _Bounded) -> Tags:
    at = int.from_bytes(source.read_at(20, 8), "little")  # 0 if there is none
    return _id3(source, at) if at else Tags()


def _ape(source: Any) -> Tags:
    from mutagen import apev2

    try:
        return _tags(apev2.APEv2(source), _APE)
    except apev2.APENoHeaderError:
        return Tags()


def _first_of(*readers: Callable[[_Bounded], Tags]) -> Callable[[_Bounded], Tags]:
    """Make a reader that tries others until one finds anything."""

    def read(source: _Bounded) -> Tags:
        for reader in readers:
            source.seek(0)
            found = reader(source)
            if found != Tags():
                break
        return found

    return read


def _flac(source: _Bounded) -> Tags:
    from mutagen.flac import VCFLACDict

    for block in flac_blocks(source.fd, source.size):
        if block.name == VORBIS_COMMENT:  # pictures are not even read
            return _tags(VCFLACDict(source.read_at(block.start, block.size)), _VORBIS)
    return Tags()


def _wav(source: _Bounded) -> Tags:
    return _from_chunks(source, "wav", {b"LIST": (_info_list, _INFO)})


def _aiff(source: _Bounded) -> Tags:
    return _from_chunks(
        source,
        "aiff",
        {
            b"NAME": (lambda data: {"NAME": _decode(data)}, _AIFF),
            b"AUTH": (lambda data: {"AUTH": _decode(data)}, _AIFF),
        },
    )


def _caf(source: _Bounded) -> Tags:
    return _from_chunks(source, "caf", {b"info": (_caf_info, _CAF)})


Parser = Callable[[bytes], Mapping[str, str]]


def _from_chunks(source: _Bounded, name: str, parsers: Mapping[bytes, tuple[Parser, Keys]]) -> Tags:
    """Merge the ID3 chunk of a file with its other text chunks; ID3 wins."""
    found: list[Tags] = []
    for chunk in CONTAINERS[name][0](source.fd, source.size):
        if chunk.name in (b"id3 ", b"ID3 "):
            found.insert(0, _id3(source, chunk.start, chunk.start + chunk.size))
        elif chunk.name in parsers:
            parse, keys = parsers[chunk.name]
            found.append(_tags(parse(source.read_at(chunk.start, min(chunk.size, _LARGEST_TEXT))), keys))
    return Tags(**{field: next((v for tags in found if (v := getattr(tags, field))), None) for field in _FIELDS})


def _info_list(data: bytes) -> dict[str, str]:
    """Text of a RIFF LIST of kind INFO, by the identifier of the sub-chunk."""
    texts: dict[str, str] = {}
    at = 4 if data.startswith(b"INFO") else len(data)
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        texts.setdefault(data[at : at + 4].decode("latin-1"), _decode(data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return texts


def _caf_info(data: bytes) -> dict[str, str]:
    """Keys and values of a CAF information chunk: a count, then texts that end in NUL."""
    texts = [_decode(text) for text in data[4:].split(b"\0", 2 * _MOST_ENTRIES)]
    return dict(zip(texts[::2], texts[1::2], strict=False))


def _decode(data: bytes) -> str:
    """Decode text whose encoding nobody states: UTF-8 if it can be, else what Windows writes."""
    data = data.partition(b"\0")[0][: 8 * _LONGEST]
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


_READERS: dict[str, Callable[[_Bounded], Tags]] = {
    "mp3": _first_of(_id3, _ape),
    "aac": _first_of(_id3, _ape),
    "tta": _first_of(_id3, _ape),
    "wavpack": _first_of(_ape, _id3),
    "ape": _first_of(_ape, _id3),
    "musepack7": _first_of(_ape, _id3),
    "musepack8": _first_of(_ape, _id3),
    "flac": _flac,
    "ogg": _mutagen("oggvorbis", "OggVorbis", _VORBIS),
    "opus": _mutagen("oggopus", "OggOpus", _VORBIS),
    "oggflac": _mutagen("oggflac", "OggFLAC", _VORBIS),
    "speex": _mutagen("oggspeex", "OggSpeex", _VORBIS),
    "m4a": _mutagen("mp4", "MP4", _MP4),
    "wma": _mutagen("asf", "ASF", _ASF),
    "dsf": _dsf,
    "wav": _wav,
    "rf64": _wav,
    "aiff": _aiff,
    "caf": _caf,
}
