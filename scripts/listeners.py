"""Clients that follow a job over web sockets which break all the time, as a browser's on a train do."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

#: A connection lasts so long at most, seconds.
LONGEST_S = 1.2
#: Between attempts to reach a server that is not there.
PAUSE_S = 0.1
CONNECT_S = 10.0


@dataclass(frozen=True, slots=True)
class Heard:
    """An event: when it came, when its connection had been made, and which the listener had before."""

    at: float
    connected: float
    before: int
    event: dict[str, Any]


@dataclass
class Listener:
    """Follows a job to its end, each time from the last event that it has.

    Attributes
    ----------
    ports, token : where servers are, and who asks
    job_id : which job
    rng : chooses the server, how long a connection lasts, and how it ends
    connects : how often a socket was opened
    heard : all events
    wrong : sentences on what was not as promised
    """

    ports: Sequence[int]
    token: str
    job_id: int
    rng: random.Random
    connects: int = 0
    heard: list[Heard] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def has_ended(self) -> bool:
        """Whether the end of the job was heard."""
        return bool(self.heard) and self.heard[-1].event["state"] in ("done", "failed", "cancelled")

    async def follow(self) -> None:
        """Listen until the end of the job."""
        from tornado.httpclient import HTTPClientError, HTTPRequest
        from tornado.websocket import WebSocketError, websocket_connect

        while not self.has_ended:
            since = f"?since={self.heard[-1].event['seq']}" if self.heard else ""
            url = f"ws://127.0.0.1:{self.rng.choice(self.ports)}/api/v1/ws/progress/{self.job_id}{since}"
            request = HTTPRequest(url, headers={"Authorization": f"Bearer {self.token}"}, connect_timeout=CONNECT_S)
            try:
                connection = await asyncio.wait_for(websocket_connect(request), CONNECT_S)
            except (OSError, TimeoutError, HTTPClientError, WebSocketError):  # killed, stopped, or without a catalog
                await asyncio.sleep(PAUSE_S)
                continue
            self.connects += 1
            await self._listen(connection, time.monotonic())
            if self.rng.random() < 0.5:
                self._cut(connection)
            connection.close()

    async def _listen(self, connection: Any, connected: float) -> None:
        until = connected + self.rng.uniform(0.0, LONGEST_S)
        while (left := until - time.monotonic()) > 0 and not self.has_ended:
            try:
                message = await asyncio.wait_for(connection.read_message(), left)
            except TimeoutError:
                return
            if message is None:
                return
            self._take(json.loads(message), connected)

    def _take(self, event: dict[str, Any], connected: float) -> None:
        last = self.heard[-1].event if self.heard else None
        if last is not None and event["seq"] <= last["seq"]:
            self.wrong.append(f"event {event['seq']} came after {last['seq']}")
        if last is not None and event["done"] < last["done"]:
            self.wrong.append(f"of {last['done']} files that were done {event['done']} were left")
        self.heard.append(Heard(time.monotonic(), connected, last["seq"] if last else -1, event))

    def _cut(self, connection: Any) -> None:
        """End the connection without a word, as when the network goes."""
        stream = getattr(getattr(connection, "protocol", None), "stream", None)
        if stream is not None and stream.socket is not None:
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.close()


class Crowd:
    """Listeners in a thread with a loop of their own, which stops when all have heard the end, or when it is told to.

    Parameters
    ----------
    listeners : sequence of Listener
    """

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.listeners = listeners
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._all = self._loop.create_task(self._follow())
        try:
            self._loop.run_until_complete(self._all)
        except asyncio.CancelledError:
            return  # told to, by `end`
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _follow(self) -> None:
        await asyncio.gather(*(each.follow() for each in self.listeners))

    def end(self, timeout: float) -> list[str]:
        """Wait until all have heard the end; give sentences on what was wrong."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._all.cancel)
            self._thread.join(10)
        wrong = [sentence for each in self.listeners for sentence in each.wrong]
        return wrong + [
            f"a listener missed the end: {[heard.event for heard in each.heard[-2:]]}"
            for each in self.listeners
            if not each.has_ended
        ]

    @property
    def connects(self) -> int:
        """How many sockets were opened."""
        return sum(each.connects for each in self.listeners)
