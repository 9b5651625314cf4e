"""A playlist as text that players and spreadsheets read. Writing the file is the caller's.

Titles come from tags and paths from strangers' disks. A line break in either would be a second
line of the playlist, a path that starts with ``#`` a comment, a byte that is no Unicode could not
be written at all: such paths are written as percent-encoded URIs (RFC 8089), such titles cleaned.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from workbench import tabular
from workbench.errors import InputError
from workbench.playlist.sequence import Playlist

_CSV_COLUMNS = (
    *("position", "id", "title", "artist", "album", "path", "duration_s", "bpm", "key", "camelot", "energy", "mood"),
    *("loudness_lufs", "bpm_change", "key_relation", "cost"),
)
#: Control and format characters, line and paragraph separators, lone surrogates, and what XML 1.0 forbids.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]+"
)
_XSPF = "http://xspf.org/ns/0/"


def to_m3u8(playlist: Playlist, *, relative_to: str | os.PathLike[str] | None = None) -> str:
    """Write extended M3U in UTF-8.

    Parameters
    ----------
    playlist : Playlist
        Its records need ``path``.
    relative_to : path, optional
        The folder in which the playlist will lie: paths are written relative to it. By default
        they are absolute.

    Returns
    -------
    str
        Two lines per track. Every line that starts with ``#`` is one of ours.
    """
    lines = ["#EXTM3U"]
    for track in playlist.tracks:
        seconds = track.get("duration_s")
        lines.append(f"#EXTINF:{-1 if seconds is None else round(seconds)},{_label(track)}")
        lines.append(_m3u_line(track["path"], relative_to))
    return "\n".join(lines) + "\n"


def to_xspf(playlist: Playlist, *, relative_to: str | os.PathLike[str] | None = None) -> str:
    """Write XSPF version 1 (https://xspf.org/spec).

    Parameters
    ----------
    playlist, relative_to
        See `to_m3u8`.

    Returns
    -------
    str
        XML; durations in milliseconds, locations as percent-encoded URIs.
    """
    root = ElementTree.Element("playlist", version="1", xmlns=_XSPF)
    listed = ElementTree.SubElement(root, "trackList")
    for track in playlist.tracks:
        entry = ElementTree.SubElement(listed, "track")
        location = _location(track["path"], relative_to)
        ElementTree.SubElement(entry, "location").text = _uri(location)
        for element, name in (("title", "title"), ("creator", "artist"), ("album", "album")):
            text = _clean(track.get(name))
            if text:
                ElementTree.SubElement(entry, element).text = text
        if track.get("duration_s") is not None:
            ElementTree.SubElement(entry, "duration").text = str(round(track["duration_s"] * 1000))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def to_json(playlist: Playlist) -> str:
    """Write everything that is known of the playlist as JSON: see `Playlist.to_dict`."""
    return tabular.to_json(playlist.to_dict())


def to_csv(playlist: Playlist) -> str:
    """Write one row per track, with the transition that leads to it; formula cells are neutralised."""
    steps: list[dict[str, Any]] = [{}, *playlist.to_dict()["transitions"]]
    rows = [
        {**track, "position": position, **step}
        for position, (track, step) in enumerate(zip(playlist.tracks, steps, strict=False), start=1)
    ]
    return tabular.to_csv(rows, _CSV_COLUMNS)


#: File suffix to writer; those of formats that hold paths take ``relative_to``.
FORMATS: dict[str, Callable[..., str]] = {
    ".m3u8": to_m3u8,
    ".m3u": to_m3u8,
    ".xspf": to_xspf,
    ".json": to_json,
    ".csv": to_csv,
}


def export(playlist: Playlist, path: str | os.PathLike[str], *, relative: bool = False) -> str:
    """Write a playlist in the format that a file name asks for.

    Parameters
    ----------
    playlist : Playlist
    path : path
        Where the caller will write the text, as UTF-8; only its name is looked at.
    relative : bool
        True to write track paths relative to that place (M3U8 and XSPF).

    Returns
    -------
    str
        The text of the file.

    Raises
    ------
    InputError
        When the suffix is of no known format.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{suffix or os.fspath(path)!r} is no playlist format.", f"Use one of {', '.join(FORMATS)}.")
    write = FORMATS[suffix]
    if relative and write in (to_m3u8, to_xspf):
        return write(playlist, relative_to=Path(path).parent)
    return write(playlist)


def _clean(text: str | None) -> str:
    """One line of printable text, '' where there is none."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split()) if text else ""


def _label(track: dict[str, Any]) -> str:
    """Name of a track in a player: artist and title, or what the file is called."""
    parts = [_clean(track.get("artist")), _clean(track.get("title"))]
    return " - ".join(part for part in parts if part) or _clean(Path(track["path"]).stem) or "?"


def _location(path: str, relative_to: str | os.PathLike[str] | None) -> str:
    return path if relative_to is None else os.path.relpath(path, relative_to)


def _m3u_line(path: str, relative_to: str | os.PathLike[str] | None) -> str:
    """One line that a player takes for this path and nothing else."""
    location = _location(path, relative_to)
    if _UNPRINTABLE.search(location) or location != location.strip():
        return _uri(path)  # absolute: players take a relative line for a name, percent signs and all
    first = location.split("/", 1)[0]
    # a comment, or what looks like the scheme of a URL
    return f"./{location}" if first.startswith("#") or ":" in first else location


def _uri(location: str) -> str:
    if os.path.isabs(location):
        return Path(location).as_uri()
    # quoted bytes bring back a name that is no Unicode; ":" is quoted lest it be taken for a scheme
    return quote(os.fsencode(location))
