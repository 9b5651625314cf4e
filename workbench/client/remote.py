"""The library of a server, with the methods and answers of one that is here: widgets and notebooks take either.

* `RemoteLibrary` asks by a `Client` and gives what `workbench.Library` gives: records as dicts, arrays, the same
  classes. So a page of widgets runs against a server by one changed line, and every test of the one can be asked of the
  other.
* Tracks go by their whole ids; files of this machine only as references of a search.
* Paths in records, and those that are analyzed, are the server's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from workbench.assist.asked import Asked, answer_reading
from workbench.assist.describe import Claim, TagSuggestion, describe_tracks
from workbench.assist.reading import Reading
from workbench.client.ask import PathLike
from workbench.client.clients import Client
from workbench.client.remote_jobs import RemoteFolders, RemoteJobs, status_of
from workbench.display import Records, table
from workbench.errors import InputError
from workbench.jobs.estimate import Estimate
from workbench.jobs.manager import JobStatus, ProgressEvent
from workbench.library.tracks import SHOWN
from workbench.playlist import Playlist, PlaylistRequest
from workbench.playlist.compatibility import Transition
from workbench.playlist.export import export
from workbench.playlist.request import edit
from workbench.schema import DescriptorSet
from workbench.server.models.labels import NewLabel
from workbench.similarity.classify import Report
from workbench.store.export import replace_text, write_table
from workbench.store.labels import KeptLabel, Label
from workbench.store.learn import Learned, LearnedColumn
from workbench.store.map import TrackMap
from workbench.store.similar import SimilarTracks
from workbench.store.tastes import Taste

Rows = list[dict[str, Any]]
Pairs = Iterable[tuple[str, str]]

_REPORT = TypeAdapter(Report)


class RemoteLibrary:
    """A library that a server has; `workbench.open_library` opens one by its address.

    Parameters
    ----------
    url, token : str, optional
        As of `Client`.

    Examples
    --------
    >>> from workbench.client.remote import RemoteLibrary
    >>> with RemoteLibrary("http://127.0.0.1:8765", token="ada.secret") as lib:
    ...     lib
    <RemoteLibrary http://127.0.0.1:8765/api/v1>
    """

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        self.client = Client(url, token)
        self._author: str | None = None

    def close(self) -> None:
        """Give the connections back."""
        self.client.close()

    def __enter__(self) -> RemoteLibrary:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<RemoteLibrary {self.client.url}>"

    def _repr_html_(self) -> str:
        return table(self.tracks(limit=5), SHOWN, f"{self.count():,} tracks at {self.client.url}")

    @property
    def answers(self) -> RemoteLibrary:
        """The same: the server keeps its answers itself."""
        return self

    # --- tracks -----------------------------------------------------------------------------------

    def tracks(self, where: str | None = None, *, limit: int | None = None) -> Rows:
        """Tracks in order of their path; see `workbench.Library.tracks`."""
        return Records(map(_plain, self.client.tracks(where, limit=limit)), SHOWN, "tracks")

    def tracks_page(
        self,
        *,
        where: str | None = None,
        sort: str = "path",
        descending: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[Rows, str | None]:
        """Give some tracks at a time; see `workbench.Library.tracks_page`."""
        page = self.client.tracks_page(where=where, sort=sort, descending=descending, after=after, limit=limit)
        return [_plain(track) for track in page.tracks], page.next

    def columns(self, *names: str) -> dict[str, list[Any]]:
        """Give columns of all tracks; see `workbench.Library.columns`."""
        return self.client.columns(*names)

    def count(self, where: str | None = None) -> int:
        """Count the tracks, or those that fit."""
        return self.client.count(where)

    def records(self, tracks: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Give the records of tracks by id; an id that is not known is left out."""
        return {track: _plain(record) for track, record in self.client.records(tracks).items()}

    # --- sound ------------------------------------------------------------------------------------

    def waveform(self, track: str, points: int = 1000) -> npt.NDArray[np.float32]:
        """Give the outline of a track, shape (points, 2), to four decimals; see `workbench.Library.waveform`."""
        found = self.client.waveform(track, points)
        return np.array([found.lowest, found.highest], dtype=np.float32).T

    def excerpt(self, track: str, start_s: float = 0.0, seconds: float = 10.0) -> tuple[npt.NDArray[np.int16], int]:
        """Give a part of a track for listening; see `workbench.Library.excerpt`."""
        return self.client.excerpt(track, start_s, seconds)

    def spectrogram(self, track: str, columns: int = 1000) -> npt.NDArray[np.float32]:
        """Give the mel spectrum of a track over time; see `workbench.Library.spectrogram`."""
        return self.client.spectrogram(track, columns)

    def curve(self, track: str, name: str) -> npt.NDArray[np.float32]:
        """Give a descriptor of a track frame by frame; see `workbench.Library.curve`."""
        return self.client.curve(track, name)

    def beats(self, track: str) -> npt.NDArray[np.float64]:
        """Give the beats of a track, in seconds."""
        return self.client.beats(track)

    # --- labels -----------------------------------------------------------------------------------

    @property
    def author(self) -> str:
        """Who says what is said by `label`: you, as the server knows you."""
        if self._author is None:
            self._author = self.client.me()
        return self._author

    def label(self, track: str, *labels: Label) -> list[KeptLabel]:
        """Say what a track is; what you said of it before is replaced. See `workbench.Library.label`."""
        said = [NewLabel.model_validate(asdict(label)) for label in labels]
        return [KeptLabel(**label.model_dump()) for label in self.client.label(track, *said)]

    def labels(self, *tracks: str) -> list[KeptLabel]:
        """List the labels of some tracks, or of all."""
        found = [one for track in tracks for one in self.client.labels(track)] if tracks else self.client.all_labels()
        return [KeptLabel(**label.model_dump()) for label in found]

    def next_to_label(self, name: str, n: int = 10) -> list[str]:
        """Give the tracks, by id, whose label would teach most; see `workbench.Library.next_to_label`."""
        return self.client.next_to_label(name, n)

    def label_report(self, name: str) -> Report | None:
        """Tell how well the values of a label can be told; see `workbench.Library.label_report`."""
        return _report(self.client.label_report(name))

    def apply_labels(self, name: str) -> LearnedColumn:
        """Learn a label, and tell it of all tracks as a column; see `workbench.Library.apply_labels`."""
        made = self.client.apply_labels(name)
        return LearnedColumn(made.name, made.counts, _report(made.report))

    def forget_label_column(self, name: str) -> None:
        """Delete a column that `apply_labels` made; the labels stay."""
        self.client.forget_label_column(name)

    def label_columns(self) -> dict[str, dict[str, int]]:
        """List the columns that `apply_labels` made: how many tracks have each value, by name."""
        return self.client.label_columns()

    def label_column(self, name: str, tracks: Iterable[str] | None = None) -> dict[str, Learned]:
        """Give ``value`` and ``confidence`` of such a column by track."""
        found = self.client.label_column(name, tracks)
        return {track: Learned(said.value, said.confidence) for track, said in found.items()}

    def export_labels(self, path: PathLike) -> Path:
        """Write all labels as a table into a file of this machine; see `workbench.Library.export_labels`."""
        said = self.labels()
        paths = self.records({label.track for label in said})
        return write_table([{"path": paths[label.track]["path"], **asdict(label)} for label in said], path)

    # --- what sounds alike ------------------------------------------------------------------------

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
    ) -> SimilarTracks:
        """Find the tracks that sound most like a reference, or like several; see `workbench.Library.similar`.

        A file of this machine is sent.
        """
        found = self.client.similar(
            reference,
            n,
            to=to,
            region=region,
            where=where,
            weights=weights,
            per_artist=per_artist,
            per_album=per_album,
            fold=fold,
        ).model_dump()
        return SimilarTracks(found["query"], found["elapsed_ms"], found["results"])

    def map(self) -> TrackMap:
        """Place all tracks on a plane; see `workbench.Library.map`."""
        found = self.client.map()
        x, y = (np.array(values, dtype=np.float32) for values in (found.x, found.y))
        return TrackMap(found.ids, x, y, np.array(found.cluster, dtype=np.int64), found.names)

    def duplicates(self) -> Rows:
        """Find groups of the same recording, of versions of a song, and of the same sample, for review."""
        return self.client.duplicates()

    def tune(self, likes: Pairs = (), dislikes: Pairs = (), *, name: str = "mine") -> Taste:
        """Learn from a few clicks what makes tracks sound alike; see `workbench.Library.tune`."""
        return Taste(**self.client.tune(likes, dislikes, name=name).model_dump())

    def untune(self, *, forget: str | None = None) -> None:
        """Let `similar` go by the usual weights again; see `workbench.Library.untune`."""
        self.client.untune(forget=forget)

    def tastes(self) -> list[Taste]:
        """List the tastes that were learned, in order of their names."""
        return [Taste(**taste.model_dump()) for taste in self.client.tastes()]

    # --- what should play next ----------------------------------------------------------------------

    def playlist(self, *, again: str | None = None, **request: Any) -> Playlist:
        """Choose and order tracks; see `workbench.Library.playlist`."""
        asked = self.playlist_request(again=again, **request)
        made = self.client.playlist(**asked.asked_for()).model_dump()
        steps = [Transition(**step) for step in made["transitions"]]
        return Playlist(asked, made["tracks"], steps, made["violations"], made["cost"], made["targets"])

    def playlist_request(self, *, again: str | None = None, **request: Any) -> PlaylistRequest:
        """Complete what `playlist` is asked for; see `workbench.Library.playlist_request`."""
        before = {} if again is None else self._saved(again)["request"]
        return PlaylistRequest.from_fields(**{**before, **_given(request)})

    def revise(
        self,
        tracks: str | Iterable[str],
        *,
        extend: int = 0,
        bridge: int | None = None,
        replace: int | None = None,
        **request: Any,
    ) -> Playlist:
        """Find tracks for gaps in a playlist that there is; see `workbench.Library.revise`.

        Parameters
        ----------
        tracks : str or iterable of str
            Name of a saved playlist, or tracks by id.
        """
        ids, asked = self._existing(tracks)
        return self.playlist(**edit(ids, {**asked, **_given(request)}, extend=extend, bridge=bridge, replace=replace))

    def save_playlist(self, name: str, playlist: Playlist, *, text: str | None = None) -> None:
        """Keep a playlist on the server under a name, with what was asked for."""
        self.client.keep_playlist(name, playlist.ids, playlist.request.asked_for(), text=text)

    def playlists(self) -> Rows:
        """List the saved playlists in order of their names: ``name, request, tracks, saved_at, text``."""
        return Records(map(_plain, self.client.playlists()), ("name", "text", "request"), "saved playlists")

    def delete_playlist(self, name: str) -> None:
        """Forget a saved playlist."""
        self.client.delete_playlist(name)

    def export_playlist(self, playlist: Playlist, path: PathLike, *, relative: bool = False) -> Path:
        """Write a playlist into a file of this machine, with the server's paths; see `Library.export_playlist`."""
        target = Path(path).expanduser()
        beats = self.client.stored_beats(playlist.ids) if target.suffix.lower() == ".xml" else {}
        replace_text(target, export(playlist, target, relative=relative, beats=beats))
        return target

    def _existing(self, tracks: str | Iterable[str]) -> tuple[list[str], dict[str, Any]]:
        """Ids of a playlist that there is, and what was asked for."""
        if not isinstance(tracks, str):
            return list(tracks), {}
        saved = self._saved(tracks)
        known = self.records(saved["tracks"])
        return [track for track in saved["tracks"] if track in known], saved["request"]

    def _saved(self, name: str) -> dict[str, Any]:
        for kept in self.playlists():
            if kept["name"] == name:
                return dict(kept)
        raise InputError(f"There is no saved playlist {name!r}.", "`playlists` lists those that there are.")

    # --- in words ---------------------------------------------------------------------------------

    def ask(self, text: str, *, offline: bool = False, reading: Reading | None = None) -> Asked:
        """Answer what is asked in words; see `workbench.Library.ask`."""
        reading = reading or self.read_request(text, offline=offline)
        return answer_reading(text, reading, self.playlist, self.similar)

    def read_request(self, text: str, *, offline: bool = False) -> Reading:
        """Make a request of words, as `ask` does, and do not answer it."""
        return Reading.of(self.client.read_request(text, offline=offline).model_dump())

    def describe(self, what: str | Playlist) -> list[Claim]:
        """Put a track or a playlist into words; see `workbench.Library.describe`."""
        if isinstance(what, Playlist):
            return describe_tracks(what.tracks)
        for kept in self.playlists():
            if kept["name"] == what:
                records = self.records(kept["tracks"])
                return describe_tracks([records[track] for track in kept["tracks"] if track in records])
        return [Claim(**claim.model_dump()) for claim in self.client.description(what).claims]

    def explain(self, a: str, b: str) -> dict[str, Any]:
        """Say why two tracks sound alike, or do not; see `workbench.Library.explain`."""
        results = self.similar(a, 1, where=f'id == "{b}"', fold=False).results
        if not results:
            raise InputError("A track is like itself.", "Name two tracks.")
        return {name: results[0][name] for name in ("id", "score", "facets", "why", "because")}

    def suggest_tags(self, track: str) -> list[TagSuggestion]:
        """Suggest tags for a track from what was measured of it, for review."""
        return [TagSuggestion(**tag.model_dump()) for tag in self.client.description(track).tags]

    # --- jobs -------------------------------------------------------------------------------------

    def analyze(
        self,
        *paths: PathLike,
        frames: Iterable[str] = (),
        descriptors: DescriptorSet | None = None,
        retry_failed: bool = False,
        wait: bool = True,
        on_progress: Callable[[ProgressEvent], None] | None = None,
    ) -> JobStatus:
        """Let the server analyze files and folders of its own; see `workbench.Library.analyze`.

        Parameters
        ----------
        *paths : path
            Absolute, below the roots that the server allows.
        wait : bool
            False returns at once.
        on_progress : callable, optional
            Called with each `ProgressEvent` while it waits.
        """
        job = self.client.analyze(*paths, frames=frames, descriptors=descriptors, retry_failed=retry_failed)
        if not wait:
            return status_of(job)
        for event in self.client.progress(job.job_id):
            if on_progress is not None:
                on_progress(ProgressEvent(**event.model_dump()))
        return status_of(self.client.job(job.job_id))

    def estimate(self, *paths: PathLike, within: Iterable[PathLike] = ()) -> Estimate:
        """Say what an analysis of paths of the server would take; what lies outside its roots it refuses itself."""
        del within
        return Estimate(**self.client.estimate(*paths).model_dump())

    def job_manager(self) -> RemoteJobs:
        """Submit jobs to the server's queue, watch and stop them; the server works on them."""
        return RemoteJobs(self.client)

    def jobs(self) -> Rows:
        """All jobs, newest first."""
        return Records(map(_plain, self.client.jobs()), ("job_id", "state", "percentage", "error"), "jobs")

    def folders(self) -> RemoteFolders:
        """Look through the folders of the server that may be analyzed."""
        return RemoteFolders(self.client)


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing."""
    return {name: value for name, value in fields.items() if value is not None}


def _plain(record: Any) -> dict[str, Any]:
    return dict(record.model_dump())


def _report(found: dict[str, Any] | None) -> Report | None:
    return None if found is None else _REPORT.validate_python(found)
