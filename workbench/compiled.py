"""Compiled loops: one decorator, and the warm-up that compiles them once for a machine.

numba turns a function with this decorator into machine code when it is first called, and keeps the code
beside the module (or, if the package cannot be written to, in the user's cache), where every later
process finds it. Which functions these are shows nowhere else: their callers pass arrays.

How they are written: arrays have time along the last axis, and the innermost loop runs over frames. The
compiler then computes 8 or 16 frames with each instruction and never reorders a sum, so that the bits are
the same on every processor. Only the bounds of similarity search may differ in them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

import numba

if TYPE_CHECKING:
    from numba.core.event import Event

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile a function of numbers and arrays at its first call; the code is kept on disk."""
    return cast(Function, numba.njit(cache=True, error_model="numpy", nogil=True)(function))


def compiled_in_any_order(function: Function) -> Function:
    """Compile likewise, but let the compiler order sums, whose last bits are then those of the processor.

    For bounds alone, which allow for the rounding of a sum in any order and are never given as an answer.
    """
    order = {"reassoc", "contract", "nsz"}
    return cast(Function, numba.njit(cache=True, error_model="numpy", nogil=True, fastmath=order)(function))


@dataclass(slots=True)
class Compilation:
    """What a stretch of work compiled.

    Attributes
    ----------
    count : functions that were not found compiled
    seconds : time that compiling took, callees included once
    """

    count: int = 0
    seconds: float = 0.0


@contextmanager
def watch_compilation(on_compile: Callable[[str], None] | None = None) -> Iterator[Compilation]:
    """Count what is compiled inside the block.

    Parameters
    ----------
    on_compile : callable, optional
        Called with the name of each function as its compilation begins.

    Examples
    --------
    >>> with watch_compilation(print) as found:
    ...     pass
    >>> found.count
    0
    """
    from numba.core import event

    found = Compilation()
    depth = 0
    began = 0.0

    class Listener(event.Listener):
        def on_start(self, event: Event) -> None:
            nonlocal depth, began
            if not depth:
                began = time.perf_counter()
            depth += 1
            found.count += 1
            if on_compile is not None:
                on_compile(event.data["dispatcher"].py_func.__name__)

        def on_end(self, event: Event) -> None:
            nonlocal depth
            del event
            depth -= 1
            if not depth:
                found.seconds += time.perf_counter() - began

    with event.install_listener("numba:compile", Listener()):
        yield found
