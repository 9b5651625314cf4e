"""The commands that find tracks: by what is known of them, and by how they sound."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Annotated

import typer

from workbench.cli.app import JsonOption, LibraryOption, WhereOption, app, open_library, weights_in
from workbench.cli.output import (
    NUMERIC,
    TRACK_COLUMNS,
    clock,
    evidence_text,
    factors_text,
    handled,
    number,
    print_json,
    print_similar,
    print_table,
    track_row,
)
from workbench.errors import InputError


@app.command()
@handled
def tracks(
    library: LibraryOption = None,
    where: WhereOption = None,
    failed: Annotated[bool, typer.Option("--failed", help="List the files that failed, and why.")] = False,
    fold_bpm: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LO HI", help="Show tempi moved by octaves into a range: 70 140. Changes nothing stored."),
    ] = None,
    ranked: Annotated[
        bool, typer.Option("--ranked", help="Show energy and mood as ranks in the library, 0 to 1.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the tracks of the library, or the files that failed."""
    if failed and where:
        raise InputError("--failed and --where do not go together.", "Failed files have no columns to filter by.")
    with open_library(library) as lib:
        rows = lib.failed() if failed else lib.tracks(where, fold_bpm=fold_bpm, ranked=ranked)
    if as_json:
        print_json(rows)
    elif failed:
        notes = [f"{r['detail']}. {r['remedy']}" if r["detail"] else r["remedy"] for r in rows]
        print_table(("file", "reason"), [(r["path"], r["reason"]) for r in rows], notes=notes)
    else:
        tempo = "BPM" if fold_bpm is None else f"BPM in {fold_bpm[0]:g}-{fold_bpm[1]:g}"  # never folded silently
        columns = ("id", *(tempo if name == "BPM" else name for name in TRACK_COLUMNS), "length")
        lines = [(r["id"][:8], *track_row(r), clock(r["duration_s"])) for r in rows]
        print_table(columns, lines, right=(*NUMERIC, tempo))


@app.command()
@handled
def similar(
    references: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|ID…",
            help="A file, or the id of a track; several are blended, each with its weight behind @: a.wav b.wav@-0.5",
        ),
    ],
    library: LibraryOption = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 10,
    to: Annotated[
        str | None, typer.Option(metavar="FILE|ID", help="Lead from the reference to this one, step by step.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="Find these seconds of it anywhere: 31:35")] = None,
    where: WhereOption = None,
    weights: Annotated[str | None, typer.Option(help="Weight by facet: timbre=2,rhythm=0.5")] = None,
    per_artist: Annotated[int | None, typer.Option(min=1, help="So many of one artist at most.")] = None,
    per_album: Annotated[int | None, typer.Option(min=1, help="So many of one album at most.")] = None,
    fold: Annotated[
        bool, typer.Option("--fold/--no-fold", help="Show near-identical versions as one result, or each for itself.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Find the tracks that sound most like a file or a track, and say why."""
    with open_library(library) as lib:
        found = lib.similar(
            _references(references),
            n,
            to=to,
            region=_region(region),
            where=where,
            weights=weights_in(weights),
            per_artist=per_artist,
            per_album=per_album,
            fold=fold,
        )
    if as_json:
        print_json(found.to_dict())
        return
    print_similar(found, located=region is not None)


def _references(texts: list[str]) -> dict[str | os.PathLike[str], float]:
    """Read references with their weights; a name that ends like one but is that of a file is that file."""
    weighted: dict[str | os.PathLike[str], float] = {}
    for text in texts:
        name, at, weight = text.rpartition("@")
        if at and not os.path.exists(os.path.expanduser(text)):
            try:
                weighted[name] = float(weight)
            except ValueError as error:
                raise InputError(
                    f"{text!r} has no weight behind @.", "Write NAME@0.5, or NAME@-1 for unlike."
                ) from error
        else:
            weighted[text] = 1.0
    return weighted


def _region(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    start, _, end = text.partition(":")
    try:
        return float(start), float(end)
    except ValueError as error:
        raise InputError(f"--region {text!r} is not a region.", "Write from:to in seconds, such as 31:35.") from error


@app.command()
@handled
def tune(
    reference: Annotated[
        str | None, typer.Argument(metavar="[FILE|ID]", help="The track that you compare with.")
    ] = None,
    library: LibraryOption = None,
    like: Annotated[
        list[str] | None, typer.Option(metavar="FILE|ID", help="A track that sounds like it to you.")
    ] = None,
    dislike: Annotated[
        list[str] | None, typer.Option(metavar="FILE|ID", help="One that does not, although it was found.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the taste, default mine; alone: go by this one again.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Go by the usual weights again; tastes are kept.")] = False,
    forget: Annotated[str | None, typer.Option(metavar="NAME", help="Delete a taste.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Teach searches your taste by a few clicks; without any, list what was learned."""
    clicks = [*(like or ()), *(dislike or ())]
    if bool(clicks) != (reference is not None):
        raise InputError("A click needs a reference, and what is like it or is not.", "Write tune A --like B.")
    if (off or forget is not None) and (clicks or name is not None):
        raise InputError("--off and --forget stand alone.", "Learn, or go back: one at a time.")
    with open_library(library) as lib:
        if off or forget is not None:
            lib.untune(forget=forget)
        elif clicks or name is not None:
            liked, disliked = ([(str(reference), other) for other in some or ()] for some in (like, dislike))
            lib.tune(liked, disliked, name=name or "mine")
        learned = lib.tastes()
    if as_json:
        print_json([asdict(taste) for taste in learned])
        return
    rows = [
        (
            taste.name,
            "yes" if taste.in_use else "no",
            len(taste.likes) + len(taste.dislikes),
            number(taste.agreement_before, 2),
            number(taste.agreement, 2),
        )
        for taste in learned
    ]
    notes = [factors_text(taste.factors) for taste in learned]
    columns = ("taste", "in use", "clicks", "agreement before", "agreement")
    print_table(columns, rows, right=("clicks", "agreement before", "agreement"), notes=notes)


@app.command()
@handled
def duplicates(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """List what seems to be there more than once, and why; nothing is changed or deleted."""
    with open_library(library) as lib:
        groups = lib.duplicates()
    if as_json:
        print_json(groups)
        return
    rows, notes = [], []
    for group in groups:
        paths = [path for track in group["tracks"] for path in track["paths"]]
        rows += [(group["kind"] if i == 0 else "", path) for i, path in enumerate(paths)]
        notes += [*([""] * (len(paths) - 1)), evidence_text(group["evidence"])]
    print_table(("kind", "file"), rows, notes=notes)
