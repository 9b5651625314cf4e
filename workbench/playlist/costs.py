"""The cost of many steps at once, compiled: a playlist takes a million of them; see `workbench.playlist.compatibility`.

The plain definition is `compatibility.term_rows`, term by term as array operations: bits are the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]

_NEUTRAL = np.float32(0.5)
_OCTAVE = np.float32(np.log(2))


class Measured(NamedTuple):
    """What costs depend on, of some tracks.

    Attributes
    ----------
    numbers : rows are logarithm of the tempo and how sure it is, how sure the key is, energy, loudness, shape (5, n)
    keys : from 0 to 23, shape (n,)
    edges : timbre at the end of each track or at its start, shape (d, n)
    """

    numbers: Floats
    keys: Codes
    edges: Floats


@compiled
def add_costs(
    cost: Floats,
    leaving: Measured,
    entering: Measured,
    shares: Floats,
    half_ways: Floats,
    key_distances: Floats,
    octaves: bool,
) -> None:
    """Add the cost of going from some tracks to others, shape (m, n).

    Parameters
    ----------
    cost : what it is added to, shape (m, n)
    leaving, entering : the m and the n tracks
    shares, half_ways : of tempo, key, energy, timbre and loudness, shape (5,): weight in the sum, 0 for none of it, and
        the distance that costs one half
    key_distances : cost between two keys, shape (24, 24)
    octaves : whether half and double tempo count as the same
    """
    squares = np.empty(cost.shape[1], np.float32)
    for i in range(len(cost)):
        a = leaving.numbers[:, i]
        if shares[0] > 0:
            _add_tempo(cost[i], a[0], a[1], entering.numbers[0], entering.numbers[1], shares[0], half_ways[0], octaves)
        if shares[1] > 0:
            distances = key_distances[leaving.keys[i]]
            _add_key(cost[i], distances, a[2], entering.keys, entering.numbers[2], shares[1])
        if shares[2] > 0:
            _add_step(cost[i], a[3], entering.numbers[3], shares[2], half_ways[2])
        if shares[3] > 0:
            _add_timbre(cost[i], leaving.edges[:, i], entering.edges, shares[3], half_ways[3], squares)
        if shares[4] > 0:
            _add_step(cost[i], a[4], entering.numbers[4], shares[4], half_ways[4])


@compiled
def _add_tempo(
    cost: Floats,
    tempo: np.float32,
    trust: np.float32,
    tempi: Floats,
    trusts: Floats,
    share: np.float32,
    half_way: np.float32,
    octaves: bool,
) -> None:
    for j in range(len(cost)):
        distance = abs(tempo - tempi[j])
        if octaves:
            distance = min(distance, abs(distance - _OCTAVE))
        term = distance / (distance + half_way)
        cost[j] += ((term - _NEUTRAL) * min(trust, trusts[j]) + _NEUTRAL) * share


@compiled
def _add_key(
    cost: Floats, distances: Floats, trust: np.float32, keys: Codes, trusts: Floats, share: np.float32
) -> None:
    for j in range(len(cost)):
        cost[j] += ((distances[keys[j]] - _NEUTRAL) * min(trust, trusts[j]) + _NEUTRAL) * share


@compiled
def _add_step(cost: Floats, value: np.float32, values: Floats, share: np.float32, half_way: np.float32) -> None:
    for j in range(len(cost)):
        distance = abs(value - values[j])
        term = distance / (distance + half_way)
        cost[j] += (_NEUTRAL if term != term else term) * share  # NaN: not known


@compiled
def _add_timbre(
    cost: Floats, end: Floats, starts: Floats, share: np.float32, half_way: np.float32, squares: Floats
) -> None:
    squares[:] = 0
    for k in range(len(end)):
        for j in range(len(cost)):
            difference = end[k] - starts[k, j]
            squares[j] += difference * difference
    size = np.float32(len(end))
    for j in range(len(cost)):
        distance = np.sqrt(squares[j] / size)
        term = distance / (distance + half_way)
        cost[j] += (_NEUTRAL if term != term else term) * share  # NaN: not known
