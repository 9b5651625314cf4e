"""What players and plots need of a track: outline, samples, spectrogram, descriptors over time, beats.

Arrays go as NumPy's own format (NEP 1): exact, small, and with their shape; samples as WAV, which anything plays.
"""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.server.models.sound import (
    Beats,
    BeatsQuery,
    CurveQuery,
    ExcerptQuery,
    SpectrogramQuery,
    Waveform,
    WaveformQuery,
)
from workbench.server.route import Route, operation
from workbench.server.service import Service

_WAV, _NPY = "audio/wav", "application/x-npy"


class TrackWaveform(Route):
    """The outline of a track."""

    pattern = "/tracks/{track_id}/waveform"

    @operation("The outline of a track", query=WaveformQuery, answer=Waveform, refusals=(404,))
    async def get(self, track_id: str, asked: WaveformQuery) -> dict[str, Any]:
        """Give the outline; the first time it is decoded."""
        return await self.service.compute(_waveform, self.service, track_id, asked.points)


class TrackExcerpt(Route):
    """Some seconds of a track, whatever its format."""

    pattern = "/tracks/{track_id}/excerpt"

    @operation("Some seconds of a track as 16-bit WAV", query=ExcerptQuery, media=(_WAV,), refusals=(404,))
    async def get(self, track_id: str, asked: ExcerptQuery) -> None:
        """Decode them."""
        self.answer_bytes(await self.service.compute(_excerpt, self.service, track_id, asked), _WAV)


class TrackSpectrogram(Route):
    """The mel spectrum of a track."""

    pattern = "/tracks/{track_id}/spectrogram"

    @operation(
        "Mel bands over time, in dB, of shape (bands, columns)",
        query=SpectrogramQuery,
        media=(_NPY,),
        refusals=(404,),
    )
    async def get(self, track_id: str, asked: SpectrogramQuery) -> None:
        """Decode the track and draw it."""
        self.answer_bytes(await self.service.compute(_spectrogram, self.service, track_id, asked.columns), _NPY)


class TrackCurve(Route):
    """A descriptor of a track over time."""

    pattern = "/tracks/{track_id}/curve"

    @operation("A descriptor frame by frame, of shape (frames, …)", query=CurveQuery, media=(_NPY,), refusals=(404,))
    async def get(self, track_id: str, asked: CurveQuery) -> None:
        """Read it where it is stored, else decode the track."""
        self.answer_bytes(await self.service.compute(_curve, self.service, track_id, asked.name), _NPY)


class TrackBeats(Route):
    """The beats of a track."""

    pattern = "/tracks/{track_id}/beats"

    @operation("The beats of a track, seconds", query=BeatsQuery, answer=Beats, refusals=(404,))
    async def get(self, track_id: str, asked: BeatsQuery) -> dict[str, Any]:
        """Read them where they are stored, else decode the track."""
        return await self.service.compute(_beats, self.service, track_id, asked.stored)


def _waveform(service: Service, track_id: str, points: int) -> dict[str, Any]:
    record = service.require_tracks([track_id])[track_id]
    spans = service.library.waveform(track_id, points)
    lowest, highest = ([round(float(value), 4) for value in column] for column in spans.T)
    return {"duration_s": record["duration_s"], "lowest": lowest, "highest": highest}


def _excerpt(service: Service, track_id: str, asked: ExcerptQuery) -> bytes:
    service.require_tracks([track_id])
    samples, sr = service.library.excerpt(track_id, asked.start_s, asked.seconds)
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(sr)
        file.writeframes(samples.astype("<i2").tobytes())
    return written.getvalue()


def _spectrogram(service: Service, track_id: str, columns: int) -> bytes:
    service.require_tracks([track_id])
    return _npy(service.library.spectrogram(track_id, columns))


def _curve(service: Service, track_id: str, name: str) -> bytes:
    service.require_tracks([track_id])
    return _npy(service.library.curve(track_id, name))


def _beats(service: Service, track_id: str, stored: bool) -> dict[str, Any]:
    service.require_tracks([track_id])
    beats = service.library.stored_beats([track_id]).get(track_id) if stored else service.library.beats(track_id)
    return {"beats_s": None if beats is None else beats.tolist()}


def _npy(values: npt.NDArray[np.float32]) -> bytes:
    written = io.BytesIO()
    np.save(written, values, allow_pickle=False)
    return written.getvalue()


routes = [TrackWaveform, TrackExcerpt, TrackSpectrogram, TrackCurve, TrackBeats]
