"""Playlists of other programs are read back as written, and hostile ones refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.playlist.test_export import HOSTILE_NAME, playlist
from workbench.errors import InputError
from workbench.playlist import export, read_playlist
from workbench.playlist.read import LARGEST_BYTES


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(HOSTILE_NAME.filter(lambda n: n not in (".", "..")), min_size=1, max_size=4), relative=st.booleans()
)
@pytest.mark.parametrize("ending", ["m3u8", "xspf"])
def test_what_was_written_is_read(tmp_path: Path, ending: str, names: list[str], relative: bool) -> None:
    target = tmp_path / f"list.{ending}"
    paths = [os.path.join(tmp_path, "music", name) for name in names]
    text = export(playlist(*({"path": path, "title": "x"} for path in paths)), target, relative=relative)
    target.write_bytes(text.encode())
    assert read_playlist(target) == paths


def test_m3u_as_others_write_it(tmp_path: Path) -> None:
    file = tmp_path / "old.m3u"
    file.write_bytes(
        b"\xef\xbb\xbf#EXTM3U\r\n#EXTINF:1,x\r\nsub/a b.mp3\r\n\r\n  /m/\xc3\xa9.mp3 \r\n../up.mp3\r\n"
        b"file:///m/a%20b.mp3\r\nfile://localhost/m/c.mp3\nhttp://radio.example/stream\r\n100%.mp3"
    )
    assert read_playlist(file) == [
        *(f"{tmp_path}/sub/a b.mp3", "/m/é.mp3", f"{tmp_path.parent}/up.mp3", "/m/a b.mp3", "/m/c.mp3"),
        *("http://radio.example/stream", f"{tmp_path}/100%.mp3"),
    ]
    file.write_bytes(b"/m/\xe9.mp3")
    assert read_playlist(file) == ["/m/é.mp3"]
    file.write_bytes(b"")
    assert read_playlist(file) == []


def xspf(tracks: str, head: str = "") -> bytes:
    return f'<?xml version="1.0"?>{head}<playlist xmlns="http://xspf.org/ns/0/"><trackList>{tracks}</trackList></playlist>'.encode()


def test_xspf_as_others_write_it(tmp_path: Path) -> None:
    file = tmp_path / "list.xspf"
    file.write_bytes(xspf(
        "<track><title>no place</title></track>"
        "<track><location>\n file:///m/a%20b.mp3 </location><location>file:///m/other.mp3</location></track>"
        "<track><location>sub/%C3%A9.mp3</location></track>"
    ))  # fmt: skip
    assert read_playlist(file) == ["/m/a b.mp3", f"{tmp_path}/sub/é.mp3"]


BOMB = "<!DOCTYPE x [" + '<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        xspf("<track><location>&i;</location></track>", BOMB),
        xspf("<track><location>&x;</location></track>", '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        xspf("", '<!DOCTYPE x SYSTEM "http://localhost/x.dtd">'),
        b"<playlist", b"", b"\x00\xff", b'<?xml version="1.0" encoding="nonsense"?><a/>',
    ],
)  # fmt: skip
def test_hostile_xml_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "list.xspf"
    file.write_bytes(data)
    with pytest.raises(InputError, match="no XSPF playlist"):
        read_playlist(file)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Read are \.m3u8, \.m3u, \.xspf"):
        read_playlist(tmp_path / "list.pls")
    with pytest.raises(InputError, match="No such file"):
        read_playlist(tmp_path / "none.m3u8")
    with (tmp_path / "huge.m3u").open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(InputError, match="too large for a playlist"):
        read_playlist(tmp_path / "huge.m3u")
