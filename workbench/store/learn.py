"""Columns that are learned from labels: what people said of some tracks, told of all of them.

A label with a name and a value is an example, of a whole track or of a part of one; of several authors the last counts.
Where a whole track was labelled, its column says what people said, with the confidence 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from workbench.errors import InputError
from workbench.similarity.classify import Report, Rows, cross_validate, farthest, most_uncertain, train
from workbench.similarity.regions import embed_part
from workbench.store.catalog import Catalog
from workbench.store.catalog.engine import raise_version
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import LabelColumn, Track
from workbench.store.catalog.queries import tracks_by_id
from workbench.store.labels import KeptLabel, kept_labels
from workbench.store.playlists import check_name
from workbench.store.regions import Regions
from workbench.store.vectors import Vectors

Floats = npt.NDArray[np.float32]
#: Opens the segments of a library, which only labels of parts need.
OpenRegions = Callable[[], Regions]

#: Tracks that are looked at at once; and of how many at most the next to be labelled is chosen.
_AT_ONCE, _ENOUGH = 20_000, 20_000


@dataclass(frozen=True, slots=True)
class LearnedColumn:
    """A column that was learned from labels.

    Attributes
    ----------
    name : of the labels; an expression names it ``label.name``
    counts : how many tracks have each value
    report : what the classifier is worth, see `workbench.similarity.classify.Report`; None where nothing can be said
    """

    name: str
    counts: dict[str, int]
    report: Report | None


@dataclass(frozen=True, slots=True)
class Learned:
    """What a column says of a track."""

    value: str
    confidence: float


@dataclass(frozen=True, slots=True)
class _Examples:
    """What was labelled: tracks, by id, standardised vectors of them or of their parts, shape (n, d), and values."""

    ids: list[str]
    vectors: Floats
    values: list[str]


def report_on(catalog: Catalog, vectors: Vectors, regions: OpenRegions, name: str) -> Report | None:
    """Tell how well the values of a label are recognised; None where there are too few examples to tell."""
    found = _examples(catalog, vectors, regions, name)
    known = tracks_by_id(catalog, found.ids)
    artists = [known[track]["artist"] if track in known else None for track in found.ids]
    # parts of a track stay together, whoever made it
    kept_together = [artist or track for artist, track in zip(artists, found.ids, strict=True)]
    return cross_validate(found.vectors, found.values, kept_together)


def apply_labels(catalog: Catalog, vectors: Vectors, regions: OpenRegions, name: str) -> LearnedColumn:
    """Learn a label from its examples and write what follows for all tracks as a column; one of the name is replaced.

    Raises
    ------
    InputError
        When there are not examples of two values.
    """
    check_name(name)
    found = _examples(catalog, vectors, regions, name)
    classifier = train(found.vectors, found.values)
    column: dict[str, tuple[str, float]] = {}
    for some in _pieces(np.flatnonzero(vectors.known)):
        likely = classifier.probabilities(np.asarray(vectors.standardised[some]))
        best = likely.argmax(axis=1)
        for track, value, confidence in zip(vectors.ids.take(some), best, likely.max(axis=1), strict=True):
            column[track] = (classifier.values[value], float(confidence))
    column |= {track: (value, 1.0) for track, value in _said(catalog, name).items()}
    _write(catalog, name, column)
    counts: dict[str, int] = {}
    for value, _ in column.values():
        counts[value] = counts.get(value, 0) + 1
    return LearnedColumn(name, dict(sorted(counts.items())), report_on(catalog, vectors, regions, name))


@lasting
def _write(catalog: Catalog, name: str, column: dict[str, tuple[str, float]]) -> None:
    rows = list(column.items())
    with catalog.write() as connection:
        there = set(connection.execute(sa.select(Track.id)).scalars())
        connection.execute(sa.delete(LabelColumn).where(LabelColumn.name == name))
        for first in range(0, len(rows), _AT_ONCE):
            some = [
                {"name": name, "track_id": track, "value": value, "confidence": confidence}
                for track, (value, confidence) in rows[first : first + _AT_ONCE]
                if track in there
            ]
            if some:
                connection.execute(sa.insert(LabelColumn), some)
        raise_version(connection)  # filters that were answered before are not answered so again


@lasting
def forget_column(catalog: Catalog, name: str) -> None:
    """Delete a learned column; the labels stay. `InputError` when there is none of that name."""
    with catalog.write() as connection:
        gone = connection.execute(sa.delete(LabelColumn).where(LabelColumn.name == name))
        if not gone.rowcount:
            raise InputError(f"There is no learned column {name!r}.", "`workbench labels` lists them.")
        raise_version(connection)


@lasting
def columns(catalog: Catalog) -> dict[str, dict[str, int]]:
    """Learned columns by name, with how many tracks have each value."""
    table = LabelColumn.__table__
    statement = sa.select(table.c.name, table.c.value, sa.func.count()).group_by(table.c.name, table.c.value)
    found: dict[str, dict[str, int]] = {}
    with catalog.read() as connection:
        for name, value, n in connection.execute(statement.order_by(table.c.name, table.c.value)):
            found.setdefault(name, {})[value] = n
    return found


@lasting
def values_of(catalog: Catalog, name: str, track_ids: Sequence[str] | None = None) -> dict[str, Learned]:
    """Give what a column says of some tracks, or of all, by id."""
    table = LabelColumn.__table__
    statement = sa.select(table.c.track_id, table.c.value, table.c.confidence).where(table.c.name == name)
    if track_ids is not None:
        statement = statement.where(table.c.track_id.in_(list(track_ids)))
    with catalog.read() as connection:
        return {row[0]: Learned(row[1], row[2]) for row in connection.execute(statement)}


def next_to_label(catalog: Catalog, vectors: Vectors, regions: OpenRegions, name: str, n: int) -> list[str]:
    """Give the tracks whose label would teach the most, most useful first; those with a label are left out."""
    said = _said(catalog, name)
    rows = np.flatnonzero(vectors.known)
    rows = rows[~np.isin(rows, vectors.rows(said))]
    rows = rows[:: 1 + len(rows) // _ENOUGH]  # of a hundred thousand, some are as useful as the most useful one
    if not len(rows):
        return []
    found = _examples(catalog, vectors, regions, name)
    places = np.asarray(vectors.standardised[rows])
    if len(set(found.values)) < 2:
        chosen = farthest(places, found.vectors, n)
    else:
        chosen = most_uncertain(train(found.vectors, found.values).probabilities(places), n)
    return vectors.ids.take(rows[chosen])


def _said(catalog: Catalog, name: str) -> dict[str, str]:
    """Give what people say of whole tracks under a name, by track."""
    return {one.track: str(one.value) for one in _labels(catalog, name) if one.start_s is None}


def _labels(catalog: Catalog, name: str) -> list[KeptLabel]:
    """Give the labels of a name that say something, the last word on each track or part of one."""
    said = [one for one in kept_labels(catalog, name=name) if one.value is not None]
    said.sort(key=lambda one: one.labelled_at)
    return list({(one.track, one.start_s, one.end_s): one for one in said}.values())


def _examples(catalog: Catalog, vectors: Vectors, regions: OpenRegions, name: str) -> _Examples:
    """Give what was labelled and has a vector; `regions` is opened where parts were."""
    labels = _labels(catalog, name)
    rows = vectors.rows(one.track for one in labels)
    known = [(one, row) for one, row in zip(labels, rows.tolist(), strict=True) if row >= 0]
    whole = [(one, row) for one, row in known if one.start_s is None]
    in_parts = [(one, row) for one, row in known if one.start_s is not None]
    parts = _parts(regions(), in_parts, vectors) if in_parts else []
    found = [one for one, _ in whole] + [one for one, _ in parts]
    places = [np.asarray(vectors.standardised[np.array([row for _, row in whole], dtype=np.int64)])]
    if parts:
        places.append(vectors.scaling.apply(np.stack([raw for _, raw in parts])))
    return _Examples([one.track for one in found], np.concatenate(places), [str(one.value) for one in found])


def _parts(
    regions: Regions, labels: Sequence[tuple[KeptLabel, int]], vectors: Vectors
) -> list[tuple[KeptLabel, Floats]]:
    """Give the raw vectors of parts of tracks; those of tracks without segments are left out."""
    wanted = {one.track for one, _ in labels}
    number = {track: i for i, track in enumerate(regions.ids) if track in wanted}
    found = []
    for one, row in labels:
        if one.track in number and len(seconds := regions.track(number[one.track])) and one.end_s is not None:
            part = regions.segments(number[one.track], one.start_s or 0.0, one.end_s)
            decode = regions.scaling.decode
            found.append((one, embed_part(vectors.raw[row], decode(seconds), decode(part))))
    return found


def _pieces(rows: Rows) -> Iterable[Rows]:
    return (rows[first : first + _AT_ONCE] for first in range(0, len(rows), _AT_ONCE))
