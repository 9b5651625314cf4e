"""Why a hit is near, in a sentence or two that can be checked by ear."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.similarity.embedding import COMPONENTS

#: Tempo classes within this part of an octave are called the same: 4 %, within which tempi are
#: counted as equal in the evaluation of trackers (F. Gouyon et al., "An experimental comparison of
#: audio tempo induction algorithms", IEEE TASLP 14, 2006).
_SAME_TEMPO_OCTAVES = float(np.log2(1.04))
#: Cosine of two chroma profiles, their means taken out, from which the notes are called similar.
_SAME_NOTES = 0.8
_MOST_DIFFERENCES = 3


@dataclass(frozen=True, slots=True)
class _Contrast:
    """What a difference in one component is called; ``step`` is the least that is worth a word."""

    component: str
    step: float
    more: str
    less: str


_CONTRASTS = (
    _Contrast("spectral_centroid_by_energy_mean", 0.25, "brighter", "darker"),
    _Contrast("loudness", 3.0, "louder", "quieter"),
    _Contrast("onset_rate", 0.5, "busier", "sparser"),
    _Contrast("spectral_flatness_by_energy_mean", 1.5, "noisier", "more tonal"),
    _Contrast("loudness_range", 3.0, "wider in dynamics", "more even in level"),
)


def explain(
    query: npt.NDArray[np.floating[Any]],
    hit: npt.NDArray[np.floating[Any]],
    facets: Mapping[str, float] | None = None,
    components: Sequence[str] = COMPONENTS,
) -> str:
    """Say what a hit has in common with the query and where it differs.

    Parameters
    ----------
    query, hit : numpy.ndarray
        Raw vectors (`embed`), shape (d,); a component that is missing in either is not spoken of.
    facets : mapping, optional
        Score of the hit by facet (`Hits.facets`): names the facets that are nearest and farthest.
    components : sequence of str
        Names of the components, if these are other vectors: of regions, for example.

    Returns
    -------
    str
        One or two sentences; the differences are told from the hit's side, the largest first.

    Examples
    --------
    >>> a, b = np.full((2, len(COMPONENTS)), np.nan, dtype=np.float32)
    >>> loud, bright = COMPONENTS.index("loudness"), COMPONENTS.index("spectral_centroid_by_energy_mean")
    >>> a[[loud, bright]], b[[loud, bright]] = (-20, 10), (-9, 11)
    >>> explain(a, b, {"timbre": 0.8, "rhythm": 0.3})
    'Nearest in timbre, farthest in rhythm. Brighter, louder.'
    """
    a, b = ({name: float(value) for name, value in zip(components, vector, strict=True)} for vector in (query, hit))
    sentences = []
    if facets and len(facets) > 1:
        ranked = sorted(facets, key=lambda name: facets[name], reverse=True)
        sentences.append(f"Nearest in {ranked[0]}, farthest in {ranked[-1]}.")
    said = ", ".join([*_in_common(a, b), *_differences(a, b)])
    if said:
        sentences.append(f"{said[0].upper()}{said[1:]}.")
    return " ".join(sentences) or "Too little is known of one of them to say why."


def _in_common(query: Mapping[str, float], hit: Mapping[str, float]) -> list[str]:
    said = []
    octaves = _tempo_distance(query, hit)
    if octaves is not None:
        said.append("same tempo class" if octaves <= _SAME_TEMPO_OCTAVES else "another tempo class")
    notes = _note_similarity(query, hit)
    if notes is not None and notes >= _SAME_NOTES:
        said.append("similar notes")
    return said


def _differences(query: Mapping[str, float], hit: Mapping[str, float]) -> list[str]:
    steps = []
    for contrast in _CONTRASTS:
        difference = hit.get(contrast.component, math.nan) - query.get(contrast.component, math.nan)
        if abs(difference) >= contrast.step:  # False for NaN: what is not known is not spoken of
            steps.append((abs(difference) / contrast.step, contrast.more if difference > 0 else contrast.less))
    steps.sort(key=lambda step: -step[0])
    return [word for _, word in steps[:_MOST_DIFFERENCES]]


def _tempo_distance(query: Mapping[str, float], hit: Mapping[str, float]) -> float | None:
    """Distance of the tempo classes in octaves, 0 to 0.5; None where one is not known."""
    one, other = (math.atan2(v.get("tempo_sin", math.nan), v.get("tempo_cos", math.nan)) for v in (query, hit))
    if math.isnan(one - other):
        return None
    octaves = abs(other - one) / (2 * math.pi)
    return min(octaves, 1 - octaves)


def _note_similarity(query: Mapping[str, float], hit: Mapping[str, float]) -> float | None:
    """Cosine of the mean chroma, each profile's own mean taken out; None where one is flat or not known."""
    a, b = (
        np.array([value for name, value in v.items() if name.startswith("chroma_") and name.endswith("_mean")])
        for v in (query, hit)
    )
    a, b = a - a.mean(), b - b.mean()
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length > 1e-9 else None
