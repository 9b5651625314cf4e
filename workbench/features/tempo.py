"""Tempo of a pulse in three bands: what repeats, which of its multiples is the beat, and how sure that is.

- *Periodicity*: autocorrelations of the whole pulse and of each band, and the cross-correlation of low and
  middle band: kick and snare alternate from beat to beat, at no other multiple.
- *Evidence*: at each tempo of a grid the autocorrelations are read at fractions and multiples of its beat.
- *Score*: a weighted sum of the evidence, whose softmax over the grid is a probability (a conditional logit).
- *Loops*: of a short file tempi are preferred that make it one, two, four or eight bars of four beats.

The weights are fitted by `scripts/fit_tempo.py`, with a ridge penalty, on tracks whose tempo is known: 30 excerpts and
20 drum loops at five speeds each, General MIDI renderings of drum patterns, accompaniments and game music,
simulated tracks, and whole songs. They are few (36 for 1100 tracks), and the scores that are quoted for them are
cross-validated by song, pattern or style.

References
----------
G. Peeters, "Template-based estimation of time-varying tempo", EURASIP J. Adv. Sig. Proc. 2007 (readings at
multiples of a beat as evidence of metre); G. Percival, G. Tzanetakis, "Streamlined tempo estimation based on
autocorrelation and cross-correlation with pulses", IEEE/ACM TASLP 22 (12), 2014 (a learnt choice of octave);
D. McFadden, "Conditional logit analysis of qualitative choice behavior", 1974; D. Moelants, "Preferred tempo
reconsidered", ICMPC 2002; C. Drake, L. Gros, A. Penel, "How fast is that music?", 1999 (event density).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.features import tempo_weights as weights

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

#: Other readings of a tempo, as people tap them.
TEMPO_RATIOS = {"x1": 1.0, "x1/2": 0.5, "x2": 2.0, "x2/3": 2 / 3, "x3/2": 1.5}

#: Tempi that are scored, beats per minute: 40 to 240 in steps of 1 %.
GRID: DoubleArray = 40.0 * 2.0 ** (np.arange(187) / 72)

_WINDOW_S, _WINDOW_HOP_S, _LONGEST_LAG_S = 12.0, 3.0, 8.0
_WINDOWS_AT_ONCE = 64
_STREAMS = ((0, 0), (1, 1), (2, 2), (3, 3), (1, 2))  # of the whole pulse, low, middle and high band
_DIVISION_WEIGHT = 0.75
_LEAST_SALIENCE = 0.01
_USUAL_BPM = 120.0

_SHORTEST_S, _FEWEST_ONSETS = 1.0, 4
_FAINT_DB = 0.1  # the highest onset of a drone is lower
_LEAST_REPEATING = 0.04  # salience: music from 0.045, rain and cries mostly below
_EVEN = 0.38  # deviation over mean of the pulse: noise 0.1 to 0.3, music with a beat from 0.45
_EDGE_FRAMES = 8
_PLAIN = 0.75  # autocorrelation of a metronome at its interval, blurred by the hop
_SAME_TEMPO = 0.04

_LONGEST_LOOP_S = 16.0
_LOOP_BEATS = np.array([4, 8, 16, 32])
_LOOP_BONUS = 2.5  # nepers
_PADDING_S = 0.045  # MP3 and careless cuts add some of it
_EXACT, _EXACT_S = 0.005, 0.025  # a hop


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo; all NaN where nothing repeats.

    Attributes
    ----------
    bpm : beats per minute
    confidence : probability that a listener would tap this tempo and no multiple of it, 0 to 1
    shares : evidence for each of `TEMPO_RATIOS`, summing to 1
    is_loop : whether `bpm` is the tempo that makes the file a whole number of bars
    """

    bpm: float
    confidence: float
    shares: DoubleArray
    is_loop: bool = False


UNKNOWN_TEMPO = Tempo(float("nan"), float("nan"), np.full(len(TEMPO_RATIOS), np.nan))


def fold_tempo(bpm: float, low: float, high: float) -> float:
    """Move a tempo by octaves into a range, as a DJ may want who mixes only from 70 to 140.

    Parameters
    ----------
    bpm : float
        Beats per minute; NaN stays NaN.
    low, high : float
        The range, ``low <= bpm < high``. If it is narrower than an octave, a tempo of which no multiple
        lies inside goes to the one that is nearest to it, in octaves; if it is wider, the tempo
        is moved no more than is needed.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If not ``0 < low < high``, or the tempo is not positive.

    Examples
    --------
    >>> [fold_tempo(bpm, 70, 140) for bpm in (174, 60, 140, 95)], fold_tempo(95, 100, 120)
    ([87.0, 120, 70.0, 95], 95)
    """
    if not 0 < low < high < math.inf:
        raise ValueError(f"the range from {low} to {high} BPM: two positive numbers are needed, the lower one first")
    if math.isnan(bpm):
        return bpm
    if not 0 < bpm < math.inf:
        raise ValueError(f"a tempo of {bpm} BPM: a positive number is needed")
    while bpm < low and bpm * 2 < high:
        bpm *= 2
    while bpm >= high and bpm / 2 >= low:
        bpm /= 2
    if low <= bpm < high:
        return bpm
    # No multiple is inside: of the two around the range the nearer one.
    below, above = (bpm, bpm * 2) if bpm < low else (bpm / 2, bpm)
    return below if low / below <= above / high else above


def periodicities(pulse: FloatArray, frame_rate: float) -> DoubleArray:
    """Mean autocorrelations of a pulse over windows of 12 s.

    Parameters
    ----------
    pulse : numpy.ndarray, shape (n_frames, 3)
        Onset strength in a low, a middle and a high band; their sum is the whole.
    frame_rate : float
        Frames per second.

    Returns
    -------
    numpy.ndarray, shape (5, n_lags)
        Of the whole, the low, the middle and the high band, 1 at lag 0; and the mean over both directions of
        the cross-correlation of low and middle band. Each window counts the same however loud it is; each
        lag is divided by the share of the window that it leaves. Lags reach 8 s, or the length of a
        shorter pulse.
    """
    width = min(len(pulse), round(_WINDOW_S * frame_rate))
    n_lags = min(width, round(_LONGEST_LAG_S * frame_rate))
    n_windows = 1 + math.ceil((len(pulse) - width) / (_WINDOW_HOP_S * frame_rate))
    starts = np.linspace(0, len(pulse) - width, n_windows).astype(np.int64)
    n_fft = _fast_length(width + n_lags)
    total, n_used = np.zeros((len(_STREAMS), n_fft // 2 + 1)), np.zeros(len(_STREAMS), dtype=np.int64)
    for block in np.array_split(starts, -(-n_windows // _WINDOWS_AT_ONCE)):
        bands = np.moveaxis(pulse[block[:, None] + np.arange(width)], 2, 0).astype(np.float64)
        curves = np.concatenate((bands.sum(axis=0, keepdims=True), bands))
        curves -= curves.mean(axis=2, keepdims=True)
        energy = np.einsum("swt,swt->sw", curves, curves)
        spectra = np.fft.rfft(curves, n_fft, axis=2)
        for k, (one, other) in enumerate(_STREAMS):
            # The real part of the cross-spectrum is the spectrum of the mean of both directions.
            power = spectra[one].real * spectra[other].real + spectra[one].imag * spectra[other].imag
            norm = np.sqrt(energy[one] * energy[other])
            sounding = norm > 1e-6
            # not a matrix product, whose last bits depend on how many threads share it
            total[k] += np.einsum("w,wf->f", 1 / norm[sounding], power[sounding])
            n_used[k] += np.count_nonzero(sounding)
    # The transform back is linear: one of the sum does for all windows.
    acfs = np.fft.irfft(total, n_fft, axis=1)[:, :n_lags]
    return np.asarray(acfs / np.maximum(n_used, 1)[:, None] / (1 - np.arange(n_lags) / width))


def _fast_length(n: int) -> int:
    """Give the next length that a Fourier transform is quick at: a product of 2, 3 and 5; what scipy calls it."""
    while 30**32 % n:
        n += 1
    return n


def tempo_salience(acf: DoubleArray, frame_rate: float, bpm: DoubleArray) -> DoubleArray:
    """How well tempi explain an autocorrelation: its mean at 1 to 8 beats and at half or a third of a beat."""
    lags = 60.0 * frame_rate / bpm
    known = np.arange(len(acf))
    multiples = np.arange(1, 9)[:, np.newaxis]
    inside = lags * multiples < len(acf) - 1
    weights = inside * multiples**-0.25
    total = (weights * np.interp(lags * multiples, known, acf)).sum(axis=0)
    divided = np.interp(lags / np.array([[2], [3]]), known, acf).max(axis=0)
    return np.asarray((total + _DIVISION_WEIGHT * divided) / (weights.sum(axis=0) + _DIVISION_WEIGHT))


def tempo_evidence(acfs: DoubleArray, frame_rate: float, onset_rate: float) -> DoubleArray:
    """Say what speaks for each tempo of `GRID`.

    Parameters
    ----------
    acfs : numpy.ndarray, shape (5, n_lags)
        See `periodicities`.
    frame_rate, onset_rate : float
        Frames and onsets per second.

    Returns
    -------
    numpy.ndarray, shape (n_tempi, n_kinds)
        In the order of `tempo_weights.ALL`: the logarithm of `tempo_salience`; the autocorrelations
        at the multiples of the beat that `tempo_weights` names (those longer than any lag count as one beat);
        octaves from 120 BPM, and octaves by which the onsets outnumber the beats, with their squares.
    """
    lags = 60.0 * frame_rate / GRID
    salience = np.maximum(tempo_salience(acfs[0], frame_rate, GRID), _LEAST_SALIENCE)
    columns = [np.log(salience)]
    known = np.arange(acfs.shape[1])
    for acf, multiples in zip(acfs, weights.MULTIPLES, strict=True):
        beat = np.interp(lags, known, acf, right=0.0)
        at = lags * np.array(multiples)[:, np.newaxis]
        columns += list(np.where(at <= known[-1], np.interp(at, known, acf), beat))
    octaves = np.log2(GRID / _USUAL_BPM)
    density = np.log2(max(60 * onset_rate, 1.0) / GRID)
    return np.column_stack([*columns, octaves, octaves**2, density, density**2])


def estimate_tempo(pulse: FloatArray, frame_rate: float, onset_rate: float, duration_s: float) -> Tempo:
    """Tempo of a pulse, with confidence and other readings.

    Parameters
    ----------
    pulse : numpy.ndarray, shape (n_frames, 3)
        Onset strength in a low, a middle and a high band (`spectral.PULSE_BANDS`).
    frame_rate : float
        Frames per second.
    onset_rate : float
        Onsets per second.
    duration_s : float
        Length of the audio, seconds. Up to 16 s it may be a loop: then the tempi at which it lasts
        4, 8, 16 or 32 beats score more, and one of them, if it wins, is given exactly if the pulse agrees to
        a hop or half a percent; a loop with some silence keeps the tempo of its pulse.

    Returns
    -------
    Tempo
        `UNKNOWN_TEMPO` for less than a second, for fewer than 4 onsets, for a curve as faint as a drone's or as
        even as that of noise, and where nothing repeats.

    Examples
    --------
    >>> clicks = np.zeros((860, 3), np.float32)
    >>> clicks[::20] = 1
    >>> round(estimate_tempo(clicks, 43.0, 43 / 20, 20.0).bpm, 1)
    129.0
    """
    if len(pulse) / frame_rate < _SHORTEST_S or onset_rate * len(pulse) / frame_rate < _FEWEST_ONSETS:
        return UNKNOWN_TEMPO
    # The edges are left out, because noise that begins or ends at once has one onset there.
    inner = pulse[_EDGE_FRAMES:-_EDGE_FRAMES].sum(axis=1)
    if inner.max(initial=0.0) < _FAINT_DB or _mean_square(inner) < (1 + _EVEN**2) * inner.mean(dtype=np.float64) ** 2:
        return UNKNOWN_TEMPO
    del inner  # of ten hours there is room for one such curve at a time
    acfs = periodicities(pulse, frame_rate)
    evidence = tempo_evidence(acfs, frame_rate, onset_rate)
    score = evidence @ weights.ALL
    if _is_plain(acfs[0], frame_rate / onset_rate):
        score[np.abs(np.log2(60 * onset_rate / GRID)) > 0.2] -= 10.0
    loops = 60.0 * _LOOP_BEATS / duration_s if duration_s <= _LONGEST_LOOP_S else np.empty(0)
    tolerance = min(max(_PADDING_S / duration_s, 0.006), 0.02)
    at_loop = np.any(np.abs(GRID / loops[:, None] - 1) <= tolerance, axis=0)
    score[at_loop] += _LOOP_BONUS
    best = int(np.argmax(score))
    salience = math.exp(evidence[best, 0])
    if salience < _LEAST_REPEATING:
        return UNKNOWN_TEMPO
    bpm = _refine(acfs[0], frame_rate, float(GRID[best]))
    whole = _whole(bpm, loops, duration_s) if at_loop[best] else None
    confidence, shares = _confidence(score, best, salience), _shares(score, best)
    return Tempo(whole or bpm, confidence, shares, is_loop=whole is not None)


def _mean_square(curve: FloatArray) -> float:
    return float(np.einsum("t,t->", curve, curve, dtype=np.float64)) / len(curve)


def _whole(bpm: float, loops: DoubleArray, duration_s: float) -> float | None:
    """Give the tempo of a loop that is as near as `bpm` can be known; none if the loop is padded."""
    nearest = float(loops[np.argmin(np.abs(loops - bpm))])
    return nearest if abs(bpm / nearest - 1) <= max(_EXACT, _EXACT_S / duration_s) else None


def _is_plain(acf: DoubleArray, onset_interval: float) -> bool:
    """Whether all onsets are alike and evenly spaced, as a metronome's, so that each must be a beat."""
    near = acf[round(onset_interval / 1.2) : round(onset_interval * 1.2) + 1]
    return bool(len(near)) and bool(near.max() >= _PLAIN)


def _shares(score: DoubleArray, best: int) -> DoubleArray:
    readings = GRID[best] * np.array(list(TEMPO_RATIOS.values()))
    known = np.interp(np.log(readings), np.log(GRID), score, left=-np.inf, right=-np.inf)
    shares: DoubleArray = np.exp(known - known.max())
    shares /= shares.sum()
    return shares


def _confidence(score: DoubleArray, best: int, salience: float) -> float:
    """Probability of the best tempo and its neighbours, calibrated on tracks that were left out of the fit."""
    probability = np.exp(score - score.max())
    near = np.abs(GRID / GRID[best] - 1) <= _SAME_TEMPO
    odds = probability[near].sum() / max(probability[~near].sum(), 1e-9)
    constant, of_odds, of_salience = weights.CONFIDENCE
    return float(1 / (1 + np.exp(-(constant + of_odds * np.log(odds) + of_salience * np.log(salience)))))


def _refine(acf: DoubleArray, frame_rate: float, bpm: float) -> float:
    """Adjust a tempo by up to 3 % so that the autocorrelation at all multiples of its period is highest."""
    near = bpm * 2.0 ** np.linspace(-0.042, 0.042, 169)
    lags = 60.0 * frame_rate / near
    n_beats = max(int((len(acf) - 1) / lags.max()), 1)
    multiples = lags[:, None] * np.arange(1, n_beats + 1)
    heights = np.interp(multiples.ravel(), np.arange(len(acf)), acf).reshape(multiples.shape)
    # Short lags say little about the tempo exactly, and are enough to hold on to the right peak.
    return float(near[np.argmax(heights.mean(axis=1))])
