"""The jobs of a library as a server, a notebook and the command line see them: submitted, watched, stopped.

Whoever submits a job need not be who runs it: all go through the catalog. A manager of which `start` was
called takes jobs out of the queue as well (`workbench.jobs.runner`). Methods are synchronous and may be
called from any thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from pydantic import BaseModel, ConfigDict

from workbench.errors import InputError, NotFoundError
from workbench.jobs.job import Workplace, absolute, check_request, failure
from workbench.jobs.runner import JobRunner
from workbench.schema import DescriptorSet, JobState
from workbench.store.catalog.queries import job_failures
from workbench.store.job_entry import AT_WORK, Request
from workbench.store.ledger import Ledger

logger = logging.getLogger(__name__)

#: How often the catalog is asked for news while somebody listens, seconds.
_POLL_S = 0.4


class AnalyzeOptions(BaseModel):
    """How files are analyzed: what `workbench.Library.analyze` takes besides paths.

    Attributes
    ----------
    frames : descriptors whose values per frame are stored too
    descriptors : the set to compute, ``fast`` or ``full``; None for that of the settings
    retry_failed : also try files again that failed before and have not changed
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: tuple[str, ...] = ()
    descriptors: DescriptorSet | None = None
    retry_failed: bool = False


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """How far a job is.

    Attributes
    ----------
    seq : rises with every change, across processes and restarts; of two events the one with more is newer
    job_id, state : which job, and where it stands
    percentage : 0 to 100, by estimated work
    current_file : a file that a worker is at, if one has been reported
    eta_s : seconds that the rest will take; None before it is known
    done, failed, total : files with an outcome, files of those that failed, all files found so far
    rate : files per second; None before it is known
    """

    seq: int
    job_id: int
    state: JobState
    percentage: float
    current_file: str | None
    eta_s: float | None
    done: int
    failed: int
    total: int
    rate: float | None

    def to_dict(self) -> dict[str, Any]:
        """Give the fields, ready for JSON."""
        return asdict(self) | {"state": self.state.value}


@dataclass(frozen=True, slots=True)
class JobStatus(ProgressEvent):
    """A job as it stands.

    Attributes
    ----------
    owner : who submitted it
    created, started, finished : seconds since 1970; None for what has not been
    error : why it failed, or stopped for now
    """

    owner: str
    created: float
    started: float | None
    finished: float | None
    error: str | None

    @property
    def event(self) -> ProgressEvent:
        """What listeners get of it."""
        return ProgressEvent(**{field.name: getattr(self, field.name) for field in fields(ProgressEvent)})


Statuses = list[JobStatus]
Failures = list[dict[str, Any]]


class Subscription:
    """Somebody who listens to a job, until `close`."""

    def __init__(
        self, listeners: _Listeners, job_id: int, since: int, callback: Callable[[ProgressEvent], None]
    ) -> None:
        self.job_id = job_id
        self.callback = callback
        #: Sequence number of the last event that the listener has; -1 for none.
        self.seen = since
        #: Whether no event has been sent yet.
        self.fresh = True
        self._listeners = listeners

    def close(self) -> None:
        """Listen no more. A call of the callback that has begun may still be under way."""
        self._listeners.remove(self)


class JobManager:
    """Submits, lists, watches and stops the jobs of a library.

    Parameters
    ----------
    place : Workplace
        The library, and on what its jobs run; `workbench.Library.job_manager` makes one.

    Examples
    --------
    >>> import tempfile, workbench as wb
    >>> with tempfile.TemporaryDirectory() as folder, wb.Library.open(f"{folder}/music.library") as lib:
    ...     manager = lib.job_manager()
    ...     job = manager.submit([folder], owner="ada")
    ...     manager.cancel(job.job_id).state.value
    'cancelled'
    """

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._ledger = Ledger(place.catalog)
        self._listeners = _Listeners(self._statuses)
        self._runner = JobRunner(place, on_change=self._listeners.look)

    # --- jobs -------------------------------------------------------------------------------------

    def submit(
        self, paths: Iterable[str], *, options: AnalyzeOptions | None = None, owner: str, within: Iterable[str] = ()
    ) -> JobStatus:
        """Put files and folders into the queue; they are looked through when the job is taken up.

        Parameters
        ----------
        paths : iterable of str
        options : AnalyzeOptions, optional
        owner : str
            Who submits it.
        within : iterable of str
            Folders that no link may lead out of, neither now nor later; none means that any may.

        Raises
        ------
        InputError
            On a path that does not exist or a descriptor that nobody knows.
        LimitError
            When the owner has as many jobs as are allowed.
        """
        options = options or AnalyzeOptions()
        settings = self._place.settings
        where = tuple(dict.fromkeys(absolute(path) for path in paths))
        frames = tuple(sorted(set(options.frames)))
        request = Request(
            where, frames, options.retry_failed, options.descriptors or settings.descriptors, tuple(within)
        )
        check_request(request)
        job_id = self._ledger.submit(request, owner, most_jobs=settings.most_jobs)
        self._runner.wake()
        return self.get(job_id)

    def get(self, job_id: int) -> JobStatus:
        """Tell how a job stands.

        Raises
        ------
        NotFoundError
            When there is no such job.
        """
        found = self._statuses([job_id])
        if not found:
            raise NotFoundError(f"There is no job {job_id}.", "`workbench jobs` lists the jobs of the library.")
        return found[0]

    def list(
        self, *, owner: str | None = None, state: str | None = None, after: int | None = None, limit: int = 50
    ) -> tuple[Statuses, int | None]:
        """Give a page of jobs, newest first, and what `after` is for the next one; None if this is the last.

        Raises
        ------
        InputError
            When there is no such state.
        """
        if state is not None and state not in list(JobState):
            raise InputError(f"There is no state {state!r}.", f"States: {', '.join(JobState)}.")
        rows = self._ledger.page(
            submitted_by=owner, state=None if state is None else JobState(state), before=after, limit=limit + 1
        )
        page = [self._status(row) for row in rows[:limit]]
        return page, page[-1].job_id if len(rows) > limit else None

    def cancel(self, job_id: int) -> JobStatus:
        """Stop a job, whichever process works on it; what it has committed stays, and `resume` goes on from there."""
        self._ledger.cancel(job_id)
        self._listeners.look(job_id)
        return self.get(job_id)

    def resume(self, job_id: int) -> JobStatus:
        """Put a job back into the queue that was cancelled, was interrupted, or has failed."""
        self._ledger.requeue(job_id)
        self._runner.wake()
        self._listeners.look(job_id)
        return self.get(job_id)

    def failures(self, job_id: int, after: int | None = None, limit: int = 50) -> tuple[Failures, int | None]:
        """Give a page of the files of a job that failed, ``path, reason, detail, remedy``, and the next `after`."""
        self.get(job_id)
        found = job_failures(self._place.catalog, job_id, after=-1 if after is None else after, limit=limit + 1)
        page = found[:limit]
        return [failure(file) for file in page], page[-1]["ordinal"] if len(found) > limit else None

    # --- who listens ------------------------------------------------------------------------------

    def subscribe(self, job_id: int, since: int | None, callback: Callable[[ProgressEvent], None]) -> Subscription:
        """Be told of the progress of a job, from whichever process works on it.

        The first event tells how the job stands, unless that is what `since` says; that a job has ended is always
        told. Between two events others may be left out, never the last.

        Parameters
        ----------
        job_id : int
        since : int, optional
            The ``seq`` of the last event that the listener has.
        callback : callable
            Called with each `ProgressEvent`, from a thread. It must return at once; one that raises is called no more.

        Raises
        ------
        NotFoundError
            When there is no such job.
        """
        self.get(job_id)
        return self._listeners.add(job_id, -1 if since is None else since, callback)

    # --- work -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Work on the jobs of the queue from now on, in threads of this process."""
        self._runner.start()

    def stop(self, timeout: float | None = None) -> bool:
        """End the work and all subscriptions; tell whether the jobs at work were back in the queue in time, seconds."""
        self._listeners.clear()
        return self._runner.stop(timeout)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do, here or in any other process of this library."""
        return not self._runner.busy and self._ledger.idle()

    # --- inside -----------------------------------------------------------------------------------

    def _statuses(self, job_ids: Iterable[int]) -> Statuses:
        return [self._status(row) for row in self._ledger.looked_at(list(job_ids))]

    def _status(self, row: dict[str, Any]) -> JobStatus:
        state = JobState(row["state"])
        seen = row["progress"]
        if seen is None:  # nothing was found yet, or the job is from before there was a queue
            seen = self._ledger.counts(row["id"]).summary() if state.finished else {}
        live = seen if state in AT_WORK else {}
        return JobStatus(
            seq=row["seq"],
            job_id=row["id"],
            state=state,
            percentage=seen.get("percentage", 0.0) if state is not JobState.PLANNING else 0.0,
            current_file=live.get("current_file"),
            eta_s=live.get("eta_s"),
            done=seen.get("done", 0),
            failed=seen.get("failed", 0),
            total=seen.get("total", 0),
            rate=live.get("rate"),
            owner=row["submitted_by"] or "",
            created=row["created_at"],
            started=row["started_at"],
            finished=row["finished_at"],
            error=row["message"],
        )


class _Listeners:
    """All who listen, and the thread that tells them, which lives only as long as there are any.

    The catalog is the one source of events. It is asked when this process has news, and otherwise every `_POLL_S`
    for those of other processes.
    """

    def __init__(self, statuses: Callable[[Iterable[int]], list[JobStatus]]) -> None:
        self._statuses = statuses
        self._lock = threading.Lock()
        self._all: set[Subscription] = set()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, job_id: int, since: int, callback: Callable[[ProgressEvent], None]) -> Subscription:
        one = Subscription(self, job_id, since, callback)
        with self._lock:
            self._all.add(one)
            if self._thread is None:
                self._thread = threading.Thread(target=self._tell, name="workbench-listeners", daemon=True)
                self._thread.start()
        self._wake.set()
        return one

    def remove(self, one: Subscription) -> None:
        with self._lock:
            self._all.discard(one)

    def clear(self) -> None:
        with self._lock:
            self._all.clear()
        self._wake.set()

    def look(self, job_id: int) -> None:
        """Ask for news at once, if somebody listens to this job."""
        with self._lock:
            heard = any(one.job_id == job_id for one in self._all)
        if heard:
            self._wake.set()

    def _tell(self) -> None:
        while True:
            with self._lock:
                listening = list(self._all)
                if not listening:
                    self._thread = None
                    return
            try:
                statuses = self._statuses({one.job_id for one in listening})
                found = {status.job_id: status.event for status in statuses}
            except Exception:  # the catalog may be away for a while; who listens waits for it
                logger.warning("there is no news of jobs: the catalog does not answer", exc_info=True)
                found = {}
            for one in listening:
                if one.job_id in found:
                    self._send(one, found[one.job_id])
            self._wake.wait(_POLL_S)
            self._wake.clear()

    def _send(self, one: Subscription, event: ProgressEvent) -> None:
        if event.seq <= one.seen and not (one.fresh and event.state.finished):
            return
        one.seen, one.fresh = event.seq, False
        try:
            one.callback(event)
        except Exception:
            logger.exception("a listener of job %s has failed and is told no more", one.job_id)
            self.remove(one)
