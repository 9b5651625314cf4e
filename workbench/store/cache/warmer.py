"""Answers common queries beforehand when the library has changed and nothing else is to be done."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from workbench.errors import WorkbenchError
from workbench.store.cache.popular import Query

_LOGGER = logging.getLogger("workbench.cache")
_LOOK_S = 5.0


class Warmer:
    """Warms a cache, once for each state of the library.

    Parameters
    ----------
    state : callable
        Names what answers depend on; what is warmed for one state is of no use for another.
    common : callable
        Gives the queries to answer, the most common first.
    answer : callable
        Answers one, so that the answer is kept.
    idle : callable
        Whether nothing else is to be done. As soon as it says no, the round ends, and begins again later.
    most_s : float
        How long one round may take, seconds.

    Examples
    --------
    >>> said = []
    >>> warmer = Warmer(lambda: "now", lambda: [{"n": 1}, {"n": 2}], said.append, idle=lambda: True, most_s=60)
    >>> warmer.warm()["ended"], said
    ('done', [{'n': 1}, {'n': 2}])
    """

    def __init__(
        self,
        state: Callable[[], str],
        common: Callable[[], Sequence[Query]],
        answer: Callable[[Query], object],
        *,
        idle: Callable[[], bool],
        most_s: float,
    ) -> None:
        self._state, self._common, self._answer, self._idle = state, common, answer, idle
        self._most_s = most_s
        self._warmed: str | None = None
        self._stop, self._cancelled = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._status: dict[str, Any] = {
            "state": "waiting", "of": 0, "answered": 0, "failed": 0, "took_s": 0.0, "ended": None, "at": None,
        }  # fmt: skip

    def start(self) -> None:
        """Look every few seconds, in a thread, whether there is something to warm."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="workbench-warmer", daemon=True)
            self._thread.start()

    def cancel(self) -> None:
        """End the round; the next begins when the library has changed again."""
        self._cancelled.set()

    def close(self) -> None:
        """End the round and the thread, and wait for it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def status(self) -> dict[str, Any]:
        """Say what is being done, and what came of the last round.

        Returns
        -------
        dict
            ``state`` (``waiting`` or ``warming``), ``of`` (queries of the round), ``answered``, ``failed``, ``took_s``,
            ``at`` (seconds since 1970, when it began) and ``ended``: ``done``, ``time`` (it was up), ``busy``,
            ``changed`` (the library, in the meantime), ``cancelled``, ``closed``, or None while it goes on.
        """
        return dict(self._status)

    def warm(self) -> dict[str, Any]:
        """Do one round now, and give its status."""
        state, queries = self._state(), list(self._common())
        self._cancelled.clear()
        began = time.monotonic()
        self._status = {
            "state": "warming", "of": len(queries), "answered": 0, "failed": 0, "took_s": 0.0, "ended": None,
            "at": time.time(),
        }  # fmt: skip
        ended = None
        for query in queries:
            ended = self._reason_to_end(state, began)
            if ended is not None:
                break
            try:
                self._answer(query)
                self._status["answered"] += 1
            except WorkbenchError as error:  # such as a track that is no more
                self._status["failed"] += 1
                _LOGGER.info("a common query has no answer any more: %s", error)
        if ended not in ("busy", "changed", "closed"):
            self._warmed = state
        took_s = round(time.monotonic() - began, 3)
        self._status |= {"state": "waiting", "took_s": took_s, "ended": ended or "done"}
        return self.status()

    def _reason_to_end(self, state: str, began: float) -> str | None:
        if self._stop.is_set():
            return "closed"
        if self._cancelled.is_set():
            return "cancelled"
        if time.monotonic() - began > self._most_s:
            return "time"
        if self._state() != state:
            return "changed"
        return None if self._idle() else "busy"

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            try:
                if self._state() != self._warmed and self._idle():
                    self.warm()
            except WorkbenchError as error:  # such as a catalog that is away: it may be back next time
                _LOGGER.info("nothing was warmed: %s", error)
