"""The dashboards: notebooks that are shown as pages, without code, by Voila."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
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

#: The name of the template, in share/jupyter/voila/templates.
TEMPLATE = "workbench"
#: What the template shows beside the notebook.
RESOURCES = {"dashboards": [asdict(one) for one in DASHBOARDS]}
#: Extensions of JupyterLab that have no business on a page.
NOT_HERE = ["audio-workbench"]

#: Widgets are modules in blobs, and Jupyter's own code compiles schemas; nothing may come from another server.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline' blob:; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; worker-src 'self' blob:; connect-src 'self' ws: wss: blob: data:; "
    "object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
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


def make_template_known() -> None:
    """Let this process find the template, wherever the package is: Voila looks below what ``JUPYTER_PATH`` names."""
    here = str(Path(__file__).with_name("jupyter"))
    known = os.environ.get("JUPYTER_PATH", "").split(os.pathsep)
    if here not in known:
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [here, *known]))
