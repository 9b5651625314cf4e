"""Measure the widgets in a browser over a large simulated library: what a person waits for.

    python scripts/prove_widgets.py --tracks 100000

1. A library of many simulated tracks is entered directly, as `prove_search.py` does.
2. Voila shows pages with the table, the search and the map. In headless Chromium each is used as a person would, and
   the clock runs from the click to what is painted: for pages of the table in several orders, for results while a
   slider of the search moves, for the map from the question to its points.
3. `workbench dashboards` shows the library; a browser that has been there before opens each dashboard again and again,
   and the clock runs until its first tracks are seen. When all are closed no kernel is left but those that wait for the
   next page, and the server's memory is where it was.

Needs Chromium and playwright (the extra ``test``).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from proof import Proof, arguments, lives
from prove_search import simulate

from workbench import Library
from workbench.dashboards import DASHBOARDS
from workbench.testing.services import free_port

MOST_TABLE_MS, MOST_MAP_MS, MOST_RANK_MS, MOST_RENDER_MS = 200.0, 2000.0, 150.0, 3000.0
#: How often the map is drawn, and each dashboard opened, after a first time; and what the server may hold then.
DRAWINGS, OPENINGS, MOST_MORE_MB = 3, 5, 40.0
_STARTUP_S = 120.0

BEGIN = """
import os, workbench as wb
from workbench.widgets import *
lib = wb.Library.open(os.environ["WORKBENCH_LIBRARY"])
selection = Selection()
"""
PAGES = {
    "table": ("TrackTable(lib, selection)",),
    "search": ("SimilaritySearch(lib, selection, reference=lib.tracks(limit=1)[0]['id'])",),
    "map": ("SonicMap(lib, selection)",),
}

#: Runs in the page: acts, and gives the milliseconds until the first row of a table is another element, and painted.
UNTIL_ANOTHER_ROW = """async ([table, act]) => {
  const row = () => document.querySelector(`${table} tbody tr`);
  const before = row();
  const began = performance.now();
  new Function(act)();
  while (row() === before || !row()) {
    if (performance.now() - began > 60000) throw new Error(`nothing follows ${act}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - began;
}"""
UNTIL_DRAWN = """() => {
  const [drawn] = performance.getEntriesByName("workbench map drawn");
  return drawn ? drawn.duration : null;
}"""
HEADS = "[...document.querySelectorAll('.wb-tracks th button')]"


def main() -> int:
    """Enter, open, use, measure."""
    parser = arguments(__doc__, rounds=20, what="times that each is used")
    parser.add_argument("--tracks", type=int, default=100_000, metavar="N", help="how many (default 100000)")
    given = parser.parse_args()
    proof = Proof(f"Widgets over {given.tracks:,} tracks: nobody waits", as_json=given.json)
    with tempfile.TemporaryDirectory(prefix="workbench-prove-widgets-") as scratch:
        folder = Path(scratch)
        with Library.open(folder / "music.library") as library:
            simulate(library, given.tracks, np.random.default_rng(given.seed))
            proof.say("library")
            began = time.perf_counter()
            library.map()  # made once when a library has grown, not at each opening
            proof.figures["map_laid_out_once_in_s"] = round(time.perf_counter() - began, 1)
        proof.say("layout")
        for name, (measured, most) in in_browser(folder, given.rounds).items():
            proof.figures[name] = {"median": round(float(np.median(measured))), "worst": round(max(measured))}
            proof.check(max(measured) <= most, f"{name}: {max(measured):.0f}, of {most:g} at most")
    return proof.end()


def in_browser(folder: Path, rounds: int) -> dict[str, tuple[list[float], float]]:
    """Use the widgets of a library in a folder; give what was measured, by name, and how much it may be."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with voila(folder) as address:
            found = used(browser, address, rounds)
        with dashboards(folder) as server:
            found |= opened_and_closed(browser, server, min(OPENINGS, max(1, rounds // 2)))
        browser.close()
    return found


def used(browser: Any, address: str, rounds: int) -> dict[str, tuple[list[float], float]]:
    """Use each widget; gives what `in_browser` does."""
    table = opened(browser, address, "table", ".wb-tracks tbody tr")
    acts = [f"{HEADS}.find((head) => head.textContent.startsWith('{name}')).click()" for name in HEADINGS]
    acts.append(NEXT)
    pages = [timed(table, ".wb-tracks", acts[i % len(acts)]) for i in range(rounds)]
    table.context.close()
    search = opened(browser, address, "search", ".wb-similarity tbody tr")
    ranks = [timed(search, ".wb-similarity", slide(i)) for i in range(rounds)]
    search.context.close()
    return {
        "page_of_the_table_ms": (pages, MOST_TABLE_MS),
        "ranked_again_ms": (ranks, MOST_RANK_MS),
        "map_drawn_ms": ([drawn(browser, address) for _ in range(DRAWINGS)], MOST_MAP_MS),
    }


def opened_and_closed(browser: Any, server: Server, openings: int) -> dict[str, tuple[list[float], float]]:
    """Open each dashboard some times, close it, look at what the server holds then; gives what `in_browser` does."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(server.address)
    times: list[float] = []
    held: list[float] = []
    for i in range(len(DASHBOARDS) * (1 + openings)):
        server.wait_until_warm(i)
        held.append(server.process.memory_info().rss / 2**20)
        began = time.perf_counter()
        page.goto(f"{server.address.partition('/?')[0]}/voila/render/{DASHBOARDS[i % len(DASHBOARDS)].name}.ipynb")
        page.wait_for_selector(".wb-tracks tbody tr", timeout=60_000)
        times.append(1000 * (time.perf_counter() - began))
    page.goto("about:blank")
    server.wait_until_warm(len(times))
    held.append(server.process.memory_info().rss / 2**20)
    time.sleep(2.0)  # the last one that ends is buried
    children = filter(lives, server.process.children(recursive=True))
    kernels = sum("ipykernel_launcher" in " ".join(child.cmdline()) for child in children)
    context.close()
    first = len(DASHBOARDS)  # at first the browser had none of the scripts
    return {
        "dashboard_opened_ms": (times[first:], MOST_RENDER_MS),
        "kernels_left": ([float(kernels - len(DASHBOARDS))], 0.0),
        "memory_of_the_server_more_by_mb": ([held[-1] - held[first]], MOST_MORE_MB),
    }


NEXT = "[...document.querySelectorAll('.wb-tracks button')].find((one) => /^Next/.test(one.textContent)).click()"
HEADINGS = ("BPM", "Title", "Energy", "Artist", "LUFS", "BPM")


def slide(step: int) -> str:
    """Give the script that moves a slider to another place."""
    return (
        f"const one = document.querySelectorAll('.wb-similarity input[type=range]')[{step % 4}];"
        f"one.value = {0.5 + 0.25 * (step % 13)}; one.dispatchEvent(new Event('input'))"
    )


def timed(page: Any, table: str, act: str) -> float:
    """Act, and give the milliseconds until another table is there."""
    page.wait_for_timeout(300)
    return float(page.evaluate(UNTIL_ANOTHER_ROW, [table, act]))


def opened(browser: Any, address: str, name: str, awaited: str) -> Any:
    """Open a page of its own, and wait until something is there."""
    page = browser.new_context(viewport={"width": 1200, "height": 1000}).new_page()
    page.goto(f"{address}/voila/render/{name}.ipynb")
    page.wait_for_selector(awaited, timeout=60_000)
    page.wait_for_timeout(2000)
    return page


def drawn(browser: Any, address: str) -> float:
    """Open the map, and give the milliseconds from the question to the drawn points."""
    page = opened(browser, address, "map", ".wb-map")
    page.wait_for_function(UNTIL_DRAWN, timeout=60_000)
    found = float(page.evaluate(UNTIL_DRAWN))
    page.context.close()
    return found


@contextmanager
def voila(folder: Path) -> Iterator[str]:
    """Show the pages for a library; gives the address."""
    for name, cells in PAGES.items():
        made = [
            {"cell_type": "code", "id": f"c{i}", "execution_count": None, "metadata": {}, "outputs": [], "source": cell}
            for i, cell in enumerate((BEGIN, *cells))
        ]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        notebook = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook))
    port = free_port()
    command = [sys.executable, "-m", "voila", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1", str(folder)]
    address = f"http://127.0.0.1:{port}"
    with running(command, folder):
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/voila/static/voila.js", timeout=5).close()
                break
            time.sleep(0.2)
        yield address


@dataclass
class Server:
    """`workbench dashboards`: its address with the token, its process, and what gives what it has said."""

    address: str
    process: psutil.Process
    said: Callable[[], str]

    def wait_until_warm(self, opened: int) -> None:
        """Wait until a kernel waits for each page, after so many have been opened, and no other is there."""
        deadline = time.monotonic() + _STARTUP_S
        while self.said().count("is filled with 1 kernel") < opened + len(DASHBOARDS):
            if time.monotonic() > deadline:
                raise SystemExit(f"No kernel waits for a page: {self.said()[-2000:]}")
            time.sleep(0.2)
        time.sleep(0.5)  # the kernel of the page before has been told to end


@contextmanager
def dashboards(folder: Path) -> Iterator[Server]:
    """Show the dashboards of a library."""
    command = [sys.executable, "-m", "workbench.cli", "dashboards", "--no-browser", f"--port={free_port()}"]
    with running([*command, "--library", str(folder / "music.library")], folder) as (process, said):
        deadline = time.monotonic() + _STARTUP_S
        while not (found := re.search(r"http://127\.0\.0\.1:\d+/\?token=\w+", said())):
            if time.monotonic() > deadline:
                raise SystemExit(f"The dashboards do not start: {said()[-2000:]}")
            time.sleep(0.2)
        yield Server(found[0], psutil.Process(process.pid), said)


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], str]]]:
    """Have a server run in a folder; gives its process, and what gives what it has said."""
    environment = {**os.environ, "WORKBENCH_LIBRARY": str(folder / "music.library"), "JUPYTER_CONFIG_DIR": str(folder)}
    log = folder / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=folder, start_new_session=True)
    try:
        yield process, log.read_text
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


if __name__ == "__main__":
    sys.exit(main())
