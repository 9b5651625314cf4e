"""`PlaylistBuilder`: moods on their plane, an energy curve drawn by hand, rules; a list to order and to take home."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import traitlets

from workbench.assist.asked import refuse_nothing
from workbench.assist.build import as_playlist
from workbench.errors import InputError
from workbench.features.mood import MOODS
from workbench.playlist import Playlist
from workbench.widgets.asking import terms, told_of, tracks_of
from workbench.widgets.player import Listening
from workbench.widgets.view import View, answers

#: Formats to take home: ending, and what the file is to a browser.
FORMATS = {
    "m3u8": "application/vnd.apple.mpegurl",
    "xspf": "application/xspf+xml",
    "xml": "application/xml",
    "csv": "text/csv",
    "json": "application/json",
}


class PlaylistBuilder(Listening, View):
    """Say what the playlist is to be like, and put it right by hand; every change says what it does to the joins.

    It may be said in words: what was understood of them is filled in, to be seen and corrected, and the list is made.
    Tracks that are locked stay where they are when the list is made anew. A track is moved by dragging it, or by Alt
    and an arrow.

    Parameters
    ----------
    request : dict
        Fields of `workbench.playlist.PlaylistRequest`.

    Examples
    --------
    >>> import workbench as wb
    >>> def an_hour(lib: wb.Library) -> PlaylistBuilder:
    ...     return PlaylistBuilder(lib, request={"minutes": 60, "mood": ["calm"], "curve": "arc"})
    """

    module = "playlist.js"
    follows = ("tracks", "playing", "playlist")

    request = traitlets.Dict({"n": 12}, help="What is asked for.").tag(sync=True)
    text = traitlets.Unicode(help="The words that it was asked for in, or nothing.").tag(sync=True)
    playlist = traitlets.List(traitlets.Unicode(), help="Ids of the tracks, in order.").tag(sync=True)
    locked = traitlets.List(traitlets.Unicode(), help="Ids of those that stay where they are.").tag(sync=True)
    tracks = traitlets.List(traitlets.Unicode()).tag(sync=True)
    playing = traitlets.Unicode().tag(sync=True)

    #: What was made of the words, where `workbench.Library.ask` makes the same of them.
    _read: dict[str, Any] | None = None

    @answers
    def moods(self) -> list[dict[str, Any]]:
        """Give the moods and where they lie on the plane."""
        return [{"name": name, "valence": region.valence, "arousal": region.arousal} for name, region in MOODS.items()]

    @answers
    def ask(self, text: str) -> dict[str, Any]:
        """Fill in what words ask for, and make the list."""
        read = self.library.answers.read_request(text)
        refuse_nothing(text, read)
        reading = as_playlist(read)
        self.text, self.request = text, reading.request
        self._read = reading.request if read.kind == "playlist" else None
        return {**self.generate(), "told": told_of(reading)}

    @answers
    def terms(self) -> list[dict[str, str]]:
        """Give what is asked for in plain words, a field each."""
        wanted = self._wanted()
        records = self.library.records(tracks_of(wanted))
        names = {track: record["title"] or Path(record["path"]).name for track, record in records.items()}
        return terms(wanted, lambda track: names.get(track, track[:8]))

    @answers
    def generate(self) -> dict[str, Any]:
        """Make the list anew; what is locked stays."""
        if any(track in self.locked for track in self.playlist):
            return self._show(self.library.playlist(**self._around_locked()))
        return self._show(self.library.playlist(**self._wanted()))

    @answers
    def arrange(self, tracks: list[str]) -> dict[str, Any]:
        """Take the tracks in an order, and say how they follow each other."""
        if not tracks:
            self.playlist = []
            return {"tracks": [], "transitions": [], "violations": [], "targets": None}
        return self._show(self.library.revise(tracks, **self._about()))

    @answers
    def replace(self, position: int) -> dict[str, Any]:
        """Put another track in place of one, counted from 1."""
        return self._show(self.library.revise(self.playlist, replace=position, **self._about()))

    @answers
    def bridge(self, position: int) -> dict[str, Any]:
        """Insert the track that leads best from one to the next."""
        return self._show(self.library.revise(self.playlist, bridge=position, **self._about()))

    @answers
    def extend(self, count: int) -> dict[str, Any]:
        """Append tracks."""
        return self._show(self.library.revise(self.playlist, extend=count, **self._about()))

    @answers
    def export(self, ending: str, name: str = "playlist") -> dict[str, Any]:
        """Write the list as a file for the browser to keep."""
        if ending not in FORMATS:
            raise InputError(f"There is no format {ending!r}.", f"Formats: {', '.join(FORMATS)}.")
        if not self.playlist:
            raise InputError("The playlist is empty.", "Make one first.")
        shown = self.library.revise(self.playlist, **self._about())
        with tempfile.TemporaryDirectory(prefix="workbench-playlist-") as folder:
            path = self.library.export_playlist(shown, Path(folder) / f"playlist.{ending}")
            return {"name": f"{name}.{ending}", "type": FORMATS[ending], "text": path.read_text(encoding="utf-8")}

    @answers
    def save(self, name: str) -> None:
        """Keep the list in the library under a name, with what was asked for."""
        shown = self.library.revise(self.playlist, **self._about())
        asked = replace(shown, request=self.library.playlist_request(**self._wanted()))
        self.library.save_playlist(name, asked, text=self.text or None)

    def _around_locked(self) -> dict[str, Any]:
        """Ask for gaps between what is locked; what else has a place of its own keeps it where it can."""
        wanted = self._wanted()
        length = wanted.get("n") or len(self.playlist)
        locked = {place: track for place, track in enumerate(self.playlist[:length]) if track in self.locked}
        asked = self.library.playlist_request(**{**wanted, "n": length, "minutes": None, "slots": ()})
        placed = {place: str(track) for place, track in asked.positions(length).items()}
        free = {place: track for place, track in placed.items() if track not in locked.values()}
        slots = free | locked
        include = [track for track in wanted.get("include", ()) if track not in slots.values()]
        return {**self._about(), "slots": [slots.get(place) for place in range(length)], "include": include}

    def _about(self) -> dict[str, Any]:
        """Give what was asked for, but for what says which tracks and how many."""
        which = {"n", "minutes", "start", "end", "waypoints", "slots", "include"}
        return {name: value for name, value in self._wanted().items() if name not in which}

    def _wanted(self) -> dict[str, Any]:
        """Give the fields that say something."""
        request: dict[str, Any] = self.request
        return {name: value for name, value in request.items() if value not in (None, "", [])}

    def _show(self, playlist: Playlist) -> dict[str, Any]:
        self.playlist = [str(track) for track in playlist.ids]
        return playlist.to_dict()

    def code(self) -> str:
        """Give the call that makes such a list, and the one that gives it as it was put in order."""
        wanted = self._wanted()
        made = f"playlist = lib.playlist({_arguments(wanted)})"
        if self.text:
            asked = wanted == self._read
            made = f"playlist = lib.ask({self.text!r}).result" if asked else f"{made}  # {self.text!r}"
        if not self.playlist:
            return made
        about = _arguments(self._about())
        return f"{made}\nplaylist = lib.revise({self.playlist!r}{about and ', '}{about})  # as it is now"


def _arguments(given: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in given.items())
