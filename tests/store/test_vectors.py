"""The rows that similarity search reads: each commit adds its own, wherever they can be put."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from tests.store.conftest import Store, columns, content_id
from workbench.errors import LibraryDamagedError, Outcome
from workbench.schema import JobState
from workbench.similarity.codes import encode
from workbench.similarity.embedding import EMBEDDING, fit_scaling
from workbench.similarity.search import search
from workbench.store import vectors as module
from workbench.store.arrays import part_name
from workbench.store.catalog.models import Track
from workbench.store.commit import commit_batch
from workbench.store.compact import compact
from workbench.store.records import Analysis, Source
from workbench.store.vectors import Vectors, load_vectors
from workbench.store.verify import repair, verify


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


def load(store: Store, tmp_path: Path) -> Vectors:
    return load_vectors(store.catalog, store.parts, tmp_path / "index")


def check(found: Vectors, *numbers: int) -> None:
    """Each track's row is what it should be, and no other row is known."""
    ids = [content_id(n) for n in numbers]
    rows = found.rows(ids)
    assert sorted(rows) == np.flatnonzero(found.known).tolist()
    assert found.ids.take(rows) == ids
    assert [found.row(track) for track in ids] == rows.tolist()
    np.testing.assert_array_equal(found.raw[rows], np.stack([vector(n) for n in numbers]))
    np.testing.assert_array_equal(found.standardised[rows], found.scaling.apply(found.raw[rows]))
    leading, others = encode(found.standardised[rows], found.scaling)
    np.testing.assert_array_equal(found.standardised.leading[rows], leading)
    np.testing.assert_array_equal(found.standardised.others[rows], others)


def files(tmp_path: Path) -> dict[str, tuple[int, bytes]]:
    """All that lies in the index: inode and bytes by name."""
    found = (tmp_path / "index").rglob("*")
    return {
        p.relative_to(tmp_path / "index").as_posix(): (p.stat().st_ino, p.read_bytes()) for p in found if p.is_file()
    }


def test_vectors_of_several_parts(store: Store, tmp_path: Path) -> None:
    add(store, 5, 2)
    add(store, 4)
    check(load(store, tmp_path), 5, 2, 4)
    opened = load(store, tmp_path)
    assert isinstance(opened.raw, np.memmap)
    check(opened, 5, 2, 4)
    assert opened.version == store.catalog.version()


def test_rows_of_tracks(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2, 3)
    found = load(store, tmp_path)
    assert (found.row(content_id(3)), found.row(content_id(9)), found.row("0")) == (2, None, None)
    assert found.rows([content_id(3), content_id(9), content_id(1)]).tolist() == [2, -1, 0]


def test_an_empty_library(store: Store, tmp_path: Path) -> None:
    for _ in range(2):
        found = load(store, tmp_path)
        assert found.raw.shape == (0, *EMBEDDING.shape)
        assert found.row(content_id(1)) is None
        assert found.rows([content_id(1)]).tolist() == [-1]
        assert len(search(found.standardised, np.zeros(EMBEDDING.shape, np.float32), n=3)) == 0


def test_a_commit_adds_rows_and_rewrites_none(store: Store, tmp_path: Path) -> None:
    add(store, *range(8))
    before = load(store, tmp_path)
    on_disk = files(tmp_path)
    add(store, 8, 9)
    after = load(store, tmp_path)
    check(after, *range(10))
    assert after.scaling == before.scaling
    for name, (inode, content) in files(tmp_path).items():
        if not name.endswith("state.json"):
            assert inode == on_disk[name][0]
            assert content.startswith(on_disk[name][1])
    check(before, *range(8))  # whoever has it open is not disturbed


def test_only_what_is_new_is_read(store: Store, tmp_path: Path) -> None:
    add(store, *range(8))
    load(store, tmp_path)
    (old,) = store.parts.listed()
    shutil.rmtree(store.parts.root / "parts" / old)
    add(store, 8)
    check(load(store, tmp_path), *range(9))


def test_the_scaling_is_fitted_again_when_the_library_has_doubled(store: Store, tmp_path: Path) -> None:
    add(store, *range(4))
    small = load(store, tmp_path).scaling
    assert small == fit_scaling(np.stack([vector(n) for n in range(4)]))
    add(store, *range(4, 7))
    assert load(store, tmp_path).scaling == small
    add(store, 7)
    grown = load(store, tmp_path)
    assert grown.scaling == fit_scaling(np.stack([vector(n) for n in range(8)]))
    check(grown, *range(8))
    assert len(list((tmp_path / "index").iterdir())) == 1


def test_tracks_that_go_are_not_found_and_their_numbers_are_not_given_again(store: Store, tmp_path: Path) -> None:
    add(store, *range(8))
    load(store, tmp_path)
    job = store.plan("/music/7.wav", "/music/3.wav")  # other audio under their names
    part = store.parts.write(part_name(job.job_id, "b"), [content_id(20)], [EMBEDDING], [{EMBEDDING.path: vector(20)}])
    failed = store.result(1, "/music/3.wav", 21, outcome=Outcome.FAILED, analysis=None, tags=None)
    commit_batch(store.catalog, store.lease(job), [store.result(0, "/music/7.wav", 20), failed], [part])
    found = load(store, tmp_path)
    check(found, 0, 1, 2, 4, 5, 6, 20)
    assert found.row(content_id(20)) == 8
    again = load(store, tmp_path)
    check(again, 0, 1, 2, 4, 5, 6, 20)
    hits = search(again.standardised, again.scaling.apply(vector(3)), n=20)
    assert sorted(hits.index) == [0, 1, 2, 4, 5, 6, 8]


def test_a_vector_that_comes_later_is_found_at_its_place(store: Store, tmp_path: Path) -> None:
    store.add(1, 2)  # without vectors
    assert not load(store, tmp_path).known.any()
    job = store.plan("/music/2.wav")
    part = store.parts.write(part_name(job.job_id, "b"), [content_id(2)], [EMBEDDING], [{EMBEDDING.path: vector(2)}])
    analysis = Analysis(columns(2), Source("wav", 44100, 2, ()))
    commit_batch(store.catalog, store.lease(job), [store.result(0, "/music/2.wav", 2, analysis=analysis)], [part])
    found = load(store, tmp_path)
    check(found, 2)
    assert found.row(content_id(2)) == 1


def test_compaction_changes_nothing(store: Store, tmp_path: Path) -> None:
    for n in range(8):
        add(store, n)
    load(store, tmp_path)
    before = files(tmp_path)
    assert compact(store.catalog, store.parts) == 8
    check(load(store, tmp_path), *range(8))
    assert {n: f for n, f in files(tmp_path).items() if "state" not in n} == {
        n: f for n, f in before.items() if "state" not in n
    }
    shutil.rmtree(tmp_path / "index")
    check(load(store, tmp_path), *range(8))


def test_a_repaired_library_loses_what_was_damaged(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2, 3)
    add(store, 4)
    load(store, tmp_path)
    part = next(p for p in store.parts.listed() if len(store.parts.read(p, "track_id")) == 1)
    shutil.rmtree(store.parts.root / "parts" / part / "embedding")
    repair(store.catalog, verify(store.catalog, store.parts))
    check(load(store, tmp_path), 1, 2, 3)


@pytest.mark.parametrize("name", ["raw.bin", "leading.bin", "others.bin", "ids.bin", "scaling.json", "state.json"])
@pytest.mark.parametrize("how", ["gone", "short"])
def test_the_index_may_be_deleted_at_any_time(store: Store, tmp_path: Path, name: str, how: str) -> None:
    add(store, 1, 2)
    load(store, tmp_path)
    (current,) = (tmp_path / "index").iterdir()
    if how == "gone":
        (current / name).unlink()
    else:
        (current / name).write_bytes((current / name).read_bytes()[:20])
    check(load(store, tmp_path), 1, 2)
    check(load(store, tmp_path), 1, 2)
    assert {p.name for p in current.iterdir()} == {
        "raw.bin",
        "leading.bin",
        "others.bin",
        "ids.bin",
        "scaling.json",
        "state.json",
    }
    shutil.rmtree(tmp_path / "index")
    check(load(store, tmp_path), 1, 2)


def test_a_place_that_cannot_be_written_costs_only_time(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2)
    (tmp_path / "index").write_text("a file where the folder should be")
    for _ in range(2):
        check(load(store, tmp_path), 1, 2)


def test_an_index_that_can_only_be_read_is_completed_in_memory(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, *range(8))
    scaling = load(store, tmp_path).scaling
    before = files(tmp_path)

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(module, "_writable", full)
    add(store, 8)
    found = load(store, tmp_path)
    check(found, *range(9))
    assert found.scaling == scaling
    assert files(tmp_path) == before


def test_a_write_that_was_cut_short_is_done_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, *range(8))
    load(store, tmp_path)
    add(store, 8, 9)

    def cut(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_save_json", cut)
        check(load(store, tmp_path), *range(10))  # from memory
    (current,) = (tmp_path / "index").iterdir()
    assert json.loads((current / "state.json").read_text())["rows"] == 8
    check(load(store, tmp_path), *range(10))


def test_an_index_of_a_later_catalog_is_made_again(store: Store, tmp_path: Path) -> None:
    """As after a backup of the catalog was put back."""
    add(store, 1, 2)
    load(store, tmp_path)
    with store.catalog.write() as connection:
        connection.execute(sa.text("UPDATE meta SET value = '0' WHERE key = 'version'"))
        connection.execute(sa.update(Track).where(Track.id == content_id(2)).values(changed=0))
    found = load(store, tmp_path)
    check(found, 1, 2)
    assert found.version == 0


def test_another_process_may_be_ahead(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, *range(8))
    load(store, tmp_path)
    before = {name: inode for name, (inode, _) in files(tmp_path).items() if name.endswith(".bin")}
    version = store.catalog.version

    def overtaken() -> int:
        monkeypatch.undo()
        seen = version()
        add(store, 8)
        load(store, tmp_path)
        return seen

    monkeypatch.setattr(store.catalog, "version", overtaken)
    check(load(store, tmp_path), *range(8))
    assert {name: inode for name, (inode, _) in files(tmp_path).items() if name.endswith(".bin")} == before
    check(load(store, tmp_path), *range(9))


def test_many_readers_at_once_make_the_same(store: Store, tmp_path: Path) -> None:
    found: list[Vectors] = []

    def read() -> None:
        found.extend(load(store, tmp_path) for _ in range(5))

    def together(readers: Iterable[threading.Thread]) -> None:
        threads = list(readers)
        for thread in threads:
            thread.start()
        for n in range(2, 12):
            add(store, n)
        for thread in threads:
            thread.join()

    add(store, 0, 1)
    together(threading.Thread(target=read) for _ in range(4))
    assert len(found) == 20
    for vectors in found:
        check(vectors, *range(int(vectors.known.sum())))
    check(load(store, tmp_path), *range(12))
    assert [path.name.startswith(".") for path in (tmp_path / "index").iterdir()] == [False]


def test_damaged_vectors_are_reported(store: Store, tmp_path: Path) -> None:
    add(store, 1, 2)
    (part,) = store.parts.listed()
    shutil.rmtree(store.parts.root / "parts" / part / "embedding")
    with pytest.raises(LibraryDamagedError, match="verify"):
        load(store, tmp_path)
