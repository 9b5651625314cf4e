"""Analysis: jobs that fill a library."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from workbench.display import Records
from workbench.errors import Reason
from workbench.library.opened import Opened, PathLike, usable

if TYPE_CHECKING:
    from workbench.jobs.estimate import Estimate
    from workbench.jobs.job import Job
    from workbench.jobs.manager import JobManager
    from workbench.jobs.missing import Missing
    from workbench.jobs.progress import Progress
    from workbench.schema import DescriptorSet


class Analysis(Opened):
    """What fills a library."""

    def analyze(
        self,
        *paths: PathLike,
        frames: Iterable[str] = (),
        descriptors: DescriptorSet | None = None,
        retry_failed: bool = False,
        workers: int | None = None,
        scheduler: str | None = None,
        wait: bool = True,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Job:
        """Analyze files and folders; what is known already is not decoded again.

        The same call after a crash goes on where that one stopped.

        Parameters
        ----------
        *paths : path
            Files and folders, searched recursively.
        frames : iterable of str
            Descriptors whose values per frame are stored too.
        descriptors : {"fast", "full"}, optional
            The set to compute; default that of the settings. A library that has more is up to date, and one that
            has less gets what it lacks.
        retry_failed : bool
            Also try files again that failed before and have not changed.
        workers : int, optional
            Local worker processes; default one per processor.
        scheduler : str, optional
            Address of a Dask scheduler to use instead; its workers must see the same paths.
        wait : bool
            False returns at once, with the job running in the background.
        on_progress : callable, optional
            Called with a `Progress` a few times a second.

        Returns
        -------
        Job

        Raises
        ------
        InputError
            On a path that does not exist or a descriptor that nobody knows.
        StorageFullError, JobError
            When the job cannot go on; it can be resumed.
        """
        from workbench.jobs.job import Job, absolute
        from workbench.store.job_entry import Request

        with usable(self.path):
            self.parts.create()  # which reading does not need
        where = tuple(dict.fromkeys(absolute(path) for path in paths))
        request = Request(where, tuple(sorted(set(frames))), retry_failed, descriptors or self.settings.descriptors)
        job = Job.start(self._workplace(workers, scheduler), request, on_progress)
        return job.run() if wait else job.run_in_background()

    def estimate(self, *paths: PathLike, within: Iterable[PathLike] = ()) -> Estimate:
        """Say how many files an analysis of some paths would find, how many of them are new, and how long it takes.

        No link is followed out of the folders `within`, if any are given.
        """
        from workbench.jobs.estimate import estimate
        from workbench.jobs.job import absolute

        return estimate(self.catalog, [absolute(path) for path in paths], [absolute(path) for path in within])

    def missing(self, *, frames: Iterable[str] = (), descriptors: DescriptorSet | None = None) -> Missing:
        """Say what the tracks lack of the wanted descriptors, and what having it would cost; nothing is opened.

        Parameters are those of `analyze`. Analyzing the ``paths`` of the answer computes it.
        """
        from workbench.jobs.job import wanted_arrays
        from workbench.jobs.missing import find_missing
        from workbench.store.job_entry import Request

        request = Request((), tuple(sorted(set(frames))), descriptors=descriptors or self.settings.descriptors)
        return find_missing(self.catalog, wanted_arrays(request))

    def resume(
        self,
        job_id: int,
        *,
        workers: int | None = None,
        scheduler: str | None = None,
        wait: bool = True,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Job:
        """Take a job up that was interrupted or cancelled; parameters as in `analyze`."""
        from workbench.jobs.job import Job

        job = Job.resume(self._workplace(workers, scheduler), job_id, on_progress)
        return job.run() if wait else job.run_in_background()

    def job_manager(self, *, workers: int | None = None, scheduler: str | None = None) -> JobManager:
        """Submit jobs to the library's queue, watch and stop them; `JobManager.start` works on them here.

        Parameters
        ----------
        workers, scheduler
            On what the jobs run that this process works on, as in `analyze`.

        Examples
        --------
        >>> import workbench as wb
        >>> def in_the_background(lib: wb.Library, folder: str) -> int:
        ...     manager = lib.job_manager()
        ...     manager.start()
        ...     return manager.submit([folder], owner="ada").job_id
        """
        from workbench.jobs.manager import JobManager

        return JobManager(self._workplace(workers, scheduler))

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs of the library, newest first."""
        from workbench.store.ledger import Ledger

        return Records(Ledger(self.catalog).jobs(), ("id", "state", "progress", "message"), "jobs")

    def failed(self) -> list[dict[str, Any]]:
        """Files without a track: ``path, reason, detail, remedy``."""
        from workbench.store.catalog import queries

        failed = ({**file, "remedy": Reason(file["reason"]).remedy} for file in queries.failed_files(self.catalog))
        return Records(failed, ("path", "reason", "detail", "remedy"), "files that failed")

    def _workplace(self, workers: int | None, scheduler: str | None) -> Any:
        from workbench.jobs.job import Workplace

        return Workplace(self.catalog, self.parts, self.settings, workers, scheduler)
