"""`demo_library`: the simulated collection, analyzed; what the notebooks and ``workbench demo`` work on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.testing.library import LibraryTrack, simulate_library

if TYPE_CHECKING:
    from workbench.library import Library

#: Enough for a search to have something to choose from, and analyzed in less than a minute.
N_TRACKS = 40


@dataclass(frozen=True, slots=True)
class Demo:
    """A collection of which everything is known.

    Attributes
    ----------
    music : folder of the audio files
    truth : what is true of each
    library : open, with all of them analyzed
    """

    music: Path
    truth: list[LibraryTrack]
    library: Library


def demo_library(folder: str | os.PathLike[str]) -> Demo:
    """Simulate music below a folder and analyze it; what is there from an earlier call is used again.

    Parameters
    ----------
    folder : path-like
        Gets ``music/`` and ``demo.library/``, as ``workbench demo`` makes them.

    Examples
    --------
    >>> def look(folder: str) -> int:
    ...     return demo_library(folder).library.count()
    """
    from workbench.library import Library

    root = Path(os.path.abspath(Path(folder).expanduser()))
    truth = simulate_library(root / "music", n=N_TRACKS)
    library = Library.open(root / "demo.library")
    library.analyze(root / "music")
    return Demo(root / "music", truth, library)
