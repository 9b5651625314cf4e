"""The outline of a recording: lowest and highest sample of each of some equal spans, at constant memory."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from workbench.audio.samples import Samples
from workbench.errors import InputError

#: Most spans that `outline` gives; it gives more than half as many of any recording that is long enough.
MOST_SPANS = 8192

Outline = npt.NDArray[np.int16]

_FULL_SCALE = 32767


def outline(blocks: Iterable[Samples], *, most: int = MOST_SPANS) -> Outline:
    """Find the lowest and highest sample of each span, over all channels.

    How long the recording is need not be known: it is cut into spans of one frame at first, and whenever there are
    too many, two neighbours become one. So memory depends on `most` alone.

    Parameters
    ----------
    blocks : iterable of numpy.ndarray, shape (n, channels)
        float32 in [-1, 1] or int16, as `workbench.audio.decode.AudioStream.native_blocks` gives them.
    most : int
        How many spans at most, an even number >= 2.

    Returns
    -------
    numpy.ndarray, shape (n, 2), int16
        Lowest and highest, -32767 to 32767 for -1 to 1; all spans but the last are equally long.

    Examples
    --------
    >>> outline([np.array([[0.0], [0.5], [-1.0]], dtype=np.float32)]).tolist()
    [[0, 0], [16384, 16384], [-32767, -32767]]
    """
    spans = np.empty((0, 2), dtype=np.int16)
    rest = np.empty((0, 2), dtype=np.int16)  # frames of a span that is not complete
    width = 1
    for block in blocks:
        frames = np.concatenate([rest, _extremes(block)])
        while len(spans) + len(frames) // width >= most:
            # two at a time; an odd one out is of the width that was, and goes back to the frames
            odd = spans[len(spans) // 2 * 2 :]
            spans = _merged(spans[: len(spans) // 2 * 2], 2)
            frames = np.concatenate([np.repeat(odd, width, axis=0), frames])
            width *= 2
        whole = len(frames) // width * width
        spans = np.concatenate([spans, _merged(frames[:whole], width)])
        rest = frames[whole:]
    return np.concatenate([spans, _merged(rest, len(rest))]) if len(rest) else spans


def reduce_outline(spans: Outline, points: int) -> npt.NDArray[np.float32]:
    """Bring an outline to fewer spans.

    Parameters
    ----------
    spans : numpy.ndarray, shape (n, 2), int16
        From `outline`.
    points : int
        How many are wanted, >= 1. There are never more than n.

    Returns
    -------
    numpy.ndarray, shape (min(points, n), 2), float32
        Lowest and highest sample of each, in [-1, 1].

    Examples
    --------
    >>> reduce_outline(np.array([[0, 5], [-32767, 2], [1, 32767]], dtype=np.int16), 1).tolist()
    [[-1.0, 1.0]]
    """
    if points < 1:
        raise InputError(f"points={points}: at least one is needed.", "Give points=1 or more.")
    n = min(points, len(spans))
    if not n:
        return np.empty((0, 2), dtype=np.float32)
    starts = np.arange(n) * len(spans) // n
    lowest = np.minimum.reduceat(spans[:, 0], starts)
    highest = np.maximum.reduceat(spans[:, 1], starts)
    return np.stack([lowest, highest], axis=1).astype(np.float32) / np.float32(_FULL_SCALE)


def _extremes(block: Samples) -> Outline:
    lowest, highest = block.min(axis=1), block.max(axis=1)
    frames = np.stack([lowest, highest], axis=1)
    if frames.dtype == np.int16:
        return np.asarray(np.maximum(frames, -_FULL_SCALE), dtype=np.int16)
    return np.asarray(np.rint(np.clip(frames, -1.0, 1.0) * _FULL_SCALE), dtype=np.int16)


def _merged(spans: Outline, by: int) -> Outline:
    """Make one span of each `by` neighbours."""
    several = spans.reshape(-1, by, 2) if len(spans) else spans.reshape(0, max(by, 1), 2)
    return np.stack([several[..., 0].min(axis=1), several[..., 1].max(axis=1)], axis=1)
