"""The durable record of jobs: their files, batches, leases and outcomes.

* A *job* waits in the queue (`Ledger.submit`), or begins at once (`Ledger.create`). Whoever drives it has a lease
  that it renews; a job whose lease ran out, or whose driver is dead, waits again (`Ledger.line`).
* A job belongs to one driver at a time. `Ledger.acquire` and `Ledger.cancel` raise the job's fence and hand back
  every batch that the former driver held, so that nothing a stale driver does later is accepted.
* A *batch* is leased before work on it starts, and its attempt counter rises in that very
  transaction. An attempt that is lost (its worker died, or its driver) leaves a trace: a batch of
  many files is then tried file by file, so that a file that kills is found by name, and a file that
  was lost alone `MAX_ATTEMPTS` times is given up (`Reason.WORKER_DIED`, `Reason.TIMEOUT`).
* Progress is a COUNT of outcomes, never a running sum. The driver leaves its last count in the job's row
  (`Ledger.renew`), so that looking at a job costs the same however many files it has; the count that stays behind
  when a job ends is made in the transaction that ends it.
* ``seq`` of a job rises in every transaction that changes what is to be seen of it, whichever process that is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import FenceLostError, JobError, LimitError, NotFoundError, Outcome, Reason
from workbench.failpoint import failpoint
from workbench.schema import JobState
from workbench.store.batches import (
    MAX_ATTEMPTS,
    BatchLease,
    BatchState,
    PlannedFile,
    files_of,
    forget_plan,
    has_plan,
    held_batch,
    insert_batch,
    release_batches,
    requeue,
)
from workbench.store.catalog import Catalog
from workbench.store.catalog.engine import change_answers, upsert
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import Batch, File, Job, JobFile
from workbench.store.job_entry import (
    AT_WORK,
    UNFINISHED,
    Counts,
    JobLease,
    Request,
    Waiting,
    owner_is_dead,
    this_process,
)

#: Costs of batches that differ by less do not matter for which of them comes first.
_ALIKE = 300.0

_SEEN = ("size", "mtime_ns")


class Ledger:
    """The jobs in a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # --- a job's life -----------------------------------------------------------------------------

    @lasting
    def submit(self, request: Request, submitted_by: str, *, most_jobs: int | None = None) -> int:
        """Put a new job into the queue, and give its number; its files are looked for when it is taken up.

        Raises
        ------
        LimitError
            When the same person has `most_jobs` jobs that are not finished.
        """
        unfinished = sa.select(sa.func.count()).select_from(Job)
        unfinished = unfinished.where(Job.submitted_by == submitted_by, Job.state.in_(UNFINISHED))
        with self._catalog.write() as connection:
            if most_jobs is not None and connection.execute(unfinished).scalar_one() >= most_jobs:
                raise LimitError(
                    f"{submitted_by!r} has {most_jobs} jobs that are not finished, as many as are allowed.",
                    "Wait for one of them or cancel one, or raise WORKBENCH_MOST_JOBS.",
                )
            return _insert_job(connection, request, submitted_by, state=JobState.QUEUED, fence=0)

    @lasting
    def create(self, request: Request, *, lease_s: float, submitted_by: str | None = None) -> JobLease:
        """Enter a new job, owned by this process; nobody has submitted what the library does of its own."""
        now = time.time()
        with self._catalog.write() as connection:
            job_id = _insert_job(
                connection,
                request,
                submitted_by,
                state=JobState.PLANNING,
                fence=1,
                owner=this_process(),
                lease_until=now + lease_s,
                started_at=now,
            )
        failpoint("job-created")
        return JobLease(job_id, 1, lease_s)

    @lasting
    def unfinished(self, request: Request) -> int | None:
        """Find the newest job with the same request that was started and not finished."""
        with self._catalog.read() as connection:
            return connection.execute(
                sa.select(Job.id)
                .where(Job.request_key == request.key)
                .where(Job.state.in_([*UNFINISHED, JobState.INTERRUPTED]))
                .order_by(Job.id.desc())
                .limit(1)
            ).scalar_one_or_none()

    @lasting
    def line(self) -> list[Waiting]:
        """Give the jobs to be taken up next: of each submitter the oldest, and all whose driver is gone.

        Those come first of whom the fewest jobs are at work, in the whole catalog.
        """
        now = time.time()
        columns = (Job.id, Job.fence, Job.submitted_by, Job.owner, Job.lease_until)
        due = sa.or_(Job.lease_until.is_(None), Job.lease_until <= now)
        oldest = (
            sa.select(sa.func.min(Job.id))
            .where(Job.state == JobState.QUEUED, Job.submitted_by.is_not(None), due)
            .group_by(Job.submitted_by)
        )
        with self._catalog.read() as connection:
            begun = connection.execute(
                sa.select(*columns).where(Job.state.in_(AT_WORK), Job.submitted_by.is_not(None))
            ).all()
            queued = connection.execute(sa.select(*columns).where(Job.id.in_(oldest))).all()
        lost = [job for job in begun if not _is_driven(job, now)]
        at_work = Counter(job.submitted_by for job in begun if _is_driven(job, now))
        waiting = [Waiting(job.id, job.fence, job.submitted_by) for job in (*lost, *queued)]
        return sorted(waiting, key=lambda job: (at_work[job.submitted_by], job.job_id))

    @lasting
    def acquire(self, job_id: int, *, lease_s: float, seen: Waiting | None = None) -> JobLease:
        """Take up a job that waits, or one from a driver that is gone.

        Parameters
        ----------
        job_id : int
        lease_s : float
            For how long a sign of life is good, seconds.
        seen : Waiting, optional
            The job as it stood in the line: it is taken only if nobody has been faster.

        Raises
        ------
        NotFoundError
            When there is no such job.
        JobError
            When another driver works on it, or was faster.
        """
        now = time.time()
        with self._catalog.write() as connection:
            job = self._row(connection, job_id)
            if (job.state in AT_WORK and _is_driven(job, now)) or (seen is not None and seen.fence != job.fence):
                raise JobError(
                    f"Job {job_id} is being worked on by process {job.owner['pid']} on {job.owner['host']}."
                    if job.owner
                    else f"Job {job_id} has been cancelled.",
                    "Wait for it, or cancel it first.",
                )
            fence = job.fence + 1
            planned = job.state != JobState.PLANNING and has_plan(connection, job_id)
            state = JobState.RUNNING if planned else JobState.PLANNING
            _update_job(
                connection,
                job_id,
                fence=fence,
                state=state,
                owner=this_process(),
                lease_until=now + lease_s,
                started_at=sa.func.coalesce(Job.started_at, now),
                finished_at=None,
                message=None,
            )
            stale = connection.execute(
                sa.select(Batch).where(Batch.job_id == job_id, Batch.state == BatchState.LEASED).order_by(Batch.id)
            ).all()
            for batch in stale:
                requeue(connection, batch, one_by_one=batch.attempts >= 2, reason=Reason.WORKER_DIED)
        return JobLease(job_id, fence, lease_s)

    @lasting
    def renew(self, job: JobLease, *, worked_s: float, progress: Mapping[str, Any] | None = None) -> JobState:
        """Show a sign of life, and how far the job is; give its state, which a cancel may have changed.

        Raises
        ------
        FenceLostError
            When another driver has taken the job over.
        """
        with self._catalog.write() as connection:
            row = self._row(connection, job.job_id)
            if row.state == JobState.CANCELLED:
                return JobState.CANCELLED
            self._held(connection, job)
            values = {"lease_until": time.time() + job.lease_s, "worked_s": Job.worked_s + worked_s}
            if progress is not None:
                values |= {"progress": dict(progress), "seq": Job.seq + 1}
            connection.execute(sa.update(Job).where(Job.id == job.job_id).values(values))
        return JobState(row.state)

    @lasting
    def finish(self, job: JobLease, state: JobState, message: str | None = None) -> Counts:
        """Say how the job ended, and give the outcomes; a plan that is not complete is forgotten."""
        with self._catalog.write() as connection:
            row = self._held(connection, job)
            if row.state == JobState.PLANNING:
                forget_plan(connection, job.job_id)
            counts = _count(connection, job.job_id)
            ended = {"state": state, "message": message, "lease_until": None, "progress": counts.summary()}
            _update_job(connection, job.job_id, finished_at=time.time(), **ended)
        return counts

    @lasting
    def let_go(
        self,
        job: JobLease,
        state: JobState = JobState.INTERRUPTED,
        message: str | None = None,
        *,
        wait_s: float = 0.0,
    ) -> None:
        """Stop working on a job that has not ended; its batches go back through no fault of their files.

        Parameters
        ----------
        job : JobLease
        state : JobState
            ``INTERRUPTED``, until somebody resumes it, or ``QUEUED``, for anybody to go on with.
        message : str, optional
            Why, if something went wrong.
        wait_s : float
            In the queue, leave it alone for so long, seconds.
        """
        with self._catalog.write() as connection:
            row = self._held(connection, job)
            if JobState(row.state).finished:
                return
            if row.state == JobState.PLANNING:
                forget_plan(connection, job.job_id)
            release_batches(connection, job.job_id)
            _update_job(
                connection,
                job.job_id,
                state=state,
                message=message,
                lease_until=time.time() + wait_s,
                progress=_count(connection, job.job_id).summary(),
            )

    @lasting
    def cancel(self, job_id: int) -> None:
        """Stop a job, whoever works on it. What it has committed stays; `acquire` or `requeue` makes it go on.

        The driver has lost the job with this very transaction: nothing is committed afterwards. A plan that is not
        complete is forgotten: it would otherwise look like a whole one.
        """
        with self._catalog.write() as connection:
            job = self._row(connection, job_id)
            if JobState(job.state).finished:
                return
            if job.state == JobState.PLANNING:
                forget_plan(connection, job_id)
            release_batches(connection, job_id)
            _update_job(
                connection,
                job_id,
                state=JobState.CANCELLED,
                fence=job.fence + 1,
                owner=None,
                finished_at=time.time(),
                lease_until=None,
                progress=_count(connection, job_id).summary(),
            )

    @lasting
    def requeue(self, job_id: int) -> None:
        """Let a job that was cancelled, interrupted or has failed go on, by whoever takes it up."""
        with self._catalog.write() as connection:
            job = self._row(connection, job_id)
            if job.state in (JobState.CANCELLED, JobState.INTERRUPTED, JobState.FAILED):
                waits = {"state": JobState.QUEUED, "finished_at": None, "lease_until": None, "message": None}
                _update_job(connection, job_id, **waits)

    @lasting
    def job(self, job_id: int) -> dict[str, Any]:
        """One job, ready for JSON."""
        with self._catalog.read() as connection:
            row = self._row(connection, job_id)
        return dict(row._mapping)

    @lasting
    def jobs(self) -> list[dict[str, Any]]:
        """All jobs, newest first."""
        with self._catalog.read() as connection:
            return [dict(row._mapping) for row in connection.execute(sa.select(Job).order_by(Job.id.desc()))]

    @lasting
    def page(
        self, *, submitted_by: str | None = None, state: JobState | None = None, before: int | None = None, limit: int
    ) -> list[dict[str, Any]]:
        """Give what is to be seen of submitted jobs, newest first."""
        statement = sa.select(*_TO_BE_SEEN).where(Job.submitted_by.is_not(None)).order_by(Job.id.desc()).limit(limit)
        if submitted_by is not None:
            statement = statement.where(Job.submitted_by == submitted_by)
        if state is not None:
            statement = statement.where(Job.state == state)
        if before is not None:
            statement = statement.where(Job.id < before)
        with self._catalog.read() as connection:
            return [dict(row._mapping) for row in connection.execute(statement)]

    @lasting
    def looked_at(self, job_ids: Collection[int]) -> list[dict[str, Any]]:
        """Give what is to be seen of some jobs; nothing of those that there are not."""
        with self._catalog.read() as connection:
            rows = connection.execute(sa.select(*_TO_BE_SEEN).where(Job.id.in_(job_ids)))
            return [dict(row._mapping) for row in rows]

    @lasting
    def idle(self) -> bool:
        """Tell whether no job is at work or waits for it."""
        busy = sa.select(Job.id).where(Job.state.in_(UNFINISHED)).limit(1)
        with self._catalog.read() as connection:
            return connection.execute(busy).first() is None

    @lasting
    def files_to_do(self, submitted_by: str, *, besides: int) -> int:
        """How many files without an outcome the unfinished jobs of a submitter hold, one job left out."""
        with self._catalog.read() as connection:
            return connection.execute(
                sa.select(sa.func.count())
                .select_from(JobFile)
                .join(Job, Job.id == JobFile.job_id)
                .where(Job.submitted_by == submitted_by, Job.state.in_(UNFINISHED), Job.id != besides)
                .where(JobFile.outcome.is_(None))
            ).scalar_one()

    # --- planning ---------------------------------------------------------------------------------

    @lasting
    def clear_plan(self, job: JobLease) -> None:
        """Forget a plan that was cut short."""
        with self._catalog.write() as connection:
            self._held(connection, job)
            forget_plan(connection, job.job_id)

    @lasting
    def add_files(self, job: JobLease, first_ordinal: int, files: Sequence[PlannedFile]) -> None:
        """Enter files into the plan, in their order; remember those that could not even be looked at."""
        rows = [{"job_id": job.job_id, "ordinal": first_ordinal + i, **asdict(file)} for i, file in enumerate(files)]
        unreadable = [
            {name: row[name] for name in ("path", "size", "mtime_ns", "reason", "detail")}
            for row in rows
            if row["outcome"] is Outcome.FAILED
        ]
        with self._catalog.write() as connection:
            self._held(connection, job)
            connection.execute(sa.insert(JobFile), [{k: v for k, v in row.items() if k not in _SEEN} for row in rows])
            upsert(connection, File, unreadable, key="path", update=(*_SEEN, "reason", "detail"))
            if unreadable:
                change_answers(connection)  # a file that held a track may not any more

    @lasting
    def add_batches(self, job: JobLease, batches: Sequence[tuple[int, int, float]]) -> None:
        """Cut the plan into batches and start the job.

        Parameters
        ----------
        job : JobLease
            The right to do so.
        batches : sequence of (first ordinal, last ordinal, cost)
            In the order in which they are to be begun. Files between them that have an outcome already are left out.
        """
        with self._catalog.write() as connection:
            self._held(connection, job)
            for first, last, cost in batches:
                batch_id = insert_batch(connection, job.job_id, cost, attempts=0)
                connection.execute(
                    sa.update(JobFile)
                    .where(
                        JobFile.job_id == job.job_id, JobFile.ordinal.between(first, last), JobFile.outcome.is_(None)
                    )
                    .values(batch_id=batch_id)
                )
            _update_job(
                connection,
                job.job_id,
                state=JobState.RUNNING,
                progress=_count(connection, job.job_id).summary(),
            )
        failpoint("job-planned")

    @lasting
    def to_do(self, job_id: int) -> list[tuple[int, float]]:
        """Ordinal and cost of every file of the plan that has no outcome yet, in order."""
        with self._catalog.read() as connection:
            rows = connection.execute(
                sa.select(JobFile.ordinal, JobFile.cost)
                .where(JobFile.job_id == job_id, JobFile.outcome.is_(None))
                .order_by(JobFile.ordinal)
            )
            return [(row.ordinal, row.cost) for row in rows]

    # --- batches ----------------------------------------------------------------------------------

    @lasting
    def lease_batch(self, job: JobLease, *, last_attempts: bool = True) -> BatchLease | None:
        """Lease the costliest batch that waits, so that no long one is left for the end; of equals, the first.

        Parameters
        ----------
        job : JobLease
            The right to do so.
        last_attempts : bool
            False leaves out batches that are given up if they are lost once more; they come last.
        """
        last_attempt = Batch.attempts >= MAX_ATTEMPTS - 1
        waiting = sa.select(Batch).where(Batch.job_id == job.job_id, Batch.state == BatchState.PENDING)
        if not last_attempts:
            waiting = waiting.where(~last_attempt)
        with self._catalog.write() as connection:
            self._held(connection, job)
            batch = connection.execute(
                waiting.order_by(last_attempt, sa.cast(Batch.cost / _ALIKE, sa.Integer).desc(), Batch.id).limit(1)
            ).one_or_none()
            if batch is None:
                return None
            fence, attempts = batch.fence + 1, batch.attempts + 1
            connection.execute(
                sa.update(Batch)
                .where(Batch.id == batch.id)
                .values(state=BatchState.LEASED, fence=fence, attempts=attempts)
            )
            files = files_of(connection, batch.id)
        failpoint("batch-leased")
        return BatchLease(job, batch.id, fence, attempts, files)

    @lasting
    def waiting(self, job_id: int) -> int:
        """How many batches of a job wait for work."""
        with self._catalog.read() as connection:
            return connection.execute(
                sa.select(sa.func.count())
                .select_from(Batch)
                .where(Batch.job_id == job_id, Batch.state == BatchState.PENDING)
            ).scalar_one()

    @lasting
    def batch_lost(self, lease: BatchLease, *, reason: Reason) -> list[str]:
        """Take back a batch whose worker died, and give the paths of the files that are given up for it."""
        with self._catalog.write() as connection:
            batch = held_batch(connection, lease)
            return requeue(connection, batch, one_by_one=True, reason=reason)

    @lasting
    def counts(self, job_id: int) -> Counts:
        """Count the outcomes of a job."""
        with self._catalog.read() as connection:
            return _count(connection, job_id)

    @lasting
    def reasons(self, job_id: int) -> dict[str, int]:
        """How many files of a job failed, by reason."""
        with self._catalog.read() as connection:
            rows = connection.execute(
                sa.select(JobFile.reason, sa.func.count())
                .where(JobFile.job_id == job_id, JobFile.outcome == Outcome.FAILED)
                .group_by(JobFile.reason)
                .order_by(sa.func.count().desc(), JobFile.reason)
            )
            return {str(reason): count for reason, count in rows}

    # --- checks -----------------------------------------------------------------------------------

    def _row(self, connection: Connection, job_id: int) -> sa.Row[Any]:
        row = connection.execute(sa.select(Job.__table__).where(Job.id == job_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"There is no job {job_id}.", "`workbench jobs` lists the jobs of the library.")
        return row

    def _held(self, connection: Connection, job: JobLease) -> sa.Row[Any]:
        row = self._row(connection, job.job_id)
        if row.fence != job.fence:
            raise FenceLostError(f"Job {job.job_id} has been taken over by another process.", "It goes on there.")
        return row


#: Columns that tell how a job stands; its request may be long.
_TO_BE_SEEN = (
    Job.id,
    Job.state,
    Job.seq,
    Job.progress,
    Job.submitted_by,
    Job.created_at,
    Job.started_at,
    Job.finished_at,
    Job.message,
)


def _insert_job(connection: Connection, request: Request, submitted_by: str | None, **values: Any) -> int:
    return connection.execute(
        sa.insert(Job)
        .values(
            request=asdict(request),
            request_key=request.key,
            submitted_by=submitted_by,
            created_at=time.time(),
            worked_s=0.0,
            seq=1,
            **values,
        )
        .returning(Job.id)
    ).scalar_one()


def _update_job(connection: Connection, job_id: int, **values: Any) -> None:
    """Change what is to be seen of a job."""
    connection.execute(sa.update(Job).where(Job.id == job_id).values(seq=Job.seq + 1, **values))


def _is_driven(job: sa.Row[Any], now: float) -> bool:
    """Tell whether a job that is at work has a driver that lives."""
    return bool(job.lease_until is not None and job.lease_until > now and not owner_is_dead(job.owner))


def _count(connection: Connection, job_id: int) -> Counts:
    rows = connection.execute(
        sa.select(JobFile.outcome, sa.func.count(), sa.func.coalesce(sa.func.sum(JobFile.cost), 0.0))
        .where(JobFile.job_id == job_id)
        .group_by(JobFile.outcome)
    ).all()
    number = {outcome: count for outcome, count, _ in rows}
    cost = {outcome: total for outcome, _, total in rows}
    return Counts(
        total=sum(number.values()),
        analyzed=number.get(Outcome.ANALYZED, 0),
        unchanged=number.get(Outcome.UNCHANGED, 0),
        duplicate=number.get(Outcome.DUPLICATE, 0),
        failed=number.get(Outcome.FAILED, 0),
        cost_total=sum(cost.values()),
        cost_done=sum(cost.values()) - cost.get(None, 0.0),
    )
