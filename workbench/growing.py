"""An array that rows are added to."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

Item = TypeVar("Item", bound=np.generic)

#: Of what is kept free behind the rows, part of their number.
_ROOM = 0.25


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
        n = self._used + len(rows)
        if n > len(self._room):
            room = np.empty((n + int(n * _ROOM), *self._room.shape[1:]), dtype=self._room.dtype)
            room[: self._used] = self.rows
            self._room = room
        self._room[self._used : n] = rows
        self._used = n
        return self.rows
