"""Tracks page by page, in order of a column."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from workbench.errors import InputError
from workbench.schema import SORT_COLUMNS
from workbench.store.catalog.engine import Catalog
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import Track, escape_path
from workbench.store.catalog.queries import TRACK_COLUMNS
from workbench.store.catalog.where import compile_where

_TABLE = Track.__table__
_ID = _TABLE.c.id
#: From so many tracks on it matters in which way SQLite looks for a page.
_LARGE = 50_000
#: Up to so many tracks that fit are looked at one by one and sorted; from one in `_MANY` of all on they are met soon
#: enough in the order of the page.
_FEW, _MANY = 30_000, 30
_ANY_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Page:
    """Some tracks in an order, and where those after them begin.

    Attributes
    ----------
    rows : records as `tracks` gives them
    after : what to ask for the next page with; None after the last
    """

    rows: list[dict[str, Any]]
    after: str | None


@lasting
def tracks_page(
    catalog: Catalog,
    *,
    where: str | None = None,
    sort: str = "path",
    descending: bool = False,
    after: str | None = None,
    limit: int = 100,
) -> Page:
    """Give the tracks that fit an expression page by page, in order of a column.

    A page begins after the last track of the one before (a *keyset*), found by an index: the thousandth is as quick
    as the first, and a track that is added or goes meanwhile makes no other one appear twice or not at all. Tracks
    of which the column is not known come last either way, and those of equal value in order of their ids.

    Parameters
    ----------
    catalog : Catalog
    where : str, optional
        As in `compile_where`; the same for all pages.
    sort : str
        One of `SORT_COLUMNS`.
    descending : bool
        The largest value first.
    after : str, optional
        `Page.after` of the page before; default is the first page.
    limit : int
        Most tracks on the page, at least 1.

    Raises
    ------
    InputError
        When the expression cannot be read, there is no such order, or `after` is not of a page in this order.
    """
    if sort not in SORT_COLUMNS:
        raise InputError(f"Tracks cannot be sorted by {sort!r}.", f"By one of: {', '.join(SORT_COLUMNS)}.")
    if limit < 1:
        raise InputError(f"A page of {limit} tracks cannot be.", "Give at least 1.")
    last = None if after is None else _read_cursor(after, sort, descending)
    column = _TABLE.c[sort]
    statement = sa.select(*(_TABLE.c[name] for name in TRACK_COLUMNS), column.label("sorted_by"))
    if where:
        statement = statement.where(_condition(catalog, where, sort))
    order = (column.desc(), _ID.desc()) if descending else (column, _ID)
    statement = statement.order_by(*order)
    known = statement.where(column.is_not(None))
    # written with the column in the order too, it is answered by the same index
    unknown = statement.where(column.is_(None))
    if last is not None and last[0] is not None:
        known = known.where(_beyond([column, _ID], list(last), descending))
    elif last is not None:
        unknown = unknown.where(_beyond([_ID], [last[1]], descending))
    with catalog.read() as connection:
        rows: list[sa.Row[Any]] = []
        if last is None or last[0] is not None:
            rows += connection.execute(known.limit(limit + 1))
        if len(rows) <= limit:
            rows += connection.execute(unknown.limit(limit + 1 - len(rows)))
    more = len(rows) > limit
    rows = rows[:limit]
    records = [{name: row._mapping[name] for name in TRACK_COLUMNS} for row in rows]
    return Page(records, _cursor(sort, descending, rows[-1].sorted_by, rows[-1].id) if more else None)


def _condition(catalog: Catalog, where: str, sort: str) -> sa.ColumnElement[bool]:
    """Give the condition of an expression, in a large SQLite catalog with what helps it choose its index.

    SQLite does not know how many tracks fit (PostgreSQL does): it may sort half of the library for a page of fifty, or
    walk through all of it for the last few. The columns in memory know.
    """
    condition = compile_where(where)
    if not catalog.is_file or catalog.numbers() < _LARGE:
        return condition
    found = catalog.columns.fitting(where)
    if found is None:
        return condition
    numbers, names = found
    # said to be likely, it is looked at in each row, and no index of its own is taken for it
    in_each_row = sa.func.likely(condition, type_=sa.Boolean)
    if len(numbers) <= _FEW:
        listed = sa.func.json_each(json.dumps(numbers.tolist())).table_valued("value")
        return sa.and_(_TABLE.c.number.in_(sa.select(listed.c.value)), in_each_row)
    if len(numbers) * _MANY >= catalog.numbers() and sort not in names:
        return in_each_row
    return condition


def _beyond(columns: list[Any], last: list[Any], descending: bool) -> sa.ColumnElement[bool]:
    """Compare as in a dictionary: by the first column, where it is equal by the next."""
    at = sa.tuple_(*(sa.bindparam(None, v, type_=c.type) for c, v in zip(columns, last, strict=True)))
    return sa.tuple_(*columns) < at if descending else sa.tuple_(*columns) > at


def _cursor(sort: str, descending: bool, value: Any, track: str) -> str:
    text = json.dumps([sort, descending, value, track], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(text: str, sort: str, descending: bool) -> tuple[float | str | None, str]:
    """Read what `_cursor` wrote; it comes back from outside, so it may be anything."""
    numeric = isinstance(_TABLE.c[sort].type, sa.Float)
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        of, order, value, track = found
        whole = [of, order] == [sort, descending] and isinstance(track, str) and _ANY_ID.fullmatch(track)
        fits = value is None or isinstance(value, float | int if numeric else str)
        if not (whole and fits):
            raise ValueError
        stored = escape_path(str(value)) if sort == "path" else str(value)
        if b"\0" in stored.encode():  # what databases refuse to look for
            raise ValueError
        return float(value) if numeric and value is not None else value, track
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(
            "`after` is not of a page in this order.", "Give what the page before said, with the same sort."
        ) from error
