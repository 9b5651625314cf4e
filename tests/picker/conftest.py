"""A home of one's own, some folders to pick from, and a screen that nobody sees."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let nothing of whoever runs the tests play a part."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_STATE_HOME", "WORKBENCH_ROOTS", "SSH_CONNECTION", "SSH_TTY", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Give a folder with audio, something else, and a way out."""
    folder = tmp_path / "music"
    (folder / "in here").mkdir(parents=True)
    for name in ("a b.wav", "c.MP3", "notes.txt", ".hidden.wav", "in here/d.flac"):
        (folder / name).touch()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.wav").touch()
    (folder / "way out").symlink_to(outside)
    (folder / "out.wav").symlink_to(outside / "secret.wav")
    return folder


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give an X server that shows to nobody."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt-get install xvfb xdotool")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1000x700x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as said:
        monkeypatch.setenv("DISPLAY", f":{said.readline().strip()}")
    yield
    server.terminate()
    server.wait()
