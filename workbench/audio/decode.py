"""Decode any supported file in blocks, at constant memory, whatever its header claims.

* Headers are never believed: nothing is allocated from a declared length, and decoding ends where
  the decoder has nothing more to give.
* Caps on duration, bytes and channels, and a deadline, are checked between blocks. A decoder that is stuck
  inside a block cannot be interrupted from here: that is the worker's business.
* Damage that lets some audio through gives that audio and a flag; see `AudioStream.flags`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, cast

import numpy as np
import numpy.typing as npt

from workbench.audio.chunks import MalformedError
from workbench.audio.files import OpenFile, reason_of
from workbench.audio.formats import Format, sniff
from workbench.audio.resample import Resampler, downmix
from workbench.audio.samples import FloatSamples, Samples
from workbench.errors import AudioError, Reason

#: Set when the length decoded is over 1 % away from the one declared, or much of the file was left unread.
LENGTH_DIFFERS = "length_differs"
#: Set when the decoder failed somewhere; what it gave is used.
DECODE_ERROR = "decode_error"

_BLOCK_FRAMES = 131072  # measured: 32768 to 131072 are within 2 % of each other, 8192 is up to 1.6 times slower
_BLOCK_SECONDS = 4.0
_BLOCK_BYTES = 8 * 2**20
_MOST_FAILURES = 64  # in a row without a sample; each skips about 1 KiB of a damaged MP3
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 768_000  # Hz
_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost. The defaults are those of `workbench.config.Settings`.

    Attributes
    ----------
    max_duration_s : longest decoded duration, seconds
    max_decoded_bytes : most bytes of float32 samples
    max_channels : most channels
    deadline_s : longest time from opening the file to its last block, seconds
    """

    max_duration_s: float = 14 * 3600
    max_decoded_bytes: int = 64 * 2**30
    max_channels: int = 64
    deadline_s: float = 900.0


class Decoder(Protocol):
    """What `AudioStream` needs of a library that decodes; opened by its constructor."""

    sample_rate: int
    channels: int
    codec: str
    declared_frames: int | None

    def read(self, frames: int) -> tuple[Samples, str]:
        """Up to ``frames`` frames, and what went wrong, if anything. No frames and no error: the end."""

    def seek(self, frame: int) -> bool:
        """Go on from a frame, if that is possible without decoding what lies before it; before the first `read`."""

    def stopped_early(self) -> bool:
        """Whether the decoder has come to its end with much of the file unread."""

    def close(self) -> None:
        """Free what the decoder holds; the file is the caller's."""


class AudioStream:
    """An open audio file that gives its samples in blocks; made by `open_audio`.

    Attributes
    ----------
    path : str
    format : str
        What the content is, for example ``flac`` (`workbench.audio.formats.FORMATS`).
    codec : str
        How the samples are coded, as the decoder calls it: ``pcm_16``, ``vorbis``, ``aac``.
    sample_rate : int
        Hz.
    channels : int
    declared_frames : int or None
        Length that the header claims, in frames; None where it claims nothing or only a guess.
    decoded_frames : int
        Frames given so far.
    flags : frozenset of str
        ``length_differs`` and ``decode_error``; complete when `blocks` is exhausted.
    """

    def __init__(self, file: OpenFile, kind: Format, limits: Limits) -> None:
        self._deadline = time.monotonic() + limits.deadline_s
        self._file, self._limits = file, limits
        self.path, self.format = file.path, kind.name
        self._decoder = _open_decoder(file, kind)
        self.sample_rate, self.channels = self._decoder.sample_rate, self._decoder.channels
        self.codec, self.declared_frames = self._decoder.codec, self._decoder.declared_frames
        self.decoded_frames = 0
        self.flags: frozenset[str] = frozenset()
        try:
            self._check_header()
        except AudioError:
            self._decoder.close()
            raise

    def blocks(self) -> Iterator[FloatSamples]:
        """Yield the samples in order as float32. To be used once. See `native_blocks`."""
        for block in self.native_blocks():
            yield np.asarray(block * np.float32(1 / 32768) if block.dtype == np.int16 else block, dtype=np.float32)

    def native_blocks(self) -> Iterator[Samples]:
        """Yield the samples in order. To be used once.

        Files of 16 bits, most of all, give int16: half the memory, and no conversion for who can do without.

        Yields
        ------
        numpy.ndarray, shape (n, channels), dtype float32 or int16
            C-contiguous and finite, nominally in [-1, 1], or with a full scale of 32768; at most 131072 frames, 4 s
            and 8 MiB of float32.

        Raises
        ------
        AudioError
            TOO_LONG, TOO_LARGE, TIMEOUT, NOT_FINITE, READ_ERROR; CORRUPT if the decoder failed and NO_AUDIO if
            it ended before the first sample.
        """
        size = max(1, min(_BLOCK_FRAMES, int(_BLOCK_SECONDS * self.sample_rate), _BLOCK_BYTES // (4 * self.channels)))
        problem, failures = "", 0
        while failures < _MOST_FAILURES:
            self._check_deadline()
            block, error = self._decoder.read(size)
            problem = problem or error
            failures = failures + 1 if error and not len(block) else 0
            if len(block):
                self.decoded_frames += len(block)
                self._check_deadline()
                self._check_block(block)
                yield block
                del block  # so that the next one can lie where it lay, which the processor still has at hand
            elif not error:
                break
        if not self.decoded_frames:
            raise AudioError(self.path, Reason.CORRUPT if problem else Reason.NO_AUDIO, problem)
        self.flags = frozenset(self._flags(problem))

    def excerpt(self, start_s: float, seconds: float) -> Samples:
        """Decode a part of the file. To be used once, instead of `blocks`.

        Parameters
        ----------
        start_s, seconds : float
            Where it begins, and how long it is.

        Returns
        -------
        numpy.ndarray, shape (n, channels), dtype float32 or int16
            As `native_blocks` gives it; shorter, or empty, where the file ends before.

        Raises
        ------
        AudioError
            As `native_blocks`.
        """
        start, length = round(start_s * self.sample_rate), round(seconds * self.sample_rate)
        if start and not self._decoder.seek(start):
            left = start
            while left > 0:
                self._check_deadline()
                block, _ = self._decoder.read(min(left, _BLOCK_FRAMES))
                if not len(block):
                    break
                left -= len(block)
        pieces: list[Samples] = []
        count = 0
        while count < length:
            self._check_deadline()
            block, _ = self._decoder.read(min(length - count, _BLOCK_FRAMES))
            if not len(block):
                break
            self._check_block(block)
            pieces.append(block)
            count += len(block)
        if not pieces:
            return np.empty((0, self.channels), dtype=np.int16)
        return cast(Samples, np.concatenate(pieces))

    def _flags(self, problem: str) -> Iterator[str]:
        declared, decoded = self.declared_frames, self.decoded_frames
        # an error after the last declared frame is junk behind the audio, and no loss
        if problem and declared != decoded:
            yield DECODE_ERROR
        if self._decoder.stopped_early() or (declared and abs(decoded - declared) > _TOLERANCE * declared):
            yield LENGTH_DIFFERS

    def _check_header(self) -> None:
        if self.channels > self._limits.max_channels:
            raise AudioError(self.path, Reason.TOO_MANY_CHANNELS, f"{self.channels} channels")
        if not _LOWEST_RATE <= self.sample_rate <= _HIGHEST_RATE:
            raise AudioError(self.path, Reason.BAD_SAMPLE_RATE, f"{self.sample_rate} Hz")

    def _check_deadline(self) -> None:
        if time.monotonic() > self._deadline:
            raise AudioError(self.path, Reason.TIMEOUT, f"not decoded in {self._limits.deadline_s:g} s")

    def _check_block(self, block: Samples) -> None:
        duration = self.decoded_frames / self.sample_rate
        if duration > self._limits.max_duration_s:
            raise AudioError(self.path, Reason.TOO_LONG, f"more than {self._limits.max_duration_s:g} s")
        if self.decoded_frames * self.channels * 4 > self._limits.max_decoded_bytes:
            raise AudioError(self.path, Reason.TOO_LARGE, f"more than {self._limits.max_decoded_bytes} bytes decoded")
        if not _finite(block):
            raise AudioError(self.path, Reason.NOT_FINITE, f"before {duration:.3f} s")

    def close(self) -> None:
        """Close the decoder and the file. Closing twice does nothing."""
        self._decoder.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _finite(block: Samples) -> bool:
    """Whether all samples are. If the sum of their squares is they are, which BLAS finds at the speed of memory."""
    if block.dtype != np.float32:
        return True
    samples = block.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.dot(samples, samples)) or np.isfinite(samples).all())


def open_audio(path: str, limits: Limits = Limits(), *, within: Sequence[str] = ()) -> AudioStream:
    """Open an audio file for decoding.

    Parameters
    ----------
    path : str
        A regular file, or a symbolic link to one.
    limits : Limits
        What the file may cost.
    within : sequence of str
        Folders that no link may lead out of; none means that any may.

    Returns
    -------
    AudioStream
        A context manager.

    Raises
    ------
    AudioError
        As `workbench.audio.files.OpenFile`; NOT_AUDIO if no decoder knows the content, DECODER_MISSING if
        PyAV would but is not installed, CORRUPT, TOO_MANY_CHANNELS, BAD_SAMPLE_RATE.

    Examples
    --------
    >>> import numpy as np, os, soundfile, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "silence.wav")
    ...     soundfile.write(path, np.zeros((800, 2)), 8000)
    ...     with open_audio(path) as stream:
    ...         stream.codec, [block.shape for block in stream.blocks()]
    ('pcm_16', [(800, 2)])
    """
    file = OpenFile(path, within)
    try:
        kind = sniff(file.fd, file.size)
        if kind is None:
            raise AudioError(path, Reason.NOT_AUDIO)
        return AudioStream(file, kind, limits)
    except MalformedError as error:
        file.close()
        raise AudioError(path, Reason.CORRUPT, str(error)) from error
    except OSError as error:
        file.close()
        raise AudioError(path, reason_of(error), str(error)) from error
    except BaseException:
        file.close()
        raise


def _open_decoder(file: OpenFile, kind: Format) -> Decoder:
    """Open the file with the first library of its format that can."""
    from workbench.audio.decode_av import AvDecoder, pyav_installed
    from workbench.audio.decode_sndfile import SndfileDecoder

    if kind.decoders[0] == "pyav":
        return AvDecoder(file, kind)
    try:
        return SndfileDecoder(file, kind)
    except AudioError as error:
        if error.reason is not Reason.CORRUPT or "pyav" not in kind.decoders:
            raise
        if not pyav_installed():
            detail = f"{error.detail} PyAV is not installed, which may know this encoding"
            raise AudioError(file.path, Reason.CORRUPT, detail) from None
        try:
            return AvDecoder(file, kind)
        except AudioError:
            raise error from None


def load(
    path: str, *, sr: int | None = None, mono: bool = True, limits: Limits = Limits()
) -> tuple[npt.NDArray[np.float32], int]:
    """Decode a whole file into memory, as `librosa.load` does: for short files, tests and plots.

    Parameters
    ----------
    path : str
        The file.
    sr : int or None
        Sample rate wanted, Hz; None keeps the file's own.
    mono : bool
        Mix all channels to one.
    limits : Limits
        What the file may cost.

    Returns
    -------
    y : numpy.ndarray, shape (n,) or (channels, n), dtype float32
        The second shape if ``mono`` is False and there are several channels.
    sr : int
        Sample rate of ``y``, Hz.

    Raises
    ------
    AudioError
        As `open_audio` and `AudioStream.blocks`.
    """
    with open_audio(path, limits) as stream:
        sr = sr or stream.sample_rate
        columns: list[list[FloatSamples]] = [[] for _ in range(1 if mono else stream.channels)]
        resamplers = [Resampler(stream.sample_rate, sr) for _ in columns]
        for block in stream.blocks():
            for channel, resampler in enumerate(resamplers):
                y = downmix(block) if mono else np.ascontiguousarray(block[:, channel])
                columns[channel].append(resampler.push(y))
        for column, resampler in zip(columns, resamplers, strict=True):
            column.append(resampler.flush())
    joined = [np.concatenate(column) for column in columns]
    return (joined[0] if len(joined) == 1 else np.stack(joined)), sr
