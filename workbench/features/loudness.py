"""Loudness of the original channels at the original sample rate, and how much it varies.

Audio is filtered (`filters.k_weighting`) and its energy summed over steps of 100 ms, the hop of both the
400 ms gating blocks of integrated loudness and the 3 s windows of loudness range: one number per
step is all that is kept. One loop over the samples does all of it.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audio.resample import AMPLITUDE_LIMIT, full_scale
from workbench.compiled import compiled
from workbench.features import filters

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

_PAST = 6  # two samples back: input, between the filters, output
_STEP_S = 0.1
_MOMENTARY_STEPS = 4
_SHORT_TERM_STEPS = 30
_OFFSET_DB = -0.691
_ABSOLUTE_GATE = -70.0


@dataclass(frozen=True, slots=True)
class Loudness:
    """What `LoudnessMeter` measures; NaN where it cannot be known.

    Attributes
    ----------
    integrated : LUFS; missing where nothing is louder than -70 LUFS
    range : LU; missing for less than 3 s of audio above the gates
    complexity : LU, mean absolute distance of momentary from integrated loudness
    crest : dB, sample peak over root mean square; missing for silence
    """

    integrated: float
    range: float
    complexity: float
    crest: float


class LoudnessMeter:
    """Measure loudness of a stream of channels.

    Parameters
    ----------
    sample_rate : float
        Hz.
    n_channels : int
        Channels in the order of WAV and FLAC, see `filters.channel_weights`.

    References
    ----------
    ITU-R BS.1770-4 and EBU R 128 (integrated loudness), EBU Tech 3342 (loudness range);
    S. Streich, "Music complexity: a multi-faceted description of audio content", 2006 (complexity).

    Examples
    --------
    A stereo sine of 1 kHz with a peak of -23 dBFS has -23 LUFS (EBU Tech 3341, case 1).

    >>> t = np.arange(48000 * 4) / 48000
    >>> sine = (10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)
    >>> meter = LoudnessMeter(48000, 2)
    >>> meter.push(np.stack((sine, sine), axis=1))
    >>> round(meter.finish().integrated, 1)
    -23.0
    """

    def __init__(self, sample_rate: float, n_channels: int) -> None:
        self._sos = filters.k_weighting(sample_rate)
        self._weights = filters.channel_weights(n_channels)
        # two channels are filtered side by side: an odd one out has a silent partner
        self._past = np.zeros((-(-n_channels // 2), 2, _PAST))
        self._step = max(round(_STEP_S * sample_rate), 1)
        self._n_samples = 0
        self._energies = array("d")  # one after another: 8 bytes a step and no more
        self._open_energy = 0.0  # of the step that is not complete yet
        self._peak = 0.0
        self._square_sum = 0.0

    def push(self, rows: npt.NDArray[np.float32] | npt.NDArray[np.int16]) -> None:
        """Take in samples, shape (n, n_channels): float32 of full scale 1.0, or int16."""
        if rows.dtype == np.float32 and max(rows.max(), -rows.min()) > AMPLITUDE_LIMIT:
            rows = np.clip(rows, -AMPLITUDE_LIMIT, AMPLITUDE_LIMIT).astype(np.float32)
        energies = np.zeros(len(rows) // self._step + 2)
        phase = self._n_samples % self._step
        for pair, past in enumerate(self._past):
            left, right = 2 * pair, min(2 * pair + 1, rows.shape[1] - 1)
            weights = self._weights[left], self._weights[right] if right > left else 0.0
            peak, squares, partner = _meter_pair(
                rows, left, right, full_scale(rows), weights, self._sos, past, self._step, phase, energies
            )
            self._peak = max(self._peak, peak)
            self._square_sum += squares + (partner if right > left else 0.0)
        self._n_samples += len(rows)
        energies[0] += self._open_energy
        n_closed = (phase + len(rows)) // self._step
        self._open_energy = float(energies[n_closed])
        self._energies.frombytes(energies[:n_closed].tobytes())

    def finish(self) -> Loudness:
        """Gate and summarise."""
        steps = np.frombuffer(self._energies, dtype=np.float64)
        if len(steps) >= _MOMENTARY_STEPS:
            momentary = _windows(steps, _MOMENTARY_STEPS)
            momentary /= _MOMENTARY_STEPS * self._step
        else:
            # The standard has no loudness for less than 400 ms: one block of what there is.
            momentary = np.array([(steps.sum() + self._open_energy) / self._n_samples])
        integrated = integrated_loudness(momentary)
        complexity = _complexity(momentary, integrated)
        del momentary  # of ten hours there is room for one at a time
        short_term = _windows(steps, _SHORT_TERM_STEPS)
        short_term /= _SHORT_TERM_STEPS * self._step
        square = self._square_sum / (self._n_samples * len(self._weights))
        crest = 20 * np.log10(self._peak / np.sqrt(square)) if square > 0 else np.nan
        return Loudness(integrated, loudness_range(short_term), complexity, float(crest))


@compiled
def _meter_pair(
    rows: npt.NDArray[Any],
    left: int,
    right: int,
    scale: float,
    weights: tuple[float, float],
    sos: DoubleArray,
    past: DoubleArray,
    step: int,
    phase: int,
    energies: DoubleArray,
) -> tuple[float, float, float]:
    """Add the weighted energy of two channels to `energies`, one per step of which `phase` samples are gone.

    Gives their peak and the sums of their squares. The two filters of each channel are in direct form I,
    whose loop has the fewest operations that wait for each other; all four run at the same time.
    """
    b0, b1, b2, _, a1, a2 = sos[0]
    c1, c2 = sos[-1, 4], sos[-1, 5]
    shelf = len(sos) > 1  # the second filter, a high-pass, has the numerator 1, -2, 1
    if not shelf:
        b0, b1, b2, a1, a2 = 1.0, 0.0, 0.0, 0.0, 0.0
    lx1, lx2, lu1, lu2, ly1, ly2 = past[0]
    rx1, rx2, ru1, ru2, ry1, ry2 = past[1]
    peak, left_squares, right_squares, energy = 0.0, 0.0, 0.0, 0.0
    open_step, left_in_step = 0, step - phase
    for i in range(len(rows)):
        lx, rx = rows[i, left] * scale, rows[i, right] * scale
        peak = max(peak, max(abs(lx), abs(rx)))
        left_squares += lx * lx
        right_squares += rx * rx
        lu = (b0 * lx + b1 * lx1 + b2 * lx2 - a2 * lu2) - a1 * lu1
        ru = (b0 * rx + b1 * rx1 + b2 * rx2 - a2 * ru2) - a1 * ru1
        ly = (lu - 2 * lu1 + lu2 - c2 * ly2) - c1 * ly1
        ry = (ru - 2 * ru1 + ru2 - c2 * ry2) - c1 * ry1
        lx2, lx1, lu2, lu1, ly2, ly1 = lx1, lx, lu1, lu, ly1, ly
        rx2, rx1, ru2, ru1, ry2, ry1 = rx1, rx, ru1, ru, ry1, ry
        energy += weights[0] * (ly * ly) + weights[1] * (ry * ry)
        left_in_step -= 1
        if not left_in_step:
            energies[open_step] += energy
            open_step, left_in_step, energy = open_step + 1, step, 0.0
    energies[open_step] += energy
    past[0, 0], past[0, 1], past[0, 2], past[0, 3], past[0, 4], past[0, 5] = lx1, lx2, lu1, lu2, ly1, ly2
    past[1, 0], past[1, 1], past[1, 2], past[1, 3], past[1, 4], past[1, 5] = rx1, rx2, ru1, ru2, ry1, ry2
    return peak, left_squares, right_squares


def _windows(steps: DoubleArray, n: int) -> DoubleArray:
    """Sum each run of `n` steps: shape (max(len(steps) - n + 1, 0),)."""
    if len(steps) < n:
        return np.empty(0)
    sums: DoubleArray = np.lib.stride_tricks.sliding_window_view(steps, n).sum(axis=1)
    return sums


def to_lufs(mean_square: DoubleArray) -> DoubleArray:
    """Weighted mean square to loudness; the argument must be positive."""
    return _OFFSET_DB + 10 * np.log10(mean_square)


def _above(mean_square: DoubleArray, gate_lufs: float) -> DoubleArray:
    return mean_square[mean_square > 10 ** ((gate_lufs - _OFFSET_DB) / 10)]


def integrated_loudness(mean_square: DoubleArray) -> float:
    """Integrated loudness, LUFS, of gating blocks given by their weighted mean square (BS.1770-4, eq. 5-7)."""
    loud = _above(mean_square, _ABSOLUTE_GATE)
    if not len(loud):
        return float("nan")
    gated = loud[loud > loud.mean() / 10]
    return float(to_lufs(gated.mean(keepdims=True))[0])


def loudness_range(mean_square: DoubleArray) -> float:
    """Loudness range, LU, of 3 s windows every 100 ms given by their weighted mean square (EBU Tech 3342)."""
    loud = _above(mean_square, _ABSOLUTE_GATE)
    if not len(loud):
        return float("nan")
    gated = loud[loud >= loud.mean() / 100]
    gated.sort()
    low, high = (gated[round((len(gated) - 1) * share)] for share in (0.10, 0.95))
    return float(10 * np.log10(high / low))


def _complexity(mean_square: DoubleArray, integrated: float) -> float:
    loud = _above(mean_square, _ABSOLUTE_GATE)
    if not len(loud):
        return float("nan")
    np.log10(loud, out=loud)
    loud *= 10
    loud += _OFFSET_DB - integrated
    return float(np.abs(loud, out=loud).mean())
