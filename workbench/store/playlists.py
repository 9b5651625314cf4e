"""Playlists kept in the catalog: their tracks, and what was asked for, so that it can be asked again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from workbench.errors import InputError
from workbench.store.catalog import Catalog
from workbench.store.catalog.engine import upsert
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import SavedPlaylist

_LONGEST_NAME = 200
#: Where the words lie beside the fields of a stored request, none of which is called so.
_TEXT = "text"


@dataclass(frozen=True, slots=True)
class Kept:
    """A playlist as it was saved.

    Attributes
    ----------
    name : unique in the library
    request : fields of a `PlaylistRequest`
    tracks : ids in order
    saved_at : seconds since 1970
    text : the words that it was asked for in, None where it was not
    """

    name: str
    request: dict[str, Any]
    tracks: list[str]
    saved_at: float
    text: str | None = None


@lasting
def save(
    catalog: Catalog, name: str, request: Mapping[str, Any], tracks: Sequence[str], text: str | None = None
) -> None:
    """Keep a playlist under a name, with the words that it was asked for in; one of that name is replaced.

    Raises
    ------
    InputError
        On an empty or very long name.
    """
    check_name(name)
    asked = {**request, **({_TEXT: text} if text else {})}
    row = {"name": name, "request": asked, "tracks": list(tracks), "saved_at": time.time()}
    with catalog.write() as connection:
        upsert(connection, SavedPlaylist, [row], key="name", update=("request", "tracks", "saved_at"))


def check_name(name: str) -> None:
    """Refuse a name that is empty, very long, or not one line: `InputError`."""
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InputError(f"{name!r} cannot be a name.", f"Give up to {_LONGEST_NAME} letters, on one line.")


@lasting
def kept(catalog: Catalog) -> list[Kept]:
    """All playlists, in order of their names."""
    columns = (SavedPlaylist.name, SavedPlaylist.request, SavedPlaylist.tracks, SavedPlaylist.saved_at)
    with catalog.read() as connection:
        rows = connection.execute(sa.select(*columns).order_by(SavedPlaylist.name)).all()
    return [
        Kept(name, {field: value for field, value in asked.items() if field != _TEXT}, tracks, at, asked.get(_TEXT))
        for name, asked, tracks, at in rows
    ]


def find(catalog: Catalog, name: str) -> Kept:
    """Look a playlist up.

    Raises
    ------
    InputError
        When there is none of that name.
    """
    found = kept(catalog)
    for playlist in found:
        if playlist.name == name:
            return playlist
    names = ", ".join(repr(playlist.name) for playlist in found)
    raise InputError(
        f"There is no saved playlist {name!r}.",
        f"Saved are {names}." if names else "Save one with `workbench playlist --save NAME`.",
    )


@lasting
def delete(catalog: Catalog, name: str) -> None:
    """Forget a playlist; `InputError` when there is none of that name."""
    find(catalog, name)
    with catalog.write() as connection:
        connection.execute(sa.delete(SavedPlaylist).where(SavedPlaylist.name == name))
