"""The queue on the command line: submitting, listing, stopping, watching folders."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Run, start
from tests.cli.test_commands import document, refused
from tests.jobs.collection import Analyzed, write_track
from workbench.library import Library


@pytest.fixture
def queue(run: Run, songs: Path, tmp_path: Path) -> Path:
    """Give a library with one job in its queue."""
    job = document(run("analyze", songs, "--queue", "--set", "full", "--library", tmp_path / "l", "--json"))
    assert (job["job_id"], job["state"], job["owner"]) == (1, "queued", "local")
    return tmp_path / "l"


def test_a_queued_job_is_listed_shown_and_stopped(run: Run, queue: Path) -> None:
    listed = document(run("jobs", "--library", queue, "--json"))
    assert [(job["job_id"], job["state"]) for job in listed] == [(1, "queued")]
    assert document(run("jobs", 1, "--cancel", "--library", queue, "--json"))["state"] == "cancelled"
    assert document(run("jobs", "--state", "queued", "--library", queue, "--json")) == []
    shown = document(run("jobs", 1, "--resume", "--library", queue, "--json"))
    assert (shown["state"], shown["failures"]) == ("queued", [])
    with Library.open(queue) as library:
        assert library.jobs()[0]["request"]["descriptors"] == "full"


def test_jobs_for_people(run: Run, analyzed: Analyzed) -> None:
    listed = run("jobs", "--library", analyzed.path)
    assert listed.exit_code == 0
    assert "submitted" in listed.stdout.splitlines()[0]
    assert "12/12" in listed.stdout
    shown = run("jobs", 1, "--library", analyzed.path).stdout
    assert "not_audio" in shown
    assert "convert it" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--cancel",), "each need a job"), ((9,), "no job 9"), (("--state", "lost"), "States: queued, planning")],
)
def test_what_jobs_refuses(run: Run, analyzed: Analyzed, arguments: tuple[object, ...], said: str) -> None:
    refused(run("jobs", *arguments, "--library", analyzed.path), 2, said)


@pytest.mark.slow
def test_watch_analyzes_what_comes_in_until_it_is_interrupted(tmp_path: Path, songs: Path, cluster: str) -> None:
    path = tmp_path / "l"
    process = start(
        "watch", songs, "--library", path, "--scheduler", cluster, "--settle", 0.3, "--json",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    end = time.monotonic() + 60
    while not (path / "library.json").exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    with Library.open(path) as library:
        for expected in (2, 3):
            while len(library.tracks()) < expected:
                assert time.monotonic() < end, process.poll()
                time.sleep(0.1)
            write_track(songs / "new.wav", 99, seconds=1.0)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
        assert process.returncode == 0, stderr
        assert json.loads(stdout)["submitted"] >= 2
        assert "no longer watching" in stderr
        assert "job 1 is queued; see it with: workbench jobs 1" in stderr
        assert "job 1 is done: " in stderr
        assert "Traceback" not in stderr
        assert {job["submitted_by"] for job in library.jobs()} == {"watch"}
