"""Loudness of the original channels at the original sample rate, and how much it varies.

Audio is filtered (`filters.k_weighting`) and its energy summed over steps of 100 ms, the hop of both the
400 ms gating blocks of integrated loudness and the 3 s windows of loudness range: one number per
step is all that is kept.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.features import filters

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

_BLOCK = 64
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
    >>> meter.push(np.stack((sine, sine)))
    >>> round(meter.finish().integrated, 1)
    -23.0
    """

    def __init__(self, sample_rate: float, n_channels: int) -> None:
        self._filter = filters.k_weighting_blocks(sample_rate, _BLOCK)
        self._weights = filters.channel_weights(n_channels).astype(np.float32)
        self._state = np.zeros((n_channels, self._filter.n_states))
        self._step = max(round(_STEP_S * sample_rate), 1)
        self._n_samples = 0
        self._energies = array("d")  # one after another: 8 bytes a step and no more
        self._open_energy = 0.0  # of the step that is not complete yet
        self._peak = 0.0
        self._square_sum = 0.0

    def push(self, channels: FloatArray) -> None:
        """Take in samples, shape (n_channels, n), C-contiguous.

        Every block but the last has a multiple of 64 samples.
        """
        self._peak = max(self._peak, float(np.abs(channels).max()))
        self._square_sum += float(np.einsum("cn,cn->", channels, channels))
        weighted = self._weigh(channels)
        np.square(weighted, out=weighted)
        self._add_energy(self._weights @ weighted)

    def _weigh(self, channels: FloatArray) -> FloatArray:
        """Apply the K-weighting filter, see `filters.BlockFilter`."""
        n_channels, n = channels.shape
        if n % _BLOCK:
            channels = np.pad(channels, ((0, 0), (0, -n % _BLOCK)))
        x = channels.reshape(n_channels, -1, _BLOCK)
        states = np.empty((n_channels, x.shape[1] + 1, self._state.shape[1]))
        states[:, 0] = self._state
        states[:, 1:] = x @ self._filter.drive
        # Prefix sums of a linear recurrence by doubling: after step i a state holds 2**i blocks.
        for i, power in enumerate(self._filter.advances):
            if 1 << i > x.shape[1]:
                break
            states[:, 1 << i :] += states[:, : -(1 << i)] @ power
        self._state = states[:, -1].copy()
        y = x @ self._filter.direct
        y += states[:, :-1].astype(np.float32) @ self._filter.observe
        return y.reshape(n_channels, -1)[:, :n]

    def _add_energy(self, energy: FloatArray) -> None:
        """Sum energy per sample over steps of 100 ms."""
        ends = np.arange(self._step - self._n_samples % self._step, len(energy), self._step)
        sums = np.add.reduceat(energy, np.concatenate(([0], ends))).astype(np.float64)
        sums[0] += self._open_energy
        self._n_samples += len(energy)
        if self._n_samples % self._step:
            self._open_energy = float(sums[-1])
            sums = sums[:-1]
        else:
            self._open_energy = 0.0
        self._energies.frombytes(sums.tobytes())

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
