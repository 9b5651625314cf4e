"""Drums: each sound is synthesised once per track, with a character drawn from the seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_Drum = Callable[[int, np.random.Generator], npt.NDArray[np.float64]]


def drum(name: str, sr: int, rng: np.random.Generator) -> FloatArray:
    """Synthesise one drum sound.

    Parameters
    ----------
    name : str
        One of `DRUMS`.
    sr : int
        Sample rate in Hz.
    rng : numpy.random.Generator
        Draws pitch, decay and noise.

    Returns
    -------
    numpy.ndarray, shape (1, n), float32
        Peak 1; starts at its onset.
    """
    y = DRUMS[name](sr, rng)
    y[-64:] *= np.linspace(1, 0, len(y[-64:]))
    return np.asarray(y / np.abs(y).max(), np.float32)[None]


def _time(seconds: float, sr: int) -> npt.NDArray[np.float64]:
    return np.arange(max(round(seconds * sr), 64)) / sr


def _decay(t: npt.NDArray[np.float64], rt60: float) -> npt.NDArray[np.float64]:
    return np.asarray(np.exp(-6.9 * t / rt60))


def _noise(n: int, sr: int, low: float, high: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """White noise between two frequencies (Hz), with soft edges, peak 1."""
    n_fft = 1 << (n - 1).bit_length()
    f = np.fft.rfftfreq(n_fft, 1 / sr)
    mask = 1 / (1 + (low / np.maximum(f, 1.0)) ** 6) / (1 + (f / high) ** 6)
    y = np.fft.irfft(np.fft.rfft(rng.standard_normal(n_fft)) * mask)[:n]
    return np.asarray(y / np.abs(y).max())


def _sweep(t: npt.NDArray[np.float64], start: float, end: float, tau: float) -> npt.NDArray[np.float64]:
    """Synthesise a sine that falls from one frequency to another (Hz) with time constant `tau`."""
    return np.asarray(np.sin(2 * np.pi * (end * t + (start - end) * tau * (1 - np.exp(-t / tau)))))


def _kick(sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = _time(0.32, sr)
    body = _sweep(t, rng.uniform(140, 220), rng.uniform(44, 58), 0.035) * _decay(t, rng.uniform(0.28, 0.45))
    click = _noise(len(t), sr, 1500, 6000, rng) * _decay(t, 0.03)
    return np.asarray(body + 0.25 * click)


def _snare(sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = _time(0.25, sr)
    shell = _sweep(t, 280, rng.uniform(170, 210), 0.02) * _decay(t, 0.14)
    wires = _noise(len(t), sr, 900, 9000, rng) * _decay(t, rng.uniform(0.18, 0.28))
    return np.asarray(0.6 * shell + wires)


def _brush(sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = _time(0.22, sr)
    return np.asarray(_noise(len(t), sr, 1200, 7000, rng) * _decay(t, 0.25) * np.minimum(t / 0.012, 1))


def _clap(sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = _time(0.25, sr)
    bursts = sum(np.where(t >= d, _decay(np.maximum(t - d, 0), 0.03), 0) for d in (0, 0.01, 0.02))
    return np.asarray(_noise(len(t), sr, 800, 5000, rng) * (bursts + 0.4 * _decay(t, 0.22)))


def _rim(sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = _time(0.08, sr)
    tone = np.sin(2 * np.pi * rng.uniform(420, 520) * t) + np.sin(2 * np.pi * 1700 * t)
    return np.asarray((tone + 0.5 * _noise(len(t), sr, 1500, 8000, rng)) * _decay(t, 0.06))


def _hat(sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = _time(0.09, sr)
    return np.asarray(_noise(len(t), sr, 7000, 15000, rng) * _decay(t, rng.uniform(0.06, 0.1)))


def _open_hat(sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = _time(0.3, sr)
    return np.asarray(_noise(len(t), sr, 6500, 15000, rng) * _decay(t, rng.uniform(0.3, 0.45)))


def _cymbal(t: npt.NDArray[np.float64], sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    partials = rng.uniform(2500, 9500, 9)
    return np.asarray(np.sin(2 * np.pi * partials[:, None] * t + rng.uniform(0, 6.28, (9, 1))).sum(axis=0) / 4)


def _ride(sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = _time(0.45, sr)
    shimmer = _noise(len(t), sr, 4000, 12000, rng)
    return np.asarray((_cymbal(t, sr, rng) + 0.5 * shimmer) * (0.6 * _decay(t, 0.7) + 0.8 * _decay(t, 0.06)))


def _crash(sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = _time(1.1, sr)
    return np.asarray((0.4 * _cymbal(t, sr, rng) + _noise(len(t), sr, 2500, 14000, rng)) * _decay(t, 1.3))


def _shaker(sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = _time(0.1, sr)
    return np.asarray(_noise(len(t), sr, 5000, 12000, rng) * np.minimum(t / 0.012, 1) * _decay(t, 0.12))


def _tom(sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = _time(0.35, sr)
    skin = 0.15 * _noise(len(t), sr, 500, 4000, rng) * _decay(t, 0.05)
    return np.asarray(_sweep(t, 170, rng.uniform(95, 130), 0.05) * _decay(t, 0.4) + skin)


def _timpani(sr: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = _time(0.9, sr)
    strike = 0.2 * _noise(len(t), sr, 200, 2000, rng) * _decay(t, 0.05)
    return np.asarray(_sweep(t, 90, rng.uniform(70, 85), 0.05) * _decay(t, 1.2) + strike)


#: Every drum sound that a style may use.
DRUMS: dict[str, _Drum] = {
    "kick": _kick, "snare": _snare, "brush": _brush, "clap": _clap, "rim": _rim, "hat": _hat, "open hat": _open_hat,
    "ride": _ride, "crash": _crash, "shaker": _shaker, "tom": _tom, "timpani": _timpani,
}  # fmt: skip
