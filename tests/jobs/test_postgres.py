"""A library whose catalog is on PostgreSQL: the same answers as with SQLite, also when the server dies in a job."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.jobs.collection import Analyzed, plan_one_by_one, stored_arrays
from workbench.config import Settings
from workbench.errors import CatalogUnreachableError, InputError, LibraryVersionError
from workbench.jobs.progress import Progress
from workbench.library import Library
from workbench.testing.services import PostgresServer

# psycopg warns of a cursor that it could not close on the server because the connection died at just that statement
pytestmark = pytest.mark.filterwarnings("ignore:.*ServerCursorMixin:pytest.PytestUnraisableExceptionWarning")

SECRET = "hush-hush"


def on_server(url: str, **more: float) -> Settings:
    return Settings(catalog=url, **more)  # type: ignore[arg-type]  # a text becomes a secret


def test_the_same_library_as_with_sqlite(
    analyzed: Analyzed, postgres_database: str, tmp_path: Path, cluster: str
) -> None:
    with Library.open(tmp_path / "l", settings=on_server(postgres_database)) as library:
        report = library.analyze(analyzed.music, scheduler=cluster).report()
        same = ("state", "total", "analyzed", "unchanged", "duplicate", "failed")
        assert {name: report[name] for name in same} == {name: analyzed.report[name] for name in same}
        assert described(library) == described(analyzed.library)
        assert stored_arrays(library) == stored_arrays(analyzed.library)
        assert library.verify().problems == []
        query = library.tracks()[0]["id"]
        answers = [[r["id"] for r in one.similar(query, n=4).results] for one in (library, analyzed.library)]
        assert answers[0] == answers[1]
        assert library.playlist(n=3).ids == analyzed.library.playlist(n=3).ids
        assert not list((tmp_path / "l").glob("*.sqlite*"))


def test_a_library_stays_where_it_was_made(postgres_database: str, tmp_path: Path) -> None:
    settings = on_server(postgres_database)
    with Library.open(tmp_path / "server", settings=settings) as library:
        assert library.tracks() == []
    with pytest.raises(InputError, match="WORKBENCH_CATALOG"):
        Library.open(tmp_path / "server", settings=Settings())
    Library.open(tmp_path / "file", settings=Settings()).close()
    with Library.open(tmp_path / "file", settings=settings) as library:
        assert library.catalog.name.startswith("sqlite")
    marker = tmp_path / "server" / "library.json"
    facts = json.loads(marker.read_text())
    assert "@" not in marker.read_text()
    marker.write_text(json.dumps({**facts, "schema": "x; DROP SCHEMA public"}))
    with pytest.raises(InputError, match="schema"):
        Library.open(tmp_path / "server", settings=settings)
    marker.write_text(json.dumps({"layout": facts["layout"]}))
    with pytest.raises(LibraryVersionError):
        Library.open(tmp_path / "server", settings=settings)


def test_settings_keep_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.config import load_settings

    monkeypatch.setenv("WORKBENCH_CATALOG", f"postgresql://u:{SECRET}@127.0.0.1:1/db")
    settings = load_settings()
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    with pytest.raises(CatalogUnreachableError) as caught:
        Library.open(tmp_path / "l", settings=settings)
    assert SECRET not in str(caught.value)
    monkeypatch.delenv("WORKBENCH_CATALOG")
    monkeypatch.setenv("WORKBENCH_SETTINGS", str(tmp_path / "settings.toml"))
    for wrong in (f'catalogue = "postgresql://u:{SECRET}@h/db"\n', f'catalog = ["{SECRET}"]\n'):
        (tmp_path / "settings.toml").write_text(wrong)
        with pytest.raises(InputError, match="catalog") as refused:
            load_settings()
        assert SECRET not in str(refused.value)


class Outage:
    """An ``on_progress`` at which the server is killed as soon as something is done; it is back after a while."""

    def __init__(self, server: PostgresServer, away_s: float) -> None:
        self._server, self._away_s = server, away_s
        self.thread: threading.Thread | None = None

    def __call__(self, progress: Progress) -> None:
        if progress.done >= 1 and self.thread is None:
            self._server.stop(signal.SIGKILL)
            self.thread = threading.Thread(target=self._come_back)
            self.thread.start()

    def _come_back(self) -> None:
        time.sleep(self._away_s)
        self._server.start()


def described(library: Library) -> dict[str, dict[str, object]]:
    """All tracks by their ids; which of two copies gives its path and title depends on who is first."""
    return {
        str(track["id"]): {name: value for name, value in track.items() if name not in ("path", "title")}
        for track in library.tracks()
    }


def run(library: Library, music: Path, cluster: str, on_progress: Callable[[Progress], None]) -> None:
    job = library.resume(plan_one_by_one(library, music), scheduler=cluster, on_progress=on_progress)
    assert (job.state, job.counts.done, job.counts.total) == ("done", 12, 12)


@pytest.mark.parametrize("away_s", [3.0, pytest.param(30.0, marks=pytest.mark.slow)])
def test_a_server_killed_in_a_job_fails_and_loses_nothing(
    analyzed: Analyzed, own_server: PostgresServer, tmp_path: Path, cluster: str, away_s: float
) -> None:
    settings = on_server(own_server.url())
    with Library.open(tmp_path / "l", settings=settings) as library:
        outage = Outage(own_server, away_s)
        run(library, analyzed.music, cluster, outage)
        assert outage.thread is not None
        outage.thread.join()
        assert stored_arrays(library) == stored_arrays(analyzed.library)
        assert described(library) == described(analyzed.library)
        assert library.verify().problems == []
        assert library.analyze(analyzed.music).counts.unchanged == 9  # and nothing is decoded again
