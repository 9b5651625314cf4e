"""`SonicMap`: the library on a plane, where what sounds alike lies together."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import traitlets

from workbench.widgets.player import Listening
from workbench.widgets.view import View, answers

#: What points can be coloured by: numbers, shown from low to high, and kinds, each with a colour.
NUMBERS = ("bpm", "energy", "valence", "arousal", "danceability", "loudness_lufs", "duration_s")
KINDS = ("cluster", "mood", "camelot")
#: Colours told apart whatever one's eyes, after M. Okabe and K. Ito; further kinds are grey.
MOST_KINDS = 8

_UNKNOWN = 255


class SonicMap(Listening, View):
    """All tracks as points: hover to see which, click to hear, draw a line around some to select them.

    Examples
    --------
    >>> import workbench as wb
    >>> def look(lib: wb.Library) -> SonicMap:
    ...     return SonicMap(lib, colour="energy")
    """

    module = "map.js"
    follows = ("tracks", "playing", "refreshed")

    colour = traitlets.Unicode("cluster", help="What points are coloured by, as `shades` names it.").tag(sync=True)
    tracks = traitlets.List(traitlets.Unicode()).tag(sync=True)
    playing = traitlets.Unicode().tag(sync=True)
    refreshed = traitlets.Int().tag(sync=True)

    @cached_property
    def _map(self) -> Any:
        return self.library.map()

    @cached_property
    def _rows(self) -> np.ndarray[Any, Any]:
        """Give the place of each point's track in the columns of the library."""
        place = {track: row for row, track in enumerate(self.library.columns("id")["id"])}
        return np.array([place.get(track, -1) for track in self._map.ids], dtype=np.int64)

    @answers
    def shades(self) -> list[str]:
        """List what points can be coloured by."""
        return [*KINDS, *(f"label.{name}" for name in self.library.label_columns()), *NUMBERS]

    @answers
    def points(self) -> dict[str, Any]:
        """Give the places of all tracks as they are now, and the middles and names of the clusters."""
        for name in ("_map", "_rows"):
            self.__dict__.pop(name, None)
        found = self._map
        clusters = [
            {
                "name": name,
                "x": float(np.median(found.x[found.cluster == k])),
                "y": float(np.median(found.y[found.cluster == k])),
            }
            for k, name in enumerate(found.names)
            if (found.cluster == k).any()
        ]
        return {"x": found.x, "y": found.y, "clusters": clusters}

    @answers
    def colours(self, name: str) -> dict[str, Any]:
        """Give a code per point, 255 where it is not known, and what the codes mean."""
        if name == "cluster":
            return {"codes": np.minimum(self._map.cluster, MOST_KINDS).astype(np.uint8), "kinds": self._map.names}
        if name.startswith("label."):
            said = self.library.label_column(name.removeprefix("label."))
            return _kinds([said[track].value if track in said else None for track in self._map.ids])
        column = [*self.library.columns(name)[name], None]  # the last one for tracks that are no more
        values = [column[row] for row in self._rows.tolist()]
        if name in KINDS:
            return _kinds(values)
        numbers = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        known = np.isfinite(numbers)
        low, high = np.percentile(numbers[known], (2, 98)) if known.any() else (0.0, 1.0)
        share = np.clip((numbers - low) / max(high - low, 1e-9), 0, 1)
        codes = np.where(known, np.round(254 * np.nan_to_num(share)), _UNKNOWN).astype(np.uint8)
        return {"codes": codes, "low": float(low), "high": float(high)}

    @answers
    def point(self, number: int) -> dict[str, Any]:
        """Give the record of the track at a point."""
        return self.track(self._map.ids[number])

    @answers
    def choose(self, data: memoryview) -> int:
        """Select the tracks of some points, given by their numbers."""
        self.tracks = [self._map.ids[number] for number in np.frombuffer(data, dtype=np.int32).tolist()]
        return len(self.tracks)

    @answers
    def find(self, tracks: list[str]) -> list[int]:
        """Give the points of some tracks."""
        place = {track: number for number, track in enumerate(self._map.ids)}
        return [place[track] for track in tracks if track in place]

    def code(self) -> str:
        """Give the call that lays the library out."""
        return "layout = lib.map()  # layout.ids, layout.x, layout.y, layout.cluster, layout.names"


def _kinds(values: list[str | None]) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for value in values:
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    names = sorted(sorted(counts), key=lambda name: -counts[name])
    code = {name: min(number, MOST_KINDS) for number, name in enumerate(names)}
    return {"codes": np.array([_UNKNOWN if v is None else code[v] for v in values], dtype=np.uint8), "kinds": names}
