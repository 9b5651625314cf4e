"""Formats: valid files that a reader of plain WAV and MP3 has never met, and odd ways to put valid pieces together."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import Reason
from workbench.testing.encode import encode
from workbench.testing.hostile.craft import (
    EXTENSIBLE,
    FLOAT,
    chunk,
    format_chunk,
    id3,
    id3_text,
    rf64_header,
    strip_first_mp3_frame,
    wav,
)
from workbench.testing.hostile.registry import SR, UNREADABLE, Workshop, kind


def _with_libsndfile(y: npt.NDArray[np.float32], format: str, subtype: str, rate: int = SR, **options: Any) -> bytes:
    import soundfile

    stream = io.BytesIO()
    soundfile.write(stream, y, rate, subtype, format=format, **options)
    return stream.getvalue()


@kind("wav-extensible-24-bit", "WAVE_FORMAT_EXTENSIBLE with 24-bit samples.", "analyzed")
def _extensible(workshop: Workshop) -> str:
    wide = (workshop.samples() * 2**23).astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3]
    return workshop.put("extensible-24.wav", wav(wide.tobytes(), fmt=format_chunk(tag=EXTENSIBLE, bits=24)))


@kind("wav-float64", "Samples in double precision.", "analyzed")
def _float64(workshop: Workshop) -> str:
    return workshop.put(
        "float64.wav", wav(workshop.samples().astype("<f8").tobytes(), fmt=format_chunk(tag=FLOAT, bits=64))
    )


@kind("wav-float-above-full-scale", "Float samples that reach ten times full scale.", "analyzed")
def _hot(workshop: Workshop) -> str:
    loud = (workshop.samples() * 10).astype("<f4").tobytes()
    return workshop.put("hot.wav", wav(loud, fmt=format_chunk(tag=FLOAT, bits=32)))


@kind("wav-a-law", "A-law, the telephone's logarithm.", "analyzed")
def _a_law(workshop: Workshop) -> str:
    return workshop.put("a-law.wav", _with_libsndfile(workshop.samples(), "WAV", "ALAW"))


@kind("wav-ima-adpcm", "IMA ADPCM, four bits a sample in blocks.", "analyzed")
def _ima(workshop: Workshop) -> str:
    return workshop.put("ima-adpcm.wav", _with_libsndfile(workshop.samples(), "WAV", "IMA_ADPCM"))


@kind("wav-ima-adpcm-cut", "IMA ADPCM that ends inside a block.", "either", UNREADABLE)
def _ima_cut(workshop: Workshop) -> str:
    data = _with_libsndfile(workshop.samples(), "WAV", "IMA_ADPCM")
    return workshop.put("ima-adpcm-cut.wav", data[: len(data) // 2 + 7])


@kind("aiff", "AIFF, big-endian.", "analyzed")
def _aiff(workshop: Workshop) -> str:
    return workshop.put("plain.aiff", _with_libsndfile(workshop.samples(), "AIFF", "PCM_16"))


@kind("aiff-c", "AIFF-C with mu-law samples.", "analyzed")
def _aiff_c(workshop: Workshop) -> str:
    return workshop.put("mu-law.aifc", _with_libsndfile(workshop.samples(), "AIFF", "ULAW"))


@kind("caf", "Apple's Core Audio format.", "analyzed")
def _caf(workshop: Workshop) -> str:
    return workshop.put("apple.caf", _with_libsndfile(workshop.samples(), "CAF", "PCM_16"))


@kind("rf64", "A valid RF64 file, small enough to have been a WAV.", "analyzed")
def _rf64(workshop: Workshop) -> str:
    pcm = workshop.pcm()
    return workshop.put("valid-rf64.wav", rf64_header(len(pcm), fmt=format_chunk(), n_frames=len(pcm) // 4) + pcm)


@kind("w64", "Sony's Wave64, called .wav.", "either", UNREADABLE)
def _w64(workshop: Workshop) -> str:
    return workshop.put("w64-inside.wav", _with_libsndfile(workshop.samples(), "W64", "PCM_16"))


@kind("opus", "Opus in Ogg, called .ogg.", "analyzed")
def _opus(workshop: Workshop) -> str:
    from workbench.testing.encode import renumber

    sound = workshop.samples()[: SR // 2]
    return workshop.put("opus-inside.ogg", renumber(_with_libsndfile(sound, "OGG", "OPUS", 48000)))


@kind("wav-192-khz", "A sample rate of 192 kHz.", "analyzed")
def _fast(workshop: Workshop) -> str:
    return workshop.put("192-khz.wav", wav(workshop.pcm(), fmt=format_chunk(rate=192_000)))


@kind("wav-odd-chunks", "Chunks of odd sizes, padded as the standard asks, before and after the samples.", "analyzed")
def _odd_chunks(workshop: Workshop) -> str:
    odd = chunk(b"note", b"seven b") + chunk(b"LIST", b"INFOISFT\x03\0\0\0abc\0")
    return workshop.put("odd-chunks.wav", wav(workshop.pcm(), before=odd, after=odd))


@kind(
    "wav-odd-chunks-unpadded",
    "A chunk of odd size without its padding, as some writers make them.",
    "either",
    UNREADABLE,
)
def _odd_unpadded(workshop: Workshop) -> str:
    return workshop.put("odd-unpadded.wav", wav(workshop.pcm(), before=chunk(b"note", b"seven b", pad=False)))


@kind("wav-odd-data", "The samples end in the middle of a frame.", "analyzed")
def _odd_data(workshop: Workshop) -> str:
    return workshop.put("odd-data.wav", wav(workshop.pcm()[:-3]))


@kind("wav-two-data-chunks", "Two data chunks; the first is the sound.", "either", UNREADABLE)
def _two_data(workshop: Workshop) -> str:
    return workshop.put("two-data.wav", wav(workshop.pcm(), after=chunk(b"data", workshop.pcm(0.5))))


@kind("wav-trailing-garbage", "A hundred kilobytes of noise after the last chunk.", "analyzed")
def _trailing(workshop: Workshop) -> str:
    return workshop.put("trailing.wav", wav(workshop.pcm()) + workshop.rng.bytes(100_000))


@kind("wav-of-mp3", "MP3 frames in a WAV container, codec 0x55.", "either", UNREADABLE)
def _wav_of_mp3(workshop: Workshop) -> str:
    body = struct.pack("<HHIIHHHHIHHH", 0x55, 2, SR, 16000, 1, 0, 12, 1, 2, 417, 1, 1393)
    return workshop.put("mp3-in.wav", wav(workshop.good("mp3"), fmt=chunk(b"fmt ", body)))


@kind("flac-with-id3-prefix", "A FLAC file behind an ID3v2 tag that does not belong there.", "analyzed")
def _id3_flac(workshop: Workshop) -> str:
    return workshop.put("id3-prefix.flac", id3(id3_text(b"TIT2", "Prefix")) + workshop.good("flac"))


@kind("mp3-junk-prefix", "Three kilobytes of junk before the first frame.", "either", UNREADABLE)
def _junk_prefix(workshop: Workshop) -> str:
    junk = (np.frombuffer(workshop.rng.bytes(3000), np.uint8) & 0x7F).tobytes()
    return workshop.put("junk-prefix.mp3", junk + workshop.good("mp3"))


@kind("mp3-zeros-prefix", "Sixty-four kilobytes of zeros before the first frame.", "either", UNREADABLE)
def _zeros_prefix(workshop: Workshop) -> str:
    return workshop.put("zeros-prefix.mp3", bytes(65536) + workshop.good("mp3"))


@kind(
    "mp3-two-rates",
    "Two MP3 files in one, the first at 44.1 kHz in stereo, the second at 22.05 kHz in mono.",
    "either",
    UNREADABLE | {Reason.BAD_SAMPLE_RATE},
)
def _two_rates(workshop: Workshop) -> str:
    second = encode(workshop.samples()[::2, :1], SR // 2, "mp3")
    return workshop.put("two-rates.mp3", workshop.good("mp3") + second)


@kind("ogg-chained", "Two Ogg streams in a row, as internet radio records them.", "analyzed")
def _chained(workshop: Workshop) -> str:
    return workshop.put("chained.ogg", workshop.good("ogg") + workshop.good("ogg"))


@kind(
    "ogg-chained-two-rates",
    "Two Ogg streams in a row, the second at half the rate and in mono.",
    "either",
    UNREADABLE | {Reason.BAD_SAMPLE_RATE},
)
def _chained_rates(workshop: Workshop) -> str:
    second = encode(workshop.samples()[::2, :1], SR // 2, "ogg")
    return workshop.put("chained-two-rates.ogg", workshop.good("ogg") + second)


@kind("mp3-vbr-no-xing", "Variable bit rate without the header that says how long it is.", "analyzed")
def _no_xing(workshop: Workshop) -> str:
    sound = workshop.samples()
    data = _with_libsndfile(sound, "MP3", "MPEG_LAYER_III", bitrate_mode="VARIABLE", compression_level=0.4)
    return workshop.put("vbr-no-xing.mp3", strip_first_mp3_frame(data))


@kind("mp3-mpeg-2", "MPEG-2 Layer III at 22.05 kHz, mono.", "analyzed")
def _mpeg_2(workshop: Workshop) -> str:
    return workshop.put("mpeg-2.mp3", encode(workshop.samples()[::2, 0], SR // 2, "mp3"))


@kind(
    "mp3-trailing-zeros", "A megabyte of zeros after the last frame: a download that was allocated first.", "analyzed"
)
def _trailing_zeros(workshop: Workshop) -> str:
    return workshop.put("trailing-zeros.mp3", workshop.good("mp3") + bytes(2**20))
