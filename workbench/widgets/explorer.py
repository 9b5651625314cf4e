"""`FeatureExplorer`: any descriptor over time, under the waveform, of one track or two."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import traitlets

from workbench.errors import InputError
from workbench.features import specs
from workbench.features.config import DEFAULT_CONFIG
from workbench.features.registry import DESCRIPTORS, spec
from workbench.schema import ArraySpec
from workbench.widgets.player import Listening
from workbench.widgets.view import View, answers

Floats = npt.NDArray[np.float32]

#: Axes along which each row is a quantity of its own size; the rows of all others, such as bands, share a scale.
_OWN_SCALES = frozenset({"coefficient", "coefficient_gfcc", "polynomial"})
#: Percentiles that colours go from and to: the very lowest and highest would leave none for the rest.
_FROM, _TO = 2, 98


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
        """Give a descriptor over time: the mean of the frames of each column.

        Returns
        -------
        dict
            ``values``, shape (rows, columns); ``low`` and ``high``, shape (rows,), between which each row is drawn;
            ``own_scales``, whether they differ by row; ``rows``, their names, none of a single one; ``duration_s``.
        """
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
        of = spec(f"frames/{name}")
        own = bool(_OWN_SCALES.intersection(of.dims))
        low, high = _bounds(means, own)
        return {
            "values": np.ascontiguousarray(means),
            "low": low,
            "high": high,
            "own_scales": own,
            "rows": [f"{dim.replace('_', ' ')} {row}" for dim in of.dims for row in _names(of, dim)],
            "duration_s": len(table) / DEFAULT_CONFIG.frame_rate,
        }

    def code(self) -> str:
        """Give the call that computes the frames."""
        return f"frames = lib.curve({self.playing!r}, {self.descriptor!r})"


def _names(of: ArraySpec, dim: str) -> Sequence[str | float]:
    return of.coords.get(dim) or range(of.shape[of.dims.index(dim)])


def _bounds(rows: Floats, own: bool) -> tuple[Floats, Floats]:
    """Give what each row is drawn from and to, shape (rows,) each: all there is of a single one, else percentiles."""
    share = (0, 100) if len(rows) == 1 else (_FROM, _TO)
    known = rows if own else rows.reshape(1, -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing is known of a row: then nothing of it is drawn
        found = np.nanpercentile(known, share, axis=1)
    low, high = np.broadcast_to(np.nan_to_num(found), (2, len(rows))).astype(np.float32)
    return low, high
