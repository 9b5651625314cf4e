"""A listener that loses its server comes back with what it has, tells nothing twice, and knows when to give up."""

from __future__ import annotations

import asyncio
import contextlib
import http
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from workbench import errors, tabular
from workbench.client import AsyncClient, Client, clients
from workbench.schema import JobState

Scene = Callable[[ServerConnection], object]


def message(seq: int, state: JobState = JobState.RUNNING) -> str:
    unknown = dict.fromkeys(("current_file", "eta_s", "rate"))
    counted = {"percentage": 1.0, "done": 0, "failed": 0, "total": 1}
    return tabular.to_json({"seq": seq, "job_id": 7, "state": state.value, **unknown, **counted})


def sends(*messages: str, then: Scene = lambda socket: None) -> Scene:
    """Send, and close as one does, or otherwise."""

    def play(socket: ServerConnection) -> None:
        for one in messages:
            socket.send(one)
        then(socket)

    return play


def cut(socket: ServerConnection) -> None:
    """End the connection as a cable that is pulled does."""
    socket.socket.close()


class Stage:
    """A server that plays a scene for each connection, or refuses it.

    Attributes
    ----------
    url : where it is
    asked : what was asked for by each connection
    """

    def __init__(self, scenes: list[Scene | http.HTTPStatus]) -> None:
        self.asked: list[str] = []
        self._scenes = iter(scenes)
        self._scene: Scene | None = None
        self._server = serve(self._play, "127.0.0.1", 0, process_request=self._refuse)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def close(self) -> None:
        self._server.shutdown()

    def _refuse(self, socket: ServerConnection, request: Request) -> Response | None:
        self.asked.append(request.path)
        scene = next(self._scenes)
        if isinstance(scene, http.HTTPStatus):
            return Response(scene.value, scene.phrase, Headers({"Content-Length": "0"}))
        self._scene = scene
        return None

    def _play(self, socket: ServerConnection) -> None:
        assert self._scene is not None
        self._scene(socket)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_FIRST_PAUSE_S", 0.01)


@pytest.fixture
def stage() -> Iterator[Callable[..., Stage]]:
    with contextlib.ExitStack() as opened:

        def make(*scenes: Scene | http.HTTPStatus) -> Stage:
            made = Stage(list(scenes))
            opened.callback(made.close)
            return made

        yield make


def listen(url: str, **named: Any) -> list[int]:
    with Client(url, "a.b", patience_s=0.5) as client:
        return [event.seq for event in client.progress(7, **named)]


def listen_async(url: str, **named: Any) -> list[int]:
    async def run() -> list[int]:
        async with AsyncClient(url, "a.b", patience_s=0.5) as client:
            return [event.seq async for event in client.progress(7, **named)]

    return asyncio.run(run())


WAYS = pytest.mark.parametrize("listen", [listen, listen_async])
UNAVAILABLE, BUSY, GONE = http.HTTPStatus.BAD_GATEWAY, http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.NOT_FOUND


@WAYS
def test_it_comes_back_with_what_it_has(stage: Callable[..., Stage], listen: Callable[..., list[int]]) -> None:
    played = stage(
        sends(message(3), message(3), message(5), then=cut),  # a heartbeat is the last event again
        UNAVAILABLE,
        BUSY,
        sends(message(5), message(6)),  # closed in good order, as a server that stops does
        sends(message(9), then=lambda socket: socket.close(1013, "too many")),
        sends(message(9, JobState.DONE)),  # that it has ended is told, whatever its number
    )
    assert listen(played.url) == [3, 5, 6, 9, 9]
    path = "/api/v1/ws/progress/7"
    assert played.asked == [path, *[f"{path}?since=5"] * 3, f"{path}?since=6", f"{path}?since=9"]


@WAYS
def test_a_refusal_is_final(stage: Callable[..., Stage], listen: Callable[..., list[int]]) -> None:
    played = stage(sends(message(1), then=cut), GONE)
    with pytest.raises(errors.NotFoundError):
        listen(played.url, since=0)
    assert len(played.asked) == 2


@WAYS
def test_its_patience_ends(stage: Callable[..., Stage], listen: Callable[..., list[int]]) -> None:
    played = stage(sends(message(1), then=cut), *[UNAVAILABLE] * 1000)
    began = time.monotonic()
    with pytest.raises(errors.ServerUnreachableError, match="does not answer"):
        listen(played.url)
    assert 0.5 < time.monotonic() - began < 20


def test_an_iteration_that_is_left_closes_its_socket(stage: Callable[..., Stage]) -> None:
    closed = threading.Event()

    def play(socket: ServerConnection) -> None:
        socket.send(message(1))
        with contextlib.suppress(Exception):
            socket.recv(timeout=20)
        closed.set()

    async def run(url: str) -> None:
        async with AsyncClient(url, "a.b") as client:
            events = client.progress(7)
            assert (await anext(events)).seq == 1
            await events.aclose()  # type: ignore[attr-defined]

    asyncio.run(run(stage(play).url))
    assert closed.wait(20)
    with Client(stage(sends(message(1), then=lambda socket: time.sleep(0.1))).url, "a.b") as client:
        for event in client.progress(7):
            assert event.seq == 1
            break
