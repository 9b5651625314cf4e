"""Labels learned from examples: what a classifier says, what it is worth, and what to label next."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from workbench.errors import InputError
from workbench.similarity.classify import cross_validate, farthest, most_uncertain, train


def blobs(n: int, spread: float, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Make examples of three classes around three places."""
    rng = np.random.default_rng(seed)
    values = [("dub", "house", "rock")[i % 3] for i in range(n)]
    centres = {"dub": [3, 0, 0], "house": [0, 3, 0], "rock": [0, 0, 3]}
    return np.array([centres[value] for value in values]) + spread * rng.standard_normal((n, 3)), values


def test_a_classifier_is_logistic_regression() -> None:
    vectors, values = blobs(30, 1.0)
    plain = LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000).fit(vectors, values)
    found = train(vectors, values)
    np.testing.assert_allclose(found.probabilities(vectors), plain.predict_proba(vectors))
    np.testing.assert_allclose(found.probabilities(vectors).sum(axis=1), 1)


def test_what_is_not_known_of_a_vector_is_the_middle() -> None:
    vectors, values = blobs(30, 1.0)
    some, middle = vectors.copy(), vectors.copy()
    some[3, 1], middle[3, 1] = np.nan, 0
    np.testing.assert_array_equal(train(some, values).probabilities(some), train(middle, values).probabilities(middle))


@pytest.mark.parametrize("values", [[], ["dub", "dub"]])
def test_one_class_teaches_nothing(values: list[str]) -> None:
    with pytest.raises(InputError, match="two kinds"):
        train(np.zeros((len(values), 3)), values)


def test_a_report_counts_what_was_recognised() -> None:
    vectors, values = blobs(60, 0.3)
    report = cross_validate(vectors, values, [None] * 60)
    assert report is not None
    assert (report.examples, report.accuracy, report.balanced_accuracy, report.folds) == (60, 1.0, 1.0, 5)
    assert report.chance == pytest.approx(1 / 3)
    assert report.confusion == [[20, 0, 0], [0, 20, 0], [0, 0, 20]]
    noisy = cross_validate(*blobs(60, 3.0), [None] * 60)
    assert noisy is not None
    assert 1 / 3 < noisy.accuracy < 0.9
    assert noisy.accuracy == pytest.approx(np.trace(noisy.confusion) / 60)
    for i, one in enumerate(noisy.classes):
        assert one.examples == sum(noisy.confusion[i])
        assert one.recall == pytest.approx(noisy.confusion[i][i] / one.examples)


def test_labels_that_mean_nothing_are_worth_nothing() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((200, 20))
    report = cross_validate(vectors, rng.choice(["a", "b"], 200).tolist(), [None] * 200)
    assert report is not None
    assert abs(report.balanced_accuracy - 0.5) < 0.1


def test_an_artist_is_not_on_both_sides() -> None:
    """The class follows from the artist alone: whoever knows the artist would be right."""
    rng = np.random.default_rng(2)
    artists = [f"artist {i // 6}" for i in range(120)]
    voices = {artist: 3 * rng.standard_normal(20) for artist in artists}
    says = {artist: ("a", "b")[i % 2] for i, artist in enumerate(dict.fromkeys(artists))}
    vectors = np.array([voices[artist] for artist in artists]) + 0.1 * rng.standard_normal((120, 20))
    values = [says[artist] for artist in artists]
    apart, together = cross_validate(vectors, values, artists), cross_validate(vectors, values, [None] * 120)
    assert apart is not None
    assert together is not None
    assert apart.by_artist
    assert together.accuracy > 0.95
    assert apart.accuracy < 0.8


def test_too_few_examples_for_a_report() -> None:
    assert cross_validate(np.eye(3), ["a", "a", "b"], [None] * 3) is None
    assert cross_validate(np.empty((0, 3)), [], []) is None


def test_of_one_artist_alone_there_is_a_report_all_the_same() -> None:
    vectors, values = blobs(12, 0.3)
    report = cross_validate(vectors, values, ["Nina"] * 12)
    assert report is not None
    assert not report.by_artist


def test_the_most_uncertain_are_asked_first() -> None:
    vectors, values = blobs(30, 0.3)
    between = np.array([[1.5, 1.5, 0], [3.0, 0, 0], [0, 1.5, 1.4]])
    assert set(most_uncertain(train(vectors, values).probabilities(between), 2).tolist()) == {0, 2}


def test_active_learning_needs_fewer_labels() -> None:
    pool, truth = blobs(300, 1.0, seed=4)
    unseen, expected = blobs(300, 1.0, seed=5)

    def right(rows: list[int]) -> float:
        found = train(pool[rows], [truth[row] for row in rows])
        return float(np.mean(np.array(found.values)[found.probabilities(unseen).argmax(axis=1)] == expected))

    rows = farthest(pool, np.empty((0, 3)), 6).tolist()
    while len(rows) < 24:
        found = train(pool[rows], [truth[row] for row in rows])
        rest = np.setdiff1d(np.arange(len(pool)), rows)
        rows.append(int(rest[most_uncertain(found.probabilities(pool[rest]), 1)[0]]))
    at_random = [np.random.default_rng(seed).permutation(300)[:24].tolist() for seed in range(20)]
    assert right(rows) >= np.median([right(some) for some in at_random]) - 0.02


def test_the_farthest_are_apart() -> None:
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(centre, 0.1, (20, 2)) for centre in ([0, 0], [9, 0], [0, 9])])
    assert {row // 20 for row in farthest(vectors, np.empty((0, 2)), 3)} == {0, 1, 2}
    assert {row // 20 for row in farthest(vectors, vectors[:1], 2)} == {1, 2}
    assert len(set(farthest(vectors[:4], np.empty((0, 2)), 9).tolist())) == 4
