"""What a library lacks since the wanted descriptors changed, and what it would cost to have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.jobs.derive import needed
from workbench.jobs.plan import estimate_cost
from workbench.schema import ArraySpec
from workbench.store.catalog import Catalog
from workbench.store.catalog.queries import measured_speed, tracks_by_array_set


@dataclass(frozen=True, slots=True)
class Missing:
    """What the tracks of a library lack.

    Attributes
    ----------
    paths : files of the tracks that lack something, in order
    arrays : paths of the arrays that at least one of them lacks
    to_decode : tracks whose audio must be decoded
    audio_s : duration of that audio, seconds
    to_derive : tracks for which stored arrays are enough
    estimate_s : how long decoding will take at the speed of the last job, seconds; None if there was none to
        measure, 0 if nothing is to be decoded
    """

    paths: tuple[str, ...]
    arrays: tuple[str, ...]
    to_decode: int
    audio_s: float
    to_derive: int
    estimate_s: float | None


def find_missing(catalog: Catalog, wanted: Sequence[ArraySpec]) -> Missing:
    """Compare what each track has with what is wanted; nothing is opened.

    Parameters
    ----------
    catalog : Catalog
    wanted : sequence of ArraySpec
        The arrays that every track is to have.
    """
    paths: list[str] = []
    arrays: set[str] = set()
    to_decode = to_derive = 0
    audio_s = cost = 0.0
    for keys, tracks in tracks_by_array_set(catalog, [spec.key for spec in wanted]):
        lacking = [spec.path for spec in wanted if spec.key not in keys]
        arrays.update(lacking)
        paths += [track.path for track in tracks]
        if needed(lacking, keys):
            to_derive += len(tracks)
            continue
        to_decode += len(tracks)
        audio_s += sum(track.duration_s or 0.0 for track in tracks)
        cost += sum(estimate_cost(track.path, track.size or 0) for track in tracks)
    speed = measured_speed(catalog)
    estimate_s = 0.0 if not to_decode else None if speed is None else cost / speed
    return Missing(tuple(sorted(paths)), tuple(sorted(arrays)), to_decode, audio_s, to_derive, estimate_s)
