"""A server as a process of its own, with a library that a test may change. Fixtures; see `tests.jobs.collection`."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.jobs.collection import Analyzed, environment

BASE = "/api/v1"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
COMMAND = "import sys; sys.argv[0] = 'workbench'; from workbench.cli import main; main()"


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem, which must be a whole one."""
        assert self.headers["Content-Type"] == "application/problem+json", (self.status, self.body[:300])
        problem = self.json
        assert problem.keys() >= {"type", "title", "status", "code", "detail", "request_id"}
        assert problem["status"] == self.status
        return str(problem["code"])


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes
    ----------
    url : root of the API
    token : of its owner
    process : the server
    music : the collection of its library, for reading only
    inbox : another folder that it may analyze, for tests to write to
    library : its library's folder
    log : file with what it wrote to standard error
    """

    url: str
    token: str
    process: subprocess.Popen[str]
    music: Path
    inbox: Path
    library: Path
    log: Path

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        token: bool = True,
    ) -> Answer:
        """Send a request below the root of the API, or anywhere after ``!``; a body that is no bytes goes as JSON."""
        sent = (self.bearer if token else {}) | dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path[1:] if path.startswith("!") else BASE + path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **named: Any) -> Any:
        """Send a GET that must succeed, and give its JSON."""
        answer = self.ask("GET", path, **named)
        assert answer.status == 200, answer.body
        return answer.json

    def track(self, name: str) -> dict[str, Any]:
        """Give a track by the end of its path."""
        found = [track for track in self.get("/tracks?limit=500")["tracks"] if track["path"].endswith(name)]
        return dict(found[0])


def start(folder: Path, source: Analyzed, *arguments: str, **settings: str) -> Served:
    """Start a server with a copy of a library, more arguments and settings."""
    library, inbox = folder / "served.library", folder / "inbox"
    inbox.mkdir()
    shutil.copytree(source.path, library)
    variables = environment(
        WORKBENCH_LIBRARY=str(library),
        WORKBENCH_CREDENTIALS=str(folder / "credentials.json"),
        WORKBENCH_ROOTS=os.pathsep.join([str(source.music), str(inbox)]),
        WORKBENCH_GUESSES_PER_MINUTE="100000",
        WORKBENCH_REQUESTS_PER_S="10000",
        **settings,
    )
    log = folder / "log.jsonl"
    with open(log, "w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "serve", "--port", "0", "--json", *arguments],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    said = ""
    while not said.endswith("}\n"):
        line = process.stdout.readline()
        assert line, log.read_text()
        said += line
    process.stdout.close()
    told = json.loads(said)
    return Served(told["url"], told["token"], process, source.music, inbox, library, log)


def stop(served: Served) -> int:
    """Ask a server to stop, and give its exit code."""
    served.process.send_signal(signal.SIGTERM)
    return served.process.wait(60)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, analyzed: Analyzed, cluster: str) -> Iterator[Served]:
    """Give a server whose jobs run on the cluster of the tests."""
    running = start(tmp_path_factory.mktemp("served"), analyzed, WORKBENCH_SCHEDULER=cluster)
    yield running
    assert running.process.poll() is None, "the server has ended before its tests"
    assert stop(running) == 0


def finished(served: Served, job_id: int) -> dict[str, Any]:
    """Wait for the end of a job."""
    for _ in range(600):
        job = served.get(f"/jobs/{job_id}")
        if job["state"] in ("done", "failed", "cancelled"):
            return dict(job)
        time.sleep(0.1)
    raise AssertionError(f"job {job_id} does not end")


def multipart(*parts: tuple[str, str | None, bytes], boundary: str = "limit") -> tuple[bytes, dict[str, str]]:
    """Make a body of parts, each with name, file name and data, and its header."""
    body = b""
    for name, filename, data in parts:
        named = f'; filename="{filename}"' if filename is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}
