"""`Client` and `AsyncClient`: two ways of sending the same calls, and of listening to progress.

* HTTP is httpx2's, which has both ways; sockets are those of websockets, because its asynchronous ones may be left in
  the middle of an iteration, which one that lives in a task group may not.
* A lost socket is opened again, after pauses that grow, with the ``seq`` of the last event: nothing that matters is
  missed. A server that refuses is not asked again.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosedError, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

from workbench.client.ask import Ask, Steps
from workbench.client.calls import Calls
from workbench.client.problems import error_of
from workbench.config import load_settings
from workbench.errors import InputError, ServerUnreachableError
from workbench.server.models.jobs import ProgressRecord

T = TypeVar("T")

#: Where `workbench serve` has its API, below an address without a path.
_ROOT = "/api/v1"
#: The first answer to an upload may wait for its audio to be decoded, seconds.
_TIMEOUT = httpx2.Timeout(120.0, connect=10.0)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_LOST = (OSError, TimeoutError, InvalidHandshake, ConnectionClosedError)


class _Server(Calls):
    """Where the server is, and who asks: what both clients begin with. See `Client`."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        certificates: ssl.SSLContext | None = None,
        patience_s: float = 60.0,
    ) -> None:
        if url is None or token is None:
            settings = load_settings()
            meant = url or settings.server
            is_for_it = settings.server is None or _root_of(settings.server) == _root_of(meant)
            if token is None and settings.token is not None and is_for_it:  # else it would be shown to another server
                token = settings.token.get_secret_value()
            url = meant
        self.url = _root_of(url)
        self.patience_s = patience_s
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        secure = self.url.startswith("https:")
        self._trusted = (certificates or httpx2.create_ssl_context()) if secure else None

    @property
    def _sending(self) -> dict[str, Any]:
        """What either kind of `httpx2` client is made with."""
        return {"headers": self._headers, "timeout": _TIMEOUT, "verify": self._trusted or True}

    @property
    def _connecting(self) -> dict[str, Any]:
        """What either kind of socket is opened with."""
        return {"additional_headers": self._headers, "ssl": self._trusted}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"


class Client(_Server):
    """The library of a server. It is closed at the end of a ``with`` block, or by `close`.

    Parameters
    ----------
    url : str, optional
        Of the server, such as ``http://music.local:8765``, or the root of its API: in a Jupyter Server
        ``http://localhost:8888/workbench/api/v1``. Default: the setting ``server``.
    token : str, optional
        Who asks; default: the setting ``token``, unless that is for another server.
    certificates : ssl.SSLContext, optional
        What is trusted over TLS; default: what the system trusts.
    patience_s : float
        How long `progress` looks for a server that went away, seconds.

    Raises
    ------
    InputError
        Here when there is no URL, or no such; by the calls when the server refuses what is asked.
    AccessDeniedError
        By the calls, when the server does not let this client in.
    ServerUnreachableError
        By the calls, when it does not answer; and whatever else a `Library` raises.

    Examples
    --------
    >>> from workbench.client import Client
    >>> with Client("http://127.0.0.1:8765", token="ada.secret") as client:
    ...     client
    <Client http://127.0.0.1:8765/api/v1>
    """

    @functools.cached_property
    def _http(self) -> httpx2.Client:
        return httpx2.Client(**self._sending)

    def run(self, steps: Steps[T]) -> T:
        """Do what a call describes."""
        try:
            ask = next(steps)
            while True:
                try:
                    answer = self._send(ask)
                except BaseException as error:
                    ask = steps.throw(error)
                else:
                    ask = steps.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what the steps return

    def _send(self, ask: Ask) -> httpx2.Response:
        with _reached(self.url), self._http.stream(**ask.arguments(self.url)) as answer:
            if ask.into is None or answer.is_error:
                answer.read()
            else:
                for piece in answer.iter_bytes():
                    ask.into(piece)
        return _accepted(answer, ask)

    def progress(self, job_id: int, *, since: int | None = None) -> Iterator[ProgressRecord]:
        """Tell how far a job is whenever that has changed, until it has ended.

        Parameters
        ----------
        job_id : int
        since : int, optional
            ``seq`` of the last event that you have. Whatever happens to the connection, the last event is told.

        Raises
        ------
        NotFoundError
            When there is no such job.
        ServerUnreachableError
            When the server went away and has not come back in ``patience_s``.

        Examples
        --------
        >>> from workbench.client import Client
        >>> def follow(client: Client, job_id: int) -> None:
        ...     for event in client.progress(job_id):
        ...         print(f"{event.percentage:.0f} %, {event.eta_s} s to go")
        """
        listener = _Listener(self, job_id, since)
        while not listener.ended:
            lost = None
            try:
                with connect(listener.url, **self._connecting) as socket:
                    for message in socket:
                        if (event := listener.take(message)) is not None:
                            yield event
            except _LOST as error:
                lost = error
            if not listener.ended:
                time.sleep(listener.pause(lost))

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Server):
    """The same for asyncio: every call is awaited, and `progress` is an asynchronous iterator.

    Examples
    --------
    >>> import asyncio
    >>> from workbench.client import AsyncClient
    >>> async def look(url: str, token: str, job_id: int) -> None:
    ...     async with AsyncClient(url, token) as client:
    ...         tracks, jobs = await asyncio.gather(client.tracks("bpm > 120"), client.jobs())
    ...         async for event in client.progress(job_id):
    ...             print(event.percentage)
    """

    @functools.cached_property
    def _http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(**self._sending)

    async def run(self, steps: Steps[T]) -> T:
        """Do what a call describes."""
        try:
            ask = next(steps)
            while True:
                try:
                    answer = await self._send(ask)
                except BaseException as error:
                    ask = steps.throw(error)
                else:
                    ask = steps.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what the steps return

    async def _send(self, ask: Ask) -> httpx2.Response:
        with _reached(self.url):
            async with self._http.stream(**ask.arguments(self.url)) as answer:
                if ask.into is None or answer.is_error:
                    await answer.aread()
                else:
                    async for piece in answer.aiter_bytes():
                        ask.into(piece)
        return _accepted(answer, ask)

    async def progress(self, job_id: int, *, since: int | None = None) -> AsyncIterator[ProgressRecord]:
        """Tell how far a job is whenever that has changed, until it has ended; see `Client.progress`."""
        listener = _Listener(self, job_id, since)
        while not listener.ended:
            lost = None
            try:
                async with connect_async(listener.url, **self._connecting) as socket:
                    async for message in socket:
                        if (event := listener.take(message)) is not None:
                            yield event
            except _LOST as error:
                lost = error
            if not listener.ended:
                await asyncio.sleep(listener.pause(lost))

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()


class _Listener:
    """What a listener knows: where it left off, whether the job has ended, and how long nothing was heard."""

    def __init__(self, server: _Server, job_id: int, since: int | None) -> None:
        self.ended = False
        self._server, self._since = server, since
        self._path = f"/ws/progress/{job_id}"
        self._heard: float | None = None
        self._tries = 0

    @property
    def url(self) -> str:
        """Where to listen, from where it left off."""
        since = "" if self._since is None else f"?since={self._since}"
        return f"ws{self._server.url.removeprefix('http')}{self._path}{since}"

    def take(self, message: str | bytes) -> ProgressRecord | None:
        """Read a message; None if it says nothing new."""
        event = ProgressRecord.model_validate_json(message)
        self.ended = event.state.finished
        self._heard, self._tries = time.monotonic(), 0
        if self._since is not None and event.seq <= self._since and not self.ended:
            return None
        self._since = event.seq
        return event

    def pause(self, error: Exception | None) -> float:
        """Say how long to wait before the next try, seconds; raises when there is to be none."""
        if isinstance(error, InvalidStatus):
            response = error.response
            if response.status_code < 500 and response.status_code != 429:
                raise error_of(
                    response.status_code, bytes(response.body or b""), self._server.url + self._path
                ) from error
        if self._heard is None or time.monotonic() - self._heard > self._server.patience_s:
            raise _unreachable(self._server.url, error) from error
        self._tries += 1
        return random.uniform(0.5, 1.0) * min(_FIRST_PAUSE_S * 2.0 ** min(self._tries, 10), _LONGEST_PAUSE_S)


def _accepted(answer: httpx2.Response, ask: Ask) -> httpx2.Response:
    """Give an answer back; one that is a refusal is raised."""
    if answer.is_success or answer.status_code in ask.accepted:
        return answer
    raise error_of(answer.status_code, answer.content, str(answer.url))


@contextlib.contextmanager
def _reached(url: str) -> Iterator[None]:
    """Turn the failure to reach the server into an error that says what to do."""
    try:
        yield
    except httpx2.TransportError as error:
        raise _unreachable(url, error) from error


def _unreachable(url: str, error: Exception | None) -> ServerUnreachableError:
    return ServerUnreachableError(
        f"The server at {url} does not answer: {error or 'it closes the connection'}.",
        "Check that it runs, and its address.",
    )


def _root_of(url: str | None) -> str:
    """Give the root of the API.

    >>> _root_of("http://music.local:8765/"), _root_of("https://lab/user/ada/workbench/api/v1")
    ('http://music.local:8765/api/v1', 'https://lab/user/ada/workbench/api/v1')
    """
    remedy = "Give it as http://host:8765, here or as the setting WORKBENCH_SERVER."
    if url is None:
        raise InputError("It is not said which server to ask.", remedy)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise InputError(f"{url!r} is no address of a server.", remedy)
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path or _ROOT}"
