"""Common queries: counted over processes, fading, bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.store.cache import Cache, popular
from workbench.store.cache.embedded import EmbeddedKeeper
from workbench.store.cache.popular import Popular


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[], Popular]]:
    caches = []

    def make() -> Popular:
        caches.append(Cache(EmbeddedKeeper(tmp_path / "answers.sqlite", 1 << 24, 1e9), 1 << 24))
        return Popular(caches[-1], "library")

    yield make
    for cache in caches:
        cache.close()


def note(counts: Popular, **queries: int) -> None:
    for name, times in queries.items():
        for _ in range(times):
            counts.note({"name": name})


def names(counts: Popular, n: int = 10) -> list[str]:
    return [query["name"] for query in counts.common(n)]


def test_the_most_common_come_first_and_processes_add_up(make: Callable[[], Popular]) -> None:
    a, b = make(), make()
    note(a, rare=1, common=3, some=2)
    assert names(a) == ["common", "some", "rare"]
    assert names(a, 1) == ["common"]
    note(b, rare=3)
    assert names(b) == ["rare", "common", "some"]
    note(a, common=2)
    assert names(a) == ["common", "rare", "some"]
    assert names(make()) == ["common", "rare", "some"]


def test_old_counts_fade(make: Callable[[], Popular], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1e9]
    monkeypatch.setattr(popular.time, "time", lambda: now[0])
    counts = make()
    note(counts, old=5)
    counts.write()
    now[0] += 3 * popular.HALF_LIFE_S
    note(counts, new=1)
    assert names(counts) == ["new", "old"], "five are worth five eighths"


def test_the_number_is_bounded_and_the_common_stay(make: Callable[[], Popular]) -> None:
    counts = make()
    note(counts, common=5)
    for i in range(3 * popular.MOST):
        counts.note({"name": f"n{i}"})
    found = names(counts, 10 * popular.MOST)
    assert len(found) == popular.MOST
    assert found[0] == "common"
    counts.note({"name": "x" * 10_000})
    assert len(names(counts, 10 * popular.MOST)) == popular.MOST


def test_without_a_cache_they_are_remembered() -> None:
    counts = Popular(Cache(None, 0), "library")
    note(counts, a=1, b=2)
    assert names(counts) == ["b", "a"]
    note(counts, a=2)
    assert names(counts) == ["a", "b"]
