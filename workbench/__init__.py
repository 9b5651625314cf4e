"""Analyze a folder of audio once; then search it by sound and build playlists that flow.

>>> import workbench as wb
>>> wb.Library
<class 'workbench.library.Library'>

Nothing heavy is imported until it is used: a name below is looked up at its first use (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench import audio, client, errors, features, metrics, playlist, similarity, testing
    from workbench.config import Settings
    from workbench.errors import Outcome, Reason, WorkbenchError
    from workbench.library import Library
    from workbench.opening import open_library
    from workbench.store.labels import Label

__version__ = "0.1.0"

__all__ = [
    "Label",
    "Library",
    "Outcome",
    "Reason",
    "Settings",
    "WorkbenchError",
    "__version__",
    "audio",
    "client",
    "errors",
    "features",
    "metrics",
    "open_library",
    "playlist",
    "similarity",
    "testing",
]

#: Where each public class lives; a name in `__all__` that is not here is a module.
_HOMES = {
    "Label": "store.labels",
    "Library": "library",
    "open_library": "opening",
    "Outcome": "errors",
    "Reason": "errors",
    "Settings": "config",
    "WorkbenchError": "errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOMES.get(name, name)}")
    value = getattr(home, name) if name in _HOMES else home
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, whether or not they are imported yet."""
    return sorted(__all__)
