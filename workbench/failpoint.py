"""Named places where a test may kill the process, to prove that nothing is lost there.

``WORKBENCH_FAILPOINT=part-written:2`` makes the process end as ``kill -9`` would the second time
that it passes ``part-written``. With ``part-written:2:/tmp/struck`` only the first process to come
so far dies: it makes that file, and none dies while the file is there. Otherwise the worker that
takes a dead one's place would die as well. Without the variable a call costs one dictionary look-up.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

_passed: Counter[str] = Counter()

#: Every name that is passed to `failpoint`, in the order in which a batch meets them.
NAMES = (
    "job-created",
    "job-planned",
    "batch-leased",
    "file-probed",
    "file-extracted",
    "part-written",
    "part-flushed",
    "commit-begun",
    "commit-written",
    "committed",
    "compaction-written",
    "compaction-committed",
)


def failpoint(name: str) -> None:
    """End this process at once if the environment asks for it here."""
    wanted = os.environ.get("WORKBENCH_FAILPOINT")
    if wanted is None:
        return
    place, count, mark = (*wanted.split(":", 2), "", "")[:3]
    if place != name:
        return
    _passed[name] += 1
    if _passed[name] == int(count or 1) and (not mark or _is_first(mark)):
        os.kill(os.getpid(), signal.SIGKILL)


def _is_first(mark: str) -> bool:
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True
