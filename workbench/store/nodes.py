"""Zarr v3 nodes written without Zarr: groups, and arrays of a single chunk, as nearly all of a part are.

The bytes are those that Zarr writes (the tests compare). Zarr takes 0.4 s to import, which every worker would spend
before its first track is done, and 0.25 s of processor time for the 70 arrays of a part; this takes 0.06 s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ZSTD_LEVEL = 3


def write_groups(root: Path, folder: Path) -> None:
    """Make a folder and those between it and `root`, `root` included, groups, if they are none yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for group in (folder, *folder.parents):
        metadata = group / "zarr.json"
        if not metadata.exists():
            _write_json(metadata, {"attributes": {}, "zarr_format": 3, "node_type": "group"})
        if group == root:
            return


def write_single_chunk(
    folder: Path, values: npt.NDArray[Any], fill_value: float, dims: Sequence[str], attributes: Mapping[str, Any]
) -> None:
    """Write an array as one chunk, compressed by Zstandard and followed by its CRC-32C.

    Parameters
    ----------
    folder : Path
        Of the array; its parent is there.
    values : numpy.ndarray
        Numbers of any kind and shape, with a row at least.
    fill_value : float
        What Zarr gives for a chunk that is not there. An array full of it has none.
    dims : sequence of str
        Names of the dimensions.
    attributes : mapping
        What JSON can hold.
    """
    folder.mkdir()
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    in_order: dict[str, Any] = {"name": "bytes"}
    if little.itemsize > 1:
        in_order["configuration"] = {"endian": "little"}
    zstd = {"name": "zstd", "configuration": {"level": ZSTD_LEVEL, "checksum": False}}
    shape = list(values.shape)
    metadata = {
        "shape": shape,
        "data_type": values.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shape}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": "NaN" if np.isnan(fill_value) else fill_value,
        "codecs": [in_order, zstd, {"name": "crc32c"}],
        "attributes": dict(attributes),
        "dimension_names": list(dims),
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }
    _write_json(folder / "zarr.json", metadata)
    if not np.array_equal(values, np.full_like(values, fill_value), equal_nan=values.dtype.kind == "f"):
        chunk = folder.joinpath("c", *["0"] * values.ndim)
        chunk.parent.mkdir(parents=True)
        chunk.write_bytes(_encoded(little))


def _encoded(values: npt.NDArray[Any]) -> bytes:
    from google_crc32c import value
    from numcodecs.zstd import Zstd  # type: ignore[import-untyped]

    compressed = bytes(Zstd(level=ZSTD_LEVEL).encode(values.reshape(-1).view(np.uint8)))
    return compressed + int(value(compressed)).to_bytes(4, "little")


def _write_json(path: Path, metadata: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(metadata, indent=2))
