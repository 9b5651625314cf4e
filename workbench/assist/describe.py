"""A track or a playlist in words: every claim names its descriptor, and what is not known is not claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from workbench.features.mood import MOODS
from workbench.playlist.keys import parse_key

#: Below it a tempo or a key is called uncertain.
SURE = 0.5
#: Below the first and from the second on, a quantity from 0 to 1 is called little or much.
_LITTLE, _MUCH = 0.4, 0.6
_LOUD_LUFS, _QUIET_LUFS = -9.0, -20.0


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, and what it is taken from.

    Attributes
    ----------
    says : in words
    descriptor : the column of the tracks that it is about
    value : what that is
    """

    says: str
    descriptor: str
    value: Any


@dataclass(frozen=True, slots=True)
class TagSuggestion:
    """A tag that could be written, for review; nothing is written.

    Attributes
    ----------
    name : ``bpm``, ``key``, ``mood``, ``energy`` or ``grouping``
    value : what it would be
    descriptor, confidence : what it is taken from, and how sure that is in [0, 1]; None where nobody knows
    """

    name: str
    value: str
    descriptor: str
    confidence: float | None


def describe_track(record: Mapping[str, Any]) -> list[Claim]:
    """Put a track into words.

    Parameters
    ----------
    record : mapping
        Of the catalog.

    Examples
    --------
    >>> track = {"bpm": 92.3, "bpm_confidence": 0.9, "key": "A minor", "key_strength": 0.3, "energy": 0.2}
    >>> [claim.says for claim in describe_track(track)]
    ['Mid-tempo, 92 BPM.', 'Possibly in A minor (8A).', 'Of little energy.']
    """
    known = {name: value for name, value in record.items() if value is not None}
    claims = []

    def claim(name: str, says: str) -> None:
        claims.append(Claim(says, name, known[name]))

    if "duration_s" in known:
        claim("duration_s", f"{_clock(known['duration_s'])} long.")
    if "bpm" in known:
        sure = known.get("bpm_confidence", 1.0) >= SURE
        word = "Slow" if known["bpm"] < 90 else "Mid-tempo" if known["bpm"] < 125 else "Fast"
        claim("bpm", f"{word}, {known['bpm']:.0f} BPM." if sure else f"Possibly {known['bpm']:.0f} BPM.")
    if "key" in known:
        sure = known.get("key_strength", 1.0) >= SURE
        claim("key", f"{'In' if sure else 'Possibly in'} {known['key']} ({parse_key(known['key']).camelot}).")
    if "energy" in known:
        claim("energy", f"{_degree(known['energy'])} energy.")
    if "mood" in known:
        claim("mood", f"Its mood is {known['mood']}.")
    if "danceability" in known and not _LITTLE <= known["danceability"] < _MUCH:
        claim("danceability", "Good to dance to." if known["danceability"] >= _MUCH else "Hardly to dance to.")
    if "loudness_lufs" in known:
        loud = known["loudness_lufs"]
        if loud >= _LOUD_LUFS or loud <= _QUIET_LUFS:
            claim("loudness_lufs", f"Mastered {'loud' if loud >= _LOUD_LUFS else 'quietly'}, at {loud:.0f} LUFS.")
    return claims


def describe_tracks(records: Sequence[Mapping[str, Any]]) -> list[Claim]:
    """Put a playlist into words.

    Parameters
    ----------
    records : sequence of mappings
        Of the catalog, in order.
    """
    claims = [Claim(f"{len(records)} tracks.", "id", len(records))]
    if not records:
        return claims

    def known(name: str) -> list[Any]:
        return [record[name] for record in records if record.get(name) is not None]

    if lengths := known("duration_s"):
        claims.append(Claim(f"{_clock(sum(lengths))} in all.", "duration_s", round(sum(lengths), 3)))
    if tempi := known("bpm"):
        low, high = min(tempi), max(tempi)
        claims.append(
            Claim(
                f"{low:.0f} to {high:.0f} BPM, half of it below {median(tempi):.0f}.", "bpm", [low, median(tempi), high]
            )
        )
    if energies := known("energy"):
        claims.append(Claim(_course(energies), "energy", energies))
    if moods := known("mood"):
        often = sorted(set(moods), key=lambda mood: (-moods.count(mood), list(MOODS).index(mood)))[:2]
        parts = " and ".join(f"{moods.count(mood)} {mood}" for mood in often)
        claims.append(Claim(f"Of {len(moods)} moods, {parts}.", "mood", {mood: moods.count(mood) for mood in often}))
    if keys := known("key"):
        often_key = max(sorted(set(keys)), key=keys.count)
        claims.append(
            Claim(f"{len(set(keys))} keys, most often {often_key}.", "key", {"keys": len(set(keys)), "most": often_key})
        )
    if artists := known("artist"):
        claims.append(Claim(f"{len(set(artists))} artists.", "artist", len(set(artists))))
    return claims


def suggest_tags(record: Mapping[str, Any]) -> list[TagSuggestion]:
    """Suggest tags for a track, from what was measured of it.

    Parameters
    ----------
    record : mapping
        Of the catalog.
    """
    found = []

    def suggest(name: str, value: str, descriptor: str, confidence: str | None = None) -> None:
        found.append(TagSuggestion(name, value, descriptor, record.get(confidence) if confidence else None))

    if record.get("bpm") is not None:
        suggest("bpm", str(round(record["bpm"])), "bpm", "bpm_confidence")
    if record.get("key") is not None:
        suggest("key", parse_key(record["key"]).short, "key", "key_strength")
    if record.get("mood") is not None:
        suggest("mood", record["mood"], "mood")
    if record.get("energy") is not None:
        suggest("energy", _degree(record["energy"]).removeprefix("Of ").lower(), "energy")
    if record.get("danceability") is not None and record["danceability"] >= _MUCH:
        suggest("grouping", "danceable", "danceability")
    return found


def _course(energies: Sequence[float]) -> str:
    third = max(1, len(energies) // 3)
    first, last = median(energies[:third]), median(energies[-third:])
    if len(energies) > 2 and abs(last - first) >= 0.1:
        return f"Energy {'rises' if last > first else 'falls'} from {first:.2f} to {last:.2f}."
    return f"Energy stays around {median(energies):.2f}."


def _degree(value: float) -> str:
    return "Of little" if value < _LITTLE else "Of much" if value >= _MUCH else "Of medium"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
