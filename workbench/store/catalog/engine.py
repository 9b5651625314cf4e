"""Opening a catalog, and its two kinds of transaction.

* `Catalog.read` sees one consistent state and never blocks for long.
* `Catalog.write` is the only way to change anything. On SQLite it starts with ``BEGIN IMMEDIATE``,
  so that two writers queue up instead of failing at the first write, and every commit is flushed
  to the disk (``synchronous=FULL``).
* SQLite 3.7.0 to 3.51.2 can corrupt a database in WAL mode when two connections meet at a
  checkpoint (sqlite.org, "WAL-reset bug"): there the rollback journal is used.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from workbench.errors import (
    CatalogLockedError,
    LibraryDamagedError,
    LibraryUnwritableError,
    LibraryVersionError,
    StorageFullError,
)
from workbench.store.catalog import migrations
from workbench.store.catalog.models import Base, Meta

if TYPE_CHECKING:
    from workbench.store.catalog.columns import TrackColumns

_WAL_IS_SAFE = sqlite3.sqlite_version_info >= (3, 51, 3)


class Catalog:
    """The SQL side of a library.

    Parameters
    ----------
    url : str
        SQLAlchemy URL, ``sqlite:///…/catalog.sqlite`` for the embedded one.
    busy_timeout_s : float
        How long to wait for another writer, seconds, before `CatalogLockedError`.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = 30.0) -> None:
        self.url = sa.make_url(url)
        self.engine = _make_engine(self.url, busy_timeout_s)
        try:
            with self._translated():
                self._migrate()
            with self.read() as connection:
                statement = sa.select(Meta.value).where(Meta.key == "library_id")
                self.library_id: str = connection.execute(statement).scalar_one()
        except BaseException:
            self.close()  # a catalog that cannot be opened must not keep its file open
            raise

    @classmethod
    def open_file(cls, path: Path, *, busy_timeout_s: float = 30.0) -> Catalog:
        """Open or make an SQLite catalog."""
        return cls(f"sqlite:///{path}", busy_timeout_s=busy_timeout_s)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection on one consistent state."""
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a write transaction; committed at the end, rolled back on an error."""
        with (
            self._translated(),
            self.engine.connect().execution_options(workbench_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def version(self) -> int:
        """How many commits have changed what readers see: the key of every derived file and cache."""
        return self._fact("version")

    def numbers(self) -> int:
        """How many numbers have been given to tracks, those that are no more included."""
        return self._fact("numbers")

    @cached_property
    def columns(self) -> TrackColumns:
        """Columns of all tracks in memory, which answer filters."""
        from workbench.store.catalog.columns import TrackColumns

        return TrackColumns(self)

    def _fact(self, key: str) -> int:
        with self.read() as connection:
            return int(connection.execute(sa.select(Meta.value).where(Meta.key == key)).scalar_one())

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def _migrate(self) -> None:
        """Bring the tables to this version's state; refuse those of a later one."""
        current = self._revision()
        if current == migrations.HEAD:
            return
        if current is not None and current not in migrations.known_revisions():
            raise LibraryVersionError(
                f"The catalog {self._name()} has revision {current!r}, which this version does not know.",
                "Install the version of the workbench that wrote it, or a later one.",
            )
        with self.write() as connection:
            migrations.upgrade(connection)
            facts = [{"key": "version", "value": "0"}, {"key": "library_id", "value": uuid.uuid4().hex}]
            upsert(connection, Meta, facts, key="key")

    def _revision(self) -> str | None:
        with self.engine.connect() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()

    def _name(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the driver's errors into ours, which say what to do."""
        try:
            yield
        except DatabaseError as error:
            said = str(error.orig).lower()
            if "locked" in said or "busy" in said:
                raise CatalogLockedError(
                    f"The catalog {self._name()} is held by another process.",
                    "Wait for it to finish, or raise WORKBENCH_BUSY_TIMEOUT_S.",
                ) from error
            if "full" in said:
                raise StorageFullError(
                    f"No room left for the catalog {self._name()}.",
                    "Free some space and run the same command again: it resumes where it stopped.",
                ) from error
            if "readonly" in said or "unable to open" in said or "permission" in said:
                raise LibraryUnwritableError(
                    f"The catalog {self._name()} cannot be written: {error.orig}.",
                    "Check the permissions of the library's folder, or choose another with --library.",
                ) from error
            if "not a database" in said or "malformed" in said:
                raise LibraryDamagedError(
                    f"The catalog {self._name()} is damaged: {error.orig}.",
                    "Restore it from a backup, or analyze into a new library.",
                ) from error
            if isinstance(error, OperationalError) and "disk i/o error" in said:
                raise StorageFullError(
                    f"The disk refused a write to the catalog {self._name()}: {error.orig}.",
                    "Check its space and health, then run the same command again: it resumes where it stopped.",
                ) from error
            raise


def _make_engine(url: sa.URL, busy_timeout_s: float) -> Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": busy_timeout_s, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode={'WAL' if _WAL_IS_SAFE else 'TRUNCATE'}")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("workbench_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def upsert(
    connection: Connection, table: type[Base], rows: Sequence[dict[str, Any]], *, key: str, update: Sequence[str] = ()
) -> None:
    """Insert rows; where `key` exists already, update the columns named, or leave the row alone."""
    if not rows:
        return
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    if update:
        statement = insert.on_conflict_do_update(
            index_elements=[key], set_={name: getattr(insert.excluded, name) for name in update}
        )
    else:
        statement = insert.on_conflict_do_nothing(index_elements=[key])
    connection.execute(statement, list(rows))


def raise_version(connection: Connection) -> None:
    """Say inside a write transaction that it changes what readers see."""
    _raise(connection, "version", 1)


def next_version() -> sa.ScalarSelect[int]:
    """Give what `Track.changed` is set to: the version to which the write transaction will raise the library."""
    return sa.select(sa.cast(Meta.value, sa.Integer) + 1).where(Meta.key == "version").scalar_subquery()


def take_numbers(connection: Connection, n: int) -> range:
    """Give numbers to n new tracks inside a write transaction."""
    end = _raise(connection, "numbers", n)
    return range(end - n, end)


def _raise(connection: Connection, key: str, by: int) -> int:
    value = sa.cast(sa.cast(Meta.value, sa.Integer) + by, sa.Text)
    statement = sa.update(Meta).where(Meta.key == key).values(value=value).returning(Meta.value)
    return int(connection.execute(statement).scalar_one())
