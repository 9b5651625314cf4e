"""Which tracks a request lets through, what its energy curve looks like, and what could not be met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.playlist.compatibility import column, key_codes
from workbench.playlist.keys import compatible_keys, parse_key
from workbench.playlist.request import Curve, PlaylistRequest

Tracks = Sequence[Mapping[str, Any]]

#: A playlist asked for in minutes may miss them by this share.
LENGTH_TOLERANCE = 0.05
#: Least correlation of energy with a rise, fall or arc; below it the curve counts as missed.
CURVE_CORRELATION = 0.7
#: Largest standard deviation of energy that still counts as flat.
FLAT_DEVIATION = 0.1

#: The column that each filter looks at, where it is not of the same name.
_COLUMN = {"minutes": "duration_s"}


def filters(tracks: Tracks, request: PlaylistRequest) -> dict[str, npt.NDArray[np.bool_]]:
    """Tell which tracks meet each constraint of the request.

    Parameters
    ----------
    tracks : sequence of n catalog records
    request : PlaylistRequest

    Returns
    -------
    dict
        Name of an active constraint to bool, shape (n,). A value that is not known meets none.
    """
    passing: dict[str, npt.NDArray[np.bool_]] = {}
    if request.mood is not None:
        moods = set(request.mood)
        passing["mood"] = np.array([track.get("mood") in moods for track in tracks], dtype=bool)
    if request.energy is not None:
        passing["energy"] = _within(column(tracks, "energy"), request.energy)
    if request.bpm is not None:
        bpm = column(tracks, "bpm")
        factors = (1.0, 0.5, 2.0) if request.half_double else (1.0,)
        passing["bpm"] = np.logical_or.reduce([_within(bpm * factor, request.bpm) for factor in factors])
    if request.key is not None:
        key = parse_key(request.key)
        wanted = compatible_keys(key) if request.compatible_keys else (key,)
        passing["key"] = np.isin(key_codes(tracks), [each.index for each in wanted])
    if request.minutes is not None:
        passing["minutes"] = column(tracks, "duration_s") > 0
    return passing


def shape_of(curve: Curve, n: int) -> npt.NDArray[np.float64]:
    """Draw a curve through n positions, shape (n,), from 0 (lowest energy) to 1 (highest)."""
    t = np.linspace(0.0, 1.0, n) if n > 1 else np.zeros(n)
    shapes = {"flat": np.full(n, 0.5), "rise": t, "fall": 1.0 - t, "arc": np.sin(np.pi * t)}
    return shapes[curve]


def curve_targets(curve: Curve | None, n: int, energy: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64] | None:
    """Energy to aim at in each position.

    The curve spans what the candidates have to offer, their 5th to 95th percentile, so that a
    single odd track does not stretch it.

    Parameters
    ----------
    curve : str or None
    n : int
        Number of positions.
    energy : numpy.ndarray, shape (m,)
        Energies of the candidates; NaN where not known.

    Returns
    -------
    numpy.ndarray or None
        Shape (n,); None without a curve or without any known energy.
    """
    known = energy[~np.isnan(energy)]
    if curve is None or not known.size:
        return None
    low, high = (float(bound) for bound in np.quantile(known, (0.05, 0.95)))
    return low + (high - low) * shape_of(curve, n)


def curve_correlation(energy: npt.NDArray[np.floating[Any]], curve: Curve) -> float | None:
    """Pearson correlation of energies, in order, with a rise, fall or arc; None when it cannot be told."""
    shape = shape_of(curve, len(energy))
    known = ~np.isnan(energy)
    a, b = energy[known].astype(float), shape[known]
    if len(a) < 2 or np.ptp(a) < 1e-6 or np.ptp(b) < 1e-6:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def violations(
    chosen: Tracks, request: PlaylistRequest, pool: Tracks, passing: Mapping[str, npt.NDArray[np.bool_]]
) -> list[dict[str, Any]]:
    """List every constraint that a playlist does not meet.

    Parameters
    ----------
    chosen : the playlist, in order
    request : what was asked for
    pool : every track that there was to choose from
    passing : `filters` of the pool

    Returns
    -------
    list of dict
        ``constraint``, ``wanted``, ``got``, ``remedy``; and ``track``, the id, where one is to blame.
    """
    found = _outside(chosen, request)
    if request.n is not None and len(chosen) < request.n:
        found.append(_violation("n", request.n, len(chosen), _how_to_get_more(request, pool, passing)))
    if request.minutes is not None:
        minutes = float(np.nansum(column(chosen, "duration_s"))) / 60
        if abs(minutes - request.minutes) > LENGTH_TOLERANCE * request.minutes:
            remedy = (
                _how_to_get_more(request, pool, passing)
                if minutes < request.minutes
                else "No choice of whole tracks comes nearer: ask for another length."
            )
            found.append(_violation("minutes", request.minutes, round(minutes, 2), remedy))
    if request.curve is not None and len(chosen) > 1:
        found.extend(_missed_curve(chosen, request.curve))
    return found


def _within(values: npt.NDArray[np.float64], bounds: tuple[float, float]) -> npt.NDArray[np.bool_]:
    inside: npt.NDArray[np.bool_] = (values >= bounds[0]) & (values <= bounds[1])
    return inside


def _violation(constraint: str, wanted: Any, got: Any, remedy: str) -> dict[str, Any]:
    listed = list(wanted) if isinstance(wanted, tuple) else wanted
    return {"constraint": constraint, "wanted": listed, "got": got, "remedy": remedy}


def _outside(chosen: Tracks, request: PlaylistRequest) -> list[dict[str, Any]]:
    """Tracks that do not meet a filter: only a start or end asked for by id can be one."""
    found = []
    for name, passed in filters(chosen, request).items():
        value = _COLUMN.get(name, name)
        wanted = getattr(request, name)
        for track in (track for track, ok in zip(chosen, passed, strict=True) if not ok):
            got = track.get(value)
            why = f"its {value} is not known" if got is None else f"{name} leaves it out"
            remedy = f"Track {track['id']} was asked for by id, but {why}: choose another, or change {name}."
            found.append(_violation(name, wanted, got, remedy) | {"track": track["id"]})
    return found


def _missed_curve(chosen: Tracks, curve: Curve) -> list[dict[str, Any]]:
    energy = column(chosen, "energy")
    remedy = "Too few tracks of the right energy pass the filters: widen them, or ask for fewer tracks."
    if np.isnan(energy).all():
        return [_violation("curve", curve, None, "The energy of these tracks is not known: leave the curve out.")]
    if curve == "flat":
        deviation = float(np.nanstd(energy))
        missed = deviation > FLAT_DEVIATION
        return [_violation("curve", curve, f"standard deviation {deviation:.2f}", remedy)] if missed else []
    correlation = curve_correlation(energy, curve)
    if correlation is None:
        return [_violation("curve", curve, "no change of energy that could be judged", remedy)]
    missed = correlation < CURVE_CORRELATION
    return [_violation("curve", curve, f"correlation {correlation:.2f}", remedy)] if missed else []


def _how_to_get_more(request: PlaylistRequest, pool: Tracks, passing: Mapping[str, npt.NDArray[np.bool_]]) -> str:
    """Name the filter whose removal lets the most tracks through."""
    if not passing or not pool:
        return f"The library has {len(pool)} tracks to choose from: ask for less, or analyze more."
    everything = _all_of(passing.values(), len(pool))
    gained = {
        name: _all_of((mask for other, mask in passing.items() if other != name), len(pool)) & ~everything
        for name in passing
    }
    best = max(gained, key=lambda name: int(gained[name].sum()))
    gain, value = int(gained[best].sum()), _COLUMN.get(best, best)
    if not gain:
        return f"No track meets {' and '.join(passing)}: widen more than one of them, or analyze more tracks."
    unknown = sum(pool[i].get(value) is None for i in np.flatnonzero(gained[best]).tolist())
    note = f" ({unknown} of them because their {value} is not known)" if unknown else ""
    return f"{best} alone leaves out {gain} tracks that meet the rest{note}: widen it."


def _all_of(masks: Iterable[npt.NDArray[np.bool_]], size: int) -> npt.NDArray[np.bool_]:
    met: npt.NDArray[np.bool_] = np.logical_and.reduce([np.ones(size, dtype=bool), *masks])
    return met
