"""The jobs of a server, and the folders that it analyzes, as a library has them that is here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from workbench.client.ask import PathLike
from workbench.client.clients import Client
from workbench.errors import WorkbenchError
from workbench.jobs.manager import AnalyzeOptions, Failures, JobStatus, ProgressEvent, Statuses
from workbench.picker.jail import Listing
from workbench.server.models.jobs import JobRecord

_LOGGER = logging.getLogger("workbench.client")


class RemoteJobs:
    """The jobs of a server, as `workbench.jobs.manager.JobManager` has those of a library."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._heard: set[RemoteHearing] = set()

    def start(self) -> None:
        """Do nothing: it is the server that works."""

    def stop(self, timeout: float | None = None) -> bool:
        """End all subscriptions."""
        del timeout
        for hearing in list(self._heard):
            hearing.close()
        return True

    def submit(
        self,
        paths: Iterable[str],
        *,
        options: AnalyzeOptions | None = None,
        owner: str = "",
        within: Iterable[str] = (),
    ) -> JobStatus:
        """Put files and folders of the server into its queue; it says whose the job is, and within what it stays."""
        del owner, within
        return status_of(self._client.analyze(*paths, **(options or AnalyzeOptions()).model_dump()))

    def get(self, job_id: int) -> JobStatus:
        """Tell how a job stands."""
        return status_of(self._client.job(job_id))

    def list(self, *, after: int | None = None, limit: int = 50) -> tuple[Statuses, int | None]:
        """Give a page of jobs, newest first, and what `after` is for the next one."""
        page = self._client.jobs_page(after=after, limit=limit)
        return [status_of(job) for job in page.jobs], page.next

    def cancel(self, job_id: int) -> JobStatus:
        """Stop a job; what it has committed stays."""
        return status_of(self._client.cancel(job_id))

    def resume(self, job_id: int) -> JobStatus:
        """Put a job back into the queue that was stopped or has failed."""
        return status_of(self._client.resume(job_id))

    def failures(self, job_id: int, after: int | None = None, limit: int = 50) -> tuple[Failures, int | None]:
        """Give a page of the files of a job that failed, and the next `after`."""
        page = self._client.failures_page(job_id, after=after, limit=limit)
        return [file.model_dump() for file in page.failures], page.next

    def subscribe(self, job_id: int, since: int | None, callback: Callable[[ProgressEvent], None]) -> RemoteHearing:
        """Be told of the progress of a job, from a thread; see `workbench.jobs.manager.JobManager.subscribe`."""
        self.get(job_id)
        hearing = RemoteHearing(self._client, job_id, since, callback, self._heard.discard)
        self._heard.add(hearing)
        return hearing


class RemoteHearing:
    """Somebody who listens to a job of a server, until `close`: a thread that waits for its events."""

    def __init__(
        self,
        client: Client,
        job_id: int,
        since: int | None,
        callback: Callable[[ProgressEvent], None],
        ended: Callable[[RemoteHearing], None],
    ) -> None:
        self._callback, self._ended = callback, ended
        self._events = client.progress(job_id, since=since)
        self._closed = threading.Event()
        threading.Thread(target=self._hear, name="workbench-hearing", daemon=True).start()

    def close(self) -> None:
        """Listen no more; the connection is given back with the next event."""
        self._closed.set()

    def _hear(self) -> None:
        try:
            for event in self._events:
                if self._closed.is_set():
                    break
                self._callback(ProgressEvent(**event.model_dump()))
        except WorkbenchError as error:
            if not self._closed.is_set():
                _LOGGER.warning("progress is heard no more: %s", error)
        finally:
            self._ended(self)


class RemoteFolders:
    """Where one may look on a server, as `workbench.picker.jail.Jail` has it of this machine."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._roots: list[Path] | None = None

    @property
    def roots(self) -> list[Path]:
        """The folders below which one may look."""
        if self._roots is None:
            self._roots = [Path(root) for root in self._client.folder().roots]
        return self._roots

    @property
    def first(self) -> Path:
        """Where one begins."""
        return self.roots[0]

    def recent(self) -> list[Path]:
        """Nothing: what was picked of a server before is not remembered here."""
        return []

    def look(self, path: PathLike) -> Listing:
        """List a folder."""
        found = self._client.folder(Path(path).expanduser()).model_dump(exclude={"roots"})
        return Listing(**found)

    def resolve(self, path: PathLike) -> Path:
        """Give a path as the server is asked for it, which says itself whether it is there and allowed."""
        return Path(path).expanduser()

    def admit(self, paths: Sequence[PathLike]) -> list[Path]:
        """Take what was picked, as `resolve` does."""
        return [self.resolve(path) for path in paths]


def status_of(job: JobRecord) -> JobStatus:
    """Give a job as the library itself does."""
    return JobStatus(**job.model_dump())
