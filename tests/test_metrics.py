"""Metrics against mir_eval where it has them, and against their definitions elsewhere."""

from __future__ import annotations

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import metrics

TONICS = ["C", "C#", "Db", "D", "D#", "Eb", "E", "F", "F#", "Gb", "G", "G#", "Ab", "A", "A#", "Bb", "B"]
keys = st.builds("{} {}".format, st.sampled_from(TONICS), st.sampled_from(["major", "minor"]))
tempi = st.floats(20, 400)


@given(st.lists(st.tuples(tempi, tempi), min_size=1, max_size=20))
def test_accuracy_1_counts_what_mir_eval_detects(pairs):
    reference, estimated = np.array(pairs).T
    # mir_eval compares pairs of tempi: a second one that is far away on both sides changes nothing
    hits = [mir_eval.tempo.detection(np.array([r, 1e4]), 1.0, np.array([e, 2e4]), tol=0.04)[0] for r, e in pairs]
    assert metrics.tempo_accuracy_1(reference, estimated) == pytest.approx(np.mean(hits))


@given(tempi, st.sampled_from([1, 2, 3, 1 / 2, 1 / 3]), st.floats(-0.039, 0.039))
def test_accuracy_2_forgives_the_metrical_level(tempo, factor, error):
    assert metrics.tempo_accuracy_2([tempo], [tempo * factor * (1 + error)]) == 1
    assert metrics.tempo_accuracy_1([tempo], [tempo * factor * (1 + error)]) == (factor == 1)


@pytest.mark.parametrize("factor", [4 / 3, 3 / 4, 2 / 3, 3 / 2, 4, 1.05])
def test_accuracy_2_forgives_no_other_factor(factor):
    assert metrics.tempo_accuracy_2([100], [100 * factor]) == 0


def test_a_tempo_that_was_not_estimated_is_wrong():
    assert metrics.evaluate_tempo([120, 120], [np.nan, 60]) == {"accuracy_1": 0, "accuracy_2": 0.5}


@pytest.mark.parametrize(
    ("reference", "estimated"),
    [
        ([], []),
        ([120], [120, 60]),
        ([0], [120]),
        ([np.nan], [120]),
        ([120], [-1]),
        ([120], [np.inf]),
        ([[120]], [[120]]),
    ],
)
def test_tempi_that_mean_nothing_are_refused(reference, estimated):
    with pytest.raises(ValueError, match="temp"):
        metrics.evaluate_tempo(reference, estimated)


@given(keys, keys)
def test_key_score_is_that_of_mir_eval(reference, estimated):
    assert metrics.key_score(reference, estimated) == mir_eval.key.weighted_score(reference, estimated)


@given(st.lists(st.tuples(keys, keys), min_size=1, max_size=10))
def test_key_means(pairs):
    reference, estimated = zip(*pairs, strict=True)
    each = [mir_eval.key.weighted_score(r, e) for r, e in pairs]
    scores = metrics.evaluate_key(reference, estimated)
    assert scores["weighted_score"] == pytest.approx(np.mean(each))
    assert scores["accuracy"] == pytest.approx(np.mean(np.array(each) == 1))


def test_a_key_that_was_not_estimated_is_wrong():
    assert metrics.evaluate_key(["A minor", "A minor"], [None, "C major"]) == {"accuracy": 0, "weighted_score": 0.15}


@pytest.mark.parametrize(
    ("reference", "estimated"),
    [([], []), (["C major"], []), (["H major"], ["C major"]), (["C"], ["C major"]), (["C dorian"], [None])],
)
def test_keys_that_mean_nothing_are_refused(reference, estimated):
    with pytest.raises(ValueError, match="key"):
        metrics.evaluate_key(reference, estimated)


times = st.lists(st.floats(0, 20).map(lambda t: round(t, 2)), max_size=30).map(sorted)


@given(times, times)
@pytest.mark.filterwarnings("ignore:.*beats are empty")
def test_beats_are_matched_as_mir_eval_does(reference, estimated):
    trimmed = [mir_eval.beat.trim_beats(np.array(beats, float)) for beats in (reference, estimated)]
    assert metrics.beat_f_measure(reference, estimated) == pytest.approx(mir_eval.beat.f_measure(*trimmed))


@given(st.floats(0.3, 1.0), st.floats(-0.069, 0.069), st.integers(1, 3))
def test_beats_near_enough_are_right_and_missing_ones_cost_recall(period, late, every):
    beats = np.arange(6, 30, period)
    found = beats[::every] + late
    assert metrics.beat_f_measure(beats, found) == pytest.approx(2 * len(found) / (len(beats) + len(found)))


def test_beats_of_the_first_seconds_do_not_count():
    assert metrics.beat_f_measure([1.0, 2.0, 6.0], [0.5, 6.0]) == 1
    assert metrics.beat_f_measure([1.0, 2.0], [1.0, 2.0]) == 0
    assert metrics.evaluate_beats([1.0, 6.0], []) == {"f_measure": 0}
    assert metrics.beat_f_measure([1.0, 2.0], [1.0, 2.0], start=0) == 1


def test_a_beat_is_found_once():
    assert metrics.beat_f_measure([6.0, 7.0], [5.99, 6.0, 6.01]) == pytest.approx(0.4)
    # the first estimate must leave the second reference to the second estimate
    assert metrics.beat_f_measure([6.0, 6.1], [6.05, 6.15]) == 1


@pytest.mark.parametrize("beats", [[6.0, 5.0], [[5.0, 6.0]], [np.nan], [5.0, np.inf]])
def test_beats_that_mean_nothing_are_refused(beats):
    with pytest.raises(ValueError, match="beats"):
        metrics.beat_f_measure(beats, [5.0])
    with pytest.raises(ValueError, match="beats"):
        metrics.beat_f_measure([5.0], beats)


def _plain_average_precision(relevant: list[bool]) -> float:
    """The textbook's: the mean of the precisions at each relevant rank."""
    precisions = [sum(relevant[: i + 1]) / (i + 1) for i in range(len(relevant)) if relevant[i]]
    return sum(precisions) / len(precisions)


@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_retrieval_equals_the_textbook(n, n_labels, seed, k):
    rng = np.random.default_rng(seed)
    distances, labels = rng.random((n, n)), rng.integers(n_labels, size=n).tolist()
    precisions, averages = [], []
    for query in range(n):
        order = sorted((i for i in range(n) if i != query), key=lambda i: distances[query, i])
        relevant = [labels[i] == labels[query] for i in order]
        precisions.append(sum(relevant[:k]) / k)
        if any(relevant):
            averages.append(_plain_average_precision(relevant))
    scores = metrics.evaluate_retrieval(distances, labels, ks=(k,))
    assert scores[f"precision_at_{k}"] == pytest.approx(np.mean(precisions))
    assert scores["mean_average_precision"] == pytest.approx(np.mean(averages) if averages else np.nan, nan_ok=True)


def test_a_group_is_left_out_of_its_own_queries():
    distances = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    labels, artists = ["a", "a", "a", "b"], ["x", "x", "y", "y"]
    rows = [row.tolist() for row in metrics.relevance(distances, labels, groups=artists)]
    assert rows == [[True, False], [True, False], [True, True], [False, False]]
    assert metrics.mean_average_precision(distances, labels, groups=artists) == 1
    assert metrics.precision_at_k(distances, labels, 1, groups=artists) == 0.75


def test_nothing_to_find_is_not_a_score():
    assert np.isnan(metrics.mean_average_precision(np.zeros((2, 2)), ["a", "b"]))


@pytest.mark.parametrize(
    ("distances", "labels", "groups"),
    [
        (np.zeros((2, 3)), ["a", "b"], None),
        (np.zeros((1, 1)), ["a"], None),
        (np.zeros((2, 2)), ["a", "b"], ["x"]),
        (np.full((2, 2), np.nan), ["a", "b"], None),
    ],
)
def test_retrieval_that_means_nothing_is_refused(distances, labels, groups):
    with pytest.raises(ValueError, match=r"distance|groups"):
        metrics.relevance(distances, labels, groups=groups)


def test_k_must_be_positive():
    with pytest.raises(ValueError, match="k is 0"):
        metrics.precision_at_k(np.zeros((2, 2)), ["a", "b"], 0)
