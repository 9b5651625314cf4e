"""Tables in notebooks show what files say, and let none of it do anything."""

from __future__ import annotations

import pickle
from html.parser import HTMLParser
from typing import Any

import pytest

import workbench as wb
from tests.hostile import HOSTILE
from tests.jobs.collection import Analyzed, analyzed, cluster, library, music
from workbench.display import MOST_ROWS, Records, table
from workbench.library import Library

__all__ = ["analyzed", "cluster", "library", "music"]

#: All that a table may be made of.
TAGS = {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "bdi", "span"}
ATTRIBUTES = {"class", "style", "scope"}


class Seen(HTMLParser):
    """What a browser makes of a table."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.cells: list[str] = []
        self._inside = False
        self.feed(markup)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        if tag == "td":
            self.cells.append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag != "td"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.cells[-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_text(text: str) -> None:
    markup = table([{text: 1, "title": text}], ["title", text], text, text)
    seen = Seen(markup)
    assert seen.tags <= TAGS
    assert seen.attributes <= ATTRIBUTES
    readable = "".join(letter for letter in text if letter >= " " or letter in "\t\n")
    assert seen.cells[0].removesuffix("…").replace("�", "")[:190] == readable[:190]
    for dollar in ("$$", "$\\", "\\(", "\\["):
        assert dollar not in markup


def test_there_are_a_hundred() -> None:
    assert len(set(HOSTILE)) == 100


def test_values_are_written_as_people_read_them() -> None:
    row: dict[str, Any] = {"a": None, "b": 0.456, "duration_s": 61.0, "c": ["x", None], "d": {"e": 0.5}}
    assert Seen(table([row], list(row), "1 row")).cells == ["–", "0.46", "1:01", "x, –", "e 0.50"]


def test_of_many_rows_some_are_shown() -> None:
    rows = [{"id": number} for number in range(MOST_ROWS + 3)]
    markup = table(rows, ["id"], "many")
    assert len(Seen(markup).cells) == MOST_ROWS
    assert "… and 3 more." in markup


def test_records_are_lists() -> None:
    rows = Records([{"a": 1}], ["a"], "things")
    assert rows == [{"a": 1}]
    assert pickle.loads(pickle.dumps(rows)) == rows
    assert pickle.loads(pickle.dumps(rows))._repr_html_() == rows._repr_html_()


def test_what_a_library_gives_shows_itself(analyzed: Analyzed) -> None:
    lib = analyzed.library
    shown: list[Any] = [
        lib, lib.tracks(), lib.tracks(fold_bpm=(70, 140)), lib.jobs(), lib.failed(), lib.playlists(),
        lib.playlist(n=4, curve="rise", minutes=None), lib.similar(lib.tracks(limit=1)[0]["id"]),
    ]  # fmt: skip
    for one in shown:
        seen = Seen(one._repr_html_())
        assert seen.tags <= TAGS
        assert "<b>bold</b>" not in one._repr_html_()
    assert f"{lib.count()} tracks in" in lib._repr_html_()
    assert "files failed" in lib._repr_html_()


def test_an_empty_library_says_what_to_do(library: Library) -> None:
    assert "lib.analyze" in library._repr_html_()


def test_a_job_shows_what_failed(library: wb.Library, music: Any, cluster: str) -> None:
    job = library.analyze(music / "broken", scheduler=cluster)
    assert "notes.mp3" in job._repr_html_()
    assert "3 failed" in job._repr_html_()
