"""Worker processes of this machine, and how a Dask task runs in one.

Dask keeps the order of things, in threads of the driver's process; a task that is called on such a cluster goes on
to a process (`workbench.jobs.worker`) and waits for it. A process that dies is blamed on the one call that it was at.
One at a call that nobody waits for any more, because its job was cancelled, is ended, whatever it is at.
On a cluster that was there before, a task runs where Dask puts it, and nannies restart what dies.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, cast

from workbench.errors import JobError
from workbench.jobs.report import Report, wanted

#: Set before a worker process starts. One thread each: the tasks are what runs in parallel.
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    # giving memory back at every free, as is usual, costs 1.4 times the work
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    # but what only the curves of a very long file take is given back when they are done with
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
    # one heap for all threads: what decoding gave back is there for writing, which has threads of its own
    "MALLOC_ARENA_MAX": "1",
}

_STARTS = 3
#: How often it is asked whether a call is wanted, seconds.
_WATCH_S = 0.3
#: What a process does that died before it could say what was wrong with a message.
_CUT_OFF = (EOFError, OSError, pickle.UnpicklingError)


class WorkerDiedError(Exception):
    """The process ended in the middle of a call."""


def in_worker(topic: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process of its own if the Dask worker has some, and here otherwise; this is what is sent.

    Parameters
    ----------
    topic : str
        Where listeners are told what the function reports.
    """
    from distributed import get_worker

    worker = get_worker()
    processes: WorkerProcesses | None = getattr(worker, "workbench_processes", None)
    if processes is None:
        return function(*arguments)
    return processes.call(partial(worker.log_event, topic), wanted(), function, *arguments)


class WorkerProcesses:
    """So many processes, each of which does one call at a time; one that has died is replaced.

    Parameters
    ----------
    n : int
        How many. They start at once, and are waited for at the first calls.
    idle : bool
        Whether they work only when a processor has nothing else to do: for a server, whose answers people wait for.
    """

    def __init__(self, n: int, *, idle: bool = False) -> None:
        self._n, self._only_idle = n, idle
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._all: set[_Process] = set()
        self._lock = threading.Lock()
        self._closed = False
        for _ in range(n):
            self._idle.put(self._start())

    def call(
        self, on_report: Report, is_wanted: Callable[[], bool], function: Callable[..., Any], *arguments: Any
    ) -> Any:
        """Call a function of a module in the next process that is idle.

        Parameters
        ----------
        on_report : callable
            Gets what the function reports (`workbench.jobs.report.report`).
        is_wanted : callable
            Whether somebody waits for the answer; asked now and then.

        Raises
        ------
        WorkerDiedError
            When the process dies of it, or was ended since nobody waits.
        JobError
            When no process can be started.
        """
        process = self._next()
        try:
            for _ in range(_STARTS):
                if process.is_ready(on_report):
                    with _ended_unless(is_wanted, process):
                        return process.call(on_report, function, *arguments)
                process = self._replace(process)
            raise JobError("No worker process could be started.", "Mend what it said above, and run the command again.")
        finally:
            with self._lock:
                if self._closed:
                    process.end()
                else:
                    self._idle.put(process)

    def close(self) -> None:
        """End all processes, whatever they are at; calls that wait for one raise `WorkerDiedError`."""
        with self._lock:
            self._closed = True
            for process in self._all:
                process.kill()
            while not self._idle.empty():
                self._idle.get().end()

    def _next(self) -> _Process:
        """Wait for a process that is idle, as long as there are any."""
        while not self._closed:
            with contextlib.suppress(queue.Empty):
                return self._idle.get(timeout=1.0)
        raise WorkerDiedError("the worker processes have been closed")

    def _start(self) -> _Process:
        with self._lock:
            if self._closed:
                raise WorkerDiedError("the worker processes have been closed")
            process = _Process(self._n, idle=self._only_idle)
            self._all.add(process)
            return process

    def _replace(self, process: _Process) -> _Process:
        """Start another in place of one that did not start, or has died since."""
        process.end()
        with self._lock:
            self._all.discard(process)
        return self._start()


@contextmanager
def _ended_unless(is_wanted: Callable[[], bool], process: _Process) -> Iterator[None]:
    """End a process as soon as nobody wants what it is at."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_WATCH_S):
            if not is_wanted():
                process.kill()
                return

    threading.Thread(target=watch, name="workbench-wanted", daemon=True).start()
    try:
        yield
    finally:
        done.set()


class _Process:
    """One process and the connection to it."""

    def __init__(self, workers: int, *, idle: bool) -> None:
        # Not by `multiprocessing`, whose processes first import the caller's main script.
        begin = f"from workbench.jobs.worker import main; main({workers}, {idle})"
        code = f"import sys; sys.path[:] = {sys.path!r}; {begin}"
        self._popen = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | WORKER_ENVIRONMENT,
        )
        self._calls, self._answers = cast(IO[bytes], self._popen.stdin), cast(IO[bytes], self._popen.stdout)
        self._said_ready = False

    def is_ready(self, on_report: Report) -> bool:
        """Wait until it takes calls; False if it has ended."""
        try:
            while not self._said_ready:
                kind, value = self._receive()
                if kind == "event":
                    on_report(value)
                self._said_ready = kind == "ready"
        except _CUT_OFF:
            return False
        return self._popen.poll() is None

    def call(self, on_report: Report, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            pickle.dump((function, arguments), self._calls)
            self._calls.flush()
            kind, value = self._receive()
            while kind == "event":
                on_report(value)
                kind, value = self._receive()
        except _CUT_OFF as error:
            self.kill()
            raise WorkerDiedError(f"worker process {self._popen.pid} died") from error
        if kind == "error":
            raise value
        return value

    def _receive(self) -> tuple[str, Any]:
        return cast(tuple[str, Any], pickle.load(self._answers))  # from a process that this one started

    def kill(self) -> None:
        """End the process; a thread that waits for its answer is told so."""
        self._popen.kill()
        self._popen.wait()

    def end(self) -> None:
        """End the process and close the connection, which nobody uses any more."""
        self.kill()
        self._answers.close()
        with contextlib.suppress(BrokenPipeError):  # of a call that was never taken
            self._calls.close()
