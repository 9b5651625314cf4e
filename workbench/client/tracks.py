"""What is asked of tracks: their records, what people say of them, and what players and plots need of them."""

from __future__ import annotations

import io
import os
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.client.ask import Ask, PathLike, Steps, call, check_id, one, pages
from workbench.server.models.labels import (
    AppliedColumn,
    ColumnValues,
    LabelColumns,
    LabelRecord,
    LabelsKept,
    LearnedReport,
    LearnedValue,
    NewLabel,
    NextToLabel,
)
from workbench.server.models.limits import MOST_RECORDS
from workbench.server.models.sound import Beats, Waveform
from workbench.server.models.tracks import Columns, Count, TrackDetail, TrackRecord, TrackRecords, TracksPage

_NPY = "application/x-npy"


class TrackCalls:
    """Records of tracks."""

    @call
    def tracks(
        self, where: str | None = None, *, sort: str = "path", descending: bool = False, limit: int | None = None
    ) -> Steps[list[TrackRecord]]:
        """List tracks in order, however many pages they take.

        Parameters
        ----------
        where : str, optional
            Such as ``bpm > 120 and key == "A minor"``.
        sort : str
            A column of the records; tracks that lack it come last.
        descending : bool
            From the greatest down.
        limit : int, optional
            How many at most.

        Examples
        --------
        >>> from workbench.client import Client
        >>> def fast(client: Client) -> list[str]:
        ...     return [track.path for track in client.tracks("bpm > 120", sort="energy", limit=20)]
        """
        query = {"where": where, "sort": sort, "descending": descending}
        return (yield from pages("/tracks", query, TracksPage, "tracks", limit))

    @call
    def tracks_page(
        self,
        *,
        where: str | None = None,
        sort: str = "path",
        descending: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> Steps[TracksPage]:
        """Give some tracks at a time; `next` of a page is what `after` is for the next one."""
        query = {"where": where, "sort": sort, "descending": descending, "after": after, "limit": limit}
        return (yield from one(TracksPage, Ask("GET", "/tracks", query)))

    @call
    def track(self, track: str) -> Steps[TrackDetail]:
        """Find a track by its id, with its labels."""
        return (yield from one(TrackDetail, Ask("GET", f"/tracks/{check_id(track)}")))

    @call
    def count(self, where: str | None = None) -> Steps[int]:
        """Count the tracks, or those that fit an expression."""
        return (yield from one(Count, Ask("GET", "/tracks/count", {"where": where}))).count

    @call
    def records(self, tracks: Iterable[str]) -> Steps[dict[str, TrackRecord]]:
        """Give tracks by id; an id that is not known is left out."""
        wanted = [check_id(track) for track in tracks]
        found: dict[str, TrackRecord] = {}
        for first in range(0, len(wanted), MOST_RECORDS):
            some = {"tracks": wanted[first : first + MOST_RECORDS]}
            answer = yield from one(TrackRecords, Ask("POST", "/tracks/records", json=some))
            found |= {track.id: track for track in answer.tracks}
        return {track: found[track] for track in wanted if track in found}

    @call
    def columns(self, *names: str) -> Steps[dict[str, list[Any]]]:
        """Give columns of all tracks, in ascending order of their ids."""
        return (yield from one(Columns, Ask("GET", "/tracks/columns", {"names": ",".join(names)}))).columns


class SoundCalls:
    """What players and plots need of a track."""

    @call
    def waveform(self, track: str, points: int = 1000) -> Steps[Waveform]:
        """Give the outline of a track: the lowest and highest sample of each of some equal spans, in [-1, 1]."""
        return (yield from one(Waveform, Ask("GET", f"/tracks/{check_id(track)}/waveform", {"points": points})))

    @call
    def audio(self, track: str, path: PathLike) -> Steps[Path]:
        """Copy the audio of a track into a file, as it lies on the server; the file appears when it is complete."""
        target = Path(path).expanduser()
        beginning = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
        try:
            with open(beginning, "xb") as file:
                yield Ask("GET", f"/tracks/{check_id(track)}/audio", accept="*/*", into=file.write)
            beginning.replace(target)
        finally:
            beginning.unlink(missing_ok=True)
        return target

    @call
    def excerpt(
        self, track: str, start_s: float = 0.0, seconds: float = 10.0
    ) -> Steps[tuple[npt.NDArray[np.int16], int]]:
        """Give a part of a track for listening: samples, shape (n, channels), int16, and their rate in Hz."""
        part = {"start_s": start_s, "seconds": seconds}
        answer = yield Ask("GET", f"/tracks/{check_id(track)}/excerpt", part, accept="audio/wav")
        with wave.open(io.BytesIO(answer.content)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
            return samples.astype(np.int16), file.getframerate()

    @call
    def spectrogram(self, track: str, columns: int = 1000) -> Steps[npt.NDArray[np.float32]]:
        """Give the mel spectrum of a track over time, in dB, shape (n_bands, n_columns)."""
        return (yield from _array(f"/tracks/{check_id(track)}/spectrogram", {"columns": columns}))

    @call
    def curve(self, track: str, name: str) -> Steps[npt.NDArray[np.float32]]:
        """Give a descriptor of a track frame by frame, shape (n_frames, …)."""
        return (yield from _array(f"/tracks/{check_id(track)}/curve", {"name": name}))

    @call
    def beats(self, track: str) -> Steps[npt.NDArray[np.float64]]:
        """Give the beats of a track, in seconds; decoded for that where they are not stored."""
        answer = yield from one(Beats, Ask("GET", f"/tracks/{check_id(track)}/beats"))
        return np.array(answer.beats_s, dtype=np.float64)

    @call
    def stored_beats(self, ids: Iterable[str]) -> Steps[dict[str, npt.NDArray[np.float64]]]:
        """Give the beats, in seconds, of those of the tracks whose beats are stored."""
        found = {}
        for track in ids:
            answer = yield from one(Beats, Ask("GET", f"/tracks/{check_id(track)}/beats", {"stored": True}))
            if answer.beats_s is not None:
                found[track] = np.array(answer.beats_s, dtype=np.float64)
        return found


class LabelCalls:
    """What people say of tracks, and what is learned from that."""

    @call
    def labels(self, track: str) -> Steps[list[LabelRecord]]:
        """List what people say of a track."""
        return (yield from one(TrackDetail, Ask("GET", f"/tracks/{check_id(track)}"))).labels

    @call
    def label(self, track: str, *labels: NewLabel) -> Steps[list[LabelRecord]]:
        """Say what a track is; what you said of it before is replaced, by nothing if no label is given.

        Returns
        -------
        list of LabelRecord
            All labels of the track, those of others too.

        Examples
        --------
        >>> from workbench.client import Client, NewLabel
        >>> def mark(client: Client, track: str) -> None:
        ...     client.label(track, NewLabel(name="genre", value="dub"), NewLabel(name="break", start_s=61, end_s=69))
        """
        said = {"labels": [label.model_dump() for label in labels]}
        return (yield from one(LabelsKept, Ask("PUT", f"/tracks/{check_id(track)}/labels", json=said))).labels

    @call
    def all_labels(self) -> Steps[list[LabelRecord]]:
        """List what people say of all tracks."""
        return (yield from one(LabelsKept, Ask("GET", "/labels"))).labels

    @call
    def next_to_label(self, name: str, n: int = 10) -> Steps[list[str]]:
        """Give the tracks, by id, whose label of this name would teach most, the most useful first."""
        return (yield from one(NextToLabel, Ask("GET", "/labels/next", {"name": name, "n": n}))).tracks

    @call
    def label_report(self, name: str) -> Steps[dict[str, Any] | None]:
        """Tell by cross-validation how well the values of a label can be told; None while there are too few."""
        return (yield from one(LearnedReport, Ask("GET", "/labels/report", {"name": name}))).report

    @call
    def apply_labels(self, name: str) -> Steps[AppliedColumn]:
        """Learn a label from the tracks that have it, and tell it of all as a column of the library."""
        return (yield from one(AppliedColumn, Ask("POST", "/labels/columns", json={"name": name})))

    @call
    def forget_label_column(self, name: str) -> Steps[None]:
        """Delete a column that `apply_labels` made; the labels stay."""
        yield Ask("DELETE", "/labels/columns", {"name": name})

    @call
    def label_columns(self) -> Steps[dict[str, dict[str, int]]]:
        """List the columns that were learned: how many tracks have each value, by name."""
        return (yield from one(LabelColumns, Ask("GET", "/labels/columns"))).columns

    @call
    def label_column(self, name: str, tracks: Iterable[str] | None = None) -> Steps[dict[str, LearnedValue]]:
        """Give ``value`` and ``confidence`` of such a column by track, of all or of some by their ids."""
        some = None if tracks is None else list(tracks)
        found: dict[str, LearnedValue] = {}
        for first in range(0, 1 if some is None else len(some), MOST_RECORDS):
            asked = {"name": name, "tracks": None if some is None else some[first : first + MOST_RECORDS]}
            found |= (yield from one(ColumnValues, Ask("POST", "/labels/columns/values", json=asked))).values
        return found


def _array(path: str, query: dict[str, Any]) -> Steps[npt.NDArray[np.float32]]:
    """Ask for an array."""
    answer = yield Ask("GET", path, query, accept=_NPY)
    values: npt.NDArray[np.float32] = np.load(io.BytesIO(answer.content), allow_pickle=False)
    return values
