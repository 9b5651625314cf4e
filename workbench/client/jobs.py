"""Jobs of a server: submitted, looked at, stopped; and what may be asked of the server itself."""

from __future__ import annotations

import os
from collections.abc import Iterable

from workbench.client.ask import Ask, PathLike, Steps, call, one, pages, sent
from workbench.schema import DescriptorSet
from workbench.server.models.jobs import EstimateAnswer, FailureRecord, FailuresPage, Folder, JobRecord, JobsPage
from workbench.server.models.operations import Health, Who


class JobCalls:
    """Jobs."""

    @call
    def analyze(
        self,
        *paths: PathLike,
        frames: Iterable[str] = (),
        descriptors: DescriptorSet | None = None,
        retry_failed: bool = False,
    ) -> Steps[JobRecord]:
        """Put files and folders *of the server*, below its allowed roots, into the queue.

        Parameters
        ----------
        *paths : path
            Absolute; folders with all that is below them.
        frames, descriptors, retry_failed
            As of `workbench.Library.analyze`.

        Examples
        --------
        >>> from workbench.client import Client
        >>> def analyze(client: Client, folder: str) -> int:
        ...     job = client.analyze(folder)
        ...     for event in client.progress(job.job_id):
        ...         print(f"{event.percentage:.0f} % {event.current_file or ''}")
        ...     return client.job(job.job_id).failed
        """
        options = {"frames": list(frames), "descriptors": descriptors, "retry_failed": retry_failed}
        asked = {"paths": [os.fspath(path) for path in paths], **options}
        return (yield from one(JobRecord, Ask("POST", "/audio/batch-analyze", json=asked)))

    @call
    def upload(
        self,
        *files: PathLike,
        frames: Iterable[str] = (),
        descriptors: DescriptorSet | None = None,
        retry_failed: bool = False,
    ) -> Steps[JobRecord]:
        """Send files of this machine to be analyzed, read as they are sent; parameters as of `analyze`."""
        options = {"frames": list(frames), "descriptors": descriptors, "retry_failed": retry_failed}
        return (yield from sent(JobRecord, "/audio/batch-analyze", "files", files, options))

    @call
    def estimate(self, *paths: PathLike) -> Steps[EstimateAnswer]:
        """Say how many files an analysis of paths of the server would find, how many are new, how long it takes."""
        asked = {"paths": [os.fspath(path) for path in paths]}
        return (yield from one(EstimateAnswer, Ask("POST", "/audio/estimate", json=asked)))

    @call
    def folder(self, path: PathLike | None = None) -> Steps[Folder]:
        """List a folder of the server, below its allowed roots; by default the first of these."""
        return (yield from one(Folder, Ask("GET", "/folders", {"path": None if path is None else os.fspath(path)})))

    @call
    def jobs_page(self, *, after: int | None = None, limit: int = 50) -> Steps[JobsPage]:
        """Give some jobs at a time, newest first; `next` of a page is what `after` is for the next one."""
        return (yield from one(JobsPage, Ask("GET", "/jobs", {"after": after, "limit": limit})))

    @call
    def jobs(
        self, *, owner: str | None = None, state: str | None = None, limit: int | None = None
    ) -> Steps[list[JobRecord]]:
        """List jobs, newest first: all, those of one user, or those that stand so."""
        return (yield from pages("/jobs", {"owner": owner, "state": state}, JobsPage, "jobs", limit))

    @call
    def job(self, job_id: int) -> Steps[JobRecord]:
        """Tell how a job stands."""
        return (yield from one(JobRecord, Ask("GET", f"/jobs/{job_id}")))

    @call
    def cancel(self, job_id: int) -> Steps[JobRecord]:
        """Stop a job; what it has committed stays, and `resume` goes on from there."""
        return (yield from one(JobRecord, Ask("DELETE", f"/jobs/{job_id}")))

    @call
    def resume(self, job_id: int) -> Steps[JobRecord]:
        """Put a job back into the queue that was stopped or has failed."""
        return (yield from one(JobRecord, Ask("POST", f"/jobs/{job_id}/resume")))

    @call
    def failures(self, job_id: int, *, limit: int | None = None) -> Steps[list[FailureRecord]]:
        """List the files of a job that failed, with reason and remedy."""
        return (yield from pages(f"/jobs/{job_id}/failures", {}, FailuresPage, "failures", limit))

    @call
    def failures_page(self, job_id: int, *, after: int | None = None, limit: int = 50) -> Steps[FailuresPage]:
        """Give some of these files at a time; `next` of a page is what `after` is for the next one."""
        return (yield from one(FailuresPage, Ask("GET", f"/jobs/{job_id}/failures", {"after": after, "limit": limit})))


class ServerCalls:
    """The server itself."""

    @call
    def health(self) -> Steps[Health]:
        """Tell whether the server is ready, and why not."""
        return (yield from one(Health, Ask("GET", "/healthz", accepted=(503,))))

    @call
    def me(self) -> Steps[str]:
        """Tell by which name the server knows you: labels and jobs bear it."""
        return (yield from one(Who, Ask("GET", "/me"))).name
