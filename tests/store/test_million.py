"""A million tracks and a million outcomes: every question that is asked often is answered by an index, and at once."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.services import postgres_copy
from tests.store.conftest import content_id
from workbench.schema import SORT_COLUMNS
from workbench.store.catalog import Catalog, queries
from workbench.store.catalog.models import Batch, File, JobFile, Placement, Track, Write
from workbench.store.catalog.pages import tracks_page
from workbench.store.ledger import Ledger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

N = 1_000_000
#: Table, its columns but for those that stay unknown, and what they are made of: n counts from 0 and h is as good as
#: random. One in seven tempi is not known.
_ROWS = {
    "tracks": {
        "id": "{id}",
        "number": "n",
        "changed": "1",
        "path": "'/music/' || (h % 5000) || '/' || n || '.flac'",
        "array_set": "'s'",
        "format": "'flac'",
        "sample_rate": "44100",
        "channels": "2",
        "flags": "'[]'",
        "duration_s": "30 + h % 5000 / 10.0",
        "bpm": "CASE WHEN n % 7 = 0 THEN NULL ELSE 60 + h % 12000 / 100.0 END",
        "key": "'key ' || (h % 24)",
        "energy": "h % 1000 / 1000.0",
        "valence": "h % 999 / 999.0",
        "arousal": "h % 998 / 998.0",
        "danceability": "h % 997 / 997.0",
        "mood": "'mood ' || (h % 9)",
        "loudness_lufs": "-30 + h % 2500 / 100.0",
        "title": "'Title ' || h",
        "artist": "'Artist ' || (h % 20000)",
        "album": "'Album ' || (h % 60000)",
        "genre": "'Genre ' || (h % 300)",
    },
    "files": {
        "path": "'/music/' || (h % 5000) || '/' || n || '.flac'",
        "size": "1000 + h",
        "mtime_ns": "n",
        "content_id": "{id}",
        "reason": "CASE WHEN n % 1000 = 0 THEN 'corrupt' END",
    },
    "batches": {
        "id": "1 + n",
        "job_id": "1 + n / 250000",
        "state": "CASE WHEN n % 250000 > 240000 THEN 'pending' ELSE 'done' END",
        "fence": "1",
        "attempts": "1",
        "cost": "h",
    },
    "job_files": {
        "batch_id": "1 + n",
        "job_id": "1 + n / 250000",
        "ordinal": "n % 250000",
        "path": "'/music/' || (h % 5000) || '/' || n || '.flac'",
        "cost": "1.0",
        "outcome": "CASE WHEN n % 1000 = 0 THEN 'failed' WHEN n >= 990000 THEN NULL ELSE 'analyzed' END",
        "reason": "CASE WHEN n % 1000 = 0 THEN 'corrupt' END",
    },
}
_NUMBERS = {
    "sqlite": (
        "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers LIMIT {N}),"
        " rows AS (SELECT n, (n * 7919 + 104729) % 1000003 AS h FROM numbers)",
        "printf('%032x', n)",
    ),
    "postgresql": (
        "WITH rows AS (SELECT n, (n * 7919 + 104729) % 1000003 AS h FROM generate_series(0::bigint, {N} - 1) AS n)",
        "lpad(to_hex(n), 32, '0')",
    ),
}


def fill(connection: sa.Connection) -> None:
    """Enter the rows where they lie; indexes are made afterwards, which is far quicker."""
    dialect = connection.dialect.name
    numbers, track_id = _NUMBERS[dialect]
    room = "PRAGMA cache_size = -500000" if dialect == "sqlite" else "SET LOCAL maintenance_work_mem = '500MB'"
    connection.execute(sa.text(room))
    connection.execute(sa.text("INSERT INTO array_sets (id, keys) VALUES ('s', '[]')"))
    for job in range(1, 5):
        values = f"{job}, 'running', '{{}}', 'k{job}', 1, 0, 100.0"
        names = "id, state, request, request_key, fence, created_at, worked_s"
        connection.execute(sa.text(f"INSERT INTO jobs ({names}) VALUES ({values})"))
    for table, columns in _ROWS.items():
        indexes = [index for model in (Track, File, Batch, JobFile) for index in model.__table__.indexes]  # type: ignore[attr-defined]
        indexes = [index for index in indexes if index.table.name == table]
        for index in indexes:
            index.drop(connection)
        made = ", ".join(columns.values()).replace("{id}", track_id)
        with_rows = numbers.replace("{N}", str(N))
        if dialect == "sqlite":
            connection.exec_driver_sql(
                f"INSERT INTO {table} ({', '.join(columns)}) {with_rows} SELECT {made} FROM rows"
            )
        else:
            made, with_rows = made.replace("'[]'", "'[]'::json").replace("%", "%%"), with_rows.replace("%", "%%")
            connection.exec_driver_sql(
                f"{with_rows} INSERT INTO {table} ({', '.join(columns)}) SELECT {made} FROM rows"
            )
        for index in indexes:
            index.create(connection)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def million(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    folder: Path = tmp_path_factory.mktemp("million")
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{folder / 'catalog.sqlite'}"
        if request.param == "postgresql":
            url = stack.enter_context(postgres_copy(request.getfixturevalue("postgres_server")))
        catalog = stack.enter_context(contextlib.closing(Catalog(url)))
        with catalog.write() as connection:
            fill(connection)
            connection.exec_driver_sql("ANALYZE")
        yield catalog


@contextlib.contextmanager
def statements(catalog: Catalog) -> Iterator[list[tuple[str, Any]]]:
    """Note every statement that a catalog is asked, with its values."""
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            seen.append((statement, parameters))

    sa.event.listen(catalog.engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(catalog.engine, "before_cursor_execute", note)


def plan(catalog: Catalog, statement: str, parameters: Any) -> str:
    explain = "EXPLAIN QUERY PLAN " if catalog.engine.dialect.name == "sqlite" else "EXPLAIN "
    with catalog.engine.connect() as connection:
        return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters))


def deep(catalog: Catalog, sort: str, *, descending: bool = False, known: bool = True) -> Callable[[], object]:
    """Ask for a page from the middle."""
    from workbench.store.catalog.pages import _cursor

    column = Track.__table__.c[sort]
    with catalog.read() as connection:
        found = sa.select(column, Track.id).where(Track.number == 500_000 if known else Track.number == 700_000)
        value, track = connection.execute(found).one()
    assert (value is not None) == known
    after = _cursor(sort, descending, value, track)
    return lambda: tracks_page(catalog, sort=sort, descending=descending, after=after)


def questions(catalog: Catalog) -> dict[str, Callable[[], object]]:
    """What is asked often, by every layer above."""
    ledger = Ledger(catalog)
    ids = [content_id(n) for n in range(100, N, N // 90)]
    paths = [f"/music/{(n * 7919 + 104729) % 1000003 % 5000}/{n}.flac" for n in (7, 70_001, 999_999)]
    asked: dict[str, Callable[[], object]] = {
        "track by id": lambda: queries.find_track(catalog, content_id(12345)),
        "track by path": lambda: queries.find_track(catalog, paths[1]),
        "tracks by id": lambda: queries.tracks_by_id(catalog, ids),
        "ids by path": lambda: queries.ids_by_path(catalog, paths),
        "files by path": lambda: queries.known_files(catalog, paths),
        "files by audio": lambda: queries.known_failures(catalog, ids),
        "failed files": lambda: queries.failed_files(catalog),
        "failures of a job": lambda: queries.job_failures(catalog, 2),
        "reasons of a job": lambda: ledger.reasons(2),
        "batches that wait": lambda: ledger.waiting(2),
        "speed of the last job": lambda: queries.measured_speed(catalog),
        "page of an artist": lambda: tracks_page(catalog, where='artist == "Artist 77"', sort="album"),
        "page of a genre": lambda: tracks_page(catalog, where='genre == "Genre 7"', sort="title"),
        "page of a tempo": lambda: tracks_page(catalog, where="bpm > 120 and bpm < 120.2", sort="energy"),
        "page of a mood": lambda: tracks_page(catalog, where='mood == "mood 3" and energy > 0.99', sort="path"),
        "page of a key": lambda: tracks_page(catalog, where='key == "key 3"', sort="bpm", descending=True),
        "page of what is not known": deep(catalog, "bpm", known=False),
        "page of what is not known, backwards": deep(catalog, "bpm", known=False, descending=True),
    }
    for sort in SORT_COLUMNS:
        asked[f"page by {sort}"] = deep(catalog, sort)
        asked[f"page by {sort}, backwards"] = deep(catalog, sort, descending=True)
        asked[f"first page by {sort}"] = lambda sort=sort: tracks_page(catalog, sort=sort)  # type: ignore[misc]
    return asked


#: Reading a whole table, or sorting it, on SQLite and on PostgreSQL.
_WHOLE = re.compile(
    r"\bSCAN (tracks|files|batches|job_files|placements)\b(?! USING)|Seq Scan on (tracks|files|batches|job_files)"
)


def test_every_question_is_answered_by_an_index_at_once(million: Catalog) -> None:
    wrong = []
    for name, ask in questions(million).items():
        with statements(million) as seen:
            ask()
        plans = [plan(million, *statement) for statement in seen]
        began = time.process_time(), time.perf_counter()
        ask()
        took = time.perf_counter() - began[1]
        if any(_WHOLE.search(text) for text in plans) or took > 0.25:
            wrong.append(
                f"{name}: {took * 1000:.0f} ms\n"
                + "\n".join(s + "\n" + p for (s, _), p in zip(seen, plans, strict=True))
            )
    assert not wrong, "\n\n".join(wrong)


def test_outcomes_of_a_job_are_counted_in_an_index_alone(million: Catalog) -> None:
    with statements(million) as seen:
        counts = Ledger(million).counts(1)
    assert (counts.total, counts.failed) == (250_000, 250)
    (statement,) = seen
    if million.engine.dialect.name == "sqlite":
        assert "COVERING INDEX ix_job_files_outcome" in plan(million, *statement)


def test_a_deep_page_is_as_quick_as_the_first(million: Catalog) -> None:
    first = lambda: tracks_page(million, sort="bpm")  # noqa: E731
    took = {}
    for name, ask in (("first", first), ("deep", deep(million, "bpm"))):
        ask()
        began = time.perf_counter()
        for _ in range(20):
            ask()
        took[name] = time.perf_counter() - began
    assert took["deep"] < 5 * took["first"] + 0.1


def test_nothing_else_grows_with_the_library(million: Catalog) -> None:
    """Foreign keys and housekeeping, which no function above asks for by itself."""
    for statement in (
        sa.select(Placement.row).where(Placement.track_id == "x"),
        sa.select(JobFile.path).where(JobFile.batch_id == 1),
        sa.select(Track.number).where(Track.changed > 1),
        sa.delete(Write).where(Write.at < 0),
    ):
        text = str(statement.compile(million.engine, compile_kwargs={"literal_binds": True}))
        assert not _WHOLE.search(plan(million, text, ())), text
