"""Styles: which instruments play which patterns, how fast and how loud.

A pattern is one bar written as text, four characters to the beat:

========== ======================================================================================
drums      ``X`` accent, ``x`` normal, ``o`` soft, ``-`` ghost, ``.`` rest
bass       ``1`` root, ``3`` third, ``5`` fifth, ``8`` octave, ``w`` a step towards the next root
chords     ``X`` struck and held until the next sign, ``x`` short, ``.`` nothing new
arpeggio   ``x`` the next note of the chord
melody     ``x`` the next note of the tune, held until the one after
========== ======================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["bass", "chords", "arpeggio", "melody"]


@dataclass(frozen=True, slots=True)
class DrumPart:
    """A drum and its pattern; it plays in sections whose energy is at least `min_energy`."""

    sound: str
    pattern: str
    gain_db: float = 0.0
    min_energy: float = 0.0
    pan: float = 0.0


@dataclass(frozen=True, slots=True)
class TonalPart:
    """An instrument and its patterns, one of which is drawn per track.

    Attributes
    ----------
    timbre : name in `workbench.testing.synth.TIMBRES`
    patterns : see the module
    low : lowest MIDI pitch; the part stays within an octave and a half above it
    gain_db : level relative to the other parts
    min_energy : it plays in sections whose energy is at least this
    pan : -1 left to 1 right
    """

    role: Role
    timbre: str
    patterns: tuple[str, ...]
    low: int
    gain_db: float = 0.0
    min_energy: float = 0.0
    pan: float = 0.0


@dataclass(frozen=True, slots=True)
class Style:
    """A genre-like way to play.

    Attributes
    ----------
    name : what the truth table calls it
    tempo : range in BPM that a tempo is drawn from
    energy, brightness : ranges in [0, 1] that the track's are drawn from
    drums, parts : who plays
    beats_per_bar : 4, or 3 for a waltz
    minor : probability of a minor key
    swing : where the second half of each `swung` unit falls, 0.5 (straight) to 0.67 (triplets)
    swung : unit that is swung: 1 for the beat (jazz), 0.5 for half of it (hip-hop)
    sevenths : chords carry diatonic sevenths
    reverb_s, reverb_db : decay time and level of the hall
    jitter_ms : standard deviation of the players' timing
    pump : 0 to 1, how far the other parts duck under the kick
    """

    name: str
    tempo: tuple[float, float]
    energy: tuple[float, float]
    brightness: tuple[float, float]
    drums: tuple[DrumPart, ...]
    parts: tuple[TonalPart, ...]
    beats_per_bar: int = 4
    minor: float = 0.5
    swing: float = 0.5
    swung: float = 1.0
    sevenths: bool = False
    reverb_s: float = 0.9
    reverb_db: float = -12.0
    jitter_ms: float = 2.0
    pump: float = 0.0


_EIGHTHS = "x.x.x.x.x.x.x.x."
_QUARTERS = "x...x...x...x..."
_TUNES = ("x...x.x.x...x...", "x.x.x...x.x.x...", "x.....x.x...x.x.", "x...x...x.x.x.x.")
_SLOW_TUNES = ("x.......x...x...", "x...x...x.......", "x...........x...")


def _four_on_the_floor(open_hat_db: float) -> tuple[DrumPart, ...]:
    return (
        DrumPart("kick", "X...X...X...X..."),
        DrumPart("open hat", "..x...x...x...x.", open_hat_db, 0.2, 0.1),
        DrumPart("hat", "x-x-x-x-x-x-x-x-", -15, 0.55, -0.2),
    )


_HOUSE = Style(
    "house", (118, 128), (0.55, 0.85), (0.45, 0.7),
    (*_four_on_the_floor(-16), DrumPart("clap", "....X.......X...", -5, 0.35)),
    (
        TonalPart("bass", "saw bass", ("1.1.1.1.1.1.1.1.", "1..1..1.1..1..5."), 33, -2),
        TonalPart("chords", "electric piano", ("X...x..x....x...", "X.....x.x......."), 55, -2, pan=-0.2),
        TonalPart("chords", "pad", ("X...............",), 52, -9, 0.4),
        TonalPart("melody", "pluck", _TUNES, 67, -6, 0.5, 0.25),
    ),
    pump=0.5, jitter_ms=1.0,
)  # fmt: skip
_TECHNO = Style(
    "techno", (126, 138), (0.65, 0.95), (0.3, 0.6),
    (
        *_four_on_the_floor(-16), DrumPart("rim", "...x..x....x..x.", -18, 0.5, 0.3),
        DrumPart("clap", "....x.......x...", -7, 0.4),
    ),
    (
        TonalPart("bass", "saw bass", ("1.111.111.111.11", "1111111111111151"), 33, -4),
        TonalPart("chords", "saw stab", ("x......x........", "x.....x.x......."), 57, -8, pan=-0.2),
        TonalPart("arpeggio", "pluck", ("x.xxx.xxx.xxx.xx",), 64, -11, 0.6, 0.3),
        TonalPart("chords", "pad", ("X...............",), 52, -8),
    ),
    minor=0.9, pump=0.6, jitter_ms=0.5,
)  # fmt: skip
_DRUM_AND_BASS = Style(
    "drum and bass", (170, 178), (0.65, 0.95), (0.5, 0.8),
    (
        DrumPart("kick", "X.........X....."), DrumPart("snare", "....X.......X...", -1),
        DrumPart("snare", ".......-.-.....-", -6, 0.5), DrumPart("hat", "x.x.x.x.x.x.x.x.", -10, 0.2, 0.15),
        DrumPart("ride", "x...x...x...x...", -16, 0.75, -0.2),
    ),
    (
        TonalPart("bass", "reese bass", ("1.......1.....5.", "1.....1...8....."), 31, -2),
        TonalPart("chords", "pad", ("X...............",), 55, -4),
        TonalPart("melody", "square lead", _SLOW_TUNES, 69, -10, 0.5, 0.2),
        TonalPart("arpeggio", "bell", ("x.....x.....x...",), 72, -12, 0.3, -0.4),
    ),
    minor=0.8, reverb_db=-14, jitter_ms=1.0,
)  # fmt: skip
_HIP_HOP = Style(
    "hip-hop", (82, 98), (0.35, 0.65), (0.25, 0.5),
    (
        DrumPart("kick", "X......x..X....."), DrumPart("snare", "....X.......X...", -2),
        DrumPart("hat", "x.x.x.x.x.x.x.xx", -12, 0.15, 0.2), DrumPart("open hat", "..............x.", -16, 0.5),
    ),
    (
        TonalPart("bass", "sub bass", ("1......1..1.....", "1.........1..5.."), 29, 1),
        TonalPart("chords", "electric piano", ("X.......x.......", "X.....x.X......."), 55, 0, pan=-0.15),
        TonalPart("melody", "bell", _SLOW_TUNES, 67, -11, 0.4, 0.3),
    ),
    minor=0.7, swing=0.58, swung=0.5, sevenths=True, reverb_db=-16, jitter_ms=5.0,
)  # fmt: skip
_ROCK = Style(
    "rock", (105, 145), (0.6, 0.9), (0.5, 0.75),
    (
        DrumPart("kick", "X.....x.X.x....."), DrumPart("snare", "....X.......X...", 0),
        DrumPart("hat", "X.x.X.x.X.x.X.x.", -11, 0, 0.2), DrumPart("crash", "X...............", -12, 0.85, -0.3),
    ),
    (
        TonalPart("bass", "electric bass", ("1.1.1.1.1.1.1.1.", "1.1.1.5.1.1.1.8."), 31, -1),
        TonalPart("chords", "distorted guitar", ("x.x.x.x.x.x.x.x.", "X.....x.X.x....."), 47, -8, 0.3, -0.35),
        TonalPart("chords", "organ", ("X.......X.......",), 57, -9, pan=0.35),
        TonalPart("melody", "lead guitar", _TUNES, 64, -9, 0.6, 0.15),
    ),
    minor=0.4, reverb_db=-15, jitter_ms=4.0,
)  # fmt: skip
_METAL = Style(
    "metal", (138, 176), (0.8, 1.0), (0.6, 0.9),
    (
        DrumPart("kick", "X.x.X.x.X.x.X.x."), DrumPart("snare", "....X.......X...", 1),
        DrumPart("crash", "x...x...x...x...", -13, 0.5, 0.25),
    ),
    (
        TonalPart("bass", "saw bass", ("1.1.1.1.1.1.1.1.", "1.1.1.1.1.1.5.1."), 28, -3),
        TonalPart("chords", "distorted guitar", ("x.x.x.x.x.x.x.x.", "X...x.x.X...x.x."), 45, -2, pan=-0.5),
        TonalPart("chords", "distorted guitar", ("X.......X.......",), 47, -5, pan=0.5),
        TonalPart("melody", "lead guitar", ("x.x.x.x.x...x...", "xxx.x...x.x.x..."), 67, -7, 0.7),
    ),
    minor=0.95, reverb_db=-18, jitter_ms=2.0,
)  # fmt: skip
_REGGAE = Style(
    "reggae", (68, 82), (0.35, 0.6), (0.4, 0.6),
    (
        DrumPart("kick", "X...x...X...x...", -1), DrumPart("rim", "........X.......", -2, 0, 0.1),
        DrumPart("hat", "X.o.x.o.X.o.x.o.", -10, 0, 0.2), DrumPart("tom", "..............xx", -10, 0.6, -0.3),
    ),
    (
        TonalPart("bass", "sub bass", ("1..1..3.5...5...", "1...1.5.....5.3."), 31, 2),
        TonalPart("chords", "muted guitar", ("..x...x...x...x.",), 57, -2, pan=-0.3),
        TonalPart("chords", "organ", ("..xx..xx..xx..xx", "..x...xx..x...xx"), 55, -9, 0.3, 0.3),
        TonalPart("melody", "brass", _SLOW_TUNES, 65, -9, 0.5),
    ),
    minor=0.4, swing=0.56, swung=0.5, reverb_db=-11, jitter_ms=5.0,
)  # fmt: skip
_FUNK = Style(
    "funk", (96, 116), (0.6, 0.85), (0.6, 0.85),
    (
        DrumPart("kick", "X.x.....X..x...."), DrumPart("snare", "....X..-....X..-", 0),
        DrumPart("hat", "X-x-X-x-X-x-X-xx", -11, 0, 0.2),
    ),
    (
        TonalPart("bass", "slap bass", ("1..1....1.5.8.8.", "1.8.....1.1.5..."), 31, 0),
        TonalPart("chords", "clavinet", ("x..xx...x..xx.x.", "x.xx....x.xx...."), 57, -4, pan=-0.3),
        TonalPart("chords", "brass", ("X.......x.......", "X...........x..."), 58, -6, 0.5, 0.3),
        TonalPart("melody", "saxophone", _TUNES, 62, -6, 0.5),
    ),
    minor=0.6, sevenths=True, reverb_db=-17, jitter_ms=3.0,
)  # fmt: skip
_JAZZ = Style(
    "jazz", (116, 184), (0.3, 0.6), (0.35, 0.6),
    (
        DrumPart("ride", "X...x.o.X...x.o.", -10, 0, 0.25), DrumPart("hat", "....x.......x...", -10, 0, -0.2),
        DrumPart("kick", "o...o...o...o...", -10), DrumPart("brush", "......-........o", -8, 0.4),
    ),
    (
        TonalPart("bass", "upright bass", ("1...3...5...w...", "1...5...8...w..."), 31, 2),
        TonalPart("chords", "piano", ("X.....x.........", "..x...X.....x..."), 55, -3, pan=-0.3),
        TonalPart("melody", "saxophone", ("x.x.x...x.x.x.x.", "x...x.x.x.x.x..."), 62, -2, 0.25, 0.2),
    ),
    minor=0.4, swing=0.64, sevenths=True, reverb_db=-14, jitter_ms=6.0,
)  # fmt: skip
_BOSSA = Style(
    "bossa nova", (116, 142), (0.2, 0.45), (0.3, 0.5),
    (
        DrumPart("kick", "X..xX..xX..xX..x", -4), DrumPart("rim", "x..x..x...x..x..", -8, 0, 0.2),
        DrumPart("shaker", "x.x.x.x.x.x.x.x.", -12, 0, -0.3),
    ),
    (
        TonalPart("bass", "upright bass", ("1.....5.5.....1.", "1.......5......."), 33, 1),
        TonalPart("chords", "nylon guitar", ("x..x..x...x..x..", "X..x..X...x.x..."), 54, 0, pan=-0.2),
        TonalPart("melody", "flute", _TUNES, 69, -4, 0.2, 0.2),
    ),
    minor=0.3, sevenths=True, reverb_db=-12, jitter_ms=5.0,
)  # fmt: skip
_WALTZ = Style(
    "waltz", (132, 172), (0.3, 0.6), (0.45, 0.65),
    (DrumPart("kick", "x...........", -5, 0.1), DrumPart("brush", "....o...o...", -7, 0.1)),
    (
        TonalPart("bass", "cello", ("1...........", "1.......5..."), 36, 1),
        TonalPart("chords", "accordion", ("....x...x...",), 55, -2, pan=-0.2),
        TonalPart("chords", "piano", ("....x...x...",), 60, 0, pan=0.2),
        TonalPart("melody", "violin", ("x.......x...", "x...x...x...", "x.........x."), 67, -3),
    ),
    beats_per_bar=3, minor=0.35, reverb_s=1.4, reverb_db=-10, jitter_ms=5.0,
)  # fmt: skip
_FOLK = Style(
    "folk", (88, 124), (0.2, 0.5), (0.5, 0.7),
    (DrumPart("shaker", "x.o.x.o.x.o.x.o.", -14, 0.3, 0.3), DrumPart("tom", "X.......x.......", -10, 0.4)),
    (
        TonalPart("arpeggio", "steel guitar", ("x.x.x.x.x.x.x.x.", "x.xxx.x.x.xxx.x."), 52, 0, pan=-0.25),
        TonalPart("chords", "steel guitar", ("X...x...X...x.x.",), 50, -2, 0.2, 0.25),
        TonalPart("bass", "upright bass", ("1.......5.......",), 33, 1),
        TonalPart("melody", "flute", _TUNES, 69, -6, 0.25, 0.1),
    ),
    minor=0.35, reverb_db=-13, jitter_ms=6.0,
)  # fmt: skip
_CLASSICAL = Style(
    "classical", (76, 124), (0.15, 0.6), (0.35, 0.6),
    (DrumPart("timpani", "X.......x.......", -9, 0.5),),
    (
        TonalPart("bass", "cello", ("1.......5.......", "1...1...5...5..."), 36, -1),
        TonalPart("chords", "spiccato", (_EIGHTHS, _QUARTERS), 55, 2, pan=-0.2),
        TonalPart("chords", "strings", ("X...............",), 52, -8, pan=0.2),
        TonalPart("melody", "violin", _TUNES, 67, -5, 0.1, -0.1),
    ),
    minor=0.5, reverb_s=2.2, reverb_db=-8, jitter_ms=6.0,
)  # fmt: skip
_AMBIENT = Style(
    "ambient", (62, 84), (0.02, 0.3), (0.1, 0.4),
    (),
    (
        TonalPart("chords", "pad", ("X...............",), 50, 0),
        TonalPart("bass", "sub bass", ("1...............", "1.......1......."), 36, -2),
        TonalPart("arpeggio", "bell", ("x...x...x...x...", "x...x...x.x.x..."), 64, -1, 0.0, 0.3),
        TonalPart("melody", "flute", ("x...............", "x.......x......."), 67, -10, 0.2, -0.3),
    ),
    minor=0.5, reverb_s=3.5, reverb_db=-5, jitter_ms=6.0,
)  # fmt: skip

#: Every style by name.
STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        _HOUSE, _TECHNO, _DRUM_AND_BASS, _HIP_HOP, _ROCK, _METAL, _REGGAE, _FUNK, _JAZZ, _BOSSA, _WALTZ, _FOLK,
        _CLASSICAL, _AMBIENT,
    )
}  # fmt: skip
