"""Exact nearest neighbours under Euclidean distance with a weight per facet, and if need be a factor per component.

* Rows are visited in blocks, so a memory-mapped matrix of any size needs no more memory than a small one.
* Each block is first *estimated*, for all queries at once: vectors by a product in float32, codes
  (`CodedMatrix`) by their own distance. How far an estimate may be from the truth is known. Only rows
  that may be nearer than the n-th best so far are measured, in float64, by the plain definition.
* So the answer is that of the plain definition to the bit, ties included (lower index first), however
  many threads share the work.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from workbench.errors import InputError
from workbench.similarity.codes import WIDTH, CodedMatrix, coded_distances, steps
from workbench.similarity.embedding import FACET_WEIGHTS, FACETS

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Vectors per block: 2048 of 128 float32 are 1 MiB, which fits the processor's cache.
BLOCK = 2048
#: Codes per block: so many that what is done per block costs little beside them.
CODED_BLOCK = 1 << 15
#: Blocks of codes that are worth a thread of their own.
_BLOCKS_PER_THREAD = 4
#: Rows measured at once.
_MEASURED_AT_ONCE = 4096


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
    matrix: Float32 | CodedMatrix,
    query: Float32,
    *,
    n: int,
    mask: Mask | None = None,
    weights: Mapping[str, float] | None = None,
    factors: Float64 | None = None,
    exclude: Iterable[int] = (),
    facets: Mapping[str, slice] = FACETS,
) -> Hits:
    """Find the n rows nearest to a query.

    Parameters
    ----------
    matrix : numpy.ndarray, numpy.memmap or CodedMatrix
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
        Factor on each component's squared difference, shape (d,), finite and >= 0, in the distances of the facets
        too: a learned taste.
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
    if query.ndim != 1:
        raise ValueError(f"a matrix of shape {matrix.shape} cannot be searched for a query of shape {query.shape}")
    (hits,) = search_many(
        matrix,
        query[np.newaxis],
        n=n,
        mask=mask,
        weights=weights,
        factors=factors,
        exclude=exclude,
        facets=facets,
    )
    return hits


def search_many(
    matrix: Float32 | CodedMatrix,
    queries: Float32,
    *,
    n: int,
    mask: Mask | None = None,
    weights: Mapping[str, float] | None = None,
    factors: Float64 | None = None,
    exclude: Iterable[int] = (),
    facets: Mapping[str, slice] = FACETS,
) -> list[Hits]:
    """Find the n rows nearest to each of several queries in one pass over the matrix.

    Parameters are those of `search`, but for `queries`, shape (q, d).

    Returns
    -------
    list of Hits
        What `search` would find for each query.
    """
    allowed = _check(matrix, queries, n, mask, exclude)
    weight = facet_weights(weights, {name: FACET_WEIGHTS.get(name, 1.0) for name in facets})
    if factors is not None and (factors.shape != matrix.shape[1:] or not (np.isfinite(factors) & (factors >= 0)).all()):
        raise ValueError(f"factors must be finite, >= 0 and of shape {matrix.shape[1:]}")
    metric = _Metric(weight, facets, np.ones(matrix.shape[1]) if factors is None else factors)
    exact = queries.astype(np.float64)
    bound: _Bound = (
        _CodedBound(matrix, metric, exact) if isinstance(matrix, CodedMatrix) else _Bound32(matrix, metric, exact)
    )
    blocks = range(0, len(matrix), bound.block)
    threads = min(_processors(), len(blocks) // _BLOCKS_PER_THREAD) if isinstance(matrix, CodedMatrix) else 1
    if threads < 2:
        found = [_scan(bound, blocks, allowed, [_Best(n, metric, query) for query in exact])]
    else:
        with ThreadPoolExecutor(threads) as pool:  # whose work is done without Python's lock, but for a little
            jobs = [
                pool.submit(_scan, bound, blocks[i::threads], allowed, [_Best(n, metric, query) for query in exact])
                for i in range(threads)
            ]
            found = [job.result() for job in jobs]
    return [_join(of_query).hits() for of_query in zip(*found, strict=True)]


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


def component_weights(weight: Mapping[str, float], factors: Float64, facets: Mapping[str, slice] = FACETS) -> Float64:
    """Give the weight of each component in the squared distance, shape (d,), from those of the facets."""
    per_component = np.zeros(len(factors))
    for name, part in facets.items():
        per_component[part] = weight[name] * factors[part]
    return per_component


class _Metric:
    """The plain definition of the distance."""

    def __init__(self, weight: Mapping[str, float], facets: Mapping[str, slice], factors: Float64) -> None:
        self.weight = weight
        self.facets = facets
        self.factors = factors
        self.per_component = component_weights(weight, factors, facets)

    def measure(self, rows: Float32, query: Float64) -> tuple[Float64, Float64]:
        """Squared distances of rows from a query: of each facet, shape (facets, n), and weighted, shape (n,)."""
        squares = rows.astype(np.float64) - query
        np.square(squares, out=squares)
        squares *= self.factors
        squared = np.array([squares[:, part].sum(axis=1) for part in self.facets.values()])
        total = np.zeros(len(rows))
        for name, of_facet in zip(self.facets, squared, strict=True):
            total += self.weight[name] * of_facet
        return squared, total


class _Estimate(NamedTuple):
    """Squared distances that are nearly right: their roots to `root`, after they are to `relative` and `absolute`."""

    values: Float32
    root: float
    relative: float
    absolute: float

    def reach(self, limit: float) -> float:
        """Estimate that no row exceeds whose squared distance is `limit` or less; finite."""
        most = ((np.sqrt(limit) + self.root) ** 2 + self.absolute) * (1 + self.relative)
        return float(np.nextafter(np.float32(min(most, 3e38)), np.float32(np.inf)))

    def most(self, n: int) -> float:
        """Squared distance that n rows do not exceed."""
        if len(self.values) < n:
            return np.inf
        nth = float(np.partition(self.values, n - 1)[n - 1])
        return float((np.sqrt(max(nth * (1 + self.relative) + self.absolute, 0.0)) + self.root) ** 2)


class _Bound(Protocol):
    """Estimates block by block."""

    block: int

    def rows(self, index: npt.NDArray[np.int64]) -> Float32:
        """Give exact vectors."""

    def estimate(self, rows: slice, allowed: Mask | None) -> list[_Estimate]:
        """Estimate the distance of each query from some rows; infinite for those that are not allowed."""


class _Bound32:
    """Estimates of vectors by a product in float32."""

    block = BLOCK

    def __init__(self, matrix: Float32, metric: _Metric, queries: Float64) -> None:
        weight = metric.per_component
        self.matrix = matrix
        self.weight = weight.astype(np.float32)
        self.pull = (-2 * weight * queries).astype(np.float32).T
        self.own = queries**2 @ weight
        # Rounding of a sum of d products, in any order: N. Higham, "Accuracy and Stability of
        # Numerical Algorithms" (2002), section 3.1; twice that, for the roundings of the factors.
        self.rounding = 4 * (matrix.shape[1] + 8) * 2.0**-24

    def rows(self, index: npt.NDArray[np.int64]) -> Float32:
        return self.matrix[index]

    def estimate(self, rows: slice, allowed: Mask | None) -> list[_Estimate]:
        block = self.matrix[rows]
        norms = np.square(block) @ self.weight
        estimates = norms + (block @ self.pull).T + self.own.astype(np.float32)[:, np.newaxis]
        if allowed is not None:
            estimates[:, ~allowed] = np.inf
        largest = float(norms.max())  # + 1e-30 for products that underflow
        return [
            _Estimate(values, 0.0, 0.0, self.rounding * (largest + own) + 1e-30)
            for values, own in zip(estimates, self.own.tolist(), strict=True)
        ]


class _CodedBound:
    """Estimates by the distance of codes from a query."""

    block = CODED_BLOCK

    def __init__(self, matrix: CodedMatrix, metric: _Metric, queries: Float64) -> None:
        step, weight = steps(matrix.scaling), metric.per_component
        self.matrix = matrix
        self.weight = np.zeros(WIDTH, dtype=np.float32)
        self.weight[: len(step)] = weight * step**2
        self.queries = np.zeros((len(queries), WIDTH), dtype=np.float32)
        self.queries[:, : len(step)] = queries / step
        # Half a step, and a little for the rounding of rows; the rounding of the query in steps
        half = np.sqrt(weight @ (0.501 * step) ** 2)
        self.roots = half + 2.0**-24 * np.sqrt(queries**2 @ weight)
        self.relative = 4 * (WIDTH + 8) * 2.0**-24  # as in `_Bound32`; all terms are positive

    def rows(self, index: npt.NDArray[np.int64]) -> Float32:
        return self.matrix[index]

    def estimate(self, rows: slice, allowed: Mask | None) -> list[_Estimate]:
        codes = self.matrix.codes[rows]
        out = np.empty((len(self.queries), len(codes)), dtype=np.float32)
        may = self.matrix.known[rows] if allowed is None else allowed & self.matrix.known[rows]
        coded_distances(codes, self.weight, self.queries, may, out)
        # 1e-25 for weights that underflow
        return [
            _Estimate(values, root, self.relative, 1e-25) for values, root in zip(out, self.roots.tolist(), strict=True)
        ]


def _scan(bound: _Bound, blocks: range, allowed: Mask | None, best: list[_Best]) -> list[_Best]:
    """Find the best rows of some blocks for each query."""
    for start in blocks:
        rows = slice(start, start + bound.block)
        within = None if allowed is None else allowed[rows]
        if within is not None and not within.any():
            continue
        for of_query, estimate in zip(best, bound.estimate(rows, within), strict=True):
            limit = of_query.limit if of_query.limit < np.inf else estimate.most(of_query.n)
            near = start + np.flatnonzero(estimate.values <= estimate.reach(limit))
            for first in range(0, len(near), _MEASURED_AT_ONCE):
                some = near[first : first + _MEASURED_AT_ONCE]
                of_query.offer(some, bound.rows(some))
    return best


@dataclass(slots=True)
class _Best:
    """The n best rows so far, by exact distance and then index."""

    n: int
    metric: _Metric
    query: Float64
    index: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    squared: Float64 = field(init=False)
    total: Float64 = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        self.squared = np.empty((len(self.metric.facets), 0))

    @property
    def limit(self) -> float:
        """Squared distance above which no row can enter any more."""
        return float(self.total[-1]) if len(self.total) == self.n else np.inf

    def offer(self, index: npt.NDArray[np.int64], rows: Float32) -> None:
        """Measure rows by the definition and keep the best."""
        self.keep(index, *self.metric.measure(rows, self.query))

    def keep(self, index: npt.NDArray[np.int64], squared: Float64, total: Float64) -> None:
        """Keep the best of what there is and of what was measured elsewhere."""
        index = np.concatenate([self.index, index])
        squared = np.concatenate([self.squared, squared], axis=1)
        total = np.concatenate([self.total, total])
        order = np.lexsort((index, total))[: self.n]
        self.index, self.squared, self.total = index[order], squared[:, order], total[order]

    def hits(self) -> Hits:
        """Give distances and scores."""
        distance = np.sqrt(self.total)
        facets = {
            name: 1 / (1 + np.sqrt(of_facet)) for name, of_facet in zip(self.metric.facets, self.squared, strict=True)
        }
        return Hits(index=self.index, distance=distance, score=1 / (1 + distance), facets=facets)


def _join(several: Iterable[_Best]) -> _Best:
    """Join what threads have found for one query."""
    first, *others = several
    for other in others:
        first.keep(other.index, other.squared, other.total)
    return first


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check(
    matrix: Float32 | CodedMatrix, queries: Float32, n: int, mask: Mask | None, exclude: Iterable[int]
) -> Mask | None:
    """Refuse what does not fit together; give the rows that may be found, None for all of them."""
    if len(matrix.shape) != 2 or queries.ndim != 2 or queries.shape[1:] != matrix.shape[1:]:
        raise ValueError(f"a matrix of shape {matrix.shape} cannot be searched for queries of shape {queries.shape}")
    if not np.isfinite(queries).all():
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
