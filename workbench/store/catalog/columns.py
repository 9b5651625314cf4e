"""Filters on millions of tracks in milliseconds: columns of the catalog in memory, by the number of the track.

* A column is read whole when a filter first names it, and afterwards only where tracks have changed.
* `where.compile_where` stays the one grammar: its SQL condition is what is evaluated here, with SQL's logic of
  three values: a comparison with what is not known is neither true nor false.
* What columns do not answer (``like``, the order of texts, ids, paths and titles) is asked of SQL. Masks are kept
  until the library changes.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy import Column, Float, Integer
from sqlalchemy.sql import elements, operators

from workbench.growing import Growing
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import Track
from workbench.store.catalog.where import compile_where

if TYPE_CHECKING:
    from workbench.store.catalog.engine import Catalog

Mask = npt.NDArray[np.bool_]

#: Columns of text with few enough values to give each a code.
_CODED = frozenset({"format", "key", "camelot", "mood", "artist", "album", "genre", "date"})
#: Columns that people filter by.
_USUAL = (
    "duration_s", "bpm", "energy", "valence", "arousal", "danceability", "loudness_lufs", "key", "camelot", "mood",
    "artist", "album", "genre",
)  # fmt: skip
_UNKNOWN = -1
#: Masks that are kept.
_KEPT = 16
#: Rows that are read at once: as objects they take thirty times the room of the columns.
_AT_ONCE = 20_000

_OPPOSITE: dict[Any, Any] = {
    operators.eq: operators.ne,
    operators.lt: operators.ge,
    operators.le: operators.gt,
    operators.is_: operators.is_not,
    operators.in_op: operators.not_in_op,
}
_OPPOSITE |= {opposite: operator for operator, opposite in _OPPOSITE.items()}

#: Comparisons that are false for NaN.
_ORDER: dict[Any, Callable[[Any, Any], Any]] = {
    operators.lt: np.less,
    operators.le: np.less_equal,
    operators.gt: np.greater,
    operators.ge: np.greater_equal,
}


class _NotHereError(Exception):
    """A condition that columns do not answer."""


@dataclass(slots=True)
class _Column:
    """Values by number: NaN or -1 where not known, and the code of each text."""

    growing: Growing[Any]
    codes: dict[str, int] | None

    @classmethod
    def empty(cls, name: str) -> _Column:
        coded = name in _CODED
        return cls(Growing(np.empty(0, dtype=np.int32 if coded else np.float64)), {} if coded else None)

    @property
    def values(self) -> npt.NDArray[Any]:
        return self.growing.rows

    @property
    def known(self) -> Mask:
        return np.asarray(~np.isnan(self.values) if self.codes is None else self.values != _UNKNOWN)

    def grow(self, n: int) -> None:
        """Make room for the tracks with the first n numbers."""
        self.growing.add(np.full(max(n - len(self.growing), 0), _UNKNOWN if self.codes is not None else np.nan))

    def put(self, numbers: npt.NDArray[np.int64], values: Sequence[Any]) -> None:
        """Set the values of some tracks."""
        if self.codes is None:
            self.values[numbers] = np.array(values, dtype=np.float64)  # None becomes NaN
        else:
            codes = self.codes
            self.values[numbers] = [_UNKNOWN if v is None else codes.setdefault(v, len(codes)) for v in values]

    def where(self, operator: Any, right: Any) -> Mask:
        """Tell where a comparison is true."""
        if isinstance(right, elements.Null):
            return self.known if operator is operators.is_not else ~self.known
        if not isinstance(right, elements.BindParameter):
            raise _NotHereError
        if operator in _ORDER:
            if self.codes is not None:
                raise _NotHereError
            return np.asarray(_ORDER[operator](self.values, self._code(right.value)))
        several: Any = right.value if operator in (operators.in_op, operators.not_in_op) else [right.value]
        if not several:
            raise _NotHereError
        among: Mask = functools.reduce(np.logical_or, [self.values == self._code(value) for value in several])
        return among if operator in (operators.eq, operators.in_op) else self.known & ~among

    def _code(self, value: Any) -> Any:
        """Give what a constant is compared as; a text that no track has ever had differs from all."""
        if isinstance(value, bool) or value is None or (isinstance(value, int) and abs(value) > 1 << 53):
            raise _NotHereError
        if isinstance(value, str) != (self.codes is not None):
            raise _NotHereError
        return value if self.codes is None else self.codes.get(value, _UNKNOWN - 1)


class Next(NamedTuple):
    """Tracks that come next in the order of a column: numbers, int64, ascending, and the range of their values.

    `on_the_way` counts all tracks with values in this range.
    """

    numbers: npt.NDArray[np.int64]
    least: float
    most: float
    on_the_way: int


@dataclass(slots=True)
class TrackColumns:
    """Columns of all tracks, as they are needed.

    Parameters
    ----------
    catalog : Catalog
        Where they are read.
    """

    catalog: Catalog
    _version: int = -1
    _numbers: int = 0
    _columns: dict[str, _Column] = field(default_factory=dict)
    _masks: dict[str, Mask] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def mask(self, where: str, n: int) -> Mask:
        """Tell for each of the first n numbers whether it is that of a track that fits an expression.

        Of numbers whose tracks are no more it may be either.

        Parameters
        ----------
        where : str
            As in `compile_where`.
        n : int
            How many numbers.

        Returns
        -------
        numpy.ndarray
            bool, shape (n,).

        Raises
        ------
        InputError
            When the expression cannot be read.
        """
        condition = compile_where(where)
        with self._lock:
            self._refresh()
            mask = self._kept(where, lambda: self._evaluated(condition))
        found = np.zeros(n, dtype=bool)
        found[: len(mask)] = mask[:n]
        return found

    def prepare(self) -> None:
        """Read all columns that people filter by now, at once, rather than each when a filter first names it."""
        with self._lock:
            self._refresh()
            self._keep(set(_USUAL))

    def keep_up(self) -> None:
        """Read what has changed of the columns that are kept."""
        with self._lock:
            self._refresh()

    def fitting(self, where: str) -> tuple[Mask, set[str]] | None:
        """Tell which numbers are those of tracks that fit an expression, and the columns that it names.

        Of numbers whose tracks are no more it may be either. None where these columns do not answer it.

        Raises
        ------
        InputError
            When the expression cannot be read.
        """
        condition = compile_where(where)
        try:
            names = _names(condition)
            with self._lock:
                self._refresh()
                self._keep(names)
                return self._kept(where, lambda: self._where(condition, holds=True)), names
        except _NotHereError:
            return None

    def next_of(self, mask: Mask, name: str, after: float | None, n: int, *, descending: bool = False) -> Next:
        """Find the n tracks that come next in the order of a column of numbers, and those equal to the last of them.

        Parameters
        ----------
        mask : numpy.ndarray
            What `fitting` has given.
        name : str
            The column, such as ``bpm``; tracks of which it is not known are left out.
        after : float, optional
            Where to begin: at those of this value.
        n : int
            How many, at least 1.
        descending : bool
            From the greatest down.
        """
        with self._lock:
            self._keep({name})
            values = self._columns[name].values[: len(mask)]
        reached = ~np.isnan(values) if after is None else values <= after if descending else values >= after
        numbers = np.flatnonzero(mask & reached)
        found = values[numbers]
        if len(numbers) > n:
            last = np.partition(found, -n)[-n] if descending else np.partition(found, n - 1)[n - 1]
            near = found >= last if descending else found <= last
            numbers, found = numbers[near], found[near]
        if not len(numbers):
            return Next(numbers, np.nan, np.nan, 0)
        least, most = float(found.min()), float(found.max())
        return Next(numbers, least, most, int(np.count_nonzero((values >= least) & (values <= most))))

    def numbers(self, name: str, n: int) -> npt.NDArray[np.float64]:
        """Give a column of numbers, such as ``bpm``, of the first n numbers, shape (n,); NaN where not known."""
        with self._lock:
            self._refresh()
            self._keep({name})
            values = self._columns[name].values
        found = np.full(n, np.nan)
        found[: len(values)] = values[:n]
        return found

    def _kept(self, where: str, make: Callable[[], Mask]) -> Mask:
        """Give the mask of an expression, made if it is not kept; nobody may write to it."""
        mask = self._masks.pop(where, None)
        self._masks[where] = mask = make() if mask is None else mask
        while len(self._masks) > _KEPT:
            del self._masks[next(iter(self._masks))]
        return mask

    def _keep(self, names: set[str]) -> None:
        """Read columns that are not kept yet."""
        missing = {name: _Column.empty(name) for name in names if name not in self._columns}
        self._read(missing, -1, self._numbers)
        self._columns |= missing

    def _refresh(self) -> None:
        """Read what has changed of the columns that are kept."""
        version = self.catalog.version()
        if version == self._version:
            return
        numbers = self.catalog.numbers()
        if version < self._version:  # a backup was put back
            self._columns.clear()
        self._read(self._columns, self._version, numbers)
        self._version, self._numbers = version, numbers
        self._masks.clear()

    @lasting
    def _read(self, columns: dict[str, _Column], since: int, n: int) -> None:
        """Set columns where tracks have changed since a version, -1 for all."""
        if not columns:
            return
        table = Track.__table__
        statement = sa.select(table.c.number, *(table.c[name] for name in columns))
        statement = statement.where(table.c.changed > since, table.c.number < n)
        for column in columns.values():
            column.grow(n)
        with self.catalog.read() as connection:
            found = connection.execution_options(yield_per=_AT_ONCE).execute(statement)
            for rows in found.partitions():
                first, *others = zip(*rows, strict=True)
                for column, values in zip(columns.values(), others, strict=True):
                    column.put(np.array(first, dtype=np.int64), values)

    @lasting
    def _evaluated(self, condition: sa.ColumnElement[bool]) -> Mask:
        try:
            self._keep(_names(condition))
            return self._where(condition, holds=True)
        except _NotHereError:
            mask = np.zeros(self._numbers, dtype=bool)
            with self.catalog.read() as connection:
                found = connection.execute(sa.select(Track.number).where(condition, Track.number < self._numbers))
                mask[np.fromiter(found.scalars(), dtype=np.int64)] = True
            return mask

    def _where(self, node: Any, *, holds: bool) -> Mask:
        """Tell where a condition is true, or where it is false; where it is unknown, it is neither."""
        if isinstance(node, elements.Grouping):
            return self._where(node.element, holds=holds)
        if isinstance(node, elements.UnaryExpression) and node.operator is operators.inv:
            return self._where(node.element, holds=not holds)
        if isinstance(node, elements.BooleanClauseList):
            several = [self._where(clause, holds=holds) for clause in node.clauses]
            everywhere = (node.operator is operators.and_) == holds  # an "and" is false where any is false
            return functools.reduce(np.logical_and if everywhere else np.logical_or, several)
        if isinstance(node, elements.BinaryExpression) and node.operator in _OPPOSITE:
            column = self._columns[_name(node.left)]
            return column.where(node.operator if holds else _OPPOSITE[node.operator], node.right)
        raise _NotHereError


def _names(node: Any) -> set[str]:
    """Names of the columns that a condition compares; `_NotHereError` where one is not kept."""
    if isinstance(node, elements.Grouping | elements.UnaryExpression):
        return _names(node.element)
    if isinstance(node, elements.BooleanClauseList):
        return set().union(*(_names(clause) for clause in node.clauses))
    if isinstance(node, elements.BinaryExpression):
        return {_name(node.left)}
    raise _NotHereError


def _name(node: Any) -> str:
    if isinstance(node, Column) and (node.name in _CODED or isinstance(node.type, Float | Integer)):
        return node.name
    raise _NotHereError
