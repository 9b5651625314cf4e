"""`simulate_track`: a piece of music of which everything is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.errors import InputError
from workbench.testing.compose import Chord, Plan, Score, Section, compose
from workbench.testing.drums import drum
from workbench.testing.styles import STYLES, Style
from workbench.testing.synth import TIMBRES, FloatArray, Instrument, frequency_of, mix_into, reverb
from workbench.testing.theory import MODES, Mode, parse_key

# levels of a note, a bass note and a drum hit, so that no part drowns another
_TONAL_GAIN = 0.31
_BASS_GAIN = 0.2
_DRUM_GAIN = 0.8


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a simulated track.

    Attributes
    ----------
    tempo : BPM, constant
    key : tonic and mode, for example ``A minor``
    energy, brightness : as asked for or drawn, in [0, 1]; see `simulate_track` for what they do
    valence : in [0, 1]; ``clip(0.45 + 0.25 m + 0.2 (tempo - 110) / 70 + 0.1 (2 brightness - 1))`` with m = 1
        in major and -1 in minor: the direction of the effects of mode, tempo and timbre on
        perceived happiness in Eerola, Friberg and Bresin (2013)
    style : name in `STYLES`
    instruments : names of the sounds that play, drums after tones
    beats_per_bar : 4 or 3
    tuning_cents : how far the whole piece is from A4 = 440 Hz
    rms_db : measured level of the audio, dB relative to full scale (a full-scale square wave is 0)
    duration : seconds
    beats, downbeats : seconds, on the exact grid
    onsets : seconds, every distinct note and hit as it was played, jitter included, ascending
    sections, chords : the form and the harmony
    """

    tempo: float
    key: str
    energy: float
    brightness: float
    valence: float
    style: str
    instruments: tuple[str, ...]
    beats_per_bar: int
    tuning_cents: float
    rms_db: float
    duration: float
    beats: tuple[float, ...] = field(repr=False)
    downbeats: tuple[float, ...] = field(repr=False)
    onsets: tuple[float, ...] = field(repr=False)
    sections: tuple[Section, ...] = field(repr=False)
    chords: tuple[Chord, ...] = field(repr=False)

    @property
    def mode(self) -> str:
        """``major`` or ``minor``."""
        return self.key.split()[1]


class SimulatedTrack(NamedTuple):
    """Audio and the truth about it: ``y`` (n, 2) float32 within [-1, 1], ``sr`` in Hz, ``truth``."""

    y: FloatArray
    sr: int
    truth: Truth


def simulate_track(
    seed: int,
    *,
    style: str | None = None,
    tempo: float | None = None,
    key: str | None = None,
    mode: str | None = None,
    energy: float | None = None,
    brightness: float | None = None,
    duration: float = 20.0,
    sr: int = 44100,
    tuning_cents: float = 0.0,
    jitter_ms: float | None = None,
    noise_db: float | None = None,
) -> SimulatedTrack:
    """Synthesise a track of which tempo, key, energy, timbre and structure are known exactly.

    Drums, bass, chords and a tune play a form of sections in one key and at one tempo. What is not
    given is drawn from the style, and the style from the seed; giving one thing changes no other.
    Takes some 2 MB of memory per second of stereo at 44.1 kHz.

    Parameters
    ----------
    seed : int
        0 or more. The same call gives the same samples to the bit on the same machine and numpy.
    style : str, optional
        One of `STYLES`.
    tempo : float, optional
        BPM, 20 to 400.
    key : str, optional
        ``"A minor"``, or a tonic alone.
    mode : {"major", "minor"}, optional
    energy : float, optional
        0 to 1. Sets the level (-30 dB RMS at 0, -12 dB at 1, give or take the limiter) and how
        many of the style's parts play.
    brightness : float, optional
        0 to 1. Sets how slowly the harmonics fall off and how loud the cymbals are.
    duration : float
        Seconds, more than 0.
    sr : int
        Sample rate in Hz, 4000 to 384000.
    tuning_cents : float
        How far the instruments are from A4 = 440 Hz.
    jitter_ms : float, optional
        Standard deviation of the players' timing; default: the style's.
    noise_db : float, optional
        Adds white noise at this level relative to the music, for example -30.

    Returns
    -------
    SimulatedTrack
        ``y`` (n, 2) float32 with ``n = round(duration * sr)``, ``sr``, ``truth``.

    Raises
    ------
    InputError
        If a parameter is unknown or out of range.

    Examples
    --------
    >>> y, sr, truth = simulate_track(7, style="house", tempo=124, key="A minor", duration=4)
    >>> y.shape, sr, truth.tempo, truth.key
    ((176400, 2), 44100, 124.0, 'A minor')
    >>> truth.beats_per_bar, len(truth.beats), truth.chords[0].name
    (4, 8, 'A:min')
    """
    _check(seed=seed, tempo=tempo, energy=energy, brightness=brightness, duration=duration, sr=sr, mode=mode)
    plan = draw_plan(seed, style, tempo, key, mode, energy, brightness, round(duration * sr) / sr, jitter_ms)
    score = compose(plan, np.random.default_rng([seed, 2]))
    y = _render(plan, score, tuning_cents, sr, np.random.default_rng([seed, 3]))
    if noise_db is not None:
        noise = np.random.default_rng([seed, 4]).standard_normal(y.shape, np.float32)
        y = np.clip(y + noise * np.float32(_rms(y) * 10 ** (noise_db / 20)), -1, 1)
    return SimulatedTrack(y, sr, _truth(plan, score, tuning_cents, y))


def draw_plan(
    seed: int,
    style: str | None,
    tempo: float | None,
    key: str | None,
    mode: str | None,
    energy: float | None,
    brightness: float | None,
    duration: float,
    jitter_ms: float | None,
) -> Plan:
    """Decide what `simulate_track` will play, drawing whatever is None; parameters as there.

    Every quantity is drawn whether or not it is given, so that giving one changes no other.
    """
    player = _draw_style(seed, style)
    rng = np.random.default_rng([seed, 1])
    drawn_tempo = round(float(rng.uniform(*player.tempo)), 1)
    tonic, drawn_mode = int(rng.integers(12)), MODES[int(rng.random() < player.minor)]
    drawn_energy, drawn_brightness = (round(float(rng.uniform(*r)), 3) for r in (player.energy, player.brightness))
    chosen: Mode = drawn_mode if mode is None else parse_key("C", mode)[1]
    if key is not None:
        tonic, chosen = parse_key(key, mode if " " in key.strip() else chosen)
    return Plan(
        style=player,
        tempo=float(drawn_tempo if tempo is None else tempo),
        tonic=tonic,
        mode=chosen,
        energy=drawn_energy if energy is None else float(energy),
        brightness=drawn_brightness if brightness is None else float(brightness),
        duration=duration,
        lead_in=min(float(rng.uniform(0.05, 0.3)), 0.05 * duration),
        jitter=(player.jitter_ms if jitter_ms is None else jitter_ms) / 1000,
    )


def _draw_style(seed: int, name: str | None) -> Style:
    names = list(STYLES)
    drawn = names[np.random.default_rng([seed, 0]).integers(len(names))]
    if name is not None and name not in STYLES:
        raise InputError(f"Unknown style {name!r}.", f"Choose one of: {', '.join(names)}.")
    return STYLES[drawn if name is None else name]


_RANGES = {"seed": (0, 2**63 - 1), "tempo": (20, 400), "energy": (0, 1), "brightness": (0, 1), "sr": (4000, 384000)}


def _check(*, mode: str | None, duration: float, **values: float | None) -> None:
    for name, value in values.items():
        low, high = _RANGES[name]
        if value is not None and not low <= value <= high:
            raise InputError(f"{name} is {value}.", f"Give a value from {low} to {high}.")
    if not 0 < duration < float("inf"):
        raise InputError(f"duration is {duration}.", "Give seconds, more than 0.")
    if mode is not None and mode not in MODES:
        raise InputError(f"Unknown mode {mode!r}.", "Give 'major' or 'minor'.")


def _render(plan: Plan, score: Score, tuning_cents: float, sr: int, rng: np.random.Generator) -> FloatArray:
    n = round(plan.duration * sr)
    dry, hall = np.zeros((2, n), np.float32), np.zeros((2, n), np.float32)
    _play_drums(dry, plan, score, sr, rng)
    instruments = [Instrument(TIMBRES[part.timbre], sr, plan.brightness, rng) for part in plan.style.parts]
    for note in score.notes:
        part = plan.style.parts[note.part]
        n_held = max(round(note.beats * plan.beat * sr), 1)
        sound = instruments[note.part].note(frequency_of(note.pitch, tuning_cents), n_held)
        bus, level = (dry, _BASS_GAIN) if part.role == "bass" else (hall, _TONAL_GAIN)
        mix_into(bus, sound, round(note.start * sr), level * note.gain, part.pan)
    if plan.style.pump:
        _pump(hall, plan, score, sr)
    dry += hall
    dry += reverb(hall, sr, plan.style.reverb_s) * np.float32(10 ** (plan.style.reverb_db / 20) * 2)
    return _master(dry, plan.energy, sr)


def _play_drums(bus: FloatArray, plan: Plan, score: Score, sr: int, rng: np.random.Generator) -> None:
    sounds = {name: drum(name, sr, rng) for name in dict.fromkeys(part.sound for part in plan.style.drums)}
    cymbal_gain = 10 ** (10 * (plan.brightness - 0.5) / 20)
    for hit in score.hits:
        # a fill has no part of its own: it is played on the snare, in the middle
        name, pan = ("snare", 0.0) if hit.part < 0 else _sound_and_pan(plan.style, hit.part)
        gain = hit.gain * (cymbal_gain if name in {"hat", "open hat", "ride", "crash", "shaker"} else 1.0)
        mix_into(bus, sounds[name], round(hit.start * sr), _DRUM_GAIN * gain, pan)


def _sound_and_pan(style: Style, index: int) -> tuple[str, float]:
    part = style.drums[index]
    return part.sound, part.pan


def _pump(bus: FloatArray, plan: Plan, score: Score, sr: int) -> None:
    """Duck the bus under each kick, as a side-chained compressor does."""
    dip = 1 - np.float32(plan.style.pump) * np.exp(
        -np.arange(round(0.35 * sr), dtype=np.float32) / np.float32(0.1 * sr)
    )
    for hit in score.hits:
        if hit.part >= 0 and plan.style.drums[hit.part].sound == "kick":
            start = round(hit.start * sr)
            bus[:, start : start + len(dip)] *= dip[: bus.shape[1] - start]


def _master(mix: FloatArray, energy: float, sr: int) -> FloatArray:
    """Set the level that the energy asks for, limit softly, fade the last 20 ms; (2, n) to (n, 2)."""
    level = _rms(mix)
    if level > 0:
        mix *= np.float32(10 ** ((-30 + 18 * energy) / 20) / level)
    np.tanh(mix, out=mix)
    n_fade = min(round(0.02 * sr), mix.shape[1])
    mix[:, mix.shape[1] - n_fade :] *= np.linspace(1, 0, n_fade, dtype=np.float32)
    return np.ascontiguousarray(mix.T)


def _rms(y: npt.NDArray[np.float32]) -> float:
    # a sum in float64 over float32 squares: np.vdot in float32 would lose digits on long tracks
    return float(np.sqrt(np.mean(np.square(y), dtype=np.float64)))


def _truth(plan: Plan, score: Score, tuning_cents: float, y: FloatArray) -> Truth:
    style = plan.style
    n_beats = int(np.ceil((plan.duration - plan.lead_in) / plan.beat - 1e-9))
    beats = tuple(float(plan.lead_in + i * plan.beat) for i in range(n_beats))
    tonal = {style.parts[note.part].timbre for note in score.notes}
    struck = {"snare" if hit.part < 0 else style.drums[hit.part].sound for hit in score.hits}
    return Truth(
        tempo=plan.tempo,
        key=plan.key,
        energy=plan.energy,
        brightness=plan.brightness,
        valence=plan.valence,
        style=style.name,
        instruments=(*sorted(tonal), *sorted(struck)),
        beats_per_bar=style.beats_per_bar,
        tuning_cents=tuning_cents,
        rms_db=20 * float(np.log10(max(_rms(y), 1e-10))),
        duration=plan.duration,
        beats=beats,
        downbeats=beats[:: style.beats_per_bar],
        onsets=tuple(sorted({note.start for note in score.notes} | {hit.start for hit in score.hits})),
        sections=score.sections,
        chords=score.chords,
    )
