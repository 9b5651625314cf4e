"""Groups of tracks that are the same, or versions of the same, with the evidence, for review."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.similarity.duplicates import (
    KINDS,
    Kind,
    align,
    identify,
    join,
    judge,
    near_pairs,
    title_key,
    title_pairs,
)
from workbench.store.catalog import queries
from workbench.store.indexes import Indexes
from workbench.store.regions import Regions

_COLUMNS = ("id", "path", "title", "artist", "album", "duration_s")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why two tracks, or all files of one, were put into a group.

    Attributes
    ----------
    a, b : ids of the tracks; the same id twice says that several files hold the same audio bytes
    kind : what these two are
    distance : between their mean tone colours and notes; two tracks drawn at random are about 1.4 apart; None where
        it is not known
    aligned : share of the shorter one's seconds that are in the other too, in [0, 1]; None where it was not looked at
    offset_s : what is at time t of ``a`` is at t + offset_s of ``b``, where most of it is, seconds
    same_title : whether artist and title say that they are versions of a song
    """

    a: str
    b: str
    kind: Kind
    distance: float | None
    aligned: float | None
    offset_s: float | None
    same_title: bool


def find_duplicates(indexes: Indexes) -> list[dict[str, Any]]:
    """Find groups of the same recording, of versions of a song, of the same sample.

    Parameters
    ----------
    indexes : Indexes
        The library. Nothing in it is changed.

    Returns
    -------
    list of dict
        Groups in the order of `workbench.similarity.duplicates.KINDS` and of the paths of their first tracks: ``kind``
        (of a group of several kinds, the last of them), ``tracks`` (``id, paths, title, artist, album, duration_s``,
        with the paths of all files that hold the audio) and ``evidence``, see `Evidence`.
    """
    catalog = indexes.catalog
    columns = queries.track_columns(catalog, _COLUMNS)
    copies = queries.copies(catalog)
    found = {(rows[0], rows[1]): evidence for rows, evidence in _links(indexes, columns)}
    for row, track in enumerate(columns["id"]):
        if track in copies:
            found[row, row] = Evidence(track, track, "same recording", 0.0, 1.0, 0.0, same_title=True)
    groups = join(found)
    number = {row: i for i, group in enumerate(groups) for row in group}
    evidence: list[list[Evidence]] = [[] for _ in groups]
    for rows, link in found.items():
        evidence[number[rows[0]]].append(link)

    def track_of(row: int) -> dict[str, Any]:
        record = {name: values[row] for name, values in columns.items()}
        path = record.pop("path")
        return {"id": record.pop("id"), "paths": copies.get(columns["id"][row], [path]), **record}

    made = [
        {
            "kind": max((link.kind for link in links), key=KINDS.index),
            "tracks": sorted(map(track_of, group), key=lambda track: track["paths"]),
            "evidence": [asdict(link) for link in links],
        }
        for group, links in zip(groups, evidence, strict=True)
    ]
    return sorted(made, key=lambda group: (KINDS.index(group["kind"]), group["tracks"][0]["paths"]))


def _links(indexes: Indexes, columns: dict[str, list[Any]]) -> Iterator[tuple[tuple[int, int], Evidence]]:
    """Look at the pairs that are near or have the same title; give those that belong together, by rows."""
    ids, seconds = columns["id"], columns["duration_s"]
    identities = _identities(indexes, ids)
    titles = [title_key(*names) for names in zip(columns["artist"], columns["title"], strict=True)]
    regions = indexes.regions
    segments = {track: number for number, track in enumerate(regions.ids)}
    for a, b in sorted({*near_pairs(identities), *title_pairs(titles)}):
        distance = float(np.linalg.norm(identities[a] - identities[b]))
        codes = [_codes(regions, segments.get(ids[row])) for row in (a, b)]
        alignment = align(codes[0], codes[1]) if len(codes[0]) and len(codes[1]) else None
        same_title = titles[a] is not None and titles[a] == titles[b]
        kind = judge(distance, (seconds[a], seconds[b]), alignment, same_title=same_title)
        if kind is not None:
            aligned, offset_s = (alignment.share, alignment.offset_s) if alignment else (None, None)
            yield (a, b), Evidence(ids[a], ids[b], kind, distance, aligned, offset_s, same_title)


def _identities(indexes: Indexes, ids: Sequence[str]) -> npt.NDArray[np.float32]:
    """Give what tells which piece each track is; NaN for one without a vector."""
    vectors = indexes.vectors
    rows = vectors.rows(ids)
    known = identify(vectors.raw[rows[rows >= 0]], vectors.scaling)
    found = np.full((len(ids), known.shape[1]), np.nan, dtype=np.float32)
    found[rows >= 0] = known
    return found


def _codes(regions: Regions, track: int | None) -> npt.NDArray[np.int8]:
    return np.empty((0, 0), dtype=np.int8) if track is None else regions.track(track)
