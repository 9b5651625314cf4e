"""The embedded cache keeps the contract, and whatever becomes of its file, it goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.store.cache.contract import AGE_S, ROOM, KeeperTests
from workbench.store.cache import Cache, Made
from workbench.store.cache.embedded import EmbeddedKeeper
from workbench.store.cache.results import KeeperError

KEY = Cache.key("question")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index" / "answers.sqlite"


@pytest.fixture
def make(path: Path) -> Iterator[Callable[..., EmbeddedKeeper]]:
    made = []

    def make(max_bytes: int = ROOM, max_age_s: float = AGE_S) -> EmbeddedKeeper:
        made.append(EmbeddedKeeper(path, max_bytes, max_age_s))
        return made[-1]

    yield make
    for keeper in made:
        keeper.close()


@pytest.fixture
def source(path: Path) -> tuple[str, str]:
    imports = "from pathlib import Path\nfrom workbench.store.cache.embedded import EmbeddedKeeper"
    return imports, f"EmbeddedKeeper(Path({str(path)!r}), {ROOM}, {AGE_S})"


class TestEmbeddedKeeper(KeeperTests):
    """The contract."""


def ask(cache: Cache) -> bytes:
    return cache.get_or_compute(KEY, lambda: Made(b"answer"))


@pytest.mark.parametrize("damage", ["garbage", "empty", "cut", "bytes", "no table", "other version"])
def test_a_damaged_file_is_made_anew(make: Callable[..., EmbeddedKeeper], path: Path, damage: str) -> None:
    first = Cache(make(), ROOM)
    assert ask(first) == b"answer"
    first.close()
    whole = path.read_bytes()
    if damage == "garbage":
        path.write_bytes(b"no database" * 1000)
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "bytes":
        path.write_bytes(whole[:100] + bytes(4000) + whole[4100:])
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("DROP TABLE kept" if damage == "no table" else "PRAGMA user_version=99")
        connection.close()
    cache = Cache(make(), ROOM)
    for _ in range(3):
        assert ask(cache) == b"answer"
    assert cache.stats()["hits"] >= 1
    assert cache.stats()["fault"] is None


def test_a_file_that_is_deleted_meanwhile_is_made_anew(make: Callable[..., EmbeddedKeeper], path: Path) -> None:
    cache = Cache(make(), ROOM)
    ask(cache)
    path.unlink()
    assert cache.get(KEY) is None
    ask(cache)
    assert path.exists()
    assert Cache(make(), ROOM).get(KEY) == b"answer"


def test_where_it_cannot_be_made_answers_are_made(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file, where the folder should be")
    cache = Cache(EmbeddedKeeper(tmp_path / "index" / "answers.sqlite", ROOM, AGE_S), ROOM)
    assert [ask(cache) for _ in range(3)] == [b"answer"] * 3
    stats = cache.stats()
    assert (stats["misses"], stats["faults"], stats["kept"]) == (3, 1, None), "after one fault it is left alone"
    assert "index" in stats["fault"]


def test_a_file_that_somebody_holds_delays_little(make: Callable[..., EmbeddedKeeper], path: Path) -> None:
    keeper = make()
    cache = Cache(keeper, ROOM)
    ask(cache)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(KeeperError, match="locked"):
        keeper.put("b", b"x")
    assert cache.get(Cache.key("other")) is None
    holder.execute("ROLLBACK")
    holder.close()
    assert cache.get(KEY) == b"answer"


def test_the_file_is_of_tables_and_bytes_only(make: Callable[..., EmbeddedKeeper], path: Path) -> None:
    ask(Cache(make(), ROOM))
    with sqlite3.connect(path) as connection:
        (value,) = connection.execute("SELECT value FROM kept").fetchone()
    connection.close()
    assert value[16:] == b"answer"


def test_a_cache_without_room_keeps_nothing() -> None:
    cache = Cache(None, 0)
    assert [ask(cache), ask(cache)] == [b"answer"] * 2
    assert cache.stats() == {
        "hits": 0, "misses": 2, "shared": 0, "damaged": 0, "faults": 0, "fault": None, "kept": None, "bytes": None,
    }  # fmt: skip


def test_what_is_large_or_not_to_be_kept_is_not(make: Callable[..., EmbeddedKeeper]) -> None:
    cache = Cache(make(), 800)
    large, passing = Cache.key("large"), Cache.key("passing")
    for _ in range(2):
        assert cache.get_or_compute(large, lambda: Made(bytes(101))) == bytes(101)
        assert cache.get_or_compute(passing, lambda: Made(b"x", keep=False)) == b"x"
    assert cache.stats()["misses"] == 4
    assert cache.stats()["kept"] == 0


def test_what_fails_fails_for_each_and_is_not_kept(make: Callable[..., EmbeddedKeeper]) -> None:
    cache = Cache(make(), ROOM)

    def fail() -> Made:
        raise LookupError("no")

    for _ in range(2):
        with pytest.raises(LookupError):
            cache.get_or_compute(KEY, fail)
    assert ask(cache) == b"answer", "the lease was given back"


def test_keys_are_of_the_values_not_of_their_order() -> None:
    assert Cache.key({"a": 1, "b": [1.5, None]}) == Cache.key({"b": (1.5, None), "a": 1})
    different = [("a",), ("a", None), (["a"],), (1,), ("1",), (1.5,), (True,), (None,), ({},), ()]
    assert len({Cache.key(*parts) for parts in different}) == len(different)
