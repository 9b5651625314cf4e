"""The tables of the catalog.

::

    jobs 1─* batches 1─* job_files          the durable record of work: ledger.py, commit.py
    files *─1 tracks *─* parts 1─* part_arrays   what is known: a file on disk, its audio, its arrays
              (placements: the row of a track in a part)
    array_sets                               which arrays a track has, shared by many tracks
    meta                                     the library's version, raised by each commit
    writes                                   which write transactions of late were done, on PostgreSQL
    playlists                                saved by name, with what was asked for
    tastes                                   saved by name, with the clicks that they were learned from
    labels *─1 tracks                        what people say of a track or of a part of it
    label_columns *─1 tracks                 what a classifier that learned from labels says of all tracks

A track's id is the content id of its audio, so it is the same in every library. A path with bytes
that are not UTF-8 is stored escaped (`PathText`): both SQLite and PostgreSQL hold valid text only.
All texts are ordered by their bytes, on PostgreSQL by a collation that its migrations set.

Every index that orders tracks ends in their id: a page begins after the last row of the one before
it (`pages.tracks_page`), also among rows of equal value.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Index, Integer, String, Text, TypeDecorator, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from workbench.schema import SORT_COLUMNS

_ESCAPE = "\x1a"  # ASCII SUBSTITUTE: "a character in place of one that is invalid"
_ESCAPED_TOO = frozenset({_ESCAPE, "\0"})
_ESCAPED = re.compile(_ESCAPE + "([0-9a-f]{2})")


def escape_path(path: str) -> str:
    r"""Make a path storable as text: undecodable bytes, and NUL, become ``\x1a`` and two hex digits.

    >>> escape_path("caf\udce9.wav")
    'caf\x1ae9.wav'
    """
    return "".join(
        f"{_ESCAPE}{ord(c) & 0xFF:02x}" if "\udc80" <= c <= "\udcff" or c in _ESCAPED_TOO else c for c in path
    )


def unescape_path(text: str) -> str:
    r"""Give back the path that `escape_path` was given.

    >>> unescape_path(escape_path("caf\udce9.wav")) == "caf\udce9.wav"
    True
    """
    if _ESCAPE not in text:
        return text
    return _ESCAPED.sub(lambda m: chr(code if (code := int(m[1], 16)) < 0x80 else 0xDC00 + code), text)


class PathText(TypeDecorator[str]):
    """A file's path; Python's surrogate escapes survive the round trip."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape on the way in."""
        return None if value is None else escape_path(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Unescape on the way out."""
        return None if value is None else unescape_path(value)


# SQLite numbers rows itself only in a column declared INTEGER
_RowId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Base of all tables."""


class Meta(Base):
    """One row per fact about the library: ``version``, ``library_id``, ``numbers`` given to tracks, ``state``."""

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class Write(Base):
    """A write transaction that was done: asked for when the connection was lost in a COMMIT. Kept for an hour."""

    __tablename__ = "writes"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[float] = mapped_column(Float)

    __table_args__ = (Index("ix_writes_at", "at"),)


class ArraySet(Base):
    """The keys (path@version) of the arrays that a track has."""

    __tablename__ = "array_sets"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    keys: Mapped[list[str]] = mapped_column(JSON)


class Track(Base):
    """A recording, known by its audio. Columns of descriptors are NULL where they cannot be known.

    `number` is its row in everything below ``index/``: given once, in order, and to no other track again.
    `changed` is the library's version since which the row and the track's arrays are what they are.
    """

    __tablename__ = "tracks"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, server_default="0")
    changed: Mapped[int] = mapped_column(BigInteger, server_default="0")
    path: Mapped[str] = mapped_column(PathText)
    array_set: Mapped[str] = mapped_column(ForeignKey("array_sets.id"))
    format: Mapped[str] = mapped_column(String(20))
    sample_rate: Mapped[int] = mapped_column(Integer)
    channels: Mapped[int] = mapped_column(Integer)
    flags: Mapped[list[str]] = mapped_column(JSON)
    duration_s: Mapped[float] = mapped_column(Float)
    bpm: Mapped[float | None] = mapped_column(Float)
    bpm_confidence: Mapped[float | None] = mapped_column(Float)
    key: Mapped[str | None] = mapped_column(String(20))
    camelot: Mapped[str | None] = mapped_column(String(4))
    key_strength: Mapped[float | None] = mapped_column(Float)
    energy: Mapped[float | None] = mapped_column(Float)
    valence: Mapped[float | None] = mapped_column(Float)
    arousal: Mapped[float | None] = mapped_column(Float)
    danceability: Mapped[float | None] = mapped_column(Float)
    mood: Mapped[str | None] = mapped_column(String(20))
    loudness_lufs: Mapped[float | None] = mapped_column(Float)
    title: Mapped[str | None] = mapped_column(Text)
    artist: Mapped[str | None] = mapped_column(Text)
    album: Mapped[str | None] = mapped_column(Text)
    genre: Mapped[str | None] = mapped_column(Text)
    date: Mapped[str | None] = mapped_column(Text)
    track_number: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        *(Index(f"ix_tracks_{name}", name, "id") for name in SORT_COLUMNS),
        Index("ix_tracks_mood_energy", "mood", "energy"),
        Index("ix_tracks_number", "number", unique=True),
        Index("ix_tracks_changed", "changed"),
    )


_FAILED = text("reason IS NOT NULL")


class File(Base):
    """A file as it was last seen. Its content is a track's, unless `reason` says why there is none."""

    __tablename__ = "files"
    id: Mapped[int] = mapped_column(_RowId, primary_key=True, autoincrement=True)
    path: Mapped[str] = mapped_column(PathText, unique=True)
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    content_id: Mapped[str | None] = mapped_column(String(32))
    reason: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_files_content", "content_id"),
        Index("ix_files_failed", "path", sqlite_where=_FAILED, postgresql_where=_FAILED),
    )


class Part(Base):
    """An immutable, committed block of arrays for a batch of tracks."""

    __tablename__ = "parts"
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    array_set: Mapped[str] = mapped_column(ForeignKey("array_sets.id"))
    n_tracks: Mapped[int] = mapped_column(Integer)
    n_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[float] = mapped_column(Float)


class PartArray(Base):
    """One array of a part, with the digest of its files."""

    __tablename__ = "part_arrays"
    part_id: Mapped[str] = mapped_column(ForeignKey("parts.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(String(80), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64))


class Placement(Base):
    """The row of a track in a part. A row of a part with no placement is unused."""

    __tablename__ = "placements"
    part_id: Mapped[str] = mapped_column(ForeignKey("parts.id", ondelete="CASCADE"), primary_key=True)
    row: Mapped[int] = mapped_column(Integer, primary_key=True)
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id"))

    __table_args__ = (Index("ix_placements_track", "track_id"),)


class SavedPlaylist(Base):
    """A playlist by name: ids of its tracks in order, and the request that can be made again."""

    __tablename__ = "playlists"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    tracks: Mapped[list[str]] = mapped_column(JSON)
    saved_at: Mapped[float] = mapped_column(Float)


class SavedTaste(Base):
    """A taste by name: pairs of track ids, the factors learned from them, and whether searches go by it."""

    __tablename__ = "tastes"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    in_use: Mapped[bool] = mapped_column(Boolean)
    likes: Mapped[list[list[str]]] = mapped_column(JSON)
    dislikes: Mapped[list[list[str]]] = mapped_column(JSON)
    factors: Mapped[dict[str, float]] = mapped_column(JSON)
    agreement: Mapped[float | None] = mapped_column(Float)
    agreement_before: Mapped[float | None] = mapped_column(Float)
    saved_at: Mapped[float] = mapped_column(Float)


class Label(Base):
    """What an author says of a track; of all of it where there is no start and end, in seconds."""

    __tablename__ = "labels"
    id: Mapped[int] = mapped_column(_RowId, primary_key=True, autoincrement=True)
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    value: Mapped[str | None] = mapped_column(String(200))
    start_s: Mapped[float | None] = mapped_column(Float)
    end_s: Mapped[float | None] = mapped_column(Float)
    author: Mapped[str] = mapped_column(String(200))
    labelled_at: Mapped[float] = mapped_column(Float)

    __table_args__ = (Index("ix_labels_track", "track_id", "author"), Index("ix_labels_name", "name", "value"))


class LabelColumn(Base):
    """The value of a label of this name for a track, as people said or as was learned from them, and how sure it is."""

    __tablename__ = "label_columns"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
    confidence: Mapped[float] = mapped_column(Float)


class Job(Base):
    """A durable batch run.

    `fence` rises each time that a driver takes the job over or loses it. `owner` is the process that drives it;
    `submitted_by` is who asked for it, NULL for work of the library's own, which no runner takes up. `seq` rises with
    whatever is to be seen of the job; `progress` is the last count, as `workbench.store.ledger` writes it.
    """

    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(_RowId, primary_key=True, autoincrement=True)
    state: Mapped[str] = mapped_column(String(20))
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    request_key: Mapped[str] = mapped_column(String(32))
    fence: Mapped[int] = mapped_column(Integer, default=0)
    owner: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    lease_until: Mapped[float | None] = mapped_column(Float)
    created_at: Mapped[float] = mapped_column(Float)
    finished_at: Mapped[float | None] = mapped_column(Float)
    worked_s: Mapped[float] = mapped_column(Float, default=0.0)
    message: Mapped[str | None] = mapped_column(Text)
    submitted_by: Mapped[str | None] = mapped_column(String(200))
    started_at: Mapped[float | None] = mapped_column(Float)
    seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    progress: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    __table_args__ = (
        Index("ix_jobs_request", "request_key", "state"),
        Index("ix_jobs_state", "state", "submitted_by"),
        Index("ix_jobs_submitted_by", "submitted_by", "id"),
    )


class Batch(Base):
    """Files that one task analyzes. ``fence`` and ``attempts`` rise before the work starts."""

    __tablename__ = "batches"
    id: Mapped[int] = mapped_column(_RowId, primary_key=True, autoincrement=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    state: Mapped[str] = mapped_column(String(20))
    fence: Mapped[int] = mapped_column(Integer, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    cost: Mapped[float] = mapped_column(Float)

    __table_args__ = (Index("ix_batches_job_state", "job_id", "state", "cost"),)


class JobFile(Base):
    """A file in a job, and its outcome once it has one."""

    __tablename__ = "job_files"
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)
    path: Mapped[str] = mapped_column(PathText)
    cost: Mapped[float] = mapped_column(Float)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batches.id"))
    outcome: Mapped[str | None] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(Text)
    content_id: Mapped[str | None] = mapped_column(String(32))

    __table_args__ = (
        Index("ix_job_files_outcome", "job_id", "outcome", "cost"),
        Index("ix_job_files_batch", "batch_id"),
    )
