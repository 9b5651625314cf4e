"""Drives a job to its end: keeps a window of batches on the cluster, and commits what comes back.

The driver decodes nothing itself, so a file cannot kill it; when it is killed by something else, the
next driver takes the job over (`Ledger.acquire`) and goes on from the last commit.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import JobError, Reason, WorkbenchError
from workbench.jobs import graph
from workbench.jobs.decide import Decision, decide, results
from workbench.jobs.processes import WorkerDiedError
from workbench.jobs.progress import Meter, Progress
from workbench.jobs.turns import Turns
from workbench.schema import ArraySpec, JobState
from workbench.store.batches import BatchLease
from workbench.store.catalog import Catalog
from workbench.store.commit import commit_batch
from workbench.store.job_entry import JobLease
from workbench.store.ledger import Ledger

if TYPE_CHECKING:
    from distributed import Client, Future

_TICK_S = 0.2
#: How often the lease is renewed, and what others see of the progress with it; at least thrice per lease.
_RENEW_S = 0.5
#: A count of a million outcomes takes a while: showing takes no more than a twentieth of the time.
_PROGRESS_S, _SHARE = 0.25, 20.0


@dataclass(slots=True)
class _InFlight:
    """A batch on the cluster: first its probe, then, with a decision, its extraction."""

    lease: BatchLease
    future: Future[Any]
    decision: Decision | None = None


class Driver:
    """Works on one job until it is done, cancelled, or cannot go on.

    Parameters
    ----------
    catalog : Catalog
        Where the job is recorded and its results are committed.
    job : JobLease
        The right to work on it.
    client : distributed.Client
        The cluster.
    settings : graph.Settings
        What the tasks need to know.
    wanted : sequence of ArraySpec
        The arrays that every track is to have.
    retry_failed : bool
        Decode audio again that failed before.
    turns : Turns, optional
        Those of the drivers that share the cluster.
    stop : threading.Event, optional
        Once it is set, `run` returns before the job has ended.
    on_progress : callable, optional
        Called with a `Progress` a few times a second, from the thread that calls `run`.
    """

    def __init__(
        self,
        catalog: Catalog,
        job: JobLease,
        client: Client,
        settings: graph.Settings,
        wanted: Sequence[ArraySpec],
        *,
        retry_failed: bool = False,
        turns: Turns | None = None,
        stop: threading.Event | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._catalog = catalog
        self._ledger = Ledger(catalog)
        self._job = job
        self._client = client
        self._settings = settings
        self._wanted = wanted
        self._retry_failed = retry_failed
        self._turns = turns or Turns()
        self._stop = stop or threading.Event()
        self._on_progress = on_progress
        self._finished: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._in_flight: dict[Any, _InFlight] = {}
        self._begun: dict[int, float] = {}
        self._state = JobState.RUNNING
        self._renewed = time.monotonic()
        self._seen: Progress | None = None
        self._meter = Meter(job.job_id, self._ledger.counts(job.job_id))

    def run(self) -> JobState:
        """Work until nothing is left; give the state that the job is in then.

        Raises
        ------
        StorageFullError
            When the disk is full; the job can be resumed.
        FenceLostError
            When the job was cancelled, or another driver has taken it over.
        JobError
            When the cluster is gone.
        """
        self._client.subscribe_topic(self._settings.topic, self._hear)
        self._turns.join(self._job.job_id)
        shown = self._renewed = time.monotonic()
        pause = _PROGRESS_S
        try:
            while self._state is JobState.RUNNING and not self._stop.is_set():
                if not self._refill():
                    self._renew()  # so that a job of a moment has its time too
                    if self._state is JobState.RUNNING:
                        self._state = self._end()
                    break
                with contextlib.suppress(queue.Empty):
                    self._handle(self._finished.get(timeout=_TICK_S))
                now = time.monotonic()
                if now - shown >= pause:
                    self._show()
                    shown = time.monotonic()
                    pause = max(_PROGRESS_S, _SHARE * (shown - now))
                if now - self._renewed >= min(self._job.lease_s / 3, _RENEW_S):
                    self._renew()
            return self._state
        finally:
            self._abandon()
            self._turns.leave(self._job.job_id)
            self._client.unsubscribe_topic(self._settings.topic)

    def _renew(self) -> None:
        """Show a sign of life, with the time worked since the last one; learn the state of the job."""
        now = time.monotonic()
        seen = None if self._seen is None else self._seen.snapshot()
        self._state = self._ledger.renew(self._job, worked_s=now - self._renewed, progress=seen)
        self._renewed = now

    # --- the window -------------------------------------------------------------------------------

    def _refill(self) -> bool:
        """Keep every worker busy, and no more waiting than that takes; tell whether there is work left.

        The last attempt at a file comes last, and alone; see `Turns`.
        """
        turns, me = self._turns, self._job.job_id
        workers = self._workers()
        while turns.begin(me, workers=workers):
            if not self._begin(last_attempts=False):
                break
        if self._in_flight:
            return True
        if not self._ledger.waiting(me):
            return False
        if turns.begin_alone(me):
            self._begin(last_attempts=True)
        return True

    def _begin(self, *, last_attempts: bool) -> bool:
        """Put a batch on the cluster, whose turn has been counted; tell whether there was one."""
        lease = self._ledger.lease_batch(self._job, last_attempts=last_attempts)
        if lease is None:
            self._turns.end(self._job.job_id)
            return False
        self._watch(_InFlight(lease, graph.submit_probe(self._client, self._settings, lease.batch_id, lease.files)))
        return True

    def _workers(self) -> int:
        try:
            return max(1, sum(map(int, self._client.nthreads().values())))
        except (OSError, TimeoutError) as error:
            raise self._gone() from error

    def _gone(self) -> JobError:
        return JobError(f"The Dask cluster dropped job {self._job.job_id}.", "Run the same command again: it goes on.")

    def _watch(self, batch: _InFlight) -> None:
        self._in_flight[batch.future.key] = batch
        self._begun[batch.lease.batch_id] = time.monotonic()
        batch.future.add_done_callback(self._finished.put)

    def _handle(self, future: Future[Any]) -> None:
        batch = self._in_flight.pop(future.key, None)
        if batch is None:
            return
        if future.status != "finished":
            self._lost(batch, future)
            return
        try:
            result = future.result()
        except (CancelledError, OSError) as error:  # the scheduler went away before it had handed the result over
            raise self._gone() from error
        self._advance(batch, result)

    def _advance(self, batch: _InFlight, result: Any) -> None:
        """Go on with a batch whose task has ended well: extract what the catalog lacks, or commit."""
        if batch.decision is None:
            decision = decide(self._catalog, result, self._wanted, retry_failed=self._retry_failed)
            if decision.work:
                future = graph.submit_extract(
                    self._client, self._settings, self._job.job_id, batch.lease.batch_id, decision.work
                )
                self._watch(_InFlight(batch.lease, future, decision))
                return
            result = graph.Written({}, ())
        else:
            decision = batch.decision
        commit_batch(self._catalog, batch.lease, results(decision, result), result.parts)
        self._settled(batch)

    def _settled(self, batch: _InFlight) -> None:
        """Count a batch out: it is committed, or lost."""
        self._meter.batch_settled(batch.lease.batch_id)
        self._turns.end(self._job.job_id)

    def _lost(self, batch: _InFlight, future: Future[Any]) -> None:
        """Take back a batch whose task ended without a result."""
        from distributed.scheduler import KilledWorker

        error = None if future.cancelled() else future.exception()
        self._settled(batch)
        if isinstance(error, KilledWorker | WorkerDiedError):
            took = time.monotonic() - self._begun[batch.lease.batch_id]
            overdue = took >= self._settings.limits.deadline_s
            self._ledger.batch_lost(batch.lease, reason=Reason.TIMEOUT if overdue else Reason.WORKER_DIED)
            return
        if isinstance(error, WorkbenchError):  # a full disk, or that no worker process starts
            raise error
        if error is None:
            raise self._gone()
        raise JobError(
            f"Job {self._job.job_id} stopped: {type(error).__name__}: {error}.",
            "This is a defect of the workbench or of the cluster: see the worker's log.",
        ) from error

    # --- the end ----------------------------------------------------------------------------------

    def _end(self) -> JobState:
        self._state = finish(self._ledger, self._job).state
        self._show()
        return self._state

    def _abandon(self) -> None:
        """Take what is still on the cluster off it."""
        if self._in_flight and self._client.status == "running":
            self._client.cancel([batch.future for batch in self._in_flight.values()], force=True)
        self._in_flight.clear()

    # --- what is shown ----------------------------------------------------------------------------

    def _hear(self, message: tuple[float, dict[str, Any]]) -> None:
        """Take in a worker's report; runs in the client's thread."""
        _, event = message
        if "begun" in event:
            self._meter.file_begun(event["begun"])
        elif "compiling" in event:
            self._meter.compiling()
        else:
            self._meter.file_done(event["batch"], event["done"], event["cost"])

    def _show(self) -> None:
        self._seen = self._meter.read(self._ledger.counts(self._job.job_id), self._state)
        if self._on_progress is not None:
            self._on_progress(self._seen)


def finish(ledger: Ledger, job: JobLease) -> Progress:
    """Enter the end of a job that has nothing left to do; one in which every file failed has failed."""
    counts = ledger.counts(job.job_id)
    all_failed = counts.total > 0 and counts.failed == counts.total
    state = JobState.FAILED if all_failed else JobState.DONE
    ledger.finish(job, state, "every file failed" if all_failed else None)
    return Meter(job.job_id, counts).read(counts, state)
