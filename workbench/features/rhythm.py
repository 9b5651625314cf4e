"""Onsets, tempogram, tempo and beats: all from curves with one number per hop.

- The *onset strength* is librosa's (`spectral.OnsetStrength` on decibels); `tempogram` is made from it.
- The *pulse* is the same on a compressed spectrum, in which inaudible flicker and a first note out of silence
  do not outweigh the music; onset rate, tempo and beats are made from it.

The pulse of a whole track is kept (6 MB for 10 hours); whatever is made from it is made in pieces of
bounded size.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

#: Other readings of a tempo, as people tap them.
TEMPO_RATIOS = {"x1": 1.0, "x1/2": 0.5, "x2": 2.0, "x2/3": 2 / 3, "x3/2": 1.5}

# Tempo. The windows, spreads and weights were chosen on labelled excerpts and loops, on a coarse grid.
_GRID: DoubleArray = 30.0 * 2.0 ** (np.arange(240) / 72)  # to 300, in steps of 1 %
_WINDOW_S, _WINDOW_HOP_S, _LONGEST_LAG_S = 12.0, 3.0, 8.0
_DIVISION_WEIGHT = 0.75
_PREFERRED_BPM, _PREFERRED_SPREAD = 120.0, 1.2  # octaves
_ONSETS_PER_BEAT, _ONSETS_SPREAD = 2.4, 0.7
_SAME_TEMPO = 0.06  # octaves: 4 %
_LEAST_SALIENCE = 0.01
_SHORTEST_S, _FEWEST_ONSETS = 1.0, 4
_EVEN = 0.38  # deviation over mean of the pulse: noise 0.1 to 0.3, music with a beat from 0.45
_EDGE_FRAMES = 8
_PLAIN = 0.75  # autocorrelation of a metronome at its interval, blurred by the hop
_TIGHTNESS = 100.0

_PEAK_BLOCK = 1 << 14  # frames
_ENOUGH_FRAMES = 1 << 17
_BEAT_SECTION_S = 1800.0


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo; all NaN where nothing repeats.

    Attributes
    ----------
    bpm : beats per minute
    confidence : 0 to 1
    shares : evidence for each of `TEMPO_RATIOS`, summing to 1
    """

    bpm: float
    confidence: float
    shares: DoubleArray


UNKNOWN_TEMPO = Tempo(float("nan"), float("nan"), np.full(len(TEMPO_RATIOS), np.nan))


def describe_pulse(pulse: FloatArray, frame_rate: float, *, with_beats: bool = True) -> dict[str, Any]:
    """Give onset rate, tempo and beats of a pulse curve, by the names of the registry.

    Parameters
    ----------
    pulse : numpy.ndarray, shape (n_frames,)
        See the head of this module.
    frame_rate : float
        Frames per second.
    with_beats : bool
        Give ``beats`` too, a value per frame.

    Returns
    -------
    dict
        ``onset_rate, tempo, tempo_confidence, tempo_candidates, beat_count, beat_interval_std, beats``.
    """
    onset_rate = onset_density(pulse, frame_rate)
    tempo = estimate_tempo(pulse, frame_rate, onset_rate)
    beats = np.empty(0, dtype=np.int64)
    if not np.isnan(tempo.bpm):
        beats = track_beats(pulse, tempo.bpm, frame_rate)
    found: dict[str, Any] = {
        "onset_rate": onset_rate,
        "tempo": tempo.bpm,
        "tempo_confidence": tempo.confidence,
        "tempo_candidates": tempo.shares,
        "beat_count": len(beats),
        "beat_interval_std": np.diff(beats).std() / frame_rate if len(beats) > 2 else np.nan,
    }
    if with_beats:
        found["beats"] = np.zeros(len(pulse), dtype=np.float32)
        found["beats"][beats] = 1
    return found


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
    ceiling = float(np.percentile(above, 98, overwrite_input=True))
    return len(detect_onsets(pulse, frame_rate, ceiling)) * frame_rate / len(pulse)


def periodicity(pulse: FloatArray, frame_rate: float) -> DoubleArray:
    """Mean autocorrelation of a pulse curve over windows of 12 s, 1 at lag 0.

    Parameters
    ----------
    pulse : numpy.ndarray, shape (n_frames,)
        Onset strength.
    frame_rate : float
        Frames per second.

    Returns
    -------
    numpy.ndarray, shape (n_lags,)
        Each window counts the same however loud it is; each lag is divided by the share of the window
        that it leaves. Lags reach 8 s, or the length of a shorter curve.
    """
    from scipy import fft

    width = min(len(pulse), round(_WINDOW_S * frame_rate))
    n_lags = min(width, round(_LONGEST_LAG_S * frame_rate))
    n_windows = 1 + int(np.ceil((len(pulse) - width) / (_WINDOW_HOP_S * frame_rate)))
    starts = np.linspace(0, len(pulse) - width, n_windows).astype(np.int64)
    n_fft = fft.next_fast_len(width + n_lags, real=True)
    total, n_used = np.zeros(n_lags), 0
    for block in np.array_split(starts, -(-n_windows // 128)):
        windows = pulse[block[:, None] + np.arange(width)].astype(np.float64)
        windows -= windows.mean(axis=1, keepdims=True)
        acf = fft.irfft(np.abs(fft.rfft(windows, n_fft, axis=1)) ** 2, n_fft, axis=1)[:, :n_lags]
        sounding = acf[:, 0] > 1e-6
        total += (acf[sounding] / acf[sounding, :1]).sum(axis=0)
        n_used += int(np.count_nonzero(sounding))
    return total / max(n_used, 1) / (1 - np.arange(n_lags) / width)


def tempo_salience(acf: DoubleArray, frame_rate: float, bpm: DoubleArray) -> DoubleArray:
    """How well tempi explain an autocorrelation: its mean at 1 to 8 beats and at half or a third of a beat."""
    lags = 60.0 * frame_rate / bpm
    known = np.arange(len(acf))
    total, weight = np.zeros(len(bpm)), np.zeros(len(bpm))
    for beats in range(1, 9):
        inside = lags * beats < len(acf) - 1
        total += np.where(inside, np.interp(lags * beats, known, acf), 0.0) * beats**-0.25
        weight += inside * beats**-0.25
    divided = np.maximum(np.interp(lags / 2, known, acf), np.interp(lags / 3, known, acf))
    return (total + _DIVISION_WEIGHT * divided) / (weight + _DIVISION_WEIGHT)


def estimate_tempo(pulse: FloatArray, frame_rate: float, onset_rate: float) -> Tempo:
    """Tempo of a pulse curve, with confidence and other readings.

    The score of a tempo is the logarithm of its `tempo_salience` plus two priors that choose among
    its multiples: tempi near 120 are preferred, and so are tempi at which about two onsets fall on
    a beat (a dense break at 170 is not heard as a slow beat at 85) or one, if all onsets are alike. The
    winner is refined on all multiples of its period.

    Parameters
    ----------
    pulse : numpy.ndarray, shape (n_frames,)
        Onset strength.
    frame_rate : float
        Frames per second.
    onset_rate : float
        Onsets per second.

    Returns
    -------
    Tempo
        `UNKNOWN_TEMPO` for less than a second, for fewer than 4 onsets, and for a curve as even as
        that of noise. The confidence is ``(1 - exp(-salience / 0.15)) * (1 - exp(-margin / 0.25))`` with
        the margin in score over the next best tempo that is more than 4 % away.

    References
    ----------
    G. Percival, G. Tzanetakis, "Streamlined tempo estimation based on autocorrelation and
    cross-correlation with pulses", IEEE/ACM TASLP 22 (12), 2014 (autocorrelation and comb);
    D. Moelants, "Preferred tempo reconsidered", ICMPC 2002 (resonance near 120);
    C. Drake, L. Gros, A. Penel, "How fast is that music?", 1999 (event density and perceived tempo).

    Examples
    --------
    >>> clicks = np.zeros(860, np.float32)
    >>> clicks[::20] = 1
    >>> round(estimate_tempo(clicks, 43.0, 43 / 20).bpm, 1)
    129.0
    """
    duration_s = len(pulse) / frame_rate
    if duration_s < _SHORTEST_S or onset_rate * duration_s < _FEWEST_ONSETS:
        return UNKNOWN_TEMPO
    # The edges are left out, because noise that begins or ends at once has one onset there.
    inner = pulse[_EDGE_FRAMES:-_EDGE_FRAMES]
    if inner.std() < _EVEN * inner.mean():
        return UNKNOWN_TEMPO
    acf = periodicity(pulse, frame_rate)
    salience = np.maximum(tempo_salience(acf, frame_rate, _GRID), _LEAST_SALIENCE)
    score = np.log(salience)
    score -= 0.5 * (np.log2(_GRID / _PREFERRED_BPM) / _PREFERRED_SPREAD) ** 2
    usual = 1.0 if _is_plain(acf, frame_rate / onset_rate) else _ONSETS_PER_BEAT
    score -= 0.5 * (np.log2(60 * onset_rate / _GRID / usual) / _ONSETS_SPREAD) ** 2
    best = int(np.argmax(score))
    if salience[best] <= _LEAST_SALIENCE:
        return UNKNOWN_TEMPO
    margin = score[best] - score[np.abs(np.log2(_GRID / _GRID[best])) > _SAME_TEMPO].max()
    confidence = (1 - np.exp(-salience[best] / 0.15)) * (1 - np.exp(-max(margin, 0.0) / 0.25))
    readings = _GRID[best] * np.array(list(TEMPO_RATIOS.values()))
    evidence = np.exp(np.interp(np.log(readings), np.log(_GRID), score, left=-np.inf, right=-np.inf))
    bpm = _refine(acf, frame_rate, float(_GRID[best]))
    return Tempo(bpm, float(confidence), evidence / evidence.sum())


def _is_plain(acf: DoubleArray, onset_interval: float) -> bool:
    """Whether all onsets are alike and evenly spaced, as a metronome's, so that each must be a beat."""
    near = acf[round(onset_interval / 1.2) : round(onset_interval * 1.2) + 1]
    return bool(len(near)) and bool(near.max() >= _PLAIN)


def _refine(acf: DoubleArray, frame_rate: float, bpm: float) -> float:
    """Adjust a tempo by up to 3 % so that the autocorrelation at all multiples of its period is highest."""
    near = bpm * 2.0 ** np.linspace(-0.042, 0.042, 169)
    lags = 60.0 * frame_rate / near
    n_beats = max(int((len(acf) - 1) / lags.max()), 1)
    multiples = lags[:, None] * np.arange(1, n_beats + 1)
    heights = np.interp(multiples.ravel(), np.arange(len(acf)), acf).reshape(multiples.shape)
    # Short lags say little about the tempo exactly, and are enough to hold on to the right peak.
    return float(near[np.argmax(heights.mean(axis=1))])


def track_beats(pulse: FloatArray, bpm: float, frame_rate: float) -> npt.NDArray[np.int64]:
    """Frames of the beats (``librosa.beat.beat_track(onset_envelope=pulse, bpm=bpm)``).

    Dynamic programming: a beat is worth its onset strength plus the best beat half to two periods
    before it, less a penalty for straying from the period. A frame never looks back less than half a
    period, so half a period of frames is computed at once. Each half hour is tracked for itself.

    Parameters
    ----------
    pulse : numpy.ndarray, shape (n_frames,)
        Onset strength.
    bpm : float
        Beats per minute.
    frame_rate : float
        Frames per second.

    Returns
    -------
    numpy.ndarray, shape (n_beats,), int64

    References
    ----------
    D. Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36 (1), 2007.
    """
    period = max(round(60.0 * frame_rate / bpm), 2)
    section = round(_BEAT_SECTION_S * frame_rate)
    starts = range(0, max(len(pulse), 1), section)
    return np.concatenate([start + _track_section(pulse[start : start + section], period) for start in starts])


def _track_section(pulse: FloatArray, period: int) -> npt.NDArray[np.int64]:
    deviation = pulse.std(ddof=1, dtype=np.float64) if len(pulse) > 1 else 0.0
    if not deviation > 0:
        return np.empty(0, dtype=np.int64)
    blur = np.exp(-0.5 * (np.arange(-period, period + 1) * 32.0 / period) ** 2).astype(np.float32)
    local = np.convolve(pulse / np.float32(deviation), blur)[period : period + len(pulse)]
    links, score = _link_beats(local, period)
    beats = _follow_links(links, _last_beat(score))
    return _trim_beats(beats, local)


def _link_beats(local: FloatArray, period: int) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """Best predecessor (-1 for none) and cumulative score of each frame."""
    nearest, farthest = round(period / 2), 2 * period
    back = np.arange(nearest, farthest + 1)
    penalty = _TIGHTNESS * np.log(back / period) ** 2
    score = np.concatenate((np.full(farthest, -np.inf, dtype=np.float32), local))
    links = np.full(len(local), -1, dtype=np.int32)
    for start in range(nearest, len(local), nearest):
        frames = np.arange(start, min(start + nearest, len(local)))
        reach = score[farthest + frames[:, None] - back] - penalty
        best = np.argmax(reach, axis=1)
        score[farthest + frames] += reach[np.arange(len(frames)), best]
        links[frames] = frames - back[best]
    # A first beat may start anywhere before the onsets rise above 1 % of the strongest.
    loud = local >= 0.01 * local.max()
    links[: int(np.argmax(loud))] = -1
    return links, score[farthest:]


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


def _trim_beats(beats: npt.NDArray[np.int64], local: FloatArray) -> npt.NDArray[np.int64]:
    """Drop beats before the first and after the last frame that is worth half a typical beat."""
    smooth = np.convolve(local[beats], np.hanning(5))[2 : len(local) + 2]
    strong = np.flatnonzero(local > 0.5 * np.sqrt(np.mean(smooth**2)))
    if not len(strong):
        return beats[:0]
    kept: npt.NDArray[np.int64] = beats[(beats >= strong[0]) & (beats <= strong[-1])]
    return kept
