"""Widgets answer what their pages ask, follow the selection, and hold no rows or samples of their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import workbench as wb
from tests.jobs.collection import HOSTILE_TITLE, Analyzed, write_track
from tests.services import eventually
from tests.widgets.conftest import Page
from workbench.errors import InputError
from workbench.library import Library
from workbench.store.labels import Label
from workbench.widgets import (
    BatchAnalysis,
    FeatureExplorer,
    JobMonitor,
    Labeler,
    Player,
    PlaylistBuilder,
    Selection,
    SimilaritySearch,
    SonicMap,
    TrackTable,
    View,
)


@pytest.fixture
def own(tmp_path: Path, analyzed: Analyzed) -> Iterator[Library]:
    shutil.copytree(analyzed.path, tmp_path / "own.library")
    with Library.open(tmp_path / "own.library") as opened:
        yield opened


def some_track(analyzed: Analyzed, name: str = "club/techno.ogg") -> str:
    return str(analyzed.track(name)["id"])


def test_widgets_of_a_page_share_its_selection(page: Page, analyzed: Analyzed) -> None:
    selection = Selection()
    table, player = TrackTable(analyzed.library, selection), Player(analyzed.library, selection)
    track = some_track(analyzed)
    table.playing = track
    assert (selection.playing, player.playing) == (track, track)
    player.region = [1.0, 2.5]
    assert selection.region == [1.0, 2.5]
    player.close()
    table.playing = ""
    assert player.playing == track  # it has let go


def test_only_what_is_meant_for_the_browser_answers_it(page: Page, analyzed: Analyzed) -> None:
    table = TrackTable(analyzed.library)
    for name in ("close", "code", "library", "__init__", "nothing"):
        with pytest.raises(LookupError):
            page.ask(table, name)


def test_what_is_wrong_is_said_with_its_remedy_and_without_internals(page: Page, analyzed: Analyzed) -> None:
    table = TrackTable(analyzed.library, where="bmp > 3")
    with pytest.raises(AssertionError, match="bmp"):
        page.ask(table, "page")
    with pytest.raises(AssertionError, match="inside the workbench"):
        page.ask(table, "page", after=3)


def test_a_table_gives_pages_of_what_fits_in_order(page: Page, analyzed: Analyzed) -> None:
    table = TrackTable(analyzed.library, sort="bpm", descending=True, per_page=2, where="bpm > 0")
    rows, after = [], None
    while True:
        found = page.ask(table, "page", after=after)
        assert len(found["rows"]) <= 2
        rows += found["rows"]
        after = found["next"]
        if after is None:
            break
    expected = sorted((row["bpm"] for row in analyzed.library.tracks("bpm > 0")), reverse=True)
    assert [row["bpm"] for row in rows] == expected
    assert page.ask(table, "count") == len(expected)
    assert [head["name"] for head in page.ask(table, "heads")] == table.columns


def test_copied_python_does_what_is_seen(page: Page, analyzed: Analyzed) -> None:
    lib = analyzed.library
    table = TrackTable(lib, sort="bpm", where="bpm > 0", per_page=3)
    rows, _ = eval(page.ask(table, "copy_as_python").partition(" = ")[2], {"lib": lib})
    assert [row["id"] for row in rows] == [row["id"] for row in page.ask(table, "page")["rows"]]
    search = SimilaritySearch(lib, reference=some_track(analyzed), weights={"timbre": 2.0, "rhythm": 0.0}, n=3)
    again = eval(page.ask(search, "copy_as_python"), {"lib": lib})
    assert [result["id"] for result in again.results] == [row["id"] for row in page.ask(search, "search")["results"]]


def test_a_player_gives_samples_as_they_are_decoded(page: Page, analyzed: Analyzed) -> None:
    track = analyzed.track("club/techno.ogg")
    player = Player(analyzed.library, playing=track["id"])
    whole, sr = soundfile.read(track["path"], dtype="int16", always_2d=True)
    piece = page.ask(player, "excerpt", track=track["id"], start_s=0.5, seconds=0.3)
    assert piece["sr"] == sr
    expected = whole[round(0.5 * sr) : round(0.8 * sr), :2]
    assert piece["samples"].shape == expected.shape
    np.testing.assert_allclose(piece["samples"].astype(int), expected, atol=2)
    code = page.ask(Player(analyzed.library, playing=track["id"], region=[0.5, 0.8]), "copy_as_python")
    found: dict[str, object] = {}
    exec(code, {"lib": analyzed.library}, found)
    np.testing.assert_array_equal(found["samples"], piece["samples"])


def test_a_player_draws_what_is_there(page: Page, analyzed: Analyzed) -> None:
    track = some_track(analyzed)
    player = Player(analyzed.library, playing=track)
    peaks = page.ask(player, "peaks", track=track, points=300)
    np.testing.assert_array_equal(peaks, analyzed.library.waveform(track, 300))
    picture = page.ask(player, "picture", track=track, columns=100)
    assert (picture.dtype, picture.shape[1], picture.max()) == (np.uint8, 100, 255)
    beats = page.ask(player, "beats", track=track)
    assert (np.diff(beats) > 0).all()


def test_a_search_has_results_with_reasons(page: Page, analyzed: Analyzed) -> None:
    search = SimilaritySearch(analyzed.library, reference=some_track(analyzed), n=4)
    found = page.ask(search, "search")["results"]
    expected = analyzed.library.similar(some_track(analyzed), 4).results
    assert [row["id"] for row in found] == [result["id"] for result in expected]
    assert all(row["why"] and row["duration_s"] > 0 for row in found)


def test_filters_of_a_search_are_one_expression(page: Page, analyzed: Analyzed) -> None:
    search = SimilaritySearch(analyzed.library, bpm=[90.0, 130.5], key="A minor", where="energy > 0.2 or mood == 'sad'")
    assert search._where() == ("(energy > 0.2 or mood == 'sad') and bpm >= 90 and bpm <= 130.5 and camelot == \"8A\"")
    with pytest.raises(AssertionError, match="H minor"):
        page.ask(SimilaritySearch(analyzed.library, reference=some_track(analyzed), key="H minor"), "search")


def test_a_clip_comes_in_pieces_and_is_searched_for_and_heard(page: Page, analyzed: Analyzed) -> None:
    track = analyzed.track("club/techno.ogg")
    data = Path(track["path"]).read_bytes()
    search = SimilaritySearch(analyzed.library, n=3)
    half = len(data) // 2
    name = "../../etc/passwd.ogg"
    assert page.ask(search, "upload", name=name, at=0, last=False, buffers=[data[:half]]) is None
    known = page.ask(search, "upload", name=name, at=half, last=True, buffers=[data[half:]])
    assert (search.reference, known["title"]) == ("clip", "passwd.ogg")
    assert known["duration_s"] == pytest.approx(track["duration_s"], abs=0.01)
    assert page.ask(search, "search")["results"][0]["id"] != ""
    assert page.ask(search, "excerpt", track="clip", start_s=0.0, seconds=0.1)["samples"].shape[1] == 1
    folder = Path(search._folder.name)
    assert [path.parent for path in folder.iterdir()] == [folder]
    search.close()
    assert not folder.exists()


def test_a_clip_that_is_no_audio_is_refused_with_a_reason(page: Page, analyzed: Analyzed) -> None:
    search = SimilaritySearch(analyzed.library)
    with pytest.raises(AssertionError, match="audio"):
        page.ask(search, "upload", name="notes.txt", at=0, last=True, buffers=[b"dear diary"])


def test_a_browser_names_tracks_and_no_files(page: Page, analyzed: Analyzed, tmp_path: Path) -> None:
    elsewhere = write_track(tmp_path / "secret.wav", 313)
    search = SimilaritySearch(analyzed.library)
    with pytest.raises(AssertionError, match="not in the library"):
        page.ask(search, "search", news={"reference": str(elsewhere)})


def test_thumbs_teach_the_library(page: Page, analyzed: Analyzed) -> None:
    library = analyzed.library
    tracks = [row["id"] for row in library.tracks()]
    search = SimilaritySearch(library, reference=tracks[0])
    try:
        assert page.ask(search, "judge", reference=tracks[0], track=tracks[1], good=True) == {"clicks": 1}
        assert page.ask(search, "judge", reference=tracks[0], track=tracks[2], good=False) == {"clicks": 2}
        assert [taste.in_use for taste in library.tastes()] == [True]
        with pytest.raises(AssertionError, match="pairs of tracks"):
            page.ask(search, "judge", reference="clip", track=tracks[1], good=True)
        page.ask(search, "forget_taste")
        assert [taste.in_use for taste in library.tastes()] == [False]
    finally:
        library.untune(forget="mine")


def test_neither_rows_nor_samples_are_state(page: Page, analyzed: Analyzed) -> None:
    track = some_track(analyzed)
    widgets: list[View] = [
        TrackTable(analyzed.library), Player(analyzed.library), SimilaritySearch(analyzed.library, reference=track)
    ]  # fmt: skip
    page.ask(widgets[0], "page")
    page.ask(widgets[1], "excerpt", track=track, start_s=0.0, seconds=0.2)
    page.ask(widgets[2], "search")
    for widget in widgets:
        state = {name: value for name, value in widget.get_state().items() if not name.startswith("_")}
        assert len(repr(state)) < 2000
        assert HOSTILE_TITLE not in repr(state)


# --- widgets over several tracks ------------------------------------------------------------------


def test_traits_that_are_given_hold_on_a_shared_selection(page: Page, analyzed: Analyzed) -> None:
    selection = Selection()
    track = some_track(analyzed)
    Player(analyzed.library, selection, playing=track)
    assert (TrackTable(analyzed.library, selection).playing, selection.playing) == (track, track)


def test_a_question_brings_changed_traits_along(page: Page, analyzed: Analyzed) -> None:
    table = TrackTable(analyzed.library)
    assert page.ask(table, "count", news={"where": "bpm > 120"}) == analyzed.library.count("bpm > 120")
    assert table.where == "bpm > 120"
    with pytest.raises(AssertionError, match="per_page"):
        page.ask(table, "page", news={"per_page": 0})


def test_the_map_gives_places_colours_and_selects(page: Page, analyzed: Analyzed) -> None:
    lib = analyzed.library
    selection = Selection()
    shown, place = SonicMap(lib, selection), lib.map()
    points = page.ask(shown, "points")
    np.testing.assert_array_equal(points["x"], place.x)
    np.testing.assert_array_equal(points["y"], place.y)
    shades = page.ask(shown, "shades")
    for name in shades:
        found = page.ask(shown, "colours", name=name)
        assert found["codes"].shape == place.x.shape
    tempo = page.ask(shown, "colours", name="bpm")
    records = lib.records(place.ids)
    order = np.argsort([records[track]["bpm"] for track in place.ids])
    assert (np.diff(tempo["codes"][order].astype(int)) >= 0).all()
    moods = page.ask(shown, "colours", name="mood")
    assert [moods["kinds"][code] for code in moods["codes"]] == [records[track]["mood"] for track in place.ids]
    page.ask(shown, "choose", buffers=[np.array([2, 0], dtype=np.int32).tobytes()])
    assert selection.tracks == [place.ids[2], place.ids[0]]
    assert page.ask(shown, "find", tracks=[place.ids[0], "0" * 32]) == [0]
    assert page.ask(shown, "point", number=1) == records[place.ids[1]]
    with pytest.raises(AssertionError, match="column"):
        page.ask(shown, "colours", name="colour")


def test_a_playlist_is_made_changed_and_taken_home(page: Page, analyzed: Analyzed) -> None:
    lib = analyzed.library
    builder = PlaylistBuilder(lib, request={"n": 4, "bpm": [60, 200]})
    made = page.ask(builder, "generate")
    ids = [track["id"] for track in made["tracks"]]
    assert builder.playlist == ids == lib.playlist(n=4, bpm=(60, 200)).ids
    turned = page.ask(builder, "arrange", tracks=ids[::-1])
    assert builder.playlist == ids[::-1]
    assert len(turned["transitions"]) == 3
    builder.locked = [ids[1]]
    builder.request = {"n": 4, "seed": 5}
    page.ask(builder, "generate")
    assert builder.playlist[2] == ids[1]
    replaced = page.ask(builder, "replace", position=1)["tracks"][0]["id"]
    assert replaced == builder.playlist[0] != ids[3]
    assert len(page.ask(builder, "bridge", position=1)["tracks"]) == 5
    assert len(page.ask(builder, "extend", count=2)["tracks"]) == 7
    for ending in ("m3u8", "xspf", "xml", "csv", "json"):
        file = page.ask(builder, "export", ending=ending)
        assert file["name"] == f"playlist.{ending}"
        assert file["text"]
    with pytest.raises(AssertionError, match="no format"):
        page.ask(builder, "export", ending="exe")
    expected = builder.playlist
    found: dict[str, Any] = {}
    exec(page.ask(builder, "copy_as_python"), {"lib": lib}, found)
    assert found["playlist"].ids == expected
    try:
        page.ask(builder, "save", name="Mine")
        assert [one["tracks"] for one in lib.playlists()] == [expected]
    finally:
        lib.delete_playlist("Mine")
    assert page.ask(builder, "arrange", tracks=[])["tracks"] == []
    with pytest.raises(AssertionError, match="empty"):
        page.ask(builder, "export", ending="csv")


# --- asked in words -------------------------------------------------------------------------------


def test_words_fill_in_the_request_of_a_playlist_and_it_is_made(page: Page, analyzed: Analyzed) -> None:
    lib, text = analyzed.library, "3 songs from 60 to 200 bpm, rising energy, start with House Two, no vocals"
    builder = PlaylistBuilder(lib)
    made = page.ask(builder, "ask", text=text)
    own = lib.ask(text)
    assert (builder.request, builder.text) == (own.reading.request, text)
    assert builder.playlist == [track["id"] for track in made["tracks"]] == own.result.ids  # type: ignore[union-attr]
    assert made["told"] == {"by": "Read by the offline parser.", "unknown": ["vocals"], "remarks": []}
    assert [term["says"] for term in page.ask(builder, "terms")] == [
        "bpm: 60 to 200", "3 tracks", "curve: rise", "start: House Two",
    ]  # fmt: skip
    found: dict[str, Any] = {}
    code = page.ask(builder, "copy_as_python")
    assert code.startswith(f"playlist = lib.ask({text!r}).result\n")
    exec(code, {"lib": lib}, found)
    assert found["playlist"].ids == builder.playlist
    builder.request = {**builder.request, "n": 4}
    assert len(page.ask(builder, "generate")["tracks"]) == 4
    assert page.ask(builder, "copy_as_python").startswith("playlist = lib.playlist(bpm=")
    try:
        page.ask(builder, "save", name="Asked")
        (kept,) = lib.playlists()
        assert (kept["text"], kept["request"]["n"], kept["tracks"]) == (text, 4, builder.playlist)
        assert lib.playlist(again="Asked").ids == builder.playlist
    finally:
        lib.delete_playlist("Asked")


def test_what_is_locked_stays_where_it_is_when_words_are_asked(page: Page, analyzed: Analyzed) -> None:
    tracks = [row["id"] for row in analyzed.library.tracks()]
    builder = PlaylistBuilder(analyzed.library, playlist=tracks[:4], locked=[tracks[1]])
    first = some_track(analyzed, "club/house two.wav")
    assert first not in tracks[:2]
    page.ask(builder, "ask", text="5 songs, start with House Two, end with Calm")
    last = some_track(analyzed, "ballad/calm.flac")
    kept = [tracks[1]] if last == tracks[1] else [tracks[1], last]
    assert [builder.playlist[0], builder.playlist[1], len(builder.playlist)] == [first, tracks[1], 5]
    assert [track for track in builder.playlist if track in kept] == kept


def test_where_playlists_are_made_a_search_in_words_is_one(page: Page, analyzed: Analyzed) -> None:
    builder = PlaylistBuilder(analyzed.library)
    page.ask(builder, "ask", text="3 tracks like House Two, one per artist")
    like = some_track(analyzed, "club/house two.wav")
    assert builder.request == {"n": 3, "like": [like], "artist_gap": 1000}
    assert page.ask(builder, "copy_as_python").startswith("playlist = lib.playlist(n=3")
    found: dict[str, Any] = {}
    exec(page.ask(builder, "copy_as_python"), {"lib": analyzed.library}, found)
    assert found["playlist"].ids == builder.playlist


def test_words_fill_in_a_search(page: Page, analyzed: Analyzed) -> None:
    lib, text = analyzed.library, "3 tracks like House Two above 100 bpm, one per artist, no Rock"
    search = SimilaritySearch(lib, bpm=[1.0, 2.0], weights={"timbre": 0.0})
    told = page.ask(search, "ask", text=text)
    assert told == {"by": "Read by the offline parser.", "unknown": [], "remarks": []}
    own = lib.ask(text)
    asked = own.reading.request
    assert (search.reference, search.n, search.where) == (asked["track_id"], asked["n"], asked["where"])
    expected = [result["id"] for result in own.result.results]  # type: ignore[union-attr]
    assert [row["id"] for row in page.ask(search, "search")["results"]] == expected
    assert page.ask(search, "copy_as_python") == f"lib.ask({text!r}).result"
    search.n = 2
    assert page.ask(search, "copy_as_python").startswith("lib.similar(")
    with pytest.raises(AssertionError, match="asks for a playlist"):
        page.ask(search, "ask", text="an hour of calm songs")


def test_words_may_name_several_to_be_like_and_unlike(page: Page, analyzed: Analyzed) -> None:
    search = SimilaritySearch(analyzed.library, reference=some_track(analyzed))
    page.ask(search, "ask", text="like House Two but unlike Calm")
    like, unlike = some_track(analyzed, "club/house two.wav"), some_track(analyzed, "ballad/calm.flac")
    assert (search.reference, set(search.blend)) == ("", {like, unlike})
    assert search.blend[unlike] < 0 < search.blend[like]
    found = page.ask(search, "search")["results"]
    assert [row["id"] for row in found] == [
        result["id"] for result in analyzed.library.similar(search.blend, 10).results
    ]
    with pytest.raises(AssertionError, match="one of them"):
        page.ask(search, "judge", reference="", track=like, good=True)


def test_words_that_say_nothing_are_answered_with_what_to_say(page: Page, analyzed: Analyzed) -> None:
    for widget in (PlaylistBuilder(analyzed.library), SimilaritySearch(analyzed.library)):
        with pytest.raises(AssertionError, match="Nothing to look for"):
            page.ask(widget, "ask", text="<img src=x onerror=alert(1)>")
        assert widget.text == ""  # type: ignore[attr-defined]


def test_curves_have_as_many_columns_as_fit(page: Page, analyzed: Analyzed) -> None:
    lib, track = analyzed.library, some_track(analyzed)
    explorer = FeatureExplorer(lib, playing=track, descriptor="chroma")
    names = [one["name"] for one in page.ask(explorer, "descriptors")]
    assert {"chroma", "spectral_centroid"} <= set(names)
    whole = lib.curve(track, "chroma")
    found = page.ask(explorer, "curve", track=track, name="chroma", columns=10)
    edges = np.arange(10) * len(whole) // 10
    expected = [np.nanmean(part, axis=0) for part in np.split(whole, edges[1:])]
    np.testing.assert_allclose(found["values"], np.array(expected).T, rtol=1e-5)
    few: dict[str, Any] = {}
    exec(page.ask(explorer, "copy_as_python"), {"lib": lib}, few)
    np.testing.assert_array_equal(few["frames"], whole)
    with pytest.raises(AssertionError, match="nothing"):
        page.ask(explorer, "curve", track=track, name="nothing", columns=10)


def test_coefficients_have_scales_of_their_own_and_bands_share_one(page: Page, analyzed: Analyzed) -> None:
    track = some_track(analyzed)
    explorer = FeatureExplorer(analyzed.library, playing=track)
    found = page.ask(explorer, "curve", track=track, name="mfcc", columns=50)
    np.testing.assert_allclose(
        [found["low"], found["high"]], np.percentile(found["values"], (2, 98), axis=1), rtol=1e-5
    )
    assert (found["own_scales"], found["rows"][:2]) == (True, ["coefficient 0", "coefficient 1"])
    for name, first in (("chroma", "pitch class C"), ("mel", "mel band 0")):
        found = page.ask(explorer, "curve", track=track, name=name, columns=50)
        ends = np.percentile(found["values"], (2, 98))
        np.testing.assert_allclose([found["low"], found["high"]], np.tile(ends, (len(found["rows"]), 1)).T, rtol=1e-5)
        assert (found["own_scales"], found["rows"][0]) == (False, first)
    found = page.ask(explorer, "curve", track=track, name="rms", columns=50)
    assert (found["low"], found["high"]) == (found["values"].min(), found["values"].max())
    assert found["rows"] == []


def test_folders_are_looked_into_and_counted(page: Page, analyzed: Analyzed) -> None:
    analysis = BatchAnalysis(analyzed.library, roots=[analyzed.music])
    seen = page.ask(analysis, "look", path=str(analyzed.music))
    assert seen["folders"] == sorted(path.name for path in analyzed.music.iterdir() if path.is_dir())
    assert (seen["parent"], seen["places"][0]) == (None, str(analyzed.music))
    assert len(page.ask(analysis, "look", path=str(analyzed.music / "rock"))["files"]) == 4
    assert page.ask(analysis, "estimate", path=str(analyzed.music))["new"] == 0
    analysis.path, analysis.descriptors = "/music", "full"
    assert page.ask(analysis, "copy_as_python") == "lib.analyze('/music', descriptors='full')"
    assert page.ask(analysis, "watch") is None
    analysis.close()


def test_nothing_outside_the_roots_is_looked_into_counted_or_analyzed(
    page: Page, library: Library, tmp_path: Path
) -> None:
    inside, outside = tmp_path / "music", tmp_path / "secret"
    write_track(inside / "one.wav", 310)
    for name in ("two.wav", "three.wav"):
        write_track(outside / name, 311)
    (inside / "way out").symlink_to(outside)
    analysis = BatchAnalysis(library, roots=[inside])
    for path in ("/", str(outside), f"{inside}/..", f"{inside}/way out", f"{inside}/../secret/two.wav"):
        for question in ("look", "estimate", "start"):
            with pytest.raises(AssertionError, match="outside"):
                page.ask(analysis, question, path=path, news={"path": str(outside)})
    assert page.ask(analysis, "estimate", path=str(inside))["files"] == 2, "the link counts, as one that fails"
    job = page.ask(analysis, "start", path=str(inside))
    eventually(lambda: page.ask(analysis, "watch")["state"] == "done")
    (refused,) = page.ask(analysis, "failures", job_id=job["job_id"])["files"]
    assert (library.count(), refused["reason"]) == (1, "leads_out")
    analysis.close()
    with pytest.raises(InputError, match="outside"):
        BatchAnalysis(library, path=str(outside), roots=[inside])


def test_without_roots_a_page_looks_below_the_home_folder(
    page: Page, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ada/Music/dub").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "ada"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("WORKBENCH_ROOTS", raising=False)
    analysis = BatchAnalysis(library)
    assert page.ask(analysis, "look") == {
        "path": "~", "parent": None, "folders": ["Music"], "files": [], "hidden": 0, "places": ["~"],
    }  # fmt: skip
    seen = page.ask(analysis, "look", path="~/Music/dub")
    assert (seen["path"], seen["parent"]) == ("~/Music/dub", "~/Music")
    monkeypatch.setenv("WORKBENCH_ROOTS", str(tmp_path / "ada/Music"))
    assert page.ask(BatchAnalysis(library), "look")["places"] == ["~/Music"]


def test_a_monitor_is_told_of_jobs_that_others_begin(page: Page, library: Library, tmp_path: Path) -> None:
    selection = Selection()
    monitor = JobMonitor(library, selection)
    assert page.ask(monitor, "page") == {"jobs": [], "next": None}
    write_track(tmp_path / "new" / "one.wav", 312)
    library.analyze(tmp_path / "new", workers=1)
    (job,) = page.ask(monitor, "page")["jobs"]
    assert (job["state"], job["done"]) == ("done", 1)
    eventually(lambda: selection.refreshed == 1)  # tables look again
    page.ask(monitor, "page")
    monitor.close()
    assert selection.refreshed == 1


def test_an_analysis_runs_and_is_told_of(page: Page, library: Library, tmp_path: Path) -> None:
    write_track(tmp_path / "new" / "one.wav", 300)
    (tmp_path / "new" / "two.mp3").write_text("no music")
    selection = Selection()
    analysis = BatchAnalysis(library, selection, roots=[tmp_path])
    monitor = JobMonitor(library, selection)
    job = page.ask(analysis, "start", path=str(tmp_path / "new"))
    assert analysis.job_id == job["job_id"]
    eventually(lambda: selection.refreshed > 0)
    told = [data["content"]["job"] for data, _ in page.sent if "job" in data["content"]]
    assert (told[-1]["state"], told[-1]["done"], told[-1]["failed"]) == ("done", 2, 1)
    assert page.ask(analysis, "watch")["state"] == "done"
    (failed,) = page.ask(analysis, "failures", job_id=job["job_id"])["files"]
    assert failed["path"].endswith("two.mp3")
    assert failed["remedy"]
    (listed,) = page.ask(monitor, "page")["jobs"]
    assert listed["job_id"] == job["job_id"]
    assert eval(page.ask(monitor, "copy_as_python"), {"lib": library})[0]["state"] == "done"
    analysis.close()
    monitor.close()


def test_labels_are_said_taken_back_learned_and_taken_home(page: Page, own: Library) -> None:
    selection = Selection()
    labeler = Labeler(own, selection, name="mine", choices=["yes", "no"])
    first, second = (track["id"] for track in page.ask(labeler, "queue", n=2))
    own.label(first, Label("other", "kept"))
    page.ask(labeler, "say", track=first, value="no")
    assert page.ask(labeler, "say", track=first, value="yes")["counts"] == {"yes": 1, "no": 0}
    page.ask(labeler, "say", track=first, value="no", part=[0.5, 1.5])
    assert {(one.name, one.value, one.start_s) for one in own.labels(first)} == {
        ("other", "kept", None), ("mine", "yes", None), ("mine", "no", 0.5),
    }  # fmt: skip
    assert page.ask(labeler, "undo")["id"] == first
    page.ask(labeler, "say", track=second, value="no")
    assert not {first, second} & {track["id"] for track in page.ask(labeler, "queue", n=20)}
    assert page.ask(labeler, "report") is None
    made = page.ask(labeler, "apply")
    assert sum(made["counts"].values()) == own.count()
    assert selection.refreshed == 1
    assert page.ask(labeler, "progress")["column"] == made["counts"]
    table = TrackTable(own)
    assert page.ask(table, "heads")[-1] == {"name": "label.mine", "title": "mine", "digits": None, "sorts": False}
    assert {row["id"]: row["label.mine"] for row in page.ask(table, "page")["rows"]}[first] == "yes"
    assert "label.mine" in page.ask(SonicMap(own), "shades")
    labeler.playing = first
    found: dict[str, Any] = {}
    exec(page.ask(labeler, "copy_as_python"), {"lib": own, "wb": wb}, found)
    assert {track["id"] for track in found["tracks"]} >= {first, second}
    assert page.ask(labeler, "export", ending="csv")["text"].count("mine") == 2
    page.ask(labeler, "forget")
    assert own.label_columns() == {}
    for _ in range(3):
        page.ask(labeler, "undo")
    assert [(one.name, one.value) for one in own.labels()] == [("other", "kept")]
    with pytest.raises(AssertionError, match="nothing to take back"):
        page.ask(labeler, "undo")


def test_odd_bytes_of_a_path_reach_the_browser_as_text(page: Page, library: Library, tmp_path: Path) -> None:
    write_track(tmp_path / "odd" / "na\udcefve.wav", 301)
    library.analyze(tmp_path / "odd", workers=1)
    (row,) = page.ask(TrackTable(library), "page")["rows"]
    json.dumps(row, ensure_ascii=False).encode()
    assert "\\udcef" in row["path"]
