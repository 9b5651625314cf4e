"""The loudness curve of a sound: how it begins, where its weight lies, how long it lasts.

The energy is summed over steps of 5.8 ms. When there are more than 8192 steps (48 s), each two become one: a
one-shot is seen finely, a symphony coarsely, and memory is the same for both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.growing import Series

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

_STEP = 128  # samples
_MOST_STEPS = 8192
_MOST_WAITING = 32  # arrays
_SMOOTHED_S = 0.023  # two periods of 86 Hz: the envelope does not follow the wave of a bass
_ATTACK_FROM, _ATTACK_TO, _EFFECTIVE = 0.2, 0.9, 0.4
_LOUDNESS_EXPONENT = 0.67


@dataclass(frozen=True, slots=True)
class EnvelopeShape:
    """What `Envelope` gives; all NaN for silence.

    Attributes
    ----------
    log_attack_time : log10 of the seconds in which the envelope rises from 20 % to 90 % of its maximum
    temporal_centroid : where the energy lies, 0 (all at the beginning) to 1
    effective_duration : seconds for which the envelope is above 40 % of its maximum
    average_loudness : mean over maximum of the loudness of 2 s, 0 to 1: 1 if all is equally loud
    """

    log_attack_time: float
    temporal_centroid: float
    effective_duration: float
    average_loudness: float


class Envelope:
    """Collect the energy of a mono stream.

    Parameters
    ----------
    sr : float
        Sample rate, Hz.

    References
    ----------
    G. Peeters, "A large set of audio features for sound description", IRCAM, 2004 (attack, centroid,
    effective duration; the envelope is the root mean square over 23 ms); S. Stevens, "The psychophysics of
    sensory function", 1960, as in Essentia's Loudness (energy to the power of 0.67).

    Examples
    --------
    >>> envelope = Envelope(22050)
    >>> envelope.push(np.ones(22050, np.float32))
    >>> round(envelope.finish().temporal_centroid, 2)
    0.5
    """

    def __init__(self, sr: float) -> None:
        self._sr = sr
        self._open = np.empty(0, dtype=np.float32)  # samples of the step that is not complete yet
        self._fine: list[DoubleArray] = []  # energies of fine steps that are not taken in yet: many at once cost less
        self._steps, self._n_steps = np.zeros(_MOST_STEPS), 0
        self._merged, self._waiting = 1, np.empty(0)  # fine steps in a step; those that do not fill one yet
        self._seconds, self._open_second = Series(np.float64), np.empty(0)

    def push(self, y: FloatArray) -> None:
        """Take in samples, shape (n,)."""
        missing = -len(self._open) % _STEP
        first, y = np.concatenate((self._open, y[:missing])), y[missing:]
        if len(first) % _STEP:
            self._open = first
            return
        whole = len(y) // _STEP * _STEP
        self._open = y[whole:].copy()
        self._fine += _energies(first), _energies(y[:whole])
        if len(self._fine) >= _MOST_WAITING:
            self._take()

    def _take(self) -> None:
        energies, self._fine = np.concatenate(self._fine), []
        seconds, self._open_second = _grouped(np.concatenate((self._open_second, energies)), self._per_second)
        self._seconds.add(seconds)
        waiting = np.concatenate((self._waiting, energies))
        while len(waiting) >= self._merged:
            room = (_MOST_STEPS - self._n_steps) * self._merged
            steps, rest = _grouped(waiting[:room], self._merged)
            waiting = np.concatenate((rest, waiting[room:]))
            self._steps[self._n_steps : self._n_steps + len(steps)] = steps
            self._n_steps += len(steps)
            if self._n_steps == _MOST_STEPS:
                self._n_steps, self._merged = _MOST_STEPS // 2, 2 * self._merged
                self._steps[: self._n_steps] = self._steps.reshape(-1, 2).sum(axis=1)
        self._waiting = waiting

    @property
    def _per_second(self) -> int:
        return round(self._sr / _STEP)

    def finish(self) -> EnvelopeShape:
        """Give the shape of everything."""
        self._fine.append(np.array([np.square(self._open, dtype=np.float64).sum()]))
        self._take()
        steps = np.append(self._steps[: self._n_steps], self._waiting.sum())
        step_s = self._merged * _STEP / self._sr
        # the mean of the squares would differ by a factor, which nothing here depends on
        curve = np.sqrt(np.convolve(steps, np.ones(max(round(_SMOOTHED_S / step_s), 1))))
        if not curve.max() > 0:
            return EnvelopeShape(*[float("nan")] * 4)
        curve /= curve.max()
        begin = int(np.argmax(curve >= _ATTACK_FROM))
        attack = int(np.argmax(curve[begin:] >= _ATTACK_TO))
        positions = np.arange(len(steps)) / max(len(steps) - 1, 1)
        return EnvelopeShape(
            log_attack_time=float(np.log10(max(attack, 1) * step_s)),
            temporal_centroid=float(positions @ np.sqrt(steps) / np.sqrt(steps).sum()),
            effective_duration=float(np.count_nonzero(curve > _EFFECTIVE) * step_s),
            average_loudness=self._average_loudness(),
        )

    def _average_loudness(self) -> float:
        seconds = np.append(self._seconds.take(), self._open_second.sum())
        if len(self._open_second) < self._per_second / 2 and len(seconds) > 1:
            seconds = seconds[:-1]  # a rest is no soft passage
        loudness = (seconds[:-1] + seconds[1:] if len(seconds) > 1 else seconds) ** _LOUDNESS_EXPONENT
        return float(loudness.mean() / loudness.max()) if loudness.max() > 0 else float("nan")


def _energies(y: FloatArray) -> DoubleArray:
    """Energy of each step of samples."""
    steps = y.reshape(-1, _STEP)
    return np.asarray(np.einsum("ij,ij->i", steps, steps), dtype=np.float64)


def _grouped(values: DoubleArray, size: int) -> tuple[DoubleArray, DoubleArray]:
    """Sum each `size` successive values; give the rest too."""
    n = len(values) // size
    return values[: n * size].reshape(n, size).sum(axis=1), values[n * size :]
