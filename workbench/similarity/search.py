"""Exact nearest neighbours under Euclidean distance with a weight per facet.

* Rows are visited in blocks that fit the processor's cache, so a memory-mapped matrix of any size
  needs no more memory than a small one.
* In float32, one product per block gives a *lower bound* of every row's distance: the computed
  value minus the most that rounding can have added. Only rows whose bound beats the n-th best so
  far are measured again, in float64, by the plain definition.
* So the answer is that of the plain definition to the bit, ties included (lower index first).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.errors import InputError
from workbench.similarity.embedding import FACET_WEIGHTS, FACETS

#: Rows per block: 2048 rows of 128 float32 are 1 MiB.
BLOCK = 2048


@dataclass(frozen=True, slots=True)
class Hits:
    """Nearest rows, the nearest first.

    Attributes
    ----------
    index : row numbers, int64, shape (m,)
    distance : weighted root mean square of the facets' distances, float64, shape (m,), >= 0
    score : ``1 / (1 + distance)``, float64, shape (m,), in (0, 1]; 1 is the same vector. Two tracks
        drawn at random from a library lie between 0.4 and 0.5, since each facet is scaled to a
        mean square of nearly one.
    facets : facet to its own score by the same formula, unweighted, each float64, shape (m,)
    """

    index: npt.NDArray[np.int64]
    distance: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]
    facets: dict[str, npt.NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.index)


def search(
    matrix: npt.NDArray[np.float32],
    query: npt.NDArray[np.float32],
    *,
    n: int,
    mask: npt.NDArray[np.bool_] | None = None,
    weights: Mapping[str, float] | None = None,
    factors: npt.NDArray[np.float64] | None = None,
    exclude: Iterable[int] = (),
    facets: Mapping[str, slice] = FACETS,
) -> Hits:
    """Find the n rows nearest to a query.

    Parameters
    ----------
    matrix : numpy.ndarray or numpy.memmap
        float32, shape (rows, d): standardised vectors (`Scaling.apply`), finite.
    query : numpy.ndarray
        float32, shape (d,): standardised likewise.
    n : int
        How many at most, >= 1.
    mask : numpy.ndarray, optional
        bool, shape (rows,): which rows may be found, decided before ranking.
    weights : mapping, optional
        Factor on the usual weight of a facet (`FACET_WEIGHTS`), >= 0; a facet that is not named has 1.
    factors : numpy.ndarray, optional
        Factor on each component's squared difference, shape (d,), finite and >= 0: a learned taste.
    exclude : iterable of int
        Rows that are not to be found, such as the query's own.
    facets : mapping
        Facet to the slice of components that belong to it.

    Returns
    -------
    Hits
        Fewer than n where fewer rows may be found.

    Raises
    ------
    InputError
        On an unknown facet, a negative weight, or no positive weight at all.
    ValueError
        On arrays whose shapes do not fit, a query that is not finite, factors that are not allowed, or n < 1.

    Examples
    --------
    >>> matrix = np.array([[0, 0], [3, 4], [1, 0]], dtype=np.float32)
    >>> halves = {"timbre": slice(0, 1), "rhythm": slice(1, 2)}
    >>> hits = search(matrix, matrix[0], n=2, exclude=[0], facets=halves)
    >>> hits.index.tolist(), hits.facets["rhythm"].tolist()
    ([2, 1], [1.0, 0.2])
    """
    allowed = _check(matrix, query, n, mask, exclude)
    if factors is not None and (factors.shape != query.shape or not (np.isfinite(factors) & (factors >= 0)).all()):
        raise ValueError(f"factors must be finite, >= 0 and of shape {query.shape}")
    weight = facet_weights(weights, {name: FACET_WEIGHTS.get(name, 1.0) for name in facets})
    each = np.ones(matrix.shape[1]) if factors is None else factors
    best = _Best(n, weight, facets, query, each)
    bound = _LowerBound(component_weights(weight, each, facets), query)
    for start in range(0, len(matrix), BLOCK):
        rows = slice(start, min(start + BLOCK, len(matrix)))
        block = matrix[rows]
        index = np.arange(rows.start, rows.stop)
        if allowed is not None:
            within = allowed[rows]
            if not within.any():
                continue
            block, index = block[within], index[within]
        lower, slack = bound(block)
        near = lower <= min(best.limit, _nth_smallest(lower, n) + slack)
        best.offer(index[near], block[near])
    return best.hits()


def facet_weights(weights: Mapping[str, float] | None, usual: Mapping[str, float] = FACET_WEIGHTS) -> dict[str, float]:
    """Multiply the usual weights of facets by those given, 1 for one that is not named, and scale them to a sum of one.

    Raises
    ------
    InputError
        On an unknown facet, a negative weight, or no positive weight at all.

    Examples
    --------
    >>> {name: round(value, 3) for name, value in facet_weights({"timbre": 2}).items()}
    {'timbre': 0.69, 'rhythm': 0.172, 'harmony': 0.069, 'dynamics': 0.069}
    """
    given = dict(weights or {})
    unknown = sorted(set(given) - set(usual))
    if unknown:
        raise InputError(f"weights: {unknown[0]!r} is not a facet.", f"The facets are {', '.join(usual)}.")
    for name, value in given.items():
        if not (np.isfinite(value) and value >= 0):
            raise InputError(f"weights: {name}={value:g} is not allowed.", "A weight is a number from 0 upwards.")
    complete = {name: float(given.get(name, 1.0)) * value for name, value in usual.items()}
    total = sum(complete.values())
    if total == 0:
        raise InputError("weights: every facet has the weight 0.", "Give at least one facet a weight above 0.")
    return {name: value / total for name, value in complete.items()}


def component_weights(
    weight: Mapping[str, float], factors: npt.NDArray[np.float64], facets: Mapping[str, slice] = FACETS
) -> npt.NDArray[np.float64]:
    """Give the weight of each component in the squared distance, shape (d,), from those of the facets."""
    per_component = np.zeros(len(factors))
    for name, part in facets.items():
        per_component[part] = weight[name] * factors[part]
    return per_component


class _LowerBound:
    """Squared distances in float32, each less than or equal to the true one."""

    def __init__(self, per_component: npt.NDArray[np.float64], query: npt.ArrayLike) -> None:
        d = len(per_component)
        exact = np.asarray(query, dtype=np.float64)
        self.weight = per_component.astype(np.float32)
        self.pull = (-2 * per_component * exact).astype(np.float32)
        self.own = float(per_component @ exact**2)
        # Rounding of a sum of d products, in any order: N. Higham, "Accuracy and Stability of
        # Numerical Algorithms" (2002), section 3.1; twice that, for the roundings of the factors.
        self.rounding = 4 * (d + 8) * 2.0**-24

    def __call__(self, block: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], float]:
        """Lower bounds, shape (rows,), and how far above them a true value may lie at most."""
        norms = (np.square(block) @ self.weight).astype(np.float64)
        error = self.rounding * (norms + self.own) + 1e-30  # the last for products that underflow
        distance = norms + (block @ self.pull) + self.own
        return distance - error, 2 * float(error.max())


class _Best:
    """The n best rows so far, by exact distance and then index."""

    def __init__(
        self,
        n: int,
        weight: Mapping[str, float],
        facets: Mapping[str, slice],
        query: npt.ArrayLike,
        factors: npt.NDArray[np.float64],
    ) -> None:
        self.n = n
        self.weight = weight
        self.facets = facets
        self.factors = factors
        self.query = np.asarray(query, dtype=np.float64)
        self.index = np.empty(0, dtype=np.int64)
        self.squared = np.empty((len(facets), 0))
        self.total = np.empty(0)

    @property
    def limit(self) -> float:
        """Squared distance above which no row can enter any more."""
        return float(self.total[-1]) if len(self.total) == self.n else np.inf

    def offer(self, index: npt.NDArray[np.int64], rows: npt.NDArray[np.float32]) -> None:
        """Measure rows by the definition and keep the best."""
        difference = rows.astype(np.float64) - self.query
        np.square(difference, out=difference)
        difference *= self.factors
        squared = np.array([difference[:, part].sum(axis=1) for part in self.facets.values()])
        total = np.zeros(len(index))
        for name, of_facet in zip(self.facets, squared, strict=True):
            total += self.weight[name] * of_facet
        index = np.concatenate([self.index, index])
        squared = np.concatenate([self.squared, squared], axis=1)
        total = np.concatenate([self.total, total])
        order = np.lexsort((index, total))[: self.n]
        self.index, self.squared, self.total = index[order], squared[:, order], total[order]

    def hits(self) -> Hits:
        """Give distances and scores."""
        distance = np.sqrt(self.total)
        facets = {name: 1 / (1 + np.sqrt(of_facet)) for name, of_facet in zip(self.facets, self.squared, strict=True)}
        return Hits(index=self.index, distance=distance, score=1 / (1 + distance), facets=facets)


def _nth_smallest(values: npt.NDArray[np.float64], n: int) -> float:
    return float(np.partition(values, n - 1)[n - 1]) if len(values) >= n else np.inf


def _check(
    matrix: npt.NDArray[np.float32],
    query: npt.NDArray[np.float32],
    n: int,
    mask: npt.NDArray[np.bool_] | None,
    exclude: Iterable[int],
) -> npt.NDArray[np.bool_] | None:
    """Refuse what does not fit together; give the rows that may be found, None for all of them."""
    if matrix.ndim != 2 or query.shape != matrix.shape[1:]:
        raise ValueError(f"a matrix of shape {matrix.shape} cannot be searched for a query of shape {query.shape}")
    if not np.isfinite(query).all():
        raise ValueError("the query is not finite: standardise it first")
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    if mask is not None and (mask.shape != (len(matrix),) or mask.dtype != bool):
        raise ValueError(f"mask must be bool of shape ({len(matrix)},), not {mask.dtype} of shape {mask.shape}")
    left_out = np.fromiter(exclude, dtype=np.int64)
    if not left_out.size:
        return mask
    allowed = np.ones(len(matrix), dtype=bool) if mask is None else mask.copy()
    allowed[left_out] = False
    return allowed
