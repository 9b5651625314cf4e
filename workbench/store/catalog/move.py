"""A catalog into another database, row for row.

* The source is locked for writing from the first row to the last, so what is copied is one state; the target is
  written in one transaction, and read again before that is committed: every table must have as many rows, with the same
  values in the same order.
* JSON goes over as the text that it is, so that what is NULL stays apart from what is ``null``.
* The source keeps its rows, but takes no more: a program that still has it open is told so, instead of writing where
  nobody reads. In PostgreSQL the schema gets another name; in SQLite triggers refuse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import JobError, LibraryDamagedError
from workbench.store.catalog.engine import Catalog
from workbench.store.catalog.models import Base, Job, Write
from workbench.store.job_entry import AT_WORK

#: Rows that are in memory at a time.
_BATCH = 5_000
#: Ending of the name of a schema that is in use no more.
_MOVED = "_moved"

#: In the order in which foreign keys allow to fill them; `Write` is of one database's own transactions.
_TABLES = [table for table in Base.metadata.sorted_tables if table.name != Write.__tablename__]


@dataclass(frozen=True, slots=True)
class Moved:
    """What was copied.

    Attributes
    ----------
    rows : number of rows by table
    digest : of all of them, the same in both databases
    """

    rows: dict[str, int]
    digest: str


def move_catalog(source: Catalog, target: Catalog, *, switch: Callable[[], None]) -> Moved:
    """Copy a catalog into an empty one.

    Parameters
    ----------
    source, target : Catalog
        The target has tables, and nothing in them but what a new one has.
    switch : callable
        Lets the library use the target from now on. Called when all is committed there, while the source is still
        locked; if it fails, the source stays as it is.

    Raises
    ------
    JobError
        While a job is at work.
    LibraryDamagedError
        When what is read back is not what was written.
    """
    with source.write() as reading:
        _check_idle(reading)
        with target.write() as writing:
            _be_patient(reading, writing)
            _empty(writing)
            counted = {table.name: _copy(reading, writing, table) for table in _TABLES}
            written = {table.name: _digest(_rows(writing, table)) for table in _TABLES}
            if written != counted:
                wrong = ", ".join(name for name in counted if written[name] != counted[name])
                raise LibraryDamagedError(
                    f"{target.name} does not give back what was written to it ({wrong}).", "Check it, then try again."
                )
        switch()
        _retire(reading)
    rows = {name: n for name, (n, _) in counted.items()}
    return Moved(rows, hashlib.blake2b(repr(sorted(counted.items())).encode(), digest_size=16).hexdigest())


def _check_idle(connection: Connection) -> None:
    at_work = connection.scalars(sa.select(Job.id).where(Job.state.in_(AT_WORK)).order_by(Job.id)).all()
    if at_work:
        raise JobError(
            f"Job {', '.join(map(str, at_work))} is at work.",
            "Let it come to its end or stop it (`workbench jobs ID --cancel`), stop servers, then move the catalog.",
        )


def _be_patient(*connections: Connection) -> None:
    """Let PostgreSQL wait while the other database is read or written, however long that takes."""
    for connection in connections:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def _empty(connection: Connection) -> None:
    """Take away what a new catalog has: its facts."""
    for table in reversed(_TABLES):
        connection.execute(sa.delete(table))


def _copy(reading: Connection, writing: Connection, table: sa.Table) -> tuple[int, str]:
    """Copy a table; give how many rows, and their digest."""
    values = {column.name: _given(writing, column) for column in table.columns}
    insert = sa.insert(table).values(values)
    names = [f"given_{column.name}" for column in table.columns]

    def copied() -> Iterator[Sequence[Any]]:
        for rows in _batches(reading, table):
            writing.execute(insert, [dict(zip(names, row, strict=True)) for row in rows])
            yield from rows

    found = _digest(copied())
    if writing.dialect.name == "postgresql" and table.autoincrement_column is not None:
        _go_on_counting(writing, table)
    return found


def _go_on_counting(connection: Connection, table: sa.Table) -> None:
    """Let PostgreSQL count on from the greatest number that was copied."""
    column = table.autoincrement_column
    assert column is not None
    sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
    last = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).scalar_subquery()
    connection.execute(sa.select(sa.func.setval(sequence, last, False)))


def _rows(connection: Connection, table: sa.Table) -> Iterator[Sequence[Any]]:
    for rows in _batches(connection, table):
        yield from rows


def _batches(connection: Connection, table: sa.Table) -> Iterator[Sequence[Sequence[Any]]]:
    """Read a table in the order of its key, JSON as text."""
    columns = [_read(connection, column) for column in table.columns]
    statement = sa.select(*columns).order_by(*table.primary_key.columns).execution_options(yield_per=_BATCH)
    for rows in connection.execute(statement).partitions():
        yield [tuple(row) for row in rows]


def _read(connection: Connection, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if not isinstance(column.type, sa.JSON):
        return column
    return sa.cast(column, sa.Text) if connection.dialect.name == "postgresql" else sa.type_coerce(column, sa.Text)


def _given(connection: Connection, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    name = f"given_{column.name}"
    if not isinstance(column.type, sa.JSON):
        return sa.bindparam(name, type_=column.type)
    text = sa.bindparam(name, type_=sa.Text)
    return sa.cast(text, sa.JSON) if connection.dialect.name == "postgresql" else sa.type_coerce(text, sa.Text)


def _digest(rows: Iterator[Sequence[Any]]) -> tuple[int, str]:
    digest, n = hashlib.blake2b(digest_size=16), 0
    for row in rows:
        digest.update(repr(tuple(row)).encode())
        n += 1
    return n, digest.hexdigest()


def _retire(connection: Connection) -> None:
    """Let the source take nothing more."""
    if connection.dialect.name == "postgresql":
        schema = connection.scalar(sa.select(sa.func.current_schema()))
        connection.execute(sa.text(f'ALTER SCHEMA "{schema}" RENAME TO "{schema}{_MOVED}"'))
        connection.execute(sa.text(f'SET LOCAL search_path = "{schema}{_MOVED}"'))  # the transaction leaves its name
        return
    for table in _TABLES:
        for change in ("INSERT", "UPDATE", "DELETE"):
            connection.execute(
                sa.text(
                    f"CREATE TRIGGER moved_{table.name}_{change.lower()} BEFORE {change} ON {table.name} "
                    "BEGIN SELECT RAISE(ABORT, 'the catalog has moved'); END"
                )
            )
