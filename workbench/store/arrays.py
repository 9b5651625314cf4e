"""Parts: immutable blocks of Zarr v3 arrays, each written once by one task and never changed.

Layout below ``features.zarr``::

    parts/<part_id>/track_id               (n_tracks, 16) uint8   the content ids, in row order
    parts/<part_id>/summary/<descriptor>   (n_tracks, …)
    parts/<part_id>/embedding              (n_tracks, d)
    parts/<part_id>/segments/<descriptor>  (n_segments, …)  rows of track i: offsets[i] to offsets[i + 1]
    parts/<part_id>/segments/offsets       (n_tracks + 1,) int64
    parts/<part_id>/frames/<descriptor>    as segments; an array whose attribute ``offsets`` names
                                           another array than the level's own has rows of its own

What is here is not yet visible: readers ask the catalog which parts exist. A part that no commit
has named is an orphan, which `workbench.store.collect` removes.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.errors import LibraryDamagedError, StorageFullError
from workbench.failpoint import failpoint
from workbench.schema import ArraySpec
from workbench.store.nodes import ZSTD_LEVEL, write_groups, write_single_chunk

if TYPE_CHECKING:
    import zarr

Array = npt.NDArray[Any]

_CHUNK_BYTES = 2 << 20
_SHARD_BYTES = 64 << 20
_FLUSHES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class PartRecord:
    """What a task reports of the part that it wrote: all that a commit needs.

    Attributes
    ----------
    part_id : name of the part's folder, unique to the attempt
    tracks : content ids in row order
    arrays : path of each array -> (descriptor version, digest of its files)
    n_bytes : size on disk
    """

    part_id: str
    tracks: tuple[str, ...]
    arrays: Mapping[str, tuple[int, str]]
    n_bytes: int


def new_part_id(prefix: str) -> str:
    """Name a part so that no other attempt, here or elsewhere, writes to the same place."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def part_name(job_id: int, batch: str) -> str:
    """Name a new part so that `collect` can tell which job it belongs to."""
    return new_part_id(f"job{job_id}-{batch}")


class PartStore:
    """The folder ``features.zarr`` of a library."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    def create(self) -> None:
        """Make the outer groups, so that Zarr and xarray can open the folder."""
        write_groups(self.root, self.root / "parts")

    def write(
        self, part_id: str, tracks: Sequence[str], specs: Iterable[ArraySpec], values: Sequence[Mapping[str, Array]]
    ) -> PartRecord:
        """Write a part and flush it to the disk.

        Parameters
        ----------
        part_id : str
            A name from `new_part_id`.
        tracks : sequence of str
            Content ids; row i of the part belongs to ``tracks[i]``.
        specs : iterable of ArraySpec
            The arrays to store.
        values : sequence of mappings
            For each track, the array of each spec's ``path``: ``spec.shape`` for a summary,
            ``(n, *spec.shape)`` for segments and frames.

        Raises
        ------
        StorageFullError
            When the disk is full. What was written of the part is removed as far as possible.
        """
        columns = (_encoded(spec, [of_track[spec.path] for of_track in values]) for spec in specs)
        return self._store(part_id, tracks, columns)

    def merge(self, part_id: str, sources: Mapping[str, Sequence[tuple[int, str]]]) -> PartRecord:
        """Write a part from rows of others, bit for bit.

        Parameters
        ----------
        part_id : str
            A name from `new_part_id`.
        sources : mapping of part id to (row, content id) pairs
            Parts with the same arrays, and the rows to take, in order.
        """
        first = self.root / "parts" / next(iter(sources))
        found = sorted(file.parent.relative_to(first).as_posix() for file in first.rglob("zarr.json"))
        wanted = [path for path in found if path != "track_id" and "dims" in self._kind(first.name, path)]
        tracks = [track for rows in sources.values() for _, track in rows]
        return self._store(part_id, tracks, (self._gather(path, sources) for path in wanted))

    def _kind(self, part_id: str, path: str) -> dict[str, Any]:
        """Give what `merge` must know of an array; nothing for groups and offsets, which are made anew."""
        node = json.loads((self.root / "parts" / part_id / path / "zarr.json").read_text())
        if node["node_type"] != "array" or "descriptor_version" not in node["attributes"]:
            return {}
        return {"dims": node["dimension_names"], "attributes": node["attributes"]}

    def _gather(self, path: str, sources: Mapping[str, Sequence[tuple[int, str]]]) -> _Column:
        rows: list[Array] = []
        kind: dict[str, Any] = {}
        for part_id, wanted in sources.items():
            kind = self._kind(part_id, path)
            stored = self.read(part_id, path)
            if "offsets" in kind["attributes"]:
                edges = self.read(part_id, kind["attributes"]["offsets"])
                rows += [stored[edges[row] : edges[row + 1]] for row, _ in wanted]
            else:
                rows += [stored[row] for row, _ in wanted]
        ragged = kind["attributes"].pop("offsets", None) is not None
        values = np.concatenate(rows) if ragged else np.stack(rows)
        lengths = [len(row) for row in rows] if ragged else None
        return _Column(path, kind["dims"], kind["attributes"], values, lengths)

    def _store(self, part_id: str, tracks: Sequence[str], columns: Iterable[_Column]) -> PartRecord:
        """Write the arrays of a part one after the other, flush them, and take their digests."""
        part = self.root / "parts" / part_id
        ids = np.frombuffer(bytes.fromhex("".join(tracks)), dtype=np.uint8).reshape(len(tracks), 16)
        versions = {"track_id": 1}
        offsets: dict[tuple[str, tuple[int, ...]], str] = {}
        with self._room(part_id):
            part.mkdir(parents=True)
            _write_array(part, "track_id", ids, ("track", "byte"), {"long_name": "Content id of the track."})
            for column in columns:
                attributes = dict(column.attributes)
                if column.lengths is not None:
                    attributes["offsets"] = _write_offsets(part, column, offsets)
                _write_array(part, column.path, column.values, column.dims, attributes)
                versions[column.path] = int(attributes["descriptor_version"])
            versions.update(dict.fromkeys(offsets.values(), 1))
            failpoint("part-written")
            flush_folder(part)
            failpoint("part-flushed")
            arrays = {path: (version, self.digest(part_id, path)) for path, version in versions.items()}
            return PartRecord(part_id, tuple(tracks), arrays, _size(part))

    def open(self, part_id: str, path: str) -> zarr.Array[Any]:
        """Open one array of a part for reading."""
        import zarr

        try:
            return zarr.open_array(self.root, path=f"parts/{part_id}/{path}", mode="r")
        except FileNotFoundError as error:
            raise LibraryDamagedError(
                f"{self.root}: array {path} of part {part_id} is missing.",
                "Run `workbench verify --repair`, then analyze again.",
            ) from error

    def has(self, part_id: str, path: str) -> bool:
        """Tell whether a part holds an array."""
        return (self.root / "parts" / part_id / path / "zarr.json").exists()

    def read(self, part_id: str, path: str) -> Array:
        """Read one array of a part whole, as it is stored."""
        return np.asarray(self.open(part_id, path)[...])

    def read_rows(self, part_id: str, path: str, row: int) -> Array:
        """Read the segments or frames of one track: shape (n, …)."""
        array = self.open(part_id, path)
        offsets = self.read(part_id, str(array.attrs["offsets"]))
        return np.asarray(array[int(offsets[row]) : int(offsets[row + 1])])

    def read_ragged(self, part_id: str, path: str) -> tuple[Array, Array]:
        """Read the segments or frames of all tracks of a part: values, and offsets (row i: i to i + 1)."""
        array = self.open(part_id, path)
        return np.asarray(array[...]), self.read(part_id, str(array.attrs["offsets"]))

    def digest(self, part_id: str, path: str) -> str:
        """Digest of the files that make up an array: names and bytes, in order of name."""
        folder = self.root / "parts" / part_id / path
        digest = hashlib.blake2b(digest_size=16)
        for file in _files(folder):
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0")
            with file.open("rb") as opened:
                while block := opened.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()

    def listed(self) -> set[str]:
        """Names of all part folders on the disk, committed or not. Readers never use this."""
        folder = self.root / "parts"
        return {entry.name for entry in os.scandir(folder) if entry.is_dir()} if folder.exists() else set()

    def touch(self, part_id: str) -> None:
        """Note that a part went out of use now."""
        os.utime(self.root / "parts" / part_id)

    def unused_for_s(self, part_id: str) -> float:
        """Tell for how long nobody has written to a part that is not in use, or since when it is not, seconds."""
        return time.time() - (self.root / "parts" / part_id).stat().st_mtime

    def remove(self, part_id: str) -> int:
        """Delete a part's folder; give the bytes that this frees."""
        folder = self.root / "parts" / part_id
        freed = _size(folder)
        shutil.rmtree(folder)
        return freed

    @contextmanager
    def _room(self, part_id: str) -> Iterator[None]:
        """Turn a full disk into an error that says so, and take back what was written of the part."""
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            shutil.rmtree(self.root / "parts" / part_id, ignore_errors=True)
            raise StorageFullError(
                f"No room left for features in {self.root}.",
                "Free some space and run the same command again: it resumes where it stopped.",
            ) from error


@dataclass(frozen=True, slots=True)
class _Column:
    """An array to write: a row per track, or `lengths` rows per track one after the other."""

    path: str
    dims: Sequence[str]
    attributes: Mapping[str, Any]
    values: Array
    lengths: list[int] | None


def _encoded(spec: ArraySpec, rows: Sequence[Array]) -> _Column:
    if spec.level not in ("segments", "frames"):
        return _Column(spec.path, spec.all_dims, spec.attributes, spec.encode(np.stack(rows)), None)
    joined = rows[0] if len(rows) == 1 else np.concatenate(rows)  # a long file is alone, and no copy is made of it
    return _Column(spec.path, spec.all_dims, spec.attributes, spec.encode(joined), [len(row) for row in rows])


def _write_offsets(part: Path, column: _Column, written: dict[tuple[str, tuple[int, ...]], str]) -> str:
    """Write each distinct vector of offsets once per level; give its path."""
    level, _, name = column.path.partition("/")
    lengths = column.lengths or []
    known = (level, tuple(lengths))
    if known not in written:
        first = not any(other == level for other, _ in written)
        written[known] = f"{level}/offsets" if first else f"{level}/offsets_{name}"
        edges = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        attributes = {"long_name": f"First {column.dims[0]} of each track, and the end of the last."}
        _write_array(part, written[known], edges, ("edge",), attributes)
    return written[known]


def _write_array(part: Path, path: str, values: Array, dims: Sequence[str], attributes: Mapping[str, Any]) -> None:
    # What Zarr gives for chunks that are not there: a part removed under a reader reads as unknown, not as 0.
    fill_value = float("nan") if values.dtype.kind == "f" else 0
    row_bytes = max(1, values.itemsize * int(np.prod(values.shape[1:])))
    chunk = min(max(1, _CHUNK_BYTES // row_bytes), max(1, len(values)))
    write_groups(part, (part / path).parent)
    if chunk == len(values):
        write_single_chunk(part / path, values, fill_value, dims, attributes)
        return
    import zarr
    from zarr.codecs import Crc32cCodec, ZstdCodec

    chunks_in_shard = min(-(-len(values) // chunk), max(1, _SHARD_BYTES // (chunk * row_bytes))) or 1
    zarr.create_array(
        part,
        name=path,
        data=values,
        chunks=(chunk, *values.shape[1:]),
        # a shard around a single chunk would only cost time
        shards=(chunk * chunks_in_shard, *values.shape[1:]) if chunks_in_shard > 1 else None,
        compressors=[ZstdCodec(level=ZSTD_LEVEL), Crc32cCodec()],
        fill_value=fill_value,
        dimension_names=tuple(dims),
        attributes=dict(attributes),
    )


def flush_folder(folder: Path) -> None:
    """Flush every file and folder below `folder`, and its own entry, to the disk.

    Many at a time, for which a journalling file system needs hardly longer than for one.
    """
    paths = [Path(directory, name) for directory, _, names in os.walk(folder) for name in ("", *names)]
    with ThreadPoolExecutor(_FLUSHES_AT_ONCE) as pool:
        list(pool.map(_fsync, paths))  # an error of any comes out here
    _fsync(folder.parent)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(folder: Path) -> list[Path]:
    return sorted(Path(directory, name) for directory, _, names in os.walk(folder) for name in names)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in _files(folder))
