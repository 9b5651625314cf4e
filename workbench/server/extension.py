"""The API inside a Jupyter Server, below ``/workbench/api/v1``, for the users whom that server knows."""

from __future__ import annotations

import asyncio
import getpass
import importlib.util
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider
from jupyter_server.auth.utils import HTTP_METHOD_TO_AUTH_ACTION
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join

from workbench.config import load_settings
from workbench.server.api import ROUTES
from workbench.server.openapi import describe
from workbench.server.problem import Problem
from workbench.server.route import NotFound, mixed_in
from workbench.server.service import Service

BASE = "/workbench/api/v1"


class InJupyter(JupyterHandler):
    """The host that a route is mixed with: the server's identity provider and authorizer decide."""

    auth_resource = "workbench"

    owner: str

    async def prepare(self) -> None:  # type: ignore[override]
        """Let the server find out who asks, and whether they may."""
        await super().prepare(_redirect_to_login=False)
        self.owner = self._owner()
        if getattr(self, "is_public", False):
            return
        action = HTTP_METHOD_TO_AUTH_ACTION.get(str(self.request.method), "execute")
        user = self.current_user
        if user is None or not await ensure_async(
            self.authorizer.is_authorized(self, user, action, self.auth_resource)
        ):
            raise Problem(403, f"You may not {action} the workbench.")

    def _owner(self) -> str:
        """Name the user; on a server for one, the account that it runs under, for there names are new each time."""
        if self.current_user is None:
            return str(self.request.remote_ip)
        if type(self.identity_provider) in (IdentityProvider, PasswordIdentityProvider):
            return getpass.getuser()
        return str(self.current_user.username)


class WorkbenchExtension(ExtensionApp):
    """Puts the routes into a Jupyter Server."""

    name = "workbench"
    extension_url = BASE
    load_other_extensions = True

    def initialize_settings(self) -> None:
        """Share one service between the handlers; the library is opened when it is first needed."""
        assert self.serverapp is not None
        settings = load_settings()
        if not settings.roots:  # whoever may use this server may read below its root, by its file browser already
            settings = settings.model_copy(update={"roots": (Path(self.serverapp.root_dir),)})
        self.service = Service(settings)
        self.settings["workbench_service"] = self.service

    def initialize_handlers(self) -> None:
        """Add the routes."""
        assert self.serverapp is not None
        self.service.openapi = describe(ROUTES, url_path_join(self.serverapp.base_url, BASE))
        if importlib.util.find_spec("voila") is not None:
            from workbench.dashboards.inside import handlers

            self.handlers.extend(handlers(self.serverapp))
        missing: Any = (f"{BASE}/.*", type("NotFound", (NotFound, InJupyter), {}))
        self.handlers.extend([*mixed_in(ROUTES, InJupyter, BASE), missing])

    async def stop_extension(self) -> None:
        """Let what has begun come to its end."""
        self.service.stopping = True
        await self.service.stop_listeners()
        await asyncio.to_thread(self.service.close)
