"""Every second of a library, ready to be searched: codes of stored segments, memory-mapped.

Codes are kept group by group (the tracks of a part), so that a commit adds files and rewrites none. They depend on a
scaling that is fitted to the library and fitted again whenever the library has doubled.
"""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import itertools
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workbench.features.registry import spec
from workbench.similarity.regions import (
    SEGMENTS,
    SIZE,
    VERSION,
    Piece,
    SegmentScaling,
    describe_segments,
    fit_segment_scaling,
)
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
from workbench.store.catalog.queries import parts_with, placed_arrays, stored_rows
from workbench.store.index import generation, made_once

Float32 = npt.NDArray[np.float32]

_ENOUGH_SEGMENTS = 200_000  # for medians and quartiles


@dataclass(frozen=True)
class Regions:
    """The segments of a library.

    Attributes
    ----------
    version : library version that this belongs to
    ids : track ids; number i of `Piece.rows` is ``ids[i]``
    pieces : the segments
    scaling : what encodes a query
    """

    version: int
    ids: tuple[str, ...]
    pieces: tuple[Piece, ...]
    scaling: SegmentScaling

    def track(self, number: int) -> npt.NDArray[np.int8]:
        """Codes of all seconds of a track."""
        piece = self.pieces[bisect.bisect_left(self.pieces, number, key=lambda p: int(p.rows[-1]))]
        row = number - int(piece.rows[0])
        return piece.codes[piece.offsets[row] : piece.offsets[row + 1]]

    def segments(self, track: int, start_s: float, end_s: float) -> npt.NDArray[np.int8]:
        """Codes of the seconds of a track from a time to another, one at least."""
        codes = self.track(track)
        start = min(round(start_s), len(codes) - 1)
        return codes[start : max(round(end_s), start + 1)]

    def among(self, allowed: Iterable[str]) -> tuple[Piece, ...]:
        """Give the pieces, in which only the tracks named can be found."""
        wanted = np.isin(np.asarray(self.ids, dtype="U32"), np.asarray(list(allowed), dtype="U32"))
        return tuple(Piece(p.codes, p.offsets, np.where(wanted[p.rows], p.rows, -1)) for p in self.pieces)


@dataclass(frozen=True, slots=True)
class _Group:
    """Tracks whose segments lie in the same parts: the part of each of `SEGMENTS`, and by track the rows there."""

    part_ids: tuple[str, ...]
    rows: Mapping[str, tuple[int, ...]]

    @property
    def name(self) -> str:
        """Name of the files that hold the codes."""
        text = "\n".join(itertools.chain(self.part_ids, self.rows))
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    def describe(self, parts: PartStore) -> tuple[Float32, npt.NDArray[np.int64]]:
        """Read the segments: shape (n_segments, `SIZE`), and the offsets of tracks in them."""
        stored = [parts.read_ragged(part, path) for part, path in zip(self.part_ids, SEGMENTS, strict=True)]
        found = [
            describe_segments(
                {
                    path: spec(path).decode(values[offsets[row] : offsets[row + 1]])
                    for path, (values, offsets), row in zip(SEGMENTS, stored, rows, strict=True)
                }
            )
            for rows in self.rows.values()
        ]
        return np.concatenate(found), np.cumsum([0, *map(len, found)])


def load_regions(catalog: Catalog, parts: PartStore, folder: Path) -> Regions:
    """Open the segments of the library as it is now; what is new in it is encoded first.

    Parameters
    ----------
    catalog, parts : Catalog, PartStore
        The library.
    folder : Path
        Where the codes lie. Where it cannot be written to, they are kept in memory.
    """
    version = catalog.version()
    versions = {path: spec(path).version for path in SEGMENTS}
    groups = list(_groups(catalog, versions))
    ids = tuple(track for group in groups for track in group.rows)
    current = folder / "-".join(map(str, (VERSION, *versions.values(), generation(catalog.numbers()))))
    scaling = _scaling(current, parts, groups)
    pieces, first = [], 0
    for group in groups:
        codes, offsets = _codes(current, parts, group, scaling)
        pieces.append(Piece(codes, offsets, np.arange(first, first + len(group.rows))))
        first += len(group.rows)
    _forget(current, {group.name for group in groups})
    return Regions(version, ids, tuple(pieces), scaling)


def _groups(catalog: Catalog, versions: Mapping[str, int]) -> Iterator[_Group]:
    """Find the tracks that have all of `SEGMENTS`, mostly in one part, else in those of several analyses."""
    whole = parts_with(catalog, versions)
    for placed in placed_arrays(catalog, SEGMENTS[0], versions[SEGMENTS[0]]):
        if placed.part_id in whole:
            rows = {t: (row,) * len(SEGMENTS) for t, row in zip(placed.track_ids, placed.rows, strict=True)}
            yield _Group((placed.part_id,) * len(SEGMENTS), rows)
            continue
        several: dict[tuple[str, ...], dict[str, tuple[int, ...]]] = {}
        for track, lies in stored_rows(catalog, placed.track_ids, versions).items():
            if len(lies) == len(SEGMENTS):
                part_ids, rows_there = zip(*(lies[path] for path in SEGMENTS), strict=True)
                several.setdefault(part_ids, {})[track] = rows_there
        for part_ids, tracks in several.items():
            yield _Group(part_ids, tracks)


def _scaling(folder: Path, parts: PartStore, groups: Iterable[_Group]) -> SegmentScaling:
    with contextlib.suppress(OSError, ValueError):
        return _read_scaling(folder)
    sample, n = [np.empty((0, SIZE), dtype=np.float32)], 0
    for group in groups:
        if n < _ENOUGH_SEGMENTS:
            sample.append(group.describe(parts)[0])
            n += len(sample[-1])
    scaling = fit_segment_scaling(np.concatenate(sample))

    def write(target: Path) -> None:
        np.save(target / "scaling.npy", np.stack((scaling.centre, scaling.spread)))

    return made_once(folder, write, _read_scaling) or scaling


def _read_scaling(folder: Path) -> SegmentScaling:
    return SegmentScaling(*np.load(folder / "scaling.npy"))


def _codes(
    folder: Path, parts: PartStore, group: _Group, scaling: SegmentScaling
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return np.load(folder / f"{group.name}.npy", mmap_mode="r"), np.load(folder / f"{group.name}-offsets.npy")
    segments, offsets = group.describe(parts)
    codes = scaling.encode(segments)
    _save(folder, f"{group.name}-offsets", offsets)
    _save(folder, group.name, codes)
    return codes, offsets


def _save(folder: Path, name: str, array: npt.NDArray[np.generic]) -> None:
    """Write an array beside its place and rename it there; a library that can only be read does without."""
    building = folder / f".{name}-{uuid.uuid4().hex[:8]}.npy"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.save(building, array)
        os.replace(building, folder / f"{name}.npy")
    except OSError:
        with contextlib.suppress(OSError):
            building.unlink()


def _forget(current: Path, names: set[str]) -> None:
    """Remove what belongs to groups that are no more."""
    for file in current.glob("*.npy"):
        if file.stem.removesuffix("-offsets") not in {*names, "scaling"} and not file.name.startswith("."):
            with contextlib.suppress(OSError):  # still mapped by another process on some systems
                file.unlink()
