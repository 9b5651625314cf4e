"""Composition: from a plan (style, key, tempo, energy) to notes, with everything about them known.

The form is built of four-bar units on a grid that never drifts; the players deviate from the grid
by a small jitter, the beats of the truth do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from workbench.testing.styles import Style, TonalPart
from workbench.testing.theory import SCALES, Harmony, Mode, cadence, harmonies, key_name, progressions

_STEPS_PER_BEAT = 4
# the bass has the root already, and the third is what tells major from minor
_VOICING = (0.85, 1.25, 0.9, 0.9)
_DRUM_GAIN = {"X": 1.0, "x": 0.75, "o": 0.5, "-": 0.28}

#: A section's energy relative to the track's.
SECTION_ENERGY = {"intro": 0.6, "verse": 0.85, "chorus": 1.1, "break": 0.5, "outro": 0.75}

#: Decibels between a section of energy 0 and one of energy 1 in the same track.
SECTION_RANGE_DB = 14.0


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the form: label (``intro verse chorus break outro``), start and end in seconds, energy in [0, 1]."""

    label: str
    start: float
    end: float
    energy: float


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord in Harte's syntax (``A:min``, ``G:7``), with start and end in seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What is decided before a note is written. Times in seconds, tempo in BPM, `tonic` a pitch class."""

    style: Style
    tempo: float
    tonic: int
    mode: Mode
    energy: float
    brightness: float
    duration: float
    lead_in: float
    jitter: float

    @property
    def key(self) -> str:
        """Tonic and mode, for example ``A minor``."""
        return key_name(self.tonic, self.mode)

    @property
    def valence(self) -> float:
        """Intended valence in [0, 1]; the formula is in `workbench.testing.Truth`."""
        happy = 1 if self.mode == "major" else -1
        valence = 0.45 + 0.25 * happy + 0.2 * (self.tempo - 110) / 70 + 0.1 * (2 * self.brightness - 1)
        return min(max(valence, 0.0), 1.0)

    @property
    def beat(self) -> float:
        """Seconds per beat."""
        return 60.0 / self.tempo

    @property
    def bar(self) -> float:
        """Seconds per bar."""
        return self.beat * self.style.beats_per_bar

    @property
    def n_bars(self) -> int:
        """Bars that fit in the duration."""
        return max(math.floor((self.duration - self.lead_in) / self.bar + 1e-9), 0)

    def time(self, beats: float) -> float:
        """Seconds at a position in beats, with the style's swing."""
        unit, swing = self.style.swung, self.style.swing
        whole = math.floor(beats / unit + 1e-9)
        rest = max(beats / unit - whole, 0.0)
        bent = 2 * rest * swing if rest < 0.5 else swing + (2 * rest - 1) * (1 - swing)
        return self.lead_in + (whole + bent) * unit * self.beat


class Note(NamedTuple):
    """A tone: start in seconds, length in beats, MIDI pitch, linear gain, index of its part in the style."""

    start: float
    beats: float
    pitch: int
    gain: float
    part: int


class Hit(NamedTuple):
    """A drum hit: start in seconds, linear gain, index of its part in the style (-1: the fill's snare)."""

    start: float
    gain: float
    part: int


class _Bar(NamedTuple):
    number: int
    section: Section
    harmony: Harmony
    following: Harmony


@dataclass(frozen=True, slots=True)
class Score:
    """What is to be played, and its form."""

    notes: list[Note]
    hits: list[Hit]
    sections: tuple[Section, ...]
    chords: tuple[Chord, ...]


def compose(plan: Plan, rng: np.random.Generator) -> Score:
    """Write a piece.

    Parameters
    ----------
    plan : Plan
    rng : numpy.random.Generator
        Draws progressions, patterns, the tune and the players' timing.

    Returns
    -------
    Score
        Every event starts within the plan's duration.
    """
    sections, bars = _form(plan, rng)
    notes: list[Note] = []
    for index, part in enumerate(plan.style.parts):
        pattern = part.patterns[rng.integers(len(part.patterns))]
        heard = [bar for bar in bars if bar.section.energy >= part.min_energy]
        notes += _WRITERS[part.role](plan, part, index, pattern, heard, rng)
    hits = _drums(plan, bars, rng)
    notes = [note for note in notes if note.start < plan.duration]
    hits = [hit for hit in hits if hit.start < plan.duration]
    return Score(notes, hits, sections, _chords(plan, bars))


def _labels(n_units: int) -> list[str]:
    if n_units <= 3:
        return ["intro", "verse", "chorus"][3 - n_units :]
    cycle = ["verse", "chorus", "verse", "chorus", "break", "chorus"]
    body = [cycle[i % len(cycle)] for i in range(n_units - 2)]
    return ["intro", *body, "chorus"]


def _form(plan: Plan, rng: np.random.Generator) -> tuple[tuple[Section, ...], list[_Bar]]:
    """Sections, and one entry per bar: the full ones and the one that the end cuts."""
    n_units, n_tail = divmod(plan.n_bars, 4)
    per_section = 1 if n_units <= 10 else 2
    labels = [label for label in _labels(-(-n_units // per_section)) for _ in range(per_section)][:n_units]
    named = list(progressions(plan.mode))
    chosen = {label: named[i] for label, i in zip(SECTION_ENERGY, rng.permutation(len(named)), strict=False)}
    lines = [cadence(plan.mode) if i == n_units - 1 else chosen[label] for i, label in enumerate(labels)]
    spans = [(label, 4) for label in labels]
    if n_tail:
        # a piece that has no other bars opens on the tonic as well
        lines.append(cadence(plan.mode, n_tail) if n_units else _short(plan.mode, n_tail))
        spans.append(("outro" if n_units else "verse", n_tail))
    lines.append(cadence(plan.mode, 1))  # the cut bar stays on the tonic
    sections = _sections(plan, spans or [("verse", 0)])
    chords = harmonies(" ".join(lines), plan.tonic, plan.mode, sevenths=plan.style.sevenths)
    bars = []
    for i, harmony in enumerate(chords):
        start = plan.lead_in + i * plan.bar
        section = next((s for s in sections if start < s.end - 1e-6), sections[-1])
        bars.append(_Bar(i, section, harmony, chords[min(i + 1, len(chords) - 1)]))
    return sections, bars


def _short(mode: Mode, n_bars: int) -> str:
    """Give the one to three bars of a piece that is no longer."""
    tonic = cadence(mode, 1)
    return {1: tonic, 2: f"{tonic} {tonic}"}.get(n_bars, f"{tonic} {cadence(mode, 2)}")


def _sections(plan: Plan, spans: list[tuple[str, int]]) -> tuple[Section, ...]:
    """Merge equal neighbours; the first section starts at 0 and the last ends with the audio."""
    merged: list[tuple[str, int]] = []
    for label, n_bars in spans:
        if merged and merged[-1][0] == label:
            merged[-1] = (label, merged[-1][1] + n_bars)
        else:
            merged.append((label, n_bars))
    ends = plan.lead_in + plan.bar * np.cumsum([n for _, n in merged])
    ends[-1] = plan.duration
    starts = [0.0, *ends[:-1]]
    return tuple(
        Section(label, float(start), float(end), float(np.clip(plan.energy * SECTION_ENERGY[label], 0, 1)))
        for (label, _), start, end in zip(merged, starts, ends, strict=True)
    )


def _chords(plan: Plan, bars: list[_Bar]) -> tuple[Chord, ...]:
    chords: list[Chord] = []
    for bar in bars:
        start = plan.lead_in + bar.number * plan.bar
        end = min(start + plan.bar, plan.duration)
        if start >= plan.duration:
            continue
        if chords and chords[-1].name == bar.harmony.name:
            chords[-1] = Chord(bar.harmony.name, chords[-1].start, end)
        else:
            chords.append(Chord(bar.harmony.name, start, end))
    return tuple(chords)


def _start(plan: Plan, bar: _Bar, step: int, rng: np.random.Generator) -> float:
    beats = bar.number * plan.style.beats_per_bar + step / _STEPS_PER_BEAT
    late = plan.jitter * float(np.clip(rng.standard_normal(), -2.5, 2.5))
    return max(plan.time(beats) + late, 0.0)


def _gain(plan: Plan, bar: _Bar, step: int, gain_db: float, rng: np.random.Generator) -> float:
    """Linear gain: the part's, the section's, and the accent that players give to beats and downbeats."""
    section_db = SECTION_RANGE_DB * (bar.section.energy - plan.energy)
    accent_db = 2.5 if step == 0 else 1.5 if step % _STEPS_PER_BEAT == 0 else -0.5
    return float(10 ** ((gain_db + section_db + accent_db + rng.normal(0, 0.7)) / 20))


def _signs(pattern: str) -> list[tuple[int, str, int]]:
    """(step, sign, steps until the next sign or the end of the bar) of a pattern."""
    steps = [i for i, sign in enumerate(pattern) if sign != "."]
    return [(i, pattern[i], end - i) for i, end in zip(steps, [*steps[1:], len(pattern)], strict=False)]


def _above(low: int, pitch_class: int) -> int:
    """Give the lowest pitch of a pitch class that is not below `low`."""
    return low + (pitch_class - low) % 12


def _bass(
    plan: Plan, part: TonalPart, index: int, pattern: str, bars: list[_Bar], rng: np.random.Generator
) -> list[Note]:
    notes = []
    for bar in bars:
        root = _above(part.low, bar.harmony.pitch_classes[0])
        third, fifth = ((pc - bar.harmony.root) % 12 for pc in bar.harmony.pitch_classes[1:3])
        towards = _above(part.low, bar.following.pitch_classes[0])
        step_below = next(towards - s for s in (1, 2) if (towards - s - plan.tonic) % 12 in SCALES[plan.mode])
        pitches = {"1": root, "3": root + third, "5": root + fifth, "8": root + 12, "w": step_below}
        for step, sign, n_steps in _signs(pattern):
            gain = _gain(plan, bar, step, part.gain_db, rng)
            notes.append(Note(_start(plan, bar, step, rng), 0.95 * n_steps / 4, pitches[sign], gain, index))
    return notes


def _comping(
    plan: Plan, part: TonalPart, index: int, pattern: str, bars: list[_Bar], rng: np.random.Generator
) -> list[Note]:
    notes = []
    for bar in bars:
        pitches = [_above(part.low, pc) for pc in bar.harmony.pitch_classes]
        for step, sign, n_steps in _signs(pattern):
            start = _start(plan, bar, step, rng)
            gain = _gain(plan, bar, step, part.gain_db, rng) / math.sqrt(len(pitches))
            beats = 0.97 * n_steps / 4 if sign == "X" else 0.22
            notes += [Note(start, beats, pitch, gain * w, index) for pitch, w in zip(pitches, _VOICING, strict=False)]
    return notes


def _arpeggio(
    plan: Plan, part: TonalPart, index: int, pattern: str, bars: list[_Bar], rng: np.random.Generator
) -> list[Note]:
    notes = []
    for bar in bars:
        triad = sorted(_above(part.low, pc) for pc in bar.harmony.pitch_classes[:3])
        ladder = [*triad, triad[0] + 12, *triad[:0:-1]]
        for i, (step, _, n_steps) in enumerate(_signs(pattern)):
            gain = _gain(plan, bar, step, part.gain_db, rng)
            pitch = ladder[i % len(ladder)]
            notes.append(Note(_start(plan, bar, step, rng), max(n_steps, 2) / 4, pitch, gain, index))
    return notes


def _melody(
    plan: Plan, part: TonalPart, index: int, pattern: str, bars: list[_Bar], rng: np.random.Generator
) -> list[Note]:
    """Write a tune: chord tones on the beats, steps of the scale between, the tonic at each close."""
    scale = {(plan.tonic + s) % 12 for s in SCALES[plan.mode]}
    notes = []
    pitch = _above(part.low, plan.tonic)
    answer = part.patterns[rng.integers(len(part.patterns))]
    for bar in bars:
        chord = set(bar.harmony.pitch_classes)
        # the leading note of a major dominant replaces the scale's seventh
        tones = {
            pc for pc in scale if not ((pc + 1) % 12 in chord and pc not in chord and pc + 1 == plan.tonic)
        } | chord
        signs = _signs(answer if bar.number % 2 else pattern)
        for step, _, n_steps in signs:
            on_beat = step % _STEPS_PER_BEAT == 0
            closing = bar.number % 4 == 3 and step == signs[-1][0] and bar.harmony.root == plan.tonic
            allowed = {plan.tonic} if closing else chord if on_beat else tones
            pitch = _next_pitch(pitch, allowed, part.low, rng)
            gain = _gain(plan, bar, step, part.gain_db, rng)
            notes.append(Note(_start(plan, bar, step, rng), 0.92 * n_steps / 4, pitch, gain, index))
    return notes


def _next_pitch(pitch: int, allowed: set[int], low: int, rng: np.random.Generator) -> int:
    """Draw a pitch of the allowed classes near the last one, within an octave and a half above `low`."""
    near = [p for p in range(low, low + 19) if p % 12 in allowed]
    weights = np.array([math.exp(-abs(abs(p - pitch) - 2) / 2.0) for p in near])
    return int(near[rng.choice(len(near), p=weights / weights.sum())])


_WRITERS = {"bass": _bass, "chords": _comping, "arpeggio": _arpeggio, "melody": _melody}


def _drums(plan: Plan, bars: list[_Bar], rng: np.random.Generator) -> list[Hit]:
    """Play the style's patterns, with a pause of kick and snare in breaks, and fills where a section ends."""
    hits = []
    for index, part in enumerate(plan.style.drums):
        signs = _signs(part.pattern)
        for bar in bars:
            resting = bar.section.label == "break" and part.sound in {"kick", "snare"}
            if resting or bar.section.energy < part.min_energy:
                continue
            for step, sign, _ in signs:
                gain = _gain(plan, bar, step, part.gain_db, rng) * _DRUM_GAIN[sign]
                hits.append(Hit(_start(plan, bar, step, rng), gain, index))
    if any(part.sound == "snare" for part in plan.style.drums):
        for bar, after in pairwise(bars):
            if after.section is not bar.section:
                n_steps = plan.style.beats_per_bar * _STEPS_PER_BEAT
                for i, step in enumerate(range(n_steps - 4, n_steps)):
                    gain = _gain(plan, bar, step, -7 + 1.5 * i, rng)
                    hits.append(Hit(_start(plan, bar, step, rng), gain, -1))
    return hits
