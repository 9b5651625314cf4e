"""What is asked of a library as a whole: what sounds alike, what should play next, and either of them in words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from workbench.client.ask import TRACK_ID, Ask, PathLike, Steps, call, check_id, one, sent
from workbench.errors import AudioError, InputError
from workbench.server.models.assist import AskAnswer, AssistStatus, Description, ReadAnswer
from workbench.server.models.playlists import PlaylistAnswer, SavedPlaylist, SavedPlaylists
from workbench.server.models.similar import DuplicatesAnswer, MapAnswer, SimilarAnswer, TasteRecord, Tastes

_PLAYLISTS = {"m3u8": "application/vnd.apple.mpegurl", "xspf": "application/xspf+xml", "csv": "text/csv"}

Pairs = Iterable[tuple[str, str]]


class AnswerCalls:
    """The questions that a library is for."""

    @call
    def similar(
        self,
        reference: PathLike | Sequence[PathLike] | Mapping[PathLike, float],
        n: int = 10,
        *,
        to: str | None = None,
        region: tuple[float, float] | None = None,
        where: str | None = None,
        weights: Mapping[str, float] | None = None,
        per_artist: int | None = None,
        per_album: int | None = None,
        fold: bool = True,
    ) -> Steps[SimilarAnswer]:
        """Find the tracks that sound most like a reference, or like several.

        Parameters
        ----------
        reference : path or str, sequence, or mapping
            The id of a track, or a file of this machine, which is uploaded. Several tracks are blended: as a
            sequence all alike, as a mapping by weights.
        n, to, region, where, weights, per_artist, per_album, fold
            As of `workbench.Library.similar`; tracks go by their ids.

        Examples
        --------
        >>> from workbench.client import Client
        >>> def softer(client: Client, like: str, unlike: str) -> list[str]:
        ...     return [result.path for result in client.similar({like: 1, unlike: -0.5}, per_artist=1).results]
        """
        wanted: dict[str, Any] = {"n": n, "where": where, "weights": weights, "fold": fold}
        wanted |= {"per_artist": per_artist, "per_album": per_album}
        if region is not None:
            wanted["region"] = {"start_s": region[0], "end_s": region[1]}
        if to is not None:
            wanted["to"] = to
        if isinstance(reference, str | os.PathLike):
            text = os.fspath(reference)
            if not TRACK_ID.fullmatch(text):
                try:
                    return (yield from sent(SimilarAnswer, "/audio/find-similar", "file", [text], wanted))
                except AudioError as error:
                    raise AudioError(text, error.reason) from error
            wanted["track_id"] = text
        else:
            several = reference if isinstance(reference, Mapping) else dict.fromkeys(reference, 1.0)
            wanted["blend"] = [{"track_id": os.fspath(track), "weight": weight} for track, weight in several.items()]
        return (yield from one(SimilarAnswer, Ask("POST", "/audio/find-similar", json=wanted)))

    @call
    def map(self) -> Steps[MapAnswer]:
        """Place all tracks on a plane, where those that sound alike lie together, in clusters with names."""
        return (yield from one(MapAnswer, Ask("GET", "/map")))

    @call
    def duplicates(self) -> Steps[list[dict[str, Any]]]:
        """Find groups of the same recording, of versions of a song, and of the same sample, for review."""
        return (yield from one(DuplicatesAnswer, Ask("GET", "/duplicates"))).groups

    @call
    def tune(self, likes: Pairs = (), dislikes: Pairs = (), *, name: str = "mine") -> Steps[TasteRecord]:
        """Learn from a few clicks what makes tracks sound alike to you; searches go by it from then on.

        Parameters
        ----------
        likes, dislikes, name
            As of `workbench.Library.tune`; tracks go by their ids.
        """
        clicks = {"likes": [list(pair) for pair in likes], "dislikes": [list(pair) for pair in dislikes]}
        return (yield from one(TasteRecord, Ask("POST", "/tastes", json={"name": name, **clicks})))

    @call
    def untune(self, *, forget: str | None = None) -> Steps[None]:
        """Let searches go by the usual weights again; tastes are kept, but for one that is named to be forgotten."""
        yield Ask("DELETE", "/tastes", {"forget": forget})

    @call
    def tastes(self) -> Steps[list[TasteRecord]]:
        """List the tastes that were learned, in order of their names."""
        return (yield from one(Tastes, Ask("GET", "/tastes"))).tastes

    @call
    def playlist(self, /, **request: Any) -> Steps[PlaylistAnswer]:
        """Choose and order tracks.

        Parameters
        ----------
        **request
            The fields of `workbench.playlist.PlaylistRequest`: ``mood, energy, bpm, key, n`` or ``minutes, curve,
            start, end`` and more; tracks go by their ids.

        Examples
        --------
        >>> from workbench.client import Client
        >>> def evening(client: Client) -> list[str]:
        ...     return [track.path for track in client.playlist(mood="calm", bpm=(80, 110), minutes=60).tracks]
        """
        return (yield from one(PlaylistAnswer, Ask("POST", "/playlists/generate", json=request)))

    @call
    def playlist_file(self, kind: Literal["m3u8", "xspf", "csv"], /, **request: Any) -> Steps[str]:
        """Give a playlist as the text of a file for players: ``m3u8``, ``xspf`` or ``csv``."""
        if kind not in _PLAYLISTS:
            raise InputError(f"There are no playlists of the kind {kind!r}.", f"Kinds: {', '.join(_PLAYLISTS)}.")
        answer = yield Ask("POST", "/playlists/generate", json=request, accept=_PLAYLISTS[kind])
        return answer.text

    @call
    def keep_playlist(
        self, name: str, tracks: Iterable[str], request: Mapping[str, Any] | None = None, *, text: str | None = None
    ) -> Steps[SavedPlaylist]:
        """Keep tracks under a name, with what was asked for, so that it can be asked again.

        Parameters
        ----------
        name : str
            One of that name is replaced.
        tracks : iterable of str
            Their ids, in order.
        request : mapping, optional
            The fields that were asked for.
        text : str, optional
            The words that it was asked for in.
        """
        kept = {"name": name, "tracks": list(tracks), "request": dict(request or {}), "text": text}
        return (yield from one(SavedPlaylist, Ask("PUT", "/playlists", json=kept)))

    @call
    def playlists(self) -> Steps[list[SavedPlaylist]]:
        """List the playlists that were kept, in order of their names."""
        return (yield from one(SavedPlaylists, Ask("GET", "/playlists"))).playlists

    @call
    def delete_playlist(self, name: str) -> Steps[None]:
        """Forget a playlist that was kept."""
        yield Ask("DELETE", "/playlists", {"name": name})

    @call
    def ask(self, text: str, *, offline: bool = False) -> Steps[AskAnswer]:
        """Answer what is asked in words, with a playlist or with tracks that sound alike.

        Parameters
        ----------
        text, offline
            As of `workbench.Library.ask`.

        Examples
        --------
        >>> from workbench.client import Client
        >>> def longer(client: Client) -> list[str]:
        ...     asked = client.ask("a calm hour around 80 bpm, getting livelier")
        ...     return [track.path for track in client.playlist(**{**asked.request, "minutes": 90}).tracks]
        """
        return (yield from one(AskAnswer, Ask("POST", "/assist/ask", json={"text": text, "offline": offline})))

    @call
    def read_request(self, text: str, *, offline: bool = False) -> Steps[ReadAnswer]:
        """Make a request of words, as `ask` does, and do not answer it."""
        return (yield from one(ReadAnswer, Ask("POST", "/assist/read", json={"text": text, "offline": offline})))

    @call
    def assist_status(self) -> Steps[AssistStatus]:
        """Tell which language models the server may ask, how they are, and what was used today."""
        return (yield from one(AssistStatus, Ask("GET", "/assist/status")))

    @call
    def description(self, track: str) -> Steps[Description]:
        """Put a track into words, each with the descriptor that it is about, and suggest tags."""
        return (yield from one(Description, Ask("GET", f"/tracks/{check_id(track)}/description")))
