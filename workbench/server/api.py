"""Every route of the API, for either host."""

from __future__ import annotations

from workbench.server import audio, operations, playlists, similar, tracks
from workbench.server.route import Route

ROUTES: list[type[Route]] = [
    *tracks.routes,
    *audio.routes,
    *similar.routes,
    *playlists.routes,
    *operations.routes,
]
