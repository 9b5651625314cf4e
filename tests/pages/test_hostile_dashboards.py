"""Whatever a stranger has written into tags is text: in JupyterLab, on a dashboard, in an exported page."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import soundfile

from tests.hostile import HOSTILE
from tests.pages.conftest import Faults
from tests.pages.test_dashboards import Server
from tests.pages.test_lab import Choose, choose, lab, page
from workbench.library import Library

__all__ = ["Choose", "choose", "lab", "page"]

#: All tracks as pandas shows them.
FRAME = """import pandas as pd
pd.set_option("display.max_rows", None)
pd.DataFrame(lib.tracks())[["title", "artist", "album"]]"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("unmeasured")]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A library of a hundred tracks with such tags."""
    folder = tmp_path_factory.mktemp("hostile")
    rng = np.random.default_rng(0)
    for number, (title, artist) in enumerate(zip(HOSTILE, HOSTILE[1:] + HOSTILE[:1], strict=True)):
        path = folder / "music" / f"{number:03}.flac"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, 0.1 * rng.standard_normal(11025), 22050)
        tag(path, title, artist)
    with Library.open(folder / "hostile.library") as library:
        library.analyze(folder / "music", workers=1)
        assert library.count() == len(HOSTILE)
        yield library


def tag(path: Path, title: str, artist: str) -> None:
    """Write tags as any tagger would."""
    from mutagen.flac import FLAC

    file = FLAC(path)
    file["title"], file["artist"], file["album"] = title, artist, title
    file.save()


def test_on_every_dashboard(chromium: Any, hostile: Library, tmp_path_factory: pytest.TempPathFactory) -> None:
    server = Server(hostile.path, tmp_path_factory.mktemp("server"))
    try:
        page = chromium.new_page()
        faults = Faults(page)
        page.on("dialog", lambda dialog: faults.found.append(dialog.message))
        page.goto(f"{server.url}/?token={server.token}")
        for name in ("library", "find-similar", "playlist-studio", "map-and-label"):
            page.goto(f"{server.url}/voila/render/{name}.ipynb")
            for _ in range(len(HOSTILE) // 25):
                page.locator(".wb-tracks tbody tr").first.wait_for()
                page.locator(".wb-tracks tbody tr").nth(3).dblclick()
                page.wait_for_timeout(300)
                if page.get_by_role("button", name="Next").is_enabled():
                    page.get_by_role("button", name="Next").click()
                page.wait_for_timeout(300)
            if name == "find-similar":
                page.get_by_role("button", name="Use the selected track").click()
                page.locator(".wb-similarity tbody tr").first.wait_for()
            if name == "playlist-studio":
                page.get_by_role("button", name="Make the playlist").click()
                page.locator(".wb-item").first.wait_for()
            assert page.evaluate("window.pwned") is None, name
        page.close()
        assert not faults.found, faults.found
    finally:
        server.stop()


def test_in_an_exported_page(chromium: Any, hostile: Library, tmp_path: Path) -> None:
    cells = [
        f"import workbench as wb\nlib = wb.Library.open({str(hostile.path)!r})",
        FRAME,
        "lib.similar(lib.tracks(limit=1)[0]['id'], 5)",
        "lib.playlist(n=3)",
        "lib",
        "from workbench.widgets import TrackTable\nTrackTable(lib)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, tmp_path / "tags.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", "--template", "basic", "tags.ipynb"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env={**os.environ, "HOME": str(tmp_path)})
    page = chromium.new_page()
    page.goto((tmp_path / "tags.html").as_uri())
    page.wait_for_timeout(1000)
    assert page.get_by_text(HOSTILE[0]).first.is_visible(), "it is shown as it was written"
    assert page.evaluate("window.pwned") is None
    page.close()


@pytest.fixture
def hostile_lab(lab: tuple[str, Path], hostile: Library) -> Iterator[Path]:
    """The folder of JupyterLab, with a notebook that shows the hostile library."""
    cells = [f"import workbench as wb\nlib = wb.Library.open({str(hostile.path)!r})",
             FRAME,
             "from workbench.widgets import TrackTable\nTrackTable(lib)"]  # fmt: skip
    path = lab[1] / "files/tags.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)  # names its kernel, so that nobody is asked for one
    yield path
    path.unlink()


def test_in_jupyterlab(page: Any, hostile_lab: Path) -> None:
    page.locator(".jp-DirListing-item", has_text=hostile_lab.name).dblclick()
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    page.get_by_text("| Idle").wait_for()
    cells.first.locator(".cm-content").click()
    for number in (1, 2, 3):
        page.keyboard.press("Shift+Enter")
        page.locator(".jp-InputPrompt", has_text=f"[{number}]:").wait_for()
    page.locator(".wb-tracks tbody tr").first.wait_for()
    page.wait_for_timeout(1000)
    assert page.evaluate("window.pwned") is None
