"""What all commands share: errors as messages and exit codes, tables, JSON, and harmless text."""

from __future__ import annotations

import functools
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import typer

from workbench import tabular
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.assist.reading import Reading
    from workbench.jobs.manager import JobStatus
    from workbench.playlist import Playlist, Transition
    from workbench.store.similar import SimilarTracks

P = ParamSpec("P")
T = TypeVar("T")

INTERRUPTED = 130
#: Said while what is compiled once for a machine is compiled.
COMPILING = "compiling for this processor, in the first run only"

#: Controls of terminals and of the direction of writing, and characters of no width.
_UNSEEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_NOT_ASCII = re.compile("[^\0-\x7f]")


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
    """Write the one JSON document of a command to standard output, with what cannot be seen as escapes."""
    text = _UNSEEN.sub(_escaped, tabular.to_json(value))
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = _NOT_ASCII.sub(_escaped, text)
    print(text)


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


def harmless(text: str) -> str:
    r"""Make text from tags and file names safe to print: no terminal control, no right-to-left tricks.

    >>> harmless("a\x1b[31mb\n")
    'a\\x1b[31mb\\n'
    """
    return "".join(c if c == " " or c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Iterable[str] = (),
    notes: Sequence[str] = (),
    whole: bool = False,
) -> None:
    """Write a table to standard output; None is shown as a dash.

    On a terminal that is too narrow, the longest column of text gives way; elsewhere nothing is cut,
    so that the output can be searched.

    Parameters
    ----------
    columns : sequence of str
        Headings.
    rows : iterable of sequences
        Cells, one per column.
    right : iterable of str
        Headings of columns with numbers.
    notes : sequence of str
        A sentence per row, shown below it; may be empty.
    whole : bool
        Cut nothing, however narrow the terminal.
    """
    from rich.cells import cell_len, set_cell_size
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    cells = [list(columns), *(["–" if cell is None else harmless(str(cell)) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    if console.is_terminal and not whole:
        _narrow(widths, columns, console.width - len(_GAP) * (len(widths) - 1))
    numeric = [column in set(right) for column in columns]
    for number_of_row, row in enumerate(cells):
        line = _GAP.join(
            " " * (width - cell_len(cell)) + cell if to_right else set_cell_size(_cut(cell, width), width)
            for cell, width, to_right in zip(row, widths, numeric, strict=True)
        )
        console.print(line.rstrip(), style=None if number_of_row else "bold")
        if number_of_row and notes and notes[number_of_row - 1]:
            console.print(f"{_GAP}{harmless(notes[number_of_row - 1])}", style="dim")


_GAP = "  "
_NARROWEST_NAME, _NARROWEST = 24, 12


def _narrow(widths: list[int], columns: Sequence[str], room: int) -> None:
    """Take what is missing from the names first, then from the longest column."""
    name = next((i for i, column in enumerate(columns) if column in ("track", "file")), 0)
    for index, least in ((name, _NARROWEST_NAME), (widths.index(max(widths)), _NARROWEST)):
        widths[index] = max(min(least, widths[index]), widths[index] - max(0, sum(widths) - room))


def _cut(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


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


def print_playlist(made: Playlist) -> None:
    """Show a playlist, each transition beside the track that it leads to, and what could not be met."""
    steps: list[Any] = [None, *made.transitions]
    rows = [
        (
            i,
            name_of(t),
            number(t["bpm"], 1),
            t["camelot"],
            number(t["energy"], 2),
            t["mood"],
            clock(t["duration_s"]),
            step and _step_text(step),
        )
        for i, (t, step) in enumerate(zip(made.tracks, steps, strict=False), 1)
    ]
    print_table(("", "track", "BPM", "Camelot", "energy", "mood", "length", "step"), rows, right=NUMERIC)
    for violation in made.violations:
        say(
            f"not met: {violation['constraint']}: wanted {violation['wanted']}, got {violation['got']}. "
            f"{violation['remedy']}"
        )


def print_similar(found: SimilarTracks, *, located: bool = False) -> None:
    """Show what sounds alike, and why; `located` with the place in each track."""
    facets = ("timbre", "rhythm", "harmony", "dynamics")
    rows = [
        [r["id"][:8], name_of(r), number(r["score"], 2), *(number(r["facets"][f], 2) for f in facets)]
        for r in found.results
    ]
    notes = [
        " ".join([r["why"], *(f"Also as {name_of(version)}." for version in r["versions"])]) for r in found.results
    ]
    columns = ["id", "track", "score", *facets]
    if located:  # of whole tracks there is no place to tell
        columns.insert(2, "at")
        for row, r in zip(rows, found.results, strict=True):
            row.insert(2, f"{clock(r['start_s'])} to {clock(r['end_s'])}")
    print_table(columns, rows, right=NUMERIC, notes=notes)
    if found.recall is not None:
        say(f"The search was approximate: such a one finds {found.recall:.1%} of the nearest tracks.")


def print_reading(reading: Reading) -> None:
    """Show what was understood of words, as a command that can be corrected, and what was not."""
    from workbench.assist.asked import command_of, remarks

    say(f"understood: {command_of(reading)}")
    if reading.unknown:
        say(f"not understood: {', '.join(reading.unknown)}")
    for remark in remarks(reading):
        say(f"note: {remark}")


def print_jobs(jobs: Sequence[JobStatus]) -> None:
    """Show how jobs stand, and why one has stopped."""
    rows = [
        (
            job.job_id,
            job.state.value,
            f"{job.percentage:.0f} %",
            f"{job.done}/{job.total}",
            job.failed,
            None if job.eta_s is None else clock(job.eta_s),
            job.owner,
            time.strftime("%Y-%m-%d %H:%M", time.localtime(job.created)),
        )
        for job in jobs
    ]
    columns = ("job", "state", "done", "files", "failed", "left", "owner", "submitted")
    print_table(
        columns, rows, right=("job", "done", "files", "failed", "left"), notes=[job.error or "" for job in jobs]
    )


def print_tags(tags: Sequence[Mapping[str, Any]]) -> None:
    """Show what became of each file's tags, or would."""
    rows = [
        (
            str(file["path"]).rpartition("/")[2],
            file["state"],
            ", ".join(f"{name}: {before or 'none'} → {after}" for name, (before, after) in file["tags"].items())
            or file["detail"],
        )
        for file in tags
    ]
    print_table(("file", "tags", "what"), rows)
    if any(file["state"] == "would change" for file in tags):
        say("Nothing was written. Add --apply to write these tags.")


def factors_text(factors: Mapping[str, float]) -> str:
    """Name the qualities that a taste changes most, those that count more first.

    >>> factors_text({"brightness": 2.0, "loudness": 0.52, "notes": 1.01})
    'brightness × 2.0, loudness × 0.5'
    """
    told = {name: factor for name, factor in factors.items() if not 0.9 < factor < 1.1}
    most = sorted(told, key=lambda name: told[name], reverse=True)
    return ", ".join(f"{name} × {told[name]:.1f}" for name in most) or "much as usual"


def evidence_text(evidence: Sequence[Mapping[str, Any]]) -> str:
    """Say how many pairs of a group were found, and what speaks for the least certain of them."""
    least = max(evidence, key=lambda pair: pair["distance"] if pair["distance"] is not None else 9.0)
    if least["a"] == least["b"]:
        return "The audio is the same to the last byte."
    said = [] if least["distance"] is None else [f"distance {least['distance']:.2f} of about 1.4"]
    if least["aligned"] is not None:
        said.append(f"{least['aligned']:.0%} of the seconds in both")
    if least["same_title"]:
        said.append("the same title")
    return f"{', '.join(said)}{f'; {len(evidence)} pairs' if len(evidence) > 1 else ''}."


def _step_text(step: Transition) -> str:
    """Put a transition into words, as far as it is known."""
    tempo = None if step.bpm_change is None else f"{step.bpm_change:+.1f} BPM"
    return ", ".join(filter(None, (tempo, step.key_relation))) or "unknown"
