"""Descriptors of all tracks as one lazy dataset, over however many parts and versions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.store.conftest import FRAMES, SEGMENTS, SUMMARY, Store, content_id, values_of
from workbench.errors import InputError
from workbench.schema import ArraySpec, JobState
from workbench.store.arrays import part_name
from workbench.store.commit import commit_batch
from workbench.store.dataset import open_features, read_ragged

LABELLED = replace(SUMMARY, coords={"statistic": ("mean", "std")})


def expected(*numbers: int) -> np.ndarray:
    return np.stack([values_of(number)[SUMMARY.path] for number in sorted(numbers)])


def test_rows_are_in_order_of_the_ids_wherever_they_lie(store: Store) -> None:
    store.add(7, 2, 9)
    store.add(5)
    store.add(1, 8)
    features = open_features(store.catalog, store.parts, [LABELLED])
    assert features["level"].dims == ("track", "statistic")
    assert features.track.values.tolist() == [content_id(n) for n in (1, 2, 5, 7, 8, 9)]
    np.testing.assert_array_equal(features["level"].values, expected(1, 2, 5, 7, 8, 9))
    assert features.statistic.values.tolist() == ["mean", "std"]
    assert features["level"].attrs["units"] == "dB"
    assert features.attrs["version"] == store.catalog.version()


def test_nothing_is_read_until_it_is_computed(store: Store) -> None:
    part = store.add(1, 2)
    features = open_features(store.catalog, store.parts, [SUMMARY])
    assert features["level"].chunks is not None
    store.parts.remove(part.part_id)
    assert np.isnan(features["level"].values).all()  # unknown, never 0


def test_an_empty_library(store: Store) -> None:
    features = open_features(store.catalog, store.parts, [SUMMARY])
    assert features["level"].shape == (0, 2)
    assert features["level"].values.shape == (0, 2)


def test_tracks_that_lack_a_descriptor_have_missing_values(store: Store) -> None:
    store.add(1, 2)
    newer = ArraySpec("warmth", "summary", (), (), "1", 0, 1, "Warmth.", "test")
    job = store.plan("/music/3.wav")
    part = store.parts.write(
        part_name(job.job_id, "b"), [content_id(3)], [SUMMARY, newer], [values_of(3) | {newer.path: np.float32(0.5)}]
    )
    commit_batch(store.catalog, store.lease(job), [store.result(0, "/music/3.wav", 3)], [part])
    store.ledger.finish(job, JobState.DONE)
    features = open_features(store.catalog, store.parts, [SUMMARY, newer])
    np.testing.assert_array_equal(features["warmth"].values, [np.nan, np.nan, 0.5])
    np.testing.assert_array_equal(features["level"].values, expected(1, 2, 3))


def test_another_version_of_a_descriptor_is_another_descriptor(store: Store) -> None:
    store.add(1)
    features = open_features(store.catalog, store.parts, [replace(SUMMARY, version=2)])
    assert np.isnan(features["level"].values).all()


def test_rows_that_are_no_longer_in_use_are_left_out(store: Store) -> None:
    store.add(1, 2, 3)
    job = store.plan("/music/2.wav")
    commit_batch(store.catalog, store.lease(job), [store.result(0, "/music/2.wav", 6)], [store.write(job, 6)])
    features = open_features(store.catalog, store.parts, [SUMMARY])
    assert features.track.values.tolist() == [content_id(n) for n in (1, 3, 6)]
    np.testing.assert_array_equal(features["level"].values, expected(1, 3, 6))


@pytest.mark.parametrize("spec", [SEGMENTS, FRAMES])
def test_segments_and_frames_of_one_track(store: Store, spec: ArraySpec) -> None:
    store.add(4, 5)
    found = read_ragged(store.catalog, store.parts, spec, content_id(5))
    assert found.dims == spec.all_dims
    assert found.attrs["units"] == spec.unit
    np.testing.assert_array_equal(found.values, values_of(5)[spec.path])


def test_what_was_not_stored_is_said_how_to_get(store: Store) -> None:
    store.add(4)
    with pytest.raises(InputError, match="--frames chroma"):
        read_ragged(store.catalog, store.parts, replace(FRAMES, name="chroma"), content_id(4))
    with pytest.raises(InputError, match="Analyze its file again"):
        read_ragged(store.catalog, store.parts, replace(SEGMENTS, name="rms"), content_id(4))
