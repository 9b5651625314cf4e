"""The search matrix: made from the parts, again when the library has moved on, wherever it can be put."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.store.conftest import Store, content_id
from workbench.similarity.embedding import EMBEDDING
from workbench.store.arrays import part_name
from workbench.store.commit import commit_batch
from workbench.store.ledger import JobState
from workbench.store.vectors import Vectors, load_vectors


def vector(number: int) -> np.ndarray:
    """Make a vector such as a track may have."""
    draw = np.random.default_rng(number).uniform(0.1, 0.9, EMBEDDING.shape)
    values = EMBEDDING.low + (EMBEDDING.high - EMBEDDING.low) * draw if np.isfinite(EMBEDDING.low) else draw
    return values.astype(np.float32)


def add(store: Store, *numbers: int) -> None:
    """Commit tracks that have nothing but a vector."""
    paths = [f"/music/{n}.wav" for n in numbers]
    job = store.plan(*paths)
    values = [{EMBEDDING.path: vector(n)} for n in numbers]
    part = store.parts.write(part_name(job.job_id, "b"), [content_id(n) for n in numbers], [EMBEDDING], values)
    results = [store.result(i, path, n) for i, (path, n) in enumerate(zip(paths, numbers, strict=True))]
    commit_batch(store.catalog, store.lease(job), results, [part])
    store.ledger.finish(job, JobState.DONE)


def check(found: Vectors, *numbers: int) -> None:
    assert found.ids.tolist() == [content_id(n) for n in sorted(numbers)]
    np.testing.assert_array_equal(found.raw, np.stack([vector(n) for n in sorted(numbers)]))
    np.testing.assert_array_equal(found.standardised, found.scaling.apply(found.raw))
    assert found.row(content_id(sorted(numbers)[1])) == 1


def test_vectors_of_several_parts_in_order(store: Store, tmp_path: Path) -> None:
    add(store, 5, 2)
    add(store, 4)
    made = load_vectors(store.catalog, store.parts, tmp_path / "index")
    check(made, 2, 4, 5)
    opened = load_vectors(store.catalog, store.parts, tmp_path / "index")
    assert isinstance(opened.raw, np.memmap)
    check(opened, 2, 4, 5)
    assert opened.version == store.catalog.version()


def test_rows_and_masks(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2, 3)
    found = load_vectors(store.catalog, store.parts, tmp_path / "index")
    assert (found.row(content_id(3)), found.row(content_id(9)), found.row("0")) == (2, None, None)
    assert found.mask([content_id(1), content_id(3), content_id(8)]).tolist() == [True, False, True]
    assert found.mask([]).tolist() == [False] * 3


def test_an_empty_library(store: Store, tmp_path: Path) -> None:
    found = load_vectors(store.catalog, store.parts, tmp_path / "index")
    assert found.raw.shape == (0, *EMBEDDING.shape)
    assert found.row(content_id(1)) is None


def test_a_commit_makes_a_new_version_and_drops_the_old_one(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2)
    load_vectors(store.catalog, store.parts, tmp_path / "index")
    add(store, 3)
    check(load_vectors(store.catalog, store.parts, tmp_path / "index"), 1, 2, 3)
    assert len(list((tmp_path / "index").iterdir())) == 1


def test_the_index_may_be_deleted_at_any_time(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2)
    load_vectors(store.catalog, store.parts, tmp_path / "index")
    shutil.rmtree(tmp_path / "index")
    check(load_vectors(store.catalog, store.parts, tmp_path / "index"), 1, 2)
    (current,) = (tmp_path / "index").iterdir()
    (current / "raw.npy").unlink()  # half deleted: made in memory, as it should be
    check(load_vectors(store.catalog, store.parts, tmp_path / "index"), 1, 2)


def test_a_place_that_cannot_be_written_costs_only_time(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2)
    (tmp_path / "index").write_text("a file where the folder should be")
    for _ in range(2):
        check(load_vectors(store.catalog, store.parts, tmp_path / "index"), 1, 2)


def test_many_readers_at_once_make_the_same(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2)
    found: list[Vectors] = []
    threads = [
        threading.Thread(target=lambda: found.append(load_vectors(store.catalog, store.parts, tmp_path / "index")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for vectors in found:
        check(vectors, 1, 2)
    assert [path.name.startswith(".") for path in (tmp_path / "index").iterdir()] == [False]


def test_damaged_vectors_are_reported(store: Store, tmp_path: Path) -> None:
    from workbench.errors import LibraryDamagedError

    add(store, 1, 2)
    (part,) = store.parts.listed()
    shutil.rmtree(store.parts.root / "parts" / part / "embedding")
    with pytest.raises(LibraryDamagedError, match="verify"):
        load_vectors(store.catalog, store.parts, tmp_path / "index")
