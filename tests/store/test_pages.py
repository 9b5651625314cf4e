"""Pages of tracks: put together they are the whole list in its order, on both databases."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from tests.store.conftest import Store, content_id
from workbench.errors import InputError
from workbench.schema import SORT_COLUMNS
from workbench.store.catalog import pages as pages_module
from workbench.store.catalog.models import Placement, Track
from workbench.store.catalog.pages import tracks_page
from workbench.store.catalog.queries import number_of_tracks, tracks
from workbench.store.catalog.where import compile_where

ON_BOTH_DATABASES = True

TITLES = ["b", "B", "a", "é", "Z z", "a", None, "_", "", "10", "9", None, "ß"]
TEMPI = [120.0, None, 90.5, 120.0, None, 0.1 + 0.2, 90.5, 60.0, None, 120.0, 61.0, 62.0, 63.0]


@pytest.fixture
def mixed(store: Store) -> Store:
    """Tracks with equal and unknown values, and titles that a language would order in its own way."""
    store.add(*range(len(TITLES)))
    with store.catalog.write() as connection:
        for number, (title, bpm) in enumerate(zip(TITLES, TEMPI, strict=True)):
            connection.execute(sa.update(Track).where(Track.id == content_id(number)).values(title=title, bpm=bpm))
    return store


def walk(store: Store, limit: int, **asked: Any) -> Iterator[list[dict[str, Any]]]:
    after = None
    while True:
        page = tracks_page(store.catalog, after=after, limit=limit, **asked)
        yield page.rows
        if page.after is None:
            return
        after = page.after


def plainly(store: Store, sort: str, *, descending: bool, where: str | None = None) -> list[str]:
    """Order all tracks in Python: by bytes of UTF-8, then id; unknown values last."""
    found = tracks(store.catalog, where=where)

    def key(track: dict[str, Any]) -> tuple[Any, str]:
        value = track[sort]
        return value.encode() if isinstance(value, str) else value, track["id"]

    known = sorted((t for t in found if t[sort] is not None), key=key, reverse=descending)
    unknown = sorted((t for t in found if t[sort] is None), key=lambda t: t["id"], reverse=descending)
    return [track["id"] for track in known + unknown]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    "helped",
    [{}, {"_LARGE": 0}, {"_LARGE": 0, "_MORE": 1}, {"_LARGE": 0, "_FEW": 0, "_MANY": 1000}],
)
def test_pages_together_are_the_list_in_order(
    mixed: Store, descending: bool, helped: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in helped.items():
        monkeypatch.setattr(pages_module, name, value)
    for sort in ("title", "bpm", "path", "album", "duration_s"):
        for where in (None, "duration_s > 12", "bpm > 1e6", "title like '%a%' or bpm < 100"):
            expected = plainly(mixed, sort, descending=descending, where=where)
            for limit in (1, 2, 4, len(TITLES), 100):
                pages = list(walk(mixed, limit, sort=sort, descending=descending, where=where))
                assert [track["id"] for page in pages for track in page] == expected, (sort, where, limit)
                assert all(len(page) == limit for page in pages[:-1])


@pytest.mark.parametrize("descending", [False, True])
def test_tracks_that_are_no_more_leave_no_page_short(
    store: Store, descending: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The columns in memory go on holding them."""
    monkeypatch.setattr(pages_module, "_LARGE", 0)
    store.add(*range(60))
    gone = [content_id(n) for n in range(60) if n % 10 > 2]
    asked = {"sort": "duration_s", "where": "channels > 0", "descending": descending}
    assert len(next(walk(store, 7, **asked))) == 7
    with store.catalog.write() as connection:
        connection.execute(sa.delete(Placement).where(Placement.track_id.in_(gone)))
        connection.execute(sa.delete(Track).where(Track.id.in_(gone)))
    pages = [[track["id"] for track in page] for page in walk(store, 4, **asked)]
    assert [track for page in pages for track in page] == plainly(store, "duration_s", descending=descending)
    assert {len(page) for page in pages[:-1]} == {4}


@pytest.mark.parametrize(
    ("sort", "where", "index"),
    [
        ("energy", "energy > 0.1", "ix_tracks_energy"),  # all that it walks over fit
        ("energy", "bpm == 7", "ix_tracks_number"),  # one in ten does
        ("title", "channels > 0", "ix_tracks_title"),
    ],
)
def test_a_page_that_lies_near_looks_at_little(
    store: Store, sort: str, where: str, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not store.catalog.is_file:  # PostgreSQL finds its way by itself
        return
    monkeypatch.setattr(pages_module, "_LARGE", 0)
    store.add(*range(100))
    with store.catalog.write() as connection:
        connection.execute(sa.update(Track).values(energy=Track.number / 100.0, bpm=Track.number % 10))
    seen: list[tuple[str, Any]] = []
    sa.event.listen(
        store.catalog.engine, "before_cursor_execute", lambda c, cursor, text, values, *_: seen.append((text, values))
    )
    order = pages_module._Order(sort, False, None)
    rows = pages_module._near(store.catalog, where, order, 2)
    asked = seen[-1]
    assert [row.id for row in rows] == plainly(store, sort, descending=False, where=where)[:3]
    with store.catalog.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", asked[1]).all()
    assert index in " ".join(str(row[3]) for row in plan)


def test_sqlite_is_told_by_which_index_to_look(mixed: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages_module, "_LARGE", 0)
    if not mixed.catalog.is_file:  # PostgreSQL counts for itself
        where = "energy > 2"
        assert pages_module._condition(mixed.catalog, where, "title").compare(compile_where(where))
        return

    def plan(where: str, sort: str) -> str:
        condition = pages_module._condition(mixed.catalog, where, sort)
        column = Track.__table__.c[sort]
        statement = sa.select(Track.id).where(condition, column.is_not(None)).order_by(column, Track.id).limit(3)
        text = str(statement.compile(mixed.catalog.engine, compile_kwargs={"literal_binds": True}))
        with mixed.catalog.read() as connection:
            return " ".join(str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))

    assert "ix_tracks_number" in plan("mood in ('calm', 'happy') and energy > 2", "title")
    monkeypatch.setattr(pages_module, "_FEW", 0)
    monkeypatch.setattr(pages_module, "_MANY", 1000)
    assert "ix_tracks_title" in plan("mood == 'calm' and duration_s > 0 or duration_s >= 0", "title")
    assert "ix_tracks_mood" not in plan("mood in ('calm', 'happy') or duration_s >= 0", "title")


def test_a_page_has_what_the_list_has(mixed: Store) -> None:
    assert tracks_page(mixed.catalog).rows == tracks(mixed.catalog)
    assert number_of_tracks(mixed.catalog, where="bpm == 120") == 3
    assert all(tracks_page(mixed.catalog, sort=sort).rows for sort in SORT_COLUMNS)


def test_tracks_that_come_and_go_between_pages_disturb_no_other(mixed: Store) -> None:
    pages = walk(mixed, 5, sort="bpm")
    seen = next(pages)
    mixed.add(100, 101)
    with mixed.catalog.write() as connection:
        # what orders the last row on the first page is changed
        connection.execute(sa.update(Track).where(Track.id == seen[-1]["id"]).values(bpm=1.0))
    rest = [track["id"] for page in pages for track in page]
    assert len(set(rest)) == len(rest)
    assert set(rest) >= {content_id(n) for n in range(len(TITLES))} - {track["id"] for track in seen}


def cursor(*fields: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "after",
    [
        "",
        "nonsense",
        "Zm9v",
        "é",
        "=",
        "W" * 5000,
        cursor(),
        cursor("bpm", False, 1.0),
        cursor("title", False, "a", content_id(1)),  # of another order
        cursor("bpm", True, 1.0, content_id(1)),
        cursor("bpm", False, "1", content_id(1)),
        cursor("bpm", False, [1.0], content_id(1)),
        cursor("bpm", False, 10**400, content_id(1)),
        cursor("bpm", False, 1.0, "' OR 1=1"),
        cursor("bpm", False, 1.0, 7),
        cursor("bpm", False, 1.0, content_id(1), 1),
    ],
)
def test_what_was_never_a_cursor_is_refused(store: Store, after: str) -> None:
    with pytest.raises(InputError, match="page"):
        tracks_page(store.catalog, sort="bpm", after=after)


@pytest.mark.parametrize("title", ["a\0", "\ud800"])
def test_a_cursor_with_what_no_text_can_hold_is_refused(store: Store, title: str) -> None:
    with pytest.raises(InputError, match="page"):
        tracks_page(store.catalog, sort="title", after=cursor("title", False, title, content_id(1)))


def test_wrong_requests_name_what_is_possible(store: Store) -> None:
    with pytest.raises(InputError, match="loudness_lufs"):
        tracks_page(store.catalog, sort="flags")
    with pytest.raises(InputError, match="at least 1"):
        tracks_page(store.catalog, limit=0)
    with pytest.raises(InputError, match="no column"):
        tracks_page(store.catalog, where="x > 1")
