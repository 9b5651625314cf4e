"""Scores of tempo, key, beats and retrieval, by the definitions of MIREX and mir_eval. Arrays in, numbers out.

Conventions
-----------
- Tempi are in beats per minute, more than 0. An estimate of NaN means that none was made; it is wrong.
- Keys are text, tonic and mode: ``A minor``, ``Bb major``. An estimate of None is wrong.
- Beats are times in seconds, ascending.
- Distances are any real numbers, the smaller the more alike.
- Every score is in [0, 1], and 1 is best.

Each task has a ``validate_*``, its metrics, and an ``evaluate_*`` that gives all of them by name.

References
----------
- Gouyon et al. (2006), An experimental comparison of audio tempo induction algorithms: Accuracy 1 and 2.
- MIREX, Audio Key Detection: the weighted score; mir_eval.key.
- Davies, Degara and Plumbley (2009), Evaluation methods for musical audio beat tracking algorithms; mir_eval.beat.
- Flexer (2007), A closer look on artist filters for musical genre classification: groups left out.
- Manning, Raghavan and Schütze (2008), chapter 8: precision at k and mean average precision.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_TONICS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "b": -1}
_OCTAVES = (1.0, 2.0, 0.5, 3.0, 1 / 3)


def validate_tempi(reference: npt.ArrayLike, estimated: npt.ArrayLike) -> None:
    """Check that tempi can be compared.

    Parameters
    ----------
    reference, estimated : array_like, shape (n,)
        BPM.

    Raises
    ------
    ValueError
        If there are none, the shapes differ, or a tempo is not positive (NaN is allowed among the estimates).
    """
    references, estimates = np.asarray(reference, float), np.asarray(estimated, float)
    if references.ndim != 1 or references.shape != estimates.shape or not len(references):
        raise ValueError(f"tempi of shapes {references.shape} and {estimates.shape}: two equal (n,) are needed, n >= 1")
    if not (np.isfinite(references).all() and (references > 0).all()):
        raise ValueError("every reference tempo must be a positive number of BPM")
    known = estimates[~np.isnan(estimates)]
    if not (np.isfinite(known).all() and (known > 0).all()):
        raise ValueError("every estimated tempo must be a positive number of BPM, or NaN")


def tempo_accuracy_1(reference: npt.ArrayLike, estimated: npt.ArrayLike, *, tolerance: float = 0.04) -> float:
    """Share of tempi that are right.

    Parameters
    ----------
    reference, estimated : array_like, shape (n,)
        BPM.
    tolerance : float
        Largest error, relative to the reference.

    Returns
    -------
    float

    Examples
    --------
    >>> tempo_accuracy_1([120, 90], [122, 180])
    0.5
    """
    validate_tempi(reference, estimated)
    return float(_tempo_hits(reference, estimated, (1.0,), tolerance).mean())


def tempo_accuracy_2(reference: npt.ArrayLike, estimated: npt.ArrayLike, *, tolerance: float = 0.04) -> float:
    """Share of tempi that are right, or right but for a factor of 2, 3, 1/2 or 1/3.

    Parameters
    ----------
    reference, estimated : array_like, shape (n,)
        BPM.
    tolerance : float
        Largest error, relative to the multiple of the reference.

    Returns
    -------
    float

    Examples
    --------
    >>> tempo_accuracy_2([120, 90, 100], [122, 180, 75])
    0.6666666666666666
    """
    validate_tempi(reference, estimated)
    return float(_tempo_hits(reference, estimated, _OCTAVES, tolerance).mean())


def _tempo_hits(
    reference: npt.ArrayLike, estimated: npt.ArrayLike, factors: Sequence[float], tolerance: float
) -> npt.NDArray[np.bool_]:
    targets = np.asarray(reference, float)[:, None] * np.asarray(factors)
    errors = np.abs(np.asarray(estimated, float)[:, None] - targets) / targets
    return np.asarray((errors <= tolerance).any(axis=1))


def evaluate_tempo(reference: npt.ArrayLike, estimated: npt.ArrayLike) -> dict[str, float]:
    """All tempo scores by name.

    Examples
    --------
    >>> evaluate_tempo([120, 90], [122, 180])
    {'accuracy_1': 0.5, 'accuracy_2': 1.0}
    """
    return {
        "accuracy_1": tempo_accuracy_1(reference, estimated),
        "accuracy_2": tempo_accuracy_2(reference, estimated),
    }


def validate_keys(reference: Sequence[str], estimated: Sequence[str | None]) -> None:
    """Check that keys can be compared.

    Raises
    ------
    ValueError
        If there are none, the lengths differ, or a key cannot be read.
    """
    if len(reference) != len(estimated) or not len(reference):
        raise ValueError(f"{len(reference)} and {len(estimated)} keys: equally many are needed, at least one")
    for key in (*reference, *(key for key in estimated if key is not None)):
        _parse_key(key)


def _parse_key(key: str) -> tuple[int, str]:
    tonic, _, mode = key.partition(" ")
    letter, accidental = tonic[:1].upper(), tonic[1:]
    if letter not in _TONICS or accidental not in _ACCIDENTALS or mode not in {"major", "minor"}:
        raise ValueError(f"key {key!r}: a tonic such as 'F#' or 'Bb' and 'major' or 'minor' are needed")
    return (_TONICS[letter] + _ACCIDENTALS[accidental]) % 12, mode


def key_score(reference: str, estimated: str | None) -> float:
    """Score one key as MIREX does.

    Parameters
    ----------
    reference : str
    estimated : str or None

    Returns
    -------
    float
        1 for the same key, 0.5 for the key a perfect fifth above in the same mode, 0.3 for the
        relative and 0.2 for the parallel key, 0 for any other.

    Examples
    --------
    >>> [key_score("C major", key) for key in ("C major", "G major", "A minor", "C minor", "F major", None)]
    [1.0, 0.5, 0.3, 0.2, 0.0, 0.0]
    """
    if estimated is None:
        return 0.0
    tonic, mode = _parse_key(reference)
    other, other_mode = _parse_key(estimated)
    interval = (other - tonic) % 12
    if mode == other_mode:
        return {0: 1.0, 7: 0.5}.get(interval, 0.0)
    relative = 9 if mode == "major" else 3
    return {0: 0.2, relative: 0.3}.get(interval, 0.0)


def key_accuracy(reference: Sequence[str], estimated: Sequence[str | None]) -> float:
    """Share of keys that are exactly right.

    Examples
    --------
    >>> key_accuracy(["C major", "A# minor"], ["G major", "Bb minor"])
    0.5
    """
    validate_keys(reference, estimated)
    return float(np.mean([key_score(r, e) == 1.0 for r, e in zip(reference, estimated, strict=True)]))


def key_weighted_score(reference: Sequence[str], estimated: Sequence[str | None]) -> float:
    """Mean of `key_score`.

    Examples
    --------
    >>> key_weighted_score(["C major", "A# minor"], ["G major", "Bb minor"])
    0.75
    """
    validate_keys(reference, estimated)
    return float(np.mean([key_score(r, e) for r, e in zip(reference, estimated, strict=True)]))


def evaluate_key(reference: Sequence[str], estimated: Sequence[str | None]) -> dict[str, float]:
    """All key scores by name.

    Examples
    --------
    >>> evaluate_key(["C major"], ["G major"])
    {'accuracy': 0.0, 'weighted_score': 0.5}
    """
    return {
        "accuracy": key_accuracy(reference, estimated),
        "weighted_score": key_weighted_score(reference, estimated),
    }


def validate_beats(reference: npt.ArrayLike, estimated: npt.ArrayLike) -> None:
    """Check that beats can be compared; there may be none.

    Parameters
    ----------
    reference, estimated : array_like, shapes (n,) and (m,)
        Seconds.

    Raises
    ------
    ValueError
        If one is not a list of finite times that ascend.
    """
    for name, beats in (("reference", reference), ("estimated", estimated)):
        times = np.asarray(beats, float)
        if times.ndim != 1 or not np.isfinite(times).all() or (np.diff(times) < 0).any():
            raise ValueError(f"{name} beats of shape {times.shape}: finite times (n,) in ascending order are needed")


def trim_beats(beats: npt.ArrayLike, *, start: float = 5.0) -> npt.NDArray[np.float64]:
    """Leave out the beats before `start` seconds: by custom a listener, and a tracker, may take so long to settle.

    Examples
    --------
    >>> trim_beats([4.9, 5.0, 5.5]).tolist()
    [5.0, 5.5]
    """
    times = np.asarray(beats, float)
    return times[times >= start]


def beat_f_measure(
    reference: npt.ArrayLike, estimated: npt.ArrayLike, *, tolerance: float = 0.07, start: float = 5.0
) -> float:
    """Harmonic mean of the share of estimated beats that are right and the share of true beats that are found.

    Parameters
    ----------
    reference, estimated : array_like, shapes (n,) and (m,)
        Seconds, ascending.
    tolerance : float
        Largest distance of an estimated beat from a true one, seconds. Each is matched at most once.
    start : float
        Beats before it are left out on both sides, see `trim_beats`.

    Returns
    -------
    float
        0 if either side has no beat left.

    Examples
    --------
    >>> beat_f_measure([5.0, 5.5, 6.0, 6.5], [5.02, 6.06])
    0.6666666666666666
    """
    validate_beats(reference, estimated)
    references, estimates = trim_beats(reference, start=start), trim_beats(estimated, start=start)
    if not len(references) or not len(estimates):
        return 0.0
    return 2 * _n_matches(references, estimates, tolerance) / (len(references) + len(estimates))


def _n_matches(references: npt.NDArray[np.float64], estimates: npt.NDArray[np.float64], tolerance: float) -> int:
    """Size of the largest matching.

    All windows are equally wide, so they end in the order in which they begin: giving each estimate the
    earliest reference that is left in its window never takes away more than it gains.
    """
    first = np.searchsorted(references, estimates - tolerance, side="left")
    behind = np.searchsorted(references, estimates + tolerance, side="right")
    n_matches = free = 0
    for low, high in zip(first.tolist(), behind.tolist(), strict=True):
        if max(low, free) < high:
            free = max(low, free) + 1
            n_matches += 1
    return n_matches


def evaluate_beats(reference: npt.ArrayLike, estimated: npt.ArrayLike) -> dict[str, float]:
    """All beat scores by name, of one track.

    Examples
    --------
    >>> evaluate_beats([5.0, 5.5], [5.0, 5.5])
    {'f_measure': 1.0}
    """
    return {"f_measure": beat_f_measure(reference, estimated)}


def validate_retrieval(
    distances: npt.ArrayLike, labels: Sequence[object], groups: Sequence[object] | None = None
) -> None:
    """Check what retrieval is scored from.

    Parameters
    ----------
    distances : array_like, shape (n, n)
        Row i holds the distances from query i to every item.
    labels : sequence, length n
    groups : sequence, length n, optional

    Raises
    ------
    ValueError
        If the shapes disagree, there are fewer than two items, or a distance is NaN.
    """
    matrix = np.asarray(distances)
    n = len(labels)
    if matrix.shape != (n, n) or n < 2:
        raise ValueError(f"distances of shape {matrix.shape} for {n} labels: (n, n) is needed, n >= 2")
    if groups is not None and len(groups) != n:
        raise ValueError(f"{len(groups)} groups for {n} labels")
    if np.isnan(matrix).any():
        raise ValueError("a distance is NaN: leave out the items that have none")


def relevance(
    distances: npt.ArrayLike, labels: Sequence[object], *, groups: Sequence[object] | None = None
) -> list[npt.NDArray[np.bool_]]:
    """For each query, whether the items it retrieves, nearest first, carry its label.

    Parameters
    ----------
    distances : array_like, shape (n, n)
    labels : sequence, length n
        What makes two items alike, for example their style.
    groups : sequence, length n, optional
        A query never retrieves its own group: give artists, or folds, so that it is not rewarded
        for finding the same record. Without them a query leaves out only itself.

    Returns
    -------
    list of numpy.ndarray of bool
        One per query; items at equal distance stay in their order.

    Examples
    --------
    >>> distances = [[0, 1, 2], [1, 0, 3], [2, 3, 0]]
    >>> [row.tolist() for row in relevance(distances, ["a", "a", "b"])]
    [[True, False], [True, False], [False, False]]
    """
    validate_retrieval(distances, labels, groups)
    matrix = np.asarray(distances)
    own = _codes(range(len(labels)) if groups is None else groups)
    label_codes = _codes(labels)
    rows = []
    for query, row in enumerate(matrix):
        candidates = np.flatnonzero(own != own[query])
        order = candidates[np.argsort(row[candidates], kind="stable")]
        rows.append(label_codes[order] == label_codes[query])
    return rows


def _codes(values: Sequence[object]) -> npt.NDArray[np.int64]:
    """Equal values, equal integers; np.unique would have to sort what may have no order."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values])


def precision_at_k(
    distances: npt.ArrayLike, labels: Sequence[object], k: int, *, groups: Sequence[object] | None = None
) -> float:
    """Mean share of the k nearest items that carry the query's label.

    Parameters
    ----------
    distances, labels, groups
        See `relevance`.
    k : int
        1 or more. What a query with fewer than k candidates lacks counts as wrong.

    Returns
    -------
    float

    Examples
    --------
    >>> precision_at_k([[0, 1, 2], [1, 0, 3], [2, 3, 0]], ["a", "a", "b"], 1)
    0.6666666666666666
    """
    if k < 1:
        raise ValueError(f"k is {k}: 1 or more is needed")
    rows = relevance(distances, labels, groups=groups)
    return float(np.mean([row[:k].sum() / k for row in rows]))


def mean_average_precision(
    distances: npt.ArrayLike, labels: Sequence[object], *, groups: Sequence[object] | None = None
) -> float:
    """Mean over the queries of the precision at each right item.

    Parameters
    ----------
    distances, labels, groups
        See `relevance`.

    Returns
    -------
    float
        Queries that have nothing to find are left out; NaN if that leaves none.

    Examples
    --------
    >>> mean_average_precision([[0, 2, 1], [1, 0, 3], [2, 3, 0]], ["a", "a", "b"])
    0.75
    """
    rows = [row for row in relevance(distances, labels, groups=groups) if row.any()]
    if not rows:
        return float("nan")
    return float(np.mean([_average_precision(row) for row in rows]))


def _average_precision(row: npt.NDArray[np.bool_]) -> float:
    ranks = np.flatnonzero(row) + 1
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))


def evaluate_retrieval(
    distances: npt.ArrayLike,
    labels: Sequence[object],
    *,
    groups: Sequence[object] | None = None,
    ks: Sequence[int] = (1, 5, 10),
) -> dict[str, float]:
    """All retrieval scores by name.

    Examples
    --------
    >>> evaluate_retrieval([[0, 1, 2], [1, 0, 3], [2, 3, 0]], ["a", "a", "b"], ks=(1,))
    {'precision_at_1': 0.6666666666666666, 'mean_average_precision': 1.0}
    """
    scores = {f"precision_at_{k}": precision_at_k(distances, labels, k, groups=groups) for k in ks}
    return scores | {"mean_average_precision": mean_average_precision(distances, labels, groups=groups)}
