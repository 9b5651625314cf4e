"""Each notebook runs from its first cell to its last and shows what is stored in it, and was stored in one run."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DASHBOARDS = sorted((ROOT / "dashboards").glob("*.ipynb"))
digest = runpy.run_path(str(ROOT / "scripts/run_notebooks.py"))["digest"]

TOTAL_S = 600

pytestmark = pytest.mark.usefixtures("unmeasured")


def read(path: Path) -> NotebookNode:
    """Read a notebook, and check that it is one."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def code(notebook: NotebookNode) -> list[NotebookNode]:
    """Give the cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_is_one_for_each_question() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{i:02}" for i in range(1, 11)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_of_one_run_of_these_sources_without_error(path: Path) -> None:
    notebook = read(path)
    cells = code(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "run it again: make notebooks"
    assert notebook.metadata.get("ran") == digest(notebook), "sources have changed since: make notebooks"
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert not [output for cell in cells for output in cell.outputs if output.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_prose_comes_first_and_cells_are_short(path: Path) -> None:
    notebook = read(path)
    title, *_ = notebook.cells[0].source.splitlines()
    assert re.fullmatch(r"# [A-Z].*\?", title), "its title is a question"
    assert max(len(cell.source.splitlines()) for cell in code(notebook)) <= 25
    assert any(cell.outputs for cell in code(notebook))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for cell in read(path).cells:
        for target in re.findall(r"\]\(([^)#]+)\)", cell.source if cell.cell_type == "markdown" else ""):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_a_few_cells_around_one_selection_and_keeps_no_output(path: Path) -> None:
    cells = code(read(path))
    assert 3 <= len(cells) <= 6
    assert sum("Selection()" in cell.source for cell in cells) == 1
    assert not any(cell.outputs or cell.execution_count for cell in cells)


@pytest.mark.slow
@pytest.mark.timeout(TOTAL_S + 60)
def test_run_again_they_show_the_same_within_ten_minutes() -> None:
    began = time.monotonic()
    nbval = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(Path(__file__).with_name("sanitize.cfg"))]
    alone = ["-c", "/dev/null", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "-q"]
    command = [sys.executable, "-m", "pytest", *alone, *nbval, *map(str, NOTEBOOKS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:]
    assert time.monotonic() - began < TOTAL_S
