"""Mix to mono and change the sample rate, block by block."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


def downmix(block: Samples) -> Samples:
    """Mean of the channels, as `librosa.to_mono`.

    ``block.mean(axis=1)`` is ten times slower on stereo: numpy reduces each pair by itself.

    Parameters
    ----------
    block : numpy.ndarray, shape (n, channels), dtype float32

    Returns
    -------
    numpy.ndarray, shape (n,), dtype float32
        A view of the block if it has one channel.

    Examples
    --------
    >>> downmix(np.array([[0.5, 0.0], [1.0, -1.0]], dtype=np.float32))
    array([0.25, 0.  ], dtype=float32)
    """
    channels = block.shape[1]
    if channels == 1:
        return block[:, 0]
    mono = block[:, 0] + block[:, 1]
    for channel in range(2, channels):
        mono += block[:, channel]
    mono *= np.float32(1 / channels)
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

    def push(self, y: Samples) -> Samples:
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
        out: Samples = self._stream.resample_chunk(y)
        return out

    def flush(self) -> Samples:
        """Return the samples still held back. To be called once, after the last `push`."""
        rest = np.empty(0, dtype=np.float32)
        return rest if self._stream is None else self._stream.resample_chunk(rest, last=True)
