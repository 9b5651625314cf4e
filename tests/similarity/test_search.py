"""Search equals the plain definition, to the bit and to the last tie."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.errors import InputError
from workbench.similarity import COMPONENTS, FACETS, facet_weights, fit_scaling, search, search_many
from workbench.similarity.codes import CHUNK, ORDER, CodedMatrix, encode, in_order, near_rows, steps
from workbench.similarity.embedding import FACET_WEIGHTS
from workbench.similarity.search import BLOCK

module = importlib.import_module("workbench.similarity.search")  # the package gives its function that name
HALVES = {"timbre": slice(0, 3), "rhythm": slice(3, 5)}
VALUE = st.floats(-8, 8, width=32) | st.sampled_from([0.0, 1.0, -1.0])


def plain(
    matrix: npt.NDArray[np.float32],
    query: npt.NDArray[np.float32],
    n: int,
    weights: Mapping[str, float] | None,
    components: npt.NDArray[np.float64] | None = None,
    allowed: npt.NDArray[np.bool_] | None = None,
    facets: Mapping[str, slice] = HALVES,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Every weighted distance, sorted, ties by index."""
    squares = (matrix.astype(np.float64) - query.astype(np.float64)) ** 2
    if components is not None:
        squares *= components
    weight = facet_weights(weights, {name: FACET_WEIGHTS[name] for name in facets})
    total = np.zeros(len(matrix))
    for name, part in facets.items():
        total += weight[name] * squares[:, part].sum(axis=1)
    order = np.lexsort((np.arange(len(matrix)), total))
    if allowed is not None:
        order = order[allowed[order]]
    return order[:n], np.sqrt(total[order[:n]])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_search_is_the_plain_definition(data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, 60))
    matrix = data.draw(hnp.arrays(np.float32, (rows, 5), elements=VALUE))
    query = data.draw(hnp.arrays(np.float32, (5,), elements=VALUE))
    n = data.draw(st.integers(1, 70))
    weights = data.draw(st.none() | st.fixed_dictionaries({}, optional={"timbre": st.floats(0.01, 10)}))
    components = data.draw(st.none() | hnp.arrays(np.float64, (5,), elements=st.floats(0, 9)))
    allowed = data.draw(st.none() | hnp.arrays(np.bool_, (rows,)))
    hits = search(matrix, query, n=n, mask=allowed, weights=weights, factors=components, facets=HALVES)
    index, distance = plain(matrix, query, n, weights, components, allowed)
    assert hits.index.tolist() == index.tolist()
    assert hits.distance.tolist() == distance.tolist()


@pytest.mark.parametrize("copies", [1, 700])
def test_search_is_the_plain_definition_over_many_blocks(copies: int) -> None:
    """Also where hundreds of rows tie, and where distances differ by less than float32 tells apart."""
    rng = np.random.default_rng(1)
    matrix = np.repeat(rng.standard_normal((3 * BLOCK // copies + 7, 5)), copies, axis=0).astype(np.float32)
    matrix += rng.integers(0, 2, matrix.shape) * np.float32(1e-6)
    query = matrix[11] * np.float32(1.0001)
    for factors in (None, np.array([3.0, 0.0, 1e-3, 1.0, 7.0])):
        hits = search(matrix, query, n=50, factors=factors, facets=HALVES)
        index, distance = plain(matrix, query, 50, None, factors)
        assert hits.index.tolist() == index.tolist()
        assert hits.distance.tolist() == distance.tolist()


def coded(raw: npt.NDArray[np.float32], known: npt.NDArray[np.bool_] | None = None) -> CodedMatrix:
    """Raw vectors with the codes of their standardised ones."""
    scaling = fit_scaling(raw[: len(raw) // 2])
    matrix = scaling.apply(raw)
    return CodedMatrix(*encode(matrix, scaling), raw, scaling, np.ones(len(raw), bool) if known is None else known)


def raw_vectors(rng: np.random.Generator, rows: int) -> npt.NDArray[np.float32]:
    """Vectors around a few centres; some are the same, some are far away, some components are missing."""
    centres = rng.normal(0, 3, (5, len(COMPONENTS)))
    raw = centres[rng.integers(5, size=rows)] + rng.normal(0, 1, (rows, len(COMPONENTS)))
    raw[rng.random(rows) < 0.1] = centres[0]
    raw[rng.random(rows) < 0.05] *= 100
    raw[rng.random(raw.shape) < 0.01] = np.nan
    return raw.astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 400),
    n=st.integers(1, 30),
    weights=st.none() | st.fixed_dictionaries({}, optional={name: st.floats(0.01, 50) for name in FACETS}),
    learned=st.sampled_from(["none", "some", "one"]),
    block=st.sampled_from([16, 1 << 15]),
)
def test_codes_miss_nothing(
    seed: int, rows: int, n: int, weights: Mapping[str, float] | None, learned: str, block: int
) -> None:
    rng = np.random.default_rng(seed)
    matrix = coded(raw_vectors(rng, rows), rng.random(rows) < 0.9)
    query = matrix[rng.integers(rows)] + rng.choice([0, 1e-4, 0.1, 3.0]) * rng.normal(0, 1, len(COMPONENTS))
    query = query.astype(np.float32)
    components = {"none": None, "some": rng.exponential(1, len(COMPONENTS)), "one": np.eye(len(COMPONENTS))[3]}[learned]
    mask = rng.random(rows) < 0.7 if rng.random() < 0.5 else None
    allowed = matrix.known if mask is None else matrix.known & mask
    index, distance = plain(matrix[:], query, n, weights, components, allowed, FACETS)
    with patch.object(module._CodedScan, "block", block):
        hits = search(matrix, query, n=n, mask=mask, weights=weights, factors=components)
    assert hits.index.tolist() == index.tolist()
    assert hits.distance.tolist() == distance.tolist()


@pytest.mark.parametrize("processors", [1, 2, 5])
def test_several_queries_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch, processors: int) -> None:
    rng = np.random.default_rng(5)
    matrix = coded(raw_vectors(rng, 3000))
    queries = matrix[rng.integers(3000, size=7)]
    mask = rng.random(3000) < 0.5
    monkeypatch.setattr(module._CodedScan, "block", 100)
    monkeypatch.setattr(module, "_processors", lambda: processors)
    for rows in (matrix, matrix[:]):
        together = search_many(rows, queries, n=12, mask=mask, exclude=[1, 2])
        for query, hits in zip(queries, together, strict=True):
            alone = search(rows, query, n=12, mask=mask, exclude=[1, 2])
            expected, _ = plain(matrix[:], query, 12, None, None, mask & ~np.isin(np.arange(3000), [1, 2]), FACETS)
            assert hits.index.tolist() == alone.index.tolist() == expected.tolist()
            assert hits.score.tolist() == alone.score.tolist()
            assert {k: v.tolist() for k, v in hits.facets.items()} == {k: v.tolist() for k, v in alone.facets.items()}


def test_few_rows_are_measured_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes are worth having only if they leave little to do."""
    matrix = coded(np.random.default_rng(6).normal(0, 1, (50_000, len(COMPONENTS))).astype(np.float32))
    measured = []
    measure = module._Metric.measure
    monkeypatch.setattr(
        module._Metric, "measure", lambda self, rows, query: (measured.append(len(rows)), measure(self, rows, query))[1]
    )
    search(matrix, matrix[17], n=10)
    assert sum(measured) < 500


def test_a_code_is_within_half_a_step() -> None:
    matrix = coded(raw_vectors(np.random.default_rng(7), 2000))
    step, exact = (np.concatenate(in_order(values), axis=-1) for values in (steps(matrix.scaling), matrix[:]))
    decoded = np.concatenate([matrix.leading, matrix.others], axis=1) * step
    assert (np.abs(decoded - exact) <= 0.5001 * step).all()
    assert sorted(ORDER) == list(range(len(COMPONENTS)))


def test_the_leading_codes_decide_most() -> None:
    """Of rows that are out of reach by the leading codes the others are not read."""
    matrix = coded(raw_vectors(np.random.default_rng(8), 20_000))
    found = []

    def watched(*arguments: Any) -> int:
        end = near_rows(*arguments)
        found.append(int(arguments[-1].sum()))
        return end

    with patch.object(module, "near_rows", watched):
        search(matrix, matrix[3], n=10)
    assert sum(found) < 1_000


def test_of_many_that_are_equally_near_none_is_lost() -> None:
    """More than the room for what is found in one go, over chunks and blocks."""
    raw = np.repeat(raw_vectors(np.random.default_rng(9), 2), 2 * CHUNK + 100, axis=0)
    matrix = coded(raw)
    for query, first in ((0, 0), (len(raw) - 1, len(raw) // 2)):
        hits = search(matrix, matrix[query], n=CHUNK)
        assert hits.index.tolist() == list(range(first, first + CHUNK))


def test_weights_of_components_count_in_the_facets_too() -> None:
    matrix = np.array([[0, 0, 0, 9, 9], [1, 1, 1, 0, 0]], dtype=np.float32)
    hits = search(matrix, np.zeros(5, np.float32), n=2, factors=np.array([1, 1, 1, 0, 0.0]), facets=HALVES)
    assert hits.index.tolist() == [0, 1]
    assert (hits.score[0], hits.facets["rhythm"].tolist()) == (1.0, [1.0, 1.0])


def test_mask_and_exclude_are_applied_before_ranking() -> None:
    matrix = np.arange(3 * BLOCK, dtype=np.float32)[:, None] * np.ones(5, np.float32)
    mask = np.zeros(len(matrix), dtype=bool)
    mask[[4, 9, 2 * BLOCK + 3]] = True
    hits = search(matrix, matrix[0], n=10, mask=mask, exclude=[9], facets=HALVES)
    assert hits.index.tolist() == [4, 2 * BLOCK + 3]
    assert mask[9], "the caller's mask is not touched"
    assert len(search(matrix, matrix[0], n=10, mask=np.zeros_like(mask), facets=HALVES)) == 0


def test_a_memory_mapped_matrix_gives_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    matrix = rng.standard_normal((BLOCK + 5, 5)).astype(np.float32)
    np.save(tmp_path / "matrix.npy", matrix)
    mapped = np.load(tmp_path / "matrix.npy", mmap_mode="r")
    here, there = (search(m, matrix[3], n=5, facets=HALVES) for m in (matrix, mapped))
    assert here.index.tolist() == there.index.tolist()
    assert here.score.tolist() == there.score.tolist()


def test_scores_are_one_for_the_same_and_fall_with_distance() -> None:
    rng = np.random.default_rng(3)
    matrix = rng.standard_normal((100, 5)).astype(np.float32)
    hits = search(matrix, matrix[42], n=100, facets=HALVES)
    assert hits.index[0] == 42
    assert hits.score[0] == 1.0
    assert {name: scores[0] for name, scores in hits.facets.items()} == {"timbre": 1.0, "rhythm": 1.0}
    assert (np.diff(hits.score) <= 0).all()
    assert (hits.score > 0).all()
    for scores in hits.facets.values():
        assert ((scores > 0) & (scores <= 1)).all()


def test_two_random_tracks_score_from_two_fifths_to_a_half() -> None:
    """What the documentation says of the scale of scores."""
    rng = np.random.default_rng(4)
    matrix = rng.standard_normal((2000, 12)).astype(np.float32).clip(-1.5, 1.5) * np.float32(3**-0.5)
    facets = {name: slice(3 * i, 3 * i + 3) for i, name in enumerate(FACETS)}
    assert 0.4 < np.median(search(matrix, matrix[0], n=2000, facets=facets).score) < 0.5


def test_weights_are_factors_on_the_usual_ones() -> None:
    usual = facet_weights(None)
    assert sum(usual.values()) == pytest.approx(1)
    assert usual == pytest.approx(facet_weights(dict.fromkeys(FACETS, 3.0)))
    doubled = facet_weights({"harmony": 2})
    assert doubled["harmony"] / doubled["timbre"] == pytest.approx(2 * usual["harmony"] / usual["timbre"])
    assert facet_weights({}, {"one": 1.0, "two": 3.0}) == {"one": 0.25, "two": 0.75}


def test_a_facet_of_weight_zero_does_not_count() -> None:
    matrix = np.array([[0, 0, 0, 9, 9], [1, 1, 1, 0, 0]], dtype=np.float32)
    hits = search(matrix, np.zeros(5, np.float32), n=2, weights={"rhythm": 0}, facets=HALVES)
    assert hits.index.tolist() == [0, 1]
    assert hits.score[0] == 1.0
    assert hits.facets["rhythm"][0] < 0.1


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({"colour": 1.0}, "'colour' is not a facet. The facets are timbre, rhythm, harmony, dynamics."),
        ({"timbre": -1.0}, "timbre=-1 is not allowed"),
        ({"timbre": float("nan")}, "timbre=nan is not allowed"),
        (dict.fromkeys(FACETS, 0.0), "every facet has the weight 0"),
    ],
)
def test_wrong_weights_are_explained(weights: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        facet_weights(weights)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"query": np.zeros(4, np.float32)}, "cannot be searched"),
        ({"query": np.full(5, np.nan, np.float32)}, "not finite"),
        ({"n": 0}, "n must be at least 1"),
        ({"mask": np.ones(2, bool)}, "mask must be bool"),
        ({"mask": np.ones(3)}, "mask must be bool"),
        ({"factors": np.ones(4)}, "factors must be finite"),
        ({"factors": np.array([1, 1, 1, 1, -1.0])}, "factors must be finite"),
        ({"query": np.zeros((1, 5), np.float32)}, "cannot be searched"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, object], says: str) -> None:
    arguments: dict[str, object] = {"query": np.zeros(5, np.float32), "n": 1, "facets": HALVES, **change}
    with pytest.raises(ValueError, match=says):
        search(np.zeros((3, 5), np.float32), **arguments)  # type: ignore[arg-type]
