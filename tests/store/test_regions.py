"""Every second of a library is there to be searched, as soon as it is committed, wherever its arrays lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from tests.store.conftest import Store, content_id
from workbench.features.registry import spec
from workbench.schema import JobState
from workbench.similarity.regions import SEGMENTS, SIZE, describe_segments
from workbench.store.arrays import part_name
from workbench.store.commit import commit_batch
from workbench.store.regions import Regions, load_regions


def segments(number: int) -> dict[str, np.ndarray]:
    """Make up some seconds of a track."""
    rng = np.random.default_rng(number)
    return {path: rng.uniform(0.1, 0.9, (3 + number, *spec(path).shape)).astype(np.float32) for path in SEGMENTS}


def add(store: Store, *numbers: int, paths: tuple[str, ...] = SEGMENTS) -> None:
    """Commit tracks that have some arrays of segments."""
    files = [f"/music/{n}.wav" for n in numbers]
    job = store.plan(*files)
    values = [{path: segments(n)[path] for path in paths} for n in numbers]
    specs = [spec(path) for path in paths]
    part = store.parts.write(part_name(job.job_id, "b"), [content_id(n) for n in numbers], specs, values)
    results = [store.result(i, file, n) for i, (file, n) in enumerate(zip(files, numbers, strict=True))]
    commit_batch(store.catalog, store.lease(job), results, [part])
    store.ledger.finish(job, JobState.DONE)


def check(found: Regions, *numbers: int) -> None:
    assert sorted(found.ids) == sorted(content_id(n) for n in numbers)
    for number in numbers:
        row = found.ids.index(content_id(number))
        expected = found.scaling.encode(describe_segments(segments(number)))
        np.testing.assert_array_equal(found.segments(row, 0, 99), expected)
    assert sum(len(piece.codes) for piece in found.pieces) == sum(3 + n for n in numbers)


def test_segments_of_several_parts(store: Store, tmp_path: Path) -> None:
    add(store, 5, 2)
    add(store, 4)
    check(load_regions(store.catalog, store.parts, tmp_path / "regions"), 5, 2, 4)
    opened = load_regions(store.catalog, store.parts, tmp_path / "regions")
    assert all(isinstance(piece.codes, np.memmap) for piece in opened.pieces)
    check(opened, 5, 2, 4)
    assert opened.version == store.catalog.version()


def test_what_is_new_is_added_and_what_was_there_stays(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2)
    load_regions(store.catalog, store.parts, tmp_path / "regions")
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "regions").rglob("*.npy")}
    add(store, 3)
    check(load_regions(store.catalog, store.parts, tmp_path / "regions"), 1, 2, 3)
    after = {file: file.stat().st_mtime_ns for file in (tmp_path / "regions").rglob("*.npy")}
    assert before.items() < after.items()


def test_the_scaling_is_fitted_again_when_the_library_has_doubled(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2)
    first = load_regions(store.catalog, store.parts, tmp_path / "regions")
    add(store, 3, 4)
    second = load_regions(store.catalog, store.parts, tmp_path / "regions")
    check(second, 1, 2, 3, 4)
    assert not np.array_equal(first.scaling.centre, second.scaling.centre)
    assert len(list((tmp_path / "regions").iterdir())) == 1


def test_arrays_that_lie_in_several_parts_are_joined(store: Store, tmp_path: Path) -> None:
    add(store, 1)
    add(store, 7, 6, paths=SEGMENTS[:4])
    assert load_regions(store.catalog, store.parts, tmp_path / "regions").ids == (content_id(1),)
    add(store, 6, 7, paths=SEGMENTS[4:])
    check(load_regions(store.catalog, store.parts, tmp_path / "regions"), 1, 6, 7)


def test_codes_of_groups_that_are_no_more_are_removed(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2, 3, 4, 5)
    load_regions(store.catalog, store.parts, tmp_path / "regions")
    (current,) = (tmp_path / "regions").iterdir()
    np.save(current / "stale.npy", np.zeros(3))
    load_regions(store.catalog, store.parts, tmp_path / "regions")
    assert not (current / "stale.npy").exists()
    assert len(list(current.glob("*.npy"))) == 3


def test_where_nothing_can_be_written_it_is_kept_in_memory(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2)
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    check(load_regions(store.catalog, store.parts, blocked / "regions"), 1, 2)


def test_an_index_that_was_deleted_is_made_again(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2)
    load_regions(store.catalog, store.parts, tmp_path / "regions")
    shutil.rmtree(tmp_path / "regions")
    check(load_regions(store.catalog, store.parts, tmp_path / "regions"), 1, 2)


def test_only_some_tracks_can_be_found(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2)
    add(store, 3)
    found = load_regions(store.catalog, store.parts, tmp_path / "regions")
    pieces = found.among([content_id(2), content_id(9)])
    assert [row for piece in pieces for row in piece.rows.tolist()] == [-1, found.ids.index(content_id(2)), -1]


def test_an_empty_library_has_no_regions(store: Store, tmp_path: Path) -> None:
    found = load_regions(store.catalog, store.parts, tmp_path / "regions")
    assert (found.ids, found.pieces, found.scaling.centre.shape) == ((), (), (SIZE,))
