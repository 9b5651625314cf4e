"""The table that playlists are made from: columns of all tracks and how each starts and ends, memory-mapped.

* Made from the catalog and from stored segments, and made again when a part of the library has changed. Until then
  what has changed since is read and put into it, in memory: a commit costs the time of its own tracks and a copy.
* A track is its content, so how it starts and ends is computed once: of a former table it is taken over.
* Edges are scaled by what was measured when the table was made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workbench.features.registry import spec
from workbench.playlist.edges import SEGMENTS, SIZE, VERSION, edges, scale_of, standardise
from workbench.playlist.table import COLUMNS, TrackTable
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
from workbench.store.catalog.queries import changed_columns, number_of_changed_tracks, stored_rows, track_columns
from workbench.store.index import replace_version

Float32 = npt.NDArray[np.float32]
_RAW, _SCALE = "edges", "scale"
#: Raised when what lies in the folder changes its form.
_FORM = 2
#: A table is made anew when one in so many of its tracks has changed.
_PART_THAT_MAY_CHANGE = 20


@dataclass(frozen=True, slots=True)
class LoadedTable:
    """The table of a version of the library.

    Attributes
    ----------
    version : of the library
    table : all tracks
    scale : of their edges, see `workbench.playlist.edges.scale_of`
    changed : tracks that were read since it was made
    """

    version: int
    table: TrackTable
    scale: npt.NDArray[np.float64] | None
    changed: int = 0


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
    if former is None:
        former = _newest(folder, kind)
    if former is not None and former.version == version:
        return former
    if former is not None and former.version < version:  # else a backup was put back
        updated = _updated(former, catalog, parts, segments, version)
        if updated is not None:
            return updated
    columns = track_columns(catalog, COLUMNS)
    raw = _edges(catalog, parts, segments, columns["id"], _former(folder, kind))
    scale = scale_of(raw)
    table = _with_edges(TrackTable.of_columns(columns), raw, scale)

    def write(target: Path) -> None:
        np.save(target / f"{_RAW}.npy", raw)
        np.save(target / f"{_SCALE}.npy", np.empty(0) if scale is None else scale)
        for field in fields(table):
            np.save(target / f"{field.name}.npy", getattr(table, field.name))

    with contextlib.suppress(OSError):  # a library that can only be read, or a full disk, still answers
        replace_version(folder / f"{version:012d}-{kind}", write)
    return LoadedTable(version, table, scale)


def _updated(
    former: LoadedTable, catalog: Catalog, parts: PartStore, segments: Mapping[str, int], version: int
) -> LoadedTable | None:
    """Put what has changed into a table; None where that is so much that it is better made anew."""
    n = number_of_changed_tracks(catalog, former.version)
    if (former.changed + n) * _PART_THAT_MAY_CHANGE > len(former.table):
        return None
    columns, n_tracks = changed_columns(catalog, COLUMNS, former.version)
    raw = _edges(catalog, parts, segments, columns["id"], {})
    if former.scale is None and not np.isnan(raw).all():
        return None  # the first edges of all
    table = former.table.with_rows(_with_edges(TrackTable.of_columns(columns), raw, former.scale))
    if len(table) != n_tracks:  # some are no more
        there = np.isin(table.ids, track_columns(catalog, ("id",))["id"])
        table = table.take(np.flatnonzero(there))
    return LoadedTable(version, table, former.scale, former.changed + n)


def _with_edges(table: TrackTable, raw: Float32, scale: npt.NDArray[np.float64] | None) -> TrackTable:
    scaled = standardise(raw, scale)
    return table.with_edges(scaled[:, 0], scaled[:, 1])


def _newest(folder: Path, kind: str) -> LoadedTable | None:
    """Open what was made last, if anything."""
    for version in sorted(folder.glob(f"*-{kind}"), reverse=True):
        with contextlib.suppress(OSError, ValueError):  # a process that made a later one removed it
            scale = np.load(version / f"{_SCALE}.npy")
            return LoadedTable(int(version.name.split("-")[0]), _open(version), scale if scale.size else None)
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
