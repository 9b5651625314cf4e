"""Phrased requests with what a person means by them, and how much of it the offline parser gets.

    python -m tests.assist.phrased [FILE...]

A field is right if it is just what is expected; a field that nobody expected is *invented*.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.assist.names import Names
from workbench.assist.parser import parse
from workbench.assist.reading import Reading
from workbench.playlist.keys import parse_key

FOLDER = Path(__file__).parent
#: Written while the parser was; after it was done; and by others who had not seen it.
SETS = SEEN, FRESH, BLIND = tuple(FOLDER / f"requests{name}.txt" for name in ("", "_fresh", "_blind"))

_TITLES = ("Blue Train", "Night Drive", "Rain", "Calm", "Slow Burn", "Harbour Lights", "Paper Moon", None)
_ARTISTS = ("Ada Quartet", "Ada Quartet", "Vela", "Vela", "The Lanterns", "Miro", "Miro", None)
IDS = tuple(f"{number:032x}" for number in range(1, 9))
_BY_TITLE = {(title or "reference"): track for title, track in zip(_TITLES, IDS, strict=True)}
NAMES = Names(
    {
        "id": IDS,
        "title": _TITLES,
        "artist": _ARTISTS,
        "path": [f"/music/{number:02d}.wav" for number in range(7)] + ["/music/reference.wav"],
    }
)


@dataclass(frozen=True)
class Phrased:
    """A request and its expected fields; `unknown` are words that must be told back."""

    text: str
    fields: dict[str, Any]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Score:
    """What became of one request."""

    request: Phrased
    got: dict[str, Any]
    wrong: tuple[str, ...]
    invented: tuple[str, ...]
    untold: tuple[str, ...]


def load(path: Path) -> Iterator[Phrased]:
    """Read a file of requests."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            text, _, expected = line.rpartition(" | ")
            fields: dict[str, Any] = {}
            unknown: tuple[str, ...] = ()
            for part in expected.split():
                name, _, value = part.partition("=")
                if name == "unknown":
                    unknown = tuple(word.replace("_", " ") for word in value.split(",") if word)
                elif value or name in ("compat", "ranked", "half_double"):
                    fields[name] = _value(name, value)
            yield Phrased(text, fields, unknown)


def _value(name: str, value: str) -> Any:
    names = [word.replace("_", " ") for word in value.split(",")]
    match name:
        case "bpm" | "energy":
            low, _, high = value.partition("-")
            return (float(low), float(high))
        case "n" | "artist_gap" | "album_gap":
            return int(value)
        case "minutes":
            return float(value)
        case "key":
            return parse_key(value).name
        case "mood" | "by" | "no":
            return frozenset(names)
        case "like" | "unlike" | "include" | "exclude" | "waypoints":
            return frozenset(_BY_TITLE[title] for title in names)
        case "start" | "end":
            return _BY_TITLE[names[0]]
        case "compat" | "ranked" | "half_double":
            return True
    return value


def fields_of(reading: Reading) -> dict[str, Any]:
    """Give a reading in the words of the files: those of a search are read from its expression."""
    given = dict(reading.request)
    found: dict[str, Any] = {}
    if reading.kind == "similar":
        found["kind"] = "similar"
        one = given.get("track_id")
        blend = [(track["track_id"], track["weight"]) for track in given.get("blend", ())] or [(one, 1.0)]
        found["like"] = frozenset(track for track, weight in blend if weight > 0)
        if unlike := frozenset(track for track, weight in blend if weight < 0):
            found["unlike"] = unlike
        found |= {f"{of}_gap": 1000 for of in ("artist", "album") if given.get(f"per_{of}") == 1}
        found |= _of_where(given.get("where", ""))
    for name, value in given.items():
        match name:
            case "bpm" | "energy":
                found[name] = tuple(value)
            case "mood":
                found[name] = frozenset(value)
            case "artists":
                found["by"] = frozenset(value)
            case "without_artists":
                found["no"] = frozenset(value)
            case "like" | "include" | "exclude" | "waypoints":
                found[name] = frozenset(value)
            case "compatible_keys":
                found["compat"] = value
            case "n" | "minutes" | "curve" | "key" | "start" | "end" | "half_double" | "ranked":
                found[name] = value
            case "artist_gap" | "album_gap":
                found[name] = value
    return found


def _of_where(where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for condition in where.split(" and ") if where else ():
        words = condition.split(" ")
        texts = frozenset(condition.split('"')[1::2])
        if words[1] == "<=":
            found[words[2]] = (float(words[0]), float(words[4]))
        elif words[0] == "mood":
            found["mood"] = texts
        elif words[0] == "key":
            (found["key"], *_) = condition.split('"')[1::2]
            if len(texts) > 1:
                found["compat"] = True
        elif words[0] == "artist":
            found["by"] = texts
        elif words[0].startswith("(artist"):
            found["no"] = found.get("no", frozenset()) | texts
        elif words[0] == "id":
            found["exclude"] = found.get("exclude", frozenset()) | texts
    return found


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return all(abs(x - y) < 0.06 if max(x, y) > 2 else abs(x - y) < 1e-6 for x, y in zip(a, b, strict=True))
    return bool(a == b)


def score(request: Phrased) -> Score:
    """Read a request and compare."""
    reading = parse(request.text, NAMES)
    got = fields_of(reading)
    told = " ".join(reading.unknown).casefold()
    return Score(
        request,
        got,
        wrong=tuple(name for name, value in request.fields.items() if not _same(value, got.get(name))),
        invented=tuple(name for name in got if name not in request.fields),
        untold=tuple(word for word in request.unknown if word.casefold() not in told),
    )


def summary(scores: list[Score]) -> dict[str, float]:
    """Count."""
    fields = sum(len(one.request.fields) for one in scores)
    unknown = sum(len(one.request.unknown) for one in scores)
    return {
        "requests": len(scores),
        "fields": fields,
        "right": fields - sum(len(one.wrong) for one in scores),
        "share": round(1 - sum(len(one.wrong) for one in scores) / fields, 4),
        "invented": sum(len(one.invented) for one in scores),
        "unknown": unknown,
        "told": unknown - sum(len(one.untold) for one in scores),
    }


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]) if sys.argv[1:] else SETS:
        scores = [score(request) for request in load(path)]
        print(path.name, summary(scores))
        for one in scores:
            if one.wrong or one.invented or one.untold:
                wanted = {name: one.request.fields[name] for name in one.wrong}
                invented = {name: one.got[name] for name in one.invented}
                print(f"  {one.request.text}\n     wrong {wanted}, invented {invented}, untold {one.untold}")
                print(f"     got {one.got}")
