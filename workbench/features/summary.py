"""Running statistics of framewise descriptors: constant memory, whatever the length of the audio."""

from __future__ import annotations

from array import array
from math import prod

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

#: Statistics of a framewise descriptor, in the order of the axis "statistic".
STATISTICS = ("mean", "std", "min", "max", "dmean")


class Moments:
    """Mean, standard deviation, extremes and mean absolute change of rows that arrive in blocks.

    Blocks are merged by the formula of Chan et al., which does not cancel. The standard deviation is
    that of the population; with one row it and the mean absolute change are 0.

    References
    ----------
    T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance", The American
    Statistician 37 (3), 1983.

    Examples
    --------
    >>> moments = Moments()
    >>> moments.push(np.array([[1.0], [3.0]], np.float32))
    >>> moments.push(np.array([[2.0]], np.float32))
    >>> print(moments.result()[:, 0].round(3))
    [2.    0.816 1.    3.    1.5  ]
    """

    _mean: DoubleArray
    _squares: DoubleArray  # summed squared deviations from the mean
    _low: DoubleArray
    _high: DoubleArray
    _change: DoubleArray  # summed absolute differences
    _last: DoubleArray

    def __init__(self) -> None:
        self.n = 0

    def push(self, rows: FloatArray) -> None:
        """Take in rows, shape (n, n_values)."""
        if not len(rows):
            return
        values = rows.astype(np.float64)
        mean = values.mean(axis=0)
        squares = np.square(values - mean).sum(axis=0)
        low, high = values.min(axis=0), values.max(axis=0)
        change = np.abs(np.diff(values, axis=0)).sum(axis=0)
        if self.n:
            total = self.n + len(values)
            shift = mean - self._mean
            squares += self._squares + shift**2 * (self.n * len(values) / total)
            mean = self._mean + shift * (len(values) / total)
            low, high = np.minimum(low, self._low), np.maximum(high, self._high)
            change += self._change + np.abs(values[0] - self._last)
        self._mean, self._squares, self._low, self._high, self._change = mean, squares, low, high, change
        self._last = values[-1]
        self.n += len(values)

    def result(self) -> FloatArray:
        """Give the `STATISTICS` of all rows so far, shape (5, n_values)."""
        std = np.sqrt(self._squares / self.n)
        dmean = self._change / max(self.n - 1, 1)
        return np.stack((self._mean, std, self._low, self._high, dmean)).astype(np.float32)


class Segments:
    """Means of rows over equal stretches of time.

    Segment `k` holds the frames centred in ``[k * length, (k + 1) * length)``. A remainder shorter
    than half a segment joins the segment before it, so that no row rests on a frame or two.

    Parameters
    ----------
    length, hop_length : int
        Of a segment and of a hop, in samples.
    """

    def __init__(self, length: int, hop_length: int) -> None:
        self._length = length
        self._hop_length = hop_length
        self._n_frames = 0
        self._means = array("f")  # of the closed segments, one after another: 4 bytes a value and no more
        self._closed = self._open = (np.empty(0), 0)  # sum and count of the last closed and of the open segment

    def push(self, rows: FloatArray) -> None:
        """Take in rows, shape (n, n_values)."""
        if not len(rows):
            return
        index = (self._n_frames + np.arange(len(rows))) * self._hop_length // self._length
        starts = np.flatnonzero(np.diff(index, prepend=-1))
        sums = np.add.reduceat(rows.astype(np.float64), starts, axis=0)
        counts = np.diff(starts, append=len(rows))
        last = (self._n_frames - 1) * self._hop_length // self._length
        if self._n_frames and index[0] == last:  # the open segment goes on in this block
            sums[0] += self._open[0]
            counts[0] += self._open[1]
        elif self._n_frames:
            sums = np.concatenate((self._open[0][None], sums))
            counts = np.concatenate(([self._open[1]], counts))
        self._means.frombytes((sums[:-1] / counts[:-1, None]).astype(np.float32).tobytes())
        if len(sums) > 1:
            self._closed = (sums[-2], int(counts[-2]))
        self._open = (sums[-1], int(counts[-1]))
        self._n_frames += len(rows)

    def result(self, n_samples: int) -> FloatArray:
        """Give the means, shape (n_segments, n_values), of audio of `n_samples` samples; no copy is made of them."""
        total, count = self._open
        n_closed = len(self._means) // len(total)
        means = self._means
        if n_closed and 2 * (n_samples - n_closed * self._length) < self._length:
            total, count = total + self._closed[0], count + self._closed[1]
            del means[-len(total) :]
        means.frombytes((total / count).astype(np.float32).tobytes())
        self._means = array("f")  # what was given away is not touched again
        return np.frombuffer(means, dtype=np.float32).reshape(-1, len(total))


class Pool:
    """What is kept of one framewise descriptor: statistics, and segments or frames where wanted.

    Parameters
    ----------
    shape : tuple of int
        Shape of the descriptor at one frame.
    segments : Segments or None
        Where its segment means are kept.
    keep_frames : bool
        Keep every row: memory then grows with the length of the audio.
    """

    def __init__(self, shape: tuple[int, ...], segments: Segments | None = None, keep_frames: bool = False) -> None:
        self.shape = shape
        self._moments = Moments()
        self._segments = segments
        self._rows: list[FloatArray] | None = [] if keep_frames else None

    def push(self, rows: FloatArray) -> None:
        """Take in rows, shape (n, *shape)."""
        flat = rows.reshape(len(rows), prod(self.shape))
        self._moments.push(flat)
        if self._segments is not None:
            self._segments.push(flat)
        if self._rows is not None:
            self._rows.append(rows)

    def summary(self) -> FloatArray:
        """Give the statistics, shape (5, *shape)."""
        return self._moments.result().reshape(len(STATISTICS), *self.shape)

    def segments(self, n_samples: int) -> FloatArray:
        """Give the segment means, shape (n_segments, *shape)."""
        assert self._segments is not None
        means = self._segments.result(n_samples)
        return means.reshape(len(means), *self.shape)

    def frames(self) -> FloatArray:
        """Give every row, shape (n_frames, *shape)."""
        assert self._rows is not None
        return np.concatenate(self._rows)
