"""How a track starts and ends: means weighted by loudness, standardised over a library."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.playlist.edges import EDGE_S, SEGMENTS, SIZE, edges, scale_of, standardise


def segments(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(n, 20)), rng.random((n, 7)), rng.random(n))
    return {path: value.astype(np.float32) for path, value in zip(SEGMENTS, values, strict=True)}


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 40), seed=st.integers(0, 1000))
def test_edges_are_weighted_means(n: int, seed: int) -> None:
    given_ = segments(n, seed)
    mfcc, contrast, rms = (given_[path].astype(np.float64) for path in SEGMENTS)
    values = np.hstack([mfcc[:, 1:13], contrast])
    found = edges(given_)
    assert found.shape == (2, SIZE)
    for edge, rows in zip(found, (range(min(n, EDGE_S)), range(max(0, n - EDGE_S), n)), strict=True):
        plain = sum(rms[i] * values[i] for i in rows) / sum(rms[i] for i in rows)
        np.testing.assert_allclose(edge, plain, rtol=1e-3, atol=1e-5)


def test_a_fade_counts_by_what_is_heard_of_it() -> None:
    given_ = segments(30)
    given_["segments/rms"][-9:] = 0
    np.testing.assert_allclose(edges(given_)[1][:12], given_["segments/mfcc"][-10, 1:13], atol=1e-3)


def test_silence_is_known_and_nothing_is_not() -> None:
    given_ = segments(20)
    given_["segments/rms"][:] = 0
    np.testing.assert_allclose(edges(given_)[0][:12], given_["segments/mfcc"][:10, 1:13].mean(axis=0), atol=1e-4)
    assert np.isnan(edges(segments(0))).all()


def test_standardised_edges_have_deviation_one_and_no_outliers() -> None:
    raw = np.random.default_rng(0).normal(5, 3, (4000, 2, SIZE)).astype(np.float32)
    raw[7] = np.nan
    raw[9] = 1e6
    found = standardise(raw, scale_of(raw))
    assert found.dtype == np.float32
    assert np.isnan(found[7]).all()
    assert np.nanmax(found) == 4
    rest = np.delete(found, [7, 9], axis=0).reshape(-1, SIZE)
    np.testing.assert_allclose(np.std(rest, axis=0), 1, atol=0.05)
    np.testing.assert_allclose(np.median(rest, axis=0), 0, atol=0.05)


@pytest.mark.parametrize("n", [0, 3])
def test_a_library_without_segments(n: int) -> None:
    unknown = np.full((n, 2, SIZE), np.nan, dtype=np.float32)
    assert np.isnan(standardise(unknown, scale_of(unknown))).all()
