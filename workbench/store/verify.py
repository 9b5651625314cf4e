"""Checks that what the catalog says is what the disk holds, and mends the catalog where it is not.

Every committed part must have its arrays with the digests of the commit, and rows that carry the
ids of their tracks; every track must have its arrays, every file its track.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import LibraryDamagedError
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
from workbench.store.catalog.engine import next_version, raise_version
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import ArraySet, File, Part, PartArray, Placement, Track
from workbench.store.commit import enter_array_set


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was committed."""

    part_id: str | None
    track_id: str | None
    what: str


@dataclass(slots=True)
class Verification:
    """The result of `verify`.

    Attributes
    ----------
    parts, arrays, tracks, files : how many were checked
    problems : what was found; empty when all is well
    """

    parts: int = 0
    arrays: int = 0
    tracks: int = 0
    files: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def damaged_parts(self) -> set[str]:
        """Parts that cannot be trusted any more."""
        return {problem.part_id for problem in self.problems if problem.part_id is not None}


@lasting
def verify(catalog: Catalog, parts: PartStore, *, progress: Callable[[int, int], None] | None = None) -> Verification:
    """Check every committed part, track and file.

    Parameters
    ----------
    catalog, parts : Catalog, PartStore
        The library.
    progress : callable, optional
        Called with (arrays checked, arrays in total).
    """
    found = Verification()
    with catalog.read() as connection:
        arrays = connection.execute(sa.select(PartArray.__table__).order_by(PartArray.part_id, PartArray.path)).all()
        found.parts = connection.execute(sa.select(sa.func.count()).select_from(Part)).scalar_one()
        found.tracks = connection.execute(sa.select(sa.func.count()).select_from(Track)).scalar_one()
        found.files = connection.execute(sa.select(sa.func.count()).select_from(File)).scalar_one()
        _check_tracks(connection, found)
        placements: dict[str, list[tuple[int, str]]] = {}
        for row in connection.execute(sa.select(Placement.__table__)):
            placements.setdefault(row.part_id, []).append((row.row, row.track_id))
    for number, array in enumerate(arrays):
        if parts.digest(array.part_id, array.path) != array.digest:
            found.problems.append(Problem(array.part_id, None, f"array {array.path} is not as it was committed"))
        found.arrays += 1
        if progress is not None:
            progress(number + 1, len(arrays))
    for part_id, rows in placements.items():
        _check_rows(parts, part_id, rows, found)
    return found


def _check_rows(parts: PartStore, part_id: str, rows: list[tuple[int, str]], found: Verification) -> None:
    if part_id in found.damaged_parts:
        return
    try:
        ids = [bytes(row).hex() for row in parts.read(part_id, "track_id")]
    except LibraryDamagedError as error:
        found.problems.append(Problem(part_id, None, error.message))
        return
    for row, track_id in rows:
        if row >= len(ids) or ids[row] != track_id:
            found.problems.append(Problem(part_id, track_id, f"row {row} belongs to another track"))


def _check_tracks(connection: Connection, found: Verification) -> None:
    """Every track has exactly the arrays that its array set names; every file's audio is a track."""
    placed: dict[str, set[str]] = {}
    statement = sa.select(Placement.track_id, ArraySet.keys).join(Part, Part.id == Placement.part_id)
    for row in connection.execute(statement.join(ArraySet, ArraySet.id == Part.array_set)):
        placed.setdefault(row.track_id, set()).update(row.keys)
    named = sa.select(Track.id, ArraySet.keys).join(ArraySet, ArraySet.id == Track.array_set)
    for row in connection.execute(named):
        missing = set(row.keys) - placed.get(row.id, set())
        if missing:
            found.problems.append(Problem(None, row.id, f"no part holds {', '.join(sorted(missing))}"))
    lost = sa.select(File.path, File.content_id).outerjoin(Track, Track.id == File.content_id)
    for path, content_id in connection.execute(lost.where(File.reason.is_(None), Track.id.is_(None))):
        found.problems.append(Problem(None, content_id, f"file {path!r} has no track"))


@lasting
def repair(catalog: Catalog, found: Verification) -> int:
    """Forget what cannot be trusted, so that the next analysis makes it again; give the tracks concerned."""
    with catalog.write() as connection:
        hurt = {problem.track_id for problem in found.problems if problem.track_id is not None}
        for part_id in found.damaged_parts:
            hurt.update(connection.execute(sa.select(Placement.track_id).where(Placement.part_id == part_id)).scalars())
            for table in (Placement, PartArray):
                connection.execute(sa.delete(table).where(table.part_id == part_id))
            connection.execute(sa.delete(Part).where(Part.id == part_id))
        for track_id in hurt:
            _forget_arrays(connection, track_id)
        if hurt or found.damaged_parts:
            raise_version(connection)
    return len(hurt)


def _forget_arrays(connection: Connection, track_id: str) -> None:
    """Leave a track the arrays that it still has, or drop it with its files' records."""
    keys: set[str] = set()
    statement = sa.select(ArraySet.keys).join(Part, Part.array_set == ArraySet.id)
    statement = statement.join(Placement, Placement.part_id == Part.id).where(Placement.track_id == track_id)
    for row in connection.execute(statement):
        keys.update(row.keys)
    if keys:
        array_set = enter_array_set(connection, keys)
        connection.execute(
            sa.update(Track).where(Track.id == track_id).values(array_set=array_set, changed=next_version())
        )
    else:
        connection.execute(sa.delete(File).where(File.content_id == track_id))
        connection.execute(sa.delete(Track).where(Track.id == track_id))
