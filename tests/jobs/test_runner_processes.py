"""Runners as processes of their own on one catalog: killed, stopped and woken; no job is done twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.jobs.collection import environment, plan_one_by_one, write_track
from tests.jobs.test_manager import ended, one_by_one, until
from workbench.library import Library
from workbench.schema import JobState

RUN = """
import sys, time
from workbench.config import Settings
from workbench.library import Library

if __name__ == "__main__":
    with Library.open(sys.argv[1], settings=Settings(lease_s=float(sys.argv[3]))) as library:
        manager = library.job_manager(scheduler=sys.argv[2])
        manager.start()
        print("works", flush=True)
        sys.stdin.read()
        manager.stop(20)
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(library: Library, cluster: str) -> Iterator[Start]:
    """Give a function that starts a runner as a process."""
    started: list[subprocess.Popen[str]] = []

    def run(lease_s: float = 20.0) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(library.path), cluster, str(lease_s)],
            env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "works\n"
        started.append(process)
        return process

    yield run
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Give a folder with songs that take a moment each."""
    for i in range(8):
        write_track(tmp_path / "songs" / f"{i}.wav", i, seconds=15.0)
    return tmp_path / "songs"


def stop_between_writes(process: subprocess.Popen[str], library: Library) -> None:
    """Stop a process where it has no lock of the catalog: asleep with one, it would keep all others from writing."""
    while True:
        process.send_signal(signal.SIGSTOP)
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
        with closing(sqlite3.connect(library.path / "catalog.sqlite", timeout=1.0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN EXCLUSIVE")
                return
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
                time.sleep(0.01)


def driver(library: Library, job_id: int) -> int:
    owner = library.job_manager()._ledger.job(job_id)["owner"]
    return int(owner["pid"])


@pytest.mark.slow
def test_two_runners_share_the_jobs_and_do_none_twice(library: Library, start: Start, songs: Path) -> None:
    first, second = start(), start()
    manager = library.job_manager()
    jobs = [manager.submit([str(songs / f"{i}.wav")], owner=f"person {i}").job_id for i in range(8)]
    done = [ended(manager, job_id) for job_id in jobs]
    assert [job.state for job in done] == 8 * [JobState.DONE]
    assert all(library.jobs()[-1 - i]["fence"] == 1 for i in range(8))  # each was taken up once
    assert {driver(library, job_id) for job_id in jobs} <= {first.pid, second.pid}
    assert len(library.tracks()) == 8
    assert library.verify().problems == []


@pytest.mark.slow
def test_a_killed_runner_s_job_goes_on_with_the_other(library: Library, start: Start, songs: Path) -> None:
    job_id = one_by_one(library, songs)
    first = start()
    manager = library.job_manager()
    until(lambda: 0 < manager.get(job_id).done < 8)
    assert driver(library, job_id) == first.pid
    stop_between_writes(first, library)  # or it would be done before the other has started
    second = start()
    first.kill()
    killed = time.monotonic()
    until(lambda: driver(library, job_id) == second.pid)
    assert time.monotonic() - killed < 5.0  # the dead are seen on the same host, whatever their lease
    job = ended(manager, job_id)
    assert (job.state, job.done, job.failed) == (JobState.DONE, 8, 0)
    assert len(library.tracks()) == 8
    library.collect()
    assert library.verify().problems == []


@pytest.mark.slow
def test_who_slept_past_the_lease_is_refused(library: Library, start: Start, songs: Path) -> None:
    job_id = one_by_one(library, songs)
    first = start(lease_s=2.0)
    manager = library.job_manager()
    until(lambda: 0 < manager.get(job_id).done < 8)
    stop_between_writes(first, library)
    second = start(lease_s=2.0)
    until(lambda: driver(library, job_id) == second.pid)
    first.send_signal(signal.SIGCONT)
    job = ended(manager, job_id)
    assert (job.state, job.done, job.failed) == (JobState.DONE, 8, 0)
    assert driver(library, job_id) == second.pid
    assert len(library.tracks()) == 8
    assert library.verify().problems == []
    assert first.poll() is None  # it has lost the job, and takes the next
    second.kill()
    again = manager.submit([str(songs)], owner="ada")
    assert ended(manager, again.job_id).done == 8


@pytest.mark.slow
def test_a_job_of_a_killed_command_goes_on_by_itself(library: Library, start: Start, songs: Path, cluster: str) -> None:
    command = [sys.executable, "-m", "workbench.cli", "analyze", str(songs), "-l", str(library.path)]
    mark = environment(WORKBENCH_FAILPOINT="job-planned")
    killed = subprocess.run([*command, "--scheduler", cluster], env=mark, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    start()
    job = ended(library.job_manager(), 1)
    assert (job.state, job.owner, job.done) == (JobState.DONE, "local", 8)


@pytest.mark.slow
def test_what_a_person_interrupts_stays_interrupted(library: Library, start: Start, songs: Path, cluster: str) -> None:
    job_id = one_by_one(library, songs)
    stopped = library.resume(job_id, scheduler=cluster, wait=False)
    until(lambda: stopped.state is JobState.RUNNING)
    library.job_manager()._ledger.let_go(stopped._lease)
    start()
    time.sleep(3)
    assert library.job_manager().get(job_id).state is JobState.INTERRUPTED
    assert os.getpid() == driver(library, job_id)


def test_work_of_the_library_s_own_is_taken_up_by_nobody(library: Library, start: Start, songs: Path) -> None:
    job_id = plan_one_by_one(library, songs)  # submitted by nobody, its lease has run out
    start()
    time.sleep(2)
    assert library.job_manager()._ledger.job(job_id)["fence"] == 1
