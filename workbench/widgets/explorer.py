"""`FeatureExplorer`: any descriptor over time, under the waveform, of one track or two."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from workbench.errors import InputError
from workbench.features import specs
from workbench.features.config import DEFAULT_CONFIG
from workbench.features.registry import DESCRIPTORS
from workbench.widgets.player import Listening
from workbench.widgets.view import View, answers


class FeatureExplorer(Listening, View):
    """Frames of a descriptor, aligned with the waveform and with a cursor that follows the sound.

    The track is the one that is played; with two tracks selected, the other is drawn beside it.

    Examples
    --------
    >>> import workbench as wb
    >>> def explore(lib: wb.Library, track: str) -> FeatureExplorer:
    ...     return FeatureExplorer(lib, playing=track, descriptor="mfcc")
    """

    module = "explorer.js"
    follows = ("playing", "tracks")

    descriptor = traitlets.Unicode("spectral_centroid", help="Its name in docs/descriptors.md.").tag(sync=True)
    playing = traitlets.Unicode().tag(sync=True)
    tracks = traitlets.List(traitlets.Unicode()).tag(sync=True)

    @answers
    def descriptors(self) -> list[dict[str, str]]:
        """List the descriptors that have a value per frame."""
        with_frames = [name for name, descriptor in DESCRIPTORS.items() if "frames" in descriptor.levels]
        found = [array for array in specs(frames=with_frames) if array.level == "frames"]
        return [{"name": one.name, "unit": one.unit, "says": one.sentence} for one in found]

    @answers
    def curve(self, track: str, name: str, columns: int) -> dict[str, Any]:
        """Give a descriptor over time, shape (rows, columns): the mean of the frames of each column."""
        values = self.library.curve(track, name)
        if not len(values):
            raise InputError(f"{name} has no frames.", "Choose another descriptor.")
        table = values.reshape(len(values), -1)
        n = min(columns, len(table))
        starts = np.arange(n) * len(table) // n
        sums = np.add.reduceat(np.nan_to_num(table.astype(np.float64)), starts, axis=0)
        counts = np.add.reduceat(np.isfinite(table).astype(np.float64), starts, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (sums / counts).T.astype(np.float32)
        return {"values": np.ascontiguousarray(means), "duration_s": len(table) / DEFAULT_CONFIG.frame_rate}

    def code(self) -> str:
        """Give the call that computes the frames."""
        return f"frames = lib.curve({self.playing!r}, {self.descriptor!r})"
