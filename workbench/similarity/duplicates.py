"""Which tracks are the same recording, another version of it, or the same sample: found, weighed, and never removed.

* What says which piece it is, is a short vector: the mean tone colour and the mean notes (`identify`). Level, encoding
  and a cut at the beginning or the end hardly change it, and it is near for few others only.
* `near_pairs` finds all candidates block by block; only these are looked at more closely.
* `align` compares two tracks second by second: of an edit, the seconds that are left are the same.

Distances are in the library's own spreads, in which two tracks drawn at random are about 1.4 apart. The limits were
set on transcodes, level changes, trims and edits of game music and of simulated tracks (`tests/similarity`).
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from workbench.features.filters import dct_bank
from workbench.features.stft import N_MELS_SHARED
from workbench.similarity.embedding import COMPONENTS, Scaling
from workbench.similarity.regions import COMPONENTS as SEGMENT_COMPONENTS
from workbench.similarity.regions import Codes, levels

Floats = npt.NDArray[np.float32]

Kind = Literal["same recording", "another version", "same sample"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: Shorter sounds are samples. Of these many are alike, so less must tell them apart.
SAMPLE_S = 10.0
#: Distance up to which two tracks, or two samples, are the same by sound alone.
SAME, SAME_SAMPLE = 0.3, 0.15
#: Distance up to which others are looked at, second by second.
NEAR = 0.6
#: Distance up to which tracks of the same title by the same artist are versions.
SAME_TITLE = 0.9

_CLIP = 4.0
#: Nearest tracks that are candidates for each.
_MOST_NEAR = 5
_BLOCK = 2048
#: From so many times as many in a block on, only the nearest of them are noted: a library of one sound needs no room.
_CROWD = 8

#: Runs of so many seconds are compared; below this mean squared distance they are the same.
_RUN_S, _SAME_RUN = 5, 0.15
#: Compared are tone colour and notes here too.
_OF_SEGMENTS = np.array([name.startswith(("mfcc_", "chroma_")) for name in SEGMENT_COMPONENTS])
#: Seconds are compared at these fractions of a second's shift.
_SHIFTS = (0.0, 0.25, 0.5, 0.75)
#: Share of the shorter one that is to be the same, and, of that, at one offset.
_MOSTLY = 0.6
#: Durations of the same recording differ by so much at most: a moment at the beginning or end.
_TRIM, _TRIM_S = 0.1, 3.0

_IDENTITY = np.array(
    [name.endswith("_mean") and name.startswith(("mfcc_by_energy_", "chroma_")) for name in COMPONENTS]
)


#: The highest 24 mel bands, from about 7.5 kHz on, in three steps, and what each step does to MFCC 1 to 19.
_HIGHEST = (slice(-24, -16), slice(-16, -8), slice(-8, None))
_STEPS = np.stack([dct_bank(N_MELS_SHARED, 20)[1:, bands].sum(axis=1) for bands in _HIGHEST], axis=1)


def identify(raw: npt.NDArray[np.floating[Any]], scaling: Scaling) -> Floats:
    """Give what tells which piece a track is: mean tone colour and mean notes.

    Encoders drop or blur what is highest, where synthetic music has nothing at all, and on a scale of decibels that is
    a large step in every MFCC. So what a step of the highest bands does to the MFCC is taken out: they are projected to
    where it does not show.

    Parameters
    ----------
    raw : numpy.ndarray
        Raw vectors (`workbench.similarity.embedding.embed`), shape (n, d).
    scaling : Scaling
        That of the library.

    Returns
    -------
    numpy.ndarray
        float32, shape (n, 31): of the distance of two, 1.4 is typical. NaN where nothing is known of a track.
    """
    centre, spread = (np.asarray(values, dtype=np.float64)[_IDENTITY] for values in (scaling.centre, scaling.spread))
    steps = np.zeros((len(spread), len(_HIGHEST)))
    steps[: len(_STEPS)] = _STEPS / spread[: len(_STEPS), None]
    basis = np.linalg.qr(steps)[0]
    scaled = (np.asarray(raw)[:, _IDENTITY] - centre) / spread
    seen = np.clip(scaled - scaled @ basis @ basis.T, -_CLIP, _CLIP)
    return np.asarray(seen / np.sqrt(len(spread) - len(_HIGHEST)), dtype=np.float32)


def near_pairs(vectors: Floats, limit: float = NEAR) -> Iterator[tuple[int, int]]:
    """Find the pairs that are near, of each row the nearest few.

    Parameters
    ----------
    vectors : numpy.ndarray
        float32, shape (n, d); a row with NaN is near none.
    limit : float
        Largest distance.

    Yields
    ------
    (int, int)
        Rows, the lower first; each pair once or twice. Of rows that have more than five so near, the five nearest
        count: in a large group of the same each is still joined to others.
    """
    norms = np.square(vectors).sum(axis=1)
    for start in range(0, len(vectors), _BLOCK):
        rows, columns, squares = [], [], []
        block, own = vectors[start : start + _BLOCK], norms[start : start + _BLOCK]
        for first in range(0, len(vectors), _BLOCK):
            others = vectors[first : first + _BLOCK]
            squared = own[:, None] + norms[first : first + _BLOCK] - 2 * (block @ others.T)
            near = squared <= np.float32(limit) ** 2
            if np.count_nonzero(near) > _CROWD * _MOST_NEAR * len(block):
                best = np.argpartition(squared, _MOST_NEAR, axis=1)[:, : _MOST_NEAR + 1]
                few = np.zeros_like(near)
                np.put_along_axis(few, best, near[np.arange(len(block))[:, None], best], axis=1)
                near = few
            i, j = np.nonzero(near)
            rows.append(i + start)
            columns.append(j + first)
            squares.append(squared[i, j])
        row, column, squared = map(np.concatenate, (rows, columns, squares))
        different = row != column
        row, column, squared = row[different], column[different], squared[different]
        order = np.lexsort((column, squared, row))
        row, column = row[order], column[order]
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        for i, j in zip(row[rank < _MOST_NEAR].tolist(), column[rank < _MOST_NEAR].tolist(), strict=True):
            yield (min(i, j), max(i, j))


def title_pairs(names: Iterable[Hashable | None]) -> Iterator[tuple[int, int]]:
    """Find the pairs of the same name (`title_key`); one that more than twenty have tells nothing, such as "Intro"."""
    groups: dict[Hashable, list[int]] = {}
    for row, name in enumerate(names):
        if name is not None:
            groups.setdefault(name, []).append(row)
    for rows in groups.values():
        if len(rows) <= _MOST_TITLES:
            yield from itertools.combinations(rows, 2)


def title_key(artist: str | None, title: str | None) -> tuple[str, str] | None:
    """Give what versions of a song have in common in their tags, None where a tag is missing.

    >>> title_key("Sigur Rós", "Svefn-g-englar (Live) [Remastered]") == title_key("sigur ros", "Svefn g englar")
    True
    """
    found = tuple(_plain(_BRACKETS.sub(" ", text or "")) for text in (artist, title))
    return (found[0], found[1]) if all(found) else None


_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_MOST_TITLES = 20


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.findall(r"\w+", "".join(c for c in letters if not unicodedata.combining(c))))


@dataclass(frozen=True, slots=True)
class Alignment:
    """How two tracks agree second by second.

    Attributes
    ----------
    share : of the seconds of the shorter one that are the same as some of the other, in [0, 1]
    steady : of these, the share that is so at one offset, in [0, 1]: less for edits and other tempi
    offset_s : what is at time t of the first is at t + offset_s of the second, seconds
    """

    share: float
    steady: float
    offset_s: float


def align(a: Codes, b: Codes) -> Alignment:
    """Compare two tracks second by second, wherever in them.

    Parameters
    ----------
    a, b : numpy.ndarray
        Segments, int8, shape (n, `workbench.similarity.regions.SIZE`), n >= 1 (`SegmentScaling.encode`).

    Examples
    --------
    >>> track = np.random.default_rng(0).integers(-90, 90, (60, 44)).astype(np.int8)
    >>> align(track, track[7:])
    Alignment(share=1.0, steady=1.0, offset_s=-7.0)
    """
    if len(a) > len(b):
        turned = align(b, a)
        return Alignment(turned.share, turned.steady, -turned.offset_s)
    short, long = (levels(codes[:, _OF_SEGMENTS]) / np.sqrt(np.float32(_OF_SEGMENTS.sum())) for codes in (a, b))
    run = min(_RUN_S, len(short))
    same = np.zeros(len(short) - run + 1, dtype=bool)
    at_one, offset_s = np.zeros_like(same), 0.0
    for shift in _SHIFTS:
        shifted = (1 - shift) * long[:-1] + shift * long[1:] if shift else long
        if len(shifted) < run:
            continue
        i, j = np.nonzero(_runs(short, shifted, run) <= _SAME_RUN)
        same[i] = True
        lags = np.bincount(j - i + len(short))
        if lags.size and lags.max() > at_one.sum():
            lag = int(lags.argmax())
            at_one = np.isin(np.arange(len(same)), i[j - i + len(short) == lag])
            offset_s = lag - len(short) + shift
    share, steady = (float((np.convolve(found, np.ones(run)) > 0).mean()) for found in (same, at_one))
    return Alignment(share, steady / share if share else 0.0, float(offset_s))


def _runs(a: Floats, b: Floats, run: int) -> Floats:
    """Mean squared distance of each run of seconds of one track from each of the other, shape (n, m)."""
    squared = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * (a @ b.T)
    n, m = len(a) - run + 1, len(b) - run + 1
    return np.asarray(sum(squared[k : k + n, k : k + m] for k in range(run)) / np.float32(run))


def alike(distance: float, seconds: tuple[float, float]) -> bool:
    """Tell if two tracks are versions of each other by sound alone: `identify`'s distance and their durations."""
    shorter, longer = sorted(seconds)
    if shorter < SAMPLE_S:
        return distance <= SAME_SAMPLE and longer - shorter <= _TRIM * longer
    return distance <= SAME


def judge(
    distance: float, seconds: tuple[float, float], alignment: Alignment | None, *, same_title: bool
) -> Kind | None:
    """Weigh what is known of two tracks.

    Parameters
    ----------
    distance : float
        Between what `identify` gives; NaN where it is not known.
    seconds : (float, float)
        Their durations.
    alignment : Alignment, optional
        None where their segments are not stored.
    same_title : bool
        Whether `title_key` is the same.

    Returns
    -------
    str or None
        ``same recording``: but for encoding, level and a moment at either end; ``another version``: an edit, another
        tempo, another performance; ``same sample``: the same of sounds below `SAMPLE_S`; None: neither.

    Examples
    --------
    >>> judge(0.1, (200.0, 200.4), Alignment(1.0, 1.0, 0.0), same_title=False)
    'same recording'
    >>> judge(0.35, (200.0, 140.0), Alignment(0.9, 0.6, 0.0), same_title=False)
    'another version'
    """
    if alike(distance, seconds) and min(seconds) < SAMPLE_S:
        return "same sample"
    aligned = alignment is not None and alignment.share >= _MOSTLY and distance <= NEAR and min(seconds) >= SAMPLE_S
    if aligned or alike(distance, seconds):
        least = abs(seconds[0] - seconds[1])
        once = aligned and alignment is not None and alignment.steady >= _MOSTLY
        return (
            "same recording"
            if least <= (max(_TRIM_S, _TRIM * max(seconds)) if once else _TRIM_S)
            else "another version"
        )
    return "another version" if same_title and distance <= SAME_TITLE else None


def join(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Group what is linked, directly or through others; groups and their members in ascending order.

    >>> join([(5, 2), (1, 3), (2, 9)])
    [[1, 3], [2, 5, 9]]
    """
    parent: dict[int, int] = {}

    def root(row: int) -> int:
        while parent.setdefault(row, row) != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    groups: dict[int, list[int]] = {}
    for row in sorted(parent):
        groups.setdefault(root(row), []).append(row)
    return list(groups.values())
