"""What the patterns of the grammar are made of: a few ways to write them, and words that many of them share."""

from __future__ import annotations

import re
from collections.abc import Iterable

_BAR = re.compile(r"\s*\|\s*")


def any_of(listed: str) -> str:
    """Give one pattern for all that is listed between bars, over as many lines as that takes.

    Spaces beside a bar are left out: a piece that must end or begin with one is written apart.

    >>> any_of(" at least | more (?:than | of) | above ")
    '(?:at least|more (?:than|of)|above)'
    """
    return f"(?:{_BAR.sub('|', listed.strip())})"


def any_word(*tables: Iterable[str]) -> str:
    """Give one pattern for all words of some tables, the longest first."""
    words = {word for table in tables for row in table for word in row.split("|")}
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))


NUM = r"(\d+(?:\.\d+)?)"
TRACKS = any_of("""
    tracks? | songs? | tunes? | pieces? | titles? | numbers | records | results | cuts | bangers | items | trax | musics
""")
