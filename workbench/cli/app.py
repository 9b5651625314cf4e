"""The program `workbench`, and the options that its commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.output import COMPILING, say
from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.library import Library

app = typer.Typer(
    help="Analyze a folder of audio once; then search it by sound and build playlists that flow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library", "-l", help="Folder of the library. [env: WORKBENCH_LIBRARY; default: ~/workbench.library]"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
WhereOption = Annotated[
    str | None, typer.Option("--where", help='Only tracks that fit, such as: bpm > 120 and key == "A minor"')
]
SchedulerOption = Annotated[str | None, typer.Option(help="Use this Dask scheduler instead, tcp://host:8786.")]


def open_library(library: Path | None, *, create: bool = False) -> Library:
    """Open the library that a command names, or that of the settings."""
    from workbench.compiled import tell_compiling
    from workbench.library import Library

    tell_compiling(lambda: say(COMPILING))
    return Library.open(library, create=create)


def names_in(text: str | None) -> list[str]:
    """Take names apart that a person has written with commas between them."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def weights_in(text: str | None) -> dict[str, float] | None:
    """Read weights as a person writes them, ``timbre=2,rhythm=0.5``."""
    if text is None:
        return None
    try:
        return {name.strip(): float(value) for name, _, value in (pair.partition("=") for pair in text.split(","))}
    except ValueError as error:
        raise InputError(f"--weights {text!r} cannot be read.", "Write timbre=2,rhythm=0.5.") from error
