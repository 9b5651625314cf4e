"""Energy, arousal, valence, danceability and mood: stated formulas on other descriptors.

None of these is a trained model of what people feel; they rank a collection by the cues that studies
agree on, and are wrong where a track speaks through words or memories.

- A *cue* is a descriptor put on a common scale: 0 for typical music, 1 for one typical deviation more
  (`CUES`; the scales are rounded medians and spreads over about a hundred tracks of many genres).
- Energy, arousal and valence are a weighted mean of cues (`WEIGHTS`) passed through a logistic curve.
  A cue that is not known is left out of the mean.
- Danceability multiplies how clear, how regular and how well paced the beat is.
- A mood is a region of the plane of valence and arousal (`MOODS`).
- In a library of one kind of music most values lie close together. `percent_ranks` puts them on the library's own
  scale; the mood is then that of the ranks.

References
----------
J. Russell, "A circumplex model of affect", J. Personality and Social Psychology 39, 1980 (the plane);
T. Eerola, O. Lartillot, P. Toiviainen, "Prediction of multidimensional emotional ratings in music from
audio", ISMIR 2009 (cues of activity and valence and their signs);
A. Gabrielsson, E. Lindström, "The role of structure in the musical expression of emotions", 2010 (tempo,
loudness, mode);
S. Streich, P. Herrera, "Detrended fluctuation analysis of music signals: danceability estimation", AES 118,
2005 (regular, strong beats); D. Moelants, "Preferred tempo reconsidered", ICMPC 2002 (pace).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Cue:
    """A descriptor on a common scale: ``(transform(value) - center) / spread``, cut to [-2.5, 2.5].

    Attributes
    ----------
    descriptor : name in the registry
    center, spread : typical value and deviation, after the transform
    scale : ``linear``, ``log2`` or ``log10``
    """

    descriptor: str
    center: float
    spread: float
    scale: str = "linear"

    def value(self, inputs: Mapping[str, float]) -> float:
        """Give the cue; NaN if the descriptor is missing."""
        x = inputs[self.descriptor]
        if self.scale != "linear":
            x = _LOGARITHMS[self.scale](max(x, 1e-6)) if not math.isnan(x) else x
        return x if math.isnan(x) else min(max((x - self.center) / self.spread, -2.5), 2.5)


_LOGARITHMS: dict[str, Callable[[float], float]] = {"log2": math.log2, "log10": math.log10}

CUES: dict[str, Cue] = {
    "loud": Cue("loudness", -14.5, 4.5),
    "dense": Cue("onset_rate", 4.2, 1.7),
    "fast": Cue("tempo", math.log2(120), 0.5, "log2"),
    "bright": Cue("spectral_centroid", math.log2(1750), 0.55, "log2"),
    "noisy": Cue("spectral_flatness", -2.1, 0.8, "log10"),
    "varied": Cue("dynamic_complexity", 1.0, 1.0, "log2"),
    "pulse": Cue("tempo_confidence", 0.62, 0.25),
    "tonal": Cue("key_strength", 0.78, 0.18),
    "major": Cue("mode", 0.0, 1.0),
}

#: Weights of the cues; the result is ``1 / (1 + exp(-GAIN * weighted mean))``.
WEIGHTS: dict[str, dict[str, float]] = {
    "energy": {"loud": 0.40, "dense": 0.20, "noisy": 0.15, "bright": 0.15, "varied": -0.10},
    "arousal": {"loud": 0.30, "dense": 0.25, "fast": 0.15, "bright": 0.15, "noisy": 0.15},
    "valence": {"major": 0.35, "tonal": 0.20, "pulse": 0.20, "dense": 0.10, "varied": -0.15},
}
GAIN = 1.5

#: Of danceability: tempo that suits best, spread in octaves, and the jitter of a beat that halves it.
DANCE_BPM, DANCE_SPREAD, DANCE_JITTER = 118.0, 0.5, 0.08


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the valence-arousal plane: lower bounds belong to it, upper bounds do not (but 1 does).

    Attributes
    ----------
    valence, arousal : lower and upper bound, 0 to 1
    """

    valence: tuple[float, float]
    arousal: tuple[float, float]

    def __contains__(self, point: tuple[float, float]) -> bool:
        """Whether a point (valence, arousal) lies in the region."""
        bounds = (self.valence, self.arousal)
        return all(low <= x < high or x == high == 1.0 for x, (low, high) in zip(point, bounds, strict=True))

    def holds(self, valence: npt.NDArray[np.float64], arousal: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Tell the same of many points, by their coordinates, each of shape (n,)."""
        each = ((valence, self.valence), (arousal, self.arousal))
        inside = ((low <= x) & ((x < high) | ((x == high) & (high == 1.0))) for x, (low, high) in each)
        return np.logical_and(*inside)


_LOW, _MIDDLE, _HIGH = (0.0, 0.4), (0.4, 0.6), (0.6, 1.0)

#: Named moods; together they cover the plane. Their order is the index that `mood_of` gives.
MOODS: dict[str, Region] = {
    "sad": Region(valence=_LOW, arousal=_LOW),
    "calm": Region(valence=_MIDDLE, arousal=_LOW),
    "peaceful": Region(valence=_HIGH, arousal=_LOW),
    "dark": Region(valence=_LOW, arousal=_MIDDLE),
    "neutral": Region(valence=_MIDDLE, arousal=_MIDDLE),
    "happy": Region(valence=_HIGH, arousal=_MIDDLE),
    "tense": Region(valence=_LOW, arousal=_HIGH),
    "energetic": Region(valence=_MIDDLE, arousal=_HIGH),
    "euphoric": Region(valence=_HIGH, arousal=_HIGH),
}

#: What can be put on a library's own scale.
RANKED = (*WEIGHTS, "danceability")

#: What `affect` gives, in its order.
DERIVED = (*WEIGHTS, "danceability", "mood")

UNKNOWN = math.nan


def affect(inputs: Mapping[str, float]) -> dict[str, float]:
    """Give energy, arousal, valence, danceability and the index of the mood.

    Parameters
    ----------
    inputs : mapping
        The descriptors of `CUES` (framewise ones by their mean), ``key`` and ``beat_interval_std``; NaN is missing.

    Returns
    -------
    dict
        Each in [0, 1], the mood an index into `MOODS`; NaN where it cannot be known: all for silence, valence
        without key and tempo, danceability without a tempo.

    Examples
    --------
    >>> sound = {"loudness": -10.0, "onset_rate": 6.0, "spectral_centroid": 2500.0, "spectral_flatness": 0.02,
    ...          "dynamic_complexity": 1.0, "tempo": 128.0, "tempo_confidence": 0.9, "beat_interval_std": 0.01,
    ...          "key": 0.0, "key_strength": 0.9}
    >>> list(MOODS)[int(affect(sound)["mood"])]
    'euphoric'
    """
    if math.isnan(inputs["loudness"]):
        return dict.fromkeys(DERIVED, UNKNOWN)
    known = {**inputs, "mode": mode(inputs["key"])}
    values = {name: _weighted(weights, known) for name, weights in WEIGHTS.items()}
    if math.isnan(inputs["key"]) and math.isnan(inputs["tempo"]):
        values["valence"] = UNKNOWN
    values["danceability"] = danceability(inputs["tempo"], inputs["tempo_confidence"], inputs["beat_interval_std"])
    values["mood"] = mood_of(values["valence"], values["arousal"])
    return values


def mode(key: float) -> float:
    """Give 1 for a major key, -1 for a minor one, NaN for none."""
    return key if math.isnan(key) else (1.0 if key < 12 else -1.0)


def danceability(bpm: float, confidence: float, beat_interval_std: float) -> float:
    """Geometric mean of how clear, how regular and how well paced the beat is, 0 to 1; NaN without a beat.

    Examples
    --------
    >>> danceability(118.0, 1.0, 0.0)
    1.0
    """
    if math.isnan(bpm) or math.isnan(beat_interval_std):
        return UNKNOWN
    jitter = beat_interval_std * bpm / 60
    regular = 1 / (1 + (jitter / DANCE_JITTER) ** 2)
    paced = math.exp(-0.5 * (math.log2(bpm / DANCE_BPM) / DANCE_SPREAD) ** 2)
    return float((confidence * regular * paced) ** (1 / 3))


def mood_of(valence: float, arousal: float) -> float:
    """Index into `MOODS` of the region in which a point lies; NaN if a coordinate is missing."""
    if math.isnan(valence) or math.isnan(arousal):
        return UNKNOWN
    return float(next(i for i, region in enumerate(MOODS.values()) if (valence, arousal) in region))


def moods_of(valence: npt.NDArray[np.float64], arousal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give `mood_of` of many points: float64, shape (n,)."""
    known = ~(np.isnan(valence) | np.isnan(arousal))
    inside = [region.holds(valence, arousal) for region in MOODS.values()]
    return np.where(known, np.argmax(inside, axis=0), UNKNOWN)


def mood_name(valence: float, arousal: float) -> str | None:
    """Name of the mood at a point, None if a coordinate is missing."""
    code = mood_of(valence, arousal)
    return None if math.isnan(code) else list(MOODS)[int(code)]


def percent_ranks(values: npt.ArrayLike, among: npt.ArrayLike | None = None) -> npt.NDArray[np.float64]:
    """Give for each value the part of all that lies below it, half of those that are equal included.

    Parameters
    ----------
    values : array_like
        Shape (n,), NaN or None where not known.
    among : array_like, optional
        What they are compared with, by default themselves.

    Returns
    -------
    numpy.ndarray
        float64, shape (n,), between 0 and 1; NaN where not known.

    Examples
    --------
    >>> percent_ranks([0.31, 0.30, float("nan"), 0.31, 0.34]).tolist()
    [0.5, 0.125, nan, 0.5, 0.875]
    """
    given = np.asarray(values, dtype=np.float64)
    everything = given if among is None else np.asarray(among, dtype=np.float64)
    known = np.sort(everything[~np.isnan(everything)])
    ranks = np.searchsorted(known, given, "left") + np.searchsorted(known, given, "right")
    return np.where(np.isnan(given), np.nan, ranks / max(2 * len(known), 1))


def _weighted(weights: Mapping[str, float], inputs: Mapping[str, float]) -> float:
    cues = {name: CUES[name].value(inputs) for name in weights}
    known = {name: value for name, value in cues.items() if not math.isnan(value)}
    if not known:
        return UNKNOWN
    mean = sum(weights[name] * value for name, value in known.items()) / sum(abs(weights[name]) for name in known)
    return 1 / (1 + math.exp(-GAIN * mean))
