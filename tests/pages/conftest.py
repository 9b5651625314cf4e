"""Widgets on a page as a person has them: Voila runs a notebook, headless Chromium shows it, Playwright's hands act.

Whatever a page asks of the outside, logs as an error or shows an axe rule broken, fails the test that opened it.
Pictures go to the folder that the environment names in PAGES_PICTURES, for people to look at.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.collection import Analyzed, analyzed, cluster, library, music
from workbench.library import Library

__all__ = ["analyzed", "cluster", "library", "music"]

_STARTUP_S = 60
#: Voila's own template asks for icons there; pages of the workbench have another template.
_ICONS = "https://cdn.jsdelivr.net/npm/@fortawesome/"
#: What a page says when it goes, which Voila as it comes refuses; pages of the workbench have settings of their own.
_GOING = "/voila/api/shutdown/"

SETUP = """
import os, workbench as wb
from workbench.widgets import *
lib = wb.Library.open(os.environ["WORKBENCH_LIBRARY"])
selection = Selection()
"""


class Faults:
    """What a page did that no page should."""

    def __init__(self, page: Any) -> None:
        self.found: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.found.append(f"error: {error}"))
        page.on("response", self._answered)
        page.on("request", self._asked)

    def _said(self, message: Any) -> None:
        url = message.location.get("url", "")
        if message.type == "error" and not url.startswith(_ICONS) and _GOING not in url:
            self.found.append(f"console: {message.text}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400 and _GOING not in response.url:
            self.found.append(f"{response.status}: {response.url}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "blob:", "data:", _ICONS)):
            self.found.append(f"asks the outside: {request.url}")


class Pages:
    """Opens notebooks as pages.

    Parameters
    ----------
    chromium : playwright.sync_api.Browser
    folder : Path
        Whose notebooks Voila shows.
    address : str
        Of Voila.
    """

    def __init__(self, chromium: Any, folder: Path, address: str) -> None:
        self._chromium, self._folder, self._address = chromium, folder, address
        self._open: list[tuple[Any, Faults]] = []

    def open(self, *cells: str, width: int = 1200, height: int = 1000, dark: bool = False) -> Any:
        """Show widgets, one per cell, and give the page (`playwright.sync_api.Page`)."""
        name = f"page-{time.monotonic_ns()}"
        made = [
            {"cell_type": "code", "id": f"c{i}", "execution_count": None, "metadata": {}, "outputs": [], "source": cell}
            for i, cell in enumerate((SETUP, *cells))
        ]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        notebook = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (self._folder / f"{name}.ipynb").write_text(json.dumps(notebook))
        scheme = "dark" if dark else "light"
        context = self._chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            permissions=["clipboard-write", "microphone"],
        )
        page = context.new_page()
        page.route(f"{_ICONS}**", lambda route: route.fulfill(status=200, content_type="text/css", body=""))
        self._open.append((page, Faults(page)))
        page.set_default_timeout(30_000)
        page.goto(f"{self._address}/voila/render/{name}.ipynb?theme={scheme}")
        page.wait_for_selector(".wb")
        return page

    def close(self) -> None:
        """Close all pages; fails when one did what no page should."""
        for page, _ in self._open:
            page.context.close()
        found = [fault for _, faults in self._open for fault in faults.found]
        self._open.clear()
        assert not found, found


@pytest.fixture(scope="module")
def served(analyzed: Analyzed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Voila on a library of its own; gives the folder of its notebooks, with ``music.library``, and its address."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copytree(analyzed.path, folder / "music.library")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "voila", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1", str(folder)]
    environment = {
        **os.environ,
        "WORKBENCH_LIBRARY": str(folder / "music.library"),
        "JUPYTER_CONFIG_DIR": str(folder),
        "XDG_STATE_HOME": str(folder),
    }
    log = (folder / "voila.log").open("w")
    voila = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, folder / "voila.log")
        yield folder, address
    finally:
        os.killpg(voila.pid, signal.SIGTERM)
        voila.wait(30)
        log.close()


def _wait_for(address: str, log: Path) -> None:
    deadline = time.monotonic() + _STARTUP_S
    while True:
        try:
            urllib.request.urlopen(f"{address}/voila/static/voila.js", timeout=5).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"Voila does not start: {log.read_text()[-2000:]}"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Give Debian's Chromium in Playwright's hands."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: `make setup` has it")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--autoplay-policy=no-user-gesture-required",
                "--use-fake-device-for-media-stream",  # a microphone that beeps
                "--use-fake-ui-for-media-stream",  # and a person who allows its use
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def pages(chromium: Any, served: tuple[Path, str]) -> Iterator[Pages]:
    """Give what opens pages of the collection's widgets; see `Pages.open`."""
    opened = Pages(chromium, *served)
    yield opened
    opened.close()


@pytest.fixture
def shown(served: tuple[Path, str]) -> Iterator[Library]:
    """Give the library that the pages show."""
    with Library.open(served[0] / "music.library", create=False) as opened:
        yield opened


Photograph = Callable[[Any, str], None]


@pytest.fixture
def photograph() -> Photograph:
    """Give what keeps a picture of a page under a name, where pictures are wanted."""

    def keep(page: Any, name: str) -> None:
        if folder := os.environ.get("PAGES_PICTURES"):
            page.screenshot(path=str(Path(folder) / f"{name}.png"))

    return keep
