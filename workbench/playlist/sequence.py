"""From a request and the tracks that there are to a playlist."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import InputError
from workbench.playlist.compatibility import TrackTable, Transition, Weights, column, transition
from workbench.playlist.constraints import LENGTH_TOLERANCE, Tracks, curve_targets, filters, violations
from workbench.playlist.order import Problem, solve
from workbench.playlist.request import MAX_TRACKS, PlaylistRequest

#: Most candidates that are searched; of more, a sample is drawn.
POOL_LIMIT = 20_000
#: A seed shifts each track's own cost by up to this much, against at most 1 for a transition.
_VARIETY = 0.15
#: How many lengths are tried to come near to the minutes asked for.
_LENGTH_TRIES = 5


@dataclass(frozen=True, slots=True)
class Playlist:
    """An ordered choice of tracks, with what it costs and what it could not do.

    Attributes
    ----------
    request : what was asked for
    tracks : catalog records in order, no id twice
    transitions : one per pair of neighbours
    violations : one dict per constraint that is not met: ``constraint wanted got remedy`` (and ``track``)
    cost : sum of the transitions' costs and of the departures from the curve
    targets : energy aimed at in each position; None without a curve
    """

    request: PlaylistRequest
    tracks: list[dict[str, Any]]
    transitions: list[Transition]
    violations: list[dict[str, Any]]
    cost: float
    targets: list[float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as plain JSON-ready values."""
        return {
            "request": self.request.model_dump(mode="json", exclude_none=True),
            "tracks": [dict(track) for track in self.tracks],
            "transitions": [asdict(step) for step in self.transitions],
            "violations": [dict(violation) for violation in self.violations],
            "cost": self.cost,
            "targets": self.targets,
        }


def build(tracks: Tracks, request: PlaylistRequest, *, weights: Weights | None = None) -> Playlist:
    """Choose tracks that meet a request and put them in the order that flows best.

    Parameters
    ----------
    tracks : sequence of mappings
        Catalog records: ``id duration_s bpm bpm_confidence key key_strength energy mood
        loudness_lufs`` and whatever else; None is not known. Their order does not matter.
    request : PlaylistRequest
    weights : Weights, optional
        How much each term of compatibility counts.

    Returns
    -------
    Playlist
        With fewer tracks than asked for, and saying so, rather than a track twice.

    Raises
    ------
    InputError
        When there is no track with the id of ``start`` or ``end``.

    Examples
    --------
    >>> tracks = [{"id": i, "bpm": 100 + i, "key": "A minor", "energy": i / 4} for i in range(4)]
    >>> playlist = build(tracks, PlaylistRequest(n=4, curve="rise"))
    >>> [track["id"] for track in playlist.tracks], playlist.transitions[0].key_relation
    ([0, 1, 2, 3], 'same key')
    """
    pool = _distinct(tracks)
    passing = filters(pool, request)
    ends = _ends(pool, request)
    candidates = _candidates(len(pool), passing, ends, request.seed)
    problem = _problem(
        [pool[i] for i in candidates], {p: candidates.index(i) for p, i in ends.items()}, request, weights
    )
    sequence = _solve_for_length(problem, request)
    chosen = [dict(pool[candidates[i]]) for i in sequence]
    steps = [float(problem.row(int(a))[b]) for a, b in itertools.pairwise(sequence)]
    problem.preference = None  # what a seed prefers is no cost of the playlist
    return Playlist(
        request=request,
        tracks=chosen,
        transitions=[transition(a, b, cost) for (a, b), cost in zip(itertools.pairwise(chosen), steps, strict=True)],
        violations=violations(chosen, request, pool, passing),
        cost=round(sum(steps) + float(problem.place(sequence, np.arange(len(sequence))).sum()), 6),
        targets=None if problem.targets is None else [round(float(t), 4) for t in problem.targets],
    )


def _distinct(tracks: Tracks) -> list[Mapping[str, Any]]:
    """Each id once, sorted, so that the order in which tracks come cannot change the answer."""
    by_id = {str(track["id"]): track for track in reversed(tracks)}
    return [by_id[key] for key in sorted(by_id)]


def _ends(pool: Sequence[Mapping[str, Any]], request: PlaylistRequest) -> dict[int, int]:
    """Position (0 or -1) to index in the pool of the tracks asked for by id."""
    found = {}
    for position, name, wanted in ((0, "start", request.start), (-1, "end", request.end)):
        if wanted is None:
            continue
        index = next((i for i, track in enumerate(pool) if str(track["id"]) == str(wanted)), None)
        if index is None:
            raise InputError(
                f"{name}: there is no track with the id {wanted!r}.", "Take an id from the list of tracks."
            )
        found[position] = index
    return found


def _candidates(
    size: int, passing: Mapping[str, npt.NDArray[np.bool_]], ends: Mapping[int, int], seed: int | None
) -> list[int]:
    """List the tracks to choose from by index: those that pass, and the ends whether they pass or not."""
    passed = np.logical_and.reduce([np.ones(size, dtype=bool), *passing.values()])
    indices = np.flatnonzero(passed)
    if len(indices) > POOL_LIMIT:
        indices = np.random.default_rng(seed or 0).choice(indices, POOL_LIMIT, replace=False)
    return sorted({*indices.tolist(), *ends.values()})


def _problem(candidates: Tracks, ends: Mapping[int, int], request: PlaylistRequest, weights: Weights | None) -> Problem:
    size = len(candidates)
    noise = None if request.seed is None else _VARIETY * np.random.default_rng(request.seed).random(size)
    problem = Problem(
        table=TrackTable.of(candidates),
        n=min(request.n or 0, size),
        fixed=dict(ends),
        preference=noise,
        weights=weights,
        half_double=request.half_double,
    )
    if request.minutes is not None:
        problem.durations = np.nan_to_num(column(candidates, "duration_s"))
        problem.wanted_s = request.minutes * 60
        # aim inside the tolerance that is reported, so that rounding never tips it over
        problem.tolerance_s = 0.9 * LENGTH_TOLERANCE * problem.wanted_s
    return problem


def _solve_for_length(problem: Problem, request: PlaylistRequest) -> npt.NDArray[np.int64]:
    """Solve for n tracks, or for the number of tracks that comes nearest to the minutes asked for."""
    ends = dict(problem.fixed)
    if problem.durations is None or problem.wanted_s is None:
        _set_length(problem, problem.n, ends, request)
        return solve(problem)
    size = len(problem.table)
    least, most = min(max(len(ends), 1), size), min(size, MAX_TRACKS)
    typical = float(np.median(problem.durations)) if size else 0.0
    n = int(np.clip(round(problem.wanted_s / typical) if typical > 0 else least, least, most))
    tried: dict[int, tuple[float, float, npt.NDArray[np.int64]]] = {}
    while n not in tried and len(tried) < _LENGTH_TRIES:
        _set_length(problem, n, ends, request)
        sequence = solve(problem)
        total = problem.total_s(sequence)
        tried[n] = (float(problem.miss(total)), problem.cost(sequence), sequence)
        if tried[n][0] == 0:
            break
        short = problem.wanted_s - total
        step = round(short * n / total) if total > 0 else 0
        n = int(np.clip(n + (step or (1 if short > 0 else -1)), least, most))
    best = min(tried, key=lambda n: tried[n][:2])
    _set_length(problem, best, ends, request)
    return tried[best][2]


def _set_length(problem: Problem, n: int, ends: Mapping[int, int], request: PlaylistRequest) -> None:
    problem.n = n
    problem.fixed = {position % n: index for position, index in ends.items()} if n else {}
    problem.targets = curve_targets(request.curve, n, problem.table.energy)
