"""Kept answers in a Redis server, which several machines may share (extra ``redis``).

* No answer waits for a server that is away or slow. A connection and each reply have a tenth of a second, nothing is
  tried twice, and a server that fails, or takes longer than two of them, is left alone for some seconds.
* What was put is written down in its order, with its size, so that there is a bound on all of it. The server's own
  ``maxmemory`` may take away more.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from workbench.errors import InputError
from workbench.store.cache.results import KeeperError

T = TypeVar("T")

_PAUSE_S = 5.0

_PUT = """
local order, sizes, total, prefix = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local name, value, now, age, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local function drop(name)
  redis.call('DECRBY', total, redis.call('HGET', sizes, name) or 0)
  redis.call('HDEL', sizes, name)
  redis.call('ZREM', order, name)
  redis.call('DEL', prefix .. name)
end
drop(name)
redis.call('SET', prefix .. name, value, 'PX', age)
redis.call('ZADD', order, now, name)
redis.call('HSET', sizes, name, #value)
redis.call('INCRBY', total, #value)
while tonumber(redis.call('GET', total)) > most do
  local first = redis.call('ZRANGE', order, 0, 0)[1]
  if not first then redis.call('SET', total, 0) break end
  drop(first)
end
for _, key in ipairs({order, sizes, total}) do redis.call('PEXPIRE', key, age) end
"""
_GIVE_BACK = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisKeeper:
    """Keeps values of one library in a Redis server.

    Parameters
    ----------
    url : str
        ``redis://[user:password@]host:port/database``, ``rediss://…`` or ``unix://…``. Name the host by its address:
        looking up a name cannot be given up in time.
    library_id : str
        Whose values they are.
    max_bytes, max_age_s
        See `workbench.store.cache.embedded.EmbeddedKeeper`.
    wait_s : float
        How long to wait for a connection, and for each reply, seconds.

    Raises
    ------
    InputError
        On an URL that is none.
    """

    def __init__(self, url: str, library_id: str, max_bytes: int, max_age_s: float, *, wait_s: float = 0.1) -> None:
        self._wait_s = wait_s
        self._max_bytes, self._max_age_ms = max_bytes, max(1, round(1000 * max_age_s))
        self._prefix = f"workbench:{{{library_id}}}:"  # in braces: all in one place of a cluster
        self._books = [self._prefix + name for name in ("order", "sizes", "total")]
        try:
            self._client = redis.Redis.from_url(
                url, socket_timeout=wait_s, socket_connect_timeout=wait_s, retry=Retry(NoBackoff(), 0), protocol=2
            )
        except ValueError as error:  # what it says may hold the password
            raise InputError(
                "The setting redis is no URL of a Redis server.", "Give redis://:password@host:6379/0 or the like."
            ) from error
        self._put = self._client.register_script(_PUT)
        self._give_back = self._client.register_script(_GIVE_BACK)

    def get(self, key: str) -> bytes | None:
        """Give a value; Redis lets go of what is too old."""
        found = self._run(lambda: self._client.get(self._prefix + key))
        return found if isinstance(found, bytes) else None

    def put(self, key: str, value: bytes) -> None:
        """Keep a value, and let go of what is too much."""
        arguments: list[str | bytes | float] = [key, value, time.time(), self._max_age_ms, self._max_bytes]
        try:
            self._run(lambda: self._put(keys=[*self._books, self._prefix], args=arguments))
        except KeeperError as error:
            if isinstance(error.__cause__, redis.ResponseError):  # what was written down may be spoilt: begin anew
                self._run(lambda: self._client.delete(*self._books))
            raise

    def take(self, key: str, seconds: float) -> str | None:
        """Take the lease on making a value."""
        lease = uuid.uuid4().hex
        name = self._lease(key)
        return lease if self._run(lambda: self._client.set(name, lease, nx=True, px=round(1000 * seconds))) else None

    def give_back(self, key: str, lease: str) -> None:
        """Give a lease back."""
        self._run(lambda: self._give_back(keys=[self._lease(key)], args=[lease]))

    def size(self) -> tuple[int, int]:
        """Count what was put and not let go of, and its bytes; what Redis itself let go of is among it for a while."""
        kept = self._run(lambda: self._client.zcard(self._books[0]))
        return int(kept), int(self._run(lambda: self._client.get(self._books[2])) or 0)

    def clear(self) -> None:
        """Forget all."""
        names = self._run(lambda: self._client.zrange(self._books[0], 0, -1))
        keys = [self._prefix + name.decode("ascii", "replace") for name in names]
        self._run(lambda: self._client.delete(*self._books, *keys))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _lease(self, key: str) -> str:
        return f"{self._prefix}lease:{key}"

    def _run(self, ask: Callable[[], Any]) -> Any:
        """Ask the server; a slow answer is one too many."""
        began = time.monotonic()
        try:
            answer = ask()
        except redis.ResponseError as error:  # it is there, and says no
            raise KeeperError(f"Redis refuses: {error}") from error
        except (redis.RedisError, OSError, ValueError) as error:
            raise KeeperError(f"Redis does not answer: {error}", _PAUSE_S) from error
        if time.monotonic() - began > 2 * self._wait_s:
            raise KeeperError("Redis is slow", _PAUSE_S)
        return answer
