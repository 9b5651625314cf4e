"""Jobs, batches and leases: who may do what, and what happens to work that is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.store.conftest import LEASE_S, Store, content_id
from workbench.errors import FenceLostError, InputError, JobError, Outcome, Reason
from workbench.schema import JobState
from workbench.store.batches import MAX_ATTEMPTS, PlannedFile
from workbench.store.catalog.models import Batch, File, Job, JobFile
from workbench.store.catalog.queries import failed_files
from workbench.store.commit import commit_batch
from workbench.store.job_entry import Request, this_process

ON_BOTH_DATABASES = True


def test_a_request_from_before_there_were_sets_is_for_the_fast_one() -> None:
    stored = {"paths": ["/music"], "frames": ["rms"], "retry_failed": True}
    assert Request.of(stored) == Request(("/music",), ("rms",), True, "fast")
    assert Request.of(json.loads(json.dumps(asdict(Request(("/a",), descriptors="full"))))).descriptors == "full"


def test_a_job_goes_from_plan_to_end(store: Store) -> None:
    job = store.plan("/music/a.wav", "/music/b.wav")
    assert store.ledger.job(job.job_id)["state"] == JobState.RUNNING
    lease = store.lease(job)
    assert [file.path for file in lease.files] == ["/music/a.wav", "/music/b.wav"]
    assert store.ledger.lease_batch(job) is None
    store.ledger.finish(job, JobState.DONE)
    assert store.ledger.unfinished(Request(("/music", "/music/a.wav", "/music/b.wav"))) is None
    assert [row["id"] for row in store.ledger.jobs()] == [job.job_id]


def test_the_costliest_batch_is_leased_first(store: Store) -> None:
    """Of such as cost about the same, the one that was planned first."""
    job = store.plan("a", "b", "c", "d", batches=[(3, 3, 100.0), (0, 0, 900.0), (1, 1, 9000.0), (2, 2, 1000.0)])
    assert [store.lease(job).files[0].path for _ in range(4)] == ["b", "a", "c", "d"]


def test_attempts_rise_before_the_work(store: Store) -> None:
    job = store.plan("a")
    assert store.lease(job).attempts == 1
    with store.catalog.read() as connection:
        assert connection.execute(sa.select(Batch.attempts)).scalar_one() == 1


def test_counts_are_counted(store: Store) -> None:
    job = store.ledger.create(Request(("x",)), lease_s=LEASE_S)
    files = [
        PlannedFile("a", 1, 1, 10.0),
        PlannedFile("b", 1, 1, 5.0, Outcome.UNCHANGED, content_id=content_id(1)),
        PlannedFile("c", 0, 0, 2.0, Outcome.FAILED, Reason.PERMISSION_DENIED, "no"),
    ]
    store.ledger.add_files(job, 0, files)
    counts = store.ledger.counts(job.job_id)
    assert (counts.total, counts.done, counts.unchanged, counts.failed) == (3, 2, 1, 1)
    assert (counts.cost_total, counts.cost_done) == (17.0, 7.0)
    assert store.ledger.reasons(job.job_id) == {"permission_denied": 1}
    assert failed_files(store.catalog) == [{"path": "c", "reason": "permission_denied", "detail": "no"}]


def test_a_living_driver_keeps_its_job(store: Store) -> None:
    job = store.plan("a")
    with pytest.raises(JobError, match="being worked on"):
        store.ledger.acquire(job.job_id, lease_s=LEASE_S)


def test_a_lease_that_ran_out_may_be_taken(store: Store) -> None:
    job = store.plan("a", lease_s=-1.0)
    assert store.ledger.acquire(job.job_id, lease_s=LEASE_S).fence == job.fence + 1


def test_a_dead_driver_loses_its_job_at_once(store: Store) -> None:
    job = store.plan("a")
    command = "from workbench.store.job_entry import this_process; import json; print(json.dumps(this_process()))"
    printed = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout
    _own(store, job.job_id, __import__("json").loads(printed))
    assert store.ledger.acquire(job.job_id, lease_s=LEASE_S).fence == 2


def test_a_new_process_with_the_same_number_is_not_the_driver(store: Store) -> None:
    job = store.plan("a")
    _own(store, job.job_id, this_process() | {"started": 1.0})
    assert store.ledger.acquire(job.job_id, lease_s=LEASE_S).fence == 2


def test_a_driver_on_another_host_is_given_its_time(store: Store) -> None:
    job = store.plan("a")
    _own(store, job.job_id, {"host": "elsewhere", "pid": 1, "started": 1.0})
    with pytest.raises(JobError, match="elsewhere"):
        store.ledger.acquire(job.job_id, lease_s=LEASE_S)


def _own(store: Store, job_id: int, owner: dict[str, object]) -> None:
    with store.catalog.write() as connection:
        connection.execute(sa.update(Job).where(Job.id == job_id).values(owner=owner))


def test_the_former_driver_can_do_nothing_any_more(store: Store) -> None:
    job = store.plan("a", "b", batches=[(0, 0, 2.0), (1, 1, 1.0)], lease_s=-1.0)
    lease = store.lease(job)
    part = store.write(job, 1)
    store.ledger.acquire(job.job_id, lease_s=LEASE_S)
    for attempt in (
        lambda: store.ledger.lease_batch(job),
        lambda: store.ledger.renew(job, worked_s=1.0),
        lambda: store.ledger.finish(job, JobState.DONE),
        lambda: store.ledger.batch_lost(lease, reason=Reason.WORKER_DIED),
        lambda: store.ledger.add_files(job, 5, [PlannedFile("z", 1, 1, 1.0)]),
        lambda: commit_batch(store.catalog, lease, [store.result(0, "a", 1)], [part]),
    ):
        with pytest.raises(FenceLostError):
            attempt()
    assert store.ledger.counts(job.job_id).done == 0


def test_a_batch_is_committed_once(store: Store) -> None:
    job = store.plan("a")
    lease = store.lease(job)
    commit_batch(store.catalog, lease, [store.result(0, "a", 1)], [store.write(job, 1)])
    with pytest.raises(FenceLostError):
        commit_batch(store.catalog, lease, [store.result(0, "a", 1)], [store.write(job, 1)])


def test_a_lost_batch_is_tried_file_by_file_until_the_killer_is_found(store: Store, tmp_path: Path) -> None:
    killer = tmp_path / "killer.wav"
    killer.write_bytes(b"x")
    job = store.plan("a", str(killer), "c")
    assert store.ledger.batch_lost(store.lease(job), reason=Reason.WORKER_DIED) == []
    given_up: list[str] = []
    attempts = 1
    while (lease := store.ledger.lease_batch(job)) is not None:
        (file,) = lease.files
        if file.path == str(killer):
            attempts += 1
            given_up += store.ledger.batch_lost(lease, reason=Reason.WORKER_DIED)
        else:
            commit_batch(store.catalog, lease, [store.result(file.ordinal, file.path, file.ordinal)])
    assert (given_up, attempts) == ([str(killer)], MAX_ATTEMPTS)
    counts = store.ledger.counts(job.job_id)
    assert (counts.analyzed, counts.failed) == (2, 1)
    assert failed_files(store.catalog)[0]["reason"] == "worker_died"


def test_a_file_that_vanished_while_it_was_given_up_is_not_remembered(store: Store) -> None:
    job = store.plan("/nowhere/at/all.wav")
    for _ in range(MAX_ATTEMPTS):
        store.ledger.batch_lost(store.lease(job), reason=Reason.TIMEOUT)
    assert store.ledger.reasons(job.job_id) == {"timeout": 1}
    with store.catalog.read() as connection:
        assert connection.execute(sa.select(File.id)).all() == []


def test_drivers_that_die_are_not_blamed_on_a_batch_at_first(store: Store) -> None:
    job = store.plan("a", "b", lease_s=-1.0)
    store.lease(job)
    job = store.ledger.acquire(job.job_id, lease_s=-1.0)
    assert len(store.lease(job).files) == 2  # once: as it was
    job = store.ledger.acquire(job.job_id, lease_s=-1.0)
    assert len(store.lease(job).files) == 1  # twice: file by file


def test_a_batch_that_is_given_back_counts_no_attempt(store: Store) -> None:
    job = store.plan("a")
    store.lease(job)
    store.ledger.let_go(job, JobState.QUEUED)
    job = store.ledger.acquire(job.job_id, lease_s=LEASE_S)
    assert store.lease(job).attempts == 1


def test_cancel_and_resume(store: Store) -> None:
    job = store.plan("a")
    store.ledger.cancel(job.job_id)
    assert store.ledger.renew(job, worked_s=0.0) is JobState.CANCELLED
    again = store.ledger.acquire(job.job_id, lease_s=LEASE_S)
    assert store.ledger.job(job.job_id)["state"] == JobState.RUNNING
    store.ledger.finish(again, JobState.DONE)
    store.ledger.cancel(job.job_id)
    assert store.ledger.job(job.job_id)["state"] == JobState.DONE


def test_a_plan_cut_short_is_forgotten(store: Store) -> None:
    job = store.ledger.create(Request(("x",)), lease_s=LEASE_S)
    store.ledger.add_files(job, 0, [PlannedFile("a", 1, 1, 1.0)])
    store.ledger.clear_plan(job)
    with store.catalog.read() as connection:
        assert connection.execute(sa.select(JobFile)).all() == []


def test_unknown_job(store: Store) -> None:
    with pytest.raises(InputError, match="no job 99"):
        store.ledger.job(99)
