"""Kept answers in one SQLite file, which may be deleted at any time.

* The journal is the one that is safe with this version of SQLite (`workbench.store.catalog.sqlite`). Nothing is flushed
  to the disk: what a power cut damages is told by its digest, or by SQLite, and then the file is made anew.
* Where it cannot be made, or another process holds it, it is done without.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from workbench.store.cache.results import KeeperError
from workbench.store.catalog.sqlite import JOURNAL

T = TypeVar("T")

#: Raised when the tables change: a file of another version is made anew.
_VERSION = 1
_TABLES = """
CREATE TABLE kept (number INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, at REAL NOT NULL, value BLOB NOT NULL);
CREATE TABLE room (bytes INTEGER NOT NULL);
CREATE TABLE leases (key TEXT PRIMARY KEY, lease TEXT NOT NULL, until REAL NOT NULL);
CREATE TRIGGER came AFTER INSERT ON kept BEGIN UPDATE room SET bytes = bytes + length(NEW.value); END;
CREATE TRIGGER went AFTER DELETE ON kept BEGIN UPDATE room SET bytes = bytes - length(OLD.value); END;
INSERT INTO room VALUES (0);
"""
_BUSY_S = 0.2
_PAUSE_S = 5.0
_OF_THE_DISK = {
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY,
}  # fmt: skip


class EmbeddedKeeper:
    """Keeps values in a file.

    Parameters
    ----------
    path : Path
        The file; its folder is made too.
    max_bytes : int
        Room for all values. What was put first goes first: an answer that is often asked for is then made once more,
        which costs less than to write down each use.
    max_age_s : float
        How long a value is kept, seconds.
    """

    def __init__(self, path: Path, max_bytes: int, max_age_s: float) -> None:
        self.path = path
        self._max_bytes, self._max_age_s = max_bytes, max_age_s
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Give a value that is not too old."""
        since = time.time() - self._max_age_s
        statement = "SELECT value FROM kept WHERE key = ? AND at > ?"
        row = self._run(lambda c: c.execute(statement, (key, since)).fetchone())
        # of a file that was tampered with, it may be anything
        return row[0] if row and isinstance(row[0], bytes) else None

    def put(self, key: str, value: bytes) -> None:
        """Keep a value, and let go of what is too old or too much."""

        def write(connection: sqlite3.Connection) -> None:
            now = time.time()
            connection.execute("DELETE FROM kept WHERE key = ?", (key,))
            connection.execute("INSERT INTO kept (key, at, value) VALUES (?, ?, ?)", (key, now, value))
            oldest = connection.execute("SELECT number, at, length(value) FROM kept ORDER BY number")
            (over,) = connection.execute("SELECT bytes - ? FROM room", (self._max_bytes,)).fetchone()
            last = None
            for number, at, size in oldest:
                if over <= 0 and at > now - self._max_age_s:
                    break
                over, last = over - size, number
            oldest.close()
            if last is not None:
                connection.execute("DELETE FROM kept WHERE number <= ?", (last,))

        self._run(_written(write))

    def take(self, key: str, seconds: float) -> str | None:
        """Take the lease on making a value."""
        lease, now = uuid.uuid4().hex, time.time()

        def write(connection: sqlite3.Connection) -> bool:
            # of a clock that was put back, none may last for ever
            connection.execute("DELETE FROM leases WHERE until NOT BETWEEN ? AND ?", (now, now + 60 + seconds))
            row = (key, lease, now + seconds)
            return connection.execute("INSERT OR IGNORE INTO leases VALUES (?, ?, ?)", row).rowcount == 1

        return lease if self._run(_written(write)) else None

    def give_back(self, key: str, lease: str) -> None:
        """Give a lease back."""
        statement = "DELETE FROM leases WHERE key = ? AND lease = ?"
        self._run(_written(lambda c: c.execute(statement, (key, lease))))

    def size(self) -> tuple[int, int]:
        """Count what is kept, and its bytes."""
        statement = "SELECT (SELECT count(*) FROM kept), bytes FROM room"
        row: tuple[int, int] = self._run(lambda c: c.execute(statement).fetchone())
        return row

    def clear(self) -> None:
        """Forget all."""
        self._run(_written(lambda c: c.execute("DELETE FROM kept")))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    # --- inside -----------------------------------------------------------------------------------

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do some work on the file; make it anew if it is damaged or was deleted."""
        with self._lock:
            try:
                return work(self._opened())
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
                if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise KeeperError(f"{self.path}: {error}") from error
                if code in _OF_THE_DISK:
                    self._close()
                    raise KeeperError(f"{self.path}: {error}", _PAUSE_S) from error
                self._discard()
                raise KeeperError(f"{self.path} was damaged and is made anew: {error}") from error
            except OSError as error:
                raise KeeperError(f"{self.path}: {error.strerror}", _PAUSE_S) from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._file == _identity(self.path):
            return self._connection
        self._close()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA journal_mode={JOURNAL}")
            connection.execute("PRAGMA synchronous=OFF")
            _written(_make)(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._file = connection, _identity(self.path)
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _discard(self) -> None:
        self._close()
        for ending in ("", "-journal", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self.path.with_name(self.path.name + ending).unlink()


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell which file has a name: another process may have made it anew."""
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def _make(connection: sqlite3.Connection) -> None:
    """Make the tables, unless they are there."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == _VERSION:
        return
    if version:
        raise sqlite3.DatabaseError(f"it has version {version}, not {_VERSION}")
    for statement in _TABLES.strip().splitlines():
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version={_VERSION}")


def _written(work: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    """Do work in a write transaction."""

    def whole(connection: sqlite3.Connection) -> Any:
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return done

    return whole
