from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.audio.files import OpenFile
from workbench.audio.formats import AUDIO_EXTENSIONS, FORMATS, is_audio_name, sniff


def sniffed(path: str) -> str | None:
    with OpenFile(path) as file:
        found = sniff(file.fd, file.size)
    return found.name if found else None


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("a.wav", {}, "wav"),
        ("a.wav", {"format": "WAVEX"}, "wav"),
        ("a.wav", {"endian": "BIG", "format": "WAV"}, "wav"),
        ("a.rf64", {"format": "RF64"}, "rf64"),
        ("a.w64", {}, "w64"),
        ("a.aiff", {}, "aiff"),
        ("a.caf", {}, "caf"),
        ("a.au", {}, "au"),
        ("a.flac", {}, "flac"),
        ("a.ogg", {"subtype": "VORBIS"}, "ogg"),
        ("a.ogg", {"subtype": "OPUS", "sr": 24000}, "opus"),
        ("a.mp3", {}, "mp3"),
    ],
)
def test_the_content_decides_and_the_name_does_not(
    write: Callable[..., str], name: str, options: dict[str, object], expected: str
) -> None:
    path = write(name, **options)
    assert sniffed(path) == expected
    lying = path + ".txt"
    os.rename(path, lying)
    assert sniffed(lying) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"These are the lyrics of a song. " * 100,
        "A text in UTF-16 begins like an MPEG frame of Layer I. ".encode("utf-16") * 20,
        b"%PDF-1.7\n" + bytes(5000),
        b"PK\x03\x04" + bytes(range(256)) * 40,
        b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(500),
        b"\xff" * 5000,
        b"ID3\x04\x00\x00\x00\x00\x00\x00 and then no audio at all",
        b"O",
    ],
    ids=["text", "utf-16", "pdf", "zip", "avi", "0xff", "only a tag", "one byte"],
)
def test_what_is_not_audio_is_not_taken_for_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    assert sniffed(str(path)) is None


def test_a_leading_tag_hides_no_format(write: Callable[..., str]) -> None:
    path = Path(write("a.flac"))
    path.write_bytes(b"ID3\x03\x00\x00\x00\x00\x01\x00" + bytes(128) + path.read_bytes())
    assert sniffed(str(path)) == "flac"


def test_names_are_judged_by_their_extension_in_any_case() -> None:
    assert is_audio_name("/music/Ä.FlAc")
    assert is_audio_name("a.b.mp3")
    assert not is_audio_name("mp3")
    assert not is_audio_name("/folder.mp3/cover")
    assert not is_audio_name("cover.jpg")


def test_the_table_is_sound() -> None:
    assert {".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff", ".caf", ".m4a", ".wma"} <= AUDIO_EXTENSIONS
    assert all(ext.startswith(".") and ext == ext.lower() for ext in AUDIO_EXTENSIONS)
    assert all(row.demuxer for row in FORMATS.values() if "pyav" in row.decoders)
