"""Tones: wavetable notes with envelopes, and a small reverb. Arrays in, arrays out.

- A *timbre* is a harmonic spectrum, an envelope and a few habits (vibrato, detuned second voice).
- Its spectrum is turned into two single-cycle tables per pitch, one bright and one dull, without
  any harmonic above Nyquist; a note reads both and fades from the first to the second, which is
  what the filter of a synthesiser or the damping of a string does.
- The reverb is four feedback combs per channel (Schroeder 1962), run in rows of one delay length,
  so that numpy does the work of the recursion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_TABLE = 8192
_MAX_HARMONICS = 48


@dataclass(frozen=True, slots=True)
class Timbre:
    """How an instrument sounds.

    Attributes
    ----------
    rolloff : harmonic h has amplitude h to the power of -rolloff
    even : gain of the even harmonics, 0 (clarinet, square wave) to 1
    attack, release : seconds
    decay : seconds in which a held note falls by 60 dB; infinite for one that is blown or bowed
    damping : seconds in which the bright spectrum fades into the dull one
    vibrato : depth in cents, at 5.5 Hz
    detune : cents by which a second voice, panned to the other side, is off; 0 for one voice
    body : centre of a resonance of the instrument's body in Hz; 0 for none
    drive : gain before a soft clipper; 0 for none
    """

    rolloff: float = 1.0
    even: float = 1.0
    attack: float = 0.005
    release: float = 0.05
    decay: float = math.inf
    damping: float = 0.3
    vibrato: float = 0.0
    detune: float = 0.0
    body: float = 0.0
    drive: float = 0.0


#: Every instrument that a style may use.
TIMBRES: dict[str, Timbre] = {
    "sub bass": Timbre(rolloff=2.4, attack=0.008, decay=4.0, damping=0.1),
    "saw bass": Timbre(rolloff=1.1, attack=0.004, decay=3.0, damping=0.12),
    "reese bass": Timbre(rolloff=0.9, attack=0.01, damping=2.0, detune=14.0),
    "electric bass": Timbre(rolloff=1.5, attack=0.004, decay=2.5, damping=0.2, body=700.0),
    "upright bass": Timbre(rolloff=1.8, attack=0.008, decay=1.4, damping=0.12, body=400.0),
    "slap bass": Timbre(rolloff=0.9, attack=0.002, decay=1.0, damping=0.08, body=1500.0),
    "cello": Timbre(rolloff=1.2, attack=0.06, release=0.15, vibrato=6.0, damping=5.0, body=500.0),
    "strings": Timbre(rolloff=1.2, attack=0.09, release=0.25, vibrato=5.0, detune=4.0, damping=9.0, body=1200.0),
    "spiccato": Timbre(rolloff=1.0, attack=0.006, release=0.06, decay=0.4, damping=0.2, detune=5.0, body=1200.0),
    "violin": Timbre(rolloff=1.0, attack=0.04, release=0.12, vibrato=10.0, damping=9.0, body=2500.0),
    "pad": Timbre(rolloff=1.6, attack=0.25, release=0.6, detune=5.0, damping=2.5),
    "saw stab": Timbre(rolloff=1.0, attack=0.003, release=0.04, decay=0.7, damping=0.1, detune=11.0),
    "pluck": Timbre(rolloff=1.1, attack=0.002, decay=0.8, damping=0.09),
    "electric piano": Timbre(rolloff=2.3, even=0.9, attack=0.003, release=0.1, decay=3.0, damping=0.25, body=1800.0),
    "piano": Timbre(rolloff=1.4, attack=0.002, release=0.12, decay=3.5, damping=0.35, body=900.0),
    "organ": Timbre(rolloff=1.3, even=0.6, attack=0.006, release=0.03, damping=9.0, vibrato=4.0),
    "clavinet": Timbre(rolloff=0.7, attack=0.002, release=0.02, decay=0.9, damping=0.15, body=2200.0),
    "nylon guitar": Timbre(rolloff=1.7, attack=0.003, release=0.1, decay=1.8, damping=0.15, body=300.0),
    "steel guitar": Timbre(rolloff=1.0, attack=0.002, release=0.1, decay=2.2, damping=0.2, body=2000.0),
    "distorted guitar": Timbre(rolloff=1.1, attack=0.004, release=0.04, damping=3.0, detune=6.0, body=900.0, drive=2.5),
    "lead guitar": Timbre(rolloff=1.0, attack=0.008, release=0.08, damping=3.0, vibrato=12.0, body=1600.0, drive=2.0),
    "muted guitar": Timbre(rolloff=1.1, attack=0.002, release=0.02, decay=0.35, damping=0.05, body=900.0),
    "brass": Timbre(rolloff=0.8, attack=0.03, release=0.05, damping=1.5, detune=5.0, body=1300.0),
    "flute": Timbre(rolloff=2.2, attack=0.05, release=0.08, vibrato=14.0, damping=9.0),
    "saxophone": Timbre(rolloff=0.9, even=0.8, attack=0.03, release=0.06, vibrato=10.0, damping=2.0, body=900.0),
    "square lead": Timbre(rolloff=1.0, even=0.05, attack=0.004, release=0.06, damping=0.8, vibrato=5.0),
    "accordion": Timbre(rolloff=0.9, attack=0.03, release=0.05, damping=9.0, detune=13.0, body=1500.0),
    "bell": Timbre(rolloff=2.2, even=0.5, attack=0.002, release=0.8, decay=3.0, damping=0.4),
}


class Instrument:
    """A timbre at one sample rate that remembers the notes it has rendered.

    Parameters
    ----------
    timbre : Timbre
    sr : int
        Sample rate in Hz.
    brightness : float
        0 to 1; 0.5 leaves the timbre as it is.
    rng : numpy.random.Generator
        Draws the phases of the harmonics.
    """

    def __init__(self, timbre: Timbre, sr: int, brightness: float, rng: np.random.Generator) -> None:
        self.timbre = timbre
        self.sr = sr
        self.rolloff = max(timbre.rolloff + 1.4 * (0.5 - brightness), 0.3)
        self.phases = rng.uniform(0, 2 * np.pi, _MAX_HARMONICS)
        self._notes: dict[tuple[float, int], FloatArray] = {}
        self._tables: dict[float, tuple[FloatArray, FloatArray]] = {}

    def note(self, frequency: float, n_held: int) -> FloatArray:
        """Render one note, or return it if it was rendered before.

        Parameters
        ----------
        frequency : float
            Fundamental in Hz.
        n_held : int
            Samples until the key is let go; the release follows.

        Returns
        -------
        numpy.ndarray, shape (1 or 2, n), float32
            About unit amplitude; two rows (left, right) if the timbre has a detuned second voice.
        """
        key = (frequency, n_held)
        if key not in self._notes:
            self._notes[key] = self._render(frequency, n_held)
        return self._notes[key]

    def _render(self, frequency: float, n_held: int) -> FloatArray:
        timbre = self.timbre
        n = n_held + round(timbre.release * self.sr)
        t = np.arange(n, dtype=np.float32) / np.float32(self.sr)
        envelope = self._envelope(t, n_held)
        dull, extra = self._cycle(frequency)
        fade = np.exp(-t / np.float32(timbre.damping))
        voices = (-0.5, 0.5) if timbre.detune else (0.0,)
        rows = np.empty((len(voices), n), np.float32)
        for row, side in zip(rows, voices, strict=True):
            index = self._phase(frequency * 2 ** (side * timbre.detune / 1200), n, t)
            np.multiply(extra[index], fade, out=row)
            row += dull[index]
            if timbre.drive:
                np.tanh(row * np.float32(timbre.drive), out=row)
            row *= envelope
        return rows

    def _phase(self, frequency: float, n: int, t: FloatArray) -> npt.NDArray[np.int64]:
        position = np.arange(n) * (frequency * _TABLE / self.sr)
        if self.timbre.vibrato:
            # phase deviation of a sinusoidal frequency deviation: depth / rate
            swing = frequency * (2 ** (self.timbre.vibrato / 1200) - 1) / (2 * np.pi * 5.5)
            position += np.sin(t * np.float32(2 * np.pi * 5.5)) * np.float32(swing * _TABLE)
        return position.astype(np.int64) & (_TABLE - 1)

    def _envelope(self, t: FloatArray, n_held: int) -> FloatArray:
        timbre = self.timbre
        envelope = np.exp(t * np.float32(-6.9 / timbre.decay)) if np.isfinite(timbre.decay) else np.ones_like(t)
        n_attack = min(max(round(timbre.attack * self.sr), 1), len(t))
        envelope[:n_attack] *= np.linspace(0, 1, n_attack, dtype=np.float32)
        n_release = len(t) - n_held
        envelope[n_held:] *= np.linspace(1, 0, n_release, dtype=np.float32) ** 2
        return envelope

    def _cycle(self, frequency: float) -> tuple[FloatArray, FloatArray]:
        """One cycle of the dull spectrum, and what the bright one has more."""
        if frequency not in self._tables:
            n_harmonics = int(np.clip(0.45 * self.sr / frequency, 1, _MAX_HARMONICS))
            h = np.arange(1, n_harmonics + 1)
            amplitude = h**-self.rolloff * np.where(h % 2, 1.0, self.timbre.even)
            if self.timbre.body:
                amplitude = amplitude * (1 + 1.5 * np.exp(-(np.log2(h * frequency / self.timbre.body) ** 2)))
            amplitude = amplitude / np.sqrt(np.sum(amplitude**2))
            gentle = amplitude * np.exp(-(h - 1) / 4.0)
            phases = np.exp(1j * self.phases[:n_harmonics])
            dull, extra = (_table(a * phases) for a in (gentle, amplitude - gentle))
            self._tables[frequency] = dull, extra
        return self._tables[frequency]


def _table(spectrum: npt.NDArray[np.complex128]) -> FloatArray:
    bins = np.zeros(_TABLE // 2 + 1, complex)
    bins[1 : len(spectrum) + 1] = spectrum
    return (np.fft.irfft(bins) * (_TABLE / 2)).astype(np.float32)


def frequency_of(pitch: float, tuning_cents: float = 0.0) -> float:
    """Frequency in Hz of a MIDI pitch, with the whole scale off by `tuning_cents`.

    Examples
    --------
    >>> frequency_of(69)
    440.0
    """
    return float(440.0 * 2 ** ((pitch - 69 + tuning_cents / 100) / 12))


_COMBS_S = (0.0297, 0.0371, 0.0411, 0.0437)


def reverb(bus: FloatArray, sr: int, rt60: float) -> FloatArray:
    """Compute the reverberation of a stereo bus, without the direct sound.

    Parameters
    ----------
    bus : numpy.ndarray, shape (2, n), float32
    sr : int
        Sample rate in Hz.
    rt60 : float
        Seconds in which the tail falls by 60 dB.

    Returns
    -------
    numpy.ndarray, shape (2, n), float32
        The tail beyond n is cut.
    """
    n = bus.shape[1]
    half = (n + 1) // 2
    send = np.zeros(2 * half, np.float32)
    np.add(bus[0], bus[1], out=send[:n])
    send[1:] += send[:-1]  # low-pass, so that halving the rate below folds little back
    low = (send[0::2] + send[1::2]) * np.float32(0.125)
    wet = np.empty((2, n), np.float32)
    for channel, spread in enumerate((0.0, 0.0007)):
        tail = np.zeros(half, np.float32)
        for sign, delay in zip((1, -1, 1, -1), _COMBS_S, strict=True):
            length = max(round((delay + spread) * sr / 2), 1)
            tail += np.float32(sign) * _comb(low, length, 10 ** (-3 * (delay + spread) / rt60))
        wet[channel, 0::2] = tail
        wet[channel, 1:-1:2] = (tail[: len(wet[channel, 1:-1:2])] + tail[1 : len(wet[channel, 1:-1:2]) + 1]) / 2
        wet[channel, -1] = tail[-1]
    return wet


def _comb(x: FloatArray, delay: int, feedback: float) -> FloatArray:
    """``y[n] = x[n - delay] + feedback * y[n - delay]``, a row of `delay` samples at a time."""
    n_rows = -(-len(x) // delay) + 1
    y = np.zeros(n_rows * delay, np.float32)
    y[delay : delay + len(x)] = x
    rows = y.reshape(n_rows, delay)
    gain = np.float32(feedback)
    for previous, row in pairwise(rows[1:]):
        row += gain * previous
    return y[: len(x)]


def mix_into(bus: npt.NDArray[Any], sound: FloatArray, start: int, gain: float, pan: float) -> None:
    """Add a sound to a stereo bus in place, cut at both ends of the bus.

    Parameters
    ----------
    bus : numpy.ndarray, shape (2, n), float32
    sound : numpy.ndarray, shape (1 or 2, m), float32
    start : int
        Sample at which the sound begins; may be negative.
    gain : float
        Linear.
    pan : float
        -1 (left) to 1 (right), at constant power.
    """
    skip = max(-start, 0)
    begin, end = start + skip, min(start + sound.shape[1], bus.shape[1])
    if end <= begin:
        return
    part = sound[:, skip : skip + end - begin]
    angle = (pan + 1) * math.pi / 4
    for channel, share in enumerate((math.cos(angle), math.sin(angle))):
        bus[channel, begin:end] += part[channel % len(part)] * np.float32(gain * share)
