"""Small synthetic sounds, and the rows of a labelled folder."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

FloatArray = npt.NDArray[np.float32]

SR = 22050


def tone(hz: float, seconds: float, *, harmonics: int = 6, sr: int = SR) -> npt.NDArray[np.float64]:
    """A steady harmonic tone."""
    t = np.arange(int(seconds * sr)) / sr
    return sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, harmonics + 1) if hz * k < sr / 2)  # type: ignore[return-value]


def music(
    seed: int = 0, seconds: float = 6.0, *, bpm: float = 120.0, tonic: int = 0, minor: bool = False, cents: float = 0.0
) -> FloatArray:
    """Chords of a key over drums, with some noise: something of everything that a descriptor looks at."""
    rng = np.random.default_rng(seed)
    y = rng.standard_normal(int(seconds * SR)) * 0.01
    beat = 60.0 / bpm
    degrees = (
        ((0, 3, 7), (5, 8, 12), (7, 10, 14), (0, 3, 7)) if minor else ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))
    )
    for i in range(int(seconds / beat)):
        start = int(i * beat * SR)
        for semitone in degrees[i // 2 % 4]:
            note = tone(261.63 * 2 ** ((tonic + semitone + cents / 100) / 12), beat)
            note *= np.exp(-3 * np.arange(len(note)) / SR) * 0.12
            y[start : start + len(note)] += note[: len(y) - start]
        hit = np.exp(-40 * np.arange(int(0.1 * SR)) / SR)
        hit *= rng.standard_normal(len(hit)) * 0.2 if i % 2 else np.sin(2 * np.pi * 60 * np.arange(len(hit)) / SR)
        y[start : start + len(hit)] += 0.5 * hit[: len(y) - start]
    return y.astype(np.float32)


def noise(seed: int, seconds: float, *, sr: int = SR, level: float = 0.1) -> FloatArray:
    """White noise."""
    return (np.random.default_rng(seed).standard_normal(int(seconds * sr)) * level).astype(np.float32)


def clicks(bpm: float, seconds: float, *, sr: int = SR) -> FloatArray:
    """A metronome: short noise bursts at a constant tempo."""
    y = np.zeros(int(seconds * sr), dtype=np.float32)
    burst = noise(7, 0.04, sr=sr, level=0.5) * np.exp(-np.arange(int(0.04 * sr)) * 120 / sr).astype(np.float32)
    for start in np.arange(0.05 * sr, len(y) - len(burst), sr * 60 / bpm).astype(int):
        y[start : start + len(burst)] += burst
    return y


def envelope(seed: int, n: int) -> FloatArray:
    """A curve with regular peaks and noise, as an onset strength has."""
    rng = np.random.default_rng(seed)
    x = rng.random(n) * 0.5
    x[:: rng.integers(12, 40)] += 3 * rng.random()
    x[:3] = 0
    return x.astype(np.float32)


def labelled(folder: Path, column: str) -> list[tuple[Path, str]]:
    """Files of a folder that have a label in a column of its ``labels.csv``."""
    with open(folder / "labels.csv", newline="") as file:
        return [(folder / row["path"], row[column]) for row in csv.DictReader(file) if row[column]]


def load(path: Path) -> tuple[FloatArray, int]:
    """Read a file as (n, n_channels)."""
    y, sr = soundfile.read(path, dtype="float32", always_2d=True)
    return y, sr
