"""Outlines of tracks, kept below ``index/waveforms`` once they were asked for.

They lie in folders by the beginning of the track's id; in each of them only the newest are kept, so that all of them
together stay below 300 MB however large the library is.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

import numpy as np

from workbench.audio.decode import Limits, open_audio
from workbench.audio.waveform import Outline, outline

_KEPT_PER_FOLDER = 32  # in each of 256 folders, 32 KB each


def load_outline(folder: Path, track_id: str, path: str, limits: Limits) -> Outline:
    """Give the outline of a track, from the folder or by decoding its file.

    Parameters
    ----------
    folder : Path
        Where outlines lie. Where it cannot be written, they are made again each time.
    track_id : str
        32 hexadecimal digits. What a track sounds like never changes, so what is kept stays true.
    path : str
        The track's file.
    limits : Limits
        What decoding may cost.

    Raises
    ------
    AudioError
        When the file cannot be decoded.
    """
    kept = folder / track_id[:2] / f"{track_id}.npy"
    with contextlib.suppress(OSError, ValueError):
        found: Outline = np.load(kept, allow_pickle=False)
        if found.ndim == 2 and found.shape[1] == 2 and found.dtype == np.int16:
            return found
    with open_audio(path, limits) as stream:
        found = outline(stream.native_blocks())
    _keep(kept, found)
    return found


def _keep(target: Path, found: Outline) -> None:
    building = target.with_name(f".{uuid.uuid4().hex[:8]}.npy")
    with contextlib.suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            np.save(building, found, allow_pickle=False)
            os.replace(building, target)
        except OSError:
            building.unlink(missing_ok=True)
            raise
        others = sorted(target.parent.glob("*.npy"), key=lambda path: path.stat().st_mtime_ns)
        for old in others[:-_KEPT_PER_FOLDER]:
            old.unlink(missing_ok=True)
