"""The dashboards: notebooks that are shown as pages, without code, by Voila."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
    """Give the folder of their notebooks: inside of the package, or beside it in a checkout."""
    here = Path(__file__).parent
    inside = here / "notebooks"
    return inside if inside.is_dir() else here.parents[1] / "dashboards"
