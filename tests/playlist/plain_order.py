"""The search for an order by its plain definitions, which the compiled one is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from workbench.playlist.improve import GAIN
from workbench.playlist.order import Problem, Spacing, groups_of


@dataclass
class Posed:
    """A problem and a sequence that is held in places."""

    problem: Problem
    sequence: np.ndarray
    rng: np.random.Generator = field(repr=False)


@st.composite
def posed(draw: st.DrawFn, grids: tuple[int, ...] = (1, 64)) -> Posed:
    """Draw a problem; of a coarse grid, costs are often equal."""
    rng, grid = np.random.default_rng(draw(st.integers(0, 100_000))), draw(st.sampled_from(grids))
    size = draw(st.integers(3, 40))
    n = min(draw(st.integers(1, 9)), size)
    chosen = rng.permutation(size)[:n]
    held = {int(p): int(chosen[p]) for p in rng.permutation(n)[: rng.integers(0, 3)]}
    free = [int(track) for track in rng.permutation(size) if track not in held.values()]
    problem = Problem(
        (rng.integers(0, 4 * grid, (size, size)) / grid).astype(np.float32),
        rng.integers(0, 4 * grid, (n, size)) / grid,
        fixed=held,
        required=frozenset(free[: min(int(rng.integers(0, 3)), n - len(held))]),
        spacings=tuple(
            Spacing(groups_of(rng.integers(-1, 4, size)), int(gap), float(cost))
            for gap, cost in zip(rng.integers(1, 5, 2), rng.random(2), strict=True)
        )[: rng.integers(0, 3)],
        durations=rng.integers(100, 400, size).astype(float) if rng.random() < 0.5 else None,
        wanted_s=float(200 * n),
        tolerance_s=30.0,
    )
    return Posed(problem, chosen, rng)


def plain_grow(
    problem: Problem, sequence: np.ndarray, start: int, stop: int, width: int, *, banned: list[int]
) -> np.ndarray:
    """A beam, a step of array operations for each position."""
    n, size = problem.n, problem.size
    free = np.ones(size, dtype=bool)
    free[banned] = False
    outside = np.concatenate([sequence[:start], sequence[stop:]])
    free[outside[outside >= 0]] = False
    paths, costs = sequence[None, :].copy(), np.zeros(1)
    for position in range(start, stop):
        step = problem.place[position] - problem.bonus
        for others in (range(start), range(stop, n)):
            for near in crowding(problem, sequence[None, :], position, others):
                step = step + near[0]
        ahead = costs[:, None] + step
        if position > 0:
            ahead = ahead + problem.pair[paths[:, position - 1]]
        if position + 1 == stop < n:
            ahead = ahead + problem.pair[:, sequence[stop]]
        for near in crowding(problem, paths, position, range(start, position)):
            ahead = ahead + near
        if position in problem.fixed:
            paths[:, position] = problem.fixed[position]
            costs = ahead[:, problem.fixed[position]]
            continue
        ahead[:, ~free] = np.inf
        np.put_along_axis(ahead, paths[:, start:position], np.inf, axis=1)
        if problem.durations is not None and position + 1 == stop:
            rest = problem.durations[np.where(paths >= 0, paths, 0)].sum(
                axis=1, where=(paths >= 0) & (np.arange(n) != position)
            )
            ahead += problem.miss(rest[:, None] + problem.durations)
        best = np.argsort(ahead, axis=None, kind="stable")[:width]
        best = best[np.isfinite(ahead.ravel()[best])]
        states, chosen = np.divmod(best, size)
        paths = paths[states]
        paths[:, position] = chosen
        costs = ahead[states, chosen]
    return paths[np.argsort(costs, kind="stable")]


def crowding(problem: Problem, paths: np.ndarray, position: int, others: range) -> Iterator[np.ndarray]:
    """Give for each spacing what it costs each candidate to be near to others of its group, shape (m, N)."""
    for spacing in problem.spacings:
        total = np.zeros((len(paths), problem.size))
        for other in others:
            if abs(other - position) <= spacing.gap:
                alike = spacing.groups[paths[:, other], None] == spacing.groups
                total += spacing.of(abs(other - position)) * (alike & (paths[:, other, None] >= 0))
        yield total


def plain_order(problem: Problem, sequence: np.ndarray, start: int, moves: np.ndarray) -> np.ndarray:
    """Reorder a window, always by the best move of all that leave alone what is fixed."""
    found, length = sequence.copy(), moves.shape[1]
    held = [p - start for p in problem.fixed if start <= p < start + length]
    allowed = moves[(moves[:, held] == np.arange(length)[held]).all(axis=1)]
    while True:
        tried = np.repeat(found[None, :], len(allowed), axis=0)
        tried[:, start : start + length] = found[start : start + length][allowed]
        costs = np.array([problem.cost(each) for each in tried])
        if costs.min() > costs[0] - GAIN:
            return found
        found = tried[np.argmin(costs)]


def plain_regrown(problem: Problem, sequence: np.ndarray, start: int, stop: int, width: int) -> np.ndarray:
    """Grow a stretch anew, and take it if it is cheaper."""
    inside = set(sequence[start:stop].tolist())
    banned = [*problem.fixed.values(), *(track for track in problem.required if track not in inside)]
    grown = plain_grow(problem, sequence, start, stop, width, banned=banned)
    if not len(grown):
        return sequence
    both = [problem.cost(each) - problem.bonus[each].sum() for each in (sequence, grown[0])]
    return grown[0] if both[1] <= both[0] - GAIN else sequence
