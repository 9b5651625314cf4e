"""The server as a process: it starts, tells its secret once, drains, and stops."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from tests.jobs.collection import Analyzed, environment
from tests.server.serving import BASE, COMMAND, Served, multipart, start
from tests.services import eventually
from workbench.library import Library


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", COMMAND, *arguments]
    return subprocess.run(command, env=environment(**settings), capture_output=True, text=True, timeout=60, check=False)


def test_users_come_and_go(tmp_path: Path) -> None:
    file = {"WORKBENCH_CREDENTIALS": str(tmp_path / "c.json")}
    assert json.loads(run("user", "--json", **file).stdout) == []
    token = json.loads(run("user", "ada", "--json", **file).stdout)["token"]
    assert token.startswith("ada.")
    assert json.loads(run("user", "--json", **file).stdout) == ["ada"]
    assert run("user", "ada", "--remove", **file).returncode == 0
    missing = run("user", "ada", "--remove", **file)
    assert missing.returncode == 2
    assert "Nobody is called 'ada'" in missing.stderr


def test_a_port_that_is_taken(tmp_path: Path, analyzed: Analyzed, served: Served) -> None:
    port = served.host.split(":")[1]
    settings = {"WORKBENCH_CREDENTIALS": str(tmp_path / "c.json"), "WORKBENCH_LIBRARY": str(analyzed.path)}
    answer = run("serve", "--port", port, "--json", **settings)
    assert answer.returncode == 2
    assert "cannot be opened" in answer.stdout


@pytest.mark.parametrize("mb", [64, pytest.param(500, marks=pytest.mark.slow)])
def test_an_upload_takes_no_memory(served: Served, mb: int) -> None:
    body, headers = multipart(("file", "a.wav", b"@"))
    head, tail = body.split(b"@")
    size, piece = mb * 1_000_000, b"no audio at all." * 65_536
    server = psutil.Process(served.process.pid)
    # what is loaded at the first question of each kind is loaded before
    served.ask("POST", "/audio/find-similar", {"track_id": served.track("rock/one.flac")["id"], "where": "bpm > 0"})
    served.ask("POST", "/playlists/generate", {"n": 1})
    served.ask("POST", "/audio/find-similar", body, headers=headers)
    before = most = server.memory_info().rss
    connection = http.client.HTTPConnection(served.host, timeout=120)
    connection.putrequest("POST", f"{BASE}/audio/find-similar")
    for name, value in {**headers, **served.bearer, "Content-Length": str(size)}.items():
        connection.putheader(name, value)
    connection.endheaders(head)
    left = size - len(head) - len(tail)
    while left:
        connection.send(piece[:left])
        left -= min(left, len(piece))
        most = max(most, server.memory_info().rss)
    connection.send(tail)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (422, "audio-not-audio")  # all of it was taken
    connection.close()
    assert most - before < 24_000_000
    eventually(lambda: not list((served.library / "uploads" / ".incoming").iterdir()))


@pytest.mark.slow
def test_a_server_that_is_asked_to_stop_lets_an_upload_come_to_its_end(tmp_path: Path, analyzed: Analyzed) -> None:
    running = start(tmp_path, analyzed)
    track = running.track("rock/one.flac")
    body, headers = multipart(("file", "a.flac", Path(track["path"]).read_bytes()))
    connection = http.client.HTTPConnection(running.host, timeout=60)
    connection.putrequest("POST", f"{BASE}/audio/find-similar")
    for name, value in {**headers, **running.bearer, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(body[:1000])
    running.ask("GET", "/healthz")
    running.process.send_signal(signal.SIGTERM)
    threading.Timer(1.0, lambda: connection.send(body[1000:])).start()
    answer = connection.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read())["results"]
    connection.close()
    assert running.process.wait(60) == 0
    assert running.token.partition(".")[2] not in running.log.read_text()


@pytest.mark.slow
def test_a_server_that_comes_back_goes_on_unasked(tmp_path: Path, analyzed: Analyzed) -> None:
    running = start(tmp_path, analyzed)
    running.process.kill()
    running.process.wait()
    with Library.open(running.library) as library:
        job_id = library.job_manager().submit([str(analyzed.music)], owner="ada").job_id
        again = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "serve", "--port", "0", "--json"],
            env=environment(
                WORKBENCH_LIBRARY=str(running.library), WORKBENCH_CREDENTIALS=str(tmp_path / "credentials.json")
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: library.job_manager().get(job_id).state.finished, within_s=60)
        finally:
            again.terminate()
            assert again.wait(60) == 0
