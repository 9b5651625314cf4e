"""The plan: what needs work, and batches of about equal cost that depend on the files alone."""

from __future__ import annotations

import os
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.conftest import SPECS, Store, content_id
from workbench.errors import InputError, Outcome, Reason
from workbench.jobs.plan import cut_batches, estimate_cost, plan_job
from workbench.schema import ArraySpec, JobState
from workbench.store.catalog.models import JobFile
from workbench.store.commit import commit_batch
from workbench.store.job_entry import JobLease, Request

NEW_FRAMES = ArraySpec("chroma", "frames", ("pitch",), (12,), "1", 0, 1, "Chroma.", "test")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with three files, which need not be audio to be planned."""
    folder = tmp_path / "music"
    folder.mkdir()
    for name in ("a.wav", "b.flac", "c.mp3"):
        (folder / name).write_bytes(name.encode() * 1000)
    return folder


def plan(
    store: Store, *paths: Path, wanted: tuple[ArraySpec, ...] = SPECS, retry_failed: bool = False
) -> tuple[JobLease, dict[str, str | None]]:
    """Plan a job; give the outcome of each file by its name, None where it needs work."""
    request = Request(tuple(map(str, paths)), retry_failed=retry_failed)
    job = store.ledger.create(request, lease_s=30.0)
    list(plan_job(store.catalog, store.ledger, job, request, wanted))
    with store.catalog.read() as connection:
        rows = connection.execute(
            sa.select(JobFile.path, JobFile.outcome).where(JobFile.job_id == job.job_id).order_by(JobFile.ordinal)
        )
        return job, {os.path.basename(row.path): row.outcome for row in rows}


def settle(store: Store, job: JobLease, failures: dict[str, Reason]) -> None:
    """Commit an outcome for every file that waits: analyzed, or failed for the reason given by its name."""
    while (lease := store.ledger.lease_batch(job)) is not None:
        good = [file for file in lease.files if Path(file.path).name not in failures]
        part = store.write(job, *(file.ordinal for file in good)) if good else None
        results = []
        for file in lease.files:
            seen = os.stat(file.path)
            changes: dict[str, object] = {"size": seen.st_size, "mtime_ns": seen.st_mtime_ns}
            if file not in good:
                reason = failures[Path(file.path).name]
                changes |= {"outcome": Outcome.FAILED, "reason": reason, "analysis": None}
            results.append(store.result(file.ordinal, file.path, file.ordinal, **changes))
        commit_batch(store.catalog, lease, results, [part] if part else [])
    store.ledger.finish(job, JobState.DONE)


# --- cost and batches -----------------------------------------------------------------------------


def test_cost_grows_with_size_and_with_the_codec() -> None:
    assert estimate_cost("a.wav", 10**6) < estimate_cost("a.wav", 10**7)
    assert estimate_cost("a.wav", 10**7) < estimate_cost("a.flac", 10**7) < estimate_cost("A.MP3", 10**7)
    assert estimate_cost("a.mp3", 10**6) == estimate_cost("a.MP3", 10**6)


def test_a_file_costs_something_however_small_and_of_whatever_kind() -> None:
    assert estimate_cost("a.xyz", 0) == estimate_cost("a.wav", 0) > 0


_costs = st.lists(st.floats(2.0, 20_000.0), max_size=400)


@settings(max_examples=40)
@given(costs=_costs, gaps=st.lists(st.integers(1, 5), min_size=400, max_size=400))
def test_every_file_is_in_exactly_one_batch_and_in_order(costs: list[float], gaps: list[int]) -> None:
    ordinals = list(accumulate(gaps[: len(costs)]))
    batches = cut_batches(zip(ordinals, costs, strict=True))
    taken = [o for first, last, _ in sorted(batches) for o in ordinals if first <= o <= last]
    assert taken == ordinals
    assert sum(cost for _, _, cost in batches) == pytest.approx(sum(costs))


@settings(max_examples=40)
@given(costs=_costs)
def test_no_batch_is_larger_than_the_largest_plus_one_file(costs: list[float]) -> None:
    files = list(enumerate(costs))
    for first, last, cost in cut_batches(files):
        assert cost <= 6000.0 + costs[last]
        assert last - first < 256


def test_batches_of_many_files_grow_smaller_towards_the_end() -> None:
    files = [(i, 50.0 + i % 7) for i in range(5000)]
    batches = cut_batches(files)
    assert [i for first, last, _ in sorted(batches) for i in range(first, last + 1)] == list(range(5000))
    costs = [cost for _, last, cost in batches if last != 4999]  # which is what was left at the end of the list
    assert 6000 <= costs[0] < 6057
    assert all(after <= before + 57 for before, after in pairwise(costs))
    # whoever has the last batch but one is done about when the last one is
    assert 300 <= costs[-1] < 357


@pytest.mark.parametrize("n", [300, 1000, 20_000])
def test_the_first_batches_lie_all_over_the_list(n: int) -> None:
    batches = cut_batches([(i, 200.0) for i in range(n)])
    for first in range(4, min(len(batches), 40)):
        places = sorted((begin + end) / 2 / n for begin, end, _ in batches[:first])
        gaps = [after - before for before, after in pairwise([0.0, *places, 1.0])]
        assert max(gaps) < 2.5 / first, (first, max(gaps))


def test_many_short_files_are_cut_by_their_number() -> None:
    batches = cut_batches([(i, 2.1) for i in range(100_000)])
    assert max(last - first for first, last, _ in batches) == 1023
    assert sum(last - first == 1023 for first, last, _ in batches) > 50


def test_nothing_makes_no_batch() -> None:
    assert cut_batches([]) == []


# --- what needs work ------------------------------------------------------------------------------


def test_a_new_folder_is_planned_in_order(store: Store, folder: Path) -> None:
    job, outcomes = plan(store, folder)
    assert outcomes == {"a.wav": None, "b.flac": None, "c.mp3": None}
    lease = store.lease(job)
    assert [os.path.basename(file.path) for file in lease.files] == list(outcomes)
    assert store.ledger.job(job.job_id)["state"] == JobState.RUNNING


def test_what_has_not_changed_needs_no_work(store: Store, folder: Path) -> None:
    settle(store, plan(store, folder)[0], {})
    (folder / "b.flac").write_bytes(b"other audio")
    (folder / "d.ogg").write_bytes(b"new")
    _, outcomes = plan(store, folder)
    assert outcomes == {"a.wav": "unchanged", "b.flac": None, "c.mp3": "unchanged", "d.ogg": None}


def test_a_file_with_another_time_is_looked_at_again(store: Store, folder: Path) -> None:
    settle(store, plan(store, folder)[0], {})
    os.utime(folder / "a.wav", ns=(1, 1))
    assert plan(store, folder)[1]["a.wav"] is None


def test_new_arrays_wanted_need_work(store: Store, folder: Path) -> None:
    settle(store, plan(store, folder)[0], {})
    assert set(plan(store, folder, wanted=(*SPECS, NEW_FRAMES))[1].values()) == {None}
    newer = (ArraySpec("level", "summary", ("statistic",), (2,), "dB", -100, 100, "Level.", "test", version=2),)
    assert set(plan(store, folder, wanted=newer)[1].values()) == {None}
    assert set(plan(store, folder, wanted=SPECS[:1])[1].values()) == {"unchanged"}


@pytest.mark.parametrize("reason", Reason)
def test_a_file_that_failed_is_tried_again_if_that_may_help(store: Store, folder: Path, reason: Reason) -> None:
    settle(store, plan(store, folder)[0], {"a.wav": reason})
    job, outcomes = plan(store, folder)
    assert outcomes["a.wav"] == (None if reason.transient else "failed")
    assert store.ledger.reasons(job.job_id) == ({} if reason.transient else {reason: 1})
    assert plan(store, folder, retry_failed=True)[1]["a.wav"] is None


def test_a_failed_file_that_changed_is_tried_again(store: Store, folder: Path) -> None:
    settle(store, plan(store, folder)[0], {"a.wav": Reason.CORRUPT})
    (folder / "a.wav").write_bytes(b"whole")
    assert plan(store, folder)[1]["a.wav"] is None


def test_what_the_scan_cannot_read_has_its_outcome_at_once(store: Store, folder: Path) -> None:
    (folder / "empty.wav").touch()
    os.mkfifo(folder / "pipe.wav")
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    job, outcomes = plan(store, folder)
    assert {name for name, outcome in outcomes.items() if outcome == "failed"} == {"empty.wav", "pipe.wav", "loop.wav"}
    assert store.ledger.reasons(job.job_id) == {"empty": 1, "not_a_file": 1, "symlink_loop": 1}


def test_a_path_that_vanished_after_the_request(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        plan(store, tmp_path / "nowhere")


def test_content_ids_of_known_files_are_kept(store: Store, folder: Path) -> None:
    settle(store, plan(store, folder)[0], {})
    job, _ = plan(store, folder)
    with store.catalog.read() as connection:
        ids = connection.execute(
            sa.select(JobFile.content_id).where(JobFile.job_id == job.job_id).order_by(JobFile.ordinal)
        )
        assert list(ids.scalars()) == [content_id(i) for i in range(3)]
