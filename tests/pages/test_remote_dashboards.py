"""The dashboards of a library that a server has: what people do with one that is here, they do with this one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.collection import Analyzed, cluster, write_track
from tests.pages.conftest import Photograph
from tests.pages.test_dashboards import (
    Server,
    Visit,
    rows,
    shown,
    test_a_lasso_on_the_map_selects_in_the_table,
    test_a_playlist_is_made_put_in_order_and_taken_home,
    test_a_title_from_a_file_is_text,
    test_find_similar_from_a_clip_to_a_region,
    visit,
)
from tests.pages.test_widgets_in_a_browser import until
from tests.server import serving
from tests.server.serving import Served
from workbench.library import Library

__all__ = [
    "cluster",
    "shown",
    "test_a_lasso_on_the_map_selects_in_the_table",
    "test_a_playlist_is_made_put_in_order_and_taken_home",
    "test_a_title_from_a_file_is_text",
    "test_find_similar_from_a_clip_to_a_region",
    "visit",
]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("unmeasured")]


@pytest.fixture(scope="module")
def elsewhere(analyzed: Analyzed, cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give the server that has the library."""
    running = serving.start(tmp_path_factory.mktemp("elsewhere"), analyzed, WORKBENCH_SCHEDULER=cluster)
    yield running
    assert serving.stop(running) == 0


@pytest.fixture(scope="module")
def server(elsewhere: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Dashboards of that library, by its address alone."""
    folder = tmp_path_factory.mktemp("dashboards")
    started = Server(elsewhere.library, folder, "--server", elsewhere.url, WORKBENCH_TOKEN=elsewhere.token)
    yield started
    started.stop()
    assert not list(folder.glob("**/catalog.sqlite")), "a library was made here"
    assert elsewhere.token not in started.said()


def test_a_folder_of_the_server_is_analyzed(
    elsewhere: Served, visit: Visit, shown: Library, photograph: Photograph
) -> None:
    for number in range(6):
        write_track(elsewhere.inbox / "new" / f"{number}.wav", 700 + number, seconds=20)
    (elsewhere.inbox / "new" / "broken <i>.mp3").write_text("no music")
    before = shown.count()
    page = visit("library")
    folder = page.get_by_label("Folder").first
    until(lambda: folder.input_value() == str(elsewhere.music), page)
    folder.fill("/")
    folder.press("Enter")
    page.get_by_text("Only files and folders below the allowed roots can be analyzed.").first.wait_for()
    folder.fill(str(elsewhere.inbox / "new"))
    folder.press("Enter")
    page.get_by_text("7 files, 7 of them new").wait_for()
    page.get_by_role("button", name="Analyze").click()
    page.locator(".wb-analysis").get_by_text("done · 7 of 7 files").wait_for()
    page.locator(".wb-analysis").get_by_role("button", name="1 failed").click()
    page.locator(".wb-analysis").get_by_text("broken <i>.mp3").wait_for()
    page.locator(".wb-monitor").get_by_text("done · 7 of 7 files").first.wait_for()
    until(lambda: rows(page).count() == before + 6, page)
    photograph(page, "remote-library")


def test_labels_are_given_learned_and_drawn(elsewhere: Served, visit: Visit, shown: Library) -> None:
    page = visit("map-and-label")
    card = page.locator(".wb-card .wb-title")
    tempo = {track["title"] or Path(track["path"]).name: track["bpm"] or 0 for track in shown.tracks()}

    def label_one() -> None:
        title = card.inner_text()
        page.locator(".wb-labeler").press("1" if tempo[title] < 125 else "2")
        until(lambda: card.inner_text() != title, page)

    card.wait_for()
    for _ in range(6):
        label_one()
    said = shown.labels()
    assert (len(said), {one.author for one in said}) == (6, {author_of(elsewhere)})
    page.locator(".wb-labeler").press("z")
    until(lambda: len(shown.labels()) == 5, page)
    label_one()
    page.get_by_role("button", name="Apply to the library").click()
    page.get_by_text("The column label.style").wait_for()
    assert sum(shown.label_columns()["style"].values()) == shown.count()
    until(lambda: page.locator(".wb-tracks thead th").last.inner_text() == "style", page)
    rows(page).first.click()
    page.locator("canvas.wb-frames").first.wait_for()


def author_of(elsewhere: Served) -> Any:
    return elsewhere.get("/me")["name"]
