"""Headers that lie about lengths, rates and channels, around sound that is there."""

from __future__ import annotations

import io
import struct

import numpy as np

from workbench.errors import Reason
from workbench.testing.encode import encode
from workbench.testing.hostile.craft import chunk, format_chunk, rf64_header, wav
from workbench.testing.hostile.registry import ANY_CONTENT, SR, UNREADABLE, Workshop, kind

_LENGTHS = UNREADABLE | {Reason.TOO_LONG, Reason.TOO_LARGE}
_RATES = UNREADABLE | {Reason.BAD_SAMPLE_RATE}
_CHANNELS = UNREADABLE | {Reason.TOO_MANY_CHANNELS}


@kind("wav-data-size-huge", "Claims 4 GiB of samples and holds a second and a half.", "analyzed")
def _data_size_huge(workshop: Workshop) -> str:
    return workshop.put("wav-data-size-huge.wav", wav(workshop.pcm(), data_size=0xFFFFFFF0, riff_size=0xFFFFFFF8))


@kind(
    "rf64-data-size-absurd",
    "An RF64 header that claims 10^14 seconds of sound in a file of a few hundred kilobytes.",
    "either",
    _LENGTHS,
)
def _rf64_absurd(workshop: Workshop) -> str:
    pcm, seconds = workshop.pcm(), 10**14
    size = min(seconds * SR * 4, 2**63 - 1)
    header = rf64_header(size, fmt=format_chunk(), n_frames=size // 4)
    return workshop.put("rf64-data-size-absurd.wav", header + pcm)


@kind("rf64-data-size-negative", "An RF64 header whose 64-bit sizes are -1000.", "either", _LENGTHS)
def _rf64_negative(workshop: Workshop) -> str:
    return workshop.put("rf64-negative.wav", rf64_header(-1000, fmt=format_chunk(), n_frames=-250) + workshop.pcm())


@kind("wav-data-size-zero", "Claims no samples at all, though they follow.", "either", _LENGTHS)
def _data_size_zero(workshop: Workshop) -> str:
    return workshop.put("wav-data-size-zero.wav", wav(workshop.pcm(), data_size=0))


@kind("wav-data-size-small", "Claims a quarter of a second of the second and a half that it holds.", "analyzed")
def _data_size_small(workshop: Workshop) -> str:
    return workshop.put("wav-data-size-small.wav", wav(workshop.pcm(), data_size=SR))


@kind("wav-data-size-minus-one", "Sizes of -1, which streaming writers leave behind.", "analyzed")
def _data_size_minus_one(workshop: Workshop) -> str:
    return workshop.put("wav-minus-one.wav", wav(workshop.pcm(), data_size=-1, riff_size=-1))


@kind("wav-riff-size-zero", "The outer size is 0, the inner one is right.", "analyzed")
def _riff_size_zero(workshop: Workshop) -> str:
    return workshop.put("wav-riff-size-zero.wav", wav(workshop.pcm(), riff_size=0))


@kind("wav-block-align-zero", "A frame of 0 bytes: a division by zero for the trusting.", "either", UNREADABLE)
def _block_align_zero(workshop: Workshop) -> str:
    return workshop.put("wav-block-align-zero.wav", wav(workshop.pcm(), fmt=format_chunk(block_align=0)))


@kind("wav-channels-zero", "No channels.", "failed", _CHANNELS)
def _channels_zero(workshop: Workshop) -> str:
    return workshop.put("wav-channels-zero.wav", wav(workshop.pcm(), fmt=format_chunk(channels=0, block_align=0)))


@kind("wav-channels-64", "64 channels: unusual, and within the default limit.", "analyzed")
def _channels_64(workshop: Workshop) -> str:
    sound = workshop.samples(0.5)
    wide = (np.repeat(sound, 32, axis=1) * np.linspace(1, 0.2, 64) * 32767).astype("<i2").tobytes()
    return workshop.put("wav-channels-64.wav", wav(wide, fmt=format_chunk(channels=64)))


@kind("wav-channels-65", "65 channels: one more than the default limit.", "failed", _CHANNELS)
def _channels_65(workshop: Workshop) -> str:
    wide = (np.repeat(workshop.samples(0.5)[:, :1], 65, axis=1) * 32767).astype("<i2").tobytes()
    return workshop.put("wav-channels-65.wav", wav(wide, fmt=format_chunk(channels=65)))


@kind("wav-channels-65535", "65535 channels, so that a single frame takes 128 KiB.", "failed", _CHANNELS)
def _channels_65535(workshop: Workshop) -> str:
    return workshop.put("wav-channels-65535.wav", wav(workshop.pcm(), fmt=format_chunk(channels=65535)))


@kind("wav-rate-zero", "A sample rate of 0 Hz.", "failed", _RATES)
def _rate_zero(workshop: Workshop) -> str:
    return workshop.put("wav-rate-zero.wav", wav(workshop.pcm(), fmt=format_chunk(rate=0)))


@kind("wav-rate-1-hz", "A sample rate of 1 Hz, which makes 18 hours of it.", "failed", _RATES | {Reason.TOO_LONG})
def _rate_one(workshop: Workshop) -> str:
    return workshop.put("wav-rate-1-hz.wav", wav(workshop.pcm(), fmt=format_chunk(rate=1)))


@kind("wav-rate-4-ghz", "A sample rate of 4 294 967 295 Hz.", "failed", _RATES)
def _rate_four_gigahertz(workshop: Workshop) -> str:
    return workshop.put("wav-rate-4-ghz.wav", wav(workshop.pcm(), fmt=format_chunk(rate=0xFFFFFFFF)))


@kind("wav-bits-zero", "Samples of 0 bits.", "failed", UNREADABLE)
def _bits_zero(workshop: Workshop) -> str:
    return workshop.put("wav-bits-zero.wav", wav(workshop.pcm(), fmt=format_chunk(bits=0, block_align=4)))


@kind("wav-codec-unknown", "A codec number that nobody ever assigned.", "failed", UNREADABLE)
def _codec_unknown(workshop: Workshop) -> str:
    return workshop.put("wav-codec-unknown.wav", wav(workshop.pcm(), fmt=format_chunk(tag=0x7ABC)))


@kind("wav-chunk-size-absurd", "A LIST chunk before the samples claims 4 GiB.", "either", UNREADABLE)
def _chunk_absurd(workshop: Workshop) -> str:
    before = chunk(b"LIST", b"INFOxxxx", size=0xFFFFFFFE)
    return workshop.put("wav-chunk-size-absurd.wav", wav(workshop.pcm(), before=before))


@kind("wav-no-format-chunk", "Samples without a word about what they are.", "failed", UNREADABLE)
def _no_format(workshop: Workshop) -> str:
    return workshop.put("wav-no-format-chunk.wav", wav(workshop.pcm(), fmt=b""))


@kind("wav-many-chunks", "Five thousand empty chunks before the samples.", "analyzed")
def _many_chunks(workshop: Workshop) -> str:
    return workshop.put("wav-many-chunks.wav", wav(workshop.pcm(), before=chunk(b"JUNK", b"") * 5000))


@kind("flac-length-absurd", "STREAMINFO claims 2^36 - 1 samples, eighteen days of them.", "either", _LENGTHS)
def _flac_absurd(workshop: Workshop) -> str:
    data = bytearray(workshop.good("flac"))
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    return workshop.put("flac-length-absurd.flac", bytes(data))


@kind("flac-length-unknown", "STREAMINFO leaves the length open, as a streaming encoder must.", "analyzed")
def _flac_unknown(workshop: Workshop) -> str:
    data = bytearray(workshop.good("flac"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    return workshop.put("flac-length-unknown.flac", bytes(data))


@kind("mp3-xing-absurd", "The Info header counts 2^32 - 1 frames.", "analyzed")
def _xing_absurd(workshop: Workshop) -> str:
    data = bytearray(workshop.good("mp3"))
    at = max(data.find(b"Xing", 0, 200), data.find(b"Info", 0, 200))
    data[at + 8 : at + 12] = b"\xff" * 4
    return workshop.put("mp3-xing-absurd.mp3", bytes(data))


@kind(
    "ogg-granule-absurd",
    "The last Ogg page gives its position as 2^62 samples, with a valid checksum.",
    "either",
    ANY_CONTENT,
)
def _granule_absurd(workshop: Workshop) -> str:
    from mutagen.ogg import OggPage

    data = workshop.good("ogg")
    at = data.rfind(b"OggS")
    page = OggPage(io.BytesIO(data[at:]))
    page.position = 2**62
    return workshop.put("ogg-granule-absurd.ogg", data[:at] + page.write())


@kind(
    "aiff-frames-absurd",
    "An AIFF whose COMM chunk claims 2^32 - 1 frames and whose sizes claim 2 GiB.",
    "either",
    ANY_CONTENT,
)
def _aiff_absurd(workshop: Workshop) -> str:
    rate = b"\x40\x0e\xac\x44" + bytes(6)  # 44100 as an 80-bit float
    common = struct.pack(">4sIhIh", b"COMM", 18, 2, 0xFFFFFFFF, 16) + rate
    sound = struct.pack(">4sIII", b"SSND", 0x7FFFFFF0, 0, 0)
    body = b"AIFF" + common + sound + np.frombuffer(workshop.pcm(), "<i2").astype(">i2").tobytes()
    return workshop.put("aiff-frames-absurd.aiff", struct.pack(">4sI", b"FORM", 0x7FFFFFFF) + body)


@kind(
    "wav-rate-3-mhz", "A true sample rate of 3 MHz, as sonar has: outside what is called sound here.", "either", _RATES
)
def _rate_three_megahertz(workshop: Workshop) -> str:
    return workshop.put("wav-rate-3-mhz.wav", wav(workshop.pcm(), fmt=format_chunk(rate=3_000_000)))


@kind("mp3-of-other-extension", "A good MP3 that is called .wav: content counts, not the name.", "analyzed")
def _wrong_extension(workshop: Workshop) -> str:
    return workshop.put("mp3-inside.wav", encode(workshop.samples(), SR, "mp3"))
