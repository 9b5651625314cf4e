"""`open_library`: a library wherever it is, for what takes either kind, as widgets and dashboards do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from workbench.config import load_settings
from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.client.remote import RemoteLibrary
    from workbench.library import Library


def open_library(where: str | os.PathLike[str] | None = None) -> Library | RemoteLibrary:
    """Open a library wherever it is: in a folder, or behind a server.

    Parameters
    ----------
    where : path or str, optional
        A folder, or an address such as ``https://music.local``; by default that of the setting ``server`` if there is
        one (``WORKBENCH_SERVER``), else the folder of the setting ``library``.

    Raises
    ------
    InputError, LibraryError
        As `Library.open` and `Client` do.

    Examples
    --------
    >>> import workbench as wb
    >>> wb.open_library("http://127.0.0.1:8765")
    <RemoteLibrary http://127.0.0.1:8765/api/v1>
    """
    named = load_settings().server if where is None else os.fspath(where)
    if named and (where is None or named.startswith(("http://", "https://"))):
        try:
            from workbench.client.remote import RemoteLibrary
        except ModuleNotFoundError as error:
            raise InputError(
                f"The library of a server needs {error.name}, which is not installed.",
                "Install it with: pip install 'audio-workbench[client]'.",
            ) from error
        return RemoteLibrary(named)
    from workbench.library import Library

    return Library.open(where)
