"""The wheel, in an environment of its own: the extension is enabled by installing it, and `workbench lab` works."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import site
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.collection import Analyzed, write_track
from tests.test_readme import ROOT
from workbench import errors
from workbench.client import Client
from workbench.testing.services import free_port

pytestmark = pytest.mark.slow

TOKEN = "a-token-of-jupyter"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Python of an environment with nothing of its own but the wheel; the rest is that of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "own", with_pip=True, symlinks=True)
    python = folder / "own/bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel]
    subprocess.run(install, check=True, capture_output=True)
    (packages,) = (folder / "own/lib").glob("python*/site-packages")
    # by a line in a .pth, whose own .pth files, such as that of an editable workbench, do not count
    (packages / "of_the_tests.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return python


@pytest.fixture
def environment(installed: Path, analyzed: Analyzed, tmp_path: Path) -> dict[str, str]:
    """Give what a process is started with, to have a home and a library of its own."""
    shutil.copytree(analyzed.path, tmp_path / "own.library")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "JUPYTER", "VIRTUAL"))}
    return kept | {
        "HOME": str(tmp_path),
        "PATH": f"{installed.parent}{os.pathsep}{os.environ['PATH']}",
        "WORKBENCH_LIBRARY": str(tmp_path / "own.library"),
        "WORKBENCH_WORKERS": "1",
        "JUPYTER_TOKEN": TOKEN,
        "JUPYTERLAB_DIR": f"{sys.prefix}/share/jupyter/lab",  # its pages, which came with JupyterLab
    }


def test_installing_it_enables_it(installed: Path, environment: dict[str, str], tmp_path: Path) -> None:
    where = "import workbench; print(workbench.__file__)"
    found = subprocess.run([installed, "-c", where], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert Path(found.stdout.strip()).is_relative_to(installed.parents[1])
    listing = [installed, "-m", "jupyter_server", "extension", "list"]
    listed = subprocess.run(listing, env=environment, cwd=tmp_path, capture_output=True, text=True)
    lines = [line.split() for line in re.sub(r"\x1b\[\d+m", "", listed.stdout + listed.stderr).splitlines()]
    assert any(line[:2] == ["workbench.server", "enabled"] for line in lines), lines
    assert any(line[:1] == ["workbench.server"] and line[-1] == "OK" for line in lines), lines


class Lab:
    """A running `workbench lab`, at a terminal."""

    def __init__(self, installed: Path, environment: dict[str, str], folder: Path) -> None:
        port = free_port()
        self.log = folder / "lab.log"
        self.url = f"http://127.0.0.1:{port}/team/workbench/api/v1"
        options = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.base_url=/team/"]
        with open(self.log, "w") as log:
            self.terminal, its_end = pty.openpty()
            self.process = subprocess.Popen(
                [installed.parent / "workbench", "lab", *options],
                env=environment,
                cwd=folder,
                stdin=its_end,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
            os.close(its_end)
        with Client(self.url, TOKEN) as client:
            for _ in range(600):
                try:
                    assert client.health().status == "ready"
                    return
                except errors.WorkbenchError:
                    assert self.process.poll() is None, self.log.read_text()
                    time.sleep(0.1)
        raise AssertionError(self.log.read_text())


@pytest.fixture
def lab(installed: Path, environment: dict[str, str], tmp_path: Path) -> Iterator[Lab]:
    started = Lab(installed, environment, tmp_path)
    yield started
    started.process.kill()
    started.process.wait()
    os.close(started.terminal)


@pytest.mark.parametrize("goodbyes", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]], ids=["SIGTERM", "Ctrl-C"])
def test_workbench_lab(lab: Lab, analyzed: Analyzed, tmp_path: Path, goodbyes: list[signal.Signals]) -> None:
    """The API below its root, to who has the token; a job with its progress; and an end when it is asked for."""
    with Client(lab.url, "wrong") as stranger, pytest.raises(errors.AccessDeniedError):
        stranger.tracks()
    with Client(lab.url, TOKEN) as client:
        assert {track.id for track in client.tracks()} == {track["id"] for track in analyzed.library.tracks()}
        job = client.upload(write_track(tmp_path / "new.wav", 3))
        assert list(client.progress(job.job_id))[-1].done == 1
        assert len(client.similar(tmp_path / "new.wav", n=3).results) == 3
    for goodbye in goodbyes:  # after one Ctrl-C, Jupyter asks whether it is meant
        lab.process.send_signal(goodbye)
        time.sleep(0.5)
    assert lab.process.wait(60) == 0
    said = lab.log.read_text()
    assert "Traceback" not in said
    assert TOKEN not in said
