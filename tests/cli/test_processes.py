"""The command line as processes of their own: pipes, a terminal, an interrupt, a full disk."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.conftest import start
from tests.jobs.collection import TRACKS, Analyzed, environment, write_track
from workbench.library import Library


def test_json_is_alone_on_standard_output(songs: Path, tmp_path: Path, cluster: str) -> None:
    process = start("analyze", songs, "--library", tmp_path / "l", "--scheduler", cluster, "--json")
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert json.loads(stdout)["analyzed"] == 2
    assert re.search(r"^done 100 % 2/2 files", stderr, re.MULTILINE)
    assert "\x1b" not in stderr


def test_output_may_be_cut_short_by_its_reader(analyzed: Analyzed) -> None:
    process = start("tracks", "--library", analyzed.path, "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait(30)


def test_output_need_not_be_unicode(analyzed: Analyzed) -> None:
    for arguments in (["tracks"], ["tracks", "--json"]):
        ascii_only = environment(PYTHONIOENCODING="ascii")
        process = start(*arguments, "--library", analyzed.path, env=ascii_only, text=False)
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
        assert "Techno" in stdout.decode("ascii")
    assert len(json.loads(stdout)) == len(TRACKS)


def test_a_terminal_shows_percent_file_rate_and_time_left(tmp_path: Path, cluster: str) -> None:
    music = long_songs(tmp_path / "music", 8)
    shown = on_terminal("analyze", music, "--library", tmp_path / "l", "--scheduler", cluster)
    assert re.search(r"\b[1-9]\d? %", shown)  # neither 0 nor 100
    assert "100 %" in shown
    assert re.search(r"\d/8 files", shown)
    assert re.search(r"song \d\.wav", shown)
    assert re.search(r"\d\.\d files/s", shown)
    assert re.search(r"\d+:\d\d left", shown)
    assert "8 analyzed" in shown


def long_songs(folder: Path, n: int) -> Path:
    """Write songs of three minutes: workers can be seen at them, and interrupted."""
    folder.mkdir()
    y, sr = soundfile.read(write_track(folder / "song 0.wav", 80, seconds=20.0))
    for i in range(n):
        soundfile.write(folder / f"song {i}.wav", np.tile(y * (1 - i / 20), (9, 1)), sr)
    return folder


def on_terminal(*arguments: object) -> str:
    """Run a command on a pseudo-terminal and give all that it shows."""
    master, slave = pty.openpty()
    process = start(
        *arguments, stdin=slave, stdout=slave, stderr=slave, text=False,
        env=environment(TERM="xterm-256color", COLUMNS="140", LINES="40"),
    )  # fmt: skip
    os.close(slave)
    shown = b""
    end = time.monotonic() + 60
    try:
        while time.monotonic() < end:
            if select.select([master], [], [], 0.2)[0]:
                shown += os.read(master, 65536)
    except OSError:  # the other side has closed
        pass
    os.close(master)
    assert process.wait(10) == 0, shown.decode()
    return shown.decode()


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_done_and_the_same_command_goes_on(tmp_path: Path) -> None:
    music = long_songs(tmp_path / "music", 8)
    arguments = ("analyze", music, "--library", tmp_path / "l", "--workers", 1, "--json")
    # a shell that runs the tests in the background has told them to ignore the signal
    process = start(*arguments, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    assert process.stderr is not None
    while "running" not in (line := process.stderr.readline()):
        assert line, "ended before it began"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does at Ctrl-C: the workers get it too
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert stdout == ""
    assert "interrupted: what is done is kept" in stderr
    assert "Traceback" not in stderr
    with Library.open(tmp_path / "l") as library:
        assert library.jobs()[0]["state"] == "interrupted"
        assert library.verify().problems == []
    again = start(*arguments)
    report = json.loads(again.communicate(timeout=60)[0])
    assert (report["job_id"], report["state"], report["analyzed"]) == (1, "done", 6)


def test_a_full_disk_ends_with_4(tmp_path: Path, songs: Path, cluster: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()} Run the tests as root to have this one.")
    try:
        Library.open(disk / "l").close()
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(disk).free))
        arguments = ("analyze", songs, "--library", disk / "l", "--scheduler", cluster)
        process = start(*arguments)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 4, stderr
        assert "error: No room left" in stderr
        assert "Traceback" not in stderr
        ballast.unlink()
        process = start(*arguments)
        assert "2 analyzed" in process.communicate(timeout=60)[1]
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_help_is_quick() -> None:
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "workbench.cli", "--help"], capture_output=True, text=True, check=True)
    assert "playlist" in done.stdout
    assert time.perf_counter() - began < 10.0  # half a second on a machine with nothing else to do
