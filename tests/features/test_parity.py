"""Every framewise descriptor that librosa defines equals librosa's, value by value, to 1 in 1000.

The exceptions are those of docs/descriptors.md: no ``top_db`` (the reference is computed without it), roll-off may
fall into the next bin, and the contrast of an empty top band is rounding noise.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pytest

from tests.features.sounds import SR, clicks, load, music, noise, tone
from workbench.features import extract

SIGNALS: dict[str, Callable[[], np.ndarray]] = {
    "music": lambda: music(0, 7),
    "music in another tuning": lambda: music(1, 5, tonic=5, minor=True, cents=40),
    "quiet music": lambda: music(2, 3) * np.float32(1e-3),
    "noise": lambda: noise(0, 2),
    "clicks": lambda: clicks(100, 4) + noise(1, 4, level=1e-4),
    "a tone": lambda: (0.2 * tone(220, 2) + noise(2, 2, level=1e-3)).astype(np.float32),
    "one frame and a bit": lambda: music(3, 1)[:2100],
    "a whole number of hops": lambda: music(4, 1)[: 512 * 20],
    "clipped": lambda: np.clip(music(5, 2) * 20, -1, 1),
}


def contrast(S: np.ndarray) -> np.ndarray:
    """`librosa.feature.spectral_contrast` of each frame by itself: ``top_db`` then has nothing to refer to but it."""
    return np.concatenate([librosa.feature.spectral_contrast(S=S[:, t : t + 1], sr=SR) for t in range(S.shape[1])], 1)


def percussive_ratio(mel: np.ndarray) -> np.ndarray:
    """Energy of the percussive part over that of all."""
    percussive: np.ndarray = librosa.decompose.hpss(mel)[1]
    return percussive.sum(axis=0) / np.maximum(mel.sum(axis=0), np.finfo(np.float32).tiny)


def reference(y: np.ndarray) -> dict[str, np.ndarray]:
    """What librosa gives, time first."""
    S = np.abs(librosa.stft(y))
    power = S**2
    mel = {n: librosa.feature.melspectrogram(S=power, sr=SR, n_mels=n) for n in (64, 128)}
    decibels = {n: librosa.power_to_db(m, top_db=None) for n, m in mel.items()}
    chroma = librosa.feature.chroma_stft(S=power, sr=SR)
    found = {
        "mel": decibels[64],
        "mfcc": librosa.feature.mfcc(S=decibels[128], n_mfcc=20),
        "spectral_centroid": librosa.feature.spectral_centroid(S=S, sr=SR)[0],
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(S=S, sr=SR)[0],
        "spectral_rolloff": librosa.feature.spectral_rolloff(S=S, sr=SR)[0],
        "spectral_contrast": contrast(S),
        "spectral_flatness": librosa.feature.spectral_flatness(S=S)[0],
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(y)[0],
        "rms": librosa.feature.rms(y=y)[0],
        "onset_strength": librosa.onset.onset_strength(S=decibels[128], sr=SR),
        "chroma": chroma,
        "tonnetz": librosa.feature.tonnetz(chroma=chroma),
        "poly_features": np.vstack([librosa.feature.poly_features(S=S, sr=SR, order=n) for n in (0, 1)]),
        "percussive_ratio": percussive_ratio(mel[64]),
    }
    return {name: values.T for name, values in found.items()}


def compare(y: np.ndarray) -> None:
    expected = reference(y)
    found = extract([y[:, None]], SR, paths=[f"frames/{name}" for name in expected]).arrays
    for name, values in expected.items():
        ours = found[f"frames/{name}"]
        assert ours.shape == values.shape, name
        if name == "spectral_rolloff":
            assert np.abs(ours - values).max() < 1.01 * SR / 2048
            assert np.mean(ours != values.astype(np.float32)) < 0.02
        elif name == "spectral_contrast":
            np.testing.assert_allclose(ours, values, rtol=1e-2, atol=0.05, err_msg=name)
            assert np.mean(np.abs(ours - values) > 1e-3 * np.abs(values) + 1e-3) < 0.01
        else:
            scale = np.abs(values).max() + 1e-9  # of the descriptor: a value near 0 is held to the scale of the rest
            np.testing.assert_allclose(ours, values, rtol=1e-3, atol=2e-5 * scale, err_msg=name)


@pytest.mark.parametrize("name", SIGNALS)
def test_framewise_descriptors_are_librosas(name: str) -> None:
    compare(SIGNALS[name]())


@pytest.mark.parametrize("name", ["blues.00003", "classical.00003", "metal.00007", "reggae.00000"])
def test_framewise_descriptors_are_librosas_on_real_music(shared: Path, name: str) -> None:
    y, sr = load(shared / "excerpts" / f"{name}.flac")
    y = librosa.to_mono(y.T)
    compare(y[: 8 * sr] if sr == SR else librosa.resample(y, orig_sr=sr, target_sr=SR)[: 8 * SR])


@pytest.mark.parametrize("frames", [5, 15, 16, 30, 31, 32, 64, 65, 79, 80, 130])
def test_the_percussive_ratio_is_librosas_at_any_length(frames: int) -> None:
    y = music(9, 4)[: (frames - 1) * 512 + 100]
    expected = percussive_ratio(librosa.feature.melspectrogram(y=y, sr=SR, n_mels=64))
    found = extract([y[:, None]], SR, paths=["frames/percussive_ratio"]).arrays["frames/percussive_ratio"]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_tempogram_ratios_are_librosas() -> None:
    y = clicks(100, 20) + noise(1, 20, level=1e-3)
    found = extract([y[:, None]], SR, paths=["summary/tempogram_ratio", "summary/tempo"]).arrays
    envelope = extract([y[:, None]], SR, paths=["frames/onset_strength"]).arrays["frames/onset_strength"]
    tempogram = librosa.feature.tempogram(onset_envelope=envelope, sr=SR)
    bpm = np.full(tempogram.shape[1], found["summary/tempo"])
    expected = librosa.feature.tempogram_ratio(tg=tempogram, sr=SR, bpm=bpm).mean(axis=1)
    np.testing.assert_allclose(found["summary/tempogram_ratio"], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("sample_rate", [8000, 44100, 48000])
def test_resampling_is_librosas(sample_rate: int) -> None:
    y = np.stack([noise(s, 2.001, sr=sample_rate) for s in (0, 1)], axis=1)
    mono = librosa.resample(librosa.to_mono(y.T), orig_sr=sample_rate, target_sr=SR)
    paths = ["frames/mfcc", "frames/rms"]
    found, expected = extract([y], sample_rate, paths=paths), extract([mono[:, None]], SR, paths=paths)
    for path in paths:
        np.testing.assert_allclose(found.arrays[path], expected.arrays[path], rtol=1e-3, atol=1e-2)
