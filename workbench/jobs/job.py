"""A job as its caller sees it: started, watched, waited for, cancelled, resumed."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.audio.decode import Limits
from workbench.config import Settings
from workbench.display import table
from workbench.errors import FenceLostError, InputError, LimitError, Reason, WorkbenchError
from workbench.features.registry import specs
from workbench.jobs.cluster import connect, default_workers
from workbench.jobs.progress import Meter, Progress
from workbench.jobs.turns import Turns
from workbench.schema import ArraySpec, JobState
from workbench.similarity.embedding import EMBEDDING
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
from workbench.store.catalog.queries import job_failures
from workbench.store.compact import keep_house
from workbench.store.job_entry import LOCAL, Counts, JobLease, Request
from workbench.store.ledger import Ledger

if TYPE_CHECKING:
    from distributed import Client

    Cluster = AbstractContextManager[tuple[Client, Turns]]


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where a job reads and writes, and on what it runs.

    Attributes
    ----------
    catalog, parts : the library
    settings : limits and leases
    workers : local worker processes; None for one per processor
    scheduler : address of a Dask scheduler to use instead
    """

    catalog: Catalog
    parts: PartStore
    settings: Settings
    workers: int | None = None
    scheduler: str | None = None


def wanted_arrays(request: Request) -> tuple[ArraySpec, ...]:
    """Every array that an analysis stores, the embedding among them."""
    return (*specs(request.frames, request.descriptors), EMBEDDING)


class Job:
    """A batch run over files, which goes on after any crash from its last commit.

    Made by `workbench.Library.analyze` and `workbench.Library.resume`, and by a `workbench.jobs.runner.JobRunner`.

    Parameters
    ----------
    place : Workplace
    lease : JobLease
        The right to work on it.
    on_progress : callable, optional
        Called with a `Progress` a few times a second.
    cluster : callable, optional
        Gives a cluster that is shared with other jobs, as a context; default is one for this job alone.
    most_files : int, optional
        A job with more files is refused.
    """

    def __init__(
        self,
        place: Workplace,
        lease: JobLease,
        on_progress: Callable[[Progress], None] | None,
        *,
        cluster: Callable[[], Cluster] | None = None,
        most_files: int | None = None,
    ) -> None:
        self._place = place
        self._lease = lease
        self._ledger = Ledger(place.catalog)
        self._on_progress = on_progress
        self._cluster = cluster
        self._most_files = most_files
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        #: How far the job is, as last seen by this process.
        self.progress = Meter(lease.job_id, self.counts).read(self.counts, self.state)

    @classmethod
    def start(cls, place: Workplace, request: Request, on_progress: Callable[[Progress], None] | None = None) -> Job:
        """Enter a new job, or take the same request up where a crash or an interrupt left it."""
        ledger = Ledger(place.catalog)
        check_request(request)
        unfinished = ledger.unfinished(request)
        if unfinished is not None:
            return cls(place, ledger.acquire(unfinished, lease_s=place.settings.lease_s), on_progress)
        return cls(place, ledger.create(request, lease_s=place.settings.lease_s, submitted_by=LOCAL), on_progress)

    @classmethod
    def resume(cls, place: Workplace, job_id: int, on_progress: Callable[[Progress], None] | None = None) -> Job:
        """Take a job up again, also one that was cancelled."""
        lease = Ledger(place.catalog).acquire(job_id, lease_s=place.settings.lease_s)
        return cls(place, lease, on_progress)

    @property
    def id(self) -> int:
        """Number of the job in its library."""
        return self._lease.job_id

    @property
    def state(self) -> JobState:
        """Where the job stands."""
        return JobState(self._ledger.job(self.id)["state"])

    @property
    def counts(self) -> Counts:
        """Committed outcomes."""
        return self._ledger.counts(self._lease.job_id)

    @property
    def failures(self) -> list[dict[str, Any]]:
        """Files that failed: ``path, reason, detail, remedy``."""
        return [failure(file) for file in job_failures(self._place.catalog, self.id)]

    def run(self) -> Job:
        """Work until the job has ended, in this thread."""
        try:
            self.work()
        except BaseException as error:  # an interrupt too: whoever asks again can go on at once
            by_user = isinstance(error, KeyboardInterrupt)
            message = "interrupted by the user" if by_user else getattr(error, "message", repr(error))
            with contextlib.suppress(WorkbenchError):  # without a word, the lease runs out by itself
                self._ledger.let_go(self._lease, message=message)
            raise
        return self

    def work(self) -> None:
        """Work until the job has ended, or has been cancelled or stopped; an error leaves it as it is."""
        asked = self._ledger.job(self.id)["request"]
        request = Request.of(asked)
        wanted = wanted_arrays(request)
        try:
            if self.state is JobState.PLANNING:
                self._plan(request, wanted)
            if not self._stop.is_set():
                self._drive(request, wanted)
        except FenceLostError:
            if self.state is not JobState.CANCELLED:
                raise
        if self._stop.is_set():
            self._ledger.let_go(self._lease, JobState.QUEUED)
            return
        if self.state is JobState.CANCELLED:
            self._show(Meter(self.id, self.counts).read(self.counts, JobState.CANCELLED))
        keep_house(self._place.catalog, self._place.parts)

    def stop(self) -> None:
        """Ask the thread that works to put the job back into the queue, for whoever takes it up."""
        self._stop.set()

    def run_in_background(self) -> Job:
        """Work in a thread of this process; `wait` gives what it raised."""

        def target() -> None:
            try:
                self.run()
            except BaseException as error:  # handed over to the thread that waits
                self._error = error

        self._thread = threading.Thread(target=target, name=f"workbench-job-{self.id}", daemon=True)
        self._thread.start()
        return self

    def wait(self, timeout: float | None = None) -> Job:
        """Wait for the end of a job that runs in the background, and raise what it raised."""
        if self._thread is not None:
            self._thread.join(timeout)
        if self._error is not None:
            raise self._error
        return self

    def cancel(self) -> None:
        """Ask the job to stop; what is committed stays."""
        self._ledger.cancel(self.id)

    def report(self) -> dict[str, Any]:
        """Summarise the job, ready for JSON."""
        counts = self.counts
        return {
            "job_id": self.id,
            "state": self.state.value,
            "total": counts.total,
            "analyzed": counts.analyzed,
            "unchanged": counts.unchanged,
            "duplicate": counts.duplicate,
            "failed": counts.failed,
            "elapsed_s": round(self.progress.elapsed_s, 3),
            "failures": self.failures,
        }

    def _repr_html_(self) -> str:
        report = self.report()
        told = " · ".join(
            f"{report[name]:,} {name}" for name in ("total", "analyzed", "unchanged", "duplicate", "failed")
        )
        return table(report["failures"], ("path", "reason", "detail", "remedy"), f"Job {self.id}: {self.state}", told)

    def __repr__(self) -> str:
        counts = self.counts
        return (
            f"<Job {self.id} {self.state.value}: {counts.done} of {counts.total} files; {counts.analyzed} analyzed, "
            f"{counts.unchanged} unchanged, {counts.duplicate} duplicate, {counts.failed} failed>"
        )

    def _plan(self, request: Request, wanted: tuple[ArraySpec, ...]) -> None:
        """Find the files."""
        from workbench.jobs.plan import plan_job

        with kept(self._ledger, self._lease):
            self._ledger.clear_plan(self._lease)
            for found in plan_job(self._place.catalog, self._ledger, self._lease, request, wanted):
                if self._stop.is_set():
                    return
                if self._most_files is not None and found > self._most_files:
                    raise LimitError(
                        f"The job has more than {self._most_files} files, as many as its owner may still ask for.",
                        "Analyze fewer at a time, or raise WORKBENCH_MOST_FILES.",
                    )
                progress = Meter(self.id, self.counts).read(self.counts, JobState.PLANNING)
                self._ledger.renew(self._lease, worked_s=0.0, progress=progress.snapshot())
                self._show(progress)

    def _drive(self, request: Request, wanted: tuple[ArraySpec, ...]) -> None:
        from workbench.jobs.run import Driver, finish

        place = self._place
        waiting = self._ledger.waiting(self.id)
        if not waiting:
            self._show(finish(self._ledger, self._lease))
            return
        from workbench.jobs.graph import Settings as TaskSettings

        settings = place.settings
        tasks = TaskSettings(
            str(place.parts.root),
            limits_of(settings),
            f"workbench-{place.catalog.library_id}-{self.id}",
            request.within,
        )
        with ExitStack() as stack:
            with kept(self._ledger, self._lease):
                client, turns = stack.enter_context(self._cluster() if self._cluster else self._own_cluster(waiting))
            Driver(
                place.catalog,
                self._lease,
                client,
                tasks,
                wanted,
                retry_failed=request.retry_failed,
                turns=turns,
                stop=self._stop,
                on_progress=self._show,
            ).run()

    @contextmanager
    def _own_cluster(self, batches: int) -> Iterator[tuple[Client, Turns]]:
        place, settings = self._place, self._place.settings
        workers = min(place.workers or settings.workers or default_workers(), batches)
        with connect(workers=workers, scheduler=place.scheduler or settings.scheduler) as client:
            yield client, Turns()

    def _show(self, progress: Progress) -> None:
        self.progress = progress
        if self._on_progress is not None:
            self._on_progress(progress)


def failure(file: Mapping[str, Any]) -> dict[str, Any]:
    """Say of a file that failed what can be done about it: ``path, reason, detail, remedy``."""
    said = {name: file[name] for name in ("path", "reason", "detail")}
    return {**said, "remedy": Reason(file["reason"]).remedy}


def limits_of(settings: Settings) -> Limits:
    """Give the bounds on one file that the settings name."""
    return Limits(
        max_duration_s=settings.max_duration_s,
        max_decoded_bytes=settings.max_decoded_bytes,
        max_channels=settings.max_channels,
        deadline_s=settings.file_deadline_s,
    )


@contextmanager
def kept(ledger: Ledger, job: JobLease) -> Iterator[None]:
    """Renew a lease from a thread while the block does what takes as long as it takes: it scans, or starts workers.

    That the job was lost shows at the next write of the block.
    """
    done = threading.Event()

    def renew() -> None:
        while not done.wait(min(job.lease_s / 3, 1.0)):
            try:
                ledger.renew(job, worked_s=0.0)
            except FenceLostError:
                return
            except WorkbenchError:  # the catalog is busy: there is time for another try
                logger.warning("the lease of job %s could not be renewed", job.job_id, exc_info=True)

    thread = threading.Thread(target=renew, name=f"workbench-lease-{job.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def check_request(request: Request) -> None:
    """Refuse at once what would fail later: an unknown descriptor, a path that does not exist.

    Raises
    ------
    InputError
    """
    wanted_arrays(request)
    if not request.paths:
        raise InputError("No path was given.", "Name a folder or some files.")
    for path in request.paths:
        if not os.path.lexists(path):
            raise InputError(f"{path!r} does not exist.", "Check the spelling, and that the disk is mounted.")


def absolute(path: str | os.PathLike[str]) -> str:
    """Give a path as the catalog names it: absolute, with ``~`` resolved, links kept."""
    return os.path.abspath(os.path.expanduser(os.fspath(path)))
