"""Real services are gone when whoever started them is, however that ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.services import Server, eventually, running
from workbench.testing.services import PostgresServer, RedisServer

KILLED = """
import os, signal
from workbench.testing.services import {kind}
server = {kind}.make()
print(server.process.pid, server.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("make", [PostgresServer.make, RedisServer.make])
def test_a_server_outlives_nobody(make: Callable[[], Server]) -> None:
    with running(make) as server:  # or the test is skipped
        kind = type(server).__name__
    assert not server.folder.exists()
    code = KILLED.format(kind=kind)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout
    pid, folder = said.split()
    eventually(lambda: not psutil.pid_exists(int(pid)))
    eventually(lambda: not Path(folder).exists())


def test_a_server_that_was_killed_comes_back(redis_server: RedisServer) -> None:
    pid = redis_server.process and redis_server.process.pid
    redis_server.stop()
    redis_server.start()
    assert redis_server.process is not None
    assert redis_server.process.pid != pid
