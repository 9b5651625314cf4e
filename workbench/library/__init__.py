"""`Library`: the one way in, for notebooks, dashboards, servers and the command line alike.

Each module here holds what belongs together; they call what does the work in the layers below.
"""

from __future__ import annotations

from workbench.display import table
from workbench.library.analysis import Analysis
from workbench.library.labels import Labels
from workbench.library.opened import PathLike
from workbench.library.tracks import SHOWN
from workbench.library.upkeep import Upkeep
from workbench.library.words import Words

__all__ = ["Library", "PathLike"]


class Library(Analysis, Labels, Words, Upkeep):
    """A collection of analyzed audio: catalog, features, and the answers that they give.

    Use `Library.open`. A library may be open in several processes at the same time.

    Examples
    --------
    >>> import tempfile, workbench as wb
    >>> with tempfile.TemporaryDirectory() as folder, wb.Library.open(f"{folder}/music.library") as lib:
    ...     lib.tracks()
    []
    """

    def _repr_html_(self) -> str:
        failed = len(self.failed())
        notes = [f"{failed:,} files failed: lib.failed() says why."] if failed else []
        first = self.tracks(limit=5)
        if not first:
            notes.append("It is empty: lib.analyze(folder) fills it.")
        return table(first, SHOWN, f"{self.count():,} tracks in {self.path}", *notes)

    def __repr__(self) -> str:
        from workbench.store.catalog import queries

        return f"<Library {str(self.path)!r}: {queries.number_of_tracks(self.catalog)} tracks>"
