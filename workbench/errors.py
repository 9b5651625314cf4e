"""Everything that can go wrong, as one tree. Each error says what happened and what to do.

::

    WorkbenchError                 exit code of the command line
    ├── InputError            2    the request is wrong: a missing folder, an unknown column
    │   ├── NotFoundError          it names something that is not there: a job
    │   ├── LimitError             one owner asks for more than one may have at a time
    │   └── AccessDeniedError      a server does not let the client in, or not there
    ├── AudioError            1    one file cannot be analyzed; carries a Reason
    ├── LibraryError          3    the library cannot be used as it is
    │   ├── LibraryVersionError    written by another version of the workbench
    │   ├── LibraryUnwritableError no permission, or a read-only disk
    │   ├── CatalogLockedError     another process holds the catalog
    │   ├── CatalogUnreachableError  the database server does not answer
    │   ├── CatalogMovedError      the catalog is in another database by now
    │   ├── ServerUnreachableError the server that has the library does not answer
    │   └── LibraryDamagedError    stored data do not match what was committed
    ├── StorageFullError      4    no room left; nothing committed is lost
    ├── FenceLostError        5    a stale attempt tried to commit and was refused
    └── JobError              5    a job cannot go on
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import ClassVar


class Outcome(StrEnum):
    """What became of a file in a job: exactly one of these."""

    ANALYZED = "analyzed"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a file failed: the stable code stored in the catalog and printed in JSON."""

    MISSING = "missing"
    PERMISSION_DENIED = "permission_denied"
    NOT_A_FILE = "not_a_file"
    SYMLINK_LOOP = "symlink_loop"
    LEADS_OUT = "leads_out"
    EMPTY = "empty"
    NOT_AUDIO = "not_audio"
    DECODER_MISSING = "decoder_missing"
    CORRUPT = "corrupt"
    NO_AUDIO = "no_audio"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_LARGE = "too_large"
    TOO_MANY_CHANNELS = "too_many_channels"
    BAD_SAMPLE_RATE = "bad_sample_rate"
    NOT_FINITE = "not_finite"
    CHANGED_WHILE_READ = "changed_while_read"
    READ_ERROR = "read_error"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_DIED = "worker_died"
    INTERNAL = "internal"

    @property
    def remedy(self) -> str:
        """One sentence that tells the user what to do about it."""
        return _REMEDIES[self]

    @property
    def transient(self) -> bool:
        """True when the next run tries the file again even though it has not changed."""
        return self in _TRANSIENT


_REMEDIES: dict[Reason, str] = {
    Reason.MISSING: "Restore the file, or ignore this if it was removed on purpose.",
    Reason.PERMISSION_DENIED: "Give the user who runs the workbench permission to read the file.",
    Reason.NOT_A_FILE: "Pass regular files only; pipes, devices and sockets are not read.",
    Reason.SYMLINK_LOOP: "Repair or remove the symbolic link, which points back to itself.",
    Reason.LEADS_OUT: "Remove the link, which leads out of the folders that are allowed, or allow where it leads.",
    Reason.EMPTY: "The file has no bytes: copy it again from its source.",
    Reason.NOT_AUDIO: "No decoder recognises the content: check that it is audio, or convert it to FLAC or WAV.",
    Reason.DECODER_MISSING: "Install the extra that decodes this format: pip install 'audio-workbench[av]'.",
    Reason.CORRUPT: "The decoder gave up before any audio: copy the file again, or re-encode it.",
    Reason.NO_AUDIO: "The file holds no audio samples: copy it again from its source.",
    Reason.TOO_SHORT: "The audio is shorter than 5 ms, too short to describe.",
    Reason.TOO_LONG: "Raise WORKBENCH_MAX_DURATION_S, or split the file.",
    Reason.TOO_LARGE: "Raise WORKBENCH_MAX_DECODED_BYTES, or split the file.",
    Reason.TOO_MANY_CHANNELS: "Raise WORKBENCH_MAX_CHANNELS, or mix the file down.",
    Reason.BAD_SAMPLE_RATE: "The sample rate is outside 1 kHz to 768 kHz: repair the header or re-encode the file.",
    Reason.NOT_FINITE: "The samples contain NaN or infinity: re-export the file.",
    Reason.CHANGED_WHILE_READ: "The file was being written: run the analysis again when it is complete.",
    Reason.READ_ERROR: "The disk or network returned an error: check it, then run the analysis again.",
    Reason.TIMEOUT: "Raise WORKBENCH_FILE_DEADLINE_S, or re-encode the file; retry with --retry-failed.",
    Reason.OUT_OF_MEMORY: "Give the worker more memory, or split the file; retry with --retry-failed.",
    Reason.WORKER_DIED: "The decoder crashed on this file: re-encode it; retry with --retry-failed.",
    Reason.INTERNAL: "This is a defect of the workbench: please report it with the detail shown.",
}

_TRANSIENT = frozenset(
    {
        Reason.MISSING,
        Reason.PERMISSION_DENIED,
        Reason.SYMLINK_LOOP,
        Reason.LEADS_OUT,
        Reason.DECODER_MISSING,
        Reason.CHANGED_WHILE_READ,
        Reason.READ_ERROR,
    }
)


class WorkbenchError(Exception):
    """Base of all errors that the workbench raises on purpose.

    Parameters
    ----------
    message : str
        What happened, naming the file, library or field concerned.
    remedy : str
        What the user can do about it.
    """

    exit_code: ClassVar[int] = 5

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class InputError(WorkbenchError):
    """The request cannot be understood or met as it was written."""

    exit_code = 2


class NotFoundError(InputError):
    """The request names something that is not there."""


class LimitError(InputError):
    """The request goes beyond what one owner may have at a time."""


class AccessDeniedError(InputError):
    """The server does not let the client in, or not there."""


class AudioError(WorkbenchError):
    """One file cannot be analyzed.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    reason : Reason
        The stable code.
    detail : str
        What the decoder or the system said, for the curious.
    """

    exit_code = 1

    def __init__(self, path: str | os.PathLike[str], reason: Reason, detail: str = "") -> None:
        self.path = os.fspath(path)
        self.reason = reason
        self.detail = detail
        said = f" ({detail})" if detail else ""
        super().__init__(f"{self.path!r}: {reason.value}{said}.", reason.remedy)
        self.args = (self.path, reason, detail)  # what pickle passes back to __init__


class LibraryError(WorkbenchError):
    """The library cannot be used as it is."""

    exit_code = 3


class LibraryVersionError(LibraryError):
    """The library was written by another version of the workbench."""


class LibraryUnwritableError(LibraryError):
    """The library's folder cannot be written."""


class CatalogLockedError(LibraryError):
    """Another process held the catalog for longer than the time allowed."""


class CatalogUnreachableError(LibraryError):
    """The database server that has the catalog did not answer for longer than the time allowed."""


class CatalogMovedError(LibraryError):
    """The catalog is in another database by now.

    Parameters
    ----------
    name : str
        Where it was.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The catalog {name} has moved.", "Start this program again: it will open the library where it is now."
        )
        self.args = (name,)  # what pickle passes back to __init__


class ServerUnreachableError(LibraryError):
    """The server that has the library did not answer for longer than the time allowed."""


class LibraryDamagedError(LibraryError):
    """What is stored does not match what was committed."""


class StorageFullError(WorkbenchError):
    """The disk is full. What was committed stays; the job can be resumed."""

    exit_code = 4


class FenceLostError(WorkbenchError):
    """Another attempt has taken this batch over: the commit of this one is refused."""


class JobError(WorkbenchError):
    """A job cannot go on."""
