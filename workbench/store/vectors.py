"""The matrix that similarity search reads: standardised vectors of all tracks, memory-mapped.

It is made from the ``embedding`` arrays of the parts, and made again when the library's version has
moved on; ``index/`` can be deleted at any time. Where it cannot be written, it is kept in memory.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workbench.similarity.embedding import EMBEDDING, Scaling, fit_scaling
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
from workbench.store.catalog.queries import placed_arrays
from workbench.store.index import replace_version

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Vectors:
    """All tracks of a library as vectors.

    Attributes
    ----------
    version : library version that this belongs to
    ids : track ids in ascending order; row i belongs to ``ids[i]``
    raw : float32 (n_tracks, d), as `workbench.similarity.embedding.embed` gives them
    standardised : float32 (n_tracks, d), what distances are taken in
    scaling : what standardises a query
    """

    version: int
    ids: npt.NDArray[np.str_]
    raw: Float32
    standardised: Float32
    scaling: Scaling

    def row(self, track_id: str) -> int | None:
        """Row of a track, None where it has no vector."""
        row = int(np.searchsorted(self.ids, track_id))
        return row if row < len(self.ids) and self.ids[row] == track_id else None

    def mask(self, track_ids: list[str]) -> npt.NDArray[np.bool_]:
        """Tell for each row whether its track is among those given."""
        return np.isin(self.ids, np.asarray(track_ids, dtype=self.ids.dtype), assume_unique=True)


def load_vectors(catalog: Catalog, parts: PartStore, folder: Path) -> Vectors:
    """Open the vectors of the library as it is now; make them first if need be.

    Parameters
    ----------
    catalog, parts : Catalog, PartStore
        The library.
    folder : Path
        Where the index lies.
    """
    version = catalog.version()
    current = folder / f"{version:012d}-{EMBEDDING.version}"
    if (current / "scaling.json").exists():
        with contextlib.suppress(FileNotFoundError):  # a process that saw a later version has just removed it
            return _open(version, current)
    made = _make(catalog, parts, version)
    with contextlib.suppress(OSError):  # a library that can only be read, or a full disk, still answers
        replace_version(current, lambda target: _write(made, target))
    return made


def _open(version: int, folder: Path) -> Vectors:
    return Vectors(
        version=version,
        ids=np.load(folder / "ids.npy"),
        raw=np.load(folder / "raw.npy", mmap_mode="r"),
        standardised=np.load(folder / "standardised.npy", mmap_mode="r"),
        scaling=Scaling.from_dict(json.loads((folder / "scaling.json").read_text())),
    )


def _make(catalog: Catalog, parts: PartStore, version: int) -> Vectors:
    ids: list[str] = []
    blocks: list[Float32] = [np.empty((0, *EMBEDDING.shape), dtype=np.float32)]
    for placed in placed_arrays(catalog, EMBEDDING.path, EMBEDDING.version):
        stored = parts.read(placed.part_id, EMBEDDING.path)
        blocks.append(EMBEDDING.decode(stored[list(placed.rows)]))
        ids.extend(placed.track_ids)
    order = np.argsort(np.asarray(ids, dtype="U32"))
    raw = np.concatenate(blocks)[order]
    scaling = fit_scaling(raw)
    return Vectors(version, np.asarray(ids, dtype="U32")[order], raw, scaling.apply(raw), scaling)


def _write(made: Vectors, target: Path) -> None:
    np.save(target / "ids.npy", made.ids)
    np.save(target / "raw.npy", made.raw)
    np.save(target / "standardised.npy", made.standardised)
    (target / "scaling.json").write_text(json.dumps(made.scaling.to_dict()))
