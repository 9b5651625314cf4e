"""Tables for other programs: complete or not there, harmless, and missing where nothing is known."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.store.conftest import SUMMARY, Store, content_id, values_of
from workbench.errors import InputError
from workbench.store.catalog.queries import tracks
from workbench.store.dataset import open_features
from workbench.store.export import add_descriptors, replace_file, replace_text, write_table

ROWS: list[dict[str, Any]] = [
    {"path": "/music/caf\udce9.wav", "bpm": 120.5, "mood": None, "title": "=1+1"},
    {"path": "/music/b.wav", "bpm": None, "mood": "calm", "title": "Été"},
]


@pytest.mark.parametrize("ending", ["csv", "json", "parquet", "CSV"])
def test_every_format_reads_back(tmp_path: Path, ending: str) -> None:
    path = write_table(ROWS, tmp_path / f"table.{ending}")
    assert path == tmp_path / f"table.{ending}"
    if ending.lower() == "csv":
        with path.open(newline="", encoding="utf-8") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
        assert (rows[0]["title"], rows[1]["title"]) == ("'=1+1", "Été")
        assert (rows[0]["mood"], rows[1]["bpm"]) == ("", "")
        assert rows[0]["path"] == "/music/caf\\udce9.wav"
    elif ending == "json":
        assert json.loads(path.read_text(encoding="utf-8")) == ROWS
    else:
        table = pd.read_parquet(path)
        assert table["title"].tolist() == ["=1+1", "Été"]
        assert table["bpm"].isna().tolist() == [False, True]
        assert table["path"][0] == "/music/caf\\udce9.wav"


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_a_table_without_rows(tmp_path: Path, ending: str) -> None:
    assert write_table([], tmp_path / f"empty.{ending}").exists()


def test_an_ending_that_nobody_knows(tmp_path: Path) -> None:
    for name in ("table.xls", "table", ".csv"):
        with pytest.raises(InputError, match=r"Known: \.parquet, \.csv, \.json"):
            write_table(ROWS, tmp_path / name)


def test_a_file_is_replaced_only_by_a_complete_one(tmp_path: Path) -> None:
    target = write_table(ROWS, tmp_path / "table.csv")
    before = target.read_bytes()

    def half(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"cannot be written: No space left on device\. Choose another place"):
        replace_file(target, half)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_rows_that_cannot_be_written_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_table([{"x": object()}], tmp_path / "table.json")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file or directory"):
        replace_text(tmp_path / "nowhere" / "list.m3u8", "x")


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    replace_text(tmp_path / "list.m3u8", "#EXTM3U\r\nÉté.wav\r\n")
    assert (tmp_path / "list.m3u8").read_bytes() == "#EXTM3U\r\nÉté.wav\r\n".encode()


def test_descriptors_are_appended_by_the_labels_of_their_axes(store: Store) -> None:
    store.add(3, 4)
    features = open_features(store.catalog, store.parts, [SUMMARY])
    rows = add_descriptors(tracks(store.catalog), features)
    by_id = {row["id"]: row for row in rows}
    names = [name for name in rows[0] if name.startswith("level_")]
    assert len(names) == 2
    for number in (3, 4):
        expected = [None if np.isnan(v) else v for v in values_of(number)[SUMMARY.path].tolist()]
        assert [by_id[content_id(number)][name] for name in names] == expected
    assert list(rows[0])[:-2] == list(tracks(store.catalog)[0])


def test_descriptors_of_no_tracks(store: Store) -> None:
    features = open_features(store.catalog, store.parts, [SUMMARY])
    assert add_descriptors([], features) == []
