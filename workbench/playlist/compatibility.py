"""What it costs a listener to go from one track to the next.

Four terms, each in [0, 1], symmetric, and one half where it is neither good nor bad:

========  ====================================  ===============================================================
term      half-way point                        reason
========  ====================================  ===============================================================
tempo     a ratio of 6 %                        the smallest tempo range of a disc jockey's player (Pioneer DJ CDJ
                                                manuals: ±6, ±10, ±16 %, wide): within it two records can be
                                                brought to one tempo on any of them
key       two steps on the Camelot wheel        M. Davis's wheel (1991) and the moves that its users make; scaled
                                                by how sure both keys are
energy    a step of 0.2 of the whole scale      a choice of ours: five steps from the calmest to the wildest
loudness  a step of 6 LU                        a doubling of amplitude, for which a listener reaches for the knob;
                                                a choice of ours
========  ====================================  ===============================================================

A distance ``d`` with half-way point ``h`` costs ``d / (d + h)``: it never saturates, so a search
always sees which of two bad steps is the worse. A value that is not known costs one half, and a
key or tempo that is only half sure is drawn half-way towards it: the unknown neither helps nor hurts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.playlist.keys import Key, fifths_between, parse_key, relation

NEUTRAL = 0.5
PITCH_RANGE = 0.06
ENERGY_STEP = 0.2
LOUDNESS_STEP_LU = 6.0

#: Cost by distance on the wheel, the letter kept. Two hours ("energy boost") and five (a semitone) are
#: known moves of disc jockeys; the semitone costs less than its distance; the tritone, six hours, costs all.
_KEY_COST = {0: 0.0, 1: 0.1, 2: 0.5, 3: 0.8, 4: 0.9, 5: 0.7, 6: 1.0}
#: The same where the letter changes: 0 is the relative key, 1 the diagonal.
_MODE_CHANGE_COST = {0: 0.1, 1: 0.4, 2: 0.7, 3: 0.8, 4: 0.9, 5: 1.0, 6: 1.0}
#: From minor to major on the same tonic, or back: four notes of seven are shared, and the tonic is.
_PARALLEL_COST = 0.5


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each term counts; only their ratios matter."""

    tempo: float = 1.0
    key: float = 1.0
    energy: float = 0.7
    loudness: float = 0.3


@dataclass(frozen=True, slots=True)
class TrackTable:
    """The columns of tracks that compatibility looks at, as arrays of one length.

    Attributes
    ----------
    log_bpm : natural logarithm of the tempo, float32, NaN where not known
    bpm_trust, key_trust : confidence in tempo and key in [0, 1], float32, 0 where not known
    key : `Key.index`, int64, 0 where not known
    energy : in [0, 1], float32, NaN where not known
    loudness : LUFS, float32, NaN where not known
    """

    log_bpm: npt.NDArray[np.float32]
    bpm_trust: npt.NDArray[np.float32]
    key: npt.NDArray[np.int64]
    key_trust: npt.NDArray[np.float32]
    energy: npt.NDArray[np.float32]
    loudness: npt.NDArray[np.float32]

    @classmethod
    def of(cls, tracks: Sequence[Mapping[str, Any]]) -> TrackTable:
        """Read the columns from catalog records."""
        bpm = column(tracks, "bpm")
        known_tempo = bpm > 0
        codes = key_codes(tracks)
        return cls(
            log_bpm=np.log(np.where(known_tempo, bpm, np.nan)).astype(np.float32),
            bpm_trust=_trust(column(tracks, "bpm_confidence"), known_tempo),
            key=np.maximum(codes, 0),
            key_trust=_trust(column(tracks, "key_strength"), codes >= 0),
            energy=column(tracks, "energy").astype(np.float32),
            loudness=column(tracks, "loudness_lufs").astype(np.float32),
        )

    def __len__(self) -> int:
        return len(self.log_bpm)


@dataclass(frozen=True, slots=True)
class Transition:
    """The step between two neighbours of a playlist.

    Attributes
    ----------
    bpm_change : beats per minute, positive when the second track is faster; None when not known
    key_relation : in words, for example ``same key`` or ``up a fifth``; None when not known
    cost : in [0, 1], 0 when nothing changes
    """

    bpm_change: float | None
    key_relation: str | None
    cost: float


def column(tracks: Sequence[Mapping[str, Any]], name: str) -> npt.NDArray[np.float64]:
    """Read a numeric column of catalog records, shape (n,), NaN where a value is None or absent."""
    return np.array([track.get(name) for track in tracks], dtype=np.float64)


def key_codes(tracks: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.int64]:
    """Read the keys of catalog records as `Key.index`, shape (n,); -1 where not known."""
    names: dict[str | None, int] = {None: -1}
    for name in {track.get("key") for track in tracks} - {None}:
        names[name] = parse_key(str(name)).index
    return np.array([names[track.get("key")] for track in tracks], dtype=np.int64)


def cost_rows(
    table: TrackTable,
    rows: npt.ArrayLike,
    *,
    weights: Weights | None = None,
    half_double: bool = False,
) -> npt.NDArray[np.float32]:
    """Cost of going from some tracks to every track.

    Parameters
    ----------
    table : TrackTable
        n tracks.
    rows : array_like of int, shape (m,)
        Where to go from.
    weights : Weights, optional
        How much each term counts.
    half_double : bool
        True to count half and double tempo as the same.

    Returns
    -------
    numpy.ndarray
        float32, shape (m, n), in [0, 1]; the cost from a track to itself is not meant to be used.
    """
    weights = weights or Weights()
    i = np.atleast_1d(np.asarray(rows, dtype=np.int64))[:, None]
    terms = (
        (weights.tempo, _tempo_term(table, i, half_double)),
        (weights.key, _key_term(table, i)),
        (weights.energy, _step_term(table.energy, i, ENERGY_STEP)),
        (weights.loudness, _step_term(table.loudness, i, LOUDNESS_STEP_LU)),
    )
    total = sum(weight for weight, _ in terms)
    if total <= 0 or min(weight for weight, _ in terms) < 0:
        raise ValueError("the weights of compatibility must not be negative, and not all zero")
    cost = np.zeros((len(i), len(table)), dtype=np.float32)
    for weight, term in terms:
        cost += np.float32(weight / total) * term
    return cost


def cost_matrix(
    tracks: Sequence[Mapping[str, Any]] | TrackTable, *, weights: Weights | None = None, half_double: bool = False
) -> npt.NDArray[np.float32]:
    """Cost of every transition between tracks.

    Parameters
    ----------
    tracks : sequence of catalog records, or TrackTable
        Uses ``bpm bpm_confidence key key_strength energy loudness_lufs``; None is not known.
    weights, half_double
        See `cost_rows`.

    Returns
    -------
    numpy.ndarray
        float32, shape (n, n), in [0, 1], symmetric.

    Examples
    --------
    >>> calm = {"bpm": 100, "key": "A minor", "energy": 0.3, "loudness_lufs": -14}
    >>> cost_matrix([calm, dict(calm), {}]).round(2)[0].tolist()
    [0.0, 0.0, 0.5]
    """
    table = tracks if isinstance(tracks, TrackTable) else TrackTable.of(tracks)
    return cost_rows(table, np.arange(len(table)), weights=weights, half_double=half_double)


def transition(a: Mapping[str, Any], b: Mapping[str, Any], cost: float) -> Transition:
    """Put the step from one catalog record to the next into words."""
    known_tempo = a.get("bpm") is not None and b.get("bpm") is not None
    known_key = a.get("key") is not None and b.get("key") is not None
    return Transition(
        bpm_change=round(float(b["bpm"]) - float(a["bpm"]), 2) if known_tempo else None,
        key_relation=relation(parse_key(a["key"]), parse_key(b["key"])) if known_key else None,
        cost=round(float(cost), 4),
    )


def _trust(confidence: npt.NDArray[np.float64], known: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Confidence in [0, 1]: full where a value came without one, none where there is no value."""
    given = np.where(np.isnan(confidence), 1, np.clip(confidence, 0, 1))
    return np.where(known, given, 0).astype(np.float32)


def _saturating(distance: npt.NDArray[np.float32], half_way: float) -> npt.NDArray[np.float32]:
    cost: npt.NDArray[np.float32] = distance / (distance + np.float32(half_way))
    return cost


def _towards_neutral(term: npt.NDArray[np.float32], trust: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    drawn: npt.NDArray[np.float32] = np.float32(NEUTRAL) + trust * (term - np.float32(NEUTRAL))
    return drawn


def _tempo_term(table: TrackTable, i: npt.NDArray[np.int64], half_double: bool) -> npt.NDArray[np.float32]:
    distance = np.abs(table.log_bpm[i] - table.log_bpm)
    if half_double:
        octave = np.float32(np.log(2))
        distance = np.minimum(distance, np.abs(distance - octave))
    term = _saturating(np.nan_to_num(distance, nan=0.0), float(np.log1p(PITCH_RANGE)))
    return _towards_neutral(term, np.minimum(table.bpm_trust[i], table.bpm_trust))


def _key_term(table: TrackTable, i: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    return _towards_neutral(_KEY_TABLE[table.key[i], table.key], np.minimum(table.key_trust[i], table.key_trust))


def _step_term(values: npt.NDArray[np.float32], i: npt.NDArray[np.int64], half_way: float) -> npt.NDArray[np.float32]:
    return np.nan_to_num(_saturating(np.abs(values[i] - values), half_way), nan=NEUTRAL)


def _key_cost(a: Key, b: Key) -> float:
    steps = abs(fifths_between(a, b))
    if a.minor == b.minor:
        return _KEY_COST[steps]
    return _PARALLEL_COST if a.tonic == b.tonic else _MODE_CHANGE_COST[steps]


_KEYS = [Key(tonic, minor) for minor in (False, True) for tonic in range(12)]
#: Cost between any two of the 24 keys, shape (24, 24).
_KEY_TABLE = np.array([[_key_cost(a, b) for b in _KEYS] for a in _KEYS], dtype=np.float32)
