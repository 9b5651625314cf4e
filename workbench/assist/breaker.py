"""A breaker for a provider that fails: after some failures it is not asked for a while, then once, to see."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal

#: Failures in a row that open it, and for how long: twice as long each time, up to the longest, seconds.
FAILURES, FIRST_S, LONGEST_S = 3, 30.0, 600.0

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Closed: all pass. Open: none does. Half open: one does, and decides.

    Parameters
    ----------
    clock : callable
        Seconds that only go up.

    Examples
    --------
    >>> now = [0.0]
    >>> breaker = Breaker(clock=lambda: now[0])
    >>> for _ in range(FAILURES):
    ...     breaker.failed()
    >>> breaker.state, breaker.admits()
    ('open', False)
    >>> now[0] = FIRST_S
    >>> breaker.state, breaker.admits(), breaker.admits()
    ('half-open', True, False)
    >>> breaker.succeeded()
    >>> breaker.state, breaker.admits()
    ('closed', True)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_s = 0.0
        self._until: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """How it stands."""
        with self._lock:
            return self._state()

    def admits(self) -> bool:
        """Whether a request may go; of a half-open one, the first alone until it is told how that went."""
        with self._lock:
            state = self._state()
            if state == "half-open":
                admitted, self._probing = not self._probing, True
                return admitted
            return state == "closed"

    def succeeded(self) -> None:
        """Close it."""
        with self._lock:
            self._failures, self._open_s, self._until, self._probing = 0, 0.0, None, False

    def failed(self, wait_s: float = 0.0) -> None:
        """Count a failure; `wait_s` is for how long the provider asked not to be asked."""
        with self._lock:
            probed = self._until is not None
            self._failures += 1
            if probed or self._failures >= FAILURES or wait_s > 0:
                if probed or self._failures >= FAILURES:
                    self._open_s = min(max(2 * self._open_s, FIRST_S), LONGEST_S)
                self._until = self._clock() + max(self._open_s, min(wait_s, LONGEST_S))
            self._probing = False

    def released(self) -> None:
        """Take a probe back that was neither answered nor refused."""
        with self._lock:
            self._probing = False

    def _state(self) -> State:
        if self._until is None:
            return "closed"
        return "open" if self._clock() < self._until else "half-open"
