"""The moves of a local search, compiled as a whole: a playlist tries a million; see `workbench.playlist.order`.

The plain definitions, array operations over all that a move may lead to, stand in the tests.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled
from workbench.playlist.beam import Arrays, grow_beam

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Least gain of a move: above the rounding of float32 costs, or a search could go in circles.
GAIN = 1e-5
_ROUNDING = 1e-7


@compiled
def reorder(arrays: Arrays, sequence: IntArray, start: int, moves: IntArray) -> None:
    """Put the tracks of a window into a better order in place, always by the best move, until there is none.

    Parameters
    ----------
    arrays : Arrays
    sequence : shape (n,)
    start : where the window begins
    moves : orders of a window to try, shape (m, length), the present one first
    """
    stop = start + moves.shape[1]
    at = np.arange(len(sequence))
    best = 1
    while best > 0:
        placed, stepped = _sums(arrays, sequence, start, stop)
        together = _same_groups(arrays, sequence, start, stop)
        crowded = _crowding(arrays, together, at)
        best, most = 0, GAIN
        for move in range(1, len(moves)):
            first, last = _changed(moves[move])
            saved = placed[last + 1] - placed[first] + stepped[last + 2] - stepped[first]
            fits = True
            for i in range(first, last + 1):
                position, old = start + i, start + moves[move, i]
                fits &= position == old or arrays.fixed[position] < 0
                at[old] = position
                saved -= arrays.own[position, sequence[old]]
                if position > 0:
                    before = position - 1 if i == first else start + moves[move, i - 1]
                    saved -= arrays.pair[sequence[before], sequence[old]]
            if start + last + 1 < len(sequence):
                saved -= arrays.pair[sequence[start + moves[move, last]], sequence[start + last + 1]]
            if fits and len(together):
                saved += crowded - _crowding(arrays, together, at)
            at[start + first : start + last + 1] = np.arange(start + first, start + last + 1)
            if fits and saved > most:
                best, most = move, saved
        sequence[start:stop] = sequence[start + moves[best]]


@compiled
def regrow(
    arrays: Arrays, sequence: IntArray, required: Mask, changed: Mask, length: int, step: int, width: int
) -> None:
    """Grow each stretch anew in place where something has changed in it or beside it, and take what is cheaper.

    Parameters
    ----------
    arrays : Arrays
    sequence : shape (n,)
    required : candidates that must be somewhere, shape (N,)
    changed : positions in which something has changed, shape (n,)
    length : of a stretch; of one position, it is another track that is tried
    step : how far apart stretches begin
    width : of the beam
    """
    last = len(sequence) - length
    for begin in range(0, last + step, step):
        start = min(begin, last)
        near = False
        for position in range(max(0, start - 1), min(len(sequence), start + length + 1)):
            near |= changed[position]
        if near:
            _regrow(arrays, sequence, required, start, start + length, width)


@compiled
def _sums(arrays: Arrays, sequence: IntArray, start: int, stop: int) -> tuple[FloatArray, FloatArray]:
    """Sum what the tracks of a window cost in their positions, and the steps to each and from the last.

    Shapes (length + 1,) and (length + 2,): before the first, and after each.
    """
    length = stop - start
    placed, stepped = np.zeros(length + 1), np.zeros(length + 2)
    for i in range(length):
        placed[i + 1] = placed[i] + arrays.own[start + i, sequence[start + i]]
    for i in range(length + 1):
        stepped[i + 1] = stepped[i]
        if 0 < start + i < len(sequence):
            stepped[i + 1] += arrays.pair[sequence[start + i - 1], sequence[start + i]]
    return placed, stepped


@compiled
def _changed(move: IntArray) -> tuple[int, int]:
    """Give the first and the last position of a window that a move changes."""
    first, last = 0, len(move) - 1
    while first < last and move[first] == first:
        first += 1
    while last > first and move[last] == last:
        last -= 1
    return first, last


@compiled
def _same_groups(arrays: Arrays, sequence: IntArray, start: int, stop: int) -> IntArray:
    """List who must keep apart and may come together by moves in a window: spacing and two positions, shape (k, 3)."""
    count = 0
    found = np.empty((16, 3), np.int64)
    for spacing in range(len(arrays.gaps)):
        gap, groups = arrays.gaps[spacing], arrays.groups[spacing]
        for a in range(max(0, start - gap), stop):
            end = min(len(sequence), stop + gap) if a >= start else stop
            for b in range(max(a + 1, start), end):
                if groups[sequence[a]] == groups[sequence[b]]:
                    if count == len(found):
                        found = np.concatenate((found, found))
                    found[count, 0], found[count, 1], found[count, 2] = spacing, a, b
                    count += 1
    return found[:count]


@compiled
def _crowding(arrays: Arrays, together: IntArray, at: IntArray) -> float:
    """Cost of those that must keep apart, where each of them stands now."""
    cost = 0.0
    for i in range(len(together)):
        spacing = together[i, 0]
        apart = abs(at[together[i, 1]] - at[together[i, 2]])
        if apart <= arrays.gaps[spacing]:
            cost += arrays.crowding[spacing] * (1 + 1 / apart)
    return cost


@compiled
def _regrow(arrays: Arrays, sequence: IntArray, required: Mask, start: int, stop: int, width: int) -> None:
    """Grow one stretch anew and take it if it is cheaper."""
    free = ~required
    for position in range(len(sequence)):
        if arrays.fixed[position] >= 0:
            free[arrays.fixed[position]] = False
        if not start <= position < stop:
            free[sequence[position]] = False
        elif required[sequence[position]]:
            free[sequence[position]] = True
    most = _cost(arrays, sequence, start, stop) - GAIN
    limits = _limits(arrays, sequence, free, start, stop, most)
    grown, costs = grow_beam(arrays, sequence, free, start, stop, width, limits)
    if len(grown):
        best = 0
        for i in range(1, len(grown)):
            if costs[i] < costs[best]:
                best = i
        other = grown[best]
        if _cost(arrays, other, start, stop) <= most:
            sequence[start:stop] = other[start:stop]


@compiled
def _limits(arrays: Arrays, sequence: IntArray, free: Mask, start: int, stop: int, most: float) -> FloatArray:
    """Give what a stretch that costs `most` at most may cost up to each of its positions, shape (stop - start,).

    The rest costs no less than the cheapest candidate of each position, with the cheapest step to it.
    """
    limits = np.empty(stop - start)
    limits[-1] = most + _ROUNDING
    for position in range(stop - 1, start, -1):
        least = np.inf
        for candidate in range(len(free)):
            if free[candidate] or candidate == arrays.fixed[position]:
                cost = arrays.own[position, candidate] + arrays.entering[candidate]
                if position + 1 == stop < len(sequence):
                    cost += arrays.pair[candidate, sequence[stop]]
                least = min(least, cost)
        limits[position - 1 - start] = limits[position - start] - least
    return limits


@compiled
def _cost(arrays: Arrays, sequence: IntArray, start: int, stop: int) -> float:
    """Cost of all that depends on a stretch of a sequence."""
    cost = 0.0
    for position in range(start, min(stop + 1, len(sequence))):
        if position < stop:
            cost += arrays.own[position, sequence[position]]
        if position > 0:
            cost += arrays.pair[sequence[position - 1], sequence[position]]
    for spacing in range(len(arrays.gaps)):
        gap, groups = arrays.gaps[spacing], arrays.groups[spacing]
        for a in range(max(0, start - gap), stop):
            end = len(sequence) if a >= start else stop
            for b in range(max(a + 1, start), min(end, a + gap + 1)):
                if groups[sequence[a]] == groups[sequence[b]]:
                    cost += arrays.crowding[spacing] * (1 + 1 / (b - a))
    if len(arrays.durations):
        total = 0.0
        for position in range(len(sequence)):
            total += arrays.durations[sequence[position]]
        cost += arrays.miss[2] * max(abs(total - arrays.miss[0]) - arrays.miss[1], 0.0)
    return cost
