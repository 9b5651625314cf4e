"""A reference that need not be in the library: identified, decoded and embedded on the spot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.audio.decode import AudioStream, open_audio
from workbench.audio.probe import probe
from workbench.audio.samples import Samples
from workbench.config import Settings
from workbench.errors import InputError
from workbench.jobs.graph import describe
from workbench.jobs.job import absolute, limits_of
from workbench.similarity.embedding import INPUTS, embed
from workbench.similarity.regions import SEGMENTS, SHIFTS_S, describe_segments
from workbench.store.catalog import Catalog, queries


class Located(NamedTuple):
    """What a reference names.

    Attributes
    ----------
    id : of the track that it is, or would be
    path : of the file
    number : of the track in the library; None where it is not in it
    """

    id: str
    path: str
    number: int | None


def locate(catalog: Catalog, name: str | os.PathLike[str]) -> Located:
    """Find a file, or a track by its id or the beginning of it.

    Raises
    ------
    AudioError
        When the file cannot be read.
    InputError
        When it is neither a file nor a track.
    """
    text = os.fspath(name)
    path = absolute(text)
    if os.path.exists(path):
        track = probe(path).content_id
        place = queries.place_of_track(catalog, track)
        return Located(track, path, None if place is None else place[1])
    track = queries.find_track(catalog, text)
    place = queries.place_of_track(catalog, track)
    if place is None:
        raise InputError(f"Track {track} has just been removed.", "`workbench tracks` lists what there is.")
    return Located(track, *place)


def analyze_reference(path: str, settings: Settings, region: tuple[float, float] | None = None) -> npt.NDArray[Any]:
    """Compute the raw embedding of a file, or of a region of it.

    Parameters
    ----------
    path : str
        The file.
    settings : Settings
        Limits on decoding.
    region : (float, float), optional
        From, to, in seconds.

    Returns
    -------
    numpy.ndarray
        float32, shape (d,): see `workbench.similarity.embedding.embed`.

    Raises
    ------
    AudioError
        When the file cannot be decoded.
    InputError
        When the region is empty or outside of the file.
    """
    with open_audio(path, limits=limits_of(settings)) as stream:
        blocks = stream.native_blocks() if region is None else _cut(stream, *region)
        features = describe(stream, blocks, INPUTS)
    vector: npt.NDArray[Any] = embed({name: features.arrays[name][np.newaxis] for name in INPUTS})[0]
    return vector


def describe_region(path: str, settings: Settings, region: tuple[float, float]) -> list[npt.NDArray[np.float32]]:
    """Describe the seconds of a region, begun at each of `workbench.similarity.regions.SHIFTS_S` that leaves one.

    Parameters are those of `analyze_reference`, and so are the errors.

    Returns
    -------
    list of numpy.ndarray
        float32, shape (n_segments, d) each: see `workbench.similarity.regions.describe_segments`.
    """
    with open_audio(path, limits=limits_of(settings)) as stream:
        samples = np.concatenate(list(_cut(stream, *region)))
        found = []
        for shift_s in SHIFTS_S:
            rest = samples[round(shift_s * stream.sample_rate) :]
            whole = int(len(rest) / stream.sample_rate)
            if whole or not shift_s:  # less than a second is one segment
                features = describe(stream, [rest], SEGMENTS)
                found.append(describe_segments(features.arrays)[: max(whole, 1)])
    return found


def _cut(stream: AudioStream, start_s: float, end_s: float) -> Iterator[Samples]:
    if not 0 <= start_s < end_s:
        raise InputError(f"region {start_s:g}:{end_s:g} is empty.", "Give two times in seconds, the earlier one first.")
    start, end = round(start_s * stream.sample_rate), round(end_s * stream.sample_rate)
    position, given = 0, 0
    for block in stream.native_blocks():
        piece = block[max(0, start - position) : max(0, end - position)]
        position += len(block)
        given += len(piece)
        if len(piece):
            yield piece
        if position >= end:
            break
    if given < 0.005 * stream.sample_rate:
        raise InputError(
            f"region {start_s:g}:{end_s:g} is outside of the audio, which lasts {position / stream.sample_rate:.2f} s.",
            "Give times within it.",
        )
