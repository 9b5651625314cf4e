"""Which cache a library has, by its settings."""

from __future__ import annotations

from pathlib import Path

from workbench.config import Settings
from workbench.errors import InputError
from workbench.store.cache.embedded import EmbeddedKeeper
from workbench.store.cache.results import Cache, Keeper


def open_cache(settings: Settings, folder: Path, library_id: str) -> Cache:
    """Open the cache that the settings name; nothing is read or connected yet.

    Parameters
    ----------
    settings : Settings
        ``cache_bytes``, ``cache_age_s`` and ``redis``.
    folder : Path
        The library's folder ``index``, which the embedded one lies in: whoever deletes it deletes both.
    library_id : str
        Of the catalog.

    Raises
    ------
    InputError
        When the extra ``redis`` is needed and missing, or its URL is none.
    """
    room, age_s = settings.cache_bytes, settings.cache_age_s
    keeper: Keeper
    if not room:
        return Cache(None, 0)
    if settings.redis is None:
        keeper = EmbeddedKeeper(folder / "answers.sqlite", room, age_s)
    else:
        try:
            from workbench.store.cache.redis import RedisKeeper
        except ModuleNotFoundError as error:
            raise InputError(
                "The setting redis needs a package that is not installed.", "pip install 'audio-workbench[redis]'"
            ) from error
        keeper = RedisKeeper(settings.redis.get_secret_value(), library_id, room, age_s)
    return Cache(keeper, room)
