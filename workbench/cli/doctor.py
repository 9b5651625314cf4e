"""Whether an installation and a library are in order."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.config import load_settings, settings_file
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.config import Settings
    from workbench.library import Library

_LITTLE_ROOM = 1 << 30


def examine(library: Path | None) -> list[dict[str, Any]]:
    """Check what analysis depends on.

    Returns
    -------
    list of dict
        ``state`` (``ok``, ``note`` or ``bad``), ``what``, ``found``, ``remedy``.
    """
    checks = [
        _check("ok", "workbench", importlib.metadata.version("audio-workbench")),
        _check("ok", "Python", f"{sys.version.split()[0]} at {sys.executable}"),
        _packages(),
        _check(
            "ok",
            "processors",
            str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        ),
        _sqlite(),
        _formats(),
        _m4a(),
        _kernels(),
        _check("ok", "settings file", f"{'' if settings_file().exists() else 'none at '}{settings_file()}"),
    ]
    settings = load_settings()
    folder = Path(library) if library is not None else settings.library
    return [*checks, *_library(folder), *_server(settings)]


def _check(state: str, what: str, found: str, remedy: str = "") -> dict[str, Any]:
    return {"state": state, "what": what, "found": found, "remedy": remedy}


def _packages() -> dict[str, Any]:
    names = ("numpy", "librosa", "soundfile", "dask", "zarr", "sqlalchemy")
    return _check("ok", "packages", ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names))


def _sqlite() -> dict[str, Any]:
    journal = "write-ahead log" if sqlite3.sqlite_version_info >= (3, 51, 3) else "rollback journal"
    return _check("ok", "SQLite", f"{sqlite3.sqlite_version}, {journal}")


def _formats() -> dict[str, Any]:
    import soundfile

    wanted = ("WAV", "RF64", "AIFF", "FLAC", "OGG", "MP3", "CAF")
    missing = [name for name in wanted if name not in soundfile.available_formats()]
    found = f"libsndfile {soundfile.__libsndfile_version__}"
    if missing:
        return _check("bad", "decoders", f"{found} lacks {', '.join(missing)}", "Install soundfile from its wheel.")
    return _check("ok", "decoders", f"{found}: {', '.join(wanted)}")


def _m4a() -> dict[str, Any]:
    try:
        return _check("ok", "M4A, AAC, WMA", f"PyAV {importlib.metadata.version('av')}")
    except importlib.metadata.PackageNotFoundError:
        return _check("note", "M4A, AAC, WMA", "PyAV is not installed", "pip install 'audio-workbench[av]'")


def _kernels() -> dict[str, Any]:
    """Analyze a moment of noise, and tell whether that had to be compiled."""
    from workbench.features.warmup import warm_up

    found = warm_up()
    if found.count:
        return _check("ok", "compiled analysis", f"was not there; compiled now, in {found.seconds:.0f} s")
    return _check("ok", "compiled analysis", "there, in the cache")


def _search(library: Library) -> dict[str, Any]:
    try:
        index = library.search_index()
    except WorkbenchError as error:
        return _check("bad", "similarity search", error.message, error.remedy)
    found = index["approximate"]
    if found is None:
        return _check("ok", "similarity search", f"exact: {index['exact']}")
    share = f"finds {found['recall']:.1%} of the nearest tracks, looking at {found['looked_at']:.1%} of the library"
    return _check("ok", "similarity search", f"approximate: {share}")


def _server(settings: Settings) -> list[dict[str, Any]]:
    """Check what only `workbench serve` and JupyterLab depend on."""
    from workbench.server.credentials import Credentials

    gone = [str(root) for root in settings.roots if not root.expanduser().is_dir()]
    roots = ", ".join(map(str, settings.roots)) or "none: the server analyzes uploads only"
    users = len(Credentials(settings.credentials).names())
    return [
        _check("bad", "allowed roots", f"not there: {', '.join(gone)}", "Mend WORKBENCH_ROOTS, or mount them.")
        if gone
        else _check("ok", "allowed roots", roots),
        _check("ok", "users of the server", str(users) if users else "none: workbench serve makes one"),
        _answers(settings),
    ]


def _answers(settings: Settings) -> dict[str, Any]:
    if settings.redis is None:
        return _check("ok", "kept answers", "in a file beside the index" if settings.cache_bytes else "switched off")
    try:
        from workbench.store.cache.redis import RedisKeeper
        from workbench.store.cache.results import KeeperError
    except ModuleNotFoundError:
        return _check("bad", "kept answers", "Redis, whose package is missing", "pip install 'audio-workbench[redis]'")
    keeper = RedisKeeper(settings.redis.get_secret_value(), "doctor", 1, 1.0)
    try:
        keeper.size()
    except KeeperError as error:
        remedy = "Answers stay right, but each is made anew. Start Redis, or mend WORKBENCH_REDIS."
        return _check("bad", "kept answers", str(error), remedy)
    finally:
        keeper.close()
    return _check("ok", "kept answers", "in Redis")


def _library(folder: Path) -> list[dict[str, Any]]:
    from workbench.library import Library

    if not (folder / "library.json").exists():
        return [_check("note", "library", f"none at {folder}", "workbench analyze PATH makes one.")]
    try:
        with Library.open(folder, create=False) as library:
            tracks, failed, jobs = len(library.tracks()), len(library.failed()), library.jobs()
            catalog = library.catalog.name
            search = _search(library)
    except WorkbenchError as error:
        return [_check("bad", "library", error.message, error.remedy)]
    free = shutil.disk_usage(folder).free
    unfinished = [job for job in jobs if job["state"] in ("planning", "running", "interrupted")]
    return [
        _check("ok", "library", f"{folder}: {tracks} tracks"),
        _check("ok", "catalog", catalog),
        search,
        _check("note" if failed else "ok", "failed files", str(failed), "workbench tracks --failed" if failed else ""),
        _check(
            "note" if unfinished else "ok",
            "unfinished jobs",
            ", ".join(f"job {job['id']} ({job['state']})" for job in unfinished) or "none",
            "Run the same `workbench analyze` again: it goes on." if unfinished else "",
        ),
        _check(
            "bad" if free < _LITTLE_ROOM else "ok",
            "room on its disk",
            f"{free / 1e9:.1f} GB",
            "Free some space." if free < _LITTLE_ROOM else "",
        ),
    ]
