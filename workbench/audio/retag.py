"""Write tempo, key and mood into the tags of a file, so that its audio is the same to the bit or nothing is changed.

A copy beside the file is changed and looked at again: its audio must have the content id that it had, its tags must
read back as written. Then it takes the place of the file in one step. Names of the tags, by what players read:

=====================  ===================  ===========================================  ============================
what                   ID3 (MP3, WAV, AIFF)  Vorbis comment (FLAC, Ogg, Opus)             MP4
=====================  ===================  ===========================================  ============================
tempo, a whole number  TBPM                 BPM                                          tmpo
key, such as F#m       TKEY                 INITIALKEY                                   initialkey (iTunes free form)
mood                   TMOO (2.3: TXXX)     MOOD                                         MOOD (iTunes free form)
=====================  ===================  ===========================================  ============================
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workbench.audio.probe import probe
from workbench.errors import AudioError

Values = dict[str, str | None]
Changes = dict[str, tuple[str | None, str | None]]


@dataclass(frozen=True, slots=True)
class Retag:
    """What became of one file, or would.

    Attributes
    ----------
    path : the file
    state : ``would change``, ``changed``, ``same`` (nothing to do) or ``failed`` (and nothing was changed)
    tags : name to the value before and after, of those that differ
    detail : why it failed
    """

    path: str
    state: str
    tags: Changes = field(default_factory=dict)
    detail: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return asdict(self)


class _RefusedError(Exception):
    """A file that must stay as it is, and why."""


def retag(path: str, content_id: str, values: Mapping[str, str | None], *, apply: bool = False) -> Retag:
    """Write the values that are known, or say what that would change.

    Parameters
    ----------
    path : str
        A file; of a symbolic link, the file that it leads to is changed.
    content_id : str
        What its audio must be: that for which the values hold.
    values : mapping
        ``bpm``, ``key`` and ``mood`` as text; None leaves a tag as it is.
    apply : bool
        Write. Without it nothing is changed.
    """
    target = os.path.realpath(path)
    try:
        found = probe(target)
        if found.content_id != content_id:
            raise _RefusedError("its audio is not what was analyzed: analyze it again")
        if found.format not in _KINDS:
            raise _RefusedError(f"tags of {found.format} files are not written")
        before = _read(target, found.format)
        wanted = {name: text for name, text in values.items() if text is not None and before[name] != text}
        changes: Changes = {name: (before[name], text) for name, text in wanted.items()}
        if not changes:
            return Retag(path, "same")
        if not apply:
            return Retag(path, "would change", changes)
        _replace(target, found.format, content_id, wanted, (found.size, found.mtime_ns))
    except (_RefusedError, AudioError) as error:
        return Retag(path, "failed", detail=getattr(error, "detail", None) or str(error))
    except Exception as error:
        # mutagen raises much else on bad tags; whatever it is, it concerns this file only
        return Retag(path, "failed", detail=f"{type(error).__name__}: {error}")
    return Retag(path, "changed", changes)


def _replace(target: str, kind: str, content_id: str, wanted: Mapping[str, str], seen: tuple[int, int]) -> None:
    """Change a copy, verify it, and put it into the place of the file."""
    beside = Path(target).with_name(f".{uuid.uuid4().hex[:12]}{Path(target).suffix}")
    try:
        shutil.copy2(target, beside)
        _write(str(beside), kind, wanted)
        written = probe(str(beside))
        if (written.content_id, written.format) != (content_id, kind):
            raise _RefusedError("writing its tags would change its audio")
        if {name: _read(str(beside), kind)[name] for name in wanted} != dict(wanted):
            raise _RefusedError("its tags do not read back as written")
        now = os.stat(target)
        if (now.st_size, now.st_mtime_ns) != seen:
            raise _RefusedError("it was changed in the meantime")
        with contextlib.suppress(OSError):  # only root may give a file to its owner
            os.chown(beside, now.st_uid, now.st_gid)
        with beside.open("rb") as copy:
            os.fsync(copy.fileno())
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def _open(path: str, kind: str) -> Any:
    module, name, _, _ = _KINDS[kind]
    return getattr(importlib.import_module(f"mutagen.{module}"), name)(path)


def _read(path: str, kind: str) -> Values:
    tags = _open(path, kind).tags
    return dict.fromkeys(("bpm", "key", "mood")) if tags is None else _KINDS[kind][2](tags)


def _write(path: str, kind: str, wanted: Mapping[str, str]) -> None:
    file = _open(path, kind)
    if file.tags is None:
        file.add_tags()
    options = _KINDS[kind][3](file.tags, wanted)
    file.save(**options)


def _read_id3(tags: Any) -> Values:
    names = {"bpm": ("TBPM",), "key": ("TKEY",), "mood": ("TMOO", "TXXX:MOOD")}
    return {name: next((str(tags[frame]) for frame in frames if frame in tags), None) for name, frames in names.items()}


def _write_id3(tags: Any, wanted: Mapping[str, str]) -> dict[str, Any]:
    from mutagen import id3

    old = tags.version[:2] == (2, 3)  # kept: some players do not read 2.4
    for name, text in wanted.items():
        if name == "mood":
            tags.delall("TMOO")
            tags.delall("TXXX:MOOD")
            frame = id3.TXXX(encoding=1, desc="MOOD", text=text) if old else id3.TMOO(encoding=3, text=text)
            tags.add(frame)
        elif name == "bpm":
            tags.setall("TBPM", [id3.TBPM(encoding=0, text=text)])
        else:
            tags.setall("TKEY", [id3.TKEY(encoding=0, text=text)])
    return {"v2_version": 3 if old else 4}


_VORBIS = {"bpm": "BPM", "key": "INITIALKEY", "mood": "MOOD"}
_MP4 = {"bpm": "tmpo", "key": "----:com.apple.iTunes:initialkey", "mood": "----:com.apple.iTunes:MOOD"}


def _read_vorbis(tags: Any) -> Values:
    return {name: tags[key][0] if key in tags else None for name, key in _VORBIS.items()}


def _write_vorbis(tags: Any, wanted: Mapping[str, str]) -> dict[str, Any]:
    for name, text in wanted.items():
        tags[_VORBIS[name]] = [text]
    return {}


def _read_mp4(tags: Any) -> Values:
    values = {name: tags[key][0] if tags.get(key) else None for name, key in _MP4.items()}
    return {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else None if value is None else str(value)
        for name, value in values.items()
    }


def _write_mp4(tags: Any, wanted: Mapping[str, str]) -> dict[str, Any]:
    from mutagen.mp4 import MP4FreeForm

    for name, text in wanted.items():
        tags[_MP4[name]] = [int(text)] if name == "bpm" else [MP4FreeForm(text.encode())]
    return {}


Read = Callable[[Any], Values]
Write = Callable[[Any, Mapping[str, str]], dict[str, Any]]
_ID3: tuple[Read, Write] = (_read_id3, _write_id3)
_COMMENT: tuple[Read, Write] = (_read_vorbis, _write_vorbis)

#: Format to mutagen's module and class, and how its tags are read and written.
_KINDS: dict[str, tuple[str, str, Read, Write]] = {
    "mp3": ("mp3", "MP3", *_ID3),
    "wav": ("wave", "WAVE", *_ID3),
    "aiff": ("aiff", "AIFF", *_ID3),
    "flac": ("flac", "FLAC", *_COMMENT),
    "ogg": ("oggvorbis", "OggVorbis", *_COMMENT),
    "opus": ("oggopus", "OggOpus", *_COMMENT),
    "m4a": ("mp4", "MP4", _read_mp4, _write_mp4),
}
