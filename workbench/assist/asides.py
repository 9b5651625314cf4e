"""Words of the grammar that are meant otherwise: ``a happy birthday``, ``my neighbours are loud``, ``in a dark cave``.

They are left for what is told back. What is about music and what about the rest of the world no list of words can
tell for sure; these rules know the commonest neighbourhoods, and whom or what an adjective belongs to.
"""

from __future__ import annotations

import functools
import itertools
import re

from workbench.assist import words as w
from workbench.assist.line import Line, whole
from workbench.assist.patterns import is_known
from workbench.assist.pieces import any_word
from workbench.assist.spelling import is_english

_ADVERBS = r"(?: (?:so|very|really|quite|rather|a bit|too|still|always|often|not|never|all|just|feeling|most))*"
_IS = r"(?:am|is|are|was|were|been|feels?|felt|feeling|looks?|seems?)"
_WILL_BE = r"(?:(?:would|will|should|can|may|must|might) be|has been|have been|had been)"
_PERSON = (
    rf"(?:(?:{w.PERSONS})(?: {_IS}| {_WILL_BE})|(?:i'm|we're|you're|he's|she's|(?:i'd|i'll|we'd|we'll|you'll) be))"
)
_OWNER = r"(?:my|our|your|his|her|their|the|this|that|these|those|a|an)"
#: Who or what is somewhere is not what is played there.
_SOMEWHERE = r"(?:in|at|near|from|inside|outside|behind|next to|across|opposite|above|below|under)"
_MUSIC = w.word_set(
    "music song songs track tracks tune tunes playlist playlists mix mixes set list sound sounds vibe vibes"
)
#: So many words that nobody knows make a sentence talk, if it tells something and asks for nothing.
LEAST_STRANGE = 2
_ASKING = _MUSIC | w.word_set(
    "bpm tempo key energy mood something anything some give want need like looking search find please could can would "
    "stuff wants loves make play start end let put include curve minor major pieces titles records artist artists i'd "
    "we'd"
)
_TELLING = w.word_set(
    "is are was were be been has had have said says say needs took takes did does never i we they he she it's he's "
    "she's i'm we're"
)


def leave_asides(line: Line) -> None:
    """Leave all words of a line alone that rules would take for what they do not mean."""
    leave_talk(line)
    for pattern in _fixed():
        for match, _ in line.find(pattern):
            for group in match.groupdict():
                line.leave(match, group)
    for pattern in _of_persons():
        for match, _ in line.find(pattern):
            line.leave(match, "said")
    for pattern in _of_things():
        for match, after in line.find(pattern):
            following = [token.word for token in line.tokens[after : after + 2]]
            if _is_thing(match["thing"]) and not _MUSIC.intersection(following):
                line.leave(match, "said")


def leave_talk(line: Line) -> None:
    """Leave sentences that tell something and ask for nothing: no word of music, and several that nobody knows."""
    starts = [at for at, token in enumerate(line.tokens) if token.begins or line.tokens[at - 1].word == ":"]
    for first, last in itertools.pairwise([*starts, len(line.tokens)]):
        sentence = [token for token in line.tokens[first:last] if not token.taken]
        words = {token.word for token in sentence}
        strange = [word for word in words if _is_thing(word)]
        asks = words & _ASKING or len(sentence) < last - first
        if len(strange) >= LEAST_STRANGE and not asks and (words & _TELLING or len(strange) > 2 * LEAST_STRANGE):
            for token in sentence:
                token.aside = True


@functools.cache
def _fixed() -> tuple[re.Pattern[str], ...]:
    """Give the patterns of `words.ASIDES`, with a group for each piece in angles."""
    found = []
    for row in w.ASIDES:
        pieces = re.split(r"<([^<>]+)>", row)
        inside = (f"(?P<said{at}>{piece})" if at % 2 else piece for at, piece in enumerate(pieces))
        found.append(whole("".join(inside)))
    return tuple(found)


@functools.cache
def _of_persons() -> tuple[re.Pattern[str], ...]:
    described = any_word(w.MOOD_WORDS.values(), w.ENERGY_WORDS.values(), w.TEMPO_WORDS.values())
    return (
        whole(rf"{_PERSON}{_ADVERBS} (?P<said>{described})"),
        whole(
            rf"(?:for|to|with|of|by|from|and|{_OWNER})(?: {_OWNER})?{_ADVERBS} (?P<said>{described}) (?:{w.PERSONS})"
        ),
    )


@functools.cache
def _of_things() -> tuple[re.Pattern[str], ...]:
    described = any_word(w.MOOD_WORDS.values(), w.ENERGY_WORDS.values(), w.TEMPO_WORDS.values())
    course = r"(?:rising|rises|rise|falling|falls|fall|climbing|climbs|increasing|increases|decreasing|fading|sinking)"
    return (
        whole(rf"{_SOMEWHERE} {_OWNER}{_ADVERBS} (?P<said>{described}) (?P<thing>[a-z]+)"),
        whole(rf"{_OWNER} (?P<thing>[a-z]+) {_IS}{_ADVERBS} (?P<said>{described})"),
        whole(rf"{_OWNER} (?P<thing>[a-z]+)(?: {_IS})? (?P<said>{course})"),
    )


def _is_thing(word: str) -> bool:
    """Whether a noun is neither music nor what the grammar knows."""
    return not is_known(word) and word not in w.MUSICAL and is_english(word)
