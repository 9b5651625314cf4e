"""A library's descriptors as one lazy xarray.Dataset, over however many parts they lie in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.errors import InputError
from workbench.schema import ArraySpec
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog
from workbench.store.catalog.queries import placed_arrays, track_ids

if TYPE_CHECKING:
    import dask.array as da
    import xarray as xr


def open_features(catalog: Catalog, parts: PartStore, specs: Iterable[ArraySpec]) -> xr.Dataset:
    """Open the arrays that have a row per track; nothing is read until it is computed.

    Parameters
    ----------
    catalog, parts : Catalog, PartStore
        The library.
    specs : iterable of ArraySpec
        Arrays of level ``summary`` or ``embedding``.

    Returns
    -------
    xarray.Dataset
        One variable per descriptor on Dask arrays, dims ``track`` and the descriptor's own, missing
        values as NaN; coordinate ``track`` holds the ids in ascending order.
    """
    import xarray as xr

    ids = np.asarray(track_ids(catalog), dtype="U32")
    variables: dict[str, Any] = {}
    coords: dict[str, Any] = {"track": ("track", ids, {"long_name": "Content id of the track's audio"})}
    for spec in specs:
        values = _by_track(catalog, parts, spec, ids)
        variables[spec.name] = (
            spec.all_dims,
            values,
            {k: v for k, v in spec.attributes.items() if k != "missing_value"},
        )
        coords.update({dim: (dim, list(labels)) for dim, labels in spec.coords.items()})
    return xr.Dataset(variables, coords, {"library": catalog.library_id, "version": catalog.version()})


def _by_track(catalog: Catalog, parts: PartStore, spec: ArraySpec, ids: npt.NDArray[np.str_]) -> da.Array:
    """One Dask array with a row per id; tracks that lack the descriptor have NaN."""
    import dask.array as da

    blocks: list[da.Array] = []
    found: list[str] = []
    for placed in placed_arrays(catalog, spec.path, spec.version):
        stored = parts.open(placed.part_id, spec.path)
        block = da.from_array(stored, chunks=stored.chunks, name=f"{placed.part_id}-{spec.name}")
        rows = list(placed.rows)
        blocks.append(block if rows == list(range(len(block))) else block[rows])
        found.extend(placed.track_ids)
    lacking = sorted(set(ids.tolist()) - set(found))
    if lacking or not blocks:
        shape = (len(lacking), *spec.shape)
        blocks.append(da.full(shape, np.nan, dtype=spec.dtype, chunks=shape))
        found.extend(lacking)
    values: da.Array = da.concatenate(blocks)
    if spec.optional:
        values = da.map_blocks(spec.decode, values, dtype=spec.dtype)
    order = np.argsort(np.asarray(found, dtype="U32"))
    return values if (order == np.arange(len(order))).all() else values[order]


def read_ragged(catalog: Catalog, parts: PartStore, spec: ArraySpec, track_id: str) -> xr.DataArray:
    """Read the segments or frames of one track.

    Returns
    -------
    xarray.DataArray
        shape (n, *spec.shape), missing values as NaN.

    Raises
    ------
    InputError
        When the track has no such array.
    """
    import xarray as xr

    placed = next(iter(placed_arrays(catalog, spec.path, spec.version, track_id)), None)
    if placed is None:
        raise InputError(
            f"Track {track_id} has no {spec.level} of {spec.name}.",
            f"Store them with `workbench analyze PATH --frames {spec.name}`."
            if spec.level == "frames"
            else "Analyze its file again.",
        )
    values = spec.decode(parts.read_rows(placed.part_id, spec.path, placed.rows[0]))
    attributes = {k: v for k, v in spec.attributes.items() if k != "missing_value"}
    coords = {dim: (dim, list(labels)) for dim, labels in spec.coords.items()}
    return xr.DataArray(values, coords, spec.all_dims, spec.name, attributes)
