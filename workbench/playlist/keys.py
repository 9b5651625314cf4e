"""Musical keys: reading them as people write them, and how far apart two of them are.

The Camelot wheel (M. Davis, 1991) is the circle of fifths renamed for disc jockeys: the number
counts fifths, the letter is A for minor and B for major, and relative keys share a number
(A minor 8A, C major 8B). Neighbours on the wheel differ by one note of the scale.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from workbench.errors import InputError
from workbench.features.key import KEY_NAMES, camelot

_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTAL = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
_CAMELOT = re.compile(r"0?(?P<number>1[0-2]|[1-9])\s*(?P<letter>[abAB])")
_BY_CAMELOT = {camelot(index): index for index in range(len(KEY_NAMES))}
# The tonic may be in either case, the mode follows; a lone capital M is major, a lone small m minor.
_NAMED = re.compile(
    r"(?P<letter>[A-Ga-g])(?:[\s-]*(?P<accidental>#|♯|♭|b|sharp|flat))?"
    r"[\s:-]*(?P<mode>|M|m|(?i:maj|major|min|minor))"
)


@dataclass(frozen=True, slots=True)
class Key:
    """A major or minor key.

    Attributes
    ----------
    tonic : pitch class of the tonic, 0 (C) to 11 (B)
    minor : True for minor, False for major
    """

    tonic: int
    minor: bool

    @property
    def index(self) -> int:
        """Number of the key in the features' `KEY_NAMES`, 0 to 23."""
        return self.tonic + 12 * self.minor

    @property
    def name(self) -> str:
        """As the catalog writes it, for example ``A minor`` or ``F# major``."""
        return KEY_NAMES[self.index]

    @property
    def short(self) -> str:
        """As tags and players write it, for example ``Am`` or ``F#`` (ID3v2.4, frame TKEY)."""
        return KEY_NAMES[self.index].split()[0] + ("m" if self.minor else "")

    @property
    def camelot(self) -> str:
        """Camelot code, for example ``8A``."""
        return camelot(self.index)


def parse_key(text: str) -> Key:
    """Read a key as people write it.

    Parameters
    ----------
    text : str
        ``A minor``, ``Am``, ``a min``, ``8A``, ``F#``, ``Bb major``, ``E♭m``. A tonic alone is major.

    Returns
    -------
    Key

    Raises
    ------
    InputError
        When it is none of these.

    Examples
    --------
    >>> parse_key("Am").camelot, parse_key("Bb major").name, parse_key("11B").name
    ('8A', 'A# major', 'A major')
    """
    cleaned = text.strip()
    code = _CAMELOT.fullmatch(cleaned)
    if code:
        index = _BY_CAMELOT[code["number"] + code["letter"].upper()]
        return Key(index % 12, index >= 12)
    named = _NAMED.fullmatch(cleaned)
    if not named:
        raise InputError(
            f"key: {text!r} is not a key.",
            "Write it like 'A minor', 'Am', 'F#', 'Bb major', or as a Camelot code, '8A'.",
        )
    tonic = (_NATURAL[named["letter"].upper()] + _ACCIDENTAL[named["accidental"] or ""]) % 12
    mode = named["mode"]
    return Key(tonic, mode == "m" or mode.lower().startswith("min"))


def fifths_between(a: Key, b: Key) -> int:
    """Count the steps round the Camelot wheel from one key to another, -5 to 6, letters left aside."""
    steps = (int(b.camelot[:-1]) - int(a.camelot[:-1])) % 12
    return steps - 12 if steps > 6 else steps


def compatible_keys(key: Key) -> tuple[Key, ...]:
    """List the keys that share at least six of seven notes: the same, its relative, and a fifth up or down.

    Examples
    --------
    >>> [k.camelot for k in compatible_keys(parse_key("8A"))]
    ['8A', '8B', '9A', '7A']
    """
    relative = Key((key.tonic + 3) % 12, False) if key.minor else Key((key.tonic - 3) % 12, True)
    return (key, relative, Key((key.tonic + 7) % 12, key.minor), Key((key.tonic - 7) % 12, key.minor))


def relation(a: Key, b: Key) -> str:
    """Name the step from one key to the next.

    Parameters
    ----------
    a, b : Key
        The key that is left and the key that is entered.

    Returns
    -------
    str
        In words, with the Camelot step where disc jockeys have a name for it.

    Examples
    --------
    >>> relation(parse_key("8A"), parse_key("9A")), relation(parse_key("8B"), parse_key("8A"))
    ('up a fifth', 'relative minor')
    """
    steps = fifths_between(a, b)
    if a.minor == b.minor:
        return _SAME_MODE[steps]
    mode = "minor" if b.minor else "major"
    if steps == 0:
        return f"relative {mode}"
    if a.tonic == b.tonic:
        return f"parallel {mode}"
    if abs(steps) == 1:
        return f"diagonal, to {mode}"
    return f"distant key ({_steps(steps)}, to {mode})"


def _steps(steps: int) -> str:
    return f"{abs(steps)} fifths {'up' if steps > 0 else 'down'}"


_SAME_MODE = {
    0: "same key",
    1: "up a fifth",
    -1: "down a fifth",
    2: "energy boost +2",
    -2: "energy drop -2",
    -5: "energy boost +7",  # seven hours on: a semitone up
    5: "energy drop -7",
    **{steps: f"distant key ({_steps(steps)})" for steps in (3, 4, 6, -3, -4)},
}
