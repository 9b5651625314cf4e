"""Frames of an MPEG audio stream (MP3, MP2) and of AAC in ADTS: where they begin, what a header says.

MPEG audio has no signature. A stream is recognised by frame headers that agree with each other,
each where the one before says that it must be (ISO/IEC 11172-3, 2.4.1.3; 13818-7, 6.2).

The first frame of most MP3 files carries no sound but a Xing, Info or VBRI table with the number of
frames. Without one the length of a variable-bit-rate file can only be guessed, and libsndfile stops
at the guess of mpg123, which may be a sixth of the audio. `frame_count_header` makes such a frame,
to be put in front, with a number that is never too small.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from workbench.audio import bounds
from workbench.audio.chunks import MalformedError

_WINDOW = 256 * 1024  # how far to look for the first frame: padding and junk after a tag are common
_CHAIN = 3  # so many headers that agree are not an accident

_MPEG1, _MPEG2, _MPEG25 = 3, 2, 0  # as coded in the header
_LAYER2, LAYER3 = 2, 1
_BIT_RATES = {  # kbit/s; index 0 is "free format", which has no known frame length, 15 is invalid
    (_MPEG1, _LAYER2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0),
    (_MPEG1, LAYER3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    (_MPEG2, _LAYER2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
    (_MPEG2, LAYER3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
_SAMPLE_RATES = {_MPEG1: (44100, 48000, 32000), _MPEG2: (22050, 24000, 16000), _MPEG25: (11025, 12000, 8000)}
_LARGEST_FRAME = 1729  # bytes: Layer II, 384 kbit/s at 32 kHz, padded
_SMALLEST_FRAME = 24  # bytes: 8 kbit/s at 24 kHz
_MONO = 3


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What the four bytes at the head of an MPEG audio frame say.

    Attributes
    ----------
    version, layer, mode : as coded in the header
    sample_rate : Hz
    length : bytes from this header to the next
    samples : samples per channel that the frame decodes to
    """

    version: int
    layer: int
    mode: int
    sample_rate: int
    length: int
    samples: int

    @property
    def largest(self) -> int:
        """Length of the largest frame that a stream like this may have: 384 kbit/s, padded."""
        return self.samples // 8 * 384_000 // self.sample_rate + 1

    @property
    def side_info(self) -> int:
        """Bytes between the header and the place of a Xing table (Layer III)."""
        if self.version == _MPEG1:
            return 17 if self.mode == _MONO else 32
        return 9 if self.mode == _MONO else 17


def parse_header(header: bytes) -> FrameHeader | None:
    """Read a frame header of Layer II or III; None if it is not one.

    Examples
    --------
    >>> parse_header(bytes.fromhex("fffb9064")).length
    417
    """
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bit_rates = _BIT_RATES.get((_MPEG2 if version == _MPEG25 else version, layer))
    rate_index = header[2] >> 2 & 3
    if bit_rates is None or rate_index == 3 or version not in _SAMPLE_RATES:
        return None
    bit_rate = bit_rates[header[2] >> 4] * 1000
    if not bit_rate:
        return None
    sample_rate = _SAMPLE_RATES[version][rate_index]
    samples = 576 if layer == LAYER3 and version != _MPEG1 else 1152
    length = samples // 8 * bit_rate // sample_rate + (header[2] >> 1 & 1)
    return FrameHeader(version, layer, header[3] >> 6, sample_rate, length, samples)


def first_frame(fd: int, start: int, end: int) -> int | None:
    """Offset of the first frame at or after ``start``; None if there is no MPEG audio near it.

    Parameters
    ----------
    fd : int
        Descriptor of a regular file; its position is neither used nor moved.
    start, end : int
        Range of the file to look at, bytes.
    """
    window = os.pread(fd, min(_WINDOW, max(0, end - start)), start)
    at = window.find(b"\xff")
    while at >= 0:
        if _chained(fd, start + at, end):
            return start + at
        at = window.find(b"\xff", at + 1)
    return None


def stream_bounds(fd: int, size: int) -> tuple[int, int]:
    """Where the frames of an MP3 file begin and end; MalformedError if there are none."""
    start = first_frame(fd, bounds.skip_id3v2(fd, size), size)
    if start is None:
        raise MalformedError("no MPEG audio frames")
    return start, _skip_padding(fd, start, bounds.skip_trailing_tags(fd, start, size))


def _skip_padding(fd: int, start: int, end: int) -> int:
    """Leave out zeros at the end, as in a download that was never finished, but not those of a last frame."""
    last = end
    while last > start:
        block = os.pread(fd, min(_WINDOW, last - start), max(start, last - _WINDOW)).rstrip(b"\0")
        last = max(start, last - _WINDOW) + len(block)
        if block:
            break
    return min(end, last + _LARGEST_FRAME)


def _chained(fd: int, at: int, end: int) -> bool:
    """Whether a frame begins here and is followed by its like, or by the end of the file."""
    kind: tuple[int, int, int] | None = None
    for _ in range(_CHAIN):
        header = parse_header(os.pread(fd, 4, at))
        if header is None:
            return kind is not None and at >= end
        this = (header.version, header.layer, header.sample_rate)
        if kind not in (None, this):
            return False
        kind, at = this, at + header.length
    return True


def is_adts(fd: int, start: int) -> bool:
    """Whether AAC frames with ADTS headers begin here."""
    at = start
    for _ in range(_CHAIN):
        header = os.pread(fd, 6, at)
        if len(header) < 6:
            return at > start and not header
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        if header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or length < 7:
            return False
        at += length
    return True


@dataclass(frozen=True, slots=True)
class FrameCount:
    """What a Xing, Info or VBRI table says of the stream; 0 where it says nothing.

    Attributes
    ----------
    frames : number of frames after the one that holds the table
    bytes : length of the stream; left 0 for VBRI, which libsndfile does not read
    """

    frames: int
    bytes: int

    def covers(self, first: FrameHeader, size: int) -> bool:
        """Whether all frames of a stream of ``size`` bytes may be counted here; a truncated file has fewer."""
        slack = 2 * first.largest
        return self.bytes + max(slack, size // 100) >= size and self.frames * first.largest + slack >= size


def frame_count(fd: int, at: int) -> FrameCount | None:
    """Read the table in the frame at ``at``; None if that frame carries sound."""
    frame = os.pread(fd, 4 + 32 + 32, at)
    header = parse_header(frame)
    if header is None or header.layer != LAYER3:
        return None
    table = frame[4 + header.side_info :]
    if table.startswith((b"Xing", b"Info")):
        flags, *fields = struct.unpack(">III", table[4:16].ljust(12, b"\0"))
        frames = fields.pop(0) if flags & 1 else 0
        return FrameCount(frames, fields.pop(0) if flags & 2 else 0)
    vbri = frame[36:]
    if vbri.startswith(b"VBRI"):
        return FrameCount(int.from_bytes(vbri[14:18], "big"), 0)
    return None


def frame_count_header(header: bytes, payload_size: int) -> bytes:
    """Make a silent Layer III frame with a frame count that no stream of this size can exceed.

    Parameters
    ----------
    header : bytes
        Header of a frame of the stream.
    payload_size : int
        Length of the stream, bytes.
    """
    plain = bytes([header[0], header[1] | 1, 9 << 4 | header[2] & 0x0C, header[3]])  # no CRC, 128 or 80 kbit/s
    parsed = parse_header(plain)
    if parsed is None:
        raise ValueError(f"{header.hex()} is not a frame header")
    table = b"Xing" + struct.pack(">II", 1, min(payload_size // _SMALLEST_FRAME + 1, 2**31 - 1))
    return (plain + bytes(parsed.side_info) + table).ljust(parsed.length, b"\0")
