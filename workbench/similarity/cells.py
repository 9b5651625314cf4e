"""Approximate search: tracks in cells of their like, of which a query looks into the nearest few.

* The centres of the cells are found by k-means on a sample of the library, in the usual distance (J. Sivic and
  A. Zisserman, "Video Google", ICCV 2003; H. Jégou, M. Douze and C. Schmid, "Product quantization for nearest
  neighbor search", IEEE TPAMI 33, 2011). Each track belongs to the nearest centre.
* A query gives rows to look at, by its own weights, and no more: `search` then finds the nearest of them exactly.
* How many cells a query looks into is measured on the library's own tracks: as few as find `RECALL` of the `DEPTH`
  nearest. What was not measured so is not answered so: see `Cells.near`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.errors import InputError
from workbench.similarity.codes import CodedMatrix
from workbench.similarity.embedding import GAINS
from workbench.similarity.search import SPARSE, component_weights, facet_weights, search_many

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.uint16]

#: Share of the nearest `DEPTH` tracks that is to be found, on average over the library's own tracks.
RECALL = 0.99
DEPTH = 200
#: So many times heavier or lighter than usual a component may be. Up to this the recall falls by less than a hundredth.
MOST_WEIGHT = 3.0
_QUERIES = 200
_PER_CELL = 64  # vectors of the sample; more move the centres little
_ROUNDS = 10
_AT_ONCE = 1 << 14

USUAL = component_weights(facet_weights(None), np.ones(len(GAINS)))


@dataclass(frozen=True, slots=True)
class Recall:
    """What a library's own tracks found of their nearest.

    Attributes
    ----------
    cells : how many there are
    probes : how many of them a query looks into, >= 1
    recall : share of the nearest `DEPTH` tracks that is found then, in [0, 1]
    looked_at : share of the library that it looks at, in [0, 1]
    tracks : how many the library had then
    queries : how many of them were asked for
    """

    cells: int
    probes: int
    recall: float
    looked_at: float
    tracks: int
    queries: int


class Near(NamedTuple):
    """Rows to look at, ascending, and down to which rank their ranking may be relied on."""

    rows: Indices
    depth: int


@dataclass(frozen=True)
class Cells:
    """Rows by cell.

    Attributes
    ----------
    centres : float32, shape (k, d), standardised
    of_row : uint16, shape (rows,): cell of each row, counted from 1; 0 of one that holds no vector
    recall : what was measured
    """

    centres: Float32
    of_row: Numbers
    recall: Recall

    @classmethod
    def measured(cls, centres: Float32, of_row: Numbers, matrix: CodedMatrix) -> Cells:
        """Choose how many cells to look into, by comparison with exact search for the library's own tracks."""
        known = np.flatnonzero(matrix.known)
        own = np.random.default_rng(1).choice(known, min(_QUERIES, len(known)), replace=False)
        queries, cells = matrix[own], cls(centres, of_row, Recall(len(centres), len(centres), 1.0, 1.0, len(known), 0))
        found = np.zeros(len(centres) + 1)  # how many of the nearest lie in the nth cell that is looked into
        for query, row, hits in zip(queries, own, search_many(matrix, queries, n=DEPTH + 1), strict=True):
            place = np.empty(len(found), dtype=np.int64)
            place[cells.order(query, USUAL)] = np.arange(1, len(found))
            found += np.bincount(place[of_row[hits.index[hits.index != row]]], minlength=len(found))
        if not found.any():
            found[1] = 1  # of a library of one track nothing can be missed
        share = np.cumsum(found) / found.sum()
        probes = int(np.searchsorted(share, RECALL))
        looked_at = float(np.mean([len(cells.probe(query, USUAL, probes)) for query in queries])) / len(known)
        recall = Recall(len(centres), probes, float(share[probes]), looked_at, len(known), len(own))
        return replace(cells, recall=recall)

    @cached_property
    def _lists(self) -> tuple[Indices, Indices]:
        """Rows in order of their cells, and where each cell begins, that of the rows without a vector first."""
        counts = np.bincount(self.of_row, minlength=len(self.centres) + 1)
        return np.argsort(self.of_row, kind="stable"), np.concatenate([[0], np.cumsum(counts)])

    def probe(self, query: Float32, per_component: Float64, probes: int) -> Indices:
        """Give the rows of the cells that are nearest to a query, shape (d,), ascending."""
        rows, begins = self._lists
        nearest = self.order(query, per_component)[:probes]
        return np.sort(np.concatenate([rows[begins[cell] : begins[cell + 1]] for cell in nearest]))

    def order(self, query: Float32, per_component: Float64) -> Indices:
        """Give the numbers of all cells, the nearest to a query first."""
        distances = np.square(self.centres - query.astype(np.float64)) @ per_component
        return 1 + np.argsort(distances, kind="stable")

    def near(self, query: Float32, per_component: Float64, mask: Mask | None) -> Near | None:
        """Give rows to look at for one track's query; None where all should be.

        Of tracks that fit a filter, a share s of those in the cells, the n nearest are about the n/s nearest of all:
        so they may be relied on down to rank s · `DEPTH`.

        Parameters
        ----------
        query : numpy.ndarray
            float32, shape (d,), standardised: that of one track. The middle between two lies in sparser country,
            where a tenth of the nearest may be missed.
        per_component : numpy.ndarray
            float64, shape (d,): weight of each component in the squared distance. Where one is more than `MOST_WEIGHT`
            times heavier or lighter than usual, the cells mean too little.
        mask : numpy.ndarray, optional
            bool, shape (rows,): which rows may be found.
        """
        ratio = per_component / per_component.sum() / USUAL * USUAL.sum()
        if ratio.max() > MOST_WEIGHT or ratio.min() < 1 / MOST_WEIGHT:
            return None
        rows = self.probe(query, per_component, self.recall.probes)
        if not len(rows) or SPARSE * len(rows) > len(self.of_row):
            return None
        return Near(rows, DEPTH if mask is None else DEPTH * int(np.count_nonzero(mask[rows])) // len(rows))


def fit_centres(matrix: CodedMatrix) -> Float32:
    """Find the centres of cells, about as many as a cell is to have rows; at least one row is known.

    Raises
    ------
    InputError
        Where faiss is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise InputError(
            "An approximate index needs faiss, which is not installed.",
            "pip install 'audio-workbench[search]', or set WORKBENCH_SEARCH_INDEX=exact.",
        ) from error
    known = np.flatnonzero(matrix.known)
    cells = 1 << (len(known).bit_length() // 2)
    step = max(1, len(known) // (_PER_CELL * cells))
    root = np.sqrt(USUAL).astype(np.float32)
    means: Any = faiss.Kmeans(len(root), cells, niter=_ROUNDS, seed=1, min_points_per_centroid=1)
    means.train(matrix[known[::step]] * root)
    return np.asarray(means.centroids / root, dtype=np.float32)


def assign(centres: Float32, matrix: CodedMatrix, rows: Indices) -> Numbers:
    """Tell to which cell each of some rows belongs, counted from 1."""
    root = np.sqrt(USUAL).astype(np.float32)
    weighed = centres * root
    half = np.square(weighed).sum(axis=1) / 2
    found = np.empty(len(rows), dtype=np.uint16)
    for first in range(0, len(rows), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        found[some] = 1 + np.argmin(half - matrix[rows[some]] * root @ weighed.T, axis=1)
    return found
