"""A Dask cluster: one in this process over local worker processes by default, or a scheduler that exists."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from workbench.errors import JobError
from workbench.jobs.processes import WorkerProcesses
from workbench.jobs.turns import Turns

if TYPE_CHECKING:
    from distributed import Client

_CONFIG: dict[str, Any] = {
    # a batch whose worker died comes back to the driver, which decides what to do with its files
    "distributed.scheduler.allowed-failures": 0,
    "distributed.admin.low-level-log-length": 0,
    # samples of every thread's stack, kept for an hour: 80 MB that nobody looks at
    "distributed.worker.profile.enabled": False,
}


def default_workers() -> int:
    """As many workers as there are processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def connect(*, workers: int | None = None, scheduler: str | None = None, idle: bool = False) -> Iterator[Client]:
    """Give a client of a Dask cluster; a local one is started, and stopped at the end.

    Parameters
    ----------
    workers : int, optional
        Local worker processes; default one per processor.
    scheduler : str, optional
        Address of a scheduler that exists, ``tcp://host:8786``; then no worker is started.
    idle : bool
        Let local workers work only when a processor has nothing else to do.

    Raises
    ------
    JobError
        When the scheduler cannot be reached.
    """
    if scheduler is not None:
        with _client_of(scheduler) as client:
            yield client
    else:
        with _local_cluster(workers or default_workers(), idle) as client:
            yield client


def _client_of(scheduler: str) -> Client:
    from distributed import Client

    try:
        return Client(scheduler, timeout="10s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        reason = str(error)
    # Only its destructor closes a client that could not connect. Left to chance, that runs while the next
    # client starts its event loop, and each waits for the other's lock.
    gc.collect()
    raise JobError(f"No Dask scheduler answers at {scheduler}: {reason}.", "Check the address.")


@contextmanager
def _local_cluster(workers: int, idle: bool) -> Iterator[Client]:
    """Start processes for the work, and meanwhile, in this process, the Dask cluster that hands it to them."""
    processes = WorkerProcesses(workers, idle=idle)
    try:
        with _no_collection():
            import dask
            import distributed  # before the setting, at whose end the defaults that it registers must still be there
        with (
            dask.config.set(_CONFIG),
            distributed.LocalCluster(
                n_workers=1,
                threads_per_worker=workers,
                processes=False,
                memory_limit=0,
                dashboard_address=None,
                # what Dask serves over HTTP stays on this machine; without an address the scheduler would want port
                # 8787, which another analysis may have, and the worker would listen to the whole network
                worker_dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                silence_logs=logging.CRITICAL,  # a worker's death is reported as the outcome of its file
            ) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            for worker in cluster.workers.values():
                worker.workbench_processes = processes
            try:
                yield client
            finally:
                processes.close()  # first, or closing would wait for what they are at
    finally:
        processes.close()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Import without the garbage collector, which finds nothing there and takes a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class SharedCluster:
    """One cluster for all jobs of a process: started when a job needs it, kept a while for the next.

    Its local workers leave the processors to all that people wait for.

    Parameters
    ----------
    workers, scheduler
        As for `connect`.
    """

    def __init__(self, *, workers: int | None, scheduler: str | None) -> None:
        self._workers, self._scheduler = workers, scheduler
        self._turns = Turns()
        self._lock = threading.Lock()
        self._running = ExitStack()
        self._client: Client | None = None
        self._users = 0
        self._used = 0.0

    @contextmanager
    def use(self) -> Iterator[tuple[Client, Turns]]:
        """Give the cluster's client, and the turns of all who use it; a cluster that was lost is started anew."""
        with self._lock:
            if self._client is not None and self._client.status != "running":
                self._end()
            if self._client is None:
                cluster = connect(workers=self._workers, scheduler=self._scheduler, idle=True)
                self._client = self._running.enter_context(cluster)
            client = self._client
            self._users += 1
        try:
            yield client, self._turns
        finally:
            with self._lock:
                self._users -= 1
                self._used = time.monotonic()

    def close(self, *, unused_for_s: float = 0.0) -> None:
        """Stop the cluster, if nobody uses it and nobody has for so long."""
        with self._lock:
            if not self._users and time.monotonic() - self._used >= unused_for_s:
                self._end()

    def _end(self) -> None:
        self._client = None
        self._running.close()
