"""What pages ask a library for: counts, columns, what is to be heard and seen, what an analysis takes, labels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

import workbench as wb
from tests.jobs.collection import Analyzed, analyzed, cluster, library, music, write_track
from workbench.audio import load
from workbench.errors import AudioError, InputError
from workbench.features import extract
from workbench.features.config import DEFAULT_CONFIG
from workbench.library import Library
from workbench.testing import simulate_track

__all__ = ["analyzed", "cluster", "library", "music"]


@pytest.fixture
def own(tmp_path: Path, analyzed: Analyzed) -> Iterator[Library]:
    shutil.copytree(analyzed.path, tmp_path / "own.library")
    with Library.open(tmp_path / "own.library") as opened:
        yield opened


def test_counts_and_columns_are_those_of_the_records(analyzed: Analyzed) -> None:
    lib = analyzed.library
    tracks = sorted(lib.tracks(), key=lambda track: str(track["id"]))
    assert lib.count() == len(tracks)
    assert lib.count("bpm > 120") == len(lib.tracks("bpm > 120"))
    found = lib.columns("id", "bpm", "title")
    assert found == {name: [track[name] for track in tracks] for name in ("id", "bpm", "title")}
    with pytest.raises(InputError, match="no column 'bmp'"):
        lib.columns("bmp")
    some = [track["id"] for track in tracks[:2]]
    assert lib.records([*some, "0" * 32]) == {track["id"]: track for track in tracks[:2]}


@pytest.mark.parametrize("name", ["club/techno.ogg", "ballad/slow.wav", "ballad/calm.flac", "club/house.mp3"])
def test_an_excerpt_is_that_part_of_the_file(analyzed: Analyzed, name: str) -> None:
    track = analyzed.track(name)
    whole, sr = soundfile.read(track["path"], dtype="float32", always_2d=True)
    samples, rate = analyzed.library.excerpt(track["id"], 0.6, 0.2)
    assert (rate, samples.dtype) == (sr, np.int16)
    expected = whole[round(0.6 * sr) : round(0.8 * sr), :2]
    assert samples.shape == expected.shape
    np.testing.assert_allclose(samples / 32768, expected, atol=2e-4)
    end, _ = analyzed.library.excerpt(track["id"], track["duration_s"] - 0.1, 5.0)
    assert 0 < len(end) <= round(0.12 * sr)


@pytest.mark.parametrize(("start_s", "seconds"), [(-1, 1), (0, 0), (0, 61), (float("nan"), 1), (0, float("nan"))])
def test_excerpts_that_cannot_be_played(analyzed: Analyzed, start_s: float, seconds: float) -> None:
    with pytest.raises(InputError, match="cannot be played"):
        analyzed.library.excerpt(analyzed.track("club/techno.ogg")["id"], start_s, seconds)


def test_a_file_that_is_gone_has_no_excerpt(own: Library, tmp_path: Path, cluster: str) -> None:
    path = write_track(tmp_path / "gone.wav", 77)
    own.analyze(path, scheduler=cluster)
    (track,) = own.tracks(f"path == {str(path)!r}")
    path.unlink()
    with pytest.raises(AudioError, match=r"gone\.wav"):
        own.excerpt(track["id"])


def test_curves_and_pictures_are_frames_of_the_whole_file(analyzed: Analyzed) -> None:
    track = analyzed.track("club/techno.ogg")
    y, sr = load(track["path"])
    plain = extract([y[:, None]], sr, paths=["frames/spectral_centroid", "frames/mel", "frames/beats"]).arrays
    found = analyzed.library.curve(track["id"], "spectral_centroid")
    np.testing.assert_allclose(found, plain["frames/spectral_centroid"], rtol=1e-4)
    picture = analyzed.library.spectrogram(track["id"], columns=10**6)
    np.testing.assert_allclose(picture, plain["frames/mel"].T, atol=1e-2)
    few = analyzed.library.spectrogram(track["id"], columns=7)
    assert few.shape == (picture.shape[0], 7)
    assert few.max() == picture.max()
    beats = analyzed.library.beats(track["id"])
    np.testing.assert_array_equal(beats, np.flatnonzero(plain["frames/beats"]) / DEFAULT_CONFIG.frame_rate)
    with pytest.raises(InputError, match="nothing"):
        analyzed.library.curve(track["id"], "nothing")


def test_what_is_stored_is_not_decoded(own: Library, tmp_path: Path, cluster: str) -> None:
    path = write_track(tmp_path / "kept.wav", 78, seconds=3)
    own.analyze(path, frames=["chroma", "beats"], scheduler=cluster)
    (track,) = own.tracks(f"path == {str(path)!r}")
    curve, beats = own.curve(track["id"], "chroma"), own.beats(track["id"])
    path.unlink()
    np.testing.assert_array_equal(own.curve(track["id"], "chroma"), curve)
    np.testing.assert_array_equal(own.beats(track["id"]), beats)


def test_what_an_analysis_would_find_and_take(own: Library, analyzed: Analyzed, tmp_path: Path, cluster: str) -> None:
    found = own.estimate(analyzed.music)
    assert (found.new, found.seconds) == (0, 0.0)
    assert found.files == sum(path.is_file() for path in analyzed.music.rglob("*"))
    write_track(tmp_path / "more" / "one.wav", 79, seconds=3)
    once, twice = own.estimate(tmp_path / "more"), own.estimate(tmp_path / "more", tmp_path / "more")
    assert (once.files, once.new) == (1, 1)
    assert once.seconds is not None
    assert once.seconds > 0
    assert twice == once
    own.analyze(tmp_path / "more", scheduler=cluster)
    assert own.estimate(tmp_path / "more").new == 0


def test_nothing_is_known_of_the_time_before_the_first_analysis(library: Library, music: Path) -> None:
    assert library.estimate(music).seconds is None
    with pytest.raises(InputError):
        library.estimate(music / "nowhere")


def test_labels_become_a_column_for_filters_searches_and_playlists(own: Library, tmp_path: Path) -> None:
    rock = {track["id"] for track in own.tracks('path like "%rock%"')}
    others = [track["id"] for track in own.tracks() if track["id"] not in rock]
    one, *_ = sorted(rock)
    own.label(one, wb.Label("kind", "rock"))
    own.label(others[0], wb.Label("kind", "other"))
    assert own.label_report("kind") is None
    asked = own.next_to_label("kind", 3)
    assert len(asked) == 3
    assert not {one, others[0]} & set(asked)
    made = own.apply_labels("kind")
    assert own.label_columns() == {"kind": made.counts}
    assert sum(made.counts.values()) == own.count()
    where = 'label.kind == "rock"'
    fits = {track["id"] for track in own.tracks(where)}
    assert one in fits
    assert fits == {track for track, said in own.label_column("kind").items() if said.value == "rock"}
    assert set(own.label_column("kind", [one])) == {one}
    assert {result["id"] for result in own.similar(others[0], 20, where=where, fold=False).results} == fits
    assert set(own.answers.playlist(n=20, where=where).ids) == fits
    assert own.playlist(n=20, where=where).violations[0]["constraint"] == "n"
    forced = own.playlist(n=3, where=where, include=[others[0]]).violations
    assert [(one["constraint"], one["track"]) for one in forced if "track" in one] == [("where", others[0])]
    rows = json.loads(own.export_labels(tmp_path / "labels.json").read_text())
    assert [(row["track"], row["value"]) for row in rows] == sorted([(one, "rock"), (others[0], "other")])
    own.forget_label_column("kind")
    assert own.answers.playlist(n=20, where=where).ids == []
    assert len(own.labels()) == 2


def test_labels_of_parts_teach_of_what_kind_whole_tracks_are(library: Library, tmp_path: Path) -> None:
    def sound(seed: int, style: str) -> np.ndarray:
        return simulate_track(seed, style=style, duration=4.0, sr=22050).y

    folder = tmp_path / "music"
    folder.mkdir()
    for k in range(3):
        halves = [sound(900 + k, "ambient"), sound(910 + k, "techno")]
        soundfile.write(folder / f"both {k}.wav", np.concatenate(halves if k else halves[::-1]), 22050)
        for style in ("ambient", "techno"):
            soundfile.write(folder / f"{style} {k}.wav", sound(920 + k, style), 22050)
    library.analyze(folder, workers=1)
    tracks = {Path(track["path"]).stem: track["id"] for track in library.tracks()}
    for k in range(3):
        first, second = ("ambient", "techno") if k else ("techno", "ambient")
        both = tracks[f"both {k}"]
        library.label(both, wb.Label("kind", first, 0.0, 4.0), wb.Label("kind", second, 4.0, 8.0))
    report = library.label_report("kind")
    assert report is not None
    assert (report.examples, report.accuracy) == (6, 1.0)
    library.apply_labels("kind")
    said = library.label_column("kind")
    for name, track in tracks.items():
        if not name.startswith("both"):
            assert (name, said[track].value) == (name, name.partition(" ")[0])
    assert all(said[tracks[f"both {k}"]].confidence < 1 for k in range(3)), "nobody has said what the whole track is"
