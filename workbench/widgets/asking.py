"""What is said of a request that was asked for in words: who read it, what is not in it, its fields in plain form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from workbench.assist.asked import remarks
from workbench.assist.reading import Reading

#: Fields that name tracks by their ids.
_TRACKS = ("start", "end", "waypoints", "slots", "include", "exclude", "like")
#: Fields that say how much of what.
_COUNTED = {"n": "tracks", "minutes": "minutes"}
_MOST_NAMED = 5


def told_of(reading: Reading) -> dict[str, Any]:
    """Say who has read the words, of which of them nothing was made, and what else there is to know."""
    by = "the offline parser" if reading.by == "offline" else reading.by
    return {"by": f"Read by {by}.", "unknown": list(reading.unknown), "remarks": list(remarks(reading))}


def tracks_of(request: Mapping[str, Any]) -> list[str]:
    """Give the ids of the tracks that a request names."""
    return [str(track) for field in _TRACKS for track in _several(request.get(field))]


def terms(request: Mapping[str, Any], named: Callable[[str], str]) -> list[dict[str, str]]:
    """Put each field of a request into plain words.

    Parameters
    ----------
    request : mapping
        Fields of a `PlaylistRequest` that say something.
    named : callable
        Gives the title of a track by its id.

    Examples
    --------
    >>> [term["says"] for term in terms({"bpm": [80, 90.5], "n": 5, "like": ["0a"]}, {"0a": "House"}.__getitem__)]
    ['bpm: 80 to 90.5', '5 tracks', 'like: House']
    """
    return [{"field": field, "says": _says(field, value, named)} for field, value in request.items()]


def _says(field: str, value: Any, named: Callable[[str], str]) -> str:
    name = field.replace("_", " ")
    if value is True:
        return name
    if field in _COUNTED:
        return f"{_plain(value)} {_COUNTED[field]}"
    if field in ("bpm", "energy"):
        return f"{name}: {value[0]:g} to {value[1]:g}"
    texts = [named(str(one)) if field in _TRACKS else _plain(one) for one in _several(value)]
    more = f" and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
    return f"{name}: {', '.join(texts[:_MOST_NAMED])}{more}"


def _several(value: Any) -> Iterable[Any]:
    if isinstance(value, list | tuple):
        return [one for one in value if one is not None]
    return [] if value is None else [value]


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | int) else str(value)
