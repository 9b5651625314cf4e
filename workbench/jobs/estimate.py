"""What analyzing some files and folders would take, before anything is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from workbench.audio.scan import scan
from workbench.jobs.plan import estimate_cost
from workbench.store.catalog import Catalog
from workbench.store.catalog.queries import known_files, measured_speed

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an analysis would find and take.

    Attributes
    ----------
    files : audio files that are there
    new : those that are not in the library, or have changed since
    seconds : how long these will take at the speed of the last job; None if there was none to measure
    """

    files: int
    new: int
    seconds: float | None


def estimate(catalog: Catalog, paths: Sequence[str], within: Sequence[str] = ()) -> Estimate:
    """Look through folders as an analysis would; parameters are those of `workbench.audio.scan.scan`."""
    count = new = 0
    cost = 0.0
    files = scan(paths, within=within)
    while some := list(islice(files, _AT_ONCE)):
        known = known_files(catalog, [file.path for file in some])
        count += len(some)
        for file in some:
            before = known.get(file.path)
            if before is None or (before.size, before.mtime_ns) != (file.size, file.mtime_ns):
                new += 1
                cost += estimate_cost(file.path, file.size)
    speed = measured_speed(catalog)
    return Estimate(count, new, 0.0 if not new else None if speed is None else cost / speed)
