"""Answers to what sounds alike: whole tracks, a way between two, and places in tracks, each with its reasons."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.display import table
from workbench.errors import InputError
from workbench.similarity import regions as segments
from workbench.similarity.duplicates import SAME, alike, identify
from workbench.similarity.embedding import COMPONENTS
from workbench.similarity.explain import Because, explain, in_words
from workbench.similarity.query import Picker, blend, waypoints
from workbench.similarity.search import component_weights, facet_weights, search, search_many
from workbench.similarity.taste import factors_of_components
from workbench.store import tastes
from workbench.store.catalog import Catalog, queries
from workbench.store.indexes import Indexes
from workbench.store.vectors import Vectors

Floats = npt.NDArray[np.float32]

#: So many tracks around a seed track are told apart; beyond, all are as far.
_NEAR_SEEDS = 2000
#: So many more than are needed are looked at first, for versions and for what clumps.
_MORE = 10


@dataclass(frozen=True, slots=True)
class SimilarTracks:
    """The answer to a similarity query.

    Attributes
    ----------
    query : what was asked: ``id`` and ``path``, with ``region`` or ``to`` if one was given, or a ``blend`` of several
    elapsed_ms : how long the search took, milliseconds, decoding of an unknown file included
    results : nearest first, or in the order of the way: ``id, path, score, facets, start_s, end_s, why, because,
        versions, title, artist``
    recall : None if the search was exact, as it always is up to a million tracks. Of an approximate one, the share of
        the nearest tracks that such a search finds, as measured on this library (`Library.search_index`)
    """

    query: dict[str, Any]
    elapsed_ms: float
    results: list[dict[str, Any]]
    recall: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as plain JSON-ready values."""
        return asdict(self)

    def _repr_html_(self) -> str:
        columns = ("score", "title", "artist", "facets", "why", "path")
        return table(self.results, columns, f"{len(self.results)} tracks that sound alike")


@dataclass(frozen=True, slots=True)
class Reference:
    """What a query starts from.

    Attributes
    ----------
    id : of the track; None of a file that is not in the library
    path : of its file
    row : of its vector; None if the library has none
    raw : its raw vector, shape (d,)
    weight : how much it counts beside others, below 0 if the results are to be unlike it
    """

    id: str | None
    path: str
    row: int | None
    raw: Floats
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many results, which, and what counts.

    Attributes
    ----------
    n : how many
    where : only tracks that fit this expression
    weights : factor on the usual weight of a facet
    per_artist, per_album : how many of one at most
    fold : list near-identical versions under the first of them
    """

    n: int
    where: str | None = None
    weights: Mapping[str, float] | None = None
    per_artist: int | None = None
    per_album: int | None = None
    fold: bool = True

    def __post_init__(self) -> None:
        for name in ("n", "per_artist", "per_album"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name}={value}: at least one track must be asked for.", f"Give {name}=1 or more.")


class _Hit(NamedTuple):
    """A track that was found; what it takes to say why is done only for those that are shown."""

    id: str
    row: int  # of its vector; below 0 if it has none
    score: float
    facets: dict[str, float]
    because: Callable[[], list[Because]]
    start_s: float = 0.0
    end_s: float = math.inf


#: Gives the best so many hits.
Ranking = Callable[[int], list[_Hit]]


class _Metric:
    """The vectors of a library, and the weights that a query compares them by, with the taste in use."""

    def __init__(self, indexes: Indexes, wanted: Wanted) -> None:
        self.vectors = indexes.vectors
        self.usual = indexes.usual_differences(self.vectors)
        self.weights = wanted.weights
        self.factors = factors_of_components(tastes.factors_in_use(indexes.catalog))
        self.per_component = component_weights(facet_weights(wanted.weights), self.factors)
        self.mask = indexes.catalog.columns.mask(wanted.where, len(self.vectors.ids)) if wanted.where else None

    def standardise(self, references: Sequence[Reference]) -> Floats:
        """Give the vectors that distances are taken from, shape (k, d)."""
        return self.vectors.scaling.apply(np.stack([reference.raw for reference in references]))

    def query(self, references: Sequence[Reference]) -> Floats:
        """Give the one vector, shape (d,), that is searched for."""
        weights = [reference.weight for reference in references]
        return blend(self.standardise(references), weights, self.vectors.scaling.limit)

    def nearest(
        self, query: Floats, raw: Floats, without: Sequence[int], n: int, *, rows: npt.NDArray[np.int64] | None = None
    ) -> list[_Hit]:
        """Rank tracks, or those in some rows, by their distance from a query, whose raw vector tells the reasons."""
        found = search(
            self.vectors.standardised,
            query,
            n=n,
            mask=self.mask,
            rows=rows,
            weights=self.weights,
            factors=self.factors,
            exclude=without,
        )
        return [
            _Hit(
                self.vectors.ids[row],
                row,
                float(found.score[rank]),
                {name: float(scores[rank]) for name, scores in found.facets.items()},
                partial(self.because, query, raw, row),
            )
            for rank, row in enumerate(found.index.tolist())
        ]

    def measure(self, query: Floats, row: int) -> tuple[float, dict[str, float]]:
        """Give the score of a track, and those of its facets."""
        rows = self.vectors.standardised[row : row + 1]
        found = search(rows, query, n=1, weights=self.weights, factors=self.factors)
        return float(found.score[0]), {name: float(scores[0]) for name, scores in found.facets.items()}

    def because(self, query: Floats, raw: Floats, row: int) -> list[Because]:
        """Say why a track is near or far from a query."""
        difference = self.vectors.standardised[row] - query
        return explain(raw, self.vectors.raw[row], difference, self.per_component, self.usual)


class _Chooser:
    """Turns rankings into results: no clumps, versions under one, each with its record and reasons."""

    def __init__(self, catalog: Catalog, vectors: Vectors, wanted: Wanted) -> None:
        self._catalog, self._vectors = catalog, vectors
        self._records: dict[str, dict[str, Any]] = {}
        self._identities: dict[str, Floats] = {}
        self._fold = wanted.fold
        groups = [(self._name("artist"), wanted.per_artist), (self._name("album"), wanted.per_album)]
        self.picker = Picker(
            wanted.n,
            [(name, most) for name, most in groups if most is not None],
            self._version_of,
        )

    def take(self, rank: Ranking, depth: float = math.inf) -> bool:
        """Choose from one ranking, no deeper than is said, and tell whether all that are wanted were found."""
        for hits in self._pieces(rank, 2 * self.picker.n + _MORE, depth):
            for hit in hits:
                self.picker.offer(hit)
            if self.picker.full:
                return True
        return False

    def take_first(self, rank: Ranking, ends: Floats) -> None:
        """Choose one from a ranking that is no version of what `ends` identifies."""
        for hits in self._pieces(rank, _MORE):
            for hit in hits:
                if not self._is_end(hit, ends) and self.picker.offer(hit):
                    return

    def _is_end(self, hit: _Hit, ends: Floats) -> bool:
        distances = np.linalg.norm(ends - self._identities[hit.id], axis=1)
        own_s = self._records[hit.id]["duration_s"]
        return self._fold and any(alike(distance, (own_s, own_s)) for distance in distances.tolist())

    def _pieces(self, rank: Ranking, n: int, depth: float = math.inf) -> Iterator[list[_Hit]]:
        """Give a ranking piece by piece, `n` hits first; what it takes to choose from it is read with each."""
        seen = 0
        while n <= depth:
            ranking = rank(n)
            records = queries.tracks_by_id(self._catalog, [hit.id for hit in ranking[seen:]])
            hits = [hit for hit in ranking[seen:] if hit.id in records]  # some may have just been removed
            self._records |= records
            self._identities |= zip((hit.id for hit in hits), self._identify(hits), strict=True)
            yield hits
            if len(ranking) < n:
                return
            seen, n = n, 4 * n

    def _identify(self, hits: Sequence[_Hit]) -> Floats:
        """Give what tells which piece each track is; NaN for one without a vector."""
        raw = np.full((len(hits), len(COMPONENTS)), np.nan, dtype=np.float32)
        there = [i for i, hit in enumerate(hits) if hit.row >= 0]
        raw[there] = self._vectors.raw[[hits[i].row for i in there]]
        return identify(raw, self._vectors.scaling)

    def results(self) -> list[dict[str, Any]]:
        """Complete what was chosen by what the catalog knows, and say why."""
        return [self._result(hit, versions) for hit, *versions in self.picker.chosen]

    def _result(self, hit: _Hit, versions: Sequence[_Hit]) -> dict[str, Any]:
        record, because = self._records[hit.id], hit.because()
        return {
            **self._found(hit),
            "why": in_words(because, hit.facets),
            "because": [asdict(reason) for reason in because],
            "versions": [self._found(version) for version in versions],
            "title": record["title"],
            "artist": record["artist"],
        }

    def _found(self, hit: _Hit) -> dict[str, Any]:
        record = self._records[hit.id]
        return {
            "id": hit.id,
            "path": record["path"],
            "score": hit.score,
            "facets": hit.facets,
            "start_s": hit.start_s,
            "end_s": min(hit.end_s, record["duration_s"]),
        }

    def _version_of(self, hit: _Hit, chosen: Sequence[_Hit]) -> int | None:
        if not self._fold or not chosen:
            return None
        there = np.stack([self._identities[other.id] for other in chosen])
        distances = np.linalg.norm(there - self._identities[hit.id], axis=1)
        for i in np.flatnonzero(distances <= SAME).tolist():
            seconds = (self._records[hit.id]["duration_s"], self._records[chosen[i].id]["duration_s"])
            if alike(float(distances[i]), seconds):
                return i
        return None

    def _name(self, column: str) -> Callable[[_Hit], str | None]:
        return lambda hit: (self._records[hit.id][column] or "").strip().casefold() or None


def similar_tracks(
    indexes: Indexes, references: Sequence[Reference], wanted: Wanted
) -> tuple[list[dict[str, Any]], float | None]:
    """Rank whole tracks by their distance from a reference, or from a blend of several.

    In a large library a query by one track looks into cells (`workbench.similarity.cells`) first, as far as what was
    measured of them holds; where that is not enough, and for all other queries, the search is exact.

    Parameters
    ----------
    indexes : Indexes
        The library.
    references : sequence of Reference
        One at least; none of them is found.
    wanted : Wanted
        How many, and which.

    Returns
    -------
    results, recall
        See `SimilarTracks`.
    """
    metric = _Metric(indexes, wanted)
    scaling = metric.vectors.scaling
    query = metric.query(references)
    known = np.isfinite([reference.raw for reference in references]).any(axis=0)
    raw = references[0].raw if len(references) == 1 else np.where(known, scaling.invert(query), np.nan)
    rank = partial(metric.nearest, query, raw, _rows(references))
    cells = indexes.cells_of(metric.vectors) if len(references) == 1 else None
    near = None if cells is None else cells.near(query, metric.per_component, metric.mask)
    if cells is not None and near is not None:
        chooser = _Chooser(indexes.catalog, metric.vectors, wanted)
        if chooser.take(partial(rank, rows=near.rows), near.depth):
            return chooser.results(), cells.recall.recall
    chooser = _Chooser(indexes.catalog, metric.vectors, wanted)
    chooser.take(rank)
    return chooser.results(), None


def place_of_query(indexes: Indexes, references: Sequence[Reference], wanted: Wanted) -> npt.NDArray[np.float64]:
    """Place a query of `similar_tracks` where the plain distance is that of the search: float64, shape (d,)."""
    metric = _Metric(indexes, replace(wanted, where=None))
    return np.asarray(metric.query(references) * np.sqrt(metric.per_component))


def tracks_between(indexes: Indexes, start: Reference, end: Reference, wanted: Wanted) -> list[dict[str, Any]]:
    """Find tracks that lead from one reference to another, each farther on the way than the one before.

    For each of n points, evenly spaced on the straight way between the two, the nearest track is taken that was not
    taken yet and is no version of either end. Scores are nearness to the points; reasons compare each track with the
    one before.

    Parameters as in `similar_tracks`; always exact, since points on the way lie where few tracks are.
    """
    metric = _Metric(indexes, wanted)
    vectors = metric.vectors
    chooser = _Chooser(indexes.catalog, vectors, wanted)
    chosen = chooser.picker.chosen
    first, last = metric.standardise((start, end))
    ends = identify(np.stack([start.raw, end.raw]), vectors.scaling)
    for point in waypoints(first, last, wanted.n):
        without = [*_rows((start, end)), *(hit.row for group in chosen for hit in group)]
        chooser.take_first(partial(metric.nearest, point, start.raw, without), ends)

    way = (last - first) * metric.per_component
    chosen.sort(key=lambda group: float(way @ vectors.standardised[group[0].row]))
    before, raw = first, start.raw
    for group, point in zip(chosen, waypoints(first, last, len(chosen)), strict=True):
        row = group[0].row
        score, facets = metric.measure(point, row)
        group[0] = group[0]._replace(score=score, facets=facets, because=partial(metric.because, before, raw, row))
        before, raw = vectors.standardised[row], vectors.raw[row]
    return chooser.results()


def similar_regions(
    indexes: Indexes, described: Sequence[Floats], length_s: float, reference: str | None, wanted: Wanted
) -> list[dict[str, Any]]:
    """Rank the best place of each track by its distance from a region.

    Parameters
    ----------
    indexes : Indexes
        The library.
    described : sequence of numpy.ndarray
        The region's segments for each of `workbench.similarity.regions.SHIFTS_S`.
    length_s : float
        How long it is, seconds.
    reference : str or None
        Id of the track that it is from, which is not found.
    wanted : Wanted
        How many, and which.

    Returns
    -------
    list of dict
        See `SimilarTracks`; ``start_s`` and ``end_s`` tell where.
    """
    regions = indexes.regions
    allowed = queries.track_ids(indexes.catalog, where=wanted.where) if wanted.where else regions.ids
    narrowed = wanted.where or reference in regions.ids
    pieces = regions.among(track for track in allowed if track != reference) if narrowed else regions.pieces
    encoded = [regions.scaling.encode(one) for one in described]
    weights = segments.component_weights(facet_weights(wanted.weights, segments.FACET_WEIGHTS))
    asked = described[0].mean(axis=0)

    def because(track: int, start_s: float, squared: npt.NDArray[np.float64]) -> list[Because]:
        there = regions.scaling.decode(regions.segments(track, start_s, start_s + length_s)).mean(axis=0)
        difference = np.copysign(np.sqrt(squared), there - asked)
        return explain(asked, there, difference, weights, segments.TYPICAL, segments.COMPONENTS)

    def rank(n: int) -> list[_Hit]:
        found = segments.search_regions(pieces, encoded, n=n, weights=wanted.weights)
        rows = indexes.vectors.rows(regions.ids[track] for track in found.track.tolist()).tolist()
        return [
            _Hit(
                regions.ids[track],
                rows[rank],
                float(found.score[rank]),
                {name: float(scores[rank]) for name, scores in found.facets.items()},
                partial(because, track, start_s, found.squared[rank]),
                start_s,
                start_s + length_s,
            )
            for rank, (track, start_s) in enumerate(zip(found.track.tolist(), found.start_s.tolist(), strict=True))
        ]

    chooser = _Chooser(indexes.catalog, indexes.vectors, wanted)
    chooser.take(rank)
    return chooser.results()


def unlike(indexes: Indexes, seeds: Iterable[str], ids: npt.NDArray[np.str_]) -> npt.NDArray[np.float64] | None:
    """How unlike the seed tracks each track of `ids` sounds, in [0, 1]; one half where it is not known.

    None if nothing is known of the seeds.
    """
    metric = _Metric(indexes, Wanted(1))
    vectors = metric.vectors
    rows = vectors.rows(seeds)
    rows = rows[rows >= 0]
    if not len(rows):
        return None
    score = np.zeros(len(vectors.ids))
    near = search_many(vectors.standardised, vectors.standardised[rows], n=_NEAR_SEEDS, factors=metric.factors)
    for hits in near:
        score = np.maximum(score, hits.score[-1])  # what is further away counts as no nearer than the last
        score[hits.index] = np.maximum(score[hits.index], hits.score)
    found = np.full(len(ids), 0.5)
    there = vectors.rows(ids.tolist())
    known = there >= 0
    found[known] = 1 - score[there[known]]
    return found


def _rows(references: Iterable[Reference]) -> list[int]:
    return [reference.row for reference in references if reference.row is not None]
