"""The dashboards as people have them: `workbench dashboards`, a real browser, one page after another."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile

from tests.jobs.collection import HOSTILE_TITLE, Analyzed, write_track
from tests.pages.conftest import Faults, Photograph
from tests.pages.test_widgets_in_a_browser import drag, titles, until
from workbench.dashboards import DASHBOARDS
from workbench.library import Library
from workbench.testing.services import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("unmeasured")]

NAMES = [one.name for one in DASHBOARDS]
#: Files that keep one worker busy for some seconds.
N_LONG, LONG_S = 12, 240
#: How many pages are opened and closed; `scripts/prove_widgets.py` opens more, and looks at the server's memory.
PAGES = 4


class Server:
    """`workbench dashboards` in a process of its own.

    Attributes
    ----------
    url, token : where it is, and what lets one in
    library : the folder of what it shows
    process : its process
    """

    def __init__(self, library: Path, folder: Path, *options: str, **settings: str) -> None:
        self.library = library
        command = [sys.executable, "-m", "workbench.cli", "dashboards", "--no-browser", f"--port={free_port()}"]
        command += options or ("--library", str(library))
        here = {"JUPYTER_CONFIG_DIR": str(folder), "WORKBENCH_WORKERS": "1", "HOME": str(folder)}
        environment = {**os.environ, **here, **settings}
        self._log = (folder / "dashboards.log").open("w+")
        self.process = subprocess.Popen(command, env=environment, stderr=self._log, stdout=self._log, cwd=folder)
        found = self._wait(r"(http://127\.0\.0\.1:\d+)/\?token=(\w+)")
        self.url, self.token = found[1], found[2]
        self.wait_until_warm()

    def _wait(self, pattern: str, times: int = 1) -> re.Match[str]:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self.process.poll() is None:
            found = list(re.finditer(pattern, self.said()))
            if len(found) >= times:
                return found[-1]
            time.sleep(0.2)
        raise AssertionError(f"the dashboards do not say {pattern}: {self.said()[-3000:]}")

    def said(self) -> str:
        """What it has logged so far."""
        return Path(self._log.name).read_text()

    def kernels(self) -> list[psutil.Process]:
        """Processes of kernels."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "ipykernel_launcher" in " ".join(_command(child))]

    def wait_until_warm(self) -> None:
        """Wait until a kernel waits for each page, and no other is there."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            filled = self.said().count("is filled with 1 kernel")
            taken = self.said().count("Using pre-heated kernel")
            if filled - taken >= len(NAMES) and len(self.kernels()) == len(NAMES):
                return
            time.sleep(0.2)
        raise AssertionError(f"{len(self.kernels())} kernels: {self.said()[-3000:]}")

    def stop(self) -> None:
        """End it as a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self._log.close()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has ended since
        return []


@pytest.fixture(scope="module")
def server(analyzed: Analyzed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Dashboards of a library of their own."""
    folder = tmp_path_factory.mktemp("dashboards")
    shutil.copytree(analyzed.path, folder / "music.library")
    started = Server(folder / "music.library", folder)
    yield started
    kernels = started.kernels()
    started.stop()
    assert not [kernel for kernel in kernels if kernel.is_running() and kernel.status() != psutil.STATUS_ZOMBIE], (
        "a kernel has outlived the server"
    )


@pytest.fixture
def shown(server: Server) -> Iterator[Library]:
    """The library that the dashboards show."""
    with Library.open(server.library, create=False) as opened:
        yield opened


Visit = Callable[..., Any]


@pytest.fixture
def visit(chromium: Any, server: Server) -> Iterator[Visit]:
    """What opens a dashboard; in the end no page may have done what none should."""
    opened: list[tuple[Any, Faults]] = []

    def open_(name: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", is_mobile=width < 600
        )
        page = context.new_page()
        page.set_default_timeout(60_000)
        opened.append((page, Faults(page)))
        page.goto(f"{server.url}/?token={server.token}")
        page.goto(f"{server.url}/voila/render/{name}.ipynb")
        page.locator(".wb").first.wait_for()
        return page

    yield open_
    for page, _ in opened:
        if not page.is_closed():
            leave(page)
        page.context.close()
    found = [fault for _, faults in opened for fault in faults.found]
    assert not found, found


def rows(page: Any) -> Any:
    """Rows of the table of tracks."""
    return page.locator(".wb-tracks tbody tr")


def leave(page: Any) -> None:
    """Close a page as a person does, who waits for it."""
    with page.expect_event("close"):
        page.close(run_before_unload=True)


def ask(url: str) -> Any:
    """Ask without a browser."""
    return urllib.request.urlopen(url, timeout=30)


# --- who may come in, and what it costs -----------------------------------------------------------------


def test_without_the_token_nobody_sees_anything(server: Server) -> None:
    assert "login" in ask(server.url).url
    assert "login" in ask(f"{server.url}/voila/render/library.ipynb").url
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(f"{server.url}/voila/api/contents/")


def test_the_sources_of_a_page_are_not_served(server: Server) -> None:
    for path in ("/voila/files/library.ipynb", "/voila/files/../library.ipynb"):
        with pytest.raises(urllib.error.HTTPError):
            ask(f"{server.url}{path}?token={server.token}")


def test_a_page_may_load_nothing_from_elsewhere(server: Server) -> None:
    with ask(f"{server.url}/?token={server.token}") as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = answer.read().decode()
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert not re.search(r"(?:src|href)=\"https?://", text)


def test_the_first_page_leads_to_all_others(chromium: Any, server: Server, photograph: Photograph) -> None:
    page = chromium.new_page()
    faults = Faults(page)
    page.goto(f"{server.url}/?token={server.token}")
    assert [link.get_attribute("href") for link in page.get_by_role("link").all()] == [
        f"/voila/render/{name}.ipynb" for name in NAMES
    ]
    photograph(page, "dashboards")
    page.close()
    assert not faults.found


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_made_by_a_kernel_that_waits_for_it(server: Server, visit: Visit, name: str) -> None:
    server.wait_until_warm()
    taken = server.said().count("Using pre-heated kernel")
    page = visit(name)
    rows(page).first.wait_for()
    assert server.said().count("Using pre-heated kernel") == taken + 1
    leave(page)
    server.wait_until_warm()  # and another waits in its place


@pytest.mark.parametrize("name", NAMES)
def test_no_serious_fault_of_accessibility_in_any_scheme_or_width(
    visit: Visit, name: str, photograph: Photograph
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="`make setup` has axe-playwright-python")
    for dark, width in ((False, 1280), (True, 1280), (False, 390)):
        page = visit(name, width=width, dark=dark)
        rows(page).first.wait_for()
        page.wait_for_timeout(1500)
        photograph(page, f"dashboard-{name}-{'dark' if dark else 'light'}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        found = axe.Axe().run(page).response["violations"]
        serious = [
            (fault["id"], [node["html"][:160] for node in fault["nodes"]])
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]
        leave(page)
        assert not serious, (dark, width, serious)


def test_closed_pages_leave_no_kernel(server: Server, visit: Visit) -> None:
    for _ in range(PAGES):
        page = visit("find-similar")
        rows(page).first.wait_for()
        leave(page)
        page.context.close()
        server.wait_until_warm()
    assert len(server.kernels()) == len(NAMES)


# --- what people do -------------------------------------------------------------------------------------


def test_find_similar_from_a_clip_to_a_region(visit: Visit, tmp_path: Path, photograph: Photograph) -> None:
    clip = write_track(tmp_path / "clip.wav", 77, style="rock", seconds=4)
    page = visit("find-similar")
    page.locator("input[type=file]").set_input_files(str(clip))
    until(lambda: titles(page), page)
    before = titles(page)
    for facet, key in (("timbre", "Home"), ("harmony", "Home"), ("dynamics", "Home"), ("rhythm", "End")):
        page.get_by_label(f"How much {facet} counts").press(key)
    until(lambda: titles(page) != before, page)
    page.wait_for_timeout(1000)  # the last slider has had its say too
    page.locator(".wb-similarity tbody tr").first.click()
    until(lambda: page.locator(".wb-player .wb-title").inner_text() == titles(page)[0], page)
    page.locator(".wb-stage").scroll_into_view_if_needed()
    drag(page, page.locator(".wb-stage").bounding_box(), (0.1, 0.3), (0.9, 0.3))
    page.get_by_role("button", name="Use the marked region").click()
    page.wait_for_timeout(1000)
    photograph(page, "dashboard-find-similar-done")
    until(lambda: "–" in page.locator(".wb-similarity tbody td:nth-child(5)").first.inner_text(), page)


def test_a_playlist_is_made_put_in_order_and_taken_home(visit: Visit, shown: Library, photograph: Photograph) -> None:
    page = visit("playlist-studio")
    length = page.get_by_label("How many tracks")
    length.fill("4")
    length.press("Tab")
    page.get_by_role("button", name="Make the playlist").click()
    names = page.locator(".wb-item .wb-title")
    until(lambda: names.count() == 4, page)
    order = names.all_inner_texts()
    page.locator(".wb-item").nth(0).drag_to(page.locator(".wb-item").nth(2))
    until(lambda: names.all_inner_texts() != order, page)
    photograph(page, "dashboard-playlist-done")
    with page.expect_download() as taken:
        page.get_by_role("button", name="M3U8").click()
    paths = [line for line in Path(taken.value.path()).read_text().splitlines() if not line.startswith("#")]
    by_path = {track["path"]: track["title"] for track in shown.tracks()}
    assert [by_path[path] for path in paths] == names.all_inner_texts()


def test_a_lasso_on_the_map_selects_in_the_table(visit: Visit, shown: Library) -> None:
    page = visit("map-and-label")
    page.locator(".wb-legend i").first.wait_for()
    box = page.locator("canvas.wb-map").bounding_box()
    drag(page, box, (0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.01))
    page.get_by_text(f"{shown.count()} selected").first.wait_for()
    assert page.locator(".wb-tracks tr.wb-chosen").count() == min(25, shown.count())


def test_an_analysis_goes_on_when_its_page_is_closed(
    server: Server, visit: Visit, shown: Library, photograph: Photograph
) -> None:
    rng = np.random.default_rng(0)
    new = server.library.parent / "new"  # below the server's home folder
    new.mkdir()
    for number in range(N_LONG):
        soundfile.write(new / f"{number}.wav", 0.1 * rng.standard_normal(LONG_S * 22050), 22050)
    before = shown.count()
    page = visit("library")
    folder = page.get_by_label("Folder").first
    folder.fill("~/new")
    folder.press("Enter")
    page.get_by_text(f"{N_LONG} files, {N_LONG} of them new").wait_for()
    page.get_by_role("button", name="Analyze").click()
    bar = page.locator(".wb-analysis [role=progressbar]")
    until(lambda: 0 < float(bar.get_attribute("aria-valuenow") or 0) < 100, page)
    photograph(page, "dashboard-library-at-work")
    leave(page)
    deadline = time.monotonic() + 120
    while shown.count() < before + N_LONG and time.monotonic() < deadline:
        time.sleep(0.3)
    assert shown.count() == before + N_LONG
    server.wait_until_warm()


def test_no_folder_outside_the_allowed_roots_is_looked_into(server: Server, visit: Visit, tmp_path: Path) -> None:
    way_out = server.library.parent / "way out"
    way_out.symlink_to(tmp_path)
    page = visit("library")
    folder = page.get_by_label("Folder").first
    until(lambda: folder.input_value().startswith("~"), page)
    folder.fill("~")
    folder.press("Enter")
    page.get_by_role("button", name="music.library").wait_for()
    assert page.get_by_role("button", name="Up").is_disabled()
    assert page.get_by_role("button", name="way out").count() == 0
    for path in ("/", "..", "~/..", str(tmp_path), "~/way out"):
        folder.fill(path)
        folder.press("Enter")
        page.get_by_text(f"{path!r} is outside the folders that may be looked into.").wait_for()
    way_out.unlink()


def test_two_pages_and_a_reload_know_nothing_of_each_other(visit: Visit) -> None:
    one, two = visit("find-similar"), visit("find-similar")
    for page in (one, two):
        rows(page).first.wait_for()
    rows(one).first.click()
    assert two.locator(".wb-tracks tr.wb-chosen").count() == 0
    one.reload()
    rows(one).first.wait_for()
    assert one.locator(".wb-tracks tr.wb-chosen").count() == 0


def test_a_title_from_a_file_is_text(visit: Visit) -> None:
    visit("library").get_by_text(HOSTILE_TITLE, exact=True).first.wait_for()
