"""Exact nearest neighbours under Euclidean distance with a weight per facet, and if need be a factor per component.

* Rows are visited in blocks, so a memory-mapped matrix of any size needs no more memory than a small one.
* Rows are first *estimated*, for all queries at once: vectors by a product in float32, codes
  (`CodedMatrix`) by their own distance. How far an estimate may be from the truth is known. Only rows
  that may be among the n nearest are measured at the end, in float64, by the plain definition.
* So the answer is that of the plain definition to the bit, ties included (lower index first), however
  many threads share the work.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from workbench.errors import InputError
from workbench.similarity.codes import CHUNK, LEADING, OTHERS, CodedMatrix, in_order, near_rows, steps
from workbench.similarity.embedding import FACET_WEIGHTS, FACETS

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: Vectors per block: 2048 of 128 float32 are 1 MiB, which fits the processor's cache.
BLOCK = 2048
#: Codes per block: so many that what is done per block costs little beside them.
CODED_BLOCK = 1 << 17
#: Blocks of codes that are worth a thread of their own.
_BLOCKS_PER_THREAD = 2
#: Error of a distance of codes besides the others, for weights that underflow.
_LEAST = 1e-25
#: If one in so many rows may be found or fewer, they are gathered, which takes less time than a scan of all.
SPARSE = 10
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
    rows: Indices | None = None,
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
    rows : numpy.ndarray, optional
        int64, ascending: the only rows that are looked at; default all.
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
        rows=rows,
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
    rows: Indices | None = None,
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
    scan: _Scan = (
        _CodedScan(matrix, metric, exact) if isinstance(matrix, CodedMatrix) else _Scan32(matrix, metric, exact)
    )
    near = [_Near(n) for _ in exact]
    if rows is None and allowed is not None and SPARSE * np.count_nonzero(allowed) <= len(allowed):
        rows = np.flatnonzero(allowed)
    blocks = range(0, len(matrix) if rows is None else len(rows), scan.block)

    def go(some: range) -> None:
        for start in some:
            piece = slice(start, start + scan.block)
            block = piece if rows is None else rows[piece]
            within = None if allowed is None else allowed[block]
            if within is None or within.any():
                scan.offer(block, within, near)

    workers = min(_processors(), len(blocks) // _BLOCKS_PER_THREAD) if isinstance(matrix, CodedMatrix) else 1
    if workers < 2:
        go(blocks)
    else:
        # whose work is done without Python's lock, but for a little
        list(_threads(os.getpid()).map(go, (blocks[i::workers] for i in range(workers))))
    return [_measured(matrix, metric, query, n, of_query.rows()) for query, of_query in zip(exact, near, strict=True)]


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

    def most(self) -> Float64:
        """Squared distances that the rows do not exceed."""
        nearly = self.values.astype(np.float64) * (1 + self.relative) + self.absolute
        return np.asarray((np.sqrt(np.maximum(nearly, 0)) + self.root) ** 2)

    def take(self, rows: Indices) -> _Estimate:
        """Estimates of some of the rows."""
        return self._replace(values=self.values[rows])


class _Near:
    """Rows that may be among the n nearest to one query; threads share what they find."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._lock = threading.Lock()
        self.limit = np.inf  # squared distance that the n nearest do not exceed
        self._most = np.empty(0)
        self._pieces: list[tuple[Indices, _Estimate]] = []

    def offer(self, index: Indices, estimate: _Estimate) -> None:
        """Keep those rows that may be near; none is offered twice."""
        self.tighten(estimate.most())
        self.keep(index, estimate)

    def tighten(self, most: Float64) -> None:
        """Lower the limit by what some rows do not exceed, none of which is given twice."""
        with self._lock:
            several = np.concatenate([self._most, most])
            if len(several) >= self.n:
                self._most = np.partition(several, self.n - 1)[: self.n]
                self.limit = min(self.limit, float(self._most[-1]))
            else:
                self._most = several

    def keep(self, index: Indices, estimate: _Estimate) -> None:
        """Keep those rows that may be near."""
        near = np.flatnonzero(estimate.values <= estimate.reach(self.limit))
        if len(near):
            self._pieces.append((index[near], estimate.take(near)))

    def rows(self) -> Indices:
        """Give those that may be near by all that is known, in order."""
        near = [index[estimate.values <= estimate.reach(self.limit)] for index, estimate in self._pieces]
        return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *near]))


class _Scan(Protocol):
    """Goes through rows block by block."""

    block: int

    def offer(self, rows: slice | Indices, allowed: Mask | None, near: Sequence[_Near]) -> None:
        """Offer to each query what may be near of some rows."""


class _Scan32:
    """Vectors, estimated by a product in float32."""

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

    def offer(self, rows: slice | Indices, allowed: Mask | None, near: Sequence[_Near]) -> None:
        block = self.matrix[rows]
        norms = np.square(block) @ self.weight
        estimates = norms + (block @ self.pull).T + self.own.astype(np.float32)[:, np.newaxis]
        may = np.arange(len(block)) if allowed is None else np.flatnonzero(allowed)
        largest = float(norms.max())  # + 1e-30 for products that underflow
        for of_query, values, own in zip(near, estimates, self.own.tolist(), strict=True):
            absolute = self.rounding * (largest + own) + 1e-30
            of_query.offer(_numbers(rows, may), _Estimate(values[may], 0.0, 0.0, absolute))


class _CodedScan:
    """Codes, estimated by their own distance: by the leading ones first, by the others where that does not decide."""

    block = CODED_BLOCK

    def __init__(self, matrix: CodedMatrix, metric: _Metric, queries: Float64) -> None:
        step, weight = steps(matrix.scaling), metric.per_component
        self.matrix = matrix
        self.weights, self.queries = in_order(weight * step**2), in_order(queries / step)
        # Half a step, and a little for the rounding of rows; the rounding of the query in steps
        half = np.sqrt(weight @ (0.501 * step) ** 2)
        self.roots = half + 2.0**-24 * np.sqrt(queries**2 @ weight)
        self.relative = 4 * (LEADING + OTHERS + 8) * 2.0**-24  # as in `_Scan32`; all terms are positive

    def offer(self, rows: slice | Indices, allowed: Mask | None, near: Sequence[_Near]) -> None:
        may = self.matrix.known[rows] if allowed is None else allowed & self.matrix.known[rows]
        leading = self.matrix.leading[rows]
        numbers = np.array([rows.start]) if isinstance(rows, slice) else rows
        limits = np.array([of_query.limit for of_query in near])
        most = np.full((len(near), near[0].n), np.inf)
        index = np.empty((len(near), 2 * CHUNK), dtype=np.int64)
        values, count = np.empty(index.shape, dtype=np.float32), np.zeros(len(near), dtype=np.int64)
        start = 0
        while start < len(leading):
            start = near_rows(
                leading, self.matrix.others, numbers, may, start, self.weights, self.queries, self.roots,
                self.relative, _LEAST, limits, most, index, values, count,
            )  # fmt: skip
            for query, of_query in enumerate(near):
                found = slice(count[query])
                root = float(self.roots[query])
                estimate = _Estimate(values[query, found].copy(), root, self.relative, _LEAST)
                of_query.keep(index[query, found].copy(), estimate)
            count[:] = 0
        for of_query, nearest in zip(near, most, strict=True):
            of_query.tighten(nearest)


def _numbers(rows: slice | Indices, places: Indices) -> Indices:
    """Row numbers of what lies at some places of a block."""
    return rows.start + places if isinstance(rows, slice) else rows[places]


def _measured(matrix: Float32 | CodedMatrix, metric: _Metric, query: Float64, n: int, candidates: Indices) -> Hits:
    """Measure rows by the definition and give the n best, by distance and then index."""
    index = np.empty(0, dtype=np.int64)
    squared, total = np.empty((len(metric.facets), 0)), np.empty(0)
    for start in range(0, len(candidates), _MEASURED_AT_ONCE):
        some = candidates[start : start + _MEASURED_AT_ONCE]
        of_facets, weighted = metric.measure(matrix[some], query)
        index = np.concatenate([index, some])
        squared, total = np.concatenate([squared, of_facets], axis=1), np.concatenate([total, weighted])
        order = np.lexsort((index, total))[:n]
        index, squared, total = index[order], squared[:, order], total[order]
    distance = np.sqrt(total)
    facets = {name: 1 / (1 + np.sqrt(of_facet)) for name, of_facet in zip(metric.facets, squared, strict=True)}
    return Hits(index=index, distance=distance, score=1 / (1 + distance), facets=facets)


@cache
def _threads(process: int) -> ThreadPoolExecutor:
    """Give the threads of a process, which all its searches share: a fork of it has none of them."""
    del process
    return ThreadPoolExecutor(_processors(), thread_name_prefix="workbench-search")


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
