"""From a request and the tracks that there are to a playlist.

* `compose` works on a `TrackTable`, so that of a large library only the chosen tracks are ever read as records.
* Candidates are those that pass the filters, and the tracks asked for by id whether they pass or not.
* Of many candidates a short list is searched: those nearest to what the request aims at (`shortlist`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.display import minutes, table
from workbench.errors import InputError
from workbench.features.mood import mood_name
from workbench.playlist.compatibility import NEUTRAL, Transition, cost_matrix, cost_rows, transitions
from workbench.playlist.constraints import (
    CURVE_CORRELATION,
    LENGTH_TOLERANCE,
    Mask,
    all_of,
    curve_correlation,
    curve_targets,
    filters,
    is_flat,
    violations,
)
from workbench.playlist.order import Problem, Spacing, groups_of, solve
from workbench.playlist.request import MAX_TRACKS, PlaylistRequest
from workbench.playlist.table import Codes, Tracks, TrackTable

FloatArray = npt.NDArray[np.float64]

#: Most candidates that are searched, or so many for each track that is wanted.
POOL_LIMIT, POOL_PER_TRACK = 1200, 4
#: So many times as many are looked at to choose them.
GLANCE = 60
#: What the curve counts against one transition, which costs at most 1.
CURVE_WEIGHT = 2.0
#: Departure from the curve, in energy, that counts half of that.
CURVE_STEP = 0.1
#: What being unlike the seed tracks counts against one transition.
LIKE_WEIGHT = 1.0
#: What a pair of one artist or album costs that is too near: where a gap is asked for, and where none is.
CLASH_COST, CLUMP_COST = 10.0, 0.25
#: A seed shifts each track's own cost by up to this much, against at most 1 for a transition.
_VARIETY = 0.15
#: How many lengths are tried to come near to the minutes asked for.
_LENGTH_TRIES = 5
#: How often the curve's weight is doubled where the order neglects it.
_CURVE_TRIES = 3


@dataclass(frozen=True, slots=True)
class Playlist:
    """An ordered choice of tracks, with what it costs and what it could not do.

    Attributes
    ----------
    request : what was asked for
    tracks : catalog records in order, no id twice
    transitions : one per pair of neighbours
    violations : one dict per constraint that is not met: ``constraint wanted got remedy`` (and ``track``)
    cost : sum of the transitions' costs, of the departures from the curve and from the seed tracks, and of what
        stands too near to its like
    targets : energy aimed at in each position; None without a curve
    """

    request: PlaylistRequest
    tracks: list[dict[str, Any]]
    transitions: list[Transition]
    violations: list[dict[str, Any]]
    cost: float
    targets: list[float] | None = None

    def _repr_html_(self) -> str:
        """Show the tracks in order, each with the step to the next, and what is not met."""
        steps = [*self.transitions, None]
        rows = [
            {
                **track,
                "#": position,
                "BPM to the next": step and step.bpm_change,
                "key to the next": step and step.key_relation,
            }
            for position, (track, step) in enumerate(zip(self.tracks, steps, strict=False), 1)
        ]
        length = minutes(sum(track.get("duration_s") or 0 for track in self.tracks))
        unmet = [
            f"{one['constraint']}: asked {one['wanted']}, got {one['got']}. {one['remedy']}" for one in self.violations
        ]
        columns = ("#", "title", "artist", "bpm", "key", "energy", "duration_s", "BPM to the next", "key to the next")
        return table(rows, columns, f"{len(rows)} tracks, {length}", *unmet)

    @property
    def ids(self) -> list[Any]:
        """Ids of the tracks, in order."""
        return [track["id"] for track in self.tracks]

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as plain JSON-ready values."""
        return {
            "request": self.request.asked_for(),
            "tracks": [dict(track) for track in self.tracks],
            "transitions": [asdict(step) for step in self.transitions],
            "violations": [dict(violation) for violation in self.violations],
            "cost": self.cost,
            "targets": self.targets,
        }


@dataclass(frozen=True, slots=True)
class Order:
    """What `compose` decides.

    Attributes
    ----------
    rows : rows of the table, in order, none twice
    cost, targets : see `Playlist`
    passing : which tracks met each filter, see `workbench.playlist.constraints.filters`
    problem : what was minimised, over the short list
    sequence : the answer to it
    """

    rows: Codes
    cost: float
    targets: list[float] | None
    passing: dict[str, Mask]
    problem: Problem
    sequence: Codes

    def playlist(self, request: PlaylistRequest, table: TrackTable, records: list[dict[str, Any]]) -> Playlist:
        """Put it into words, with the catalog records of the rows."""
        if request.ranked:
            records = [
                {**record, "energy": None if np.isnan(energy) else float(energy), "mood": mood_name(valence, arousal)}
                for record, energy, valence, arousal in zip(
                    records,
                    *(values[self.rows] for values in (table.energy, table.valence, table.arousal)),
                    strict=True,
                )
            ]
        return Playlist(
            request=request,
            tracks=records,
            transitions=transitions(records, table.take(self.rows), request.rules),
            violations=violations(records, self.rows, request, table, self.passing),
            cost=self.cost,
            targets=self.targets,
        )


def build(tracks: Tracks, request: PlaylistRequest) -> Playlist:
    """Choose tracks that meet a request and put them in the order that flows best.

    Parameters
    ----------
    tracks : sequence of mappings
        Catalog records: ``id duration_s bpm bpm_confidence key key_strength energy mood
        loudness_lufs artist album`` and whatever else; None is not known. Their order does not matter.
    request : PlaylistRequest
        Without ``like`` and ``where``, which take the sound of the tracks and a catalog: see
        `workbench.Library.playlist`.

    Returns
    -------
    Playlist
        With fewer tracks than asked for, and saying so, rather than a track twice.

    Raises
    ------
    InputError
        When there is no track with an id that was asked for.

    Examples
    --------
    >>> tracks = [{"id": i, "bpm": 100 + i, "key": "A minor", "energy": i / 4} for i in range(4)]
    >>> playlist = build(tracks, PlaylistRequest(n=4, curve="rise"))
    >>> playlist.ids, playlist.transitions[0].key_relation
    ([0, 1, 2, 3], 'same key')
    """
    table = TrackTable.of(tracks)
    if request.ranked:
        table = table.ranked()
    order = compose(table, request)
    by_id = {str(track["id"]): track for track in reversed(tracks)}
    return order.playlist(request, table, [dict(by_id[str(table.ids[row])]) for row in order.rows])


def compose(
    table: TrackTable, request: PlaylistRequest, *, unlike: FloatArray | None = None, fits: Mask | None = None
) -> Order:
    """Choose and order rows of a table.

    Parameters
    ----------
    table : TrackTable
        n tracks.
    request : PlaylistRequest
    unlike : numpy.ndarray, optional
        How unlike the seed tracks each track is, in [0, 1], shape (n,).
    fits : numpy.ndarray, optional
        Which tracks fit the request's ``where``, bool, shape (n,).

    Raises
    ------
    InputError
        When there is no track with an id that was asked for.
    """
    asked = _asked_rows(table, request)
    passing = filters(table, request, fits)
    passed = table.order[all_of(passing.values(), table)[table.order]] if passing else table.order
    candidates = np.union1d(shortlist(table, passed, request, list(asked.values()), unlike), list(asked.values()))
    candidates = candidates.astype(np.int64)
    by_id = candidates[np.argsort(table.ids[candidates])]  # wherever they lie, the same tracks make the same playlist
    search = _Search(table, by_id, request, asked, unlike)
    problem, sequence = search.solve()
    return Order(
        rows=search.candidates[sequence],
        cost=round(replace(problem, place=search.place(problem.n, variety=False)).cost(sequence), 6),
        targets=None if search.targets is None else [round(float(t), 4) for t in search.targets],
        passing=passing,
        problem=problem,
        sequence=sequence,
    )


def _asked_rows(table: TrackTable, request: PlaylistRequest) -> dict[str, int]:
    """Row of each track asked for by id."""
    rows = {}
    names = {"start": (request.start,), "end": (request.end,)}
    names |= {name: getattr(request, name) for name in ("waypoints", "slots", "include", "like")}
    for name, tracks in names.items():
        for track in (track for track in tracks if track is not None):
            row = table.row(track)
            if row is None:
                raise InputError(
                    f"{name}: there is no track with the id {track!r}.", "Take an id from the list of tracks."
                )
            if name != "like":
                rows[str(track)] = row
    return rows


def shortlist(
    table: TrackTable, passed: Codes, request: PlaylistRequest, asked: list[int], unlike: FloatArray | None
) -> Codes:
    """Choose the candidates to search from the rows that pass the filters, given in ascending order of their ids.

    Half are those that go best with what is aimed at: the tracks asked for, else one drawn at random, spread
    along the curve if there is one; the rest is drawn at random. With seed tracks, first the most like them.
    """
    limit = max(POOL_LIMIT, POOL_PER_TRACK * (request.wanted_n or 0))
    if len(passed) <= limit:
        return passed
    rng = np.random.default_rng(request.seed or 0)
    if unlike is not None:
        passed = passed[np.argsort(unlike[passed], kind="stable")[: 2 * limit]]
    if len(passed) > GLANCE * limit:
        passed = passed[np.sort(rng.choice(len(passed), GLANCE * limit, replace=False))]
    homes = asked[:8] or [int(rng.choice(passed))]
    rules = replace(
        request.rules, weights=request.rules.weights.model_copy(update={"energy": 0.0} if request.curve else {})
    )
    away = cost_rows(table, np.array(homes), rules, to=passed).min(axis=0)
    near = _nearest(away, table.energy[passed], request.curve, limit // 2)
    rest = np.delete(passed, near)
    return np.union1d(passed[near], rng.choice(rest, limit - len(near), replace=False))


def _nearest(away: npt.NDArray[np.float32], energy: FloatArray, curve: Any, count: int) -> Codes:
    """Positions of the least `away`; along a curve, of those around each energy that it passes."""
    targets = curve_targets(curve, 20, energy)
    if targets is None:
        few = np.flatnonzero(away <= np.partition(away, count)[count])
        return few[np.argsort(away[few], kind="stable")[:count]]
    order = np.argsort(energy, kind="stable")  # what is not known comes last
    each, found = count // len(targets), []
    for middle in np.searchsorted(energy[order], targets):
        around = order[max(0, middle - 10 * each) : middle + 10 * each]
        found.append(around[np.argsort(away[around], kind="stable")[:each]])
    return np.unique(np.concatenate(found))


class _Search:
    """The candidates of one request as arrays, and the lengths and weights that are tried on them."""

    def __init__(
        self,
        table: TrackTable,
        candidates: Codes,
        request: PlaylistRequest,
        asked: Mapping[str, int],
        unlike: FloatArray | None,
    ) -> None:
        self.request = request
        self.candidates = candidates
        self.table = table.take(candidates)
        self.pair = cost_matrix(self.table, request.rules)
        self.asked = {track: int(np.flatnonzero(candidates == row)[0]) for track, row in asked.items()}
        self.unlike = None if unlike is None else LIKE_WEIGHT * unlike[candidates]
        self.noise = None
        if request.seed is not None:
            self.noise = _VARIETY * np.random.default_rng(request.seed).random(len(candidates))
        self.targets: FloatArray | None = None
        self.curve_weight = CURVE_WEIGHT
        self.spacings = tuple(
            Spacing(groups_of(codes), 1 if gap is None else gap, CLUMP_COST if gap is None else CLASH_COST)
            for gap, codes in ((request.artist_gap, self.table.artist), (request.album_gap, self.table.album))
            if gap != 0 and len(np.unique(codes)) > 1
        )

    def solve(self) -> tuple[Problem, Codes]:
        """Find the order; where it neglects the curve, let the curve count for more."""
        problem, sequence = self._solve_for_length()
        for _ in range(_CURVE_TRIES):
            if self._follows(sequence):
                break
            self.curve_weight *= 2
            other_problem, other = self._solve_for_length()
            if self._correlation(other) > self._correlation(sequence) + 1e-3:
                problem, sequence = other_problem, other
        self.curve_weight = CURVE_WEIGHT
        self._problem(problem.n)  # whose targets are those of the answer
        return problem, sequence

    def place(self, n: int, *, variety: bool = True) -> FloatArray:
        """Cost of each candidate in each of n positions, shape (n, N)."""
        size = len(self.candidates)
        own = np.zeros(size) if self.unlike is None else self.unlike
        if variety and self.noise is not None:
            own = own + self.noise
        if self.targets is None:
            return np.tile(own, (n, 1))
        distance = np.abs(self.table.energy - self.targets[:, None])
        return own + self.curve_weight * np.nan_to_num(distance / (distance + CURVE_STEP), nan=NEUTRAL)

    def _follows(self, sequence: Codes) -> bool:
        if self.request.curve is None or self.targets is None or is_flat(self.request.curve):
            return True
        return self._correlation(sequence) >= CURVE_CORRELATION

    def _correlation(self, sequence: Codes) -> float:
        curve = self.request.curve
        found = None if curve is None else curve_correlation(self.table.energy[sequence], curve)
        return 1.0 if found is None else found

    def _problem(self, n: int) -> Problem:
        self.targets = curve_targets(self.request.curve, n, self.table.energy)
        fixed = {position: self.asked[str(track)] for position, track in self.request.positions(n).items()} if n else {}
        problem = Problem(
            pair=self.pair,
            place=self.place(n),
            fixed=fixed,
            required=frozenset(self.asked.values()) - set(fixed.values()),
            spacings=self.spacings,
        )
        if self.request.minutes is not None:
            problem.durations = np.nan_to_num(self.table.duration_s)
            problem.wanted_s = self.request.minutes * 60
            # aim inside the tolerance that is reported, so that rounding never tips it over
            problem.tolerance_s = 0.9 * LENGTH_TOLERANCE * problem.wanted_s
        return problem

    def _solve_for_length(self) -> tuple[Problem, Codes]:
        """Solve for n tracks, or for the number of tracks that comes nearest to the minutes asked for."""
        size = len(self.candidates)
        if self.request.minutes is None:
            problem = self._problem(min(self.request.wanted_n or 0, size))
            return problem, solve(problem)
        wanted_s = self.request.minutes * 60
        least, most = min(max(len(self.asked), 1), size), min(size, MAX_TRACKS)
        typical = float(np.nanmedian(self.table.duration_s)) if (self.table.duration_s > 0).any() else 0.0
        n = int(np.clip(round(wanted_s / typical) if typical > 0 else least, least, most))
        tried: dict[int, tuple[float, float, Problem, Codes]] = {}
        while n not in tried and len(tried) < _LENGTH_TRIES:
            problem = self._problem(n)
            sequence = solve(problem)
            total = problem.total_s(sequence)
            tried[n] = (float(problem.miss(total)), problem.cost(sequence), problem, sequence)
            if tried[n][0] == 0:
                break
            short = wanted_s - total
            step = round(short * n / total) if total > 0 else 0
            n = int(np.clip(n + (step or (1 if short > 0 else -1)), least, most))
        best = min(tried, key=lambda n: tried[n][:2])
        return tried[best][2:]
