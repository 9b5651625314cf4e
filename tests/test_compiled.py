"""Code that was kept is loaded early where numba allows it, and by numba's own cache where not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from workbench import compiled as module
from workbench.similarity.codes import leading_distances


def distances() -> list[float]:
    """Call a kernel of ours."""
    out = np.empty((1, 3), dtype=np.float32)
    codes = np.arange(6, dtype=np.int8).reshape(3, 2)
    ones = np.ones((1, 2), dtype=np.float32)
    leading_distances(codes, ones[0], ones, out)
    return out[0].tolist()


def test_the_numba_that_is_installed_can_load_early() -> None:
    """If a new release of numba fails here, starts are half a second slower and nothing else is wrong."""
    assert module._can_load_early(leading_distances.dispatcher)  # type: ignore[attr-defined]
    assert type(leading_distances.dispatcher._cache).__name__ == "KeptCode"  # type: ignore[attr-defined]


def test_one_that_cannot_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = distances()
    monkeypatch.setattr(module, "_can_load_early", lambda dispatcher: False)
    dispatcher = module._dispatcher(leading_distances._function, leading_distances._options)  # type: ignore[attr-defined]
    monkeypatch.setattr(leading_distances, "dispatcher", dispatcher)
    assert type(dispatcher._cache).__name__ == "FunctionCache"
    assert distances() == expected == [1.0, 5.0, 25.0]


def test_it_is_told_once_that_something_has_to_be_compiled() -> None:
    distances()
    told = []
    module.tell_compiling(lambda: told.append("compiling"))
    distances()
    assert not told, "this was there already"
    assert [numba.njit(lambda x, y=y: x + y)(1) for y in (1, 2)] == [2, 3]
    assert told == ["compiling"]


def test_kept_code_is_told_from_that_of_other_callees(tmp_path: Path) -> None:
    """A change in a module, or of a constant, is seen by those that call it from another."""
    (tmp_path / "callee.py").write_text(CALLEE.format(1))
    (tmp_path / "constant.py").write_text("TERM = 10\n")
    (tmp_path / "caller.py").write_text(CALLER)
    assert result(tmp_path) == "112 4"
    assert result(tmp_path) == "112 0", "it was kept"
    (tmp_path / "callee.py").write_text(CALLEE.format(2) + "\n")
    assert result(tmp_path) == "212 4"
    (tmp_path / "constant.py").write_text("TERM = 20\n")
    assert result(tmp_path) == "222 2"


CALLEE = """
from workbench.compiled import compiled

@compiled
def inner(x):
    return 100 * {} * x

@compiled
def callee(x):
    return inner(x)
"""
CALLER = """
from callee import callee
from constant import TERM
from workbench.compiled import compiled, watch_compilation

@compiled
def middle(x):
    return callee(x) + TERM

@compiled
def caller(x):
    return middle(x) + 2

with watch_compilation() as found:
    print(caller(1), found.count)
"""


def result(folder: Path) -> str:
    """Run the caller in a process of its own."""
    ran = subprocess.run([sys.executable, "caller.py"], cwd=folder, capture_output=True, text=True, check=True)
    return ran.stdout.strip()
