"""The words that the offline parser knows, and what each of them asks for. `docs/assist.md` lists them.

Only words for what was measured are here. Words that people use for what was not, such as genres and instruments, are
in `NOT_MEASURED`: they are told back as such, and no misspelling is ever taken for one of them or they for one.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Mood of `workbench.features.mood.MOODS` to the words for it, each of one or more words.
MOOD_WORDS: dict[str, str] = {
    "sad": "sad|sadness|melancholic|melancholy|blue|gloomy|mournful|wistful|heartbroken|tearful|sorrowful|depressing|"
    "depressed|somber|sombre|downbeat|bittersweet|heartbreaking|miserable|lonely",
    "calm": "calm|calming|calmness|chill|chilled|chilly|chillout|chilling|relaxed|relaxing|relax|mellow|laid back|"
    "chill out|"
    "easy going|easygoing|tranquil|soothing|unhurried|restful|relaxation|chillaxed",
    "peaceful": "peaceful|peace|serene|serenity|meditative|tender|blissful|harmonious|idyllic|placid",
    "dark": "dark|darker|moody|brooding|ominous|sinister|mysterious|eerie|haunting|spooky|bleak|menacing|creepy",
    "neutral": "neutral|balanced|matter of fact|unemotional",
    "happy": "happy|happiness|cheerful|cheery|joyful|joyous|sunny|upbeat|feel good|merry|glad|good mood|uplifting|"
    "lighthearted|light hearted|smiling|jolly|playful|optimistic",
    "tense": "tense|tension|aggressive|angry|nervous|anxious|furious|agitated|stressful|edgy|restless|frantic|hectic",
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
    "less energy|not much energy|unobtrusive",
    (0.4, 0.6): "medium energy|mid energy|moderate energy|energy medium|some energy|middling energy|average energy|"
    "energy moderate",
    (0.6, 1.0): "loud|high energy|intense|powerful|hard hitting|energy high|full of energy|lots of energy|heavy "
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
    "arc": "arc|arch|(?:rise|rising|rises|build|builds|up|go up|goes up|climb|climbs)(?: up)? (?:and |then )+(?:fall|"
    "falls|falling|down|come down|comes down|go down|goes down|drop|drops|descend|descends|ebb|ebbs|wind down|winds "
    "down|cool down|cools down|calm down|calms down|back down)(?: again)?|"
    "(?:peak|peaks|peaking|climax|climaxes|highlight|high point|culminates?)(?: in| at| around)? the middle|"
    "(?:peak|climax|highlight) (?:in|at|around) (?:half way|halfway|mid way|midway)|mountain|bell curve",
    "rise": "rise|rises|rising|build up|builds up|building up|building|builds|buildup|ramp up|ramps up|ramping up|"
    "ramp|crescendo|increasing|increases|increasing energy|climb|climbs|climbing|warm up|warms up|warming up|warmup|"
    "slow burn|"
    "ascending|going up|goes up|go up|pick up|picks up|picking up|heat up|heats up|heating up|gain momentum|"
    "gains momentum|more and more energy|escalating|escalates|upward|upwards",
    "fall": "fall|falls|falling|wind down|winds down|winding down|cool down|cools down|cooling down|cooldown|calm down|"
    "calms down|calming down|come down|comes down|coming down|slow down|slows down|slowing down|decreasing|decreases|"
    "descending|descends|descend|fade|fades|fading|fade out|fades out|fading out|decline|declining|declines|"
    "going down|goes down|go down|ease off|eases off|easing off|drop off|drops off|unwind|unwinds|unwinding|"
    "ramp down|ramps down|taper|tapers|tapering|diminuendo|downward|downwards|mellow out|mellows out|sink|sinks",
    "flat": "flat|steady|constant|even energy|same energy|level energy|uniform|stable|no ups and downs|without ups "
            "and downs|"
    "consistent|unchanging|keep the energy|keeps the energy|keep it even|stays the same|stay the same|"
    "no change in energy|steadily",
}  # fmt: skip

#: Words for low and high, as a list may begin, go on, or end.
LOW = (
    "calmer|quieter|softer|slower|mellower|gentler|lower|calm|quiet|soft|slow|peaceful|sleepy|mellow|low|relaxed|"
    "gentle|gently|softly|quietly|slowly|chilled|chill|easy|more relaxed|more peaceful|less energetic|less intense|"
    "more mellow|calmly|more quiet|sad|sadder|tranquil|serene|low energy|tender|laid back|more calm|more chilled|"
    "downtempo"
)
HIGH = (
    "livelier|louder|faster|harder|stronger|more energetic|more intense|higher|energetic|high|loud|fast|wild|wilder|"
    "with a bang|bang|euphoric|lively|hard|intense|big|bigger|strong|happier|more upbeat|more lively|more powerful|"
    "powerful|high energy|more euphoric|more driving|upbeat|more excited|exciting|more exciting|banging|peppier|"
    "driving|tense|"
    "aggressive|more aggressive|uptempo|hot|party|dancing"
)

#: What people ask for that was not measured: genres, instruments, voices, times.
NOT_MEASURED = _words(
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
FILLERS = _words(
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
