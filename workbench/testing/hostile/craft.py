"""Container bytes written by hand, so that every field can lie."""

from __future__ import annotations

import struct

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


def chunk(name: bytes, data: bytes, *, size: int | None = None, pad: bool = True) -> bytes:
    """Build a RIFF chunk; `size` replaces the true size, `pad` adds the byte that odd sizes need."""
    declared = len(data) if size is None else size
    return name + struct.pack("<I", declared & 0xFFFFFFFF) + data + (b"\0" if pad and len(data) % 2 else b"")


def format_chunk(
    *, tag: int = PCM, channels: int = 2, rate: int = 44100, bits: int = 16, block_align: int | None = None
) -> bytes:
    """Build the ``fmt`` chunk of a WAV file; with tag `EXTENSIBLE` it carries the PCM sub-format."""
    align = channels * bits // 8 & 0xFFFF if block_align is None else block_align
    body = struct.pack("<HHIIHH", tag, channels, rate, rate * align & 0xFFFFFFFF, align, bits)
    if tag == EXTENSIBLE:
        body += struct.pack("<HHI", 22, bits, 0x3) + bytes.fromhex("0100000000001000800000aa00389b71")
    return chunk(b"fmt ", body)


def wav(
    data: bytes,
    *,
    fmt: bytes | None = None,
    data_size: int | None = None,
    riff_size: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """Build a WAV file.

    Parameters
    ----------
    data : bytes
        Interleaved little-endian samples.
    fmt : bytes, optional
        From `format_chunk`; default: 16-bit stereo at 44.1 kHz.
    data_size, riff_size : int, optional
        What the headers claim instead of the truth.
    before, after : bytes
        Chunks around the ``data`` chunk.
    """
    body = b"WAVE" + (format_chunk() if fmt is None else fmt) + before + chunk(b"data", data, size=data_size) + after
    return chunk(b"RIFF", body, size=riff_size, pad=False)


def rf64_header(data_size: int, *, fmt: bytes, n_frames: int) -> bytes:
    """All of an RF64 file (EBU Tech 3306) that precedes its samples."""
    sizes = (data_size + 72 & 0xFFFFFFFFFFFFFFFF, data_size & 0xFFFFFFFFFFFFFFFF, n_frames & 0xFFFFFFFFFFFFFFFF)
    ds64 = chunk(b"ds64", struct.pack("<QQQI", *sizes, 0))
    return b"RF64\xff\xff\xff\xffWAVE" + ds64 + fmt + b"data\xff\xff\xff\xff"


def crc(data: bytes, polynomial: int, width: int) -> int:
    """Compute a plain CRC, most significant bit first, starting from 0."""
    top, mask, value = 1 << width - 1, (1 << width) - 1, 0
    for byte in data:
        value ^= byte << width - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
    return value


def stream_info(*, rate: int, channels: int, bits: int, n_samples: int, block: int) -> bytes:
    """Build the start of a FLAC file whose only metadata block is STREAMINFO (RFC 9639, section 8.2)."""
    packed = rate << 44 | channels - 1 << 41 | bits - 1 << 36 | n_samples
    body = struct.pack(">HH6xQ16x", block, block, packed)
    return b"fLaC" + bytes([0x80]) + len(body).to_bytes(3, "big") + body


def silent_flac(n_blocks: int, *, rate: int = 44100) -> bytes:
    """Build a mono 16-bit FLAC file of silence: 65535 samples in each block of some 16 bytes."""
    block = 65535
    frames = [stream_info(rate=rate, channels=1, bits=16, n_samples=n_blocks * block, block=block)]
    for number in range(n_blocks):
        header = b"\xff\xf8\x70\x08" + _coded_number(number) + struct.pack(">H", block - 1)
        header += bytes([crc(header, 0x07, 8)])
        frame = header + b"\0\0\0"  # one subframe: constant, of value 0
        frames.append(frame + struct.pack(">H", crc(frame, 0x8005, 16)))
    return b"".join(frames)


def _coded_number(number: int) -> bytes:
    """Code a frame number in the extended UTF-8 that FLAC uses: that of Unicode serves below 0xD800."""
    return chr(number).encode()


def id3(*frames: bytes, size: int | None = None, version: int = 3, flags: int = 0) -> bytes:
    """Build an ID3v2 tag; `size` replaces the true size."""
    body = b"".join(frames)
    return b"ID3" + bytes([version, 0, flags]) + synchsafe(len(body) if size is None else size) + body


def id3_frame(name: bytes, data: bytes, *, size: int | None = None, flags: int = 0) -> bytes:
    """Build an ID3v2.3 frame."""
    return name + struct.pack(">IH", len(data) if size is None else size, flags) + data


def id3_text(name: bytes, text: str) -> bytes:
    """Build an ID3v2.3 text frame in UTF-16."""
    return id3_frame(name, b"\x01" + text.encode("utf-16", "surrogatepass"))


def synchsafe(value: int) -> bytes:
    """Four bytes of seven bits each."""
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def flac_with_block(flac: bytes, block_type: int, body: bytes, *, size: int | None = None) -> bytes:
    """Build a FLAC file with one more metadata block, right after STREAMINFO."""
    declared = (len(body) if size is None else size).to_bytes(3, "big")
    head = flac[:4] + bytes([flac[4] & 0x7F]) + flac[5:42]
    # our block may only be the last one if STREAMINFO was
    return head + bytes([block_type | flac[4] & 0x80]) + declared + body + flac[42:]


def strip_first_mp3_frame(mp3: bytes) -> bytes:
    """Drop the first frame of an MP3, which is where encoders put the Xing/Info header."""
    kbps = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)[mp3[2] >> 4]
    rate = (44100, 48000, 32000)[mp3[2] >> 2 & 3]
    return mp3[144 * kbps * 1000 // rate + (mp3[2] >> 1 & 1) :]
