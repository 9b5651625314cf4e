"""Tracks page by page, in order of a column."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from workbench.errors import InputError
from workbench.schema import SORT_COLUMNS
from workbench.store.catalog.engine import Catalog
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import Track, escape_path
from workbench.store.catalog.queries import TRACK_COLUMNS
from workbench.store.catalog.where import compile_where

Mask = npt.NDArray[np.bool_]

_TABLE = Track.__table__
_ID = _TABLE.c.id
#: From so many tracks on it matters in which way SQLite looks for a page.
_LARGE = 50_000
#: Up to so many tracks that fit are looked at one by one and sorted; from one in `_MANY` of all on they are met soon
#: enough in the order of the page.
_FEW, _MANY = 30_000, 30
#: So many times as many tracks as make a page are looked for first: some may be no more, or farther than the others.
_MORE = 2
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
    order = _Order(sort, descending, None if after is None else _read_cursor(after, sort, descending))
    rows = [] if where is None else _near(catalog, where, order, limit)
    if len(rows) <= limit:
        rows = _all(catalog, None if where is None else _condition(catalog, where, sort), order, limit)
    more = len(rows) > limit
    rows = rows[:limit]
    records = [{name: row._mapping[name] for name in TRACK_COLUMNS} for row in rows]
    return Page(records, _cursor(sort, descending, rows[-1].sorted_by, rows[-1].id) if more else None)


@dataclass(frozen=True, slots=True)
class _Order:
    """An order, and where in it a page begins.

    Attributes
    ----------
    sort, descending : as in `tracks_page`
    last : value and id of the last track of the page before; None for the first page
    """

    sort: str
    descending: bool
    last: tuple[float | str | None, str] | None

    @property
    def column(self) -> sa.ColumnElement[Any]:
        """What the order goes by."""
        return _TABLE.c[self.sort]

    @property
    def known(self) -> sa.Select[Any] | None:
        """The tracks from there on of which the column is known; None where they were all on the pages before."""
        found = self._statement().where(self.column.is_not(None))
        if self.last is None:
            return found
        return None if self.last[0] is None else found.where(_beyond([self.column, _ID], self.last, self.descending))

    @property
    def unknown(self) -> sa.Select[Any]:
        """The tracks from there on of which it is not, which come after those."""
        # written with the column in the order too, it is answered by the same index
        found = self._statement().where(self.column.is_(None))
        if self.last is None or self.last[0] is not None:
            return found
        return found.where(_beyond([_ID], self.last[1:], self.descending))

    @lasting
    def within(self, catalog: Catalog, steps: int) -> sa.ColumnElement[bool] | None:
        """Tell whether a track is among the first so many of the known, fit or not; None where there are fewer."""
        assert self.known is not None
        with catalog.read() as connection:
            farthest = self.known.with_only_columns(self.column, _ID).offset(steps).limit(1)
            end = connection.execute(farthest).one_or_none()
        return None if end is None else _beyond([self.column, _ID], end, not self.descending)

    def _statement(self) -> sa.Select[Any]:
        statement = sa.select(*(_TABLE.c[name] for name in TRACK_COLUMNS), self.column.label("sorted_by"))
        return statement.order_by(*((self.column.desc(), _ID.desc()) if self.descending else (self.column, _ID)))


@lasting
def _all(catalog: Catalog, condition: sa.ColumnElement[bool] | None, order: _Order, limit: int) -> list[sa.Row[Any]]:
    """Give the rows of a page and one more, if there is one."""
    known, unknown = order.known, order.unknown
    if condition is not None:
        known, unknown = None if known is None else known.where(condition), unknown.where(condition)
    with catalog.read() as connection:
        rows = [] if known is None else list(connection.execute(known.limit(limit + 1)))
        if len(rows) <= limit:
            rows += connection.execute(unknown.limit(limit + 1 - len(rows)))
    return rows


@lasting
def _near(catalog: Catalog, where: str, order: _Order, limit: int) -> list[sa.Row[Any]]:
    """Give the same at once, if it is a whole page that lies near; fewer rows mean nothing.

    The columns in memory know which tracks come next in the order of a number, and about how far a page reaches in the
    order of a text.
    """
    found, known = _fitting(catalog, where), order.known
    if found is None or known is None:
        return []
    mask, wanted = found[0], _MORE * (limit + 1)
    bound: sa.ColumnElement[bool] | None
    if isinstance(order.column.type, sa.Float):
        after = None if order.last is None else float(order.last[0] or 0.0)
        some = catalog.columns.next_of(mask, order.sort, after, wanted, descending=order.descending)
        if not limit < len(some.numbers) <= _FEW:
            return []
        walk = some.on_the_way < _MORE * len(some.numbers)
        bound = order.column.between(some.least, some.most) if walk else _among(some.numbers)
    else:
        n = int(np.count_nonzero(mask))
        steps = wanted * len(mask) // (1 + n)
        bound = order.within(catalog, steps) if steps < n else None
    if bound is None:
        return []
    with catalog.read() as connection:
        return list(connection.execute(known.where(bound, _in_each_row(where)).limit(limit + 1)))


def _condition(catalog: Catalog, where: str, sort: str) -> sa.ColumnElement[bool]:
    """Give the condition of an expression, in a large SQLite catalog with what helps it choose its index.

    SQLite does not know how many tracks fit (PostgreSQL does): it may sort half of the library for a page of fifty, or
    walk through all of it for the last few. The columns in memory know.
    """
    found = _fitting(catalog, where)
    if found is None:
        return compile_where(where)
    mask, names = found
    n = int(np.count_nonzero(mask))
    if n <= _FEW:
        return sa.and_(_among(np.flatnonzero(mask)), _in_each_row(where))
    if n * _MANY >= len(mask) and sort not in names:
        return _in_each_row(where)
    return compile_where(where)


def _fitting(catalog: Catalog, where: str) -> tuple[Mask, set[str]] | None:
    """Tell which tracks fit, by number, and the columns that say so; None where SQL needs no help, or they do not."""
    if not catalog.is_file or catalog.numbers() < _LARGE:
        return None
    return catalog.columns.fitting(where)


def _among(numbers: npt.NDArray[np.int64]) -> sa.ColumnElement[bool]:
    listed = sa.func.json_each(json.dumps(numbers.tolist())).table_valued("value")
    return _TABLE.c.number.in_(sa.select(listed.c.value))


def _in_each_row(where: str) -> sa.ColumnElement[bool]:
    """Give a condition that is said to be likely: no index of its own is taken for it."""
    return sa.func.likely(compile_where(where), type_=sa.Boolean)


def _beyond(columns: Sequence[Any], last: Sequence[Any], descending: bool) -> sa.ColumnElement[bool]:
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
