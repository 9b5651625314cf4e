"""The mean tempogram is librosa's."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from tests.features.sounds import SR
from workbench.features import tempogram


@pytest.mark.parametrize("n_lags", [384, tempogram.TEMPO_LAGS])
@pytest.mark.parametrize("n", [1, 40, 384, 900])
def test_the_mean_tempogram_is_librosas(n: int, n_lags: int) -> None:
    x = np.random.default_rng(1).random(n).astype(np.float32)
    x[::21] += 3
    expected = librosa.feature.tempogram(onset_envelope=x, sr=SR).mean(axis=1)
    stream = tempogram.TempogramMean(n_lags)
    for piece in np.array_split(x, 1 + n // 100):
        stream.push(piece)
    np.testing.assert_allclose(stream.finish(), expected[:n_lags], rtol=1e-3, atol=1e-5)
