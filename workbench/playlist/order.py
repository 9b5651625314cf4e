"""Choosing tracks and their order at the least cost: beam search, then local improvement.

What is minimised, over sequences of n different candidates::

    sum of pair[track, next track]                   compatibility of neighbours
    + sum of place[position, track]                  departure from the energy curve, own preference
    + Spacing.cost for each pair too near            artists and albums
    + miss(total duration)                           where a length in minutes is asked for

with some tracks in given positions, and some required anywhere.

* `Problem` is these arrays; it knows nothing of requests. `workbench.playlist.exact` takes the same.
* A beam grows sequences from all candidates at once; the best different ones are improved.
* Three kinds of move are tried in turn until none helps (`workbench.playlist.improve`): another *order*
  within a window (every reversal, move and swap of tracks; every permutation of a short one), another
  *track* in one position, and a short *stretch* grown anew by a beam, other tracks and other order at once.
* Then stretches chosen at random are torn out and grown anew from a disturbed start, and what is
  better is kept: an iterated local search of a fixed number of rounds.

S. Lin, "Computer solutions of the traveling salesman problem" (1965) for 2-opt; I. Or (1976) for moving
a track; H. Lourenço, O. Martin, T. Stützle, "Iterated local search" (2003).

Everything is deterministic: random numbers have a seed, ties go to the lower index.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from workbench.playlist.beam import Arrays, grow_beam
from workbench.playlist.improve import GAIN, regrow, reorder
from workbench.playlist.table import UNKNOWN

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

#: Most (state, candidate) pairs that a step of the beam looks at, which bounds its time; and the widths.
BEAM_WORK = 20_000
NARROWEST, WIDEST = 8, 400
#: How many of the beam's sequences are improved in a small problem; in a large one the best alone.
STARTS = 3
#: Longest stretch that is grown anew, and the widest beam that does it.
STRETCH, STRETCH_WIDEST = 6, 16
#: Most disturbances that are tried; fewer where `KICK_WORK` of positions times candidates are used up.
KICKS = 36
KICK_WORK = 16_000
ROUNDS = 20
#: Longest stretch of a playlist whose order is improved at once.
WINDOW = 32
#: Up to this length every order is tried.
EXHAUSTIVE = 6
#: What a minute too much or too little costs.
MINUTE_WEIGHT = 1.0
#: What it would cost to leave a required track out: more than anything else can save.
_REQUIRED = 1e6


@dataclass(frozen=True, slots=True)
class Spacing:
    """What it costs to have two candidates of one group near each other.

    Attributes
    ----------
    groups : the group of each candidate, shape (N,); who belongs to none has one of their own, see `groups_of`
    gap : how many others belong between two of a group
    cost : of a pair that has fewer, see `of`
    """

    groups: IntArray
    gap: int
    cost: float

    def of(self, apart: int) -> float:
        """Cost of a pair so many positions apart, up to ``gap``: twice as much side by side as far apart."""
        return self.cost * (1 + 1 / apart)


def groups_of(codes: IntArray) -> IntArray:
    """Give a group of its own to every candidate whose code is not known."""
    return np.where(codes == UNKNOWN, -1 - np.arange(len(codes)), codes)


@dataclass
class Problem:
    """Candidates, positions and what they cost.

    Attributes
    ----------
    pair : cost of going from one candidate to another, float32, shape (N, N)
    place : cost of a candidate in a position, float64, shape (n, N)
    fixed : position to candidate that must stand there
    required : candidates that must be somewhere, those of ``fixed`` left aside
    spacings : what groups of candidates must keep apart
    durations : seconds, shape (N,), with ``wanted_s``, the total to come near to, and ``tolerance_s``; None when it
        does not matter
    """

    pair: npt.NDArray[np.float32]
    place: FloatArray
    fixed: Mapping[int, int] = field(default_factory=dict)
    required: frozenset[int] = frozenset()
    spacings: tuple[Spacing, ...] = ()
    durations: FloatArray | None = None
    wanted_s: float | None = None
    tolerance_s: float = 0.0

    @property
    def n(self) -> int:
        """Number of positions."""
        return len(self.place)

    @property
    def size(self) -> int:
        """Number of candidates."""
        return len(self.pair)

    @property
    def reach(self) -> int:
        """How far apart two positions may be and still have a cost together."""
        return max([1, *(spacing.gap for spacing in self.spacings)])

    @cached_property
    def bonus(self) -> FloatArray:
        """What a candidate saves by being there at all, shape (N,): nothing, unless it is required."""
        saved = np.zeros(self.size)
        saved[list(self.required)] = _REQUIRED
        return saved

    @cached_property
    def arrays(self) -> Arrays:
        """The same as compiled code takes it."""
        fixed = np.full(self.n, UNKNOWN, dtype=np.int64)
        fixed[list(self.fixed)] = list(self.fixed.values())
        timed = self.durations is not None and self.wanted_s is not None
        groups = [np.unique(spacing.groups, return_inverse=True)[1] for spacing in self.spacings]
        pair = np.ascontiguousarray(self.pair, dtype=np.float32)
        others = pair.copy()
        np.fill_diagonal(others, np.inf)
        return Arrays(
            pair=pair,
            own=self.place - self.bonus,
            entering=others.min(axis=0, initial=np.inf),
            groups=np.array(groups, dtype=np.int64).reshape(-1, self.size),
            gaps=np.array([spacing.gap for spacing in self.spacings], dtype=np.int64),
            crowding=np.array([spacing.cost for spacing in self.spacings], dtype=np.float64),
            fixed=fixed,
            durations=np.asarray(self.durations if timed else (), dtype=np.float64),
            miss=np.array([self.wanted_s if timed else 0.0, self.tolerance_s, MINUTE_WEIGHT / 60], dtype=np.float64),
        )

    def miss(self, total_s: FloatArray | float) -> FloatArray | float:
        """Cost of a total duration."""
        if self.wanted_s is None:
            return 0.0
        return MINUTE_WEIGHT / 60 * np.maximum(np.abs(total_s - self.wanted_s) - self.tolerance_s, 0.0)

    def total_s(self, sequence: IntArray) -> float:
        """Duration of a sequence in seconds."""
        return 0.0 if self.durations is None else float(self.durations[sequence].sum())

    def cost(self, sequence: IntArray) -> float:
        """Whole cost of a sequence."""
        return float(self.costs(np.asarray(sequence)[None, :], 0)[0] + self.miss(self.total_s(sequence)))

    def costs(self, chunks: IntArray, position: int) -> FloatArray:
        """Cost of each of many stretches that begin at a position, shape (m, length) to (m,); durations left out."""
        length = chunks.shape[1]
        positions = np.arange(position, position + length)
        total: FloatArray = self.place[positions, chunks].sum(axis=1)
        total += self.pair[chunks[:, :-1], chunks[:, 1:]].sum(axis=1, dtype=np.float64)
        for spacing in self.spacings:
            groups = spacing.groups[chunks]
            for apart in range(1, min(spacing.gap, length - 1) + 1):
                total += spacing.of(apart) * (groups[:, apart:] == groups[:, :-apart]).sum(axis=1)
        return total


def solve(problem: Problem) -> IntArray:
    """Choose and order ``problem.n`` different candidates.

    Parameters
    ----------
    problem : Problem
        With at least n candidates.

    Returns
    -------
    numpy.ndarray
        int64, shape (n,): indices of candidates, at a local minimum of the cost.
    """
    n = problem.n
    if n > problem.size:
        raise ValueError(f"{n} positions, but only {problem.size} candidates")
    if n == 0:
        return np.empty(0, dtype=np.int64)
    width = int(np.clip(BEAM_WORK // problem.size, NARROWEST, WIDEST))
    grown = _grown_whole(problem, width)
    best, best_cost = grown[0], np.inf
    kicks = min(KICKS, KICK_WORK // (n * problem.size))
    for sequence in _different(grown, min(STARTS, 1 + kicks // 10)):
        _require(problem, sequence)
        _improve(problem, sequence, np.ones(n, dtype=bool))
        if (cost := problem.cost(sequence)) < best_cost - GAIN:
            best, best_cost = sequence, cost
    return _kicked(problem, best, best_cost, kicks)


def greedy(problem: Problem) -> IntArray:
    """Choose as one does by hand, to compare with: the best first track, then always the nearest; shape (n,)."""
    found: IntArray = _grown_whole(problem, 1)[0]
    _require(problem, found)
    return found


def _grown_whole(problem: Problem, width: int) -> IntArray:
    """Grow whole sequences, the required tracks left aside if there are enough others."""
    held = np.full(problem.n, UNKNOWN, dtype=np.int64)
    held[list(problem.fixed)] = list(problem.fixed.values())
    banned = list(problem.fixed.values())
    if problem.size - len(problem.required) >= problem.n:
        banned += problem.required
    return _grow(problem, held, 0, problem.n, width, banned=banned)


def _grow(problem: Problem, sequence: IntArray, start: int, stop: int, width: int, *, banned: list[int]) -> IntArray:
    """Fill positions from `start` to `stop` by a beam; give the sequences that this makes, the cheapest first.

    Tracks outside of the stretch stay. Of `banned` only those that are fixed within it are used.
    """
    free = np.ones(problem.size, dtype=bool)
    free[banned] = False
    outside = np.concatenate([sequence[:start], sequence[stop:]])
    free[outside[outside >= 0]] = False
    everything = np.full(stop - start, np.inf)
    paths, costs = grow_beam(problem.arrays, np.asarray(sequence, dtype=np.int64), free, start, stop, width, everything)
    found: IntArray = paths[np.argsort(costs, kind="stable")]
    return found


def _different(sequences: IntArray, k: int) -> list[IntArray]:
    """Take the best and some that have few tracks in common with those taken."""
    taken = [sequences[0].copy()]
    for _ in range(min(k, len(sequences)) - 1):
        shared = sum(np.isin(sequences, other).sum(axis=1) for other in taken)
        taken.append(sequences[int(np.argmin(shared))].copy())
    return taken


def _require(problem: Problem, sequence: IntArray) -> None:
    """Put the required tracks in that are not, each where it costs least."""
    needed = set(problem.fixed.values()) | problem.required
    open_positions = [p for p in range(problem.n) if int(sequence[p]) not in needed]
    for track in sorted(problem.required - set(sequence.tolist())):
        costs = []
        for position in open_positions:
            changed = sequence.copy()
            changed[position] = track
            costs.append(problem.cost(changed))
        sequence[open_positions.pop(int(np.argmin(costs)))] = track


def _improve(problem: Problem, sequence: IntArray, changed: npt.NDArray[np.bool_]) -> None:
    """Improve in place until no move helps near to the positions that have changed."""
    arrays, required = problem.arrays, problem.bonus > 0
    window, stretch = min(problem.n, WINDOW), min(problem.n, STRETCH)
    width = int(np.clip(BEAM_WORK // 2 // problem.size, NARROWEST, STRETCH_WIDEST))
    for _ in range(ROUNDS):
        before = sequence.copy()
        for start in sorted({*range(0, problem.n - window + 1, max(window // 2, 1)), problem.n - window}):
            if (changed | (sequence != before))[max(0, start - 1) : start + window + 1].any():
                reorder(arrays, sequence, start, _moves(window))
        regrow(arrays, sequence, required, changed | (sequence != before), 1, 1, 1)
        regrow(arrays, sequence, required, changed | (sequence != before), stretch, 2, width)
        changed = sequence != before
        if not changed.any():
            break


def _kicked(problem: Problem, best: IntArray, best_cost: float, kicks: int) -> IntArray:
    """Disturb and improve again, so many times; keep what is better."""
    rng = np.random.default_rng(problem.n)
    open_positions = np.array([p for p in range(problem.n) if p not in problem.fixed])
    if len(open_positions) < 2:
        return best
    for _ in range(kicks):
        sequence = best.copy()
        some = rng.choice(open_positions, min(len(open_positions), int(rng.integers(2, 5))), replace=False)
        unused = np.setdiff1d(np.arange(problem.size), sequence)
        for position in some:
            if len(unused) and rng.random() < 0.5 and int(sequence[position]) not in problem.required:
                sequence[position] = unused[np.argmin(problem.place[position, unused] + rng.random(len(unused)))]
                unused = unused[unused != sequence[position]]
        sequence[some] = sequence[rng.permutation(some)]
        _improve(problem, sequence, sequence != best)
        if (cost := problem.cost(sequence)) < best_cost - GAIN:
            best, best_cost = sequence, cost
    return best


@lru_cache
def _moves(length: int) -> IntArray:
    """Orders of a window to try, shape (m, length), the present one first."""
    here = np.arange(length)
    if length <= EXHAUSTIVE:
        return np.array(list(itertools.permutations(range(length))), dtype=np.int64)
    tried = [here]
    for i, j in itertools.combinations(range(length), 2):
        reversal, swap = here.copy(), here.copy()
        reversal[i : j + 1] = here[i : j + 1][::-1]
        swap[[i, j]] = here[[j, i]]
        later = np.insert(np.delete(here, i), j, i)
        earlier = np.insert(np.delete(here, j), i, j)
        tried.extend((reversal, swap, later, earlier))
    return np.unique(np.array(tried), axis=0)
