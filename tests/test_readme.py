"""Every command and snippet of the documentation runs, in order, in a home of its own.

A fenced block of ``console`` (lines after ``$``), ``bash`` or ``python`` is run; what is only to be
read is fenced as ``text``. Each Python block stands on its own. A `make` target is checked with
``make -n``: the tests run inside one of them already.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(console|bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")

#: Runs before each shell block. `make` must not start the tests again, nor touch the clone.
PRELUDE = f"""set -euo pipefail
make() {{ command make --dry-run --directory '{ROOT}' "$@" > /dev/null; }}
"""


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and source of every block of a page that is to be run."""
    found = []
    for language, source in _BLOCK.findall(page):
        if language == "console":
            lines = re.findall(r"^\$ ((?:.*\\\n)*.*)$", source, re.MULTILINE)
            found += [("bash", line) for line in lines]
        else:
            found.append((language, source))
    return found


def run(language: str, source: str, home: Path) -> None:
    """Run a block as a reader would, at home."""
    command = ["bash", "-c", PRELUDE + source] if language == "bash" else [sys.executable, "-c", source]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_")}
    environment |= {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{source}\nended with {done.returncode}:\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a few short tracks, two of them ``reference.wav`` and ``other.wav``."""
    from workbench.testing import simulate_library

    folder = tmp_path_factory.mktemp("music") / "Music"
    tracks = simulate_library(folder, n=10, duration=(5, 8), seed=1)
    named = (track.path for track in tracks if track.format == "wav")
    for path, name in zip(named, ("reference.wav", "other.wav"), strict=False):
        shutil.copy(folder / path, folder / name)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page.read_text())], ids=lambda page: page.name)
def test_the_commands_of_a_page_run(page: Path, music: Path, tmp_path: Path) -> None:
    (tmp_path / "Music").symlink_to(music)
    for language, source in blocks(page.read_text()):
        run(language, source, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_make_demo_runs_runs(tmp_path: Path) -> None:
    dry = ["make", "--no-print-directory", "--dry-run", "demo"]
    printed = subprocess.run(dry, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    command = printed.splitlines()[-1]
    assert command.endswith('/bin/workbench" demo data/demo')
    run("bash", re.sub(r'^".*/bin/', '"', command), tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


def test_the_exit_codes_of_the_readme_are_those_of_the_errors() -> None:
    from workbench import errors

    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGES[0].read_text(), re.MULTILINE)}
    raised = {kind.exit_code for kind in vars(errors).values() if hasattr(kind, "exit_code")}
    assert listed == raised | {0, 130}


def test_blocks_are_found_in_order() -> None:
    page = "```console\n$ one \\\n  two\noutput\n$ three\n```\n```text\nno\n```\n```python\nx = 1\n```\n"
    assert blocks(page) == [("bash", "one \\\n  two"), ("bash", "three"), ("python", "x = 1\n")]


def test_a_command_that_fails_is_reported(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"ended with 3:\s+said"):
        run("bash", "echo said; exit 3", tmp_path)
