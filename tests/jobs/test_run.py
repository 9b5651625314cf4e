"""A job from its first lease to its end, and every way in which it may not get there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.collection import Analyzed, environment, plan_one_by_one, stored_arrays, write_track
from workbench.config import Settings
from workbench.errors import InputError, JobError, StorageFullError
from workbench.features.registry import DESCRIPTORS
from workbench.jobs.progress import Progress
from workbench.library import Library
from workbench.schema import JobState
from workbench.store.catalog.queries import part_ids, placed_paths


class Pause:
    """An ``on_progress`` that holds the driver as soon as something is done, until `go`."""

    def __init__(self, done: int = 1) -> None:
        self.reached, self._go, self._done = threading.Event(), threading.Event(), done

    def __call__(self, progress: Progress) -> None:
        if progress.done >= self._done and not self.reached.is_set():
            self.reached.set()
            assert self._go.wait(30)

    def go(self) -> None:
        self._go.set()


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Give a folder with six short songs."""
    for i in range(6):
        write_track(tmp_path / "songs" / f"{i}.wav", i, seconds=1.0)
    return tmp_path / "songs"


# --- outcomes -------------------------------------------------------------------------------------


def test_every_file_has_one_outcome(analyzed: Analyzed) -> None:
    report = analyzed.report
    counted = {name: report[name] for name in ("state", "total", "analyzed", "unchanged", "duplicate", "failed")}
    assert counted == {"state": "done", "total": 12, "analyzed": 8, "unchanged": 0, "duplicate": 1, "failed": 3}
    reasons = {Path(f["path"]).name: f["reason"] for f in report["failures"]}
    assert reasons == {"empty.wav": "empty", "notes.mp3": "not_audio", "cut.flac": "corrupt"}
    assert all(f["remedy"] for f in report["failures"])


def test_progress_rises_to_the_end(library: Library, songs: Path, cluster: str) -> None:
    seen: list[Progress] = []
    job_id = plan_one_by_one(library, songs)
    job = library.resume(job_id, scheduler=cluster, on_progress=seen.append)
    percentages = [p.percentage for p in seen]
    assert percentages == sorted(percentages)
    assert (seen[-1].percentage, seen[-1].state, seen[-1].done) == (100.0, JobState.DONE, 6)
    assert any(p.current_file for p in seen)
    assert seen[-1].rate is not None
    assert job.progress == seen[-1]


def test_a_job_in_which_every_file_fails_has_failed(library: Library, tmp_path: Path, cluster: str) -> None:
    (tmp_path / "bad").mkdir()
    for i in range(3):
        (tmp_path / "bad" / f"{i}.mp3").write_text(f"no music {i}")
    report = library.analyze(tmp_path / "bad", scheduler=cluster).report()
    assert (report["state"], report["failed"]) == ("failed", 3)
    assert {f["reason"] for f in report["failures"]} == {"not_audio"}


def test_a_folder_without_audio_is_done_at_once(library: Library, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    report = library.analyze(tmp_path / "empty").report()
    assert (report["state"], report["total"]) == ("done", 0)


def test_failed_files_are_tried_again_on_request_only(library: Library, tmp_path: Path, cluster: str) -> None:
    bad = tmp_path / "bad.mp3"
    bad.write_text("no music " * 100)
    write_track(tmp_path / "good.wav", 1, seconds=1.0)
    paths = (bad, tmp_path / "good.wav")
    library.analyze(*paths, scheduler=cluster)
    again = library.analyze(*paths)  # needs no cluster, so nothing is decoded
    assert (again.counts.unchanged, again.counts.failed) == (1, 1)
    retried = library.analyze(*paths, retry_failed=True, scheduler=cluster)
    assert (retried.counts.unchanged, retried.counts.failed) == (1, 1)
    assert retried.failures[0]["reason"] == "not_audio"


def test_frames_on_request_are_added_to_known_tracks(library: Library, songs: Path, cluster: str) -> None:
    library.analyze(songs, scheduler=cluster)
    before = stored_arrays(library)
    job = library.analyze(songs, frames=["chroma"], scheduler=cluster)
    assert job.counts.analyzed == 6
    assert stored_arrays(library) == before
    assert library.frames("chroma", str(songs / "0.wav")).dims == ("frame", "pitch_class")
    assert library.verify().problems == []
    assert library.analyze(songs, frames=["chroma"]).counts.unchanged == 6


def test_the_full_set_adds_what_is_missing_and_keeps_the_rest(library: Library, songs: Path, cluster: str) -> None:
    library.analyze(songs, scheduler=cluster)
    before, parts = stored_arrays(library), part_ids(library.catalog)
    assert "hfc" not in library.features
    assert library.analyze(songs, descriptors="full", scheduler=cluster).counts.analyzed == 6
    assert stored_arrays(library) == before
    (added,) = part_ids(library.catalog) - parts
    full_only = {f"summary/{name}" for name, descriptor in DESCRIPTORS.items() if descriptor.set == "full"}
    summaries = {path for path, _ in placed_paths(library.catalog) if path.startswith("summary/")}
    assert summaries - {path for _, path in before} == full_only
    assert not (library.parts.root / added / "summary" / "mfcc").exists()
    assert library.features.hfc.sel(statistic="mean").notnull().all()
    assert library.verify().problems == []
    for descriptors in ("full", "fast", None):  # who has more than is wanted is up to date
        assert library.analyze(songs, descriptors=descriptors).counts.unchanged == 6  # type: ignore[arg-type]


def test_the_set_is_a_setting(songs: Path, tmp_path: Path, cluster: str) -> None:
    with Library.open(tmp_path / "full.library", settings=Settings(descriptors="full")) as library:
        library.analyze(songs, scheduler=cluster)
        assert "hfc" in library.features
        assert library.analyze(songs, descriptors="fast").counts.unchanged == 6


def test_a_set_that_does_not_exist_is_refused(library: Library, songs: Path) -> None:
    with pytest.raises(InputError, match="fast, full"):
        library.analyze(songs, descriptors="slow")  # type: ignore[arg-type]


# --- results do not depend on how they came about ----------------------------------------------------


@pytest.mark.slow
def test_one_worker_gives_the_same_bits_as_two(library: Library, analyzed: Analyzed) -> None:
    report = library.analyze(analyzed.music, workers=1).report()
    assert report["analyzed"] == 8
    assert stored_arrays(library) == stored_arrays(analyzed.library)
    assert library.tracks() == analyzed.library.tracks()


def test_what_was_cancelled_and_resumed_has_the_same_bits(library: Library, analyzed: Analyzed, cluster: str) -> None:
    pause = Pause()
    job_id = plan_one_by_one(library, analyzed.music)
    job = library.resume(job_id, scheduler=cluster, wait=False, on_progress=pause)
    assert pause.reached.wait(30)
    job.cancel()
    time.sleep(1.1)  # the driver asks once a second, and might be done in less
    pause.go()
    job.wait(30)
    assert job.state is JobState.CANCELLED
    done = job.counts.done
    assert 0 < done < 12
    assert library.verify().problems == []
    resumed = library.resume(job.id, scheduler=cluster)
    assert (resumed.state, resumed.counts.done) == (JobState.DONE, 12)
    assert resumed.counts.failed == 3
    assert stored_arrays(library) == stored_arrays(analyzed.library)
    assert library.collect().in_progress == ()
    assert library.parts.listed() == {track for track in library.parts.listed() if track.startswith(f"job{job.id}-")}


# --- who may work on a job ---------------------------------------------------------------------------


def test_two_drivers_at_once_are_refused(library: Library, songs: Path, cluster: str) -> None:
    pause = Pause(done=0)
    job = library.analyze(songs, scheduler=cluster, wait=False, on_progress=pause)
    assert pause.reached.wait(30)
    with pytest.raises(JobError, match="being worked on by process"):
        library.analyze(songs, scheduler=cluster)
    with pytest.raises(JobError, match="being worked on by process"):
        library.resume(job.id, scheduler=cluster)
    pause.go()
    assert job.wait(60).state is JobState.DONE
    assert job.wait().counts.analyzed == 6


def test_a_driver_whose_job_was_taken_over_stops_without_a_trace(songs: Path, tmp_path: Path, cluster: str) -> None:
    from workbench.errors import FenceLostError

    with Library.open(tmp_path / "own.library", settings=Settings(lease_s=0.1)) as library:
        pause = Pause()
        job_id = plan_one_by_one(library, songs)
        slow = library.resume(job_id, scheduler=cluster, wait=False, on_progress=pause)
        assert pause.reached.wait(30)
        time.sleep(0.2)  # its lease runs out
        quick = library.resume(job_id, scheduler=cluster)
        assert quick.state is JobState.DONE
        pause.go()
        with pytest.raises(FenceLostError, match="taken over"):
            slow.wait(30)
        assert quick.counts.analyzed == 6
        assert library.verify().problems == []


def test_a_job_cancelled_while_it_is_planned_is_planned_anew_when_resumed(
    library: Library, songs: Path, cluster: str
) -> None:
    pause = Pause(done=0)
    job = library.analyze(songs, scheduler=cluster, wait=False, on_progress=pause)
    assert pause.reached.wait(30)
    assert job.state is JobState.PLANNING
    job.cancel()
    pause.go()
    assert job.wait(30).state is JobState.CANCELLED
    assert job.counts.total == 0
    resumed = library.resume(job.id, scheduler=cluster)
    assert (resumed.state, resumed.counts.analyzed) == (JobState.DONE, 6)


# --- a job that cannot go on ----------------------------------------------------------------------


def test_a_scheduler_that_does_not_answer_costs_nothing(library: Library, songs: Path, cluster: str) -> None:
    def loops() -> int:
        return sum(thread.name == "IO loop" for thread in threading.enumerate())

    before = loops()
    with pytest.raises(JobError, match="No Dask scheduler answers"):
        library.analyze(songs, scheduler="nonsense://nowhere")
    assert loops() == before  # or the client that failed is closed whenever it pleases the garbage collector
    job = library.analyze(songs, scheduler=cluster)  # the same request goes on at once
    assert (job.id, job.state, job.counts.analyzed) == (1, JobState.DONE, 6)


class CallerError(Exception):
    """What a caller's own ``on_progress`` may raise."""


def test_an_error_of_the_caller_stops_the_job_and_the_next_call_goes_on(
    library: Library, tmp_path: Path, cluster: str
) -> None:
    songs = tmp_path / "long"
    for i in range(12):  # more than the quarter of a second after which a running job is shown
        write_track(songs / f"{i}.wav", i, seconds=15.0)
    raised = False

    def fail_once(progress: Progress) -> None:
        nonlocal raised
        if progress.state is JobState.RUNNING and not raised:
            raised = True
            raise CallerError

    with pytest.raises(CallerError):
        library.analyze(songs, scheduler=cluster, on_progress=fail_once)
    assert library.jobs()[0]["state"] == JobState.INTERRUPTED
    assert library.analyze(songs, scheduler=cluster).report()["job_id"] == 1
    assert library.jobs()[0]["state"] == JobState.DONE


@pytest.fixture
def short_lived_cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Give the address of a scheduler that is a process of its own, with one worker, and both processes."""
    file = tmp_path / "scheduler.json"
    commands = (
        ["scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"],
        ["worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"],
    )
    started = []
    for command in commands:
        full = [sys.executable, "-m", "dask", *command, "--scheduler-file", str(file)]
        started.append(subprocess.Popen(full, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        while not file.exists():
            assert started[0].poll() is None
            time.sleep(0.05)
    yield json.loads(file.read_text())["address"], started
    for process in reversed(started):
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_scheduler_that_is_lost_stops_the_job_which_then_goes_on(
    library: Library, songs: Path, cluster: str, short_lived_cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, processes = short_lived_cluster
    pause = Pause()
    job_id = plan_one_by_one(library, songs)
    job = library.resume(job_id, scheduler=address, wait=False, on_progress=pause)
    assert pause.reached.wait(60)
    processes[0].kill()
    pause.go()
    with pytest.raises(JobError, match="goes on"):
        job.wait(60)
    assert job.state is JobState.INTERRUPTED
    assert library.verify().problems == []
    resumed = library.resume(job_id, scheduler=cluster)
    assert (resumed.state, resumed.counts.analyzed) == (JobState.DONE, 6)


# --- files that kill or hang ----------------------------------------------------------------------


@pytest.fixture
def killers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Load `tests.jobs.killers` into every Python that starts, worker processes among them."""
    folder = tmp_path / "at-start"
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("killers.py"), folder / "sitecustomize.py")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", ""))))


@pytest.mark.slow
@pytest.mark.usefixtures("killers")
def test_files_that_kill_are_given_up_by_name_and_no_other_is_harmed(library: Library, songs: Path) -> None:
    for i, task in enumerate(("probe_files", "extract_files")):
        write_track(songs / f"dies-in-{task}.wav", 20 + i, seconds=1.0)
    report = library.analyze(songs, workers=1).report()
    assert (report["state"], report["analyzed"], report["failed"]) == ("done", 6, 2)
    given_up = {Path(f["path"]).name: f["reason"] for f in report["failures"]}
    assert given_up == {"dies-in-probe_files.wav": "worker_died", "dies-in-extract_files.wav": "worker_died"}
    assert all("3 attempts" in f["detail"] for f in report["failures"])
    assert library.analyze(songs).counts.failed == 2  # they are not tried again, so no worker is needed
    assert library.verify().problems == []


@pytest.mark.slow
@pytest.mark.usefixtures("killers")
def test_a_file_that_hangs_is_given_up_when_its_time_is_over(songs: Path, tmp_path: Path) -> None:
    write_track(songs / "hangs-in-extract_files.wav", 30, seconds=1.0)
    with Library.open(tmp_path / "own.library", settings=Settings(file_deadline_s=0.5)) as library:
        report = library.analyze(songs, workers=2).report()
    assert (report["analyzed"], report["failed"]) == (6, 1)
    assert report["failures"][0]["path"].endswith("hangs-in-extract_files.wav")
    assert report["failures"][0]["reason"] == "timeout"


# --- a full disk ----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 8 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()} Run the tests as root to have this one.")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path, *, leave: int) -> Path:
    """Fill a disk but for some bytes."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(disk).free - leave))
    return ballast


@pytest.mark.parametrize("leave", [0, 20_000, 60_000, 200_000])
def test_a_full_disk_is_an_error_and_the_job_goes_on_when_there_is_room(
    small_disk: Path, songs: Path, cluster: str, leave: int
) -> None:
    with Library.open(small_disk / "own.library") as library:
        library.analyze(songs / "0.wav", scheduler=cluster)
        ballast = fill(small_disk, leave=leave)
        with pytest.raises(StorageFullError, match=r"No room left|refused a write"):
            library.analyze(songs, scheduler=cluster)
        assert len(library.tracks()) == 1
        ballast.unlink()
        job = library.analyze(songs, scheduler=cluster)
        assert (job.counts.unchanged, job.counts.analyzed) == (1, 5)
        library.collect()
        assert library.verify().problems == []


def test_a_library_on_a_full_disk_cannot_be_made(small_disk: Path) -> None:
    ballast = fill(small_disk, leave=0)
    with pytest.raises(StorageFullError):
        Library.open(small_disk / "own.library")
    ballast.unlink()
    with Library.open(small_disk / "own.library") as library:
        assert library.tracks() == []


def test_the_process_id_of_a_driver_is_recorded(analyzed: Analyzed) -> None:
    assert analyzed.library.jobs()[-1]["owner"]["pid"] == os.getpid()
