"""Jobs in the queue: submitted, taken up, watched, stopped, by whichever manager of the library."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.jobs.collection import Analyzed, plan_one_by_one, stored_arrays, write_track
from workbench.config import Settings
from workbench.errors import InputError, LimitError, NotFoundError
from workbench.jobs.manager import AnalyzeOptions, JobManager, JobStatus, ProgressEvent
from workbench.library import Library
from workbench.schema import JobState
from workbench.store.batches import PlannedFile
from workbench.store.catalog.models import Job
from workbench.store.job_entry import Request
from workbench.store.ledger import Ledger


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Give a folder with four short songs."""
    for i in range(4):
        write_track(tmp_path / "songs" / f"{i}.wav", i, seconds=1.0)
    return tmp_path / "songs"


@pytest.fixture
def manager(library: Library) -> Iterator[JobManager]:
    """Give a manager that works on nothing."""
    manager = library.job_manager()
    yield manager
    assert manager.stop(10)
    until(lambda: not listening())


@pytest.fixture
def worker(library: Library, cluster: str) -> Iterator[JobManager]:
    """Give another manager of the same library, which works on the queue."""
    with Library.open(library.path) as same:
        manager = same.job_manager(scheduler=cluster)
        manager.start()
        yield manager
        assert manager.stop(30)


def until(holds: Callable[[], bool], timeout: float = 60.0) -> None:
    end = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def ended(manager: JobManager, job_id: int, timeout: float = 200.0) -> JobStatus:
    until(lambda: manager.get(job_id).state.finished, timeout)
    return manager.get(job_id)


class Heard:
    """Notes all events of a job."""

    def __init__(self) -> None:
        self.events: list[ProgressEvent] = []
        self.end = threading.Event()

    def __call__(self, event: ProgressEvent) -> None:
        self.events.append(event)
        if event.state.finished:
            self.end.set()


# --- the queue ------------------------------------------------------------------------------------


def test_what_one_submits_another_does(manager: JobManager, worker: JobManager, songs: Path, library: Library) -> None:
    job = manager.submit([str(songs)], owner="ada")
    assert (job.state, job.owner, job.total, job.started) == (JobState.QUEUED, "ada", 0, None)
    done = ended(manager, job.job_id)
    assert (done.state, done.done, done.total, done.failed, done.percentage) == (JobState.DONE, 4, 4, 0, 100.0)
    assert done == worker.get(job.job_id)
    assert done.started is not None
    assert done.finished is not None
    assert done.created <= done.started <= done.finished
    assert len(library.tracks()) == 4
    until(lambda: manager.idle and worker.idle)


def test_the_same_job_gives_the_same_bits_as_analyze(
    manager: JobManager, worker: JobManager, analyzed: Analyzed, library: Library
) -> None:
    done = ended(manager, manager.submit([str(analyzed.music)], owner="ada").job_id)
    assert (done.state, done.total, done.failed) == (JobState.DONE, 12, 3)
    assert stored_arrays(library) == stored_arrays(analyzed.library)
    page, after = manager.failures(done.job_id, limit=2)
    rest, end = manager.failures(done.job_id, after, limit=2)
    assert [*page, *rest] == analyzed.report["failures"]
    assert (len(page), len(rest), end) == (2, 1, None)


def test_submitting_costs_the_same_however_many_files(manager: JobManager, tmp_path: Path) -> None:
    job = manager.submit([str(tmp_path)], owner="ada")
    assert (job.total, job.state) == (0, JobState.QUEUED)


def test_what_would_fail_later_is_refused_at_once(manager: JobManager, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        manager.submit([str(tmp_path / "nothing")], owner="ada")
    with pytest.raises(InputError, match="nonsense"):
        manager.submit([str(tmp_path)], options=AnalyzeOptions(frames=("nonsense",)), owner="ada")
    with pytest.raises(InputError, match="No path"):
        manager.submit([], owner="ada")
    assert manager.list() == ([], None)


def test_a_path_that_has_gone_fails_its_job_with_the_reason(
    manager: JobManager, library: Library, tmp_path: Path, cluster: str
) -> None:
    (tmp_path / "gone").mkdir()
    job = manager.submit([str(tmp_path / "gone")], owner="ada")
    (tmp_path / "gone").rmdir()
    manager.start()
    failed = ended(manager, job.job_id)
    manager.stop()
    assert failed.state is JobState.FAILED
    assert "gone" in (failed.error or "")
    (tmp_path / "gone").mkdir()
    manager.resume(job.job_id)
    manager.start()
    assert ended(manager, job.job_id).state is JobState.DONE
    manager.stop()


def test_analyze_takes_up_what_waits(manager: JobManager, library: Library, songs: Path, cluster: str) -> None:
    job = manager.submit([str(songs)], owner="ada")
    assert library.analyze(songs, scheduler=cluster).id == job.job_id
    assert manager.get(job.job_id).state is JobState.DONE


def test_what_analyze_does_is_seen_by_all(manager: JobManager, library: Library, songs: Path, cluster: str) -> None:
    job = library.analyze(songs, scheduler=cluster)
    assert (manager.get(job.id).owner, manager.get(job.id).done) == ("local", 4)
    library.compact()
    assert [status.job_id for status in manager.list()[0]] == [job.id]  # compaction is nobody's job


def test_jobs_are_listed_in_pages_newest_first(manager: JobManager, tmp_path: Path) -> None:
    numbers = [manager.submit([str(tmp_path)], owner="ada" if i % 2 else "bob").job_id for i in range(5)]
    manager.cancel(numbers[1])
    first, after = manager.list(limit=3)
    rest, end = manager.list(after=after, limit=3)
    assert [job.job_id for job in (*first, *rest)] == numbers[::-1]
    assert end is None
    assert manager.list(limit=5)[1] is None
    assert [job.job_id for job in manager.list(owner="ada")[0]] == [numbers[3], numbers[1]]
    assert [job.job_id for job in manager.list(state="cancelled")[0]] == [numbers[1]]
    with pytest.raises(InputError, match="no state 'lost'"):
        manager.list(state="lost")


def test_status_and_event_are_ready_for_json(manager: JobManager, tmp_path: Path) -> None:
    job = manager.submit([str(tmp_path)], owner="ada")
    assert json.loads(json.dumps(job.to_dict()))["state"] == "queued"
    assert set(job.event.to_dict()) == {
        "seq", "job_id", "state", "percentage", "current_file", "eta_s", "done", "failed", "total", "rate"
    }  # fmt: skip


def test_a_job_that_there_is_not(manager: JobManager) -> None:
    for ask in (manager.get, manager.cancel, manager.resume, manager.failures):
        with pytest.raises(NotFoundError, match="no job 7"):
            ask(7)
    with pytest.raises(NotFoundError):
        manager.subscribe(7, None, print)


# --- cancel and resume ----------------------------------------------------------------------------


def one_by_one(library: Library, folder: Path, owner: str = "ada") -> int:
    """Enter a job with a batch per file into the queue."""
    job_id = plan_one_by_one(library, folder)
    ledger = Ledger(library.catalog)
    ledger.let_go(ledger.acquire(job_id, lease_s=9.0), JobState.QUEUED)
    with library.catalog.write() as connection:
        connection.execute(sa.update(Job).where(Job.id == job_id).values(submitted_by=owner, started_at=None))
    return job_id


def test_cancel_stops_a_job_of_another_process_and_resume_goes_on(
    manager: JobManager, worker: JobManager, tmp_path: Path, library: Library
) -> None:
    for i in range(24):
        write_track(tmp_path / "long" / f"{i}.wav", i, seconds=15.0)
    heard = Heard()
    job_id = one_by_one(library, tmp_path / "long")
    manager.subscribe(job_id, None, heard)
    until(lambda: 0 < manager.get(job_id).done < 24)
    began = time.monotonic()
    done = manager.cancel(job_id).done
    until(lambda: not worker._runner.busy)
    assert time.monotonic() - began < 5.0
    cancelled = manager.get(job_id)
    assert (cancelled.state, cancelled.done) == (JobState.CANCELLED, done)  # nothing was committed afterwards
    assert len(library.tracks()) == done < 24
    assert heard.end.wait(5)
    assert library.verify().problems == []
    manager.resume(job_id)
    assert ended(manager, job_id).done == 24
    until(lambda: heard.events[-1].state is JobState.DONE)
    seqs = [event.seq for event in heard.events]
    assert seqs == sorted(set(seqs))


def test_what_waits_is_cancelled_at_once(manager: JobManager, tmp_path: Path) -> None:
    job = manager.submit([str(tmp_path)], owner="ada")
    assert manager.cancel(job.job_id).state is JobState.CANCELLED
    assert manager.resume(job.job_id).state is JobState.QUEUED
    again = manager.resume(job.job_id)  # which changes nothing
    assert (again.state, again.finished) == (JobState.QUEUED, None)


def test_a_runner_that_stops_leaves_its_job_to_the_next(
    manager: JobManager, library: Library, tmp_path: Path, cluster: str
) -> None:
    for i in range(30):  # far more than are under way at once: some are left when the runner stops
        write_track(tmp_path / "long" / f"{i}.wav", i, seconds=15.0)
    job_id = one_by_one(library, tmp_path / "long")
    first = library.job_manager(scheduler=cluster)
    first.start()
    until(lambda: manager.get(job_id).done > 0)
    assert first.stop(10)
    stopped = manager.get(job_id)
    assert (stopped.state, stopped.error) == (JobState.QUEUED, None)
    assert stopped.done < 30
    second = library.job_manager(scheduler=cluster)
    second.start()
    assert ended(manager, job_id).done == 30
    second.stop()
    assert library.verify().problems == []


@pytest.mark.slow
def test_a_job_that_cannot_go_on_is_tried_again(manager: JobManager, library: Library, songs: Path) -> None:
    lost = library.job_manager(scheduler="tcp://127.0.0.1:9")
    job = manager.submit([str(songs)], owner="ada")
    lost.start()
    until(lambda: manager.get(job.job_id).error is not None)
    waits = manager.get(job.job_id)
    lost.stop()
    assert waits.state is JobState.QUEUED
    assert "No Dask scheduler answers" in (waits.error or "")


# --- fairness and limits --------------------------------------------------------------------------


def test_whoever_has_least_at_work_comes_first(library: Library, manager: JobManager, tmp_path: Path) -> None:
    ledger = Ledger(library.catalog)
    ada = [manager.submit([str(tmp_path)], owner="ada").job_id for _ in range(3)]
    bob = [manager.submit([str(tmp_path)], owner="bob").job_id for _ in range(2)]
    order = []
    while line := ledger.line():
        ledger.acquire(line[0].job_id, lease_s=30.0, seen=line[0])
        order.append(line[0].job_id)
    assert order == [ada[0], bob[0], ada[1], bob[1], ada[2]]


def test_one_owner_leaves_places_to_others(library: Library, songs: Path, cluster: str, tmp_path: Path) -> None:
    with Library.open(library.path, settings=Settings(jobs_at_once=2)) as same:
        manager = same.job_manager(scheduler=cluster)
        ada = [one_by_one(library, songs, "ada") for _ in range(2)]
        bob = one_by_one(library, songs, "bob")
        manager.start()
        ended(manager, bob)
        began = {job_id: ended(manager, job_id).started or 0.0 for job_id in (*ada, bob)}
        manager.stop()
    assert began[bob] < began[ada[1]]


def test_an_owner_may_have_so_many_jobs(library: Library, tmp_path: Path) -> None:
    with Library.open(library.path, settings=Settings(most_jobs=2)) as same:
        manager = same.job_manager()
        first = manager.submit([str(tmp_path)], owner="ada")
        manager.submit([str(tmp_path)], owner="ada")
        with pytest.raises(LimitError, match="'ada' has 2 jobs"):
            manager.submit([str(tmp_path)], owner="ada")
        manager.submit([str(tmp_path)], owner="bob")
        manager.cancel(first.job_id)
        manager.submit([str(tmp_path)], owner="ada")


def test_an_owner_may_have_so_many_files(library: Library, songs: Path, cluster: str) -> None:
    with Library.open(library.path, settings=Settings(most_files=3)) as same:
        manager = same.job_manager(scheduler=cluster)
        manager.start()
        too_many = ended(manager, manager.submit([str(songs)], owner="ada").job_id)
        few = ended(manager, manager.submit([str(songs / "0.wav")], owner="ada").job_id)
        manager.stop()
    assert (too_many.state, too_many.total) == (JobState.FAILED, 0)
    assert "more than 3 files" in (too_many.error or "")
    assert few.state is JobState.DONE


# --- who listens ----------------------------------------------------------------------------------


def test_a_listener_elsewhere_sees_the_job_from_queue_to_end(
    manager: JobManager, worker: JobManager, tmp_path: Path, library: Library
) -> None:
    for i in range(30):  # some seconds of work: the driver tells the catalog how far it is twice a second
        write_track(tmp_path / "long" / f"{i}.wav", i, seconds=15.0)
    heard = Heard()
    job_id = one_by_one(library, tmp_path / "long")
    subscription = manager.subscribe(job_id, None, heard)
    assert heard.end.wait(60)
    subscription.close()
    seqs = [event.seq for event in heard.events]
    assert seqs == sorted(set(seqs))
    assert [event.done for event in heard.events] == sorted(event.done for event in heard.events)
    last = heard.events[-1]
    assert (last.state, last.done, last.percentage, last.eta_s) == (JobState.DONE, 30, 100.0, None)
    running = [event for event in heard.events if event.state is JobState.RUNNING]
    assert any(event.current_file and event.rate and event.eta_s for event in running)


def test_the_end_is_told_to_whoever_comes_late(manager: JobManager, tmp_path: Path) -> None:
    job = manager.cancel(manager.submit([str(tmp_path)], owner="ada").job_id)
    for since in (None, 0, job.seq, job.seq + 5):
        heard = Heard()
        manager.subscribe(job.job_id, since, heard)
        assert heard.end.wait(5), since


def test_what_a_listener_has_is_not_told_again(manager: JobManager, tmp_path: Path) -> None:
    job = manager.submit([str(tmp_path)], owner="ada")
    late, new = Heard(), Heard()
    manager.subscribe(job.job_id, job.seq, late)
    manager.subscribe(job.job_id, job.seq - 1, new)
    until(lambda: bool(new.events))
    manager.cancel(job.job_id)
    assert late.end.wait(5)
    assert new.end.wait(5)
    assert [event.state for event in late.events] == [JobState.CANCELLED]
    assert [event.state for event in new.events] == [JobState.QUEUED, JobState.CANCELLED]


def test_a_listener_that_fails_harms_no_other(
    manager: JobManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def fails(event: ProgressEvent) -> None:
        calls.append(event)
        raise RuntimeError("no")

    job = manager.submit([str(tmp_path)], owner="ada")
    heard = Heard()
    manager.subscribe(job.job_id, None, fails)
    manager.subscribe(job.job_id, None, heard)
    until(lambda: bool(heard.events))
    manager.cancel(job.job_id)
    assert heard.end.wait(5)
    assert len(calls) == 1
    assert "told no more" in caplog.text


def test_nobody_is_asked_while_nobody_listens(manager: JobManager, tmp_path: Path) -> None:
    job = manager.submit([str(tmp_path)], owner="ada")
    assert not listening()
    subscription = manager.subscribe(job.job_id, None, Heard())
    assert listening()
    subscription.close()
    until(lambda: not listening())


def listening() -> bool:
    return any(thread.name == "workbench-listeners" for thread in threading.enumerate())


def test_sequence_numbers_rise_whatever_happens(library: Library, tmp_path: Path) -> None:
    ledger = Ledger(library.catalog)
    job_id = ledger.submit(Request((str(tmp_path),)), "ada")
    seen = [ledger.job(job_id)["seq"]]

    def note() -> None:
        seen.append(ledger.job(job_id)["seq"])

    for _ in range(2):
        lease = ledger.acquire(job_id, lease_s=30.0)
        note()
        ledger.add_files(lease, 0, [PlannedFile("a", 1, 1, 1.0)])
        ledger.renew(lease, worked_s=0.0, progress={"total": 1})
        note()
        ledger.cancel(job_id)
        note()
        ledger.requeue(job_id)
        note()
    lease = ledger.acquire(job_id, lease_s=30.0)
    note()
    ledger.let_go(lease, JobState.QUEUED)
    note()
    lease = ledger.acquire(job_id, lease_s=30.0)
    ledger.finish(lease, JobState.DONE)
    note()
    assert seen == sorted(set(seen))
