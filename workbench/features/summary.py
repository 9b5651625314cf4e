"""Running statistics of framewise descriptors: bounded memory, whatever the length of the audio.

All descriptors of a block lie in one table, a row for each value and a column for each frame, so that a
few loops over one array serve them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled
from workbench.growing import Series

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

#: Statistics of a framewise descriptor, in the order of the axis "statistic".
STATISTICS = ("mean", "std", "min", "max", "median", "dmean", "dstd")

#: Statistics of a framewise descriptor whose frames count by their energy, in the order of that axis.
WEIGHTED_STATISTICS = ("mean", "std")

#: Columns of which `Median` keeps all; of more it keeps every second, fourth…
MEDIAN_FRAMES = 8192

# What `Moments` carries for each row.
_ORIGIN, _SUM, _SQUARES, _LOW, _HIGH, _CHANGE, _CHANGE_SQUARES, _LAST = range(8)


class Moments:
    """Mean, deviation and extremes of each row of a table that arrives in blocks of columns, and of its changes.

    ``dmean`` and ``dstd`` are the mean and standard deviation of the absolute difference from one column to
    the next. Deviations are those of the population; with one column they and ``dmean`` are 0.

    Parameters
    ----------
    n_rows : int

    Examples
    --------
    >>> moments = Moments(1)
    >>> moments.push(np.array([[1.0, 3.0]], np.float32))
    >>> moments.push(np.array([[2.0]], np.float32))
    >>> {name: round(float(row[0]), 3) for name, row in moments.result().items()}
    {'mean': 2.0, 'std': 0.816, 'min': 1.0, 'max': 3.0, 'dmean': 1.5, 'dstd': 0.5}
    """

    def __init__(self, n_rows: int) -> None:
        self.n = 0
        self._state = np.zeros((n_rows, 8))

    def push(self, table: FloatArray) -> None:
        """Take in columns, shape (n_rows, n)."""
        if table.shape[1]:
            _add_moments(table, self._state, self.n)
            self.n += table.shape[1]

    def result(self) -> dict[str, DoubleArray]:
        """Give the `STATISTICS` but the median, each of shape (n_rows,)."""
        state, n, n_changes = self._state.T, self.n, max(self.n - 1, 1)
        dmean = state[_CHANGE] / n_changes
        # Sums are taken from the first value on, which keeps their squares from cancelling.
        mean = state[_SUM] / n
        variance = state[_SQUARES] / n - mean**2
        change_variance = state[_CHANGE_SQUARES] / n_changes - dmean**2
        return {
            "mean": state[_ORIGIN] + mean,
            "std": np.sqrt(np.maximum(variance, 0)),
            "min": state[_LOW],
            "max": state[_HIGH],
            "dmean": dmean,
            "dstd": np.sqrt(np.maximum(change_variance, 0)),
        }


@compiled
def _add_moments(table: FloatArray, state: DoubleArray, n_before: int) -> None:
    for row in range(table.shape[0]):
        values = table[row]
        if not n_before:
            state[row, _ORIGIN] = state[row, _LAST] = values[0]
            state[row, _LOW] = state[row, _HIGH] = values[0]
        origin, last = state[row, _ORIGIN], state[row, _LAST]
        low, high = state[row, _LOW], state[row, _HIGH]
        total, squares, change, change_squares = 0.0, 0.0, 0.0, 0.0
        for t in range(len(values)):
            value = np.float64(values[t])
            low, high = min(low, value), max(high, value)
            step, shifted = abs(value - last), value - origin
            total += shifted
            squares += shifted * shifted
            change += step
            change_squares += step * step
            last = value
        state[row, _SUM] += total
        state[row, _SQUARES] += squares
        state[row, _CHANGE] += change
        state[row, _CHANGE_SQUARES] += change_squares
        state[row, _LOW], state[row, _HIGH], state[row, _LAST] = low, high, last


class WeightedMoments:
    """Mean and deviation of rows, each column counted by its energy: of what sounds, not of pauses.

    Parameters
    ----------
    n_rows : int

    Examples
    --------
    >>> moments = WeightedMoments(1)
    >>> moments.push(np.array([[1, 5, 9]], np.float32), np.array([1, 1, 0], np.float32))
    >>> moments.result().tolist()
    [[3.0], [2.0]]
    """

    def __init__(self, n_rows: int) -> None:
        self._state = np.zeros((n_rows, 3))
        self._energy = 0.0

    def push(self, table: FloatArray, rms: FloatArray) -> None:
        """Take in columns, shape (n_rows, n), and their root mean squares, shape (n,)."""
        energies = np.square(rms, dtype=np.float64)
        if not self._energy:
            sounding = np.flatnonzero(energies)
            if not sounding.size:
                return
            # sums are taken from the first value that counts, which keeps their squares from cancelling
            self._state[:, _ORIGIN] = table[:, sounding[0]]
        self._energy += float(energies.sum())
        _add_weighted(table, energies, self._state)

    def result(self) -> FloatArray:
        """Give the `WEIGHTED_STATISTICS`, shape (2, n_rows); NaN if no column has energy."""
        origin, total, squares = self._state.T
        energy = self._energy or np.nan
        mean = total / energy
        std = np.sqrt(np.maximum(squares / energy - mean**2, 0))
        return np.stack((origin + mean, std)).astype(np.float32)


@compiled
def _add_weighted(table: FloatArray, weights: DoubleArray, state: DoubleArray) -> None:
    for row in range(table.shape[0]):
        total, squares = 0.0, 0.0
        for t in range(len(weights)):
            shifted = np.float64(table[row, t]) - state[row, _ORIGIN]
            total += weights[t] * shifted
            squares += weights[t] * shifted * shifted
        state[row, _SUM] += total
        state[row, _SQUARES] += squares


class Median:
    """Median of each row of a table that arrives in blocks of columns.

    Of up to `MEDIAN_FRAMES` columns it is exact; of more it is that of evenly spaced ones, at least half
    as many.

    Parameters
    ----------
    n_rows : int
    """

    def __init__(self, n_rows: int) -> None:
        self._kept = np.empty((n_rows, MEDIAN_FRAMES), dtype=np.float32)
        self._n_kept = self._n = 0
        self._stride = 1

    def push(self, table: FloatArray) -> None:
        """Take in columns, shape (n_rows, n)."""
        start = 0
        while start < table.shape[1]:
            if self._n_kept == MEDIAN_FRAMES:
                self._n_kept //= 2
                self._kept[:, : self._n_kept] = self._kept[:, ::2]
                self._stride *= 2
            start += -(self._n + start) % self._stride
            some = table[:, start :: self._stride][:, : MEDIAN_FRAMES - self._n_kept]
            self._kept[:, self._n_kept : self._n_kept + some.shape[1]] = some
            self._n_kept += some.shape[1]
            start += some.shape[1] * self._stride
        self._n += table.shape[1]

    def result(self) -> FloatArray:
        """Give the medians, shape (n_rows,). Can be called once."""
        kept = self._kept[:, : self._n_kept]
        middle = self._n_kept // 2
        # One place and a maximum: numpy takes nine times as long to put two places in order.
        kept.partition(middle, axis=1)
        upper = kept[:, middle]
        lower = upper if self._n_kept % 2 else kept[:, :middle].max(axis=1)
        return np.asarray((lower + upper) * np.float32(0.5))


class Segments:
    """Means of each row of a table over equal stretches of time.

    Segment `k` holds the frames centred in ``[k * length, (k + 1) * length)``. A remainder shorter
    than half a segment joins the segment before it, so that none rests on a frame or two.

    Parameters
    ----------
    n_rows : int
    length, hop_length : int
        Of a segment and of a hop, in samples.
    """

    def __init__(self, n_rows: int, length: int, hop_length: int) -> None:
        self._length = length
        self._hop_length = hop_length
        self._n_frames = 0
        self._means = Series(np.float32, (n_rows,))  # of the closed segments
        # sums and counts of the last closed and of the open segment
        self._sums, self._counts = np.zeros((2, n_rows)), np.zeros(2, dtype=np.int64)

    def push(self, table: FloatArray) -> None:
        """Take in columns, shape (n_rows, n)."""
        self._means.add(_add_segments(table, self._n_frames, self._length, self._hop_length, self._sums, self._counts))
        self._n_frames += table.shape[1]

    def result(self, n_samples: int) -> FloatArray:
        """Give the means, shape (n_segments, n_rows), of audio of `n_samples` samples. Can be called once."""
        (closed, rest), (n_closed, n_rest) = self._sums, self._counts
        if len(self._means) and 2 * (n_samples - len(self._means) * self._length) < self._length:
            means = self._means.take()
            means[-1] = (closed + rest) / (n_closed + n_rest)
            return means
        self._means.add((rest / n_rest)[np.newaxis].astype(np.float32))
        return self._means.take()


@compiled
def _add_segments(
    table: FloatArray, n_before: int, length: int, hop_length: int, sums: DoubleArray, counts: npt.NDArray[np.int64]
) -> FloatArray:
    """Add columns to the open segment, the second row of `sums`; gives the means of the segments that it closes."""
    n_rows, n = table.shape
    n_closed, done = 0, 0
    means = np.empty(((n_before + n) * hop_length // length - n_before * hop_length // length + 1, n_rows), np.float32)
    while done < n:
        segment = (n_before + done) * hop_length // length
        end = -(-(segment + 1) * length // hop_length)  # first frame of the next segment
        stop = min(n, end - n_before)
        for row in range(n_rows):
            for t in range(done, stop):
                sums[1, row] += table[row, t]
        counts[1] += stop - done
        done = stop
        if n_before + done == end:
            for row in range(n_rows):
                means[n_closed, row] = np.float32(sums[1, row] / counts[1])
            n_closed += 1
            sums[0], sums[1] = sums[1], 0
            counts[0], counts[1] = counts[1], 0
    return means[:n_closed]


class Pool:
    """What is kept of some framewise descriptors: statistics, and segments or frames where wanted.

    Parameters
    ----------
    shapes : mapping from name to the shape of the descriptor at one frame
    segments : the names of which segments are wanted
    frames : the names of which every frame is kept: memory then grows with the length of the audio
    length, hop_length : int
        Of a segment and of a hop, in samples.
    """

    def __init__(
        self, shapes: Mapping[str, tuple[int, ...]], segments: set[str], frames: set[str], length: int, hop_length: int
    ) -> None:
        # those with segments come first, so that their rows lie together
        self._shapes = {name: shapes[name] for name in sorted(shapes, key=lambda name: name not in segments)}
        self._rows: dict[str, slice] = {}
        n_rows = n_segment_rows = 0
        for name, shape in self._shapes.items():
            self._rows[name] = slice(n_rows, n_rows + prod(shape))
            n_rows += prod(shape)
            n_segment_rows = n_rows if name in segments else n_segment_rows
        self._table = np.empty((n_rows, 0), dtype=np.float32)
        self._moments, self._median = Moments(n_rows), Median(n_rows)
        self._segments = Segments(n_segment_rows, length, hop_length)
        self._n_segment_rows = n_segment_rows
        self._frames = {name: Series(np.float32, shapes[name]) for name in frames}

    def __contains__(self, name: str) -> bool:
        """Whether a descriptor is kept here."""
        return name in self._rows

    @property
    def names(self) -> tuple[str, ...]:
        """The descriptors in it."""
        return tuple(self._rows)

    def rows(self, names: Iterable[str]) -> npt.NDArray[np.int64]:
        """Give the rows of some descriptors in `table`, one after another."""
        return np.concatenate([np.arange(self._rows[name].start, self._rows[name].stop) for name in names])

    @property
    def table(self) -> FloatArray:
        """What was taken in last, shape (n_rows, n_frames)."""
        return self._table

    def push(self, values: Mapping[str, FloatArray], n_frames: int) -> None:
        """Take in the first `n_frames` frames of each descriptor, arrays of shape (*shape, n >= n_frames)."""
        if self._table.shape[1] != n_frames:
            self._table = np.empty((len(self._table), n_frames), dtype=np.float32)
        for name, rows in self._rows.items():
            array = values[name]
            self._table[rows] = array.reshape(-1, array.shape[-1])[:, :n_frames]
        for name, kept in self._frames.items():
            kept.add(self._table[self._rows[name]].T.reshape(n_frames, *self._shapes[name]))
        self._moments.push(self._table)
        self._median.push(self._table)
        self._segments.push(self._table[: self._n_segment_rows])

    def summaries(self) -> dict[str, FloatArray]:
        """Give the `STATISTICS` of each descriptor, shape (7, *shape). Can be called once."""
        if not self._rows:
            return {}
        found: dict[str, npt.NDArray[Any]] = {**self._moments.result(), "median": self._median.result()}
        table = np.stack([found[name] for name in STATISTICS]).astype(np.float32)
        return {name: table[:, rows].reshape(-1, *self._shapes[name]) for name, rows in self._rows.items()}

    def segments(self, n_samples: int) -> dict[str, FloatArray]:
        """Give the segment means of each descriptor that has them, shape (n_segments, *shape). Can be called once."""
        if not self._n_segment_rows:
            return {}
        means = self._segments.result(n_samples)
        return {
            name: means[:, rows].reshape(len(means), *self._shapes[name])
            for name, rows in self._rows.items()
            if rows.stop <= self._n_segment_rows
        }

    def frames(self) -> dict[str, FloatArray]:
        """Give every frame of each descriptor of which they are kept, shape (n_frames, *shape). Can be called once."""
        return {name: kept.take() for name, kept in self._frames.items()}
