"""Decode through libsndfile: WAV, RF64, W64, AIFF, CAF, AU, FLAC, Ogg Vorbis, Opus, MP3.

What python-soundfile does by default and what is done here instead:

* `soundfile.SoundFile.blocks` computes how much to read from the header, repeats old samples on a
  truncated MP3 and never ends on a lying header. Here `read` is called until it gives nothing.
* It seeks after each read to where it is already; a decoder that can seek is told here that it cannot.
* A failing read raises and drops what was decoded before the failure. Here that is found out and kept, and
  reading goes on behind the damage.
* A file goes in as a descriptor, so that its name plays no part: neither its bytes nor its extension.

MP3 goes in through a `View`: tags and junk left out, and a frame count in front where the file has none
or too small a one (`workbench.audio.mpeg`). So does FLAC, without its pictures and tags, if those are broken.
"""

from __future__ import annotations

import io
import os

import numpy as np
import soundfile

from workbench.audio import bounds, mpeg
from workbench.audio.chunks import CONTAINERS, MalformedError, flac_blocks
from workbench.audio.files import OpenFile, View, reason_of
from workbench.audio.formats import Format
from workbench.audio.samples import Samples
from workbench.errors import AudioError, Reason

_NO_LENGTH = 2**63 - 1  # libsndfile's SF_COUNT_MAX: the header does not say
_BAD_FILE = 7  # libsndfile's SFE_BAD_FILE; its text speaks of a missing file, but mpg123 is meant
_MALLOC_FAILED = 17  # libsndfile's SFE_MALLOC_FAILED
_SIXTEEN_BITS = "PCM_16"  # a lossless format whose samples can be taken as they are
_STREAMS = frozenset({"flac", "ogg", "opus", "mp3"})  # read forward to the last byte
_FLAC_BLOCK = 4096  # frames in a block of most FLAC files
_READ_AHEAD = 64 * 1024
_TOLERANCE = 0.01


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A sound file that is read once from front to back."""

    def seekable(self) -> bool:
        """Say no: python-soundfile then leaves the position alone."""
        return False


Splice = tuple[int, int, bytes]  # start and end of what is used of a file, and what comes in front of it


def _splice_mp3(file: OpenFile) -> tuple[Splice, int | None]:
    """Cut the frames out of an MP3 file; also the length that it declares, or None if libsndfile knows it.

    mpg123 takes a frame count for what it is, so one that is too small for the bytes that are there is replaced.
    """
    start, end = mpeg.stream_bounds(file.fd, file.size)
    header = os.pread(file.fd, 4, start)
    frame = mpeg.parse_header(header)
    if frame is None:
        raise MalformedError("the first frame is gone")
    table = mpeg.frame_count(file.fd, start)
    if table and table.covers(frame, end - start):
        return (start, end, b""), None
    if table:
        start += frame.length
    prefix = mpeg.frame_count_header(header, end - start) if frame.layer == mpeg.LAYER3 else b""
    return (start, end, prefix), table.frames * frame.samples if table else 0


def _splice_flac(file: OpenFile) -> Splice:
    """Leave all metadata but STREAMINFO out of a FLAC file."""
    first, *_, frames = flac_blocks(file.fd, file.size)
    info = os.pread(file.fd, first.size, first.start)
    return frames.start, file.size, b"fLaC\x80" + len(info).to_bytes(3, "big") + info


def _declared(file: OpenFile, kind: Format, frames: int) -> int | None:
    """Length that the header claims, in frames; libsndfile has cut ``frames`` to what the file can hold."""
    if frames in (0, _NO_LENGTH):
        return None
    if kind.name not in CONTAINERS:
        return frames
    walk, name = CONTAINERS[kind.name]
    try:
        audio = next((chunk for chunk in walk(file.fd, file.size) if chunk.name == name), None)
    except MalformedError:
        return frames
    if audio is None or not audio.size:
        return frames
    return None if audio.claimed is None else frames * audio.claimed // audio.size


class SndfileDecoder:
    """One file, opened with libsndfile. See `workbench.audio.decode.Decoder`.

    Raises
    ------
    AudioError
        CORRUPT if libsndfile refuses the file; OUT_OF_MEMORY.
    """

    def __init__(self, file: OpenFile, kind: Format) -> None:
        self._file, self._kind = file, kind.name
        self._splice: Splice | None = None
        self._position = self._skip = 0  # in the source, frames
        declared: int | None = None
        if kind.name == "mp3":
            self._splice, declared = _splice_mp3(file)
        elif os.pread(file.fd, 4, 0) == b"BW64":  # RF64 by a later name, which libsndfile does not know
            self._splice = 4, file.size, b"RF64"
        try:
            self._sound = self._open()
        except AudioError:
            if kind.name != "flac":
                raise
            self._splice = _splice_flac(file)
            self._sound = self._open()
        self._stream_end = 0
        if kind.name in _STREAMS:
            self._stream_end = self._view.size if self._view else bounds.skip_trailing_tags(file.fd, 0, file.size)
        self.sample_rate, self.channels = self._sound.samplerate, self._sound.channels
        self.codec = self._sound.subtype.lower()
        self._dtype: type = np.int16 if self._sound.subtype == _SIXTEEN_BITS else np.float32
        self.declared_frames = _declared(file, kind, self._sound.frames) if declared is None else declared or None

    def _open(self) -> _Forward:
        os.lseek(self._file.fd, 0, os.SEEK_SET)
        self._view = View(self._file.fd, *self._splice) if self._splice else None
        source = io.BufferedReader(self._view, _READ_AHEAD) if self._view else self._file.fd
        try:
            return _Forward(source, "r", closefd=False)
        except soundfile.LibsndfileError as error:
            reason = Reason.OUT_OF_MEMORY if error.code == _MALLOC_FAILED else Reason.CORRUPT
            detail = "mpg123 refuses the stream." if error.code == _BAD_FILE else error.error_string
            raise AudioError(self._file.path, reason, detail) from error

    def read(self, frames: int) -> tuple[Samples, str]:
        """Up to ``frames`` frames, and what went wrong, if anything."""
        block: Samples = np.empty((frames, self.channels), dtype=self._dtype)
        if self._kind == "mp3":
            block.fill(np.nan)  # shows below how far mpg123 came
        count, problem = 0, ""
        skip, self._skip = self._skip, 0
        try:
            if skip and not self._reopen_behind_damage(skip):
                return block[:0], ""
            # not `read(out=block)`, which looks up the name of the array's type at each call
            count = self._sound.buffer_read_into(block, self._dtype.__name__)
        except soundfile.LibsndfileError as error:
            problem = error.error_string
            count = self._decoded_before_failure(block)
            if self._kind == "flac":
                self._skip = 2 * skip if skip and not count else _FLAC_BLOCK
        self._position += count
        if self._view and self._view.error:
            raise AudioError(self._file.path, reason_of(self._view.error), str(self._view.error))
        return block[:count], problem

    def _decoded_before_failure(self, block: Samples) -> int:
        """How many frames a failed read put into the block, of which libsndfile says nothing."""
        if self._kind == "mp3":
            return int(np.count_nonzero(~np.isnan(block[:, 0])))
        try:
            return max(0, int(self._sound.tell()) - self._position)
        except soundfile.LibsndfileError:  # no position after a failed seek, and no frames either
            return 0

    def _reopen_behind_damage(self, skip: int) -> bool:
        """Go on some frames later with a new handle: libsndfile's FLAC decoder is dead after one bad frame."""
        self._position += skip
        if self._position >= self._sound.frames:
            return False
        self._sound.close()
        self._sound = self._open()
        self._sound.seek(self._position)
        return True

    def seek(self, frame: int) -> bool:
        """Go on from a frame; not in MP3, whose frames need those before them."""
        if self._kind == "mp3" or frame > self._sound.frames:
            return False
        try:
            self._sound.seek(frame)
        except soundfile.LibsndfileError:
            return False
        self._position = frame
        return True

    def stopped_early(self) -> bool:
        """Whether the decoder has come to its end with much of a compressed stream unread."""
        at = self._view.tell() if self._view else os.lseek(self._file.fd, 0, os.SEEK_CUR)
        return self._stream_end - at > max(_READ_AHEAD, _TOLERANCE * self._stream_end)

    def close(self) -> None:
        """Free libsndfile's handle; the file is the caller's."""
        self._sound.close()
