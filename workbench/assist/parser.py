"""The offline parser: from words to a request by a small grammar, without any model. `docs/assist.md` has the grammar.

* Rules take words from the line, in a fixed order: names, spelling, rules about artists, keys, lengths, tempi, courses
  of energy, purposes, words for energy, tempo and mood, numbers of tracks. What no rule takes is told back.
* Nothing is guessed: a word stands for a field or for nothing. Numbers win over words, and of two that contradict each
  other, the one said last; the other is told back.
* The same text and the same names give the same reading, bit for bit.
"""

from __future__ import annotations

import re
from typing import Any

from workbench.assist import patterns as p
from workbench.assist import words as w
from workbench.assist.asides import leave_asides
from workbench.assist.build import build
from workbench.assist.line import Line, whole
from workbench.assist.mentions import Mentions
from workbench.assist.names import Names
from workbench.assist.reading import Reading
from workbench.assist.spelling import correct
from workbench.features.mood import MOODS
from workbench.playlist.keys import parse_key
from workbench.playlist.request import MAX_TRACKS

#: Letters that a text may have.
MOST_LETTERS = 1000
#: How often a number may be said anew.
MOST_REPLACED = 3


def parse(text: str, names: Names) -> Reading:
    """Read a text.

    Parameters
    ----------
    text : str
        In English, `MOST_LETTERS` at most; what is beyond is told back as not understood.
    names : Names
        Of the library.

    Returns
    -------
    Reading
        With a request that its model accepts.

    Examples
    --------
    >>> none = Names({"id": [], "title": [], "artist": [], "path": []})
    >>> read = parse("A calm hour for dinner, around 80 bpm, end livelier", none)
    >>> read.request
    {'mood': ['calm'], 'bpm': [76.0, 84.0], 'minutes': 60.0, 'curve': 'rise'}
    >>> read.unknown
    ('dinner',)
    """
    return _Parser(text, names).reading()


_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")


class _Parser:
    """One text on its way through the rules."""

    def __init__(self, text: str, names: Names) -> None:
        self.line = Line.of(text[:MOST_LETTERS])
        self.mentions = Mentions(self.line, names)
        self.fields, self.notes = self.mentions.fields, self.mentions.notes
        self.numbers: dict[str, list[tuple[int, p.Range]]] = {"bpm": [], "energy": []}  # in figures, and where
        self.said: dict[str, list[p.Range]] = {"bpm": [], "energy": []}  # and in words
        self.purpose: tuple[str, ...] | None = None
        self.instead = 0  # behind this place, what is said replaces what was said before
        self.said_of: dict[str, str] = {}  # the words that made a field
        self.rest = text[MOST_LETTERS:].strip()

    def reading(self) -> Reading:
        self.mentions.take()
        asks_list = bool(whole(r"(?:play ?list|mix|mixtape|set|queue|setlist)").search(self.line.joined()))
        self.correct_spelling()
        self.repeat_units()
        leave_asides(self.line)
        self.instead = max((at for _, at in self.line.find(p.INSTEAD_OF)), default=0)
        for rule in (
            self.take_gaps, self.take_key, self.take_switches, self.take_minutes, self.take_course, self.take_bpm,
            self.take_energy, self.take_curve, self.take_count, self.take_purpose, self.take_words, self.take_moods,
            self.take_lone_hour,
        ):  # fmt: skip
            rule()
        for field in ("bpm", "energy"):
            self.settle(field)
        kind, request = build(self.fields, self.mentions.like, self.notes, asks_list=asks_list)
        unknown = (*self.line.left(w.FILLERS), *self.mentions.missing, *([self.rest] if self.rest else []))
        read = {name: said for name, said in self.line.read.items() if name}
        return Reading(kind, request, read, unknown, tuple(self.notes))

    # --- spelling ---------------------------------------------------------------------------------

    def correct_spelling(self) -> None:
        for token in self.line.tokens:
            if token.taken or token.aside or token.name or p.is_known(token.word):
                continue
            meant = _once(token.word) or correct(token.word, p.vocabulary(), p.other_words())
            if meant is not None and meant not in w.FILLERS:
                self.notes.append(f"{token.raw!r} was read as {meant!r}.")
            if meant is not None:
                token.word = meant

    def repeat_units(self) -> None:
        """Give a number that replaces another the unit of that: in "20 tracks, no wait, 30" they are tracks."""
        for _ in range(MOST_REPLACED):
            for match, after in self.line.find(p.REPLACED, across=True):
                self.line.insert(after, self.line.tokens[self.line.place(match, 2)])
                break

    # --- rules ------------------------------------------------------------------------------------

    def take_gaps(self) -> None:
        """How near tracks of one artist or album may stand."""
        for field, pattern, gap in p.GAPS:
            for match, _ in self.line.find(pattern):
                self.fields[field] = min(int(float(match[1] or match[2])), MAX_TRACKS) if gap is None else gap
                self.line.take(match, field)

    def take_key(self) -> None:
        for pattern in p.KEYS:
            for match, _ in self.line.find(pattern):
                if not self.is_key(match):
                    continue
                mode = match.groupdict().get("mode") or ""
                text = match["tonic"] + (" " + mode if len(mode) > 1 else mode)
                if "key" in self.fields and self.fields["key"] != parse_key(text).name:
                    self.notes.append(f"Of two keys the last one counts; {self.fields['key']} was left out.")
                self.fields["key"] = parse_key(text).name
                self.line.take(match, "key")
        for match, _ in self.line.find(p.COMPATIBLE):
            if "key" in self.fields:
                self.fields["compatible_keys"] = True
                self.line.take(match, "compatible_keys")
            else:
                said = self.line.take(match, "")
                self.notes.append(f"{said!r} needs no saying: neighbours fit in key as well as they can.")

    def is_key(self, match: re.Match[str]) -> bool:
        """Whether letters that could be a key are meant for one."""
        given = match.groupdict()
        place = self.line.place(match, "tonic")
        token, before = self.line.tokens[place], self.line.words[place - 1 : place]
        named = before in (["in"], ["key"]) or self.line.words[max(0, place - 2) : place] == ["key", "of"]
        if given.get("place") and not named:
            return False  # room 4B
        if token.word in p.SHORT_KEYS and not named:  # 98.5 FM, I am, 20 cm
            small = token.word not in p.NO_SMALL_KEYS and not (before and before[0][0].isdigit())
            return token.raw.endswith("m") and (token.raw[0].isupper() or small)
        if match[0] == f"in {match['tonic']}" and match["tonic"][0].isalpha():  # in D, but not in D Wing
            after = self.line.tokens[place + 1 : place + 2]
            alone = not after or after[0].breaks or after[0].taken or p.is_known(after[0].word)
            return alone and token.raw[0].isupper()
        return match["tonic"] != "a" or self.is_tonic(match)

    def is_tonic(self, match: re.Match[str]) -> bool:
        """Whether the A of "A minor" is meant for the tone, as a capital, or behind "in" and "key of"."""
        place = self.line.place(match, "tonic")
        token, behind = self.line.tokens[place], self.line.words[place - 1] if place else ""
        mode = match.groupdict().get("mode") or ""
        if behind in ("of", "key", ":") and not mode:
            return True
        if mode == "min" and token.raw == "a":
            return False  # a minute
        after = self.line.tokens[place + 2 : place + 3]
        alone = not after or after[0].breaks or after[0].taken or after[0].word in p.BEHIND_KEYS
        alone = alone or after[0].word[0].isdigit()
        first = place == 0 or token.breaks  # where every word has a capital
        return alone and bool(mode) if token.raw == "a" or first else bool(mode) or token.raw[0] == "A"

    def take_switches(self) -> None:
        for name, pattern in (("half_double", p.HALF_DOUBLE), ("ranked", p.RANKED)):
            for match, _ in self.line.find(pattern):
                self.fields[name] = True
                self.line.take(match, name)
        figures = {float(token.word) for token in self.line.tokens if token.word.replace(".", "", 1).isdigit()}
        for pattern in p.OCTAVES:
            for match, _ in self.line.find(pattern):
                if figures & {2 * float(match[1]), float(match[1]) / 2}:
                    self.fields["half_double"] = True
                    self.line.take(match, "half_double")

    def take_minutes(self) -> None:
        found = []
        for pattern, minutes in p.DURATIONS:
            for match, at in self.line.find(pattern):
                value = minutes(*(float(group) if group else 0.0 for group in match.groups()))
                if 0 < value <= 1440:
                    found.append((at, round(value, 2), self.line.take(match, "minutes")))
        for _, value, said in sorted(found):
            self.set("minutes", value, said)

    def take_lone_hour(self) -> None:
        for match, _ in self.line.find(whole(r"(?:an? (?:· )+)?hour(?: of)?")):
            if "minutes" not in self.fields:
                self.fields["minutes"] = 60.0
                self.line.take(match, "minutes")

    def set(self, name: str, value: Any, said: str) -> None:
        """Set a field; what was said of it before no longer counts, and that is told."""
        if self.fields.get(name, value) != value:
            self.notes.append(f"{name}: {said!r} counts, and no longer {self.said_of[name]!r}.")
        self.fields[name], self.said_of[name] = value, said

    def take_course(self) -> None:
        """From where to where tempo or energy go."""
        for pattern in p.TEMPO_COURSES:
            for match, at in self.line.find(pattern):
                self.use_course(match, at, float(match[2]), float(match[4]))
        for match, _ in self.line.find(p.MIDDLE):
            self.set("curve", "arc", self.line.take(match, "curve"))
        for match, _ in self.line.find(p.energy_course()):
            first, last = p.height(match[1]), p.height(match[2])
            if first != last:
                self.set("curve", "rise" if last > first else "fall", self.line.take(match, "curve"))
        for pattern, curve in (*p.ENDS, *p.NOUN_ENDS):
            for match, _ in self.line.find(pattern):
                if self.fields.get("curve") == "arc":
                    self.line.take(match, "curve")
                elif not self.is_refused(match):
                    self.set("curve", curve, self.line.take(match, "curve"))
        for pattern, curve in (*p.STARTS, *p.NOUN_STARTS):
            for match, _ in self.line.find(pattern):
                said = self.line.take(match, "curve")
                if self.fields.get("curve", curve) not in (curve, "arc"):
                    self.notes.append(f"curve: {said!r} contradicts what else is said of how energy goes.")
                elif "curve" not in self.fields:
                    self.set("curve", curve, said)

    def is_refused(self, match: re.Match[str]) -> bool:
        """Whether a word that refuses stands right before."""
        return bool(p.REFUSED_BEFORE.search(match.string[: match.start()].rstrip()))

    def use_course(self, match: re.Match[str], at: int, first: float, last: float) -> None:
        if not all(30 <= bpm <= 300 for bpm in (first, last)):
            return
        low, high = min(first, last), max(first, last)
        self.numbers["bpm"].append((at, (round(low * (1 - p.ABOUT_BPM), 1), round(high * (1 + p.ABOUT_BPM), 1))))
        said = self.line.take(match, "bpm")
        self.notes.append(
            f"{said!r}: tempo stays in this range and energy goes that way; no course of tempo can be asked for."
        )
        if low < high:
            self.line.read.setdefault("curve", []).append(said)
            self.set("curve", "rise" if last > first else "fall", said)

    def take_bpm(self) -> None:
        for pattern, bounds in p.BPMS:
            for match, at in self.line.find(pattern):
                low, high = bounds(*(float(group) for group in match.groups() if group))
                if low > high:
                    low, high = high, low
                    self.notes.append(f"bpm: {match[0]!r} was read with the lower end first.")
                if 0 < low <= high <= 1000:
                    self.numbers["bpm"].append((at, (low, high)))
                    self.line.take(match, "bpm")

    def take_energy(self) -> None:
        for pattern, bounds in p.ENERGIES:
            for match, at in self.line.find(pattern):
                given = [float(group) for group in match.groups() if group]
                scale = _scale_of(match[0])
                low, high = (min(max(round(end, 4), 0.0), 1.0) for end in bounds(*(n / scale for n in given)))
                if max(given) > scale:
                    continue  # on no scale that is known
                if low > high:
                    low, high = high, low
                    self.notes.append(f"energy: {match[0]!r} was read with the lower end first.")
                self.numbers["energy"].append((at, (low, high)))
                self.line.take(match, "energy")

    def take_curve(self) -> None:
        arc = int(self.fields.get("curve") == "arc")
        for pattern, curve in ((p.ARC, "arc"), *p.CURVES):
            for match, after in self.line.find(pattern):
                if after < arc:
                    continue  # said before what counts
                if arc and curve == "fall":
                    self.line.take(match, "curve")  # how an arc ends
                    continue
                arc = after if curve == "arc" else arc
                if match[0] in w.COMMON_COURSES and not self.is_among_known(after - 1):
                    continue
                if curve == "flat" and self.fields.get("curve", "flat") != "flat":
                    continue  # "steadily rising"
                if self.is_refused(match):
                    continue
                first = self.line.place(match, 0)
                parted = pattern is not p.ARC and any(token.breaks for token in self.line.tokens[first + 1 : after])
                self.set("curve", curve, self.line.take(match, "curve", 1 if parted else 0))

    def is_among_known(self, at: int) -> bool:
        """Whether the words on both sides of one, as far as no comma parts them, are known or taken."""
        tokens = self.line.tokens
        before = at == 0 or tokens[at].breaks or tokens[at - 1].taken or p.is_known(tokens[at - 1].word)
        after = tokens[at + 1 : at + 2]
        return before and (not after or after[0].breaks or after[0].taken or p.is_known(after[0].word))

    def take_count(self) -> None:
        for pattern in p.COUNTS:
            for match, after in self.line.find(pattern):
                number, first = float(match[2]), self.line.place(match, 2)
                if any(token.breaks for token in self.line.tokens[first + 1 : after]):
                    continue  # what is counted comes without a comma
                if number == int(number) and 1 <= number <= MAX_TRACKS:
                    self.set("n", int(number), self.line.take(match, "n", 1, 2, 3))  # what stands between stays
        for match, _ in self.line.find(p.COUPLE):
            self.set("n", 2, self.line.take(match, "n"))

    def take_purpose(self) -> None:
        for pattern, moods in p.PURPOSES:
            for match, after in self.line.find(pattern):
                if match["framed"] or self.is_among_known(after - 1):
                    self.purpose = moods
                    self.line.take(match, "mood")

    def take_words(self) -> None:
        """Words for energy and tempo, each or its contrary."""
        for field, table, limits in (("energy", w.ENERGY_WORDS, (0.0, 1.0)), ("bpm", w.TEMPO_WORDS, p.OPEN_BPM)):
            found = []
            for bounds, words in table.items():
                for match, at in self.line.find(
                    whole(rf"({p.NOT} )?(?:very |really |quite |rather |fairly |pretty )?({words})")
                ):
                    said_as: p.Range | None = bounds
                    if match[1] and not self.line.tokens[self.line.place(match, 2)].breaks:
                        said_as = _contrary(bounds, limits, w.TEMPO_WORDS if field == "bpm" else w.ENERGY_WORDS)
                    if said_as is not None:
                        found.append((at, said_as))
                        self.line.take(match, field)
            self.said[field] = self.last_said(sorted(found))

    def last_said(self, given: list[tuple[int, p.Range]]) -> list[p.Range]:
        """Give what counts of what was said, by its places: what was said in place of something else, or all."""
        return [one for at, one in given if at > self.instead or self.instead > given[-1][0]]

    def take_moods(self) -> None:
        moods, _ = p.mood_patterns()
        wanted: set[str] = set()
        refused: set[str] = set()
        for match, _ in self.line.find(p.refused_moods()):
            if self.line.tokens[self.line.place(match, 0) + 1].breaks:
                continue  # "dark? no, peaceful"
            refused |= {moods[name] for name in p.each_mood().findall(match[0])}
            self.line.take(match, "mood")
        said = list(self.line.find(p.each_mood()))
        for match, at in said:
            if at > self.instead or self.instead > said[-1][1]:
                wanted.add(moods[match[0]])
                self.line.take(match, "mood")
        if wanted & refused:
            self.notes.append(
                f"mood: {', '.join(sorted(wanted & refused))} is both wanted and refused; it is left out."
            )
        if not wanted and self.purpose:
            wanted = set(self.purpose)
        chosen = (wanted or (set(MOODS) if refused else set())) - refused
        if chosen:
            self.fields["mood"] = [mood for mood in MOODS if mood in chosen]

    # --- the request ------------------------------------------------------------------------------

    def settle(self, field: str) -> None:
        """Make one range of all that was said: figures before words, and the last where they contradict each other."""
        bounds: p.Range | None = None
        figures = self.last_said(sorted(self.numbers[field]))
        for one in figures or self.said[field]:
            both = one if bounds is None else (max(bounds[0], one[0]), min(bounds[1], one[1]))
            if both[0] > both[1]:
                self.notes.append(
                    f"{field}: {_text(bounds or one)} and {_text(one)} contradict each other; the last counts."
                )
                both = one
            bounds = both
        for one in self.said[field] if figures else []:
            if bounds is not None and (one[0] > bounds[1] or one[1] < bounds[0]):
                self.notes.append(f"{field}: {_text(one)}, as a word says, contradicts {_text(bounds)}, which counts.")
        if bounds is not None:
            self.fields[field] = list(bounds)


def _once(word: str) -> str | None:
    """Give a known word of which a letter is drawn out, as in "partyyy"."""
    for letters in (r"\1", r"\1\1"):
        meant = _DRAWN_OUT.sub(letters, word)
        if meant != word and p.is_known(meant):
            return meant
    return None


def _scale_of(said: str) -> int:
    """Give what stands for an energy of 1."""
    if "%" in said or "percent" in said:
        return 100
    return 10 if "out of 10" in said or "/ 10" in said else 1


def _text(bounds: p.Range) -> str:
    return f"{bounds[0]:g} to {bounds[1]:g}"


def _contrary(bounds: p.Range, limits: p.Range, table: dict[p.Range, str]) -> p.Range | None:
    """Give all below the highest range of a table, or above its lowest; of those between there is no one range."""
    if bounds == min(table):
        return (bounds[1], limits[1] if limits[1] < max(table)[1] else max(table)[1])
    return (min(table)[0], bounds[0]) if bounds == max(table) else None


#: Compiles all patterns and reads the dictionary now, so that no listener waits for it.
_NOTHING = parse("musicc", Names({"id": [], "title": [], "artist": [], "path": []}))
