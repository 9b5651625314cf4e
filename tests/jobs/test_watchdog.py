"""A worker process that is stuck is ended, whatever it is stuck in; one that is not, is left alone."""

from __future__ import annotations

import ctypes
import faulthandler
import multiprocessing
import threading
import time
from collections.abc import Callable

import pytest

from workbench.jobs.watchdog import deadline

_STUCK_S = 60.0


def exit_code(target: Callable[[], None]) -> int | None:
    """Run a function in a process of its own, as a nanny runs a worker."""
    process = multiprocessing.get_context("spawn").Process(target=target)
    process.start()
    process.join(_STUCK_S / 2)
    if process.is_alive():
        process.kill()
        pytest.fail("the watchdog did not end a stuck process")
    return process.exitcode


def stuck_in_sleep() -> None:
    with deadline(0.2):
        time.sleep(_STUCK_S)


def stuck_with_the_interpreter_locked() -> None:
    libc = ctypes.PyDLL(None)  # unlike CDLL, keeps the lock while C runs
    with deadline(0.2):
        libc.sleep(int(_STUCK_S))


def stuck_in_one_of_two_threads() -> None:
    def in_time() -> None:
        with deadline(0.1):
            pass

    def stuck() -> None:
        with deadline(0.5):
            time.sleep(_STUCK_S)

    threads = [threading.Thread(target=target) for target in (stuck, in_time)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def stuck_after_a_deadline_that_was_kept() -> None:
    with deadline(30.0):
        pass
    with deadline(0.2):
        time.sleep(_STUCK_S)


def in_time() -> None:
    for _ in range(3):
        with deadline(0.3):
            pass
    time.sleep(0.6)  # no deadline is left behind


def in_time_despite_an_error() -> None:
    try:
        with deadline(0.2):
            raise ValueError
    except ValueError:
        time.sleep(0.5)


@pytest.mark.parametrize(
    "target",
    [
        stuck_in_sleep,
        stuck_with_the_interpreter_locked,
        stuck_in_one_of_two_threads,
        stuck_after_a_deadline_that_was_kept,
    ],
)
def test_a_stuck_process_is_ended(target: Callable[[], None]) -> None:
    assert exit_code(target) == 1


@pytest.mark.parametrize("target", [in_time, in_time_despite_an_error])
def test_a_process_that_is_in_time_goes_on(target: Callable[[], None]) -> None:
    assert exit_code(target) == 0


def test_a_process_that_nobody_would_restart_is_never_ended() -> None:
    assert multiprocessing.parent_process() is None
    with deadline(0.05):
        time.sleep(0.2)
    faulthandler.cancel_dump_traceback_later()
