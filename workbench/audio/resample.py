"""Mix to mono and change the sample rate, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audio.samples import FloatSamples, Samples
from workbench.compiled import compiled

#: FloatSamples beyond this are clipped: 100 dB over full scale, and its power still fits float32.
AMPLITUDE_LIMIT = 1e5


def full_scale(block: Samples) -> float:
    """Factor that turns samples into numbers with a full scale of 1.0."""
    return 1 / 32768 if block.dtype == np.int16 else 1.0


def downmix(block: Samples) -> FloatSamples:
    """Mean of the channels, as `librosa.to_mono`, within `AMPLITUDE_LIMIT`.

    Parameters
    ----------
    block : numpy.ndarray, shape (n, channels), dtype float32 or int16

    Returns
    -------
    numpy.ndarray, shape (n,), dtype float32

    Examples
    --------
    >>> downmix(np.array([[0.5, 0.0], [1.0, -1.0]], dtype=np.float32))
    array([0.25, 0.  ], dtype=float32)
    """
    scale = np.float32(full_scale(block) / block.shape[1])
    return _mix_two(np.ravel(block), scale) if block.shape[1] == 2 else _mix(block, scale)


@compiled
def _mix_two(interleaved: npt.NDArray[Any], scale: np.float32) -> FloatSamples:
    """`_mix` of two channels, left and right in turn: so common that it is worth a loop that a compiler unrolls."""
    limit = np.float32(AMPLITUDE_LIMIT)
    mono = np.empty(len(interleaved) // 2, dtype=np.float32)
    for i in range(len(mono)):
        y = (np.float32(interleaved[2 * i]) + np.float32(interleaved[2 * i + 1])) * scale
        mono[i] = min(max(y, -limit), limit)
    return mono


@compiled
def _mix(block: npt.NDArray[Any], scale: np.float32) -> FloatSamples:
    limit = np.float32(AMPLITUDE_LIMIT)
    mono = np.zeros(len(block), dtype=np.float32)
    for i in range(len(block)):
        for channel in range(block.shape[1]):
            mono[i] += np.float32(block[i, channel])
        mono[i] = min(max(mono[i] * scale, -limit), limit)
    return mono


class Resampler:
    """Change the sample rate of a mono signal that comes in blocks.

    The result, joined, is that of ``soxr.resample(y, sr_in, sr_out, "HQ")`` on the whole signal
    (libsoxr; librosa's default ``soxr_hq``). With equal rates the signal passes unchanged.

    Parameters
    ----------
    sr_in, sr_out : int
        Sample rates, Hz.

    Examples
    --------
    >>> resampler = Resampler(44100, 22050)
    >>> blocks = [resampler.push(np.zeros(1000, dtype=np.float32)) for _ in range(4)]
    >>> sum(map(len, blocks)) + len(resampler.flush())
    2000
    """

    def __init__(self, sr_in: int, sr_out: int) -> None:
        import soxr

        self._stream = None if sr_in == sr_out else soxr.ResampleStream(sr_in, sr_out, 1, dtype="float32", quality="HQ")

    def push(self, y: FloatSamples) -> FloatSamples:
        """Take the next samples; return those that can be given out by now.

        Parameters
        ----------
        y : numpy.ndarray, shape (n,), dtype float32

        Returns
        -------
        numpy.ndarray, shape (m,), dtype float32
            ``m`` may be 0: the filter looks ahead.
        """
        if self._stream is None:
            return y
        out: FloatSamples = self._stream.resample_chunk(y)
        return out

    def flush(self) -> FloatSamples:
        """Return the samples still held back. To be called once, after the last `push`."""
        rest = np.empty(0, dtype=np.float32)
        return rest if self._stream is None else self._stream.resample_chunk(rest, last=True)
