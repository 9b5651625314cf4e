"""Words in, answers out; and tracks and playlists put into words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.library.opened import PathLike
from workbench.library.playlists import Playlists
from workbench.library.search import Search

if TYPE_CHECKING:
    from workbench.answers import CachedAnswers
    from workbench.assist.asked import Asked
    from workbench.assist.chain import Chain
    from workbench.assist.describe import Claim, TagSuggestion
    from workbench.assist.names import Names
    from workbench.assist.reading import Reading
    from workbench.playlist import Playlist


class Words(Playlists, Search):
    """What is asked and told in words."""

    @property
    def answers(self) -> CachedAnswers:
        """The same answers, kept: ``lib.answers.similar(…)`` is ``lib.similar(…)`` at the second time in no time.

        What was kept is never given once the library has changed. See `workbench.answers.CachedAnswers`.
        """
        from workbench.answers import CachedAnswers
        from workbench.store.cache import open_cache

        with self._opening:
            if self._answers is None:
                cache = open_cache(self.settings, self._indexes.folder, self.catalog.library_id)
                self._answers = CachedAnswers(self, self._indexes, cache)
            return self._answers

    def ask(self, text: str, *, offline: bool = False, reading: Reading | None = None) -> Asked:
        """Answer what is asked in words, with a playlist or with tracks that sound alike.

        The answer is kept, as those of `answers` are: the same words again take a few milliseconds, until the library
        has changed.

        Parameters
        ----------
        text : str
            In English: moods, energy, tempo, keys, lengths, how energy goes, "like TRACK", "no ARTIST"; all of it is
            in `docs/assist.md`.
        offline : bool
            Ask no language model, also where the setting ``assist`` names some.
        reading : Reading, optional
            What `read_request` made of the text, perhaps corrected.

        Returns
        -------
        Asked
            With the request that was made of the text, and the words of which nothing was made.

        Raises
        ------
        InputError
            When nothing to look for was found in it.

        Examples
        --------
        >>> import workbench as wb
        >>> def evening(lib: wb.Library) -> None:
        ...     asked = lib.ask("a calm hour around 80 bpm, getting livelier")
        ...     print(asked.reading.request, asked.reading.unknown)
        ...     longer = lib.playlist(**{**asked.reading.request, "minutes": 90})
        ...     lib.save_playlist("evening", longer, text=asked.text)
        """
        return self.answers.ask(text, offline=offline, reading=reading)

    def read_request(self, text: str, *, offline: bool = False) -> Reading:
        """Make a request of words, as `ask` does, and do not answer it."""
        from workbench.assist.parser import parse

        return parse(text, self.names) if offline else self.chain.read(text, self.names, self.records)

    @property
    def names(self) -> Names:
        """The titles, artists and files of the library, by which it may be asked in words."""
        from workbench.assist.names import COLUMNS, Names
        from workbench.store.catalog import queries

        version = self.catalog.version()
        with self._opening:
            if self._names is None or self._names[0] != version:
                self._names = (version, Names(queries.track_columns(self.catalog, COLUMNS)))
            return self._names[1]

    @property
    def chain(self) -> Chain:
        """The language models of the settings, before the offline parser; its ``status`` tells how they are."""
        from workbench.assist.chain import Chain

        with self._opening:
            if self._chain is None:
                self._chain = Chain(self.settings, self.path / "assist")
            return self._chain

    def describe(self, what: PathLike | Playlist) -> list[Claim]:
        """Put a track or a playlist into words; every sentence names the descriptor that it is about.

        Parameters
        ----------
        what : path, str or Playlist
            A track by id or path, a playlist, or the name of a saved one.
        """
        from workbench.assist.describe import describe_track, describe_tracks
        from workbench.store import playlists

        if not isinstance(what, str | os.PathLike):
            return describe_tracks(what.tracks)
        for saved in playlists.kept(self.catalog):
            if saved.name == what:
                records = self.records(saved.tracks)
                return describe_tracks([records[track] for track in saved.tracks if track in records])
        track = self._track_id(what)
        return describe_track(self.records([track])[track])

    def explain(self, a: PathLike, b: PathLike) -> dict[str, Any]:
        """Say why two tracks sound alike, or do not: ``score, facets, why, because`` of the second as a result.

        Parameters
        ----------
        a, b : path or str
            Tracks, by id or path.
        """
        track = self._track_id(b)
        results = self.similar(a, 1, where=f'id == "{track}"', fold=False).results
        if not results:
            raise InputError("A track is like itself.", "Name two tracks.")
        return {name: results[0][name] for name in ("id", "score", "facets", "why", "because")}

    def suggest_tags(self, track: PathLike) -> list[TagSuggestion]:
        """Suggest tags for a track from what was measured of it, for review; `write_tags` writes some of them."""
        from workbench.assist.describe import suggest_tags

        track_id = self._track_id(track)
        return suggest_tags(self.records([track_id])[track_id])
