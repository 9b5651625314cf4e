"""Ends a worker process that is stuck in a decoder beyond every deadline.

A call into C cannot be interrupted from Python, and one that keeps the interpreter's lock even keeps
other threads from running. `faulthandler` has a timer of its own that needs neither: when it fires,
the process ends at once, another is started, and the driver tries the file again alone.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_deadlines: dict[int, float] = {}
_nowhere = open(os.devnull, "w")  # noqa: SIM115 - the timer needs it open for as long as the process lives
_may_end = False


def may_end_process() -> None:
    """Say that this process is a worker, which is replaced when it ends."""
    global _may_end
    _may_end = True


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """End this process if the block takes longer, where the process is a worker that can be spared.

    That is one of ours, or one below a nanny of Dask. In a process that nobody restarts, nothing is armed.
    """
    if not _may_end and multiprocessing.parent_process() is None:
        yield
        return
    thread = threading.get_ident()
    with _lock:
        _deadlines[thread] = time.monotonic() + seconds
        _arm()
    try:
        yield
    finally:
        with _lock:
            del _deadlines[thread]
            _arm()


def _arm() -> None:
    """Set the one timer of the process to the earliest deadline of its threads."""
    faulthandler.cancel_dump_traceback_later()
    if _deadlines:
        left = max(min(_deadlines.values()) - time.monotonic(), 0.001)
        faulthandler.dump_traceback_later(left, exit=True, file=_nowhere)
