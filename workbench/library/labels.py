"""Labels that people give, and columns that are learned from them."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.library.opened import PathLike
from workbench.library.tracks import Tracks

if TYPE_CHECKING:
    from workbench.similarity.classify import Report
    from workbench.store.labels import KeptLabel, Label
    from workbench.store.learn import Learned, LearnedColumn


class Labels(Tracks):
    """What people say of tracks, and what is learned from that."""

    @property
    def author(self) -> str:
        """Who says what is said by `label`, unless somebody else is named: the account that the program runs under."""
        return getpass.getuser()

    def label(self, track: PathLike, *labels: Label, author: str | None = None) -> list[KeptLabel]:
        """Say what a track is; what the same author said of it before is replaced.

        Parameters
        ----------
        track : path or str
            By id, beginning of an id, or path.
        *labels : Label
            All that you say of it; none takes back what you said.
        author : str, optional
            Who says so; by default `author`.

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
        kept.replace_labels(self.catalog, track_id, labels, self.author if author is None else author)
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
