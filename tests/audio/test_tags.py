from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from workbench.audio import Tags, probe, read_tags
from workbench.audio.id3 import text_frames
from workbench.audio.tags import clean

ALL = Tags("Blue in Green", "Bill Evans; Miles Davis", "Kind of Blue", "Jazz", "1959", "3/5")


def id3_of(path: str) -> None:
    from mutagen import id3

    tags = id3.ID3()
    for frame, text in (("TIT2", ALL.title), ("TALB", ALL.album), ("TCON", "(8)"), ("TDRC", ALL.date), ("TRCK", "3/5")):
        tags.add(getattr(id3, frame)(encoding=3, text=[text]))
    tags.add(id3.TPE1(encoding=3, text=["Bill Evans", "Miles Davis"]))
    tags.add(id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=bytes(300_000)))
    tags.save(path, v1=0)


def id3_v23(path: str) -> None:
    from mutagen import id3

    id3_of(path)
    tags = id3.ID3(path)
    tags.update_to_v23()
    tags.save(path, v2_version=3, v23_sep="; ", v1=0)


def chunk_id3(path: str) -> None:
    import mutagen

    file = mutagen.File(path)
    file.add_tags()
    file.save()
    plain = Path(path).with_suffix(".id3")
    plain.touch()
    id3_of(str(plain))
    from mutagen.id3 import ID3

    for frame in ID3(plain).values():
        file.tags.add(frame)
    file.save()


def by_keys(*keys: str) -> Callable[[str], None]:
    """Set the six fields under these keys, through the file type that mutagen guesses."""

    def change(path: str) -> None:
        import mutagen

        file = mutagen.File(path)
        if file.tags is None:
            file.add_tags()
        values = [ALL.title, ["Bill Evans", "Miles Davis"], ALL.album, ALL.genre, ALL.date, ALL.track_number]
        file.update(dict(zip(keys, values, strict=True)))
        file.save()

    return change


def mp4_of(path: str) -> None:
    by_keys("\xa9nam", "\xa9ART", "\xa9alb", "\xa9gen", "\xa9day", "purl")(path)
    from mutagen.mp4 import MP4

    file = MP4(path)
    file["trkn"] = [(3, 5)]
    file.save()


VORBIS = by_keys("title", "artist", "album", "genre", "date", "tracknumber")
APE = by_keys("Title", "Artist", "Album", "Genre", "Year", "Track")
ASF = by_keys("Title", "Author", "WM/AlbumTitle", "WM/Genre", "WM/Year", "WM/TrackNumber")

CASES: dict[str, tuple[str, dict[str, object], Callable[[str], None]]] = {
    "mp3": ("write", {"name": "a.mp3"}, id3_of),
    "mp3, version 2.3": ("write", {"name": "a.mp3"}, id3_v23),
    "aac": ("encode", {"name": "a.aac", "codec": "aac"}, id3_of),
    "wav": ("write", {"name": "a.wav"}, chunk_id3),
    "aiff": ("write", {"name": "a.aiff"}, chunk_id3),
    "flac": ("write", {"name": "a.flac"}, VORBIS),
    "ogg": ("write", {"name": "a.ogg", "subtype": "VORBIS"}, VORBIS),
    "opus": ("write", {"name": "a.opus", "format": "OGG", "subtype": "OPUS", "sr": 24000}, VORBIS),
    "oggflac": ("encode", {"name": "a.oga", "codec": "flac", "fmt": "s16"}, VORBIS),
    "m4a": ("encode", {"name": "a.m4a", "codec": "aac"}, mp4_of),
    "wma": ("encode", {"name": "a.wma", "codec": "wmav2", "options": {"b": "64k"}}, ASF),
    "wavpack": ("encode", {"name": "a.wv", "codec": "wavpack"}, APE),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_kind_of_tag_gives_the_same_fields(request: pytest.FixtureRequest, case: str) -> None:
    maker, arguments, change = CASES[case]
    path = request.getfixturevalue(maker)(**arguments)
    assert read_tags(path).title is None
    change(path)
    assert read_tags(path) == ALL
    assert probe(path).tags == ALL


@pytest.mark.parametrize("name", ["a.wav", "a.rf64", "a.aiff", "a.caf"])
def test_what_libsndfile_writes_is_read(tmp_path: Path, name: str) -> None:
    with soundfile.SoundFile(tmp_path / name, "w", 8000, 1) as file:
        file.title, file.artist = "Titel", "Künstler"
        file.write([0.0] * 100)
    found = read_tags(str(tmp_path / name))
    assert (found.title, found.artist, found.problem) == ("Titel", "Künstler", None)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def test_an_info_list_in_the_code_page_of_windows_is_read(tmp_path: Path) -> None:
    info = b"INFO" + b"INAM" + struct.pack("<I", 5) + b"Caf\xe9\0\0" + b"ITRK" + struct.pack("<I", 2) + b"7\0"
    (tmp_path / "a.wav").write_bytes(riff((b"LIST", b"adtl"), (b"LIST", info), (b"data", bytes(10))))
    assert read_tags(str(tmp_path / "a.wav")) == Tags(title="Café", track_number="7")


def test_id3_wins_over_an_info_list(tmp_path: Path) -> None:
    info = b"INFO" + b"INAM" + struct.pack("<I", 3) + b"Old\0" + b"IART" + struct.pack("<I", 2) + b"Me"
    (tmp_path / "a.wav").write_bytes(riff((b"LIST", info), (b"id3 ", id3v2(frame(b"TIT2", b"\3New")))))
    assert read_tags(str(tmp_path / "a.wav")) == Tags(title="New", artist="Me")


def test_id3_version_1_completes_version_2(write: Callable[..., str]) -> None:
    path = Path(write("a.mp3"))
    old = b"TAG" + b"Old title".ljust(30, b"\0") + b"Old artist".ljust(30, b"\0") + bytes(30) + b"1999" + bytes(31)
    audio = path.read_bytes()
    path.write_bytes(audio + old)
    assert (read_tags(str(path)).title, read_tags(str(path)).artist) == ("Old title", "Old artist")
    path.write_bytes(id3v2(frame(b"TIT2", b"\3New")) + audio + old)
    assert (read_tags(str(path)).title, read_tags(str(path)).artist) == ("New", "Old artist")


def test_a_dsf_file_has_its_tag_at_the_end(tmp_path: Path) -> None:
    body = b"fmt " + bytes(48)
    content = b"DSD " + struct.pack("<QQQ", 28, 0, 28 + len(body)) + body + id3v2(frame(b"TIT2", b"\3DSD"))
    (tmp_path / "a.dsf").write_bytes(content)
    assert read_tags(str(tmp_path / "a.dsf")) == Tags(title="DSD")
    (tmp_path / "b.dsf").write_bytes(b"DSD " + struct.pack("<QQQ", 28, 0, 0) + body)
    assert read_tags(str(tmp_path / "b.dsf")) == Tags()


# --- ID3, written by hand ---


def synchsafe(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def frame(name: bytes, data: bytes, flags: bytes = b"\0\0", *, v4: bool = False) -> bytes:
    return name + (synchsafe(len(data)) if v4 else struct.pack(">I", len(data))) + flags + data


def id3v2(body: bytes, version: int = 3, flags: int = 0) -> bytes:
    return b"ID3" + bytes([version, 0, flags]) + synchsafe(len(body)) + body


@pytest.fixture
def tagged(write: Callable[..., str]) -> Callable[[bytes], Tags]:
    path = Path(write("a.mp3"))
    audio = path.read_bytes()

    def tagged(tag: bytes) -> Tags:
        path.write_bytes(tag + audio)
        return read_tags(str(path))

    return tagged


def test_old_and_odd_versions_of_id3(tagged: Callable[[bytes], Tags]) -> None:
    v22 = b"TT2" + (6).to_bytes(3, "big") + b"\0Title" + b"TP1" + (3).to_bytes(3, "big") + b"\0Me"
    assert tagged(id3v2(v22, 2)) == Tags(title="Title", artist="Me")
    title = "ÿþ".encode("utf-16")
    v23 = frame(b"TIT2", b"\1" + title) + frame(b"TPE1", b"\0Me")
    assert tagged(id3v2(v23.replace(b"\xff", b"\xff\0"), 3, 0x80)) == Tags(title="ÿþ", artist="Me")
    extended = struct.pack(">I", 6) + bytes(6)
    assert tagged(id3v2(extended + frame(b"TIT2", b"\3T"), 3, 0x40)) == Tags(title="T")
    assert tagged(id3v2(synchsafe(6) + bytes(2) + frame(b"TIT2", b"\3T", v4=True), 4, 0x40)) == Tags(title="T")
    long = b"\3" + b"x" * 299
    itunes = frame(b"TALB", long) + frame(b"TIT2", b"\3T", v4=True)
    assert tagged(id3v2(itunes, 4)) == Tags(title="T", album="x" * 299)
    proper = frame(b"TALB", long, v4=True) + frame(b"TIT2", b"\3T", v4=True)
    assert tagged(id3v2(proper, 4)) == Tags(title="T", album="x" * 299)


def test_a_tag_without_text_is_empty(tagged: Callable[[bytes], Tags]) -> None:
    assert tagged(b"") == Tags()
    assert tagged(id3v2(b"")) == Tags()
    assert tagged(id3v2(bytes(1000))) == Tags()
    assert tagged(id3v2(frame(b"TIT2", b"\3 \n\0"))) == Tags()


def bombs() -> dict[str, bytes]:
    title = frame(b"TIT2", b"\3Title")
    tiny = frame(b"TXXX", b"\3a\0b")
    squeezed = zlib.compress(b"\3" + bytes(50 << 20))
    inflated = frame(b"TIT2", synchsafe(100) + squeezed, b"\0\x09", v4=True)
    return {
        "a million tiny frames": id3v2(title + tiny * (15 << 16)),
        "a large picture": id3v2(title + frame(b"APIC", b"\0image/png\0\3\0" + bytes(30 << 20))),
        "a compressed bomb": id3v2(frame(b"TIT2", b"\3Title", v4=True) + inflated, 4),
        "a lying size": b"ID3\3\0\0\x7f\x7f\x7f\x7f" + title,
        "many values": id3v2(title + frame(b"TPE1", b"\3" + b"\0" * 60_000)),
        "unsynchronised": id3v2(title + b"\xff\0" * (7 << 20), 3, 0x80),
    }


@pytest.mark.parametrize("bomb", bombs(), ids=str)
def test_a_bomb_in_a_tag_costs_little_and_the_title_is_kept(tagged: Callable[[bytes], Tags], bomb: str) -> None:
    tag = bombs()[bomb]
    tracemalloc.start()
    begun = time.process_time()
    found = tagged(tag)
    spent = time.process_time() - begun
    peak = tracemalloc.get_traced_memory()[1] - 3 * len(tag)  # the file itself is made in memory
    tracemalloc.stop()
    assert found.title == "Title"
    assert spent < 5
    assert peak < 40 << 20


@given(st.binary(max_size=400), st.sampled_from([2, 3, 4]), st.integers(0, 255))
def test_any_bytes_make_a_tag_that_ends(body: bytes, version: int, flags: int) -> None:
    tag = id3v2(body, version, flags)
    found = text_frames(lambda at, count: tag[at : at + count], 0, frozenset({b"TIT2", b"TT2"}))
    assert found.startswith(b"ID3")
    assert len(found) <= len(tag) + 20


# --- hostile tags of the other kinds ---


def flac_with_comment(comment: bytes) -> bytes:
    blocks = b"\0\0\0\x22" + bytes(34) + b"\x84" + len(comment).to_bytes(3, "big") + comment
    return b"fLaC" + blocks + b"\xff\xf8 frames"


def test_bad_comments_are_a_problem_and_no_error(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    for comment in (b"", b"\xff" * 4, struct.pack("<II", 0, 0xFFFFFFFF), b"\0" * 7):
        path.write_bytes(flac_with_comment(comment))
        found = read_tags(str(path))
        assert found.problem
        assert found == Tags(problem=found.problem)
    path.write_bytes(b"fLaC" + b"\x81\xff\xff\xff" + bytes(100))
    assert "MalformedError" in (read_tags(str(path)).problem or "")


def test_deeply_nested_boxes_are_a_problem_and_no_error(tmp_path: Path) -> None:
    boxes = b""
    for _ in range(5000):
        boxes = struct.pack(">I", len(boxes) + 8) + b"moov" + boxes
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x0cftypM4A " + boxes)
    assert "RecursionError" in (read_tags(str(tmp_path / "a.m4a")).problem or "")


def test_a_picture_beyond_measure_is_not_read(encode: Callable[..., str]) -> None:
    from mutagen.mp4 import MP4, MP4Cover

    path = encode("a.m4a", "aac")
    file = MP4(path)
    file["covr"] = [MP4Cover(bytes(17 << 20))]
    file.save()
    assert (read_tags(path).problem or "").endswith(": 17 MiB of tags are not read")


def test_a_long_list_hides_no_title(tmp_path: Path) -> None:
    info = b"INFO" + b"INAM" + struct.pack("<I", 1) + b"x\0" + b"ICMT" + struct.pack("<I", 2 << 20) + bytes(2 << 20)
    (tmp_path / "a.wav").write_bytes(riff((b"LIST", bytes(17 << 20)), (b"LIST", info)))
    assert read_tags(str(tmp_path / "a.wav")) == Tags(title="x")


def test_a_flood_of_boxes_ends_in_time(tmp_path: Path) -> None:
    flood = b"\0\0\0\x08free" * 50_000
    moov = struct.pack(">I", len(flood) + 8) + b"moov" + flood
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x0cftypM4A " + moov)
    begun = time.process_time()
    read_tags(str(tmp_path / "a.m4a"))
    assert time.process_time() - begun < 5


def test_an_unknown_format_has_no_tags(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"no audio, no tags")
    assert read_tags(str(tmp_path / "a.mp3")) == Tags()


@given(st.text(st.characters(exclude_categories=()), max_size=3000))
def test_cleaned_text_is_short_valid_and_plain(text: str) -> None:
    cleaned = clean(text)
    if cleaned is None:
        return
    cleaned.encode("utf-8")
    assert 0 < len(cleaned) <= 500
    assert cleaned == cleaned.strip()
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in cleaned)
    assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u2028\u2029")
    assert clean(cleaned) == cleaned


def test_ordinary_text_is_left_as_it_is() -> None:
    for text in ("Für Elise", "日本語のタイトル", "שלום", "👩‍🎤 live", "a=b; <b>&amp;"):
        assert clean(text) == text
    assert clean("line\r\nbreak\tand\0nul") == "line break and nul"
