"""Workers of our own with the right environment, or those of a scheduler that exists."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.jobs.collection import environment, write_track
from workbench.errors import JobError
from workbench.jobs.cluster import connect, default_workers
from workbench.library import Library

#: A script as a newcomer writes it. Worker processes must not import it, or they would start the analysis again.
UNGUARDED = """
import sys
import workbench as wb

with wb.Library.open(sys.argv[1]) as library:
    library.analyze(sys.argv[2], workers=1)
"""

SETTINGS = """
import dask
from workbench.jobs.cluster import connect

if __name__ == "__main__":
    with connect(workers=1):
        assert dask.config.get("distributed.scheduler.allowed-failures") == 0
    assert dask.config.get("distributed.scheduler.allowed-failures") == 3
"""


def test_one_worker_per_processor_that_may_be_used() -> None:
    assert default_workers() == len(os.sched_getaffinity(0))


def test_a_scheduler_that_exists_is_used_and_left_running(cluster: str) -> None:
    for _ in range(2):
        with connect(scheduler=cluster) as client:
            assert client.submit(sum, [1, 2]).result() == 3
            assert len(client.nthreads()) == 2


@pytest.mark.parametrize("address", ["nonsense://here", pytest.param("tcp://127.0.0.1:1", marks=pytest.mark.slow)])
def test_a_scheduler_that_does_not_answer(address: str) -> None:
    with (
        pytest.raises(JobError, match=r"No Dask scheduler answers at .* Check the address"),
        connect(scheduler=address),
    ):
        pytest.fail("connected to nothing")


def test_the_local_cluster_listens_to_this_machine_alone() -> None:
    before = listening()
    with connect(workers=1):
        opened = listening() - before
        assert opened
        assert {ip for ip, _ in opened} <= {"127.0.0.1", "::1"}


def listening() -> set[tuple[str, int]]:
    """Give address and port of all sockets on which this process waits for connections."""
    found = psutil.Process().net_connections("tcp")
    return {(one.laddr.ip, one.laddr.port) for one in found if one.status == psutil.CONN_LISTEN}


def test_the_settings_of_dask_are_as_before(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SETTINGS)
    subprocess.run([sys.executable, script], env=environment(), check=True, timeout=100)


@pytest.mark.slow
def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    song = write_track(tmp_path / "song.wav", 1)
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    subprocess.run([sys.executable, script, tmp_path / "library", song], env=environment(), check=True, timeout=100)
    with Library.open(tmp_path / "library", create=False) as library:
        assert [track["path"] for track in library.tracks()] == [str(song)]
        assert len(library.jobs()) == 1
