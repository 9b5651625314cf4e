"""The offline parser: from words to a request by a small grammar, without any model. `docs/assist.md` has the grammar.

* Rules take words from the line, in a fixed order: names, spelling, rules about artists, keys, lengths, tempi, courses
  of energy, purposes, words for energy, tempo and mood, numbers of tracks. What no rule takes is told back.
* Nothing is guessed: a word stands for a field or for nothing. Numbers win over words, and of two that contradict each
  other, the one said last; the other is told back.
* The same text and the same names give the same reading, bit for bit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from workbench.assist import patterns as p
from workbench.assist import words as w
from workbench.assist.asides import leave_asides
from workbench.assist.build import build
from workbench.assist.line import Line, whole
from workbench.assist.names import LONGEST, Named, Names, words_of
from workbench.assist.reading import Reading
from workbench.assist.spelling import correct
from workbench.features.mood import MOODS
from workbench.playlist.keys import parse_key
from workbench.playlist.request import MAX_TRACKS

#: Letters that a text may have.
MOST_LETTERS = 1000
#: What a track that is not to be sounded like counts in a blend.
UNLIKE_WEIGHT = -0.5


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


class _Parser:
    """One text on its way through the rules."""

    def __init__(self, text: str, names: Names) -> None:
        self.line = Line.of(text[:MOST_LETTERS])
        self.names = names
        self.fields: dict[str, Any] = {}
        self.notes: list[str] = []
        self.like: dict[str, float] = {}
        self.numbers: dict[str, list[tuple[int, p.Range]]] = {"bpm": [], "energy": []}  # in figures, and where
        self.said: dict[str, list[p.Range]] = {"bpm": [], "energy": []}  # and in words
        self.purpose: tuple[str, ...] | None = None
        self.rest = text[MOST_LETTERS:].strip()

    def reading(self) -> Reading:
        self.take_names()
        asks_list = bool(whole(r"(?:play ?list|mix|mixtape|set|queue|setlist)").search(self.line.joined()))
        self.correct_spelling()
        self.repeat_units()
        leave_asides(self.line)
        for rule in (
            self.take_gaps, self.take_key, self.take_switches, self.take_minutes, self.take_course, self.take_bpm,
            self.take_energy, self.take_curve, self.take_count, self.take_purpose, self.take_words, self.take_moods,
            self.take_lone_hour,
        ):  # fmt: skip
            rule()
        for field in ("bpm", "energy"):
            self.settle(field)
        kind, request = build(self.fields, self.like, self.notes, asks_list=asks_list)
        unknown = self.line.left(w.FILLERS)
        read = {name: said for name, said in self.line.read.items() if name}
        return Reading(kind, request, read, (*unknown, *([self.rest] if self.rest else [])), tuple(self.notes))

    @property
    def words(self) -> list[str]:
        return [token.word for token in self.line.tokens]

    # --- names ------------------------------------------------------------------------------------

    def correct_leading(self) -> None:
        """Correct the words that lead to names, but none that is part of a name."""
        for token in self.line.tokens:
            if not _is_known(token.word) and token.word not in self.names.words:
                token.word = correct(token.word, p.LEADING) or token.word

    def take_names(self) -> None:
        """Find tracks and artists behind the words that lead to them."""
        self.correct_leading()
        self.take_from_to()
        self.take_named(p.UNLIKE, self.use_unlike, strong=True)
        self.take_named(p.LIKE, self.use_like, strong=True)
        self.take_before(p.AS_FIRST, self.use_place("start"))
        self.take_before(p.AS_LAST, self.use_place("end"))
        self.take_named(p.FIRST, self.use_place("start"), row=False)
        self.take_named(p.LAST, self.use_place("end"), row=False)
        self.take_named(p.VIA, self.use_many("waypoints"))
        self.take_named(p.WITHOUT, self.use_without)
        self.take_before(p.ONLY, self.use_by)
        self.take_named(p.BY, self.use_by)
        self.take_named(p.WITH, self.use_many("include"))
        self.take_such()

    def take_from_to(self) -> None:
        for match, at in self.line.find(whole("(?:the way |a way |lead |leading |path |a path )?(?:from|between)")):
            first = self.named(at)
            if first is None:
                continue
            middle = at + first.words
            if middle < len(self.words) and self.words[middle] == ("and" if match[0].endswith("between") else "to"):
                last = self.named(middle + 1)
                if last is not None and first.tracks[0] != last.tracks[0]:
                    self.fields["start"], self.fields["end"] = first.tracks[0], last.tracks[0]
                    self.line.take(match, "")
                    self.line.take_tokens(at, at + first.words, "start")
                    self.line.take_tokens(middle, middle + 1 + last.words, "end")

    def take_named(self, trigger: str, use: Callable[[Named], str], *, strong: bool = False, row: bool = True) -> None:
        """Use the names behind a trigger; behind a strong one, a name that is none is told back in one piece."""
        noun = r"(?P<noun> (?:the )?(?:track|song|tune|file|artist|band)| the)?"
        for match, after in self.line.find(whole(rf"(?:{trigger}){noun}(?= )")):
            places = (after - (match["noun"] or "").count(" "), after)  # the noun may be part of the name
            at = next((place for place in places if self.named(place, strong=strong) is not None), after)
            found = self.named(at, strong=strong)
            if found is not None:
                about = use(found)
                if about:
                    self.line.take(match, about)
                    self.take_named_row(at, found, use if row else lambda _: "", about, strong=strong)
            elif strong or self.is_quoted(at):
                self.tell_missing(match, at)

    def take_named_row(self, at: int, found: Named, use: Callable[[Named], str], about: str, *, strong: bool) -> None:
        """Take a name that was used, and use and take those that are named in a row with it."""
        more: Named | None = found
        following = at
        while more is not None:
            self.line.take_tokens(at, following, about)  # such as "and"
            at = following + more.words
            self.line.take_tokens(following, at, about)
            following = at + (self.words[at : at + 1] in (["and"], ["or"], ["nor"], ["plus"]))
            following += self.words[following : following + 1] == ["then"]
            more = self.named(following, strong=strong)
            if more is not None and not use(more):
                more = None

    def take_before(self, trigger: str, use: Callable[[Named], str]) -> None:
        """Use a name that stands before what says what it is for, such as "only"."""
        for match, after in self.line.find(whole(trigger)):
            end = after - len(match[0].split())
            for at in range(max(0, end - LONGEST), end):
                found = self.named(at, strong=True)
                about = use(found) if found is not None and at + found.words == end else ""
                if about:
                    self.line.take_tokens(at, end, about)
                    self.line.take(match, about)
                    break

    def take_such(self) -> None:
        """Use a name that stands for itself, where "similar ones" are asked for; else leave its words alone."""
        uses = [
            (match, use)
            for trigger, use in (
                (p.SUCH, self.use_like), (p.FIRST_THAT, self.use_place("start")), (p.LAST_THAT, self.use_place("end")),
            )
            for match, _ in self.line.find(whole(trigger))
        ]  # fmt: skip
        at = 0
        while at < len(self.words):
            found = self.named(at)
            if found is None or not (found.words > 1 or uses) or not self.is_capital(at):
                at += 1
                continue
            if uses:
                match, use = uses.pop(0)
                about = use(found)
                self.line.take(match, about)
                self.line.take_tokens(at, at + found.words, about)
            elif found.words > 1:
                for token in self.line.tokens[at : at + found.words]:
                    token.aside = True
            at += found.words

    def is_capital(self, at: int) -> bool:
        """Whether a word is written as names are, or in quotes."""
        return self.is_quoted(at) or self.line.tokens[at].raw[:1].isupper()

    def named(self, at: int, *, strong: bool = False) -> Named | None:
        """Find the name that begins at a word."""
        tokens = self.line.tokens
        if at >= len(tokens) or tokens[at].taken or tokens[at].aside:
            return None
        if tokens[at].name:
            found = self.names.find(words_of(tokens[at].name), whole=True)
            return found and Named(1, found.tracks, found.artist)
        pieces, places = [], []
        for place in range(at, min(at + LONGEST, len(tokens))):
            if tokens[place].taken or tokens[place].name:
                break
            for word in words_of(tokens[place].raw):
                pieces.append(word)
                places.append(place)
        found = self.names.find(pieces[:LONGEST])
        while found is not None:
            n = places[found.words - 1] - at + 1
            ends = found.words == len(pieces) or places[found.words] != places[found.words - 1]
            mine = tokens[at : at + n]
            plain = all(_is_known(token.word) or token.word.isdigit() for token in mine)
            capital = at > 0 and mine[0].raw[:1].isupper()
            if ends and (
                (strong and not all(t.word in w.FILLERS for t in mine)) or not plain or capital or (n >= 3 and strong)
            ):
                return Named(n, found.tracks, found.artist)
            found = self.names.find(pieces[: found.words - 1])
        return None

    def is_quoted(self, at: int) -> bool:
        return at < len(self.line.tokens) and bool(self.line.tokens[at].name)

    def tell_missing(self, match: re.Match[str], at: int) -> None:
        """Leave a name that nobody knows for what is told back, where its words could be taken for others."""
        words = self.words
        if at < len(words) and (self.is_quoted(at) or not _is_known(words[at])):
            name = self.line.tokens[at].name
            if not name:
                stop = at
                while stop < min(len(words), at + LONGEST) and not self.ends_name(stop, stop > at):
                    stop += 1
                name = self.line.take_tokens(at, stop, "")
                self.rest = " ".join(part for part in (self.rest, name) if part)
            self.notes.append(f"There is no track and no artist {name!r} in the library.")

    def ends_name(self, at: int, inside: bool) -> bool:
        token = self.line.tokens[at]
        return token.taken or token.word in p.STOPS or token.word[0].isdigit() or (inside and token.breaks)

    def use_like(self, found: Named) -> str:
        for track in found.tracks:
            self.like.setdefault(track, 1.0)
        return "like"

    def use_unlike(self, found: Named) -> str:
        for track in found.tracks:
            self.like[track] = UNLIKE_WEIGHT
        return "like"

    def use_without(self, found: Named) -> str:
        if found.artist is None:
            self.add("exclude", *found.tracks)
            return "exclude"
        self.add("without_artists", found.artist)
        self.drop("artists", found.artist)
        return "without_artists"

    def use_by(self, found: Named) -> str:
        if found.artist is None:
            return ""
        self.add("artists", found.artist)
        self.drop("without_artists", found.artist)
        return "artists"

    def use_place(self, name: str) -> Callable[[Named], str]:
        def use(found: Named) -> str:
            if self.fields.get(name, found.tracks[0]) != found.tracks[0]:
                self.notes.append(f"{name}: of two tracks, the one that was found last counts.")
            self.fields[name] = found.tracks[0]
            return name

        return use

    def use_many(self, name: str) -> Callable[[Named], str]:
        def use(found: Named) -> str:
            if found.artist is not None and name == "include":
                return ""
            self.add(name, found.tracks[0])
            return name

        return use

    def add(self, name: str, *values: str) -> None:
        self.fields[name] = list(dict.fromkeys([*self.fields.get(name, []), *values]))

    def drop(self, name: str, value: str) -> None:
        """Take back what contradicts what is said later."""
        if value in self.fields.get(name, ()):
            self.fields[name].remove(value)
            self.notes.append(f"{value} is both wanted and refused; what was found last counts.")

    # --- spelling ---------------------------------------------------------------------------------

    def correct_spelling(self) -> None:
        for token in self.line.tokens:
            if token.taken or token.aside or token.name or _is_known(token.word):
                continue
            meant = correct(token.word, p.vocabulary(), p.other_words())
            if meant is not None and meant not in w.FILLERS:
                self.notes.append(f"{token.raw!r} was read as {meant!r}.")
            if meant is not None:
                token.word = meant

    def repeat_units(self) -> None:
        """Give a number that replaces another the unit of that: in "20 tracks, no wait, 30" they are tracks."""
        for match, after in reversed([*self.line.find(p.REPLACED, across=True)]):
            self.line.insert(after, self.line.tokens[match.string.count(" ", 0, match.start(2))])

    # --- rules ------------------------------------------------------------------------------------

    def take_gaps(self) -> None:
        """How near tracks of one artist or album may stand."""
        for field, pattern, gap in p.GAPS:
            for match, _ in self.line.find(pattern):
                self.fields[field] = min(int(float(match[1])), MAX_TRACKS) if gap is None else gap
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
        place = match.string.count(" ", 0, match.start("tonic"))
        token, before = self.line.tokens[place], self.words[place - 1 : place]
        named = before in (["in"], ["key"]) or self.words[max(0, place - 2) : place] == ["key", "of"]
        if given.get("place") and not named:
            return False  # room 4B
        if token.word in p.SHORT_KEYS and not named:  # 98.5 FM, I am, 20 cm
            small = token.word not in p.NO_SMALL_KEYS and not (before and before[0][0].isdigit())
            return token.raw.endswith("m") and (token.raw[0].isupper() or small)
        if match[0] == f"in {match['tonic']}":  # in D, but not in D Wing
            after = self.line.tokens[place + 1 : place + 2]
            alone = not after or after[0].breaks or after[0].taken or _is_known(after[0].word)
            return alone and token.raw[0].isupper()
        return match["tonic"] != "a" or self.is_tonic(match)

    def is_tonic(self, match: re.Match[str]) -> bool:
        """Whether the A of "A minor" is meant for the tone, as a capital, or behind "in" and "key of"."""
        place = match.string.count(" ", 0, match.start("tonic"))
        token, behind = self.line.tokens[place], self.words[place - 1] if place else ""
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

    def take_minutes(self) -> None:
        for pattern, minutes in p.DURATIONS:
            for match, _ in self.line.find(pattern):
                value = minutes(*(float(group) if group else 0.0 for group in match.groups()))
                if 0 < value <= 1440:
                    self.set("minutes", round(value, 2), self.line.take(match, "minutes"))

    def take_lone_hour(self) -> None:
        for match, _ in self.line.find(whole(r"(?:an? (?:· )+)?hour(?: of)?")):
            if "minutes" not in self.fields:
                self.fields["minutes"] = 60.0
                self.line.take(match, "minutes")

    def set(self, name: str, value: Any, said: str) -> None:
        """Set a field; what was said of it before no longer counts, and that is told."""
        if name in self.fields and self.fields[name] != value:
            before = ", ".join(self.line.read.get(name, [])[:-1])
            self.notes.append(f"{name}: {said!r} counts, and no longer {before!r}.")
        self.fields[name] = value

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
                else:
                    self.fields.setdefault("curve", curve)

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
        for pattern, curve in ((p.ARC, "arc"), *p.CURVES):
            for match, after in self.line.find(pattern):
                if match[0] in w.COMMON_COURSES and not self.is_among_known(after - 1):
                    continue
                if curve == "flat" and self.fields.get("curve", "flat") != "flat":
                    continue  # "steadily rising"
                if self.is_refused(match):
                    continue
                self.set("curve", curve, self.line.take(match, "curve", 0))

    def is_among_known(self, at: int) -> bool:
        """Whether the words on both sides of one, as far as no comma parts them, are known or taken."""
        tokens = self.line.tokens
        before = at == 0 or tokens[at].breaks or tokens[at - 1].taken or _is_known(tokens[at - 1].word)
        after = tokens[at + 1 : at + 2]
        return before and (not after or after[0].breaks or after[0].taken or _is_known(after[0].word))

    def take_count(self) -> None:
        for pattern in p.COUNTS:
            for match, _ in self.line.find(pattern):
                number = float(match[2])
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
                    if match[1]:
                        said_as = _contrary(bounds, limits, w.TEMPO_WORDS if field == "bpm" else w.ENERGY_WORDS)
                    if said_as is not None:
                        found.append((at, said_as))
                        self.line.take(match, field)
            self.said[field] = [bounds for _, bounds in sorted(found)]

    def take_moods(self) -> None:
        moods, _ = p.mood_patterns()
        wanted: set[str] = set()
        refused: set[str] = set()
        for match, _ in self.line.find(p.refused_moods()):
            refused |= {moods[name] for name in p.each_mood().findall(match[0])}
            self.line.take(match, "mood")
        said = list(self.line.find(p.each_mood()))
        last = max((at for _, at in self.line.find(whole(p.INSTEAD))), default=0)
        for match, at in said:
            if at > last or last > said[-1][1]:
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
        figures = [one for _, one in sorted(self.numbers[field])]
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


def _is_known(word: str) -> bool:
    """Whether a word is one that the parser has heard of, so that it is no misspelling of another."""
    return word in p.vocabulary() or word in w.FILLERS or word in w.NOT_MEASURED


#: Compiles all patterns now, so that no listener waits for it.
_NOTHING = parse("", Names({"id": [], "title": [], "artist": [], "path": []}))
