"""The server of the dashboards: Voila with a look of our own, tokens, few kernels, and somebody who does the jobs.

* A page has a kernel to itself, which ends when the page is closed; one whose page vanished without a word is ended
  when nobody has been connected to it for some minutes.
* Kernels of all pages wait beforehand, with the notebook already run: a page opens as fast as a browser draws it.
* Jobs are worked on by the server, whose process lives on when the page that submitted them is closed; those of a
  library elsewhere by the server that has it.
* No page may load anything from elsewhere: the browser is told so.
"""

from __future__ import annotations

import tempfile
import threading
import webbrowser
from pathlib import Path
from typing import Any

from traitlets import default
from traitlets.config import Config
from voila.app import Voila
from voila.tornado.treehandler import TornadoVoilaTreeHandler

from workbench.dashboards import DASHBOARDS, NOT_HERE, POLICY, RESOURCES, TEMPLATE, notebooks
from workbench.opening import open_library

_IDLE_S = 300
_LOOK_EVERY_S = 30
_STOP_JOBS_S = 10.0


class Dashboards(Voila):  # type: ignore[misc]  # Voila has no types
    """Voila, told how dashboards are served."""

    name = "workbench-dashboards"

    @default("root_dir")
    def _folder_of_notebooks(self) -> str:
        return str(notebooks())

    @default("auto_token")
    def _always_a_token(self) -> bool:
        return True

    def initialize(self, argv: list[str] | None = None) -> None:
        """Read options; what is given wins over what is meant here."""
        self.update_config(_defaults())
        super().initialize(argv)

    def init_handlers(self) -> list[Any]:
        """Let the first page know what the others are."""
        handlers: list[Any] = super().init_handlers()
        return [(rule[0], _FirstPage, *rule[2:]) if rule[1] is TornadoVoilaTreeHandler else rule for rule in handlers]

    def start(self) -> None:
        """Serve until SIGTERM; a library that cannot be used is told at once. On jobs of one that is here it works."""
        with open_library() as library:
            library.count()
            jobs = library.job_manager()
            jobs.start()
            try:
                super().start()
            finally:
                jobs.stop(_STOP_JOBS_S)

    def launch_browser(self) -> None:
        """Open the first page, by way of a file that only its owner can read, since the address holds the token."""
        with tempfile.NamedTemporaryFile("w", suffix=".html", prefix="workbench-", delete=False) as file:
            file.write(f'<meta http-equiv="refresh" content="0;url={self.display_url}">')
        threading.Thread(target=webbrowser.open, args=(Path(file.name).as_uri(),), daemon=True).start()


class _FirstPage(TornadoVoilaTreeHandler):  # type: ignore[misc]
    def render_template(self, name: str, **values: Any) -> str:
        return str(super().render_template(name, dashboards=DASHBOARDS, **values))


def _defaults() -> Config:
    culled = {
        "cull_idle_timeout": _IDLE_S,
        "cull_interval": _LOOK_EVERY_S,
        "cull_connected": False,
        "default_kernel_name": "python3",
    }
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
    return Config(
        {
            "Voila": {"ip": "127.0.0.1", "tornado_settings": {"headers": headers}},
            "VoilaConfiguration": {
                "template": TEMPLATE,
                "classic_tree": True,
                "allow_template_override": "NO",
                "allow_theme_override": "NO",
                "preheat_kernel": True,
                "file_allowlist": [],
                "resources": RESOURCES,
                "extension_denylist": NOT_HERE,
            },
            "VoilaExecutor": {"cell_error_instruction": "The log of the server says why."},
            "MappingKernelManager": culled,
        }
    )
