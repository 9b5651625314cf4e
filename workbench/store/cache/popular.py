"""Which queries are common: counts that fade, bounded in number, shared by all processes through the cache."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from workbench.store.cache.results import Cache

#: So many queries are counted; of more, the least common are forgotten.
MOST = 1000
#: After so long a count is worth half, seconds.
HALF_LIFE_S = 7 * 86_400.0
_LONGEST = 2000  # letters of a query: a longer one is not common
_MANY = 256  # are noted before they are written down

Query = dict[str, Any]


class Popular:
    """Counts queries.

    Counts of several processes that write at the same moment may be lost: they need not be exact.

    Parameters
    ----------
    cache : Cache
        Where they are written down; without one they are kept in memory.
    library_id : str
        Whose queries they are.
    """

    def __init__(self, cache: Cache, library_id: str) -> None:
        self._cache = cache
        self._key = Cache.key("common queries", library_id)
        self._lock = threading.Lock()
        self._new: dict[str, float] = {}
        self._known: dict[str, float] = {}
        self._at = time.time()

    def note(self, query: Query) -> None:
        """Count a query, of JSON-ready values."""
        text = json.dumps(query, sort_keys=True)
        if len(text) > _LONGEST:
            return
        with self._lock:
            self._new[text] = self._new.get(text, 0.0) + 1.0
            many = len(self._new) >= _MANY
        if many:
            self.write()

    def common(self, n: int) -> list[Query]:
        """Give the n queries that were asked most, and of late, the most common first."""
        self.write()
        with self._lock:
            ranked = sorted(self._known, key=lambda text: (-self._known[text], text))
        return [json.loads(text) for text in ranked[:n]]

    def write(self) -> None:
        """Write down what was counted since the last time."""
        with self._lock:
            now = time.time()
            counts = self._written(now)
            for text, count in self._new.items():
                counts[text] = counts.get(text, 0.0) + count
            most = sorted(counts, key=lambda text: -counts[text])[:MOST]
            self._known, self._at = {text: counts[text] for text in most}, now
            if self._new:
                self._cache.put(self._key, json.dumps({"at": now, "counts": self._known}).encode())
                self._new = {}

    def _written(self, now: float) -> dict[str, float]:
        """Give the counts as they are worth now: those of all processes, or what this one remembers."""
        at, counts = self._at, self._known
        stored = self._cache.get(self._key)
        if stored is not None:
            read = json.loads(stored)
            at, counts = read["at"], read["counts"]
        fade = 0.5 ** (max(0.0, now - at) / HALF_LIFE_S)
        return {text: fade * count for text, count in counts.items()}
