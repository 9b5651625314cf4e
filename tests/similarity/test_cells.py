"""Approximate search: nothing is lost but what lies in other cells, and how much that is has been measured."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.similarity.test_search import coded, raw_vectors
from workbench.errors import InputError
from workbench.similarity import COMPONENTS, facet_weights, search, search_many
from workbench.similarity import cells as module
from workbench.similarity.cells import DEPTH, MOST_WEIGHT, RECALL, USUAL, Cells, assign, fit_centres
from workbench.similarity.codes import CodedMatrix
from workbench.similarity.search import component_weights

ONES = np.ones(len(COMPONENTS))


def made(matrix: CodedMatrix, centres: np.ndarray | None = None) -> Cells:
    centres = fit_centres(matrix) if centres is None else centres
    of_row = np.zeros(len(matrix), dtype=np.uint16)
    known = np.flatnonzero(matrix.known)
    of_row[known] = assign(centres, matrix, known)
    return Cells.measured(centres, of_row, matrix)


@pytest.fixture(scope="module")
def matrix() -> CodedMatrix:
    """Give vectors that lie in clouds of all sizes along some directions, one in twenty not known."""
    rng = np.random.default_rng(1)
    mixed = rng.standard_normal((12_000, 8)) @ rng.standard_normal((8, len(COMPONENTS)))
    raw = mixed + 0.3 * rng.standard_normal((12_000, len(COMPONENTS)))
    raw[:9000] += 3 * rng.standard_normal((40, len(COMPONENTS)))[rng.integers(40, size=9000)]
    return coded(raw.astype(np.float32), rng.random(12_000) < 0.95)


@pytest.fixture(scope="module")
def cells(matrix: CodedMatrix) -> Cells:
    pytest.importorskip("faiss", reason="cells are found by faiss: pip install 'audio-workbench[search]'")
    return made(matrix)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 300),
    n=st.integers(1, 40),
    count=st.integers(1, 9),
    share=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
)
def test_all_cells_together_are_the_exact_search(seed: int, rows: int, n: int, count: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    matrix = coded(raw_vectors(rng, rows), np.r_[True, rng.random(rows - 1) < 0.9])
    cells = made(matrix, matrix[rng.integers(rows, size=count)])
    query, weights = matrix[rng.integers(rows)], {"rhythm": rng.exponential()}
    per_component = component_weights(facet_weights(weights), ONES)
    among = cells.probe(query, per_component, count)
    assert among.tolist() == np.flatnonzero(matrix.known).tolist()
    mask = rng.random(rows) < share
    exact = search(matrix, query, n=n, mask=mask, weights=weights)
    same = search(matrix, query, n=n, mask=mask, weights=weights, rows=among)
    assert (same.index.tolist(), same.distance.tolist()) == (exact.index.tolist(), exact.distance.tolist())
    assert {k: v.tolist() for k, v in same.facets.items()} == {k: v.tolist() for k, v in exact.facets.items()}
    assert cells.recall.probes <= count


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), probes=st.integers(1, 30))
def test_a_probe_is_the_cells_with_the_nearest_centres(seed: int, probes: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = coded(raw_vectors(rng, 200))
    centres = matrix[rng.choice(200, 30, replace=False)]
    cells, query = made(matrix, centres), matrix[rng.integers(200)]
    weight = USUAL * rng.uniform(0.5, 2, len(USUAL))
    near = 1 + np.argsort(((centres.astype(float) - query) ** 2 * weight).sum(axis=1), kind="stable")[:probes]
    assert cells.probe(query, weight, probes).tolist() == np.flatnonzero(np.isin(cells.of_row, near)).tolist()
    distance = ((matrix[:][:, None] - centres.astype(float)) ** 2 * USUAL).sum(axis=2)
    mine = distance[np.arange(200), cells.of_row.astype(int) - 1]
    np.testing.assert_allclose(mine, distance.min(axis=1), rtol=1e-4, atol=1e-4)


def found(matrix: CodedMatrix, cells: Cells, rows: np.ndarray, probes: int) -> float:
    """The plain recall of the nearest, the own row left out."""
    shares = []
    for row, hits in zip(rows, search_many(matrix, matrix[rows], n=DEPTH + 1), strict=True):
        shares.append(np.isin(np.setdiff1d(hits.index, [row]), cells.probe(matrix[row], USUAL, probes)).mean())
    return float(np.mean(shares))


def test_as_few_cells_as_reach_the_recall(matrix: CodedMatrix, cells: Cells) -> None:
    known = np.flatnonzero(matrix.known)
    own = np.random.default_rng(1).choice(known, 200, replace=False)
    assert (cells.recall.cells, cells.recall.tracks, cells.recall.queries) == (128, len(known), 200)
    assert cells.recall.recall >= RECALL
    assert found(matrix, cells, own, cells.recall.probes) == pytest.approx(cells.recall.recall)
    assert found(matrix, cells, own, cells.recall.probes - 1) < RECALL
    assert found(matrix, cells, known[:2000:10], cells.recall.probes) > RECALL - 0.015, "of others too"
    sizes = [len(cells.probe(matrix[row], USUAL, cells.recall.probes)) for row in own]
    assert cells.recall.looked_at == pytest.approx(np.mean(sizes) / len(known))


def test_what_was_not_measured_is_not_answered(
    matrix: CodedMatrix, cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SPARSE", 1)
    query = matrix[np.flatnonzero(matrix.known)[0]]
    near = cells.near(query, USUAL, None)
    assert near is not None
    assert near.depth == DEPTH
    assert near.rows.tolist() == cells.probe(query, USUAL, cells.recall.probes).tolist()
    mask = np.zeros(len(matrix), dtype=bool)
    mask[near.rows[::4]] = True
    filtered = cells.near(query, USUAL, mask)
    assert filtered is not None
    assert DEPTH // 4 <= filtered.depth <= DEPTH // 4 + 1, "a quarter fits the filter"
    mask[:] = True
    mask[near.rows] = False
    elsewhere = cells.near(query, USUAL, mask)
    assert elsewhere is not None
    assert elsewhere.depth == 0, "however many fit it elsewhere"
    heavy = USUAL.copy()
    for factor, allowed in ((0.9 * MOST_WEIGHT, True), (1.2 * MOST_WEIGHT, False), (0.9 / MOST_WEIGHT, False)):
        heavy[3] = factor * USUAL[3]
        assert (cells.near(query, heavy, None) is not None) == allowed
    assert cells.near(query, 7 * USUAL, None) is not None, "only the proportions matter"
    monkeypatch.setattr(module, "SPARSE", 1000)
    assert cells.near(query, USUAL, None) is None, "where nearly all would be looked at"


def test_without_faiss_the_remedy_is_named(matrix: CodedMatrix, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(InputError, match=r"faiss.*audio-workbench\[search\]"):
        fit_centres(matrix)
