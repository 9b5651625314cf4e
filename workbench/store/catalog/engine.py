"""Opening a catalog, and its two kinds of transaction.

* `Catalog.read` sees one consistent state and never blocks for long.
* `Catalog.write` is the only way to change anything. There is one writer at a time, and a commit is on the disk
  when it returns.
* A function of one transaction is decorated with `lasting`: it is run again when the connection to the server was
  lost in it. `Catalog.write` makes sure that what was done is not done again.

What the two databases need for that is in `sqlite` and `postgres`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import Connection, Transaction
from sqlalchemy.exc import DBAPIError

from workbench.errors import CatalogLockedError, InputError, LibraryVersionError
from workbench.store.catalog import migrations, postgres, sqlite
from workbench.store.catalog.lasting import LostError, lasting
from workbench.store.catalog.models import Base, Meta

if TYPE_CHECKING:
    from workbench.store.catalog.columns import TrackColumns

_SCHEMA = re.compile("[a-z_][a-z0-9_]{0,62}")
_META = Meta.__table__.c
# Written once: each question asks for some of these a dozen times.
_FACT = sa.select(_META.value).where(_META.key == sa.bindparam("name"))
_STATE = sa.select(_META.value).where(_META.key.in_(("state", "version"))).order_by(_META.key.desc())


class Catalog:
    """The SQL side of a library.

    Parameters
    ----------
    url : str
        ``sqlite:///…/catalog.sqlite`` for the embedded one, or ``postgresql://user@host/database``.
    schema : str
        On PostgreSQL, the schema of the library: lower-case letters, digits and underscores.
    busy_timeout_s : float
        How long to wait for another writer, seconds, before `CatalogLockedError`.
    reconnect_s : float
        How long to try to reach a server again that has been reached, seconds, before `CatalogUnreachableError`.

    Attributes
    ----------
    name : str
        Where it is, without any secret.
    """

    def __init__(
        self, url: str, *, schema: str = "workbench", busy_timeout_s: float = 30.0, reconnect_s: float = 60.0
    ) -> None:
        self._reconnect_s = reconnect_s
        if url.startswith("sqlite:"):
            place = sa.make_url(url)
            self._schema = None
            self.name = str(place)
            self.engine = self._reader = sqlite.make_engine(place, busy_timeout_s)
            writing: dict[str, Any] = {}
        else:
            if not _SCHEMA.fullmatch(schema):  # it comes from a file, and goes into a setting of the connection
                raise InputError(f"{schema!r} is no name of a library's schema.", "Restore library.json from a backup.")
            place = postgres.read_url(url)
            self._schema = schema
            self.name = postgres.shown(place)
            self.engine = postgres.make_engine(place, schema, busy_timeout_s)
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            writing = {"isolation_level": "READ COMMITTED", "postgresql_readonly": False}
        self._writer = self.engine.execution_options(workbench_write=True, **writing)
        try:
            self._migrate()
            with self.read() as connection:
                self.library_id: str = connection.execute(_FACT, {"name": "library_id"}).scalar_one()
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
        with self._translated(), self._reader.connect() as connection:
            yield connection
            connection.commit()  # not rolled back: psycopg would forget the statements that it has prepared

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a write transaction; committed at the end, rolled back on an error."""
        name = uuid.uuid4().hex
        with self._writing() as (connection, transaction):
            yield connection
            if self._schema is None:
                return
            postgres.sign(connection, name)
            try:
                transaction.commit()
            except DBAPIError as error:
                if not postgres.is_lost(error) or not self._was_written(name):
                    raise

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, Transaction]]:
        with self._translated(), self._writer.connect() as connection, connection.begin() as transaction:
            yield connection, transaction

    @lasting
    def _was_written(self, name: str) -> bool:
        with self._writing() as (connection, _):
            return postgres.was_written(connection, name)

    def version(self) -> int:
        """How many commits have changed what readers see: the key of every derived file."""
        return self._fact("version")

    @lasting
    def state(self) -> str:
        """Name all that answers depend on: the key of every cached one.

        It changes with the version, and with what answers go by besides, such as the taste in use. No state has the
        name of another, not even where a backup was restored and gone on from.
        """
        with self.read() as connection:
            return "-".join(connection.execute(_STATE).scalars())

    def numbers(self) -> int:
        """How many numbers have been given to tracks, those that are no more included."""
        return self._fact("numbers")

    @property
    def is_file(self) -> bool:
        """Whether it is the embedded one."""
        return self._schema is None

    @cached_property
    def columns(self) -> TrackColumns:
        """Columns of all tracks in memory, which answer filters."""
        from workbench.store.catalog.columns import TrackColumns

        return TrackColumns(self)

    @lasting
    def _fact(self, key: str) -> int:
        with self.read() as connection:
            return int(connection.execute(_FACT, {"name": key}).scalar_one())

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def drop(self) -> None:
        """Remove the catalog from its database, with all that it holds, and close it."""
        if self._schema is None:
            self.close()
            Path(str(self.engine.url.database)).unlink(missing_ok=True)
            return
        with self.engine.begin() as connection:
            connection.execute(sa.schema.DropSchema(self._schema, cascade=True, if_exists=True))
        self.close()

    def _migrate(self) -> None:
        """Bring the tables to this version's state; refuse those of a later one."""
        current = self._revision()
        if current == migrations.HEAD:
            return
        if current is not None and current not in migrations.known_revisions():
            raise LibraryVersionError(
                f"The catalog {self.name} has revision {current!r}, which this version does not know.",
                "Install the version of the workbench that wrote it, or a later one.",
            )
        with self.write() as connection:
            if self._schema is not None:
                postgres.make_schema(connection, self._schema)
            migrations.upgrade(connection)
            facts = [{"key": "version", "value": "0"}, {"key": "library_id", "value": uuid.uuid4().hex}]
            upsert(connection, Meta, facts, key="key")

    def _revision(self) -> str | None:
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the driver's errors into ours, which say what to do."""
        try:
            yield
        except sa.exc.TimeoutError as error:
            raise CatalogLockedError(
                f"All connections to the catalog {self.name} are in use.", "Ask fewer things at the same time."
            ) from error
        except DBAPIError as error:
            if self._schema is not None and postgres.is_lost(error):
                raise LostError(
                    f"The catalog {self.name} cannot be reached: {postgres.first_line(error)}.",
                    "Check that the server runs and lets you in, then run the same command again: it goes on.",
                    self._reconnect_s,
                ) from error
            meant = (sqlite if self._schema is None else postgres).meaning(error, self.name)
            if meant is None:
                raise
            raise meant from error


def upsert(
    connection: Connection, table: type[Base], rows: Sequence[dict[str, Any]], *, key: str, update: Sequence[str] = ()
) -> None:
    """Insert rows; where `key` exists already, update the columns named, or leave the row alone."""
    if not rows:
        return
    dialect = postgresql_dialect if connection.dialect.name == "postgresql" else sqlite_dialect
    insert = dialect.insert(table)
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
    change_answers(connection)


def change_answers(connection: Connection) -> None:
    """Say inside a write transaction that it changes answers; `raise_version` says so too."""
    upsert(connection, Meta, [{"key": "state", "value": uuid.uuid4().hex}], key="key", update=("value",))


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
