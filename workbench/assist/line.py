"""A line of text as words that are taken one after the other; what is left over is what was not understood."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from workbench.assist.words import NUMBERS

#: Stands for a word that was taken: patterns find nothing in it, and nothing across it unless they say so.
TAKEN = "·"

_TOKEN = re.compile(
    r"""
    "(?P<quoted>[^"]+)" | (?<!\w)'(?P<single>[^']+)'(?!\w)
    | [A-Ga-g][#♯♭](?:m(?:in(?:or)?|aj(?:or)?)?)?(?!\w)
    | \d{2,4}'?s(?!\w) | \d{1,3}m(?!\w) | (?:1[0-2]|[1-9])[ABab](?![\w#♯♭'])
    | (?:(?<![\w.])\.)?\d+(?:\.\d+)? | [^\W\d_]+(?:'[^\W\d_]+)* | (?<=\d)\s*[-–—](?=\s*\d) | [%~<>=+/:,;.!?()]
    """,
    re.VERBOSE,
)
_LONGEST_NUMBER = 9
#: A figure that is typed for its sound.
_FOR = re.compile(
    r"(?<![\w.])[24] (?=(?:my|me|our|the|a|an)\b|"
    r"(?:sleep|danc|work|runn|jogg|stud|yoga|gym|part)\w*(?! (?:songs|tracks)))",
    re.IGNORECASE,
)
#: As much of the world writes a part of one.
_COMMA = re.compile(r"(?<=(?<![\w.,])0),(?=\d)")
#: Words as people type them, and what they stand for.
_SHORT = {
    word.replace("'", ""): word
    for word in ("don't", "doesn't", "isn't", "aren't", "won't", "shouldn't", "mustn't", "i'm", "we're", "it's")
} | {"w": "with", "pls": "please", "plz": "please", "bmp": "bpm"}


@dataclass(slots=True)
class Token:
    """A word, a number, a quoted name or a sign.

    Attributes
    ----------
    word : as it is compared
    raw : as it was written
    name : what stood in quotes, else empty
    taken : whether something was made of it
    aside : whether it is meant otherwise than rules would take it
    breaks : whether a comma or the like stands before it
    begins : whether a sentence ended before it
    """

    word: str
    raw: str
    name: str = ""
    taken: bool = False
    aside: bool = False
    breaks: bool = False
    begins: bool = False


@dataclass(slots=True)
class Line:
    """The words of a text, in order."""

    tokens: list[Token]
    read: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> Line:
        """Cut a text into words; numbers in words become figures."""
        plain = unicodedata.normalize("NFKC", text)
        plain = _COMMA.sub(".", _FOR.sub("for ", plain))
        for sign in "“”„«»":
            plain = plain.replace(sign, '"')
        plain = plain.replace("’", "'").replace("\u2018", "'").replace("&", " and ")
        tokens = list(_with_numbers(list(_tokens(plain))))
        for token, after in itertools.pairwise(tokens):
            if token.word == "no" and token.breaks and after.breaks:
                token.word = "nope"  # what was said before it no longer counts
        return cls(tokens)

    @property
    def words(self) -> list[str]:
        """Give all words, whether they were taken or not."""
        return [token.word for token in self.tokens]

    @staticmethod
    def place(match: re.Match[str], group: str | int) -> int:
        """Give the place of the first word of a group of a match."""
        return Line._place(match.string, match.start(group))

    def joined(self) -> str:
        """Give the words that are left, with one `TAKEN` for each that was taken."""
        return " ".join(TAKEN if token.taken or token.aside else token.word for token in self.tokens)

    def find(self, pattern: re.Pattern[str], *, across: bool = False) -> Iterator[tuple[re.Match[str], int]]:
        """Find what matches in the words that are left, and the first place after it; numbers not across commas."""
        joined = self.joined()
        for match in pattern.finditer(joined):
            first, last = self._place(joined, match.start()), self._place(joined, match.end())
            # a number behind a comma begins something else
            if across or not any(
                token.breaks and token.word[0].isdigit() for token in self.tokens[first + 1 : last + 1]
            ):
                yield match, last + 1

    def take(self, match: re.Match[str], about: str, *groups: int) -> str:
        """Take the words of a match, or of some groups of it, as what was said of a field; give them as written."""
        given = sorted(groups or (0,), key=match.start)
        return self._note(about, [word for group in given for word in self._take(self._places(match, group))])

    def take_tokens(self, first: int, last: int, about: str) -> str:
        """Take the words from one place to before another."""
        return self._note(about, self._take(range(first, last)))

    def leave(self, match: re.Match[str], group: str | int = 0) -> None:
        """Leave the words of a match for what is told back."""
        for place in self._places(match, group):
            self.tokens[place].aside = True

    def insert(self, at: int, like: Token) -> None:
        """Put in a word that was left out because it stands elsewhere."""
        self.tokens.insert(at, Token(like.word, like.raw))

    def left(self, ignored: Iterable[str]) -> list[str]:
        """Give what is left, as it was written: neighbours in one piece, without what says nothing of its own."""
        nothing, pieces = set(ignored), list[list[str]]([[]])
        for token in self.tokens:
            if token.taken or (token.word in nothing and not token.name) or not any(c.isalnum() for c in token.raw):
                pieces.append([])
            else:
                pieces[-1].append(token.raw)
        return [" ".join(piece) for piece in pieces if piece]

    def _places(self, match: re.Match[str], group: str | int) -> range:
        """Give the places of the words of a group."""
        start, end = match.span(group)
        return range(self._place(match.string, start), self._place(match.string, end - 1) + 1 if start < end else 0)

    def _take(self, places: Iterable[int]) -> list[str]:
        words = []
        for place in places:
            if not (self.tokens[place].taken or self.tokens[place].aside):
                self.tokens[place].taken = True
                words.append(self.tokens[place].raw)
        return words

    def _note(self, about: str, words: list[str]) -> str:
        said = " ".join(words)
        if said:
            self.read.setdefault(about, []).append(said)
        return said

    @staticmethod
    def _place(joined: str, at: int) -> int:
        return joined.count(" ", 0, at)


@functools.cache
def whole(pattern: str) -> re.Pattern[str]:
    """Compile a pattern that matches whole words only."""
    return re.compile(rf"(?<!\S)(?:{pattern})(?!\S)")


def _tokens(text: str) -> Iterator[Token]:
    breaks, begins = False, True
    for match in _TOKEN.finditer(text):
        raw = match[0]
        name = match["quoted"] or match["single"] or ""
        word = raw.casefold().replace("♯", "#").replace("♭", "b")
        if word.startswith(".") and len(word) > 1:
            word = f"0{word}"
        if raw in ",;.!?()":
            breaks, begins = True, begins or raw != ","
            continue
        if name:
            word = '"'
        elif raw.strip() in ("-", "–", "—"):
            word = "-"
        elif word.endswith("'s") and word not in ("it's", "let's"):
            word = word[:-2]
        yield Token(_SHORT.get(word, word), raw.strip(), name, breaks=breaks, begins=begins)
        breaks = begins = False


def _with_numbers(tokens: list[Token]) -> Iterator[Token]:
    """Put figures in place of numbers in words: ``a hundred and twenty``, ``forty five``."""
    at = 0
    while at < len(tokens):
        value, n = _number(tokens[at : at + 6])
        if n:
            raw, first = " ".join(token.raw for token in tokens[at : at + n]), tokens[at]
            yield Token(str(value), raw, breaks=first.breaks, begins=first.begins)
            at += n
        else:
            token = tokens[at]
            long = token.word.replace(".", "").isdigit() and len(token.word) > _LONGEST_NUMBER
            yield Token(token.raw[:1] + "…", token.raw) if long else token
            at += 1


def _number(tokens: list[Token]) -> tuple[int, int]:
    """Read a number at the beginning; how many words it takes, 0 if there is none."""
    words = [token.word for token in tokens]
    for dozen, n in (("a dozen", 2), ("half a dozen", 3)):
        if words[:n] == dozen.split():
            return 12 if n == 2 else 6, n
    if words[1:2] == ["dozen"] and words[0] in NUMBERS:
        return 12 * NUMBERS[words[0]], 2
    hundreds = 0
    n = 0
    if len(words) > 1 and words[1] == "hundred" and (words[0] in ("a", "one") or words[0] in NUMBERS):
        hundreds, n = 100 * NUMBERS.get(words[0], 1), 2
        if len(words) > 3 and words[2] == "and" and words[3] in NUMBERS:
            n = 3
    elif words[0] not in NUMBERS:
        return 0, 0
    tens = NUMBERS.get(words[n], 0) if n < len(words) else 0
    if tens:
        n += 1
        following = NUMBERS.get(words[n], 1 if words[n] == "one" else 0) if n < len(words) else 0
        if tens >= 20 and tens % 10 == 0 and following < 10 and following:
            tens, n = tens + following, n + 1
    elif hundreds and words[n - 1] == "and":
        n -= 1
    return hundreds + tens, n
