"""The reasons given for a hit are where its distance comes from, and nothing is said of what is not known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.similarity import COMPONENTS, Because, explain, in_words
from workbench.similarity import regions as segments
from workbench.similarity.embedding import GAINS
from workbench.similarity.explain import typical
from workbench.similarity.qualities import QUALITIES, descriptor_of, membership, quality_of

ONES = np.ones(len(COMPONENTS))
NAMES = [quality.name for quality in QUALITIES]


def vector(**components: float) -> np.ndarray:
    """A raw vector of which only these components are known."""
    made = np.full(len(COMPONENTS), np.nan)
    for name, value in components.items():
        made[COMPONENTS.index(name)] = value
    return made


def tempo(bpm: float) -> dict[str, float]:
    angle = 2 * np.pi * np.log2(bpm)
    return {"tempo_cos": float(np.cos(angle)), "tempo_sin": float(np.sin(angle))}


def said(query: dict[str, float], hit: dict[str, float]) -> list[str]:
    """What is said of two vectors of which only some components are known, at weights of one."""
    a, b = vector(**query), vector(**hit)
    return [reason.says for reason in explain(a, b, np.nan_to_num(b) - np.nan_to_num(a), ONES, ONES)]


@pytest.mark.parametrize(
    ("query", "hit", "says"),
    [
        (tempo(90), tempo(180), "same tempo class"),
        (tempo(120), tempo(122), "same tempo class"),
        (tempo(120), tempo(85), "another tempo class"),
        ({"loudness": -20}, {"loudness": -10}, "louder"),
        ({"loudness": -10}, {"loudness": -20}, "quieter"),
        ({"loudness": -10}, {"loudness": -10.1}, "similar loudness"),
        ({"spectral_centroid_by_energy_mean": 10}, {"spectral_centroid_by_energy_mean": 11}, "brighter"),
        ({"onset_rate": 3}, {"onset_rate": 1}, "sparser"),
        ({"spectral_flatness_by_energy_mean": -10}, {"spectral_flatness_by_energy_mean": -4}, "noisier"),
        ({"loudness_range": 12}, {"loudness_range": 3}, "flatter"),
        ({"mfcc_by_energy_3_std": 2}, {"mfcc_by_energy_3_std": 7}, "more varied in timbre"),
        ({"chroma_C_mean": 1, "chroma_G_mean": 0}, {"chroma_C_mean": 0, "chroma_G_mean": 2}, "other notes"),
    ],
)
def test_each_reason(query: dict[str, float], hit: dict[str, float], says: str) -> None:
    assert said(query, hit) == [says]


def test_tempi_that_are_not_the_same_are_not_called_so() -> None:
    """However near they are, beside what is usual: they are farther by nothing else, so nothing is nearer."""
    a, b = vector(**tempo(120)), vector(**tempo(127))
    (reason,) = explain(a, b, np.nan_to_num(b) - np.nan_to_num(a), ONES, 100 * ONES)
    assert reason.effect == "farther"


def test_components_that_go_both_ways_are_neither_more_nor_less() -> None:
    there = {"spectral_centroid_by_energy_mean": 12, "spectral_rolloff_by_energy_mean": 8.2}
    assert said(dict.fromkeys(there, 10), there) == ["different brightness"]


def test_the_largest_differences_come_first_and_at_most_three() -> None:
    names = ("loudness", "spectral_centroid_by_energy_mean", "onset_rate", "loudness_range")
    assert said(dict.fromkeys(names, 0), dict(zip(names, (4, 2, 3, 1), strict=True))) == [
        "louder",
        "busier",
        "brighter",
    ]
    assert said(dict.fromkeys(names, 0), dict(zip(names, (4, 0, 0, 0), strict=True)))[-1] == "louder"


def test_what_is_neither_near_nor_far_is_still_explained() -> None:
    a, b = vector(loudness=0, onset_rate=0), vector(loudness=0.6, onset_rate=0.55)
    assert [reason.says for reason in explain(a, b, np.nan_to_num(b) - np.nan_to_num(a), ONES, ONES)] == ["louder"]


def test_nothing_known_says_so() -> None:
    assert said({}, {}) == []
    assert said({"loudness": 1}, {"onset_rate": 1}) == []
    assert in_words([]) == "Too little is known of one of them to say why."


def test_words_of_facets_and_reasons() -> None:
    near = Because("tempo", "tempo class", "nearer", 0.5, "same tempo class")
    far = Because("loudness", "loudness", "farther", 0.5, "louder")
    facets = {"timbre": 0.2, "rhythm": 0.9}
    assert in_words([], facets) == "Nearest in rhythm, farthest in timbre."
    assert in_words([near, far]) == "Same tempo class; louder."
    assert in_words([far], facets) == "Nearest in rhythm, farthest in timbre. Louder."


SOME = hnp.arrays(np.float64, len(COMPONENTS), elements=st.floats(-2, 2))


@given(difference=SOME, weights=SOME, seed=st.integers(0, 9))
def test_shares_are_parts_of_the_distance(difference: np.ndarray, weights: np.ndarray, seed: int) -> None:
    """The plain definition: sums over the components of a quality, of all that is known."""
    weights = np.abs(weights)
    known = np.random.default_rng(seed).random(len(COMPONENTS)) < 0.8
    raw = np.where(known, 0.0, np.nan)
    usual = 1.5 * GAINS.astype(np.float64)
    reasons = explain(raw, raw, difference, weights, usual)
    parts = dict.fromkeys(NAMES, 0.0)
    expected = dict(parts)
    for component, d, w, u, there in zip(COMPONENTS, difference, weights, usual, known, strict=True):
        if there:
            name = NAMES[quality_of(component)]
            parts[name] += w * d * d
            expected[name] += w * u
    saved = {name: max(expected[name] - parts[name], 0.0) for name in NAMES}
    assert len(reasons) <= 3
    assert len({reason.quality for reason in reasons}) == len(reasons)
    for reason in reasons:
        amounts = saved if reason.effect == "nearer" else parts
        assert reason.share == pytest.approx(amounts[reason.quality] / sum(amounts.values()))
        assert reason.descriptor in {descriptor_of(c) for c in COMPONENTS if NAMES[quality_of(c)] == reason.quality}
    far = [reason for reason in reasons if reason.effect == "farther"]
    if far:
        eligible = [n for n in NAMES if parts[n] >= 0.5 * expected[n] and parts[n] > 0] or NAMES
        assert parts[far[0].quality] == pytest.approx(max(parts[name] for name in eligible))


def test_every_component_belongs_to_one_quality() -> None:
    for components in (COMPONENTS, segments.COMPONENTS):
        groups = membership(components)
        assert groups.shape == (len(QUALITIES), len(components))
        assert (groups.sum(axis=0) == 1).all()
    assert (membership(COMPONENTS).sum(axis=1) > 0).all(), "no quality is empty"
    with pytest.raises(ValueError, match="belongs to no quality"):
        quality_of("nonsense_mean")


def test_what_is_usual_is_estimated_from_the_library() -> None:
    rng = np.random.default_rng(0)
    matrix = (rng.standard_normal((5000, len(COMPONENTS))) * GAINS).astype(np.float32)
    pairs = np.square(matrix[::2] - matrix[1::2]).mean(axis=0)
    np.testing.assert_allclose(typical(matrix), pairs, rtol=0.25)
    assert typical(matrix).shape == (len(COMPONENTS),)
    normal = np.clip(rng.standard_normal((2, 100_000)), -1.5, 1.5)
    np.testing.assert_allclose(typical(matrix[:0]), np.square(normal[0] - normal[1]).mean() * GAINS**2, rtol=0.02)
