"""An ArraySpec refuses what breaks the contract and gives back what it was given."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.schema import MISSING, ArraySpec


def spec(**changes: object) -> ArraySpec:
    values: dict[str, object] = {
        "name": "chroma",
        "level": "summary",
        "dims": ("statistic", "pitch_class"),
        "shape": (2, 12),
        "unit": "1",
        "low": 0.0,
        "high": 1.0,
        "sentence": "Share of each pitch class.",
        "source": "librosa.feature.chroma_stft",
        "optional": True,
        "coords": {"statistic": ("mean", "std")},
    }
    return ArraySpec(**(values | changes))  # type: ignore[arg-type]


def test_path_and_key_name_the_stored_array() -> None:
    assert (spec().path, spec(version=3).key) == ("summary/chroma", "summary/chroma@3")
    assert spec(name="embedding", level="embedding").path == "embedding"


@pytest.mark.parametrize(
    ("level", "first"), [("summary", "track"), ("segments", "segment"), ("frames", "frame"), ("embedding", "track")]
)
def test_the_first_axis_follows_from_the_level(level: str, first: str) -> None:
    assert spec(level=level).all_dims == (first, "statistic", "pitch_class")


def test_attributes_are_json_and_follow_cf() -> None:
    attributes = json.loads(json.dumps(spec().attributes))
    assert attributes == {
        "long_name": "Share of each pitch class.",
        "units": "1",
        "source": "librosa.feature.chroma_stft",
        "descriptor_version": 1,
        "missing_value": float(MISSING),
        "statistic_labels": ["mean", "std"],
    }
    assert "missing_value" not in spec(optional=False).attributes


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 5), st.just(2), st.just(12)),
        elements=st.one_of(st.floats(0, 1, width=32), st.just(math.nan)),
    )
)
def test_what_is_encoded_decodes_to_the_same_and_stores_no_nan(values: np.ndarray) -> None:
    stored = spec().encode(values)
    assert stored.dtype == np.float32
    assert not np.isnan(stored).any()
    np.testing.assert_array_equal(spec().decode(stored), values)


def test_a_complete_array_is_stored_as_it_is() -> None:
    whole = spec(optional=False)
    values = np.full((3, 2, 12), 0.5)
    np.testing.assert_array_equal(whole.decode(whole.encode(values)), values)


def test_rounding_at_a_bound_is_let_pass() -> None:
    high = np.full((1, 2, 12), np.nextafter(np.float32(1), np.float32(2)))
    np.testing.assert_array_equal(spec().encode(high), high)


@pytest.mark.parametrize(
    ("changes", "values", "complaint"),
    [
        ({}, np.zeros((1, 12)), r"summary/chroma: shape \(12,\) given, \(2, 12\) expected"),
        ({"optional": False}, np.full((1, 2, 12), np.nan), "NaN in an array that must be complete"),
        ({}, np.full((1, 2, 12), 1.1), "outside 0.0..1.0"),
        ({}, np.full((1, 2, 12), -0.1), "outside 0.0..1.0"),
        ({"low": -math.inf, "high": math.inf}, np.full((1, 2, 12), math.inf), "infinite values"),
    ],
)
def test_what_breaks_the_contract_is_refused(changes: dict[str, object], values: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        spec(**changes).encode(values)


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        spec().version = 2  # type: ignore[misc]
