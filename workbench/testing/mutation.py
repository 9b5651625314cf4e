"""`mutate`: random damage to any file, for fuzzing."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

_HEADER = 256  # bytes within which formats keep the fields that matter

# Values at which fields of headers tend to break those who believe them.
_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)

_Mutator = Callable[[bytearray, np.random.Generator], bytearray]


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file in one to four random ways.

    The ways: cut it anywhere, flip bits, overwrite or zero a run, remove, repeat or move a block,
    splice in noise, and set a field of the header to an extreme value.

    Parameters
    ----------
    data : bytes
        The file, of any kind; stays as it is.
    rng : numpy.random.Generator

    Returns
    -------
    bytes
        At most 64 KiB longer than `data`; may be empty.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mutate(b"RIFF" + bytes(100), rng) != b"RIFF" + bytes(100)
    True
    """
    spoilt = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        if spoilt:
            spoilt = _MUTATORS[rng.integers(len(_MUTATORS))](spoilt, rng)
    return bytes(spoilt)


def _span(data: bytearray, rng: np.random.Generator, longest: int = 16384) -> tuple[int, int]:
    """Draw a run: short ones are as likely as long ones."""
    start = int(rng.integers(len(data)))
    length = int(2 ** rng.uniform(0, np.log2(longest)))
    return start, min(start + length, len(data))


def _truncate(data: bytearray, rng: np.random.Generator) -> bytearray:
    return data[: rng.integers(len(data))]


def _flip(data: bytearray, rng: np.random.Generator) -> bytearray:
    for at in rng.integers(0, len(data), int(2 ** rng.uniform(0, 8))).tolist():
        data[at] ^= 1 << int(rng.integers(8))
    return data


def _flip_header(data: bytearray, rng: np.random.Generator) -> bytearray:
    for at in rng.integers(0, min(_HEADER, len(data)), rng.integers(1, 9)).tolist():
        data[at] ^= 1 << int(rng.integers(8))
    return data


def _overwrite_field(data: bytearray, rng: np.random.Generator) -> bytearray:
    code = str(rng.choice(["<H", ">H", "<I", ">I", "<Q", ">Q"]))
    size = struct.calcsize(code)
    if len(data) > size:
        at = int(rng.integers(min(_HEADER, len(data) - size)))
        edge = _EDGES[rng.integers(len(_EDGES))]
        # in a 64-bit field also the values that are negative when signed
        value = edge << 32 | edge if size == 8 else edge & (1 << 8 * size) - 1
        struct.pack_into(code, data, at, value)
    return data


def _zero(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, stop = _span(data, rng)
    data[start:stop] = bytes(stop - start)
    return data


def _noise(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, stop = _span(data, rng)
    data[start:stop] = rng.bytes(stop - start)
    return data


def _remove(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, stop = _span(data, rng)
    del data[start:stop]
    return data


def _repeat(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, stop = _span(data, rng)
    data[stop:stop] = data[start:stop]
    return data


def _move(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, stop = _span(data, rng)
    block = data[start:stop]
    del data[start:stop]
    at = int(rng.integers(len(data) + 1))
    data[at:at] = block
    return data


def _splice(data: bytearray, rng: np.random.Generator) -> bytearray:
    at = int(rng.integers(len(data) + 1))
    data[at:at] = rng.bytes(int(2 ** rng.uniform(0, 14)))
    return data


_MUTATORS: tuple[_Mutator, ...] = (
    _truncate, _flip, _flip_header, _overwrite_field, _zero, _noise, _remove, _repeat, _move, _splice,
)  # fmt: skip
