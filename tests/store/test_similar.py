"""Answers from stored vectors: exact, without clumps, on the way, by taste, and with reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.conftest import Store, columns, content_id
from workbench.errors import InputError
from workbench.schema import JobState
from workbench.similarity import search
from workbench.similarity.embedding import COMPONENTS, EMBEDDING
from workbench.store import tastes
from workbench.store.arrays import part_name
from workbench.store.commit import commit_batch
from workbench.store.indexes import Indexes
from workbench.store.records import Analysis, Source
from workbench.store.similar import Reference, Wanted, similar_tracks, tracks_between, unlike

N = 60
KEYS = ["id", "path", "score", "facets", "start_s", "end_s", "why", "because", "versions", "title", "artist"]


def vector(number: int) -> np.ndarray:
    """Every fourth track is a version of the one before it."""
    version = number % 4 == 3
    draw = np.random.default_rng(number - version).normal(size=len(COMPONENTS))
    return (draw + 0.001 * version).astype(np.float32)


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexes]:
    """Give a library of made-up tracks by five artists and one who is not known, two albums each."""
    from workbench.store.arrays import PartStore
    from workbench.store.catalog import Catalog

    folder = tmp_path_factory.mktemp("similar")
    store = Store(Catalog.open_file(folder / "catalog.sqlite"), PartStore(folder / "features.zarr"))
    store.parts.create()
    paths = [f"/music/{n}.wav" for n in range(N)]
    job = store.plan(*paths)
    values = [{EMBEDDING.path: vector(n)} for n in range(N)]
    part = store.parts.write(part_name(job.job_id, "b"), [content_id(n) for n in range(N)], [EMBEDDING], values)
    results = [
        store.result(
            n,
            path,
            n,
            tags={"artist": f"Artist {n % 6}" if n % 6 else None, "album": f"Album {n % 12}", "title": f"T{n}"},
            analysis=Analysis(columns(n, duration_s=100.0, bpm=60.0 + n), Source("wav", 44100, 2, ())),
        )
        for n, path in enumerate(paths)
    ]
    commit_batch(store.catalog, store.lease(job), results, [part])
    store.ledger.finish(job, JobState.DONE)
    yield Indexes(store.catalog, store.parts, folder / "index")
    store.catalog.close()


def reference(number: int, weight: float = 1.0) -> Reference:
    return Reference(content_id(number), f"/music/{number}.wav", number, vector(number), weight)


def alike(indexes: Indexes, references: list[Reference], wanted: Wanted) -> list[dict[str, Any]]:
    results, recall = similar_tracks(indexes, references, wanted)
    assert recall is None, "exact"
    return results


def numbers(results: list[dict[str, Any]]) -> list[int]:
    return [int(result["id"], 16) for result in results]


def nearest(indexes: Indexes, query: np.ndarray, without: tuple[int, ...] = ()) -> list[int]:
    """The plain ranking."""
    vectors = indexes.vectors
    return search(vectors.standardised, vectors.scaling.apply(query[None])[0], n=N, exclude=without).index.tolist()


def test_without_limits_it_is_the_plain_ranking(indexes: Indexes) -> None:
    results = alike(indexes, [reference(5)], Wanted(9, fold=False))
    assert numbers(results) == nearest(indexes, vector(5), (5,))[:9]
    assert [list(result) for result in results] == [KEYS] * 9
    assert all(result["versions"] == [] for result in results)
    assert all((result["start_s"], result["end_s"]) == (0.0, 100.0) for result in results)


def test_versions_are_folded(indexes: Indexes) -> None:
    results = alike(indexes, [reference(5)], Wanted(20))
    found = numbers(results)
    assert len(found) == 20
    for number, result in zip(found, results, strict=True):
        pair = {2: number + 1, 3: number - 1}.get(number % 4)
        assert pair not in found
        assert [int(version["id"], 16) for version in result["versions"]] == ([] if pair is None else [pair])
        for version in result["versions"]:
            assert version["path"] == f"/music/{int(version['id'], 16)}.wav"
            assert version["score"] <= result["score"]
            assert list(version) == KEYS[:6]


@given(n=st.integers(1, 40), per_artist=st.integers(1, 4), per_album=st.integers(1, 3), number=st.integers(0, N - 1))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spread_is_the_plain_walk_down_the_ranking(
    indexes: Indexes, n: int, per_artist: int, per_album: int, number: int
) -> None:
    wanted = Wanted(n, per_artist=per_artist, per_album=per_album, fold=False)
    counts: Counter[str] = Counter()
    plain = []
    for track in nearest(indexes, vector(number), (number,)):
        artist, album = f"artist {track % 6}", f"album {track % 12}"
        if (track % 6 and counts[artist] >= per_artist) or counts[album] >= per_album or len(plain) == n:
            continue
        counts.update((artist, album))
        plain.append(track)
    assert numbers(alike(indexes, [reference(number)], wanted)) == plain


def test_filters_weights_and_blends(indexes: Indexes) -> None:
    results = alike(indexes, [reference(5)], Wanted(5, where="bpm > 100"))
    assert min(numbers(results)) > 40
    both = alike(indexes, [reference(5), reference(9)], Wanted(N))
    assert not {5, 9} & set(numbers(both))
    alone, away = (
        {result["id"]: result["score"] for result in alike(indexes, some, Wanted(N, fold=False))}
        for some in ([reference(5)], [reference(5), reference(9, -0.5)])
    )
    beside = content_id(nearest(indexes, vector(9), (5, 9))[0])
    rank = [sorted(scores, key=lambda track: -scores[track]).index(beside) for scores in (alone, away)]
    assert rank[1] > rank[0]
    assert alike(indexes, [Reference(None, "/elsewhere.wav", None, vector(5))], Wanted(1))[0]["score"] == 1.0


@pytest.mark.parametrize("n", [1, 7, 40, 200])
@pytest.mark.parametrize("fold", [True, False])
def test_a_way_leads_on_and_repeats_nothing(indexes: Indexes, n: int, fold: bool) -> None:
    results = tracks_between(indexes, reference(4), reference(10), Wanted(n, fold=fold))
    found = numbers(results)
    listed = [*found, *(int(version["id"], 16) for result in results for version in result["versions"])]
    assert len(set(listed)) == len(listed)
    assert not {4, 10} & set(listed)
    assert not (fold and {11} & set(listed)), "a version of an end is no step on the way"
    assert len(found) == min(n, N - 2) or (fold and n > 40)
    vectors = indexes.vectors
    first, last = vectors.scaling.apply(np.stack([vector(4), vector(10)])).astype(np.float64)
    weights = np.concatenate([np.full(s.stop - s.start, w) for s, w in _weights()])
    along = [float(weights @ ((vectors.standardised[i] - first) * (last - first))) for i in found]
    assert along == sorted(along)
    assert all(result["because"] for result in results)


def _weights() -> list[tuple[slice, float]]:
    from workbench.similarity import FACETS, facet_weights

    usual = facet_weights(None)
    return [(part, usual[name]) for name, part in FACETS.items()]


def test_a_way_keeps_to_one_of_each_artist(indexes: Indexes) -> None:
    found = numbers(tracks_between(indexes, reference(4), reference(10), Wanted(30, per_artist=2)))
    counts = Counter(number % 6 for number in found)
    assert all(counts[artist] <= 2 for artist in range(1, 6))
    assert counts[0] > 2, "nobody knows whether these are by one artist"


def test_a_taste_changes_the_order_and_is_taken_back(indexes: Indexes) -> None:
    before = alike(indexes, [reference(5)], Wanted(N, fold=False))
    usual = {result["id"]: result["score"] for result in before}
    ids = np.array([content_id(number) for number in range(N)])
    playlist_before = unlike(indexes, [content_id(5)], ids)
    order = nearest(indexes, vector(5), (5,))
    liked, disliked = [(content_id(5), content_id(order[9]))], [(content_id(5), content_id(order[0]))]
    tastes.learn_taste(indexes.catalog, indexes.vectors, "mine", liked, disliked)
    try:
        after = {r["id"]: r["score"] for r in alike(indexes, [reference(5)], Wanted(N, fold=False))}
        gained = after[liked[0][1]] - after[disliked[0][1]]
        assert gained > usual[liked[0][1]] - usual[disliked[0][1]]
        assert not np.array_equal(unlike(indexes, [content_id(5)], ids), playlist_before)
    finally:
        tastes.use(indexes.catalog, None)
    assert alike(indexes, [reference(5)], Wanted(N, fold=False)) == before


def test_reasons_are_shares_of_qualities(indexes: Indexes) -> None:
    for result in alike(indexes, [reference(5)], Wanted(10)):
        assert 1 <= len(result["because"]) <= 3
        for reason in result["because"]:
            assert list(reason) == ["descriptor", "quality", "effect", "share", "says"]
            assert reason["says"] in result["why"].lower()
            assert 0 < reason["share"] <= 1


@pytest.mark.parametrize("field", ["n", "per_artist", "per_album"])
def test_at_least_one_must_be_wanted(field: str) -> None:
    with pytest.raises(InputError, match=f"{field}=0"):
        Wanted(**{"n": 1, field: 0})


def test_seeds_that_are_not_known_say_nothing(indexes: Indexes, tmp_path: Path) -> None:
    assert unlike(indexes, ["f" * 32], indexes.vectors.ids) is None
    found = unlike(indexes, [content_id(5)], np.array([content_id(5), "f" * 32]))
    assert found is not None
    assert found.tolist() == [0.0, 0.5]
