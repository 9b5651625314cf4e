"""What a file is, judged by its content alone: a name or an extension decides nothing.

Each `Format` is one row of a table. `AUDIO_EXTENSIONS`, which a folder scan goes by, is made from
the same table, so that what is listed is what can be decoded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from workbench.audio import bounds, mpeg

Library = Literal["libsndfile", "pyav"]


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of audio file.

    Attributes
    ----------
    name : stable identifier, stored with every track
    extensions : lower-case extensions that a folder scan picks up, with the dot
    decoders : libraries that can decode it, in the order in which they are tried
    demuxer : FFmpeg's name of the container; the only one that PyAV is allowed to use for it
    """

    name: str
    extensions: tuple[str, ...]
    decoders: tuple[Library, ...] = ("libsndfile",)
    demuxer: str = ""


_ROWS = (
    # libsndfile reads the common encodings of these; FFmpeg knows the rare ones (AC-3 in WAV, AAC in CAF)
    Format("wav", (".wav", ".wave", ".bwf"), ("libsndfile", "pyav"), "wav"),
    Format("rf64", (".rf64",), ("libsndfile", "pyav"), "wav"),
    Format("w64", (".w64",), ("libsndfile", "pyav"), "w64"),
    Format("aiff", (".aif", ".aiff", ".aifc", ".afc"), ("libsndfile", "pyav"), "aiff"),
    Format("caf", (".caf",), ("libsndfile", "pyav"), "caf"),
    Format("au", (".au", ".snd"), ("libsndfile", "pyav"), "au"),
    Format("flac", (".flac", ".fla")),
    Format("ogg", (".ogg", ".oga")),
    Format("opus", (".opus",)),
    Format("mp3", (".mp3", ".mp2", ".mpga")),
    Format("oggflac", (), ("pyav",), "ogg"),
    Format("speex", (".spx",), ("pyav",), "ogg"),
    Format("m4a", (".m4a", ".m4b", ".mp4", ".3gp"), ("pyav",), "mov"),
    Format("aac", (".aac",), ("pyav",), "aac"),
    Format("wma", (".wma", ".asf"), ("pyav",), "asf"),
    Format("matroska", (".mka", ".weba", ".webm"), ("pyav",), "matroska"),
    Format("wavpack", (".wv",), ("pyav",), "wv"),
    Format("ape", (".ape",), ("pyav",), "ape"),
    Format("tta", (".tta",), ("pyav",), "tta"),
    Format("musepack7", (".mpc",), ("pyav",), "mpc"),
    Format("musepack8", (), ("pyav",), "mpc8"),
    Format("dsf", (".dsf",), ("pyav",), "dsf"),
)

#: Every format by name.
FORMATS: dict[str, Format] = {row.name: row for row in _ROWS}

#: Extensions that a folder scan picks up, lower case, with the dot.
AUDIO_EXTENSIONS: frozenset[str] = frozenset(ext for row in _ROWS for ext in row.extensions)

#: First bytes of a file, and what may follow at a later offset, per format.
_MAGIC: tuple[tuple[bytes, int, bytes, str], ...] = (
    (b"RIFF", 8, b"WAVE", "wav"),
    (b"RIFX", 8, b"WAVE", "wav"),
    (b"RF64", 8, b"WAVE", "rf64"),
    (b"BW64", 8, b"WAVE", "rf64"),
    (b"riff\x2e\x91\xcf\x11", 24, b"wave\xf3\xac\xd3\x11", "w64"),
    (b"FORM", 8, b"AIFF", "aiff"),
    (b"FORM", 8, b"AIFC", "aiff"),
    (b"caff", 4, b"\x00\x01", "caf"),
    (b".snd", 0, b"", "au"),
    (b"fLaC", 0, b"", "flac"),
    (b"OggS", 28, b"\x01vorbis", "ogg"),
    (b"OggS", 28, b"OpusHead", "opus"),
    (b"OggS", 28, b"\x7fFLAC", "oggflac"),
    (b"OggS", 28, b"Speex   ", "speex"),
    (b"", 4, b"ftyp", "m4a"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 0, b"", "wma"),
    (b"\x1a\x45\xdf\xa3", 0, b"", "matroska"),
    (b"wvpk", 0, b"", "wavpack"),
    (b"MAC ", 0, b"", "ape"),
    (b"TTA1", 0, b"", "tta"),
    (b"TTA2", 0, b"", "tta"),
    (b"MP+", 0, b"", "musepack7"),
    (b"MPCK", 0, b"", "musepack8"),
    (b"DSD ", 0, b"", "dsf"),
)


def sniff(fd: int, size: int) -> Format | None:
    """Tell what an open file is from its first bytes, after any ID3v2 tags.

    Parameters
    ----------
    fd : int
        Descriptor of a regular file; its position is neither used nor moved.
    size : int
        Length of the file, bytes.

    Returns
    -------
    Format or None
        None for content that no decoder here recognises.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     _ = file.write(b"fLaC" + bytes(40))
    ...     file.flush()
    ...     sniff(file.fileno(), 44).name
    'flac'
    """
    start = bounds.skip_id3v2(fd, size)
    head = os.pread(fd, 40, start)
    for first, offset, then, name in _MAGIC:
        if head.startswith(first) and head.startswith(then, offset):
            return FORMATS[name]
    if mpeg.is_adts(fd, start):
        return FORMATS["aac"]
    if mpeg.first_frame(fd, start, size) is not None:
        return FORMATS["mp3"]
    return None


def is_audio_name(path: str) -> bool:
    """Tell by the extension whether a folder scan picks the file up.

    Examples
    --------
    >>> is_audio_name("Take Five.FLAC"), is_audio_name("cover.jpg")
    (True, False)
    """
    return path[path.rfind(".") :].lower() in AUDIO_EXTENSIONS
