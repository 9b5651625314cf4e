"""From fields to a request, whoever found them in a text: the offline parser or a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.assist.reading import Kind, Reading
from workbench.playlist.keys import compatible_keys, parse_key
from workbench.playlist.request import MAX_TRACKS, PlaylistRequest
from workbench.similarity.request import MOST_RESULTS, SimilarRequest

#: Fields that only a playlist has.
_OF_LISTS = {"minutes", "curve", "start", "end", "waypoints", "include", "half_double", "ranked"}
#: Letters that an expression of a search may have.
_LONGEST = 2000
_FIELDS = {name: place for place, name in enumerate(PlaylistRequest.model_fields)}


def build(
    fields: Mapping[str, Any], like: Mapping[str, float], notes: list[str], *, asks_list: bool
) -> tuple[Kind, dict[str, Any]]:
    """Make a request of what was found.

    Parameters
    ----------
    fields : mapping
        Fields of a `PlaylistRequest`, without ``like``.
    like : mapping
        Tracks to sound like, with their weights; below 0: to be unlike.
    notes : list of str
        Gets a sentence for each thing that cannot be asked for together.
    asks_list : bool
        Whether a playlist is asked for by that or another name.

    Returns
    -------
    (str, dict)
        A search where there is something to be like and nothing that only a playlist has, else a playlist.

    Raises
    ------
    InputError, pydantic.ValidationError
        When the fields make no request.
    """
    if like and not asks_list and not _OF_LISTS & fields.keys():
        return "similar", _similar(fields, like, notes)
    return "playlist", _playlist(fields, like, notes)


def as_playlist(reading: Reading) -> Reading:
    """Make a search into a playlist of what sounds like it, for who asks where playlists are made.

    >>> as_playlist(Reading("similar", {"track_id": "0a", "n": 5, "per_artist": 1})).request
    {'n': 5, 'like': ['0a'], 'artist_gap': 1000}
    """
    if reading.kind == "playlist":
        return reading
    request, notes = dict(reading.request), list(reading.notes)
    blend = request.pop("blend", None) or [{"track_id": request.pop("track_id"), "weight": 1.0}]
    fields: dict[str, Any] = {name: request[name] for name in ("n", "where") if name in request}
    fields |= {f"{of}_gap": MAX_TRACKS for of in ("artist", "album") if request.get(f"per_{of}")}
    fields = _playlist(fields, {one["track_id"]: one["weight"] for one in blend}, notes)
    return replace(reading, kind="playlist", request=fields, notes=tuple(notes))


def _playlist(given: Mapping[str, Any], like: Mapping[str, float], notes: list[str]) -> dict[str, Any]:
    fields = dict(given)
    liked = [track for track, weight in like.items() if weight > 0]
    if len(liked) < len(like):
        notes.append("A playlist can be like a track, but not unlike one.")
    if liked:
        fields["like"] = liked
    if "n" in fields and "minutes" in fields:
        notes.append(f"n: {fields.pop('n')} tracks are left out, for a length in minutes is given.")
    if fields.get("ranked") and not fields.keys() & {"energy", "mood", "curve"}:
        del fields["ranked"]
    if "end" in fields and fields["end"] == fields.get("start"):
        notes.append("One track cannot be the first and the last; it is the first.")
        del fields["end"]
    ends = [fields[name] for name in ("start", "end") if name in fields]
    fields["waypoints"] = [track for track in fields.get("waypoints", ()) if track not in ends]
    placed = [*ends, *fields["waypoints"]]
    fields["include"] = [track for track in fields.get("include", ()) if track not in placed]
    asked = [*placed, *fields["include"]]
    fields["exclude"] = [track for track in fields.get("exclude", ()) if track not in asked]
    if fields.get("n") is not None:
        fields["n"] = max(fields["n"], len(asked))
    request = {name: fields[name] for name in sorted(fields, key=_FIELDS.__getitem__) if fields[name] not in ([], None)}
    PlaylistRequest.from_fields(**request)
    return request


def _similar(fields: Mapping[str, Any], like: Mapping[str, float], notes: list[str]) -> dict[str, Any]:
    request: dict[str, Any] = {}
    if len(like) == 1 and min(like.values()) > 0:
        request["track_id"] = next(iter(like))
    else:
        request["blend"] = [{"track_id": track, "weight": weight} for track, weight in like.items()]
    if "n" in fields:
        request["n"] = min(fields["n"], MOST_RESULTS)
    where = " and ".join(_conditions(fields))
    if len(where) > _LONGEST:
        notes.append("So many names do not fit into a search; they are left out.")
    elif where:
        request["where"] = where
    for of in ("artist", "album"):
        if fields.get(f"{of}_gap"):
            request[f"per_{of}"] = 1
    SimilarRequest.model_validate(request)
    return request


def _conditions(fields: Mapping[str, Any]) -> Iterator[str]:
    """Say in an expression of ``--where`` what fields of a playlist ask for."""
    for name in ("bpm", "energy"):
        if name in fields:
            yield f"{fields[name][0]:g} <= {name} <= {fields[name][1]:g}"
    if "mood" in fields:
        yield f"mood in {_texts(fields['mood'])}"
    if "key" in fields:
        key = parse_key(fields["key"])
        keys = compatible_keys(key) if fields.get("compatible_keys") else (key,)
        yield f"key in {_texts([each.name for each in keys])}"
    if "artists" in fields:
        yield f"artist in {_texts(fields['artists'])}"
    for artist in fields.get("without_artists", ()):
        yield f"(artist is None or artist != {_text(artist)})"
    for track in fields.get("exclude", ()):
        yield f"id != {_text(track)}"


def _texts(texts: Sequence[str]) -> str:
    return f"({', '.join(map(_text, texts))},)"


def _text(text: str) -> str:
    """Write a text so that nothing in it ends it."""
    plain = (c if c.isalnum() or c in " #-_.,()&" else f"\\U{ord(c):08x}" for c in text)
    return f'"{"".join(plain)}"'
