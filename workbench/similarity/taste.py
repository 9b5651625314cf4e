"""A taste: how much each quality counts for one listener, learned from a handful of clicks.

* A click says of a pair, a reference and a result, that they sound alike or that they do not.
* From clicks follow relative comparisons: this pair is nearer than that one (M. Schultz and T. Joachims, "Learning a
  distance metric from relative comparisons", NIPS 2003). A liked result is nearer than the disliked ones of the same
  reference, or, where there is none, than what was found near it by the usual weights; a disliked one is farther.
* The squared distance is a sum over qualities; learned is a factor >= 0 on each, a diagonal metric (E. Xing et al.,
  "Distance metric learning with application to clustering with side-information", NIPS 2002): what fits the
  comparisons best by logistic loss, held to 1 by a quadratic penalty. The problem is convex: one answer, and without
  clicks it is the usual weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.similarity.embedding import COMPONENTS
from workbench.similarity.qualities import QUALITIES, membership

Floats = npt.NDArray[np.float64]

#: A comparison is clear from this difference on, in mean squared distances of the pairs that were looked at; and how
#: strongly factors are held to 1, each by its quality's share of these distances. Chosen on simulated tastes over real
#: music: held less, three clicks bend a taste that is the usual one; held more, clear tastes are learned too slowly.
_CLEAR, _HOLD = 0.2, 3.0

_GROUPS = membership(COMPONENTS)


@dataclass(frozen=True, slots=True)
class Click:
    """What was said of a pair, a reference and a result, in squared distances by quality at the usual weights.

    Attributes
    ----------
    reference : names the reference
    liked : True if they sound alike, False if they do not
    pair : of the pair, float64, shape (len(QUALITIES),)
    neighbours : of the reference and what is near it by the usual weights, shape (k, len(QUALITIES))
    """

    reference: str
    liked: bool
    pair: Floats
    neighbours: Floats


@dataclass(frozen=True, slots=True)
class Learned:
    """A taste, and what it is worth.

    Attributes
    ----------
    factors : quality to the factor on its weight, >= 0; about 1 where the clicks say nothing
    agreement : share of the comparisons of a click that was left out of learning that are as it says, mean over
        clicks, in [0, 1]; None where nothing can be compared
    agreement_before : the same share by the usual weights
    """

    factors: dict[str, float]
    agreement: float | None
    agreement_before: float | None


def squared_by_quality(a: npt.ArrayLike, b: npt.ArrayLike, weights: Floats) -> Floats:
    """Give the squared distance of standardised vectors, shape (..., d), by quality, shape (..., len(QUALITIES))."""
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    return np.asarray((weights * np.square(difference)) @ _GROUPS.T)


def learn(clicks: Sequence[Click]) -> Learned:
    """Learn how much each quality counts.

    Parameters
    ----------
    clicks : sequence of Click
        At least one.

    Returns
    -------
    Learned
        Its factors leave the mean squared distance of all pairs that were looked at as it was, so that scores keep
        their scale.

    Examples
    --------
    >>> one, other = np.eye(len(QUALITIES))[:2]
    >>> none = np.empty((0, len(one)))
    >>> learned = learn([Click("a", True, one, none), Click("a", False, other, none)])
    >>> learned.factors["brightness"] < 1 < learned.factors["spectral width"]
    True
    """
    factors = {quality.name: float(factor) for quality, factor in zip(QUALITIES, _fit(clicks), strict=True)}
    left_out = [_fit([*clicks[:i], *clicks[i + 1 :]]) for i in range(len(clicks))]
    usual = [np.ones(len(QUALITIES))] * len(clicks)
    return Learned(factors, _agreement(clicks, left_out), _agreement(clicks, usual))


def factors_of_components(factors: Mapping[str, float]) -> Floats:
    """Give the factor of each component, shape (d,), from those of the qualities; 1 for one that is not named."""
    return np.array([factors.get(quality.name, 1.0) for quality in QUALITIES]) @ _GROUPS


def _gaps(clicks: Sequence[Click], i: int) -> Floats:
    """By how much a click's rivals are farther than its pair, or nearer if it is disliked, by quality, shape (k, q)."""
    click = clicks[i]
    rivals = [c.pair for c in clicks if c.reference == click.reference and c.liked != click.liked]
    against = np.array(rivals) if rivals else click.neighbours
    return np.asarray(against - click.pair) * (1.0 if click.liked else -1.0)


def _looked_at(clicks: Sequence[Click]) -> Floats:
    """All pairs that a click speaks of or is compared with, shape (k, q)."""
    return np.concatenate([*([click.pair] for click in clicks), *(click.neighbours for click in clicks)])


def _fit(clicks: Sequence[Click]) -> Floats:
    """Minimise the logistic loss of all comparisons, each click of weight one, and the penalty."""
    from scipy.optimize import minimize

    gaps = [_gaps(clicks, i) for i in range(len(clicks))]
    if not sum(map(len, gaps)):
        return np.ones(len(QUALITIES))
    mean = _looked_at(clicks).mean(axis=0)
    scale = float(mean.sum()) or 1.0
    share = mean / scale
    weight = np.concatenate([np.full(len(gap), 1 / max(len(gap), 1)) for gap in gaps])
    compared = np.concatenate(gaps) / (scale * _CLEAR)

    def loss(factors: Floats) -> tuple[float, Floats]:
        margin = compared @ factors
        wrong = weight / (1 + np.exp(np.minimum(margin, 500)))
        held = _HOLD * share * (factors - 1)
        return float(weight @ np.logaddexp(0, -margin) + held @ (factors - 1)), 2 * held - wrong @ compared

    bounds = [(0.0, None)] * len(QUALITIES)
    found = np.asarray(minimize(loss, np.ones(len(QUALITIES)), jac=True, method="L-BFGS-B", bounds=bounds).x)
    whole = float(share @ found)
    return found / whole if whole > 0 else np.ones(len(QUALITIES))


def _agreement(clicks: Sequence[Click], by: Sequence[Floats]) -> float | None:
    """Share of each click's comparisons that are as it says by the factors given for it, mean over the clicks."""
    gaps = [_gaps(clicks, i) @ factors for i, factors in enumerate(by)]
    shares = [float((gap > 0).mean()) for gap in gaps if len(gap)]
    return sum(shares) / len(shares) if shares else None
