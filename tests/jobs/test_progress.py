"""Percentage by cost, rate and time left from what was measured; reports that are lost cost only display."""

from __future__ import annotations

import heapq
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.jobs.plan import cut_batches
from workbench.jobs.progress import Meter
from workbench.schema import JobState
from workbench.store.job_entry import Counts


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


def off_by(
    seed: int, *, files: int, workers: int, kinds_differ: float = 0.0, in_order: bool = False
) -> tuple[list[float], list[float]]:
    """Simulate a job on workers; by how much the time left was off, and the time that was left, from 20 % of it on.

    Files cost what the plan thinks, at 300 units per second, but for chance and for how much kinds of files differ;
    `in_order` of their kinds, or mixed.
    """
    rng = np.random.default_rng(seed)
    cost = 2 + rng.lognormal(np.log(200), 0.6, files)
    kinds = rng.integers(0, 4, files)
    speed = 300 * np.exp(rng.normal(0, kinds_differ, 4))[np.sort(kinds) if in_order else kinds]
    takes = cost / speed * np.exp(rng.normal(0, 0.2, files))
    now = 0.0
    events: list[tuple[float, int, int, int]] = []
    batches = sorted(cut_batches(enumerate(cost.tolist())), key=lambda batch: -(batch[2] // 300))  # as they are leased
    free = [0.0] * workers
    for number, (begin, end, _) in enumerate(batches):
        at = heapq.heappop(free)
        for file in range(begin, end + 1):
            events.append((at, 0, number, file))
            at += takes[file]
            events.append((at, 1, number, file))
        events.append((at + 0.05, 2, number, 0))
        heapq.heappush(free, at + 0.1)
    meter = Meter(1, counts(total=files, cost_total=float(cost.sum())), clock=lambda: now)
    done, done_cost, last = 0, 0.0, max(at for at, *_ in events)
    off, left = [], []
    for now, kind, number, file in sorted(events):
        if kind == 0:
            meter.file_begun(str(file))
        elif kind == 1:
            meter.file_done(number, str(file), float(cost[file]))
        else:
            done += batches[number][1] - batches[number][0] + 1
            done_cost += batches[number][2]
            meter.batch_settled(number)
        seen = counts(done, done_cost, total=files, cost_total=float(cost.sum()))
        if now > 0.2 * last:
            eta_s = meter.read(seen, JobState.RUNNING).eta_s
            assert eta_s is not None
            off.append(abs(eta_s - (last - now)))
            left.append(last - now)
    return off, left


@pytest.mark.parametrize(
    "case",
    [
        {"files": 500, "workers": 2},
        {"files": 2000, "workers": 8},
        {"files": 500, "workers": 4, "kinds_differ": 0.3},
    ],
)
def test_time_left_is_right_to_a_fifth_from_a_fifth_of_the_job_on(case: dict[str, Any]) -> None:
    for seed in range(5):
        off, left = off_by(seed, **case)
        # of the last seconds, less than a batch, one second is as good as can be told
        assert all(a <= 0.2 * b + 1.0 for a, b in zip(off, left, strict=True)), (seed, max(off))


@pytest.mark.parametrize("workers", [2, 4])
def test_time_left_is_right_also_where_files_are_sorted_by_kind(workers: int) -> None:
    """One kind after the other: unless batches come from all over the list, a third of all moments is wrong."""
    right = []
    for seed in range(12):
        off, left = off_by(seed, files=500, workers=workers, kinds_differ=0.3, in_order=True)
        right.append(np.mean([a <= 0.2 * b + 1.0 for a, b in zip(off, left, strict=True)]))
    assert min(right) > 0.85
    assert np.mean(right) > 0.97


def test_the_time_in_which_workers_compile_says_nothing_of_their_speed() -> None:
    now = 0.0
    meter = Meter(1, counts(), clock=lambda: now)
    meter.file_begun("/a.wav")
    meter.compiling()
    now = 47.0
    meter.file_done(1, "/a.wav", 10.0)
    assert meter.read(counts(), JobState.RUNNING).eta_s is None
    now = 49.0
    meter.file_done(1, "/b.wav", 10.0)
    progress = meter.read(counts(), JobState.RUNNING)
    assert (progress.eta_s, progress.rate) == (pytest.approx(16.0), pytest.approx(0.5))


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


def test_a_hundred_percent_is_exactly_that() -> None:
    """Costs are summed by the database, in an order of its own: 0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1."""
    assert counts(3, 0.1 + 0.2 + 0.3, total=3, cost_total=0.3 + 0.2 + 0.1).percentage == 100.0
    assert counts(3, 0.3 + 0.2 + 0.1, total=3, cost_total=0.1 + 0.2 + 0.3).percentage == 100.0
    assert counts(3, 0.1 + 0.2 + 0.3, total=4, cost_total=0.3 + 0.2 + 0.1).percentage == 100.0
