"""The running median, and what is called percussive."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.features.sounds import SR, clicks, tone
from workbench.features import extract
from workbench.features.percussion import running_median


@given(st.integers(0, 99), st.integers(1, 60), st.integers(1, 70), st.sampled_from([1, 3, 9, 31]), st.booleans())
def test_the_running_median_is_numpys(seed: int, n: int, n_columns: int, window: int, coarse: bool) -> None:
    S = np.random.default_rng(seed).random((n + window - 1, n_columns)).astype(np.float32)
    if coarse:
        S = np.round(S * 4)  # many equal values
    windows = np.lib.stride_tricks.sliding_window_view(S, window, axis=0)
    np.testing.assert_array_equal(running_median(S, window), np.median(windows, axis=2))


def test_clicks_are_percussive_and_tones_are_not() -> None:
    def ratio(y: np.ndarray) -> float:
        return float(
            extract([y.astype(np.float32)[:, None]], SR, paths=["summary/percussive_ratio"]).arrays.popitem()[1][3]
        )

    assert ratio(clicks(120, 4)) > 0.9
    assert ratio(0.1 * tone(440, 4)) < 0.1
