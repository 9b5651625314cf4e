"""Tastes kept in the catalog: the clicks that they were learned from, the factors, and which one is in use.

A table rather than a file, as playlists are: a server and a notebook may learn at the same time, and whoever searches
next sees what was committed. Factors are kept by quality, so that a taste outlives a change of the embedding.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from workbench.errors import InputError
from workbench.similarity.search import component_weights, facet_weights, search
from workbench.similarity.taste import Click, learn, squared_by_quality
from workbench.store.catalog import Catalog
from workbench.store.catalog.engine import change_answers, upsert
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import SavedTaste
from workbench.store.playlists import check_name
from workbench.store.vectors import Vectors

Pairs = Sequence[tuple[str, str]]

#: What a click is compared with, if no other says more: the tracks nearest to its reference.
_NEIGHBOURS = 16


@dataclass(frozen=True, slots=True)
class Taste:
    """What was learned from clicks.

    Attributes
    ----------
    name : unique in the library
    in_use : whether searches go by it
    likes, dislikes : pairs of track ids, a reference and a result that sounds like it or does not
    factors : quality to the factor on its usual weight
    agreement : share of what clicks say that is so when each was left out of learning, in [0, 1]; None if unknown
    agreement_before : the same share by the usual weights
    saved_at : seconds since 1970
    """

    name: str
    in_use: bool
    likes: list[tuple[str, str]]
    dislikes: list[tuple[str, str]]
    factors: dict[str, float]
    agreement: float | None
    agreement_before: float | None
    saved_at: float


@lasting
def learn_taste(catalog: Catalog, vectors: Vectors, name: str, likes: Pairs, dislikes: Pairs) -> None:
    """Add clicks to those of a taste, learn it from all of them, keep it, and use it from now on.

    Raises
    ------
    InputError
        On no click, a track without a vector, a pair of one track, or a name that is not one line. Former clicks on
        tracks that are no longer there are left out.
    """
    check_name(name)
    former = next((taste for taste in kept(catalog) if taste.name == name), None)
    said = dict.fromkeys(former.likes, True) | dict.fromkeys(former.dislikes, False) if former else {}
    said |= dict.fromkeys(likes, True) | dict.fromkeys(dislikes, False)
    known = {pair: liked for pair, liked in said.items() if pair in {*likes, *dislikes} or _are_known(vectors, pair)}
    if not known:
        raise InputError("Nothing to learn from.", "Give a pair at least that sounds alike or does not.")
    learned = learn([_click(vectors, pair, liked=liked) for pair, liked in known.items()])
    row = {
        "name": name,
        "in_use": True,
        "likes": [list(pair) for pair, liked in known.items() if liked],
        "dislikes": [list(pair) for pair, liked in known.items() if not liked],
        "factors": learned.factors,
        "agreement": learned.agreement,
        "agreement_before": learned.agreement_before,
        "saved_at": time.time(),
    }
    with catalog.write() as connection:
        connection.execute(sa.update(SavedTaste).values(in_use=False))
        upsert(connection, SavedTaste, [row], key="name", update=tuple(set(row) - {"name"}))
        change_answers(connection)


@lasting
def kept(catalog: Catalog) -> list[Taste]:
    """All tastes, in order of their names."""
    table = SavedTaste.__table__
    with catalog.read() as connection:
        rows = connection.execute(sa.select(table).order_by(table.c.name))
        return [Taste(**{**row._mapping, "likes": _pairs(row.likes), "dislikes": _pairs(row.dislikes)}) for row in rows]


@lasting
def use(catalog: Catalog, name: str | None) -> None:
    """Let searches go by a taste, or by none; `InputError` when there is none of that name."""
    _known(catalog, name)
    with catalog.write() as connection:
        connection.execute(sa.update(SavedTaste).values(in_use=SavedTaste.name == name if name else False))
        change_answers(connection)


@lasting
def forget(catalog: Catalog, name: str) -> None:
    """Delete a taste; `InputError` when there is none of that name."""
    _known(catalog, name)
    with catalog.write() as connection:
        connection.execute(sa.delete(SavedTaste).where(SavedTaste.name == name))
        change_answers(connection)


@lasting
def factors_in_use(catalog: Catalog) -> dict[str, float]:
    """Factors of the taste in use, none if none is."""
    with catalog.read() as connection:
        found = connection.execute(sa.select(SavedTaste.factors).where(SavedTaste.in_use)).scalars().first()
        return dict(found or {})


def _click(vectors: Vectors, pair: tuple[str, str], *, liked: bool) -> Click:
    rows = [vectors.row(track) for track in pair]
    if None in rows:
        lacking = pair[rows.index(None)]
        raise InputError(f"Nothing is known of how track {lacking} sounds.", "Analyze it again with --missing.")
    a, b = (row for row in rows if row is not None)
    if a == b:
        raise InputError(f"A pair needs two tracks; {pair[0]} was named twice.", "Give a reference and a result.")
    near = search(vectors.standardised, vectors.standardised[a], n=_NEIGHBOURS, exclude=(a, b)).index
    weights = component_weights(facet_weights(None), np.ones(vectors.standardised.shape[1]))
    others = vectors.standardised[np.array([b, *near])]
    squared = squared_by_quality(vectors.standardised[a], others, weights)
    return Click(pair[0], liked, squared[0], squared[1:])


def _are_known(vectors: Vectors, pair: tuple[str, str]) -> bool:
    return all(vectors.row(track) is not None for track in pair)


def _pairs(stored: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
    return [(reference, result) for reference, result in stored]


def _known(catalog: Catalog, name: str | None) -> None:
    names = [taste.name for taste in kept(catalog)]
    if name is not None and name not in names:
        said = f"Known are {', '.join(map(repr, names))}." if names else "Learn one with `workbench tune --like A B`."
        raise InputError(f"There is no taste {name!r}.", said)
