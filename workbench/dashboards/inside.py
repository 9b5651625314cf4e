"""The dashboards inside a Jupyter Server, for JupyterLab: ``/workbench/dashboards/library`` and the like.

They are Voila's pages as those of `workbench.dashboards.app`, with the server's own kernels, users and log; Voila's own
extension of the server has the scripts. No kernel waits beforehand here.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from tornado.web import HTTPError, authenticated
from traitlets.config import Config
from voila.configuration import VoilaConfiguration
from voila.paths import collect_template_paths
from voila.tornado.handler import TornadoVoilaHandler

from workbench.dashboards import DASHBOARDS, NOT_HERE, POLICY, RESOURCES, TEMPLATE, make_template_known, notebooks

BASE = "/workbench/dashboards"


class _About(APIHandler):
    """What JupyterLab asks first: which pages there are, and where the files of its browser lie."""

    @authenticated
    def get(self) -> None:
        self.finish({"dashboards": [asdict(one) for one in DASHBOARDS], "root": self.serverapp.root_dir})  # type: ignore[union-attr]


class _Page(TornadoVoilaHandler):  # type: ignore[misc]  # Voila has no types
    """One dashboard, whatever folder the server shows."""

    @property
    def contents_manager(self) -> LargeFileManager:
        return LargeFileManager(root_dir=str(notebooks()), parent=self.serverapp)

    @authenticated
    async def get(self, path: str | None = None) -> None:
        name = str(path).removesuffix(".ipynb")
        if name not in {one.name for one in DASHBOARDS}:
            raise HTTPError(404)
        self.set_header("Content-Security-Policy", POLICY)
        await super().get(f"{name}.ipynb")


def handlers(server: ServerApp) -> list[Any]:
    """Give the routes of the pages, below the server's root."""
    make_template_known()
    about = {
        "template": TEMPLATE,
        "resources": RESOURCES,
        "file_allowlist": [],
        "extension_denylist": NOT_HERE,
        "page_config_hook": _without_mathjax,
    }
    settings = Config({"VoilaConfiguration": about})
    given = {
        "config": settings,
        "template_paths": collect_template_paths(["voila", "nbconvert"], TEMPLATE),
        "voila_configuration": VoilaConfiguration(config=settings),
    }
    return [(BASE, _About), (f"{BASE}/(.+)", _Page, given)]


def _without_mathjax(page: dict[str, Any], **about: Any) -> dict[str, Any]:
    """Leave out what would be fetched from elsewhere: no widget sets formulas."""
    return page | {"fullMathjaxUrl": None, "mathjaxConfig": None}
