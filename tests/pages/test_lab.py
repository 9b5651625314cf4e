"""The workbench in a real JupyterLab: launcher, panel, entries for audio files, and dashboards in tabs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.collection import Analyzed, write_track
from tests.pages.conftest import Faults, Photograph
from tests.pages.test_widgets_in_a_browser import until
from workbench.dashboards import DASHBOARDS
from workbench.library import Library
from workbench.testing.services import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("unmeasured")]

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-jupyter"


@pytest.fixture(scope="module")
def lab(analyzed: Analyzed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """JupyterLab with the extension as the wheel installs it; gives its address and its folder, with two files."""
    folder = tmp_path_factory.mktemp("lab")
    root = folder / "files"
    write_track(root / "a clip.wav", 401, style="rock", seconds=3)
    (root / "notes.txt").write_text("no audio")
    shutil.copytree(analyzed.path, folder / "music.library")
    installed = folder / "share"
    (installed / "labextensions").mkdir(parents=True)
    shutil.copytree(ROOT / "workbench/labextension", installed / "labextensions/audio-workbench")
    port = free_port()
    options = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0", f"--notebook-dir={root}"]
    command = [sys.executable, "-m", "workbench.cli", "lab", *options, f"--IdentityProvider.token={TOKEN}"]
    environment = {
        **os.environ,
        "HOME": str(folder),
        "JUPYTER_PATH": str(installed),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "WORKBENCH_LIBRARY": str(folder / "music.library"),
        "WORKBENCH_WORKERS": "1",
    }
    news = folder / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    log = (folder / "lab.log").open("w")
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=root)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(f"{address}/api", timeout=5).close()
            break
        except OSError:
            gone = server.poll() is not None or time.monotonic() > deadline
            assert not gone, (folder / "lab.log").read_text()[-3000:]
            time.sleep(0.3)
    yield address, folder
    server.send_signal(signal.SIGTERM)
    server.wait(60)
    log.close()


@pytest.fixture
def page(chromium: Any, lab: tuple[str, Path]) -> Iterator[Any]:
    """JupyterLab with its launcher; in the end it may have done nothing that no page should."""
    context = chromium.new_context(viewport={"width": 1300, "height": 900})
    shown = context.new_page()
    shown.set_default_timeout(60_000)
    faults = Faults(shown)
    shown.goto(f"{lab[0]}/lab?token={TOKEN}&reset")
    shown.locator(".jp-Launcher").wait_for()
    shown.locator(".jp-LauncherCard", has_text="Map and label").wait_for()
    yield shown
    context.close()
    assert not faults.found, faults.found


Choose = Callable[[str, str], None]


@pytest.fixture
def choose(page: Any) -> Choose:
    """What chooses an entry of a file's context menu."""

    def of(file: str, entry: str) -> None:
        page.locator(".jp-DirListing-item", has_text=file).click(button="right")
        page.locator(".lm-Menu-itemLabel", has_text=entry).click()

    return of


def test_the_launcher_has_each_dashboard_and_a_tab_that_is_closed_leaves_no_kernel(
    page: Any, lab: tuple[str, Path], photograph: Photograph
) -> None:
    section = page.locator(".jp-Launcher-section", has_text="Workbench").last
    assert section.locator(".jp-LauncherCard").all_inner_texts() == [one.title for one in DASHBOARDS]
    photograph(page, "lab-launcher")
    section.locator(".jp-LauncherCard", has_text="Library").click()
    frame = page.frame_locator(".wb-lab-frame iframe")
    frame.locator(".wb-tracks tbody tr").first.wait_for()
    photograph(page, "lab-dashboard")

    def kernels() -> int:
        return int(page.evaluate("fetch('/api/kernels').then((answer) => answer.json()).then((all) => all.length)"))

    assert kernels() == 1
    page.locator(".lm-TabBar-tab", has_text="Library").locator(".lm-TabBar-tabCloseIcon").click()
    until(lambda: kernels() == 0, page)


def test_find_similar_by_a_right_click(page: Any, choose: Choose, photograph: Photograph) -> None:
    choose("a clip.wav", "Find similar")
    page.get_by_text("Sounds like a clip.wav").wait_for()
    results = page.locator(".wb-lab ol li")
    until(lambda: results.count() >= 5, page)
    assert "Nearest in" in results.first.inner_text()
    photograph(page, "lab-find-similar")


def test_analyze_by_a_right_click(page: Any, choose: Choose, lab: tuple[str, Path]) -> None:
    choose("a clip.wav", "Analyze audio")
    page.get_by_text("has begun").wait_for()
    page.locator(".wb-lab ul li", has_text="done, 1 of 1 files").first.wait_for(timeout=90_000)
    with Library.open(lab[1] / "music.library", create=False) as library:
        assert any(track["path"].endswith("a clip.wav") for track in library.tracks())


def test_what_is_no_audio_has_no_such_entries(page: Any) -> None:
    page.locator(".jp-DirListing-item", has_text="notes.txt").click(button="right")
    page.locator(".lm-Menu-itemLabel", has_text="Rename").wait_for()
    assert not page.locator(".lm-Menu-itemLabel", has_text="Analyze audio").is_visible()
    assert not page.locator(".lm-Menu-itemLabel", has_text="Find similar").is_visible()


def test_a_file_is_dropped_on_the_panel_and_one_that_is_none_is_told(page: Any, lab: tuple[str, Path]) -> None:
    page.locator('.lm-TabBar-tab[data-id="audio-workbench-panel"]').click()
    page.locator(".wb-lab input[type=file]").set_input_files(str(lab[1] / "files/a clip.wav"))
    until(lambda: page.locator(".wb-lab ol li").count() >= 5, page)
