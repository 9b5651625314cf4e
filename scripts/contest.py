"""What `benchmark.py`, `evaluate.py` and `retrieval.py` share: the processes of the systems, and what they ran on."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from systems import System

SYSTEMS = Path(__file__).with_name("systems.py")
ONE_THREAD = dict.fromkeys(
    (*(f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "NUMEXPR")), "VECLIB_MAXIMUM_THREADS"), "1"
)


class MissingError(Exception):
    """A system is not installed."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A system that cannot take part: its name, what installs it, and what its import said."""

    name: str
    title: str
    install: str
    why: str

    @property
    def sentence(self) -> str:
        """Say it to a person."""
        return f"left out: {self.title} ({self.why}). To have it: {self.install}"


class Contestant:
    """One system in a process of its own, with one thread on one core. Use it as a context.

    Parameters
    ----------
    kind : {"timed", "scored", "retrieving"}
        The registry of `systems` that it comes from.
    name : str
        Its name there.
    pythons : iterable of str
        Interpreters to try, in this order.

    Raises
    ------
    MissingError
        If none of them can import it.
    """

    def __init__(self, kind: str, name: str, pythons: Iterable[str]) -> None:
        self.name = name
        self.failures: list[str] = []
        said = "no Python given"
        for python in dict.fromkeys(pythons):
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process
            self._process = subprocess.Popen(
                [python, str(SYSTEMS), kind, name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env=_environment(python),
            )
            hello = self._read()
            if "version" in hello:
                self.version, self.peak_at_start = str(hello["version"]), int(hello["peak_bytes"])
                return
            said = str(hello.get("missing") or hello.get("error"))
            self.close()
        raise MissingError(said)

    def ask(self, *paths: Path) -> dict[str, Any] | None:
        """Have files described; None if that failed, which `failures` then tells."""
        request = {"path": str(paths[0])} if len(paths) == 1 else {"paths": [str(path) for path in paths]}
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            answer = self._read()
        except BrokenPipeError:
            answer = {"error": "its process has ended"}
        if "error" in answer:
            self.failures.append(f"{paths[0].name}: {answer['error']}")
            return None
        return answer

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if line:
            return dict(json.loads(line))
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().rsplit("\n", 1)[-1]
        return {"error": f"its process ended with code {self._process.wait()}: {last}"}

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # it has died with a request unread
                    pipe.close()
        self._process.wait()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _environment(python: str) -> dict[str, str]:
    environment = os.environ | ONE_THREAD
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if cores:
        environment["BENCHMARK_CORE"] = str(cores[-1])
    if python != sys.executable:
        environment.pop("PYTHONPATH", None)  # it is for this Python
    return environment


@contextmanager
def contest(
    kind: str, systems: dict[str, System], peers_python: str | None
) -> Iterator[tuple[dict[str, Contestant], list[LeftOut]]]:
    """Start every system; also give those that are not installed."""
    running, left_out = {}, []
    with ExitStack() as stack:
        for name, system in systems.items():
            ours = system.package == "audio-workbench"
            pythons = [sys.executable] if ours or not peers_python else [peers_python, sys.executable]
            try:
                running[name] = stack.enter_context(Contestant(kind, name, pythons))
            except MissingError as error:
                left_out.append(LeftOut(name, system.title, system.install, str(error)))
        yield running, left_out


def interpreter(path: str) -> str:
    """Check the value of ``--peers-python``."""
    found = shutil.which(path)
    if found is None:
        raise argparse.ArgumentTypeError(f"{path}: no program that can be run")
    return found


def machine() -> dict[str, Any]:
    """Tell what everything ran on, and when."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Write a report: six digits of a number are enough, and NaN is null."""
    plain = json.loads(
        json.dumps(report), parse_float=lambda text: float(f"{float(text):.6g}"), parse_constant=lambda _: None
    )
    path.write_text(json.dumps(plain, indent=1) + "\n")


def say(text: str) -> None:
    """Write a line of progress to standard error."""
    print(text.encode("utf-8", "backslashreplace").decode(), file=sys.stderr, flush=True)


def a_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Any:
    """Give a table whose first column is text and the others numbers."""
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    return table


def console() -> Any:
    """Give a console that is wide enough for the tables where there is no terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 150)
