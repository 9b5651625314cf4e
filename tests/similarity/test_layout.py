"""The map: what sounds alike lies together, what was placed stays, and clusters have names that tell them apart."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
import pytest

from workbench.similarity import COMPONENTS
from workbench.similarity.layout import WORDS, Layout, component_descriptors, fit_layout, name_clusters

Vectors = npt.NDArray[np.float32]


def three_groups(n: int, seed: int = 0) -> tuple[Vectors, npt.NDArray[np.int64]]:
    """Vectors around three centres, and the centre of each."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(0, 0.3, (3, len(COMPONENTS)))
    group = np.arange(n) % 3
    return (centres[group] + rng.normal(0, 0.05, (n, len(COMPONENTS)))).astype(np.float32), group


def apart(places: Vectors, group: npt.NDArray[np.int64]) -> float:
    """Part of the points whose nearest other point is of their own group."""
    distance = np.linalg.norm(places[:, np.newaxis] - places, axis=2)
    np.fill_diagonal(distance, np.inf)
    return float((group[distance.argmin(axis=1)] == group).mean())


@pytest.fixture(scope="module")
def layout() -> Layout:
    return fit_layout(three_groups(90)[0])


def test_what_sounds_alike_lies_together(layout: Layout) -> None:
    _, group = three_groups(90)
    assert apart(layout.places, group) == 1
    assert np.abs(layout.places.mean(axis=0)).max() < 1e-5
    assert np.square(layout.places).sum(axis=1).mean() == pytest.approx(1, abs=1e-5)


def test_new_tracks_are_placed_with_their_like(layout: Layout) -> None:
    old, group = three_groups(90)
    new, group_of_new = three_groups(30, seed=1)
    np.testing.assert_allclose(layout.place(old), layout.places, atol=1e-3)
    both = np.concatenate([layout.places, layout.place(new)])
    assert apart(both, np.concatenate([group, group_of_new])) == 1
    np.testing.assert_allclose(layout.place(new)[7:9], layout.place(new[7:9]), atol=1e-5)


def test_the_layout_of_a_grown_library_lies_upon_the_former_one(layout: Layout) -> None:
    more, group = three_groups(150, seed=2)
    grown = fit_layout(more, layout)
    assert apart(grown.places, group) == 1
    for i in range(3):
        before, after = layout.places[np.arange(90) % 3 == i].mean(axis=0), grown.places[group == i].mean(axis=0)
        assert before @ after / np.linalg.norm(before) / np.linalg.norm(after) > 0.8


def test_without_scikit_learn_principal_components_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    vectors, group = three_groups(90)
    places = fit_layout(vectors).places
    assert apart(places, group) == 1
    assert abs(np.corrcoef(places.T)[0, 1]) < 1e-4
    assert places[:, 0].var() > places[:, 1].var()


@pytest.mark.parametrize("n", [0, 1, 2, 5, 21])
def test_small_libraries_have_a_map(n: int) -> None:
    vectors, _ = three_groups(n)
    layout = fit_layout(vectors)
    assert layout.place(vectors).shape == (n, 2)
    assert np.isfinite(layout.places).all()
    assert layout.cluster(vectors).shape == (n,)


def test_tracks_that_are_all_the_same_have_one_place() -> None:
    same = np.ones((30, len(COMPONENTS)), dtype=np.float32)
    layout = fit_layout(same)
    assert len(layout.centres) == 1
    assert np.isfinite(layout.place(same)).all()


def test_clusters_are_the_groups(layout: Layout) -> None:
    vectors, group = three_groups(90)
    cluster = layout.cluster(vectors)
    for label in np.unique(cluster):
        assert len(np.unique(group[cluster == label])) == 1


def test_names_tell_what_there_is_more_or_less_of() -> None:
    cluster = np.array([0, 0, 1, 1, 2, 2, 3])
    bpm = np.array([60, 70, 118, 122, 180, np.nan, 182])
    loudness = np.array([-30, -31, -14, -14.5, -14.2, -14, -14])
    names = name_clusters(cluster, {"bpm": bpm, "loudness": loudness}, 5)
    assert names == ["quiet, slow", "in the middle", "fast", "fast (2)", "in the middle (2)"]


def test_nothing_known_is_no_reason_for_a_word() -> None:
    assert name_clusters(np.zeros(3, int), {"bpm": np.full(3, np.nan)}, 1) == ["in the middle"]


def test_words_are_of_the_embedding_or_of_the_catalog() -> None:
    found = component_descriptors(np.arange(2 * len(COMPONENTS), dtype=np.float32).reshape(2, -1))
    assert set(WORDS) - set(found) == {"bpm", "energy"}
    assert found["loudness"].tolist() == [COMPONENTS.index("loudness"), COMPONENTS.index("loudness") + len(COMPONENTS)]
