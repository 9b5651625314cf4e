"""The commands of upkeep: labels, tables, and what is stored."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.app import JsonOption, LibraryOption, WhereOption, app, names_in, open_library
from workbench.cli.output import handled, print_json, print_table, say
from workbench.errors import InputError


@app.command()
@handled
def labels(
    name: Annotated[str | None, typer.Argument(help="What labels are about; all of them if left out.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Learn from them, and tell it of all tracks: label.NAME in --where.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Delete that column; the labels stay.")] = False,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all labels: .parquet, .csv or .json.")
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count what people say of tracks, and learn from it: how well it can be told, and a column that tells it."""
    from collections import Counter

    if (apply or forget) and name is None:
        raise InputError("It is not said which labels.", "Name them: `workbench labels NAME --apply`.")
    with open_library(library) as lib:
        if forget:
            lib.forget_label_column(str(name))
        if apply:
            lib.apply_labels(str(name))
        if export is not None:
            lib.export_labels(export)
        said = Counter((one.name, one.value) for one in lib.labels() if name in (None, one.name))
        columns = lib.label_columns()
        report = None if name is None else lib.label_report(name)
    rows = [
        {"name": key, "value": value, "labels": n, "tracks_in_column": columns.get(key, {}).get(value or "", 0)}
        for (key, value), n in sorted(said.items(), key=lambda one: (one[0][0], one[0][1] or ""))
    ]
    if as_json:
        print_json({"labels": rows, "report": report and asdict(report)})
        return
    heads = ("label", "value", "labels", "tracks in column")
    print_table(heads, [list(row.values()) for row in rows], right=heads[2:])
    if report is not None:
        say(
            f"{report.accuracy:.0%} of {report.examples} labels are told right by a classifier that was not shown them;"
            f" saying the commonest: {report.chance:.0%}"
        )


@app.command()
@handled
def export(
    file: Annotated[Path, typer.Argument(help="Ends in .parquet, .csv or .json.")],
    library: LibraryOption = None,
    where: WhereOption = None,
    descriptors: Annotated[str | None, typer.Option(help="Append summaries of descriptors: mfcc,chroma")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the tracks as a table for another program."""
    with open_library(library) as lib:
        written = lib.export(file, where=where, descriptors=names_in(descriptors))
    if as_json:
        print_json({"path": str(written)})
    else:
        say(f"written to {written}")


@app.command()
@handled
def verify(
    library: LibraryOption = None,
    repair: Annotated[bool, typer.Option(help="Forget what is damaged: the next analysis makes it again.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check that everything stored is as it was committed."""
    with open_library(library) as lib:
        found = lib.verify(repair=repair)
    if as_json:
        print_json(asdict(found))
    else:
        say(f"{found.parts} parts, {found.arrays} arrays, {found.tracks} tracks, {found.files} files checked")
        for problem in found.problems:
            say(f"  {problem.part_id or problem.track_id}: {problem.what}")
        if found.problems:
            remedy = "Forgotten: analyze again." if repair else "Run it with --repair, then analyze again."
            say(f"{len(found.problems)} problems. {remedy}")
        else:
            say("all is as it was committed")
    if found.problems and not repair:
        raise typer.Exit(1)


@app.command()
@handled
def collect(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Remove what crashes left behind, and merge small parts."""
    with open_library(library) as lib:
        merged = lib.compact()
        found = lib.collect()
    if as_json:
        print_json(
            {
                "removed": found.removed,
                "bytes_freed": found.bytes_freed,
                "in_progress": found.in_progress,
                "merged": merged,
            }
        )
    else:
        say(f"{len(found.removed)} orphans removed ({found.bytes_freed / 1e6:.1f} MB), {merged} parts merged")


@app.command()
@handled
def doctor(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Tell whether this installation and the library are in order, and what to do if not."""
    from workbench.cli.doctor import examine

    checks = examine(library)
    if as_json:
        print_json(checks)
    else:
        rows = [(c["state"], c["what"], c["found"]) for c in checks]
        print_table(("", "what", "found"), rows, notes=[c["remedy"] for c in checks], whole=True)
    if any(check["state"] == "bad" for check in checks):
        raise typer.Exit(1)
