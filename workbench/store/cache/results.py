"""The cache of answers: bytes by key, made by one caller while the others wait.

* A *keeper* holds the bytes: `embedded.EmbeddedKeeper` or `redis.RedisKeeper`. It raises `KeeperError` for whatever
  goes wrong with it; then the cache goes on without it, for as long as the error says.
* What is kept carries a digest of itself and its key: what was damaged, cut short, or belongs to another key is as if
  it were not there.
* Of several threads that want the same, one makes it and the others get what it made. Of several processes, one holds
  the keeper's lease and the others look again and again, until it is there or they have waited long enough.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

_DIGEST = 16
#: One answer may take this part of the room for all.
_LARGEST = 1 / 8
#: A process that makes an answer is waited for so long, and may hold its lease so long, seconds.
LEASE_S = 5.0
_LOOK_AGAIN_S = 0.02


class KeeperError(Exception):
    """The keeper cannot be used now.

    Parameters
    ----------
    why : str
        In words, without any secret.
    pause_s : float
        How long not to ask it again, seconds.
    """

    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


class Keeper(Protocol):
    """What holds bytes by key; every method may raise `KeeperError`."""

    def get(self, key: str) -> bytes | None:
        """Give what was kept, None where nothing is or it is too old."""

    def put(self, key: str, value: bytes) -> None:
        """Keep a value; where the room is too small, what was put first goes."""

    def take(self, key: str, seconds: float) -> str | None:
        """Take the lease on making a value, for so long at most; None where another process has it."""

    def give_back(self, key: str, lease: str) -> None:
        """Give a lease back that was taken; nothing happens if it has run out."""

    def size(self) -> tuple[int, int]:
        """Count what is kept, and its bytes."""

    def clear(self) -> None:
        """Forget all."""

    def close(self) -> None:
        """Give back what it holds open."""


@dataclass(frozen=True, slots=True)
class Made:
    """A value that was made because the cache had none.

    Attributes
    ----------
    value : the bytes
    keep : whether others may get it later
    """

    value: bytes
    keep: bool = True


class Cache:
    """Keeps what takes long to make.

    Parameters
    ----------
    keeper : Keeper or None
        None keeps nothing.
    max_bytes : int
        Room for all values; one that takes more than an eighth of it is not kept.

    Examples
    --------
    >>> cache = Cache(None, 0)
    >>> cache.get_or_compute("question", lambda: Made(b"answer"))
    b'answer'
    """

    def __init__(self, keeper: Keeper | None, max_bytes: int) -> None:
        self._keeper = keeper
        self.largest = int(max_bytes * _LARGEST)
        self._paused_until = 0.0
        self._fault: str | None = None
        self._counts: Counter[str] = Counter()
        self._flights: dict[str, Future[bytes]] = {}
        self._lock = threading.Lock()

    @staticmethod
    def key(*parts: Any) -> str:
        """Name a question: a digest of JSON-ready values, numpy's numbers among them, in one canonical form."""
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=lambda number: number.item())
        return hashlib.blake2b(text.encode(), digest_size=_DIGEST).hexdigest()

    def get(self, key: str) -> bytes | None:
        """Give what is kept for a key, None if nothing is."""
        found = self._ask("get", key)
        if found is None:
            return None
        value = bytes(found[_DIGEST:])
        if found[:_DIGEST] == _digest(key, value):
            return value
        self._count("damaged")
        return None

    def put(self, key: str, value: bytes) -> None:
        """Keep a value, if it is not too large."""
        if len(value) <= self.largest:
            self._ask("put", key, _digest(key, value) + value)

    def get_or_compute(self, key: str, compute: Callable[[], Made]) -> bytes:
        """Give what is kept for a key, or make it.

        While one thread makes it, others that want the same wait and get what it made; what it raises, it alone
        raises, and each of the others tries for itself.

        Parameters
        ----------
        key : str
            See `key`.
        compute : callable
            Makes the value.
        """
        found = self.get(key)
        if found is not None:
            self._count("hits")
            return found
        with self._lock:
            flight = self._flights.get(key)
            leads = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if not leads:
            if flight.exception() is None:
                self._count("shared")
                return flight.result()
            return self._make(key, compute)
        try:
            value = self._once_of_all_processes(key, compute)
        except BaseException as error:
            flight.set_exception(error)
            raise
        else:
            flight.set_result(value)
            return value
        finally:
            with self._lock:
                del self._flights[key]

    def _once_of_all_processes(self, key: str, compute: Callable[[], Made]) -> bytes:
        give_up = time.monotonic() + LEASE_S
        while self._asks and time.monotonic() < give_up:
            lease = self._ask("take", key, LEASE_S)
            try:
                found = self.get(key)  # it may have been made since it was last looked for
                if found is not None:
                    return self._hit(found)
                if lease is not None:
                    return self._make(key, compute)
            finally:
                if lease is not None:
                    self._ask("give_back", key, lease)
            time.sleep(_LOOK_AGAIN_S)
        return self._make(key, compute)

    def _hit(self, found: bytes) -> bytes:
        self._count("hits")
        return found

    def _make(self, key: str, compute: Callable[[], Made]) -> bytes:
        self._count("misses")
        made = compute()
        if made.keep:
            self.put(key, made.value)
        return made.value

    def stats(self) -> dict[str, Any]:
        """Count what has happened in this process, and what is kept.

        Returns
        -------
        dict
            ``hits, misses, shared`` (made by another thread at the same moment), ``damaged, faults`` (calls that the
            keeper did not answer), ``fault`` (why, of the last; None when all is well again), ``kept`` and ``bytes``
            (None where it does not tell).
        """
        kept, size = self._ask("size") or (None, None)
        names = ("hits", "misses", "shared", "damaged", "faults")
        with self._lock:
            return {name: self._counts[name] for name in names} | {"fault": self._fault, "kept": kept, "bytes": size}

    def clear(self) -> None:
        """Forget all that is kept."""
        self._ask("clear")

    def close(self) -> None:
        """Give back what is open."""
        if self._keeper is not None:
            self._keeper.close()

    # --- inside -----------------------------------------------------------------------------------

    @property
    def _asks(self) -> bool:
        return self._keeper is not None and time.monotonic() >= self._paused_until

    def _ask(self, what: str, *arguments: Any) -> Any:
        """Ask the keeper, unless it failed a moment ago; None where it does not answer."""
        if not self._asks:
            return None
        try:
            answer = getattr(self._keeper, what)(*arguments)
        except KeeperError as error:
            self._failed(error)
            return None
        self._fault = None
        return answer

    def _failed(self, error: KeeperError) -> None:
        self._count("faults")
        self._fault = str(error)
        if error.pause_s:
            self._paused_until = time.monotonic() + error.pause_s

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1


def _digest(key: str, value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=_DIGEST, key=key.encode()[:64]).digest()
