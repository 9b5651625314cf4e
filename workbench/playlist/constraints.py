"""Which tracks a request lets through, what its energy curve looks like, and what could not be met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.features.mood import MOODS
from workbench.playlist.keys import compatible_keys, parse_key
from workbench.playlist.request import PlaylistRequest
from workbench.playlist.table import UNKNOWN, Codes, Doubles, Tracks, TrackTable, artist_code

Mask = npt.NDArray[np.bool_]

#: A playlist asked for in minutes may miss them by this share.
LENGTH_TOLERANCE = 0.05
#: Least correlation of energy with the curve; below it the curve counts as missed.
CURVE_CORRELATION = 0.9
#: Largest standard deviation of energy that still counts as flat.
FLAT_DEVIATION = 0.1

#: The column that each filter looks at, where it is not of the same name.
_COLUMN = {"minutes": "duration_s", "artists": "artist", "without_artists": "artist"}


def filters(table: TrackTable, request: PlaylistRequest, fits: Mask | None = None) -> dict[str, Mask]:
    """Tell which tracks meet each constraint of the request.

    Parameters
    ----------
    table : TrackTable
        n tracks.
    request : PlaylistRequest
    fits : numpy.ndarray, optional
        Which tracks fit its ``where``, bool, shape (n,).

    Returns
    -------
    dict
        Name of an active constraint to bool, shape (n,). A value that is not known meets none.
    """
    passing: dict[str, Mask] = {} if fits is None else {"where": fits}
    if request.mood is not None:
        codes = list(MOODS)
        passing["mood"] = np.isin(table.mood, [codes.index(mood) for mood in request.mood])
    if request.energy is not None:
        passing["energy"] = _within(table.energy, request.energy)
    if request.bpm is not None:
        factors = (1.0, 0.5, 2.0) if request.half_double else (1.0,)
        passing["bpm"] = np.logical_or.reduce([_within(table.bpm * f, request.bpm) for f in factors])
    if request.key is not None:
        key = parse_key(request.key)
        wanted = compatible_keys(key) if request.compatible_keys else (key,)
        passing["key"] = np.isin(table.key, [each.index for each in wanted])
    if request.minutes is not None:
        passing["minutes"] = table.duration_s > 0
    if request.artists:
        passing["artists"] = np.isin(table.artist, [artist_code(name) for name in request.artists])
    if request.without_artists:
        passing["without_artists"] = ~np.isin(table.artist, [artist_code(name) for name in request.without_artists])
    if request.exclude:
        passing["exclude"] = np.ones(len(table), dtype=bool)
        passing["exclude"][[row for row in map(table.row, request.exclude) if row is not None]] = False
    return passing


def shape_of(curve: str | tuple[float, ...], n: int) -> npt.NDArray[np.float64]:
    """Draw a curve through n positions, shape (n,): named ones from 0 (lowest energy) to 1, points as they are."""
    t = np.linspace(0.0, 1.0, n) if n > 1 else np.zeros(n)
    if not isinstance(curve, str):
        return np.interp(t, np.linspace(0.0, 1.0, len(curve)), curve)
    shapes = {"flat": np.full(n, 0.5), "rise": t, "fall": 1.0 - t, "arc": np.sin(np.pi * t)}
    return shapes[curve]


def curve_targets(
    curve: str | tuple[float, ...] | None, n: int, energy: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.float64] | None:
    """Energy to aim at in each position.

    A named curve spans what the candidates have to offer, their 5th to 95th percentile, so that a
    single odd track does not stretch it. Points are energies.

    Parameters
    ----------
    curve : str, tuple of float or None
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
    if not isinstance(curve, str):
        return shape_of(curve, n)
    low, high = (float(bound) for bound in np.quantile(known, (0.05, 0.95)))
    return low + (high - low) * shape_of(curve, n)


def curve_correlation(energy: npt.NDArray[np.floating[Any]], curve: str | tuple[float, ...]) -> float | None:
    """Pearson correlation of energies, in order, with a curve; None when it cannot be told."""
    shape = shape_of(curve, len(energy))
    known = ~np.isnan(energy)
    a, b = energy[known].astype(float), shape[known]
    if len(a) < 2 or np.ptp(a) < 1e-6 or np.ptp(b) < 1e-6:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def is_flat(curve: str | tuple[float, ...]) -> bool:
    """Tell whether a curve goes neither up nor down."""
    return curve == "flat" or (not isinstance(curve, str) and len(set(curve)) == 1)


def clashes(codes: Codes, gap: int) -> int:
    """Count the pairs of tracks of one artist or album, by `codes` in order, with fewer than `gap` others between."""
    return sum(
        int(((codes[apart:] == codes[:-apart]) & (codes[apart:] != UNKNOWN)).sum())
        for apart in range(1, min(gap, len(codes) - 1) + 1)
    )


def violations(
    chosen: Tracks, rows: Codes, request: PlaylistRequest, table: TrackTable, passing: Mapping[str, Mask]
) -> list[dict[str, Any]]:
    """List every constraint that a playlist does not meet.

    Parameters
    ----------
    chosen, rows : the playlist in order, as catalog records and as rows of the table
    request : what was asked for
    table : every track that there was to choose from
    passing : `filters` of the table

    Returns
    -------
    list of dict
        ``constraint``, ``wanted``, ``got``, ``remedy``; and ``track``, the id, where one is to blame.
    """
    found = _outside(chosen, rows, request, passing)
    if request.wanted_n is not None and len(chosen) < request.wanted_n:
        found.append(_violation("n", request.wanted_n, len(chosen), _how_to_get_more(request, table, passing)))
    if request.minutes is not None:
        found.extend(_missed_length(request, table, rows, passing))
    if request.curve is not None and len(chosen) > 1:
        found.extend(_missed_curve(table.energy[rows], request.curve))
    for name, codes in (("artist_gap", table.artist[rows]), ("album_gap", table.album[rows])):
        gap = getattr(request, name)
        if gap and (pairs := clashes(codes, gap)):
            found.append(_violation(name, gap, f"{pairs} pairs nearer", _how_to_space(name, codes, gap)))
    return found


def _within(values: Doubles, bounds: tuple[float, float]) -> Mask:
    inside: Mask = (values >= bounds[0]) & (values <= bounds[1])
    return inside


def _violation(constraint: str, wanted: Any, got: Any, remedy: str) -> dict[str, Any]:
    listed = list(wanted) if isinstance(wanted, tuple) else wanted
    return {"constraint": constraint, "wanted": listed, "got": got, "remedy": remedy}


def _outside(
    chosen: Tracks, rows: Codes, request: PlaylistRequest, passing: Mapping[str, Mask]
) -> list[dict[str, Any]]:
    """Tracks that do not meet a filter: only one asked for by id can be one."""
    found = []
    for name, passed in passing.items():
        value = _COLUMN.get(name, name)
        wanted = getattr(request, name)
        for track in (track for track, ok in zip(chosen, passed[rows], strict=True) if not ok):
            got = track.get(value)
            why = f"its {value} is not known" if got is None and value in track else f"{name} leaves it out"
            remedy = f"Track {track['id']} was asked for by id, but {why}: choose another, or change {name}."
            found.append(_violation(name, wanted, got, remedy) | {"track": track["id"]})
    return found


def _missed_length(
    request: PlaylistRequest, table: TrackTable, rows: Codes, passing: Mapping[str, Mask]
) -> list[dict[str, Any]]:
    wanted = request.minutes or 0.0
    minutes = float(np.nansum(table.duration_s[rows])) / 60
    if abs(minutes - wanted) <= LENGTH_TOLERANCE * wanted:
        return []
    if minutes < wanted and len(rows) == int(all_of(passing.values(), table).sum()):
        remedy = _how_to_get_more(request, table, passing)
    else:
        remedy = "No choice of whole tracks comes nearer: ask for another length."
    return [_violation("minutes", request.minutes, round(minutes, 2), remedy)]


def _missed_curve(energy: Doubles, curve: str | tuple[float, ...]) -> list[dict[str, Any]]:
    remedy = "Too few tracks of the right energy pass the filters: widen them, or ask for fewer tracks."
    if np.isnan(energy).all():
        return [_violation("curve", curve, None, "The energy of these tracks is not known: leave the curve out.")]
    if is_flat(curve):
        deviation = float(np.nanstd(energy))
        missed = deviation > FLAT_DEVIATION
        return [_violation("curve", curve, f"standard deviation {deviation:.2f}", remedy)] if missed else []
    correlation = curve_correlation(energy, curve)
    if correlation is None:
        return [_violation("curve", curve, "no change of energy that could be judged", remedy)]
    missed = correlation < CURVE_CORRELATION
    return [_violation("curve", curve, f"correlation {correlation:.2f}", remedy)] if missed else []


def _how_to_space(name: str, codes: Codes, gap: int) -> str:
    """Name the largest gap that this playlist keeps."""
    kept = max(g for g in range(gap) if not clashes(codes, g))
    what = name.removesuffix("_gap")
    return f"Too few tracks by different {what}s fit: set {name} to {kept}, widen the filters, or ask for fewer tracks."


def _how_to_get_more(request: PlaylistRequest, table: TrackTable, passing: Mapping[str, Mask]) -> str:
    """Name the filter whose removal lets the most tracks through."""
    size = len(table.order)
    if not passing or not size:
        return f"The library has {size} tracks to choose from: ask for less, or analyze more."
    everything = all_of(passing.values(), table)
    gained = {
        name: all_of((mask for other, mask in passing.items() if other != name), table) & ~everything
        for name in passing
    }
    best = max(gained, key=lambda name: int(gained[name].sum()))
    gain = int(gained[best].sum())
    if not gain:
        return f"No track meets {' and '.join(passing)}: widen more than one of them, or analyze more tracks."
    if best == "exclude":
        return f"{gain} tracks that meet the rest are excluded: exclude fewer."
    if best == "where":
        return f"where alone leaves out {gain} tracks that meet the rest: widen it."
    values = getattr(table, _COLUMN.get(best, best))[gained[best]]
    unknown = int((values == UNKNOWN).sum() + np.isnan(values).sum())
    note = f" ({unknown} of them because their {_COLUMN.get(best, best)} is not known)" if unknown else ""
    return f"{best} alone leaves out {gain} tracks that meet the rest{note}: widen it."


def all_of(masks: Iterable[Mask], table: TrackTable) -> Mask:
    """Tell which rows that count meet all of several constraints."""
    met: Mask = np.logical_and.reduce([table.counting, *masks])
    return met
