"""What each call asks of a server, and what it makes of the answers. Nothing here sends anything.

* A call is a generator: it yields an `Ask`, is given the answer, may ask again, and returns a value. So one that needs
  several requests, such as all pages of a list, is written once for both clients, as are its signature and its words.
* `call` makes it a method: of a `Client` one that returns the value, of an `AsyncClient` one that is awaited.
* Only the server checks what is asked; a client of another version may be told what it takes.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import types
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, cast, overload

import httpx2
from pydantic import BaseModel

from workbench import tabular
from workbench.errors import AudioError, InputError
from workbench.schema import DescriptorSet
from workbench.server.models import (
    AskAnswer,
    AssistStatus,
    Description,
    FailureRecord,
    FailuresPage,
    Health,
    JobRecord,
    JobsPage,
    LabelRecord,
    LabelsKept,
    NewLabel,
    PlaylistAnswer,
    SimilarAnswer,
    TrackDetail,
    TrackRecord,
    TracksPage,
    Waveform,
)

if TYPE_CHECKING:
    from workbench.client.clients import AsyncClient, Client

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

PathLike = str | os.PathLike[str]

_TRACK_ID = re.compile("[0-9a-f]{32}")
_PLAYLISTS = {"m3u8": "application/vnd.apple.mpegurl", "xspf": "application/xspf+xml", "csv": "text/csv"}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Attributes
    ----------
    method, path : the path below the root of the API
    query : parameters; those that are None are left out
    json : the body, if there is one
    files : parts of an upload: name, and file name with what to read, or with a text and its media type
    accept : media type of the answer
    into : takes the answer piece by piece, instead of having it in memory
    accepted : statuses of answers that are no refusals, besides those from 200 to 299
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    files: Sequence[tuple[str, Any]] | None = None
    accept: str = "application/json"
    into: Callable[[bytes], object] | None = None
    accepted: tuple[int, ...] = ()

    def arguments(self, url: str) -> dict[str, Any]:
        """Give what either kind of `httpx2` client takes."""
        return {
            "method": self.method,
            "url": url + self.path,
            "params": {name: value for name, value in self.query.items() if value is not None},
            "json": self.json,
            "files": self.files,
            "headers": {"Accept": self.accept},
        }


Steps = Generator[Ask, httpx2.Response, T]


class call(Generic[P, T]):  # noqa: N801 - a decorator
    """Make a method of both clients out of the steps of a call."""

    def __init__(self, steps: Callable[Concatenate[Any, P], Steps[T]]) -> None:
        self._steps = steps
        functools.update_wrapper(cast(Callable[..., Any], self), steps)

    @overload
    def __get__(self, client: None, owner: type) -> call[P, T]: ...
    @overload
    def __get__(self, client: Client, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, client: Client | AsyncClient | None, owner: type) -> Any:
        if client is None:
            return self
        steps = types.MethodType(self._steps, client)

        def run(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.run(steps(*args, **kwargs))

        return functools.update_wrapper(run, steps)


class Calls:
    """The methods of both clients; those of an `AsyncClient` are awaited."""

    # --- tracks -----------------------------------------------------------------------------------

    @call
    def tracks(
        self, where: str | None = None, *, sort: str = "path", descending: bool = False, limit: int | None = None
    ) -> Steps[list[TrackRecord]]:
        """List tracks in order, however many pages they take.

        Parameters
        ----------
        where : str, optional
            Such as ``bpm > 120 and key == "A minor"``.
        sort : str
            A column of the records; tracks that lack it come last.
        descending : bool
            From the greatest down.
        limit : int, optional
            How many at most.

        Examples
        --------
        >>> from workbench.client import Client
        >>> def fast(client: Client) -> list[str]:
        ...     return [track.path for track in client.tracks("bpm > 120", sort="energy", limit=20)]
        """
        query = {"where": where, "sort": sort, "descending": descending}
        return (yield from _all("/tracks", query, TracksPage, "tracks", limit))

    @call
    def tracks_page(
        self,
        *,
        where: str | None = None,
        sort: str = "path",
        descending: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> Steps[TracksPage]:
        """Give some tracks at a time; `next` of a page is what `after` is for the next one."""
        query = {"where": where, "sort": sort, "descending": descending, "after": after, "limit": limit}
        return (yield from _one(TracksPage, Ask("GET", "/tracks", query)))

    @call
    def track(self, track: str) -> Steps[TrackDetail]:
        """Find a track by its id, with its labels."""
        return (yield from _one(TrackDetail, Ask("GET", f"/tracks/{_id(track)}")))

    @call
    def labels(self, track: str) -> Steps[list[LabelRecord]]:
        """List what people say of a track."""
        return (yield from _one(TrackDetail, Ask("GET", f"/tracks/{_id(track)}"))).labels

    @call
    def label(self, track: str, *labels: NewLabel) -> Steps[list[LabelRecord]]:
        """Say what a track is; what you said of it before is replaced, by nothing if no label is given.

        Returns
        -------
        list of LabelRecord
            All labels of the track, those of others too.

        Examples
        --------
        >>> from workbench.client import Client, NewLabel
        >>> def mark(client: Client, track: str) -> None:
        ...     client.label(track, NewLabel(name="genre", value="dub"), NewLabel(name="break", start_s=61, end_s=69))
        """
        said = {"labels": [label.model_dump() for label in labels]}
        return (yield from _one(LabelsKept, Ask("PUT", f"/tracks/{_id(track)}/labels", json=said))).labels

    @call
    def waveform(self, track: str, points: int = 1000) -> Steps[Waveform]:
        """Give the outline of a track: the lowest and highest sample of each of some equal spans, in [-1, 1]."""
        return (yield from _one(Waveform, Ask("GET", f"/tracks/{_id(track)}/waveform", {"points": points})))

    @call
    def audio(self, track: str, path: PathLike) -> Steps[Path]:
        """Copy the audio of a track into a file, as it lies on the server; the file appears when it is complete."""
        target = Path(path).expanduser()
        beginning = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
        try:
            with open(beginning, "xb") as file:
                yield Ask("GET", f"/tracks/{_id(track)}/audio", accept="*/*", into=file.write)
            beginning.replace(target)
        finally:
            beginning.unlink(missing_ok=True)
        return target

    # --- answers ----------------------------------------------------------------------------------

    @call
    def similar(
        self,
        reference: PathLike | Sequence[str] | Mapping[str, float],
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
            if not _TRACK_ID.fullmatch(text):
                try:
                    return (yield from _upload(SimilarAnswer, "/audio/find-similar", "file", [text], wanted))
                except AudioError as error:
                    raise AudioError(text, error.reason) from error
            wanted["track_id"] = text
        else:
            several = reference if isinstance(reference, Mapping) else dict.fromkeys(reference, 1.0)
            wanted["blend"] = [{"track_id": track, "weight": weight} for track, weight in several.items()]
        return (yield from _one(SimilarAnswer, Ask("POST", "/audio/find-similar", json=wanted)))

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
        return (yield from _one(PlaylistAnswer, Ask("POST", "/playlists/generate", json=request)))

    @call
    def playlist_file(self, kind: Literal["m3u8", "xspf", "csv"], /, **request: Any) -> Steps[str]:
        """Give a playlist as the text of a file for players: ``m3u8``, ``xspf`` or ``csv``."""
        if kind not in _PLAYLISTS:
            raise InputError(f"There are no playlists of the kind {kind!r}.", f"Kinds: {', '.join(_PLAYLISTS)}.")
        answer = yield Ask("POST", "/playlists/generate", json=request, accept=_PLAYLISTS[kind])
        return answer.text

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
        return (yield from _one(AskAnswer, Ask("POST", "/assist/ask", json={"text": text, "offline": offline})))

    @call
    def assist_status(self) -> Steps[AssistStatus]:
        """Tell which language models the server may ask, how they are, and what was used today."""
        return (yield from _one(AssistStatus, Ask("GET", "/assist/status")))

    @call
    def description(self, track: str) -> Steps[Description]:
        """Put a track into words, each with the descriptor that it is about, and suggest tags."""
        return (yield from _one(Description, Ask("GET", f"/tracks/{_id(track)}/description")))

    # --- jobs -------------------------------------------------------------------------------------

    @call
    def analyze(
        self,
        *paths: PathLike,
        frames: Iterable[str] = (),
        descriptors: DescriptorSet | None = None,
        retry_failed: bool = False,
    ) -> Steps[JobRecord]:
        """Put files and folders *of the server*, below its allowed roots, into the queue.

        Parameters
        ----------
        *paths : path
            Absolute; folders with all that is below them.
        frames, descriptors, retry_failed
            As of `workbench.Library.analyze`.

        Examples
        --------
        >>> from workbench.client import Client
        >>> def analyze(client: Client, folder: str) -> int:
        ...     job = client.analyze(folder)
        ...     for event in client.progress(job.job_id):
        ...         print(f"{event.percentage:.0f} % {event.current_file or ''}")
        ...     return client.job(job.job_id).failed
        """
        options = {"frames": list(frames), "descriptors": descriptors, "retry_failed": retry_failed}
        asked = {"paths": [os.fspath(path) for path in paths], **options}
        return (yield from _one(JobRecord, Ask("POST", "/audio/batch-analyze", json=asked)))

    @call
    def upload(
        self,
        *files: PathLike,
        frames: Iterable[str] = (),
        descriptors: DescriptorSet | None = None,
        retry_failed: bool = False,
    ) -> Steps[JobRecord]:
        """Send files of this machine to be analyzed, read as they are sent; parameters as of `analyze`."""
        options = {"frames": list(frames), "descriptors": descriptors, "retry_failed": retry_failed}
        return (yield from _upload(JobRecord, "/audio/batch-analyze", "files", files, options))

    @call
    def jobs(
        self, *, owner: str | None = None, state: str | None = None, limit: int | None = None
    ) -> Steps[list[JobRecord]]:
        """List jobs, newest first: all, those of one user, or those that stand so."""
        return (yield from _all("/jobs", {"owner": owner, "state": state}, JobsPage, "jobs", limit))

    @call
    def job(self, job_id: int) -> Steps[JobRecord]:
        """Tell how a job stands."""
        return (yield from _one(JobRecord, Ask("GET", f"/jobs/{job_id}")))

    @call
    def cancel(self, job_id: int) -> Steps[JobRecord]:
        """Stop a job; what it has committed stays, and `resume` goes on from there."""
        return (yield from _one(JobRecord, Ask("DELETE", f"/jobs/{job_id}")))

    @call
    def resume(self, job_id: int) -> Steps[JobRecord]:
        """Put a job back into the queue that was stopped or has failed."""
        return (yield from _one(JobRecord, Ask("POST", f"/jobs/{job_id}/resume")))

    @call
    def failures(self, job_id: int, *, limit: int | None = None) -> Steps[list[FailureRecord]]:
        """List the files of a job that failed, with reason and remedy."""
        return (yield from _all(f"/jobs/{job_id}/failures", {}, FailuresPage, "failures", limit))

    # --- the server -------------------------------------------------------------------------------

    @call
    def health(self) -> Steps[Health]:
        """Tell whether the server is ready, and why not."""
        return (yield from _one(Health, Ask("GET", "/healthz", accepted=(503,))))


def _one(model: type[M], ask: Ask) -> Steps[M]:
    """Ask once."""
    answer = yield ask
    return model.model_validate_json(answer.content)


def _all(
    path: str, query: Mapping[str, Any], model: type[BaseModel], items: str, limit: int | None
) -> Steps[list[Any]]:
    """Ask for pages until there are no more, or enough."""
    found: list[Any] = []
    after = None
    while limit is None or len(found) < limit:
        most = 500 if limit is None else min(limit - len(found), 500)
        page = yield from _one(model, Ask("GET", path, {**query, "after": after, "limit": most}))
        found += getattr(page, items)
        after = getattr(page, "next")  # noqa: B009 - a field that all pages have
        if after is None:
            break
    return found


def _upload(model: type[M], path: str, name: str, files: Iterable[PathLike], options: Mapping[str, Any]) -> Steps[M]:
    """Send files, read as they are sent, and a part with options."""
    with contextlib.ExitStack() as opened:
        parts: list[tuple[str, Any]] = [(name, (Path(file).name, _open(opened, file))) for file in files]
        parts.append(("options", (None, tabular.to_json(options, indent=None), "application/json")))
        return (yield from _one(model, Ask("POST", path, files=parts)))


def _open(opened: contextlib.ExitStack, file: PathLike) -> IO[bytes]:
    try:
        return opened.enter_context(open(Path(file).expanduser(), "rb"))
    except OSError as error:
        raise InputError(
            f"{os.fspath(file)!r} cannot be read: {error.strerror}.",
            "Name a file of this machine, or a track by its id.",
        ) from error


def _id(track: str) -> str:
    """Check that something is an id: a path of the API is made of it."""
    if not _TRACK_ID.fullmatch(track):
        raise InputError(f"{track!r} is no id of a track.", "Give all 32 digits, as `tracks` lists them.")
    return track
