"""The library over HTTP: one set of handlers, in a Jupyter Server or in a server of its own.

``workbench.server.api.ROUTES`` is all of it; `workbench.server.route` says how a route is made.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Name the extension to Jupyter Server."""
    from workbench.server.extension import WorkbenchExtension

    return [{"module": "workbench.server", "app": WorkbenchExtension}]
