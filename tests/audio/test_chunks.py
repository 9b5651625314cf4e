from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.audio.chunks import CONTAINERS, Chunk, MalformedError, asf, caf, flac_blocks, iff, mp4, riff, w64
from workbench.audio.files import OpenFile

Walk = Callable[[int, int], object]


@pytest.fixture
def walk(tmp_path: Path) -> Callable[[Walk, bytes], list[Chunk]]:
    def walk(walker: Walk, content: bytes) -> list[Chunk]:
        path = tmp_path / "a"
        path.write_bytes(content)
        with OpenFile(str(path)) as file:
            return list(walker(file.fd, file.size))  # type: ignore[call-overload]

    return walk


def little(name: bytes, content: bytes, claim: int | None = None) -> bytes:
    size = len(content) if claim is None else claim
    return name + size.to_bytes(4, "little") + content + bytes(len(content) % 2)


def box(name: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + name + content


RIFF = b"RIFF\0\0\0\0WAVE"


def test_riff_chunks_are_padded_to_even(walk: Callable[..., list[Chunk]]) -> None:
    found = walk(riff, RIFF + little(b"fmt ", b"123") + little(b"data", b"4567"))
    assert found == [Chunk(b"fmt ", 20, 3, 3), Chunk(b"data", 32, 4, 4)]


def test_a_claim_beyond_the_file_is_cut_and_kept(walk: Callable[..., list[Chunk]]) -> None:
    assert walk(riff, RIFF + little(b"data", b"4567", 1000)) == [Chunk(b"data", 20, 4, 1000)]


@pytest.mark.parametrize("claim", [0xFFFFFFFF, 0x7FFFFFFF, 0x80000000])
def test_a_writer_that_did_not_know_claims_nothing(walk: Callable[..., list[Chunk]], claim: int) -> None:
    assert walk(riff, RIFF + little(b"data", b"4567", claim)) == [Chunk(b"data", 20, 4, None)]


def test_rf64_takes_the_length_of_its_data_from_ds64(walk: Callable[..., list[Chunk]]) -> None:
    sizes = (100).to_bytes(8, "little") + (6).to_bytes(8, "little") + bytes(12)
    content = b"RF64\xff\xff\xff\xffWAVE" + little(b"ds64", sizes)
    content += little(b"data", b"456789", 0xFFFFFFFF) + little(b"LIST", b"x")
    assert [(chunk.name, chunk.size, chunk.claimed) for chunk in walk(riff, content)] == [
        (b"ds64", 28, 28),
        (b"data", 6, 6),
        (b"LIST", 1, 1),
    ]


def test_big_endian_families(walk: Callable[..., list[Chunk]]) -> None:
    aiff = b"FORM\0\0\0\0AIFF" + b"SSND" + (3).to_bytes(4, "big") + b"123\0" + b"NAME\0\0\0\1x"
    assert [(chunk.name, chunk.size) for chunk in walk(iff, aiff)] == [(b"SSND", 3), (b"NAME", 1)]
    rifx = b"RIFX\0\0\0\0WAVE" + b"data" + (3).to_bytes(4, "big") + b"123"
    assert walk(riff, rifx) == [Chunk(b"data", 20, 3, 3)]


def test_a_caf_data_chunk_may_reach_to_the_end(walk: Callable[..., list[Chunk]]) -> None:
    content = b"caff\0\1\0\0" + b"desc" + (2).to_bytes(8, "big") + b"ab" + b"data" + b"\xff" * 8 + b"12345"
    assert walk(caf, content) == [Chunk(b"desc", 20, 2, 2), Chunk(b"data", 34, 5, None)]


def test_mp4_boxes_of_all_three_kinds_of_length(walk: Callable[..., list[Chunk]]) -> None:
    long = b"\0\0\0\1mdat" + (19).to_bytes(8, "big") + b"abc"
    content = box(b"ftyp", b"M4A ") + long + b"\0\0\0\0free" + b"rest"
    assert [(chunk.name, chunk.size) for chunk in walk(mp4, content)] == [(b"ftyp", 4), (b"mdat", 3), (b"free", 4)]


@pytest.mark.parametrize(
    ("walker", "content"),
    [
        (mp4, b"\0\0\0\7mdat" + bytes(20)),
        (mp4, b"\0\0\0\1mdat" + (15).to_bytes(8, "big")),
        (asf, bytes(16) + (23).to_bytes(8, "little") + bytes(50)),
        (w64, bytes(40) + b"data" + bytes(12) + (5).to_bytes(8, "little") + bytes(9)),
        (riff, RIFF + little(b"JUNK", b"") * 200_001),
        (flac_blocks, b"fLaC" + bytes(4) * 200_001),
        (flac_blocks, b"fLaC\x81\xff\xff\xff"),
        (flac_blocks, b"fLaC\x00\x00"),
    ],
)
def test_nonsense_is_called_malformed(walk: Callable[..., list[Chunk]], walker: Walk, content: bytes) -> None:
    with pytest.raises(MalformedError):
        walk(walker, content)


def test_flac_blocks_end_with_the_frames(walk: Callable[..., list[Chunk]]) -> None:
    content = b"fLaC" + b"\0\0\0\2si" + b"\x84\0\0\1c" + b"frames"
    assert walk(flac_blocks, content) == [
        Chunk(b"\0", 8, 2, 2),
        Chunk(b"\4", 14, 1, 1),
        Chunk(b"frames", 15, 6, None),
    ]


@pytest.mark.parametrize("walker", [*dict.fromkeys(walker for walker, _ in CONTAINERS.values()), flac_blocks])
@given(content=st.binary(min_size=1, max_size=300))
def test_any_bytes_end_and_stay_inside_the_file(
    tmp_path_factory: pytest.TempPathFactory, walker: Walk, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    with OpenFile(str(path)) as file:
        try:
            for chunk in walker(file.fd, file.size):  # type: ignore[attr-defined]
                assert chunk.size == 0 or chunk.start + chunk.size <= len(content)
        except MalformedError:
            return
