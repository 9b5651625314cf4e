"""The dashboards: notebooks that are shown as pages, without code, by Voila."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.errors import InputError


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page.

    Attributes
    ----------
    name : its notebook, without the ending
    title : how it is called
    says : what one does there
    """

    name: str
    title: str
    says: str


#: In the order in which somebody new meets them.
DASHBOARDS = (
    Dashboard("library", "Library", "Analyze a folder, see how far it is, look over what is there."),
    Dashboard("find-similar", "Find similar", "Drop a clip, and hear what sounds like it, and why."),
    Dashboard("playlist-studio", "Playlist studio", "Say what it should be like; put it right by hand; take it home."),
    Dashboard("map-and-label", "Map and label", "See the library as a map, and teach it your own words."),
)


def notebooks() -> Path:
    """Give the folder of their notebooks: that of a checkout, or where Jupyter keeps what packages bring along.

    Raises
    ------
    InputError
        When it is in neither place.
    """
    from jupyter_core.paths import jupyter_path

    checkout = Path(__file__).parents[2] / "dashboards"
    for folder in (checkout, *map(Path, jupyter_path("workbench", "dashboards"))):
        if (folder / f"{DASHBOARDS[0].name}.ipynb").is_file():
            return folder
    raise InputError("The notebooks of the dashboards are missing.", "Install the package again.")
