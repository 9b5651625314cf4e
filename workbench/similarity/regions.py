"""Finding a few seconds anywhere in a library: stored segments compared one after another.

A region is a run of segments of one second each. It seldom begins where a stored segment does, so it is described
several times, begun a little later each time (`SHIFTS_S`), and the best of these counts. Over every place of every
track the mean squared distance of corresponding segments is computed, block by block: exact, and at constant memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.features.key import PITCH_CLASSES
from workbench.similarity import embedding
from workbench.similarity.search import facet_weights

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int8]

#: Raised when anything here changes: what is kept on disk goes by it.
VERSION = 1

#: Seconds from the beginning of a region at which its segments may begin.
SHIFTS_S = (0.0, 0.25, 0.5, 0.75)

#: Segments that are compared at most, spread over a longer region.
MOST_SEGMENTS = 16

#: Segments compared at once: 32768 of 44 float32 are 6 MB.
BLOCK = 1 << 15

#: Stored arrays that segments are described from.
SEGMENTS = (
    "segments/mfcc",
    "segments/spectral_contrast",
    "segments/spectral_centroid",
    "segments/spectral_flatness",
    "segments/zero_crossing_rate",
    "segments/spectral_flux",
    "segments/onset_strength",
    "segments/chroma",
    "segments/rms",
)

#: Components by facet: MFCC 1 to 19, contrast, centroid, flatness and crossings; flux and onsets; chroma; level.
FACETS: dict[str, slice] = {
    "timbre": slice(0, 29),
    "rhythm": slice(29, 31),
    "harmony": slice(31, 43),
    "dynamics": slice(43, 44),
}
SIZE = 44

#: Names of the components; those that `explain` speaks of have the names that they have in the embedding.
COMPONENTS = (
    *(f"mfcc_{i}_mean" for i in range(1, 20)),
    *(f"spectral_contrast_{i}_mean" for i in range(7)),
    *("spectral_centroid_by_energy_mean", "spectral_flatness_by_energy_mean", "zero_crossing_rate_mean"),
    *("spectral_flux_mean", "onset_strength_mean"),
    *(f"chroma_{name}_mean" for name in PITCH_CLASSES),
    "loudness",
)

#: How much each facet counts if nothing else is asked for. Of a few seconds, level and onsets tell least: of 200 cuts
#: of music, moved by up to half a semitone and 6 dB, most are found with these (`scripts/prove_regions.py`).
FACET_WEIGHTS = {"timbre": 4.0, "rhythm": 0.05, "harmony": 1.0, "dynamics": 0.02}

#: Squared difference that two segments drawn at random have in each component, of a deviation of one.
TYPICAL = np.full(SIZE, 2.0)

_STEPS = 31.75  # codes per deviation: ±4 deviations fit int8


def describe_segments(segments: Mapping[str, Floats]) -> Floats:
    """Describe each second of a track.

    Parameters
    ----------
    segments : mapping
        Path of each of `SEGMENTS` to its values, one row per second; NaN where missing.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_segments, `SIZE`), in decibels, octaves and shares; NaN where missing.
    """
    mfcc, contrast, centroid, flatness, crossings, flux, onsets, chroma, rms = (segments[path] for path in SEGMENTS)
    columns = (
        mfcc[:, 1:],
        contrast,
        np.log2(np.maximum(centroid, 20.0)),
        np.log2(np.maximum(flatness, 1e-6)),
        np.log2(np.maximum(crossings, 1e-3)),
        np.log2(np.maximum(flux, 1e-3)),
        np.log2(np.maximum(onsets, 0.01)),
        chroma,
        20 * np.log10(np.maximum(rms, 1e-5)),
    )
    return np.concatenate([c if c.ndim == 2 else c[:, None] for c in columns], axis=1, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class SegmentScaling:
    """How segments are standardised: median and spread of each component over a library, shape (`SIZE`,) each."""

    centre: Floats
    spread: Floats

    def encode(self, segments: Floats) -> Codes:
        """Standardise, clip to ±4 deviations and round to steps of 1/32: int8, the same shape; what is missing is 0."""
        scaled = (segments - self.centre) / self.spread * np.float32(_STEPS)
        return np.asarray(np.nan_to_num(np.clip(np.rint(scaled), -127, 127), nan=0.0), dtype=np.int8)

    def decode(self, codes: Codes) -> Floats:
        """Give segments back, to a 32nd of a deviation; the library's median for what was missing."""
        return np.asarray(levels(codes) * self.spread + self.centre, dtype=np.float32)


def levels(codes: Codes) -> Floats:
    """Give codes as deviations, float32, the same shape."""
    return np.asarray(codes / np.float32(_STEPS), dtype=np.float32)


def fit_segment_scaling(segments: Floats) -> SegmentScaling:
    """Fit the standardisation to segments of a library, shape (n, `SIZE`); a sample of them is enough."""
    if not len(segments):
        return SegmentScaling(np.zeros(SIZE, np.float32), np.ones(SIZE, np.float32))
    low, middle, high = np.nan_to_num(np.nanquantile(segments, (0.25, 0.5, 0.75), axis=0))
    return SegmentScaling(middle.astype(np.float32), np.maximum((high - low) / 1.349, 1e-3).astype(np.float32))


def embed_part(whole: Floats, seconds: Floats, part: Floats) -> Floats:
    """Give the raw vector of a part of a track: that of the track, moved by what the part differs from all of it.

    So a part is comparable with whole tracks, although not everything is known of it: what seconds do not tell, such
    as tempo, is what it is in the track. Means are weighted by energy, as most of those of the vector are.

    Parameters
    ----------
    whole : numpy.ndarray
        Raw vector of the track (`workbench.similarity.embedding.embed`), shape (d,).
    seconds, part : numpy.ndarray
        Segments of the track, and those of the part (`describe_segments`), shape (n, `SIZE`) and (m, `SIZE`), finite.

    Returns
    -------
    numpy.ndarray
        float32, shape (d,); NaN where the track's is.

    Examples
    --------
    >>> whole, seconds = np.zeros(len(embedding.COMPONENTS), np.float32), np.zeros((8, SIZE), np.float32)
    >>> seconds[:4, COMPONENTS.index("spectral_centroid_by_energy_mean")] = 2.0
    >>> moved = embed_part(whole, seconds, seconds[:4])
    >>> float(moved[embedding.COMPONENTS.index("spectral_centroid_by_energy_mean")])  # an octave brighter
    1.0
    """
    moved = whole.copy()
    moved[_IN_VECTOR] += (_mean(part) - _mean(seconds))[_IN_SEGMENT]
    moved[_RANKED] = np.sort(moved[_CHROMA])
    return moved


def _mean(segments: Floats) -> Floats:
    energy = 10 ** (segments[:, -1].astype(np.float64) / 10)
    return np.asarray(np.average(segments, axis=0, weights=energy), dtype=np.float32)


def _same_in_vector() -> tuple[list[int], list[int]]:
    """Give the components of a vector that a segment has too, however they are weighted, and which ones these are."""
    own = {name.replace("_by_energy", ""): i for i, name in enumerate(COMPONENTS)}
    names = [name.replace("_by_energy", "") for name in embedding.COMPONENTS]
    there = [i for i, name in enumerate(names) if name in own]
    return there, [own[names[i]] for i in there]


_IN_VECTOR, _IN_SEGMENT = _same_in_vector()
_CHROMA = [embedding.COMPONENTS.index(f"chroma_{name}_mean") for name in PITCH_CLASSES]
_RANKED = [i for i, name in enumerate(embedding.COMPONENTS) if name.startswith("chroma_") and name.endswith("_ranked")]


@dataclass(frozen=True, slots=True)
class RegionHits:
    """The best place in each of the best tracks, the nearest first.

    Attributes
    ----------
    track : row of the track, int64, shape (m,)
    start_s : where the region begins in it, seconds, float64, shape (m,)
    distance : weighted root mean square of the facets' distances, float64, shape (m,)
    score : ``1 / (1 + distance)``
    facets : facet to its own score, unweighted
    squared : mean squared difference of each component, before weights, float64, shape (m, `SIZE`)
    """

    track: npt.NDArray[np.int64]
    start_s: npt.NDArray[np.float64]
    distance: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]
    facets: dict[str, npt.NDArray[np.float64]]
    squared: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.track)


@dataclass(frozen=True, slots=True)
class Piece:
    """Segments of some tracks, one track after another.

    Attributes
    ----------
    codes : int8, shape (n_segments, `SIZE`), maybe a memmap (`SegmentScaling.encode`)
    offsets : shape (n_tracks + 1,): track i has the segments from ``offsets[i]`` to ``offsets[i + 1]``
    rows : shape (n_tracks,): number of each track in the library; -1 for one that is not to be found
    """

    codes: Codes
    offsets: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]


def search_regions(
    pieces: Iterable[Piece], query: Sequence[Codes], *, n: int, weights: Mapping[str, float] | None = None
) -> RegionHits:
    """Find where in which tracks a region sounds most alike.

    Parameters
    ----------
    pieces : iterable of Piece
        The library's segments.
    query : sequence of numpy.ndarray
        The segments of the region for each of `SHIFTS_S`, int8, shape (m, `SIZE`), m >= 1; there may be fewer
        descriptions than shifts.
    n : int
        How many tracks at most.
    weights : mapping, optional
        Factor on the usual weight of a facet (`FACET_WEIGHTS`), >= 0; a facet that is not named has 1.

    Returns
    -------
    RegionHits
        One place per track; a track shorter than the region is compared as far as it goes.

    Raises
    ------
    InputError
        On an unknown facet or a weight that is not allowed.

    Examples
    --------
    >>> codes = np.arange(10 * SIZE, dtype=np.int64).astype(np.int8).reshape(10, SIZE)
    >>> piece = Piece(codes, np.array([0, 4, 10]), np.array([7, 8]))
    >>> hits = search_regions([piece], [codes[6:8]], n=1)
    >>> int(hits.track[0]), float(hits.start_s[0]), float(hits.score[0])
    (8, 2.0, 1.0)
    """
    weight = facet_weights(weights, FACET_WEIGHTS)
    patterns = [_Pattern(segments, weight) for segments in query]
    best: list[_Match] = []
    for piece in pieces:
        for first, last in _blocks_of_tracks(piece.offsets):
            best = sorted([*best, *_matches(piece, first, last, patterns, n)])[:n]
    return _hits(best)


def component_weights(weight: Mapping[str, float]) -> npt.NDArray[np.float64]:
    """Give the weight of each component in the squared distance, shape (`SIZE`,), from those of the facets."""
    per_component = np.zeros(SIZE)
    for name, part in FACETS.items():
        per_component[part] = weight[name] / (part.stop - part.start)
    return per_component


class _Match(NamedTuple):
    """The best place in a track; sorted by distance, then track, of which there is one each."""

    distance: float
    row: int
    place: int
    pattern: int
    squared: npt.NDArray[np.float64]


def _matches(piece: Piece, first: int, last: int, patterns: Sequence[_Pattern], n: int) -> Iterator[_Match]:
    """Compare the tracks from `first` to `last` of a piece with all descriptions of a region; give the n best."""
    offsets, rows = piece.offsets[first : last + 1] - piece.offsets[first], piece.rows[first:last]
    rows, lengths = rows[np.diff(offsets) > 0], np.diff(offsets)[np.diff(offsets) > 0]
    if not len(rows):
        return
    begins = np.cumsum(lengths) - lengths
    block = levels(piece.codes[piece.offsets[first] : piece.offsets[last]])
    length = np.repeat(lengths, lengths)
    left = length - (np.arange(len(block)) - np.repeat(begins, lengths))
    distances = np.stack([pattern.distances(block, left, length) for pattern in patterns])
    distances[:, np.repeat(rows < 0, lengths)] = np.inf
    distance = distances.min(axis=0)
    of_tracks = np.minimum.reduceat(distance, begins)
    for track in np.lexsort((rows, of_tracks))[:n].tolist():
        if np.isfinite(of_tracks[track]):
            here = slice(begins[track], begins[track] + lengths[track])
            place = int(distance[here].argmin())
            which = int(distances[:, here.start + place].argmin())
            squared = patterns[which].squared(block[here][place:])
            yield _Match(float(squared @ patterns[which].per_component), int(rows[track]), place, which, squared)


class _Pattern:
    """One description of a region, ready to be compared with many segments."""

    def __init__(self, segments: Codes, weight: Mapping[str, float]) -> None:
        self.places = np.unique(np.linspace(0, len(segments) - 1, min(len(segments), MOST_SEGMENTS)).astype(np.int64))
        self.segments = levels(segments[self.places])
        self.per_component = component_weights(weight)

    def distances(self, block: Floats, left: npt.NDArray[np.int64], length: npt.NDArray[np.int64]) -> Floats:
        """Mean squared distance of the region from each place of a block, shape (n,); infinite where it does not fit.

        A place fits if what is left of its track holds the whole region; in a shorter track only the first does.
        """
        per_component = self.per_component.astype(np.float32)
        weighted = self.segments * per_component
        norms = np.square(block) @ per_component
        products = block @ (-2 * weighted.T)
        own = (weighted * self.segments).sum(axis=1)
        total, n = np.zeros(len(block), dtype=np.float32), np.zeros(len(block), dtype=np.float32)
        for k, place in enumerate(self.places):
            inside = left > place
            here = np.flatnonzero(inside)
            total[here] += norms[here + place] + products[here + place, k] + own[k]
            n += inside
        fits = (left > self.places[-1]) | (left == length)
        return np.where(fits, np.maximum(total / np.maximum(n, 1), 0), np.float32(np.inf))

    def squared(self, there: Floats) -> npt.NDArray[np.float64]:
        """Mean squared difference of each component from the segments of a place, shape (`SIZE`,)."""
        places = self.places[self.places < len(there)]
        difference = there[places].astype(np.float64) - self.segments[: len(places)]
        return np.asarray(np.square(difference).mean(axis=0))


def _blocks_of_tracks(offsets: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Cut tracks into runs of about `BLOCK` segments; one that is longer stays whole."""
    cuts = np.searchsorted(offsets, np.arange(BLOCK, offsets[-1] + BLOCK, BLOCK))
    bounds = np.unique(np.concatenate(([0], np.minimum(cuts, len(offsets) - 1))))
    yield from itertools.pairwise(bounds.tolist())


def _hits(best: Sequence[_Match]) -> RegionHits:
    distance = np.sqrt([match.distance for match in best])
    squared = np.array([match.squared for match in best]).reshape(-1, SIZE)
    return RegionHits(
        track=np.array([match.row for match in best], dtype=np.int64),
        start_s=np.array([max(match.place - SHIFTS_S[match.pattern], 0.0) for match in best]),
        distance=distance,
        score=1 / (1 + distance),
        facets={name: 1 / (1 + np.sqrt(squared[:, part].mean(axis=1))) for name, part in FACETS.items()},
        squared=squared,
    )
