"""Watched folders: what comes in becomes a job once it has stopped growing; what goes away changes nothing."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.jobs.test_manager import until
from workbench.errors import InputError, LimitError
from workbench.jobs.watch import FolderWatch, Settling, is_remote


class Watching:
    """A watch in a thread: what it submits, and what it says."""

    def __init__(
        self, folders: list[Path], *, polling: bool | None = None, full: threading.Event | None = None
    ) -> None:
        self.jobs: list[list[str]] = []
        self.said: list[str] = []
        self.full = full or threading.Event()
        self._stop = threading.Event()
        watch = FolderWatch(
            [str(folder) for folder in folders], self._submit, settle_s=0.4, polling=polling, say=self.said.append
        )
        self._thread = threading.Thread(target=watch.run, args=(self._stop,))
        self._thread.start()

    def _submit(self, paths: list[str]) -> None:
        if self.full.is_set():
            raise LimitError("Full.")
        self.jobs.append(paths)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def files(self) -> list[str]:
        return [path for job in self.jobs for path in job]


Watch = Callable[..., Watching]


@pytest.fixture
def watch() -> Iterator[Watch]:
    started: list[Watching] = []

    def begin(*folders: Path, polling: bool | None = None) -> Watching:
        started.append(Watching(list(folders), polling=polling))
        return started[-1]

    yield begin
    for watching in started:
        watching.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def test_a_folder_becomes_a_job_at_first_and_then_what_comes_in(watch: Watch, folder: Path) -> None:
    watching = watch(folder)
    until(lambda: watching.jobs == [[str(folder)]])
    (folder / "new.wav").write_bytes(b"x")
    (folder / "notes.txt").write_bytes(b"x")
    (folder / ".hidden.wav").write_bytes(b"x")
    until(lambda: len(watching.jobs) > 1)
    assert watching.jobs[1:] == [[str(folder / "new.wav")]]
    (folder / "new.wav").write_bytes(b"xy")
    until(lambda: len(watching.jobs) > 2)
    (folder / "new.wav").unlink()
    time.sleep(1.5)
    assert watching.jobs[2:] == [[str(folder / "new.wav")]]


def test_a_file_that_grows_is_waited_for(watch: Watch, folder: Path) -> None:
    watching = watch(folder)
    until(lambda: bool(watching.jobs))
    with open(folder / "long.wav", "wb") as file:
        for _ in range(20):
            file.write(bytes(1000))
            file.flush()
            time.sleep(0.1)
            assert len(watching.jobs) == 1
    until(lambda: watching.jobs[1:] == [[str(folder / "long.wav")]])


def test_a_folder_that_is_moved_in_is_looked_through(watch: Watch, folder: Path, tmp_path: Path) -> None:
    watching = watch(folder)
    until(lambda: bool(watching.jobs))
    (tmp_path / "album/disc 1").mkdir(parents=True)
    for i in range(3):
        (tmp_path / f"album/disc 1/{i}.flac").write_bytes(b"x")
    (tmp_path / "album").rename(folder / "album")
    until(lambda: len(watching.files()) == 4)
    (folder / "album/disc 2/deep").mkdir(parents=True)
    (folder / "album/disc 2/deep/x.mp3").write_bytes(b"x")
    until(lambda: str(folder / "album/disc 2/deep/x.mp3") in watching.files())


def test_polling_sees_the_same(watch: Watch, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.jobs.watch._POLL_S", 0.2)
    watching = watch(folder, polling=True)
    until(lambda: bool(watching.jobs))
    (folder / "new.wav").write_bytes(b"x")
    until(lambda: watching.jobs[1:] == [[str(folder / "new.wav")]])


def test_a_folder_that_is_not_there_is_waited_for(watch: Watch, folder: Path, tmp_path: Path) -> None:
    later = tmp_path / "later"
    watching = watch(folder, later)
    until(lambda: watching.jobs == [[str(folder)]])
    assert any(f"{later} is not there: nothing is deleted" in said for said in watching.said)
    later.mkdir()
    until(lambda: watching.jobs == [[str(folder)], [str(later)]])
    (later / "new.wav").write_bytes(b"x")
    until(lambda: [str(later / "new.wav")] in watching.jobs)
    later.rename(tmp_path / "away")
    until(lambda: sum("is not there" in said for said in watching.said) == 2)
    (tmp_path / "away").rename(later)
    until(lambda: watching.jobs.count([str(later)]) == 2)


@pytest.fixture
def mount(folder: Path) -> Iterator[Callable[[], None]]:
    """Give a function that mounts a disk on the folder."""

    def do() -> None:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"only root may mount a disk: run the tests as root. {done.stderr}")

    yield do
    subprocess.run(["umount", "--lazy", folder], capture_output=True)


def test_a_mount_that_is_gone_is_no_empty_folder(watch: Watch, folder: Path, mount: Callable[[], None]) -> None:
    mount()
    watching = watch(folder)
    until(lambda: watching.jobs == [[str(folder)]])
    subprocess.run(["umount", "--lazy", folder], check=True)
    until(lambda: any("nothing is deleted" in said for said in watching.said))
    (folder / "below.wav").write_bytes(b"x")  # beside the mount, where nobody wanted it
    time.sleep(1.5)
    assert watching.jobs == [[str(folder)]]
    mount()
    until(lambda: watching.jobs == [[str(folder)], [str(folder)]])


def test_what_is_too_much_for_now_waits(watch: Watch, folder: Path) -> None:
    watching = watch(folder)
    until(lambda: bool(watching.jobs))
    watching.full.set()
    (folder / "new.wav").write_bytes(b"x")
    until(lambda: any("waits" in said for said in watching.said))
    time.sleep(1.5)
    assert sum("waits" in said for said in watching.said) == 1
    watching.full.clear()
    until(lambda: watching.jobs[1:] == [[str(folder / "new.wav")]])


def test_more_than_can_be_known_one_by_one_become_a_folder(tmp_path: Path) -> None:
    settling = Settling(settle_s=1.0, most=3)
    for i in range(5):
        (tmp_path / f"{i}.wav").write_bytes(b"x")
        settling.touch(str(tmp_path / f"{i}.wav"), str(tmp_path), now=0.0)
    assert len(settling) == 0
    settling.touch(str(tmp_path / "9.wav"), str(tmp_path), now=0.5)
    assert settling.settled(1.2) == []
    assert settling.settled(1.6) == [str(tmp_path)]
    assert settling.settled(9.0) == []


def test_a_file_is_settled_when_size_and_time_have_stayed_the_same(tmp_path: Path) -> None:
    path, settling = tmp_path / "a.wav", Settling(settle_s=1.0)
    path.write_bytes(b"x")
    settling.touch(str(path), str(tmp_path), now=0.0)
    assert settling.settled(5.0) == []  # the first look
    os.utime(path, ns=(1, 1))
    assert settling.settled(5.9) == []
    assert settling.settled(6.8) == []
    assert settling.settled(7.0) == [str(path)]
    settling.touch(str(tmp_path / "gone.wav"), str(tmp_path), now=0.0)
    assert settling.settled(9.0) == []
    assert len(settling) == 0


def test_a_disk_of_this_machine_is_not_remote(tmp_path: Path) -> None:
    assert not is_remote(str(tmp_path))


def test_no_folder_is_refused() -> None:
    with pytest.raises(InputError, match="No folder"):
        FolderWatch([], print)
