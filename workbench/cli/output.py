"""What all commands share: errors as messages and exit codes, tables, JSON, and harmless text."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import typer

from workbench import tabular
from workbench.errors import WorkbenchError

P = ParamSpec("P")
T = TypeVar("T")

INTERRUPTED = 130


def handled(command: Callable[P, T]) -> Callable[P, T]:
    """Let a command end with a message and an exit code instead of a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except WorkbenchError as error:
            if kwargs.get("as_json"):
                print_json({"error": {"kind": type(error).__name__, "message": error.message, "remedy": error.remedy}})
            say(f"error: {error}")
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            say("interrupted: what is done is kept; the same command goes on from there")
            raise typer.Exit(INTERRUPTED) from error

    return run


def say(text: str) -> None:
    """Write a line for a person, on standard error."""
    print(harmless(text), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Write the one JSON document of a command to standard output."""
    print(tabular.to_json(value))


def harmless(text: str) -> str:
    r"""Make text from tags and file names safe to print: no terminal control, no right-to-left tricks.

    >>> harmless("a\x1b[31mb\n")
    'a\\x1b[31mb\\n'
    """
    return "".join(c if c == " " or c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Iterable[str] = ()) -> None:
    """Write a table to standard output, as wide as the terminal allows; None is shown as a dash."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numeric = column in set(right)
        table.add_column(column, justify="right" if numeric else "left", no_wrap=numeric, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text("–" if cell is None else harmless(str(cell))) for cell in row))
    Console().print(table)


def number(value: float | None, digits: int) -> str | None:
    """Format a number; what is not known stays None."""
    return None if value is None else f"{value:.{digits}f}"


def track_row(track: Mapping[str, Any]) -> list[Any]:
    """Give what is shown of a track in every table: name, tempo, key, energy, mood."""
    return [
        name_of(track),
        number(track["bpm"], 1),
        track["camelot"],
        track["key"],
        number(track["energy"], 2),
        track["mood"],
    ]


#: Headings that go with `track_row`.
TRACK_COLUMNS = ("track", "BPM", "Camelot", "key", "energy", "mood")
NUMERIC = ("BPM", "energy", "score", "length", "timbre", "rhythm", "harmony", "dynamics", "true BPM", "files")


def name_of(track: Mapping[str, Any]) -> str:
    """Artist and title where there are any, else the file's name."""
    if track.get("title"):
        return f"{track['artist']} – {track['title']}" if track.get("artist") else str(track["title"])
    return str(track["path"]).rpartition("/")[2]


def clock(seconds: float) -> str:
    """Format a duration.

    >>> clock(75), clock(3725)
    ('1:15', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
