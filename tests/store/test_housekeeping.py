"""Verify finds every damage, repair heals it; collect removes orphans only; compaction changes nothing that is read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from tests.store.conftest import SPECS, Store, content_id, values_of
from tests.store.test_arrays import flip_bit
from workbench.schema import JobState
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
from workbench.store.catalog.models import Placement, Track
from workbench.store.catalog.queries import known_files, part_ids, placed_arrays, track_ids
from workbench.store.collect import collect
from workbench.store.compact import MANY, compact, keep_house
from workbench.store.verify import repair, verify

ON_BOTH_DATABASES = True


def read_all(store: Store) -> dict[tuple[str, str], bytes]:
    """Read every array of every track, as bytes."""
    found: dict[tuple[str, str], bytes] = {}
    for spec in SPECS:
        for placed in placed_arrays(store.catalog, spec.path, spec.version):
            for row, track in zip(placed.rows, placed.track_ids, strict=True):
                if spec.level == "summary":
                    values = store.parts.read(placed.part_id, spec.path)[row]
                else:
                    values = store.parts.read_rows(placed.part_id, spec.path, row)
                found[track, spec.path] = values.tobytes()
    return found


def test_verify_of_an_empty_library(store: Store) -> None:
    found = verify(store.catalog, store.parts)
    assert (found.parts, found.tracks, found.problems) == (0, 0, [])


def test_verify_reports_progress(store: Store) -> None:
    store.add(1)
    seen: list[tuple[int, int]] = []
    found = verify(store.catalog, store.parts, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (found.arrays, found.arrays)


@pytest.mark.parametrize("damage", ["flipped bit", "lost file", "lost array", "lost part", "lost row", "other row"])
def test_verify_finds_and_repair_forgets(store: Store, damage: str) -> None:
    good, bad = store.add(1), store.add(2, 3)
    folder = store.parts.root / "parts" / bad.part_id
    chunk = next(file for file in (folder / "segments" / "level").rglob("0") if file.is_file())
    match damage:
        case "flipped bit":
            flip_bit(chunk)
        case "lost file":
            chunk.unlink()
        case "lost array":
            shutil.rmtree(folder / "summary" / "level")
        case "lost part":
            shutil.rmtree(folder)
        case "lost row" | "other row":
            change = sa.delete(Placement) if damage == "lost row" else sa.update(Placement).values(row=9)
            with store.catalog.write() as connection:
                connection.execute(change.where(Placement.track_id == content_id(2)))
    found = verify(store.catalog, store.parts)
    assert found.problems
    repair(store.catalog, found)
    assert verify(store.catalog, store.parts).problems == []
    assert content_id(1) in track_ids(store.catalog)
    assert content_id(2) not in track_ids(store.catalog)
    assert good.part_id in part_ids(store.catalog)
    assert known_files(store.catalog, ["/music/2.wav"]) == {}  # the next analysis looks at it again


def test_verify_finds_a_file_without_its_track(store: Store) -> None:
    store.add(1)
    with store.catalog.write() as connection:
        connection.execute(sa.delete(Placement))
        connection.execute(sa.delete(Track))
    problems = verify(store.catalog, store.parts).problems
    assert [p.what for p in problems] == ["file '/music/1.wav' has no track"]


def test_collect_removes_orphans_and_nothing_else(store: Store) -> None:
    kept = store.add(1)
    job = store.plan("x")
    orphan = store.write(job, 5)
    stranger = store.parts.write("not-from-a-job", [content_id(6)], SPECS, [values_of(6)])
    assert collect(store.catalog, store.parts).in_progress == (orphan.part_id,)  # its job is alive
    store.ledger.finish(job, JobState.DONE)
    found = collect(store.catalog, store.parts)
    assert found.removed == (orphan.part_id,)
    assert found.bytes_freed > 0
    assert store.parts.listed() == {kept.part_id}
    assert stranger.part_id not in store.parts.listed()
    assert verify(store.catalog, store.parts).problems == []


def test_collect_takes_what_a_dead_driver_left(store: Store) -> None:
    orphan = store.write(store.plan("x", lease_s=-1.0), 5)
    assert collect(store.catalog, store.parts).removed == (orphan.part_id,)


def test_compaction_keeps_every_value(store: Store) -> None:
    for number in range(1, 8):
        store.add(number)
    before = read_all(store)
    former = part_ids(store.catalog)
    assert compact(store.catalog, store.parts) == 7
    assert read_all(store) == before
    assert store.parts.listed() == part_ids(store.catalog) | former  # somebody may still be reading those
    assert collect(store.catalog, store.parts, unused_for_s=60.0).removed == ()
    assert set(collect(store.catalog, store.parts).removed) == former
    assert len(part_ids(store.catalog)) == 1
    assert verify(store.catalog, store.parts).problems == []


def test_compaction_leaves_unused_rows_behind_and_large_parts_alone(store: Store) -> None:
    large = store.add(1, 2, 3, 4)
    store.add(5, 6)
    store.add(7)
    job = store.plan("/music/6.wav")
    from workbench.store.commit import commit_batch

    commit_batch(store.catalog, store.lease(job), [store.result(0, "/music/6.wav", 8)], [store.write(job, 8)])
    assert compact(store.catalog, store.parts, rows=4) == 3
    parts = part_ids(store.catalog)
    assert large.part_id in parts
    (merged,) = parts - {large.part_id}
    assert len(store.parts.read(merged, "track_id")) == 3
    assert verify(store.catalog, store.parts).problems == []


def test_compaction_only_when_worthwhile(store: Store) -> None:
    for number in range(3):
        store.add(number)
    keep_house(store.catalog, store.parts)
    assert len(part_ids(store.catalog)) == 3
    for number in range(3, MANY):
        store.add(number)
    keep_house(store.catalog, store.parts)
    assert len(part_ids(store.catalog)) == 1
    assert len(store.parts.listed()) == MANY + 1
    assert compact(store.catalog, store.parts) == 0


_COMPACT = """
import sys
from pathlib import Path
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
from workbench.store.compact import compact
folder = Path(sys.argv[1])
compact(Catalog(sys.argv[2]), PartStore(folder / "features.zarr"))
"""


@pytest.mark.parametrize("place", ["part-written", "part-flushed", "compaction-written", "compaction-committed"])
def test_compaction_may_be_killed_anywhere(store: Store, place: str) -> None:
    for number in range(1, 5):
        store.add(number)
    before = read_all(store)
    folder = store.parts.root.parent
    ended = subprocess.run(
        [sys.executable, "-c", _COMPACT, str(folder), store.database],
        env={**os.environ, "WORKBENCH_FAILPOINT": place},
        check=False,
    )
    assert ended.returncode == -9
    assert read_all(store) == before
    assert verify(store.catalog, store.parts).problems == []
    compact(store.catalog, store.parts)
    collect(store.catalog, store.parts)
    assert read_all(store) == before
    assert store.parts.listed() == part_ids(store.catalog)
    assert len(part_ids(store.catalog)) == 1


def test_a_part_that_changed_while_it_was_merged_is_left_alone(store: Store, tmp_path: Path) -> None:
    from workbench.store.compact import _rows_in_use, _swap

    ids = sorted([store.add(1).part_id, store.add(2).part_id])
    used = _rows_in_use(store.catalog, ids)
    record = store.parts.merge("job1-merged", used)
    with store.catalog.write() as connection:
        connection.execute(sa.delete(Placement).where(Placement.track_id == content_id(2)))
    assert not _swap(store.catalog, record, used)
    assert part_ids(store.catalog) == set(ids)


def test_stored_values_are_those_that_were_given(store: Store) -> None:
    store.add(4)
    found = read_all(store)
    assert found[content_id(4), "segments/level"] == np.asarray(values_of(4)["segments/level"], "float32").tobytes()
    assert isinstance(store.catalog, Catalog)
    assert isinstance(store.parts, PartStore)
