"""`Player`: one track, to see and to hear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from workbench.errors import InputError
from workbench.library import Library
from workbench.widgets.view import View, answers

if TYPE_CHECKING:
    from workbench.client.remote import RemoteLibrary

_RANGE_DB = 70.0


class Listening:
    """The questions of everything that plays: what a track is, and its samples, some seconds at a time."""

    library: Library | RemoteLibrary

    @answers
    def excerpt(self, track: str, start_s: float, seconds: float) -> dict[str, Any]:
        """Give samples as 16-bit numbers, shape (n, channels), and their rate."""
        samples, sr = self.library.excerpt(track, start_s, seconds)
        return {"samples": samples, "sr": sr}

    @answers
    def track(self, track: str) -> dict[str, Any]:
        """Give the record of a track."""
        found = self.library.records([track])
        if track not in found:
            raise InputError("This track is not in the library any more.", "Choose another one.")
        return found[track]

    @answers
    def peaks(self, track: str, points: int) -> np.ndarray[Any, Any]:
        """Give the lowest and highest sample of equal spans."""
        return self.library.waveform(track, points)


class Player(Listening, View):
    """Waveform, spectrogram and beats of the track that is selected; click to seek, drag to mark a region.

    Space plays and stops, the arrows move by five seconds, Escape lets the region go. A marked region is played over
    and over. Recordings are played at about the same loudness.

    Examples
    --------
    >>> import workbench as wb
    >>> def listen(lib: wb.Library, track: str) -> Player:
    ...     return Player(lib, playing=track)
    """

    module = "player.js"
    follows = ("playing", "region")

    playing = traitlets.Unicode(help="Id of the track.").tag(sync=True)
    region = traitlets.List(traitlets.Float(), help="Seconds: from, to; or nothing.").tag(sync=True)
    spectrogram = traitlets.Bool(True, help="Show the spectrum over time.").tag(sync=True)
    beat_grid = traitlets.Bool(False, help="Show the beats.").tag(sync=True)

    @answers
    def beats(self, track: str) -> np.ndarray[Any, Any]:
        """Give the beats, seconds."""
        return self.library.beats(track)

    @answers
    def picture(self, track: str, columns: int) -> np.ndarray[Any, Any]:
        """Give the spectrogram as brightness, 0 to 255, of the 70 dB below its peak; the lowest band first."""
        decibels = self.library.spectrogram(track, columns)
        share = np.clip(1 + (decibels - decibels.max()) / _RANGE_DB, 0, 1)
        return np.asarray(255 * share, dtype=np.uint8)

    def code(self) -> str:
        """Give the call that decodes what is marked."""
        start, end = self.region or (0.0, 10.0)
        return f"samples, sr = lib.excerpt({self.playing!r}, start_s={start:.2f}, seconds={end - start:.2f})"
