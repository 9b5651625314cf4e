"""Every command and snippet of the documentation runs, in order, in a home of its own.

A fenced block of ``console`` (lines after ``$``), ``bash``, ``python`` or ``javascript`` is run; what is only to be
read is fenced as ``text``. Each Python block stands on its own. A word after the language says what the block needs:
``postgresql`` here, ``server`` in `tests.server.test_api_docs`. A `make` target is checked with ``make -n``: the tests
run inside one of them already.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services import PostgresServer

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(console|bash|python|javascript)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")

#: Runs before each shell block. `make` must not start the tests again, nor touch the clone.
PRELUDE = f"""set -euo pipefail
make() {{ command make --dry-run --directory '{ROOT}' "$@" > /dev/null; }}
"""


@dataclass(frozen=True)
class Block:
    """What is to be run, and what it needs: a word, empty for nothing."""

    language: str
    source: str
    needs: str = ""


def blocks(page: str, needs: str = "") -> list[Block]:
    """Give every block of a page that is to be run and needs just that; a line of the console is a block."""
    found = []
    for language, needed, source in _BLOCK.findall(page):
        if needed != needs:
            continue
        if language == "console":
            lines = re.findall(r"^\$ ((?:.*\\\n)*.*)$", source, re.MULTILINE)
            found += [Block("bash", line, needed) for line in lines]
        else:
            found.append(Block(language, source, needed))
    return found


def run(language: str, source: str, home: Path, more: Mapping[str, str] | None = None) -> str:
    """Run a block as a reader would, at home, with more in the environment; give what it printed."""
    command = ["bash", "-c", PRELUDE + source] if language == "bash" else [sys.executable, "-c", source]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_")}
    environment |= {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    environment |= more or {}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{source}\nended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


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
    for block in blocks(page.read_text()):
        run(block.language, block.source, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["README.md", "deploy.md"])
def test_the_commands_for_postgresql_run(
    postgres_server: PostgresServer, music: Path, tmp_path: Path, name: str
) -> None:
    """As they are written, but for the name of the server and the folder."""
    (tmp_path / "Music").symlink_to(music)
    (page,) = (page for page in PAGES if page.name == name)
    script = "\n".join(block.source for block in blocks(page.read_text(), "postgresql"))
    if "createdb" not in script:
        postgres_server.run("CREATE DATABASE workbench")
    login = {"PGPORT": str(postgres_server.port), "PGPASSWORD": postgres_server.password}
    changed = script.replace("db.example.org", "127.0.0.1").replace("/shared", str(tmp_path))
    (library,) = set(re.findall(r"--library (\S+)", changed))
    try:
        said = run("bash", f"{changed}\nworkbench doctor --library {library}", tmp_path, login)
        assert "postgresql://workbench@127.0.0.1/workbench" in said
    finally:
        postgres_server.run("DROP DATABASE IF EXISTS workbench WITH (FORCE)")


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
    assert blocks(page) == [Block("bash", "one \\\n  two"), Block("bash", "three"), Block("python", "x = 1\n")]
    page = "```bash server\na\n```\n```bash\nb\n```\n"
    assert (blocks(page), blocks(page, "server")) == ([Block("bash", "b\n")], [Block("bash", "a\n", "server")])


def test_no_block_needs_what_nobody_gives() -> None:
    known = {"": None, "postgresql": ["README.md", "deploy.md"], "server": ["api.md"]}
    for page in PAGES:
        for _, needs, _ in _BLOCK.findall(page.read_text()):
            assert known[needs] is None or page.name in known[needs], (page.name, needs)


def test_a_command_that_fails_is_reported(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"ended with 3:\s+said"):
        run("bash", "echo said; exit 3", tmp_path)
