"""The commands of words: ask in them, have tracks put into them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from workbench.cli.app import JsonOption, LibraryOption, app, open_library
from workbench.cli.output import (
    handled,
    number,
    print_json,
    print_playlist,
    print_reading,
    print_similar,
    print_table,
    say,
)
from workbench.errors import InputError


@app.command()
@handled
def ask(
    words: Annotated[list[str], typer.Argument(metavar="TEXT…", help="What you would like to hear, in English.")],
    library: LibraryOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no language model.")] = False,
    only_read: Annotated[bool, typer.Option("--read", help="Show what was understood, and stop there.")] = False,
    save: Annotated[
        str | None, typer.Option(metavar="NAME", help="Keep the playlist, with what was understood.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the playlist: .m3u8, .xspf, .csv, .json or .xml.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask in words; what was understood is shown as a command, to be corrected and run again."""
    from workbench.playlist import Playlist

    text = " ".join(words)
    with open_library(library) as lib:
        reading = lib.answers.read_request(text, offline=offline)
        if not as_json:
            print_reading(reading)
        if only_read:
            if as_json:
                print_json({"text": text, **reading.to_dict()})
            return
        asked = lib.answers.ask(text, reading=reading)
        made = asked.result
        if (save is not None or export is not None) and not isinstance(made, Playlist):
            raise InputError("What was understood is a search, not a playlist.", "Ask for a playlist by that name.")
        if isinstance(made, Playlist):
            if export is not None:
                lib.export_playlist(made, export)
            if save is not None:
                lib.save_playlist(save, made, text=text)
    if as_json:
        print_json(asked.to_dict())
    elif isinstance(made, Playlist):
        print_playlist(made)
    else:
        print_similar(made)


@app.command()
@handled
def describe(
    what: Annotated[str, typer.Argument(metavar="FILE|ID|NAME", help="A track, or a saved playlist.")],
    other: Annotated[
        str | None, typer.Argument(metavar="[FILE|ID]", help="Another track: say why they are alike, or not.")
    ] = None,
    library: LibraryOption = None,
    tags: Annotated[bool, typer.Option("--tags", help="Suggest tags for the track; nothing is written.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a track or a playlist into words; each sentence names the descriptor that it is about."""
    if tags and other is not None:
        raise InputError("--tags is for one track.", "Leave the other one out.")
    with open_library(library) as lib:
        if other is not None:
            found = lib.explain(what, other)
            if as_json:
                print_json(found)
            else:
                say(f"score {found['score']:.2f}: {found['why']}")
            return
        rows = [asdict(one) for one in (lib.suggest_tags(what) if tags else lib.describe(what))]
    if as_json:
        print_json(rows)
    elif tags:
        names = ("name", "value", "descriptor", "confidence")
        print_table(names, [[*(row[name] for name in names[:3]), number(row["confidence"], 2)] for row in rows])
    else:
        print_table(("in words", "descriptor"), [(row["says"], row["descriptor"]) for row in rows])


@app.command()
@handled
def assist(
    what: Annotated[Literal["status"], typer.Argument(help="status: which models are asked, and how they are.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the language models that may read what is asked in words, and what was used today."""
    from workbench.assist.chain import NOT_INSTALLED

    del what
    with open_library(library) as lib:
        status = lib.chain.status()
    if as_json:
        print_json(status)
        return
    columns = ("name", "kind", "model", "address", "enabled", "has_key")
    if status["providers"]:
        print_table(columns, [[str(one[name]) for name in columns] for one in status["providers"]], whole=True)
    if status["providers"] and not status["installed"]:
        say(NOT_INSTALLED)
    budget = status["budget"]
    say(
        f"today: {budget['requests']} requests, {budget['tokens']} of {budget['tokens_per_day']} tokens, "
        f"{budget['cost']:.2f} of {budget['cost_per_day']:.2f} US dollars"
    )
    say("The offline parser answers when no model does.")
