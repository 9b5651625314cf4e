"""The map of a library: its layout and the place of each track, kept below ``index/``.

A layout is fitted when the library has doubled, and starts from the former one. Places are kept by the number of
the track and never change until then; new tracks are added to them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workbench.similarity.embedding import EMBEDDING
from workbench.similarity.layout import (
    LANDMARKS,
    VERSION,
    WORDS,
    Layout,
    component_descriptors,
    fit_layout,
    name_clusters,
)
from workbench.store.catalog import Catalog
from workbench.store.index import generation, made_once
from workbench.store.vectors import Vectors

Float32 = npt.NDArray[np.float32]

_ENOUGH = 20_000  # tracks to name clusters by


@dataclass(frozen=True, slots=True)
class TrackMap:
    """Where the tracks of a library lie.

    Attributes
    ----------
    ids : of the tracks that have a vector, shape (n,)
    x, y : float32, shape (n,): their place. 0 is the middle, and the mean square of the distance from it about 1;
        tracks that sound alike lie close together, and directions mean nothing
    cluster : int64, shape (n,): position in `names`
    names : what tracks of each cluster have in common, such as ``bright, fast``
    """

    ids: list[str]
    x: Float32
    y: Float32
    cluster: npt.NDArray[np.int64]
    names: list[str]


def load_map(catalog: Catalog, vectors: Vectors, folder: Path) -> TrackMap:
    """Place the tracks of the library as it is now; those that have a place keep it.

    Parameters
    ----------
    catalog : Catalog
        Tempo and energy for the names of clusters.
    vectors : Vectors
        All tracks.
    folder : Path
        Where the map lies. Where it cannot be written, it is made again each time.
    """
    scaling = hashlib.blake2b(json.dumps(vectors.scaling.to_dict()).encode(), digest_size=4).hexdigest()
    current = folder / f"{VERSION}-{EMBEDDING.version}-{generation(len(vectors.known))}-{scaling}"
    layout = _opened(current) or _begun(vectors, folder, current)
    rows = np.flatnonzero(vectors.known)
    placed = _placed(current, vectors, layout)[rows]
    cluster = placed[:, 2].astype(np.int64)
    return TrackMap(
        ids=vectors.ids.take(rows),
        x=placed[:, 0].copy(),
        y=placed[:, 1].copy(),
        cluster=cluster,
        names=_names(catalog, vectors, rows, cluster, len(layout.centres)),
    )


def _opened(folder: Path) -> Layout | None:
    with contextlib.suppress(OSError, ValueError):
        return _read(folder)
    return None


def _read(folder: Path) -> Layout:
    return Layout(**{field.name: np.load(folder / f"{field.name}.npy") for field in fields(Layout)})


def _begun(vectors: Vectors, folder: Path, current: Path) -> Layout:
    """Fit a layout, from the former one if there is one; that of another process, if it was faster."""
    former = next(filter(None, map(_opened, folder.glob(f"{VERSION}-{EMBEDDING.version}-*"))), None)
    rows = np.flatnonzero(vectors.known)
    rows = rows[:: 1 + len(rows) // LANDMARKS]
    layout = fit_layout(vectors.standardised[rows], former)

    def write(target: Path) -> None:
        for field in fields(Layout):
            np.save(target / f"{field.name}.npy", getattr(layout, field.name))

    return made_once(current, write, _read) or layout


def _placed(folder: Path, vectors: Vectors, layout: Layout) -> Float32:
    """Give place and cluster of each row, shape (rows, 3); NaN for rows that are not known."""
    placed = np.full((len(vectors.known), 3), np.nan, dtype=np.float32)
    with contextlib.suppress(OSError, ValueError):
        kept = np.load(folder / "places_of_tracks.npy")[: len(placed)]
        placed[: len(kept)] = kept
    new = np.flatnonzero(vectors.known & np.isnan(placed[:, 0]))
    if len(new):
        for some in np.array_split(new, 1 + len(new) // 10_000):  # few vectors in memory at a time
            standardised = vectors.standardised[some]
            placed[some, :2] = layout.place(standardised)
            placed[some, 2] = layout.cluster(standardised)
        _save(folder, placed)
    return placed


def _save(folder: Path, placed: Float32) -> None:
    building = folder / f".places-{uuid.uuid4().hex[:8]}.npy"
    with contextlib.suppress(OSError):
        try:
            np.save(building, placed)
            os.replace(building, folder / "places_of_tracks.npy")
        except OSError:
            building.unlink(missing_ok=True)


def _names(
    catalog: Catalog, vectors: Vectors, rows: npt.NDArray[np.int64], cluster: npt.NDArray[np.int64], n: int
) -> list[str]:
    """Name clusters by a sample of their tracks."""
    sample = slice(None, None, 1 + len(rows) // _ENOUGH)
    found: dict[str, npt.NDArray[np.floating]] = dict(component_descriptors(vectors.raw[rows[sample]]))
    for name in WORDS.keys() - found.keys():
        found[name] = catalog.columns.numbers(name, len(vectors.known))[rows[sample]]
    return name_clusters(cluster[sample], found, n)
