"""Look at a file without decoding it: size, time, what it is, the identity of its audio, its tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.audio.files import FileStat, OpenFile, reason_of, stat_file
from workbench.audio.formats import is_audio_name, sniff
from workbench.audio.identity import content_id
from workbench.audio.tags import Tags, read_open_file
from workbench.errors import AudioError, Reason

__all__ = ["FileStat", "Probe", "is_audio_name", "probe", "stat_file"]

#: The format of a file that no decoder recognises.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Probe:
    """What is known of a file before it is decoded.

    Attributes
    ----------
    path : the file
    size : bytes
    mtime_ns : time of the last change of content, nanoseconds since 1970
    content_id : identity of its audio, 32 hexadecimal digits (`workbench.audio.identity`)
    format : what the content is, for example ``flac``; ``unknown`` if no decoder recognises it
    tags : what the file says of itself
    """

    path: str
    size: int
    mtime_ns: int
    content_id: str
    format: str
    tags: Tags


def probe(path: str, *, within: Sequence[str] = ()) -> Probe:
    """Read the identity and the tags of a file.

    Parameters
    ----------
    path : str
        A regular file, or a symbolic link to one.
    within : sequence of str
        Folders that no link may lead out of; none means that any may.

    Raises
    ------
    AudioError
        As `workbench.audio.files.OpenFile`; READ_ERROR if the disk fails; CHANGED_WHILE_READ if the file was written
        to or replaced in the meantime.
    """
    with OpenFile(path, within) as file:
        try:
            kind = sniff(file.fd, file.size)
            identity = content_id(file.fd, file.size, kind)
        except OSError as error:
            raise AudioError(path, reason_of(error), error.strerror or str(error)) from error
        tags = read_open_file(file, kind)
        before = file.stat
    if stat_file(path) != before:
        raise AudioError(path, Reason.CHANGED_WHILE_READ)
    return Probe(path, before.size, before.mtime_ns, identity, kind.name if kind else UNKNOWN, tags)
