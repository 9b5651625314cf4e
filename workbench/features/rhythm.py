"""Onsets; tempo and beats are put together here and made in `tempo` and `beats`.

- The *onset strength* is librosa's (`spectral.OnsetStrength` on decibels); `tempogram` is made from it.
- The *pulse* is the same on a compressed spectrum, in which inaudible flicker and a first note out of silence
  do not outweigh the music, and in three bands (`spectral.PULSE_BANDS`), whose sum it is; onset rate, tempo
  and beats are made from it.

The pulse of a whole track is kept (19 MB for 10 hours); whatever is made from it is made in pieces of
bounded size.
"""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.features import beats, tempo

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

_PEAK_BLOCK = 1 << 14  # frames
_ENOUGH_FRAMES = 1 << 17


def describe_pulse(
    pulse: FloatArray, frame_rate: float, duration_s: float, *, with_beats: bool = True
) -> dict[str, Any]:
    """Give onset rate, tempo and beats of a pulse, by the names of the registry.

    Parameters
    ----------
    pulse : numpy.ndarray, shape (n_frames, n_bands)
        See the head of this module.
    frame_rate : float
        Frames per second.
    duration_s : float
        Length of the audio, seconds.
    with_beats : bool
        Give ``beats`` too, a value per frame.

    Returns
    -------
    dict
        ``onset_rate, tempo, tempo_confidence, tempo_candidates, beat_count, beat_interval_std, beats``.
    """
    onset_rate = onset_density(pulse.sum(axis=1), frame_rate)
    found = tempo.estimate_tempo(pulse, frame_rate, onset_rate, duration_s)
    bpm, frames = found.bpm, np.empty(0, dtype=np.int64)
    if not np.isnan(bpm):
        frames = beats.track_beats(beats.beat_curve(pulse), bpm, frame_rate)
        bpm = bpm if found.is_loop else beats.steady_tempo(frames, frame_rate, bpm)
    values: dict[str, Any] = {
        "onset_rate": onset_rate,
        "tempo": bpm,
        "tempo_confidence": found.confidence,
        "tempo_candidates": found.shares,
        "beat_count": len(frames),
        "beat_interval_std": np.diff(frames).std() / frame_rate if len(frames) > 2 else np.nan,
    }
    if with_beats:
        values["beats"] = np.zeros(len(pulse), dtype=np.float32)
        values["beats"][frames] = 1
    return values


def detect_onsets(envelope: FloatArray, frame_rate: float, ceiling: float = np.inf) -> npt.NDArray[np.int64]:
    """Frames at which notes begin (``librosa.onset.onset_detect(onset_envelope=envelope)``).

    Parameters
    ----------
    envelope : numpy.ndarray, shape (n_frames,)
        Onset strength.
    frame_rate : float
        Frames per second.
    ceiling : float
        Higher values count as this.

    Returns
    -------
    numpy.ndarray, shape (n_onsets,), int64

    References
    ----------
    S. Böck, F. Krebs, M. Schedl, "Evaluating the online capabilities of onset detection methods", ISMIR 2012.
    """
    top = np.float32(ceiling)
    lowest = np.minimum(envelope.min(initial=np.inf), top)
    span = np.minimum(envelope.max(initial=-np.inf), top) - lowest
    if not span > 0:
        return np.empty(0, dtype=np.int64)
    scale = np.float32(span) + np.finfo(np.float32).tiny
    reach, wait = int(0.1 * frame_rate), int(0.03 * frame_rate)
    onsets, last = array("q"), -wait - 1
    for start in range(0, len(envelope), _PEAK_BLOCK):
        first = max(start - reach, 0)
        x = (np.minimum(envelope[first : start + _PEAK_BLOCK + reach], top) - lowest) / scale
        for frame in (first + _peaks(x, start - first, start - first + _PEAK_BLOCK, wait, reach)).tolist():
            if frame > last + wait:
                onsets.append(frame)
                last = frame
    return np.array(onsets, dtype=np.int64)


def _peaks(x: FloatArray, start: int, stop: int, before: int, reach: int) -> npt.NDArray[np.int64]:
    """Frames from `start` to `stop` that no earlier one within `before` exceeds, and 0.07 above the mean around."""
    index = np.arange(start, min(stop, len(x)))
    sums = np.concatenate(([0.0], np.cumsum(x, dtype=np.float64)))
    low, high = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(x))
    average = (sums[high] - sums[low]) / (high - low)
    past = np.concatenate((np.full(max(before - start, 0), -1, np.float32), x[max(start - before, 0) : stop]))
    highest = np.lib.stride_tricks.sliding_window_view(past, before + 1).max(axis=1)[: len(index)]
    found: npt.NDArray[np.int64] = index[(x[index] == highest) & (x[index] >= average + 0.07)]
    return found


def onset_density(pulse: FloatArray, frame_rate: float) -> float:
    """Note onsets per second of a pulse curve.

    The curve is cut at the 98th percentile of the values above its mean: after a silence one onset
    can be ten times as high as all others, which `detect_onsets` would then not see. Of more than
    50 minutes, every second value or fewer are looked at for that.

    Parameters
    ----------
    pulse : numpy.ndarray, shape (n_frames,)
        Onset strength of the compressed mel spectrum (`stft.Spectra.shared_mel_compressed`).
    frame_rate : float
        Frames per second.
    """
    some = pulse[:: 1 + len(pulse) // _ENOUGH_FRAMES]
    above = some[some > some.mean()]
    if not len(above):
        return 0.0
    ceiling = quantile(above, 0.98)
    return len(detect_onsets(pulse, frame_rate, ceiling)) * frame_rate / len(pulse)


def quantile(values: FloatArray, share: float) -> float:
    """Give the value below which a share of all lies, as `numpy.quantile` does in 20 times the time; sorts in part.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,), n > 0
        Changed in place.
    share : float
        0 to 1.

    Examples
    --------
    >>> quantile(np.array([3, 1, 2, 5, 4], np.float32), 0.875)
    4.5
    """
    at = share * (len(values) - 1)
    below = int(at)
    values.partition(below)
    low = float(values[below])
    high = float(values[below + 1 :].min()) if below + 1 < len(values) else low
    return low + (high - low) * (at - below)
