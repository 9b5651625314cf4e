"""The words that the offline parser knows, and what each of them asks for. `docs/assist.md` lists them.

Only words for what was measured are here. Words that people use for what was not, such as genres and instruments, are
in `NOT_MEASURED`: they are told back as such, and no misspelling is ever taken for one of them or they for one.
"""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """Give the words of a text."""
    return frozenset(text.split())


#: Mood of `workbench.features.mood.MOODS` to the words for it, each of one or more words.
MOOD_WORDS: dict[str, str] = {
    "sad": "sad|sadness|melancholic|melancholy|feeling blue|blue mood|gloomy|mournful|wistful|heartbroken|tearful|"
    "sorrowful|depressing|"
    "depressed|somber|sombre|downbeat|bittersweet|heartbreaking|miserable|lonely|"
    "unhappy|sorrow|grieving|tragic|weepy",
    "calm": "calm|calming|calmness|chill|chilled|chilly|chillout|chilling|relaxed|relaxing|relax|mellow|laid back|"
    "chill out|"
    "easy going|easygoing|tranquil|soothing|unhurried|restful|relaxation|chillaxed",
    "peaceful": "peaceful|peace|serene|serenity|meditative|tender|blissful|harmonious|idyllic|placid",
    "dark": "dark|darker|moody|brooding|ominous|sinister|mysterious|eerie|haunting|spooky|bleak|menacing|creepy|"
    "grim|scary|"
    "ghostly",
    "neutral": "neutral|balanced|matter of fact|unemotional",
    "happy": "happy|happiness|cheerful|cheery|joyful|joyous|sunny|upbeat|feel good|merry|glad|good mood|uplifting|"
    "lighthearted|light hearted|smiling|jolly|playful|optimistic|"
    "jovial|gleeful",
    "tense": "tense|tension|aggressive|angry|nervous|anxious|furious|agitated|stressful|edgy|restless|frantic|hectic|"
    "suspenseful|suspense|uneasy|unsettling",
    "energetic": "energetic|lively|driving|pumped|pumping|vigorous|energising|energizing|energized|active|punchy|"
    "peppy|high octane|kicking",
    "euphoric": "euphoric|euphoria|ecstatic|exhilarating|triumphant|exuberant|jubilant|elated|rapturous|overjoyed",
}

#: What music is for, and the moods that go with it where no mood is named.
PURPOSE_WORDS: dict[tuple[str, ...], str] = {
    ("happy", "energetic", "euphoric"): "party|parties|partying|dancing|dancefloor|dance floor",
    ("energetic", "euphoric"): "workout|work out|working out|gym|running|jogging|training|spinning|cardio",
    ("calm", "peaceful"): "sleep|sleeping|bedtime|yoga|meditation|meditating|meditate|falling asleep|spa|massage",
    ("calm", "peaceful", "neutral"): "study|studying|focus|concentration|concentrating|reading|homework",
}

#: Lowest and highest energy. The borders are those between the moods of `workbench.features.mood`.
ENERGY_WORDS: dict[tuple[float, float], str] = {
    (0.0, 0.4): "quiet|soft|softly|low energy|gentle|hushed|subdued|delicate|energy low|little energy|background|"
    "low in energy|less energy|not much energy|unobtrusive",
    (0.4, 0.6): "medium energy|mid energy|moderate energy|energy medium|some energy|middling energy|average energy|"
    "energy moderate",
    (0.6, 1.0): "loud|high in energy|high energy|intense|powerful|hard hitting|energy high|full of energy|"
    "lots of energy|heavy "
                "hitting|"
    "more energy|a lot of energy|forceful|much energy|noisy|plenty of energy|big energy",
}  # fmt: skip

#: Lowest and highest tempo, beats per minute.
TEMPO_WORDS: dict[tuple[float, float], str] = {
    (40.0, 90.0): "slow|slow tempo|downtempo|down tempo|slow paced|leisurely|sluggish",
    (90.0, 120.0): "mid tempo|midtempo|medium tempo|moderate tempo|medium paced|walking pace|moderately paced",
    (125.0, 220.0): "fast|quick|uptempo|up tempo|fast tempo|rapid|speedy|fast paced|brisk|high tempo",
}

#: How energy goes, in words that stand for themselves.
CURVE_WORDS: dict[str, str] = {
    "arc": "arc|"
    "(?:peak|peaks|peaking|peaked|climax|climaxes|highlight|high point|culminates?)(?: in| at| around)? the middle|"
    "(?:peak|climax|highlight) (?:in |at |around )?(?:half way|halfway|mid way|midway)|bell curve|bell shaped|"
    "(?:shaped )?like an? (?:hill|bell|mountain|arch)|(?:build|bring|take) (?:the )?energy up (?:and |then )+"
    "(?:let it )?(?:all )?"
    "(?:come|go|bring it|take it) (?:back )?down",
    "rise": "rise|rises|rising|build up|builds up|building up|building|builds|buildup|ramp up|ramps up|ramping up|"
    "ramp|crescendo|increasing|increases|increasing energy|climb|climbs|climbing|warm up|warms up|warming up|warmup|"
    "energy up|energy growing|energy grows?|growing energy|energy (?:must |should )?builds?|slow burn|swell|swells|"
    "swelling|"
    "up and up|(?:going|goes|go) (?:slowly|gently|gradually|steadily) up|"
    "(?:louder and louder|faster and faster|livelier and livelier|higher and higher|stronger and stronger)|"
    "creep up|creeps up|creeping up|inching up|"
    "(?:grow|grows|growing)(?: steadily| slowly| gradually)? in (?:energy|intensity)|"
    "(?:build|builds|building|raise|raises|raising|increase|lift|lifts)(?: up)?(?: the)? (?:energy|intensity|tension)|"
    "ascending|going up|goes up|go up|pick up|picks up|picking up|heat up|heats up|heating up|gain momentum|"
    "gains momentum|more and more energy|escalating|escalates|upward|upwards",
    "fall": "subside|subsides|subsiding|ebb away|ebbs away|ebbing away|ebbing|less and less energy|"
    "softer and softer|calmer and calmer|"
    "quieter and quieter|"
    "slower and slower|lower and lower|gentler and gentler|(?:going|goes|go) (?:slowly|gently|gradually|steadily) down|"
    "energy drops?|energy dropping|fall|falls|falling|wind down|winds down|winding down|cool down|cools down|"
    "cooling down|cooldown|calm down|calms down|calming down|come down|comes down|coming down|slow down|slows down|"
    "slowing down|decreasing|decreases|"
    "descending|descends|descend|fade|fades|fading|fade out|fades out|fading out|decline|declining|declines|"
    "going down|goes down|go down|ease off|eases off|easing off|drop off|drops off|unwind|unwinds|unwinding|"
    "ramp down|ramps down|taper|tapers|tapering|diminuendo|downward|downwards|mellow out|mellows out|sink|sinks",
    "flat": "flat|steady|constant|even energy|same energy|level energy|uniform|stable|no ups and downs|without ups "
            "and downs|"
    "consistent|unchanging|keep the energy|keeps the energy|keep it even|stays the same|stay the same|"
    "(?:the )?same (?:level|intensity)(?: throughout| all the way| the whole time)?|the same throughout|"
    "no changes? in energy|no changes|without peaks|no peaks|(?:without|no) peaks (?:or|and) (?:dips|valleys)|"
    "(?:level|even) throughout|on one level|(?:stay|stays|remain|remains|keep it|be|is) level|"
    "no change in energy|steadily",
}  # fmt: skip

#: Words for a course that mean much else: they count where what stands beside them is known.
COMMON_COURSES = word_set(
    "flat steady constant uniform stable consistent building builds rise rises fall falls sink sinks ramp climb climbs "
    "fade fades taper decline descend upward downward"
)
#: What joins the two halves of an arc, and what may stand beside it.
JOINTS = "and|then|before|but|until|till|after|afterwards|later|followed by"
BETWEEN_HALVES = (
    "it|that|this|should|must|to|the|a|list|set|mix|energy|tempo|intensity|in|of|middle|half|way|halfway|come|comes|"
    "coming|go|goes|going|back|get|gets|again|slowly|gradually|gently|steadily|at|towards|end|peak|second|first|let|so|"
    "bring|brings|falling|dropping|which|around|part|we|us"
)

#: Words for low and high, as a list may begin, go on, or end.
LOW = (
    "calmer|quieter|softer|slower|mellower|gentler|lower|calm|quiet|soft|slow|peaceful|sleepy|mellow|low|relaxed|"
    "gentle|gently|softly|quietly|slowly|chilled|chill|easy|more relaxed|more peaceful|less energetic|less intense|"
    "more mellow|calmly|more quiet|sad|sadder|tranquil|serene|low energy|tender|laid back|more calm|more chilled|"
    "downtempo|little energy|almost no energy|low in energy"
)
HIGH = (
    "livelier|louder|faster|harder|stronger|more energetic|more intense|higher|energetic|high|loud|fast|wild|wilder|"
    "with a bang|bang|euphoric|lively|hard|intense|big|bigger|strong|happier|more upbeat|more lively|more powerful|"
    "powerful|high energy|more euphoric|more driving|upbeat|more excited|exciting|more exciting|banging|peppier|"
    "driving|tense|aggressive|more aggressive|uptempo|hot|party|dancing|a lot of energy|lots of energy|much energy|"
    "full energy|full of energy|high in energy"
)
#: What is highest, as a list may be in the middle.
HIGHEST = (
    "hardest|loudest|fastest|strongest|wildest|highest|hottest|biggest|liveliest|happiest|most energetic|most intense|"
    "most energy|most powerful|most lively|most euphoric|most upbeat|energy peak|peak energy|peak|climax|highlight|"
    "high point"
)

#: Words that are meant otherwise in these neighbourhoods: what is in <angles> is left alone.
ASIDES = (
    "<happy|glad> (?:to|if|with|about|that|when|birthday|hour|new year|ending|christmas|anniversary|meal)",
    "<fast> (?:food|lane|track|forward|as|asleep)|as <fast|quick|loud|slow|quiet> as",
    "<quick> (?:question|one|thing|note|reply|answer|response|favour|favor|request|update|chat|word|look)",
    "<slow> (?:cooker|day|week|reply|internet|computer|traffic|food)|<soft> (?:drinks?|toys?|ball|launch|cheese)",
    "<blue> (?:whales?|sky|bar|moon|car|cheese|team|light|jeans|jays?|tits?|note|notes|room|dress|hour|eyes|paint)",
    "<dark> (?:chocolate|room|beer|blue|ages|matter|mode|web|hair|green|red|skin)",
    "<peace> (?:of mind|corps|treaty|talks)",
    "<party> of|<party> (?:leader|politics)|political <party>|<active> (?:members?|users?|volcano|ingredient)",
    "<running> (?:late|out|low|errands|shoes|water|order|a|an|the|my|our|for|behind)",
    "<training> (?:data|set|manual|budget|department)|<study> (?:shows|says|found|of|on|about|room)",
    "<reading> (?:a|an|the|my|this|your|list|about|glasses)|<focus> (?:on|group)|<balanced> (?:diet|budget|meal)",
    "<driving> (?:to|home|from|through|across|down|along|around|with|lessons?|test|licence|license|school|my|the|a)",
    "(?:am|are|is|was|were|be|been|while|when|keep|i'm|we're|he's|she's) <driving|smiling|running|training|reading>",
    "(?:a|the|my|our|your|his|her|their|this|that|new|old|office|apartment|public|whole) <flat|building|stable>"
    "(?! (?:curve|energy|line|up|arc|level|tempo|intensity|major|minor|maj|min))",
    "(?:in|this|last|next|every|until|since|early|late|of)(?: the)? <fall>(?! (?:of energy|in energy))",
    "<climbing|climb> (?:wall|gym|hall|club|trip|frame|rope|stairs)|<spinning> (?:wheel|top|around)",
    "<rising|rise> (?:prices?|rents?|costs?|sun|star|stars|bread)|<falling> (?:leaves|snow|asleep)",
    "<pick up|picks up|picking up|drop off|drops off|climb|climbs|climbing|going up|go up|goes up|come down|comes down|"
    "coming down|going down|go down|goes down|building|builds> (?:to )?"
    "(?:the|my|our|your|his|her|their|some|him|them|a|an)"
    "(?! (?:energy|pace|tempo|mood|intensity|speed|crowd|heat|end|peak|climax|finale|middle|big|high|loud|whole|entire"
    "|way|time|last))",
    "<background> (?:in|as|is|check|information|story)|(?:my|our|his|her|their) <background>",
    "<kicking> (?:a|the|my)|<cardio> (?:department|ward|doctor|vascular)|<sleep> (?:well|tight|over)",
    "<loud> (?:speakers?|and clear)|out <loud>|<noisy> (?:neighbou?rs?|street|data|recordings?|room)",
    "<spa> (?:town|hotel|resort)|<rise> and shine|<happy> returns|keep <calm> and|<fast> of",
    "(?:i|we|you|they|people|who|he|she) <rise|rises|fall|falls|climb|climbs|build|builds|sink|sinks|fade|fades>",
    "<\\d+ hours> (?:a|per|every) (?:day|night|week)",
    "(?:reply|answer|respond|hurry|help|need|want|send|get|do|come)(?: (?:me|us|it|this|that|back|up))* <fast|quick>",
    "(?:took|takes|lasted|waited|waiting|slept|spent|wait|late by)(?: (?:me|us|him|her|them|about|for|around|over))* "
    "<\\d+(?:\\.\\d+)? (?:minutes?|mins?|hours?|hrs?)>",
    "<\\d+(?:\\.\\d+)? (?:minutes?|mins?|hours?|hrs?)> (?:ago|late|away|early|old|drive|walk|ride|flight|from|delay)",
    "(?:at|until|till|by) <\\d+ hours>",
)
#: Whom an adjective may be about, in place of the music.
PERSONS = (
    "i|we|you|he|she|people|everyone|everybody|someone|somebody|nobody|kids|children|guests|friends|neighbours|"
    "neighbors|mother|father|mum|mom|dad|parents|wife|husband|boyfriend|girlfriend|partner|sister|brother|boss|bride|"
    "groom|son|"
    "daughter|cat|dog|baby|students|customers|visitors|patients|dancers|runners|brides|clients|pupils|colleagues|team"
)
#: Nouns that stand for music or a part of it, so that an adjective before them is about it.
MUSICAL = word_set(
    "beat beats rhythm rhythms texture textures pad pads melody melodies tone tones atmosphere character end ending "
    "ends start beginning finish finale chords harmonies harmony bassline arrangement soundscape soundscapes ambience "
    "flavour flavor touch edge side colours colors ones stuff noise noises sample samples loop loops recording "
    "recordings audio clip clips section sections passage passages opening middle half first second part parts level "
    "levels energy tempo scene film movie trailer game montage documentary video podcast story moment intro outro theme"
)

#: What people ask for that was not measured: genres, instruments, voices, times.
NOT_MEASURED = word_set(
    "rock pop jazz jazzy metal techno house trance classical classic folk soul soulful funk funky blues reggae "
    "hiphop rap disco punk indie ambient electronic electro dubstep dub grime gospel country latin salsa samba "
    "bossa swing bebop opera baroque romantic orchestral orchestra symphony symphonic acoustic piano guitar guitars "
    "violin strings string drums drum bass brass trumpet sax saxophone flute organ synth synths vocals vocal voice "
    "voices sung singing singer singers lyrics instrumental instrumentals instruments choir female male english "
    "german french spanish italian japanese covers cover remix remixes live studio recent recently new newest old "
    "oldest older newer eighties nineties sixties seventies twenties summer winter spring autumn christmas morning "
    "evening night nights afternoon breakfast lunch dinner coffee rain rainy beach road trip drive car kids "
    "children wedding popular famous unknown rated favourite favourites favorite favorites best better worst good "
    "great nice cool beautiful epic groovy groove danceable dance catchy cheesy weird strange experimental lofi "
    "retro vintage modern dreamy spacey warm cold bright crunchy atmospheric hypnotic minimal deep progressive "
    "tribal psychedelic rough smooth smoky sweet sexy sensual nostalgic love heavy light lighter bigger child "
    "guests friends office work cooking cleaning short long longer shorter genre genres year years decade decades "
    "released played plays rating language style styles album albums today tonight yesterday tomorrow weekend "
    "sunday saturday friday monday"
)

#: Words that carry nothing of their own.
FILLERS = word_set(
    "a an the of with and but or that which is are was be been being to in on at by for from into as it its it's i "
    "i'd i'll i'm i've me my mine you your we us our let let's please kindly want wants wanted would like'd need "
    "needs give gimme make makes making build create compose generate assemble put get gets getting find search "
    "show look looking play playing list listen hear something anything everything some any all more most very "
    "really quite rather fairly pretty so too just only also then than there here this these those them they he she "
    "one ones kind kinds sort type bit little lot lots much many few music track tracks song songs tune tunes piece "
    "pieces title titles playlist playlists mix mixes mixtape set sets queue can could should shall will may might "
    "do does don't not no hey hi hello ok okay thanks thank well oh uh um yeah yes library collection mood moods "
    "feeling feel feels vibe vibes sound sounds sounding energy tempo bpm key keys start starts starting begin "
    "begins beginning end ends ending finish finishes finishing stay stays keep keeping go goes going around about "
    "roughly over under above below between through throughout during while whole entire total length duration long "
    "minutes minute hours hour min mins range curve if possible maybe perhaps preferably ideally each per both "
    "either up when where what how now out off again s d ll m re ve t time slightly somewhat ever always never "
    "without except instead first last next finally gradually same artist artists band bands different two three "
    "number numbers least half double worth till until via towards toward within nothing know thing things stuff "
    "someone like similar alike such along together after before afterwards later course should've have has had "
    "having dont doesn't isn't aren't won't wanna gonna fine lets im id"
)

#: Cardinal numbers in words.
NUMBERS: dict[str, int] = dict(
    zip(
        [
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ],
        range(2, 20),
        strict=True,
    )
) | dict(
    zip(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], range(20, 100, 10), strict=True)
)
NUMBERS |= {"fourty": 40, "dozen": 12}
