"""Retagging, renaming and new pictures keep the identity; a change of the audio does not."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from workbench.audio import probe
from workbench.audio.files import OpenFile
from workbench.audio.formats import sniff
from workbench.audio.identity import content_id

Change = Callable[[str], None]

PICTURE = bytes(range(256)) * 800  # 200 KiB: moves all that follows it


def identity(path: str) -> str:
    return probe(path).content_id


def id3(path: str) -> None:
    from mutagen.id3 import APIC, ID3, TIT2

    tags = ID3()
    tags.add(TIT2(encoding=3, text="Titel äöü " * 50))
    tags.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=PICTURE))
    tags.save(path, v2_version=3, v1=2)


def id3_small(path: str) -> None:
    from mutagen.id3 import ID3, TALB

    tags = ID3()
    tags.add(TALB(encoding=3, text="Album"))
    tags.save(path, padding=lambda info: 3)


def no_id3(path: str) -> None:
    from mutagen.id3 import ID3

    ID3().save(path)
    ID3(path).delete(path)


def ape(path: str) -> None:
    from mutagen.apev2 import APEv2

    tags = APEv2()
    tags["Title"] = "Titel"
    tags["Cover Art (Front)"] = PICTURE
    tags.save(path)


def lyrics(path: str) -> None:
    text = b"LYRICSBEGIN" + b"LYR" + b"00500" + b"la " * 166 + b"la"
    with open(path, "ab") as file:
        file.write(text + b"%06dLYRICS200" % len(text) + b"TAG" + bytes(125))


def file_tags(key: str) -> Change:
    """Set a short, then a very long tag through the file type that mutagen guesses."""

    def change(path: str) -> None:
        import mutagen

        for text in ("short", "long " * 40_000):
            file = mutagen.File(path)
            if file.tags is None:
                file.add_tags()
            file[key] = text
            file.save()

    return change


def delete_tags(path: str) -> None:
    import mutagen

    mutagen.File(path).delete()


def flac_picture(path: str) -> None:
    from mutagen.flac import FLAC, Picture

    file, picture = FLAC(path), Picture()
    picture.data = PICTURE
    file.add_picture(picture)
    file.save()


def flac_padding(path: str) -> None:
    from mutagen.flac import FLAC

    FLAC(path).save(padding=lambda info: 12_345)


def ogg_picture(path: str) -> None:
    import base64

    file_tags("metadata_block_picture")(path)
    import mutagen

    file = mutagen.File(path)
    file["metadata_block_picture"] = base64.b64encode(PICTURE).decode()
    file.save()


def mp4_tags(path: str) -> None:
    from mutagen.mp4 import MP4, MP4Cover

    file = MP4(path)
    file["\xa9nam"] = "Titel"
    file["trkn"] = [(3, 12)]
    file["covr"] = [MP4Cover(PICTURE)]
    file.save()


def insert(before: bytes, chunk: bytes) -> Change:
    def change(path: str) -> None:
        data = Path(path).read_bytes()
        at = data.index(before)
        Path(path).write_bytes(data[:at] + chunk + data[at:])

    return change


def append(chunk: bytes) -> Change:
    def change(path: str) -> None:
        with open(path, "ab") as file:
            file.write(chunk)

    return change


LIST = b"LIST" + struct.pack("<I", 18) + b"INFOINAM" + struct.pack("<I", 5) + b"Name\0\0"
W64_LIST = b"list/\x91\xcf\x11\xa5\xd6(\xdb\x04\xc1\0\0" + struct.pack("<Q", 32) + bytes(8)
CAF_INFO = b"info" + (4 + 11).to_bytes(8, "big") + (1).to_bytes(4, "big") + b"title\0Name\0"


def chunk_id3(path: str) -> None:
    """ID3 in a chunk of WAV or AIFF, by mutagen."""
    import mutagen
    from mutagen.id3 import APIC, TIT2

    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    file.tags.add(TIT2(encoding=3, text="Titel"))
    file.tags.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=PICTURE))
    file.save()


BOTH_ENDS = [id3, ape, lyrics, id3_small, no_id3]
COMMENTS = [file_tags("title"), ogg_picture, delete_tags]

#: How a file is made, and what is then done to it, one after the other.
CASES: dict[str, tuple[str, dict[str, object], list[Change]]] = {
    "wav": ("write", {"name": "a.wav"}, [chunk_id3, insert(b"data", LIST), append(LIST)]),
    "rf64": ("write", {"name": "a.rf64"}, [insert(b"data", LIST), append(LIST)]),
    "w64": ("write", {"name": "a.w64"}, [append(W64_LIST)]),
    "aiff": ("write", {"name": "a.aiff"}, [chunk_id3, append(b"ANNO\0\0\0\4text")]),
    "caf": ("write", {"name": "a.caf"}, [append(CAF_INFO), insert(b"data", CAF_INFO)]),
    "alac in caf": ("write", {"name": "a.caf", "subtype": "ALAC_16"}, [append(CAF_INFO)]),
    "flac": ("write", {"name": "a.flac"}, [file_tags("title"), flac_picture, flac_padding, id3, lyrics, delete_tags]),
    "ogg": ("write", {"name": "a.ogg", "subtype": "VORBIS"}, COMMENTS),
    "opus": ("write", {"name": "a.opus", "format": "OGG", "subtype": "OPUS", "sr": 24000}, COMMENTS),
    "oggflac": ("encode", {"name": "a.oga", "codec": "flac", "fmt": "s16"}, COMMENTS),
    "mp3": ("write", {"name": "a.mp3"}, BOTH_ENDS),
    "aac": ("encode", {"name": "a.aac", "codec": "aac"}, BOTH_ENDS),
    "tta": ("encode", {"name": "a.tta", "codec": "tta", "fmt": "s16"}, BOTH_ENDS),
    "wavpack": ("encode", {"name": "a.wv", "codec": "wavpack"}, [ape, lyrics]),
    "m4a": ("encode", {"name": "a.m4a", "codec": "aac"}, [mp4_tags, delete_tags]),
    "wma": (
        "encode",
        {"name": "a.wma", "codec": "wmav2", "options": {"b": "64000"}},
        [file_tags("Title"), delete_tags],
    ),
}


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> tuple[str, list[Change]]:
    maker, arguments, changes = CASES[request.param]
    return request.getfixturevalue(maker)(**arguments), changes


def test_retagging_keeps_the_identity(case: tuple[str, list[Change]]) -> None:
    path, changes = case
    before = identity(path)
    assert len(before) == 32
    previous = Path(path).read_bytes()
    for change in changes:
        change(path)
        assert identity(path) == before, change.__name__
        assert Path(path).read_bytes() != previous, change.__name__
        previous = Path(path).read_bytes()


def test_renaming_keeps_the_identity(case: tuple[str, list[Change]]) -> None:
    path, _ = case
    before = identity(path)
    shutil.move(path, path + ".renamed")
    assert identity(path + ".renamed") == before


def test_one_bit_of_audio_makes_another_identity(case: tuple[str, list[Change]]) -> None:
    path, _ = case
    before = identity(path)
    data = bytearray(Path(path).read_bytes())
    at = len(data) * 2 // 3
    page = data.rfind(b"OggS", 0, at)
    if page >= 0:  # not in the header of a page
        at = page + 27 + data[page + 26] + 10
    data[at] ^= 1
    Path(path).write_bytes(data)
    assert identity(path) != before


def test_truncation_makes_another_identity(case: tuple[str, list[Change]]) -> None:
    path, _ = case
    before = identity(path)
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[: len(data) * 2 // 3])
    assert identity(path) != before


def test_the_last_byte_of_a_wav_counts_though_its_header_lies(write: Callable[..., str]) -> None:
    path = Path(write("a.wav"))
    data = bytearray(path.read_bytes())
    data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    before = identity(str(path))
    data[-1] ^= 1
    path.write_bytes(data)
    assert identity(str(path)) != before


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"RIFF\4\0\0\0WAVE" + b"fmt " + bytes(4), b"RIFF\5\0\0\0WAVE" + b"fmt " + bytes(4)),
        (b"fLaC\0\0\0\x22" + bytes(34), b"fLaC\0\0\0\x22" + bytes(33) + b"1"),
        (b"\0\0\0\x08ftyp" + b"\0\0\0\x08free", b"\0\0\0\x08ftyp" + b"\0\0\0\x08skip"),
        (b"\0\0\0\x08ftyp" + bytes(3) + b"\1mdatabcd", b"\0\0\0\x08ftyp" + bytes(3) + b"\1mdatabce"),
        (b"DSD " + bytes(24), b"DSD " + bytes(23) + b"\1"),
        (b"MAC ", b"MAC !"),
        (b"\x1a\x45\xdf\xa3one", b"\x1a\x45\xdf\xa3two"),
        (b"text one", b"text two"),
    ],
    ids=["wav", "flac", "mp4", "mp4 box", "dsf", "ape", "matroska", "unknown"],
)
def test_files_without_audio_do_not_share_an_identity(tmp_path: Path, first: bytes, second: bytes) -> None:
    (tmp_path / "a").write_bytes(first)
    (tmp_path / "b").write_bytes(second)
    assert identity(str(tmp_path / "a")) != identity(str(tmp_path / "b"))


def test_a_file_of_tags_alone_is_hashed_whole(tmp_path: Path) -> None:
    header = b"ID3\4\0\0\0\0\0\0"
    for name, flag in (("a", b"\0"), ("b", b"\1")):
        (tmp_path / name).write_bytes(header + b"TTA1" + b"TAG" + flag * 125)
    assert identity(str(tmp_path / "a")) == identity(str(tmp_path / "b"))
    (tmp_path / "a").write_bytes(b"wvpk")
    with OpenFile(str(tmp_path / "a")) as file:
        kind = sniff(file.fd, file.size)
        assert content_id(file.fd, file.size, kind) != content_id(file.fd, file.size, None)


def test_the_tag_of_a_dsf_file_is_left_out(tmp_path: Path) -> None:
    def dsf(tag: bytes) -> bytes:
        body = b"fmt " + bytes(48) + b"data" + bytes(100)
        return b"DSD " + struct.pack("<QQQ", 28, 28 + len(body) + len(tag), 28 + len(body)) + body + tag

    (tmp_path / "a.dsf").write_bytes(dsf(b"ID3" + bytes(50)))
    (tmp_path / "b.dsf").write_bytes(dsf(b"ID3" + bytes(500)))
    assert identity(str(tmp_path / "a.dsf")) == identity(str(tmp_path / "b.dsf"))


def test_the_same_samples_in_two_formats_are_two_identities(write: Callable[..., str]) -> None:
    y = np.zeros((1000, 1), dtype=np.float32)
    assert len({identity(write(name, y)) for name in ("a.wav", "a.w64", "a.rf64", "a.flac", "a.caf")}) == 5


def test_an_ogg_file_that_loses_its_pages_is_hashed_to_the_end(write: Callable[..., str]) -> None:
    path = Path(write("a.ogg", subtype="VORBIS"))
    data = bytearray(path.read_bytes())
    middle = data.find(b"OggS", len(data) // 2)
    data[middle : middle + 4] = b"oggs"
    path.write_bytes(data)
    before = identity(str(path))
    data[-1] ^= 1
    path.write_bytes(data)
    assert identity(str(path)) != before


def test_a_flood_of_ogg_streams_is_hashed_whole(tmp_path: Path) -> None:
    pages = [b"OggS\0\2" + bytes(8) + struct.pack("<III", serial, 0, 0) + b"\1\7\1vorbis" for serial in range(100)]
    (tmp_path / "a").write_bytes(b"".join(pages))
    with OpenFile(str(tmp_path / "a")) as file:
        kind = sniff(file.fd, file.size)
        assert kind is not None
        assert content_id(file.fd, file.size, kind) == content_id(file.fd, file.size, None)
