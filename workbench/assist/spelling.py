"""Words that are almost those that the parser knows."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence

from spellchecker import SpellChecker

#: Shortest word that is corrected, and the shortest in which two letters may be wrong.
SHORTEST, SHORTEST_OF_TWO = 5, 8


@functools.cache
def _dictionary() -> dict[str, str]:
    """Give all English words by their first two letters, a line each: a set of them would take ten times the room."""
    found: dict[str, list[str]] = {}
    for word in SpellChecker(language="en").word_frequency.words():
        found.setdefault(word[:2], [""]).append(word)
    return {start: "\n".join([*words, ""]) for start, words in found.items()}


def is_english(word: str) -> bool:
    """Tell whether a word is an English one, however rare.

    >>> is_english("breaking"), is_english("relaxng")
    (True, False)
    """
    return f"\n{word}\n" in _dictionary().get(word[:2], "")


def distance(a: str, b: str, most: int) -> int:
    """Count the letters to insert, delete, replace or swap with a neighbour; `most` + 1 stands for more than that.

    The restricted distance of F. Damerau, "A technique for computer detection and correction of spelling errors",
    Communications of the ACM 7, 1964.

    >>> distance("enregetic", "energetic", 2), distance("calm", "loud", 2)
    (1, 3)
    """
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        earlier, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def correct(word: str, known: Collection[str], others: Sequence[str] = ()) -> str | None:
    """Give the one known word that a word is a misspelling of; None where there is none, or more than one.

    A word of English is no misspelling, whatever it is like.

    Parameters
    ----------
    word : str
    known : collection of str
        What it may be meant for.
    others : sequence of str
        Words that it may be a misspelling of as well, and that mean nothing here.

    Examples
    --------
    >>> correct("relaxng", {"relaxing", "rising"}), correct("jaz", {"jazz"}), correct("strong", {"strung"}, ["string"])
    ('relaxing', None, None)
    >>> correct("breaking", {"reading"})
    """
    if len(word) < SHORTEST - 1 or not word.isalpha() or is_english(word):
        return None
    most = 1 if len(word) < SHORTEST_OF_TWO else 2
    least = max(SHORTEST - 1, len(word) + (len(word) < SHORTEST))  # of the shortest a letter was left out, no more
    near = sorted(
        (away, other)
        for other in {*known, *others}
        if len(other) >= (least if len(word) < SHORTEST else SHORTEST - 1)
        and other[0] in word[:2]
        and (away := distance(word, other, most)) <= most
    )
    if len(word) < SHORTEST:
        near += [(1, other) for other in known if other[:1] == word[0] and sorted(other) == sorted(word)]
    best = [other for away, other in near if away == near[0][0]]
    best = [other for other in best if not any(other != longer and longer.startswith(other) for longer in best)]
    return best[0] if len(best) == 1 and best[0] in known else None
