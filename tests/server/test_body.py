"""Uploads, piece by piece: constant memory, nothing left behind, and no name of a client's used as a path."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from tests.server.serving import multipart
from workbench.server.body import JSON_BYTES, Upload
from workbench.server.problem import Problem


def upload(folder: Path, content_type: str, most_files: int = 2) -> Upload:
    return Upload(content_type, folder, field="files", most_files=most_files, limit=10**9)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100_000])
def test_however_the_body_is_cut(tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * 40 + b"\r\n--limi\r\n-limit\r\n--lim"  # almost a boundary
    body, headers = multipart(("files", "a.wav", data), ("options", None, b'{"n": 3}'), ("files", "../b.wav", b""))
    taken = upload(tmp_path / "incoming", headers["Content-Type"])
    for start in range(0, len(body), size):
        taken.feed(body[start : start + size])
    taken.finish()
    assert bytes(taken.options) == b'{"n": 3}'
    kept = taken.take(tmp_path / "kept")
    taken.close()
    assert [path.name for path in kept] == ["0001-a.wav", "0002-b.wav"]
    assert [path.read_bytes() for path in kept] == [data, b""]
    assert not list((tmp_path / "incoming").iterdir())


def test_memory_does_not_grow_with_the_upload(tmp_path: Path) -> None:
    body, headers = multipart(("files", "a.wav", b"@"))
    head, tail = body.split(b"@")
    taken = upload(tmp_path, headers["Content-Type"])
    taken.feed(head)
    piece = bytes(1 << 16)
    tracemalloc.start()
    for _ in range(800):  # 50 MB
        taken.feed(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    taken.feed(tail)
    taken.finish()
    assert peak < 1 << 20
    assert taken.files[0].stat().st_size == 800 << 16
    taken.close()


def test_what_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    body, headers = multipart(("files", "a.wav", b"x" * 1000))
    taken = upload(tmp_path, headers["Content-Type"])
    taken.feed(body[:500])
    with pytest.raises(Problem, match="last boundary"):
        taken.finish()
    taken.close()
    taken.close()
    taken.feed(body[500:])  # a piece that was still on its way
    assert not list(tmp_path.iterdir())


def test_options_are_bounded(tmp_path: Path) -> None:
    body, headers = multipart(("options", None, b" " * (JSON_BYTES + 1)))
    with pytest.raises(Problem) as refused:
        upload(tmp_path, headers["Content-Type"]).feed(body)
    assert refused.value.status == 413
