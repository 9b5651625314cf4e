"""Make the pictures of pages from the real thing: `workbench dashboards` in headless Chromium.

    python scripts/make_page_pictures.py [PAGE…]

Analyzes a simulated collection in a temporary home folder, opens each dashboard, does there what a person would, and
writes what was on the screen to docs/pictures/: a picture of each page, and a short film (animated WebP) of all.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from workbench.testing import Demo, demo_library
from workbench.testing.services import free_port

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
SIZE = {"width": 1180, "height": 860}
FILM_WIDTH = 820
_STARTUP_S = 120


@contextmanager
def dashboards(folder: Path) -> Iterator[str]:
    """Serve the library in a folder; gives the address with its token."""
    log = folder / "dashboards.log"
    command = [sys.executable, "-m", "workbench.cli", "dashboards", "--no-browser", f"--port={free_port()}"]
    environment = {**os.environ, "WORKBENCH_LIBRARY": str(folder / "demo.library"), "HOME": str(folder)}
    with log.open("w") as said:
        server = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        try:
            deadline = time.monotonic() + _STARTUP_S
            while log.read_text().count("is filled") < 4 and time.monotonic() < deadline:
                time.sleep(0.3)
            found = re.search(r"http://\S+\?token=\w+", log.read_text())
            if found is None:
                raise SystemExit(f"The dashboards do not start: {log.read_text()[-2000:]}")
            yield found[0]
        finally:
            server.terminate()
            server.wait()


class Film:
    """Pictures of a page, one after another."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[Image.Image] = []
        self._ms: list[int] = []

    def take(self, ms: int = 900) -> None:
        """Add what the page shows now, for so long."""
        image = Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")
        height = round(image.height * FILM_WIDTH / image.width)
        self._frames.append(image.resize((FILM_WIDTH, height), Image.Resampling.LANCZOS))
        self._ms.append(ms)

    def write(self, path: Path) -> None:
        """Write it as an animated WebP."""
        first, *others = self._frames
        first.save(path, save_all=True, append_images=others, duration=self._ms, loop=0, quality=60, method=6)


def find_similar(page: Page, demo: Demo, film: Film) -> None:
    """Drop a clip, look why, move a slider, search a region."""
    clip = demo.music / demo.truth[7].path
    film.take(1200)
    page.locator("input[type=file]").set_input_files(str(clip))
    page.locator(".wb-similarity tbody tr").nth(5).wait_for()
    page.wait_for_timeout(1200)
    film.take(1600)
    page.locator(".wb-similarity tbody tr").nth(1).click()
    page.wait_for_timeout(1500)
    film.take(1600)
    slider = page.get_by_label("How much rhythm counts")
    for _ in range(3):
        for _ in range(5):
            slider.press("ArrowRight")
        page.wait_for_timeout(600)
        film.take(500)
    stage = page.locator(".wb-stage")
    stage.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box = stage.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 40)
    page.mouse.down()
    for share in (0.4, 0.5):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 40, steps=5)
        film.take(350)
    page.mouse.up()
    page.get_by_role("button", name="Use the marked region").click()
    page.wait_for_timeout(1500)
    page.evaluate("scrollTo(0, 0)")
    film.take(2500)


def playlist_studio(page: Page, demo: Demo, film: Film) -> None:
    """Make a list that rises."""
    page.get_by_role("button", name="happy", exact=True).click()
    page.get_by_role("button", name="Make the playlist").click()
    page.locator(".wb-item").first.wait_for()
    page.wait_for_timeout(800)
    film.take(2500)


def library(page: Page, demo: Demo, film: Film) -> None:
    """Look at the folder that was analyzed."""
    folder = page.get_by_label("Folder").first
    folder.fill(f"~/{demo.music.name}")
    folder.press("Enter")
    page.get_by_text(f"{len(demo.truth)} files").first.wait_for()
    page.wait_for_timeout(500)


def map_and_label(page: Page, demo: Demo, film: Film) -> None:
    """Choose a track on the map."""
    page.locator(".wb-legend i").first.wait_for()
    page.locator(".wb-tracks tbody tr").nth(2).click()
    page.wait_for_timeout(2500)
    page.evaluate("scrollTo(0, 0)")
    film.take(2500)


ACTS: dict[str, Callable[[Page, Demo, Film], None]] = {
    "find-similar": find_similar,
    "playlist-studio": playlist_studio,
    "map-and-label": map_and_label,
    "library": library,
}


def photograph(browser: Browser, address: str, demo: Demo, names: Collection[str]) -> None:
    """Photograph pages; if all are wanted, film some of them."""
    page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
    page.goto(address)
    film = Film(page)
    for name in names:
        page.goto(f"{address.partition('?')[0]}voila/render/{name}.ipynb")
        page.locator(".wb-tracks tbody tr").first.wait_for()
        page.wait_for_timeout(500)
        ACTS[name](page, demo, film)
        page.screenshot(path=PICTURES / f"page_{name}.png")
        print(f"docs/pictures/page_{name}.png")
    if names == ACTS.keys():
        film.write(PICTURES / "demo.webp")
        print("docs/pictures/demo.webp")


def main() -> None:
    """Make the pictures of the pages that are named, or of all."""
    names = sys.argv[1:] or ACTS.keys()
    if not ACTS.keys() >= set(names):
        raise SystemExit(f"Pages: {', '.join(ACTS)}.")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("Chromium is not installed: apt-get install chromium")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        demo = demo_library(folder)
        with dashboards(Path(folder)) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            photograph(browser, address, demo, names)
            browser.close()


if __name__ == "__main__":
    main()
