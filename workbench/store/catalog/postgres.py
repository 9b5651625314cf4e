"""A catalog on a PostgreSQL server: one schema per library.

* **Writing.** A write transaction takes an advisory lock on the library first and keeps it to its end: there is one
  writer at a time, as with SQLite's ``BEGIN IMMEDIATE``, also before there is any table. It runs at READ COMMITTED:
  a statement sees what was committed before it began, and since nobody else writes meanwhile, all of them see one
  state, that after the last commit. A fence that was checked therefore holds until the COMMIT. (At REPEATABLE READ
  the snapshot would be taken before the lock is granted, and a fence could be read that has been raised since.)
  Whoever has the lock and falls silent, a stopped process for example, loses it after `_SILENT_S`.
* **Reading.** REPEATABLE READ and read only: one snapshot for all statements, no lock.
* **Lost connections.** What was lost before COMMIT was sent did not happen. What was lost in it may have: each write
  transaction leaves its name in the table ``writes``, where `was_written` looks it up. (``pg_xact_status`` would not
  do: after a crash the server may give the number of a transaction that left no trace to another one.)
* **Secrets.** Passwords are taken out of the URL before anything keeps or shows it.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, ExceptionContext
from sqlalchemy.exc import DBAPIError

from workbench.errors import (
    CatalogLockedError,
    CatalogMovedError,
    InputError,
    LibraryDamagedError,
    LibraryUnwritableError,
    StorageFullError,
    WorkbenchError,
)
from workbench.store.catalog.models import Write

_SILENT_S = 20.0
#: Connections that are kept, and as many more when all are in use.
_POOLED = 8
#: A statement is prepared on the server when a connection runs it for the fifth time: psycopg's default, named here
#: because a test relies on it.
_PREPARE_AFTER = 5
#: A server that vanished without a word is noticed within this time, seconds.
_NOTICED_S = 20
_WRITES_KEPT_S = 3600.0

#: SQLSTATE of a session that the server ended, or did not begin: shut down, crashed, starting, full, silent.
_ENDED = frozenset({"57P01", "57P02", "57P03", "57P05", "53300", "25P03"})
_NO_ROOM = frozenset({"53100", "53400"})
_REFUSED = frozenset({"42501", "25006"})
_DAMAGED = frozenset({"XX001", "XX002"})


def read_url(text: str) -> sa.URL:
    """Read the URL of a database; the message of an error does not repeat it, for it may hold a password."""
    remedy = "Give it as postgresql://user@host:5432/database."
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise InputError("The setting `catalog` is no URL of a database.", remedy) from None
    if url.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise InputError(f"The setting `catalog` names {url.drivername!r}, which is not PostgreSQL.", remedy)
    if "@" in (url.database or ""):  # a password with a slash is cut in two, and would be shown
        raise InputError(
            "The setting `catalog` is no URL of a database.", "Write / and @ in a password as %2F and %40."
        )
    query = dict(url.query)
    password = query.pop("password", url.password)
    if "sslpassword" in query:
        raise InputError("The setting `catalog` holds the password of a key.", "Use a key without one, or PGSSLKEY.")
    return url.set(drivername="postgresql+psycopg", query=query, password=str(password) if password else None)


def shown(url: sa.URL) -> str:
    """Write a URL without any secret."""
    bare = sa.URL.create("postgresql", username=url.username, host=url.host, port=url.port, database=url.database)
    return bare.render_as_string()


def make_engine(url: sa.URL, schema: str, busy_timeout_s: float) -> Engine:
    """Make the engine, whose pool asks each connection whether it still lives before it is used.

    Raises
    ------
    InputError
        When the driver is not installed.
    """
    given = url.query.get("options", "")
    settings = {
        "search_path": schema,
        "lock_timeout": max(1, round(busy_timeout_s * 1000)),  # 0 would mean for ever
        "idle_in_transaction_session_timeout": round(_SILENT_S * 1000),
    }
    connecting: dict[str, Any] = {
        "application_name": "workbench",
        "connect_timeout": _NOTICED_S // 2,
        "keepalives_idle": _NOTICED_S // 2,
        "keepalives_interval": _NOTICED_S // 4,
        "keepalives_count": 2,
        "tcp_user_timeout": _NOTICED_S * 1000,
    }
    connecting = {name: value for name, value in connecting.items() if name not in url.query}
    connecting["options"] = " ".join([str(given), *(f"-c {name}={value}" for name, value in settings.items())]).strip()
    try:
        engine = sa.create_engine(
            url,
            pool_pre_ping=True,
            pool_size=_POOLED,
            max_overflow=_POOLED,
            connect_args={**connecting, "prepare_threshold": _PREPARE_AFTER},
        )
    except ModuleNotFoundError as error:
        raise InputError(
            "The catalog is in PostgreSQL, whose driver is not installed.", "pip install 'audio-workbench[postgres]'"
        ) from error
    lock = sa.text("SELECT pg_advisory_xact_lock(:library), " + _FLUSHED).bindparams(library=_lock_number(schema))

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("workbench_write", False):
            connection.execute(lock)

    @sa.event.listens_for(engine, "handle_error")
    def _drop(context: ExceptionContext) -> None:
        """Close what a lost connection leaves: SQLAlchemy asks the driver, who may notice one statement later."""
        lost = isinstance(context.sqlalchemy_exception, DBAPIError) and is_lost(context.sqlalchemy_exception)
        if lost and context.execution_context is not None:
            context.is_disconnect = True
            cursor = context.execution_context.cursor
            cursor.connection.close()  # first, or a cursor on the server would be told that it is closed
            cursor.close()

    return engine


#: A commit is on the disk when it returns, also where the server's default is not to wait for that.
_FLUSHED = (
    "set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'"
    " ELSE current_setting('synchronous_commit') END, true)"
)


def _lock_number(schema: str) -> int:
    return int.from_bytes(hashlib.blake2b(schema.encode(), digest_size=8).digest(), "big", signed=True)


def make_schema(connection: Connection, schema: str) -> None:
    """Make a library's schema inside a write transaction, if there is none: only that needs the right to make one."""
    if connection.scalar(sa.select(sa.func.to_regnamespace(schema))) is None:
        connection.execute(sa.schema.CreateSchema(schema))


def sign(connection: Connection, name: str) -> None:
    """Leave the name of a write transaction, and forget those of long ago."""
    now = time.time()
    connection.execute(sa.delete(Write).where(Write.at < now - _WRITES_KEPT_S))
    connection.execute(sa.insert(Write).values(id=name, at=now))


def was_written(connection: Connection, name: str) -> bool:
    """Tell inside a write transaction, so after the one that is asked for has ended, whether that one was committed."""
    return connection.scalar(sa.select(Write.id).where(Write.id == name)) is not None


def is_lost(error: DBAPIError) -> bool:
    """Tell whether the connection is gone, so that what was asked can be asked again on another one."""
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # not said by the server, but by the driver: it could not connect, or the line is dead
        return isinstance(error, sa.exc.OperationalError)
    return state.startswith("08") or state in _ENDED


def _names_a_table_of_ours(error: DBAPIError) -> bool:
    return any(f'"{table}"' in first_line(error) for table in Write.metadata.tables)


def meaning(error: DBAPIError, name: str) -> WorkbenchError | None:
    """Give the error that says what to do, or None where it is no fault of the server."""
    state = getattr(error.orig, "sqlstate", None)
    if state == "55P03":
        return CatalogLockedError(
            f"The catalog {name} is held by another process.",
            "Wait for it to finish, or raise WORKBENCH_BUSY_TIMEOUT_S.",
        )
    if state in _NO_ROOM:
        return StorageFullError(
            f"No room left for the catalog {name}.",
            "Free some space on the server and run the same command again: it resumes where it stopped.",
        )
    if state in _REFUSED:
        return LibraryUnwritableError(
            f"The catalog {name} cannot be written: {first_line(error)}.",
            "Give the user the right to create and write schemas in the database, on the primary server.",
        )
    if state == "42P01" and _names_a_table_of_ours(error):  # the schema has another name now
        return CatalogMovedError(name)
    if state in _DAMAGED:
        return LibraryDamagedError(
            f"The catalog {name} is damaged: {first_line(error)}.", "Restore the database from a backup."
        )
    return None


def first_line(error: DBAPIError) -> str:
    """Give what the server or the driver said, without the hints that follow."""
    return str(error.orig).partition("\n")[0].rstrip(".")
