"""Words are read where nothing but the base package is installed: from Python, on the command line, over the web.

What only the extras and the tests bring cannot be found by the processes that are started here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.jobs.collection import Analyzed
from tests.server import serving
from workbench.assist.chain import NOT_INSTALLED

ROOT = Path(__file__).parents[2]
TEXT = "3 songs from 60 to 140 bpm with rising energy, no saxophone"
REQUEST = {"bpm": [60.0, 140.0], "n": 3, "curve": "rise"}
#: Modules that the extra brings, and two of others.
EXTRA = ("pydantic_ai", "openai", "anthropic", "httpx2", "keyring", "jupyter_server", "pytest")
PROVIDER = '[{"name": "a", "kind": "openai", "model": "m"}]'

SITE = """
import sys
from importlib.machinery import PathFinder

MISSING = frozenset({missing!r})

class OfTheBase(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in MISSING else super().find_spec(name, path, target)

sys.meta_path[:] = [OfTheBase if finder is PathFinder else finder for finder in sys.meta_path]
"""
PYTHON = """
import importlib.util, json, sys
import workbench as wb
try:
    wb.open_library("http://127.0.0.1:9")
except wb.errors.InputError as error:
    remedy = error.remedy
with wb.open_library(sys.argv[1]) as lib:
    asked = [lib.ask(sys.argv[2]), lib.answers.ask(sys.argv[2]), lib.ask("2 tracks like House Two")]
    print(json.dumps({
        "asked": [one.to_dict() for one in asked],
        "found": [name for name in sys.argv[3:] if importlib.util.find_spec(name)],
        "status": lib.chain.status(),
        "remedy": remedy,
    }))
"""


def missing() -> set[str]:
    """Names of modules that the base package does not bring."""
    base = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    brought, waiting = {"audio-workbench"}, [Requirement(text) for text in base]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in brought or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        brought.add(name)
        try:
            waiting += map(Requirement, requires(name) or ())
        except PackageNotFoundError:  # of another platform
            continue
    modules = packages_distributions()
    return {"google.genai"} | {
        module for module, names in modules.items() if not brought & set(map(canonicalize_name, names))
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables with which Python finds the base package alone."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "sitecustomize.py").write_text(SITE.format(missing=sorted(missing())))
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


def run(base: dict[str, str], *arguments: str, **more: str) -> Any:
    """Run Python, and read what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", *arguments], env={**os.environ, **base, **more}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_from_python(base: dict[str, str], analyzed: Analyzed) -> None:
    told = run(base, PYTHON, str(analyzed.path), TEXT, *EXTRA)
    assert told["found"] == []
    first, again, alike = told["asked"]
    assert first == again
    assert (first["request"], first["unknown"], first["by"], first["notes"]) == (REQUEST, ["saxophone"], "offline", [])
    assert len(first["result"]["tracks"]) == 3
    assert (alike["kind"], len(alike["result"]["results"])) == ("similar", 2)
    assert told["status"]["installed"] is False
    assert "audio-workbench[client]" in told["remedy"]


def test_on_the_command_line(base: dict[str, str], analyzed: Analyzed) -> None:
    told = run(base, serving.COMMAND, "ask", TEXT, "--json", "--library", str(analyzed.path), WORKBENCH_ASSIST=PROVIDER)
    assert (told["request"], told["by"], told["tried"]) == (REQUEST, "offline", [])
    assert told["notes"] == [NOT_INSTALLED]  # which says how to install it


@pytest.fixture
def served(base: dict[str, str], analyzed: Analyzed, tmp_path: Path) -> Iterator[serving.Served]:
    started = serving.start(tmp_path, analyzed, WORKBENCH_ASSIST=PROVIDER, **base)
    yield started
    serving.stop(started)


def test_over_the_web(served: serving.Served) -> None:
    answer = served.ask("POST", "/assist/ask", {"text": TEXT})
    assert answer.status == 200, answer.body
    told = answer.json
    assert (told["request"], told["by"], told["notes"]) == (REQUEST, "offline", [NOT_INSTALLED])
    assert len(told["result"]["tracks"]) == 3
