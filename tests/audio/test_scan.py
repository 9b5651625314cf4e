from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.audio import ScannedFile, scan
from workbench.errors import InputError, Reason


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.mp3", "A.FLAC", "cover.jpg", ".hidden.wav", "._b.mp3", "z/c.ogg", "m/d.wav", "m/n/e.opus"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"some bytes")
    (tmp_path / ".trash").mkdir()
    (tmp_path / ".trash" / "f.wav").write_bytes(b"x")
    return tmp_path


def names(found: Iterator[ScannedFile], root: Path) -> list[str]:
    return [os.path.relpath(file.path, root) for file in found]


def test_folders_are_walked_in_order_and_hidden_names_left_out(tree: Path) -> None:
    assert names(scan([tree]), tree) == ["A.FLAC", "b.mp3", "m/d.wav", "m/n/e.opus", "z/c.ogg"]


def test_a_file_carries_its_size_and_time(tree: Path) -> None:
    found = next(scan([tree / "z"]))
    status = (tree / "z/c.ogg").stat()
    assert found == ScannedFile(str(tree / "z/c.ogg"), status.st_size, status.st_mtime_ns)


def test_a_file_that_is_named_is_listed_once_whatever_its_name(tree: Path) -> None:
    paths = [tree / "cover.jpg", tree / ".hidden.wav", tree / "b.mp3", tree, tree / "b.mp3"]
    assert names(scan(paths), tree)[:3] == ["cover.jpg", ".hidden.wav", "b.mp3"]
    assert names(scan(paths), tree).count("b.mp3") == 1
    assert len(list(scan(paths))) == 7


def test_paths_are_made_absolute(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    monkeypatch.setenv("HOME", str(tree))
    assert names(scan(["m"]), tree) == names(scan(["~/m"]), tree) == names(scan([tree / "z/../m"]), tree)


def test_a_path_that_does_not_exist_is_refused_at_once(tree: Path) -> None:
    for missing in (tree / "none", tree / "b.mp3" / "below", "nul\0"):
        with pytest.raises(InputError, match=r"none|below|nul"):
            scan([tree, missing])


def test_loops_of_links_end_and_real_names_win(tree: Path) -> None:
    (tree / "a_link").symlink_to(tree / "m", target_is_directory=True)
    (tree / "m" / "up").symlink_to(tree, target_is_directory=True)
    assert names(scan([tree]), tree) == ["A.FLAC", "b.mp3", "m/d.wav", "m/n/e.opus", "z/c.ogg"]


def test_links_out_of_the_tree_are_followed(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "g.wav").write_bytes(b"x")
    (tree / "linked").symlink_to(other, target_is_directory=True)
    (tree / "twin.mp3").symlink_to("b.mp3")
    assert names(scan([tree]), tree)[-1] == "linked/g.wav"
    assert "twin.mp3" in names(scan([tree]), tree)  # another name of a file is another file


def test_what_is_no_readable_file_is_listed_with_a_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "dangling.wav").symlink_to("nowhere")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "folder.wav" / "inside.wav").write_bytes(b"x")
    found = {os.path.basename(file.path): file.reason for file in scan([tmp_path])}
    assert found == {
        "pipe.wav": Reason.NOT_A_FILE,
        "empty.wav": Reason.EMPTY,
        "dangling.wav": Reason.MISSING,
        "loop.wav": Reason.SYMLINK_LOOP,
        "inside.wav": None,
    }
    assert [file.reason for file in scan([tmp_path / "loop.wav"])] == [Reason.SYMLINK_LOOP]


def test_names_need_not_be_unicode(tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9.wav")
    try:
        Path(os.fsdecode(name)).write_bytes(b"x")
    except OSError:  # macOS refuses names that are not UTF-8
        pytest.skip("this file system takes no such name; run on Linux")
    (found,) = scan([tmp_path])
    assert os.fsencode(found.path) == name


def test_two_unicode_forms_of_a_name_are_two_files(tmp_path: Path) -> None:
    for name in ("\u00e9.wav", "e\u0301.wav"):
        (tmp_path / name).write_bytes(b"x")
    assert len(list(scan([tmp_path]))) == len(os.listdir(tmp_path))


def test_folders_are_read_when_they_are_reached(tmp_path: Path) -> None:
    for name in ("a/1.wav", "b/2.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x")
    found = scan([tmp_path])
    assert next(found).path.endswith("1.wav")
    (tmp_path / "b" / "2.wav").unlink()
    assert list(found) == []


def test_a_deep_tree_is_no_recursion(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=folder)
        below = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("deep.wav", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    try:
        (found,) = scan([tmp_path])
        assert found.path.endswith("/d/deep.wav")
    finally:
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # pytest's own clean-up is recursive


@given(st.sets(st.text("abcé.", min_size=1, max_size=4), max_size=6))
def test_the_order_does_not_depend_on_how_files_came_about(
    tmp_path_factory: pytest.TempPathFactory, stems: set[str]
) -> None:
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    for stem in sorted(stems):
        (first / f"{stem}.wav").write_bytes(b"x")
    for stem in sorted(stems, reverse=True):
        (second / f"{stem}.wav").write_bytes(b"x")
    assert names(scan([first]), first) == names(scan([second]), second)
