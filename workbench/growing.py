"""Arrays that rows are added to: `Growing` is read all the while, `Series` once it is complete."""

from __future__ import annotations

import math
import mmap
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

Item = TypeVar("Item", bound=np.generic)

#: Of what is kept free behind the rows, part of their number.
_ROOM = 0.25
#: A piece of a series, bytes.
_PIECE = 1 << 17


class Growing(Generic[Item]):
    """Rows with room behind them, so that adding some costs the time of these and not of all.

    What `rows` has given stays as it is, whatever is added: others may go on reading it.

    Parameters
    ----------
    rows : numpy.ndarray
        What there is, shape (n, ...); may be memory-mapped. It is never written to.

    Examples
    --------
    >>> growing = Growing(np.array([1, 2]))
    >>> before = growing.rows
    >>> growing.add(np.array([3])).tolist(), before.tolist()
    ([1, 2, 3], [1, 2])
    """

    def __init__(self, rows: npt.NDArray[Item]) -> None:
        self._room: npt.NDArray[Any] = rows
        self._used = len(rows)

    @property
    def rows(self) -> npt.NDArray[Item]:
        """All rows, shape (n, ...)."""
        return self._room[: self._used]

    def __len__(self) -> int:
        return self._used

    def add(self, rows: npt.NDArray[Item]) -> npt.NDArray[Item]:
        """Add rows behind the others, and give all."""
        if not len(rows):  # the first room may be a memory-mapped file, which takes not even none
            return self.rows
        n = self._used + len(rows)
        if n > len(self._room):
            room = np.empty((n + int(n * _ROOM), *self._room.shape[1:]), dtype=self._room.dtype)
            room[: self._used] = self.rows
            self._room = room
        self._room[self._used : n] = rows
        self._used = n
        return self.rows


class Series(Generic[Item]):
    """Rows that come one after another, as many as a stream has, in memory that does not move as they become more.

    An array that grows in the heap is moved again and again and leaves its former places behind as holes, at
    times of a third of its size. Here rows that fill a piece are mapped for themselves, stay where they are, and are
    given back for certain.

    Parameters
    ----------
    dtype : type
    shape : tuple of int
        Of a row.

    Examples
    --------
    >>> series = Series(np.float32, (2,))
    >>> series.add(np.ones((3, 2), np.float32))
    >>> len(series), series.take().shape, len(series)
    (3, (3, 2), 0)
    """

    def __init__(self, dtype: type[Item], shape: tuple[int, ...] = ()) -> None:
        self._row_bytes = np.dtype(dtype).itemsize * math.prod(shape)
        self._open = np.empty((max(_PIECE // max(self._row_bytes, 1), 1), *shape), dtype)  # has room for one piece
        self._n_open = 0
        self._pieces: list[npt.NDArray[Item]] = []

    def __len__(self) -> int:
        return len(self._pieces) * len(self._open) + self._n_open

    def add(self, rows: npt.NDArray[Item]) -> None:
        """Add rows behind the others, shape (n, *shape); they are copied."""
        while len(rows):
            if self._n_open == len(self._open):
                self._pieces.append(self._mapped(self._n_open))
                self._pieces[-1][:] = self._open
                self._n_open = 0
            some = rows[: len(self._open) - self._n_open]
            self._open[self._n_open : self._n_open + len(some)] = some
            self._n_open += len(some)
            rows = rows[len(some) :]

    def take(self) -> npt.NDArray[Item]:
        """Give all rows, shape (n, *shape), and hold none from now on."""
        last, end = self._open[: self._n_open], len(self) - self._n_open
        everything = self._mapped(len(self)) if end else np.empty_like(last)
        everything[end:] = last
        while self._pieces:  # each is given back before the next is copied
            piece = self._pieces.pop()
            everything[end - len(piece) : end] = piece
            end -= len(piece)
        self._n_open = 0
        return everything

    def _mapped(self, n: int) -> npt.NDArray[Item]:
        memory = mmap.mmap(-1, max(n * self._row_bytes, 1))
        return np.ndarray((n, *self._open.shape[1:]), self._open.dtype, memory)
