"""The batches of a job's plan: leased, tried again, split, given up; see `workbench.store.ledger`.

Every function runs inside a transaction of its caller.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import FenceLostError, Outcome, Reason
from workbench.store.catalog.engine import upsert
from workbench.store.catalog.models import Batch, File, Job, JobFile
from workbench.store.job_entry import JobLease
from workbench.store.records import WorkFile

MAX_ATTEMPTS = 3


class BatchState(StrEnum):
    """Where a batch stands."""

    PENDING = "pending"
    LEASED = "leased"
    DONE = "done"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class BatchLease:
    """The right to commit one batch, valid while its fence stands."""

    job: JobLease
    batch_id: int
    fence: int
    attempts: int
    files: tuple[WorkFile, ...]


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file as the plan found it: it needs work, unless its outcome is known already."""

    path: str
    size: int
    mtime_ns: int
    cost: float
    outcome: Outcome | None = None
    reason: Reason | None = None
    detail: str | None = None
    content_id: str | None = None


def held_batch(connection: Connection, lease: BatchLease) -> sa.Row[Any]:
    """Check inside a write transaction that a batch is still this attempt's.

    Raises
    ------
    FenceLostError
        When another attempt has it, or had it and finished.
    """
    batch = connection.execute(
        sa.select(Batch.__table__, Job.fence.label("job_fence"))
        .join(Job, Job.id == Batch.job_id)
        .where(Batch.id == lease.batch_id)
    ).one()
    if (batch.fence, batch.state, batch.job_fence) != (lease.fence, BatchState.LEASED, lease.job.fence):
        raise FenceLostError(
            f"Batch {lease.batch_id} of job {lease.job.job_id} has been taken over.", "Its new owner commits it."
        )
    return batch


def release_batches(connection: Connection, job_id: int) -> None:
    """Hand back what a driver had leased; that was no attempt."""
    connection.execute(
        sa.update(Batch)
        .where(Batch.job_id == job_id, Batch.state == BatchState.LEASED)
        .values(state=BatchState.PENDING, attempts=Batch.attempts - 1)
    )


def has_plan(connection: Connection, job_id: int) -> bool:
    """Tell whether any file of a job has been planned."""
    return connection.execute(sa.select(JobFile.ordinal).where(JobFile.job_id == job_id).limit(1)).first() is not None


def forget_plan(connection: Connection, job_id: int) -> None:
    """Take a plan back that is not complete."""
    connection.execute(sa.delete(JobFile).where(JobFile.job_id == job_id))
    connection.execute(sa.delete(Batch).where(Batch.job_id == job_id))


def requeue(connection: Connection, batch: sa.Row[Any], *, one_by_one: bool, reason: Reason) -> list[str]:
    """Put a lost batch back: as it is, file by file, or give its only file up. Gives the paths given up."""
    files = files_of(connection, batch.id)
    if len(files) == 1 and batch.attempts >= MAX_ATTEMPTS:
        _quarantine(connection, batch, files[0], reason)
        return [files[0].path]
    state = BatchState.PENDING
    if len(files) > 1 and one_by_one:
        state = BatchState.SPLIT
        for file in files:
            alone = insert_batch(connection, batch.job_id, file.cost, attempts=1)
            connection.execute(
                sa.update(JobFile)
                .where(JobFile.job_id == batch.job_id, JobFile.ordinal == file.ordinal)
                .values(batch_id=alone)
            )
    connection.execute(sa.update(Batch).where(Batch.id == batch.id).values(state=state))
    return []


def _quarantine(connection: Connection, batch: sa.Row[Any], file: WorkFile, reason: Reason) -> None:
    detail = f"{batch.attempts} attempts ended with the worker's death"
    failed = {"reason": reason, "detail": detail}
    connection.execute(
        sa.update(JobFile)
        .where(JobFile.job_id == batch.job_id, JobFile.ordinal == file.ordinal)
        .values(outcome=Outcome.FAILED, **failed)
    )
    connection.execute(sa.update(Batch).where(Batch.id == batch.id).values(state=BatchState.DONE))
    try:
        stat = os.stat(file.path)
    except OSError:
        return  # gone in the meantime: the job's record has the outcome, there is no file to remember
    seen = {"path": file.path, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "content_id": None, **failed}
    upsert(connection, File, [seen], key="path", update=("size", "mtime_ns", "content_id", "reason", "detail"))


def insert_batch(connection: Connection, job_id: int, cost: float, *, attempts: int) -> int:
    """Enter a batch that waits; gives its number."""
    return connection.execute(
        sa.insert(Batch)
        .values(job_id=job_id, state=BatchState.PENDING, fence=0, attempts=attempts, cost=cost)
        .returning(Batch.id)
    ).scalar_one()


def files_of(connection: Connection, batch_id: int) -> tuple[WorkFile, ...]:
    """Give the files of a batch that have no outcome yet."""
    rows = connection.execute(
        sa.select(JobFile.ordinal, JobFile.path, JobFile.cost)
        .where(JobFile.batch_id == batch_id, JobFile.outcome.is_(None))
        .order_by(JobFile.ordinal)
    )
    return tuple(WorkFile(row.ordinal, row.path, row.cost) for row in rows)
