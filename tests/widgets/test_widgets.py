"""Widgets answer what their pages ask, follow the selection, and hold no rows or samples of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.jobs.collection import HOSTILE_TITLE, Analyzed
from tests.widgets.conftest import Page
from workbench.widgets import Player, Selection, SimilaritySearch, TrackTable, View


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


def test_thumbs_teach_the_library(page: Page, analyzed: Analyzed) -> None:
    library = analyzed.library
    tracks = [row["id"] for row in library.tracks()]
    search = SimilaritySearch(library, reference=tracks[0])
    try:
        assert page.ask(search, "judge", track=tracks[1], good=True) == {"clicks": 1}
        assert page.ask(search, "judge", track=tracks[2], good=False) == {"clicks": 2}
        assert [taste.in_use for taste in library.tastes()] == [True]
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
