"""Merges small parts into larger ones: new part, commit, and only then may the old ones go.

Thousands of little parts make every reader slow. Parts with the same arrays are merged in order of
their names until a group holds `ROWS` tracks; rows that are no longer in use are left behind.
Values are copied as they are stored, bit for bit. Somebody may still be reading the old parts, so
they are left to `workbench.store.collect`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from workbench.errors import JobError, StorageFullError, WorkbenchError
from workbench.failpoint import failpoint
from workbench.schema import JobState
from workbench.store.arrays import PartRecord, PartStore, part_name
from workbench.store.catalog import Catalog
from workbench.store.catalog.engine import raise_version
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import Part, PartArray, Placement
from workbench.store.collect import collect
from workbench.store.commit import enter_part
from workbench.store.job_entry import Request
from workbench.store.ledger import Ledger

#: A part with so many tracks is large enough.
ROWS = 1024
#: So many parts to merge are worth it.
MANY = 32
#: Nobody reads a part for longer than this after it was merged away, seconds.
UNUSED_FOR_S = 3600.0


def compact(catalog: Catalog, parts: PartStore, *, rows: int = ROWS, lease_s: float = 3600.0) -> int:
    """Merge small parts; give how many were merged away.

    Parameters
    ----------
    catalog, parts : Catalog, PartStore
        The library.
    rows : int
        A part with so many tracks in use is left as it is.
    lease_s : float
        For how long `collect` must leave the new parts alone, seconds.
    """
    ledger = Ledger(catalog)
    merged = 0
    groups = list(_groups(catalog, rows))
    if not groups:
        return 0
    request = Request(("compact",))
    killed = ledger.unfinished(request)
    job = ledger.acquire(killed, lease_s=lease_s) if killed else ledger.create(request, lease_s=lease_s)
    try:
        for group in groups:
            merged += _merge(catalog, parts, job.job_id, group)
    except BaseException:  # an interrupt too: the next compaction can begin at once
        with contextlib.suppress(WorkbenchError):
            ledger.finish(job, JobState.INTERRUPTED)
        raise
    ledger.finish(job, JobState.DONE, f"{merged} parts merged")
    return merged


def _merge(catalog: Catalog, parts: PartStore, job_id: int, group: Sequence[str]) -> int:
    used = _rows_in_use(catalog, group)
    record = parts.merge(part_name(job_id, "compact"), used)
    failpoint("compaction-written")
    if not _swap(catalog, record, used):
        parts.remove(record.part_id)
        return 0
    failpoint("compaction-committed")
    for part_id in group:
        parts.touch(part_id)
    return len(group)


def keep_house(catalog: Catalog, parts: PartStore) -> None:
    """Merge once there are `MANY` small parts, seldom enough to cost little, and clear away what is long unused.

    It may wait: where another process merges already, or the disk is full, nothing is merged.
    """
    if sum(len(group) for group in _groups(catalog, ROWS)) >= MANY:
        with contextlib.suppress(JobError, StorageFullError):
            compact(catalog, parts)
    collect(catalog, parts, unused_for_s=UNUSED_FOR_S)


@lasting
def _small(catalog: Catalog, rows: int) -> list[tuple[str, str, int]]:
    """Give the parts with few rows in use: id, array set and rows in use, those of one array set together."""
    statement = (
        sa.select(Part.id, Part.array_set, sa.func.count(Placement.row).label("used"))
        .join(Placement, Placement.part_id == Part.id)
        .group_by(Part.id, Part.array_set)
        .having(sa.func.count(Placement.row) < rows)
        .order_by(Part.array_set, Part.id)
    )
    with catalog.read() as connection:
        return [(row[0], row[1], row[2]) for row in connection.execute(statement)]


def _groups(catalog: Catalog, rows: int) -> Iterator[list[str]]:
    """Parts to merge: of one array set, small, at least two at a time."""
    group: list[str] = []
    size, array_set = 0, ""
    for part_id, of_part, used in _small(catalog, rows):
        if of_part != array_set or size + used > rows:
            if len(group) > 1:
                yield group
            group, size, array_set = [], 0, of_part
        group.append(part_id)
        size += used
    if len(group) > 1:
        yield group


Used = dict[str, list[tuple[int, str]]]


@lasting
def _rows_in_use(catalog: Catalog, group: Sequence[str]) -> Used:
    statement = sa.select(Placement.__table__).where(Placement.part_id.in_(group))
    used: Used = {part_id: [] for part_id in group}
    with catalog.read() as connection:
        for row in connection.execute(statement.order_by(Placement.part_id, Placement.row)):
            used[row.part_id].append((row.row, row.track_id))
    return used


@lasting
def _swap(catalog: Catalog, record: PartRecord, used: Used) -> bool:
    """Put the new part in the place of the old ones, unless their rows have changed in the meantime."""
    with catalog.write() as connection:
        for part_id, rows in used.items():
            now = connection.execute(
                sa.select(Placement.row, Placement.track_id).where(Placement.part_id == part_id).order_by(Placement.row)
            ).all()
            if [tuple(row) for row in now] != rows:
                return False
        for part_id in used:
            for table in (Placement, PartArray):
                connection.execute(sa.delete(table).where(table.part_id == part_id))
            connection.execute(sa.delete(Part).where(Part.id == part_id))
        enter_part(connection, record, dict(enumerate(record.tracks)))
        raise_version(connection)
    return True
