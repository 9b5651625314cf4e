"""The catalog as a table for other programs: Parquet, CSV or JSON, by the ending of the file's name."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import tabular
from workbench.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Records = Sequence[Mapping[str, Any]]


def add_descriptors(records: Records, features: xr.Dataset) -> list[dict[str, Any]]:
    """Append the summaries of descriptors to tracks, one column per number.

    Parameters
    ----------
    records : sequence of mappings
        Tracks with their ``id``.
    features : xarray.Dataset
        As `workbench.store.dataset.open_features` gives it; every variable is appended.

    Returns
    -------
    list of dict
        Columns are named by the labels of their axes: ``mfcc_mean_3``; missing values are None.
    """
    chosen = features.sel(track=[record["id"] for record in records]).compute()
    rows = [dict(record) for record in records]
    for name, variable in chosen.data_vars.items():
        axes = [
            variable.coords[d].values if d in variable.coords else range(variable.sizes[d]) for d in variable.dims[1:]
        ]
        columns = ["_".join([str(name), *map(str, labels)]) for labels in product(*axes)]
        flat = variable.values.reshape(len(rows), len(columns))
        for row, values in zip(rows, flat.tolist(), strict=True):
            row.update(zip(columns, (None if np.isnan(v) else v for v in values), strict=True))
    return rows


def write_table(records: Records, path: str | os.PathLike[str]) -> Path:
    """Write records to a new or existing file, which is replaced only when the new one is complete.

    Parameters
    ----------
    records : sequence of mappings
        One per row, with equal keys.
    path : path
        Ends in ``.parquet``, ``.csv`` (cells that a spreadsheet would take for a formula are
        neutralised) or ``.json``.

    Raises
    ------
    InputError
        On another ending, or a folder that does not exist or cannot be written.
    """
    target = Path(path).expanduser()
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise InputError(f"{target.name!r} has no known ending.", f"Known: {', '.join(_WRITERS)}.")
    replace_file(target, lambda beside: write(records, beside))
    return target


def replace_file(target: Path, write: Callable[[Path], None]) -> None:
    """Let `write` make a file beside the target, and put it into its place when it is complete."""
    beside = target.with_name(f".{target.name}-{uuid.uuid4().hex[:8]}")
    try:
        write(beside)
        os.replace(beside, target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError(f"{str(target)!r} cannot be written: {error.strerror}.", "Choose another place.") from error


def replace_text(target: str | os.PathLike[str], text: str) -> None:
    """Write text as UTF-8 to a new or existing file, which is replaced only when the new one is complete."""
    data = text.encode("utf-8")
    replace_file(Path(target), lambda beside: _write_bytes(beside, data))


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _write_parquet(records: Records, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {**record, "path": tabular.escape_surrogates(record["path"])} if "path" in record else record
        for record in records
    ]
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)


def _write_csv(records: Records, path: Path) -> None:
    path.write_bytes(tabular.to_csv(records).encode("utf-8"))


def _write_json(records: Records, path: Path) -> None:
    path.write_bytes(tabular.to_json(records).encode("utf-8"))


_WRITERS: dict[str, Callable[[Records, Path], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".json": _write_json,
}
