"""Progress of jobs as it happens: over a WebSocket, and as server-sent events for those who have none.

* A listener has a `Mailbox` that holds one event: a newer one takes the place of one that was not sent yet. So a
  slow listener gets fewer events, costs no memory, and always gets the last.
* One that takes nothing for `STALL_S` is let go; nobody waits for anybody else. The system holds a few dozen events
  for a listener and no more (`_hold_little`): else megabytes would have to pass before anybody noticed, and a slow
  listener would get all that is old.
* When nothing happens the last event is sent again (over a socket) or a comment (in a stream), so that proxies keep
  the connection and both ends learn when the other is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from collections.abc import AsyncIterator
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler, WebSocketProtocol13

from workbench import tabular
from workbench.jobs.manager import ProgressEvent
from workbench.server.models.jobs import SinceQuery
from workbench.server.problem import Problem
from workbench.server.route import Route, operation
from workbench.server.service import Service

HEARTBEAT_S = 20.0
STALL_S = 30.0
_MOST_LISTENERS = 2000
_HELD_BYTES = 1 << 14


class Mailbox:
    """The newest event that a listener has not got, put there by any thread.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        That of the listener.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._news = asyncio.Event()
        self._event: ProgressEvent | None = None
        self.closed = False

    def put(self, event: ProgressEvent) -> None:
        """Take an event, from any thread; returns at once."""
        self._event = event
        with contextlib.suppress(RuntimeError):  # its loop has just ended
            self._loop.call_soon_threadsafe(self._news.set)

    def close(self) -> None:
        """Let the listener go, from its own loop."""
        self.closed = True
        self._news.set()

    async def take(self, timeout: float) -> ProgressEvent | None:
        """Wait for an event; None when there was none in time, seconds, or the mailbox is closed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._event is None and not self.closed:
                    self._news.clear()
                    await self._news.wait()  # an event that came before the last line has its call of `set` to come
        event, self._event = self._event, None
        return event


@contextlib.asynccontextmanager
async def listening(service: Service, job_id: int, since: int | None) -> AsyncIterator[Mailbox]:
    """Listen to a job for as long as the block lasts."""
    if len(service.mailboxes) >= _MOST_LISTENERS or service.stopping:
        raise Problem(503, "No more listeners are taken now.", headers={"Retry-After": "30"})
    mailbox = Mailbox(asyncio.get_running_loop())
    service.mailboxes.add(mailbox)
    service.metrics.listeners.set(len(service.mailboxes))
    subscription = None
    try:
        subscription = await service.call(lambda: service.jobs.subscribe(job_id, since, mailbox.put))
        yield mailbox
    finally:
        if subscription is not None:
            subscription.close()
        service.mailboxes.discard(mailbox)
        service.metrics.listeners.set(len(service.mailboxes))


@functools.lru_cache(maxsize=16)
def _text(event: ProgressEvent) -> str:
    """Write an event, once for all who listen."""
    return tabular.to_json(event.to_dict(), indent=None)


async def _within_stall(written: asyncio.Future[None]) -> None:
    """Wait until what was written is on its way; `TimeoutError` when the listener takes nothing.

    What was not is left alone: Tornado logs an error for a write that is cancelled.
    """
    done, _ = await asyncio.wait([written], timeout=STALL_S)
    if not done:
        written.add_done_callback(lambda late: late.cancelled() or late.exception())  # it ends with the connection
        raise TimeoutError
    await written


def _hold_little(stream: IOStream) -> None:
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _HELD_BYTES)


class Progress(Route, WebSocketHandler):
    """A socket that tells the progress of a job."""

    pattern = "/ws/progress/{job_id}"
    _stream_request_body = False

    def check_origin(self, origin: str = "") -> bool:
        """`Route.prepare` has looked."""
        return True

    def get_compression_options(self) -> dict[str, Any] | None:
        """Messages are too short for it."""
        return None

    async def get(self, *path: str, **named: str) -> None:
        """Look before the connection becomes a socket, so that a refusal is a problem like any other."""
        try:
            asked = self.read_query(SinceQuery)
            await self.service.call(lambda: self.service.jobs.get(int(path[0])))
        except Exception as error:
            self.refuse(error)
            return
        self._since = asked.since
        await super().get(*path, **named)

    setattr(get, "__allow_unauthenticated", False)

    async def open(self, *path: str, **named: str) -> None:
        """Send events until the job has ended or the listener is gone."""
        if isinstance(self.ws_connection, WebSocketProtocol13):
            _hold_little(self.ws_connection.stream)
        self._task = asyncio.create_task(self._tell(int(path[0])))

    async def _tell(self, job_id: int) -> None:
        with contextlib.suppress(WebSocketClosedError, StreamClosedError):
            try:
                async with listening(self.service, job_id, self._since) as self._mailbox:
                    await self._send_all(self._mailbox)
            except TimeoutError:
                self.service.metrics.dropped.inc()
                self._cut()
            except Problem as problem:
                self.close(1013, problem.detail[:100])

    async def _send_all(self, mailbox: Mailbox) -> None:
        last = None
        while self.ws_connection is not None:
            event = await mailbox.take(HEARTBEAT_S)
            if mailbox.closed and event is None:
                self.close(1001, "The server stops, or you are gone.")
                return
            last = event or last
            if last is not None:
                await _within_stall(self.write_message(_text(last)))
                if last.state.finished:
                    self.close(1000, "The job has ended.")
                    return

    def _cut(self) -> None:
        """Close without a goodbye, which a stalled listener would not take either."""
        stream = self.ws_connection.stream if isinstance(self.ws_connection, WebSocketProtocol13) else None
        if stream is not None:
            stream.close()

    def on_message(self, message: str | bytes) -> None:
        """Nothing is expected from listeners; what they send is forgotten."""

    def on_close(self) -> None:
        """Stop sending."""
        mailbox = getattr(self, "_mailbox", None)
        if mailbox is not None:
            mailbox.close()


class Events(Route):
    """The same as server-sent events (WHATWG HTML, section 9.2)."""

    pattern = "/jobs/{job_id}/events"

    @operation("Progress of a job as server-sent events", query=SinceQuery, media=("text/event-stream",),
               refusals=(404,))  # fmt: skip
    async def get(self, job_id: str, asked: SinceQuery) -> None:
        """Send events until the job has ended or the listener is gone."""
        since = asked.since
        resumed = self.request.headers.get("Last-Event-ID", "")
        if resumed.isascii() and resumed.isdigit() and len(resumed) < 16:
            since = int(resumed)
            status = await self.service.call(lambda: self.service.jobs.get(int(job_id)))
            if status.state.finished and status.seq <= since:
                self.set_status(204)  # which tells a browser not to come back
                return
        async with listening(self.service, int(job_id), since) as self._mailbox:
            self.set_header("Content-Type", "text/event-stream; charset=utf-8")
            self.set_header("X-Accel-Buffering", "no")  # nginx would keep events back
            if isinstance(self.request.connection, HTTP1Connection):
                _hold_little(self.request.connection.stream)
            try:
                await self._send_all(self._mailbox)
            except StreamClosedError:
                return
            except TimeoutError:
                self.service.metrics.dropped.inc()
                if isinstance(self.request.connection, HTTP1Connection):
                    self.request.connection.close()

    async def _send_all(self, mailbox: Mailbox) -> None:
        while not mailbox.closed:
            event = await mailbox.take(HEARTBEAT_S)
            if event is None:
                self.write(": \n\n")
            else:
                self.write(f"id: {event.seq}\nevent: progress\ndata: {_text(event)}\n\n")
            await _within_stall(self.flush())
            if event is not None and event.state.finished:
                return

    def on_connection_close(self) -> None:
        """Stop sending."""
        super().on_connection_close()
        mailbox = getattr(self, "_mailbox", None)
        if mailbox is not None:
            mailbox.close()


routes = [Progress, Events]
