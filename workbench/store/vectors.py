"""The vectors that similarity search reads, memory-mapped: a row per track, at the track's number.

* Rows are written at their place in three files, and ``state.json``, replaced after them, says which of
  them count. A commit therefore costs the time of its own tracks. What several processes write at once
  is the same to the byte, so that they need no lock, and what a crash has left is written again.
* Vectors are standardised by a scaling that is fitted to the library once, when their folder is made. Its
  name changes each time that the number of tracks has doubled (`workbench.store.index.generation`): so
  the scores of a library do not move with each small addition.
* ``index/`` can be deleted at any time. Where it cannot be written, the rows are kept in memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from workbench.similarity.codes import LEADING, OTHERS, CodedMatrix, encode
from workbench.similarity.embedding import EMBEDDING, Scaling, fit_scaling
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
from workbench.store.catalog.queries import Changes, NumberedRows, changes_since, track_numbers
from workbench.store.index import generation, made_once, replace_file

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

#: Vectors that a scaling is fitted to at most: enough for medians and quartiles.
_ENOUGH = 1 << 17
_ID = re.compile("[0-9a-f]{32}")

_FILES: dict[str, tuple[type[np.generic], int]] = {
    "ids": (np.uint8, 16),
    "raw": (np.float32, EMBEDDING.shape[0]),
    "leading": (np.int8, LEADING),
    "others": (np.int8, OTHERS),
}


class TrackIds:
    """Ids of tracks by row, read as they are needed; a row that no track has is all zeros."""

    def __init__(self, packed: npt.NDArray[np.uint8]) -> None:
        self.packed = packed

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, row: int | np.integer[Any]) -> str:
        return bytes(self.packed[row]).hex()

    def take(self, rows: npt.NDArray[np.integer[Any]]) -> list[str]:
        """Give the ids of some rows."""
        text = self.packed[rows].tobytes().hex()
        return [text[i : i + 32] for i in range(0, len(text), 32)]


@dataclass(frozen=True)
class Vectors:
    """All tracks of a library as vectors.

    Attributes
    ----------
    version : library version that this belongs to
    ids : track ids by row. Row i is the track with the number i; of a track that is no more, or has no vector,
        `known` is False and the row means nothing
    known : bool, shape (rows,)
    raw : float32 (rows, d), as `workbench.similarity.embedding.embed` gives them
    standardised : (rows, d), what distances are taken in
    scaling : what standardises a query
    """

    version: int
    ids: TrackIds
    known: Mask
    raw: Float32
    standardised: CodedMatrix
    scaling: Scaling

    def has(self, row: int) -> bool:
        """Tell whether a track, by its number, has a vector here."""
        return row < len(self.known) and bool(self.known[row])

    def row(self, track_id: str) -> int | None:
        """Row of a track, None where it has no vector."""
        if not _ID.fullmatch(track_id):
            return None
        high, low = np.frombuffer(bytes.fromhex(track_id), dtype=np.uint64)
        words = self.ids.packed.view(np.ndarray).view(np.uint64)
        found = (row for row in np.flatnonzero(words[:, 0] == high) if words[row, 1] == low and self.known[row])
        return next(map(int, found), None)

    def rows(self, track_ids: Iterable[str]) -> Numbers:
        """Rows of many tracks, -1 for those that have no vector."""
        keys, rows = self._by_id
        wanted = np.frombuffer(bytes.fromhex("".join(track_ids)), dtype="S16")
        if not len(keys):
            return np.full(len(wanted), -1)
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[place] == wanted, rows[place], -1)

    @cached_property
    def _by_id(self) -> tuple[npt.NDArray[np.bytes_], Numbers]:
        """Ids in ascending order, as bytes, and the row of each."""
        rows = np.flatnonzero(self.known)
        keys = self.ids.packed[rows].reshape(-1).view("S16")
        order = np.argsort(keys)
        return keys[order], rows[order]


@dataclass(frozen=True)
class _Stored:
    """Rows on the disk or in memory, and the state of the library that they are of.

    Attributes
    ----------
    scaling : what standardises them
    version, numbers, tracks : as in `Changes`
    known : as in `Vectors`
    ids, raw, leading, others : the rows, as in `_FILES`
    """

    scaling: Scaling
    version: int
    numbers: int
    tracks: int
    known: Mask
    ids: npt.NDArray[np.uint8]
    raw: Float32
    leading: npt.NDArray[np.int8]
    others: npt.NDArray[np.int8]

    @classmethod
    def none(cls, scaling: Scaling) -> _Stored:
        """No rows, of a library before its first version."""
        return cls(scaling, -1, 0, 0, np.zeros(0, dtype=bool), *(_no_rows(name) for name in _FILES))

    @classmethod
    def open(cls, folder: Path) -> _Stored:
        """Map what is on the disk; OSError, ValueError or KeyError where it is not whole."""
        scaling = Scaling.from_dict(json.loads((folder / "scaling.json").read_text()))
        try:
            state = json.loads((folder / "state.json").read_text())
        except FileNotFoundError:  # the folder has just been made
            return cls.none(scaling)
        known = np.ones(state["rows"], dtype=bool)
        known[state["absent"]] = False
        arrays = (_mapped(folder, name, len(known)) for name in _FILES)
        return cls(scaling, state["version"], state["numbers"], state["tracks"], known, *arrays)

    def vectors(self) -> Vectors:
        """Give the rows as they are searched."""
        matrix = CodedMatrix(self.leading, self.others, self.raw, self.scaling, self.known)
        return Vectors(self.version, TrackIds(self.ids), self.known, self.raw, matrix, self.scaling)


def load_vectors(catalog: Catalog, parts: PartStore, folder: Path) -> Vectors:
    """Open the vectors of the library as it is now; what is new in it is added first.

    Parameters
    ----------
    catalog, parts : Catalog, PartStore
        The library.
    folder : Path
        Where the index lies.
    """
    current = folder / f"{EMBEDDING.version}-{generation(catalog.numbers())}"
    stored = _opened(current)
    version = catalog.version()  # read after what another process may be writing at this moment
    if stored is not None and stored.version == version:
        return stored.vectors()
    if stored is not None and stored.version > version:  # of a catalog that a backup has replaced
        shutil.rmtree(current, ignore_errors=True)
        stored = None
    since = -1 if stored is None else stored.version
    changes = changes_since(catalog, since, EMBEDDING.path, EMBEDDING.version)
    if stored is None:
        stored = _begun(changes, parts, current)
    known = _known(catalog, stored, changes)
    with contextlib.suppress(OSError, ValueError):  # a library that can only be read, or a full disk, still answers
        _write(current, stored, changes, known, parts)
        return _Stored.open(current).vectors()
    return _in_memory(stored, changes, known, parts).vectors()


def _opened(folder: Path) -> _Stored | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        return _Stored.open(folder)
    return None


def _begun(changes: Changes, parts: PartStore, folder: Path) -> _Stored:
    """Fit a scaling to the library and make a folder of that; the scaling of another process, if it was faster."""
    step = 1 + sum(len(piece.rows) for piece in changes.placed) // _ENOUGH
    sample = [_read(parts, piece) for piece in changes.placed[::step]]
    scaling = fit_scaling(np.concatenate([_no_rows("raw"), *sample]))

    def write(target: Path) -> None:
        _save_json(target / "scaling.json", scaling.to_dict())

    begun = made_once(folder, write, _Stored.open)
    return _Stored.none(scaling if begun is None else begun.scaling)


def _known(catalog: Catalog, stored: _Stored, changes: Changes) -> Mask:
    """Tell which rows hold a vector once the changes have been made."""
    rows = max([len(stored.known), *(int(piece.numbers.max()) + 1 for piece in changes.placed)])
    known = np.zeros(rows, dtype=bool)
    known[: len(stored.known)] = stored.known
    known[changes.touched[changes.touched < rows]] = False
    for piece in changes.placed:
        known[piece.numbers] = True
    if stored.tracks + np.count_nonzero(changes.touched >= stored.numbers) != changes.tracks:  # some are no more
        there = np.zeros(changes.numbers, dtype=bool)
        there[track_numbers(catalog)] = True
        known &= there[:rows]
    return known


def _pieces(changes: Changes, parts: PartStore, scaling: Scaling) -> Iterator[tuple[Numbers, dict[str, Any]]]:
    """Numbers and rows of what is new, part by part."""
    for piece in changes.placed:
        raw = _read(parts, piece)
        leading, others = encode(scaling.apply(raw), scaling)
        yield piece.numbers, {"ids": piece.ids, "raw": raw, "leading": leading, "others": others}


def _read(parts: PartStore, piece: NumberedRows) -> Float32:
    return EMBEDDING.decode(parts.read(piece.part_id, EMBEDDING.path)[piece.rows])


def _write(folder: Path, stored: _Stored, changes: Changes, known: Mask, parts: PartStore) -> None:
    """Write what is new at its place, and then say that it is there."""
    with contextlib.ExitStack() as stack:
        files = {folder / f"{name}.bin": stack.enter_context(_writable(folder / f"{name}.bin")) for name in _FILES}
        if _Stored.open(folder).scaling != stored.scaling:
            raise FileNotFoundError(f"{folder} has been made anew")
        for numbers, rows in _pieces(changes, parts, stored.scaling):
            for name, file in zip(_FILES, files.values(), strict=True):
                _put(file, numbers, rows[name])
        for path, file in files.items():
            file.flush()
            os.fsync(file.fileno())
            if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
                raise FileNotFoundError(f"{path} has been made anew")
        state = {"version": changes.version, "numbers": changes.numbers, "tracks": changes.tracks, "rows": len(known)}
        _save_json(folder / "state.json", {**state, "absent": np.flatnonzero(~known).tolist()})


def _writable(path: Path) -> BinaryIO:
    """Open a file to write anywhere in it; others may be doing the same."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b")


def _put(file: BinaryIO, numbers: Numbers, rows: npt.NDArray[Any]) -> None:
    """Write rows at the places of their numbers, those that follow each other at once."""
    order = np.argsort(numbers)
    for run in np.split(order, 1 + np.flatnonzero(np.diff(numbers[order]) != 1)):
        if len(run):
            file.seek(int(numbers[run[0]]) * rows[0].nbytes)
            file.write(rows[run].tobytes())


def _in_memory(stored: _Stored, changes: Changes, known: Mask, parts: PartStore) -> _Stored:
    """Give the rows where they cannot be written."""
    arrays = {name: np.zeros((len(known), width), dtype=dtype) for name, (dtype, width) in _FILES.items()}
    for name, array in arrays.items():
        array[: len(stored.known)] = getattr(stored, name)
    for numbers, rows in _pieces(changes, parts, stored.scaling):
        for name, array in arrays.items():
            array[numbers] = rows[name]
    return _Stored(stored.scaling, changes.version, changes.numbers, changes.tracks, known, **arrays)


def _mapped(folder: Path, name: str, rows: int) -> npt.NDArray[Any]:
    dtype, width = _FILES[name]
    if not rows:
        return _no_rows(name)
    return np.memmap(folder / f"{name}.bin", dtype=dtype, mode="r", shape=(rows, width))


def _no_rows(name: str) -> npt.NDArray[Any]:
    dtype, width = _FILES[name]
    return np.empty((0, width), dtype=dtype)


def _save_json(path: Path, values: dict[str, Any]) -> None:
    replace_file(path, json.dumps(values).encode())
