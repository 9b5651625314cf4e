"""How the jobs of one process share its cluster: their batches interleave, in equal shares.

Each driver keeps a window of batches on the cluster. The windows of all drivers together are as long
as that of a driver alone, so a job that begins waits for a batch or two, however large the others are.

Dask blames every task that a lost worker held, begun or not, so the attempt after which a file is given
up must have the cluster to itself: what is lost then is lost through that file.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable

#: Batches on the cluster per worker: one in work, one that waits.
_WINDOW = 2


class Turns:
    """Who may put a batch on a cluster, by drivers, each known by a key.

    Examples
    --------
    >>> turns = Turns()
    >>> turns.join("large job"), turns.join("small job")
    (None, None)
    >>> [turns.begin("large job", workers=2) for _ in range(3)]
    [True, True, False]
    >>> turns.begin_alone("small job"), turns.begin("large job", workers=2)
    (False, False)
    >>> turns.end("large job"), turns.end("large job")
    (None, None)
    >>> turns.begin_alone("small job"), turns.begin("large job", workers=2)
    (True, False)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: Counter[Hashable] = Counter()
        self._drivers: set[Hashable] = set()
        self._alone: Hashable | None = None

    def join(self, driver: Hashable) -> None:
        """Take part from now on."""
        with self._lock:
            self._drivers.add(driver)

    def leave(self, driver: Hashable) -> None:
        """Take part no more; what the driver has begun is off the cluster."""
        with self._lock:
            self._drivers.discard(driver)
            del self._begun[driver]
            if self._alone == driver:
                self._alone = None

    def begin(self, driver: Hashable, *, workers: int) -> bool:
        """Tell whether a driver may put one more batch on the cluster, and count it if so."""
        with self._lock:
            share = -(-_WINDOW * workers // max(len(self._drivers), 1))
            if self._alone is not None or self._begun[driver] >= share:
                return False
            self._begun[driver] += 1
            return True

    def begin_alone(self, driver: Hashable) -> bool:
        """Ask for the whole cluster, for one batch; until it is free, nobody else begins any."""
        with self._lock:
            if self._alone is None:
                self._alone = driver
            if self._alone != driver or self._begun.total():
                return False
            self._begun[driver] = 1
            return True

    def end(self, driver: Hashable) -> None:
        """Count a batch out that is off the cluster."""
        with self._lock:
            self._begun[driver] -= 1
            if self._alone == driver:
                self._alone = None
