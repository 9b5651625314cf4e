"""How a call is written: what it asks of a server, and what it makes of the answers. Nothing here sends anything.

* A call is a generator: it yields an `Ask`, is given the answer, may ask again, and returns a value. So one that needs
  several requests, such as all pages of a list, is written once for both clients, as are its signature and its words.
* `call` makes it a method: of a `Client` one that returns the value, of an `AsyncClient` one that is awaited.
* Only the server checks what is asked; a client of another version may be told what it takes.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import types
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

import httpx2
from pydantic import BaseModel

from workbench import tabular
from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.client.clients import AsyncClient, Client

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

PathLike = str | os.PathLike[str]

#: What is an id, and not the name of a file.
TRACK_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Attributes
    ----------
    method, path : the path below the root of the API
    query : parameters; those that are None are left out
    json : the body, if there is one
    files : parts of an upload: name, and file name with what to read, or with a text and its media type
    accept : media type of the answer
    into : takes the answer piece by piece, instead of having it in memory
    accepted : statuses of answers that are no refusals, besides those from 200 to 299
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    files: Sequence[tuple[str, Any]] | None = None
    accept: str = "application/json"
    into: Callable[[bytes], object] | None = None
    accepted: tuple[int, ...] = ()

    def arguments(self, url: str) -> dict[str, Any]:
        """Give what either kind of `httpx2` client takes."""
        return {
            "method": self.method,
            "url": url + self.path,
            "params": {name: value for name, value in self.query.items() if value is not None},
            "json": self.json,
            "files": self.files,
            "headers": {"Accept": self.accept},
        }


Steps = Generator[Ask, httpx2.Response, T]


class call(Generic[P, T]):  # noqa: N801 - a decorator
    """Make a method of both clients out of the steps of a call."""

    def __init__(self, steps: Callable[Concatenate[Any, P], Steps[T]]) -> None:
        self._steps = steps
        functools.update_wrapper(cast(Callable[..., Any], self), steps)

    @overload
    def __get__(self, client: None, owner: type) -> call[P, T]: ...
    @overload
    def __get__(self, client: Client, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, client: Client | AsyncClient | None, owner: type) -> Any:
        if client is None:
            return self
        steps = types.MethodType(self._steps, client)

        def run(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.run(steps(*args, **kwargs))

        return functools.update_wrapper(run, steps)


def one(model: type[M], ask: Ask) -> Steps[M]:
    """Ask once."""
    answer = yield ask
    return model.model_validate_json(answer.content)


def pages(
    path: str, query: Mapping[str, Any], model: type[BaseModel], items: str, limit: int | None
) -> Steps[list[Any]]:
    """Ask for pages until there are no more, or enough."""
    found: list[Any] = []
    after = None
    while limit is None or len(found) < limit:
        most = 500 if limit is None else min(limit - len(found), 500)
        page = yield from one(model, Ask("GET", path, {**query, "after": after, "limit": most}))
        found += getattr(page, items)
        after = getattr(page, "next")  # noqa: B009 - a field that all pages have
        if after is None:
            break
    return found


def sent(model: type[M], path: str, name: str, files: Iterable[PathLike], options: Mapping[str, Any]) -> Steps[M]:
    """Send files, read as they are sent, and a part with options."""
    with contextlib.ExitStack() as opened:
        parts: list[tuple[str, Any]] = [(name, (Path(file).name, _open(opened, file))) for file in files]
        parts.append(("options", (None, tabular.to_json(options, indent=None), "application/json")))
        return (yield from one(model, Ask("POST", path, files=parts)))


def _open(opened: contextlib.ExitStack, file: PathLike) -> IO[bytes]:
    try:
        return opened.enter_context(open(Path(file).expanduser(), "rb"))
    except OSError as error:
        raise InputError(
            f"{os.fspath(file)!r} cannot be read: {error.strerror}.",
            "Name a file of this machine, or a track by its id.",
        ) from error


def check_id(track: str) -> str:
    """Check that something is an id: a path of the API is made of it."""
    if not TRACK_ID.fullmatch(track):
        raise InputError(f"{track!r} is no id of a track.", "Give all 32 digits, as `tracks` lists them.")
    return track
