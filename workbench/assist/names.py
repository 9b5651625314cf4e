"""The names that a library knows: titles, artists, files. What is asked for by name is found here or not at all."""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

#: Columns of the catalog that `Names` is made from.
COLUMNS = ("id", "title", "artist", "path")
#: So many tracks of an artist stand for the artist, where tracks are asked for.
MOST_OF_ARTIST = 5
#: Words that a name may have to be found without quotes.
LONGEST = 10

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ID = re.compile(r"[0-9a-f]{8,32}")


def words_of(text: str) -> list[str]:
    """Give the words of a name as they are compared: case, accents and punctuation do not count.

    >>> words_of("Déjà-vu (Don’t stop).wav")
    ['deja', 'vu', "don't", 'stop', 'wav']
    """
    folded = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return _WORD.findall(plain)


@dataclass(frozen=True, slots=True)
class Named:
    """What a name stands for.

    Attributes
    ----------
    words : how many words of the text it took
    tracks : ids, in order
    artist : as the catalog writes it, where it is the name of an artist
    at : place of its first word in a line
    """

    words: int
    tracks: tuple[str, ...]
    artist: str | None = None
    at: int = 0


class Names:
    """Finds tracks and artists by name.

    Parameters
    ----------
    columns : mapping
        `COLUMNS`, in ascending order of the ids.

    Examples
    --------
    >>> names = Names({"id": ["0" * 32], "title": ["Blue Train"], "artist": ["Ada"], "path": ["/m/x.wav"]})
    >>> names.find("blue train but slower".split()).words, names.find(["ada"]).artist
    (2, 'Ada')
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._ids: Sequence[str] = columns["id"]
        self._tracks: dict[str, list[int]] = {}
        self._artists: dict[str, list[int]] = {}
        self._spelled: list[str | None] = list(columns["artist"])
        for row, (title, artist, path) in enumerate(
            zip(columns["title"], columns["artist"], columns["path"], strict=True)
        ):
            file = PurePath(str(path))
            for name in {" ".join(words_of(text)) for text in (title or "", file.stem, file.name)} - {""}:
                self._tracks.setdefault(name, []).append(row)
            if artist and (name := " ".join(words_of(artist))):
                self._artists.setdefault(name, []).append(row)
        #: Every word of every name.
        self.words = frozenset(
            word for names in (self._tracks, self._artists) for name in names for word in name.split()
        )

    def find(self, words: Sequence[str], *, whole: bool = False) -> Named | None:
        """Find the longest name that the words begin with, or that they are.

        A name of an artist comes before the same name of a track.
        """
        lengths = [len(words)] if whole else range(min(len(words), LONGEST), 0, -1)
        for n in lengths:
            found = self._exactly(words[:n])
            if found is not None:
                return found
        return None

    def artist(self, words: Sequence[str]) -> Named | None:
        """Find the longest name of an artist that the words begin with."""
        for n in range(min(len(words), LONGEST), 0, -1):
            rows = self._artists.get(" ".join(words[:n]))
            if rows:
                return self._by(rows, n)
        return None

    def mentioned(self, text: str, most: int = 20) -> dict[str, Named]:
        """Find all names in a text, by the words of the text that they are; the longest first at each place."""
        words = words_of(text)
        found: dict[str, Named] = {}
        at = 0
        while at < len(words) and len(found) < most:
            named = self.find(words[at : at + LONGEST])
            if named is not None:
                found.setdefault(" ".join(words[at : at + named.words]), named)
            at += named.words if named is not None else 1
        return found

    def _exactly(self, words: Sequence[str]) -> Named | None:
        name = " ".join(words)
        if rows := self._artists.get(name):
            return self._by(rows, len(words))
        if rows := self._tracks.get(name):
            return Named(len(words), (self._ids[rows[0]],))
        if len(words) == 1 and _ID.fullmatch(name):
            at = bisect.bisect_left(self._ids, name)
            found = [track for track in self._ids[at : at + 2] if track.startswith(name)]
            return Named(1, (found[0],)) if len(found) == 1 else None
        return None

    def _by(self, rows: Sequence[int], n: int) -> Named:
        return Named(n, tuple(self._ids[row] for row in rows[:MOST_OF_ARTIST]), self._spelled[rows[0]])
