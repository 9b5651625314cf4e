"""Tracks and artists that a text names, and what they are named for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from workbench.assist import leads
from workbench.assist import words as w
from workbench.assist.line import Line, whole
from workbench.assist.names import LONGEST, Named, Names, words_of
from workbench.assist.patterns import INSTEAD, is_known
from workbench.assist.spelling import correct

#: What a track that is not to be sounded like counts in a blend.
UNLIKE_WEIGHT = -0.5


class Mentions:
    """Takes the names from a line, with the words that say what they are for.

    Attributes
    ----------
    fields : those of a request that hold tracks and artists
    like : tracks to sound like, with their weights
    notes : what the user should be told
    missing : names that nobody knows
    """

    def __init__(self, line: Line, names: Names) -> None:
        self.line = line
        self.names = names
        self.fields: dict[str, Any] = {}
        self.like: dict[str, float] = {}
        self.notes: list[str] = []
        self.missing: list[str] = []
        self._said: dict[str, int] = {}  # artists, and where

    def _correct_leading(self) -> None:
        """Correct the words that lead to names, but none that is part of a name."""
        for token in self.line.tokens:
            if not is_known(token.word) and token.word not in self.names.words:
                token.word = correct(token.word, leads.LEADING) or token.word

    def take(self) -> None:
        """Find tracks and artists behind the words that lead to them."""
        self._correct_leading()
        self._take_from_to()
        self._take_named(leads.UNLIKE, self._use_unlike, strong=True)
        self._take_named(leads.LIKE, self._use_like, strong=True)
        self._take_before(leads.AS_FIRST, self._use_place("start"))
        self._take_before(leads.AS_LAST, self._use_place("end"))
        self._take_named(leads.FIRST, self._use_place("start"), row=False)
        self._take_named(leads.LAST, self._use_place("end"), row=False)
        self._take_before(leads.AS_WAY, self._use_many("waypoints"), strong=True)
        self._take_named(leads.VIA, self._use_many("waypoints"))
        self._take_named(leads.WITHOUT, self._use_without)
        self._take_before(leads.NOT_IN, self._use_without, strong=True)
        self._take_before(leads.ONLY, self._use_by)
        self._take_before(leads.MUST_BE_IN, self._use_many("include"), strong=True)
        self._take_named(leads.BY, self._use_by)
        self._take_named(leads.WITH, self._use_many("include"))
        self._take_such()
        self._leave_namesakes()

    def _take_from_to(self) -> None:
        for match, at in self.line.find(whole("(?:the way |a way |lead |leading |path |a path )?(?:from|between)")):
            first = self._named(at)
            if first is None:
                continue
            middle = self._take_way(at + first.words)
            if middle < len(self.line.words) and self.line.words[middle] == (
                "and" if match[0].endswith("between") else "to"
            ):
                last = self._named(middle + 1)
                if last is not None and first.tracks[0] != last.tracks[0]:
                    self.fields["start"], self.fields["end"] = first.tracks[0], last.tracks[0]
                    self.line.take(match, "")
                    self.line.take_tokens(at, at + first.words, "start")
                    self.line.take_tokens(middle, middle + 1 + last.words, "end")

    def _take_way(self, at: int) -> int:
        """Take the tracks that a way leads through, and give the place behind them."""
        words = self.line.words
        for n, by in ((1, "via"), (1, "through"), (1, "over"), (1, "past"), (3, "by way of")):
            found = self._named(at + n) if words[at : at + n] == by.split() else None
            if found is not None:
                self.line.take_tokens(at, at + n + found.words, self._use_many("waypoints")(found))
                return self._take_way(at + n + found.words)
        return at

    def _take_named(self, trigger: str, use: Callable[[Named], str], *, strong: bool = False, row: bool = True) -> None:
        """Use the names behind a trigger; behind a strong one, a name that is none is told back in one piece."""
        noun = r"(?P<noun> (?:the )?(?:tracks?|songs?|tunes?|files?|artists?|bands?)(?: :)?| the)?"
        for match, after in self.line.find(whole(rf"(?:{trigger}){noun}(?= )")):
            places = (after - (match["noun"] or "").count(" "), after)  # the noun may be part of the name
            at = next((place for place in places if self._named(place, strong=strong) is not None), after)
            found = self._named(at, strong=strong)
            if found is not None:
                if trigger is leads.LIKE:
                    self._forget_replaced(at)
                about = use(found)
                if about:
                    self.line.take(match, about)
                    self._take_named_row(at, found, use if row else lambda _: "", about, strong=strong)
            elif strong or self._is_quoted(at):
                self._tell_missing(match, at)

    def _take_named_row(self, at: int, found: Named, use: Callable[[Named], str], about: str, *, strong: bool) -> None:
        """Take a name that was used, and use and take those that are named in a row with it."""
        more: Named | None = found
        following = at
        while more is not None:
            self.line.take_tokens(at, following, about)  # such as "and"
            at = following + more.words
            self.line.take_tokens(following, at, about)
            following = at + (self.line.words[at : at + 1] in (["and"], ["or"], ["nor"], ["plus"], ["n"]))
            following += self.line.words[following : following + 1] == ["then"]
            more = self._named(following, strong=strong and following > at)
            if more is not None and not use(more):
                more = None

    def _take_before(self, trigger: str, use: Callable[[Named], str], *, strong: bool = False) -> None:
        """Use a name that stands before what says what it is for, such as "only"."""
        for match, after in self.line.find(whole(trigger)):
            end = after - len(match[0].split())
            for at in range(max(0, end - LONGEST), end):
                found = self._named(at, strong=strong)
                about = use(found) if found is not None and at + found.words == end else ""
                if about:
                    self._take_row_before(at, use, about, strong=strong)
                    self.line.take_tokens(at, end, about)
                    self.line.take(match, about)
                    break

    def _take_row_before(self, at: int, use: Callable[[Named], str], about: str, *, strong: bool) -> None:
        """Use and take a name that a row begins with, such as the first of "A and B only"."""
        for first in range(max(0, at - 1 - LONGEST), at - 1) if self.line.words[at - 1 : at] == ["and"] else ():
            found = self._named(first, strong=strong)
            if found is not None and first + found.words == at - 1 and use(found):
                self.line.take_tokens(first, at, about)
                return

    def _take_such(self) -> None:
        """Use a name that stands for itself, where "similar ones" are asked for; else leave its words alone."""
        meant = (
            (leads.SUCH, self._use_like),
            (leads.FIRST_THAT, self._use_place("start")),
            (leads.LAST_THAT, self._use_place("end")),
        )
        uses = [(match, use) for trigger, use in meant for match, _ in self.line.find(whole(trigger))]
        at = 0
        while at < len(self.line.words):
            found = self._named(at, strong=bool(uses))
            if found is None or not self._stands_alone(found, wanted=bool(uses)):
                at += 1
                continue
            if uses:
                match, use = uses.pop(0)
                about = use(found)
                self.line.take(match, about)
                self.line.take_tokens(at, at + found.words, about)
            else:
                for token in self.line.tokens[at : at + found.words]:
                    token.aside = True
            at += found.words

    def _stands_alone(self, found: Named, *, wanted: bool) -> bool:
        """Whether words that are a name are meant for one, though nothing leads to it."""
        if wanted and found.words > 1:
            return True
        return self._is_capital(found.at) and (wanted or found.words > 1 or self._is_within(found.at))

    def _leave_namesakes(self) -> None:
        """Leave words alone that are written as a name of one word that was taken elsewhere."""
        names = {
            token.raw
            for token in self.line.tokens
            if token.taken and token.raw[:1].isupper() and self.names.find(words_of(token.raw), whole=True)
        }
        for token in self.line.tokens:
            token.aside = token.aside or token.raw in names

    def _is_within(self, at: int) -> bool:
        """Whether a word stands within a sentence, where only names have capitals."""
        before = self.line.tokens[at - 1 : at]
        return bool(before) and not self.line.tokens[at].breaks and before[0].raw.islower()

    def _is_capital(self, at: int) -> bool:
        """Whether a word is written as names are, or in quotes."""
        return self._is_quoted(at) or self.line.tokens[at].raw[:1].isupper()

    def _named(self, at: int, *, strong: bool = False) -> Named | None:
        """Find the name that begins at a word."""
        tokens = self.line.tokens
        if at >= len(tokens) or tokens[at].taken or tokens[at].aside:
            return None
        if tokens[at].name:
            found = self.names.find(words_of(tokens[at].name), whole=True)
            return found and Named(1, found.tracks, found.artist, at)
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
            plain = all(is_known(token.word) or token.word.isdigit() for token in mine)
            capital = at > 0 and mine[0].raw[:1].isupper()
            if ends and (
                (strong and not all(t.word in w.FILLERS for t in mine)) or not plain or capital or (n >= 3 and strong)
            ):
                return Named(n, found.tracks, found.artist, at)
            found = self.names.find(pieces[: found.words - 1])
        return None

    def _is_quoted(self, at: int) -> bool:
        return at < len(self.line.tokens) and bool(self.line.tokens[at].name)

    def _tell_missing(self, match: re.Match[str], at: int) -> None:
        """Leave a name that nobody knows for what is told back, where its words could be taken for others."""
        words = self.line.words
        if at < len(words) and (self._is_quoted(at) or not is_known(words[at])):
            name = self.line.tokens[at].name
            if not name:
                stop = at
                while stop < min(len(words), at + LONGEST) and not self._ends_name(stop, stop > at):
                    stop += 1
                name = self.line.take_tokens(at, stop, "")
                self.missing.append(name)
            self.notes.append(f"There is no track and no artist {name!r} in the library.")

    def _ends_name(self, at: int, inside: bool) -> bool:
        token = self.line.tokens[at]
        return token.taken or token.word in leads.STOPS or token.word[0].isdigit() or (inside and token.breaks)

    def _use_like(self, found: Named) -> str:
        for track in found.tracks:
            self.like.setdefault(track, 1.0)
        return "like"

    def _forget_replaced(self, after: int) -> None:
        """Drop what was to be liked, where a track is named in its place."""
        between = " ".join(self.line.words[max(0, after - 5) : after])
        if self.like and whole(INSTEAD).search(between):
            self.notes.append("like: the track that was named last counts.")
            self.like = {track: weight for track, weight in self.like.items() if weight < 0}

    def _use_unlike(self, found: Named) -> str:
        for track in found.tracks:
            self.like[track] = UNLIKE_WEIGHT
        return "like"

    def _use_without(self, found: Named) -> str:
        if found.artist is None:
            self._add("exclude", *found.tracks)
            return "exclude"
        return self._choose(found, found.artist, "without_artists", "artists")

    def _use_by(self, found: Named) -> str:
        return "" if found.artist is None else self._choose(found, found.artist, "artists", "without_artists")

    def _choose(self, found: Named, artist: str, name: str, other: str) -> str:
        """Want or refuse an artist; of both, what is said later counts."""
        if artist in self.fields.get(other, ()):
            self.notes.append(f"{artist} is both wanted and refused; what was said last counts.")
            if self._said[artist] > found.at:
                return name
            self.fields[other].remove(artist)
        last = max((at for one, at in self._said.items() if one in self.fields.get(name, ())), default=found.at)
        if whole(INSTEAD).search(" ".join(self.line.words[last : found.at])):
            self.fields[name] = []
        self._said[artist] = found.at
        self._add(name, artist)
        return name

    def _use_place(self, name: str) -> Callable[[Named], str]:
        def use(found: Named) -> str:
            if self.fields.get(name, found.tracks[0]) != found.tracks[0]:
                self.notes.append(f"{name}: of two tracks, the one that was found last counts.")
            self.fields[name] = found.tracks[0]
            return name

        return use

    def _use_many(self, name: str) -> Callable[[Named], str]:
        def use(found: Named) -> str:
            if found.artist is not None and name == "include":
                return ""
            self._add(name, found.tracks[0])
            return name

        return use

    def _add(self, name: str, *values: str) -> None:
        self.fields[name] = list(dict.fromkeys([*self.fields.get(name, []), *values]))
