"""Content: files that are no audio, audio of impossible values, and audio that is hardly there or far too much."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np

from workbench.errors import Reason
from workbench.testing.hostile.craft import FLOAT, format_chunk, rf64_header, silent_flac, stream_info, wav
from workbench.testing.hostile.registry import SR, UNREADABLE, Workshop, kind

_TOO_MUCH = frozenset({Reason.TOO_LONG, Reason.TOO_LARGE, Reason.TIMEOUT})
_FLOAT_STEREO = format_chunk(tag=FLOAT, bits=32)


@kind("empty", "A file of no bytes.", "failed", {Reason.EMPTY})
def _empty(workshop: Workshop) -> str:
    return workshop.put("empty.wav", b"")


@kind("one-byte", "A file of one byte.", "failed", UNREADABLE)
def _one_byte(workshop: Workshop) -> str:
    return workshop.put("one-byte.flac", b"f")


@kind("text-named-mp3", "Prose that calls itself an MP3.", "failed", UNREADABLE)
def _text(workshop: Workshop) -> str:
    return workshop.put("text-named.mp3", b"It was a dark and stormy night; the rain fell in torrents.\n" * 400)


@kind("jpeg-named-wav", "A JPEG that calls itself a WAV.", "failed", UNREADABLE)
def _jpeg(workshop: Workshop) -> str:
    start = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300")
    return workshop.put("jpeg-named.wav", start + workshop.rng.bytes(8000) + b"\xff\xd9")


@kind("zip-named-wav", "A zip archive that calls itself a WAV, with a good WAV inside.", "failed", UNREADABLE)
def _zip(workshop: Workshop) -> str:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("inside.wav"), wav(workshop.pcm(0.2)))
    return workshop.put("zip-named.wav", stream.getvalue())


@kind("html-named-wav", "The login page that a download got instead of the file.", "failed", UNREADABLE)
def _html(workshop: Workshop) -> str:
    page = b"<!DOCTYPE html><html><body><h1>Please sign in</h1><script>alert(1)</script></body></html>\n"
    return workshop.put("html-named.wav", page * 20)


@kind("noise-named-mp3", "Random bytes, in which a patient decoder finds frames.", "either", UNREADABLE)
def _noise(workshop: Workshop) -> str:
    return workshop.put("noise-named.mp3", workshop.rng.bytes(50_000))


@kind("m4a-of-garbage", "The first box of an MPEG-4 file, then noise.", "failed", UNREADABLE)
def _m4a(workshop: Workshop) -> str:
    return workshop.put("garbage.m4a", struct.pack(">I8sI", 16, b"ftypM4A ", 0) + workshop.rng.bytes(4000))


def _float_wav(workshop: Workshop, name: str, value: float, where: slice) -> str:
    sound = workshop.samples().astype("<f4")
    sound[where] = value
    return workshop.put(name, wav(sound.tobytes(), fmt=_FLOAT_STEREO))


@kind("wav-nan", "One NaN among the samples, far from the start.", "failed", {Reason.NOT_FINITE})
def _nan(workshop: Workshop) -> str:
    return _float_wav(workshop, "nan.wav", float("nan"), slice(40000, 40001))


@kind("wav-all-nan", "Nothing but NaN.", "failed", {Reason.NOT_FINITE})
def _all_nan(workshop: Workshop) -> str:
    return _float_wav(workshop, "all-nan.wav", float("nan"), slice(None))


@kind("wav-infinity", "A hundred infinite samples.", "failed", {Reason.NOT_FINITE})
def _infinity(workshop: Workshop) -> str:
    return _float_wav(workshop, "infinity.wav", float("-inf"), slice(30000, 30100))


@kind("wav-enormous-values", "Finite samples of 1e30, whose squares overflow float32.", "either", {Reason.NOT_FINITE})
def _enormous(workshop: Workshop) -> str:
    return _float_wav(workshop, "enormous.wav", 1e30, slice(20000, 21000))


@kind(
    "wav-subnormal-values",
    "Samples of 1e-40, on which arithmetic slows down and ratios lose their meaning.",
    "analyzed",
)
def _subnormal(workshop: Workshop) -> str:
    return _float_wav(workshop, "subnormal.wav", 1e-40, slice(None))


@kind("wav-silence", "Two seconds of digital silence: valid, with nothing to measure.", "analyzed")
def _silence(workshop: Workshop) -> str:
    return workshop.put("silence.wav", wav(bytes(2 * SR * 4)))


@kind("wav-constant", "A direct current at half of full scale.", "analyzed")
def _constant(workshop: Workshop) -> str:
    return workshop.put("constant.wav", wav(struct.pack("<h", 16384) * (2 * SR * 2)))


@kind("wav-full-scale-square", "A square wave at Nyquist's frequency and full scale.", "analyzed")
def _square(workshop: Workshop) -> str:
    return workshop.put("square.wav", wav(struct.pack("<hhhh", 32767, 32767, -32768, -32768) * SR))


@kind("wav-one-sample", "A valid file of one sample.", "failed", {Reason.TOO_SHORT})
def _one_sample(workshop: Workshop) -> str:
    return workshop.put("one-sample.wav", wav(struct.pack("<hh", 1000, -1000)))


@kind("wav-no-samples", "A valid file of no samples.", "failed", {Reason.NO_AUDIO, Reason.TOO_SHORT})
def _no_samples(workshop: Workshop) -> str:
    return workshop.put("no-samples.wav", wav(b""))


@kind("flac-no-samples", "A FLAC file that ends after its STREAMINFO.", "failed", UNREADABLE)
def _no_samples_flac(workshop: Workshop) -> str:
    return workshop.put("no-samples.flac", stream_info(rate=SR, channels=2, bits=16, n_samples=0, block=4096))


@kind("wav-4-ms", "Four milliseconds: less than can be described.", "failed", {Reason.TOO_SHORT})
def _four_ms(workshop: Workshop) -> str:
    return workshop.put("4-ms.wav", wav(workshop.pcm(0.004)))


@kind(
    "wav-5-ms",
    "Five milliseconds to the nearest sample: the shortest that may be described.",
    "either",
    {Reason.TOO_SHORT},
)
def _five_ms(workshop: Workshop) -> str:
    return workshop.put("5-ms.wav", wav(workshop.pcm(0.005)))


@kind("wav-10-ms", "Ten milliseconds, shorter than one analysis frame.", "analyzed")
def _ten_ms(workshop: Workshop) -> str:
    return workshop.put("10-ms.wav", wav(workshop.pcm(0.01)))


@kind("silence-bomb", "Two hours of silence in 80 KB of FLAC.", "either", _TOO_MUCH, slow=True)
def _bomb(workshop: Workshop) -> str:
    return workshop.put("silence-bomb.flac", silent_flac(-(-7200 * SR // 65535)))


@kind(
    "silence-bomb-days",
    "Two days of silence at 8 kHz in 360 KB of FLAC: more than the default limit of 14 hours.",
    "failed",
    _TOO_MUCH,
    slow=True,
)
def _long_bomb(workshop: Workshop) -> str:
    return workshop.put("silence-bomb-days.flac", silent_flac(48 * 3600 * 8000 // 65535, rate=8000))


@kind(
    "sparse-rf64-5-gib",
    "A valid RF64 of 5 GiB that takes no room on the disk: seven minutes of silence in 8 channels at 384 kHz.",
    "either",
    _TOO_MUCH,
    slow=True,
)
def _sparse_rf64(workshop: Workshop) -> str:
    frame = 32
    n_frames = 5 * 2**30 // frame
    fmt = format_chunk(channels=8, bits=32, rate=384_000)
    path = workshop.put("sparse-5-gib.wav", rf64_header(n_frames * frame, fmt=fmt, n_frames=n_frames))
    with open(path, "r+b") as file:
        file.truncate(file.seek(0, io.SEEK_END) + n_frames * frame)
    return path


@kind(
    "sparse-mp3-of-zeros",
    "A gigabyte of zeros that calls itself an MP3, in which to look for a frame.",
    "failed",
    UNREADABLE | {Reason.TIMEOUT},
    slow=True,
)
def _sparse_mp3(workshop: Workshop) -> str:
    path = workshop.put("sparse-zeros.mp3", b"")
    with open(path, "r+b") as file:
        file.truncate(2**30)
    return path


@kind("wav-8-khz-telephone", "Unsigned 8-bit mono at 8 kHz.", "analyzed")
def _telephone(workshop: Workshop) -> str:
    mono = workshop.samples()[::5, 0]
    return workshop.put("telephone.wav", wav((mono * 127 + 128).astype(np.uint8).tobytes(),
                                             fmt=format_chunk(channels=1, rate=8820, bits=8)))  # fmt: skip
