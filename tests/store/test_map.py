"""The map of a library keeps the places that it has given, wherever it can be put."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from tests.store.conftest import Store, content_id
from tests.store.test_vectors import add
from workbench.store.map import TrackMap, load_map
from workbench.store.vectors import load_vectors


def load(store: Store, tmp_path: Path) -> TrackMap:
    vectors = load_vectors(store.catalog, store.parts, tmp_path / "vectors")
    return load_map(store.catalog, vectors, tmp_path / "map")


def check(found: TrackMap, n: int) -> None:
    assert sorted(found.ids) == [content_id(i) for i in range(n)]
    assert found.x.shape == found.y.shape == found.cluster.shape == (n,)
    assert np.isfinite(found.x).all()
    assert np.isfinite(found.y).all()
    assert set(found.cluster.tolist()) <= set(range(len(found.names)))
    assert len(set(found.names)) == len(found.names)


def test_a_track_stays_where_it_is(store: Store, tmp_path: Path) -> None:
    add(store, *range(8))
    first = load(store, tmp_path)
    check(first, 8)
    add(store, *range(8, 12))
    second = load(store, tmp_path)
    check(second, 12)
    assert (second.x[:8].tolist(), second.y[:8].tolist()) == (first.x.tolist(), first.y.tolist())
    assert second.cluster[:8].tolist() == first.cluster.tolist()
    third = load(store, tmp_path)
    assert (third.x.tolist(), third.names) == (second.x.tolist(), second.names)


def test_only_new_tracks_are_placed(store: Store, tmp_path: Path) -> None:
    add(store, *range(8))
    load(store, tmp_path)
    (file,) = (tmp_path / "map").rglob("places_of_tracks.npy")
    np.save(file, np.full((8, 3), 1, dtype=np.float32))
    add(store, 8)
    found = load(store, tmp_path)
    assert found.x.tolist()[:8] == [1.0] * 8
    assert found.x[8] != 1


def test_a_library_that_has_doubled_is_laid_out_again(store: Store, tmp_path: Path) -> None:
    add(store, *range(30))
    load(store, tmp_path)
    before = [path.name for path in (tmp_path / "map").iterdir()]
    add(store, *range(30, 34))
    check(load(store, tmp_path), 34)
    after = [path.name for path in (tmp_path / "map").iterdir()]
    assert (len(before), len(after), before == after) == (1, 1, False)


def test_the_map_may_be_deleted_or_not_be_written_at_all(store: Store, tmp_path: Path) -> None:
    add(store, *range(5))
    first = load(store, tmp_path)
    shutil.rmtree(tmp_path / "map")
    assert load(store, tmp_path).x.tolist() == first.x.tolist()
    (current,) = (tmp_path / "map").iterdir()
    (current / "landmarks.npy").unlink()
    assert load(store, tmp_path).x.tolist() == first.x.tolist()
    shutil.rmtree(tmp_path / "map")
    (tmp_path / "map").write_text("a file where the folder should be")
    assert load(store, tmp_path).x.tolist() == first.x.tolist()


def test_an_empty_library_has_an_empty_map(store: Store, tmp_path: Path) -> None:
    found = load(store, tmp_path)
    assert (found.ids, found.x.shape, found.names) == ([], (0,), [])
