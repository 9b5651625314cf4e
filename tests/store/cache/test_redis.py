"""The cache in a real Redis keeps the contract; a Redis that is killed, slow or wrong costs less than a second."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
import redis

from tests.store.cache.contract import AGE_S, ROOM, KeeperTests
from workbench.errors import InputError
from workbench.store.cache import Cache, Made
from workbench.store.cache.redis import RedisKeeper
from workbench.testing.services import RedisServer

KEY = Cache.key("question")
LONGEST_S = 1.0


@pytest.fixture
def library_id() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def make(redis_server: RedisServer, library_id: str) -> Iterator[Callable[..., RedisKeeper]]:
    made = []

    def make(max_bytes: int = ROOM, max_age_s: float = AGE_S, wait_s: float = 5.0) -> RedisKeeper:
        made.append(RedisKeeper(redis_server.url, library_id, max_bytes, max_age_s, wait_s=wait_s))
        return made[-1]

    yield make
    for keeper in made:
        keeper.close()


@pytest.fixture
def source(redis_server: RedisServer, library_id: str) -> tuple[str, str]:
    arguments = f"{redis_server.url!r}, {library_id!r}, {ROOM}, {AGE_S}, wait_s=5"
    return "from workbench.store.cache.redis import RedisKeeper", f"RedisKeeper({arguments})"


class TestRedisKeeper(KeeperTests):
    """The contract."""


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


def ask(cache: Cache) -> float:
    """Ask, and tell how long it took."""
    began = time.monotonic()
    assert cache.get_or_compute(KEY, lambda: Made(b"answer")) == b"answer"
    return time.monotonic() - began


def test_a_redis_that_is_killed_and_comes_back(
    make: Callable[..., RedisKeeper], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.store.cache.redis._PAUSE_S", 0.5)
    cache = Cache(make(wait_s=0.1), ROOM)
    ask(cache)
    redis_server.stop(signal.SIGKILL)
    try:
        assert max(ask(cache) for _ in range(20)) < LONGEST_S
        stats = cache.stats()
        assert "does not answer" in stats["fault"]
        assert redis_server.password not in stats["fault"]
        assert stats["faults"] < 20
    finally:
        redis_server.start()
    time.sleep(0.6)
    ask(cache)
    ask(cache)
    stats = cache.stats()
    assert stats["fault"] is None
    assert stats["hits"] == 1
    assert stats["kept"] == 1


def test_a_redis_that_is_stopped_costs_less_than_a_second(
    make: Callable[..., RedisKeeper], redis_server: RedisServer
) -> None:
    cache, new = (Cache(make(wait_s=0.1), ROOM) for _ in range(2))
    ask(cache)
    assert redis_server.process is not None
    os.kill(redis_server.process.pid, signal.SIGSTOP)
    try:
        took = [ask(cache), ask(new), ask(cache), ask(new)]
    finally:
        os.kill(redis_server.process.pid, signal.SIGCONT)
    assert max(took) < LONGEST_S
    assert max(took[2:]) < 0.1, "it is left alone for a while"


def test_a_redis_that_is_slow_costs_less_than_a_second(make: Callable[..., RedisKeeper], client: redis.Redis) -> None:
    cache = Cache(make(wait_s=0.1), ROOM)
    ask(cache)
    client.execute_command("CLIENT", "PAUSE", 3000, "ALL")
    took = [ask(cache), ask(cache)]
    assert max(took) < LONGEST_S
    assert cache.stats()["faults"] == 1
    client.execute_command("CLIENT", "UNPAUSE")


def test_keys_of_another_kind_do_no_harm(
    make: Callable[..., RedisKeeper], client: redis.Redis, library_id: str
) -> None:
    cache = Cache(make(), ROOM)
    prefix = f"workbench:{{{library_id}}}:"
    client.lpush(prefix + KEY, "a list")
    ask(cache)
    ask(cache)
    assert cache.stats()["hits"] == 1, "what was wrong is replaced"
    for book in ("order", "sizes", "total"):
        client.delete(prefix + book, prefix + KEY)
        client.lpush(prefix + book, "garbage") if book != "total" else client.set(prefix + book, "garbage")
        for _ in range(3):
            ask(cache)
    assert cache.get(KEY) == b"answer", "what is written down begins anew"
    client.lpush(prefix + "lease:" + Cache.key("other"), "garbage")
    assert cache.get_or_compute(Cache.key("other"), lambda: Made(b"x")) == b"x"


def test_libraries_share_a_redis_without_meeting(redis_server: RedisServer, make: Callable[..., RedisKeeper]) -> None:
    other = RedisKeeper(redis_server.url, uuid.uuid4().hex, ROOM, AGE_S)
    make().put("a", b"mine")
    assert other.get("a") is None
    other.clear()
    other.close()
    assert make().get("a") == b"mine"


def test_what_was_let_go_of_leaves_nothing(
    make: Callable[..., RedisKeeper], client: redis.Redis, library_id: str
) -> None:
    keeper = make(max_age_s=0.2)
    lease = keeper.take("a", 5)
    assert lease is not None
    keeper.put("a", b"x")
    keeper.give_back("a", lease)
    time.sleep(0.3)
    assert client.keys(f"*{library_id}*") == []


@pytest.mark.parametrize("url", ["http://localhost", "redis://[", "redis://h:99999999", "secret"])
def test_an_url_that_is_none_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(InputError, match="no URL of a Redis server") as refused:
        RedisKeeper(url, "library", ROOM, AGE_S)
    assert url not in str(refused.value)


def test_a_wrong_password_is_a_fault_and_no_error(redis_server: RedisServer) -> None:
    keeper = RedisKeeper(f"redis://:wrong@127.0.0.1:{redis_server.port}/0", "library", ROOM, AGE_S)
    cache = Cache(keeper, ROOM)
    ask(cache)
    assert "wrong@" not in str(cache.stats()["fault"])
    assert cache.stats()["faults"] == 1
    cache.close()
