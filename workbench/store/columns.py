"""The table that playlists are made from: columns of all tracks and how each starts and ends, memory-mapped.

* What has changed since is read and put into it, in memory: a commit costs the time of its own tracks. When a part of
  the library has changed, the table is written again.
* A track is its content, so how it starts and ends is computed once.
* Edges are scaled by what was measured when the table was made. It is made anew, from the catalog, when the number of
  tracks has doubled (`workbench.store.index.generation`): so playlists do not move with each small addition.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.features.registry import spec
from workbench.growing import Growing
from workbench.playlist.edges import SEGMENTS, SIZE, VERSION, edges, scale_of, standardise
from workbench.playlist.table import COLUMNS, ROWS, TrackTable
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
from workbench.store.catalog.queries import changed_columns, stored_rows, track_columns
from workbench.store.index import generation, replace_version

Float32 = npt.NDArray[np.float32]
_RAW, _SCALE = "edges", "scale"
#: Raised when what lies in the folder changes its form.
_FORM = 3
#: A table is written again when one in so many of its tracks has changed.
_PART_THAT_MAY_CHANGE = 20


@dataclass(frozen=True, slots=True)
class LoadedTable:
    """The table of a version of the library.

    Attributes
    ----------
    version : of the library
    table : all tracks
    scale : of their edges, see `workbench.playlist.edges.scale_of`
    fitted_to : which `generation` of the library
    changed : tracks that were read since it was written
    raw : `workbench.playlist.edges.edges` of each row, in pieces
    room : the columns of the table by name, with room for more rows; empty until some have been added
    """

    version: int
    table: TrackTable
    scale: npt.NDArray[np.float64] | None
    fitted_to: int
    changed: int
    raw: tuple[Float32, ...]
    room: Mapping[str, Growing[Any]]

    def with_rows(self, version: int, others: TrackTable, raw: Float32) -> LoadedTable:
        """Let the rows of another table count, in place of those with the same ids; this one stays as it is.

        Parameters
        ----------
        version : of the library that has them
        others : in ascending order of their ids
        raw : their edges
        """
        n, room = len(self.table), self.room
        if {len(growing) for growing in room.values()} != {n}:  # nothing was added yet, or by who has this one too
            room = {name: Growing(getattr(self.table, name)) for name in ROWS}
        columns = {name: room[name].add(getattr(others, name)) for name in ROWS}
        order = self.table.order_with(others.ids, np.arange(n, n + len(others)))
        table = TrackTable(order=order, **columns)
        changed = self.changed + len(others)
        return replace(self, version=version, table=table, changed=changed, raw=(*self.raw, raw), room=room)

    def compact(self) -> LoadedTable:
        """Give the same without the rows that do not count any more, in order."""
        raw = np.concatenate(self.raw)[self.table.order]
        return replace(self, table=self.table.take(self.table.order), changed=0, raw=(raw,), room={})


def load_table(catalog: Catalog, parts: PartStore, folder: Path, former: LoadedTable | None = None) -> LoadedTable:
    """Open the table of the library as it is now; make it first if need be.

    Parameters
    ----------
    catalog, parts : Catalog, PartStore
        The library.
    folder : Path
        Where it lies.
    former : LoadedTable, optional
        What was there before, so that it need not be opened.
    """
    version = catalog.version()  # read first: what is committed meanwhile is read again the next time
    segments = {path: spec(path).version for path in SEGMENTS}
    kind = "-".join(map(str, (_FORM, len(fields(TrackTable)), VERSION, *segments.values())))
    former = former or _newest(folder, kind)
    if former is not None and former.version == version:
        return former
    if former is not None and former.version < version:  # else a backup was put back
        updated = _updated(former, catalog, parts, segments, version)
        if updated is not None and updated.changed * _PART_THAT_MAY_CHANGE <= len(updated.table.order):
            return updated
        if updated is not None:
            return _written(updated.compact(), folder, kind)
    return _written(_made(catalog, parts, segments, version, folder, kind), folder, kind)


def _made(
    catalog: Catalog, parts: PartStore, segments: Mapping[str, int], version: int, folder: Path, kind: str
) -> LoadedTable:
    """Make the table from the catalog, and from edges that are known."""
    columns = track_columns(catalog, COLUMNS)
    raw = _edges(catalog, parts, segments, columns["id"], _former(folder, kind))
    scale = scale_of(raw)
    table = _with_edges(TrackTable.of_columns(columns), raw, scale)
    return LoadedTable(version, table, scale, generation(len(table)), 0, (raw,), {})


def _updated(
    former: LoadedTable, catalog: Catalog, parts: PartStore, segments: Mapping[str, int], version: int
) -> LoadedTable | None:
    """Put what has changed into a table; None where edges are to be scaled anew."""
    columns, n_tracks = changed_columns(catalog, COLUMNS, former.version)
    if generation(n_tracks) != former.fitted_to:
        return None
    raw = _edges(catalog, parts, segments, columns["id"], {})
    if former.scale is None and not np.isnan(raw).all():
        return None  # the first edges of all
    updated = former.with_rows(version, _with_edges(TrackTable.of_columns(columns), raw, former.scale), raw)
    if len(updated.table.order) != n_tracks:  # some are no more
        order = updated.table.order
        there = np.isin(updated.table.ids[order], track_columns(catalog, ("id",))["id"])
        return replace(updated, table=replace(updated.table, order=order[there]))
    return updated


def _written(loaded: LoadedTable, folder: Path, kind: str) -> LoadedTable:
    """Write a table without rows that do not count, if that can be, and give it back."""

    def write(target: Path) -> None:
        np.save(target / f"{_RAW}.npy", np.concatenate(loaded.raw))
        np.save(target / f"{_SCALE}.npy", np.empty(0) if loaded.scale is None else loaded.scale)
        for field in fields(TrackTable):
            np.save(target / f"{field.name}.npy", getattr(loaded.table, field.name))

    with contextlib.suppress(OSError):  # a library that can only be read, or a full disk, still answers
        replace_version(folder / f"{loaded.version:012d}-{loaded.fitted_to}-{kind}", write)
    return loaded


def _with_edges(table: TrackTable, raw: Float32, scale: npt.NDArray[np.float64] | None) -> TrackTable:
    scaled = standardise(raw, scale)
    return table.with_edges(scaled[:, 0], scaled[:, 1])


def _newest(folder: Path, kind: str) -> LoadedTable | None:
    """Open what was written last, if anything."""
    for written in sorted(folder.glob(f"*-{kind}"), reverse=True):
        with contextlib.suppress(OSError, ValueError):  # a process that wrote a later one removed it
            scale, raw = np.load(written / f"{_SCALE}.npy"), np.load(written / f"{_RAW}.npy", mmap_mode="r")
            version, fitted_to = map(int, written.name.split("-")[:2])
            return LoadedTable(version, _open(written), scale if scale.size else None, fitted_to, 0, (raw,), {})
    return None


def _open(folder: Path) -> TrackTable:
    return TrackTable(**{f.name: np.load(folder / f"{f.name}.npy", mmap_mode="r") for f in fields(TrackTable)})


def _former(folder: Path, kind: str) -> Mapping[str, Float32]:
    """Edges by track of whatever former version is there, none if there is none."""
    with contextlib.suppress(OSError, ValueError):
        for version in folder.glob(f"*-{kind}"):
            return dict(zip(np.load(version / "ids.npy").tolist(), np.load(version / f"{_RAW}.npy"), strict=True))
    return {}


def _edges(
    catalog: Catalog, parts: PartStore, segments: Mapping[str, int], ids: Iterable[str], known: Mapping[str, Float32]
) -> Float32:
    """How each track starts and ends, shape (n_tracks, 2, `SIZE`); NaN where its segments are not stored."""
    order = {track: row for row, track in enumerate(ids)}
    found = np.full((len(order), 2, SIZE), np.nan, dtype=np.float32)
    for track in order.keys() & known.keys():
        found[order[track]] = known[track]
    by_parts: dict[tuple[str, ...], list[tuple[str, list[int]]]] = {}
    new = [track for track in order if track not in known]
    for track, placed in stored_rows(catalog, new, segments).items():
        if len(placed) == len(segments):  # all in one part, but for what was analyzed before a descriptor changed
            lies = [placed[path] for path in segments]
            by_parts.setdefault(tuple(part for part, _ in lies), []).append((track, [row for _, row in lies]))
    for part_ids, tracks in by_parts.items():
        arrays = {path: parts.read_ragged(part, path) for part, path in zip(part_ids, segments, strict=True)}
        for track, rows in tracks:
            values = {
                path: stored[offsets[row] : offsets[row + 1]]
                for (path, (stored, offsets)), row in zip(arrays.items(), rows, strict=True)
            }
            found[order[track]] = edges(values)
    return found
