"""Open what is on disk without ever waiting for it: regular files only, by any name.

A pipe, a device or a socket with an audio extension must not be opened in earnest: that would
block, or worse. A name need not be valid Unicode; Python carries such bytes as lone surrogates
(PEP 383) and everything here passes them on.
"""

from __future__ import annotations

import errno
import io
import os
import stat as modes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from workbench.errors import AudioError, Reason

_REASONS = {
    errno.ENOENT: Reason.MISSING,
    errno.ENOTDIR: Reason.MISSING,
    errno.ENAMETOOLONG: Reason.MISSING,
    errno.EACCES: Reason.PERMISSION_DENIED,
    errno.EPERM: Reason.PERMISSION_DENIED,
    errno.ELOOP: Reason.SYMLINK_LOOP,
    errno.EISDIR: Reason.NOT_A_FILE,
    errno.ENXIO: Reason.NOT_A_FILE,  # a FIFO or device that took the file's place after it was looked at
    errno.ENOMEM: Reason.OUT_OF_MEMORY,
}


def reason_of(error: OSError) -> Reason:
    """Name the reason that an error of the operating system stands for.

    Examples
    --------
    >>> reason_of(FileNotFoundError(2, "No such file or directory")).value
    'missing'
    """
    return _REASONS.get(error.errno or 0, Reason.READ_ERROR)


@dataclass(frozen=True, slots=True)
class FileStat:
    """What tells, without reading it, whether a file has changed.

    Attributes
    ----------
    size : bytes
    mtime_ns : time of the last change of content, nanoseconds since 1970
    """

    size: int
    mtime_ns: int


def stat_file(path: str) -> FileStat:
    """Look at a file without opening it.

    Parameters
    ----------
    path : str
        Symbolic links are followed.

    Raises
    ------
    AudioError
        MISSING, PERMISSION_DENIED, SYMLINK_LOOP, READ_ERROR; NOT_A_FILE for a folder, pipe, device
        or socket; EMPTY for a file of no bytes.
    """
    try:
        return _checked(path, os.stat(path))
    except OSError as error:
        raise AudioError(path, reason_of(error), error.strerror or str(error)) from error
    except ValueError as error:  # a NUL in the name: no file can have it
        raise AudioError(path, Reason.MISSING, str(error)) from error


def leads_out(path: str, within: Sequence[str], of: os.stat_result | None = None) -> bool:
    """Tell whether a path, all links followed, lies outside of all of some folders; where there are none, it does not.

    Parameters
    ----------
    path : str
    within : sequence of str
        Folders; if they are links themselves, what they lead to counts.
    of : os.stat_result, optional
        Of what was opened by that path: true as well if the path leads to something else by now.
    """
    if not within:
        return False
    real = os.path.realpath(path)
    if not any(is_below(real, os.path.realpath(folder)) for folder in within):
        return True
    try:
        return of is not None and not os.path.samestat(os.lstat(real), of)
    except OSError:  # it has gone in the meantime
        return True


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or in it, by their names.

    >>> is_below("/music/a.wav", "/music"), is_below("/music2/a.wav", "/music"), is_below("/a", "/")
    (True, False, True)
    """
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _checked(path: str, found: os.stat_result) -> FileStat:
    if not modes.S_ISREG(found.st_mode):
        raise AudioError(path, Reason.NOT_A_FILE)
    if not found.st_size:
        raise AudioError(path, Reason.EMPTY)
    return FileStat(found.st_size, found.st_mtime_ns)


class OpenFile:
    """A regular file, open for reading; a context manager.

    Parameters
    ----------
    path : str
        The file.
    within : sequence of str
        Folders in one of which it must lie when all links are followed; none means anywhere.

    Attributes
    ----------
    path : str
    fd : int
        Descriptor. Its position belongs to the decoder; everything else here reads with `os.pread`.
    stat : FileStat
        As it was when the file was opened.

    Raises
    ------
    AudioError
        As `stat_file` does; LEADS_OUT.
    """

    def __init__(self, path: str, within: Sequence[str] = ()) -> None:
        stat_file(path)  # opening a device may already do something to it
        self.path = path
        try:
            # O_NONBLOCK: a FIFO may have taken the file's place since
            self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            raise AudioError(path, reason_of(error), error.strerror or str(error)) from error
        try:
            found = os.fstat(self.fd)
            if leads_out(path, within, found):
                raise AudioError(path, Reason.LEADS_OUT)  # not where to: nobody is to learn what is there
            self.stat = _checked(path, found)
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """Length in bytes when the file was opened."""
        return self.stat.size

    def close(self) -> None:
        """Give the descriptor back. Closing twice does nothing."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class View(io.RawIOBase):
    """A range of a file, with other bytes in front of it if wanted, as a readable file for a C library.

    Reading leaves the position of the descriptor alone. Nothing is raised, since nothing can be
    raised through the C code that calls this: a bad seek returns -1, and the error of a failed
    read is kept.

    Parameters
    ----------
    fd : int
        The file.
    start, end : int
        The range, bytes.
    prefix : bytes
        What comes before it.

    Attributes
    ----------
    size : int
        Length of prefix and range, bytes.
    error : OSError or None
        Why reading failed; to its reader that looks like the end of the file.
    """

    def __init__(self, fd: int, start: int, end: int, prefix: bytes = b"") -> None:
        super().__init__()
        self._fd, self._prefix, self._shift = fd, prefix, start - len(prefix)
        self._position = 0
        self.size = len(prefix) + end - start
        self.error: OSError | None = None

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Position, bytes."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, and return the new position; return -1 and stay where that is before the beginning."""
        position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if position < 0:
            return -1
        self._position = position
        return position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer as far as possible; return how far."""
        at, room = self._position, memoryview(buffer)
        if at < len(self._prefix):
            piece = self._prefix[at : at + len(room)]
            room[: len(piece)] = piece
            count = len(piece)
        else:
            count = self._pread(room[: max(0, min(len(room), self.size - at))], at + self._shift)
        self._position += count
        return count

    def _pread(self, buffer: memoryview, offset: int) -> int:
        try:
            return os.preadv(self._fd, [buffer], offset)
        except OSError as error:
            self.error = error
            return 0
