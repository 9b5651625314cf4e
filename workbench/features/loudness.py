"""Loudness of the original channels at the original sample rate, and how much it varies.

Audio is filtered (`filters.k_weighting`) and its energy summed over steps of 100 ms, the hop of both the
400 ms gating blocks of integrated loudness and the 3 s windows of loudness range: one number per
step is all that is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audio.resample import AMPLITUDE_LIMIT, full_scale
from workbench.compiled import compiled, compiled_with_fused_sums
from workbench.features import filters
from workbench.growing import Series

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[Any]  # of integers

#: Parts of a block that are filtered side by side.
LANES = 8

_CHUNK = 256  # samples of each part that are laid side by side at once
_ROW, _RUN = 128, 32  # samples that are summed side by side, and how many times before their sums are added

_SETTLE_S = 0.05  # the high-pass has forgotten all but a ten thousandth
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
        self._gain, self._coefficients = _plain_gain(filters.k_weighting(sample_rate))
        self._weights = filters.channel_weights(n_channels)
        # two channels are filtered side by side: an odd one out has a silent partner
        self._states = np.zeros((-(-n_channels // 2), 2, 4))
        self._settle = round(_SETTLE_S * sample_rate)
        self._step = max(round(_STEP_S * sample_rate), 1)
        self._n_samples = 0
        self._energies = Series(np.float64)
        self._open_energy = 0.0  # of the step that is not complete yet
        self._peak = 0.0
        self._square_sum = 0.0

    def push(self, rows: npt.NDArray[np.float32] | npt.NDArray[np.int16]) -> None:
        """Take in samples, shape (n, n_channels): float32 of full scale 1.0, or int16."""
        scale = full_scale(rows)
        peak, squares = _peak_and_squares(np.ravel(rows))
        if peak * scale > AMPLITUDE_LIMIT:
            rows = np.clip(rows, -AMPLITUDE_LIMIT, AMPLITUDE_LIMIT).astype(np.float32)
            peak, squares = _peak_and_squares(np.ravel(rows))
        self._peak = max(self._peak, peak * scale)
        self._square_sum += squares * scale**2
        even = len(rows) // LANES * LANES
        for some in (rows[:even], rows[even:]):
            if len(some):
                self._measure(some, (self._gain * scale) ** 2)

    def _measure(self, rows: npt.NDArray[Any], scale: float) -> None:
        """Add the energy of samples, times `scale`, to that of their steps."""
        energies = np.zeros(len(rows) // self._step + 2)
        phase = self._n_samples % self._step
        n_parts = LANES if len(rows) % LANES == 0 and len(rows) >= 2 * LANES * self._settle else 1
        firsts = tuple(range(0, len(rows), len(rows) // n_parts))
        for pair, state in enumerate(self._states):
            left, right = 2 * pair, min(2 * pair + 1, rows.shape[1] - 1)
            weights = scale * self._weights[left], scale * self._weights[right] if right > left else 0.0
            channels = rows if rows.shape[1] == 2 else rows[:, [left, right]]
            # Both channels are moved as if they were one number of twice the size.
            together = np.int32 if rows.dtype == np.int16 else np.int64
            scratch = np.empty((_CHUNK, 2 * n_parts), dtype=rows.dtype)
            _add_energy(
                np.ascontiguousarray(channels).view(together)[:, 0], scratch.view(together), scratch, firsts, weights,
                self._coefficients, self._settle, state, self._step, phase, energies,
            )  # fmt: skip
        self._n_samples += len(rows)
        energies[0] += self._open_energy
        n_closed = (phase + len(rows)) // self._step
        self._open_energy = float(energies[n_closed])
        self._energies.add(energies[:n_closed])

    def finish(self) -> Loudness:
        """Gate and summarise. Can be called once."""
        steps = self._energies.take()
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


def _plain_gain(sos: DoubleArray) -> tuple[float, DoubleArray]:
    """Give the gain of `filters.k_weighting`, and ``b1, b2, a1, a2`` of its shelf and ``a1, a2`` of its high-pass.

    The numerators are ``1, b1, b2``, all zeros for a shelf that is left out, and ``1, -2, 1``.
    """
    gain = sos[0, 0] if len(sos) == 2 else 1.0
    shelf = sos[0, [1, 2, 4, 5]] / (gain, gain, 1, 1) if len(sos) == 2 else np.zeros(4)
    return float(gain), np.concatenate((shelf, sos[-1, 4:]))


@compiled
def _peak_and_squares(samples: npt.NDArray[Any]) -> tuple[float, float]:
    """Give the greatest magnitude and the sum of squares.

    Many are looked for side by side, since each sum waits for its last term; single precision has room for a run.
    """
    peaks, sums = np.zeros(_ROW, dtype=np.float32), np.zeros(_ROW, dtype=np.float32)
    whole = len(samples) // _ROW * _ROW
    peak, total = np.float32(0), 0.0
    for start in range(0, whole, _ROW):
        row = samples[start : start + _ROW]
        for i in range(_ROW):
            x = np.float32(row[i])
            peaks[i] = max(peaks[i], abs(x))
            sums[i] += x * x
        if (start // _ROW + 1) % _RUN == 0 or start + _ROW == whole:
            # a loop: numba's own sum would load its linear algebra, and scipy's with it, into every worker
            for i in range(_ROW):
                total += np.float64(sums[i])
                sums[i] = 0
    for i in range(_ROW):
        peak = max(peak, peaks[i])
    for i in range(whole, len(samples)):
        x = np.float32(samples[i])
        peak = max(peak, abs(x))
        total += np.float64(x) * np.float64(x)
    return float(peak), total


@compiled
def _add_energy(
    pairs: IntArray,
    scratch_pairs: IntArray,
    scratch: npt.NDArray[Any],
    firsts: tuple[int, ...],
    weights: tuple[float, float],
    coefficients: DoubleArray,
    settle: int,
    state: DoubleArray,
    step: int,
    phase: int,
    energies: DoubleArray,
) -> None:
    """Add the weighted energy of two channels to `energies`, one per step of which `phase` samples are gone.

    A filter waits for its last sample, so the parts of a block that begin at `firsts`, of equal length, are filtered
    side by side, after they were laid out side by side in `scratch`, of which `scratch_pairs` is a view. All but the
    first, which goes on from `state`, start `settle` samples early: then what went before no longer matters.
    """
    n_lanes = len(firsts)
    n = len(pairs) // n_lanes
    states = np.zeros((4, 2 * n_lanes))
    sums = np.zeros(2 * n_lanes)
    if n_lanes > 1:
        # The first part has nothing before it: it reads the end of the block, and what comes of it is replaced.
        for i in range(-settle, 0, _CHUNK):
            run = min(_CHUNK, -i)
            _lay_out(pairs, firsts, i, run, scratch_pairs)
            _filter(scratch, firsts, run, coefficients, states, sums)
        sums[:] = 0
    states[:, 0], states[:, 1] = state[0], state[1]
    begun = phase + n * np.arange(n_lanes)
    i = 0
    while i < n:
        run = min(n - i, _CHUNK)
        for lane in range(n_lanes):
            run = min(run, step - begun[lane] % step)
        _lay_out(pairs, firsts, i, run, scratch_pairs)
        _filter(scratch, firsts, run, coefficients, states, sums)
        for lane in range(n_lanes):
            energies[begun[lane] // step] += weights[0] * sums[2 * lane] + weights[1] * sums[2 * lane + 1]
        sums[:] = 0
        begun += run
        i += run
    state[0], state[1] = states[:, -2], states[:, -1]


@compiled
def _lay_out(pairs: IntArray, firsts: tuple[int, ...], start: int, n: int, columns: IntArray) -> None:
    """Lay `n` samples of each part of a block out as a column."""
    for i in range(n):
        for lane in range(len(firsts)):
            columns[i, lane] = pairs[firsts[lane] + start + i]


@compiled_with_fused_sums
def _filter(
    samples: npt.NDArray[Any],
    firsts: tuple[int, ...],
    n: int,
    coefficients: DoubleArray,
    states: DoubleArray,
    sums: DoubleArray,
) -> None:
    """Filter the first `n` rows of `samples`, each column for itself, and add to the sums of squares.

    Both filters are in transposed direct form II. How many columns there are is known from the length of a tuple when
    this is compiled: loops over them are unrolled.
    """
    b1, b2, a1, a2 = coefficients[0], coefficients[1], coefficients[2], coefficients[3]
    c1, c2 = coefficients[4], coefficients[5]
    s1, s2, t1, t2 = states[0], states[1], states[2], states[3]
    for i in range(n):
        row = samples[i]
        for k in range(2 * len(firsts)):
            x = np.float64(row[k])
            u = x + s1[k]
            s1[k] = (b1 * x + s2[k]) - a1 * u
            s2[k] = b2 * x - a2 * u
            y = u + t1[k]
            t1[k] = (t2[k] - 2 * u) - c1 * y
            t2[k] = u - c2 * y
            sums[k] += y * y


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
