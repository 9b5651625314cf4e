"""Removes what no commit refers to: parts of attempts that were lost, and parts that were merged away.

A part that is not in the catalog may still be on its way there, so the parts of jobs that somebody
works on are left alone. The disk is listed before the catalog is asked: a part committed in between
is found there.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import sqlalchemy as sa

from workbench.schema import JobState
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import Job, Part
from workbench.store.job_entry import owner_is_dead

_PART_OF_JOB = re.compile(r"job(\d+)-")


@dataclass(frozen=True, slots=True)
class Collection:
    """What `collect` removed, and what it left because somebody works on it."""

    removed: tuple[str, ...]
    bytes_freed: int
    in_progress: tuple[str, ...]


@lasting
def collect(catalog: Catalog, parts: PartStore, *, unused_for_s: float = 0.0) -> Collection:
    """Remove every part folder that no commit refers to and no living job is writing.

    Parameters
    ----------
    catalog, parts : Catalog, PartStore
        The library.
    unused_for_s : float
        Only what has been unused for so long, seconds: somebody may still read a part that was merged away.
    """
    on_disk = parts.listed()
    with catalog.read() as connection:
        committed = set(connection.execute(sa.select(Part.id)).scalars())
        jobs = connection.execute(
            sa.select(Job.id, Job.owner, Job.lease_until).where(Job.state.in_([JobState.PLANNING, JobState.RUNNING]))
        ).all()
    alive = {job.id for job in jobs if job.lease_until > time.time() and not owner_is_dead(job.owner)}
    orphans = sorted(on_disk - committed)
    kept = [part for part in orphans if (match := _PART_OF_JOB.match(part)) and int(match[1]) in alive]
    removed = [part for part in orphans if part not in set(kept) and parts.unused_for_s(part) >= unused_for_s]
    freed = sum(parts.remove(part) for part in removed)
    return Collection(tuple(removed), freed, tuple(kept))
