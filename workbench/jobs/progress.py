"""How far a job is, and how long it still takes.

The files done are a count of committed outcomes. Between two commits the percentage also takes in
the files that workers have reported: such reports may be lost, so nothing but the display uses them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from workbench.schema import JobState
from workbench.store.job_entry import Counts


@dataclass(frozen=True, slots=True)
class Progress:
    """A job at one moment.

    Attributes
    ----------
    job_id, state : which job, and where it stands
    total, done : files; done means with a committed outcome
    analyzed, unchanged, duplicate, failed : files by outcome
    percentage : 0 to 100, by estimated work
    current_file : a file that a worker is at, if one has been reported
    rate : files per second since the work began; None before it is known
    eta_s : seconds that the rest will take; None before it is known
    elapsed_s : seconds since this driver began
    compiling : whether a worker is compiling the analysis for its processor, as it does in a first run
    """

    job_id: int
    state: JobState
    total: int
    done: int
    analyzed: int
    unchanged: int
    duplicate: int
    failed: int
    percentage: float
    current_file: str | None
    rate: float | None
    eta_s: float | None
    elapsed_s: float
    compiling: bool = False

    def snapshot(self) -> dict[str, Any]:
        """Make what the job's row holds for those who look from elsewhere."""
        seen = asdict(self)
        for name in ("job_id", "state", "elapsed_s"):
            del seen[name]
        return seen


class Meter:
    """Makes `Progress` from counts, and from what workers report of files in hand.

    The time that remains is the work that remains at the speed measured since the first file began, or since workers
    had compiled the analysis, which takes long and does not come again.

    Parameters
    ----------
    job_id : int
    counts : Counts
        What was done before.
    clock : callable
        Gives the time, seconds.
    """

    def __init__(self, job_id: int, counts: Counts, clock: Callable[[], float] = time.monotonic) -> None:
        self._job_id = job_id
        self._clock = clock
        self._began = clock()
        self._first_file: float | None = None
        self._cost_before, self._files_before = counts.cost_done, counts.done
        self._in_hand: dict[int, dict[str, float]] = {}
        self._current: str | None = None
        self._compiling = self._compiled = False

    def compiling(self) -> None:
        """Note a worker's report that it compiles; until it has finished a file."""
        self._compiling = True

    def file_begun(self, path: str) -> None:
        """Note a worker's report that it has begun a file."""
        self._first_file = self._first_file or self._clock()
        self._current = path

    def file_done(self, batch_id: int, path: str, cost: float) -> None:
        """Note a worker's report that it has finished a file, which is not committed yet."""
        self._in_hand.setdefault(batch_id, {})[path] = cost
        self._compiled |= self._compiling
        self._compiling = False

    def batch_settled(self, batch_id: int) -> None:
        """Forget the reports on a batch: it is committed, or lost."""
        self._in_hand.pop(batch_id, None)

    def read(self, counts: Counts, state: JobState) -> Progress:
        """Say how far the job is."""
        now = self._clock()
        in_hand = [cost for files in list(self._in_hand.values()) for cost in list(files.values())]
        cost_done = min(counts.cost_done + sum(in_hand), counts.cost_total)
        files_done = counts.done + len(in_hand)
        if self._compiled:
            self._compiled = False
            self._first_file, self._cost_before, self._files_before = now, cost_done, files_done
        worked = None if self._first_file is None else max(now - self._first_file, 1e-6)
        new_cost, new_files = cost_done - self._cost_before, files_done - self._files_before
        left = counts.cost_total - cost_done
        return Progress(
            job_id=self._job_id,
            state=state,
            total=counts.total,
            done=counts.done,
            analyzed=counts.analyzed,
            unchanged=counts.unchanged,
            duplicate=counts.duplicate,
            failed=counts.failed,
            percentage=100.0 * (cost_done / counts.cost_total) if counts.cost_total else 100.0,
            current_file=self._current,
            rate=new_files / worked if worked and new_files else None,
            eta_s=left / new_cost * worked if worked and new_cost > 0 else None,
            elapsed_s=now - self._began,
            compiling=self._compiling and not state.finished,
        )
