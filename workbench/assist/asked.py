"""What was asked in words, and the answer: with the request, so that it can be corrected and asked again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.assist.reading import Reading
from workbench.errors import InputError
from workbench.playlist import Playlist
from workbench.similarity.request import SimilarRequest
from workbench.store.similar import SimilarTracks

#: Options of the command line that are not called as their fields are.
_OPTIONS = {"waypoints": "through", "artists": "artist", "without_artists": "without-artist", "n": "-n"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A text, what was made of it, and what that gave.

    Attributes
    ----------
    text : as it was asked
    reading : the request, and what is not in it
    result : a `Playlist` or `SimilarTracks`
    """

    text: str
    reading: Reading
    result: Playlist | SimilarTracks

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as plain values; ``request`` can be sent as it is to where such a ``kind`` is asked for."""
        return {"text": self.text, **self.reading.to_dict(), "result": self.result.to_dict()}


def answer_reading(
    text: str, reading: Reading, playlist: Callable[..., Playlist], similar: Callable[..., SimilarTracks]
) -> Asked:
    """Answer what was made of a text by one of two functions; `InputError` where nothing was made of it."""
    refuse_nothing(text, reading)
    request = reading.model()
    if isinstance(request, SimilarRequest):
        return Asked(text, reading, similar(**request.arguments()))
    return Asked(text, reading, playlist(**reading.request))


def refuse_nothing(text: str, reading: Reading) -> None:
    """Raise `InputError` where nothing of a text was understood, rather than answer what nobody asked."""
    if not reading.request:
        why = " ".join(reading.notes)
        raise InputError(
            f"Nothing to look for was found in {text[:200]!r}. {why}".strip(),
            "Name a mood, an energy, a tempo, a key, a length, or a track: 'an hour of calm music around 80 bpm'.",
        )


def command_of(reading: Reading) -> str:
    """Give the command that asks the same, to be corrected and run again.

    >>> command_of(Reading("playlist", {"mood": ["calm"], "bpm": [80.0, 90.0], "minutes": 60.0, "curve": "rise"}))
    'workbench playlist --mood calm --bpm 80 90 --minutes 60 --curve rise'
    >>> command_of(Reading("similar", {"track_id": "0a", "n": 5, "where": "bpm > 100"}))
    "workbench similar 0a -n 5 --where 'bpm > 100'"
    """
    words = ["workbench", reading.kind]
    request: Mapping[str, Any] = reading.request
    for name, value in request.items():
        if name == "track_id":
            words.append(str(value))
        elif name == "blend":
            words += [f"{one['track_id']}@{one['weight']:g}" for one in value]
        else:
            words += _option(name, value)
    return shlex.join(words)


def remarks(reading: Reading) -> Iterator[str]:
    """Say what else there is to know of a reading, a line each: what it took for what, and who has not answered.

    >>> list(remarks(Reading("playlist", {}, notes=("a",), tried=({"provider": "here", "why": "timeout"},))))
    ['a', 'here has not answered: timeout']
    """
    yield from reading.notes
    for one in reading.tried:
        yield f"{one['provider']} has not answered: {one['why']}"
    if reading.near is not None:
        yield f"this is what {reading.by} made of nearly the same words, {reading.near:.2f} away"


def _option(name: str, value: Any) -> list[str]:
    option = _OPTIONS.get(name, name.replace("_", "-"))
    option = option if option.startswith("-") else f"--{option}"
    if value is True:
        return [option]
    if name in ("bpm", "energy"):
        return [option, *(f"{end:g}" for end in value)]
    if isinstance(value, list):
        return [word for one in value for word in (option, str(one))]
    return [option, f"{value:g}" if isinstance(value, float) else str(value)]
