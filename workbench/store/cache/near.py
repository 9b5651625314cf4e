"""Queries that were answered exactly of late, so that one that is nearly the same may get the same answer.

They are kept in memory, as vectors in which the plain distance is that of the search. By the triangle inequality, a
track's distance from a query and from another that is at most e away differ by e at most. So each track of the answer
is at most 2 e farther from the query than the one that belongs in its place.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

#: So many queries are remembered; the oldest go first.
MOST = 2048


class NearQueries:
    """Remembers queries.

    Parameters
    ----------
    within : float
        Greatest distance at which two queries are nearly the same; 0: none are.

    Examples
    --------
    >>> near = NearQueries(within=0.1)
    >>> near.add("all tracks", np.array([1.0, 0.0]), "first")
    >>> near.find("all tracks", np.array([1.0, 0.05]))
    ('first', 0.05)
    >>> near.find("only calm ones", np.array([1.0, 0.0])) is None
    True
    """

    def __init__(self, within: float) -> None:
        self.within = within
        self._lock = threading.Lock()
        self._vectors = np.empty((0, 0))
        self._groups = np.empty(MOST, dtype=object)
        self._keys: list[str] = [""] * MOST
        self._count = 0

    def find(self, group: str, vector: npt.NDArray[np.float64]) -> tuple[str, float] | None:
        """Give the key and the distance of the nearest query of a group, None where none is near."""
        if not self.within:
            return None
        with self._lock:
            rows = np.flatnonzero(self._groups == group)
            if not len(rows):
                return None
            distances = np.linalg.norm(self._vectors[rows] - vector, axis=1)
            best = int(np.argmin(distances))
            distance = float(distances[best])
            return (self._keys[rows[best]], round(distance, 9)) if distance <= self.within else None

    def add(self, group: str, vector: npt.NDArray[np.float64], key: str) -> None:
        """Remember a query that was answered; `group` names all that another must have in common with it."""
        if not self.within:
            return
        with self._lock:
            if not self._vectors.size:
                self._vectors = np.zeros((MOST, len(vector)))
            row = self._count % MOST
            self._vectors[row], self._groups[row], self._keys[row] = vector, group, key
            self._count += 1
