"""How a track sounds at its start and at its end, from its stored segments.

The first and the last `EDGE_S` seconds, each as one vector: MFCC 1 to 12 and spectral contrast, means weighted by
RMS, so that a fade counts by what is still heard of it. MFCC 0, which is loudness, has a term of its own.

B. Logan, A. Salomon, "A music similarity function based on signal analysis", ICME 2001 (MFCC as timbre);
D. Jiang et al., "Music type classification by spectral contrast feature", ICME 2002.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

EDGE_S = 10
#: Raised when anything here changes: what is kept on disk goes by it.
VERSION = 1
#: Segments that edges are made from.
SEGMENTS = ("segments/mfcc", "segments/spectral_contrast", "segments/rms")
#: Components of an edge: 12 MFCC, 7 bands of contrast.
SIZE = 19
#: An edge further out than so many deviations is drawn to there: silence and noise would else rule the distances.
_LIMIT = 4.0


def edges(segments: Mapping[str, npt.NDArray[np.float32]]) -> Floats:
    """Describe the start and the end of a track.

    Parameters
    ----------
    segments : mapping
        Path of each of `SEGMENTS` to its values, one row per second; NaN where missing.

    Returns
    -------
    numpy.ndarray
        float32, shape (2, `SIZE`): start and end; NaN for a track without segments.

    Examples
    --------
    >>> quiet = {"segments/mfcc": np.zeros((30, 20)), "segments/spectral_contrast": np.ones((30, 7))}
    >>> edges({**quiet, "segments/rms": np.full(30, 0.1)})[0, -2:].tolist()
    [1.0, 1.0]
    """
    mfcc, contrast, rms = (segments[path] for path in SEGMENTS)
    values = np.concatenate([mfcc[:, 1:13], contrast], axis=1)
    found = np.full((2, SIZE), np.nan, dtype=np.float32)
    for i, part in enumerate((slice(None, EDGE_S), slice(-EDGE_S, None))):
        if len(values):
            # a little for silence, so that a silent edge is known too
            weight = np.maximum(rms[part], 1e-6)
            found[i] = weight @ values[part] / weight.sum()
    return found


def scale_of(raw: Floats) -> Doubles | None:
    """Give median and deviation of each component over a library.

    Parameters
    ----------
    raw : numpy.ndarray, shape (n, 2, `SIZE`)
        What `edges` gave for each track.

    Returns
    -------
    numpy.ndarray or None
        float64, shape (2, `SIZE`): the median, and the interquartile range as a deviation of a normal distribution.
        None where nothing is known.
    """
    known = raw[~np.isnan(raw).any(axis=(1, 2))].reshape(-1, SIZE)
    if not len(known):
        return None
    low, middle, high = np.quantile(known, (0.25, 0.5, 0.75), axis=0)
    return np.stack([middle, np.maximum((high - low) / 1.349, 1e-6)])


def standardise(raw: Floats, scale: Doubles | None) -> Floats:
    """Bring edges to components of deviation one.

    Parameters
    ----------
    raw : numpy.ndarray, shape (n, 2, `SIZE`)
        What `edges` gave for each track.
    scale : numpy.ndarray or None
        What `scale_of` gave for the library.

    Returns
    -------
    numpy.ndarray
        float32, same shape.
    """
    if scale is None:
        return raw
    middle, spread = scale
    scaled: Floats = np.clip((raw - middle) / spread, -_LIMIT, _LIMIT).astype(np.float32)
    return scaled
