from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.audio import FileStat, probe, stat_file
from workbench.errors import AudioError, Reason


def test_a_probe_says_what_is_known_without_decoding(write: Callable[..., str]) -> None:
    path = write("a.flac")
    found = probe(path)
    assert (found.path, found.format, found.tags.problem) == (path, "flac", None)
    assert FileStat(found.size, found.mtime_ns) == stat_file(path)
    assert set(found.content_id) <= set("0123456789abcdef")


def test_unknown_content_has_an_identity_too(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"no audio")
    (tmp_path / "b.mp3").write_bytes(b"no audio!")
    first, second = probe(str(tmp_path / "a.mp3")), probe(str(tmp_path / "b.mp3"))
    assert first.format == second.format == "unknown"
    assert first.content_id != second.content_id


@pytest.mark.parametrize("name", [b"caf\xe9\xff.flac", "ä.flac".encode(), b"line\nbreak.flac", b"--help.flac"])
def test_any_name_will_do(tmp_path: Path, write: Callable[..., str], name: bytes) -> None:
    path = write("a.flac")
    other = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
    try:
        shutil.copy(path, other)
    except OSError:  # macOS refuses names that are not UTF-8
        pytest.skip("this file system takes no such name; run on Linux")
    assert probe(other).content_id == probe(path).content_id


def test_a_file_that_grows_meanwhile_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with open(path, "wb") as file:
        file.truncate(400 << 20)  # sparse; takes some tenths of a second to read
    done = threading.Event()

    def grow() -> None:
        with open(path, "ab") as file:
            while not done.wait(0.002):
                file.write(b"x")
                file.flush()

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        with pytest.raises(AudioError) as caught:
            probe(str(path))
    finally:
        done.set()
        thread.join()
    assert caught.value.reason is Reason.CHANGED_WHILE_READ
    assert caught.value.reason.transient
