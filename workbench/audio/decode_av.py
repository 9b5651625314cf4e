"""Decode through PyAV (FFmpeg's libraries), the extra ``workbench[av]``: M4A, AAC, WMA, Matroska and others.

FFmpeg would open whatever a file tells it to: a playlist, another file, a URL. So the container is
chosen here from the content that was recognised, and nothing else is tried.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from workbench.audio.files import OpenFile, View, reason_of
from workbench.audio.formats import Format
from workbench.audio.samples import FloatSamples
from workbench.errors import AudioError, Reason

#: Containers without a length: FFmpeg guesses one from the bit rate.
_GUESSED_LENGTH = frozenset({"aac"})
_MOST_FAILURES = 64  # before the first frame
_FULL_SCALE = {"uint8": 128.0, "int16": 2.0**15, "int32": 2.0**31}


def pyav_installed() -> bool:
    """Whether PyAV can be imported."""
    return importlib.util.find_spec("av") is not None


class AvDecoder:
    """One file, opened with PyAV. See `workbench.audio.decode.Decoder`.

    Raises
    ------
    AudioError
        DECODER_MISSING if PyAV is not installed, CORRUPT if FFmpeg refuses the file, NO_AUDIO if it has
        no audio stream.
    """

    def __init__(self, file: OpenFile, kind: Format) -> None:
        try:
            import av
        except ImportError as error:
            raise AudioError(file.path, Reason.DECODER_MISSING, f"{kind.name}: {error}") from error
        self._file, self._av = file, av
        self._frames: Iterator[Any] = iter(())
        self._view = View(file.fd, 0, file.size)
        try:
            self._container = av.open(self._view, "r", format=kind.demuxer, **_tolerance(av.__version__))
        except (av.FFmpegError, ValueError) as error:
            raise AudioError(file.path, Reason.CORRUPT, _said(error)) from error
        try:
            self._begin(kind)
        except BaseException:
            self.close()
            raise

    def _begin(self, kind: Format) -> None:
        """Choose the stream and decode its first frame: the rate in the header of HE-AAC is half the true one."""
        stream = self._container.streams.best("audio")
        if stream is None:
            raise AudioError(self._file.path, Reason.NO_AUDIO, "no audio stream")
        if stream.codec_context is None:
            raise AudioError(self._file.path, Reason.CORRUPT, "FFmpeg has no decoder for the audio stream")
        stream.codec_context.thread_count = 1  # workers share the cores between files
        self.codec: str = stream.codec_context.name
        self._frames = self._decode(stream)
        problem = ""
        for frame in itertools.islice(self._frames, _MOST_FAILURES):
            if not isinstance(frame, str):
                break
            problem = frame
        else:
            raise AudioError(self._file.path, Reason.CORRUPT if problem else Reason.NO_AUDIO, problem)
        self._rest, self._problem = [_samples(frame)], problem
        self.sample_rate: int = frame.sample_rate
        self.channels: int = frame.layout.nb_channels
        self.declared_frames: int | None = None
        if kind.name not in _GUESSED_LENGTH and stream.duration and stream.time_base:
            self.declared_frames = round(stream.duration * stream.time_base * self.sample_rate)

    def _decode(self, stream: Any) -> Iterator[Any]:
        """Yield the frames of a stream, and a text for each failure."""
        packets = self._container.demux(stream)
        while True:
            try:
                frames = next(packets).decode()
            except StopIteration:
                return
            except (self._av.FFmpegError, ValueError) as error:
                yield _said(error)
            else:
                yield from frames
            if self._view.error:
                raise AudioError(self._file.path, reason_of(self._view.error), str(self._view.error))

    def read(self, frames: int) -> tuple[FloatSamples, str]:
        """Up to ``frames`` frames, and what went wrong, if anything."""
        held, self._rest = self._rest, []
        problem, self._problem = self._problem, ""
        count = sum(map(len, held))
        while count < frames and not problem:
            frame = next(self._frames, None)
            if frame is None:
                break
            if isinstance(frame, str):
                problem = frame
            elif (frame.sample_rate, frame.layout.nb_channels) != (self.sample_rate, self.channels):
                problem, self._frames = "the sample rate or the channels change midway", iter(())
            else:
                held.append(_samples(frame))
                count += len(held[-1])
        block = np.concatenate(held) if held else np.empty((0, self.channels), dtype=np.float32)
        if len(block) > frames:
            self._rest = [block[frames:]]
        return block[:frames], problem

    def seek(self, frame: int) -> bool:
        """Leave it: where FFmpeg goes on after a seek depends on the format."""
        del frame
        return False

    def stopped_early(self) -> bool:
        """Tell nothing: FFmpeg reads on to the end of a file."""
        return False

    def close(self) -> None:
        """Free what FFmpeg holds; the file is the caller's."""
        self._frames = iter(())  # the generator holds this object and the codec: 30 MB until the next collection
        self._container.close()


def _tolerance(version: str) -> dict[str, Any]:
    """Make PyAV accept tags that are not UTF-8; from version 19 on it does so by itself."""
    return {"metadata_errors": "ignore"} if int(version.partition(".")[0]) < 19 else {}


def _said(error: Exception) -> str:
    """Return what FFmpeg said, without the number and the name that PyAV adds."""
    return getattr(error, "strerror", None) or str(error)


def _samples(frame: Any) -> FloatSamples:
    """Turn a frame of any sample format into float32 of shape (n, channels)."""
    array = frame.to_ndarray()
    array = array.T if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels)
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a double too large becomes infinite, and is then refused as such
            return np.ascontiguousarray(array, dtype=np.float32)
    scale = _FULL_SCALE[array.dtype.name]
    samples = array.astype(np.float32)
    if array.dtype == np.uint8:
        samples -= np.float32(scale)
    return np.ascontiguousarray(samples) * np.float32(1 / scale)
