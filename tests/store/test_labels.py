"""Labels: who said what of which track, and what a new word replaces."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import workbench as wb
from tests.jobs.collection import Analyzed, analyzed, cluster
from workbench.errors import InputError
from workbench.library import Library

__all__ = ["analyzed", "cluster"]


@pytest.fixture
def own(tmp_path: Path, analyzed: Analyzed) -> Iterator[Library]:
    shutil.copytree(analyzed.path, tmp_path / "own.library")
    with Library.open(tmp_path / "own.library") as opened:
        yield opened


def test_an_author_replaces_their_own_labels_alone(own: Library) -> None:
    one, two = (track["id"] for track in own.tracks(limit=2))
    own.label(one, wb.Label("genre", "dub"), wb.Label("break", start_s=0.5, end_s=1.0), author="ada")
    own.label(one, wb.Label("genre", "reggae"), author="bob")
    own.label(two, wb.Label("genre", "dub"), author="ada")
    before = {label.name: label for label in own.labels(one) if label.author == "ada"}
    kept = own.label(one, wb.Label("genre", "dub"), author="ada")
    assert [(label.author, label.name, label.value) for label in kept] == [
        ("ada", "genre", "dub"),
        ("bob", "genre", "reggae"),
    ]
    assert kept[0].labelled_at == before["genre"].labelled_at
    assert (before["break"].start_s, before["break"].end_s) == (0.5, 1.0)
    assert {label.track for label in own.labels()} == {one, two}
    assert own.label(one, author="bob") == [kept[0]]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"name": "a" * 201},
        {"name": "a", "value": " "},
        {"name": "a", "start_s": 1.0},
        {"name": "a", "end_s": 1.0},
        {"name": "a", "start_s": 2.0, "end_s": 1.0},
        {"name": "a", "start_s": -1.0, "end_s": 1.0},
        {"name": "a", "start_s": float("nan"), "end_s": 1.0},
        {"name": "a", "start_s": 0.0, "end_s": float("inf")},
    ],
)
def test_labels_that_make_no_sense(fields: dict[str, float]) -> None:
    with pytest.raises(InputError):
        wb.Label(**fields)  # type: ignore[arg-type]


def test_what_cannot_be_kept(own: Library) -> None:
    track = own.tracks(limit=1)[0]["id"]
    with pytest.raises(InputError, match="twice"):
        own.label(track, wb.Label("a"), wb.Label("a"))
    with pytest.raises(InputError, match="too many"):
        own.label(track, *(wb.Label(str(number)) for number in range(1001)))
    with pytest.raises(InputError, match="no track"):
        own.label("0" * 32, wb.Label("a"))
    assert own.labels() == []
