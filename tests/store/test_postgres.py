"""What is PostgreSQL's own: one writer, one snapshot, schemas, prepared statements, and passwords that nobody sees."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import traceback
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.services import eventually, postgres_copy
from tests.store.conftest import Store
from workbench.errors import (
    CatalogLockedError,
    CatalogUnreachableError,
    InputError,
    LibraryUnwritableError,
    StorageFullError,
)
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog, postgres
from workbench.store.catalog.engine import raise_version
from workbench.store.catalog.models import Meta
from workbench.store.catalog.queries import find_track, tracks
from workbench.testing.services import PostgresServer


@pytest.fixture
def url(postgres_server: PostgresServer, migrated: str) -> Iterator[str]:
    with postgres_copy(postgres_server, migrated) as made:
        yield made


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    with contextlib.closing(Catalog(url)) as opened:
        yield opened


VERSION = sa.select(Meta.value).where(Meta.key == "version")


def test_a_writer_sees_what_the_one_before_it_committed(url: str, catalog: Catalog) -> None:
    """The lock is taken before the state is looked at: no commit is lost among many writers at once."""

    def commit_many() -> None:
        with contextlib.closing(Catalog(url)) as own:
            for _ in range(20):
                with own.write() as connection:
                    seen = int(connection.execute(VERSION).scalar_one())
                    connection.execute(sa.update(Meta).where(Meta.key == "version").values(value=str(seen + 1)))

    threads = [threading.Thread(target=commit_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert catalog.version() == 80


def test_a_reader_sees_one_state_and_waits_for_no_writer(catalog: Catalog) -> None:
    with catalog.write() as writing:
        raise_version(writing)
        with catalog.read() as reading:
            assert reading.execute(VERSION).scalar_one() == "0"
    with catalog.read() as reading:
        assert reading.execute(VERSION).scalar_one() == "1"
        with catalog.write() as writing:
            raise_version(writing)
        assert reading.execute(VERSION).scalar_one() == "1"
    with pytest.raises(LibraryUnwritableError, match="read-only"), catalog.read() as reading:
        raise_version(reading)


def test_isolation_does_not_depend_on_what_the_server_is_set_to(url: str) -> None:
    for default in ("serializable", "repeatable read"):
        strict = f"{url}?options=-c%20default_transaction_isolation%3D{default.replace(' ', '%5C%20')}"
        with contextlib.closing(Catalog(strict)) as catalog, catalog.write() as connection:
            assert connection.execute(sa.text("SHOW transaction_isolation")).scalar_one() == "read committed"
            assert connection.execute(sa.text("SHOW default_transaction_isolation")).scalar_one() == default


def test_a_commit_is_flushed_also_where_the_server_would_not(url: str) -> None:
    lazy = f"{url}?options=-c%20synchronous_commit%3Doff"
    with contextlib.closing(Catalog(lazy)) as catalog, catalog.write() as connection:
        assert connection.execute(sa.text("SHOW synchronous_commit")).scalar_one() == "on"


def test_a_writer_that_falls_silent_loses_the_catalog(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_SILENT_S", 0.3)
    with contextlib.closing(Catalog(url)) as silent, contextlib.closing(Catalog(url, busy_timeout_s=10)) as other:
        stopped = silent.write()
        raise_version(stopped.__enter__())
        with other.write() as connection:
            raise_version(connection)
        with pytest.raises(CatalogUnreachableError, match="cannot be reached"):
            stopped.__exit__(None, None, None)
        assert other.version() == 1


def test_two_libraries_in_one_database_do_not_meet(url: str, tmp_path: object) -> None:
    with contextlib.closing(Catalog(url, schema="one")) as one, contextlib.closing(Catalog(url, schema="two")) as two:
        Store(one, PartStore(tmp_path / "a")).parts.create()  # type: ignore[operator]
        Store(one, PartStore(tmp_path / "a")).add(1)  # type: ignore[operator]
        assert (len(tracks(one)), len(tracks(two))) == (1, 0)
        assert one.library_id != two.library_id
        with one.write(), two.write():  # nor do their writers wait for each other
            pass


def test_a_schema_is_a_plain_name(url: str) -> None:
    with pytest.raises(InputError, match="schema"):
        Catalog(url, schema="x -c fsync=off")


def test_every_text_is_ordered_by_its_bytes(catalog: Catalog) -> None:
    """A column of a later migration must say so: ``sa.Text(collation="C")`` on PostgreSQL."""
    with catalog.read() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT table_name, column_name, collation_name FROM information_schema.columns"
                " WHERE table_schema = current_schema() AND data_type IN ('character varying', 'text')"
                " AND table_name <> 'alembic_version'"
            )
        ).all()
    assert len(rows) > 30
    assert [tuple(row) for row in rows if row[2] != "C"] == []


def test_statements_are_prepared(catalog: Catalog) -> None:
    """The server parses and plans what is asked often once per connection, not each time."""
    for _ in range(12):
        with contextlib.suppress(InputError):
            find_track(catalog, "/music/x.wav")
        catalog.version()
    with catalog.read() as connection:
        prepared = connection.execute(
            sa.text("SELECT statement, generic_plans + custom_plans FROM pg_prepared_statements")
        ).all()
    for table in ("meta", "files"):
        runs = [n for statement, n in prepared if f"FROM {table}" in statement]
        assert max(runs, default=0) >= 5, prepared


def test_writes_are_prepared_too(catalog: Catalog) -> None:
    for _ in range(12):
        with catalog.write() as connection:
            raise_version(connection)
    with catalog.read() as connection:
        prepared = connection.execute(sa.text("SELECT statement FROM pg_prepared_statements")).scalars().all()
    for part in ("pg_advisory_xact_lock", "UPDATE meta", "INSERT INTO writes"):
        assert any(part in statement for statement in prepared), part


def test_connections_are_pooled(catalog: Catalog) -> None:
    seen = set()
    for _ in range(10):
        with catalog.read() as connection:
            seen.add(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
    assert len(seen) == 1


def test_a_connection_that_died_in_the_pool_is_replaced_before_it_is_used(
    catalog: Catalog, postgres_server: PostgresServer
) -> None:
    with catalog.read() as connection:
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    postgres_server.run(f"SELECT pg_terminate_backend({pid})")
    with catalog.read() as connection:  # not `lasting`: the ping alone must do
        assert connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one() != pid


def test_no_more_questions_at_once_than_connections(url: str) -> None:
    with contextlib.closing(Catalog(url)) as catalog, contextlib.ExitStack() as stack:
        catalog.engine.pool._timeout = 0.1  # type: ignore[attr-defined]
        for _ in range(2 * postgres._POOLED):
            stack.enter_context(catalog.read())
        with pytest.raises(CatalogLockedError, match="All connections"):
            stack.enter_context(catalog.read())


@pytest.mark.parametrize(
    ("state", "error"), [("53100", StorageFullError), ("42501", LibraryUnwritableError), ("55P03", CatalogLockedError)]
)
def test_what_the_server_says_becomes_an_error_with_a_remedy(
    catalog: Catalog, state: str, error: type[Exception]
) -> None:
    with pytest.raises(error), catalog.write() as connection:
        connection.execute(sa.text(f"DO $$ BEGIN RAISE EXCEPTION 'as tested' USING ERRCODE = '{state}'; END $$"))


def test_a_user_without_rights_is_told(postgres_server: PostgresServer, postgres_database: str) -> None:
    postgres_server.run("DROP ROLE IF EXISTS guest")
    postgres_server.run("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    place = postgres_database.partition("@")[2]
    with pytest.raises(LibraryUnwritableError, match="right to create"):
        Catalog(f"postgresql://guest:guest@{place}")


SECRET = "hush-hush"


def _said(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize(
    "wrong",
    [
        "postgresql://u:{s}@127.0.0.1:1/db",
        "postgresql://u@127.0.0.1:1/db?password={s}",
        "postgresql://u:{s}@127.0.0.1:port/db",
        "postgresql://u:{s}@[::1/db",
        "postgresql://u:12/{s}@host/db",
        "postgresql:/u:{s}@",
        "mysql://u:{s}@127.0.0.1/db",
        "postgresql://u@127.0.0.1:1/db?sslpassword={s}",
        "{s}",
    ],
)
def test_no_error_repeats_a_password(wrong: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises((InputError, CatalogUnreachableError)) as caught:
        Catalog(wrong.format(s=SECRET))
    assert SECRET not in _said(caught.value) + caplog.text
    assert caught.value.remedy


def test_nothing_that_is_shown_has_the_password(
    url: str, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = postgres_server.password
    moved = url.replace(f":{secret}@", "@") + f"?password={secret}"
    with contextlib.closing(Catalog(moved)) as catalog:
        with pytest.raises(sa.exc.DBAPIError) as caught, catalog.read() as connection:
            connection.execute(sa.text("SELECT nothing"))
        shown = f"{catalog.name} {catalog.engine!r} {catalog.engine.url!r} {vars(catalog)!r} {_said(caught.value)}"
    assert catalog.name == f"postgresql://workbench@127.0.0.1:{postgres_server.port}/" + url.rpartition("/")[2]
    assert secret not in shown + caplog.text + "".join(capfd.readouterr())
    with pytest.raises(CatalogUnreachableError) as refused:
        Catalog(url.replace(secret, SECRET))
    assert SECRET not in _said(refused.value)


def test_what_begins_no_id_is_not_looked_for(catalog: Catalog) -> None:
    for wanted in ("\0", "a\0b", "caf\udce9", "", "%"):
        with pytest.raises(InputError, match="no track"):
            find_track(catalog, wanted)


def test_a_server_that_never_answered_is_not_waited_for() -> None:
    began = time.monotonic()
    with pytest.raises(CatalogUnreachableError, match="server runs"):
        Catalog("postgresql://u@127.0.0.1:1/db")
    assert time.monotonic() - began < 5


def test_writes_of_long_ago_are_forgotten(catalog: Catalog) -> None:
    with catalog.write() as connection:
        connection.execute(sa.text("INSERT INTO writes VALUES ('old', 0)"))
    with catalog.write():
        pass
    with catalog.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM writes WHERE id = 'old'")).scalar_one() == 0


def test_the_lock_ends_with_its_connection(catalog: Catalog, postgres_server: PostgresServer) -> None:
    held = catalog.write()
    connection = held.__enter__()
    pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    postgres_server.run(f"SELECT pg_terminate_backend({pid})")
    eventually(lambda: catalog.version() == 0)
    with catalog.write() as other:
        raise_version(other)
    with pytest.raises(CatalogUnreachableError):
        held.__exit__(None, None, None)
    assert catalog.version() == 1
