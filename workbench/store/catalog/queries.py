"""Questions to the catalog. Each gives plain records; none writes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import InputError, Outcome
from workbench.store.catalog.engine import Catalog
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import (
    ArraySet,
    File,
    Job,
    JobFile,
    Meta,
    Part,
    PartArray,
    Placement,
    Track,
)
from workbench.store.catalog.where import compile_where

#: The columns of a track that users see, in the order in which they see them.
TRACK_COLUMNS = (
    "id",
    "path",
    "duration_s",
    "bpm",
    "bpm_confidence",
    "key",
    "camelot",
    "key_strength",
    "energy",
    "valence",
    "arousal",
    "danceability",
    "mood",
    "loudness_lufs",
    "title",
    "artist",
    "album",
    "flags",
)

_TABLE = Track.__table__
_FILES = File.__table__
_BEGINNING = re.compile("[0-9a-f]{1,32}")  # of a track's id
# Written once: a question about a track asks for it several times.
_BY_PATH = (
    sa.select(_FILES.c.content_id)
    .join(_TABLE, _TABLE.c.id == _FILES.c.content_id)
    .where(_FILES.c.path == sa.bindparam("wanted"), _FILES.c.reason.is_(None))
)
_BY_BEGINNING = (
    sa.select(_TABLE.c.id)
    .where(_TABLE.c.id.between(sa.bindparam("least"), sa.bindparam("most")))
    .order_by(_TABLE.c.id)
    .limit(2)
)
_PLACE = sa.select(_TABLE.c.path, _TABLE.c.number).where(_TABLE.c.id == sa.bindparam("track"))
_AT_ONCE = 500  # bound values per statement: well below every database's limit


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as the catalog last saw it, with the keys of the arrays that its track has."""

    size: int
    mtime_ns: int
    content_id: str | None
    reason: str | None
    detail: str | None
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """A file that failed, as it was last seen, and why."""

    path: str
    size: int
    mtime_ns: int
    reason: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class KnownTrack:
    """A track's path and the keys of its arrays."""

    path: str
    keys: frozenset[str]


@lasting
def known_files(catalog: Catalog, paths: Sequence[str]) -> dict[str, KnownFile]:
    """Look files up by path."""
    statement = sa.select(
        File.path, File.size, File.mtime_ns, File.content_id, File.reason, File.detail, Track.array_set
    ).outerjoin(Track, Track.id == File.content_id)
    with catalog.read() as connection:
        keys = _array_sets(connection)
        return {
            row.path: KnownFile(*row[1:6], keys=keys.get(row.array_set, frozenset()))
            for some in _in_pieces(paths)
            for row in connection.execute(statement.where(File.path.in_(some)))
        }


@lasting
def known_tracks(catalog: Catalog, content_ids: Sequence[str]) -> dict[str, KnownTrack]:
    """Look tracks up by the content id of their audio."""
    statement = sa.select(Track.id, Track.path, Track.array_set)
    with catalog.read() as connection:
        keys = _array_sets(connection)
        return {
            row.id: KnownTrack(row.path, keys[row.array_set])
            for some in _in_pieces(content_ids)
            for row in connection.execute(statement.where(Track.id.in_(some)))
        }


def _array_sets(connection: Connection) -> dict[str, frozenset[str]]:
    """Read the few sets that all tracks share, once instead of with every row."""
    return {row.id: frozenset(row.keys) for row in connection.execute(sa.select(ArraySet.id, ArraySet.keys))}


@lasting
def known_failures(catalog: Catalog, content_ids: Sequence[str]) -> dict[str, list[KnownFailure]]:
    """Look up the files with the same audio bytes that failed."""
    statement = sa.select(File.content_id, File.path, File.size, File.mtime_ns, File.reason, File.detail)
    found: dict[str, list[KnownFailure]] = {}
    with catalog.read() as connection:
        for some in _in_pieces(content_ids):
            for row in connection.execute(statement.where(File.reason.is_not(None), File.content_id.in_(some))):
                failure = KnownFailure(row.path, row.size, row.mtime_ns, str(row.reason), row.detail)
                found.setdefault(str(row.content_id), []).append(failure)
    return found


@lasting
def tracks(catalog: Catalog, *, where: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """Tracks that fit an expression, in order of their path."""
    columns = [_TABLE.c[name] for name in TRACK_COLUMNS]
    statement = sa.select(*columns).order_by(_TABLE.c.path, _TABLE.c.id).limit(limit)
    if where:
        statement = statement.where(compile_where(where))
    with catalog.read() as connection:
        return [dict(row._mapping) for row in connection.execute(statement)]


@lasting
def number_of_tracks(catalog: Catalog, *, where: str | None = None) -> int:
    """Count the tracks, or those that fit an expression."""
    statement = sa.select(sa.func.count()).select_from(Track)
    if where:
        statement = statement.where(compile_where(where))
    with catalog.read() as connection:
        return connection.execute(statement).scalar_one()


@lasting
def jobs_by_state(catalog: Catalog) -> dict[str, int]:
    """Count the jobs that stand in each state."""
    with catalog.read() as connection:
        rows = connection.execute(sa.select(Job.state, sa.func.count()).group_by(Job.state))
        return {row[0]: row[1] for row in rows}


@lasting
def tracks_by_id(catalog: Catalog, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Tracks by their ids; an id that is not known is left out."""
    statement = sa.select(*(_TABLE.c[name] for name in TRACK_COLUMNS))
    with catalog.read() as connection:
        return {
            row.id: dict(row._mapping)
            for some in _in_pieces(ids)
            for row in connection.execute(statement.where(Track.id.in_(some)))
        }


@lasting
def ids_by_path(catalog: Catalog, paths: Sequence[str]) -> dict[str, str]:
    """Ids of the tracks of some files, by path; a file that is not known or failed is left out."""
    statement = sa.select(File.path, File.content_id).where(File.reason.is_(None), File.content_id.is_not(None))
    with catalog.read() as connection:
        return {
            row.path: row.content_id
            for some in _in_pieces(paths)
            for row in connection.execute(statement.where(File.path.in_(some)))
        }


@lasting
def track_ids(catalog: Catalog, *, where: str | None = None) -> list[str]:
    """Ids of the tracks that fit an expression, in order."""
    statement = sa.select(Track.id).order_by(Track.id)
    if where:
        statement = statement.where(compile_where(where))
    with catalog.read() as connection:
        return list(connection.execute(statement).scalars())


@lasting
def find_track(catalog: Catalog, wanted: str) -> str:
    """Give the id of a track from its id, the beginning of its id, or its path.

    Raises
    ------
    InputError
        When no track, or more than one, fits.
    """
    with catalog.read() as connection:
        by_path = connection.execute(_BY_PATH, {"wanted": wanted}).scalar_one_or_none()
        if by_path is not None:
            return str(by_path)
        ids: Sequence[str] = []
        if _BEGINNING.fullmatch(wanted):
            ids = connection.execute(_BY_BEGINNING, {"least": wanted, "most": f"{wanted}g"}).scalars().all()
    if len(ids) == 1 and len(wanted) >= 4:
        return ids[0]
    if len(ids) > 1:
        raise InputError(f"More than one track begins with {wanted!r}.", "Give more letters of its id.")
    raise InputError(f"There is no track {wanted!r} in the library.", "`workbench tracks` lists ids and paths.")


@lasting
def place_of_track(catalog: Catalog, track: str) -> tuple[str, int] | None:
    """Give the path of a track and its number, which is its row in the search matrix."""
    with catalog.read() as connection:
        found = connection.execute(_PLACE, {"track": track}).one_or_none()
        return None if found is None else (found.path, found.number)


@lasting
def track_columns(catalog: Catalog, names: Sequence[str]) -> dict[str, list[Any]]:
    """Read columns of all tracks, in ascending order of their ids: far quicker than as many records."""
    statement = sa.select(*(_TABLE.c[name] for name in names)).order_by(_TABLE.c.id)
    with catalog.read() as connection:
        rows = connection.execute(statement).all()
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


@lasting
def changed_columns(catalog: Catalog, names: Sequence[str], since: int) -> tuple[dict[str, list[Any]], int]:
    """Read the same of those tracks alone that have changed since a version; and how many tracks there are in all."""
    # sorted here: asked for an order, SQLite would walk through all ids and not find the tracks by their version
    statement = sa.select(*(_TABLE.c[name] for name in names), _TABLE.c.id).where(_TABLE.c.changed > since)
    with catalog.read() as connection:
        rows = sorted(connection.execute(statement).all(), key=lambda row: row[-1])
        n = connection.execute(sa.select(sa.func.count()).select_from(Track)).scalar_one()
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}, n


@lasting
def copies(catalog: Catalog) -> dict[str, list[str]]:
    """Paths of the files of each track that several hold, in order."""
    several = (
        sa.select(File.content_id)
        .where(File.reason.is_(None), File.content_id.is_not(None))
        .group_by(File.content_id)
        .having(sa.func.count() > 1)
    )
    statement = (
        sa.select(File.content_id, File.path)
        .join(Track, Track.id == File.content_id)
        .where(File.content_id.in_(several), File.reason.is_(None))
        .order_by(File.path)
    )
    found: dict[str, list[str]] = {}
    with catalog.read() as connection:
        for row in connection.execute(statement):
            found.setdefault(row.content_id, []).append(row.path)
    return found


@lasting
def failed_files(catalog: Catalog) -> list[dict[str, Any]]:
    """Files that have no track, with the reason, in order of their path."""
    statement = sa.select(File.path, File.reason, File.detail).where(File.reason.is_not(None)).order_by(File.path)
    with catalog.read() as connection:
        return [dict(row._mapping) for row in connection.execute(statement)]


@lasting
def job_failures(catalog: Catalog, job_id: int, *, after: int = -1, limit: int | None = None) -> list[dict[str, Any]]:
    """Files that failed in a job, in the order of the plan, from behind a place in it: ``ordinal``."""
    statement = (
        sa.select(JobFile.ordinal, JobFile.path, JobFile.reason, JobFile.detail)
        .where(JobFile.job_id == job_id, JobFile.outcome == Outcome.FAILED, JobFile.ordinal > after)
        .order_by(JobFile.ordinal)
        .limit(limit)
    )
    with catalog.read() as connection:
        return [dict(row._mapping) for row in connection.execute(statement)]


@dataclass(frozen=True, slots=True)
class PlacedArray:
    """Where an array of some tracks lies: rows of a part, and the track of each."""

    part_id: str
    rows: tuple[int, ...]
    track_ids: tuple[str, ...]


@lasting
def placed_arrays(catalog: Catalog, path: str, version: int, track_id: str | None = None) -> list[PlacedArray]:
    """Find the rows that hold an array, part by part, in a fixed order."""
    statement = (
        sa.select(Placement.part_id, Placement.row, Placement.track_id)
        .join(PartArray, PartArray.part_id == Placement.part_id)
        .where(PartArray.path == path, PartArray.version == version)
        .order_by(Placement.part_id, Placement.row)
    )
    if track_id is not None:
        statement = statement.where(Placement.track_id == track_id)
    with catalog.read() as connection:
        found: dict[str, list[tuple[int, str]]] = {}
        for row in connection.execute(statement):
            found.setdefault(row.part_id, []).append((row.row, row.track_id))
    return [
        PlacedArray(part_id, tuple(r for r, _ in placed), tuple(t for _, t in placed))
        for part_id, placed in found.items()
    ]


@dataclass(frozen=True, slots=True)
class NumberedRows:
    """Rows of a part that hold an array: row, number of the track and its id (16 bytes) of each."""

    part_id: str
    rows: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    ids: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed since a version of the library.

    Attributes
    ----------
    version, numbers : the library's version now, and how many numbers have been given to tracks
    tracks : how many there are now
    touched : numbers of the tracks that are new or have changed
    placed : where the array that was asked for lies, of those of them that have it
    """

    version: int
    numbers: int
    tracks: int
    touched: npt.NDArray[np.int64]
    placed: tuple[NumberedRows, ...]


@lasting
def changes_since(catalog: Catalog, since: int, path: str, array_version: int) -> Changes:
    """Find the tracks that have changed since a version, -1 for all, and where an array of theirs lies."""
    touched = sa.select(Track.id).where(Track.changed > since)
    lies = (
        sa.select(Placement.part_id, Placement.row, Track.number, Track.id)
        .join(PartArray, PartArray.part_id == Placement.part_id)
        .join(Track, Track.id == Placement.track_id)
        .where(PartArray.path == path, PartArray.version == array_version)
    )
    if since >= 0:  # written so, it makes SQLite begin with the few that have changed
        lies = lies.where(Placement.track_id.in_(touched))
    else:
        lies = lies.order_by(Placement.part_id, Placement.row)
    with catalog.read() as connection:
        facts = {row.key: row.value for row in connection.execute(sa.select(Meta.key, Meta.value))}
        rows: Iterable[sa.Row[Any]] = connection.execution_options(yield_per=10_000).execute(lies)
        return Changes(
            version=int(facts["version"]),
            numbers=int(facts["numbers"]),
            placed=tuple(_numbered(rows if since < 0 else sorted(rows))),
            tracks=connection.execute(sa.select(sa.func.count()).select_from(Track)).scalar_one(),
            touched=np.fromiter(connection.execute(touched.with_only_columns(Track.number)).scalars(), dtype=np.int64),
        )


def _numbered(rows: Iterable[sa.Row[Any]]) -> Iterator[NumberedRows]:
    """Make arrays of rows that are in order of their parts, so that few are in memory as objects at a time."""
    for part_id, of_part in itertools.groupby(rows, key=itemgetter(0)):
        _, places, numbers, ids = zip(*of_part, strict=True)
        packed = np.frombuffer(bytes.fromhex("".join(ids)), dtype=np.uint8).reshape(-1, 16)
        yield NumberedRows(part_id, np.array(places), np.array(numbers), packed)


@lasting
def track_numbers(catalog: Catalog, *, where: str | None = None) -> npt.NDArray[np.int64]:
    """Numbers of the tracks that fit an expression, in no order."""
    statement = sa.select(Track.number)
    if where:
        statement = statement.where(compile_where(where))
    with catalog.read() as connection:
        return np.fromiter(connection.execute(statement).scalars(), dtype=np.int64)


@lasting
def parts_with(catalog: Catalog, arrays: Mapping[str, int]) -> set[str]:
    """Parts that hold all of these arrays, given by path and version."""
    statement = sa.select(PartArray.part_id, PartArray.path, PartArray.version).where(PartArray.path.in_(list(arrays)))
    found: dict[str, int] = {}
    with catalog.read() as connection:
        for row in connection.execute(statement):
            found[row.part_id] = found.get(row.part_id, 0) + (arrays[row.path] == row.version)
    return {part_id for part_id, n in found.items() if n == len(arrays)}


@lasting
def placed_paths(catalog: Catalog) -> set[tuple[str, int]]:
    """Path and version of every array that a track has a row of."""
    statement = sa.select(PartArray.path, PartArray.version).distinct()
    with catalog.read() as connection:
        return {(row.path, row.version) for row in connection.execute(statement)}


@dataclass(frozen=True, slots=True)
class TrackFile:
    """A track's file: path and duration, and its size where the file is known."""

    path: str
    duration_s: float | None
    size: int | None


@lasting
def tracks_by_array_set(catalog: Catalog, wanted: Sequence[str]) -> list[tuple[frozenset[str], list[TrackFile]]]:
    """Give the tracks that lack some of the array keys `wanted`, together with those that have the same arrays."""
    statement = sa.select(Track.path, Track.duration_s, File.size).outerjoin(File, File.path == Track.path)
    with catalog.read() as connection:
        lacking = {i: keys for i, keys in _array_sets(connection).items() if not keys.issuperset(wanted)}
        found = {
            i: [TrackFile(*row) for row in connection.execute(statement.where(Track.array_set == i))] for i in lacking
        }
    return [(lacking[i], tracks) for i, tracks in found.items() if tracks]


@lasting
def measured_speed(catalog: Catalog) -> float | None:
    """Give the cost per second that the last job got through which analyzed something; None if none did."""
    analyzed = sa.select(JobFile.ordinal).where(JobFile.job_id == Job.id, JobFile.outcome == Outcome.ANALYZED)
    cost = analyzed.with_only_columns(sa.func.sum(JobFile.cost)).scalar_subquery()
    statement = (
        sa.select(cost / Job.worked_s).where(Job.worked_s > 0, analyzed.exists()).order_by(Job.id.desc()).limit(1)
    )
    with catalog.read() as connection:
        speed = connection.execute(statement).scalar_one_or_none()
    return None if speed is None else float(speed)


@lasting
def stored_rows(
    catalog: Catalog, track_ids: Sequence[str], arrays: Mapping[str, int]
) -> dict[str, dict[str, tuple[str, int]]]:
    """Find where arrays, given by path and version, of some tracks lie: part and row by path, by track."""
    statement = sa.select(Placement.track_id, PartArray.path, PartArray.version, Placement.part_id, Placement.row).join(
        PartArray, PartArray.part_id == Placement.part_id
    )
    found: dict[str, dict[str, tuple[str, int]]] = {}
    with catalog.read() as connection:
        for some in _in_pieces(track_ids):
            chosen = statement.where(Placement.track_id.in_(some), PartArray.path.in_(list(arrays)))
            for row in connection.execute(chosen):
                if arrays[row.path] == row.version:
                    found.setdefault(row.track_id, {})[row.path] = (row.part_id, row.row)
    return found


@lasting
def part_ids(catalog: Catalog) -> set[str]:
    """Every part that a commit has made visible."""
    with catalog.read() as connection:
        return set(connection.execute(sa.select(Part.id)).scalars())


def _in_pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
