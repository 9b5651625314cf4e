"""Real services for tests: PostgreSQL and Redis (`workbench.testing.services`), each started once per session.

Where they are not installed, tests that need them are skipped with the remedy; CI installs them and allows no skip.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from workbench.errors import InputError
from workbench.testing.services import PostgresServer, RedisServer

Server = TypeVar("Server", PostgresServer, RedisServer)


@contextlib.contextmanager
def running(make: Callable[[], Server]) -> Iterator[Server]:
    """Give a server of one's own, which may be killed; skip the test where it is not installed."""
    try:
        server = make()
    except InputError as error:
        pytest.skip(str(error))
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give a PostgreSQL server that the tests share; each makes its own database."""
    with running(PostgresServer.make) as server:
        yield server


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """Give a PostgreSQL server that a test may kill: what it has acknowledged is on the disk."""
    with running(lambda: PostgresServer.make(durable=True)) as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the URL of an empty database."""
    with postgres_copy(postgres_server) as url:
        yield url


@contextlib.contextmanager
def postgres_copy(server: PostgresServer, template: str = "template1") -> Iterator[str]:
    """Make a database like another, give its URL, and drop it at the end."""
    name = f"test_{secrets.token_hex(6)}"
    server.run(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.url(name)
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Give a Redis server that the tests share; one that stops it starts it again."""
    with running(RedisServer.make) as server:
        yield server


def eventually(true: Callable[[], bool], *, within_s: float = 30.0) -> None:
    """Wait until something is true; fail when it does not become so."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.02)
