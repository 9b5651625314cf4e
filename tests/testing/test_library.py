"""Simulated libraries: complete, tagged, repeatable, and never at a user's expense."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import astuple

import mutagen
import pytest
import soundfile

from workbench.errors import InputError
from workbench.testing import STYLES, simulate_library, simulate_track
from workbench.testing.library import MARKER


def digests(folder):
    return {p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music") / "simulated"
    return folder, simulate_library(folder, n=20, seed=3, duration=(1, 2))


def test_every_row_has_its_file_as_described(library):
    folder, table = library
    for row in table:
        info = soundfile.info(folder / row.path)
        assert info.samplerate == row.sr
        assert info.frames / info.samplerate == pytest.approx(row.duration_s, abs=0.06)
        assert row.path.endswith(row.format)
    assert Counter(row.format for row in table) == {"wav": 6, "flac": 6, "ogg": 4, "mp3": 4}
    assert {row.style for row in table} == set(STYLES)
    assert len({row.path for row in table}) == len(table)


def test_the_table_is_the_truth_of_simulate_track(library):
    _, table = library
    for row in table[:3]:
        truth = simulate_track(row.seed, style=row.style, duration=row.duration_s, sr=row.sr).truth
        assert (row.tempo, row.key, row.energy, row.brightness) == (
            truth.tempo, truth.key, truth.energy, truth.brightness,
        )  # fmt: skip
        assert row.valence == pytest.approx(truth.valence, abs=1e-4)


def test_tags_are_those_of_the_table(library):
    folder, table = library
    for row in table:
        tags = mutagen.File(folder / row.path).tags
        names = ("TIT2", "TPE1", "TALB") if row.format in {"wav", "mp3"} else ("title", "artist", "album")
        assert [str(tags[name][0]) for name in names] == [row.title, row.artist, row.album]


def test_truth_csv_holds_the_table(library):
    folder, table = library
    with open(folder / "truth.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header[:4] == ["path", "style", "tempo", "key"]
    assert rows == [[str(value) for value in astuple(row)] for row in table]


def test_the_same_parameters_give_the_same_bits(library, tmp_path):
    folder, table = library
    assert simulate_library(tmp_path / "again", n=20, seed=3, duration=(1, 2)) == table
    assert digests(tmp_path / "again") == digests(folder)
    assert simulate_library(tmp_path / "other", n=1, seed=4, duration=(1, 2)) != table[:1]


def test_a_second_call_makes_only_what_is_missing(tmp_path):
    table = simulate_library(tmp_path, n=3, duration=(1, 1))
    missing, edited, kept = (tmp_path / row.path for row in table)
    before = digests(tmp_path)
    missing.unlink()
    edited.write_bytes(b"mine now")
    stamp = kept.stat().st_mtime_ns
    calls = []
    assert simulate_library(tmp_path, n=3, duration=(1, 1), progress=lambda *c: calls.append(c)) == table
    after = digests(tmp_path)
    assert edited.read_bytes() == b"mine now"
    assert kept.stat().st_mtime_ns == stamp
    assert {path for path in before if before[path] != after[path]} == {edited.relative_to(tmp_path)}
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_no_partial_file_stays(library):
    folder, _ = library
    hidden = {path.name for path in folder.rglob(".*")}
    assert hidden == {MARKER}


def test_a_folder_of_somebody_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(InputError, match="not empty"):
        simulate_library(tmp_path, n=1, duration=(1, 1))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_library_of_other_parameters_is_refused(tmp_path):
    simulate_library(tmp_path, n=1, duration=(1, 1))
    with pytest.raises(InputError, match="other parameters"):
        simulate_library(tmp_path, n=2, duration=(1, 1))


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="not a folder"):
        simulate_library(tmp_path / "file", n=1)


@pytest.mark.parametrize(
    "wrong", [{"n": 0}, {"duration": (2, 1)}, {"duration": (0, 1)}, {"styles": ("polka",)}, {"styles": ()}]
)
def test_what_cannot_be_simulated_is_refused(tmp_path, wrong):
    with pytest.raises(InputError):
        simulate_library(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


def test_styles_can_be_chosen(tmp_path):
    table = simulate_library(tmp_path, n=3, duration=(1, 1), styles=("jazz", "drum and bass"))
    assert [row.style for row in table] == ["jazz", "drum and bass", "jazz"]
    assert (tmp_path / "Drum and Bass").is_dir()
