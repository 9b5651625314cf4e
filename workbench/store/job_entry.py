"""What a job is: what is asked, who holds it and how far it is; see `workbench.store.ledger`."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from dataclasses import asdict, dataclass
from typing import Any

from workbench.errors import Outcome
from workbench.schema import DescriptorSet, JobState

#: Who has submitted what a command or a notebook runs itself.
LOCAL = "local"

#: States in which a driver works on a job, or did until it died.
AT_WORK = (JobState.PLANNING, JobState.RUNNING)

UNFINISHED = (JobState.QUEUED, *AT_WORK)


@dataclass(frozen=True, slots=True)
class Request:
    """What a job was asked to do: enough to plan it again.

    Attributes
    ----------
    paths : absolute paths of files and folders
    frames : descriptors whose frames are stored too
    retry_failed : also try files again that failed for a lasting reason
    descriptors : the set whose summaries and segments are stored, ``fast`` or ``full``
    within : folders that no link may lead out of; none means that any may
    """

    paths: tuple[str, ...]
    frames: tuple[str, ...] = ()
    retry_failed: bool = False
    descriptors: DescriptorSet = "fast"
    within: tuple[str, ...] = ()

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Request:
        """Read a request as `asdict` wrote it, also one from before there were sets, or bounds."""
        return cls(
            tuple(stored["paths"]),
            tuple(stored["frames"]),
            stored["retry_failed"],
            stored.get("descriptors", "fast"),
            tuple(stored.get("within", ())),
        )

    @property
    def key(self) -> str:
        """Equal requests have equal keys."""
        return hashlib.blake2b(json.dumps(asdict(self)).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class JobLease:
    """A driver's right to work on a job, valid while the fence stands."""

    job_id: int
    fence: int
    lease_s: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that anybody may take up, as long as its fence stands."""

    job_id: int
    fence: int
    submitted_by: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How far a job is: outcomes counted in the catalog, cost in the plan's units."""

    total: int
    analyzed: int
    unchanged: int
    duplicate: int
    failed: int
    cost_total: float
    cost_done: float

    @property
    def done(self) -> int:
        """Files with an outcome."""
        return self.analyzed + self.unchanged + self.duplicate + self.failed

    @property
    def percentage(self) -> float:
        """0 to 100, by cost."""
        if self.done == self.total or not self.cost_total:
            return 100.0  # exactly, whatever the order in which costs were added
        return min(100.0, 100.0 * self.cost_done / self.cost_total)

    def summary(self) -> dict[str, Any]:
        """Make what stays in the row of a job that nobody works on."""
        numbers = {name: getattr(self, name) for name in ("total", "done", *map(str, Outcome))}
        return {**numbers, "percentage": self.percentage}


def this_process() -> dict[str, Any]:
    """Name this process so that another one on the same host can tell whether it still lives."""
    import psutil

    return {"host": socket.gethostname(), "pid": os.getpid(), "started": psutil.Process().create_time()}


def owner_is_dead(owner: dict[str, Any]) -> bool:
    """Tell whether the owner certainly lives no more; one on another host cannot be looked at."""
    import psutil

    if owner["host"] != socket.gethostname():
        return False
    try:
        process = psutil.Process(owner["pid"])
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return bool(abs(process.create_time() - owner["started"]) > 1.0)
    except psutil.NoSuchProcess:
        return True
