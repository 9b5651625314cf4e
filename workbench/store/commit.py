"""The one transaction at which a batch becomes visible.

`commit_batch` checks the fence and then enters parts, tracks, files and outcomes together: either
all of a batch is there, or nothing of it. Everything before it (arrays on the disk) is invisible,
everything after it (events, caches) may be lost.

What another job committed while this batch was being analyzed is respected: audio that is in the
catalog by now is entered as a duplicate, and its row of the new part stays unused.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import Outcome, Reason
from workbench.failpoint import failpoint
from workbench.store.arrays import PartRecord
from workbench.store.batches import BatchLease, BatchState, held_batch
from workbench.store.catalog import Catalog
from workbench.store.catalog.engine import next_version, raise_version, take_numbers, upsert
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import ArraySet, Batch, File, JobFile, Part, PartArray, Placement, Track
from workbench.store.records import Analysis

_TAGS = ("title", "artist", "album", "genre", "date", "track_number")


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file of a batch.

    Attributes
    ----------
    ordinal, path, size, mtime_ns : the file, as it was when it was read
    outcome : the one outcome of the file
    content_id : id of its audio; None where the file failed before it was known
    reason, detail : why it failed
    tags : title, artist and so on, where they were read
    analysis : for an analyzed file
    moved_from : former path of the same file, which is no longer there
    """

    ordinal: int
    path: str
    size: int
    mtime_ns: int
    outcome: Outcome
    content_id: str | None = None
    reason: Reason | None = None
    detail: str | None = None
    tags: Mapping[str, str | None] | None = None
    analysis: Analysis | None = None
    moved_from: str | None = None


@lasting
def commit_batch(
    catalog: Catalog, lease: BatchLease, results: Sequence[FileResult], parts: Sequence[PartRecord] = ()
) -> None:
    """Make a batch visible: check the fence, then enter everything in one transaction.

    Raises
    ------
    FenceLostError
        When another attempt has taken the batch over; nothing is entered.
    """
    with catalog.write() as connection:
        held_batch(connection, lease)
        failpoint("commit-begun")
        results = _enter_tracks(connection, results, parts)
        _relink_tracks(connection, results)
        _enter_files(connection, results)
        connection.execute(
            sa.update(JobFile)
            .where(JobFile.job_id == lease.job.job_id, JobFile.ordinal == sa.bindparam("ordinal_"))
            .values({name: sa.bindparam(name + "_") for name in ("outcome", "reason", "detail", "content_id")}),
            [
                {
                    "ordinal_": r.ordinal,
                    "outcome_": r.outcome,
                    "reason_": r.reason,
                    "detail_": r.detail,
                    "content_id_": r.content_id,
                }
                for r in results
            ],
        )
        connection.execute(sa.update(Batch).where(Batch.id == lease.batch_id).values(state=BatchState.DONE))
        raise_version(connection)
        failpoint("commit-written")
    failpoint("committed")


def array_keys(part: PartRecord) -> frozenset[str]:
    """Keys (path@version) of the arrays of a part."""
    return frozenset(f"{path}@{version}" for path, (version, _) in part.arrays.items())


def enter_array_set(connection: Connection, keys: Iterable[str]) -> str:
    """Enter a set of array keys, if it is new, and give its id."""
    ordered = sorted(keys)
    set_id = hashlib.blake2b("\n".join(ordered).encode(), digest_size=16).hexdigest()
    upsert(connection, ArraySet, [{"id": set_id, "keys": ordered}], key="id")
    return set_id


def enter_part(connection: Connection, part: PartRecord, rows: Mapping[int, str]) -> None:
    """Enter a part, with the rows that are in use and the track of each."""
    connection.execute(
        sa.insert(Part).values(
            id=part.part_id,
            array_set=enter_array_set(connection, array_keys(part)),
            n_tracks=len(part.tracks),
            n_bytes=part.n_bytes,
            created_at=time.time(),
        )
    )
    connection.execute(
        sa.insert(PartArray),
        [
            {"part_id": part.part_id, "path": path, "version": version, "digest": digest}
            for path, (version, digest) in part.arrays.items()
        ],
    )
    connection.execute(
        sa.insert(Placement),
        [{"part_id": part.part_id, "row": row, "track_id": track} for row, track in rows.items()],
    )


def _enter_tracks(
    connection: Connection, results: Sequence[FileResult], parts: Sequence[PartRecord]
) -> list[FileResult]:
    """Enter the analyzed tracks and their parts; give the results with races between jobs settled."""
    settled = list(results)
    index = {r.content_id: i for i, r in enumerate(results) if r.outcome is Outcome.ANALYZED}
    stored = _stored_keys(connection, [c for c in index if c is not None])
    new = [track for part in parts for track in part.tracks if track not in stored]
    numbers = dict(zip(new, take_numbers(connection, len(new)), strict=True))
    for part in parts:
        keys = array_keys(part)
        rows: dict[int, str] = {}
        for row, content_id in enumerate(part.tracks):
            i = index[content_id]
            if content_id in stored and keys <= stored[content_id][1]:
                same = stored[content_id][0] == settled[i].path
                settled[i] = replace(settled[i], outcome=Outcome.UNCHANGED if same else Outcome.DUPLICATE)
                continue
            known = stored[content_id][1] if content_id in stored else frozenset()
            array_set = enter_array_set(connection, keys | known)
            _enter_track(connection, settled[i], array_set, numbers.get(content_id))
            rows[row] = content_id
        if rows:
            enter_part(connection, part, rows)
    return settled


def _enter_track(connection: Connection, result: FileResult, array_set: str, number: int | None) -> None:
    """Enter a new track, which has a number, or what is new of one."""
    assert result.analysis is not None, "an analyzed file has one, by construction"
    values: dict[str, Any] = {"array_set": array_set, "changed": next_version(), **result.analysis.columns}
    if result.analysis.source is not None:
        values |= asdict(result.analysis.source) | {"flags": list(result.analysis.source.flags)}
    if number is None:
        connection.execute(sa.update(Track).where(Track.id == result.content_id).values(**values))
        return
    tags = {name: (result.tags or {}).get(name) for name in _TAGS}
    connection.execute(sa.insert(Track).values(id=result.content_id, number=number, path=result.path, **tags, **values))


def _relink_tracks(connection: Connection, results: Sequence[FileResult]) -> None:
    """Follow files that were moved or retagged."""
    for result in results:
        if result.outcome is Outcome.FAILED or result.content_id is None:
            continue
        if result.moved_from is not None:
            connection.execute(
                sa.update(Track).where(Track.id == result.content_id).values(path=result.path, changed=next_version())
            )
        if result.tags is not None:
            connection.execute(
                sa.update(Track)
                .where(Track.id == result.content_id, Track.path == result.path)
                .values({name: result.tags.get(name) for name in _TAGS} | {"changed": next_version()})
            )


def _enter_files(connection: Connection, results: Sequence[FileResult]) -> None:
    """Remember the files as they were seen; drop tracks whose last file now holds other audio.

    A file that cannot be reached for the moment, as on a mount that is gone, holds what it held.
    """
    if not results:
        return
    former = [r.moved_from for r in results if r.moved_from is not None]
    connection.execute(sa.delete(File).where(File.path.in_(former)))
    found = connection.execute(
        sa.select(File.path, File.content_id).where(
            File.path.in_([r.path for r in results]), File.content_id.is_not(None)
        )
    )
    before: dict[str, str] = {row.path: row.content_id for row in found}
    now = {
        r.path: before.get(r.path, r.content_id) if r.reason is not None and r.reason.transient else r.content_id
        for r in results
    }
    rows = [
        {
            "path": r.path,
            "size": r.size,
            "mtime_ns": r.mtime_ns,
            "content_id": now[r.path],
            "reason": r.reason,
            "detail": r.detail,
        }
        for r in results
    ]
    upsert(connection, File, rows, key="path", update=("size", "mtime_ns", "content_id", "reason", "detail"))
    for content_id in {was for path, was in before.items() if now[path] != was}:
        other = connection.execute(
            sa.select(File.path)
            .where(File.content_id == content_id, File.reason.is_(None))
            .order_by(File.path)
            .limit(1)
        ).scalar_one_or_none()
        if other is not None:
            connection.execute(
                sa.update(Track).where(Track.id == content_id).values(path=other, changed=next_version())
            )
        else:
            connection.execute(sa.delete(Placement).where(Placement.track_id == content_id))
            connection.execute(sa.delete(Track).where(Track.id == content_id))


def _stored_keys(connection: Connection, content_ids: Sequence[str]) -> dict[str, tuple[str, frozenset[str]]]:
    rows = connection.execute(
        sa.select(Track.id, Track.path, ArraySet.keys)
        .join(ArraySet, ArraySet.id == Track.array_set)
        .where(Track.id.in_(content_ids))
    )
    return {row.id: (row.path, frozenset(row.keys)) for row in rows}
