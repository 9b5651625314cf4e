"""`TrackTable`: the tracks of a library, a page at a time."""

from __future__ import annotations

from typing import Any

import traitlets

from workbench.schema import SORT_COLUMNS
from workbench.widgets.player import Listening
from workbench.widgets.view import View, answers

#: What a column is called, and how its numbers are shown: digits behind the point.
COLUMNS = {
    "title": ("Title", None),
    "artist": ("Artist", None),
    "album": ("Album", None),
    "duration_s": ("Length", None),
    "bpm": ("BPM", 1),
    "camelot": ("Key", None),
    "energy": ("Energy", 2),
    "mood": ("Mood", None),
    "loudness_lufs": ("LUFS", 1),
}


class TrackTable(Listening, View):
    """Tracks to sort, filter and select, however many there are.

    A click on a head sorts; a row is selected by a click, several with Shift or Ctrl; a double click or Enter plays.

    Parameters
    ----------
    where : str
        Only tracks that fit, as in `workbench.Library.tracks`.

    Examples
    --------
    >>> import workbench as wb
    >>> def fast_ones(lib: wb.Library) -> TrackTable:
    ...     return TrackTable(lib, where="bpm > 140")
    """

    module = "table.js"
    follows = ("tracks", "playing", "refreshed")

    tracks = traitlets.List(traitlets.Unicode(), help="Ids of those that are selected.").tag(sync=True)
    playing = traitlets.Unicode().tag(sync=True)
    refreshed = traitlets.Int().tag(sync=True)
    where = traitlets.Unicode(help="An expression; empty for all.").tag(sync=True)
    sort = traitlets.Unicode("path", help="A column.").tag(sync=True)
    descending = traitlets.Bool(False).tag(sync=True)
    columns = traitlets.List(traitlets.Unicode(), default_value=list(COLUMNS)).tag(sync=True)
    per_page = traitlets.Int(25, min=1, max=500).tag(sync=True)

    @answers
    def heads(self) -> list[dict[str, Any]]:
        """Say what the columns are called, and by which rows can be sorted; what was learned from labels comes last."""
        known = [
            {"name": name, "title": title, "digits": digits, "sorts": name in SORT_COLUMNS}
            for name, (title, digits) in ((name, COLUMNS.get(name, (name, None))) for name in self.columns)
        ]
        learned = [
            {"name": f"label.{name}", "title": name, "digits": None, "sorts": False}
            for name in self.library.label_columns()
        ]
        return [*known, *learned]

    @answers
    def page(self, after: str | None = None) -> dict[str, Any]:
        """Give a page of rows, and what to ask for the next one."""
        rows, further = self.library.tracks_page(
            where=self.where or None, sort=self.sort, descending=self.descending, after=after, limit=self.per_page
        )
        ids = [row["id"] for row in rows]
        for name in self.library.label_columns():
            said = self.library.label_column(name, ids)
            rows = [{**row, f"label.{name}": said[row["id"]].value if row["id"] in said else None} for row in rows]
        return {"rows": rows, "next": further}

    @answers
    def count(self) -> int:
        """Count the tracks that fit."""
        return self.library.count(self.where or None)

    def code(self) -> str:
        """Give the call that lists what is seen."""
        where = f", where={self.where!r}" if self.where else ""
        down = ", descending=True" if self.descending else ""
        return f"rows, further = lib.tracks_page(sort={self.sort!r}{where}{down}, limit={self.per_page})"
