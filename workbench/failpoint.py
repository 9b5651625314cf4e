"""Named places where a test may kill the process, to prove that nothing is lost there.

``WORKBENCH_FAILPOINT=part-written:2`` makes the process end as ``kill -9`` would the second time
that it passes ``part-written``. Without that variable a call costs one dictionary look-up.
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
    place, _, count = wanted.partition(":")
    if place != name:
        return
    _passed[name] += 1
    if _passed[name] == int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
