from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from workbench.audio.bounds import skip_id3v2, skip_trailing_tags
from workbench.audio.files import OpenFile

AUDIO = bytes(range(1, 200)) * 5


def id3v2(body: int, marker: bytes = b"ID3", flags: int = 0) -> bytes:
    size = bytes(body >> shift & 0x7F for shift in (21, 14, 7, 0))
    return marker + bytes([4, 0, flags]) + size


HEADS = {
    "id3v2": id3v2(300) + bytes(300),
    "id3v2 with footer": id3v2(200, flags=0x10) + bytes(200) + id3v2(200, b"3DI", 0x10),
}
APE_ITEMS = b"\x05\0\0\0\0\0\0\0Title\0Hello"


def ape(*, header: bool) -> bytes:
    fields = (len(APE_ITEMS) + 32).to_bytes(4, "little") + (1).to_bytes(4, "little")
    flags = (1 << 31 if header else 0).to_bytes(4, "little")
    footer = b"APETAGEX" + (2000).to_bytes(4, "little") + fields + flags + bytes(8)
    return (footer if header else b"") + APE_ITEMS + footer


TAILS = {
    "id3v1": b"TAG" + bytes(125),
    "ape": ape(header=False),
    "ape with header": ape(header=True),
    "lyrics3": b"LYRICSBEGIN" + b"IND00002 1" + b"000021LYRICS200",
    "id3v2 at the end": id3v2(90, flags=0x10) + bytes(90) + id3v2(90, b"3DI", 0x10),
}


def bounds_of(tmp_path: Path, content: bytes) -> tuple[int, int]:
    path = tmp_path / "a"
    path.write_bytes(content)
    with OpenFile(str(path)) as file:
        start = skip_id3v2(file.fd, file.size)
        return start, skip_trailing_tags(file.fd, start, file.size)


@pytest.mark.parametrize("heads", [*itertools.permutations(HEADS), ("id3v2",) * 3, ()], ids=str)
@pytest.mark.parametrize("tails", [*itertools.permutations(TAILS, 2), ("id3v1",), ()], ids=str)
def test_the_audio_lies_between_the_tags(tmp_path: Path, heads: tuple[str, ...], tails: tuple[str, ...]) -> None:
    before = b"".join(HEADS[name] for name in heads)
    behind = b"".join(TAILS[name] for name in tails)
    assert bounds_of(tmp_path, before + AUDIO + behind) == (len(before), len(before) + len(AUDIO))


@pytest.mark.parametrize(
    "content",
    [
        id3v2(5000) + AUDIO,
        b"ID3\xff\x00\x00\x00\x00\x00\x10" + AUDIO,
        b"ID3\x04\x00\x00\xff\x00\x00\x10" + AUDIO,
        AUDIO + b"APETAGEX" + b"\xff" * 24,
        AUDIO + b"999999LYRICS200",
        AUDIO + b"abcdefLYRICS200",
        AUDIO + id3v2(5000, b"3DI", 0x10),
        b"TAG",
    ],
)
def test_a_size_that_leaves_the_file_is_not_believed(tmp_path: Path, content: bytes) -> None:
    assert bounds_of(tmp_path, content) == (0, len(content))


def test_a_file_made_of_tags_is_given_up_in_time(tmp_path: Path) -> None:
    start, end = bounds_of(tmp_path, id3v2(0) * 5000 + (b"TAG" + bytes(125)) * 5000)
    assert 0 < start < 50_000 < end
