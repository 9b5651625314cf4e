"""The indexes of a library, each opened when it is first asked for, and again when a commit has changed the library."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # opening a library must not wait for what only some questions need
    import numpy as np
    import numpy.typing as npt

    from workbench.playlist.table import TrackTable
    from workbench.similarity.cells import Cells
    from workbench.store.arrays import PartStore
    from workbench.store.catalog import Catalog
    from workbench.store.columns import LoadedTable
    from workbench.store.regions import Regions
    from workbench.store.vectors import Vectors

SearchIndex = Literal["exact", "approximate", "auto"]

_ENOUGH = 4000


class Indexes:
    """What lies below ``index/``.

    Parameters
    ----------
    catalog, parts : Catalog, PartStore
        The library.
    folder : Path
        Where the indexes lie, or would.
    search_index : {"exact", "approximate", "auto"}
        The setting of that name.
    """

    def __init__(self, catalog: Catalog, parts: PartStore, folder: Path, search_index: SearchIndex = "exact") -> None:
        self.catalog, self.parts, self.folder, self.search_index = catalog, parts, folder, search_index
        self._vectors: Vectors | None = None
        self._cells: tuple[int, Cells | None] | None = None
        self._usual: tuple[int, npt.NDArray[np.float64]] | None = None
        self._regions: Regions | None = None
        self._table: LoadedTable | None = None
        # of several threads that find an index out of date, one brings it up to date
        self._making_vectors, self._making_table = threading.Lock(), threading.Lock()

    @property
    def vectors(self) -> Vectors:
        """The search matrix."""
        from workbench.store.vectors import load_vectors

        found = self._vectors
        if found is not None and found.version == self.catalog.version():
            return found
        with self._making_vectors:
            if self._vectors is None or self._vectors.version != self.catalog.version():
                self._vectors = load_vectors(self.catalog, self.parts, self.folder / "vectors")
            return self._vectors

    @property
    def cells(self) -> Cells | None:
        """The approximate index; None where search is exact."""
        return self.cells_of(self.vectors)

    def cells_of(self, vectors: Vectors) -> Cells | None:
        """Give the approximate index of a search matrix."""
        found = self.cells_or_why_exact(vectors)
        return None if isinstance(found, str) else found

    def cells_or_why_exact(self, vectors: Vectors) -> Cells | str:
        """Give the approximate index, which is made if need be, or say in words why search is exact.

        Raises
        ------
        InputError
            When it is to be approximate and faiss is not installed.
        """
        if self.search_index == "exact":
            return "as it is set"
        from workbench.store.cells import FROM_TRACKS, faiss_is_there, load_cells

        if self.search_index == "auto":
            if len(vectors.known) < FROM_TRACKS:
                return f"below {FROM_TRACKS:,} tracks"
            if not faiss_is_there():
                return "faiss is not installed: pip install 'audio-workbench[search]'"
        if not vectors.known.any():
            return "no tracks"
        if self._cells is None or self._cells[0] != vectors.version:
            self._cells = (vectors.version, load_cells(vectors, self.folder / "cells"))
        return self._cells[1] or f"{str(self.folder)!r} cannot be written, where the approximate index is kept"

    def usual_differences(self, vectors: Vectors) -> npt.NDArray[np.float64]:
        """Squared difference of two tracks drawn at random, by component of the vectors."""
        import numpy as np

        from workbench.similarity.explain import typical

        if self._usual is None or self._usual[0] != vectors.version:
            known = np.flatnonzero(vectors.known)
            some = known[:: 1 + len(known) // _ENOUGH]  # few of millions of vectors tell it as well
            self._usual = (vectors.version, typical(vectors.standardised[some]))
        return self._usual[1]

    @property
    def regions(self) -> Regions:
        """Every second of the library."""
        from workbench.store.regions import load_regions

        if self._regions is None or self._regions.version != self.catalog.version():
            self._regions = load_regions(self.catalog, self.parts, self.folder / "regions")
        return self._regions

    @property
    def table(self) -> TrackTable:
        """The columns of all tracks."""
        from workbench.store.columns import load_table

        with self._making_table:
            self._table = load_table(self.catalog, self.parts, self.folder / "columns", self._table)
            return self._table.table

    def keep_up(self) -> None:
        """Bring up to date what is open and costs no more than what has changed, before the next question needs it."""
        if self._vectors is not None and self._vectors.version != self.catalog.version():
            _ = self.vectors
        if self._table is not None and self._table.version != self.catalog.version():
            _ = self.table
        self.catalog.columns.keep_up()
