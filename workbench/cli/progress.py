"""How a job is shown while it runs: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workbench.cli.output import COMPILING, clock, harmless
from workbench.jobs.progress import Progress
from workbench.schema import JobState

_LINE_EVERY_S = 5.0


@contextmanager
def shown() -> Iterator[Callable[[Progress], None]]:
    """Give what is to be called with each `Progress`."""
    if sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _Lines()


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Live
    from rich.table import Column

    live = Live(
        TextColumn("{task.fields[state]}", style="bold"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[numbers]}"),
        TextColumn("{task.fields[file]}", style="dim", table_column=Column(ratio=1, no_wrap=True), markup=False),
        console=Console(stderr=True),
        expand=True,
    )
    with live:
        task = live.add_task("", total=100.0, state="scanning", numbers="", file="")

        def show(progress: Progress) -> None:
            planning = progress.state is JobState.PLANNING
            live.update(
                task,
                completed=0.0 if planning else progress.percentage,
                state="scanning" if planning else progress.state.value,
                numbers=numbers(progress),
                file="" if planning or progress.state.finished else file_name(progress),
            )

        yield show


class _Lines:
    """A line every few seconds, and one for each change of state."""

    def __init__(self) -> None:
        self._last = 0.0
        self._state: JobState | None = None

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.state is self._state and now - self._last < _LINE_EVERY_S:
            return
        self._last, self._state = now, progress.state
        file = file_name(progress)
        line = f"{progress.state.value} {progress.percentage:.0f} % {numbers(progress)}"
        print(f"{line} · {file}" if file and not progress.state.finished else line, file=sys.stderr, flush=True)


def numbers(progress: Progress) -> str:
    """Files, failures, rate and time left, as far as they are known."""
    if progress.state is JobState.PLANNING:
        return f"{progress.total} files found"
    said = [f"{progress.done}/{progress.total} files"]
    if progress.failed:
        said.append(f"{progress.failed} failed")
    if progress.rate is not None:
        said.append(f"{progress.rate:.1f} files/s")
    if progress.eta_s is not None and not progress.state.finished:
        said.append(f"{clock(progress.eta_s)} left")
    return " · ".join(said)


def file_name(progress: Progress) -> str:
    """Name of the file in hand, safe to print, or what keeps the first one waiting."""
    if progress.compiling:
        return COMPILING
    return harmless((progress.current_file or "").rpartition("/")[2])
