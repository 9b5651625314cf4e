"""The commands of playlists: make one, and those that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from workbench.cli.app import JsonOption, LibraryOption, app, open_library, weights_in
from workbench.cli.output import handled, print_json, print_playlist, print_table, print_tags, say
from workbench.errors import InputError


@app.command()
@handled
def playlist(
    library: LibraryOption = None,
    mood: Annotated[list[str] | None, typer.Option(help="A mood; may be given several times.")] = None,
    energy: Annotated[tuple[float, float] | None, typer.Option(metavar="LO HI", help="Energy, 0 to 1.")] = None,
    ranked: Annotated[
        bool,
        typer.Option("--ranked", help="Take energies and moods as ranks in the library: 0.9 is above nine tenths."),
    ] = False,
    bpm: Annotated[tuple[float, float] | None, typer.Option(metavar="LO HI", help="Beats per minute.")] = None,
    half_double: Annotated[
        bool, typer.Option("--half-double", help="Count half and double tempo as the same.")
    ] = False,
    key: Annotated[str | None, typer.Option(help="'A minor', 'Am' or '8A'.")] = None,
    compatible_keys: Annotated[
        bool, typer.Option("--compatible-keys", help="Its relative and the keys a fifth away too.")
    ] = False,
    n: Annotated[int | None, typer.Option("-n", help="How many tracks; default 20.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Total length instead of a number of tracks.")] = None,
    curve: Annotated[
        str | None, typer.Option(help="How energy goes: flat, rise, fall or arc, or points: 0.2,0.8,0.4")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="ID", help="First track.")] = None,
    end: Annotated[str | None, typer.Option(metavar="ID", help="Last track.")] = None,
    through: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A track to pass on the way; several in their order.")
    ] = None,
    include: Annotated[list[str] | None, typer.Option(metavar="ID", help="A track that must be in it.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="ID", help="A track that must not be in it.")] = None,
    artist: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only tracks by this artist.")] = None,
    without_artist: Annotated[list[str] | None, typer.Option(metavar="NAME", help="No tracks by this artist.")] = None,
    like: Annotated[list[str] | None, typer.Option(metavar="ID", help="A seed track, to sound like.")] = None,
    artist_gap: Annotated[int | None, typer.Option(help="Tracks between two of one artist, at least.")] = None,
    album_gap: Annotated[int | None, typer.Option(help="Tracks between two of one album, at least.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed gives another list.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="What counts between neighbours: tempo=2,key=1,energy=1,timbre=0,loudness=0.3")
    ] = None,
    pitch: Annotated[float | None, typer.Option(help="How far tempo can be changed, percent; default 6.")] = None,
    key_distance: Annotated[
        Literal["camelot", "fifths"] | None, typer.Option(help="Key steps by moves of disc jockeys or shared notes.")
    ] = None,
    again: Annotated[str | None, typer.Option(metavar="NAME", help="Ask again what a saved playlist asked.")] = None,
    revise: Annotated[
        str | None, typer.Option("--from", metavar="NAME|FILE", help="Start from a saved playlist, .m3u8 or .xspf.")
    ] = None,
    extend: Annotated[int, typer.Option(min=0, help="With --from: append so many.")] = 0,
    bridge: Annotated[
        int | None, typer.Option(metavar="POSITION", help="With --from: insert the best bridge behind this one.")
    ] = None,
    replace: Annotated[
        int | None, typer.Option(metavar="POSITION", help="With --from: find another for this one.")
    ] = None,
    save: Annotated[
        str | None, typer.Option(metavar="NAME", help="Keep it in the library, with what was asked.")
    ] = None,
    relative: Annotated[bool, typer.Option("--relative", help="Export paths relative to the playlist.")] = False,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write .m3u8, .xspf, .csv, .json, or .xml for Rekordbox.")
    ] = None,
    write_tags: Annotated[
        bool, typer.Option("--write-tags", help="Show which tags tempo, key and mood would become in its files.")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="With --write-tags: write them.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build a playlist: choose by mood, energy, tempo and key, then order so that neighbours fit."""
    import time

    asked = {
        "mood": mood or None,
        "energy": energy,
        "ranked": ranked or None,
        "bpm": bpm,
        "half_double": half_double or None,
        "key": key,
        "compatible_keys": compatible_keys or None,
        "n": n,
        "minutes": minutes,
        "curve": _curve(curve),
        "start": start,
        "end": end,
        "waypoints": through or None,
        "include": include or None,
        "exclude": exclude or None,
        "artists": artist or None,
        "without_artists": without_artist or None,
        "like": like or None,
        "artist_gap": artist_gap,
        "album_gap": album_gap,
        "seed": seed,
        "weights": weights_in(weights),
        "pitch_percent": pitch,
        "key_distance": key_distance,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if revise is None and (extend or bridge is not None or replace is not None):
        raise InputError("--extend, --bridge and --replace go with --from.", "Name a saved playlist or a file there.")
    if apply and not write_tags:
        raise InputError("--apply goes with --write-tags.", "Look at what --write-tags shows first.")
    began = time.perf_counter()
    with open_library(library) as lib:
        if revise is not None:
            made = lib.revise(revise, extend=extend, bridge=bridge, replace=replace, **given)
        else:
            made = lib.playlist(again=again, **given)
        elapsed = round(1000 * (time.perf_counter() - began), 3)
        if export is not None:
            lib.export_playlist(made, export, relative=relative)
        if save is not None:
            former = again if revise is None else revise
            words = next((kept["text"] for kept in lib.playlists() if kept["name"] == former), None)
            lib.save_playlist(save, made, text=words)
        tags = lib.write_tags(made.ids, apply=apply) if write_tags else None
    if as_json:
        print_json({**made.to_dict(), "elapsed_ms": elapsed, **({} if tags is None else {"tags": tags})})
        return
    print_playlist(made)
    if tags is not None:
        print_tags(tags)
    if export is not None:
        say(f"written to {export}")
    if save is not None:
        say(f"saved as {save}")


def _curve(text: str | None) -> str | list[float] | None:
    """Read the name of a curve, or its points."""
    if text is None or not any(letter.isdigit() for letter in text):
        return text
    try:
        return [float(point) for point in text.split(",")]
    except ValueError as error:
        raise InputError(f"--curve {text!r} cannot be read.", "Write rise, or energies such as 0.2,0.8,0.4.") from error


@app.command()
@handled
def playlists(
    library: LibraryOption = None,
    delete: Annotated[str | None, typer.Option(metavar="NAME", help="Forget this one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the saved playlists; `workbench playlist --from NAME` shows one."""
    import time

    with open_library(library) as lib:
        if delete is not None:
            lib.delete_playlist(delete)
        saved = lib.playlists()
    if as_json:
        print_json(saved)
        return
    rows = [
        (p["name"], len(p["tracks"]), time.strftime("%Y-%m-%d %H:%M", time.localtime(p["saved_at"])), p["text"])
        for p in saved
    ]
    print_table(("name", "tracks", "saved", "asked for as"), rows, right=("tracks",))
