"""Playlists of other programs: the files that they name. A playlist is a stranger's file and is read as such."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

from workbench.errors import InputError

#: Longer files are no playlists.
LARGEST_BYTES = 32 << 20
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # of one letter it is a drive
_XSPF_LOCATION = "{http://xspf.org/ns/0/}location"
_XSPF_TRACK = "{http://xspf.org/ns/0/}track"


def read_playlist(path: str | os.PathLike[str]) -> list[str]:
    """Read which files a playlist names.

    Parameters
    ----------
    path : path
        ``.m3u`` and ``.m3u8`` (UTF-8, else Windows-1252), or ``.xspf``.

    Returns
    -------
    list of str
        Absolute paths in order, relative ones taken from where the playlist lies; what is no file, such as
        a web address, as it stands.

    Raises
    ------
    InputError
        When it is no such playlist or cannot be read.
    """
    file = Path(path).expanduser().absolute()
    entries = FORMATS.get(file.suffix.lower())
    if entries is None:
        raise InputError(f"{file.name!r} is no playlist that can be read.", f"Read are {', '.join(FORMATS)}.")
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be read: {error.strerror}.", "Check the path.") from error
    if len(data) > LARGEST_BYTES:
        raise InputError(f"{str(file)!r} is too large for a playlist.", f"At most {LARGEST_BYTES >> 20} MiB are read.")
    return [_resolved(entry, file.parent) for entry in entries(data)]


def _m3u(data: bytes) -> Iterator[bytes]:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        data = data.decode("cp1252", "replace").encode()
    for line in data.removeprefix(b"\xef\xbb\xbf").splitlines():
        entry = line.strip()
        if entry and not entry.startswith(b"#"):
            yield unquote_to_bytes(entry) if entry.lower().startswith(b"file:") else entry


def _xspf(data: bytes) -> Iterator[bytes]:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InputError(f"This is no XSPF playlist: {error}.", "Save it again with the program it is from.") from error
    for track in root.iter(_XSPF_TRACK):
        location = track.find(_XSPF_LOCATION)
        if location is not None and location.text:
            yield unquote_to_bytes(location.text.strip())


def _resolved(entry: bytes, folder: Path) -> str:
    text = os.fsdecode(entry)
    if text.lower().startswith("file:"):
        text = re.sub(r"^file:(//(localhost)?(?=/))?", "", text, flags=re.IGNORECASE)
    elif _SCHEME.match(text):
        return text
    return os.path.normpath(os.path.join(folder, text))


#: File suffix to reader.
FORMATS: dict[str, Callable[[bytes], Iterator[bytes]]] = {".m3u8": _m3u, ".m3u": _m3u, ".xspf": _xspf}
