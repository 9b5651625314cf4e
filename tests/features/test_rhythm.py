"""Onsets and tempogram are librosa's."""

from __future__ import annotations

import librosa
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.features.sounds import SR, envelope
from workbench.features import rhythm

FRAME_RATE = SR / 512


@given(seed=st.integers(0, 300), n=st.integers(1, 400))
def test_onsets_are_librosas(seed: int, n: int) -> None:
    x = envelope(seed, n)
    expected = librosa.onset.onset_detect(onset_envelope=x, sr=SR)
    assert rhythm.detect_onsets(x, FRAME_RATE).tolist() == expected.tolist()


def test_onsets_do_not_depend_on_the_blocks_in_which_they_are_picked() -> None:
    x = envelope(5, 200_000)
    expected = librosa.onset.onset_detect(onset_envelope=x, sr=SR)
    assert rhythm.detect_onsets(x, FRAME_RATE).tolist() == expected.tolist()


def test_a_flat_curve_has_no_onsets() -> None:
    assert rhythm.detect_onsets(np.full(50, 2.0, np.float32), FRAME_RATE).size == 0
    assert rhythm.onset_density(np.zeros(50, np.float32), FRAME_RATE) == 0


def test_one_loud_onset_does_not_hide_the_others() -> None:
    x = envelope(3, 2000)
    x[100] = 100
    assert len(rhythm.detect_onsets(x, FRAME_RATE)) == 1
    assert rhythm.onset_density(x, FRAME_RATE) > 0.5


@given(seed=st.integers(0, 300), n=st.integers(1, 400), share=st.floats(0, 1))
def test_the_quantile_is_numpys(seed: int, n: int, share: float) -> None:
    x = envelope(seed, n)
    np.testing.assert_allclose(rhythm.quantile(x.copy(), share), np.quantile(x.astype(float), share), rtol=1e-6)
