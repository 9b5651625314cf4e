"""Real services to test against: PostgreSQL and Redis, started as children of this process, also as root.

They listen on loopback only, keep their data in a folder of their own below the temporary one, and can be stopped,
killed and started again. When the process that started them is gone, however it ended, they and their folders go too.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from workbench.errors import InputError

_STARTUP_S = 60.0
#: PostgreSQL refuses to run as root; Debian's package makes this user.
_POSTGRES_USER = "postgres"
#: Reads until nobody holds the other end, which is when its parent is gone; then ends a process, and removes a folder.
_UNDERTAKER = 'cat > /dev/null; kill -"$3" "$1" 2> /dev/null; sleep 1; rm -rf "$2"'


@dataclass
class _Server:
    """A server in a folder of its own, with a process that ends it if this one dies without doing so."""

    folder: Path
    port: int
    password: str
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    #: Ends it and all that it has started at once, whatever it is at.
    _end_at_once: ClassVar = signal.SIGKILL
    _undertaker: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def stop(self, with_signal: signal.Signals) -> None:
        """End the server by a signal; SIGKILL leaves everything as it is."""
        if self.process is None:
            return
        if self._undertaker is not None:  # first: the number may be another process's soon
            self._undertaker.kill()
            self._undertaker.communicate()
        self.process.send_signal(with_signal)
        self.process.wait(_STARTUP_S)
        self.process = self._undertaker = None

    def remove(self) -> None:
        """End the server at once, also one that is recovering, and remove its data."""
        self.stop(self._end_at_once)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, command: list[str], answers: Callable[[], bool], **more: Any) -> bool:
        """Start the server, and tell whether it answered before it ended, if it did."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **more)
        self._undertaker = subprocess.Popen(
            [
                "sh",
                "-c",
                _UNDERTAKER,
                "undertaker",
                str(self.process.pid),
                str(self.folder),
                str(int(self._end_at_once)),
            ],
            stdin=subprocess.PIPE,
            start_new_session=True,  # what ends a whole group of processes must not end it before its time
        )
        deadline = time.monotonic() + _STARTUP_S
        while self.process.poll() is None and time.monotonic() < deadline:
            if answers():
                return True
            time.sleep(0.05)
        self.stop(signal.SIGKILL)
        return False

    def _said(self) -> str:
        return (self.folder / "log").read_text()[-2000:]


@dataclass
class PostgresServer(_Server):
    """A PostgreSQL cluster: stop it, kill it, start it again.

    Its texts are ordered as in English, so that nothing passes by C's order alone.

    Attributes
    ----------
    folder : Path
        Its data, socket and log.
    port : int
        On 127.0.0.1.
    password : str
        Of the user ``workbench``, who may do everything.
    durable : bool
        Whether it flushes commits to the disk: needed only by who kills it.
    """

    durable: bool = False
    _end_at_once: ClassVar = signal.SIGQUIT

    @classmethod
    def make(cls, *, durable: bool = False) -> PostgresServer:
        """Make a cluster in a new folder and start it.

        Raises
        ------
        InputError
            When PostgreSQL is not installed.
        """
        program = _postgres("initdb")
        folder = Path(tempfile.mkdtemp(prefix="workbench-postgres-"))
        server = cls(folder, free_port(), secrets.token_urlsafe(12), durable)
        (folder / "password").write_text(server.password)
        if os.getuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, _POSTGRES_USER, _POSTGRES_USER)
        subprocess.run(
            [
                program,
                *("--pgdata", str(folder / "data"), "--username", "workbench", "--pwfile", str(folder / "password")),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"),
                *("--locale-provider", "icu", "--icu-locale", "en-US", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            **_as_postgres(folder),
        )
        try:
            server.start()
        except BaseException:
            server.remove()
            raise
        return server

    def url(self, database: str = "postgres") -> str:
        """Where to find a database, password included."""
        return f"postgresql://workbench:{self.password}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
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
        # after a kill the old children may hold the shared memory for a moment
        while not self._start([*command, "-p", str(self.port), *options], self._answers, **_as_postgres(self.folder)):
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{self._said()}")
            time.sleep(0.2)

    def stop(self, with_signal: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT drops its clients, SIGKILL leaves everything as it is."""
        super().stop(with_signal)

    def _answers(self) -> bool:
        import psycopg

        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@dataclass
class RedisServer(_Server):
    """A Redis that keeps nothing on the disk: stop it, kill it, start it again."""

    @classmethod
    def make(cls) -> RedisServer:
        """Start one in a new folder.

        Raises
        ------
        InputError
            When Redis is not installed.
        """
        _redis()
        server = cls(Path(tempfile.mkdtemp(prefix="workbench-redis-")), free_port(), secrets.token_urlsafe(12))
        try:
            server.start()
        except BaseException:
            server.remove()
            raise
        return server

    @property
    def url(self) -> str:
        """Where to find it, password included."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\nsave ''\nappendonly no\n"
        (self.folder / "redis.conf").write_text(settings + f"dir {self.folder}\n")
        if not self._start([_redis(), str(self.folder / "redis.conf")], self._answers):
            raise RuntimeError(f"Redis does not start:\n{self._said()}")

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """End the server."""
        super().stop(with_signal)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                return b"+OK" in connection.recv(100)
        except OSError:
            return False


def free_port() -> int:
    """Find a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _postgres(program: str) -> str:
    """Find a program of the newest PostgreSQL: Debian keeps them off PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return _found(program, "postgresql", str(versions[-1]) if versions else None)


def _redis() -> str:
    return _found("redis-server", "redis-server")


def _found(program: str, package: str, path: str | None = None) -> str:
    found = shutil.which(program, path=path)
    if found is None:
        raise InputError(f"{package} is not installed.", f"On Debian or Ubuntu: apt-get install {package}.")
    return found


def _as_postgres(folder: Path) -> dict[str, Any]:
    """Arguments of `subprocess` that run a program as a user whom PostgreSQL accepts, in a folder of hers."""
    user = {"user": _POSTGRES_USER, "group": _POSTGRES_USER, "extra_groups": []} if os.getuid() == 0 else {}
    return {"cwd": folder, **user}
