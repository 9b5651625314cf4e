"""Search equals the plain definition, to the bit and to the last tie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.errors import InputError
from workbench.similarity import FACETS, facet_weights, search
from workbench.similarity.embedding import FACET_WEIGHTS
from workbench.similarity.search import BLOCK

HALVES = {"timbre": slice(0, 3), "rhythm": slice(3, 5)}
VALUE = st.floats(-8, 8, width=32) | st.sampled_from([0.0, 1.0, -1.0])


def plain(
    matrix: npt.NDArray[np.float32],
    query: npt.NDArray[np.float32],
    n: int,
    weights: Mapping[str, float] | None,
    factors: npt.NDArray[np.float64] | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Every weighted distance, sorted, ties by index."""
    squares = (matrix.astype(np.float64) - query.astype(np.float64)) ** 2
    squares *= 1 if factors is None else factors
    weight = facet_weights(weights, {name: FACET_WEIGHTS[name] for name in HALVES})
    total = np.zeros(len(matrix))
    for name, part in HALVES.items():
        total += weight[name] * squares[:, part].sum(axis=1)
    order = np.lexsort((np.arange(len(matrix)), total))[:n]
    return order, np.sqrt(total[order])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_search_is_the_plain_definition(data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, 60))
    matrix = data.draw(hnp.arrays(np.float32, (rows, 5), elements=VALUE))
    query = data.draw(hnp.arrays(np.float32, (5,), elements=VALUE))
    n = data.draw(st.integers(1, 70))
    weights = data.draw(st.none() | st.fixed_dictionaries({}, optional={"timbre": st.floats(0.01, 10)}))
    factors = data.draw(st.none() | hnp.arrays(np.float64, (5,), elements=st.floats(0, 20)))
    hits = search(matrix, query, n=n, weights=weights, factors=factors, facets=HALVES)
    index, distance = plain(matrix, query, n, weights, factors)
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
        ({"factors": np.ones(4)}, "factors must be"),
        ({"factors": np.full(5, -1.0)}, "factors must be"),
        ({"factors": np.full(5, np.inf)}, "factors must be"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, object], says: str) -> None:
    arguments: dict[str, object] = {"query": np.zeros(5, np.float32), "n": 1, "facets": HALVES, **change}
    with pytest.raises(ValueError, match=says):
        search(np.zeros((3, 5), np.float32), **arguments)  # type: ignore[arg-type]
