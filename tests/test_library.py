"""The facade: what a notebook can ask for, and what it is told when it cannot have it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from tests.jobs.collection import (
    COPY,
    HOSTILE_TITLE,
    TRACKS,
    Analyzed,
    analyzed,
    cluster,
    environment,
    library,
    music,
    stored_arrays,
    write_track,
)
from workbench.config import Settings
from workbench.errors import (
    AudioError,
    CatalogLockedError,
    InputError,
    LibraryDamagedError,
    LibraryUnwritableError,
    LibraryVersionError,
)
from workbench.library import Library
from workbench.store.marker import LAYOUT

__all__ = ["analyzed", "cluster", "library", "music"]

FACETS = {"timbre", "rhythm", "harmony", "dynamics"}
RESULT = ["id", "path", "score", "facets", "start_s", "end_s", "why", "because", "versions", "title", "artist"]


# --- opening --------------------------------------------------------------------------------------


def test_a_library_is_made_and_opened_again(tmp_path: Path) -> None:
    with Library.open(tmp_path / "a" / "new.library") as made:
        identity = made.catalog.library_id
        assert repr(made) == f"<Library {str(tmp_path / 'a' / 'new.library')!r}: 0 tracks>"
    with Library.open(str(tmp_path / "a" / "new.library"), create=False) as again:
        assert again.catalog.library_id == identity


def test_the_default_is_the_setting(tmp_path: Path) -> None:
    with Library.open(settings=Settings(library=tmp_path / "set.library")) as made:
        assert made.path == tmp_path / "set.library"


def test_no_library_and_none_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no library at .*workbench analyze"):
        Library.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("what", ["folder of something", "file"])
def test_a_place_that_is_something_else(tmp_path: Path, what: str) -> None:
    place = tmp_path / "photos"
    if what == "file":
        place.write_text("no folder")
    else:
        place.mkdir()
        (place / "cat.jpg").write_bytes(b"x")
    with pytest.raises((InputError, LibraryUnwritableError), match="photos"):
        Library.open(place)
    assert not (place / "catalog.sqlite").exists()


def test_a_library_that_was_being_made_when_the_machine_stopped(tmp_path: Path) -> None:
    place = tmp_path / "half.library"
    place.mkdir()
    (place / ".library.json").write_text('{"lay')
    with Library.open(place) as library:
        assert library.tracks() == []


@pytest.mark.parametrize("content", [f'{{"layout": {LAYOUT + 1}}}', "{}", "[]", "", "\xff"])
def test_a_library_of_another_layout(tmp_path: Path, content: str) -> None:
    (tmp_path / "library.json").write_text(content, encoding="latin-1")
    with pytest.raises(LibraryVersionError, match=r"library"):
        Library.open(tmp_path)


def test_a_catalog_that_is_damaged(tmp_path: Path) -> None:
    Library.open(tmp_path / "l").close()
    (tmp_path / "l" / "catalog.sqlite").write_bytes(b"nonsense" * 1000)
    with pytest.raises(LibraryDamagedError, match="backup"):
        Library.open(tmp_path / "l")


def test_a_catalog_that_somebody_holds(tmp_path: Path, songs: Path) -> None:
    settings = Settings(busy_timeout_s=0.1)
    with Library.open(tmp_path / "l", settings=settings) as one, Library.open(tmp_path / "l", settings=settings) as two:
        with one.catalog.write(), pytest.raises(CatalogLockedError, match="BUSY_TIMEOUT"):
            two.analyze(songs)
        assert two.tracks() == []


#: Root may write anywhere: what others may do is tried as another user, or on a disk that is read-only.
_AS_OTHER_USER = """
import os, sys
sys.path[:0] = {path!r}
import workbench.library, workbench.store.catalog.engine, workbench.store.arrays  # before the user may read no more
import workbench.jobs.job, zarr, sqlalchemy.dialects.sqlite, alembic.command
os.setgid(65534); os.setuid(65534)
from workbench.errors import WorkbenchError
from workbench.library import Library
from workbench.store.marker import LAYOUT
try:
    with Library.open(sys.argv[1]) as library:
        library.analyze(sys.argv[2])
except WorkbenchError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def read_only_disk(tmp_path: Path, analyzed: Analyzed) -> Iterator[Path]:
    """Give a file system with the analyzed library, on which nothing can be written."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted: {mounted.stderr.strip()} Run the tests as root to have this one.")
    shutil.copytree(analyzed.path, disk / "music.library", ignore=shutil.ignore_patterns("index"))
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_library_on_a_read_only_disk_still_answers(read_only_disk: Path, analyzed: Analyzed) -> None:
    with Library.open(read_only_disk / "music.library") as library:
        assert library.tracks() == analyzed.library.tracks()
        track = library.tracks()[0]["id"]
        assert library.similar(track).results == analyzed.library.similar(track).results
        assert library.verify().problems == []
        with pytest.raises(LibraryUnwritableError, match="--library"):
            library.analyze(analyzed.music)


def test_a_library_cannot_be_made_on_a_read_only_disk(read_only_disk: Path) -> None:
    with pytest.raises(LibraryUnwritableError, match="Read-only"):
        Library.open(read_only_disk / "new.library")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user: run the tests as root")
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_a_folder_of_somebody_else(tmp_path: Path, songs: Path, mode: int) -> None:
    place = tmp_path / "theirs"
    place.mkdir()
    place.chmod(mode)
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    script = _AS_OTHER_USER.format(path=[path for path in sys.path if path])
    done = subprocess.run(
        [sys.executable, "-c", script, place / "own.library", songs], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("LibraryUnwritableError"), done.stdout
    assert "Check the permissions" in done.stdout


# --- analysis -------------------------------------------------------------------------------------


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Give a folder with three short songs."""
    for i, name in enumerate(("a.wav", "b.flac", "c.ogg")):
        write_track(tmp_path / "songs" / name, 40 + i, seconds=1.0, title=f"Song {i}")
    return tmp_path / "songs"


def test_requests_that_cannot_be_met(library: Library, songs: Path) -> None:
    with pytest.raises(InputError, match="No path"):
        library.analyze()
    with pytest.raises(InputError, match="'/nowhere' does not exist"):
        library.analyze("/nowhere")
    with pytest.raises(InputError, match="nonsense"):
        library.analyze(songs, frames=["nonsense"])
    with pytest.raises(InputError, match="no job 99"):
        library.resume(99)
    assert library.jobs() == []


def test_moved_renamed_and_retagged_files_are_not_decoded(library: Library, songs: Path, cluster: str) -> None:
    library.analyze(songs, scheduler=cluster)
    before, arrays = {t["id"]: t for t in library.tracks()}, stored_arrays(library)
    from mutagen.flac import FLAC

    tagged = FLAC(songs / "b.flac")
    tagged["title"] = "Another name"
    tagged["artist"] = "Somebody"
    tagged.save()
    (songs / "deep").mkdir()
    (songs / "a.wav").rename(songs / "deep" / "z.wav")
    job = library.analyze(songs, scheduler=cluster)
    assert (job.counts.unchanged, job.counts.total) == (3, 3)
    after = {t["id"]: t for t in library.tracks()}
    assert after.keys() == before.keys()
    assert {t["path"] for t in after.values()} == {str(songs / name) for name in ("b.flac", "c.ogg", "deep/z.wav")}
    (retagged,) = [t for t in after.values() if t["path"].endswith("b.flac")]
    assert (retagged["title"], retagged["artist"]) == ("Another name", "Somebody")
    assert stored_arrays(library) == arrays


def test_a_file_that_holds_other_audio_now_is_another_track(library: Library, songs: Path, cluster: str) -> None:
    library.analyze(songs, scheduler=cluster)
    (old,) = [t["id"] for t in library.tracks() if t["path"].endswith("a.wav")]
    write_track(songs / "a.wav", 77, seconds=1.5, title="New")
    job = library.analyze(songs, scheduler=cluster)
    assert (job.counts.analyzed, job.counts.unchanged) == (1, 2)
    tracks = library.tracks()
    assert len(tracks) == 3
    assert old not in {t["id"] for t in tracks}
    assert tracks[0]["title"] == "New"
    with pytest.raises(InputError, match="no track"):
        library.similar(old)


def test_background_jobs_and_their_record(library: Library, songs: Path, cluster: str) -> None:
    job = library.analyze(songs, scheduler=cluster, wait=False)
    assert job.wait(60).report()["analyzed"] == 3
    assert repr(job).startswith(f"<Job {job.id} done: 3 of 3 files; 3 analyzed")
    job.cancel()  # too late, and harmless
    assert [record["state"] for record in library.jobs()] == ["done"]


# --- what is known --------------------------------------------------------------------------------


def test_tracks_filters_and_limits(analyzed: Analyzed) -> None:
    everything = analyzed.library.tracks()
    assert len(everything) == len(TRACKS)
    assert [t["path"] for t in everything] == sorted(t["path"] for t in everything)
    long = analyzed.library.tracks("duration_s >= 3 and artist == 'Club'")
    assert {Path(t["path"]).name for t in long} == {"house.mp3", "house two.wav", "techno.ogg"}
    assert [t["album"] for t in analyzed.library.tracks("album is None", limit=2)] == [None, None]
    assert analyzed.library.tracks("duration_s < 0") == []
    with pytest.raises(InputError, match="no column 'tempo'"):
        analyzed.library.tracks("tempo > 3")


def test_the_duplicate_is_one_track_under_one_name(analyzed: Analyzed) -> None:
    three = [t for t in analyzed.library.tracks() if Path(t["path"]).stem.startswith("three")]
    assert len(three) == 1
    same = {analyzed.library.similar(analyzed.music / name).query["id"] for name in (COPY, "rock/three.wav")}
    assert same == {three[0]["id"]}


def test_failed_files_come_with_a_remedy(analyzed: Analyzed) -> None:
    failed = analyzed.library.failed()
    assert [set(f) for f in failed] == [{"path", "reason", "detail", "remedy"}] * 3
    assert all(f["remedy"].endswith(".") for f in failed)


def test_features_are_lazy_and_equal_what_is_stored(analyzed: Analyzed) -> None:
    features = analyzed.library.features
    assert all(variable.chunks is not None for variable in features.data_vars.values())
    assert features.track.values.tolist() == sorted(t["id"] for t in analyzed.library.tracks())
    stored = stored_arrays(analyzed.library)
    for name in ("mfcc", "rms"):
        for track in features.track.values.tolist():
            found = features[name].sel(track=track).values
            np.testing.assert_array_equal(found.ravel(), np.frombuffer(stored[track, f"summary/{name}"], "float32"))


def test_segments_and_frames(analyzed: Analyzed) -> None:
    from workbench.features.registry import specs

    segment = next(spec for spec in specs() if spec.level == "segments")
    found = analyzed.library.segments(segment.name, str(analyzed.music / "ballad/calm.flac"))
    assert found.dims == segment.all_dims
    assert found.sizes["segment"] == 4
    with pytest.raises(InputError, match="--frames chroma"):
        analyzed.library.frames("chroma", str(analyzed.music / "ballad/calm.flac"))
    with pytest.raises(InputError, match="nonsense"):
        analyzed.library.segments("nonsense", str(analyzed.music / "ballad/calm.flac"))


# --- similarity -----------------------------------------------------------------------------------


def test_similar_by_path_by_id_and_by_its_beginning(analyzed: Analyzed, monkeypatch: pytest.MonkeyPatch) -> None:
    track = analyzed.track("club/techno.ogg")
    by_path = analyzed.library.similar(track["path"], 3)
    monkeypatch.chdir(analyzed.music / "club")
    for reference in (track["id"], track["id"][:6], "techno.ogg", Path("techno.ogg")):
        found = analyzed.library.similar(reference, 3)
        assert found.results == by_path.results
        assert found.query == {"id": track["id"], "path": track["path"]}
    assert len(by_path.results) == 3
    assert track["id"] not in {r["id"] for r in by_path.results}
    scores = [r["score"] for r in by_path.results]
    assert scores == sorted(scores, reverse=True)
    for result in by_path.results:
        assert list(result) == RESULT
        assert set(result["facets"]) == FACETS
        assert result["why"]
    assert json.loads(json.dumps(by_path.to_dict()))["results"] == by_path.results


def test_a_copy_in_another_format_finds_the_original_first(analyzed: Analyzed, tmp_path: Path) -> None:
    for name in ("club/techno.ogg", "ballad/slow.wav", "rock/one.flac", "club/house.mp3"):
        y, sr = soundfile.read(analyzed.music / name)
        copy = tmp_path / f"copy of {Path(name).stem}.aiff"
        soundfile.write(copy, y, sr)
        found = analyzed.library.similar(copy, 2)
        assert found.results[0]["path"] == str(analyzed.music / name)
        assert found.query == {"id": None, "path": str(copy)}
        assert found.results[0]["score"] > found.results[1]["score"]


def test_similar_to_a_region(analyzed: Analyzed) -> None:
    path = str(analyzed.music / "ballad/calm.flac")
    found = analyzed.library.similar(path, region=(0.5, 2.0))
    assert found.query["region"] == [0.5, 2.0]
    assert (
        analyzed.library.similar(analyzed.track("ballad/calm.flac")["id"], region=(0.5, 2.0)).results == found.results
    )
    assert path not in {result["path"] for result in found.results}
    with pytest.raises(InputError, match="outside of the audio"):
        analyzed.library.similar(path, region=(100, 101))


def test_a_piece_that_was_cut_out_is_found_where_it_was(analyzed: Analyzed, tmp_path: Path) -> None:
    for name, start_s in (("ballad/slow.wav", 1.6), ("rock/one.flac", 0.3), ("club/house.mp3", 2.0)):
        y, sr = soundfile.read(analyzed.music / name)
        cut = tmp_path / f"{Path(name).stem} cut.flac"
        soundfile.write(cut, 0.7 * y[round(start_s * sr) : round((start_s + 3) * sr)], sr)
        found = analyzed.library.similar(cut, 2, region=(0, 3))
        best = found.results[0]
        assert best["path"] == str(analyzed.music / name)
        assert best["start_s"] == pytest.approx(start_s, abs=0.6)
        assert best["end_s"] == min(best["start_s"] + 3, analyzed.track(name)["duration_s"])
        assert best["score"] > found.results[1]["score"]
        assert "quieter" not in best["why"].lower()


def test_similar_where_and_weights(analyzed: Analyzed) -> None:
    reference = analyzed.music / "rock/two.ogg"
    club = analyzed.library.similar(reference, where="artist == 'Club'")
    assert {Path(r["path"]).parent.name for r in club.results} == {"club"}
    assert analyzed.library.similar(reference, where="bpm > 1000").results == []
    rhythm = analyzed.library.similar(reference, weights={"rhythm": 1, "timbre": 0, "harmony": 0, "dynamics": 0})
    plain = analyzed.library.similar(reference)
    assert [r["score"] for r in rhythm.results] != [r["score"] for r in plain.results]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"n": 0}, "n=0"),
        ({"weights": {"loudness": 2}}, "loudness"),
        ({"weights": {"timbre": -1}}, "timbre"),
        ({"region": (3, 1)}, "region"),
        ({"where": "tempo > 3"}, "tempo"),
    ],
)
def test_queries_that_cannot_be_met(analyzed: Analyzed, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        analyzed.library.similar(analyzed.music / "rock/two.ogg", **arguments)  # type: ignore[arg-type]


def test_references_that_cannot_be_used(analyzed: Analyzed) -> None:
    with pytest.raises(InputError, match=r"no track 'nothing'.*lists"):
        analyzed.library.similar("nothing")
    with pytest.raises(AudioError, match="not_audio"):
        analyzed.library.similar(analyzed.music / "broken/notes.mp3")
    with pytest.raises(AudioError, match="not_a_file"):
        analyzed.library.similar(analyzed.music)


def test_an_empty_library_finds_nothing(library: Library, analyzed: Analyzed) -> None:
    assert library.similar(analyzed.music / "rock/two.ogg").results == []
    assert library.features.sizes["track"] == 0
    with pytest.raises(InputError):
        library.similar("abcdef")


def test_answers_follow_what_another_process_commits(library: Library, songs: Path, cluster: str) -> None:
    library.analyze(songs / "a.wav", scheduler=cluster)
    assert library.similar(songs / "a.wav").results == []
    with Library.open(library.path) as other:
        other.analyze(songs, scheduler=cluster)
    assert len(library.similar(songs / "a.wav").results) == 2


def test_several_references_are_blended(analyzed: Analyzed, tmp_path: Path) -> None:
    library = analyzed.library
    names = ("club/house.mp3", "club/techno.ogg")
    paths = [str(analyzed.music / name) for name in names]
    outside = write_track(tmp_path / "outside.wav", 77, style="rock", tempo=120, seconds=3.0)
    alike = library.similar(paths, 3)
    assert alike.query == {
        "blend": [{"id": analyzed.track(n)["id"], "path": p, "weight": 1.0} for n, p in zip(names, paths, strict=True)]
    }
    assert library.similar(dict.fromkeys(paths, 0.5), 3).results == alike.results
    assert library.similar({paths[0]: 1}, 3).results == library.similar(paths[0], 3).results
    assert not set(paths) & {result["path"] for result in alike.results}
    away = library.similar({paths[0]: 1, outside: -0.5}, 3)
    assert [one["weight"] for one in away.query["blend"]] == [1, -0.5]
    assert away.query["blend"][1] == {"id": None, "path": str(outside), "weight": -0.5}
    assert away.results != library.similar(paths[0], 3).results


def test_a_way_from_one_track_to_another(analyzed: Analyzed) -> None:
    start, end = analyzed.track("ballad/calm.flac"), analyzed.track("club/techno.ogg")
    found = analyzed.library.similar(start["id"], 4, to=end["path"])
    assert found.query == {**{k: start[k] for k in ("id", "path")}, "to": {k: end[k] for k in ("id", "path")}}
    ids = [result["id"] for result in found.results]
    assert len(set(ids)) == 4
    assert not {start["id"], end["id"]} & set(ids)


def test_one_of_each_artist(analyzed: Analyzed) -> None:
    found = analyzed.library.similar(analyzed.track("ballad/calm.flac")["id"], 8, per_artist=1)
    assert sorted(result["artist"] for result in found.results) == ["Ballad", "Club", "Rock"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"reference": []}, "Nothing is named"),
        ({"reference": {"x": 0.0}}, "other than 0|no track"),
        ({"to": "y", "region": (0, 1)}, "do not go together"),
        ({"reference": ["x", "y"], "to": "z"}, "do not go together"),
        ({"per_artist": 0}, "per_artist=0"),
    ],
)
def test_queries_that_make_no_sense(analyzed: Analyzed, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        analyzed.library.similar(**{"reference": "x", **arguments})


def test_a_region_says_why_from_its_own_distance(analyzed: Analyzed) -> None:
    path = analyzed.music / "club/house.mp3"
    for result in analyzed.library.similar(path, 3, region=(0.5, 2.5)).results:
        assert list(result) == RESULT
        assert result["because"]
        assert all(reason["says"] in result["why"].lower() for reason in result["because"])


def test_a_taste_is_learned_applied_and_taken_back(analyzed: Analyzed) -> None:
    library = analyzed.library
    reference = analyzed.track("club/techno.ogg")
    before = library.similar(reference["id"], 7).results
    good, bad = before[-1], before[0]
    try:
        taste = library.tune(likes=[(reference["path"], good["id"][:8])], dislikes=[(reference["id"], bad["path"])])
        assert (taste.name, taste.in_use, taste.likes) == ("mine", True, [(reference["id"], good["id"])])
        after = {result["id"]: result["score"] for result in library.similar(reference["id"], 7).results}
        assert after[good["id"]] - after[bad["id"]] > good["score"] - bad["score"]
        library.untune()
        assert library.similar(reference["id"], 7).results == before
        assert library.tune(name="mine").in_use
        assert {result["id"]: result["score"] for result in library.similar(reference["id"], 7).results} == after
        with pytest.raises(InputError, match=r"no taste 'yours'\. Known are 'mine'"):
            library.tune(name="yours")
    finally:
        library.untune(forget="mine")
    assert library.tastes() == []
    with pytest.raises(InputError, match="no track"):
        library.tune(likes=[("nowhere", reference["id"])])


def test_duplicates_of_the_collection(analyzed: Analyzed) -> None:
    (group,) = [group for group in analyzed.library.duplicates() if group["kind"] == "same recording"]
    (track,) = group["tracks"]
    assert {str(Path(path).relative_to(analyzed.music)) for path in track["paths"]} == {COPY, "rock/three.wav"}


# --- playlists ------------------------------------------------------------------------------------


def test_a_map_has_a_place_for_every_track(analyzed: Analyzed) -> None:
    found = analyzed.library.map()
    assert sorted(found.ids) == sorted(track["id"] for track in analyzed.library.tracks())
    assert len(found.x) == len(found.y) == len(found.cluster) == len(found.ids)
    assert 0 <= found.cluster.min() <= found.cluster.max() < len(found.names)
    assert analyzed.library.map().x.tolist() == found.x.tolist()


def test_playlists(analyzed: Analyzed) -> None:
    first, last = analyzed.track("ballad/calm.flac"), analyzed.track("rock/one.flac")
    made = analyzed.library.playlist(n=5, curve="rise", start=first["path"], end=last["id"][:8])
    ids = [t["id"] for t in made.tracks]
    assert (ids[0], ids[-1], len(ids), len(set(ids))) == (first["id"], last["id"], 5, 5)
    assert len(made.transitions) == 4
    assert json.loads(json.dumps(made.to_dict()))["tracks"][0]["id"] == first["id"]


def test_a_mood_that_nobody_knows_is_answered_with_those_that_are(analyzed: Analyzed) -> None:
    with pytest.raises(InputError, match=r"(?s)grumpy.*calm|calm.*grumpy"):
        analyzed.library.playlist(mood="grumpy")
    with pytest.raises(InputError, match=r"no such field.*energy"):
        analyzed.library.playlist(loudness=3)
    with pytest.raises(InputError, match="no track"):
        analyzed.library.playlist(start="nowhere.wav")


def test_a_saved_playlist_is_made_again_shown_and_revised(analyzed: Analyzed) -> None:
    library = analyzed.library
    made = library.playlist(n=4, curve="fall")
    library.save_playlist("Evening", made)
    try:
        (kept,) = library.playlists()
        assert (kept["name"], kept["tracks"], kept["request"]) == ("Evening", made.ids, {"n": 4, "curve": "fall"})
        assert library.playlist(again="Evening").to_dict() == made.to_dict()
        assert len(library.playlist(again="Evening", n=2).ids) == 2
        assert library.revise("Evening").ids == made.ids

        longer = library.revise("Evening", extend=1)
        assert (longer.ids[:4], len(set(longer.ids))) == (made.ids, 5)
        assert longer.request.curve == "fall"
        bridged = library.revise(made.ids, bridge=2)
        assert (bridged.ids[:2], bridged.ids[3:], len(set(bridged.ids))) == (made.ids[:2], made.ids[2:], 5)
        other = library.revise("Evening", replace=1)
        assert other.ids[1:] == made.ids[1:]
        assert other.ids[0] not in made.ids
        with pytest.raises(InputError, match="there is no position 5"):
            library.revise("Evening", replace=5)
    finally:
        library.delete_playlist("Evening")
    assert library.playlists() == []
    with pytest.raises(InputError, match="no saved playlist"):
        library.revise("Evening")


def test_tracks_may_be_named_by_path_or_by_the_beginning_of_an_id(analyzed: Analyzed) -> None:
    first, last = analyzed.track("ballad/calm.flac"), analyzed.track("rock/one.flac")
    made = analyzed.library.playlist(n=4, include=[first["path"]], exclude=last["id"][:8], like=first["path"])
    assert first["id"] in made.ids
    assert last["id"] not in made.ids
    assert made.request.like == (first["id"],)
    assert {"timbre", "tempo"} <= set(made.transitions[0].terms)


@pytest.mark.parametrize("ending", ["m3u8", "xspf"])
def test_a_playlist_of_another_program_is_read(analyzed: Analyzed, tmp_path: Path, ending: str) -> None:
    library = analyzed.library
    made = library.playlist(n=3)
    file = library.export_playlist(made, tmp_path / f"list.{ending}")
    assert library.read_playlist(file) == (made.ids, [])
    assert library.revise(str(file)).ids == made.ids
    (tmp_path / "list.m3u").write_text(f"{made.tracks[0]['path']}\nnot/there.mp3\n{made.tracks[0]['path']}\n")
    assert library.read_playlist(tmp_path / "list.m3u") == (made.ids[:1], [f"{tmp_path}/not/there.mp3"])


@pytest.mark.slow
def test_rekordbox_has_a_grid_where_beats_are_stored_and_retagged_files_are_not_decoded(tmp_path: Path) -> None:
    from xml.etree import ElementTree

    from workbench.testing import simulate_library

    music = tmp_path / "music"
    simulate_library(music, n=3, duration=(12, 14), seed=1)
    with Library.open(tmp_path / "a.library") as library:
        first = next(path for path in sorted(music.rglob("*")) if path.is_file() and path.suffix != ".csv")
        library.analyze(first, frames=["beats"], workers=1)
        library.analyze(music, workers=1)
        made = library.playlist(n=3)
        root = ElementTree.fromstring(library.export_playlist(made, tmp_path / "list.xml").read_text())
        for entry, track in zip(root.findall("COLLECTION/TRACK"), made.tracks, strict=True):
            assert [abs(float(grid.get("Bpm", 0)) - track["bpm"]) < 2 for grid in entry] == [True] * (
                track["path"] == str(first)
            )
        assert [written["state"] for written in library.write_tags(made.ids, apply=True)] == ["changed"] * 3
        report = library.analyze(music, workers=1).report()
        assert (report["unchanged"], report["analyzed"]) == (3, 0)


def test_tags_are_written_only_when_asked(analyzed: Analyzed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.store.catalog import queries

    track = analyzed.track("ballad/calm.flac")
    copy = tmp_path / "copy.flac"
    shutil.copy(track["path"], copy)
    found = queries.tracks_by_id
    monkeypatch.setattr(
        queries, "tracks_by_id", lambda *given: {k: {**v, "path": str(copy)} for k, v in found(*given).items()}
    )
    before = copy.read_bytes()
    (shown,) = analyzed.library.write_tags([track["id"]])
    assert (shown["state"], copy.read_bytes()) == ("would change", before)
    (written,) = analyzed.library.write_tags([track["id"]], apply=True)
    assert (written["state"], written["tags"]) == ("changed", shown["tags"])
    assert copy.read_bytes() != before
    assert shown["tags"]["bpm"][1] == str(round(track["bpm"]))


# --- export ---------------------------------------------------------------------------------------


def test_export_as_csv_neutralises_formulas(analyzed: Analyzed, tmp_path: Path) -> None:
    written = analyzed.library.export(tmp_path / "tracks.csv")
    with written.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(TRACKS)
    (hostile,) = [row for row in rows if row["path"].endswith("one.flac")]
    assert hostile["title"] == f"'{HOSTILE_TITLE}"
    assert {row["album"] for row in rows} == {""}


def test_export_as_json_and_parquet_keep_what_is_missing(analyzed: Analyzed, tmp_path: Path) -> None:
    tracks = analyzed.library.tracks()
    rows = json.loads(analyzed.library.export(tmp_path / "tracks.json").read_text(encoding="utf-8"))
    assert rows == tracks
    table = pd.read_parquet(analyzed.library.export(tmp_path / "tracks.parquet"))
    assert table["id"].tolist() == [t["id"] for t in tracks]
    assert table["album"].isna().all()
    assert HOSTILE_TITLE in set(table["title"])


def test_export_appends_descriptors(analyzed: Analyzed, tmp_path: Path) -> None:
    target = analyzed.library.export(tmp_path / "t.parquet", where="artist == 'Club'", descriptors=["mfcc", "rms"])
    table = pd.read_parquet(target)
    assert len(table) == 3
    features = analyzed.library.features["mfcc"].sel(track=table["id"].tolist()).values
    columns = [name for name in table.columns if name.startswith("mfcc_")]
    np.testing.assert_array_equal(table[columns].to_numpy(), features.reshape(3, -1))
    assert any(name.startswith("rms_") for name in table.columns)


def test_exports_that_cannot_be_made(analyzed: Analyzed, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.parquet, \.csv, \.json"):
        analyzed.library.export(tmp_path / "tracks.xls")
    with pytest.raises(InputError, match="cannot be written"):
        analyzed.library.export(tmp_path / "nowhere" / "tracks.csv")
    with pytest.raises(InputError, match=r"no descriptor 'nonsense'.*mfcc"):
        analyzed.library.export(tmp_path / "tracks.csv", descriptors=["nonsense"])
    assert list(tmp_path.iterdir()) == []


# --- housekeeping ---------------------------------------------------------------------------------


def test_verify_repair_and_analyze_again(library: Library, songs: Path, cluster: str) -> None:
    library.analyze(songs, scheduler=cluster)
    whole = stored_arrays(library)
    (part,) = library.parts.listed()
    shutil.rmtree(library.parts.root / "parts" / part / "summary" / "mfcc")
    assert len(library.verify().problems) >= 1
    assert library.verify(repair=True).problems
    assert library.verify().problems == []
    assert library.tracks() == []
    assert library.analyze(songs, scheduler=cluster).counts.analyzed == 3
    assert library.collect().removed == (part,)
    assert stored_arrays(library) == whole


def test_compact_and_collect(library: Library, songs: Path, cluster: str) -> None:
    for name in ("a.wav", "b.flac", "c.ogg"):
        library.analyze(songs / name, scheduler=cluster)
    before, answer = stored_arrays(library), library.similar(songs / "a.wav").results
    assert library.compact() == 3
    assert len(library.collect().removed) == 3
    assert library.collect().removed == ()
    assert stored_arrays(library) == before
    assert library.similar(songs / "a.wav").results == answer
