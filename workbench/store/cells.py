"""The approximate index: made once for each scaling of the library, and completed as tracks are added.

``index/cells/<scaling>/`` holds the centres, what was measured, and the cell of each track at its number, 0 where that
is not known yet. So it needs no version and no lock: who finds a track without a cell assigns it, and what is lost
between two processes that do so at the same time is assigned again.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from workbench.similarity.cells import DEPTH, RECALL, Cells, Recall, assign, fit_centres
from workbench.similarity.codes import CodedMatrix
from workbench.similarity.embedding import Scaling
from workbench.store.index import made_once, replace_file
from workbench.store.vectors import Vectors

#: From so many tracks on search is approximate by default: a power of two, at which the scaling is fitted anew anyway.
FROM_TRACKS = 1 << 20
#: Raised when what is stored changes.
_VERSION = 1


def faiss_is_there() -> bool:
    """Tell whether an approximate index can be made."""
    return importlib.util.find_spec("faiss") is not None


def load_cells(vectors: Vectors, folder: Path) -> Cells | None:
    """Open the cells of the library as it is now; None where they are not there and cannot be written.

    Parameters
    ----------
    vectors : Vectors
        The library; one row at least is known.
    folder : Path
        Where the index lies.

    Raises
    ------
    InputError
        Where it has to be made and faiss is not installed.
    """
    current = folder / _name(vectors.scaling)
    cells = None
    with contextlib.suppress(OSError, ValueError, KeyError):
        cells = _read(current)
    if cells is None:
        cells = made_once(current, partial(_write, vectors.standardised), _read)
    return None if cells is None else _completed(cells, vectors, current)


def _name(scaling: Scaling) -> str:
    """Name what cells depend on, as a folder."""
    content = json.dumps([_VERSION, RECALL, DEPTH, scaling.to_dict()], sort_keys=True)
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def _write(matrix: CodedMatrix, folder: Path) -> None:
    of_row = np.zeros(len(matrix), dtype=np.uint16)
    replace_file(folder / "of_row.bin", of_row.tobytes())  # a full disk is noticed before the work and not after it
    centres = fit_centres(matrix)
    known = np.flatnonzero(matrix.known)
    of_row[known] = assign(centres, matrix, known)
    replace_file(folder / "of_row.bin", of_row.tobytes())
    replace_file(folder / "centres.bin", centres.tobytes())
    recall = Cells.measured(centres, of_row, matrix).recall
    replace_file(folder / "recall.json", json.dumps(asdict(recall)).encode())


def _read(folder: Path) -> Cells:
    """Read what is on the disk; OSError, ValueError or KeyError where it is not whole."""
    stored = json.loads((folder / "recall.json").read_text())
    recall = Recall(**{name: stored[name] for name in Recall.__slots__})
    centres = np.frombuffer((folder / "centres.bin").read_bytes(), dtype=np.float32).reshape(recall.cells, -1)
    of_row = np.frombuffer((folder / "of_row.bin").read_bytes(), dtype=np.uint16)
    if of_row.max(initial=0) > recall.cells or not np.isfinite(centres).all():
        raise ValueError(f"{folder} is damaged")
    return Cells(centres, of_row, recall)


def _completed(cells: Cells, vectors: Vectors, folder: Path) -> Cells:
    """Assign the tracks that have no cell yet, and leave out those that are no more."""
    of_row = np.zeros(len(vectors.known), dtype=np.uint16)
    stored = cells.of_row[: len(of_row)]
    of_row[: len(stored)] = stored
    of_row[~vectors.known] = 0
    missing = np.flatnonzero(vectors.known & (of_row == 0))
    of_row[missing] = assign(cells.centres, vectors.standardised, missing)
    if len(missing):
        with contextlib.suppress(OSError):  # a library that can only be read still answers
            replace_file(folder / "of_row.bin", of_row.tobytes())
    return Cells(cells.centres, of_row, cells.recall)
