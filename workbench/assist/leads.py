"""The words that lead to the name of a track or an artist, or that follow on one, and say what it is for."""

from __future__ import annotations

from workbench.assist import words as w
from workbench.assist.pieces import TRACKS, any_of, any_word

_NO_LIKING = "".join(
    rf"(?<!{before} )"
    for before in (
        "would", "i'd", "we'd", r"\bi", r"\bwe", r"\byou", "they", "feel", "not", "nothing", "less",
    )
)  # fmt: skip
LIKE = (
    _NO_LIKING
    + any_of("""
    (?:similar in style | close in sound | sounds? similar | sounding similar | similar | close | closest | akin | near
    | comparable | similar (?:sounds | songs | tracks | music | ones)) to | comparable with
    | (?:siblings | twins | cousins | relatives | sound ?alikes? | look ?alikes? | equivalents? | neighbou?rs | matches
    | counterparts) (?:of | for | to) | along the lines of
    | sounds?(?: (?:almost | nearly))? the same as | same (?:sound | vibe | feel | style | mood | character) as
    | (?:closest | nearest | best)(?: match(?:es)?)? (?:to | for) | similar : | similar with | target : | seed :
    | (?:(?:sounds? | sounding | something | feels? | much | just | stuff | more) )?like
    | in the (?:style | vein | spirit | manner) of | reminiscent of | reminds? (?:me | one | us | you) of
    | resembling | resembles?
    | inspired by | based on | seeded (?:with | by | from) | that match(?:es)? | matching
""")
    + r"(?: (?:a |the )?(?:mix|blend|mixture|cross|combination|mash up|hybrid) (?:of|between))?"
)
_ANY_OF_IT = "(?: (?:anything | everything | all | stuff | songs | tracks | those))?(?: (?:that | which))?"
_LIKENESS = "(?:like | similar to | resembling | reminiscent of)"
_MUCH = "(?:(?:much | sound | feel | be | too | so) )*"
UNLIKE = any_of(f"""
    (?:not | nothing | less | doesn't | don't | shouldn't | mustn't) {_MUCH}{_LIKENESS}
    | (?:keep away from | avoid | minus | without | no | not | nothing | never){_ANY_OF_IT} (?:sounds? | sounding) like
    | unlike | different from | dissimilar to
""")
_USE = " (?:put | play | include | contain | add | use | have)"
_LEAVING_OUT = any_of(f"""
    (?:never | don't | do not | must not | mustn't | should not | shouldn't | not){_USE}
    | isn't | aren't | is not | not one | not a single (?:one | song | track)
    | no | without | except(?: for)? | not | nothing | skip | skipping | exclude | excluding | leave out | leaving out
    | avoid | avoiding | minus | never | (?:anything | everything | everyone | anyone | all) (?:but | except)
    | no more | none | hold | apart from | other than | leave | drop | ban | (?<!don't )forget
""")
_ANYTHING = r"(?: (?:anything|those|ones|titles|any|more|stuff|songs?|tracks?|tunes|music|everything))*"
_SUCH_SONGS = rf" (?:{any_word(w.MOOD_WORDS.values(), w.TEMPO_WORDS.values())}) {TRACKS} (?:by|from|of)"
WITHOUT = rf"(?:but )?{_LEAVING_OUT}(?:{_SUCH_SONGS}|{_ANYTHING}(?: by| from| of| with)?)"
BY = (
    r"(?:only |all |just |nothing but |stuff |everything |anything )*(?:by|only|from|of|nothing but|just|performed by"
    r"|(?:restrict|limit)(?:ed)?(?: it)? to)"
)
_IS_TO_BE = r"(?: (?:should be|must be|has to be|to be|shall be|will be|being|is|=|:))"
FIRST = (
    r"(?:(?:start(?:s|ing|ed)?|beg[iau]n(?:s|ning)?|open(?:s|ing|ed)?|kick(?:s|ing|ed)? off)(?: off| up)?"
    rf"(?: with| on| from| at)?|(?:the )?first(?: thing)?{_IS_TO_BE}"
    rf"|(?:the )?(?:very )?(?:first|opening) (?:{TRACKS}|one){_IS_TO_BE}?|opener{_IS_TO_BE}?)"
)
LAST = (
    r"(?:(?:wrap(?:s|ping)? up|end(?:s|ing|ed)?|finish(?:es|ing|ed)?|clos(?:e|es|ing|ed)|leads?|leading"
    r"|arriv(?:e|es|ing))"
    rf"(?: up| off| out)?(?: with| on| at| to)?|(?:the )?last(?: thing| thing heard)?{_IS_TO_BE}"
    rf"|(?:the )?(?:very )?(?:last|final|closing) (?:{TRACKS}|one){_IS_TO_BE}?|closer{_IS_TO_BE}?)"
)
VIA = any_of("""
    visit(?:s|ing)? | call(?:s|ing)? at | stop(?:s|ping)?(?: off)? (?:at | by) | past | going past | waypoints? | via
    | through | thru | by way of | pass(?:es|ing|ed)?(?: (?:through | by))? | go(?:es|ing)? through | went through
""")
#: Behind an artist, and where something is to be like a track that is named elsewhere.
ONLY = any_of("only | exclusively | (?:and )?nobody else | (?:and )?no one else | (?:and )?nothing else")
_AS = r"(?:as|for|being) (?:the |an? |our |my )?(?:very )?"
_ONE = rf"(?:{TRACKS}|one)"
AS_FIRST = rf"first(?! (?:{_ONE}|of))|{_AS}(?:first|opening)(?: {_ONE})?|{_AS}opener"
AS_LAST = rf"last(?! (?:{_ONE}|of))|at the (?:very )?end|{_AS}(?:last|final|closing)(?: {_ONE})?|{_AS}(?:closer|finale)"
_THAT = "(?:it | that | this)(?: (?:one | song | track | tune))?"
FIRST_THAT = rf"(?:start|starts|begin|begins|open|opens|kick off)(?: off)? (?:with|on) {any_of(_THAT)}"
LAST_THAT = rf"(?:end|ends|finish|finishes|close|closes) (?:with|on) {any_of(_THAT)}"
_BE_IN = " be (?:in | on)(?: (?:it | there | the list))?"
NOT_IN = any_of(f"""
    (?:mustn't | shouldn't | can't | (?:must | should | may | shall | can) (?:not | never)){_BE_IN}
    | (?:must not | mustn't | is not to | may not)(?: be (?:used | played | included | there))? | off the list | off it
    | is (?:forbidden | banned | not allowed | not welcome | out)
""")
MUST_BE_IN = any_of(f"""
    (?:has to | must | should | needs to | is to | ought to){_BE_IN}
    | is a must | included | is (?:in | on) (?:it | there | the list)
""")
AS_WAY = any_of("""
    as(?: (?:a | the | our))? (?:stop | waypoint | stopover | way point)(?: in between)?
    | on the way | along the way | en route
""")
SUCH = any_of(f"""
    similar (?:ones? | tracks? | songs? | music | stuff | things? | tunes? | pieces? | sounds?)
    | similar to (?:it | that | this)
    | (?:more | something | anything | stuff | songs | tracks | music | much | sounds? | sounding) like {_THAT}
    | (?:more | something | anything) similar | (?:in )?(?:the | that) same (?:vein | style | vibe | spirit | mood)
    | more of (?:that | the same | this) | such (?:songs | tracks | music | ones)
""")
WITH = any_of("""
    with | include | including | includes | containing | contains | featuring | must have | must include | has to have
    | must contain | put | hear | don't forget | make sure | has to contain | has to include | contain | feature
    | plus | add
""")

LEADING = (
    "similar", "without", "with", "through", "playlist", "sounds", "sounding", "starting", "ending", "between",
    "including", "excluding",
)  # fmt: skip
STOPS = frozenset((
    "but", "and", "with", "for", "at", "in", "no", "without", "to", "from", "around", "about", "over", "under",
    "between", "not", "by", "only", "per", "of", "then", "start", "end", "starting", "ending", ".", ":", "/",
))  # fmt: skip
