from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.audio import mpeg
from workbench.audio.chunks import MalformedError
from workbench.audio.files import OpenFile


def frame(header: str = "fffb9064", size: int = 417) -> bytes:
    return bytes.fromhex(header).ljust(size, b"\x11")


@pytest.mark.parametrize(
    ("header", "sample_rate", "length", "samples"),
    [
        ("fffb9064", 44100, 417, 1152),  # MPEG-1 Layer III, 128 kbit/s
        ("fffb9264", 44100, 418, 1152),  # padded
        ("fffbe4c4", 48000, 960, 1152),  # 320 kbit/s, mono
        ("fff380c4", 22050, 208, 576),  # MPEG-2 Layer III, 64 kbit/s
        ("ffe318c4", 8000, 72, 576),  # MPEG-2.5, 8 kbit/s
        ("fffd8404", 48000, 384, 1152),  # Layer II, 128 kbit/s
    ],
)
def test_headers_are_read_as_the_standard_says(header: str, sample_rate: int, length: int, samples: int) -> None:
    found = mpeg.parse_header(bytes.fromhex(header))
    assert found is not None
    assert (found.sample_rate, found.length, found.samples) == (sample_rate, length, samples)


@pytest.mark.parametrize("header", ["", "ff", "7ffb9064", "fffe9064", "fffb0064", "fffbf064", "fffb9c64", "ffeb9064"])
def test_what_is_no_header_is_none(header: str) -> None:
    assert mpeg.parse_header(bytes.fromhex(header)) is None


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[bytes], OpenFile]:
    files: list[OpenFile] = []

    def opened(content: bytes) -> OpenFile:
        path = tmp_path / "a.mp3"
        path.write_bytes(content)
        files.append(OpenFile(str(path)))
        return files[-1]

    yield opened
    for file in files:
        file.close()


@pytest.mark.parametrize("junk", [b"", bytes(3000), b"\xff" * 100, frame()[:200], b"\xff\xfb\x90\x64" * 3])
def test_the_first_frame_is_found_behind_junk(opened: Callable[[bytes], OpenFile], junk: bytes) -> None:
    file = opened(junk + frame() * 5)
    assert mpeg.first_frame(file.fd, 0, file.size) == len(junk)


def test_frames_that_disagree_are_no_stream(opened: Callable[[bytes], OpenFile]) -> None:
    file = opened(frame() + frame("fffb9464", 384) + frame() + bytes(100))
    assert mpeg.first_frame(file.fd, 0, file.size) is None
    with pytest.raises(MalformedError):
        mpeg.stream_bounds(file.fd, file.size)


def test_two_frames_and_the_end_are_enough(opened: Callable[[bytes], OpenFile]) -> None:
    file = opened(frame() * 2)
    assert mpeg.stream_bounds(file.fd, file.size) == (0, 834)


def adts(length: int, total: int = 0) -> bytes:
    header = bytes([0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC])
    return header.ljust(total or length, b"\x22")


def test_adts_is_told_from_mpeg_audio(opened: Callable[[bytes], OpenFile]) -> None:
    assert mpeg.is_adts(opened(adts(300) + adts(250) + adts(400)).fd, 0)
    assert mpeg.is_adts(opened(adts(300)).fd, 0)
    assert not mpeg.is_adts(opened(adts(300) + b"no frame").fd, 0)
    assert not mpeg.is_adts(opened(adts(3, 300)).fd, 0)
    assert not mpeg.is_adts(opened(frame() * 3).fd, 0)
    assert not mpeg.is_adts(opened(b"\xff\xf1").fd, 0)


@pytest.mark.parametrize("name", [b"Xing", b"Info"])
def test_the_table_of_the_first_frame_is_read(opened: Callable[[bytes], OpenFile], name: bytes) -> None:
    def with_table(flags: int, *fields: int) -> bytes:
        table = name + b"".join(number.to_bytes(4, "big") for number in (flags, *fields))
        return bytes.fromhex("fffb9064") + bytes(32) + table

    assert mpeg.frame_count(opened(with_table(3, 100, 41700)).fd, 0) == mpeg.FrameCount(100, 41700)
    assert mpeg.frame_count(opened(with_table(2, 41700)).fd, 0) == mpeg.FrameCount(0, 41700)
    assert mpeg.frame_count(opened(with_table(0)).fd, 0) == mpeg.FrameCount(0, 0)
    assert mpeg.frame_count(opened(frame()).fd, 0) is None
    assert mpeg.frame_count(opened(b"no frame here").fd, 0) is None


def test_a_vbri_table_is_read(opened: Callable[[bytes], OpenFile]) -> None:
    table = b"VBRI" + bytes(6) + (41700).to_bytes(4, "big") + (100).to_bytes(4, "big")
    assert mpeg.frame_count(opened(bytes.fromhex("fffb9064") + bytes(32) + table).fd, 0) == mpeg.FrameCount(100, 0)


@pytest.mark.parametrize("header", ["fffb9064", "fffbe4c4", "fff380c4", "ffe318c4", "fffa9064"])
def test_a_made_frame_is_a_frame_and_promises_enough(opened: Callable[[bytes], OpenFile], header: str) -> None:
    made = mpeg.frame_count_header(bytes.fromhex(header), 24_000)
    parsed, like = mpeg.parse_header(made), mpeg.parse_header(bytes.fromhex(header))
    assert parsed is not None
    assert like is not None
    assert len(made) == parsed.length
    assert (parsed.version, parsed.layer, parsed.sample_rate) == (like.version, like.layer, like.sample_rate)
    assert mpeg.frame_count(opened(made).fd, 0) == mpeg.FrameCount(1001, 0)


def test_no_frame_is_made_of_what_is_no_header() -> None:
    with pytest.raises(ValueError, match="not a frame header"):
        mpeg.frame_count_header(b"\xff\xff\xff\xff", 1000)
