"""Find audio files in folders, lazily, in a fixed order, at the speed of `os.scandir`."""

from __future__ import annotations

import os
import stat as modes
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from workbench.audio.files import leads_out, reason_of
from workbench.audio.formats import is_audio_name
from workbench.errors import InputError, Reason


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """One file found, or one thing that could not be looked into.

    Attributes
    ----------
    path : absolute path; bytes that are not valid Unicode stand as lone surrogates (PEP 383)
    size : bytes; 0 if unknown
    mtime_ns : time of the last change of content, nanoseconds since 1970; 0 if unknown
    reason : why the file or folder cannot be read, as far as that shows without opening it; else None
    detail : what the system said
    """

    path: str
    size: int = 0
    mtime_ns: int = 0
    reason: Reason | None = None
    detail: str = ""


def scan(paths: Iterable[str | os.PathLike[str]], *, within: Sequence[str] = ()) -> Iterator[ScannedFile]:
    """List the audio files in folders, and files given by name.

    Folders are walked by name, each folder's files before its sub-folders. Names that begin with a dot
    are left out, and so are files without an audio extension
    (`workbench.audio.formats.AUDIO_EXTENSIONS`); a file that is given itself is always
    listed, once. Symbolic links to folders are followed after all real folders; no folder is
    walked twice, so that a loop of links ends.

    Parameters
    ----------
    paths : iterable of path-like
        Folders and files. ``~`` stands for the home folder.
    within : sequence of str
        Folders that no link may lead out of; none means that any may. A link that does is not followed, and is listed
        with the reason.

    Yields
    ------
    ScannedFile
        Also for what has an audio extension but is no regular file, or cannot be read.

    Raises
    ------
    InputError
        At once, if one of the paths does not exist.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("b.mp3", "A.flac", ".hidden.wav", "cover.jpg"):
    ...         _ = pathlib.Path(folder, name).write_bytes(b"x")
    ...     [os.path.basename(file.path) for file in scan([folder])]
    ['A.flac', 'b.mp3']
    """
    roots = [os.path.abspath(os.path.expanduser(os.fspath(path))) for path in paths]
    for root in roots:
        try:
            os.lstat(root)
        except (FileNotFoundError, NotADirectoryError, ValueError) as error:
            raise InputError(f"There is no file or folder {root!r}.", "Check the path.") from error
        except OSError:
            continue  # it exists but cannot be reached: that is an outcome of its own
    return _scan(list(dict.fromkeys(roots)), within)


def _scan(roots: list[str], within: Sequence[str]) -> Iterator[ScannedFile]:
    outside = [root for root in roots if leads_out(root, within)]
    yield from (_led_out(root) for root in outside)
    roots = [root for root in roots if root not in outside]
    given = {root for root in roots if not os.path.isdir(root)}
    walked: set[tuple[int, int]] = set()
    links: deque[str] = deque()
    for root in roots:
        if root in given:
            yield _look_at(root)
        else:
            yield from _walk(root, given, walked, links, within)
    while links:
        yield from _walk(links.popleft(), given, walked, links, within)


def _walk(
    root: str, given: set[str], walked: set[tuple[int, int]], links: deque[str], within: Sequence[str]
) -> Iterator[ScannedFile]:
    """List one tree of real folders; links to folders found on the way are left in ``links``."""
    stack = [root]
    while stack:
        folder = stack.pop()
        try:
            found = os.stat(folder)
            if (found.st_dev, found.st_ino) in walked:
                continue
            walked.add((found.st_dev, found.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=_name)
        except OSError as error:
            yield ScannedFile(folder, reason=reason_of(error), detail=error.strerror or str(error))
            continue
        folders: list[str] = []
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.is_symlink() and os.path.isdir(entry.path):
                if leads_out(entry.path, within):
                    yield _led_out(entry.path)
                else:
                    links.append(entry.path)
            elif is_audio_name(name) and entry.path not in given:
                refused = entry.is_symlink() and leads_out(entry.path, within)
                yield _led_out(entry.path) if refused else _look_at(entry)
        stack.extend(reversed(folders))


_name = attrgetter("name")


def _led_out(path: str) -> ScannedFile:
    return ScannedFile(path, reason=Reason.LEADS_OUT)


def _look_at(file: os.DirEntry[str] | str) -> ScannedFile:
    """Say what can be said of a file without opening it."""
    path = os.fspath(file)
    try:
        found = os.stat(file) if isinstance(file, str) else file.stat()
    except OSError as error:
        return ScannedFile(path, reason=reason_of(error), detail=error.strerror or str(error))
    if not modes.S_ISREG(found.st_mode):
        return ScannedFile(path, reason=Reason.NOT_A_FILE)
    return ScannedFile(path, found.st_size, found.st_mtime_ns, None if found.st_size else Reason.EMPTY)
