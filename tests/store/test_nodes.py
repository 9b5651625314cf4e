"""Nodes written without Zarr are those that Zarr writes, byte for byte, and Zarr and xarray read them."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from zarr.codecs import Crc32cCodec, ZstdCodec

from workbench.store.nodes import ZSTD_LEVEL, write_groups, write_single_chunk

ATTRIBUTES = {"long_name": "Größe", "units": "dB", "descriptor_version": 3, "labels": ["a", "b"], "missing": 9.96e36}


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder; of metadata what they say, as versions of Zarr order it differently."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: json.dumps(json.loads(path.read_bytes()), sort_keys=True).encode()
        if name.endswith(".json")
        else path.read_bytes()
        for name, path in found.items()
    }


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "int8", "uint8"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_array_is_what_zarr_writes(dtype: str, data: st.DataObject) -> None:
    shape = data.draw(array_shapes(max_dims=3, max_side=9))
    values: npt.NDArray[np.generic] = data.draw(arrays(dtype, shape))
    fill_value = float("nan") if values.dtype.kind == "f" else 0
    dims = [f"d{i}" for i in range(values.ndim)]
    with TemporaryDirectory() as name:
        ours, theirs = Path(name, "ours"), Path(name, "theirs")
        write_groups(ours, ours / "summary")
        write_single_chunk(ours / "summary" / "x", values, fill_value, dims, ATTRIBUTES)
        zarr.open_group(theirs, mode="w").create_array(
            "summary/x",
            data=values,
            chunks=values.shape,
            compressors=[ZstdCodec(level=ZSTD_LEVEL), Crc32cCodec()],
            fill_value=fill_value,
            dimension_names=dims,
            attributes=ATTRIBUTES,
        )
        assert files(ours) == files(theirs)
        read = zarr.open_group(ours, mode="r")["summary/x"]
        assert isinstance(read, zarr.Array)
        np.testing.assert_array_equal(np.asarray(read[...]), values)


def test_groups_that_are_there_are_left_alone(tmp_path: Path) -> None:
    zarr.open_group(tmp_path, mode="w", attributes={"kept": True})
    write_groups(tmp_path, tmp_path / "a" / "b")
    assert zarr.open_group(tmp_path, mode="r").attrs["kept"] is True
    assert [name for name, _ in zarr.open_group(tmp_path, mode="r").members(max_depth=None)] == ["a", "a/b"]
    assert not (tmp_path.parent / "zarr.json").exists()
