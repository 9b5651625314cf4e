"""Why a hit is near or far: which qualities its distance comes from, in numbers and in words.

What is said is taken from the distance itself. The squared distance is a sum over components; summed over the
components of a quality, it is compared with what two tracks of the library drawn at random have there (`typical`).
Where a hit has far less, that made it near: what saved the most is named first, then what is least likely to be so near
by chance. Where it has the most, that keeps it away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from workbench.similarity.embedding import COMPONENTS, GAINS
from workbench.similarity.qualities import QUALITIES, descriptor_of, membership

Floats = npt.NDArray[np.floating[Any]]

#: Mean squared difference of two independent standard normal values that are clipped at ±1.5, as `Scaling` does, and
#: how many tracks of a library that is worth.
_NORMAL, _PRIOR = 1.557, 10
_SAMPLE = 2000

#: Tempo classes within this part of an octave are called the same: 4 %, within which tempi are
#: counted as equal in the evaluation of trackers (F. Gouyon et al., "An experimental comparison of
#: audio tempo induction algorithms", IEEE TASLP 14, 2006).
_SAME_TEMPO_OCTAVES = float(np.log2(1.04))
#: Of what is typical: a quarter of the squared difference, half the difference, is similar; half of the square is not.
_NEAR, _FAR = 0.25, 0.5
_MOST = 3
#: Part of what was saved that is worth a word.
_LEAST = 0.02
#: A ratio to what is usual below which differences are as good as none. A small ratio is the less likely by chance the
#: more components it is of; since those of a quality go together, their number counts by its square root.
_TINY = 1e-3
#: Of the differences of a quality's components, so much at least must go one way to be called more or less.
_ONE_WAY = 0.5


@dataclass(frozen=True, slots=True)
class Because:
    """One quality that made a hit near or far.

    Attributes
    ----------
    descriptor : from which most of it comes
    quality : name of the `Quality`
    effect : ``nearer`` or ``farther``
    share : of ``nearer``: part of all by which the squared distance is less than that of two tracks drawn at random;
        of ``farther``: part of the squared distance; in [0, 1]
    says : in words, told from the hit's side
    """

    descriptor: str
    quality: str
    effect: Literal["nearer", "farther"]
    share: float
    says: str


def explain(
    query: Floats,
    hit: Floats,
    difference: Floats,
    weights: Floats,
    usual: Floats,
    components: Sequence[str] = COMPONENTS,
) -> list[Because]:
    """Say which qualities made a hit near, and then which keep it away.

    Parameters
    ----------
    query, hit : numpy.ndarray
        Raw vectors (`embed`), shape (d,): a component that is missing in either is not spoken of.
    difference : numpy.ndarray
        Hit minus query, both standardised, shape (d,): what distances are taken from.
    weights : numpy.ndarray
        Weight of each component in the squared distance, shape (d,), >= 0.
    usual : numpy.ndarray
        Squared difference of two drawn at random, shape (d,): see `typical`.
    components : sequence of str
        Names of the components.

    Returns
    -------
    list of Because
        Three at most; none if nothing is known of one of them.

    Examples
    --------
    >>> a = np.zeros(len(COMPONENTS))
    >>> b = a.copy()
    >>> b[COMPONENTS.index("loudness")] = 3
    >>> ones = np.ones(len(COMPONENTS))
    >>> [reason.says for reason in explain(a, b, b - a, ones, ones)]
    ['similar variety of timbre', 'similar brightness', 'louder']
    """
    known = np.isfinite(query) & np.isfinite(hit)
    groups = _groups(tuple(components)) * known
    usual_parts, parts = weights * usual, weights * np.square(difference, dtype=np.float64)
    expected, found = groups @ usual_parts, groups @ parts
    saved = np.maximum(expected - found, 0)
    near = [
        g
        for g in _largest_first(saved)
        if _LEAST * saved.sum() <= saved[g]
        and found[g] <= _NEAR * expected[g]
        and _may_be_near(g, query, hit, components)
    ]
    far = [g for g in _largest_first(found) if found[g] >= _FAR * expected[g]]
    far = far or _largest_first(found)[: not near]
    by_chance = {g: (found[g] / expected[g] + _TINY) ** groups[g].sum() ** 0.5 for g in near}
    near = [*near[:1], *sorted(near[1:], key=lambda g: by_chance[g])][: _MOST - min(len(far), 1)]
    far = far[: _MOST - len(near)]

    def because(g: int, effect: Literal["nearer", "farther"]) -> Because:
        amounts, of_components = (saved, usual_parts) if effect == "nearer" else (found, parts)
        most = int((groups[g] * of_components).argmax())
        says = _likeness(g) if effect == "nearer" else _contrast(g, groups[g] * difference)
        share = float(amounts[g] / amounts.sum())
        return Because(descriptor_of(components[most]), QUALITIES[g].name, effect, share, says)

    return [*(because(g, "nearer") for g in near), *(because(g, "farther") for g in far)]


def typical(standardised: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Estimate the squared difference of two tracks drawn at random, by component.

    Parameters
    ----------
    standardised : numpy.ndarray or numpy.memmap
        All vectors of a library, shape (n, d); of many a sample is looked at. What few tracks cannot tell is taken
        from the normal distribution.

    Returns
    -------
    numpy.ndarray
        float64, shape (d,), > 0.
    """
    n = min(len(standardised), _SAMPLE)
    rows = np.linspace(0, len(standardised) - 1, n).astype(np.int64)
    spread = 2 * np.asarray(standardised[rows], dtype=np.float64).var(axis=0) if n else np.zeros(len(GAINS))
    return np.asarray((n * spread + _PRIOR * _NORMAL * np.square(GAINS, dtype=np.float64)) / (n + _PRIOR))


def in_words(reasons: Sequence[Because], facets: Mapping[str, float] | None = None) -> str:
    """Put the reasons into a sentence or two.

    Parameters
    ----------
    reasons : sequence of Because
        As `explain` gives them.
    facets : mapping, optional
        Score of the hit by facet (`Hits.facets`): names the facets that are nearest and farthest.

    Examples
    --------
    >>> reasons = [Because("tempo", "tempo class", "nearer", 0.2, "same tempo class")]
    >>> in_words([*reasons, Because("rms", "loudness", "farther", 0.6, "louder")], {"timbre": 0.8, "rhythm": 0.3})
    'Nearest in timbre, farthest in rhythm. Same tempo class; louder.'
    """
    sentences = []
    if facets and len(facets) > 1:
        ranked = sorted(facets, key=lambda name: facets[name], reverse=True)
        sentences.append(f"Nearest in {ranked[0]}, farthest in {ranked[-1]}.")
    halves = [", ".join(r.says for r in reasons if r.effect == effect) for effect in ("nearer", "farther")]
    said = "; ".join(filter(None, halves))
    if said:
        sentences.append(f"{said[0].upper()}{said[1:]}.")
    return " ".join(sentences) or "Too little is known of one of them to say why."


@cache
def _groups(components: tuple[str, ...]) -> npt.NDArray[np.float64]:
    return membership(components)


def _largest_first(amounts: npt.NDArray[np.float64]) -> list[int]:
    return [g for g in np.argsort(-amounts, kind="stable").tolist() if amounts[g] > 0]


def _may_be_near(g: int, query: Floats, hit: Floats, components: Sequence[str]) -> bool:
    """Tell if a quality may be called similar: tempi only if a listener would call them the same."""
    if QUALITIES[g].name != "tempo class":
        return True
    cos, sin = components.index("tempo_cos"), components.index("tempo_sin")
    one, other = (math.atan2(vector[sin], vector[cos]) for vector in (query, hit))
    octaves = abs(other - one) / (2 * math.pi)
    return min(octaves, 1 - octaves) <= _SAME_TEMPO_OCTAVES


def _likeness(g: int) -> str:
    quality = QUALITIES[g]
    return f"same {quality.name}" if quality.name == "tempo class" else f"similar {quality.name}"


def _contrast(g: int, difference: Floats) -> str:
    """Name the direction in which most components of a quality differ."""
    quality, whole, way = QUALITIES[g], float(np.abs(difference).sum()), float(difference.sum())
    if quality.more != quality.less and abs(way) < _ONE_WAY * whole:
        return f"different {quality.name}"
    return quality.more if way > 0 else quality.less
