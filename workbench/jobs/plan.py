"""From paths to batches: what has to be done, and in pieces of about equal cost.

A file that the catalog has seen with the same size and time of change needs no look inside: its
outcome is known at once. All others are cut into batches by an estimate of the work, which needs
only the name and size of a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from workbench.audio.scan import ScannedFile, scan
from workbench.errors import Outcome, Reason
from workbench.schema import ArraySpec
from workbench.store.batches import PlannedFile
from workbench.store.catalog.queries import KnownFile, known_files

if TYPE_CHECKING:
    from workbench.store.catalog import Catalog
    from workbench.store.job_entry import JobLease, Request
    from workbench.store.ledger import Ledger

_AT_ONCE = 1000

#: Per extension: usual bytes per second of audio, and work per second relative to uncompressed audio.
_CODECS: dict[str, tuple[float, float]] = {
    ".wav": (176_400, 1.0),
    ".aif": (176_400, 1.0),
    ".aiff": (176_400, 1.0),
    ".flac": (100_000, 1.5),
    ".mp3": (24_000, 1.5),
    ".ogg": (20_000, 1.9),
    ".opus": (16_000, 1.9),
    ".m4a": (24_000, 1.6),
    ".aac": (20_000, 1.6),
    ".wma": (20_000, 1.6),
}
_OTHER_CODEC = (100_000, 1.5)

#: What every file costs, however short: opening, hashing, tags. In seconds of uncompressed audio.
_COST_OF_A_FILE = 2.0
#: A batch is some seconds of work: long enough that its overhead is small, short enough to lose little. A batch
#: takes this share of what is left, so that the smallest, which come last, end at about the same time.
_SMALLEST_BATCH, _LARGEST_BATCH, _SHARE = 300.0, 6000.0, 1 / 12
_MOST_FILES = 1024
_GOLDEN = (5**0.5 - 1) / 2
#: Turn and cost of what is left over when there is a batch for each turn.
_SPARE = (1 << 30, _SMALLEST_BATCH)


def estimate_cost(path: str, size: int) -> float:
    """Estimate the work that a file takes, in seconds of uncompressed audio.

    >>> estimate_cost("a.wav", 176_400)
    3.0
    """
    bytes_per_second, work = _CODECS.get(os.path.splitext(path)[1].lower(), _OTHER_CODEC)
    return _COST_OF_A_FILE + size / bytes_per_second * work


def plan_job(
    catalog: Catalog, ledger: Ledger, job: JobLease, request: Request, wanted: Sequence[ArraySpec]
) -> Iterator[int]:
    """Scan, look up and cut; gives the number of files found so far, again and again, for a progress line.

    Raises
    ------
    InputError
        When a path does not exist.
    """
    keys = {spec.key for spec in wanted}
    found = 0
    files = scan(request.paths, within=request.within)
    while some := list(islice(files, _AT_ONCE)):
        known = known_files(catalog, [file.path for file in some])
        planned = [_planned(file, known.get(file.path), keys, retry_failed=request.retry_failed) for file in some]
        ledger.add_files(job, found, planned)
        found += len(some)
        yield found
    ledger.add_batches(job, cut_batches(ledger.to_do(job.job_id)))


def cut_batches(to_do: Iterable[tuple[int, float]]) -> list[tuple[int, int, float]]:
    """Cut files, given as (ordinal, cost) in order, into runs, in the order in which they are to be begun.

    The costs fall, so that all workers end together. The first runs lie all over the list, so that also where it is
    sorted by kind the speed is soon known. How files are cut depends on them alone, never on the number of workers.

    References
    ----------
    C. Polychronopoulos, D. Kuck, "Guided self-scheduling", IEEE Transactions on Computers C-36 (12), 1987.

    Examples
    --------
    >>> cut_batches([(0, 200.0), (1, 100.0), (2, 250.0), (5, 60.0)])
    [(0, 1, 300.0), (2, 5, 310.0)]
    >>> [(first, last) for first, last, _ in cut_batches([(i, 500.0) for i in range(13)])]
    [(0, 1), (6, 6), (10, 10), (3, 3), (8, 8), (12, 12), (5, 5), (9, 9), (2, 2), (7, 7), (11, 11), (4, 4)]
    """
    files = list(to_do)
    targets = iter(_targets(sum(cost for _, cost in files)))
    batches: list[tuple[int, tuple[int, int, float]]] = []
    first, count, cost = -1, 0, 0.0
    turn, target = next(targets, _SPARE)
    for ordinal, of_file in files:
        if count == 0:
            first = ordinal
        count += 1
        cost += of_file
        if cost >= target or count == _MOST_FILES:
            batches.append((turn, (first, ordinal, cost)))
            turn, target = next(targets, _SPARE) if cost >= target else (turn, target - cost)
            count, cost = 0, 0.0
    if count:
        batches.append((turn, (first, files[-1][0], cost)))
    return [batch for _, batch in sorted(batches)]


def _targets(left: float) -> list[tuple[int, float]]:
    """Give the turns and the costs that batches are to have, as they lie side by side in the list.

    Turn n lies where the fraction of n times the golden ratio is among all others: however many turns have been, they
    are spread evenly over the list (D. Knuth, "The Art of Computer Programming" 3, section 6.4, theorem S).
    """
    falling: list[float] = []
    while left > 0:
        falling.append(min(max(left * _SHARE, _SMALLEST_BATCH), _LARGEST_BATCH))
        left -= falling[-1]
    return [(n, falling[n]) for n in sorted(range(len(falling)), key=lambda n: n * _GOLDEN % 1)]


def _planned(file: ScannedFile, known: KnownFile | None, keys: set[str], *, retry_failed: bool) -> PlannedFile:
    planned = PlannedFile(file.path, file.size, file.mtime_ns, estimate_cost(file.path, file.size))
    if file.reason is not None:
        return replace(planned, outcome=Outcome.FAILED, reason=file.reason, detail=file.detail)
    if known is None or (known.size, known.mtime_ns) != (file.size, file.mtime_ns):
        return planned
    if known.reason is not None:
        reason = Reason(known.reason)
        if retry_failed or reason.transient:
            return planned
        return replace(planned, outcome=Outcome.FAILED, reason=reason, detail=known.detail, content_id=known.content_id)
    if keys <= known.keys:
        return replace(planned, outcome=Outcome.UNCHANGED, content_id=known.content_id)
    return planned
