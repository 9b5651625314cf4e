"""Listeners that read nothing, against a real server in this process: they are let go, and nobody waits for them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.server.serving import BASE, UPGRADE
from workbench.config import Settings
from workbench.jobs.manager import JobManager
from workbench.server import progress
from workbench.server.credentials import Credentials
from workbench.server.service import Service
from workbench.server.standalone import listen, make_app


class Waiting(Service):
    """A service whose jobs stay in the queue."""

    @property
    def jobs(self) -> JobManager:
        if self._jobs is None:
            self._jobs = self.library.job_manager()
        return self._jobs


@contextlib.asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Service, str, dict[str, str]]]:
    """Serve a job in the queue, which says the same again and again: address, port, credentials."""
    credentials = Credentials(folder / "credentials.json")
    bearer = {"Authorization": f"Bearer {credentials.add('ada')}"}
    service = Waiting(Settings(library=folder / "a.library", credentials=credentials.path))
    (folder / "music").mkdir()
    service.jobs.submit([str(folder / "music")], owner="ada")
    server, port = listen(make_app(service, credentials), "127.0.0.1", 0)
    try:
        yield service, f"127.0.0.1:{port}", bearer
    finally:
        server.stop()
        await service.stop_listeners()
        await server.close_all_connections()
        service.close()


def silent(host: str, path: str, headers: dict[str, str]) -> socket.socket:
    """Ask for progress, and read nothing of it."""
    address, port = host.split(":")
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect((address, int(port)))
    lines = [f"GET {BASE}{path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    one.sendall("\r\n".join([*lines, "", ""]).encode())
    return one


@pytest.mark.parametrize(("path", "headers"), [("/ws/progress/1", UPGRADE), ("/jobs/1/events", {})])
def test_a_listener_that_reads_nothing_is_let_go_and_others_are_not(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    path: str,
    headers: dict[str, str],
) -> None:
    monkeypatch.setattr(progress, "STALL_S", 0.5)
    monkeypatch.setattr(progress, "HEARTBEAT_S", 0.002)
    original = progress._text
    monkeypatch.setattr(progress, "_text", lambda event: original(event) + " " * 500)  # so that buffers fill sooner

    if path.endswith("events"):  # which repeats only comments: let there be news all the time
        monkeypatch.setattr(progress.Mailbox, "take", _again_and_again)

    async def look() -> None:
        async with served(tmp_path) as (service, host, bearer):
            reading = await websocket_connect(HTTPRequest(f"ws://{host}{BASE}/ws/progress/1", headers=bearer))
            stalled = [silent(host, path, headers | bearer) for _ in range(3)]
            longest, at = 0.0, time.monotonic()
            for _ in range(2_000):  # megabytes before that would have gone into buffers
                assert await asyncio.wait_for(reading.read_message(), 30) is not None
                longest, at = max(longest, time.monotonic() - at), time.monotonic()
                if service.metrics.dropped._value.get() == 3:
                    break
            else:
                raise AssertionError("they are not let go")
            await asyncio.sleep(0.1)
            assert len(service.mailboxes) == 1
            assert await asyncio.wait_for(reading.read_message(), 30) is not None
            assert longest < 5
            for one in stalled:
                one.close()
            reading.close()
            while await reading.read_message() is not None:
                pass

    asyncio.run(look())
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def _again_and_again(mailbox: progress.Mailbox, timeout: float) -> progress.ProgressEvent | None:
    """Give the event that came last, also when it was given before."""
    await asyncio.sleep(timeout)
    return mailbox._event
