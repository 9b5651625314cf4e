"""The table that playlists are made from: as the catalog and the segments say, and made once."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.conftest import Store, columns, content_id
from workbench.features.registry import spec
from workbench.playlist.edges import SEGMENTS, edges, scale_of, standardise
from workbench.playlist.table import COLUMNS, TrackTable
from workbench.schema import JobState
from workbench.store import columns as module
from workbench.store.arrays import part_name
from workbench.store.catalog.engine import next_version, raise_version
from workbench.store.catalog.models import Placement, Track
from workbench.store.catalog.queries import track_columns, tracks
from workbench.store.columns import LoadedTable, load_table
from workbench.store.commit import commit_batch
from workbench.store.records import Analysis, Source


def segments(number: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(number)
    specs = [spec(path) for path in SEGMENTS]
    return {s.path: np.abs(rng.normal(size=(5 + number, *s.shape))).astype(np.float32) for s in specs}


def add(store: Store, *numbers: int) -> None:
    """Commit tracks with segments, one without in every ten."""
    paths = [f"/music/{n}.wav" for n in numbers]
    job = store.plan(*paths)
    with_segments = [n for n in numbers if n % 10]
    part = store.parts.write(
        part_name(job.job_id, "b"), [content_id(n) for n in with_segments], [spec(path) for path in SEGMENTS],
        [segments(n) for n in with_segments],
    )  # fmt: skip
    other = (
        store.write(job, *(n for n in numbers if n not in with_segments)) if len(with_segments) < len(numbers) else None
    )
    source = Source("wav", 44100, 2, ())
    results = [
        store.result(i, path, n, analysis=Analysis(columns(n, bpm=None if n == 3 else 100.0 + n), source))
        for i, (path, n) in enumerate(zip(paths, numbers, strict=True))
    ]
    commit_batch(store.catalog, store.lease(job), results, [part, *([other] if other else [])])
    store.ledger.finish(job, JobState.DONE)


def check(loaded: LoadedTable, store: Store, *numbers: int, scale: Any = None) -> None:
    table = loaded.table.take(loaded.table.order)
    assert table.ids.tolist() == [content_id(n) for n in sorted(numbers)]
    plain = TrackTable.of(tracks(store.catalog))
    for name in ("bpm", "key", "energy", "mood", "loudness", "artist", "duration_s", "bpm_trust"):
        np.testing.assert_array_equal(getattr(table, name), getattr(plain, name), name)
    raw = np.stack([edges(segments(n)) if n % 10 else np.full((2, 19), np.nan) for n in sorted(numbers)])
    expected = standardise(raw.astype(np.float32), scale_of(raw.astype(np.float32)) if scale is None else scale)
    np.testing.assert_allclose(table.start, expected[:, 0], rtol=1e-5)
    np.testing.assert_allclose(table.end, expected[:, 1], rtol=1e-5)


def test_it_is_what_the_catalog_and_the_segments_say(store: Store, tmp_path: Path) -> None:
    add(store, 5, 3, 10)
    add(store, 4)
    made = load_table(store.catalog, store.parts, tmp_path / "index")
    check(made, store, 3, 4, 5, 10)
    assert made.version == store.catalog.version()
    opened = load_table(store.catalog, store.parts, tmp_path / "index")
    assert isinstance(opened.table.start, np.memmap)
    check(opened, store, 3, 4, 5, 10)


def test_a_commit_makes_a_new_version_from_what_is_new(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, 1, 2)
    first = load_table(store.catalog, store.parts, tmp_path / "index")
    made: list[Any] = []
    monkeypatch.setattr(module, "edges", lambda values: made.append(values) or edges(values))
    add(store, 7)  # much of a library of two, so that the table is written again
    check(load_table(store.catalog, store.parts, tmp_path / "index"), store, 1, 2, 7, scale=first.scale)
    add(store, 4)  # twice as many as when it was made, so that it is made anew
    check(load_table(store.catalog, store.parts, tmp_path / "index"), store, 1, 2, 4, 7)
    assert len(made) == 2
    assert len(list((tmp_path / "index").iterdir())) == 1


def test_what_has_changed_is_put_into_the_table_and_nothing_is_written(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PART_THAT_MAY_CHANGE", 1)
    folder = tmp_path / "index"
    add(store, 2, 4, 5, 9)
    first = load_table(store.catalog, store.parts, folder)
    (written,) = folder.iterdir()
    add(store, 7, 10)
    monkeypatch.setattr(module, "replace_version", None)
    second = load_table(store.catalog, store.parts, folder, first)
    check(second, store, 2, 4, 5, 7, 9, 10, scale=first.scale)
    check(load_table(store.catalog, store.parts, folder), store, 2, 4, 5, 7, 9, 10, scale=first.scale)
    assert load_table(store.catalog, store.parts, folder, second) is second
    with store.catalog.write() as connection:
        gone = [content_id(4), content_id(7)]
        connection.execute(sa.delete(Placement).where(Placement.track_id.in_(gone)))
        connection.execute(sa.delete(Track).where(Track.id.in_(gone)))
        connection.execute(sa.update(Track).where(Track.id == content_id(5)).values(mood=None, changed=next_version()))
        raise_version(connection)
    third = load_table(store.catalog, store.parts, folder, second)
    check(third, store, 2, 5, 9, 10, scale=first.scale)
    assert third.table.mood[third.table.order[1]] == -1
    assert list(folder.iterdir()) == [written]
    assert first.table.ids.tolist() == [content_id(n) for n in (2, 4, 5, 9)]  # others may still be reading it


def test_a_table_is_made_anew_when_the_first_edges_are_known(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_table(store.catalog, store.parts, tmp_path / "index")
    assert first.scale is None
    add(store, 1, 2, 10)
    second = load_table(store.catalog, store.parts, tmp_path / "index", first)
    check(second, store, 1, 2, 10)
    assert second.changed == 0
    monkeypatch.setattr(module, "_PART_THAT_MAY_CHANGE", 0)
    unknown = dataclasses.replace(second, scale=None)
    add(store, 4)
    check(load_table(store.catalog, store.parts, tmp_path / "index", unknown), store, 1, 2, 4, 10)


def rows_of(numbers: set[int], artist: str) -> TrackTable:
    tracks = [{"id": content_id(n), "duration_s": n + 1.0, "artist": f"{artist} {n}"} for n in numbers]
    table = TrackTable.of(tracks)
    return table if numbers else dataclasses.replace(table, ids=table.ids.astype("U32"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.integers(0, 40)), min_size=1, max_size=5), st.data())
def test_rows_of_another_table_are_put_in(steps: list[set[int]], data: st.DataObject) -> None:
    """To whichever of the tables that there were; all stay as they are."""
    first, *others = steps
    none = np.zeros((len(first), 2, 19), dtype=np.float32)
    found = [(LoadedTable(0, rows_of(first, "0"), None, 0, 0, (none,), {}), dict.fromkeys(first, 0))]
    for step, numbers in enumerate(others, 1):
        loaded, expected = data.draw(st.sampled_from(found))
        raw = np.full((len(numbers), 2, 19), step, dtype=np.float32)
        added = loaded.with_rows(step, rows_of(numbers, str(step)), raw)
        found.append((added, expected | dict.fromkeys(numbers, step)))
    for loaded, expected in found:
        plain = TrackTable.of(
            [{"id": content_id(n), "duration_s": n + 1.0, "artist": f"{step} {n}"} for n, step in expected.items()]
        )
        for table in (loaded.table.take(loaded.table.order), loaded.compact().table):
            for name in ("ids", "duration_s", "artist", "bpm"):
                np.testing.assert_array_equal(getattr(table, name), getattr(plain, name), name)
        assert [loaded.table.row(content_id(n)) is not None for n in range(41)] == [n in expected for n in range(41)]
        assert loaded.table.counting.sum() == len(expected)
        assert set(loaded.compact().raw[0][:, 0, 0].tolist()) <= {0.0, *range(1, len(steps))}


def test_it_may_be_deleted_and_need_not_be_written(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2)
    load_table(store.catalog, store.parts, tmp_path / "index")
    shutil.rmtree(tmp_path / "index")
    (tmp_path / "index").write_text("no folder")
    check(load_table(store.catalog, store.parts, tmp_path / "index"), store, 1, 2)


def test_an_empty_library(store: Store, tmp_path: Path) -> None:
    table = load_table(store.catalog, store.parts, tmp_path / "index").table
    assert len(table) == 0
    assert track_columns(store.catalog, COLUMNS) == {name: [] for name in COLUMNS}
