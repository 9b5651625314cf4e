"""The commit: all of a batch or nothing, and every way in which a file can be known already."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import sqlalchemy as sa

from tests.store.conftest import SPECS, SUMMARY, Store, columns, content_id, values_of
from workbench.errors import Outcome, Reason
from workbench.store.arrays import part_name
from workbench.store.catalog.models import File, JobFile, Placement, Track
from workbench.store.catalog.queries import (
    KnownFailure,
    find_track,
    known_failures,
    known_files,
    known_tracks,
    part_ids,
    placed_arrays,
    track_ids,
    tracks,
)
from workbench.store.commit import commit_batch
from workbench.store.records import Analysis
from workbench.store.verify import verify

ON_BOTH_DATABASES = True


def outcomes(store: Store, job_id: int) -> dict[str, str]:
    with store.catalog.read() as connection:
        rows = connection.execute(sa.select(JobFile.path, JobFile.outcome).where(JobFile.job_id == job_id))
        return {row.path: row.outcome for row in rows}


def test_a_commit_makes_everything_visible_at_once(store: Store) -> None:
    part = store.add(1, 2)
    assert part_ids(store.catalog) == {part.part_id}
    assert [track["title"] for track in tracks(store.catalog)] == ["Title 1", "Title 2"]
    assert store.catalog.version() == 1
    placed = list(placed_arrays(store.catalog, SUMMARY.path, SUMMARY.version))
    assert placed[0].track_ids == (content_id(1), content_id(2))
    known = known_files(store.catalog, ["/music/1.wav"])["/music/1.wav"]
    assert known.content_id == content_id(1)
    assert {spec.key for spec in SPECS} <= known.keys
    assert verify(store.catalog, store.parts).problems == []


def test_a_commit_that_fails_leaves_nothing(store: Store) -> None:
    job = store.plan("a")
    lease = store.lease(job)
    bad = replace(store.result(0, "a", 1), analysis=Analysis(columns(1, nonsense=3)))
    with pytest.raises(sa.exc.CompileError):
        commit_batch(store.catalog, lease, [bad], [store.write(job, 1)])
    assert part_ids(store.catalog) == set()
    assert tracks(store.catalog) == []
    assert store.ledger.counts(job.job_id).done == 0


def test_the_same_audio_committed_by_another_job_meanwhile_is_a_duplicate(store: Store) -> None:
    first, second = store.plan("/x/a.wav"), store.plan("/y/a.wav")
    leases = store.lease(first), store.lease(second)
    commit_batch(store.catalog, leases[0], [store.result(0, "/x/a.wav", 1)], [store.write(first, 1)])
    commit_batch(store.catalog, leases[1], [store.result(0, "/y/a.wav", 1)], [store.write(second, 1)])
    assert outcomes(store, second.job_id) == {"/y/a.wav": "duplicate"}
    assert len(part_ids(store.catalog)) == 1  # the second part is an orphan
    assert track_ids(store.catalog) == [content_id(1)]


def test_the_same_file_committed_by_another_job_meanwhile_is_unchanged(store: Store) -> None:
    first, second = store.plan("/x/a.wav"), store.plan("/x/a.wav", "/x/b.wav")
    leases = store.lease(first), store.lease(second)
    commit_batch(store.catalog, leases[0], [store.result(0, "/x/a.wav", 1)], [store.write(first, 1)])
    results = [store.result(0, "/x/a.wav", 1), store.result(1, "/x/b.wav", 2)]
    commit_batch(store.catalog, leases[1], results, [store.write(second, 1, 2)])
    assert outcomes(store, second.job_id) == {"/x/a.wav": "unchanged", "/x/b.wav": "analyzed"}
    with store.catalog.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(Placement)).scalar_one() == 2
    assert verify(store.catalog, store.parts).problems == []


def test_a_new_descriptor_adds_a_part_and_leaves_the_old_one(store: Store) -> None:
    store.add(1)
    newer = replace(SUMMARY, name="brightness")
    job = store.plan("/music/1.wav")
    lease = store.lease(job)
    value = values_of(1)[SUMMARY.path]
    part = store.parts.write(part_name(job.job_id, "b"), [content_id(1)], [newer], [{newer.path: value}])
    commit_batch(store.catalog, lease, [store.result(0, "/music/1.wav", 1)], [part])
    keys = known_tracks(store.catalog, [content_id(1)])[content_id(1)].keys
    assert {newer.key, SUMMARY.key} <= keys
    assert len(part_ids(store.catalog)) == 2
    assert verify(store.catalog, store.parts).problems == []


def settle(store: Store, *results: object) -> int:
    """Commit outcomes that needed no analysis."""
    files = [r for r in results if hasattr(r, "path")]
    job = store.plan(*(r.path for r in files))
    commit_batch(store.catalog, store.lease(job), files)  # type: ignore[arg-type]
    return job.job_id


def known(store: Store, path: str, number: int, **changes: object) -> object:
    return store.result(0, path, number, outcome=Outcome.UNCHANGED, analysis=None, **changes)


def test_a_moved_file_takes_its_track_along(store: Store) -> None:
    store.add(1)
    settle(store, known(store, "/new/1.wav", 1, moved_from="/music/1.wav"))
    assert tracks(store.catalog)[0]["path"] == "/new/1.wav"
    assert set(known_files(store.catalog, ["/music/1.wav", "/new/1.wav"])) == {"/new/1.wav"}


def test_a_retagged_file_renames_its_track(store: Store) -> None:
    store.add(1)
    settle(store, known(store, "/music/1.wav", 1, tags={"title": "New", "album": "Album"}))
    (track,) = tracks(store.catalog)
    assert (track["title"], track["artist"], track["album"]) == ("New", None, "Album")


def test_a_copy_does_not_rename_the_track(store: Store) -> None:
    store.add(1)
    settle(store, store.result(0, "/copy.wav", 1, outcome=Outcome.DUPLICATE, analysis=None, tags={"title": "Copy"}))
    assert tracks(store.catalog)[0]["title"] == "Title 1"
    assert find_track(store.catalog, "/copy.wav") == content_id(1)


def test_a_file_overwritten_with_other_audio_takes_the_old_track_away(store: Store) -> None:
    store.add(1)
    job = store.plan("/music/1.wav")
    lease = store.lease(job)
    commit_batch(store.catalog, lease, [store.result(0, "/music/1.wav", 2)], [store.write(job, 2)])
    assert track_ids(store.catalog) == [content_id(2)]
    assert verify(store.catalog, store.parts).problems == []


def test_an_overwritten_file_leaves_the_track_to_its_copy(store: Store) -> None:
    store.add(1)
    settle(store, store.result(0, "/copy.wav", 1, outcome=Outcome.DUPLICATE, analysis=None))
    failed = store.result(
        0, "/music/1.wav", 1, outcome=Outcome.FAILED, content_id=None, reason=Reason.CORRUPT, analysis=None, tags=None
    )
    settle(store, failed)
    assert [track["path"] for track in tracks(store.catalog)] == ["/copy.wav"]


def test_failures_are_known_by_their_audio(store: Store) -> None:
    settle(store, store.result(0, "/bad.wav", 7, outcome=Outcome.FAILED, reason=Reason.CORRUPT, analysis=None))
    assert known_failures(store.catalog, [content_id(7), content_id(8)]) == {
        content_id(7): [KnownFailure("/bad.wav", 100, 1, "corrupt", None)]
    }


def test_paths_that_are_not_utf8(store: Store) -> None:
    path = os.fsdecode(b"/music/caf\xe9.wav")
    job = store.plan(path)
    commit_batch(store.catalog, store.lease(job), [store.result(0, path, 1)], [store.write(job, 1)])
    assert tracks(store.catalog)[0]["path"] == path
    assert find_track(store.catalog, path) == content_id(1)


_COMMIT = """
import sys
from pathlib import Path
from tests.store.conftest import Store
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
folder = Path(sys.argv[1])
store = Store(Catalog(sys.argv[2]), PartStore(folder / "features.zarr"))
store.parts.create()
store.add(1, 2)
store.add(3)
"""


@pytest.mark.parametrize(
    ("place", "left"),
    [
        ("part-written:1", []),
        ("part-flushed:1", []),
        ("commit-begun:1", []),
        ("commit-written:1", []),
        ("committed:1", [1, 2]),
        ("commit-written:2", [1, 2]),
        ("committed:2", [1, 2, 3]),
    ],
)
def test_killed_anywhere_a_batch_is_there_or_it_is_not(
    database: str, tmp_path_factory: pytest.TempPathFactory, place: str, left: list[int]
) -> None:
    from pathlib import Path

    from workbench.store.arrays import PartStore
    from workbench.store.catalog import Catalog

    folder = tmp_path_factory.mktemp("killed")
    ended = subprocess.run(
        [sys.executable, "-c", _COMMIT, str(folder), database],
        env={**os.environ, "WORKBENCH_FAILPOINT": place},
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert ended.returncode == -9
    catalog = Catalog(database)
    found = verify(catalog, PartStore(folder / "features.zarr"))
    assert track_ids(catalog) == [content_id(n) for n in left]
    assert found.problems == []
    with catalog.read() as connection:
        files = connection.execute(sa.select(File.path).order_by(File.path)).scalars().all()
        ids = connection.execute(sa.select(Track.path).order_by(Track.path)).scalars().all()
    assert files == ids == [f"/music/{n}.wav" for n in left]
    catalog.close()


def test_a_number_is_given_once_and_a_change_is_dated(store: Store) -> None:
    store.add(1, 2)
    store.add(3)
    job = store.plan("/music/3.wav", "/music/1.wav")  # other audio; another title
    part = store.write(job, 4)
    retagged = store.result(1, "/music/1.wav", 1, outcome=Outcome.UNCHANGED, analysis=None, tags={"title": "New"})
    commit_batch(store.catalog, store.lease(job), [store.result(0, "/music/3.wav", 4), retagged], [part])
    with store.catalog.read() as connection:
        rows = connection.execute(sa.select(Track.id, Track.number, Track.changed).order_by(Track.number)).all()
    assert [tuple(row) for row in rows] == [(content_id(1), 0, 3), (content_id(2), 1, 1), (content_id(4), 3, 3)]
    assert (store.catalog.version(), store.catalog.numbers()) == (3, 4)
