from __future__ import annotations

import io
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.audio.files import OpenFile, View, stat_file
from workbench.audio.scan import scan
from workbench.errors import AudioError, Reason

AS_NOBODY = """
import os, sys
from workbench.audio import scan, stat_file
from workbench.errors import AudioError
list(scan([]))
if os.geteuid() == 0:
    os.setuid(65534)
"""


@pytest.fixture
def open_folder() -> str:
    """A folder that any user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield folder


def reason_for(path: str | Path) -> Reason:
    with pytest.raises(AudioError) as caught:
        OpenFile(str(path)).close()
    with pytest.raises(AudioError) as same:
        stat_file(str(path))
    assert same.value.reason is caught.value.reason
    return caught.value.reason


def test_a_regular_file_is_opened_with_its_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    with OpenFile(str(path)) as file:
        assert file.size == 5
        assert file.stat == stat_file(str(path))
        assert not os.get_inheritable(file.fd)
    assert file.fd == -1
    file.close()


def test_what_cannot_be_opened_has_a_reason(tmp_path: Path) -> None:
    assert reason_for(tmp_path / "none.wav") is Reason.MISSING
    (tmp_path / "file").write_bytes(b"x")
    assert reason_for(tmp_path / "file" / "below.wav") is Reason.MISSING
    assert reason_for(tmp_path / ("x" * 300)) is Reason.MISSING
    assert reason_for("nul\0inside.wav") is Reason.MISSING
    (tmp_path / "empty.wav").touch()
    assert reason_for(tmp_path / "empty.wav") is Reason.EMPTY
    assert reason_for(tmp_path) is Reason.NOT_A_FILE
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    assert reason_for(tmp_path / "loop.wav") is Reason.SYMLINK_LOOP


def test_pipes_devices_and_sockets_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert reason_for(tmp_path / "pipe.wav") is Reason.NOT_A_FILE
    (tmp_path / "device.wav").symlink_to("/dev/zero")
    assert reason_for(tmp_path / "device.wav") is Reason.NOT_A_FILE
    # the name of a socket has at most 107 bytes
    with socket.socket(socket.AF_UNIX) as server, tempfile.TemporaryDirectory() as short:
        server.bind(f"{short}/s.wav")
        assert reason_for(f"{short}/s.wav") is Reason.NOT_A_FILE


def test_missing_permission_is_named(open_folder: str, python: Callable[..., str]) -> None:
    path = os.path.join(open_folder, "a.wav")
    Path(path).write_bytes(b"x")
    os.chmod(path, 0)
    code = AS_NOBODY + (
        "from workbench.audio.files import OpenFile\n"
        "try: OpenFile(sys.argv[1])\n"
        "except AudioError as error: print(error.reason.value)"
    )
    assert python(code, path) == "permission_denied"


def test_a_folder_without_permission_is_reported_by_the_scan(open_folder: str, python: Callable[..., str]) -> None:
    closed = os.path.join(open_folder, "closed")
    os.mkdir(closed, 0o700)
    Path(open_folder, "a.wav").write_bytes(b"x")
    os.chmod(closed, 0)
    code = AS_NOBODY + "for file in scan(sys.argv[1:]): print(os.path.basename(file.path), file.reason)"
    inside = os.path.join(closed, "inside.wav")
    assert python(code, open_folder, inside).splitlines() == [
        "a.wav None",
        "closed permission_denied",
        "inside.wav permission_denied",
    ]
    os.chmod(closed, 0o700)
    assert [file.reason for file in scan([open_folder])] == [None]


def test_a_view_is_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    with OpenFile(str(path)) as file:
        view = View(file.fd, 2, 7, b"abc")
        assert view.read() == b"abc23456"
        assert view.seek(-3, os.SEEK_END) == 5
        assert view.read(100) == b"456"
        assert view.seek(-100, os.SEEK_CUR) == -1
        assert view.tell() == 8
        assert view.seek(50) == 50
        assert view.read(1) == b""
        view.seek(0)
        assert io.BufferedReader(view, 4).read() == b"abc23456"
        assert os.lseek(file.fd, 0, os.SEEK_CUR) == 0
        assert view.error is None


def test_a_view_keeps_the_error_that_it_cannot_raise(tmp_path: Path) -> None:
    write_only = os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT)
    view = View(write_only, 0, 10)
    assert view.read(4) == b""
    assert isinstance(view.error, OSError)
    os.close(write_only)
