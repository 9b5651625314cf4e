"""Labels: good sound under tags that attack whoever reads or shows them."""

from __future__ import annotations

import struct
import zlib

from workbench.testing.hostile.craft import chunk, flac_with_block, id3, id3_frame, id3_text, wav
from workbench.testing.hostile.registry import UNREADABLE, Workshop, kind

_SCRIPT = "<script>alert('title')</script>\"><img src=x onerror=alert(1)>"
_FORMULA = "=cmd|' /C calc'!A0"
_TRAVERSAL = "../../../../../../etc/passwd"


@kind("tag-script", "Markup with a script as title, artist and album.", "analyzed")
def _script(workshop: Workshop) -> str:
    tags = dict.fromkeys(("title", "artist", "album"), _SCRIPT)
    return workshop.put("script.flac", workshop.good("flac", tags=tags))


@kind("tag-formula", "Spreadsheet formulas as title, artist and album.", "analyzed")
def _formula(workshop: Workshop) -> str:
    tags = {"title": _FORMULA, "artist": "@SUM(1+1)*cmd|' /C calc'!A0", "album": "+1+1", "genre": "-2+3"}
    return workshop.put("formula.mp3", workshop.good("mp3", tags=tags))


@kind("tag-path-traversal", "A path out of the library as title and artist.", "analyzed")
def _traversal(workshop: Workshop) -> str:
    return workshop.put("traversal.ogg", workshop.good("ogg", tags={"title": _TRAVERSAL, "artist": "/etc/shadow"}))


@kind(
    "tag-control-characters",
    "Null bytes, line ends, terminal escapes and a right-to-left override in the title.",
    "analyzed",
)
def _control(workshop: Workshop) -> str:
    title = "null\0inside\r\n#EXTINF:-1,forged\n\x1b[31mred\x1b]0;owned\x07\u202egnp.exe\ufeff"
    return workshop.put("control.mp3", id3(id3_text(b"TIT2", title)) + workshop.good("mp3"))


@kind("tag-lone-surrogates", "A title in UTF-16 with half a character, which no UTF-8 can hold.", "analyzed")
def _surrogates(workshop: Workshop) -> str:
    frame = id3_frame(b"TIT2", b"\x01\xff\xfe" + b"A\0\x00\xd8B\0\x00\xdc")
    return workshop.put("surrogates.mp3", id3(frame) + workshop.good("mp3"))


@kind("tag-title-10-mb", "A title of ten million characters.", "analyzed")
def _long_title(workshop: Workshop) -> str:
    data = flac_with_block(workshop.good("flac"), 4, _comments([b"TITLE=" + b"A" * 10_000_000]))
    return workshop.put("title-10-mb.flac", data)


@kind("tag-100000-comments", "A hundred thousand artists.", "analyzed")
def _many_comments(workshop: Workshop) -> str:
    data = flac_with_block(workshop.good("flac"), 4, _comments([b"ARTIST=Someone"] * 100_000))
    return workshop.put("many-comments.flac", data)


@kind("tag-comment-count-lies", "A Vorbis comment block that claims 2^32 - 1 comments.", "either", UNREADABLE)
def _count_lies(workshop: Workshop) -> str:
    body = struct.pack("<I3sI", 3, b"abc", 0xFFFFFFFF)
    return workshop.put("comment-count.flac", flac_with_block(workshop.good("flac"), 4, body))


@kind("tag-comment-length-lies", "A Vorbis comment that claims to be 4 GiB long.", "either", UNREADABLE)
def _length_lies(workshop: Workshop) -> str:
    body = struct.pack("<I3sII", 3, b"abc", 1, 0xFFFFFFFF) + b"TITLE=x"
    return workshop.put("comment-length.flac", flac_with_block(workshop.good("flac"), 4, body))


@kind("tag-id3-size-lies", "An ID3 tag that claims 256 MiB and so swallows the sound.", "either", UNREADABLE)
def _id3_size(workshop: Workshop) -> str:
    tag = id3(id3_text(b"TIT2", "Short"), size=2**28 - 1)
    return workshop.put("id3-size.mp3", tag + workshop.good("mp3"))


@kind("tag-id3-frame-size-lies", "An ID3 frame that claims to be larger than its tag.", "analyzed")
def _frame_size(workshop: Workshop) -> str:
    tag = id3(id3_frame(b"TIT2", b"\x03title", size=0x7FFFFFFF), bytes(64))
    return workshop.put("id3-frame-size.mp3", tag + workshop.good("mp3"))


@kind("tag-picture-garbage", "Forty cover pictures of noise, with types and descriptions that do not end.", "analyzed")
def _picture(workshop: Workshop) -> str:
    pictures = [id3_frame(b"APIC", b"\x01image/png\0\x03" + workshop.rng.bytes(5000)) for _ in range(40)]
    return workshop.put("picture.mp3", id3(*pictures) + workshop.good("mp3"))


@kind("tag-flac-picture-lies", "A FLAC picture block that claims 4 GiB of picture.", "either", UNREADABLE)
def _flac_picture(workshop: Workshop) -> str:
    body = struct.pack(">II", 3, 9) + b"image/png" + struct.pack(">IIIIII", 0, 2**31, 2**31, 24, 0, 0xFFFFFFFF) + b"x"
    return workshop.put("picture-lies.flac", flac_with_block(workshop.good("flac"), 6, body))


@kind("tag-recursive-chapters", "A table of contents that contains itself, and chapters nested forty deep.", "analyzed")
def _recursive(workshop: Workshop) -> str:
    nested = id3_text(b"TIT2", "bottom")
    for depth in range(40):
        nested = id3_frame(b"CHAP", b"c%d\0" % depth + struct.pack(">IIII", 0, 1000, 0, 0) + nested)
    contents = id3_frame(b"CTOC", b"toc\0\x03\x01toc\0")
    return workshop.put("chapters.mp3", id3(contents, nested) + workshop.good("mp3"))


@kind("tag-compressed-bomb", "A compressed ID3 frame of 50 KB that unpacks to 50 MB.", "analyzed")
def _bomb(workshop: Workshop) -> str:
    packed = zlib.compress(b"\x00" + b"A" * 50_000_000, 9)
    frame = id3_frame(b"TIT2", struct.pack(">I", 50_000_001) + packed, flags=0x0080)
    return workshop.put("compressed.mp3", id3(frame) + workshop.good("mp3"))


@kind("tag-number-lies", "A track number of a thousand digits, a tempo of NaN and a date that never was.", "analyzed")
def _numbers(workshop: Workshop) -> str:
    tags = {"TRCK": "9" * 1000 + "/0", "TBPM": "nan", "TDRC": "9999-99-99", "TLEN": "-1"}
    frames = [id3_text(name.encode(), text) for name, text in tags.items()]
    return workshop.put("numbers.mp3", id3(*frames) + workshop.good("mp3"))


@kind("tag-replaygain-lies", "ReplayGain of 1000 dB: a player that believes it breaks something.", "analyzed")
def _replaygain(workshop: Workshop) -> str:
    frame = id3_frame(b"TXXX", b"\x00REPLAYGAIN_TRACK_GAIN\x00+1000.00 dB")
    return workshop.put("replaygain.mp3", id3(frame) + workshop.good("mp3"))


@kind("tag-wav-list-garbage", "A WAV whose LIST chunk holds sizes that point outside it.", "analyzed")
def _list_garbage(workshop: Workshop) -> str:
    inside = b"INFO" + b"INAM" + struct.pack("<I", 0x7FFFFFFF) + workshop.rng.bytes(200)
    return workshop.put("list-garbage.wav", wav(workshop.pcm(), after=chunk(b"LIST", inside)))


@kind(
    "tag-ape-garbage", "An APEv2 tag at the end that claims a billion items, and an ID3v1 tag that is cut.", "analyzed"
)
def _ape(workshop: Workshop) -> str:
    footer = b"APETAGEX" + struct.pack("<IIII", 2000, 0x7FFFFFF0, 1_000_000_000, 0) + bytes(8)
    return workshop.put("ape.mp3", workshop.good("mp3") + footer + b"TAG" + b"x" * 60)


def _comments(comments: list[bytes]) -> bytes:
    """Build the body of a Vorbis comment block."""
    packed = b"".join(struct.pack("<I", len(c)) + c for c in comments)
    return struct.pack("<I4sI", 4, b"none", len(comments)) + packed
