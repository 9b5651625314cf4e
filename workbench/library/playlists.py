"""Playlists: chosen, revised, kept, read and written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.display import Records
from workbench.library.opened import PathLike
from workbench.library.sound import Sound

if TYPE_CHECKING:
    from workbench.playlist import Playlist, PlaylistRequest


class Playlists(Sound):
    """What should play next."""

    def playlist(self, *, again: str | None = None, **request: Any) -> Playlist:
        """Choose and order tracks.

        Parameters
        ----------
        again : str, optional
            Name of a saved playlist: what was asked for then is asked again, of the library as it is now.
        **request
            The fields of `workbench.playlist.PlaylistRequest`: ``mood, energy, bpm, key, n`` or
            ``minutes, curve, start, end`` and more. Tracks are named by an id, its beginning, or a path.

        Raises
        ------
        InputError
            When a field is wrong; the message says what it takes.
        """
        from workbench.store.compose import compose_playlist

        return compose_playlist(self._indexes, self.playlist_request(again=again, **request))

    def playlist_request(self, *, again: str | None = None, **request: Any) -> PlaylistRequest:
        """Complete what `playlist` is asked for: tracks by their whole ids, and what was saved."""
        from workbench.playlist import PlaylistRequest
        from workbench.store import playlists

        if again is not None:
            request = {**playlists.find(self.catalog, again).request, **_given(request)}
        return PlaylistRequest.from_fields(**self._with_ids(request))

    def revise(
        self,
        tracks: str | Iterable[PathLike],
        *,
        extend: int = 0,
        bridge: int | None = None,
        replace: int | None = None,
        **request: Any,
    ) -> Playlist:
        """Find tracks for gaps in a playlist that there is; the others stay where they are.

        Parameters
        ----------
        tracks : str or iterable
            Name of a saved playlist, whose request then holds for the new tracks; a file ``.m3u``, ``.m3u8`` or
            ``.xspf``, of which tracks that are not in the library are left out; or tracks by id or path.
        extend : int
            Append so many.
        bridge : int, optional
            Insert the one that leads best from the track at this position, counted from 1, to the next.
        replace : int, optional
            Put another in place of the track at this position.
        **request
            Further fields, as in `playlist`.

        Raises
        ------
        InputError
            When there is no such playlist or position, or a field is wrong.

        Examples
        --------
        >>> import workbench as wb
        >>> def prolong(lib: wb.Library, name: str) -> None:
        ...     lib.save_playlist(name, lib.revise(name, extend=3))
        """
        from workbench.playlist.request import edit

        ids, asked = self._existing(tracks)
        return self.playlist(**edit(ids, {**asked, **_given(request)}, extend=extend, bridge=bridge, replace=replace))

    def save_playlist(self, name: str, playlist: Playlist, *, text: str | None = None) -> None:
        """Keep a playlist with its request under a name; one of that name is replaced.

        Parameters
        ----------
        name : str
            One line of up to 200 letters.
        playlist : Playlist
        text : str, optional
            The words that it was asked for in; nothing is chosen by them.

        Raises
        ------
        InputError
            When the name cannot be one.
        """
        from workbench.store import playlists

        playlists.save(self.catalog, name, playlist.request.asked_for(), playlist.ids, text)

    def delete_playlist(self, name: str) -> None:
        """Forget a saved playlist; `InputError` when there is none of that name."""
        from workbench.store import playlists

        playlists.delete(self.catalog, name)

    def playlists(self) -> list[dict[str, Any]]:
        """List the saved playlists in order of their names: ``name, request, tracks, saved_at, text``."""
        from workbench.store import playlists

        return Records(map(asdict, playlists.kept(self.catalog)), ("name", "text", "request"), "saved playlists")

    def read_playlist(self, path: PathLike) -> tuple[list[str], list[str]]:
        """Read a playlist of another program, ``.m3u``, ``.m3u8`` or ``.xspf``.

        Returns
        -------
        (list of str, list of str)
            Ids of the tracks in order, each once, and the entries that are not in the library.

        Raises
        ------
        InputError
            When it cannot be read.
        """
        from workbench.playlist.read import read_playlist
        from workbench.store.catalog import queries

        locations = read_playlist(path)
        found = queries.ids_by_path(self.catalog, locations)
        ids = dict.fromkeys(found[location] for location in locations if location in found)
        return list(ids), [location for location in locations if location not in found]

    def export_playlist(self, playlist: Playlist, path: PathLike, *, relative: bool = False) -> Path:
        """Write a playlist: ``.m3u8``, ``.xspf``, ``.csv``, ``.json``, or ``.xml`` for Rekordbox.

        Parameters
        ----------
        playlist : Playlist
        path : path
            The file; its ending tells the format.
        relative : bool
            Write paths relative to it (M3U8 and XSPF).
        """
        from workbench.playlist.export import export
        from workbench.store.export import replace_text

        target = Path(path).expanduser()
        beats = self.stored_beats(playlist.ids) if target.suffix.lower() == ".xml" else {}
        replace_text(target, export(playlist, target, relative=relative, beats=beats))
        return target

    def write_tags(self, tracks: Iterable[PathLike], *, apply: bool = False) -> list[dict[str, Any]]:
        """Say which tags tempo, key and mood would become in the tracks' files; write them only if asked to.

        A file is changed as a copy, which takes its place only if its audio has the same content id and its tags
        read back as written.

        Parameters
        ----------
        tracks : iterable
            Tracks by id or path.
        apply : bool
            Write. Without it nothing is changed.

        Returns
        -------
        list of dict
            ``path``, ``state`` (``would change``, ``changed``, ``same`` or ``failed``), ``tags`` (name to the value
            before and after) and ``detail``.
        """
        from workbench.audio.retag import retag
        from workbench.store.catalog import queries

        ids = [self._track_id(track) for track in tracks]
        records = queries.tracks_by_id(self.catalog, ids)
        return [retag(records[t]["path"], t, _tag_values(records[t]), apply=apply).to_dict() for t in ids]

    def _with_ids(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Turn the tracks that a request names, by the beginning of an id or by path, into ids."""
        named = dict(request)
        for field in ("start", "end"):
            if named.get(field) is not None:
                named[field] = self._track_id(named[field])
        for field in ("waypoints", "slots", "include", "exclude", "like"):
            tracks = named.get(field)
            if tracks is not None:
                several = [tracks] if isinstance(tracks, str | os.PathLike) else tracks
                named[field] = [None if track is None else self._track_id(track) for track in several]
        return named

    def _existing(self, tracks: str | Iterable[PathLike]) -> tuple[list[str], dict[str, Any]]:
        """Ids of a playlist that there is, and what was asked for."""
        from workbench.playlist.read import FORMATS
        from workbench.store import playlists
        from workbench.store.catalog import queries

        if not isinstance(tracks, str):
            return [self._track_id(track) for track in tracks], {}
        if Path(tracks).suffix.lower() in FORMATS:
            return self.read_playlist(tracks)[0], {}
        saved = playlists.find(self.catalog, tracks)
        known = queries.tracks_by_id(self.catalog, saved.tracks)
        return [track for track in saved.tracks if track in known], saved.request


def _tag_values(record: Mapping[str, Any]) -> dict[str, str | None]:
    from workbench.playlist import parse_key

    return {
        "bpm": None if record["bpm"] is None else str(round(record["bpm"])),
        "key": None if record["key"] is None else parse_key(record["key"]).short,
        "mood": record["mood"],
    }


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing."""
    return {name: value for name, value in fields.items() if value is not None}
