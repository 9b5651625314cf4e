"""`Labeler`: say what tracks are with one key each; from a few the library learns the rest."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.errors import InputError
from workbench.library import Library
from workbench.store.labels import Label
from workbench.widgets.player import Listening
from workbench.widgets.selection import Selection
from workbench.widgets.view import View, answers

if TYPE_CHECKING:
    from workbench.client.remote import RemoteLibrary

#: Formats to take labels home in: ending, and what the file is to a browser.
FORMATS = {"csv": "text/csv", "json": "application/json"}


class Labeler(Listening, View):
    """Label tracks, or the marked region of one, by keys; the track that teaches most comes next.

    A digit labels and goes on, the right arrow passes, Z takes back, space plays. Labels of tracks and of their parts
    teach alike. What was learned is applied to the library as a column, for filters and playlists; its worth is told by
    cross-validation.

    Parameters
    ----------
    name : str
        What the labels are about.
    choices : list of str
        What can be said, in order of the digits.

    Examples
    --------
    >>> import workbench as wb
    >>> def tell_vocals(lib: wb.Library) -> Labeler:
    ...     return Labeler(lib, name="voice", choices=["sung", "spoken", "none"])
    """

    module = "labeler.js"
    follows = ("playing", "region", "refreshed")

    name = traitlets.Unicode("style", help="What labels are about.").tag(sync=True)
    choices = traitlets.List(traitlets.Unicode(), default_value=["yes", "no"], help="In order of the digits.").tag(
        sync=True
    )
    playing = traitlets.Unicode().tag(sync=True)
    region = traitlets.List(traitlets.Float()).tag(sync=True)
    refreshed = traitlets.Int().tag(sync=True)

    def __init__(self, library: Library | RemoteLibrary, selection: Selection | None = None, **traits: Any) -> None:
        super().__init__(library, selection, **traits)
        self._done: list[tuple[str, list[Label]]] = []  # tracks that were labelled, and what was said of them before

    @answers
    def queue(self, n: int = 6) -> list[dict[str, Any]]:
        """Give the records of the tracks to label next."""
        ids = self.library.next_to_label(self.name, n)
        records = self.library.records(ids)
        return [records[track] for track in ids if track in records]

    @answers
    def say(self, track: str, value: str, part: list[float] | None = None) -> dict[str, Any]:
        """Label a track, or a part of it in seconds, and tell how far one is; what was said of it is replaced."""
        start_s, end_s = part or (None, None)
        before = self._mine(track)
        others = [one for one in before if (one.name, one.start_s, one.end_s) != (self.name, start_s, end_s)]
        self.library.label(track, *others, Label(self.name, value, start_s, end_s))
        self._done.append((track, before))
        return self.progress()

    @answers
    def undo(self) -> dict[str, Any]:
        """Take the last label back; gives the record of its track."""
        if not self._done:
            raise InputError("There is nothing to take back.", "Label a track first.")
        track, before = self._done.pop()
        self.library.label(track, *before)
        return self.track(track)

    @answers
    def progress(self) -> dict[str, Any]:
        """Count the labels of this name by value, and tell what has been applied."""
        said = [one for one in self.library.labels() if one.name == self.name and one.value is not None]
        counts = dict.fromkeys(self.choices, 0)
        for one in said:
            counts[str(one.value)] = counts.get(str(one.value), 0) + 1
        return {"counts": counts, "column": self.library.label_columns().get(self.name)}

    @answers
    def labels(self, track: str) -> list[dict[str, Any]]:
        """Give all that was said of a track."""
        return [asdict(one) for one in self.library.labels(track)]

    @answers
    def report(self) -> dict[str, Any] | None:
        """Tell what the classifier is worth; nothing while there are too few labels."""
        found = self.library.label_report(self.name)
        return None if found is None else asdict(found)

    @answers
    def apply(self) -> dict[str, Any]:
        """Write what was learned as a column of the library."""
        made = self.library.apply_labels(self.name)
        self.selection.refreshed += 1
        return asdict(made)

    @answers
    def forget(self) -> None:
        """Delete that column; the labels stay."""
        self.library.forget_label_column(self.name)
        self.selection.refreshed += 1

    @answers
    def export(self, ending: str) -> dict[str, Any]:
        """Write all labels as a file for the browser to keep."""
        if ending not in FORMATS:
            raise InputError(f"There is no format {ending!r}.", f"Formats: {', '.join(FORMATS)}.")
        with tempfile.TemporaryDirectory(prefix="workbench-labels-") as folder:
            path = self.library.export_labels(Path(folder) / f"labels.{ending}")
            return {"name": path.name, "type": FORMATS[ending], "text": path.read_text(encoding="utf-8")}

    def _mine(self, track: str) -> list[Label]:
        author = self.library.author
        found = [one for one in self.library.labels(track) if one.author == author]
        return [Label(one.name, one.value, one.start_s, one.end_s) for one in found]

    def code(self) -> str:
        """Give the calls that label a track and learn from labels."""
        said = f"wb.Label({self.name!r}, {(self.choices or ['yes'])[0]!r})"
        return (
            f"lib.label({self.playing!r}, {said})  # replaces what you said of it\n"
            f"column = lib.apply_labels({self.name!r})\n"
            f"tracks = lib.tracks({f'confidence[{self.name!r}] > 0.8'!r})"
        )
