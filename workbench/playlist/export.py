"""A playlist as text that players and spreadsheets read. Writing the file is the caller's.

Titles come from tags and paths from strangers' disks. A line break in either would be a second
line of the playlist, a path that starts with ``#`` a comment, a byte that is no Unicode could not
be written at all: such paths are written as percent-encoded URIs (RFC 8089), such titles cleaned.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from workbench import __version__, tabular
from workbench.errors import InputError
from workbench.playlist.keys import parse_key
from workbench.playlist.sequence import Playlist

FloatArray = npt.NDArray[np.float64]

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


def to_rekordbox(
    playlist: Playlist, *, name: str = "workbench", beats: Mapping[Any, npt.ArrayLike] | None = None
) -> str:
    """Write the XML that Rekordbox imports, with tempo, key and beat grid ("rekordbox xml format list", Pioneer DJ).

    Parameters
    ----------
    playlist : Playlist
    name : str
        What the playlist is called there.
    beats : mapping, optional
        Times of the beats in seconds by track id. A track without them gets no grid: where its first beat is,
        nobody knows. The first beat is written as the first of a bar, for bars are not known either.

    Returns
    -------
    str
        XML.
    """
    root = ElementTree.Element("DJ_PLAYLISTS", Version="1.0.0")
    ElementTree.SubElement(root, "PRODUCT", Name="workbench", Version=__version__, Company="")
    collection = ElementTree.SubElement(root, "COLLECTION", Entries=str(len(playlist.tracks)))
    playlists = ElementTree.SubElement(root, "PLAYLISTS")
    top = ElementTree.SubElement(playlists, "NODE", Type="0", Name="ROOT", Count="1")
    count = str(len(playlist.tracks))
    node = ElementTree.SubElement(top, "NODE", Name=_clean(name) or "workbench", Type="1", KeyType="0", Entries=count)
    for number, track in enumerate(playlist.tracks, 1):
        entry = ElementTree.SubElement(collection, "TRACK", _rekordbox_track(track, number))
        for inizio, bpm in beat_grid((beats or {}).get(track["id"], ())):
            ElementTree.SubElement(entry, "TEMPO", Inizio=f"{inizio:.3f}", Bpm=f"{bpm:.2f}", Metro="4/4", Battito="1")
        ElementTree.SubElement(node, "TRACK", Key=str(number))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _rekordbox_track(track: dict[str, Any], number: int) -> dict[str, str]:
    texts = {
        "TrackID": str(number),
        "Name": _clean(track.get("title")) or _clean(Path(track["path"]).stem),
        "Artist": _clean(track.get("artist")),
        "Album": _clean(track.get("album")),
        "TotalTime": "" if track.get("duration_s") is None else str(round(track["duration_s"])),
        "AverageBpm": "" if track.get("bpm") is None else f"{track['bpm']:.2f}",
        "Tonality": "" if track.get("key") is None else parse_key(track["key"]).short,
        "Location": "file://localhost" + quote(os.fsencode(os.path.abspath(track["path"]))),
    }
    return {name: text for name, text in texts.items() if text}


def beat_grid(beats: npt.ArrayLike, *, tolerance_s: float = 0.03) -> list[tuple[float, float]]:
    """Describe beats by stretches of constant tempo.

    Parameters
    ----------
    beats : array_like of float
        Times in seconds, ascending.
    tolerance_s : float
        How far a beat may lie from its place in the stretch; frames of beats lie 23 ms apart.

    Returns
    -------
    list of (float, float)
        First beat of each stretch in seconds, and its tempo in beats per minute; nothing below two beats.

    Examples
    --------
    >>> beat_grid([1.0, 1.5, 2.0, 2.5, 3.0])
    [(1.0, 120.0)]
    """
    times = np.asarray(beats, dtype=np.float64)
    grid, start = [], 0
    while start + 1 < len(times):
        stop = len(times)
        while not _even(times[start:stop], tolerance_s):
            stop = start + max(2, (stop - start) // 2)
        while stop < len(times) and _even(times[start : stop + 1], tolerance_s):
            stop += 1
        grid.append((float(times[start]), round(60 * (stop - start - 1) / float(times[stop - 1] - times[start]), 3)))
        start = stop - 1
    return grid


def _even(times: FloatArray, tolerance_s: float) -> bool:
    line = np.linspace(times[0], times[-1], len(times))
    return bool(np.abs(times - line).max() <= tolerance_s)


#: File suffix to writer; those of formats that hold paths take ``relative_to``.
FORMATS: dict[str, Callable[..., str]] = {
    ".m3u8": to_m3u8,
    ".m3u": to_m3u8,
    ".xspf": to_xspf,
    ".json": to_json,
    ".csv": to_csv,
    ".xml": to_rekordbox,
}


def export(
    playlist: Playlist,
    path: str | os.PathLike[str],
    *,
    relative: bool = False,
    beats: Mapping[Any, npt.ArrayLike] | None = None,
) -> str:
    """Write a playlist in the format that a file name asks for.

    Parameters
    ----------
    playlist : Playlist
    path : path
        Where the caller will write the text, as UTF-8; only its name is looked at.
    relative : bool
        True to write track paths relative to that place (M3U8 and XSPF).
    beats : mapping, optional
        Times of the beats for Rekordbox, see `to_rekordbox`.

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
    if write is to_rekordbox:
        return write(playlist, name=Path(path).stem, beats=beats)
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
