"""The registry of hostile kinds, and the workshop that their makers work in."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from workbench.errors import InputError, Reason
from workbench.testing.encode import Format, encode
from workbench.testing.track import simulate_track

Expectation = Literal["analyzed", "failed", "either"]

SR = 44100

#: Ways in which a decoder may word its refusal of bytes that are no audio, or no longer.
UNREADABLE = frozenset({Reason.NOT_AUDIO, Reason.CORRUPT, Reason.NO_AUDIO, Reason.TOO_SHORT, Reason.DECODER_MISSING})

#: Whatever damage to a header may lead to, since it may turn it into another valid header.
ANY_CONTENT = UNREADABLE | {
    Reason.TOO_LONG, Reason.TOO_LARGE, Reason.TOO_MANY_CHANNELS, Reason.BAD_SAMPLE_RATE, Reason.NOT_FINITE,
    Reason.TIMEOUT,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A file that was made to be hard to read.

    Attributes
    ----------
    path : absolute; a name that is not UTF-8 carries surrogate escapes, as `os.fsdecode` gives them
    kind : name in `HOSTILE_KINDS`
    expectation : ``analyzed``, ``failed``, or ``either`` where both are right
    reasons : the codes that a failure may carry; empty if it must not fail
    sentence : what is wrong with it
    """

    path: str
    kind: str
    expectation: Expectation
    reasons: frozenset[Reason]
    sentence: str


class Workshop:
    """Where makers find sound to spoil and put what they made.

    Every call of `samples` gives other samples, in this workshop and in those of other numbers, so
    that no two files are duplicates.

    Parameters
    ----------
    folder : pathlib.Path
        Where files go.
    music : numpy.ndarray, shape (n, 2), float32
        A loop that `samples` cuts from.
    seed, number : int
        The number is that of the kind.
    """

    def __init__(self, folder: Path, music: npt.NDArray[np.float32], seed: int, number: int) -> None:
        self.folder = folder
        # randomness of its own: choosing some kinds changes no file
        self.rng = np.random.default_rng([seed, 6, number])
        self._music = music
        self._offset = 200 * number

    def samples(self, seconds: float = 1.5) -> npt.NDArray[np.float32]:
        """Music, shape (n, 2) float32 at `SR`, of at most 1.5 s, never the same twice."""
        self._offset += 37
        return np.roll(self._music, self._offset, axis=0)[: round(seconds * SR)]

    def pcm(self, seconds: float = 1.5) -> bytes:
        """Give the same as interleaved 16-bit little-endian integers."""
        return (self.samples(seconds) * 32767).astype("<i2").tobytes()

    def good(self, format: Format, *, tags: dict[str, str] | None = None) -> bytes:
        """Encode a valid file."""
        return encode(self.samples(), SR, format, tags=tags)

    def put(self, name: str | bytes, data: bytes) -> str:
        """Write a file and return its path."""
        path = self.place(name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def place(self, name: str | bytes) -> str:
        """Give the path that a name will have."""
        return os.path.join(os.fspath(self.folder), os.fsdecode(name))


Maker = Callable[[Workshop], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to be hostile.

    Attributes
    ----------
    name : short and stable, for example ``wav-cut-in-header``
    group : folder that its files go to
    expectation, reasons, sentence : as in `HostileFile`
    slow : True where an honest reader needs seconds
    make : writes the file and returns its path
    """

    name: str
    group: str
    expectation: Expectation
    reasons: frozenset[Reason]
    sentence: str
    slow: bool
    make: Maker


#: Every kind by name, in the order in which they are made.
HOSTILE_KINDS: dict[str, Kind] = {}


def kind(
    name: str, sentence: str, expectation: Expectation, reasons: Iterable[Reason] = (), *, slow: bool = False
) -> Callable[[Maker], Maker]:
    """Register the maker that is decorated; parameters as in `Kind`."""
    allowed = frozenset(reasons)
    if (expectation == "analyzed") == bool(allowed):
        raise ValueError(f"{name}: reasons belong to kinds that may fail, and only to them")

    def register(make: Maker) -> Maker:
        if name in HOSTILE_KINDS:
            raise ValueError(f"{name} is registered twice")
        group = make.__module__.rpartition(".")[2]
        HOSTILE_KINDS[name] = Kind(name, group, expectation, allowed, sentence, slow, make)
        return make

    return register


# What a file system says to a name, a node or a size that it cannot hold.
_CANNOT_HOLD = {
    errno.EILSEQ, errno.EINVAL, errno.ENAMETOOLONG, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EFBIG, errno.ENOSYS,
}  # fmt: skip


def hostile_files(
    folder: str | os.PathLike[str], *, seed: int = 0, slow: bool = True, kinds: Iterable[str] | None = None
) -> list[HostileFile]:
    """Make one file of every hostile kind in `HOSTILE_KINDS`.

    Kinds that the file system cannot hold (a FIFO on FAT, a name that is not UTF-8 on APFS) are
    left out. The files need about 45 MB of disk, whatever sizes they claim.

    Parameters
    ----------
    folder : path-like
        Empty or not yet there. The files go to one subfolder per group.
    seed : int
        The same seed gives the same bytes.
    slow : bool
        Also make the kinds that an honest reader needs seconds for.
    kinds : iterable of str, optional
        Only these; default: all.

    Returns
    -------
    list of HostileFile
        Each with what a reader should make of it.

    Raises
    ------
    InputError
        If the folder is not empty or a kind is unknown.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (made,) = hostile_files(folder, kinds=["empty"])
    ...     made.expectation, sorted(made.reasons), made.sentence
    ('failed', [<Reason.EMPTY: 'empty'>], 'A file of no bytes.')
    """
    root = Path(folder).absolute()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InputError(f"{root} is not an empty folder.", "Name an empty folder or one that does not exist.")
    chosen = set(HOSTILE_KINDS) if kinds is None else set(kinds)
    unknown = sorted(chosen - set(HOSTILE_KINDS))
    if unknown:
        raise InputError(f"Unknown kinds {unknown}.", "workbench.testing.HOSTILE_KINDS lists them.")
    music = simulate_track(seed, style="rock", duration=1.5, sr=SR).y
    made = []
    for number, (name, entry) in enumerate(HOSTILE_KINDS.items()):
        if name not in chosen or (entry.slow and not slow):
            continue
        workshop = Workshop(root / entry.group, music, seed, number)
        workshop.folder.mkdir(parents=True, exist_ok=True)
        try:
            path = entry.make(workshop)
        except OSError as error:
            if error.errno not in _CANNOT_HOLD:
                raise
            continue
        made.append(HostileFile(path, name, entry.expectation, entry.reasons, entry.sentence))
    return made
