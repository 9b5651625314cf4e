"""Percentage by cost, rate and time left from what was measured; reports that are lost cost only display."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.jobs.progress import Meter
from workbench.store.ledger import Counts, JobState


def counts(
    done: int = 0, cost_done: float = 0.0, *, total: int = 10, cost_total: float = 100.0, failed: int = 0
) -> Counts:
    return Counts(total, done - failed, 0, 0, failed, cost_total, cost_done)


def test_percentage_is_by_cost_not_by_files() -> None:
    progress = Meter(1, counts()).read(counts(done=1, cost_done=75.0), JobState.RUNNING)
    assert progress.percentage == 75.0
    assert (progress.total, progress.done, progress.analyzed) == (10, 1, 1)


def test_nothing_is_claimed_before_it_is_known() -> None:
    progress = Meter(1, counts()).read(counts(), JobState.RUNNING)
    assert (progress.rate, progress.eta_s, progress.current_file) == (None, None, None)


def test_an_empty_job_is_complete() -> None:
    assert (
        Meter(1, counts(total=0, cost_total=0.0)).read(counts(total=0, cost_total=0.0), JobState.DONE).percentage == 100
    )


def test_files_in_hand_count_until_their_batch_is_settled() -> None:
    meter = Meter(1, counts())
    meter.file_begun("/a.wav")
    meter.file_done(1, "/a.wav", 20.0)
    meter.file_done(1, "/a.wav", 20.0)  # a report that comes twice
    meter.file_done(2, "/b.wav", 10.0)
    progress = meter.read(counts(), JobState.RUNNING)
    assert (progress.percentage, progress.done, progress.current_file) == (30.0, 0, "/a.wav")
    meter.batch_settled(1)
    assert meter.read(counts(done=1, cost_done=20.0), JobState.RUNNING).percentage == 30.0
    meter.batch_settled(1)
    meter.batch_settled(9)


def test_time_left_is_the_work_left_at_the_speed_measured() -> None:
    meter = Meter(1, counts())
    meter.file_begun("/a.wav")
    time.sleep(0.1)
    progress = meter.read(counts(done=2, cost_done=25.0), JobState.RUNNING)
    assert progress.eta_s == pytest.approx(0.3, rel=0.3)
    assert progress.rate == pytest.approx(20.0, rel=0.3)
    assert progress.elapsed_s >= 0.1


def test_what_was_done_before_this_driver_began_says_nothing_of_its_speed() -> None:
    meter = Meter(1, counts(done=5, cost_done=50.0))
    meter.file_begun("/f.wav")
    time.sleep(0.05)
    progress = meter.read(counts(done=5, cost_done=50.0), JobState.RUNNING)
    assert (progress.rate, progress.eta_s, progress.percentage) == (None, None, 50.0)


@given(
    begun=st.lists(st.sampled_from(["/a", "/b"]), max_size=5),
    reported=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abcd"), st.floats(0, 60)), max_size=20),
    done=st.integers(0, 10),
    cost_done=st.floats(0, 100),
)
def test_whatever_reports_come_or_are_lost_the_display_stays_sane(
    begun: list[str], reported: list[tuple[int, str, float]], done: int, cost_done: float
) -> None:
    meter = Meter(1, counts())
    for path in begun:
        meter.file_begun(path)
    for batch, path, cost in reported:
        meter.file_done(batch, path, cost)
    progress = meter.read(counts(done=done, cost_done=cost_done), JobState.RUNNING)
    assert 0.0 <= progress.percentage <= 100.0
    assert progress.eta_s is None or progress.eta_s >= 0.0
    assert progress.rate is None or progress.rate > 0.0
