"""Exported playlists are read back as meant, however hostile the names in them."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.playlist import Playlist, PlaylistRequest, Transition, build, export, to_csv, to_json, to_m3u8, to_xspf
from workbench.playlist.export import beat_grid, to_rekordbox

NS = {"x": "http://xspf.org/ns/0/"}
HOSTILE_NAME = st.text(
    st.characters(codec=None, exclude_characters="/\0", exclude_categories=()), min_size=1, max_size=20
).map(lambda name: os.fsdecode(name.encode("utf-8", "replace") + b"\xff" * (len(name) % 2)))
HOSTILE_TEXT = st.none() | st.text(st.characters(codec=None), max_size=30)


def playlist(*tracks: dict[str, Any]) -> Playlist:
    """A playlist of records as they are."""
    steps = [Transition(1.0, "same key", 0.1)] * (len(tracks) - 1)
    return Playlist(PlaylistRequest(), [{"id": i, **track} for i, track in enumerate(tracks)], steps, [], 0.0)


def read_m3u8(text: str) -> list[bytes]:
    """Paths as a player reads them: lines that are no comments, URIs decoded."""
    locations = [line for line in text.split("\n") if line and not line.startswith("#")]
    return [
        unquote_to_bytes(line.removeprefix("file://")) if line.startswith("file://") else os.fsencode(line)
        for line in locations
    ]


def test_m3u8_is_what_players_expect() -> None:
    text = to_m3u8(
        playlist(
            {"path": "/music/a.flac", "artist": "Nina", "title": "Été", "duration_s": 61.6},
            {"path": "/music/b c.ogg", "artist": None, "title": None, "duration_s": None},
        )
    )
    assert text.splitlines() == [
        *("#EXTM3U", "#EXTINF:62,Nina - Été", "/music/a.flac"),
        *("#EXTINF:-1,b c", "/music/b c.ogg"),
    ]


@settings(max_examples=150, deadline=None)
@given(name=HOSTILE_NAME, title=HOSTILE_TEXT, relative=st.booleans())
def test_no_name_breaks_a_playlist(name: str, title: str | None, relative: bool) -> None:
    path = f"/music/{name}"
    made = playlist({"path": path, "title": title, "artist": title, "album": title, "duration_s": 1.0})
    folder = "/music" if relative else None
    text = to_m3u8(made, relative_to=folder)
    text.encode("utf-8")
    lines = text.split("\n")
    assert len(lines) == 4, "a head, two lines for the track, and the last line's end"
    assert text.splitlines() == lines[:-1]
    assert lines[1].startswith("#EXTINF:1,")
    assert not lines[2].startswith("#")
    (found,) = read_m3u8(text)
    assert os.path.normpath(os.path.join(b"/music", found)) == os.path.normpath(os.fsencode(path))

    root = ElementTree.fromstring(to_xspf(made, relative_to=folder).encode("utf-8"))
    location = root.findtext("x:trackList/x:track/x:location", namespaces=NS)
    assert location is not None
    there = unquote_to_bytes(location.removeprefix("file://"))
    assert os.path.normpath(os.path.join(b"/music", there)) == os.path.normpath(os.fsencode(path))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/m/list/#1.mp3", "./#1.mp3"),
        ("/m/list/http:evil/x.mp3", "./http:evil/x.mp3"),
        ("/m/other/a.mp3", "../other/a.mp3"),
        ("/m/list/a.mp3", "a.mp3"),
    ],
)
def test_relative_paths(path: str, line: str) -> None:
    assert to_m3u8(playlist({"path": path}), relative_to="/m/list").splitlines()[2] == line


def test_a_path_that_no_line_can_hold_is_an_absolute_uri() -> None:
    made = playlist({"path": "/m/list/a\nb.mp3"}, {"path": os.fsdecode(b"/m/list/\xff.mp3")})
    for folder in (None, "/m/list"):
        lines = to_m3u8(made, relative_to=folder).splitlines()
        assert lines[2] == "file:///m/list/a%0Ab.mp3"
        assert lines[4] == "file:///m/list/%FF.mp3"


def test_xspf_holds_tags_and_durations_and_leaves_out_the_unknown() -> None:
    text = to_xspf(
        playlist(
            {"path": "/m/a.mp3", "title": "<b>&\x00", "artist": "A\u202eB", "album": "C", "duration_s": 1.5},
            {"path": "/m/b.mp3", "title": None},
        )
    )
    first, second = ElementTree.fromstring(text).findall("x:trackList/x:track", NS)
    assert {child.tag.split("}")[1]: child.text for child in first} == {
        **{"location": "file:///m/a.mp3", "title": "<b>&", "creator": "A B", "album": "C", "duration": "1500"},
    }
    assert [child.tag.split("}")[1] for child in second] == ["location"]
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>')


def test_csv_has_a_row_per_track_and_no_formula(make_tracks: Callable[..., list[dict[str, Any]]]) -> None:
    tracks = make_tracks(6)
    tracks[2]["title"] = '=HYPERLINK("http://x")'
    made = build(tracks, PlaylistRequest(n=6))
    rows = list(csv.DictReader(io.StringIO(to_csv(made), newline="")))
    assert [int(row["id"]) for row in rows] == [track["id"] for track in made.tracks]
    assert [row["position"] for row in rows] == list("123456")
    assert rows[0]["cost"] == ""
    assert float(rows[1]["cost"]) == made.transitions[0].cost
    assert next(row for row in rows if row["id"] == "2")["title"].startswith("'=")


def test_json_is_all_that_is_known(library: list[dict[str, Any]]) -> None:
    made = build(library, PlaylistRequest(n=5, curve="rise"))
    assert json.loads(to_json(made)) == made.to_dict()


def test_an_empty_playlist_is_written_too() -> None:
    assert to_m3u8(playlist()) == "#EXTM3U\n"
    assert to_csv(playlist()).startswith("position,id,title")
    assert ElementTree.fromstring(to_xspf(playlist())).findall("x:trackList/x:track", NS) == []


@pytest.mark.parametrize(
    ("name", "start"),
    [
        *(("a.m3u8", "#EXTM3U"), ("A.M3U", "#EXTM3U"), ("a.xspf", "<?xml"), ("a.json", "{"), ("a.csv", "position")),
        ("a.xml", "<?xml"),
    ],
)
@pytest.mark.parametrize("relative", [False, True])
def test_the_file_name_chooses_the_format(name: str, start: str, relative: bool) -> None:
    assert export(playlist({"path": "/m/a.mp3"}), Path("/m") / name, relative=relative).startswith(start)


def test_relative_is_to_where_the_file_will_lie() -> None:
    made = playlist({"path": "/m/a.mp3"})
    assert export(made, "/m/lists/x.m3u8", relative=True).splitlines()[2] == "../a.mp3"
    assert "<location>../a.mp3</location>" in export(made, "/m/lists/x.xspf", relative=True)


@pytest.mark.parametrize("name", ["a.wpl", "noname"])
def test_an_unknown_format_lists_those_that_exist(name: str) -> None:
    with pytest.raises(InputError, match=r"no playlist format. Use one of \.m3u8, \.m3u, \.xspf, \.json, \.csv, \.xml"):
        export(playlist(), name)


# --- Rekordbox ------------------------------------------------------------------------------------


def test_rekordbox_has_tempo_key_grid_and_order() -> None:
    made = playlist(
        {"path": "/m/é #1.mp3", "title": "<T>&\x00", "artist": "A", "album": None, "bpm": 128.004, "key": "F# minor",
         "duration_s": 61.6},
        {"path": os.fsdecode(b"/m/\xff.mp3"), "title": None, "bpm": None, "key": None, "duration_s": None},
    )  # fmt: skip
    beats = {0: 0.25 + 0.5 * np.arange(60)}
    root = ElementTree.fromstring(to_rekordbox(made, name="Ev\x00ening", beats=beats).encode())
    assert (root.tag, root.attrib) == ("DJ_PLAYLISTS", {"Version": "1.0.0"})
    first, second = root.findall("COLLECTION/TRACK")
    assert first.attrib == {
        **{"TrackID": "1", "Name": "<T>&", "Artist": "A", "TotalTime": "62", "AverageBpm": "128.00"},
        **{"Tonality": "F#m", "Location": "file://localhost/m/%C3%A9%20%231.mp3"},
    }
    assert [grid.attrib for grid in first] == [{"Inizio": "0.250", "Bpm": "120.00", "Metro": "4/4", "Battito": "1"}]
    assert second.get("Location") == "file://localhost/m/%FF.mp3"
    assert "AverageBpm" not in second.attrib
    assert list(second) == []
    node = root.find("PLAYLISTS/NODE/NODE")
    assert node is not None
    assert (node.get("Name"), node.get("Entries"), [t.get("Key") for t in node]) == ("Ev ening", "2", ["1", "2"])


@settings(max_examples=60, deadline=None)
@given(
    tempi=st.lists(st.tuples(st.floats(60, 200), st.integers(8, 60)), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
def test_every_beat_lies_on_the_grid(tempi: list[tuple[float, int]], seed: int) -> None:
    steps = np.concatenate([np.full(count, 60 / bpm) for bpm, count in tempi])
    times = np.round((1 + np.cumsum(steps)) * 43.07) / 43.07  # as frames hold them
    grid = beat_grid(times)
    assert grid[0][0] == times[0]
    for (start, bpm), (stop, _) in itertools.pairwise([*grid, (np.inf, 0.0)]):
        within = times[(times >= start) & (times < stop)]
        phase = (within - start) * bpm / 60
        assert np.abs(phase - np.round(phase)).max() * 60 / bpm <= 0.0301


def test_a_steady_tempo_is_one_stretch() -> None:
    times = np.round((0.4 + 60 / 127.3 * np.arange(500)) * 43.07) / 43.07
    ((start, bpm),) = beat_grid(times)
    assert start == times[0]
    assert bpm == pytest.approx(127.3, abs=0.05)
    assert beat_grid([]) == beat_grid([1.0]) == []
