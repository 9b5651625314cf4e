"""A catalog that moves into another database, and back: all of it, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.jobs.collection import Analyzed, analyzed, cluster, music
from workbench import Label, Library, Settings, tabular
from workbench.errors import (
    CatalogMovedError,
    CatalogUnreachableError,
    InputError,
    JobError,
    LibraryDamagedError,
    StorageFullError,
)
from workbench.schema import JobState
from workbench.store import marker
from workbench.store.catalog import move
from workbench.store.catalog.models import Base, Job
from workbench.store.job_entry import Request
from workbench.store.ledger import Ledger

__all__ = ["analyzed", "cluster", "music"]


@pytest.fixture
def settings(postgres_database: str) -> Settings:
    return Settings(catalog=SecretStr(postgres_database), lease_s=0.2)


@pytest.fixture
def folder(tmp_path: Path, analyzed: Analyzed) -> Path:
    """Give a library with something in every table, also a path that is no text, and NULL beside JSON's null."""
    shutil.copytree(analyzed.path, tmp_path / "own.library")
    odd = tmp_path / "odd" / "na\udcefve.ogg"
    odd.parent.mkdir()
    shutil.copy(analyzed.track("rock/two.ogg")["path"], odd)
    (tmp_path / "odd/bad.wav").write_text("no audio")
    with Library.open(tmp_path / "own.library") as library:
        library.analyze(odd.parent, workers=1)
        track, other = (one["id"] for one in library.tracks(limit=2))
        library.label(track, Label("genre", "düb"), Label("break", start_s=0.1, end_s=0.30000000000000004))
        library.label(other, Label("genre", "rock"))
        library.apply_labels("genre")
        library.tune(likes=[(track, other)], name="Mine")
        library.save_playlist("Evening", library.playlist(n=3))
        library.job_manager().submit([str(odd.parent)], owner="ada")
        with library.catalog.write() as connection:
            done = {"state": "done", "request": {}, "request_key": "k", "created_at": 0.1, "worked_s": 0}
            connection.execute(sa.insert(Job).values(**done, owner=sa.null()))
            connection.execute(sa.insert(Job).values(**done, owner=None))
    return tmp_path / "own.library"


def answers(library: Library) -> str:
    """What a library knows, as JSON."""
    tracks = library.tracks()
    track = tracks[0]["id"]
    similar = library.similar(track).to_dict()
    playlist = library.playlist(n=4).to_dict()
    known: dict[str, Any] = {
        "tracks": tracks,
        "failed": library.failed(),
        "jobs": library.jobs(),
        "labels": [str(label) for label in library.labels()],
        "columns": {name: str(library.label_column(name)) for name in library.label_columns()},
        "tastes": [str(taste) for taste in library.tastes()],
        "playlists": library.playlists(),
        "similar": similar["results"],
        "playlist": playlist,
        "state": library.catalog.state(),
        "id": library.catalog.library_id,
        "problems": library.verify().problems,
    }
    return tabular.to_json(known)


def test_there_and_back_again(folder: Path, settings: Settings) -> None:
    with Library.open(folder) as library:
        before = answers(library)
        n_jobs = len(library.jobs())
    there = Library.move_catalog(folder, to="postgresql", settings=settings)
    assert set(there.rows) == {table.name for table in Base.metadata.sorted_tables} - {"writes"}
    assert all(n > 0 for n in there.rows.values()), there.rows
    with Library.open(folder, settings=settings) as library:
        assert library.catalog.name.startswith("postgresql://")
        assert answers(library) == before
        job = library.job_manager().submit([str(folder.parent / "odd")], owner="ada")  # numbers go on
        assert job.job_id == n_jobs + 1
        assert library.analyze(folder.parent / "odd", workers=1).report()["analyzed"] == 0
        with_jobs, n_jobs = answers(library), len(library.jobs())
    back = Library.move_catalog(folder, to="sqlite", settings=settings)
    assert back.rows.items() >= {"tracks": there.rows["tracks"], "jobs": n_jobs}.items()
    with Library.open(folder) as library:
        assert answers(library) == with_jobs
    assert len(list(folder.glob("catalog-until-*.sqlite"))) == 1
    assert Library.move_catalog(folder, to="postgresql", settings=settings).digest == back.digest


def test_what_is_null_and_what_is_jsons_null(folder: Path, settings: Settings) -> None:
    Library.move_catalog(folder, to="postgresql", settings=settings)
    with Library.open(folder, settings=settings) as library, library.catalog.read() as connection:
        absent = connection.scalars(sa.select(Job.id).where(Job.request_key == "k", Job.owner.is_(sa.null()))).all()
        null = connection.scalars(
            sa.select(Job.id).where(Job.request_key == "k", sa.cast(Job.owner, sa.Text) == "null")
        ).all()
    assert len(absent) == len(null) == 1
    assert absent[0] + 1 == null[0]


@pytest.mark.parametrize("to", ["postgresql", "sqlite"])
def test_a_program_that_has_the_old_one_open_is_told(folder: Path, settings: Settings, to: Any) -> None:
    if to == "sqlite":
        Library.move_catalog(folder, to="postgresql", settings=settings)
    with Library.open(folder, settings=settings) as old:
        track = old.tracks(limit=1)[0]["id"]
        Library.move_catalog(folder, to=to, settings=settings)
        for change in (
            lambda: old.label(track, Label("late")),
            lambda: old.job_manager().submit([str(folder)], owner="ada"),
            lambda: old.untune(forget="Mine"),
        ):
            with pytest.raises(CatalogMovedError, match=r"has moved\. Start this program again"):
                change()
    with Library.open(folder, settings=settings) as new:
        assert len(new.label(track, Label("in time"))) >= 1


def test_it_is_there_already(folder: Path, settings: Settings) -> None:
    with pytest.raises(InputError, match="already"):
        Library.move_catalog(folder, to="sqlite", settings=settings)
    with pytest.raises(InputError, match="WORKBENCH_CATALOG"):
        Library.move_catalog(folder, to="postgresql", settings=Settings())
    with pytest.raises(InputError, match="no library"):
        Library.move_catalog(folder.parent / "none", to="postgresql", settings=settings)


def test_a_job_at_work_stays_where_it_is(folder: Path, settings: Settings) -> None:
    with Library.open(folder) as library:
        lease = Ledger(library.catalog).create(Request(("/music",)), lease_s=30.0)
        with pytest.raises(JobError, match=f"Job {lease.job_id} is at work"):
            Library.move_catalog(folder, to="postgresql", settings=settings)
        Ledger(library.catalog).finish(lease, JobState.CANCELLED)
    Library.move_catalog(folder, to="postgresql", settings=settings)


Spoil = Callable[[pytest.MonkeyPatch], None]


def lose_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the target give back one row less."""
    batches = move._batches

    def fewer(connection: sa.Connection, table: sa.Table) -> Any:
        for rows in batches(connection, table):
            yield rows[:-1] if connection.dialect.name == "postgresql" and table.name == "placements" else rows

    monkeypatch.setattr(move, "_batches", fewer)


def change_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the target give back a number that is a little off."""
    read = move._read

    def off(connection: sa.Connection, column: sa.Column[Any]) -> Any:
        is_off = connection.dialect.name == "postgresql" and column.name == "bpm"
        return column + 1e-9 if is_off else read(connection, column)

    monkeypatch.setattr(move, "_read", off)


def fail_to_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, facts: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(marker, "replace_marker", full)


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [(lose_a_row, LibraryDamagedError), (change_a_value, LibraryDamagedError), (fail_to_switch, StorageFullError)],
)
def test_what_goes_wrong_leaves_everything_as_it_was(
    folder: Path,
    settings: Settings,
    postgres_database: str,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Spoil,
    kind: type[Exception],
) -> None:
    with Library.open(folder) as library:
        before = answers(library)
    with monkeypatch.context() as spoiled:
        spoil(spoiled)
        with pytest.raises(kind):
            Library.move_catalog(folder, to="postgresql", settings=settings)
    engine = sa.create_engine(postgres_database.replace("postgresql", "postgresql+psycopg", 1))
    assert [name for name in sa.inspect(engine).get_schema_names() if name.startswith("workbench")] == []
    engine.dispose()
    with Library.open(folder) as library:
        assert answers(library) == before
        library.label(library.tracks(limit=1)[0]["id"], Label("still"))


def test_a_server_that_is_away(folder: Path) -> None:
    away = Settings(catalog=SecretStr("postgresql://nobody@127.0.0.1:1/none"), reconnect_s=0.2)
    with pytest.raises(CatalogUnreachableError):
        Library.move_catalog(folder, to="postgresql", settings=away)
    assert json.loads((folder / "library.json").read_text()) == {"layout": marker.LAYOUT}
    with Library.open(folder) as library:
        assert library.tracks()
