"""A beam that grows sequences, compiled as a whole: a playlist takes hundreds of them; see `workbench.playlist.order`.

The plain definition, a step of array operations for each position, stands in the tests: bits are the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class Arrays(NamedTuple):
    """A `workbench.playlist.order.Problem` as compiled code takes it.

    Attributes
    ----------
    pair, own : costs of neighbours, shape (N, N), and of a candidate in a position, shape (n, N)
    entering : least cost of going to each candidate from any other, shape (N,)
    groups : of each candidate in each spacing, from 0, shape (S, N)
    gaps, crowding : of each spacing, shape (S,)
    fixed : candidate of each position, shape (n,), or -1
    durations : seconds, shape (N,), or (0,) where the length does not matter
    miss : wanted seconds, tolerance in seconds, cost per second beyond it
    """

    pair: npt.NDArray[np.float32]
    own: FloatArray
    entering: npt.NDArray[np.float32]
    groups: IntArray
    gaps: IntArray
    crowding: FloatArray
    fixed: IntArray
    durations: FloatArray
    miss: FloatArray


@compiled
def grow_beam(
    arrays: Arrays,
    sequence: IntArray,
    free: npt.NDArray[np.bool_],
    start: int,
    stop: int,
    width: int,
    below: FloatArray,
) -> tuple[IntArray, FloatArray]:
    """Fill the positions from `start` to `stop` of a sequence; gives at most `width` of them, and what they cost.

    Parameters
    ----------
    arrays : Arrays
    sequence : shape (n,), filled outside of the stretch, or -1
    free : candidates that may be chosen, shape (N,)
    below : what costs as much or more up to each position is not followed, shape (stop - start,)
    """
    pair, own = arrays.pair, arrays.own
    n, size = own.shape
    paths, others = np.empty((width, n), np.int64), np.empty((width, n), np.int64)
    costs, values, places = np.zeros(width), np.empty(width), np.empty(width, np.int64)
    step, after, ahead, near = np.empty(size), np.empty(size), np.empty(size), np.zeros(size)
    paths[0] = sequence
    count = 1
    for position in range(start, stop):
        only = arrays.fixed[position]
        ends = position + 1 == stop
        step[:] = own[position]
        _add_crowding(step, arrays, near, sequence, position, 0, start)
        _add_crowding(step, arrays, near, sequence, position, stop, n)
        if ends and stop < n:
            after[:] = pair[:, sequence[stop]]
        held = 0
        for state in range(count):
            path = paths[state]
            ahead[:] = costs[state] + step
            if position > 0:
                ahead += pair[path[position - 1]]
            if ends and stop < n:
                ahead += after
            _add_crowding(ahead, arrays, near, path, position, start, position)
            if only >= 0:
                path[position] = only
                costs[state] = ahead[only]
                continue
            for before in range(start, position):
                ahead[path[before]] = np.inf
            if ends and len(arrays.durations):
                _add_miss(ahead, arrays.durations, arrays.miss, path, position)
            limit = below[position - start]
            for candidate in range(size):
                if free[candidate] and ahead[candidate] < limit:
                    held = _offer(values, places, held, ahead[candidate], state * size + candidate)
        if only >= 0:
            continue
        _sort(values, places, held)
        for i in range(held):
            others[i] = paths[places[i] // size]
            others[i, position] = places[i] % size
            costs[i] = values[i]
        paths, others = others, paths
        count = held
    return paths[:count], costs[:count]


@compiled
def _add_crowding(
    ahead: FloatArray, arrays: Arrays, near: FloatArray, path: IntArray, position: int, first: int, end: int
) -> None:
    """Add what it costs each candidate to be near to those of its groups that stand from `first` to `end`.

    ``near`` is room for a value of each group, zeros before and after.
    """
    for spacing in range(len(arrays.gaps)):
        gap, groups = arrays.gaps[spacing], arrays.groups[spacing]
        low, high = max(first, position - gap), min(end, position + gap + 1)
        found = False
        for other in range(low, high):
            if path[other] >= 0:
                near[groups[path[other]]] += arrays.crowding[spacing] * (1 + 1 / abs(position - other))
                found = True
        if not found:
            continue
        for candidate in range(len(ahead)):
            ahead[candidate] += near[groups[candidate]]
        for other in range(low, high):
            if path[other] >= 0:
                near[groups[path[other]]] = 0.0


@compiled
def _add_miss(ahead: FloatArray, durations: FloatArray, miss: FloatArray, path: IntArray, position: int) -> None:
    """Add what the total length costs, with each candidate in the last position."""
    rest = 0.0
    for other in range(len(path)):
        if other != position and path[other] >= 0:
            rest += durations[path[other]]
    for candidate in range(len(ahead)):
        ahead[candidate] += miss[2] * max(abs(rest + durations[candidate] - miss[0]) - miss[1], 0.0)


@compiled
def _offer(values: FloatArray, places: IntArray, held: int, value: float, place: int) -> int:
    """Keep a value among the smallest, of equal ones the first; gives how many are kept, the largest on top."""
    if held == len(values):
        if value >= values[0]:
            return held
        _sink(values, places, held, value, place)
        return held
    child = held
    while child > 0:
        parent = (child - 1) // 2
        if values[parent] > value or (values[parent] == value and places[parent] > place):
            break
        values[child], places[child] = values[parent], places[parent]
        child = parent
    values[child], places[child] = value, place
    return held + 1


@compiled
def _sink(values: FloatArray, places: IntArray, held: int, value: float, place: int) -> None:
    """Put a value in place of the one on top of a heap."""
    parent = 0
    while 2 * parent + 1 < held:
        child = 2 * parent + 1
        right = child + 1
        if right < held and (
            values[right] > values[child] or (values[right] == values[child] and places[right] > places[child])
        ):
            child = right
        if value > values[child] or (value == values[child] and place > places[child]):
            break
        values[parent], places[parent] = values[child], places[child]
        parent = child
    values[parent], places[parent] = value, place


@compiled
def _sort(values: FloatArray, places: IntArray, held: int) -> None:
    """Put a heap in order, the smallest first."""
    for last in range(held - 1, 0, -1):
        value, place = values[last], places[last]
        values[last], places[last] = values[0], places[0]
        _sink(values, places, last, value, place)
