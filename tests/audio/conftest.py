"""Small audio files in every format that can be written here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import workbench

SR = 22050

#: FFmpeg's sample formats.
FROM_FLOAT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "flt": lambda y: y,
    "dbl": lambda y: y.astype(np.float64),
    "u8": lambda y: (y * 128 + 128).astype(np.uint8),
    "s16": lambda y: (y * 2**15).astype(np.int16),
    "s32": lambda y: (y * 2.0**31).astype(np.int32),
}


def make_tone(seconds: float = 0.6, channels: int = 2, sr: int = SR, seed: int = 0) -> np.ndarray:
    """A sine with some noise, shape (n, channels), float32, no two channels alike."""
    n = round(seconds * sr)
    noise = np.random.default_rng(seed).normal(scale=0.02, size=(n, channels))
    return (noise + 0.3 * np.sin(2 * np.pi * 220 * np.arange(n) / sr)[:, None]).astype(np.float32)


@pytest.fixture
def tone() -> Callable[..., np.ndarray]:
    """The maker of test signals."""
    return make_tone


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write samples with libsndfile and return the path."""

    def write(name: str, y: np.ndarray | None = None, sr: int = SR, **options: Any) -> str:
        path = tmp_path / name
        y = make_tone(sr=sr) if y is None else y
        channels = 1 if y.ndim == 1 else y.shape[1]
        with soundfile.SoundFile(path, "w", sr, channels, **options) as file:
            for start in range(0, len(y), 65536):  # libsndfile's Vorbis encoder overflows its stack on more
                file.write(y[start : start + 65536])
        return str(path)

    return write


@pytest.fixture
def encode(tmp_path: Path) -> Callable[..., str]:
    """Write samples with PyAV and return the path."""
    av = pytest.importorskip("av", reason="decodes M4A and WMA; pip install 'audio-workbench[av]'")

    def encode(
        name: str, codec: str, y: np.ndarray | None = None, sr: int = SR, fmt: str = "fltp", **options: Any
    ) -> str:
        y = make_tone(sr=sr) if y is None else y
        layout = {1: "mono", 2: "stereo"}[y.shape[1]]
        samples = FROM_FLOAT[fmt.removesuffix("p")](y)
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream(codec, rate=sr, layout=layout, format=fmt, **options)
            for start in range(0, len(y) - 1023, 1024):
                block = samples[start : start + 1024]
                block = block.T if fmt.endswith("p") else block.reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format=fmt, layout=layout)
                frame.sample_rate, frame.pts = sr, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return str(tmp_path / name)

    return encode


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., str]:
    """Run code in a new interpreter and return what it prints."""

    def run(code: str, *arguments: str, flags: tuple[str, ...] = ()) -> str:
        done = subprocess.run(
            [sys.executable, *flags, "-c", code, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(workbench.__file__).parents[1])},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
