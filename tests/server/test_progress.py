"""Progress as it happens: sockets, event streams, and listeners that are slow, late, many or gone."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.jobs.collection import write_track
from tests.server.serving import UPGRADE, Served, finished
from workbench.jobs.manager import ProgressEvent
from workbench.schema import JobState
from workbench.server.models.jobs import ProgressRecord
from workbench.server.progress import Mailbox


def event(seq: int, state: JobState = JobState.RUNNING) -> ProgressEvent:
    return ProgressEvent(seq, 1, state, 50.0, "a.wav", 1.0, 1, 0, 2, 1.0)


async def connected(served: Served, job_id: int, query: str = "", **headers: str) -> WebSocketClientConnection:
    url = f"ws://{served.host}/api/v1/ws/progress/{job_id}{query}"
    return await websocket_connect(HTTPRequest(url, headers=served.bearer | headers))


async def heard(served: Served, job_id: int, query: str = "") -> list[dict[str, Any]]:
    """All messages until the server closes the socket."""
    socket = await connected(served, job_id, query)
    messages = []
    while (message := await asyncio.wait_for(socket.read_message(), 60)) is not None:
        messages.append(json.loads(message))
    assert socket.close_code == 1000
    socket.close()  # what the server has closed counts as open here until this end says so too
    return messages


async def leave(socket: WebSocketClientConnection) -> None:
    """Close a socket from this end, and wait until it is."""
    socket.close()
    while await socket.read_message() is not None:
        pass


def new_job(served: Served, name: str, n: int = 3) -> int:
    """Submit a job that has something to do."""
    folder = served.inbox / name
    for number in range(n):
        write_track(folder / f"{number}.wav", 1000 * hash_of(name) + number)
    answer = served.ask("POST", "/audio/batch-analyze", {"paths": [str(folder)]})
    assert answer.status == 202, answer.body
    return int(answer.json["job_id"])


def hash_of(name: str) -> int:
    return sum(name.encode()) % 1000


def check(messages: list[dict[str, Any]], job_id: int) -> None:
    """What holds for every sequence of messages."""
    assert messages
    assert all(set(message) == set(ProgressRecord.model_fields) for message in messages)
    assert {message["job_id"] for message in messages} == {job_id}
    numbers = [message["seq"] for message in messages]
    assert numbers == sorted(numbers)
    assert (messages[-1]["state"], messages[-1]["percentage"]) == ("done", 100.0)


def test_many_listeners_hear_the_end_of_a_job(served: Served) -> None:
    job_id = new_job(served, "many")

    async def listen() -> list[list[dict[str, Any]]]:
        return await asyncio.gather(*(heard(served, job_id) for _ in range(20)))

    everyone = asyncio.run(listen())
    for messages in everyone:
        check(messages, job_id)
    late = asyncio.run(heard(served, job_id))  # the job has ended: the last event, and the end
    assert len(late) == 1
    check(late, job_id)
    up_to_date = asyncio.run(heard(served, job_id, f"?since={late[0]['seq']}"))
    check(up_to_date, job_id)  # that a job has ended is always told


def test_a_stream_of_events(served: Served) -> None:
    job_id = new_job(served, "stream")
    answer = served.ask("GET", f"/jobs/{job_id}/events")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    blocks = [block.splitlines() for block in answer.body.decode().strip().split("\n\n") if not block.startswith(":")]
    messages = [json.loads(block[2].removeprefix("data: ")) for block in blocks]
    check(messages, job_id)
    assert [block[:2] for block in blocks] == [[f"id: {m['seq']}", "event: progress"] for m in messages]
    again = served.ask("GET", f"/jobs/{job_id}/events", headers={"Last-Event-ID": str(messages[-1]["seq"])})
    assert again.status == 204  # so that the browser does not come back for ever


@pytest.mark.parametrize(
    ("job_id", "headers", "token", "status"),
    [
        (999_999, {}, True, 404),
        (1, {"Origin": "http://evil.example"}, True, 403),
        (1, {}, False, 401),
    ],
)
def test_refusals_come_before_the_socket(
    served: Served, job_id: int, headers: dict[str, str], token: bool, status: int
) -> None:
    answer = served.ask("GET", f"/ws/progress/{job_id}", headers=UPGRADE | headers, token=token)
    assert answer.status == status
    assert answer.code


def test_a_socket_of_ones_own_page(served: Served) -> None:
    job_id = new_job(served, "own page", 1)

    async def listen() -> str | bytes | None:
        socket = await connected(served, job_id, Origin=f"http://{served.host}")
        message = await socket.read_message()
        await leave(socket)
        return message

    assert json.loads(asyncio.run(listen()) or "")["job_id"] == job_id


def test_listeners_that_are_gone_are_forgotten(served: Served) -> None:
    job_id = new_job(served, "gone", 1)
    finished(served, job_id)

    async def come_and_go() -> None:
        for _ in range(5):
            await leave(await connected(served, job_id))

    asyncio.run(come_and_go())
    for _ in range(50):
        metrics = served.ask("GET", "/metrics").body.decode()
        if "workbench_progress_listeners 0.0" in metrics:
            return
        time.sleep(0.1)
    raise AssertionError("listeners stay")


# --- mailboxes ------------------------------------------------------------------------------------


def run(test: Callable[[Mailbox], Any]) -> None:
    async def inside() -> None:
        await test(Mailbox(asyncio.get_running_loop()))

    asyncio.run(inside())


def test_a_slow_listener_gets_the_newest_event_alone() -> None:
    async def test(mailbox: Mailbox) -> None:
        for seq in range(10_000):
            mailbox.put(event(seq))
        newest = await mailbox.take(1)
        assert newest is not None
        assert newest.seq == 9_999
        assert await mailbox.take(0.01) is None

    run(test)


def test_the_last_event_of_many_threads_arrives() -> None:
    async def test(mailbox: Mailbox) -> None:
        def put() -> None:
            for seq in range(2_000):
                mailbox.put(event(seq))
            mailbox.put(event(2_000, JobState.DONE))

        thread = threading.Thread(target=put)
        thread.start()
        seen = [-1]
        while seen[-1] < 2_000:
            got = await mailbox.take(5)
            assert got is not None
            seen.append(got.seq)
        assert seen == sorted(set(seen))
        thread.join()

    run(test)


def test_a_closed_mailbox_wakes_its_listener() -> None:
    async def test(mailbox: Mailbox) -> None:
        asyncio.get_running_loop().call_later(0.01, mailbox.close)
        began = time.monotonic()
        assert await mailbox.take(30) is None
        assert time.monotonic() - began < 5
        assert mailbox.closed

    run(test)


def test_a_mailbox_whose_loop_has_ended_takes_events_without_a_word(tmp_path: Path) -> None:
    kept: list[Mailbox] = []

    async def test(mailbox: Mailbox) -> None:
        kept.append(mailbox)

    run(test)
    kept[0].put(event(1))
