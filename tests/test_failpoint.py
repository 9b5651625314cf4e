"""A failpoint kills the process where it is told to, and nowhere else; every name is in use."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.failpoint import NAMES, failpoint

PACKAGE = Path(__file__).parents[1] / "workbench"
PASSES_TWICE = "from workbench.failpoint import failpoint\nfailpoint('a'); failpoint('b'); failpoint('a')\nprint('end')"


def test_without_the_variable_nothing_happens() -> None:
    failpoint(NAMES[0])


@pytest.mark.parametrize(
    ("place", "dies"),
    [("a", True), ("a:1", True), ("a:2", True), ("b", True), ("a:3", False), ("b:2", False), ("c", False)],
)
def test_the_process_dies_at_the_pass_that_is_named(place: str, dies: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PASSES_TWICE], env={"WORKBENCH_FAILPOINT": place}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == ((-signal.SIGKILL, "") if dies else (0, "end\n")), done.stderr


def test_with_a_mark_only_the_first_process_dies(tmp_path: Path) -> None:
    mark = tmp_path / "with:colon"
    command, environment = [sys.executable, "-c", PASSES_TWICE], {"WORKBENCH_FAILPOINT": f"a:2:{mark}"}
    codes = [subprocess.run(command, env=environment, capture_output=True).returncode for _ in range(3)]
    assert codes == [-signal.SIGKILL, 0, 0]
    assert mark.exists()


def test_another_place_is_passed_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_FAILPOINT", f"{NAMES[0]}:1000000")
    failpoint(NAMES[0])
    failpoint(NAMES[1])


def test_the_names_are_those_that_the_package_passes() -> None:
    passed = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "failpoint":
                passed |= {part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)}
    assert passed == set(NAMES)
