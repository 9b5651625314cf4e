"""Texts that models have read, so that one that asks for nearly the same may get the same request.

Two texts are compared only where the offline parser reads the same request in both. Their distance is the part of what
they ask for that is not in both: the fields of the request, and the words that the parser has not understood.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace

from workbench.assist.names import words_of
from workbench.assist.reading import Reading

#: So many are remembered; the oldest go first.
MOST = 1000


class NearTexts:
    """Remembers readings of models.

    Parameters
    ----------
    within : float
        Greatest distance at which two texts ask for nearly the same; 0: none do.
    """

    def __init__(self, within: float) -> None:
        self.within = within
        self._lock = threading.Lock()
        self._kept: deque[tuple[str, Reading, frozenset[str], Reading]] = deque(maxlen=MOST)

    def find(self, group: str, offline: Reading) -> Reading | None:
        """Give what a model made of the nearest text of a group, None where none is near."""
        if not self.within:
            return None
        words = _asked(offline)
        with self._lock:
            distances = [
                (1 - len(words & others) / (len(words | others) or 1), -age, reading)
                for age, (kept, like, others, reading) in enumerate(self._kept)
                if kept == group and (like.kind, like.request) == (offline.kind, offline.request)
            ]
        if not distances:
            return None
        distance, _, reading = min(distances, key=lambda one: one[:2])
        return replace(reading, near=round(distance, 4)) if distance <= self.within else None

    def add(self, group: str, offline: Reading, reading: Reading) -> None:
        """Remember what a model made of a text; `group` names all else that it depends on."""
        if self.within:
            with self._lock:
                self._kept.append((group, offline, _asked(offline), reading))


def _asked(offline: Reading) -> frozenset[str]:
    words = [word for piece in offline.unknown for word in words_of(piece)]
    return frozenset([*words, *(f"{name}=" for name in offline.request)])
