"""Compiled loops: one decorator, and the warm-up that compiles them once for a machine.

numba turns a function with this decorator into machine code when it is first called, and keeps the code
beside the module (or, if the package cannot be written to, in the user's cache), where every later
process finds it. Which functions these are shows nowhere else: their callers pass arrays.

How they are written: arrays have time along the last axis, and the innermost loop runs over frames. The
compiler then computes 8 or 16 frames with each instruction and never reorders a sum, so that the bits are
the same on every processor. Only doubles of the loudness filter and the bounds of similarity search may differ in them.

Two things make a start quick:

* numba itself is imported at the first call, so that a process that only looks things up has none of it.
* Code that was kept is loaded without the compiler's knowledge of Python and numpy (its registries: 250
  modules, scipy's linear algebra among them, 0.5 s and 50 MB), which only compiling needs.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from numba.core.event import Event

Function = TypeVar("Function", bound=Callable[..., object])

#: What is called when something is compiled, and then not again.
_TELL: list[Callable[[], None]] = []
#: Nothing in C calls these functions: a way in for it would take a third of the time to compile.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}


def compiled(function: Function) -> Function:
    """Compile a function of numbers and arrays at its first call; the code is kept on disk."""
    return cast(Function, _Compiled(function, _OPTIONS))


def compiled_with_fused_sums(function: Function) -> Function:
    """Compile likewise, but let the compiler make a product and a sum one instruction, which rounds once.

    For sums of doubles that are kept as float32: their last bits are those of the processor, and nobody sees them.
    """
    return cast(Function, _Compiled(function, {**_OPTIONS, "fastmath": {"contract"}}))


def compiled_in_any_order(function: Function) -> Function:
    """Compile likewise, but let the compiler order sums, whose last bits are then those of the processor.

    For bounds alone, which allow for the rounding of a sum in any order and are never given as an answer.
    """
    return cast(Function, _Compiled(function, {**_OPTIONS, "fastmath": {"reassoc", "contract", "nsz"}}))


class _Compiled:
    """A function, and from its first use on numba's dispatcher of it."""

    def __init__(self, function: Callable[..., object], options: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self._function, self._options = function, options

    def __call__(self, *arguments: Any) -> Any:
        return self.dispatcher(*arguments)

    @functools.cached_property
    def dispatcher(self) -> Any:
        """What numba calls and compiles."""
        return _dispatcher(self._function, self._options)


def _dispatcher(function: Callable[..., object], options: dict[str, Any]) -> Any:
    import numba

    _make_known()
    dispatcher = numba.njit(cache=True, **options)(function)
    if _can_load_early(dispatcher):
        dispatcher._cache = _kept_code()(function)
    return dispatcher


def _can_load_early(dispatcher: Any) -> bool:
    """Whether this release of numba is made inside as `_kept_code` needs; if not, its own cache does, only slower."""
    return callable(getattr(getattr(dispatcher, "_cache", None), "_load_overload", None))


@functools.cache
def _make_known() -> None:
    """Let a compiled function call another, as numba takes a `_Compiled` for its dispatcher; hear of compilations."""
    from numba import types
    from numba.core import event
    from numba.extending import typeof_impl

    class Teller(event.Listener):
        def on_start(self, event: Event) -> None:
            del event
            while _TELL:
                _TELL.pop()()

        def on_end(self, event: Event) -> None:
            pass

    event.register("numba:compile", Teller())  # type: ignore[no-untyped-call]

    @typeof_impl.register(_Compiled)
    def of_compiled(function: _Compiled, context: object) -> Any:
        del context
        return types.Dispatcher(function.dispatcher)


@functools.cache
def _kept_code() -> Any:
    """Give the class of numba's cache, with a look into it before the compiler is made ready."""
    from numba.core.caching import FunctionCache
    from numba.core.runtime.nrt import rtsys

    class KeptCode(FunctionCache):
        def load_overload(self, sig: Any, target_context: Any) -> Any:
            rtsys.initialize(target_context)  # arrays that a function makes are counted by numba's runtime
            with self._guard_against_spurious_io_errors():
                found = self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
                if found is not None:
                    return found
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]

        def _index_key(self, sig: Any, codegen: Any) -> Any:
            key = super()._index_key(sig, codegen)  # type: ignore[no-untyped-call]
            return key, tuple(sorted(_taken_from_elsewhere(self._py_func)))

    return KeptCode


def _taken_from_elsewhere(function: Any) -> set[str]:
    """Name what is compiled into a function from other modules: its code is out of date when one of them changes.

    numba itself looks at the module of the function alone.
    """
    found: set[str] = set()
    seen, ahead = set(), [function]
    while ahead:
        one = ahead.pop()
        if one in seen:
            continue
        seen.add(one)
        known = {name: one.__globals__[name] for name in one.__code__.co_names if name in one.__globals__}
        found |= {f"{name}={value!r}" for name, value in known.items() if isinstance(value, (int, float, str, tuple))}
        ahead += [value._function for value in known.values() if isinstance(value, _Compiled)]
        path = one.__code__.co_filename
        if path != function.__code__.co_filename:
            told = os.stat(path)
            found.add(f"{os.path.basename(path)} {told.st_size} {told.st_mtime_ns}")
    return found


def tell_compiling(tell: Callable[[], None]) -> None:
    """Have something called when this process next has to compile: once, and numba is not imported for it."""
    _TELL[:] = [tell]


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
