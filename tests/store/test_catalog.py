"""Opening catalogs, good and bad; paths that are not text."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st

from tests.services import eventually
from tests.store.conftest import Store, as_of_0003
from workbench.errors import CatalogLockedError, LibraryDamagedError, LibraryUnwritableError, LibraryVersionError
from workbench.store.catalog import Catalog, migrations
from workbench.store.catalog.models import Base, PathText, Placement, escape_path, unescape_path

ON_BOTH_DATABASES = True


def test_migrations_make_the_tables_of_the_models(store: Store) -> None:
    with store.catalog.read() as connection:
        context = MigrationContext.configure(connection, opts={"user_defined_render_type": None})
        differences = [d for d in compare_metadata(context, Base.metadata) if not _only_path_text(d)]
    assert differences == []


def _only_path_text(difference: object) -> bool:
    change = difference[0] if isinstance(difference, list) else difference
    return isinstance(change, tuple) and change[0] == "modify_type" and isinstance(change[6], PathText)


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(migrations.alembic_config()).get_current_head() == migrations.HEAD


def test_tracks_of_an_older_catalog_get_numbers(store: Store) -> None:
    with store.catalog.engine.begin() as connection:
        as_of_0003(connection)
        connection.execute(sa.text("UPDATE meta SET value = '7' WHERE key = 'version'"))
        connection.execute(sa.text("INSERT INTO array_sets VALUES ('s', '[]')"))
        for track in ("b", "c", "a"):
            values = f"'{track}', '/{track}.wav', 's', 'wav', 44100, 2, '[]', 1.0"
            names = "id, path, array_set, format, sample_rate, channels, flags, duration_s"
            connection.execute(sa.text(f"INSERT INTO tracks ({names}) VALUES ({values})"))
    with contextlib.closing(Catalog(store.database)) as catalog:
        with catalog.read() as connection:
            rows = connection.execute(sa.text("SELECT id, number, changed FROM tracks ORDER BY number")).all()
        assert [tuple(row) for row in rows] == [("a", 0, 0), ("b", 1, 0), ("c", 2, 0)]
        assert (catalog.version(), catalog.numbers()) == (7, 3)


def test_opening_again_keeps_everything(store: Store) -> None:
    store.add(1)
    with contextlib.closing(Catalog(store.database)) as again:
        assert again.library_id == store.catalog.library_id
        assert again.version() == store.catalog.version() == 1


def test_every_commit_to_a_file_is_flushed(tmp_path: Path) -> None:
    with (
        contextlib.closing(Catalog.open_file(tmp_path / "catalog.sqlite")) as catalog,
        catalog.read() as connection,
    ):
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    assert mode == ("wal" if sqlite3.sqlite_version_info >= (3, 51, 3) else "truncate")


def test_foreign_keys_hold(store: Store) -> None:
    with pytest.raises(sa.exc.IntegrityError), store.catalog.write() as connection:
        connection.execute(sa.insert(Placement).values(part_id="none", row=0, track_id="none"))


def test_several_may_make_the_same_catalog_at_once(database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: Catalog(database, schema="fresh"), range(4)))
    assert len({catalog.library_id for catalog in opened}) == 1
    for catalog in opened:
        catalog.close()


def test_catalog_of_a_later_version_is_refused(store: Store) -> None:
    with store.catalog.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LibraryVersionError, match="9999"):
        Catalog(store.database)


def test_locked_catalog_says_so(store: Store) -> None:
    second = store.catalog.write()
    with store.catalog.write(), pytest.raises(CatalogLockedError, match="BUSY_TIMEOUT"):
        second.__enter__()


HOLDS = """
import sys, time
from pathlib import Path
from workbench.store.catalog import Catalog
with Catalog.open_file(Path(sys.argv[1])).write():
    print("holds", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has a lock: run the tests there")
def test_a_process_that_sleeps_with_the_lock_is_named(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    catalog = Catalog.open_file(path, busy_timeout_s=0.1)
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE, text=True) as sleeper:
        try:
            assert sleeper.stdout is not None
            assert sleeper.stdout.readline() == "holds\n"
            for stopped, said in (
                (False, rf"process {sleeper.pid} \(\w.*BUSY"),
                (True, f"stopped.*-CONT {sleeper.pid}"),
            ):
                if stopped:
                    sleeper.send_signal(signal.SIGSTOP)
                    eventually(lambda: psutil.Process(sleeper.pid).status() == psutil.STATUS_STOPPED)
                with pytest.raises(CatalogLockedError, match=said):
                    catalog.write().__enter__()
        finally:
            sleeper.kill()
    with catalog.write():  # death gives the lock back
        pass
    catalog.close()


def test_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(LibraryDamagedError, match="damaged"):
        Catalog.open_file(tmp_path / "catalog.sqlite")


def test_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(LibraryUnwritableError, match="--library"):
        Catalog.open_file(tmp_path / "nowhere" / "catalog.sqlite")


def test_an_error_rolls_everything_back(store: Store) -> None:
    def change_and_fail() -> None:
        with store.catalog.write() as connection:
            connection.execute(sa.text("UPDATE meta SET value = '7' WHERE key = 'version'"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_and_fail()
    assert store.catalog.version() == 0


def test_other_database_errors_pass_through(store: Store) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="elsewhere"), store.catalog.read() as connection:
        connection.execute(sa.text("SELECT * FROM elsewhere"))


@given(st.binary(min_size=1, max_size=30))
def test_any_path_survives_as_valid_text(name: bytes) -> None:
    path = os.fsdecode(name)
    text = escape_path(path)
    assert b"\0" not in text.encode("utf-8")
    assert unescape_path(text) == path


def test_ordinary_paths_are_stored_as_they_are() -> None:
    assert escape_path("/música/Ω 100 %.wav") == "/música/Ω 100 %.wav"
