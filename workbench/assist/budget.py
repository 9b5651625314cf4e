"""What models may use in a day: counted in a file of the library, which all its processes share."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Used:
    """What was used on a day.

    Attributes
    ----------
    day : in UTC, such as ``2026-01-31``
    requests, tokens : how many
    cost : US dollars, of models whose price is known
    """

    day: str
    requests: int = 0
    tokens: int = 0
    cost: float = 0.0


class Budget:
    """Counts, and says when it is enough.

    Parameters
    ----------
    path : Path
        The file.
    tokens, cost : int, float
        What may be used in a day; the request with which either is reached is the last.
    today : callable
        The day in UTC.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     budget = Budget(Path(folder) / "used.json", tokens=100, cost=1.0, today=lambda: "2026-01-31")
    ...     budget.add(tokens=60), budget.left, budget.add(tokens=60), budget.left
    (None, True, None, False)
    """

    def __init__(self, path: Path, tokens: int, cost: float, today: Callable[[], str] | None = None) -> None:
        self.path, self.tokens, self.cost = path, tokens, cost
        self._today = today or (lambda: datetime.datetime.now(datetime.UTC).date().isoformat())

    @property
    def left(self) -> bool:
        """Whether anything is left for today."""
        used = self.used
        return used.tokens < self.tokens and used.cost < self.cost

    @property
    def used(self) -> Used:
        """What was used today."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            found = Used(**json.loads(self.path.read_text(encoding="utf-8")))
            if found.day == self._today():
                return found
        return Used(self._today())

    def add(self, *, tokens: int = 0, cost: float = 0.0, requests: int = 0) -> None:
        """Count what was used.

        Raises
        ------
        OSError
            When it cannot be written down.
        """
        with self._alone():
            used = self.used
            now = Used(used.day, used.requests + requests, used.tokens + tokens, round(used.cost + cost, 6))
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(asdict(now)), encoding="utf-8")
            new.replace(self.path)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
