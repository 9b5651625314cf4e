"""What it costs a listener to go from one track to the next.

Five terms, each in [0, 1], and one half where it is neither good nor bad:

========  ====================================  ===============================================================
term      half-way point                        reason
========  ====================================  ===============================================================
tempo     a ratio of 6 %, or as asked           the smallest tempo range of a disc jockey's player (Pioneer DJ CDJ
                                                manuals: ±6, ±10, ±16 %, wide): within it two records can be
                                                brought to one tempo on any of them
key       two steps on the Camelot wheel        M. Davis's wheel (1991) and the moves that its users make; or by the
                                                notes that two keys share, see `KEY_DISTANCES`; scaled by how sure
                                                both keys are
energy    a step of 0.2 of the whole scale      a choice of ours: five steps from the calmest to the wildest
timbre    the distance of two random tracks     from the end of one to the start of the next
                                                (`workbench.playlist.edges`)
loudness  a step of 6 LU                        a doubling of amplitude, for which a listener reaches for the knob;
                                                a choice of ours
========  ====================================  ===============================================================

A distance ``d`` with half-way point ``h`` costs ``d / (d + h)``: it never saturates, so a search
always sees which of two bad steps is the worse. A value that is not known costs one half, and a
key or tempo that is only half sure is drawn half-way towards it: the unknown neither helps nor hurts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from workbench.playlist.costs import Measured, add_costs
from workbench.playlist.keys import Key, fifths_between, parse_key, relation
from workbench.playlist.table import Floats, Tracks, TrackTable

NEUTRAL = 0.5
PITCH_PERCENT = 6.0
ENERGY_STEP = 0.2
LOUDNESS_STEP_LU = 6.0
#: Root mean square distance of two random tracks in components of variance one.
TIMBRE_STEP = 2.0**0.5

KeyDistance = Literal["camelot", "fifths"]

#: Cost by distance on the wheel, the letter kept. Two hours ("energy boost") and five (a semitone) are
#: known moves of disc jockeys; the semitone costs less than its distance; the tritone, six hours, costs all.
_KEY_COST = {0: 0.0, 1: 0.1, 2: 0.5, 3: 0.8, 4: 0.9, 5: 0.7, 6: 1.0}
#: The same where the letter changes: 0 is the relative key, 1 the diagonal.
_MODE_CHANGE_COST = {0: 0.1, 1: 0.4, 2: 0.7, 3: 0.8, 4: 0.9, 5: 1.0, 6: 1.0}
#: From minor to major on the same tonic, or back: four notes of seven are shared, and the tonic is.
_PARALLEL_COST = 0.5

#: Rows of a table.
Rows = npt.NDArray[np.int64] | slice

_Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Weights(BaseModel):
    """How much each term counts; only their ratios matter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tempo: _Weight = 1.0
    key: _Weight = 1.0
    energy: _Weight = 0.7
    timbre: _Weight = 0.7
    loudness: _Weight = 0.3

    @model_validator(mode="after")
    def _some(self) -> Weights:
        if not any(dict(self).values()):
            raise ValueError("all are zero; give at least one a weight above 0")
        return self


@dataclass(frozen=True, slots=True)
class Rules:
    """How the cost of a transition is counted.

    Attributes
    ----------
    weights : how much each term counts
    half_double : True to count half and double tempo as the same
    pitch_percent : how far the tempo of a track can be changed; a ratio of so much costs one half
    key_distance : one of `KEY_DISTANCES`
    """

    weights: Weights = field(default_factory=Weights)
    half_double: bool = False
    pitch_percent: float = PITCH_PERCENT
    key_distance: KeyDistance = "camelot"


@dataclass(frozen=True, slots=True)
class Transition:
    """The step between two neighbours of a playlist.

    Attributes
    ----------
    bpm_change : beats per minute, positive when the second track is faster; None when not known
    key_relation : in words, for example ``same key`` or ``up a fifth``; None when not known
    cost : in [0, 1], 0 when nothing changes
    terms : the cost of each term, in [0, 1]; the weighted mean of them is the cost
    """

    bpm_change: float | None
    key_relation: str | None
    cost: float
    terms: dict[str, float] = field(default_factory=dict)


def term_rows(table: TrackTable, rows: Rows, rules: Rules) -> Iterator[tuple[str, float, Floats]]:
    """Give each term of the cost of going from some tracks to every track.

    Parameters
    ----------
    table : TrackTable
        n tracks.
    rows : numpy.ndarray of int64, shape (m,), or slice
        Where to go from.
    rules : Rules

    Yields
    ------
    (str, float, numpy.ndarray)
        Name, weight as a share of all weights, and values, float32, shape (m, n), in [0, 1]. Timbre is left out
        where the table knows none.
    """
    for name, share in _shares(table, rules).items():
        yield name, share, _TERMS[name](table, rows, rules)


def _shares(table: TrackTable, rules: Rules) -> dict[str, float]:
    """Weight of each term that counts, as a share of all weights."""
    weights = dict(rules.weights)
    if not table.start.shape[1]:
        del weights["timbre"]
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight > 0}


def cost_rows(table: TrackTable, rows: Rows, rules: Rules | None = None, *, to: Rows = slice(None)) -> Floats:
    """Cost of going from some tracks to others: the sum of `term_rows`, weighted.

    Parameters
    ----------
    table, rows, rules
        See `term_rows`.
    to : numpy.ndarray of int64, shape (n,), or slice
        Where to go; default is to every track.

    Returns
    -------
    numpy.ndarray
        float32, shape (m, n), in [0, 1]; the cost from a track to itself is not meant to be used.
    """
    rules = rules or Rules()
    leaving, entering = _measured(table, rows, table.end), _measured(table, to, table.start)
    shares = _shares(table, rules)
    cost = np.zeros((len(leaving.keys), len(entering.keys)), dtype=np.float32)
    half_ways = {**_HALF_WAYS, "tempo": np.log1p(rules.pitch_percent / 100)}
    add_costs(
        cost, leaving, entering,
        np.array([shares.get(name, 0.0) for name in _TERMS], dtype=np.float32),
        np.array([half_ways.get(name, 0.0) for name in _TERMS], dtype=np.float32),
        KEY_DISTANCES[rules.key_distance], rules.half_double,
    )  # fmt: skip
    return cost


def _measured(table: TrackTable, rows: Rows, edges: Floats) -> Measured:
    """Give what `add_costs` needs of some rows."""
    numbers = (np.nan_to_num(np.log(table.bpm[rows])), table.bpm_trust[rows], table.key_trust[rows])
    more = (table.energy[rows], table.loudness[rows])
    some = edges[rows] if isinstance(rows, slice) else edges.take(rows, axis=0)  # thrice as fast as an index
    return Measured(
        np.array((*numbers, *more), dtype=np.float32),
        np.array(np.maximum(table.key[rows], 0)),
        np.ascontiguousarray(np.asarray(some).T),
    )


def cost_matrix(tracks: Tracks | TrackTable, rules: Rules | None = None) -> Floats:
    """Cost of every transition between tracks.

    Parameters
    ----------
    tracks : sequence of catalog records, or TrackTable
        Records are sorted by their id.
    rules : Rules, optional

    Returns
    -------
    numpy.ndarray
        float32, shape (n, n), in [0, 1], from row to column; symmetric but for timbre.

    Examples
    --------
    >>> calm = {"bpm": 100, "key": "A minor", "energy": 0.3, "loudness_lufs": -14}
    >>> cost_matrix([{"id": 1, **calm}, {"id": 2, **calm}, {"id": 3}]).round(2)[0].tolist()
    [0.0, 0.0, 0.5]
    """
    table = tracks if isinstance(tracks, TrackTable) else TrackTable.of(tracks)
    return cost_rows(table, slice(None), rules)


def transitions(records: Tracks, table: TrackTable, rules: Rules) -> list[Transition]:
    """Describe the steps between neighbours.

    Parameters
    ----------
    records, table
        The same tracks in the order of the playlist, as catalog records and as columns.
    rules : Rules
    """
    found = [(name, share, np.diagonal(term, 1).tolist()) for name, share, term in term_rows(table, slice(None), rules)]
    steps = []
    for i, (a, b) in enumerate(itertools.pairwise(records)):
        cost = sum(share * term[i] for _, share, term in found)
        steps.append(_transition(a, b, cost, {name: round(term[i], 4) for name, _, term in found}))
    return steps


def _transition(a: Mapping[str, Any], b: Mapping[str, Any], cost: float, terms: dict[str, float]) -> Transition:
    known_tempo = a.get("bpm") is not None and b.get("bpm") is not None
    known_key = a.get("key") is not None and b.get("key") is not None
    return Transition(
        bpm_change=round(float(b["bpm"]) - float(a["bpm"]), 2) if known_tempo else None,
        key_relation=relation(parse_key(a["key"]), parse_key(b["key"])) if known_key else None,
        cost=round(cost, 4),
        terms=terms,
    )


def _saturating(distance: Floats, half_way: float) -> Floats:
    distance /= distance + np.float32(half_way)
    return distance


def _towards_neutral(term: Floats, trust: Floats) -> Floats:
    term -= np.float32(NEUTRAL)
    term *= trust
    term += np.float32(NEUTRAL)
    return term


def _neutral_where_unknown(term: Floats) -> Floats:
    term[np.isnan(term)] = NEUTRAL
    return term


def _difference(values: npt.NDArray[np.float64], rows: Rows) -> Floats:
    narrow = values.astype(np.float32)
    distance: Floats = narrow[rows][:, None] - narrow
    return np.abs(distance, out=distance)


def _tempo(table: TrackTable, rows: Rows, rules: Rules) -> Floats:
    known = np.nan_to_num(np.log(table.bpm))  # what is not known has no trust
    distance = _difference(known, rows)
    if rules.half_double:
        distance = np.minimum(distance, np.abs(distance - np.float32(np.log(2))))
    term = _saturating(distance, float(np.log1p(rules.pitch_percent / 100)))
    return _towards_neutral(term, np.minimum(table.bpm_trust[rows][:, None], table.bpm_trust))


def _key(table: TrackTable, rows: Rows, rules: Rules) -> Floats:
    known = np.maximum(table.key, 0)
    term = KEY_DISTANCES[rules.key_distance][known[rows]][:, known]
    return _towards_neutral(term, np.minimum(table.key_trust[rows][:, None], table.key_trust))


def _energy(table: TrackTable, rows: Rows, rules: Rules) -> Floats:
    return _neutral_where_unknown(_saturating(_difference(table.energy, rows), ENERGY_STEP))


def _loudness(table: TrackTable, rows: Rows, rules: Rules) -> Floats:
    return _neutral_where_unknown(_saturating(_difference(table.loudness, rows), LOUDNESS_STEP_LU))


def _timbre(table: TrackTable, rows: Rows, rules: Rules) -> Floats:
    left, right = table.end[rows], table.start
    squares = np.zeros((len(left), len(right)), dtype=np.float32)
    for component in range(right.shape[1]):  # summed in this order wherever it is computed
        squares += np.square(left[:, component, None] - right[:, component])
    squares /= np.float32(right.shape[1])
    return _neutral_where_unknown(_saturating(np.sqrt(squares, out=squares), TIMBRE_STEP))


#: In the order of `workbench.playlist.costs.add_costs`.
_TERMS = {"tempo": _tempo, "key": _key, "energy": _energy, "timbre": _timbre, "loudness": _loudness}
#: Distance that costs one half, where it is always the same.
_HALF_WAYS = {"energy": ENERGY_STEP, "timbre": TIMBRE_STEP, "loudness": LOUDNESS_STEP_LU}


def _camelot_cost(a: Key, b: Key) -> float:
    steps = abs(fifths_between(a, b))
    if a.minor == b.minor:
        return _KEY_COST[steps]
    return _PARALLEL_COST if a.tonic == b.tonic else _MODE_CHANGE_COST[steps]


def _fifths_cost(a: Key, b: Key) -> float:
    return abs(fifths_between(a, b)) / 6


_KEYS = [Key(tonic, minor) for minor in (False, True) for tonic in range(12)]

#: Cost between any two of the 24 keys, float32, shape (24, 24), by what it goes by: ``camelot``, the moves of disc
#: jockeys; ``fifths``, the steps on the circle of fifths, one more note that differs at each, as a share of six.
KEY_DISTANCES: dict[KeyDistance, Floats] = {
    "camelot": np.array([[_camelot_cost(a, b) for b in _KEYS] for a in _KEYS], dtype=np.float32),
    "fifths": np.array([[_fifths_cost(a, b) for b in _KEYS] for a in _KEYS], dtype=np.float32),
}
