"""A worker process of this machine: takes calls on its standard input, answers on its standard output.

* It imports what a call needs and nothing of Dask, which stays with the driver (`workbench.jobs.processes`):
  so it is there in half the time and takes 60 MB less.
* A message is ``(kind, value)``: any number of ``event``, then ``result`` or ``error``. The first of all is ``ready``.
* Decoders write notes about damaged files straight to the standard error of their process (mpg123 does so for
  every lost frame): on a terminal that would tear the progress bar, and nobody could tell which file is meant. What
  matters reaches the driver as the outcome of the file.
* When the driver is gone, so is its end of the standard input, and this process ends at once, whatever it is at.
"""

from __future__ import annotations

import functools
import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

from workbench.jobs.report import listen, report

#: Of its share of the machine's memory, what a worker may take; beyond, an allocation fails, and its file with it.
_MEMORY = 0.95
#: Below all that people wait for: the server that has started the job, and whatever else the machine does.
_NICE = 10
_SECONDS, _RATE = 3, 22050


def main(workers: int, idle: bool) -> None:
    """Work until the driver closes the connection; started by `workbench.jobs.processes`.

    Parameters
    ----------
    workers : int
        How many share the machine.
    idle : bool
        Whether to work only when a processor has nothing else to do.
    """
    from workbench.compiled import watch_compilation
    from workbench.jobs import watchdog

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver, which ends this process
    calls, answers = _take_streams()
    _limit_memory(workers)
    _step_back(idle)
    watchdog.may_end_process()
    listen(functools.partial(_send, answers, "event"))
    waiting: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = queue.SimpleQueue()
    with watch_compilation(lambda name: report("", {"compiling": name})):
        _get_ready()
    _silence()
    _send(answers, "ready", None)
    threading.Thread(target=_receive, args=(calls, waiting), daemon=True).start()
    while True:
        function, arguments = waiting.get()
        try:
            outcome = "result", function(*arguments)
        except Exception as error:  # it is the driver's to judge
            outcome = "error", error
        _send(answers, *outcome)


def _step_back(idle: bool) -> None:
    """Let others go first.

    A process that is only nice keeps its processor to the end of its time slice, and a server that hands Python's lock
    from thread to thread wakes up hundreds of times for one answer. One that is idle by class gives way at once.
    """
    if idle and hasattr(os, "SCHED_IDLE"):  # on Linux
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    elif hasattr(os, "nice"):  # not on Windows
        os.nice(_NICE)


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep the connection for messages alone, so that a stray print harms none."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return calls, answers


def _silence() -> None:
    """Send the standard error nowhere, where until now it could say why this process cannot start."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _limit_memory(workers: int) -> None:
    if sys.platform != "linux":
        return  # no other system counts what a process has written to
    import resource

    share = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / workers
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = int(_MEMORY * share)
    resource.setrlimit(resource.RLIMIT_DATA, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _get_ready() -> None:
    """Load what the analysis of 16-bit stereo runs, while the driver is still busy with starting Dask."""
    # imported by the tasks where a file needs them: tags, decoding, compression
    import mutagen.flac
    import mutagen.id3  # noqa: F401
    import numcodecs.zstd  # type: ignore[import-untyped]  # noqa: F401
    import numpy as np
    import soundfile  # noqa: F401

    from workbench.features.extract import extract
    from workbench.features.registry import specs
    from workbench.jobs import graph  # noqa: F401  # the tasks

    noise = np.random.default_rng(0).integers(-3000, 3000, (_SECONDS * _RATE, 2)).astype(np.int16)
    extract([noise], _RATE, paths=[spec.path for spec in specs()])


def _receive(calls: BinaryIO, waiting: queue.SimpleQueue[Any]) -> None:
    while True:
        try:
            waiting.put(pickle.load(calls))  # from the driver, which started this process
        except (EOFError, OSError, pickle.UnpicklingError):
            os._exit(0)


def _send(answers: BinaryIO, kind: str, value: Any) -> None:
    try:
        message = pickle.dumps((kind, value))
    except Exception as error:  # an exception of a library that cannot be pickled
        message = pickle.dumps(("error", RuntimeError(f"{type(value).__name__}: {value} ({error})")))
    answers.write(message)
    answers.flush()
