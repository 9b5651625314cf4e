"""The compiled beam against its plain definition, a step of array operations for each position."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.playlist.order import Problem, Spacing, _grow, groups_of


def plain_grow(
    problem: Problem, sequence: np.ndarray, start: int, stop: int, width: int, *, banned: list[int]
) -> np.ndarray:
    """What `_grow` does, by its definition."""
    n, size = problem.n, problem.size
    free = np.ones(size, dtype=bool)
    free[banned] = False
    outside = np.concatenate([sequence[:start], sequence[stop:]])
    free[outside[outside >= 0]] = False
    paths, costs = sequence[None, :].copy(), np.zeros(1)
    for position in range(start, stop):
        near = np.zeros(size)
        for spacing in problem.spacings:
            for other in range(max(0, position - spacing.gap), min(n, position + spacing.gap + 1)):
                if not start <= other < stop and sequence[other] >= 0:
                    near += spacing.of(abs(position - other)) * (spacing.groups == spacing.groups[sequence[other]])
        ahead = costs[:, None] + (problem.place[position] - problem.bonus + near)
        if position > 0:
            ahead = ahead + problem.pair[paths[:, position - 1]]
        if position + 1 == stop < n:
            ahead = ahead + problem.pair[:, sequence[stop]]
        for spacing in problem.spacings:
            for before in range(max(start, position - spacing.gap), position):
                clash = spacing.groups[paths[:, before], None] == spacing.groups
                ahead += spacing.of(position - before) * clash
        if position in problem.fixed:
            paths[:, position] = problem.fixed[position]
            costs = ahead[:, problem.fixed[position]]
            continue
        ahead[:, ~free] = np.inf
        np.put_along_axis(ahead, paths[:, start:position], np.inf, axis=1)
        if problem.durations is not None and position + 1 == stop and start > 0:
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


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 100_000),
    size=st.integers(3, 40),
    n=st.integers(1, 9),
    width=st.sampled_from([1, 2, 8, 100]),
    grid=st.sampled_from([1, 64]),  # coarse costs are often equal
)
def test_it_is_the_plain_definition_to_the_bit(seed: int, size: int, n: int, width: int, grid: int) -> None:
    rng = np.random.default_rng(seed)
    n = min(n, size)
    chosen = rng.permutation(size)[:n]
    held = {int(p): int(chosen[p]) for p in rng.permutation(n)[: rng.integers(0, 3)]}
    needed = frozenset(rng.permutation(size)[: rng.integers(0, 3)].tolist()) - frozenset(held.values())
    problem = Problem(
        (rng.integers(0, 4 * grid, (size, size)) / grid).astype(np.float32),
        rng.integers(0, 4 * grid, (n, size)) / grid,
        fixed=held,
        required=needed,
        spacings=tuple(
            Spacing(groups_of(rng.integers(-1, 4, size)), int(gap), float(cost))
            for gap, cost in zip(rng.integers(1, 5, 2), rng.random(2), strict=True)
        )[: rng.integers(0, 3)],
        durations=rng.integers(100, 400, size).astype(float) if rng.random() < 0.5 else None,
        wanted_s=float(200 * n),
        tolerance_s=30.0,
    )
    start = int(rng.integers(0, n))
    stop = int(rng.integers(start + 1, n + 1))
    sequence = chosen.copy()
    sequence[start:stop] = np.where(np.isin(np.arange(start, stop), list(held)), chosen[start:stop], -1)
    banned = [*held.values(), *(needed if rng.random() < 0.5 else ())]
    expected = plain_grow(problem, sequence, start, stop, width, banned=banned)
    found = _grow(problem, sequence, start, stop, width, banned=banned)
    np.testing.assert_array_equal(found, expected)


def test_there_may_be_nobody_left() -> None:
    problem = Problem(np.zeros((3, 3), dtype=np.float32), np.zeros((2, 3)))
    assert _grow(problem, np.array([0, -1]), 1, 2, 8, banned=[1, 2]).shape == (0, 2)
