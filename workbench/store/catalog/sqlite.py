"""The embedded catalog: one SQLite file in the library's folder.

* A write transaction starts with ``BEGIN IMMEDIATE``, so that two writers queue up instead of
  failing at the first write, and every commit is flushed to the disk (``synchronous=FULL``).
* SQLite 3.7.0 to 3.51.2 can corrupt a database in WAL mode when two connections meet at a
  checkpoint (sqlite.org, "WAL-reset bug"): there the rollback journal is used.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from workbench.errors import (
    CatalogLockedError,
    CatalogMovedError,
    LibraryDamagedError,
    LibraryUnwritableError,
    StorageFullError,
    WorkbenchError,
)

#: Kind of journal that is safe with this version of SQLite.
JOURNAL = "WAL" if sqlite3.sqlite_version_info >= (3, 51, 3) else "TRUNCATE"

#: Kept open: a server has some dozen threads, and who opens one for each question waits for the file each time.
_CONNECTIONS = 24


def make_engine(url: sa.URL, busy_timeout_s: float) -> Engine:
    """Make the engine of a file."""
    connecting = {"timeout": busy_timeout_s, "check_same_thread": False}
    engine = sa.create_engine(url, connect_args=connecting, pool_size=_CONNECTIONS)

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode={JOURNAL}")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("workbench_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def meaning(error: DBAPIError, name: str) -> WorkbenchError | None:
    """Give the error that says what to do, or None where it is no fault of the file or the disk."""
    said = str(error.orig).lower()
    if "locked" in said or "busy" in said:
        return _held(name)
    if "has moved" in said:  # what the triggers of `move` say
        return CatalogMovedError(name)
    if "full" in said:
        return StorageFullError(
            f"No room left for the catalog {name}.",
            "Free some space and run the same command again: it resumes where it stopped.",
        )
    if "readonly" in said or "unable to open" in said or "permission" in said:
        return LibraryUnwritableError(
            f"The catalog {name} cannot be written: {error.orig}.",
            "Check the permissions of the library's folder, or choose another with --library.",
        )
    if "not a database" in said or "malformed" in said:
        return LibraryDamagedError(
            f"The catalog {name} is damaged: {error.orig}.",
            "Restore it from a backup, or analyze into a new library.",
        )
    if isinstance(error, OperationalError) and "disk i/o error" in said:
        return StorageFullError(
            f"The disk refused a write to the catalog {name}: {error.orig}.",
            "Check its space and health, then run the same command again: it resumes where it stopped.",
        )
    return None


def _held(name: str) -> CatalogLockedError:
    """Say who holds the file, as far as the system tells."""
    import psutil

    who, remedy = "another process", "Wait for it to finish, or raise WORKBENCH_BUSY_TIMEOUT_S."
    for pid in _holders(name.removeprefix("sqlite:///")):
        with contextlib.suppress(psutil.Error):  # it has ended in the meantime
            process = psutil.Process(pid)
            who = f"process {pid} ({process.name()})"
            if process.status() == psutil.STATUS_STOPPED:
                who += ", which is stopped"
                remedy = f"Let it go on, kill -CONT {pid}, or end it."
                break
    return CatalogLockedError(f"The catalog {name} is held by {who}.", remedy)


def _holders(path: str) -> list[int]:
    """Give the processes besides this one that have a lock on a catalog; Linux lists them, other systems do not."""
    with contextlib.suppress(OSError):
        locked = os.stat(path if JOURNAL != "WAL" else f"{path}-shm")
        file = f"{os.major(locked.st_dev):02x}:{os.minor(locked.st_dev):02x}:{locked.st_ino}"
        with open("/proc/locks") as listing:
            lines = [line.split() for line in listing]
        pids = {int(words[4]) for words in lines if len(words) == 8 and words[5] == file}  # who waits has a word more
        return sorted(pids - {os.getpid(), -1, 0})
    return []
