"""What all handlers of a server share: the library, the threads that work on it, limits, and counters.

Knows no Tornado. Handlers live in an event loop and must never wait for a disk; `Service.call` lets a thread do so.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from workbench.config import Settings
from workbench.errors import WorkbenchError
from workbench.jobs.manager import JobManager
from workbench.library import Library
from workbench.schema import JobState
from workbench.server.guard import RateLimit
from workbench.server.problem import Problem
from workbench.store.cache.warmer import Warmer

if TYPE_CHECKING:
    from workbench.server.progress import Mailbox

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 8
#: For what computes rather than looks up. As many as there are processors: more would finish none of it sooner, and a
#: page of tracks would wait for all of it.
_COMPUTING = max(2, os.cpu_count() or 1)
#: For what waits for servers of others, which may take half a minute.
_ASKING = 8
#: How often the library is looked at for what jobs have committed, seconds.
_KEEP_UP_S = 0.5
_MOST_WAITING = 400  # calls in threads or before them: more would only wait longer than any client does
_OLD_S = 86_400.0
_LEAST_FREE = 1 << 29
_STOP_JOBS_S = 30.0

_LOGGER = logging.getLogger("workbench.server")


class Metrics:
    """What Prometheus reads, in a registry of this server's own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Histogram(
            "workbench_request_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ("route", "method", "status"),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
            registry=self.registry,
        )
        self.listeners = Gauge(
            "workbench_progress_listeners", "Open sockets and event streams.", registry=self.registry
        )
        self.dropped = Counter(
            "workbench_progress_dropped", "Listeners that took nothing and were let go.", registry=self.registry
        )
        self.uploaded = Counter("workbench_uploaded_bytes", "Bytes of uploads that were read.", registry=self.registry)
        self.answers = Gauge(
            "workbench_answers", "Kept answers, by what became of them.", ("of",), registry=self.registry
        )
        self.assist = Gauge(
            "workbench_assist",
            "Language models, by what became of requests.",
            ("provider", "of"),
            registry=self.registry,
        )
        self.assist_open = Gauge(
            "workbench_assist_open",
            "Whether a language model is not asked for now.",
            ("provider",),
            registry=self.registry,
        )
        self.tracks = Gauge("workbench_tracks", "Tracks in the library.", registry=self.registry)
        self.jobs = Gauge("workbench_jobs", "Jobs by state.", ("state",), registry=self.registry)


class Service:
    """One library, as a server offers it.

    Parameters
    ----------
    settings : Settings
        Folder of the library, limits, allowed roots.
    open_library : callable, optional
        By default the library of the settings is opened, or made, when it is first needed.
    """

    def __init__(self, settings: Settings, open_library: Callable[[], Library] | None = None) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.requests = RateLimit(settings.requests_per_s, burst=2 * settings.requests_per_s)
        self.stopping = False
        self.openapi: dict[str, Any] = {}  # filled by the host, which knows where the routes lie
        self.active = 0  # requests that have begun and not ended
        self._open = open_library or functools.partial(Library.open, settings.library, settings=settings)
        self._library: Library | None = None
        self._opening = threading.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="workbench-server")
        self._computing = ThreadPoolExecutor(_COMPUTING, thread_name_prefix="workbench-computing")
        self._composing = ThreadPoolExecutor(_COMPUTING, thread_name_prefix="workbench-composing")
        self._asking = ThreadPoolExecutor(_ASKING, thread_name_prefix="workbench-asking")
        self._ended = threading.Event()
        self._waiting = 0
        self._jobs: JobManager | None = None
        self._warmer: Warmer | None = None
        self.mailboxes: set[Mailbox] = set()

    @property
    def jobs(self) -> JobManager:
        """The jobs of the library; the first who asks lets this process work on them."""
        library = self.library
        with self._opening:
            if self._jobs is None:
                self._jobs = jobs = library.job_manager()
                self._jobs.start()
                self._warmer = library.answers.warmer(lambda: jobs.idle and not self.active)
                self._warmer.start()
            return self._jobs

    @property
    def library(self) -> Library:
        """The library; call it in a thread, for it may have to be opened."""
        with self._opening:
            if self._library is None:
                self._library = self._open()
                _sweep(self.incoming_of(self._library))
                self._computing.submit(_prepare, self._library)
                self._keeping_up = threading.Thread(target=self._keep_up, args=(self._library,), daemon=True)
                self._keeping_up.start()
            return self._library

    @staticmethod
    def incoming_of(library: Library) -> Path:
        """Where uploads lie until they are complete."""
        return library.path / "uploads" / ".incoming"

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Let a thread call a function that looks something up, or waits for a disk.

        Raises
        ------
        Problem
            503, when too many calls wait already; and what the function raises.
        """
        return await self._call(self._threads, functools.partial(function, *args, **kwargs))

    async def compute(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Let a thread call a function that computes for a while; what is looked up does not wait for it.

        Raises
        ------
        Problem
            As `call`.
        """
        return await self._call(self._computing, functools.partial(function, *args, **kwargs))

    async def compose(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Let a thread call a function that takes ten times as long; what is computed does not wait for it.

        Raises
        ------
        Problem
            As `call`.
        """
        return await self._call(self._composing, functools.partial(function, *args, **kwargs))

    async def wait(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Let a thread call a function that may wait for a server elsewhere; nothing else waits with it.

        Raises
        ------
        Problem
            As `call`.
        """
        return await self._call(self._asking, functools.partial(function, *args, **kwargs))

    async def _call(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise Problem(503, "The server has too much to do. Try again.", headers={"Retry-After": "2"})
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, contextvars.copy_context().run, work)
        finally:
            self._waiting -= 1

    def health(self) -> dict[str, str]:
        """Say what keeps the server from being ready: a sentence per check that fails."""
        if self.stopping:
            return {"server": "It is stopping."}
        try:
            library = self.library
            library.catalog.version()
        except WorkbenchError as error:
            return {"library": str(error)}
        wrong = {}
        if not os.access(library.path, os.W_OK):
            wrong["library"] = "Its folder cannot be written."
        free = shutil.disk_usage(library.path).free
        if free < _LEAST_FREE:
            wrong["disk"] = f"{free >> 20} MB are free below the library; {_LEAST_FREE >> 20} MB are needed."
        return wrong

    def count(self) -> None:
        """Count what is not counted as it happens."""
        from workbench.store.catalog.queries import jobs_by_state, number_of_tracks

        for name, value in self.library.answers.stats().items():
            if isinstance(value, int):
                self.metrics.answers.labels(name).set(value)
        for one in self.library.chain.status()["providers"]:
            for name in ("requests", "failures", "retries", "tokens", "cost"):
                self.metrics.assist.labels(one["name"], name).set(one[name])
            self.metrics.assist_open.labels(one["name"]).set(one["state"] == "open")
        self.metrics.tracks.set(number_of_tracks(self.library.catalog))
        for state in JobState:
            self.metrics.jobs.labels(state.value).set(0)
        for name, n in jobs_by_state(self.library.catalog).items():
            self.metrics.jobs.labels(name).set(n)

    def require_tracks(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        """Give the records of tracks; `Problem` 404 when one is not there."""
        found = self.library.records(ids)
        missing = [track for track in ids if track not in found]
        if missing:
            raise Problem(404, f"There is no track {missing[0]}.", code="track-not-found")
        return found

    def require_label_column(self, name: str) -> None:
        """`Problem` 404 when no column of this name was learned."""
        if name not in self.library.label_columns():
            raise Problem(404, f"No column {name!r} was learned from labels.", code="column-not-found")

    async def stop_listeners(self) -> None:
        """Say goodbye to those who listen for progress."""
        for mailbox in list(self.mailboxes):
            mailbox.close()
        await asyncio.sleep(0)

    def close(self) -> None:
        """Wait for the threads, and close the library."""
        self.stopping = True
        if self._warmer is not None:
            self._warmer.close()
        if self._jobs is not None and not self._jobs.stop(_STOP_JOBS_S):
            _LOGGER.warning("a job has not stopped in time; it goes on when its lease has run out")
        self._ended.set()
        for threads in (self._threads, self._computing, self._composing, self._asking):
            threads.shutdown(wait=True, cancel_futures=True)
        with self._opening:
            if self._library is not None:
                self._keeping_up.join()
                self._library.close()
                self._library = None

    def _keep_up(self, library: Library) -> None:
        """Take in what is committed while nobody asks, so that those who ask do not wait for it."""
        failing = False
        while not self._ended.wait(_KEEP_UP_S):
            try:
                library.keep_up()
                failing = False
            except Exception:  # whoever asks next is told what is wrong
                if not failing:
                    _LOGGER.warning("what was committed could not be taken in", exc_info=True)
                failing = True


def _prepare(library: Library) -> None:
    """Ask one question of each kind, so that nobody who comes first waits for indexes, columns and code to be read."""
    try:
        tracks, _ = library.tracks_page(limit=1)
        for track in tracks:
            library.catalog.columns.prepare()
            library.similar(track["id"], n=1)
            library.playlist(n=1)
    except Exception:  # whoever asks next is told what is wrong
        _LOGGER.warning("the library could not be prepared", exc_info=True)


def _sweep(folder: Path) -> None:
    """Remove what uploads that were cut off by a crash have left behind."""
    with contextlib.suppress(FileNotFoundError):
        for left in folder.iterdir():
            if time.time() - left.stat().st_mtime > _OLD_S:
                shutil.rmtree(left, ignore_errors=True)
                _LOGGER.info("removed an upload that was cut off")
