"""The collection and the cluster that all tests of the command line share, and two ways to run a command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.jobs.collection import Analyzed, analyzed, cluster, environment, library, music, write_track
from workbench.cli import app

__all__ = ["analyzed", "cluster", "library", "music"]

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Run a command in this process; arguments may be paths and numbers."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def ask(run: Run, analyzed: Analyzed) -> Run:
    """Run a command on the analyzed collection."""

    def ask(command: str, *arguments: object) -> Result:
        return run(command, *arguments, "--library", analyzed.path)

    return ask


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Give a folder with two short songs."""
    for i in range(2):
        write_track(tmp_path / "songs" / f"{i}.wav", 60 + i, seconds=1.0)
    return tmp_path / "songs"


def start(*arguments: object, **options: object) -> subprocess.Popen[str]:
    """Start a command as a process of its own, in a session of its own."""
    command = [sys.executable, "-m", "workbench.cli", *map(str, arguments)]
    return subprocess.Popen(
        command,
        **{"env": environment(), "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,  # type: ignore[call-overload, no-any-return]
        start_new_session=True,
    )
