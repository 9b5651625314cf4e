"""What a player needs of a track's file: its samples, a picture of its spectrum, its beats. Decoded when asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audio.decode import Limits, open_audio
from workbench.errors import InputError
from workbench.features.config import DEFAULT_CONFIG
from workbench.features.extract import extract

#: Of longer parts no picture is made at once: it would take a while, and a column would be many seconds wide.
LONGEST_PICTURE_S = 1200.0

_LONGEST_EXCERPT_S = 60.0
_FULL_SCALE = 32767


def excerpt(path: str, start_s: float, seconds: float, limits: Limits) -> tuple[npt.NDArray[np.int16], int]:
    """Decode a part of a file for listening.

    Parameters
    ----------
    path : str
        The file.
    start_s, seconds : float
        Where the part begins, and how long it is, at most a minute.
    limits : Limits
        What decoding may cost.

    Returns
    -------
    samples : numpy.ndarray, shape (n, channels), int16
        One or two channels: the first two of more. Shorter where the file ends before.
    sr : int
        Sample rate, Hz.

    Raises
    ------
    AudioError
        When the file cannot be decoded.
    InputError
        When the part begins before the file, or is empty or longer than a minute.
    """
    if not start_s >= 0 or not 0 < seconds <= _LONGEST_EXCERPT_S:
        raise InputError(
            f"{seconds:g} s from {start_s:g} s on cannot be played.",
            f"Ask for up to {_LONGEST_EXCERPT_S:g} s at a time.",
        )
    with open_audio(path, limits) as stream:
        samples, sr = stream.excerpt(start_s, seconds)[:, :2], stream.sample_rate
    if samples.dtype == np.int16:
        return np.ascontiguousarray(samples), sr
    return np.rint(np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype(np.int16), sr


def spectrogram(path: str, columns: int, limits: Limits) -> npt.NDArray[np.float32]:
    """Draw the mel spectrum of a file over time.

    Parameters
    ----------
    path : str
        The file, of 20 minutes at most.
    columns : int
        How many at most; a column is the loudest of its frames in each band.
    limits : Limits
        What decoding may cost.

    Returns
    -------
    numpy.ndarray, shape (n_bands, n_columns), float32
        Decibels, the lowest band first.
    """
    mel = _frames(path, "mel", limits, LONGEST_PICTURE_S)
    edges = np.arange(min(columns, len(mel))) * len(mel) // min(columns, len(mel))
    return np.asarray(np.maximum.reduceat(mel, edges, axis=0).T, dtype=np.float32)


def curve(path: str, name: str, limits: Limits) -> npt.NDArray[np.float32]:
    """Compute a descriptor of a file frame by frame: shape (n_frames, …)."""
    return np.asarray(_frames(path, name, limits, LONGEST_PICTURE_S), dtype=np.float32)


def beats(path: str, limits: Limits) -> npt.NDArray[np.float64]:
    """Find the beats of a file: seconds, shape (n,)."""
    return np.flatnonzero(_frames(path, "beats", limits)) / DEFAULT_CONFIG.frame_rate


def _frames(path: str, name: str, limits: Limits, longest_s: float = np.inf) -> npt.NDArray[Any]:
    with open_audio(path, limits) as stream:
        if stream.declared_frames and stream.declared_frames > longest_s * stream.sample_rate:
            raise InputError(f"{path!r} is longer than {longest_s / 60:g} minutes.", "Look at its waveform instead.")
        return extract(stream.native_blocks(), stream.sample_rate, paths=[f"frames/{name}"]).arrays[f"frames/{name}"]
