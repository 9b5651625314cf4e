"""Every command: what it prints as JSON and for people, and the code that it ends with."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.cli.conftest import Run
from tests.jobs.collection import TRACKS, Analyzed, write_track
from workbench.cli import app
from workbench.config import Settings
from workbench.library import Library
from workbench.store.labels import Label

COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands if command.callback)

TRACK_FIELDS = [
    "id", "path", "duration_s", "bpm", "bpm_confidence", "key", "camelot", "key_strength", "energy", "valence",
    "arousal", "danceability", "mood", "loudness_lufs", "title", "artist", "album",
]  # fmt: skip
REPORT_FIELDS = ["job_id", "state", "total", "analyzed", "unchanged", "duplicate", "failed", "elapsed_s"]


def document(result: Result, *, code: int = 0) -> Any:
    """Read the one JSON document that a command printed; nothing else may be on standard output."""
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def refused(result: Result, code: int, *said: str) -> None:
    """Check that a command ended with a message for people: no traceback, nothing on standard output."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    for text in said:
        assert text in result.stderr


# --- help -----------------------------------------------------------------------------------------


def test_help_lists_the_commands(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert all(command in result.stdout for command in COMMANDS)
    assert run().exit_code == 2  # no command at all: the same help, and it is an error


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_its_common_options(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert ("--json" in result.stdout) == (command not in ("lab", "dashboards"))  # Jupyter and Voila have their say
    assert ("--library" in result.stdout) == (command not in ("demo", "user"))  # these have no library, or their own


def test_commands_of_the_design_exist() -> None:
    assert set(COMMANDS) >= {
        "demo", "analyze", "tracks", "similar", "playlist", "export", "verify", "collect", "doctor",
    }  # fmt: skip


# --- analyze --------------------------------------------------------------------------------------


def test_analyze_reports_as_json(run: Run, songs: Path, tmp_path: Path, cluster: str) -> None:
    (songs / "empty.wav").touch()
    arguments = ("analyze", songs, "--library", tmp_path / "l", "--json")
    result = run(*arguments, "--scheduler", cluster)
    report = document(result)
    assert list(report)[: len(REPORT_FIELDS)] == REPORT_FIELDS
    assert report | {"job_id": 1, "state": "done", "total": 3, "analyzed": 2, "failed": 1} == report
    (failure,) = report["failures"]
    assert (failure["reason"], list(failure)) == ("empty", ["path", "reason", "detail", "remedy"])
    assert "running" in result.stderr or "done" in result.stderr  # progress, for people
    again = document(run(*arguments))
    assert (again["unchanged"], again["analyzed"], again["failed"]) == (2, 0, 1)


def test_analyze_reports_to_people_on_standard_error(run: Run, songs: Path, tmp_path: Path, cluster: str) -> None:
    (songs / "empty.wav").touch()
    result = run("analyze", songs, "--library", tmp_path / "l", "--scheduler", cluster)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "job 1 done: 3 files in" in result.stderr
    assert "2 analyzed, 0 unchanged, 0 duplicate, 1 failed" in result.stderr
    assert "1 × empty, for example" in result.stderr
    assert f"workbench tracks --failed --library {tmp_path / 'l'}" in result.stderr
    lines = [line for line in result.stderr.splitlines() if " % " in line]
    assert lines[-1].startswith("done 100 % 3/3 files · 1 failed")


def test_analyze_ends_with_1_if_every_file_failed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    result = run("analyze", tmp_path / "empty.wav", "--library", tmp_path / "l", "--json")
    assert document(result, code=1)["state"] == "failed"


def test_analyze_of_an_empty_folder_is_no_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert document(run("analyze", tmp_path / "empty", "--library", tmp_path / "l", "--json"))["total"] == 0


def test_analyze_stores_frames_on_request(run: Run, songs: Path, tmp_path: Path, cluster: str) -> None:
    names = ("--frames", "chroma, rms")
    document(run("analyze", songs, "--library", tmp_path / "l", *names, "--scheduler", cluster, "--json"))
    with Library.open(tmp_path / "l") as library:
        assert library.frames("rms", str(songs / "0.wav")).sizes["frame"] > 40


@pytest.mark.slow
def test_analyze_computes_the_set_asked_for(run: Run, songs: Path, tmp_path: Path, cluster: str) -> None:
    document(run("analyze", songs, "--library", tmp_path / "l", "--set", "full", "--scheduler", cluster, "--json"))
    with Library.open(tmp_path / "l") as library:
        assert "chords_histogram" in library.features


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/no/such/folder"], "'/no/such/folder' does not exist. Check the spelling"),
        (["{songs}", "--frames", "nonsense"], "nonsense"),
        (["{songs}", "--workers", "0"], "workers"),
        (["{songs}", "--set", "slow"], "--set"),
        ([], "either paths or --missing"),
    ],
)
def test_analyze_refuses_what_it_cannot_do(
    run: Run, songs: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    given = [argument.format(songs=songs) for argument in arguments]
    refused(run("analyze", *given, "--library", tmp_path / "l"), 2, said)


def test_analyze_without_a_scheduler_that_answers_ends_with_5(run: Run, songs: Path, tmp_path: Path) -> None:
    result = run("analyze", songs, "--library", tmp_path / "l", "--scheduler", "nonsense://x")
    assert result.exit_code == 5
    assert "error: No Dask scheduler answers at nonsense://x" in result.stderr
    assert "Traceback" not in result.stderr


# --- tracks ---------------------------------------------------------------------------------------


def test_tracks_as_json(ask: Run) -> None:
    tracks = document(ask("tracks", "--json"))
    assert len(tracks) == len(TRACKS)
    assert all([name for name in track if name != "flags"] == TRACK_FIELDS for track in tracks)
    assert tracks[0]["album"] is None
    assert document(ask("tracks", "--where", "artist == 'Club' and duration_s > 3.5", "--json"))[0]["title"] == "House"


def test_tracks_for_people(ask: Run, analyzed: Analyzed) -> None:
    lines = ask("tracks").stdout.splitlines()
    assert len(lines) == len(TRACKS) + 1
    assert lines[0].split()[:3] == ["id", "track", "BPM"]
    track = analyzed.track("club/techno.ogg")
    (line,) = [line for line in lines if "Techno" in line]
    assert track["id"][:8] in line
    assert f"{track['bpm']:.1f}" in line


def test_what_is_missing_is_said_before_it_is_computed(ask: Run, analyzed: Analyzed) -> None:
    assert "nothing is missing" in ask("analyze", "--missing").stderr
    cost = document(ask("analyze", "--missing", "--dry-run", "--frames", "chroma", "--json"))
    assert cost["to_decode"] == len(TRACKS)
    assert cost["arrays"] == ["frames/chroma"]
    assert cost["audio_s"] > 0
    shown = ask("analyze", "--missing", "--dry-run", "--frames", "chroma").stderr
    assert f"{len(TRACKS)} tracks lack 1 arrays" in shown
    assert document(ask("analyze", "--missing", "--dry-run", "--frames", "chroma", "--json")) == cost


def test_paths_and_missing_do_not_go_together(ask: Run) -> None:
    for arguments in (["analyze"], ["analyze", "here", "--missing"], ["analyze", "here", "--dry-run"]):
        refused = ask(*arguments)
        assert refused.exit_code == 2
        assert "either paths or --missing" in refused.stderr


def test_folded_tempi_are_marked_and_the_found_ones_kept(ask: Run) -> None:
    plain = {row["id"]: row["bpm"] for row in json.loads(ask("tracks", "--json").stdout)}
    for row in json.loads(ask("tracks", "--fold-bpm", "40", "80", "--json").stdout):
        assert row["bpm_found"] == plain[row["id"]]
        assert row["bpm"] is None or 40 <= row["bpm"] < 80
    assert "BPM in 40-80" in ask("tracks", "--fold-bpm", "40", "80").stdout
    refused = ask("tracks", "--fold-bpm", "80", "40")
    assert refused.exit_code == 2
    assert "lower tempo first" in refused.stderr


def test_ranks_are_those_of_the_whole_library(ask: Run) -> None:
    plain = {row["id"]: row for row in json.loads(ask("tracks", "--json").stdout)}
    ranked = json.loads(ask("tracks", "--ranked", "--where", "duration_s > 0", "--json").stdout)
    for name in ("energy", "valence", "arousal", "danceability"):
        known = [row[name] for row in plain.values() if row[name] is not None]
        for row in ranked:
            value = plain[row["id"]][name]
            below = [(other < value) + (other == value) / 2 for other in known] if value is not None else None
            assert row[name] == (below and pytest.approx(sum(below) / len(known)))


def test_failed_tracks(ask: Run) -> None:
    failed = document(ask("tracks", "--failed", "--json"))
    assert [list(file)[:3] for file in failed] == [["path", "reason", "detail"]] * 3
    shown = ask("tracks", "--failed").stdout
    assert "not_audio" in shown
    assert "copy it again" in shown


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("tempo > 120", "There is no column 'tempo'. Columns: "),
        ("bpm >", "cannot be read"),
        ("__import__('os').system('true')", "cannot be read"),
        ("bpm > 'fast'", "Give a number"),
    ],
)
def test_where_that_cannot_be_read(ask: Run, where: str, said: str) -> None:
    refused(ask("tracks", "--where", where), 2, "error: ", said)


def test_failed_and_where_do_not_go_together(ask: Run) -> None:
    refused(ask("tracks", "--failed", "--where", "bpm > 1"), 2, "do not go together")


# --- similar --------------------------------------------------------------------------------------


def test_similar_as_json(ask: Run, analyzed: Analyzed) -> None:
    found = document(ask("similar", analyzed.music / "club/techno.ogg", "-n", 3, "--json"))
    assert list(found) == ["query", "elapsed_ms", "results", "recall"]
    assert found["elapsed_ms"] > 0
    assert found["recall"] is None
    assert len(found["results"]) == 3
    for result in found["results"]:
        assert list(result)[:6] == ["id", "path", "score", "facets", "start_s", "end_s"]
    again = document(ask("similar", found["query"]["id"][:8], "-n", 3, "--json"))
    assert again["results"] == found["results"]


def test_similar_with_options(ask: Run, analyzed: Analyzed) -> None:
    options = ("--region", "0.5:2", "--where", "artist == 'Rock'", "--weights", "timbre=2, rhythm=0.5")
    found = document(ask("similar", analyzed.music / "ballad/calm.flac", *options, "--json"))
    assert found["query"]["region"] == [0.5, 2.0]
    assert {result["artist"] for result in found["results"]} == {"Rock"}


def test_similar_for_people(ask: Run, analyzed: Analyzed) -> None:
    shown = ask("similar", analyzed.music / "club/techno.ogg", "-n", 2).stdout
    assert shown.splitlines()[0].split() == ["id", "track", "score", "timbre", "rhythm", "harmony", "dynamics"]
    shown = ask("similar", analyzed.music / "club/techno.ogg", "-n", 2, "--region", "0:1").stdout
    assert shown.splitlines()[0].split()[:4] == ["id", "track", "at", "score"]
    assert re.search(r"\d:\d\d to \d:\d\d", shown.splitlines()[1])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing-like-it"], 2, "There is no track 'nothing-like-it'"),
        (["{music}/broken/notes.mp3"], 1, "not_audio"),
        (["{music}/rock/two.ogg", "--region", "soon"], 2, "--region 'soon' is not a region"),
        (["{music}/rock/two.ogg", "--region", "50:60"], 2, "outside of the audio"),
        (["{music}/rock/two.ogg", "--weights", "timbre"], 2, "--weights 'timbre' cannot be read"),
        (["{music}/rock/two.ogg", "--weights", "colour=1"], 2, "colour"),
        (["{music}/rock/two.ogg@much"], 2, "has no weight behind @"),
        (["{music}/rock/two.ogg@-1"], 2, "negative weight"),
        (["{music}/rock/two.ogg", "--to", "nothing-like-it"], 2, "no track 'nothing-like-it'"),
        (["{music}/rock/two.ogg", "--to", "{music}/rock/one.flac", "--region", "0:1"], 2, "do not go together"),
        (["{music}/rock/two.ogg", "--weights", "timbre=nan"], 2, "timbre"),
        (["{music}/rock/two.ogg", "-n", "0"], 2, "-n"),
    ],
)
def test_similar_refuses(ask: Run, analyzed: Analyzed, arguments: list[str], code: int, said: str) -> None:
    refused(ask("similar", *(a.format(music=analyzed.music) for a in arguments)), code, said)


def test_similar_to_several_on_the_way_and_without_clumps(ask: Run, analyzed: Analyzed, tmp_path: Path) -> None:
    first, second = analyzed.music / "club/techno.ogg", analyzed.track("rock/one.flac")["id"]
    found = document(ask("similar", f"{first}@2", f"{second[:8]}@-0.5", "-n", 2, "--json"))
    assert [one["weight"] for one in found["query"]["blend"]] == [2.0, -0.5]
    assert found["query"]["blend"][0]["path"] == str(first)
    assert len(document(ask("similar", first, second, "--per-artist", 1, "--no-fold", "--json"))["results"]) == 3
    way = document(ask("similar", first, "--to", second[:8], "-n", 3, "--json"))
    assert way["query"]["to"]["id"] == second
    assert len(way["results"]) == 3
    odd = shutil.copy(first, tmp_path / "mix@2.ogg")
    assert document(ask("similar", odd, "-n", 1, "--json"))["results"][0]["score"] > 0


def test_versions_are_named_beside_the_first(ask: Run, analyzed: Analyzed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.store.similar.SAME", 99.0)
    monkeypatch.setattr("workbench.store.similar.alike", lambda distance, seconds: True)
    shown = ask("similar", analyzed.music / "club/techno.ogg").stdout
    assert shown.count("Also as ") == len(TRACKS) - 2


# --- tune, duplicates -----------------------------------------------------------------------------


def test_tune_learns_lists_and_takes_back(ask: Run, analyzed: Analyzed) -> None:
    reference, good, bad = (analyzed.track(n)["id"] for n in ("club/techno.ogg", "rock/one.flac", "club/house.mp3"))
    try:
        (taste,) = document(ask("tune", reference, "--like", good, "--dislike", bad, "--json"))
        assert (taste["name"], taste["in_use"], taste["likes"]) == ("mine", True, [[reference, good]])
        shown = ask("tune").stdout.splitlines()
        assert shown[1].split()[:3] == ["mine", "yes", "2"]
        assert " × " in shown[2] or "much as usual" in shown[2]
        assert ask("tune", "--off").stdout.splitlines()[1].split()[:2] == ["mine", "no"]
        assert document(ask("tune", "--name", "mine", "--json"))[0]["in_use"]
    finally:
        assert document(ask("tune", "--forget", "mine", "--json")) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--like", "x"], "A click needs a reference"),
        (["x"], "A click needs a reference"),
        (["--off", "--name", "mine"], "stand alone"),
        (["--name", "nobody"], "no taste 'nobody'. Learn one with"),
        (["x", "--like", "y"], "no track 'x'"),
    ],
)
def test_tune_refuses(ask: Run, options: list[str], said: str) -> None:
    refused(ask("tune", *options), 2, said)


def test_labels_are_counted_learned_written_and_forgotten(run: Run, analyzed: Analyzed, tmp_path: Path) -> None:
    shutil.copytree(analyzed.path, tmp_path / "l")
    with Library.open(tmp_path / "l") as lib:
        for number, track in enumerate(lib.tracks(limit=4)):
            lib.label(track["id"], Label("mine", ("yes", "no")[number % 2]), Label("late"), author="ada")
    place = ("--library", tmp_path / "l")
    plain = document(run("labels", "--json", *place))
    assert [(row["name"], row["value"], row["labels"]) for row in plain["labels"]] == [
        ("late", None, 4), ("mine", "no", 2), ("mine", "yes", 2),
    ]  # fmt: skip
    learned = document(run("labels", "mine", "--apply", "--export", tmp_path / "labels.csv", "--json", *place))
    assert sum(row["tracks_in_column"] for row in learned["labels"]) == len(analyzed.library.tracks())
    assert learned["report"]["examples"] == 4
    assert (tmp_path / "labels.csv").read_text().count("mine") == 4
    fits = document(run("tracks", "--where", 'label.mine == "yes"', "--json", *place))
    assert len(fits) == next(row["tracks_in_column"] for row in learned["labels"] if row["value"] == "yes")
    assert "of 4 labels are told right" in run("labels", "mine", *place).stderr
    refused(run("labels", "late", "--apply", *place), 2, "two kinds")
    refused(run("labels", "--apply", *place), 2, "not said which labels")
    document(run("labels", "mine", "--forget", "--json", *place))
    refused(run("labels", "mine", "--forget", *place), 2, "no learned column")


def test_duplicates(ask: Run, analyzed: Analyzed) -> None:
    groups = document(ask("duplicates", "--json"))
    assert all(list(group) == ["kind", "tracks", "evidence"] for group in groups)
    shown = ask("duplicates").stdout
    assert shown.splitlines()[1].startswith("same recording")
    assert "rock/three again.wav" in shown
    assert "The audio is the same to the last byte." in shown
    before = sorted(analyzed.music.rglob("*"))
    ask("duplicates")
    assert sorted(analyzed.music.rglob("*")) == before


# --- playlist -------------------------------------------------------------------------------------


def test_playlist_as_json(ask: Run) -> None:
    made = document(ask("playlist", "-n", 4, "--curve", "arc", "--json"))
    assert {"tracks", "transitions", "violations", "elapsed_ms"} <= set(made)
    assert (len(made["tracks"]), len(made["transitions"])) == (4, 3)
    assert set(made["transitions"][0]) >= {"bpm_change", "key_relation", "cost"}
    assert [name for name in made["tracks"][0] if name != "flags"] == TRACK_FIELDS


def test_playlist_for_people_says_what_could_not_be_met(ask: Run) -> None:
    result = ask("playlist", "-n", 100, "--energy", 0, 1)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split()[0] == "track"
    assert "not met: n: wanted 100" in result.stderr or "not met" in result.stderr


@pytest.mark.parametrize("ending", ["m3u8", "xspf", "csv", "json", "xml"])
def test_playlist_written_to_a_file(ask: Run, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"list.{ending}"
    result = ask("playlist", "-n", 3, "--export", target)
    assert result.exit_code == 0
    assert f"written to {target}" in result.stderr
    assert target.stat().st_size > 100
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mood", "grumpy"], "mood"),
        (["--energy", "1", "0"], "energy"),
        (["--curve", "zigzag"], "curve"),
        (["--start", "nowhere"], "no track 'nowhere'"),
        (["--curve", "0.2,x"], "--curve '0.2,x' cannot be read"),
        (["--weights", "colour=1"], "weights.colour: no such field"),
        (["--like", "nowhere"], "no track 'nowhere'"),
        (["--again", "nothing"], "no saved playlist 'nothing'"),
        (["--from", "nothing"], "no saved playlist 'nothing'"),
        (["--extend", "2"], "--extend, --bridge and --replace go with --from"),
        (["--apply"], "--apply goes with --write-tags"),
        (["--export", "list.doc"], "m3u8"),
        (["--export", "/no/such/folder/list.csv"], "cannot be written"),
    ],
)
def test_playlist_refuses(ask: Run, options: list[str], said: str) -> None:
    refused(ask("playlist", *options), 2, "error: ", said)


def test_playlist_takes_every_field_of_the_request(ask: Run, analyzed: Analyzed) -> None:
    first, last = analyzed.track("ballad/calm.flac")["id"], analyzed.track("rock/one.flac")["id"]
    options = (
        *("-n", 4, "--curve", "0.2,0.8", "--include", first, "--through", last, "--artist-gap", 0, "--album-gap", 0),
        *("--weights", "tempo=2,key=0.5", "--pitch", 8, "--key-distance", "fifths", "--seed", 3, "--half-double"),
    )
    made = document(ask("playlist", *options, "--json"))
    assert made["request"]["weights"] == {"tempo": 2, "key": 0.5}
    assert made["request"] | {"curve": [0.2, 0.8], "pitch_percent": 8, "waypoints": [last]} == made["request"]
    assert {first, last} <= {track["id"] for track in made["tracks"]}


def test_playlists_are_saved_listed_revised_and_forgotten(ask: Run, tmp_path: Path) -> None:
    made = document(ask("playlist", "-n", 3, "--save", "Été", "--json"))
    try:
        assert [(p["name"], len(p["tracks"])) for p in document(ask("playlists", "--json"))] == [("Été", 3)]
        assert ask("playlists").stdout.splitlines()[1].split()[:2] == ["Été", "3"]
        ids = [track["id"] for track in made["tracks"]]
        assert [track["id"] for track in document(ask("playlist", "--from", "Été", "--json"))["tracks"]] == ids
        assert document(ask("playlist", "--again", "Été", "--json"))["tracks"] == made["tracks"]
        longer = document(ask("playlist", "--from", "Été", "--extend", 1, "--bridge", 1, "--replace", 3, "--json"))
        assert (longer["tracks"][0]["id"], longer["tracks"][2]["id"], len(longer["tracks"])) == (*ids[:2], 5)
        file = tmp_path / "list.xspf"
        assert ask("playlist", "--from", "Été", "--export", file).exit_code == 0
        assert [track["id"] for track in document(ask("playlist", "--from", file, "--json"))["tracks"]] == ids
    finally:
        assert ask("playlists", "--delete", "Été").exit_code == 0
    assert document(ask("playlists", "--json")) == []


def test_the_words_of_a_playlist_are_saved_with_it(ask: Run) -> None:
    words = "3 songs from 60 to 200 bpm, [red]rising energy"
    try:
        assert ask("ask", words, "--save", "A").exit_code == 0
        assert ask("playlist", "--from", "A", "--extend", 1, "--save", "B").exit_code == 0
        assert ask("playlist", "-n", 1, "--save", "C").exit_code == 0
        kept = {one["name"]: (one["text"], one["request"].get("n")) for one in document(ask("playlists", "--json"))}
        assert kept == {"A": (words, 3), "B": (words, None), "C": (None, 1)}
        assert words in ask("playlists").stdout
    finally:
        for name in ("A", "B", "C"):
            ask("playlists", "--delete", name)


def test_tags_are_shown_and_not_written(ask: Run, analyzed: Analyzed) -> None:
    before = {path: path.read_bytes() for path in analyzed.music.rglob("*") if path.is_file()}
    result = ask("playlist", "-n", 3, "--write-tags")
    assert result.exit_code == 0
    assert "would change" in result.stdout
    assert "Add --apply" in result.stderr
    assert len(document(ask("playlist", "-n", 3, "--write-tags", "--json"))["tags"]) == 3
    assert {path: path.read_bytes() for path in analyzed.music.rglob("*") if path.is_file()} == before


# --- export, verify, collect ----------------------------------------------------------------------


def test_export(ask: Run, tmp_path: Path) -> None:
    target = tmp_path / "tracks.csv"
    assert document(ask("export", target, "--descriptors", "mfcc", "--json")) == {"path": str(target)}
    assert "mfcc_" in target.read_text(encoding="utf-8").splitlines()[0]
    assert f"written to {target}" in ask("export", target).stderr
    refused(ask("export", tmp_path / "tracks.xls"), 2, ".parquet, .csv, .json")


def test_verify_of_a_good_library(ask: Run) -> None:
    found = document(ask("verify", "--json"))
    assert (found["tracks"], found["problems"]) == (len(TRACKS), [])
    assert "all is as it was committed" in ask("verify").stderr


def test_verify_of_a_damaged_library(run: Run, analyzed: Analyzed, tmp_path: Path) -> None:
    copy = tmp_path / "copy.library"
    shutil.copytree(analyzed.path, copy)
    (part,) = (copy / "features.zarr" / "parts").glob("job*")
    shutil.rmtree(part / "summary" / "mfcc")
    problems = document(run("verify", "--library", copy, "--json"), code=1)["problems"]
    assert problems[0]["part_id"] == part.name
    assert "Run it with --repair" in run("verify", "--library", copy).stderr
    assert "analyze again" in run("verify", "--library", copy, "--repair").stderr
    assert document(run("verify", "--library", copy, "--json"))["problems"] == []
    collected = document(run("collect", "--library", copy, "--json"))
    assert list(collected) == ["removed", "bytes_freed", "in_progress", "merged"]
    assert collected["removed"] == [part.name]
    assert "0 orphans removed" in run("collect", "--library", copy).stderr


# --- doctor ---------------------------------------------------------------------------------------


def test_doctor(ask: Run) -> None:
    checks = {check["what"]: check for check in document(ask("doctor", "--json"))}
    assert checks["decoders"]["state"] == "ok"
    assert f"{len(TRACKS)} tracks" in checks["library"]["found"]
    assert checks["failed files"] | {"state": "note", "found": "3"} == checks["failed files"]
    assert checks["unfinished jobs"]["found"] == "none"
    assert "libsndfile" in ask("doctor").stdout


def test_doctor_looks_at_what_the_server_needs(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CREDENTIALS", str(tmp_path / "c.json"))

    def checks(code: int = 0) -> dict[str, Any]:
        result = run("doctor", "--library", tmp_path / "none", "--json")
        return {check["what"]: check for check in document(result, code=code)}

    found = checks()
    assert "uploads only" in found["allowed roots"]["found"]
    assert found["kept answers"]["found"] == "in a file beside the index"
    monkeypatch.setenv("WORKBENCH_ROOTS", f"{tmp_path}:{tmp_path / 'gone'}")
    monkeypatch.setenv("WORKBENCH_REDIS", "redis://:secret@127.0.0.1:1/0")
    found = checks(code=1)
    assert (found["allowed roots"]["state"], found["allowed roots"]["found"]) == (
        "bad",
        f"not there: {tmp_path / 'gone'}",
    )
    assert found["kept answers"]["state"] == "bad"
    assert "does not answer" in found["kept answers"]["found"]
    assert "secret" not in str(found)


def test_doctor_without_a_library(run: Run, tmp_path: Path) -> None:
    checks = {check["what"]: check for check in document(run("doctor", "--library", tmp_path / "none", "--json"))}
    assert checks["library"]["state"] == "note"
    assert "workbench analyze" in checks["library"]["remedy"]


def test_doctor_of_a_library_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    (tmp_path / "library.json").write_text('{"layout": 99}')
    result = run("doctor", "--library", tmp_path, "--json")
    assert "layout 99" in {check["what"]: check for check in document(result, code=1)}["library"]["found"]


def test_doctor_names_jobs_that_were_not_finished(run: Run, songs: Path, tmp_path: Path) -> None:
    run("analyze", songs, "--library", tmp_path / "l", "--scheduler", "nonsense://x")
    checks = {check["what"]: check for check in document(run("doctor", "--library", tmp_path / "l", "--json"))}
    assert checks["unfinished jobs"]["found"] == "job 1 (interrupted)"


# --- libraries that cannot be used ----------------------------------------------------------------

READERS: dict[str, list[str]] = {
    "tracks": [], "similar": ["abcdef"], "playlist": [], "playlists": [], "export": ["x.csv"], "verify": [],
    "collect": [], "tune": [], "duplicates": [], "labels": [],
}  # fmt: skip


@pytest.mark.parametrize("command", READERS)
def test_no_library(run: Run, tmp_path: Path, command: str) -> None:
    result = run(command, *READERS[command], "--library", tmp_path / "none")
    refused(result, 2, "There is no library at", "workbench analyze PATH")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("command", READERS)
def test_a_library_of_another_version(run: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "library.json").write_text('{"layout": 99}')
    refused(run(command, *READERS[command], "--library", tmp_path), 3, "has layout 99", "Install the version")


def test_an_error_as_json(run: Run, tmp_path: Path) -> None:
    result = run("tracks", "--library", tmp_path / "none", "--json")
    error = document(result, code=2)["error"]
    assert error["kind"] == "InputError"
    assert error["message"].startswith("There is no library")
    assert error["remedy"]


def test_a_locked_catalog(run: Run, songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_BUSY_TIMEOUT_S", "0.1")
    with Library.open(tmp_path / "l", settings=Settings()) as holder, holder.catalog.write():
        refused(run("analyze", songs, "--library", tmp_path / "l"), 3, "held by", "BUSY_TIMEOUT")


def test_the_library_may_be_named_by_the_environment(
    run: Run, analyzed: Analyzed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_LIBRARY", str(analyzed.path))
    assert len(document(run("tracks", "--json"))) == len(TRACKS)


@pytest.mark.parametrize(("name", "value"), [("WORKBENCH_WORKERS", "many"), ("WORKBENCH_FILE_DEADLINE_S", "-1")])
def test_settings_that_make_no_sense(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    refused(run("tracks", "--library", tmp_path / "none"), 2, name.removeprefix("WORKBENCH_").lower(), value)


def test_a_settings_file_that_cannot_be_read(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "settings.toml"
    monkeypatch.setenv("WORKBENCH_SETTINGS", str(settings))
    for text in ("workers = = 3", "wrokers = 3"):
        settings.write_text(text)
        refused(run("tracks", "--library", tmp_path / "none"), 2, str(settings))


# --- hostile text ---------------------------------------------------------------------------------

HOSTILE = ["name-escape", "name-rtl-override", "name-not-utf-8", "name-with-newline", "tag-control-characters"]


def test_hostile_names_and_tags_are_printed_harmless(run: Run, tmp_path: Path, cluster: str) -> None:
    from workbench.testing import hostile_files

    hostile_files(tmp_path / "hostile", kinds=HOSTILE)
    for name in (b"dead \x1b[31m\xc2\x9b31m.wav", "dead \u202egpj.wav".encode()):
        (tmp_path / "hostile" / os.fsdecode(name)).touch()
    write_track(
        tmp_path / "hostile" / "a.flac", 5, seconds=1.0, title="\x1b]0;owned\x07 \u202e title", artist="\x9b31m"
    )
    place = ("--library", tmp_path / "l")
    first = run("analyze", tmp_path / "hostile", "--scheduler", cluster, *place)
    commands = (
        ["tracks"], ["tracks", "--failed"], ["tracks", "--json"], ["tracks", "--failed", "--json"],
        ["playlist"], ["playlist", "--json"], ["similar", tmp_path / "hostile" / "a.flac"], ["verify"], ["doctor"],
        ["duplicates"], ["duplicates", "--json"],
        ["analyze", tmp_path / "hostile"], ["analyze", tmp_path / "hostile", "--json"],
        ["analyze", tmp_path / "hostile" / "\x1b[0m.wav"], ["similar", "\x1b[0m\u202e"],
    )  # fmt: skip
    for result in (first, *(run(*command, *place) for command in commands)):
        for text in (result.stdout, result.stderr):
            bad = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
            assert bad == [], text
            text.encode()  # valid Unicode
    assert len(document(run("tracks", "--json", *place))) >= 5


def test_markup_in_tags_is_shown_as_it_is(ask: Run) -> None:
    assert "=HYPERLINK('x') [red]<b>bold</b>" in ask("tracks").stdout


# --- in words -------------------------------------------------------------------------------------


def test_words_are_shown_as_a_command_that_asks_the_same(ask: Run, run: Run, analyzed: Analyzed) -> None:
    result = ask("ask", "3 songs from 60 to 140 bpm,", "rising energy, no", "saxophone")
    assert "understood: workbench playlist --bpm 60 140 -n 3 --curve rise" in result.stderr
    assert "not understood: saxophone" in result.stderr
    command = re.findall(r"understood: workbench (.*)", result.stderr)[0].split()
    assert ask(*command).stdout == result.stdout
    asked = document(ask("ask", "3 songs from 60 to 140 bpm, rising energy, no saxophone", "--json"))
    assert asked["request"] == asked["result"]["request"] == {"bpm": [60.0, 140.0], "n": 3, "curve": "rise"}
    assert asked["unknown"] == ["saxophone"]


def test_a_search_in_words(ask: Run, analyzed: Analyzed) -> None:
    shown = ask("ask", "2 tracks like techno, no Rock")
    command = shlex.split(re.findall(r"understood: workbench (.*)", shown.stderr)[0])
    assert command[0] == "similar"
    assert ask(*command).stdout == shown.stdout
    refused(ask("ask", "like techno", "--save", "x"), 2, "a search, not a playlist")
    refused(ask("ask", "qwertz"), 2, "Nothing to look for")
    read = ask("ask", "like techno", "--read")
    assert (read.stdout, "understood" in read.stderr) == ("", True)


def test_tracks_in_words(ask: Run, analyzed: Analyzed) -> None:
    one, other = analyzed.music / "club/techno.ogg", analyzed.music / "club/house.mp3"
    claims = document(ask("describe", one, "--json"))
    assert {claim["descriptor"] for claim in claims} >= {"bpm", "energy", "mood"}
    assert all(claim["says"] in ask("describe", one).stdout for claim in claims)
    assert {tag["name"] for tag in document(ask("describe", one, "--tags", "--json"))} >= {"bpm", "mood"}
    assert document(ask("describe", one, other, "--json"))["why"]
    assert ask("describe", one, "--tags").stdout
    refused(ask("describe", one, other, "--tags"), 2, "--tags")


def test_the_status_of_models_has_no_key(ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_ASSIST", '[{"name": "a", "kind": "openai", "model": "m"}]')
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-1")
    status = document(ask("assist", "status", "--json"))
    assert status["providers"][0]["has_key"] is True
    for shown in (ask("assist", "status"), ask("assist", "status", "--json")):
        assert "sk-secret" not in shown.output
    monkeypatch.setenv("WORKBENCH_ASSIST", '[{"name": "a", "kind": "openai", "model": "m", "key": "sk-secret-1"}]')
    wrong = ask("assist", "status")
    assert wrong.exit_code == 2
    assert "sk-secret" not in wrong.output
