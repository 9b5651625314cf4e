"""Tastes: learned from few clicks, better on clicks that were not shown, and the usual weights without any."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.similarity import COMPONENTS, FACETS, facet_weights, search
from workbench.similarity.embedding import GAINS
from workbench.similarity.qualities import QUALITIES, membership
from workbench.similarity.search import component_weights
from workbench.similarity.taste import Click, factors_of_components, learn, squared_by_quality

N = len(QUALITIES)
ONES = np.ones(len(COMPONENTS))
USUAL = component_weights(facet_weights(None), ONES)


def made_up_library(seed: int, n: int = 150) -> np.ndarray:
    """Standardised vectors in which the components of a quality go together, as they do in music."""
    rng = np.random.default_rng(seed)
    own, shared = rng.standard_normal((n, len(COMPONENTS))), rng.standard_normal((n, N)) @ membership(COMPONENTS)
    return (np.clip(0.8 * shared + 0.6 * own, -1.5, 1.5) * GAINS).astype(np.float32)


def clicks_of(matrix: np.ndarray, factors: np.ndarray, n: int, rng: np.random.Generator) -> list[Click]:
    """What a listener with a taste says: of ten results the nearest to them is liked, the farthest is not."""
    clicks = []
    for reference in rng.choice(len(matrix), n, replace=False).tolist():
        near = search(matrix, matrix[reference], n=10, exclude=[reference]).index
        squared = squared_by_quality(matrix[reference], matrix[near], USUAL)
        order = np.argsort(squared @ factors)
        clicks += [Click(str(reference), i == 0, squared[order[i]], squared) for i in (0, -1)]
    return clicks


def agreement(matrix: np.ndarray, truth: np.ndarray, learned: np.ndarray, rng: np.random.Generator) -> float:
    """How often the listener and the metric agree on which of two results of a search is nearer."""
    right = []
    for reference in rng.choice(len(matrix), 60, replace=False).tolist():
        near = search(matrix, matrix[reference], n=10, exclude=[reference]).index
        squared = squared_by_quality(matrix[reference], matrix[near], USUAL)
        true, found = squared @ truth, squared @ learned
        right.append(np.mean((true[:, None] < true) == (found[:, None] < found)))
    return float(np.mean(right))


TASTES = {
    "rhythm": ("percussion", "busyness", "pulse", "tempo class"),
    "harmony": ("number of notes", "notes"),
    "colour": ("tone colour", "brightness"),
}


@pytest.mark.parametrize("taste", TASTES)
def test_held_out_clicks_agree_more_than_before(taste: str) -> None:
    matrix, rng = made_up_library(1), np.random.default_rng(2)
    truth = np.array([4.0 if quality.name in TASTES[taste] else 0.25 for quality in QUALITIES])
    learned = learn(clicks_of(matrix, truth, 8, rng))
    factors = np.array([learned.factors[quality.name] for quality in QUALITIES])
    before, after = (agreement(matrix, truth, some, np.random.default_rng(3)) for some in (np.ones(N), factors))
    assert after > before + 0.04, (before, after)
    assert learned.agreement is not None
    assert learned.agreement_before is not None
    assert learned.agreement >= learned.agreement_before
    assert max(learned.factors, key=lambda name: learned.factors[name]) in TASTES[taste]


def test_a_usual_taste_changes_little() -> None:
    matrix, rng = made_up_library(1), np.random.default_rng(4)
    learned = learn(clicks_of(matrix, np.ones(N), 3, rng))
    factors = np.array([learned.factors[quality.name] for quality in QUALITIES])
    assert agreement(matrix, np.ones(N), factors, rng) > 0.85


def test_factors_are_never_negative_and_keep_the_scale() -> None:
    matrix, rng = made_up_library(5), np.random.default_rng(6)
    clicks = clicks_of(matrix, np.exp(rng.normal(0, 1.5, N)), 20, rng)
    factors = np.array(list(learn(clicks).factors.values()))
    assert (factors >= 0).all()
    pairs = np.concatenate([*([click.pair] for click in clicks), *(click.neighbours for click in clicks)])
    assert (pairs @ factors).mean() == pytest.approx(pairs.sum(axis=1).mean())


def test_one_click_moves_only_what_it_speaks_of() -> None:
    one, other, nothing = np.zeros(N), np.zeros(N), np.empty((0, N))
    one[0], other[1] = 1, 1
    learned = learn([Click("a", True, one, np.stack([other]))])
    assert learned.factors["brightness"] < 1 < learned.factors["spectral width"]
    assert learned.agreement is not None
    alone = learn([Click("a", True, one, nothing)])
    assert set(alone.factors.values()) == {1.0}
    assert (alone.agreement, alone.agreement_before) == (None, None)
    same = learn([Click("a", True, np.zeros(N), np.zeros((3, N)))])
    assert set(same.factors.values()) == {1.0}


def test_clicks_on_one_reference_are_compared_with_each_other_only() -> None:
    rng = np.random.default_rng(7)
    pairs = rng.random((3, N))
    far = rng.random((4, N)) + 9
    liked, disliked = Click("a", True, pairs[0], far), Click("a", False, pairs[1], far)
    turned = learn([Click("a", True, pairs[0], far[::-1]), disliked])
    assert learn([liked, disliked]).factors == pytest.approx(turned.factors)
    assert learn([liked, disliked]).agreement_before == (pairs[0].sum() < pairs[1].sum())
    assert learn([liked, disliked]) != learn([liked, Click("b", False, pairs[1], far)])


def test_squares_by_quality_add_up_to_the_distance_of_search() -> None:
    matrix = made_up_library(8, 20)
    factors = np.random.default_rng(9).random(N)
    named = {quality.name: factor for quality, factor in zip(QUALITIES, factors, strict=True)}
    hits = search(matrix, matrix[0], n=20, factors=factors_of_components(named))
    squared = squared_by_quality(matrix[0], matrix[hits.index], USUAL)
    np.testing.assert_allclose(np.sqrt(squared @ factors), hits.distance, rtol=1e-9)
    assert factors_of_components({}).tolist() == ONES.tolist()
    assert sum(part.stop - part.start for part in FACETS.values()) == len(ONES)
