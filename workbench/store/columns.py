"""The table that playlists are made from: columns of all tracks and how each starts and ends, memory-mapped.

Made from the catalog and from stored segments, and made again when the library's version has moved
on. A track is its content, so how it starts and ends is computed once: of a former version it is
taken over.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workbench.features.registry import spec
from workbench.playlist.edges import SEGMENTS, SIZE, VERSION, edges, standardise
from workbench.playlist.table import COLUMNS, TrackTable
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
from workbench.store.catalog.queries import stored_rows, track_columns
from workbench.store.index import replace_version

Float32 = npt.NDArray[np.float32]
_RAW = "edges"


def load_table(catalog: Catalog, parts: PartStore, folder: Path) -> tuple[int, TrackTable]:
    """Open the table of the library as it is now; make it first if need be.

    Parameters
    ----------
    catalog, parts : Catalog, PartStore
        The library.
    folder : Path
        Where it lies.

    Returns
    -------
    (int, TrackTable)
        The library's version that it belongs to, and all tracks.
    """
    version = catalog.version()
    segments = {path: spec(path).version for path in SEGMENTS}
    kind = "-".join(map(str, (len(fields(TrackTable)), VERSION, *segments.values())))
    current = folder / f"{version:012d}-{kind}"
    with contextlib.suppress(OSError):  # none yet, or a process that saw a later version removed it
        return version, _open(current)
    columns = track_columns(catalog, COLUMNS)
    raw = _edges(catalog, parts, segments, columns["id"], _former(folder, kind))
    scaled = standardise(raw)
    table = TrackTable.of_columns(columns).with_edges(scaled[:, 0], scaled[:, 1])

    def write(target: Path) -> None:
        np.save(target / f"{_RAW}.npy", raw)
        for field in fields(table):
            np.save(target / f"{field.name}.npy", getattr(table, field.name))

    with contextlib.suppress(OSError):  # a library that can only be read, or a full disk, still answers
        replace_version(current, write)
    return version, table


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
