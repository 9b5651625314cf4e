"""The patterns of the grammar: what the parser looks for in the words that are left, and what it makes of it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from workbench.assist import leads
from workbench.assist import words as w
from workbench.assist.line import TAKEN, whole
from workbench.assist.pieces import NUM, TRACKS, any_of, any_word
from workbench.features.mood import MOODS
from workbench.playlist.request import MAX_TRACKS

#: Lowest and highest tempo where one end is left open, beats per minute.
OPEN_BPM = (20.0, 300.0)
#: A tempo that is named alone may differ by so much; with "about", by this share.
NEAR_BPM, ABOUT_BPM = 2.0, 0.05
#: An energy that is named alone may differ by so much.
NEAR_ENERGY = 0.1

#: Without a unit, a number below this is no tempo.
LEAST_ALONE = 40.0

Range = tuple[float, float]
_NO_RANGE: Range = (0.0, 0.0)

# --- what other patterns are made of ------------------------------------------------------------------

_TO = any_of("- | to | and | until | till | up to | through")
ABOUT = any_of("""
    around | about | roughly | approximately | approx | circa | ca | near | close to | ~ | somewhere around
    | more or less
""")
_NEVER = any_of("not | no | nothing | never | none | without | don't | doesn't | shouldn't | isn't | won't | mustn't")
_NEVER_HOW = any_of("""
    to | be | is | it | go | goes | going | get | gets | getting | come | any | that | which | should | may | much
    | anything | something | a | tempo | bpm | with
""")
_ABOVE = (
    "above | over | exceeding | exceeds | faster than | more than | higher than | greater than | quicker than | beyond"
)
_BELOW = "below | under | slower than | less than | lower than | beneath"
_MORE = any_of(f"{_ABOVE} | at least | minimum | minimum of | min | upwards of | > = | > | from | starting from")
_LESS = any_of(f"{_BELOW} | at most | maximum | maximum of | max | up to | < = | <")
#: What is looked for before those two, which are within it.
_NOT_MORE = rf"{_NEVER}(?: {_NEVER_HOW})* {any_of(_ABOVE)}"
_NOT_LESS = rf"{_NEVER}(?: {_NEVER_HOW})* {any_of(_BELOW)}"
BPM = any_of("bpms? | beats? (?:per | a | in a | in the | each | every) min(?:ute)? | b p m")
_IS = r"(?: (?:should be|must be|is|of|at|:|=))*"
_TEMPO = rf"(?:tempo|tempi|bpm|speed|beats per minute)(?: range)?{_IS}"
_ENERGY = rf"energy(?: level)?{_IS}"
PEOPLE = any_of("artists? | bands? | performers? | musicians? | singers? | composers?")

_REFUSED = any_of("""
    not | no | nothing | neither | without | never | avoid | avoiding | except | don't want | do not want | skip | non
    | anything but | exclude | excluding | isn't | aren't | leave out | minus | rather than | instead of | don't
    | hold | forget(?! (?:that | it))
""")
_ANY_SUCH = any_of("""
    too | so | the | any | very | that | overly | really | much | all | be | anything | songs | tracks | music | stuff
    | to | or | get | getting | gets | become | becomes | becoming | go | goes | going | turn | turns | something
    | pieces
""")
NOT = rf"{_REFUSED}(?: {_ANY_SUCH})*"
REFUSED_BEFORE = re.compile(rf"(?<!\S)(?:{NOT})\Z")

_BEGINS = any_of("""
    start | starts | starting | begin | begins | beginning | open | opens | opening | kick off | kicks off
    | kicking off
""")
_BEGINS_HOW = any_of("""
    off | out | it | with | at | from | very | really | quite | rather | a | something | all | on | nice | and | the
    | set | mix | slow and
""")
_START = rf"{_BEGINS}(?: {_BEGINS_HOW})*"
_ENDS = any_of("""
    end | ends | ending | finish | finishes | finishing | close | closes | closing | get | gets | getting | grow
    | grows | growing | become | becomes | becoming | turn | turns | turning | progressively | gradually
    | increasingly | more and more | ever | then
""")
_ENDS_HOW = any_of("""
    up | a | bit | more and more | ever | progressively | slowly | gradually | steadily | with | on | at | something
    | much | very | really | it | little | toward | towards | the | end | nice | and | quite | rather | slightly | in
    | being | all | track by track | over time | increasingly
""")
_END = rf"(?!gets? (?:an?|the|something|it|in|on) (?!bit|little)){_ENDS}(?: {_ENDS_HOW})*"

# --- single words ------------------------------------------------------------------------------------


@functools.cache
def vocabulary() -> frozenset[str]:
    """Give every single word that means something to the parser."""
    tables = (w.MOOD_WORDS, w.PURPOSE_WORDS, w.ENERGY_WORDS, w.TEMPO_WORDS, w.CURVE_WORDS)
    text = " ".join([row for table in tables for row in table.values()] + [w.LOW, w.HIGH])
    patterns = (
        _MORE, _LESS, ABOUT, BPM, _TEMPO, NOT, TRACKS, _START, _END, _ENERGY, PEOPLE,
        leads.LIKE, leads.UNLIKE, leads.WITHOUT,
    )  # fmt: skip
    more = (
        "minutes minute hours hour quarters quarter percent minor major sharp flat camelot compatible harmonic "
        "neighbouring "
        "related double playlist between speed accelerate consecutively different including containing through couple"
    )
    found = re.findall(r"[a-z]+", " ".join([text, *(_PLAIN.sub(" ", pattern) for pattern in patterns), more]))
    return (frozenset(word for word in found if len(word) > 2) - w.FILLERS - {"minus"}) | _MEANT


def is_known(word: str) -> bool:
    """Tell whether a word is one that the parser has heard of, so that it is no misspelling of another."""
    return word in vocabulary() or word in w.FILLERS or word in w.NOT_MEASURED


@functools.cache
def other_words() -> list[str]:
    """Give the words that are no misspellings of others."""
    return sorted(w.NOT_MEASURED | w.FILLERS)


@functools.cache
def mood_patterns() -> tuple[dict[str, str], str]:
    """Give the mood of each word, and one pattern for all words."""
    moods = {word: mood for mood, words in w.MOOD_WORDS.items() for word in words.split("|")}
    return moods, any_word(w.MOOD_WORDS.values())


@functools.cache
def each_mood() -> re.Pattern[str]:
    """Give the pattern of a word for a mood."""
    return whole(mood_patterns()[1])


@functools.cache
def refused_moods() -> re.Pattern[str]:
    """Give the pattern of moods that are not wanted."""
    words = mood_patterns()[1]
    but = "(?:except|excluding|anything but|apart from|other than)(?: for)?"
    return whole(
        rf"{but} (?:{words})(?: (?:or|and) (?:{words}))*|"
        rf"{NOT} (?:{words})(?: (?:or|nor|and no|and not|or too) (?:{words}))*"
    )


@functools.cache
def course_words() -> str:
    """Give one pattern for what a list may begin or end with."""
    moods = mood_patterns()[1]
    return "|".join(
        sorted({*w.LOW.split("|"), *w.HIGH.split("|"), *moods.split("|")}, key=lambda word: (-len(word), word))
    )


def height(word: str) -> float:
    """Give how high the energy is that a word stands for, 0 to 1."""
    if word in w.LOW.split("|"):
        return 0.2
    if word in w.HIGH.split("|"):
        return 0.8
    region = MOODS[mood_patterns()[0][word]]
    return sum(region.arousal) / 2


#: What is no word in a pattern.
_PLAIN = re.compile(r"\\\w|\(\?<?[!=:]|\?")
#: Fillers that other words are often misspellings of.
_MEANT = frozenset((
    "minutes", "minute", "hours", "energy", "tempo", "tracks", "songs", "around", "between", "above", "below",
    "under", "starting", "ending",
))  # fmt: skip
# --- keys, switches -----------------------------------------------------------------------------------

_MODE = r"(?P<mode>minor|min|m|major|maj)"
#: What is numbered as keys are.
_PLACE = any_of("""
    room | gate | apartment | flat | platform | line | bus | seat | row | class | grade | hall | studio | building
    | block | floor | group | section | page | unit | house | number | no | exit | level | hangar | terminal | tram
""")
_OF_KEY = "(?:in|key of|in the key of|key)"
_CAMELOT = r"(?P<tonic>(?:1[0-2]|[1-9])[ab])"
#: Of one word, which may be another.
SHORT_KEYS = frozenset(f"{tonic}m" for tonic in "abcdefg")
#: What may follow on "a minor" where that is a key.
BEHIND_KEYS = w.word_set("or and with at for key songs tracks music tunes please set playlist mix only")
NO_SMALL_KEYS = frozenset(("am", "em", "fm"))
KEYS = (
    whole(  # A minor, F#m, in the key of B flat major
        rf"(?:{_OF_KEY} )?(?:key |key: |: )?(?P<tonic>[a-g](?:#|b)?(?: (?:sharp|flat))?) ?{_MODE}(?! key of)(?: keys?)?"
    ),
    whole(rf"(?:(?P<place>{_PLACE}) )?(?:(?:in|camelot|key|key of|in the key of|code) )*{_CAMELOT}(?: keys?)?"),  # 8A
    whole(  # in F#, key of B flat
        r"(?:(?:in|key of|in the key of|key|in key) )+"
        rf"(?P<tonic>[a-g](?:#|b)(?:{_MODE})?|[b-g](?: (?:sharp|flat))?)(?! \d)"
    ),
    whole(r"(?:in the |the )?(?:key of|key:|key =|key :) (?P<tonic>[a-g](?: (?:sharp|flat))?)"),
    whole(rf"(?:in )?(?P<tonic>[a-g](?:#|b)){_MODE}"),
)
_GOES_WITH = any_of("""
    (?:fit | fits | fitting | go | goes | going | work | works | match | matches | matching | compatible | harmonic
    | mix | mixes | blend | blends)(?: (?:well | nicely | in key | together | harmonically))*(?: (?:with | to))?
""")
_FITTING_KEYS = r"(?:harmonically |key )?(?:compatible|neighbou?ring|related|neighbou?rs)(?: keys?| ones?)?"
COMPATIBLE = whole(
    rf"(?:in )?(?:a |any |all |the )?keys? (?:that |which |what )?(?:is |are )?{_GOES_WITH}(?= {TAKEN}|$)|"
    r"(?:(?:and|or|in|a|any|all|the|everything|anything|what|whatever|keys?|that|which|is|are) )*"
    rf"{_GOES_WITH} (?:it|that|this)|"
    rf"(?:fit|fits|fitting|match|matching|mix|mixing|mixes) (?:well )?(?:with|to)(?= {TAKEN})|"
    r"(?:(?:and|or|with|plus|in) )?(?:its |their |the |all |any |other )*"
    rf"(?:{_FITTING_KEYS}|matching keys?|harmonic(?:ally)? (?:mix(?:ed|ing)|compatible|matched)|"
    r"keys that (?:fit|go with it|match)|neighbou?rs on the (?:wheel|circle))"
)
HALF_DOUBLE = whole(
    r"(?:(?:count|counting|allow|allowing|with|including|include|or|also|and) )?"
    r"(?:(?:half|half time|halftime)(?: tempo)? (?:and|or|/|and also)?(?: )?double(?: time| tempo| speed)?"
    r"|double(?: tempo)? (?:and|or|/) half(?: time| tempo| speed)?)(?: (?:that|it))?"
    r"(?: (?:as|is|are|counts?|okay|ok|fine|allowed|too|the same|same|as well|tempos?|welcome|makes? no difference))*"
    r"|(?:(?:or|and|at) )?(?:half|double)(?: of)?(?: (?:it|that|this|the|tempo|speed|bpm|time))* "
    r"(?:is|are|counts?|also)(?: (?:fine|too|okay|ok|as well|good|allowed|also|count|the same))*"
)
#: A tempo that counts as the same as another one, where that is its half or its double.
OCTAVES = (
    whole(
        rf"(?:treat|count|counting|consider|take|tagged) {NUM}(?: {BPM})?(?: (?:as|like|or))?"
        rf"(?: (?:if it were|the same|well|also|the same thing))*(?: (?:as )?{NUM})?"
    ),
    whole(
        rf"{NUM}(?: {BPM})? (?:counts?|is|are|would be)(?: (?:also|fine|okay|ok|allowed|welcome|just))* (?:as )?"
        rf"(?:the same|half|double|well|too)(?: (?:tempo|time|thing|half))*(?: as {NUM})?"
    ),
)
_BY_STANDARDS_OF = any_of("""
    for | by | relative to | compared (?:to | with) | measured by | in terms of | by the standards of | judged by
    | within | measured against | judged against | against | by the measure of | in relation to
""")
_ALL_OF = any_of("""
    the | rest | of | all | everything | else | we've | i've | got | have | in | other | stuff | songs | tracks | music
""")
RANKED = whole(
    rf"{_BY_STANDARDS_OF} (?:{_ALL_OF} )*(?:my|this|the|our) (?:own |whole |entire )?"
    rf"(?:library|collection)(?: own)?(?: standards?| scale)?|"
    r"(?:ranked|by rank|as ranks?)"
)

# --- figures: what is found, and what it means --------------------------------------------------------

_HOUR = r"(?:hours?|hrs?|h)"
_MIN = r"(?:minutes?|mins?|m)"
DURATIONS: tuple[tuple[re.Pattern[str], Callable[..., float]], ...] = (
    (whole(rf"{NUM} {_HOUR} (?:and )?([1-5]?\d)(?: {_MIN})?(?! (?:{TRACKS}|bpm|to|-))"), lambda h, m: 60 * h + m),
    (whole(rf"{NUM} : {NUM} {_HOUR}"), lambda h, m: 60 * h + m),
    (whole(rf"{NUM} (?:and )?(?:a )?half (?:an? )?{_HOUR}"), lambda h: 60 * h + 30),
    (whole(rf"{NUM} {_HOUR} and (?:a )?half"), lambda h: 60 * h + 30),
    (whole(rf"{NUM} {_HOUR} and (?:a )?quarter"), lambda h: 60 * h + 15),
    (whole(rf"(?:(?:an?|one|1) )?{_HOUR} and (?:a )?half"), lambda: 90),
    (whole(rf"(?:(?:an?|one|1) )?{_HOUR} and (?:a )?quarter"), lambda: 75),
    (whole(rf"(?:an?|one) {_HOUR} and {NUM}(?: {_MIN})?"), lambda m: 60 + m),
    (whole(rf"(?:an?|one) and (?:a )?half {_HOUR}"), lambda: 90),
    (whole(rf"(?:three|3) quarters of an {_HOUR}"), lambda: 45),
    (whole(rf"(?:a )?quarter (?:of )?an? {_HOUR}|quarter {_HOUR}"), lambda: 15),
    (whole(rf"half (?:an? )?{_HOUR}|(?:a )?half {_HOUR}"), lambda: 30),
    (whole(rf"(?:a )?couple (?:of )?{_HOUR}"), lambda: 120),
    (whole(rf"{NUM} - {_HOUR}|{NUM} {_HOUR}"), lambda *h: 60 * max(h)),
    (whole(rf"(?:an?|one) (?:full |whole |entire |good )?{_HOUR}(?: long)?"), lambda: 60),
    (whole(rf"(?:about |around |roughly )?{NUM} (?:minutes?|mins?|minuets)(?: long)?"), lambda m: m),
    (whole(r"(\d+)m(?! (?:above|below|long|high|wide|deep|from|of|away|tall|apart))"), float),
)  # fmt: skip

_UP = r"(?:and|or) (?:up|more|above|faster)"
_UPWARDS = r"(?:(?:and|or) (?:up|more|above|faster|higher|over|upwards?)|minimum|min|at least|plus|upwards?)"
_DOWN = r"(?:and|or) (?:below|less|slower)"
_DOWNWARDS = r"(?:(?:and|or) (?:below|less|slower|under|lower|down)|maximum|max|at most|tops)"
_OTHER_UNIT = rf"(?! (?:{TRACKS}|minutes?|mins?|hours?|%|percent))"


def _between(a: float, b: float) -> Range:
    return a, b


def _tempi_between(a: float, b: float) -> Range:
    """Without a unit, only figures that nothing else is likely to have."""
    return (a, b) if min(a, b) >= LEAST_ALONE else _NO_RANGE


def _limits(a: float, b: float) -> Range:
    """Of two limits that contradict each other no range is made."""
    return (a, b) if a < b else _NO_RANGE


def _bpm_from(a: float) -> Range:
    return a, OPEN_BPM[1]


def _bpm_to(a: float) -> Range:
    return OPEN_BPM[0], a


def _bpm_from_alone(a: float) -> Range:
    return _bpm_from(a) if a >= LEAST_ALONE else _NO_RANGE


def _bpm_to_alone(a: float) -> Range:
    return _bpm_to(a) if a >= LEAST_ALONE else _NO_RANGE


def _bpm_about(a: float) -> Range:
    return round(a * (1 - ABOUT_BPM), 1), round(a * (1 + ABOUT_BPM), 1)


def _bpm_near(a: float) -> Range:
    return a - NEAR_BPM, a + NEAR_BPM


BPMS: tuple[tuple[re.Pattern[str], Callable[..., Range]], ...] = (
    (
        whole(rf"(?:(?:between|from|at|in|in the range of|{_TEMPO}) )*{NUM}(?: {BPM})? {_TO} {NUM} {BPM}(?: range)?"),
        _between,
    ),
    (whole(rf"{_TEMPO}(?: (?:between|from|range|in))* {NUM} {_TO} {NUM}(?: {BPM})?"), _between),
    (whole(rf"(?:between|from) {NUM} {_TO} {NUM}{_OTHER_UNIT}"), _tempi_between),
    (
        whole(
            rf"(?:{_TEMPO} )?(?:{_NOT_LESS}|{_MORE}) {NUM}(?: {BPM})?(?: (?:and|but))? "
            rf"(?:{_NOT_MORE}|{_LESS}) {NUM} {BPM}|"
            rf"{_TEMPO} (?:{_NOT_LESS}|{_MORE}) {NUM}(?: (?:and|but))? (?:{_NOT_MORE}|{_LESS}) {NUM}"
        ),
        _limits,
    ),
    *(
        (whole(rf"(?:{_TEMPO} )?{limit} {NUM} {BPM}(?: (?:{_UP}|{_DOWN})(?! \d))?|{_TEMPO} {limit} {NUM}"), bounds)
        for limit, bounds in ((_NOT_MORE, _bpm_to), (_NOT_LESS, _bpm_from), (_MORE, _bpm_from), (_LESS, _bpm_to))
    ),
    (whole(rf"{_NEVER}(?: {_NEVER_HOW})* (?:faster|quicker) than {NUM}{_OTHER_UNIT}"), _bpm_to_alone),
    (whole(rf"{_NEVER}(?: {_NEVER_HOW})* slower than {NUM}{_OTHER_UNIT}"), _bpm_from_alone),
    (whole(rf"(?:faster|quicker) than {NUM}{_OTHER_UNIT}"), _bpm_from_alone),
    (whole(rf"slower than {NUM}{_OTHER_UNIT}"), _bpm_to_alone),
    (whole(rf"{NUM} \+(?: {BPM})?|{NUM} {BPM} \+"), _bpm_from),
    (whole(rf"{NUM} {BPM} {_UPWARDS}"), _bpm_from),
    (whole(rf"{NUM} {BPM} {_DOWNWARDS}"), _bpm_to),
    (whole(rf"(?:(?:at|{_TEMPO}) )?{ABOUT} {NUM} {BPM}"), _bpm_about),
    (whole(rf"{_TEMPO} {ABOUT} {NUM}|{NUM} {BPM} (?:or so|ish|give or take|more or less)"), _bpm_about),
    (whole(rf"(?:(?:at|in|exactly|of|{_TEMPO}) )*{NUM} {BPM}"), _bpm_near),
    (whole(rf"{_TEMPO} (?:exactly )?{NUM}"), _bpm_near),
)


def _energy_from(a: float) -> Range:
    return a, 1.0


def _energy_to(a: float) -> Range:
    return 0.0, a


def _energy_near(a: float) -> Range:
    return a - NEAR_ENERGY, a + NEAR_ENERGY


_OF = r"(?: (?:%|percent|out of 10|/ 10))?"
ENERGIES: tuple[tuple[re.Pattern[str], Callable[..., Range]], ...] = (
    (whole(rf"{_ENERGY}(?: (?:between|from|range|in))* {NUM}{_OF} {_TO} {NUM}{_OF}"), _between),
    (whole(rf"(?:between |from )?{NUM}{_OF} {_TO} {NUM}{_OF} energy"), _between),
    *(
        (whole(rf"{_ENERGY} {limit} {NUM}{_OF}|{limit} {NUM}{_OF} energy|{limit} {_ENERGY} {NUM}{_OF}"), bounds)
        for limit, bounds in (
            (_NOT_MORE, _energy_to),
            (_NOT_LESS, _energy_from),
            (_MORE, _energy_from),
            (_LESS, _energy_to),
        )
    ),
    (whole(rf"{_ENERGY} {NUM}{_OF} (?:{_UPWARDS}|{_UP})"), _energy_from),
    (whole(rf"{_ENERGY} {NUM}{_OF} (?:{_DOWNWARDS}|{_DOWN})"), _energy_to),
    (whole(rf"{_ENERGY}(?: {ABOUT})? {NUM}{_OF}"), _energy_near),
    (whole(rf"(?:{ABOUT} )?{NUM}{_OF} energy"), _energy_near),
)

# --- courses of energy --------------------------------------------------------------------------------


def _longest_first(words: str) -> str:
    return "|".join(sorted(words.split("|"), key=lambda word: (-len(word), word)))


ENDS = tuple(
    (whole(rf"{_END} (?:{_longest_first(words)})(?: and (?:{_longest_first(words)}))*"), curve)
    for words, curve in ((w.HIGH, "rise"), (w.LOW, "fall"))
)
STARTS = tuple(
    (whole(rf"{_START} (?:{_longest_first(words)})(?: and (?:{_longest_first(words)}))*"), curve)
    for words, curve in ((w.LOW, "rise"), (w.HIGH, "fall"))
)
_MIDDLE = r"(?: (?:in|at|around|towards?|near))* (?:the (?:middle|centre|center|halfway point|midpoint)|half ?way)"
#: Highest in the middle, however it begins and ends.
MIDDLE = whole(
    rf"(?:{_longest_first(w.HIGH + '|' + w.HIGHEST)}|(?:most|more|very) (?:{_longest_first(w.HIGH)})){_MIDDLE}"
)
#: A word and what it is that begins or ends so.
NOUN_ENDS, NOUN_STARTS = (
    tuple((whole(rf"(?:an? |the )?(?:{_longest_first(words)}) (?:{nouns})(?! of)"), curve) for words, curve in courses)
    for nouns, courses in (
        ("end|ending|finish|finale|close", ((w.HIGH, "rise"), (w.LOW, "fall"))),
        ("start|beginning|begin|opening|intro", ((w.LOW, "rise"), (w.HIGH, "fall"))),
    )
)

_NUMBER = rf"{NUM}(?: {BPM})?"
_STARTING = r"(?:start|starts|starting|begin|begins|beginning|open|opening)(?: (?:off|out|at|with|from))*"
_MEANWHILE = rf"((?: (?:and|then|·|livelier|calmer|{TAKEN}))*)"
_ARRIVING = any_of("""
    end | ends | ending | finish | finishing | finishes | up | go | going | rise | rising | build | building | work up
    | speed up | slow down | and
""")
_ARRIVING_HOW = any_of("up | livelier | calmer | to | at | with | down | faster | slower | towards")
_CHANGING = any_of("""
    speed up | speeding up | slow down | slowing down | rise | rising | go | going | climb | climbing | build | building
    | accelerate | accelerating | ramp | ramping | move | moving | work | drop | dropping | fall | falling
""")
#: Two tempi, the first and the last, with a group before each.
TEMPO_COURSES = (
    whole(  # start at 90 bpm and end at 110
        rf"{_STARTING}(?: {ABOUT})? ()?{_NUMBER}{_MEANWHILE} {_ARRIVING}(?: {_ARRIVING_HOW})*(?: {ABOUT})? {_NUMBER}"
    ),
    whole(rf"{_CHANGING}(?: (?:up|down))?()?(?: from)? {_NUMBER} ()?(?:to|until|up to|down to) {_NUMBER}"),
)


@functools.cache
def energy_course() -> re.Pattern[str]:
    """Give the pattern of what a list begins with and what it ends with, a group each."""
    high_or_low = course_words()
    return whole(
        r"(?:from|starts?|starting|begins?|beginning|going|opens?|opening)"
        rf"(?: (?:off|out|with|from|very|a|something))* ({high_or_low}) (?:and |then )?"
        r"(?:to|until|towards?|ends?|ending|finish(?:es|ing)?|getting|gets|going|go|becoming|building to)"
        rf"(?: (?:to|up|very|with|at|something|being))* ({high_or_low})"
    )


_OF_ENERGY = (
    r"(?:(?:an? |the )?(?:energy |tension |intensity )?(?:should |must |that |which |to |energy )*)?"
    r"(?:slowly |gradually |gently |steadily |(?:long |very )?(?:slow|gentle|gradual|soft|quick|fast|smooth|long) )?"
)
_AND_HOW = r"(?: slowly| gradually| steadily| gently)?(?: in| the| in the)?(?: energy| intensity| pace)?(?: curve)?"
_RISING, _FALLING = w.CURVE_WORDS["rise"], w.CURVE_WORDS["fall"]
_ON = rf"(?: (?:{w.BETWEEN_HALVES}|{TAKEN}))*"
ARC = whole(
    rf"{_OF_ENERGY}(?:{_RISING}|up){_ON}(?: (?:{w.JOINTS}){_ON})+ (?:{_FALLING}|drops?|dropping|ebbs?|down)(?: again)?"
)
CURVES = tuple((whole(rf"{_OF_ENERGY}({words}){_AND_HOW}"), curve) for curve, words in w.CURVE_WORDS.items())

# --- spread, numbers, purposes ------------------------------------------------------------------------


def _once(people: str) -> re.Pattern[str]:
    """Match what says that each is to come once."""
    one = rf"(?:only |just |at most |max |maximum )?(?:one|1|a single) (?:{TRACKS} )?"
    no = r"(?:no|don't|do not|never|without|not|avoid)"
    repeats = r"(?:repeat|repeats|repeated|repeating|repetition)s?"
    return whole(
        rf"(?:{one}(?:per|from each|by each|of each|for each|from every|from any) {people}|"
        rf"{no} (?:two |2 )(?:{TRACKS} )?(?:by|from|of|off) (?:the same|one|any) {people}(?! in a row| back to back)|"
        rf"(?:each|every) {people} (?:\w+ )?(?:only |just )?(?:once|one time|1 time|a single time)|"
        rf"(?:the )?same {people} (?:not|never) (?:again|more than once|twice(?! in a row| back to back))|"
        rf"{no} (?:any )?{repeats}(?: of| any| an| the| same)* {people}|"
        rf"(?:all )?different {people}(?: only)?|"
        rf"(?:no|never|not)(?: (?:any|the|one|same|two|an))* {people}"
        r"(?: (?:should|may|must|can|to|be|is|being|appears?|appearing|occurs?|comes?|coming|plays?|played|heard|shows?"
        r"|up))*"
        r" (?:twice|more than once|repeat|repeated|repeats|repeating|again)(?! in a row| back to back))"
    )


def _in_a_row(people: str) -> re.Pattern[str]:
    """Match what says that two are not to stand side by side."""
    row = any_of("""
        in a row | back to back | side by side | consecutively | next to each other
        | one after (?:(?:the )?other | another)
        | in succession | directly after each other | right after each other | one behind the other | running
    """)
    return whole(
        r"(?:no|never|not|without|don't|do not|avoid)"
        r"(?: (?:play|playing|have|having|put|any|the|two|2|more than one|a))*"
        rf"(?: {TRACKS})?(?: (?:by|from|of|off|with))?(?: (?:the|one|any|a|an|same|single|two|2))* {people}"
        rf"(?: (?:twice|2 x|2 times?|two times?|again|repeated|repeating|appearing|playing|{row}))* {row}(?: twice)?"
        rf"|(?:no|never|not)(?: (?:\w+))* (?:from|by|of) the same {people} as the (?:{TRACKS}|one) before(?: it)?"
        rf"|(?:the )?same {people} (?:not|never)(?: (?:twice|two times|2 times))? {row}"
    )


def _apart(people: str) -> re.Pattern[str]:
    """Match what says how many are to stand between two."""
    return whole(
        rf"(?:at least )?{NUM} (?:other )?{TRACKS}(?: at least)? between "
        rf"(?:(?:songs|tracks|two|2|the|one|same|of|off|by|from|any|each) )*{people}"
        rf"|same {people} (?:may |can |should )?(?:only )?(?:come back |return |again |be back )*(?:only )?after "
        rf"(?:at least )?{NUM} (?:other )?{TRACKS}"
    )


#: How near two of one artist or album may stand: the field, what is found, and its number where it names none.
GAPS = tuple(
    (f"{of}_gap", pattern, gap)
    for of, people in (("artist", PEOPLE), ("album", "albums?"))
    for pattern, gap in ((_in_a_row(people), 1), (_apart(people), None), (_once(people), MAX_TRACKS))
)

#: Words between a number and what is counted; not another noun in the plural, which would be it.
_BETWEEN = (
    r"(?:(?!(?:and|to|or|by|for|in|at|with|bpm|minutes?|hours?|between|people|children|men|women|years?|pm|am|st|nd|rd"
    r"|th|euros?|km|miles?|percent)\b)(?![^\d\s]+[^s\s'u]s )[^\d\s]+ "
    r"|(?:blues|drums|vocals|synths|strings|lyrics|less) ){0,4}?"
)
#: Numbers of tracks, in the second group of three.
COUNTS = (
    whole(rf"((?:top|best|first)) {NUM}(?: ({TRACKS}))?(?! ·)"),
    whole(rf"()(?<!\S){NUM} {_BETWEEN}({TRACKS}|sounds|soundalikes|matches|hits)"),
    whole(rf"((?:n|count|quantity|number of {TRACKS}) (?:= |: |is |of )*){NUM}()"),
    whole(rf"((?:return|list|give me|show me|get me) ){NUM}()(?= {TAKEN}|$)"),
    whole(
        rf"((?:find|give|show|return|get|want|list)(?: me)? ){NUM}(?: (closest|nearest|more|best|most))?(?= {TAKEN})"
    ),
    whole(rf"(){NUM} (of (?:them|em|those|these))"),
    whole(rf"({TRACKS}(?: :)? ){NUM}()(?= {TAKEN}|$)"),
    whole(rf"((?:make|let) (?:it|that|them|it be) ){NUM}()(?= {TAKEN}|$|(?: (?:instead|please|then|and|with|but)))"),
)
#: Behind these, what is said replaces what was said before.
INSTEAD = any_of("""
    no wait | wait no | nope | nah | the opposite | erm | actually(?: no)? | no actually | (?:oh )?hang on | no sorry
    | sorry(?: no)? | scratch that | scrap that | i mean | now (?:he | she | it | they | i | we) wants?
    | forget (?:that | it) | on second thoughts? | or rather | no rather | no make (?:it | that) | make (?:it | that)
    | wait | no no | hold on | correction | no let's say | better | i meant | i'd rather | i would rather
""")
INSTEAD_OF = whole(INSTEAD)
#: A number with a unit, and one behind it that replaces it.
REPLACED = whole(
    rf"{NUM} ({BPM}|{TRACKS}|minutes?|mins?|hours?)(?: [^\d\s]+){{0,4}}? {INSTEAD}"
    rf"(?: (?:say|only|it|make|let's))* {NUM}(?! \S*(?:bpm|minute|min|hour|{TRACKS}))"
)
COUPLE = whole(rf"(?:a )?couple (?:of )?{TRACKS}")

_FOR = (
    r"(?:(?P<framed>(?:music |songs |tracks |playlist |mix |list )?"
    r"(?:for|to|while|when|during|at|suitable for|before|as)) )?(?:the |a |my |our |an )?"
)
PURPOSES = tuple(
    (whole(rf"{_FOR}(?:{words})(?: time| session)?(?! (?:is|was|are|has|had))"), moods)
    for moods, words in w.PURPOSE_WORDS.items()
)
