"""Damage: files that were whole once, in each of four formats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.errors import Reason
from workbench.testing.encode import FORMATS, Format
from workbench.testing.hostile.registry import ANY_CONTENT, UNREADABLE, Expectation, Maker, Workshop, kind

# Where the sound begins, more or less: after the header, the STREAMINFO, the codec's setup, the Info frame.
_HEADER_BYTES: dict[Format, int] = {"wav": 44, "flac": 42, "ogg": 58, "mp3": 417}


def flip_bits(data: bytes, start: int, stop: int, n_bits: int, rng: np.random.Generator) -> bytes:
    """Invert `n_bits` random bits between two byte offsets."""
    spoilt = np.frombuffer(data, np.uint8).copy()
    where = rng.integers(start, min(stop, len(data)), n_bits)
    np.bitwise_xor.at(spoilt, where, np.left_shift(1, rng.integers(0, 8, n_bits)).astype(np.uint8))
    return spoilt.tobytes()


def _cut_in_header(data: bytes, header: int, rng: np.random.Generator) -> bytes:
    return data[:20]


def _cut_in_first_frames(data: bytes, header: int, rng: np.random.Generator) -> bytes:
    return data[: header + 160]


def _cut_in_middle(data: bytes, header: int, rng: np.random.Generator) -> bytes:
    return data[: len(data) // 2]


def _cut_at_end(data: bytes, header: int, rng: np.random.Generator) -> bytes:
    return data[:-3]


def _flipped_header(data: bytes, header: int, rng: np.random.Generator) -> bytes:
    return flip_bits(data, 0, header, 12, rng)


def _flipped_body(data: bytes, header: int, rng: np.random.Generator) -> bytes:
    return flip_bits(data, max(header, len(data) // 3), len(data), 200, rng)


def _zeroed_middle(data: bytes, header: int, rng: np.random.Generator) -> bytes:
    third = len(data) // 3
    return data[:third] + bytes(third) + data[2 * third :]


def _swapped_blocks(data: bytes, header: int, rng: np.random.Generator) -> bytes:
    quarter = len(data) // 4
    return data[:quarter] + data[2 * quarter : 3 * quarter] + data[quarter : 2 * quarter] + data[3 * quarter :]


_Spoiler = Callable[[bytes, int, np.random.Generator], bytes]

_DAMAGES: tuple[tuple[str, Expectation, frozenset[Reason], str, _Spoiler], ...] = (
    ("cut-in-header", "failed", UNREADABLE, "Ends after 20 bytes, inside the header.", _cut_in_header),
    ("cut-in-first-frames", "failed", UNREADABLE, "Ends 160 bytes into the sound.", _cut_in_first_frames),
    ("cut-in-middle", "analyzed", frozenset(), "The second half is missing.", _cut_in_middle),
    ("cut-at-end", "analyzed", frozenset(), "The last three bytes are missing.", _cut_at_end),
    ("flipped-header", "either", ANY_CONTENT, "Twelve bits of the header are inverted.", _flipped_header),
    ("flipped-body", "either", ANY_CONTENT, "Two hundred bits of the sound are inverted.", _flipped_body),
    ("zeroed-middle", "either", UNREADABLE, "The middle third of the bytes is zero.", _zeroed_middle),
    (
        "swapped-blocks",
        "either",
        UNREADABLE,
        "The second and the third quarter of the bytes changed places.",
        _swapped_blocks,
    ),
)


def _maker(name: str, format: Format, spoil: _Spoiler) -> Maker:
    def make(workshop: Workshop) -> str:
        return workshop.put(f"{name}.{format}", spoil(workshop.good(format), _HEADER_BYTES[format], workshop.rng))

    return make


for _format in FORMATS:
    for _suffix, _expectation, _reasons, _sentence, _spoil in _DAMAGES:
        _name = f"{_format}-{_suffix}"
        kind(_name, _sentence, _expectation, _reasons)(_maker(_name, _format, _spoil))
