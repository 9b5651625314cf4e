"""Audio files as bytes: samples and tags in, a complete file out, the same bits every time."""

from __future__ import annotations

import io
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

Format = Literal["wav", "flac", "ogg", "mp3"]
FORMATS: tuple[Format, ...] = get_args(Format)

_SUBTYPES: dict[Format, str] = {"wav": "PCM_16", "flac": "PCM_16", "ogg": "VORBIS", "mp3": "MPEG_LAYER_III"}
_ID3_FRAMES = {"title": "TIT2", "artist": "TPE1", "album": "TALB", "genre": "TCON", "tracknumber": "TRCK"}


def encode(y: npt.NDArray[np.float32], sr: int, format: Format, *, tags: dict[str, str] | None = None) -> bytes:
    """Encode audio as WAV, FLAC, Ogg Vorbis or MP3.

    Parameters
    ----------
    y : numpy.ndarray, shape (n,) or (n, channels)
        Samples in [-1, 1].
    sr : int
        Sample rate in Hz, one that the format knows.
    format : {"wav", "flac", "ogg", "mp3"}
    tags : dict of str to str, optional
        ``title``, ``artist``, ``album``, ``genre``, ``tracknumber``.

    Returns
    -------
    bytes
        The file.
    """
    import soundfile  # imports cffi and libsndfile: only those who write need them

    stream = io.BytesIO()
    channels = 1 if y.ndim == 1 else y.shape[1]
    with soundfile.SoundFile(stream, "w", sr, channels, _SUBTYPES[format], format=format.upper()) as file:
        # libsndfile's Vorbis encoder puts a whole write on the stack: a long one overflows it
        for start in range(0, len(y), sr):
            file.write(y[start : start + sr])
    if tags:
        _tag(stream, format, tags)
    return renumber(stream.getvalue()) if format == "ogg" else stream.getvalue()


def _tag(stream: io.BytesIO, format: Format, tags: dict[str, str]) -> None:
    from mutagen import flac, id3, mp3, oggvorbis, wave

    stream.seek(0)
    # mutagen's own annotations promise less than it does
    kinds: dict[Format, Any] = {"wav": wave.WAVE, "mp3": mp3.MP3, "flac": flac.FLAC, "ogg": oggvorbis.OggVorbis}
    audio = kinds[format](stream)
    if audio.tags is None:
        audio.add_tags()
    for name, text in tags.items():
        if format in {"wav", "mp3"}:
            audio.tags.add(id3.Frames[_ID3_FRAMES[name]](encoding=id3.Encoding.UTF8, text=[text]))
        else:
            audio.tags[name] = [text]
    stream.seek(0)
    audio.save(stream)


def renumber(ogg: bytes) -> bytes:
    """Give every page serial number 1: libsndfile draws it from the clock."""
    from mutagen.ogg import OggPage

    stream, pages = io.BytesIO(ogg), []
    while stream.tell() < len(ogg):
        page = OggPage(stream)
        page.serial = 1
        pages.append(page.write())
    return b"".join(pages)
