"""What all commands share: numbers, times, harmless text, tables, progress lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.cli.output import clock, harmless, name_of, number, print_table
from workbench.cli.progress import _Lines, file_name, numbers
from workbench.jobs.progress import Progress
from workbench.schema import JobState


def progress(**changes: object) -> Progress:
    values: dict[str, object] = {
        "job_id": 1, "state": JobState.RUNNING, "total": 10, "done": 3, "analyzed": 3, "unchanged": 0, "duplicate": 0,
        "failed": 0, "percentage": 33.3, "current_file": "/music/a.wav", "rate": 2.5, "eta_s": 75.0, "elapsed_s": 1.0,
    }  # fmt: skip
    return Progress(**(values | changes))  # type: ignore[arg-type]


@given(st.text())
def test_harmless_text_is_printable_and_valid(text: str) -> None:
    shown = harmless(text)
    assert shown == "" or shown.isprintable()
    shown.encode()
    if text.isprintable():
        assert shown == text


def test_clock_and_number() -> None:
    assert [clock(s) for s in (0, 0.4, 59.6, 3599.9, 3600)] == ["0:00", "0:00", "1:00", "1:00:00", "1:00:00"]
    assert (number(1.26, 1), number(None, 1)) == ("1.3", None)


@pytest.mark.parametrize(
    ("track", "name"),
    [
        ({"title": "T", "artist": "A", "path": "/p/f.wav"}, "A – T"),
        ({"title": "T", "artist": None, "path": "/p/f.wav"}, "T"),
        ({"title": None, "artist": "A", "path": "/p/f.wav"}, "f.wav"),
    ],
)
def test_a_track_goes_by_its_title_or_its_file(track: dict[str, str], name: str) -> None:
    assert name_of(track) == name


def test_numbers_say_what_is_known() -> None:
    assert numbers(progress()) == "3/10 files · 2.5 files/s · 1:15 left"
    assert numbers(progress(rate=None, eta_s=None, failed=2)) == "3/10 files · 2 failed"
    assert numbers(progress(state=JobState.PLANNING, total=1234)) == "1234 files found"
    assert numbers(progress(state=JobState.DONE)) == "3/10 files · 2.5 files/s"


def test_lines_come_at_each_change_of_state_and_not_too_often(capsys: pytest.CaptureFixture[str]) -> None:
    show = _Lines()
    for state in (JobState.PLANNING, JobState.RUNNING, JobState.RUNNING, JobState.DONE):
        show(progress(state=state))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == ["planning", "running", "done"]
    assert lines[1] == "running 33 % 3/10 files · 2.5 files/s · 1:15 left · a.wav"
    assert lines[2].endswith("files/s")


def test_a_file_name_is_harmless() -> None:
    assert file_name(progress(current_file="/a/\x1b[2J.wav")) == r"\x1b[2J.wav"
    assert file_name(progress(current_file=None)) == ""


def test_a_table_that_is_not_on_a_terminal_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 500
    print_table(("track", "BPM"), [(long, None), ("短い", 3)], right=("BPM",), notes=["a note", ""])
    lines = capsys.readouterr().out.splitlines()
    assert long in lines[1]
    assert lines[1].endswith("–")
    assert lines[2].strip() == "a note"
    assert lines[3].startswith("短い")
