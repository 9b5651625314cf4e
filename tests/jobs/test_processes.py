"""Processes that do one call each, tell what they are at, and are replaced when they die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.jobs.collection import environment
from workbench.errors import JobError, StorageFullError
from workbench.jobs import processes as module
from workbench.jobs.processes import WORKER_ENVIRONMENT, WorkerDiedError, WorkerProcesses
from workbench.jobs.report import report


def heard(event: dict[str, object]) -> None:
    """Let what is reported be lost."""


def always() -> bool:
    """Say that somebody waits for the answer."""
    return True


def tell_twice() -> str:
    report("topic", {"begun": 1})
    print("a decoder's note")  # which must not get between the messages
    report("topic", {"begun": 2})
    return "done"


def fail() -> None:
    raise StorageFullError("no room", "make some")


def give_what_cannot_be_sent() -> object:
    return lambda: None


def take(n_bytes: float) -> int:
    return len(bytearray(int(n_bytes)))


@pytest.fixture(scope="module")
def pair() -> Iterator[WorkerProcesses]:
    """Give two processes."""
    started = WorkerProcesses(2)
    yield started
    started.close()


def test_a_call_gives_the_result_and_tells_what_is_reported(pair: WorkerProcesses) -> None:
    events: list[dict[str, object]] = []
    assert pair.call(events.append, always, tell_twice) == "done"
    # the first process of a machine compiles before its first call, and says so
    assert [event for event in events if "compiling" not in event] == [{"begun": 1}, {"begun": 2}]
    assert pair.call(heard, always, os.getpid) != os.getpid()


def test_an_error_is_raised_where_the_call_was_made(pair: WorkerProcesses) -> None:
    with pytest.raises(StorageFullError, match="no room") as raised:
        pair.call(heard, always, fail)
    assert raised.value.remedy == "make some"
    with pytest.raises(RuntimeError, match="function"):
        pair.call(heard, always, give_what_cannot_be_sent)


def test_workers_have_their_environment_and_nothing_of_dask() -> None:
    pool = WorkerProcesses(1)  # a new one: to find functions of this module the others import all of its imports
    try:
        found = {name: pool.call(heard, always, os.getenv, name) for name in WORKER_ENVIRONMENT}
        loaded = set(pool.call(heard, always, eval, "list(__import__('sys').modules)"))
        nice = pool.call(heard, always, os.getpriority, os.PRIO_PROCESS, 0)
    finally:
        pool.close()
    assert found == WORKER_ENVIRONMENT
    assert nice == min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)  # people come first
    assert {"workbench.jobs.graph", "numba", "soundfile"} <= loaded
    assert (
        not {"dask", "distributed", "numba.np.arraymath", "pandas", "pydantic", "scipy.linalg", "sqlalchemy"} & loaded
    )
    assert not {"xarray", "zarr"} & loaded


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit what a process writes to")
def test_memory_beyond_the_share_of_a_worker_is_an_error_of_the_call(pair: WorkerProcesses) -> None:
    with pytest.raises(MemoryError):
        pair.call(heard, always, take, 0.6 * psutil.virtual_memory().total)
    assert pair.call(heard, always, take, 1e6) == 1e6


def test_one_that_dies_is_an_error_of_its_call_alone_and_is_replaced() -> None:
    pool = WorkerProcesses(1)
    try:
        first = pool.call(heard, always, os.getpid)
        with pytest.raises(WorkerDiedError):
            pool.call(heard, always, os._exit, 1)
        second = pool.call(heard, always, os.getpid)
        assert first != second
        os.kill(second, signal.SIGKILL)  # while it does nothing
        psutil.wait_procs([psutil.Process(second)] if psutil.pid_exists(second) else [], timeout=0.2)
        assert pool.call(heard, always, os.getpid) != second
    finally:
        pool.close()


def test_a_call_that_nobody_wants_any_more_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WATCH_S", 0.05)
    pool = WorkerProcesses(1)
    answers = iter([True, True])
    try:
        began = time.monotonic()
        with pytest.raises(WorkerDiedError):
            pool.call(heard, lambda: next(answers, False), time.sleep, 100)
        assert time.monotonic() - began < 20
        assert pool.call(heard, always, os.getpid)
    finally:
        pool.close()


def test_closing_ends_what_is_being_done() -> None:
    pool = WorkerProcesses(1)
    pid = pool.call(heard, always, os.getpid)
    ended: list[BaseException] = []

    def sleep() -> None:
        try:
            pool.call(heard, always, time.sleep, 100)
        except WorkerDiedError as error:
            ended.append(error)

    thread = threading.Thread(target=sleep)
    thread.start()
    time.sleep(0.2)
    pool.close()
    thread.join(10)
    assert len(ended) == 1
    assert not psutil.pid_exists(pid)
    with pytest.raises(WorkerDiedError, match="closed"):
        pool.call(heard, always, os.getpid)


def test_processes_that_cannot_start_are_an_error_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "path", [])
    pool = WorkerProcesses(1)
    try:
        with pytest.raises(JobError, match="No worker process could be started"):
            pool.call(heard, always, os.getpid)
    finally:
        pool.close()


ABANDONING = """
import os, time
from workbench.jobs.processes import WorkerProcesses

pool = WorkerProcesses(1)
print(pool.call(lambda event: None, lambda: True, os.getpid), flush=True)
pool.call(lambda event: None, lambda: True, time.sleep, 100)
"""


def test_a_worker_whose_driver_is_killed_ends_in_the_middle_of_its_work(tmp_path: Path) -> None:
    driver = subprocess.Popen([sys.executable, "-c", ABANDONING], env=environment(), stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    worker = psutil.Process(int(driver.stdout.readline()))
    time.sleep(0.2)
    driver.kill()
    driver.communicate()
    _, alive = psutil.wait_procs([worker], timeout=10)
    assert not alive


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="only Linux has processes that are idle by class")
@pytest.mark.parametrize("idle", [False, True])
def test_a_server_s_workers_leave_the_processors_to_all_others(idle: bool) -> None:
    pool = WorkerProcesses(1, idle=idle)
    try:
        policy = pool.call(lambda *_: None, lambda: True, os.sched_getscheduler, 0)
        niceness = pool.call(lambda *_: None, lambda: True, os.getpriority, os.PRIO_PROCESS, 0)
    finally:
        pool.close()
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert (policy, niceness) == ((os.SCHED_IDLE, own) if idle else (os.SCHED_OTHER, min(own + 10, 19)))
