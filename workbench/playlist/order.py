"""Choosing tracks and their order at the least cost: beam search, then local improvement.

What is minimised, over sequences of n different candidates::

    sum of cost(track, next track)                   compatibility of neighbours
    + sum of place(track, position)                  departure from the energy curve, own preference
    + miss(total duration)                           where a length in minutes is asked for

* `Problem` gives the three terms on arrays and knows nothing of requests.
* A beam grows the sequence from several starts; every candidate is looked at in every step.
* Then two kinds of move are tried in turn until neither helps: another *order* within a window
  (every permutation if it is short, else every reversal, move and swap of tracks), and another
  *track* from all the candidates in one position. S. Lin, "Computer solutions of the traveling
  salesman problem" (1965) for 2-opt; I. Or (1976) for moving a track.

Everything is deterministic: ties go to the lower index.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from workbench.playlist.compatibility import NEUTRAL, TrackTable, Weights, cost_rows

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

BEAM = 4
STARTS = 8
ROUNDS = 20
#: Longest stretch of a playlist whose order is improved at once.
WINDOW = 32
#: Up to this length every order is tried.
EXHAUSTIVE = 6
#: What the curve counts against one transition, which costs at most 1.
CURVE_WEIGHT = 2.0
#: Departure from the curve, in energy, that counts half of that.
CURVE_STEP = 0.1
#: What a minute too much or too little costs.
MINUTE_WEIGHT = 1.0
#: Least gain of a move: above the rounding of float32 costs, or a search could go in circles.
_GAIN = 1e-5


@dataclass
class Problem:
    """Candidates, positions and what they cost.

    Attributes
    ----------
    table : columns of the N candidates
    n : number of positions
    fixed : position to candidate that must stand there
    targets : energy to aim at by position, shape (n,); None without a curve
    preference : own cost of each candidate, shape (N,)
    durations : seconds, shape (N,), and ``wanted_s``: total to come near to; None when it does not matter
    """

    table: TrackTable
    n: int
    fixed: Mapping[int, int] = field(default_factory=dict)
    targets: FloatArray | None = None
    preference: FloatArray | None = None
    durations: FloatArray | None = None
    wanted_s: float | None = None
    tolerance_s: float = 0.0
    weights: Weights | None = None
    half_double: bool = False
    _rows: dict[int, npt.NDArray[np.float32]] = field(default_factory=dict, repr=False)

    def row(self, candidate: int) -> npt.NDArray[np.float32]:
        """Cost of going from a candidate to each, shape (N,); kept, for the search asks again and again."""
        if candidate not in self._rows:
            self._rows[candidate] = cost_rows(
                self.table, [candidate], weights=self.weights, half_double=self.half_double
            )[0]
        return self._rows[candidate]

    def pairs(self, sequence: IntArray) -> FloatArray:
        """Cost between the members of a sequence, shape (n, n)."""
        return np.array([self.row(int(i))[sequence] for i in sequence], dtype=np.float64).reshape(2 * sequence.shape)

    def place(self, candidates: IntArray | slice, positions: IntArray | int) -> FloatArray:
        """Cost of candidates in positions, broadcast against each other."""
        energy = self.table.energy[candidates].astype(np.float64)
        cost = np.zeros_like(energy) if self.preference is None else self.preference[candidates]
        if self.targets is None:
            return cost
        distance = np.abs(energy - self.targets[positions])
        return cost + CURVE_WEIGHT * np.nan_to_num(distance / (distance + CURVE_STEP), nan=NEUTRAL)

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
        steps = sum(float(self.row(int(a))[b]) for a, b in itertools.pairwise(sequence))
        placed = float(self.place(sequence, np.arange(len(sequence))).sum())
        return steps + placed + float(self.miss(self.total_s(sequence)))


def solve(problem: Problem) -> IntArray:
    """Choose and order ``problem.n`` different candidates.

    Parameters
    ----------
    problem : Problem
        With at least n candidates, those of ``fixed`` among them.

    Returns
    -------
    numpy.ndarray
        int64, shape (n,): indices of candidates, at a local minimum of the cost.
    """
    if problem.n > len(problem.table):
        raise ValueError(f"{problem.n} positions, but only {len(problem.table)} candidates")
    if problem.n == 0:
        return np.empty(0, dtype=np.int64)
    sequence = _beam_search(problem)
    for _ in range(ROUNDS):
        reordered = _improve_order(problem, sequence)
        replaced = _improve_choice(problem, sequence)
        if not (reordered or replaced):
            break
    return sequence


def _beam_search(problem: Problem) -> IntArray:
    size = len(problem.table)
    everyone = slice(None)
    reserved = np.zeros(size, dtype=bool)
    reserved[list(problem.fixed.values())] = True
    first = _starts(problem, reserved)
    paths = [[int(start)] for start in first]
    costs = problem.place(first, 0)
    for position in range(1, problem.n):
        placed = problem.place(everyone, position)
        options: list[tuple[float, int, int]] = []
        for state, path in enumerate(paths):
            ahead = costs[state] + problem.row(path[-1]) + placed
            if position in problem.fixed:
                only = problem.fixed[position]
                options.append((float(ahead[only]), state, only))
                continue
            ahead[reserved] = np.inf
            ahead[path] = np.inf
            options.extend((float(ahead[k]), state, int(k)) for k in _smallest(ahead, BEAM) if np.isfinite(ahead[k]))
        options = sorted(options)[:BEAM]
        paths = [[*paths[state], chosen] for _, state, chosen in options]
        costs = np.array([cost for cost, _, _ in options])
    return np.array(paths[0], dtype=np.int64)


def _starts(problem: Problem, reserved: npt.NDArray[np.bool_]) -> IntArray:
    """First tracks to try: some of those that suit the first position best, spread over them."""
    if 0 in problem.fixed:
        return np.array([problem.fixed[0]], dtype=np.int64)
    free = np.flatnonzero(~reserved)
    best = free[np.argsort(problem.place(free, 0), kind="stable")][: max(STARTS, len(free) // 8)]
    return best[np.unique(np.linspace(0, len(best) - 1, STARTS).astype(np.int64))]


def _smallest(values: FloatArray, k: int) -> IntArray:
    """Find the k smallest in order, ties by index, on any processor (argpartition breaks ties as it likes)."""
    if k < len(values):
        bound = np.partition(values, k - 1)[k - 1]
        among = np.flatnonzero(values <= bound)
    else:
        among = np.arange(len(values))
    return among[np.argsort(values[among], kind="stable")[:k]]


def _improve_order(problem: Problem, sequence: IntArray) -> bool:
    """Reorder in place until no window gets better; True if anything changed."""
    length = min(problem.n, WINDOW)
    pairs = problem.pairs(sequence)
    order = np.arange(problem.n)
    changed = False
    for _ in range(ROUNDS):
        improved = False
        for start in sorted({*range(0, problem.n - length + 1, max(length // 2, 1)), problem.n - length}):
            while _best_move(problem, sequence, pairs, order, start, length):
                improved = changed = True
        if not improved:
            break
    sequence[:] = sequence[order]
    return changed


def _best_move(
    problem: Problem, sequence: IntArray, pairs: FloatArray, order: IntArray, start: int, length: int
) -> bool:
    """Apply the best reordering of one window to ``order``; False if there is none that helps."""
    held = tuple(p - start for p in problem.fixed if start <= p < start + length)
    moves = _moves(length, held)
    window = order[start : start + length]
    steps = pairs[np.ix_(window, window)]
    costs = steps[moves[:, :-1], moves[:, 1:]].sum(axis=1)
    if start > 0:
        costs += pairs[order[start - 1], window][moves[:, 0]]
    if start + length < problem.n:
        costs += pairs[window, order[start + length]][moves[:, -1]]
    if problem.targets is not None:
        positions = np.arange(start, start + length)
        placed = problem.place(sequence[window][:, None], positions[None, :])
        costs += placed[moves, np.arange(length)].sum(axis=1)
    best = int(np.argmin(costs))
    if costs[best] > costs[0] - _GAIN:
        return False
    order[start : start + length] = window[moves[best]]
    return True


@lru_cache(maxsize=64)
def _moves(length: int, held: tuple[int, ...]) -> IntArray:
    """Orders of a window to try, shape (m, length), the present one first, ``held`` positions kept."""
    here = np.arange(length)
    if length <= EXHAUSTIVE:
        orders = np.array(list(itertools.permutations(range(length))), dtype=np.int64)
    else:
        tried = [here]
        for i, j in itertools.combinations(range(length), 2):
            reversal, swap = here.copy(), here.copy()
            reversal[i : j + 1] = here[i : j + 1][::-1]
            swap[[i, j]] = here[[j, i]]
            later = np.insert(np.delete(here, i), j, i)
            earlier = np.insert(np.delete(here, j), i, j)
            tried.extend((reversal, swap, later, earlier))
        orders = np.array(tried)
    keep = list(held)
    allowed: IntArray = orders[(orders[:, keep] == here[keep]).all(axis=1)]
    return allowed


def _improve_choice(problem: Problem, sequence: IntArray) -> bool:
    """Put a better candidate in place of a track wherever there is one; True if anything changed."""
    changed = False
    for position in range(problem.n):
        if position in problem.fixed:
            continue
        current = int(sequence[position])
        costs = problem.place(slice(None), position)
        if position > 0:
            costs = costs + problem.row(int(sequence[position - 1]))
        if position + 1 < problem.n:
            costs = costs + problem.row(int(sequence[position + 1]))
        if problem.durations is not None:
            others = problem.total_s(sequence) - float(problem.durations[current])
            costs = costs + problem.miss(others + problem.durations)
        present = costs[current]
        costs = costs.copy()
        costs[sequence] = np.inf
        costs[list(problem.fixed.values())] = np.inf
        best = int(np.argmin(costs))
        if costs[best] < present - _GAIN:
            sequence[position] = best
            changed = True
    return changed
