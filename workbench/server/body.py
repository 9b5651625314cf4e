"""Bodies of requests, taken piece by piece as they arrive, at bounded memory.

A JSON body is small and is kept; an upload goes to files in a folder of its own, which is removed unless somebody
takes them. The names that a client gives to files are never used as paths.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import uuid
from pathlib import Path
from typing import BinaryIO, Protocol

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from workbench.server.problem import Problem

#: Most bytes of a JSON body, and of the JSON part of an upload.
JSON_BYTES = 1 << 20

_MOST_HEADERS = 16
_HEADER_BYTES = 4096
_UNSAFE = re.compile(r"[^\w .()+-]+")


class Body(Protocol):
    """What takes the pieces of a body."""

    limit: int

    def feed(self, piece: bytes) -> None:
        """Take a piece; `Problem` when it cannot be part of such a body."""

    def finish(self) -> None:
        """Note that the body is complete; `Problem` when it is not."""

    def close(self) -> None:
        """Remove what is left. Closing twice does nothing."""


class JsonBody:
    """A small body, kept as it is.

    Attributes
    ----------
    data : what has arrived
    limit : most bytes
    """

    def __init__(self, limit: int = JSON_BYTES) -> None:
        self.limit = limit
        self.data = bytearray()

    def feed(self, piece: bytes) -> None:
        """Take a piece."""
        self.data += piece

    def finish(self) -> None:
        """Nothing is left to do."""

    def close(self) -> None:
        """Forget the body."""
        self.data.clear()


class NoBody:
    """A body that nobody asked for: a little of it is read and forgotten."""

    limit = 1 << 16

    def feed(self, piece: bytes) -> None:
        """Forget a piece."""

    def finish(self) -> None:
        """Nothing is left to do."""

    def close(self) -> None:
        """Nothing is left to do."""


class Upload:
    """A ``multipart/form-data`` body: files, and a part ``options`` with JSON.

    Parameters
    ----------
    content_type : str
        The header, with the boundary.
    folder : Path
        A folder for this upload is made below it.
    field : str
        Name of the parts that hold files.
    most_files : int
    limit : int
        Most bytes of the whole body.

    Attributes
    ----------
    files : paths of the files that are complete
    options : the JSON part, ``{}`` if there is none
    """

    def __init__(self, content_type: str, folder: Path, *, field: str, most_files: int, limit: int) -> None:
        kind, parameters = parse_options_header(content_type)
        boundary = parameters.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
            raise Problem(400, "multipart/form-data needs a boundary of 1 to 70 characters.", code="malformed-upload")
        self.limit, self.files = limit, list[Path]()
        self.options = bytearray()
        self._field, self._most_files = field, most_files
        self._folder = folder / uuid.uuid4().hex
        self._lock = threading.Lock()
        self._closed = self._complete = False
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = bytearray(), bytearray()
        self._file: BinaryIO | None = None
        self._into_options = False
        self._parts = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._open_part,
                "on_part_data": self._part_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
            max_size=limit,
            max_header_count=_MOST_HEADERS,
            max_header_size=_HEADER_BYTES,
        )

    def feed(self, piece: bytes) -> None:
        """Take a piece; blocks while it goes to the disk."""
        with self._lock:
            if self._closed:
                return
            try:
                self._parser.write(piece)
            except MultipartParseError as error:
                raise Problem(400, "The upload is no multipart/form-data.", code="malformed-upload") from error

    def finish(self) -> None:
        """Check that the last boundary has come, and that there was a file."""
        if not self._complete:
            raise Problem(400, "The upload ends before its last boundary.", code="malformed-upload")
        if not self.files:
            message = f"No file. Give it as a part named {self._field!r} with a filename."
            raise Problem(422, message, errors=[{"field": self._field, "message": "required"}])

    def take(self, folder: Path) -> list[Path]:
        """Move the complete upload to a folder that does not exist yet, and give its files there."""
        with self._lock:
            folder.parent.mkdir(parents=True, exist_ok=True)
            os.rename(self._folder, folder)
            self.files = [folder / file.name for file in self.files]
            return self.files

    def close(self) -> None:
        """Remove what nobody has taken."""
        with self._lock:
            self._closed = True
            if self._file is not None:
                self._file.close()
                self._file = None
            shutil.rmtree(self._folder, ignore_errors=True)

    def _begin_part(self) -> None:
        self._parts += 1
        self._headers.clear()
        if self._parts > self._most_files + 1:
            raise self._too_many()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _open_part(self) -> None:
        disposition, parameters = parse_options_header(self._headers.get(b"content-disposition"))
        name, filename = parameters.get(b"name"), parameters.get(b"filename")
        encoded = self._headers.get(b"content-transfer-encoding", b"binary").lower()
        if disposition != b"form-data" or encoded not in (b"binary", b"8bit", b"7bit"):
            raise Problem(400, "A part of the upload is no form data.", code="malformed-upload")
        self._into_options = name == b"options"
        if self._into_options:
            if self.options:
                raise Problem(422, "options is given twice.", errors=[{"field": "options", "message": "given twice"}])
        elif name == self._field.encode() and filename is not None:
            if len(self.files) == self._most_files:
                raise self._too_many()
            self._folder.mkdir(parents=True, exist_ok=True)
            target = self._folder / f"{len(self.files) + 1:04d}-{_safe_name(filename)}"
            self._file = open(target, "xb")  # noqa: SIM115 - closed by `_end_part` or `close`
            self.files.append(target)
        else:
            message = f"no such part; give {self._field} with a filename, and options"
            raise Problem(422, message, errors=[{"field": "part", "message": message}])

    def _too_many(self) -> Problem:
        message = f"at most {self._most_files} at a time, and one part options"
        return Problem(422, f"{self._field}: {message}.", errors=[{"field": self._field, "message": message}])

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self.options += data[start:end]
        if len(self.options) > JSON_BYTES:
            raise Problem(413, f"options has more than {JSON_BYTES} bytes.")

    def _end_part(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _end(self) -> None:
        self._complete = True


def _safe_name(name: bytes) -> str:
    r"""Make a file name of what a client calls its file: no folders, no odd characters, no more than 100.

    >>> _safe_name(b"../../etc/pass\x00wd"), _safe_name(b"C:\\x\\Caf\xc3\xa9.wav"), _safe_name(b"...")
    ('pass_wd', 'Café.wav', 'audio')
    """
    last = re.split(r"[/\\]", name.decode("utf-8", "replace"))[-1]
    stem, ending = os.path.splitext(_UNSAFE.sub("_", last).strip(" ."))
    return f"{stem[:60]}{ending[:20]}" or "audio"
