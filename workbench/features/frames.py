"""Cutting a stream into blocks and blocks into overlapping frames, whatever the sizes that arrive.

- `Reblocker` makes blocks of one fixed size, so that nothing after it depends on how the audio was cut.
- `Framer` cuts a mono stream into blocks of frames. Frame `t` is centred on sample ``t * hop_length``
  and the signal is surrounded by zeros, as in ``librosa.stft(center=True, pad_mode="constant")``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled

FloatArray = npt.NDArray[np.float32]

_ROUND = 16  # frames
_ROWS = 16


class Reblocker:
    """Collect blocks of any length and pass on blocks of exactly `length` rows.

    Parameters
    ----------
    length : int
        Rows of the blocks passed on; only the last may be shorter.

    Examples
    --------
    >>> blocks = Reblocker(4)
    >>> [len(b) for n in (3, 6) for b in blocks.push(np.zeros((n, 2), np.float32))]
    [4, 4]
    >>> [len(b) for b in blocks.finish()]
    [1]
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self._waiting: list[npt.NDArray[Any]] = []
        self._n_waiting = 0

    def push(self, block: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
        """Take rows in, give full blocks out."""
        self._waiting.append(block)
        self._n_waiting += len(block)
        if self._n_waiting < self.length:
            return
        rows = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting)
        end = len(rows) - len(rows) % self.length
        # A copy, because whoever sent the block may use its memory again.
        self._waiting = [rows[end:].copy()] if end < len(rows) else []
        self._n_waiting = len(rows) - end
        for start in range(0, end, self.length):
            yield rows[start : start + self.length]

    def finish(self) -> Iterator[npt.NDArray[Any]]:
        """Give out what is left."""
        if self._n_waiting:
            yield np.concatenate(self._waiting)
        self._waiting, self._n_waiting = [], 0


@compiled
def _transpose(samples: FloatArray, hops: FloatArray) -> None:
    """Lay consecutive hops out as columns, a few rows at a time, so that what is read and written stays near."""
    hop_length, n_hops = hops.shape[0], len(samples) // hops.shape[0]
    whole = hop_length // _ROWS * _ROWS
    for first in range(0, whole, _ROWS):
        for t in range(n_hops):
            some = samples[t * hop_length + first :]
            for k in range(_ROWS):  # a number that the compiler knows, which unrolls this
                hops[first + k, t] = some[k]
    for k in range(whole, hop_length):
        for t in range(n_hops):
            hops[k, t] = samples[t * hop_length + k]


@dataclass(frozen=True)
class FrameBlock:
    """A few consecutive frames and the samples that they share.

    Attributes
    ----------
    samples : mono samples, shape ((n_frames - 1) * hop_length + frame_length,)
    frame_length, hop_length : in samples
    capacity : columns of its arrays: the frames, rounded up, so that few sizes have to be prepared for
    borders : indices in `samples` where the signal begins or has ended (zeros lie beyond)
    """

    samples: FloatArray
    frame_length: int
    hop_length: int
    capacity: int
    borders: tuple[int, ...] = ()

    @property
    def n_frames(self) -> int:
        """Number of frames in this block."""
        return (len(self.samples) - self.frame_length) // self.hop_length + 1

    @property
    def frames(self) -> FloatArray:
        """The frames as a view, shape (n_frames, frame_length)."""
        return np.lib.stride_tricks.sliding_window_view(self.samples, self.frame_length)[:: self.hop_length]

    @cached_property
    def hops(self) -> FloatArray:
        """The samples, a hop in each column, shape (hop_length, n_hops): frame `t` begins in column `t`.

        Zeros follow up to the number of hops of `capacity` frames.
        """
        n_hops = self.capacity + self.frame_length // self.hop_length - 1
        hops = np.empty((self.hop_length, n_hops), dtype=np.float32)
        _transpose(self.samples, hops)
        hops[:, len(self.samples) // self.hop_length :] = 0
        return hops

    def frame_sums(self, hop_sums: npt.NDArray[Any]) -> FloatArray:
        """Sum over each frame what was summed over each hop: shape (n_frames,)."""
        total = np.zeros(self.n_frames, dtype=np.float32)
        for k in range(self.frame_length // self.hop_length):
            total += hop_sums[k : k + self.n_frames]
        return total


class Framer:
    """Cut a mono stream into blocks of `block_frames` centred frames.

    Parameters
    ----------
    frame_length, hop_length : int
        In samples; the frame length is a multiple of twice the hop length.
    block_frames : int
        Frames per block; only the last block may hold fewer.

    Examples
    --------
    >>> framer = Framer(2048, 512, block_frames=8)
    >>> blocks = [*framer.push(np.zeros(22050, np.float32)), *framer.finish()]
    >>> sum(block.n_frames for block in blocks)  # 1 + 22050 // 512
    44
    """

    def __init__(self, frame_length: int, hop_length: int, block_frames: int) -> None:
        self.frame_length = frame_length
        self.hop_length = hop_length
        self.block_frames = block_frames
        self._pad = frame_length // 2
        self._buffer = np.zeros(self._pad, dtype=np.float32)
        self._buffer_start = 0  # of the buffer, in samples of the padded signal
        self.n_samples = 0
        self.n_frames = 0

    def push(self, y: FloatArray) -> Iterator[FrameBlock]:
        """Take samples in, give full blocks of frames out."""
        self.n_samples += len(y)
        self._buffer = np.concatenate((self._buffer, y))
        needed = (self.block_frames - 1) * self.hop_length + self.frame_length
        taken = 0
        while len(self._buffer) - taken >= needed:
            yield self._block(taken, self.block_frames, (self._pad,))
            taken += self.block_frames * self.hop_length
        self._drop(taken)

    def finish(self) -> Iterator[FrameBlock]:
        """Close the signal with zeros and give out the frames that are left."""
        self._buffer = np.concatenate((self._buffer, np.zeros(self._pad, dtype=np.float32)))
        left = 1 + self.n_samples // self.hop_length - self.n_frames
        taken = 0
        while left > 0:
            n_frames = min(left, self.block_frames)
            yield self._block(taken, n_frames, (self._pad, self._pad + self.n_samples))
            taken += n_frames * self.hop_length
            left -= n_frames
        self._drop(len(self._buffer))

    def _block(self, start: int, n_frames: int, borders: tuple[int, ...]) -> FrameBlock:
        self.n_frames += n_frames
        samples = self._buffer[start : start + (n_frames - 1) * self.hop_length + self.frame_length]
        offset = self._buffer_start + start
        inside = tuple(border - offset for border in borders if 0 <= border - offset < len(samples))
        capacity = min(-(-n_frames // _ROUND) * _ROUND, self.block_frames)
        return FrameBlock(samples, self.frame_length, self.hop_length, capacity, inside)

    def _drop(self, n: int) -> None:
        self._buffer = self._buffer[n:]
        self._buffer_start += n
