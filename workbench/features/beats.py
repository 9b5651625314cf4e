"""Beats of a pulse whose tempo is known.

The tracker is librosa's; what it is given is not. A beat is where something begins in all bands (`beat_curve`):
in the plain sum a run of loud snares or cymbals draws the beats to the off-beat.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

_TIGHTNESS = 100.0
_BEAT_SECTION_S = 1800.0
_LEAST_DEVIATION = 1e-3
_WEAKEST = 0.2
_STEADY_S, _FEWEST_STEADY_BEATS, _NEAR = 0.03, 16, 0.01


def beat_curve(pulse: FloatArray) -> FloatArray:
    """Sum of the bands of a pulse, each by its own standard deviation.

    Parameters
    ----------
    pulse : numpy.ndarray, shape (n_frames, n_bands)
        Onset strength.

    Returns
    -------
    numpy.ndarray, shape (n_frames,), float32
        Bands that deviate by less than a thousandth of a decibel add next to nothing.

    Examples
    --------
    >>> beat_curve(np.array([[0, 0], [4, 0], [0, 1], [4, 1]], np.float32)).tolist()
    [0.0, 2.0, 2.0, 4.0]
    """
    # Of ten hours numpy's own deviation would need a copy in double precision.
    n = max(len(pulse), 1)
    mean = pulse.sum(axis=0, dtype=np.float64) / n
    variance = np.einsum("tb,tb->b", pulse, pulse, dtype=np.float64) / n - mean**2
    deviation = np.sqrt(np.maximum(variance, _LEAST_DEVIATION**2))
    curve: FloatArray = pulse @ (1 / deviation).astype(np.float32)
    return curve


def steady_tempo(beats: npt.NDArray[np.int64], frame_rate: float, bpm: float) -> float:
    """Give the tempo more exactly if the beats are as even as a machine's or a good drummer's.

    Parameters
    ----------
    beats : numpy.ndarray, shape (n_beats,)
        Frames.
    frame_rate : float
        Frames per second.
    bpm : float
        The tempo that they were tracked at.

    Returns
    -------
    float
        The slope of the least-squares line through the beats. `bpm` itself if there are fewer than 16, if they stray
        from the line by more than 30 ms (standard deviation), or if the slope is more than 1 % from it.

    Examples
    --------
    >>> beats = np.round(np.arange(40) * 21.53).astype(np.int64)
    >>> round(steady_tempo(beats, 43.06640625, 121.0), 1)
    120.0
    """
    if len(beats) < _FEWEST_STEADY_BEATS:
        return bpm
    index = np.arange(len(beats)) - (len(beats) - 1) / 2
    period = float(index @ beats / (index @ index))
    stray = np.std(beats - period * index) / frame_rate
    slope = 60.0 * frame_rate / period
    return slope if stray <= _STEADY_S and abs(slope / bpm - 1) <= _NEAR else bpm


def track_beats(
    curve: FloatArray, bpm: float, frame_rate: float, *, weakest: float = _WEAKEST
) -> npt.NDArray[np.int64]:
    """Frames of the beats (``librosa.beat.beat_track(onset_envelope=curve, bpm=bpm)`` for a `weakest` of 0.5).

    Dynamic programming: a beat is worth its onset strength plus the best beat half to two periods
    before it, less a penalty for straying from the period. Each half hour is tracked for itself.

    Parameters
    ----------
    curve : numpy.ndarray, shape (n_frames,)
        See `beat_curve`.
    bpm : float
        Beats per minute.
    frame_rate : float
        Frames per second.
    weakest : float
        Beats before the first and after the last frame that is worth this share of a typical beat are dropped.
        librosa's half loses the beats of quiet beginnings and ends.

    Returns
    -------
    numpy.ndarray, shape (n_beats,), int64

    References
    ----------
    D. Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36 (1), 2007.
    """
    period = max(round(60.0 * frame_rate / bpm), 2)
    section = round(_BEAT_SECTION_S * frame_rate)
    starts = range(0, max(len(curve), 1), section)
    return np.concatenate([start + _track_section(curve[start : start + section], period, weakest) for start in starts])


def _track_section(curve: FloatArray, period: int, weakest: float) -> npt.NDArray[np.int64]:
    deviation = curve.std(ddof=1, dtype=np.float64) if len(curve) > 1 else 0.0
    if not deviation > 0:
        return np.empty(0, dtype=np.int64)
    blur = np.exp(-0.5 * (np.arange(-period, period + 1) * 32.0 / period) ** 2).astype(np.float32)
    local = np.convolve(curve / np.float32(deviation), blur)[period : period + len(curve)]
    links, score = _link_beats(local, period)
    beats = _follow_links(links, _last_beat(score))
    return _trim_beats(beats, local, weakest)


def _link_beats(local: FloatArray, period: int) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """Best predecessor (-1 for none) and cumulative score of each frame."""
    nearest = round(period / 2)
    penalty = _TIGHTNESS * np.log(np.arange(nearest, 2 * period + 1) / period) ** 2
    score, links = local.copy(), np.full(len(local), -1, dtype=np.int32)
    _accumulate(score, links, penalty, nearest)
    # A first beat may start anywhere before the onsets rise above 1 % of the strongest.
    loud = local >= 0.01 * local.max()
    links[: int(np.argmax(loud))] = -1
    return links, score


@compiled
def _accumulate(score: FloatArray, links: npt.NDArray[np.int32], penalty: DoubleArray, nearest: int) -> None:
    """Add the best score to be had from `nearest` frames before, or more, to that of each frame."""
    for frame in range(nearest, len(score)):
        best, link = -np.inf, -1
        for back in range(min(len(penalty), frame - nearest + 1)):
            reached = score[frame - nearest - back] - penalty[back]
            if reached > best:
                best, link = reached, frame - nearest - back
        score[frame] += best
        links[frame] = link


def _last_beat(score: FloatArray) -> int:
    """Last local maximum of the score that reaches half their median."""
    edged = np.pad(score, 1, mode="edge")
    peaks = np.flatnonzero((score > edged[:-2]) & (score >= edged[2:]))
    if not len(peaks):
        return len(score) - 1
    return int(peaks[score[peaks] >= 0.5 * np.median(score[peaks])][-1])


def _follow_links(links: npt.NDArray[np.int32], last: int) -> npt.NDArray[np.int64]:
    beats = []
    while last >= 0:
        beats.append(last)
        last = int(links[last])
    return np.array(beats[::-1], dtype=np.int64)


def _trim_beats(beats: npt.NDArray[np.int64], local: FloatArray, weakest: float) -> npt.NDArray[np.int64]:
    """Drop beats before the first and after the last frame that is worth `weakest` of a typical beat."""
    smooth = np.convolve(local[beats], np.hanning(5))[2 : len(local) + 2]
    strong = np.flatnonzero(local > weakest * np.sqrt(np.mean(smooth**2)))
    if not len(strong):
        return beats[:0]
    kept: npt.NDArray[np.int64] = beats[(beats >= strong[0]) & (beats <= strong[-1])]
    return kept
