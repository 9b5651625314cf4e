"""Duplicates, from sound to groups: transcodes, levels, trims and edits are found, others of their style are not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.jobs.collection import cluster
from workbench.library import Library
from workbench.testing import encode, simulate_track

__all__ = ["cluster"]

SR, SECONDS = 44100, 24.0
STYLES = {"house": 124, "rock": 118, "ambient": 70, "reggae": 74}


def write(path: Path, y: np.ndarray, **tags: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(y, SR, path.suffix[1:], tags=tags))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, cluster: str) -> Iterator[Library]:
    """Give a library of two songs of each style; of the first of each there are other forms."""
    folder = tmp_path_factory.mktemp("duplicates")
    music = folder / "music"
    for style, tempo in STYLES.items():
        for song in range(2):
            y, sr, _ = simulate_track(70 + song, style=style, tempo=tempo, duration=SECONDS, sr=SR)
            write(music / f"{style}{song}.flac", y, artist=style, title=f"Song {song}")
            if song:
                continue
            n = len(y)
            write(music / f"{style}0 other.mp3", y)
            write(music / f"{style}0 quiet.wav", 0.4 * y)
            write(music / f"{style}0 trimmed.mp3", y[round(1.37 * sr) :])
            write(music / f"{style}0 edit.flac", np.concatenate([y[: n * 3 // 8], y[n * 5 // 8 :]]))
    hit = simulate_track(3, style="rock", tempo=120, duration=0.5, sr=SR)[0]
    write(music / "hit.wav", hit)
    write(music / "hit again.mp3", 0.7 * hit)
    (music / "hit copy.wav").write_bytes((music / "hit.wav").read_bytes())
    tagged = simulate_track(70, style="house", tempo=140, duration=SECONDS, sr=SR)[0]
    write(music / "house live.ogg", tagged, artist="HOUSE", title="Song 0 (Live)")
    with contextlib.closing(Library.open(folder / "music.library")) as opened:
        opened.analyze(music, scheduler=cluster)
        yield opened


@pytest.fixture(scope="module")
def groups(library: Library) -> list[dict[str, Any]]:
    return library.duplicates()


def names(track: dict[str, Any]) -> list[str]:
    return [Path(path).stem for path in track["paths"]]


def group_of(groups: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [group for group in groups if any(name in names(track) for track in group["tracks"])]
    return found


@pytest.mark.parametrize("style", STYLES)
def test_all_forms_of_a_song_are_in_one_group(groups: list[dict[str, Any]], style: str) -> None:
    group = group_of(groups, f"{style}0")
    found = {name for track in group["tracks"] for name in names(track)} - {"house live"}
    assert found == {f"{style}0", *(f"{style}0 {form}" for form in ("other", "quiet", "trimmed", "edit"))}
    assert group["kind"] == "another version"  # for the edit
    stems = {track["id"]: names(track)[0] for track in group["tracks"]}
    kinds = {frozenset((stems[e["a"]], stems[e["b"]])): e["kind"] for e in group["evidence"]}
    for pair, kind in kinds.items():
        if not pair & {"house live"}:
            assert kind == ("another version" if f"{style}0 edit" in pair else "same recording"), pair


@pytest.mark.parametrize("style", STYLES)
def test_others_of_the_style_are_in_none(groups: list[dict[str, Any]], style: str) -> None:
    assert not [group for group in groups for track in group["tracks"] if f"{style}1" in names(track)]


def test_a_performance_of_the_same_title_is_another_version(groups: list[dict[str, Any]]) -> None:
    group = group_of(groups, "house live")
    live = next(track["id"] for track in group["tracks"] if names(track) == ["house live"])
    assert any(e["same_title"] for e in group["evidence"] if live in (e["a"], e["b"]))


def test_the_same_bytes_and_the_same_sample(groups: list[dict[str, Any]]) -> None:
    group = group_of(groups, "hit")
    assert group["kind"] == "same sample"
    assert [names(track) for track in group["tracks"]] == [["hit again"], ["hit copy", "hit"]]
    same_bytes = [e for e in group["evidence"] if e["a"] == e["b"]]
    assert [(e["kind"], e["distance"], e["aligned"]) for e in same_bytes] == [("same recording", 0.0, 1.0)]


def test_groups_are_told_in_full_and_nothing_is_changed(library: Library, groups: list[dict[str, Any]]) -> None:
    ids = [track["id"] for group in groups for track in group["tracks"]]
    assert len(set(ids)) == len(ids)
    for group in groups:
        assert list(group) == ["kind", "tracks", "evidence"]
        members = {track["id"] for track in group["tracks"]}
        for track in group["tracks"]:
            assert list(track) == ["id", "paths", "title", "artist", "album", "duration_s"]
        for evidence in group["evidence"]:
            assert {evidence["a"], evidence["b"]} <= members
            assert list(evidence) == ["a", "b", "kind", "distance", "aligned", "offset_s", "same_title"]
    trimmed = group_of(groups, "rock0 trimmed")
    (link,) = [
        e
        for e in trimmed["evidence"]
        if {names(t)[0] for t in trimmed["tracks"] if t["id"] in (e["a"], e["b"])} == {"rock0", "rock0 trimmed"}
    ]
    assert abs(abs(link["offset_s"]) - 1.37) <= 0.5
    assert library.duplicates() == groups
    assert len(library.tracks()) == 8 + 16 + 2 + 1


def test_versions_come_as_one_result(library: Library) -> None:
    reference = next(track["id"] for track in library.tracks() if track["path"].endswith("rock1.flac"))
    found = library.similar(reference, 30).results
    listed = [result["id"] for result in found] + [v["id"] for result in found for v in result["versions"]]
    assert len(set(listed)) == len(listed) == len(library.tracks()) - 1
    for style in ("house", "rock"):
        forms = {f"{style}0", *(f"{style}0 {form}" for form in ("other", "quiet", "trimmed"))}
        (shown,) = [result for result in found if Path(result["path"]).stem in forms]
        assert forms <= {Path(path).stem for path in [shown["path"], *(v["path"] for v in shown["versions"])]}
    apart = library.similar(reference, 30, fold=False).results
    assert sorted(result["id"] for result in apart) == sorted(listed)
