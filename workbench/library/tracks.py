"""What is known of tracks: their columns, their descriptors, and tables of both."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.display import Records
from workbench.errors import InputError
from workbench.library.opened import Opened, PathLike

if TYPE_CHECKING:
    import xarray as xr

#: What a notebook's table shows of tracks.
SHOWN = ("title", "artist", "bpm", "key", "energy", "mood", "duration_s", "path")


class Tracks(Opened):
    """What is known of tracks."""

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
            return Records(rows, SHOWN, "tracks")
        low, high = fold_bpm
        if not 0 < low < high:
            raise InputError(f"{low:g} to {high:g} BPM is no range.", "Give the lower tempo first: 70 140.")
        from workbench.features.tempo import fold_tempo

        folded = (
            {**row, "bpm": row["bpm"] and fold_tempo(row["bpm"], low, high), "bpm_found": row["bpm"]} for row in rows
        )
        return Records(folded, SHOWN, "tracks")

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

    def _ragged(self, path: str, track: str) -> xr.DataArray:
        from workbench.features.registry import spec
        from workbench.store.dataset import read_ragged

        return read_ragged(self.catalog, self.parts, spec(path), self._track_id(track))
