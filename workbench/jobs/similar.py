"""A similarity query from what was asked to its answer: files that are not in the library are analyzed on the way."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from workbench.config import Settings
from workbench.errors import InputError
from workbench.jobs.reference import analyze_reference, describe_region, locate
from workbench.store.catalog import Catalog
from workbench.store.indexes import Indexes
from workbench.store.similar import (
    Reference,
    SimilarTracks,
    Wanted,
    similar_regions,
    similar_tracks,
    tracks_between,
)
from workbench.store.vectors import Vectors

PathLike = str | os.PathLike[str]
References = PathLike | Sequence[PathLike] | Mapping[PathLike, float]


class Known(NamedTuple):
    """The results of a query that is nearly the same, and how far from it that is."""

    results: list[dict[str, Any]]
    recall: float | None
    distance: float


#: Gives what is known already of nearly the same references, if anything is.
Shortcut = Callable[[Sequence[Reference]], Known | None]


def answer(
    indexes: Indexes,
    settings: Settings,
    reference: References,
    wanted: Wanted,
    *,
    to: PathLike | None = None,
    region: tuple[float, float] | None = None,
    shortcut: Shortcut | None = None,
) -> SimilarTracks:
    """Answer a query; the parameters are those of `workbench.Library.similar`.

    Where whole tracks are searched for, `shortcut` is asked first, if it is given.

    Raises
    ------
    InputError, AudioError
        When a reference is neither a track nor a file that can be decoded, or parameters do not go together.
    """
    began, recall = time.perf_counter(), None
    weighted = weigh(reference)
    name = next(iter(weighted))
    if (to is not None) + (region is not None) + (len(weighted) > 1) > 1:
        raise InputError(
            "A blend, a way and a region do not go together.", "Give several references, or `to`, or `region`."
        )
    if region is not None:
        query, results = _place(indexes, settings, name, region, wanted)
    elif to is not None:
        vectors = indexes.vectors
        start, end = (_find(indexes.catalog, vectors, settings, one) for one in (name, to))
        query = {**_named(start), "to": _named(end)}
        results = tracks_between(indexes, start, end, wanted)
    else:
        vectors = indexes.vectors
        found = [_find(indexes.catalog, vectors, settings, one, weight) for one, weight in weighted.items()]
        query = _named(found[0]) if len(found) == 1 else {"blend": [{**_named(f), "weight": f.weight} for f in found]}
        known = None if shortcut is None else shortcut(found)
        if known is None:
            results, recall = similar_tracks(indexes, found, wanted)
        else:
            query["from_cache"] = {"distance": known.distance}
            results, recall = known.results, known.recall
    return SimilarTracks(query, round(1000 * (time.perf_counter() - began), 3), results, recall)


def weigh(reference: References) -> dict[PathLike, float]:
    """Give each reference its weight; `InputError` when there is none."""
    if isinstance(reference, Mapping):
        weighted = {name: float(weight) for name, weight in reference.items()}
    elif isinstance(reference, str | os.PathLike):
        weighted = {reference: 1.0}
    else:
        weighted = dict.fromkeys(reference, 1.0)
    if not weighted:
        raise InputError("Nothing is named that results are to sound like.", "Name a file or a track.")
    return weighted


def _find(catalog: Catalog, vectors: Vectors, settings: Settings, name: PathLike, weight: float = 1.0) -> Reference:
    """Take the vector of a track from the library, and analyze a file that is not in it."""
    track, path, row = locate(catalog, name)
    if row is None or not vectors.has(row):
        return Reference(None, path, None, analyze_reference(path, settings), weight)
    return Reference(track, path, row, vectors.raw[row], weight)


def _named(reference: Reference) -> dict[str, Any]:
    return {"id": reference.id, "path": reference.path}


def _place(
    indexes: Indexes, settings: Settings, name: PathLike, region: tuple[float, float], wanted: Wanted
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    track, path, _ = locate(indexes.catalog, name)
    described = describe_region(path, settings, region)
    results = similar_regions(indexes, described, region[1] - region[0], track, wanted)
    return {"id": track if track in indexes.regions.ids else None, "path": path, "region": list(region)}, results
