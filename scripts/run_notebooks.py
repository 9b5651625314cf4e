"""Run the notebooks, and keep what they show.

    python scripts/run_notebooks.py [NOTEBOOK ...]

Each runs from its first cell to its last in a kernel of its own, in its folder. What differs from run to run without
meaning anything is left out of the file: times of cells, versions, widgets' states. A digest of the sources is kept, so
that a test can tell outputs of other sources without running anything.
"""

from __future__ import annotations

import hashlib
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def run(path: Path) -> float:
    """Run a notebook in place; gives the seconds that it took."""
    notebook = nbformat.read(path, as_version=4)
    began = time.monotonic()
    where = {"metadata": {"path": path.parent}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where).execute()
    _tidy(notebook)
    nbformat.write(notebook, path)
    return time.monotonic() - began


def digest(notebook: NotebookNode) -> str:
    """Digest the sources of all cells with code."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]


def _tidy(notebook: NotebookNode) -> None:
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "ran": digest(notebook),
    }
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
        for output in cell.get("outputs", []):
            if "text/plain" in output.get("data", {}):
                output.data["text/plain"] = _ADDRESS.sub("", output.data["text/plain"])


if __name__ == "__main__":
    for notebook in [Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb")):
        print(f"{notebook.name} … ", end="", flush=True)
        print(f"{run(notebook):.0f} s")
