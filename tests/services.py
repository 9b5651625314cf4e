"""Real services for tests: PostgreSQL and Redis, each started once per session as a child of the tests.

They listen on loopback only and keep their data in a folder of their own below `/tmp`. Where they are not
installed, tests that need them are skipped with the remedy; CI installs them and allows no skip.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_STARTUP_S = 60.0
#: PostgreSQL refuses to run as root; Debian's package makes this user.
_POSTGRES_USER = "postgres"


@dataclass
class PostgresServer:
    """A PostgreSQL cluster of the tests: stop it, kill it, start it again.

    Attributes
    ----------
    folder : Path
        Its data, socket and log.
    port : int
        On 127.0.0.1.
    password : str
        Of the user ``workbench``, who may do everything.
    durable : bool
        Whether it flushes commits to the disk: needed only by tests that kill it.
    """

    folder: Path
    port: int
    password: str
    durable: bool = False
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        """Where to find a database, password included."""
        return f"postgresql://workbench:{self.password}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement outside a transaction, and give its rows."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start the server and wait until it answers."""
        flags = {"max_connections": "200", "shared_buffers": "256MB", "max_wal_size": "4GB"}
        if not self.durable:
            flags |= {"fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0"}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
        command = [_postgres("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), "-h", "127.0.0.1"]
        deadline = time.monotonic() + _STARTUP_S
        while True:  # after a kill the old children may hold the shared memory for a moment
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    [*command, "-p", str(self.port), *options], stdout=log, stderr=log, **_as_postgres(self.folder)
                )
            while self.process.poll() is None:
                if self._answers():
                    return
                time.sleep(0.05)
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.2)

    def stop(self, with_signal: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT drops its clients, SIGKILL leaves everything as it is."""
        if self.process is not None:
            self.process.send_signal(with_signal)
            self.process.wait(_STARTUP_S)
            self.process = None

    def _answers(self) -> bool:
        import psycopg

        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def make_postgres(*, durable: bool = False) -> PostgresServer:
    """Make a cluster and start it. Its texts are ordered as in English, so that no test passes by C's order alone."""
    _needs(_postgres("initdb", missing=""), "postgresql")
    folder = Path(tempfile.mkdtemp(prefix="workbench-postgres-"))
    password = secrets.token_urlsafe(12)
    (folder / "password").write_text(password)
    if os.getuid() == 0:
        for path in (folder, folder / "password"):
            shutil.chown(path, _POSTGRES_USER, _POSTGRES_USER)
    subprocess.run(
        [
            _postgres("initdb"),
            *("--pgdata", str(folder / "data"), "--username", "workbench", "--pwfile", str(folder / "password")),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"),
            *("--locale-provider", "icu", "--icu-locale", "en-US", "--no-sync"),
        ],
        check=True,
        capture_output=True,
        **_as_postgres(folder),
    )
    server = PostgresServer(folder, free_port(), password, durable)
    try:
        server.start()
    except BaseException:
        remove_postgres(server)
        raise
    return server


def remove_postgres(server: PostgresServer) -> None:
    """Stop a server at once, also one that is recovering, and remove its data."""
    server.stop(signal.SIGQUIT)
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give a PostgreSQL server that the tests share; each makes its own database."""
    server = make_postgres()
    yield server
    remove_postgres(server)


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


@dataclass
class RedisServer:
    """A Redis of the tests, which keeps nothing on the disk: stop it, kill it, start it again."""

    folder: Path
    port: int
    password: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where to find it, password included."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\nsave ''\nappendonly no\n"
        (self.folder / "redis.conf").write_text(settings + f"dir {self.folder}\n")
        with (self.folder / "log").open("ab") as log:
            command = [str(shutil.which("redis-server")), str(self.folder / "redis.conf")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + _STARTUP_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Redis does not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """End the server."""
        if self.process is not None:
            self.process.send_signal(with_signal)
            self.process.wait(_STARTUP_S)
            self.process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                return b"+OK" in connection.recv(100)
        except OSError:
            return False


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Give a Redis server that the tests share; one that stops it starts it again."""
    _needs(shutil.which("redis-server"), "redis-server")
    folder = Path(tempfile.mkdtemp(prefix="workbench-redis-"))
    server = RedisServer(folder, free_port(), secrets.token_urlsafe(12))
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Find a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(true: Callable[[], bool], *, within_s: float = 30.0) -> None:
    """Wait until something is true; fail when it does not become so."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.02)


def _needs(found: str | None, package: str) -> None:
    if not found:
        pytest.skip(f"{package} is not installed; on Debian or Ubuntu: apt-get install {package}")


def _postgres(program: str, missing: str | None = None) -> str:
    """Find a program of the newest PostgreSQL: Debian keeps them off PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = shutil.which(program, path=str(versions[-1])) if versions else shutil.which(program)
    if found is None and missing is None:
        raise FileNotFoundError(program)
    return found or ""


def _as_postgres(folder: Path) -> dict[str, object]:
    """Arguments of `subprocess` that run a program as a user whom PostgreSQL accepts, in a folder of hers."""
    user = {"user": _POSTGRES_USER, "group": _POSTGRES_USER, "extra_groups": []} if os.getuid() == 0 else {}
    return {"cwd": folder, **user}
