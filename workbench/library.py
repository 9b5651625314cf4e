"""`Library`: the one way in, for notebooks, dashboards, servers and the command line alike."""

from __future__ import annotations

import errno
import getpass
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.config import Settings, load_settings
from workbench.display import Records, table
from workbench.errors import InputError, LibraryUnwritableError, Reason, StorageFullError

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from workbench.answers import CachedAnswers
    from workbench.assist.asked import Asked
    from workbench.assist.chain import Chain
    from workbench.assist.describe import Claim, TagSuggestion
    from workbench.assist.names import Names
    from workbench.assist.reading import Reading
    from workbench.audio.decode import Limits
    from workbench.jobs.estimate import Estimate
    from workbench.jobs.job import Job
    from workbench.jobs.manager import JobManager
    from workbench.jobs.missing import Missing
    from workbench.jobs.progress import Progress
    from workbench.playlist import Playlist, PlaylistRequest
    from workbench.schema import DescriptorSet
    from workbench.similarity.classify import Report
    from workbench.store.arrays import PartStore
    from workbench.store.catalog import Catalog
    from workbench.store.catalog.move import Moved
    from workbench.store.collect import Collection
    from workbench.store.labels import KeptLabel, Label
    from workbench.store.learn import Learned, LearnedColumn
    from workbench.store.map import TrackMap
    from workbench.store.similar import SimilarTracks
    from workbench.store.tastes import Taste
    from workbench.store.verify import Verification

PathLike = str | os.PathLike[str]

#: What a notebook's table shows of tracks.
_SHOWN = ("title", "artist", "bpm", "key", "energy", "mood", "duration_s", "path")


class Library:
    """A collection of analyzed audio: catalog, features, and the answers that they give.

    Use `Library.open`. A library may be open in several processes at the same time.

    Examples
    --------
    >>> import tempfile, workbench as wb
    >>> with tempfile.TemporaryDirectory() as folder, wb.Library.open(f"{folder}/music.library") as lib:
    ...     lib.tracks()
    []
    """

    def __init__(self, path: Path, settings: Settings, schema: str | None) -> None:
        from workbench.store.arrays import PartStore
        from workbench.store.indexes import Indexes

        self.path = path
        self.settings = settings
        self.catalog: Catalog = _open_catalog(path, settings, schema)
        self.parts: PartStore = PartStore(path / "features.zarr")
        self._indexes = Indexes(self.catalog, self.parts, path / "index", settings.search_index)
        self._answers: CachedAnswers | None = None
        self._opening = threading.Lock()
        self._chain: Chain | None = None
        self._names: tuple[int, Names] | None = None

    @classmethod
    def open(cls, path: PathLike | None = None, *, create: bool = True, settings: Settings | None = None) -> Library:
        """Open a library, or make one.

        The catalog of a new one is an SQLite file in its folder, or, with the setting ``catalog``, in a PostgreSQL
        database, where each library has a schema of its own. It stays where it was made.

        Parameters
        ----------
        path : path, optional
            Folder of the library; default is the setting ``library``.
        create : bool
            Make a library where there is none.
        settings : Settings, optional
            Default: from the environment and the settings file.

        Raises
        ------
        InputError
            When there is no library and none is to be made, or the folder is something else.
        LibraryUnwritableError, LibraryVersionError, CatalogLockedError, CatalogUnreachableError
            When it cannot be used as it is.
        StorageFullError
            When there is no room for it.
        """
        from workbench.store import marker

        settings = settings or load_settings()
        folder = Path(path if path is not None else settings.library).expanduser().absolute()
        with _usable(folder):
            if not (folder / marker.NAME).exists():
                if not create:
                    raise InputError(
                        f"There is no library at {str(folder)!r}.",
                        "Make one with `workbench analyze PATH`, or name another with --library.",
                    )
                marker.make_folder(folder, on_server=settings.catalog is not None)
            schema = marker.read_marker(folder)
        return cls(folder, settings, schema)

    @classmethod
    def move_catalog(
        cls, path: PathLike | None = None, *, to: Literal["postgresql", "sqlite"], settings: Settings | None = None
    ) -> Moved:
        """Move a library's catalog into the PostgreSQL database of the setting ``catalog``, or back into its folder.

        All of it is copied, read again and compared before the library is told to use it; the former one is kept, as
        it was, and takes no more. Programs that have the library open must be started again.

        Parameters
        ----------
        path : path, optional
            Folder of the library; default is the setting ``library``.
        to : {"postgresql", "sqlite"}
            Where to.
        settings : Settings, optional
            Default: from the environment and the settings file.

        Raises
        ------
        InputError
            When it is there already, or it is not said which database.
        JobError
            While a job is at work.
        LibraryDamagedError
            When the copy is not what was copied; the library stays as it is.
        """
        from workbench.store import marker
        from workbench.store.catalog.move import move_catalog

        settings = settings or load_settings()
        with cls.open(path, create=False, settings=settings) as library:
            folder = library.path
            if (to == "postgresql") == (marker.read_marker(folder) is not None):
                raise InputError(f"The catalog of {str(folder)!r} is at {library.catalog.name} already.")
            facts = marker.new_facts(on_server=to == "postgresql")
            if to == "sqlite":
                marker.set_aside(folder / "catalog.sqlite")
            target = _open_catalog(folder, settings, facts.get("schema"))
            try:
                with _usable(folder):
                    return move_catalog(library.catalog, target, switch=lambda: marker.replace_marker(folder, facts))
            except BaseException:
                target.drop()
                raise
            finally:
                target.close()

    # --- analysis ---------------------------------------------------------------------------------

    def analyze(
        self,
        *paths: PathLike,
        frames: Iterable[str] = (),
        descriptors: DescriptorSet | None = None,
        retry_failed: bool = False,
        workers: int | None = None,
        scheduler: str | None = None,
        wait: bool = True,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Job:
        """Analyze files and folders; what is known already is not decoded again.

        The same call after a crash goes on where that one stopped.

        Parameters
        ----------
        *paths : path
            Files and folders, searched recursively.
        frames : iterable of str
            Descriptors whose values per frame are stored too.
        descriptors : {"fast", "full"}, optional
            The set to compute; default that of the settings. A library that has more is up to date, and one that
            has less gets what it lacks.
        retry_failed : bool
            Also try files again that failed before and have not changed.
        workers : int, optional
            Local worker processes; default one per processor.
        scheduler : str, optional
            Address of a Dask scheduler to use instead; its workers must see the same paths.
        wait : bool
            False returns at once, with the job running in the background.
        on_progress : callable, optional
            Called with a `Progress` a few times a second.

        Returns
        -------
        Job

        Raises
        ------
        InputError
            On a path that does not exist or a descriptor that nobody knows.
        StorageFullError, JobError
            When the job cannot go on; it can be resumed.
        """
        from workbench.jobs.job import Job, absolute
        from workbench.store.ledger import Request

        with _usable(self.path):
            self.parts.create()  # which reading does not need
        where = tuple(dict.fromkeys(absolute(path) for path in paths))
        request = Request(where, tuple(sorted(set(frames))), retry_failed, descriptors or self.settings.descriptors)
        job = Job.start(self._workplace(workers, scheduler), request, on_progress)
        return job.run() if wait else job.run_in_background()

    def estimate(self, *paths: PathLike, within: Iterable[PathLike] = ()) -> Estimate:
        """Say how many files an analysis of some paths would find, how many of them are new, and how long it takes.

        No link is followed out of the folders `within`, if any are given.
        """
        from workbench.jobs.estimate import estimate
        from workbench.jobs.job import absolute

        return estimate(self.catalog, [absolute(path) for path in paths], [absolute(path) for path in within])

    def missing(self, *, frames: Iterable[str] = (), descriptors: DescriptorSet | None = None) -> Missing:
        """Say what the tracks lack of the wanted descriptors, and what having it would cost; nothing is opened.

        Parameters are those of `analyze`. Analyzing the ``paths`` of the answer computes it.
        """
        from workbench.jobs.job import wanted_arrays
        from workbench.jobs.missing import find_missing
        from workbench.store.ledger import Request

        request = Request((), tuple(sorted(set(frames))), descriptors=descriptors or self.settings.descriptors)
        return find_missing(self.catalog, wanted_arrays(request))

    def resume(
        self,
        job_id: int,
        *,
        workers: int | None = None,
        scheduler: str | None = None,
        wait: bool = True,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Job:
        """Take a job up that was interrupted or cancelled; parameters as in `analyze`."""
        from workbench.jobs.job import Job

        job = Job.resume(self._workplace(workers, scheduler), job_id, on_progress)
        return job.run() if wait else job.run_in_background()

    def job_manager(self, *, workers: int | None = None, scheduler: str | None = None) -> JobManager:
        """Submit jobs to the library's queue, watch and stop them; `JobManager.start` works on them here.

        Parameters
        ----------
        workers, scheduler
            On what the jobs run that this process works on, as in `analyze`.

        Examples
        --------
        >>> import workbench as wb
        >>> def in_the_background(lib: wb.Library, folder: str) -> int:
        ...     manager = lib.job_manager()
        ...     manager.start()
        ...     return manager.submit([folder], owner="ada").job_id
        """
        from workbench.jobs.manager import JobManager

        return JobManager(self._workplace(workers, scheduler))

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs of the library, newest first."""
        from workbench.store.ledger import Ledger

        return Records(Ledger(self.catalog).jobs(), ("id", "state", "progress", "message"), "jobs")

    # --- what is known ----------------------------------------------------------------------------

    def tracks(
        self,
        where: str | None = None,
        *,
        limit: int | None = None,
        fold_bpm: tuple[float, float] | None = None,
        ranked: bool = False,
    ) -> list[dict[str, Any]]:
        """Tracks as plain records, in order of their path; what is not known is None.

        Parameters
        ----------
        where : str, optional
            Such as ``bpm > 120 and key == "A minor"``; see `workbench.store.catalog.where`.
        limit : int, optional
            How many at most.
        fold_bpm : (float, float), optional
            Move each tempo by octaves into this range, as `workbench.features.tempo.fold_tempo` does; ``bpm_found``
            then holds the tempo that was found. Nothing stored is changed.
        ranked : bool
            Give energy, valence, arousal and danceability as ranks in the library, and the mood of those: 0.9 is
            above nine tenths of its tracks.
        """
        from workbench.store.catalog import queries

        rows = queries.tracks(self.catalog, where=where, limit=limit)
        if ranked:
            rows = self._ranked(rows)
        if fold_bpm is None:
            return Records(rows, _SHOWN, "tracks")
        low, high = fold_bpm
        if not 0 < low < high:
            raise InputError(f"{low:g} to {high:g} BPM is no range.", "Give the lower tempo first: 70 140.")
        from workbench.features.tempo import fold_tempo

        folded = (
            {**row, "bpm": row["bpm"] and fold_tempo(row["bpm"], low, high), "bpm_found": row["bpm"]} for row in rows
        )
        return Records(folded, _SHOWN, "tracks")

    def tracks_page(
        self,
        *,
        where: str | None = None,
        sort: str = "path",
        descending: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Give some tracks at a time, however many there are.

        Parameters
        ----------
        where : str, optional
            As in `tracks`.
        sort : str
            A column of the records; tracks that lack it come last.
        descending : bool
            From the greatest down.
        after : str, optional
            What the page before gave as second value; not to be made up.
        limit : int
            How many at most.

        Returns
        -------
        (list of dict, str or None)
            Records as from `tracks`, and what to give as `after` for the next page; None at the end.
        """
        from workbench.store.catalog.pages import tracks_page

        page = tracks_page(self.catalog, where=where, sort=sort, descending=descending, after=after, limit=limit)
        return page.rows, page.after

    def columns(self, *names: str) -> dict[str, list[Any]]:
        """Give columns of all tracks, in ascending order of their ids: far quicker than as many records.

        Examples
        --------
        >>> import workbench as wb
        >>> def tempi(lib: wb.Library) -> list[float | None]:
        ...     return lib.columns("bpm")["bpm"]
        """
        from workbench.store.catalog import queries

        known = [name for name in queries.TRACK_COLUMNS if name != "flags"]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InputError(f"There is no column {unknown[0]!r}.", f"Columns: {', '.join(known)}.")
        return queries.track_columns(self.catalog, names)

    def count(self, where: str | None = None) -> int:
        """Count the tracks, or those that fit an expression (see `tracks`)."""
        from workbench.store.catalog import queries

        return queries.number_of_tracks(self.catalog, where=where)

    def records(self, tracks: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Give the records of tracks by id; an id that is not known is left out."""
        from workbench.store.catalog import queries

        return queries.tracks_by_id(self.catalog, list(tracks))

    def label(self, track: PathLike, *labels: Label, author: str | None = None) -> list[KeptLabel]:
        """Say what a track is; what the same author said of it before is replaced.

        Parameters
        ----------
        track : path or str
            By id, beginning of an id, or path.
        *labels : Label
            All that you say of it; none takes back what you said.
        author : str, optional
            Who says so; default the name of the account that the program runs under.

        Returns
        -------
        list of KeptLabel
            All labels of the track, those of others too.

        Examples
        --------
        >>> import workbench as wb
        >>> def mark(lib: wb.Library, track: str) -> None:
        ...     lib.label(track, wb.Label("genre", "dub"), wb.Label("break", start_s=61.5, end_s=69.1))
        """
        from workbench.store import labels as kept

        track_id = self._track_id(track)
        kept.replace_labels(self.catalog, track_id, labels, getpass.getuser() if author is None else author)
        return kept.kept_labels(self.catalog, [track_id])

    def labels(self, *tracks: PathLike) -> list[KeptLabel]:
        """List the labels of some tracks, or of all."""
        from workbench.store.labels import kept_labels

        return kept_labels(self.catalog, [self._track_id(track) for track in tracks] if tracks else None)

    def next_to_label(self, name: str, n: int = 10) -> list[str]:
        """Give the tracks, by id, whose label of this name would teach most, the most useful first.

        First those farthest from all that are labelled; once there are two values, those between values.
        """
        from workbench.store import learn

        return learn.next_to_label(self.catalog, self._indexes.vectors, lambda: self._indexes.regions, name, n)

    def label_report(self, name: str) -> Report | None:
        """Tell by cross-validation how well the values of a label can be told; None while there are too few.

        Tracks of one artist are never on both sides, where there are enough artists.
        """
        from workbench.store import learn

        return learn.report_on(self.catalog, self._indexes.vectors, lambda: self._indexes.regions, name)

    def apply_labels(self, name: str) -> LearnedColumn:
        """Learn a label from the tracks, and parts of tracks, that have it; tell it of all as a column of the library.

        From then on ``label.name`` and ``confidence.name`` can be used wherever an expression can, in `tracks`,
        `similar` and `playlist`. What people said of a track stays as it is, with the confidence 1. The column does
        not change with further labels until it is applied again.

        Raises
        ------
        InputError
            When there are not labels of two values.

        Examples
        --------
        >>> import workbench as wb
        >>> def dubs(lib: wb.Library, dub: str, rock: str) -> list[str]:
        ...     lib.label(dub, wb.Label("style", "dub"))
        ...     lib.label(rock, wb.Label("style", "rock"))
        ...     lib.apply_labels("style")
        ...     return [track["path"] for track in lib.tracks('label.style == "dub" and confidence.style > 0.8')]
        """
        from workbench.store import learn

        return learn.apply_labels(self.catalog, self._indexes.vectors, lambda: self._indexes.regions, name)

    def forget_label_column(self, name: str) -> None:
        """Delete a column that `apply_labels` made; the labels stay."""
        from workbench.store import learn

        learn.forget_column(self.catalog, name)

    def label_columns(self) -> dict[str, dict[str, int]]:
        """List the columns that `apply_labels` made: how many tracks have each value, by name."""
        from workbench.store import learn

        return learn.columns(self.catalog)

    def label_column(self, name: str, tracks: Iterable[str] | None = None) -> dict[str, Learned]:
        """Give ``value`` and ``confidence`` of such a column by track, of all or of some by their ids."""
        from workbench.store import learn

        return learn.values_of(self.catalog, name, None if tracks is None else list(tracks))

    def export_labels(self, path: PathLike) -> Path:
        """Write all labels as a table, ``.parquet``, ``.csv`` or ``.json``: who said what of which track, and when."""
        from workbench.store import export

        said = self.labels()
        paths = self.records({label.track for label in said})
        return export.write_table([{"path": paths[label.track]["path"], **asdict(label)} for label in said], path)

    def waveform(self, track: PathLike, points: int = 1000) -> npt.NDArray[np.float32]:
        """Give the outline of a track: the lowest and highest sample of each of some equal spans.

        The first call for a track decodes it; what was found is kept below ``index/``.

        Parameters
        ----------
        track : path or str
            By id, beginning of an id, or path.
        points : int
            How many spans, 1 to 4096; a shorter recording has one per frame.

        Returns
        -------
        numpy.ndarray, shape (points, 2), float32
            In [-1, 1].
        """
        from workbench.audio.waveform import reduce_outline
        from workbench.store.waveforms import load_outline

        track_id = self._track_id(track)
        spans = load_outline(self.path / "index" / "waveforms", track_id, self._path_of(track_id), self._limits)
        return reduce_outline(spans, points)

    def excerpt(
        self, track: PathLike, start_s: float = 0.0, seconds: float = 10.0
    ) -> tuple[npt.NDArray[np.int16], int]:
        """Decode a part of a track for listening: samples, shape (n, channels), int16, and their rate in Hz.

        Examples
        --------
        >>> import workbench as wb
        >>> def hear(lib: wb.Library, track: str) -> object:
        ...     from IPython.display import Audio
        ...     samples, sr = lib.excerpt(track, start_s=30)
        ...     return Audio(samples.T, rate=sr)
        """
        from workbench.store import listen

        return listen.excerpt(self._path_of(track), start_s, seconds, self._limits)

    def spectrogram(self, track: PathLike, columns: int = 1000) -> npt.NDArray[np.float32]:
        """Give the mel spectrum of a track over time, in dB, shape (n_bands, n_columns); it is decoded for that."""
        from workbench.store import listen

        return listen.spectrogram(self._path_of(track), columns, self._limits)

    def curve(self, track: PathLike, name: str) -> npt.NDArray[np.float32]:
        """Give a descriptor of a track frame by frame, shape (n_frames, …); decoded for that where it is not stored.

        Raises
        ------
        InputError
            When there is no such descriptor.
        """
        from workbench.store import listen

        track_id = self._track_id(track)
        try:
            return np.asarray(self.frames(name, track_id).values, dtype=np.float32)
        except InputError:
            return listen.curve(self._path_of(track_id), name, self._limits)

    def beats(self, track: PathLike) -> npt.NDArray[np.float64]:
        """Give the beats of a track, in seconds; decoded for that where ``frames/beats`` is not stored."""
        from workbench.store import listen

        track_id = self._track_id(track)
        stored = self._beats([track_id])
        return stored[track_id] if track_id in stored else listen.beats(self._path_of(track_id), self._limits)

    def failed(self) -> list[dict[str, Any]]:
        """Files without a track: ``path, reason, detail, remedy``."""
        from workbench.store.catalog import queries

        failed = ({**file, "remedy": Reason(file["reason"]).remedy} for file in queries.failed_files(self.catalog))
        return Records(failed, ("path", "reason", "detail", "remedy"), "files that failed")

    @property
    def features(self) -> xr.Dataset:
        """Summaries of all tracks as an xarray.Dataset on Dask arrays; reads nothing yet."""
        from workbench.features.registry import specs
        from workbench.similarity.embedding import EMBEDDING
        from workbench.store.catalog.queries import placed_paths
        from workbench.store.dataset import open_features

        stored = placed_paths(self.catalog)
        default = {spec.path for spec in specs()}  # there even before anything is analyzed
        full = [spec for spec in specs(descriptors="full") if spec.level == "summary"]
        per_track = [spec for spec in full if spec.path in default or (spec.path, spec.version) in stored]
        return open_features(self.catalog, self.parts, [*per_track, EMBEDDING])

    def frames(self, name: str, track: str) -> xr.DataArray:
        """Values of a descriptor per frame, for a track by id, beginning of an id, or path."""
        return self._ragged(f"frames/{name}", track)

    def segments(self, name: str, track: str) -> xr.DataArray:
        """Values of a descriptor per second, for a track by id, beginning of an id, or path."""
        return self._ragged(f"segments/{name}", track)

    # --- answers ----------------------------------------------------------------------------------

    def similar(
        self,
        reference: PathLike | Sequence[PathLike] | Mapping[PathLike, float],
        n: int = 10,
        *,
        to: PathLike | None = None,
        region: tuple[float, float] | None = None,
        where: str | None = None,
        weights: Mapping[str, float] | None = None,
        per_artist: int | None = None,
        per_album: int | None = None,
        fold: bool = True,
    ) -> SimilarTracks:
        """Find the tracks that sound most like a reference, or like several.

        A taste that was learned (`tune`) decides how much what counts, except with `region`.

        Parameters
        ----------
        reference : path or str, sequence, or mapping
            A file, in the library or not, or the id of a track (its beginning is enough). Several are blended: as a
            sequence all alike, as a mapping by weights, of which one below 0 says what the results are to be unlike.
        n : int
            How many.
        to : path or str, optional
            Another reference: the tracks lead from the first to it, each farther on the way than the one before.
        region : (float, float), optional
            Look for this part of the reference, from, to, in seconds, anywhere in the library: ``start_s`` and
            ``end_s`` of a result tell where it is most alike.
        where : str, optional
            Only tracks that fit this expression.
        weights : mapping, optional
            Factor on the usual weight of a facet, ``timbre, rhythm, harmony, dynamics``; one that is not named has 1.
        per_artist, per_album : int, optional
            At most so many of one artist, of one album.
        fold : bool
            List near-identical versions under ``versions`` of the nearest of them, instead of side by side.

        Raises
        ------
        InputError, AudioError
            When a reference is neither a track nor a file that can be decoded, or a value is out of its range.

        Examples
        --------
        >>> import workbench as wb
        >>> def softer(lib: wb.Library, like: str, unlike: str) -> list[str]:
        ...     return [result["path"] for result in lib.similar({like: 1, unlike: -0.5}, per_artist=1).results]
        """
        from workbench.jobs.similar import answer
        from workbench.store.similar import Wanted

        wanted = Wanted(n, where, weights, per_artist, per_album, fold)
        return answer(self._indexes, self.settings, reference, wanted, to=to, region=region)

    def search_index(self) -> dict[str, Any]:
        """Tell how `similar` searches, and how well; an approximate index is made if there is none yet.

        Returns
        -------
        dict
            ``setting``; ``exact``: why all searches are exact, None where some are approximate; ``approximate``: for
            those the fields of `workbench.similarity.cells.Recall`, else None.

        Raises
        ------
        InputError
            When the index is to be approximate and faiss is not installed.
        """
        found = self._indexes.cells_or_why_exact(self._indexes.vectors)
        setting = self.settings.search_index
        if isinstance(found, str):
            return {"setting": setting, "exact": found, "approximate": None}
        return {"setting": setting, "exact": None, "approximate": asdict(found.recall)}

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

    def tune(
        self,
        likes: Iterable[tuple[PathLike, PathLike]] = (),
        dislikes: Iterable[tuple[PathLike, PathLike]] = (),
        *,
        name: str = "mine",
    ) -> Taste:
        """Learn from a few clicks what makes tracks sound alike to you; `similar` goes by it from then on.

        Clicks are added to those that the taste has been learned from before; of two on one pair the last counts.

        Parameters
        ----------
        likes : iterable of pairs
            A reference and a result that sounds like it; tracks by id or path.
        dislikes : iterable of pairs
            A reference and a result that does not, although it was found.
        name : str
            Name of the taste. Without clicks, one that was saved is used again.

        Returns
        -------
        Taste
            With the factor on each quality, and its ``agreement`` with clicks that it was not shown, beside that of
            the usual weights.

        Raises
        ------
        InputError
            When a track is not in the library, or there is nothing to learn from.

        Examples
        --------
        >>> import workbench as wb
        >>> def click(lib: wb.Library, reference: str, good: str, bad: str) -> None:
        ...     taste = lib.tune(likes=[(reference, good)], dislikes=[(reference, bad)])
        ...     print(taste.factors, taste.agreement_before, taste.agreement)
        """
        from workbench.store import tastes

        liked, disliked = ([(self._track_id(a), self._track_id(b)) for a, b in pairs] for pairs in (likes, dislikes))
        if liked or disliked:
            tastes.learn_taste(self.catalog, self._indexes.vectors, name, liked, disliked)
        else:
            tastes.use(self.catalog, name)
        return next(taste for taste in self.tastes() if taste.name == name)

    def untune(self, *, forget: str | None = None) -> None:
        """Let `similar` go by the usual weights again; tastes are kept, but for one that is named to be forgotten."""
        from workbench.store import tastes

        if forget is not None:
            tastes.forget(self.catalog, forget)
        tastes.use(self.catalog, None)

    def tastes(self) -> list[Taste]:
        """List the tastes that were learned, in order of their names."""
        from workbench.store import tastes

        return tastes.kept(self.catalog)

    def duplicates(self) -> list[dict[str, Any]]:
        """Find groups of the same recording, of versions of a song, and of the same sample, for review.

        Nothing is changed or deleted. See `workbench.store.duplicates.find_duplicates` for what is in a group.

        Examples
        --------
        >>> import workbench as wb
        >>> def review(lib: wb.Library) -> None:
        ...     for group in lib.duplicates():
        ...         print(group["kind"], [track["paths"] for track in group["tracks"]])
        """
        from workbench.store.duplicates import find_duplicates

        return find_duplicates(self._indexes)

    def map(self) -> TrackMap:
        """Place all tracks on a plane, where those that sound alike lie together, in clusters with names.

        A track that was placed stays where it is until the library has doubled. The first map, and the first after
        that, take some seconds.
        """
        from workbench.store.map import load_map

        return load_map(self.catalog, self._indexes.vectors, self.path / "index" / "map")

    def ask(self, text: str, *, offline: bool = False, reading: Reading | None = None) -> Asked:
        """Answer what is asked in words, with a playlist or with tracks that sound alike.

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
        ...     lib.save_playlist("evening", lib.playlist(**{**asked.reading.request, "minutes": 90}))
        """
        from workbench.assist.asked import Asked, refuse_nothing
        from workbench.similarity.request import SimilarRequest

        reading = reading or self.read_request(text, offline=offline)
        refuse_nothing(text, reading)
        request = reading.model()
        if isinstance(request, SimilarRequest):
            return Asked(text, reading, self.similar(**request.arguments()))
        return Asked(text, reading, self.playlist(**reading.request))

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

    def save_playlist(self, name: str, playlist: Playlist) -> None:
        """Keep a playlist with its request under a name; one of that name is replaced."""
        from workbench.store import playlists

        playlists.save(self.catalog, name, playlist.request.asked_for(), playlist.ids)

    def delete_playlist(self, name: str) -> None:
        """Forget a saved playlist; `InputError` when there is none of that name."""
        from workbench.store import playlists

        playlists.delete(self.catalog, name)

    def playlists(self) -> list[dict[str, Any]]:
        """List the saved playlists in order of their names: ``name, request, tracks, saved_at``."""
        from workbench.store import playlists

        return Records(map(asdict, playlists.kept(self.catalog)), ("name", "request"), "saved playlists")

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
        beats = self._beats(playlist.ids) if target.suffix.lower() == ".xml" else {}
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

    def export(self, path: PathLike, *, where: str | None = None, descriptors: Iterable[str] = ()) -> Path:
        """Write the tracks as a table: ``.parquet``, ``.csv`` or ``.json``.

        Parameters
        ----------
        path : path
            The file; its ending tells the format.
        where : str, optional
            Only tracks that fit this expression.
        descriptors : iterable of str
            Append the summaries of these descriptors, a column per number.
        """
        from workbench.store import export

        records = self.tracks(where)
        names = list(descriptors)
        if names:
            features = self.features
            unknown = sorted(set(names) - set(map(str, features.data_vars)))
            if unknown:
                raise InputError(
                    f"There is no descriptor {unknown[0]!r}.",
                    f"Descriptors: {', '.join(map(str, features.data_vars))}.",
                )
            records = export.add_descriptors(records, features[names])
        return export.write_table(records, path)

    # --- housekeeping -----------------------------------------------------------------------------

    def verify(self, *, repair: bool = False, progress: Callable[[int, int], None] | None = None) -> Verification:
        """Check that every committed array is on the disk as it was committed.

        Parameters
        ----------
        repair : bool
            Forget what is damaged, so that the next analysis makes it again.
        progress : callable, optional
            Called with (arrays checked, arrays in total).
        """
        from workbench.store import verify

        found = verify.verify(self.catalog, self.parts, progress=progress)
        if repair and found.problems:
            verify.repair(self.catalog, found)
        return found

    def collect(self) -> Collection:
        """Remove what crashes have left behind and no commit refers to."""
        from workbench.store.collect import collect

        return collect(self.catalog, self.parts)

    def compact(self) -> int:
        """Merge small parts into larger ones; give how many were merged away."""
        from workbench.store.compact import compact

        return compact(self.catalog, self.parts)

    def keep_up(self) -> None:
        """Take in what others have committed since, so that the next question need not; for who answers many."""
        self._indexes.keep_up()

    def close(self) -> None:
        """Give the connections to the catalog, and to what keeps answers, back."""
        with self._opening:
            if self._answers is not None:
                self._answers.close()
                self._answers = None
        self.catalog.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        failed = len(self.failed())
        notes = [f"{failed:,} files failed: lib.failed() says why."] if failed else []
        first = self.tracks(limit=5)
        if not first:
            notes.append("It is empty: lib.analyze(folder) fills it.")
        return table(first, _SHOWN, f"{self.count():,} tracks in {self.path}", *notes)

    def __repr__(self) -> str:
        from workbench.store.catalog import queries

        return f"<Library {str(self.path)!r}: {queries.number_of_tracks(self.catalog)} tracks>"

    # --- inside -----------------------------------------------------------------------------------

    def _ranked(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Put energy and what moods are made of on the library's own scale."""
        from workbench.features.mood import RANKED, mood_name, percent_ranks
        from workbench.store.catalog import queries

        columns = queries.track_columns(self.catalog, RANKED)
        ranks = [percent_ranks([row[name] for row in rows], columns[name]).tolist() for name in RANKED]
        found = []
        for row, *values in zip(rows, *ranks, strict=True):
            own = dict(zip(RANKED, values, strict=True))
            mood = mood_name(own["valence"], own["arousal"])
            found.append(
                {**row, **{name: None if math.isnan(value) else value for name, value in own.items()}, "mood": mood}
            )
        return found

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

    def _beats(self, ids: Iterable[str]) -> dict[str, npt.NDArray[np.float64]]:
        """Give the times of the beats, in seconds, of the tracks whose beats are stored per frame."""
        from workbench.features.config import DEFAULT_CONFIG
        from workbench.features.registry import spec
        from workbench.store.catalog.queries import stored_rows

        beats = spec("frames/beats")
        placed = stored_rows(self.catalog, list(ids), {beats.path: beats.version})
        return {
            track: np.flatnonzero(
                beats.decode(self.parts.read_rows(found[beats.path][0], beats.path, found[beats.path][1]))
            )
            / DEFAULT_CONFIG.frame_rate
            for track, found in placed.items()
        }

    def _track_id(self, wanted: PathLike) -> str:
        from workbench.jobs.job import absolute
        from workbench.store.catalog import queries

        text = os.fspath(wanted)
        path = absolute(text)
        return queries.find_track(self.catalog, path if os.path.exists(path) else text)

    def _path_of(self, track: PathLike) -> str:
        from workbench.store.catalog import queries

        track_id = self._track_id(track)
        return str(queries.tracks_by_id(self.catalog, [track_id])[track_id]["path"])

    @property
    def _limits(self) -> Limits:
        from workbench.jobs.job import limits_of

        return limits_of(self.settings)

    def _ragged(self, path: str, track: str) -> xr.DataArray:
        from workbench.features.registry import spec
        from workbench.store.dataset import read_ragged

        return read_ragged(self.catalog, self.parts, spec(path), self._track_id(track))

    def _workplace(self, workers: int | None, scheduler: str | None) -> Any:
        from workbench.jobs.job import Workplace

        return Workplace(self.catalog, self.parts, self.settings, workers, scheduler)


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


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    """Turn the system's refusal to read or write a library's folder into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(f"No room left for the library {str(folder)!r}.", "Free some space.") from error
        raise LibraryUnwritableError(
            f"The library {str(folder)!r} cannot be used: {error.strerror or error}.",
            "Check the permissions, or choose another place with --library.",
        ) from error


def _open_catalog(folder: Path, settings: Settings, schema: str | None) -> Catalog:
    from workbench.store.catalog import Catalog

    if schema is None:
        return Catalog.open_file(folder / "catalog.sqlite", busy_timeout_s=settings.busy_timeout_s)
    if settings.catalog is None:
        raise InputError(
            f"The catalog of the library {str(folder)!r} is in a PostgreSQL database.",
            "Say in which: set WORKBENCH_CATALOG to postgresql://user@host/database.",
        )
    return Catalog(
        settings.catalog.get_secret_value(),
        schema=schema,
        busy_timeout_s=settings.busy_timeout_s,
        reconnect_s=settings.reconnect_s,
    )
