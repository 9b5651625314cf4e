"""What docs/api.md shows runs: curl in a shell, JavaScript in a page of the server, Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Browser
from tests.jobs.collection import write_track
from tests.server.serving import Served, finished
from tests.server.test_pages import log_in
from tests.test_readme import ROOT, blocks, run

PAGE = (ROOT / "docs/api.md").read_text()


@pytest.fixture
def place(served: Served) -> dict[str, str]:
    """What is elsewhere in a reader's case: the server, and the folder that it may analyze."""
    folder = served.inbox / "documented"
    write_track(folder / "new.wav", 4711)
    (folder / "bad.wav").write_text("no audio")
    return {"http://127.0.0.1:8765": served.url.removesuffix("/api/v1"), "/srv/music/new": str(folder)}


def shown(language: str, place: dict[str, str]) -> list[str]:
    """The blocks of a language, as a reader would change them."""
    found = [block.source for block in blocks(PAGE, "server") if block.language == language]
    assert found
    for name, value in place.items():
        found = [source.replace(name, value) for source in found]
    return found


def test_curl(served: Served, place: dict[str, str], tmp_path: Path) -> None:
    said = run("bash", "\n".join(shown("bash", place)), tmp_path, {"TOKEN": served.token})
    assert '"state": "done"' in said  # of the events
    assert '"not_audio"' in said  # of the failures
    assert '"cancelled"' in said
    assert (tmp_path / "rising.xspf").read_text().endswith("</playlist>\n")
    assert len(json.loads((tmp_path / "waveform.json").read_text())["lowest"]) == 800
    assert len((tmp_path / "beginning").read_bytes()) <= 65536


def test_javascript(served: Served, place: dict[str, str], browser: Browser) -> None:
    log_in(browser, served)
    browser.do("Page.setBypassCSP", enabled=True)  # the page of the documentation lets no script run
    browser.open(f"{served.url}/docs")
    listening = """
        const told = [];
        console.log = (...what) => told.push(what);
    """
    both_ended = """
        const ended = () => told.filter(([state]) => state === "done").length;
        while (ended() < 2) await new Promise((resolve) => setTimeout(resolve, 50));
        return { told, results, job_id };
    """
    answer: dict[str, Any] = browser.run(listening + "\n".join(shown("javascript", place)) + both_ended)
    assert len(answer["results"]) == 5
    assert finished(served, answer["job_id"])["state"] == "done"
    assert answer["told"][-1] == ["done", 100]


def test_python(served: Served, place: dict[str, str], tmp_path: Path) -> None:
    for source in shown("python", place):
        run("python", source, tmp_path, {"WORKBENCH_TOKEN": served.token})
    calm = [track for track in served.get("/tracks?limit=500")["tracks"] if (track["energy"] or 1) < 0.6]
    assert served.get(f"/tracks/{calm[0]['id']}")["labels"][0]["value"] == "dub"
