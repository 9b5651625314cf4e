"""Keys, chords and progressions: what the simulator knows of harmony.

Pitch classes are integers from 0 (C) to 11 (B); pitches are MIDI numbers (69 is A4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from workbench.errors import InputError

Mode = Literal["major", "minor"]

#: Pitch-class names, as every key in the workbench is spelled.
TONICS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MODES: tuple[Mode, ...] = get_args(Mode)

#: Semitones above the tonic; minor is the natural minor scale.
SCALES: dict[Mode, tuple[int, ...]] = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}

_FLATS = {"Cb": "B", "Db": "C#", "Eb": "D#", "Fb": "E", "Gb": "F#", "Ab": "G#", "Bb": "A#", "E#": "F", "B#": "C"}

# A major dominant in minor keys: the harmonic minor's leading note makes the cadence.
_ROMAN: dict[str, tuple[int, str]] = {
    "I": (0, "maj"), "ii": (2, "min"), "iii": (4, "min"), "IV": (5, "maj"), "V": (7, "maj"), "vi": (9, "min"),
    "i": (0, "min"), "ii°": (2, "dim"), "iv": (5, "min"), "v": (7, "min"), "VI": (8, "maj"), "VII": (10, "maj"),
}  # fmt: skip
_TRIADS = {"maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6)}

# Every progression starts on the tonic and none can be read as well in the relative key.
_PROGRESSIONS: dict[Mode, tuple[str, ...]] = {
    "major": ("I V vi IV", "I IV V I", "I vi IV V", "I IV I V", "I vi ii V", "I iii IV I"),
    "minor": ("i iv V i", "i VI iv V", "i v iv i", "i iv i V", "i ii° V i", "i VII iv i"),
}
_CADENCE: dict[Mode, str] = {"major": "I IV V I", "minor": "i iv V i"}


@dataclass(frozen=True, slots=True)
class Harmony:
    """A chord as a set of pitch classes.

    Attributes
    ----------
    root : pitch class of the root
    quality : ``maj``, ``min`` or ``dim``, with ``7`` appended where a seventh is added
    pitch_classes : root first, then third, fifth and, if there is one, seventh
    """

    root: int
    quality: str
    pitch_classes: tuple[int, ...]

    @property
    def name(self) -> str:
        """The chord in Harte's syntax, for example ``A:min``."""
        return f"{TONICS[self.root]}:{self.quality}"


def parse_key(key: str, mode: str | None = None) -> tuple[int, Mode]:
    """Read a key such as ``"A minor"``, ``"Bb major"`` or a bare tonic with a mode beside it.

    Parameters
    ----------
    key : str
        Tonic, optionally followed by ``major`` or ``minor``. Flats are read as their sharps.
    mode : {"major", "minor"}, optional
        The mode of a bare tonic; with a full key it must agree.

    Returns
    -------
    tuple of (int, str)
        Pitch class of the tonic, and the mode.

    Raises
    ------
    InputError
        If the key or the mode is unknown, or the two disagree.

    Examples
    --------
    >>> parse_key("A minor"), parse_key("Bb", "major")
    ((9, 'minor'), (10, 'major'))
    """
    tonic, _, named = key.strip().partition(" ")
    tonic = tonic[:1].upper() + tonic[1:]
    tonic = _FLATS.get(tonic, tonic)
    named = named.strip().lower()
    chosen = named or mode or "major"
    if tonic not in TONICS or chosen not in MODES:
        raise InputError(f"Unknown key {key!r}.", f"Give a tonic of {', '.join(TONICS)} and 'major' or 'minor'.")
    if named and mode and named != mode:
        raise InputError(f"Key {key!r} contradicts mode {mode!r}.", "Give the mode once.")
    return TONICS.index(tonic), chosen


def key_name(tonic: int, mode: Mode) -> str:
    """Name a key.

    Examples
    --------
    >>> key_name(9, "minor")
    'A minor'
    """
    return f"{TONICS[tonic % 12]} {mode}"


def progressions(mode: Mode) -> tuple[str, ...]:
    """List the four-bar progressions in a mode, in Roman numerals."""
    return _PROGRESSIONS[mode]


def cadence(mode: Mode, n_bars: int = 4) -> str:
    """Give the last `n_bars` (1 to 4) bars of a piece: a cadence that ends on the tonic."""
    return " ".join(_CADENCE[mode].split()[-n_bars:])


def harmonies(progression: str, tonic: int, mode: Mode, *, sevenths: bool = False) -> list[Harmony]:
    """Turn Roman numerals into chords of a key.

    Parameters
    ----------
    progression : str
        Numerals separated by spaces.
    tonic : int
        Pitch class of the tonic.
    mode : {"major", "minor"}
        The scale that sevenths are taken from.
    sevenths : bool
        Add the diatonic seventh to each chord but the tonic, as jazz does.

    Returns
    -------
    list of Harmony

    Examples
    --------
    >>> [h.name for h in harmonies("i iv V i", 9, "minor")]
    ['A:min', 'D:min', 'E:maj', 'A:min']
    """
    chords = []
    for numeral in progression.split():
        offset, quality = _ROMAN[numeral]
        intervals: tuple[int, ...] = _TRIADS[quality]
        if sevenths and offset:
            seventh = next(s for s in (10, 11) if (offset + s) % 12 in SCALES[mode])
            intervals, quality = (*intervals, seventh), _SEVENTHS[quality, seventh]
        root = (tonic + offset) % 12
        chords.append(Harmony(root, quality, tuple((root + i) % 12 for i in intervals)))
    return chords


_SEVENTHS = {("maj", 11): "maj7", ("maj", 10): "7", ("min", 10): "min7", ("min", 11): "minmaj7", ("dim", 10): "hdim7"}
