"""Queries made of several references, and what becomes of a ranking before it is an answer.

* `blend` makes one query of several, so that search needs to know nothing of it.
* `waypoints` lie on the way from one reference to another.
* `Picker` goes down a ranking and leaves out what would clump.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import InputError

FloatArray = npt.NDArray[np.float32]
Item = Any  # a hit, of whatever search


def blend(vectors: FloatArray, weights: Sequence[float], limit: FloatArray) -> FloatArray:
    r"""Make one query of several references, some of which it is to be unlike.

    With :math:`p` the weighted mean of the references with positive weights, :math:`m` that of the others and
    :math:`s` the sum of the negative weights over that of the positive ones, it is :math:`p + s (p - m)`: what lies
    beyond the liked, away from the disliked (J. Rocchio, "Relevance feedback in information retrieval", 1971). But for
    the `limit`, its nearest are those of the least :math:`(1 + s) P - s M`, with :math:`P` and :math:`M` the weighted
    mean squared distances from the references of either kind.

    Parameters
    ----------
    vectors : numpy.ndarray
        Standardised vectors, shape (k, d).
    weights : sequence of float
        One per reference, not 0, one at least above 0.
    limit : numpy.ndarray
        Largest absolute value that a track has in each component, shape (d,): there the query ends too.

    Returns
    -------
    numpy.ndarray
        float32, shape (d,).

    Raises
    ------
    InputError
        On a weight of 0 or one that is not finite, or none above 0.

    Examples
    --------
    >>> a, b = np.array([[1, 0], [0, 1]], dtype=np.float32)
    >>> wide = np.full(2, 9, dtype=np.float32)
    >>> blend(np.stack([a, b]), [1, 3], wide).tolist(), blend(np.stack([a, b]), [1, -1], wide).tolist()
    ([0.25, 0.75], [2.0, -1.0])
    """
    given = np.asarray(weights, dtype=np.float64)
    if not (np.isfinite(given) & (given != 0)).all():
        raise InputError("The weight of a reference is a number other than 0.", "Leave out what does not count.")
    if not (given > 0).any():
        raise InputError("Every reference has a negative weight.", "Name one at least that it is to sound like.")
    whole = given[given > 0].sum()
    liked = np.maximum(given, 0) / whole
    mixed = (liked * (1 - np.minimum(given, 0).sum() / whole) + np.minimum(given, 0) / whole) @ vectors.astype(
        np.float64
    )
    return np.asarray(np.clip(mixed, -limit, limit), dtype=np.float32)


def waypoints(start: FloatArray, end: FloatArray, n: int) -> FloatArray:
    """Give n points on the straight way between two vectors, evenly spaced, the ends left out: shape (n, d)."""
    share = (np.arange(1, n + 1) / (n + 1))[:, None]
    return np.asarray((1 - share) * start + share * end, dtype=np.float32)


class Picker:
    """Goes down a ranking and takes what does not clump.

    Parameters
    ----------
    n : int
        How many to take at most.
    groups : sequence of (callable, int)
        What an item belongs to, such as its artist, None where that is not known, and how many of one group at most.
    version_of : callable
        Gives the position among the items chosen so far of the one that an item is a version of, None if of none.

    Attributes
    ----------
    chosen : what was taken, each with its versions behind it, in the order of the ranking

    Examples
    --------
    >>> picker = Picker(2, [(lambda item: item[0], 1)], lambda item, chosen: 0 if item == "A1" else None)
    >>> [picker.offer(item) for item in ("a1", "a2", "A1", "b1", "c1")]
    [True, False, False, True, False]
    >>> picker.chosen
    [['a1', 'A1'], ['b1']]
    """

    def __init__(
        self,
        n: int,
        groups: Sequence[tuple[Callable[[Item], Hashable | None], int]],
        version_of: Callable[[Item, Sequence[Item]], int | None],
    ) -> None:
        self.n = n
        self.chosen: list[list[Item]] = []
        self._groups = groups
        self._version_of = version_of
        self._counts: list[Counter[Hashable]] = [Counter() for _ in groups]

    @property
    def full(self) -> bool:
        """Whether n are chosen: from then on only versions of these are noted."""
        return len(self.chosen) >= self.n

    def offer(self, item: Item) -> bool:
        """Take an item, or note it as a version of one, or leave it; tell if it was taken."""
        version = self._version_of(item, [taken[0] for taken in self.chosen])
        if version is not None:
            self.chosen[version].append(item)
            return False
        names = [name_of(item) for name_of, _ in self._groups]
        crowded = any(
            count[name] >= most
            for count, name, (_, most) in zip(self._counts, names, self._groups, strict=True)
            if name is not None
        )
        if self.full or crowded:
            return False
        self.chosen.append([item])
        for count, name in zip(self._counts, names, strict=True):
            count[name] += 1
        return True
