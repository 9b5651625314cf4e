"""Every route of the API, for either host."""

from __future__ import annotations

from workbench.server import assist, audio, jobs, labels, operations, playlists, progress, similar, sound, tracks
from workbench.server.route import Route

ROUTES: list[type[Route]] = [
    *tracks.routes,
    *labels.routes,
    *sound.routes,
    *audio.routes,
    *similar.routes,
    *playlists.routes,
    *assist.routes,
    *jobs.routes,
    *progress.routes,
    *operations.routes,
]
