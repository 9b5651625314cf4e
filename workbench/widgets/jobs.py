"""`BatchAnalysis` and `JobMonitor`: start an analysis, see how far it is, stop it, go on."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.jobs.manager import AnalyzeOptions, JobManager, ProgressEvent, Subscription
from workbench.library import Library
from workbench.picker import notebook_jail
from workbench.schema import DescriptorSet
from workbench.widgets.files import Looking
from workbench.widgets.selection import Selection
from workbench.widgets.view import View, answers

if TYPE_CHECKING:
    from workbench.client.remote import RemoteLibrary
    from workbench.client.remote_jobs import RemoteHearing, RemoteJobs


class _Watching(View):
    """What shows jobs: the library's queue, and the news of the jobs that are looked at."""

    def __init__(self, library: Library | RemoteLibrary, selection: Selection | None = None, **traits: Any) -> None:
        super().__init__(library, selection, **traits)
        self._heard: dict[int, Subscription | RemoteHearing] = {}
        self._jobs: JobManager | RemoteJobs = library.job_manager()

    def close(self) -> None:
        """Listen no more; jobs that this page began go back into the queue, for whoever takes them up."""
        if hasattr(self, "_jobs"):  # else it was refused while it was made
            for subscription in self._heard.values():
                subscription.close()
            self._jobs.stop(10)
        super().close()

    def _listen(self, job_id: int) -> None:
        """Send the browser the news of a job."""
        if job_id not in self._heard:
            self._heard[job_id] = self._jobs.subscribe(job_id, None, self._tell)

    def _tell(self, event: ProgressEvent) -> None:
        self.tell({"job": event.to_dict()})
        if event.state.finished:
            self.selection.refreshed += 1

    @answers
    def cancel(self, job_id: int) -> dict[str, Any]:
        """Stop a job; what it has committed stays."""
        return self._jobs.cancel(job_id).to_dict()

    @answers
    def resume(self, job_id: int) -> dict[str, Any]:
        """Go on with a job that was stopped."""
        self._jobs.start()
        job = self._jobs.resume(job_id)
        self._listen(job_id)
        return job.to_dict()

    @answers
    def failures(self, job_id: int, after: int | None = None) -> dict[str, Any]:
        """Give some of the files that failed, with reason and remedy."""
        files, further = self._jobs.failures(job_id, after)
        return {"files": files, "next": further}


class BatchAnalysis(Looking, _Watching):
    """Pick a folder, see what analyzing it takes, and watch it being done.

    Parameters
    ----------
    path : str
        The folder that is looked at first; default the one that was picked last, or else home.
    roots : paths, optional
        Folders below which one may look; by default as for `workbench.picker.pick` in a notebook. Those of a server
        are named by the server alone.

    Raises
    ------
    InputError
        When `path` is not there, or outside the roots.

    Examples
    --------
    >>> import workbench as wb
    >>> def fill(lib: wb.Library) -> BatchAnalysis:
    ...     return BatchAnalysis(lib, path="~/Music")
    """

    module = "analysis.js"

    path = traitlets.Unicode(help="A folder.").tag(sync=True)
    descriptors = traitlets.Enum(("fast", "full"), "fast", help="The set that is computed.").tag(sync=True)
    retry_failed = traitlets.Bool(False, help="Also try files again that failed before.").tag(sync=True)
    job_id = traitlets.Int(0, help="The job that is shown; 0 for none.").tag(sync=True)

    def __init__(
        self,
        library: Library | RemoteLibrary,
        selection: Selection | None = None,
        *,
        roots: Iterable[str | os.PathLike[str]] | None = None,
        **traits: Any,
    ) -> None:
        self._jail = notebook_jail(roots, library)
        if "path" in traits:
            self._jail.resolve(traits["path"])
        super().__init__(library, selection, **traits)

    @answers
    def estimate(self, path: str) -> dict[str, Any]:
        """Say what analyzing a folder would find and take."""
        return asdict(self.library.estimate(self._jail.resolve(path), within=self._jail.roots))

    @answers
    def start(self, path: str) -> dict[str, Any]:
        """Put a folder into the queue, and work on it in this process."""
        (folder,) = map(str, self._jail.admit([path]))
        descriptors: DescriptorSet = "full" if self.descriptors == "full" else "fast"
        options = AnalyzeOptions(descriptors=descriptors, retry_failed=self.retry_failed)
        self._jobs.start()
        job = self._jobs.submit([folder], options=options, owner=getpass.getuser(), within=map(str, self._jail.roots))
        self.path, self.job_id = folder, job.job_id
        self._listen(job.job_id)
        return job.to_dict()

    @answers
    def watch(self) -> dict[str, Any] | None:
        """Tell how the job stands that is shown, and send what becomes of it."""
        if not self.job_id:
            return None
        self._listen(self.job_id)
        return self._jobs.get(self.job_id).to_dict()

    def code(self) -> str:
        """Give the call that analyzes the folder."""
        given = "" if self.descriptors == "fast" else f", descriptors={self.descriptors!r}"
        given += ", retry_failed=True" if self.retry_failed else ""
        return f"lib.analyze({self.path!r}{given})"


class JobMonitor(_Watching):
    """The jobs of a library, newest first, whoever began them: how far they are, what failed, stop and go on.

    Examples
    --------
    >>> import workbench as wb
    >>> def watch(lib: wb.Library) -> JobMonitor:
    ...     return JobMonitor(lib)
    """

    module = "jobs.js"

    def __init__(self, library: Library | RemoteLibrary, selection: Selection | None = None, **traits: Any) -> None:
        super().__init__(library, selection, **traits)
        self._newest: int | None = None

    @answers
    def page(self, after: int | None = None) -> dict[str, Any]:
        """Give some jobs, and send what becomes of those that have not ended, or are new since the last time."""
        jobs, further = self._jobs.list(after=after, limit=10)
        seen = self._newest
        for job in jobs:
            if not job.state.finished or (seen is not None and job.job_id > seen):
                self._listen(job.job_id)
        self._newest = max([seen or 0, *(job.job_id for job in jobs)])
        return {"jobs": [job.to_dict() for job in jobs], "next": further}

    def code(self) -> str:
        """Give the call that lists the jobs."""
        return "lib.jobs()"
