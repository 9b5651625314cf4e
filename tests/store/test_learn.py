"""Columns learned from labels: what they say, how they are filtered by, and that filters follow them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.store.conftest import Store, content_id
from workbench.errors import InputError
from workbench.similarity.classify import train
from workbench.similarity.regions import SIZE, fit_segment_scaling
from workbench.store import learn
from workbench.store.catalog import queries
from workbench.store.catalog.pages import tracks_page
from workbench.store.labels import Label, replace_labels
from workbench.store.regions import Regions
from workbench.store.vectors import TrackIds, Vectors

ON_BOTH_DATABASES = True

#: Made-up tracks: 0 to 9 sound like one thing, 10 to 19 like another; of 20 nothing is known.
N = 20
PLACES = np.array([[3.0 * (n < 10), 3.0 * (n >= 10), (n % 5) / 2] for n in range(N)])


@pytest.fixture
def vectors(store: Store) -> Vectors:
    store.add(*range(N + 1))
    packed = np.frombuffer(bytes.fromhex("".join(content_id(n) for n in range(N))), dtype=np.uint8).reshape(-1, 16)
    places: Any = PLACES
    nothing: Any = None
    return Vectors(0, TrackIds(packed), np.ones(N, dtype=bool), places, places, nothing)


def no_regions() -> Regions:
    """A library without segments."""
    return Regions(0, (), (), fit_segment_scaling(np.empty((0, SIZE), dtype=np.float32)))


def say(store: Store, number: int, *values: str, author: str = "ada", name: str = "style") -> None:
    replace_labels(store.catalog, content_id(number), [Label(name, value) for value in values], author)


def found(store: Store, where: str) -> set[int]:
    return {int(track, 16) for track in queries.track_ids(store.catalog, where=where)}


def test_a_column_says_of_all_what_was_said_of_some(store: Store, vectors: Vectors) -> None:
    for number, value in ((0, "dub"), (1, "dub"), (10, "rock"), (11, "rock"), (N, "dub")):
        say(store, number, value)
    made = learn.apply_labels(store.catalog, vectors, no_regions, "style")
    assert made.counts == {"dub": 11, "rock": 10}
    assert made.report is not None
    assert made.report.accuracy == 1.0
    assert found(store, 'label.style == "dub"') == {*range(10), N}
    assert found(store, 'label["style"] in ("rock", "jazz")') == set(range(10, 20))
    assert found(store, 'label.style like "DU%" and confidence.style >= 1') == {0, 1, N}
    assert found(store, "confidence.style < 1") == set(range(N)) - {0, 1, 10, 11}
    assert found(store, "label.mood is None") == set(range(N + 1))
    plain = train(PLACES[[0, 1, 10, 11]], ["dub", "dub", "rock", "rock"]).probabilities(PLACES)
    for track, one in learn.values_of(store.catalog, "style", [content_id(n) for n in (2, 13)]).items():
        assert one.confidence == pytest.approx(plain[int(track, 16)].max())


def test_filters_that_were_answered_before_follow(store: Store, vectors: Vectors) -> None:
    where = 'label.style == "dub"'
    numbers = store.catalog.numbers()
    for number, value in ((0, "dub"), (10, "rock")):
        say(store, number, value)
    assert not store.catalog.columns.mask(where, numbers).any()
    learn.apply_labels(store.catalog, vectors, no_regions, "style")
    assert store.catalog.columns.mask(where, numbers).sum() == 10
    assert len(tracks_page(store.catalog, where=where, sort="bpm", descending=True, limit=4).rows) == 4
    state = store.catalog.state()
    learn.forget_column(store.catalog, "style")
    assert not store.catalog.columns.mask(where, numbers).any()
    assert store.catalog.state() != state
    with pytest.raises(InputError, match="no learned column"):
        learn.forget_column(store.catalog, "style")


def test_the_last_word_counts_and_parts_say_nothing_of_their_tracks(store: Store, vectors: Vectors) -> None:
    say(store, 0, "rock", author="bob")
    say(store, 0, "dub")
    say(store, 10, "rock")
    part = Label("style", "dub", 1.0, 2.0)
    replace_labels(store.catalog, content_id(11), [part, Label("style")], "ada")
    assert learn._said(store.catalog, "style") == {content_id(0): "dub", content_id(10): "rock"}
    learn.apply_labels(store.catalog, vectors, no_regions, "style")
    assert found(store, 'label.style == "dub"') == set(range(10))


def test_what_was_applied_is_replaced_and_listed(store: Store, vectors: Vectors) -> None:
    for number, value in ((0, "dub"), (10, "rock")):
        say(store, number, value)
    learn.apply_labels(store.catalog, vectors, no_regions, "style")
    say(store, 10, "jazz")
    learn.apply_labels(store.catalog, vectors, no_regions, "style")
    assert learn.columns(store.catalog) == {"style": {"dub": 10, "jazz": 10}}
    with pytest.raises(InputError, match="two kinds"):
        learn.apply_labels(store.catalog, vectors, no_regions, "mood")
    assert learn.report_on(store.catalog, vectors, no_regions, "mood") is None


def test_the_next_to_label_are_far_at_first_and_then_between(store: Store, vectors: Vectors) -> None:
    first, second = learn.next_to_label(store.catalog, vectors, no_regions, "style", 2)
    assert {int(first, 16) < 10, int(second, 16) < 10} == {True, False}
    say(store, 0, "dub")
    say(store, 10, "rock")
    asked = learn.next_to_label(store.catalog, vectors, no_regions, "style", N)
    assert len(asked) == len(set(asked)) == N - 2
    assert not {content_id(0), content_id(10)} & set(asked)
    likely = train(PLACES[[0, 10]], ["dub", "rock"]).probabilities(PLACES)
    margins = [abs(likely[int(track, 16), 0] - likely[int(track, 16), 1]) for track in asked]
    assert margins == sorted(margins)


@pytest.mark.parametrize(
    "where",
    [
        "label.style",
        "label == 'a'",
        "label.a.b == 'a'",
        "name.style == 'a'",
        "label[3] == 'a'",
        "label[bpm] == 'a'",
        "label.style > 3",
        "confidence.style == 'a'",
        "confidence.style like 'a'",
        "label['\\0'] == 'a'",
    ],
)
def test_expressions_that_make_no_sense(store: Store, where: str) -> None:
    with pytest.raises(InputError):
        queries.track_ids(store.catalog, where=where)


def test_names_and_values_are_bound_and_not_run(store: Store, vectors: Vectors) -> None:
    name = "it's; DROP TABLE tracks --"
    say(store, 0, "'", name=name)
    say(store, 10, "%", name=name)
    learn.apply_labels(store.catalog, vectors, no_regions, name)
    assert found(store, f'label["{name}"] == "\'"') == set(range(10))
