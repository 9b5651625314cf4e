"""Parts: written once, flushed, read back to the bit, and merged to the bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.conftest import FRAMES, SEGMENTS, SPECS, SUMMARY, Store, content_id, values_of
from workbench.errors import LibraryDamagedError
from workbench.schema import MISSING
from workbench.store.arrays import PartRecord, PartStore, new_part_id


def test_what_is_written_is_read(store: Store) -> None:
    numbers = [5, 3, 4]
    record = store.write(store.plan("a"), *numbers)
    assert record.tracks == tuple(map(content_id, numbers))
    assert [bytes(row).hex() for row in store.parts.read(record.part_id, "track_id")] == list(record.tracks)
    summary = SUMMARY.decode(store.parts.read(record.part_id, SUMMARY.path))
    np.testing.assert_array_equal(summary, np.stack([values_of(n)[SUMMARY.path] for n in numbers]))
    for spec in (SEGMENTS, FRAMES):
        for row, number in enumerate(numbers):
            np.testing.assert_array_equal(
                store.parts.read_rows(record.part_id, spec.path, row), values_of(number)[spec.path]
            )


def test_no_nan_is_stored(store: Store) -> None:
    record = store.write(store.plan("a"), 3)
    stored = store.parts.read(record.part_id, SUMMARY.path)
    assert stored[0, 1] == MISSING
    assert not np.isnan(stored).any()


def test_xarray_reads_names_units_and_missing_values(store: Store) -> None:
    record = store.write(store.plan("a"), 3, 4)
    dataset = xr.open_zarr(store.parts.root, group=f"parts/{record.part_id}/summary", consolidated=False)
    assert dataset["level"].dims == ("track", "statistic")
    assert dataset["level"].attrs["units"] == "dB"
    np.testing.assert_array_equal(dataset["level"].isnull().values, [[False, True], [False, False]])


def codecs(store: PartStore, record: PartRecord, path: str) -> list[dict[str, object]]:
    node = json.loads((store.root / "parts" / record.part_id / path / "zarr.json").read_text())
    assert node["data_type"] == "float32"
    return list(node["codecs"])


def test_arrays_are_compressed_and_checked(store: Store) -> None:
    record = store.write(store.plan("a"), 1, 2)
    names = [codec["name"] for codec in codecs(store.parts, record, SUMMARY.path)]
    assert names == ["bytes", "zstd", "crc32c"]


def test_long_arrays_are_cut_into_chunks_along_the_first_axis(tmp_path: Path) -> None:
    parts = PartStore(tmp_path / "features.zarr")
    parts.create()
    long = np.arange(3_000_000, dtype=np.float32) % 50
    record = parts.write(new_part_id("x"), [content_id(1)], [SEGMENTS], [{SEGMENTS.path: long}])
    array = parts.open(record.part_id, SEGMENTS.path)
    assert array.chunks == (524_288,)
    (sharding,) = codecs(parts, record, SEGMENTS.path)
    assert sharding["name"] == "sharding_indexed"
    np.testing.assert_array_equal(array[...], long)


def test_a_part_is_never_written_twice(store: Store) -> None:
    store.parts.write("once", [content_id(1)], SPECS, [values_of(1)])
    with pytest.raises(FileExistsError):
        store.parts.write("once", [content_id(2)], SPECS, [values_of(2)])


def test_equal_values_have_equal_digests_and_a_flipped_bit_another(store: Store) -> None:
    job = store.plan("a")
    one, two, other = store.write(job, 1, 2), store.write(job, 1, 2), store.write(job, 1, 3)
    assert one.arrays == two.arrays
    assert one.arrays[SUMMARY.path] != other.arrays[SUMMARY.path]
    chunk = next(f for f in (store.parts.root / "parts" / one.part_id / SUMMARY.path).rglob("0") if f.is_file())
    flip_bit(chunk)
    assert store.parts.digest(one.part_id, SUMMARY.path) != one.arrays[SUMMARY.path][1]


def flip_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_a_missing_array_is_damage(store: Store) -> None:
    with pytest.raises(LibraryDamagedError, match="verify"):
        store.parts.read("nowhere", SUMMARY.path)


_sources = st.lists(
    st.tuples(
        st.lists(st.integers(1, 90), min_size=1, max_size=5, unique=True), st.sets(st.integers(0, 4), min_size=1)
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=8)
@given(sources=_sources)
def test_merging_equals_writing_the_chosen_rows_at_once(
    tmp_path_factory: pytest.TempPathFactory, sources: list[tuple[list[int], set[int]]]
) -> None:
    parts = PartStore(tmp_path_factory.mktemp("merge") / "features.zarr")
    parts.create()
    taken: dict[str, list[tuple[int, str]]] = {}
    numbers: list[int] = []
    for i, (tracks, rows) in enumerate(sources):
        record = parts.write(f"p{i}", list(map(content_id, tracks)), SPECS, list(map(values_of, tracks)))
        taken[record.part_id] = [(row, record.tracks[row]) for row in sorted(rows) if row < len(tracks)]
        numbers += [tracks[row] for row, _ in taken[record.part_id]]
    if not numbers:
        return
    merged = parts.merge("merged", taken)
    plain = parts.write("plain", list(map(content_id, numbers)), SPECS, list(map(values_of, numbers)))
    for path in plain.arrays:
        assert _same(parts.read("merged", path), parts.read("plain", path)), path
    assert {path: version for path, (version, _) in merged.arrays.items()} == {
        path: version for path, (version, _) in plain.arrays.items()
    }


def _same(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    return a.dtype == b.dtype and a.tobytes() == b.tobytes()
