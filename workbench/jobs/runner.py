"""Takes jobs out of the queue, in whichever processes it runs, and works on them.

* Any number of processes may run one on the same library: which of them gets a job is settled in the
  catalog (`Ledger.acquire`), and a job whose runner has died is taken up by another.
* A runner works on several jobs at a time, each in a thread with a driver, on one cluster (`Turns`).
* The order is fair to people: whoever has the fewest jobs at work comes first, then the oldest job.
  One owner has at most half of the places of a runner, so that a place is left for the next.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from workbench.errors import FenceLostError, InputError, JobError, WorkbenchError
from workbench.jobs.cluster import SharedCluster
from workbench.jobs.job import Job, Workplace
from workbench.jobs.progress import Progress
from workbench.schema import JobState
from workbench.store.job_entry import JobLease, Waiting
from workbench.store.ledger import Ledger

logger = logging.getLogger(__name__)

#: How often the queue is looked at, seconds.
_POLL_S = 1.0
#: Workers that have had nothing to do for so long are stopped, seconds.
_KEEP_WORKERS_S = 60.0
#: A job that something else has stopped is tried again after the first of these, the next time after twice as many
#: seconds, up to the second; it is interrupted when it has been tried so often without any progress.
_RETRY_S, _LONGEST_RETRY_S, _TRIES = 2.0, 10.0, 20


@dataclass(slots=True)
class _Place:
    """A job at work."""

    job: Job
    submitted_by: str
    thread: threading.Thread


@dataclass(slots=True)
class _Tries:
    """How often a job was tried in vain since it last got on."""

    number: int = 0
    done: int = field(default=-1)


class JobRunner:
    """Works on the jobs of a library's queue until it is stopped.

    Parameters
    ----------
    place : Workplace
        The library, and on what its jobs run.
    on_change : callable, optional
        Called with the number of a job whenever there may be news of it, from the threads of the jobs.
    """

    def __init__(self, place: Workplace, on_change: Callable[[int], None] | None = None) -> None:
        settings = place.settings
        self._place = place
        self._on_change = on_change or (lambda job_id: None)
        self._ledger = Ledger(place.catalog)
        self._cluster = SharedCluster(
            workers=place.workers or settings.workers, scheduler=place.scheduler or settings.scheduler
        )
        self._at_once = settings.jobs_at_once
        self._lock = threading.Lock()
        self._at_work: dict[int, _Place] = {}
        self._tries: dict[int, _Tries] = {}
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether this runner works on a job."""
        return bool(self._at_work)

    def start(self) -> None:
        """Look for jobs from now on, in a thread."""
        if self._thread is None:
            self._place.parts.create()
            self._stopping = False
            self._thread = threading.Thread(target=self._look, name="workbench-runner", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Look at the queue at once."""
        self._wake.set()

    def stop(self, timeout: float | None = None) -> bool:
        """Put the jobs at work back into the queue and end; tell whether all did so in time, seconds.

        What has not ended by then goes on where it is; if the process ends, the leases run out.
        """
        if self._thread is None:
            return True
        until = None if timeout is None else time.monotonic() + timeout
        self._stopping = True
        self._wake.set()
        for thread in (self._thread, *self._stop_jobs()):
            thread.join(None if until is None else max(until - time.monotonic(), 0.0))
        if self._thread.is_alive() or self._at_work:
            return False
        self._thread = None
        self._cluster.close()
        return True

    def _stop_jobs(self) -> list[threading.Thread]:
        with self._lock:
            for place in self._at_work.values():
                place.job.stop()
            return [place.thread for place in self._at_work.values()]

    # --- the queue --------------------------------------------------------------------------------

    def _look(self) -> None:
        while not self._stopping:
            try:
                self._fill_places()
                self._cluster.close(unused_for_s=_KEEP_WORKERS_S)
            except Exception:  # the catalog may be away for a while: whatever it is, the next look may be better
                logger.warning("the queue cannot be looked at", exc_info=True)
            self._wake.wait(_POLL_S)
            self._wake.clear()

    def _fill_places(self) -> None:
        """Take up jobs while there is a place for them; each look takes one of an owner at most."""
        for waiting in self._ledger.line():
            with self._lock:
                of_owner = Counter(place.submitted_by for place in self._at_work.values())[waiting.submitted_by]
                has_place = len(self._at_work) < self._at_once and of_owner < max(1, self._at_once // 2)
            if has_place and waiting.job_id not in self._at_work and not self._stopping:
                self._take(waiting)

    def _take(self, waiting: Waiting) -> None:
        try:
            lease = self._ledger.acquire(waiting.job_id, lease_s=self._place.settings.lease_s, seen=waiting)
        except JobError:  # another runner was faster, or somebody has cancelled it
            return
        most_files = self._place.settings.most_files
        if most_files is not None:
            most_files = max(most_files - self._ledger.files_to_do(waiting.submitted_by, besides=waiting.job_id), 0)
        job = Job(self._place, lease, self._tell, cluster=self._cluster.use, most_files=most_files)
        thread = threading.Thread(
            target=self._work, args=(job, lease), name=f"workbench-job-{lease.job_id}", daemon=True
        )
        with self._lock:
            self._at_work[lease.job_id] = _Place(job, waiting.submitted_by, thread)
            thread.start()
        if self._stopping:  # in the meantime
            job.stop()
        self._on_change(lease.job_id)
        self._wake.set()

    def _tell(self, progress: Progress) -> None:
        self._on_change(progress.job_id)

    # --- a job ------------------------------------------------------------------------------------

    def _work(self, job: Job, lease: JobLease) -> None:
        try:
            job.work()
            self._tries.pop(job.id, None)
        except FenceLostError:
            logger.info("job %s has been taken over", job.id)
        except InputError as error:
            said = str(error)
            self._enter(lambda: self._ledger.finish(lease, JobState.FAILED, said))
        except Exception as error:  # a lost scheduler, a full disk, a defect: nothing of it may stop other jobs
            logger.warning("job %s has stopped", job.id, exc_info=True)
            self._try_again(job, lease, str(error) if isinstance(error, WorkbenchError) else repr(error))
        finally:
            with self._lock:
                del self._at_work[job.id]
            self._on_change(job.id)
            self._wake.set()

    def _try_again(self, job: Job, lease: JobLease, message: str) -> None:
        """Put a job back that could not go on, to wait a while; or interrupt it, if that does not help."""
        tries = self._tries.setdefault(job.id, _Tries())
        done = job.progress.done
        tries.number = tries.number + 1 if done <= tries.done else 1
        tries.done = max(done, tries.done)
        if tries.number < _TRIES:
            wait_s = min(_RETRY_S * 2 ** (tries.number - 1), _LONGEST_RETRY_S)
            self._enter(lambda: self._ledger.let_go(lease, JobState.QUEUED, message, wait_s=wait_s))
        else:
            del self._tries[job.id]
            self._enter(lambda: self._ledger.let_go(lease, JobState.INTERRUPTED, message))

    def _enter(self, change: Callable[[], object]) -> None:
        """Enter how a job stands, if the catalog can be written; otherwise its lease runs out."""
        try:
            change()
        except Exception:
            logger.warning("what became of a job cannot be entered", exc_info=True)
