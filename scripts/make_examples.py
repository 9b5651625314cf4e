"""Make docs/examples.md: worked answers on real music, with their pictures.

    python scripts/make_examples.py
    python scripts/make_examples.py ~/Music

Analyzes the folders into a temporary library (nothing is written to them), asks it for what sounds alike, for a few
seconds of a piece, and for a playlist, and writes what it answered, with plots, to docs/. Without folders, the music of
Debian's ``wesnoth-1.16-music`` and ``supertuxkart-data`` is taken.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench import Library
from workbench.playlist import Playlist

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = DOCS / "pictures"
GAMES = Path("/usr/share/games")
MUSIC = (GAMES / "wesnoth/1.16/data/core/music", GAMES / "supertuxkart/data/music")

#: Colours that people with any kind of colour vision tell apart (Okabe & Ito 2008).
FACETS = {"timbre": "#0072B2", "rhythm": "#E69F00", "harmony": "#009E73", "dynamics": "#CC79A7"}
GREY = "#8a8f98"
REGION_S = (30.0, 34.0)


def name_of(path: str) -> str:
    """Give the name of a file as a title."""
    return Path(path).stem.replace("_", " ")


def save(figure: Figure, name: str) -> str:
    """Write a figure to docs/pictures; give the line of Markdown that shows it."""
    figure.savefig(PICTURES / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)
    return f"![]({PICTURES.name}/{name}.svg)"


def table(results: list[dict[str, Any]], *, places: bool = False) -> list[str]:
    """Give results as a table of Markdown."""
    lines = ["| | track | score | why |", "|---|---|---|---|"]
    for rank, result in enumerate(results, 1):
        place = f", {result['start_s']:.1f} to {result['end_s']:.1f} s" if places else ""
        lines.append(f"| {rank} | {name_of(result['path'])}{place} | {result['score']:.2f} | {result['why']} |")
    return lines


def query(library: Library, number: int, track: dict[str, Any]) -> list[str]:
    """Ask what sounds like a track, and show the scores by facet."""
    found = library.similar(track["id"], 5)
    figure, axes = plt.subplots(figsize=(7.2, 2.6), layout="constrained")
    height = 0.8 / len(FACETS)
    for i, (facet, colour) in enumerate(FACETS.items()):
        at = np.arange(len(found.results)) + i * height
        axes.barh(at, [r["facets"][facet] for r in found.results], height, color=colour, label=facet)
    axes.set_yticks(np.arange(len(found.results)) + 0.4 - height / 2, [name_of(r["path"]) for r in found.results])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="score (1: the same)", title=f"Like “{name_of(track['path'])}”, by facet")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    known = ", ".join(filter(None, (_bpm(track), track["key"] or "no clear key", track["mood"])))
    return [
        f"### Like “{name_of(track['path'])}”",
        f"\n{known}. `lib.similar({Path(track['path']).name!r}, 5)`\n",
        *table(found.results),
        "",
        save(figure, f"example_query_{number}"),
        "",
    ]


def _bpm(track: dict[str, Any]) -> str:
    return f"{track['bpm']:.0f} BPM" if track["bpm"] else "no steady tempo"


def region(library: Library, track: dict[str, Any]) -> list[str]:
    """Look for four seconds of a track in all others, and show where they were found."""
    found = library.similar(track["id"], 3, region=REGION_S)
    places = [(track, REGION_S), *((r, (r["start_s"], r["end_s"])) for r in found.results)]
    figure, rows = plt.subplots(len(places), 1, figsize=(7.2, 4.4), layout="constrained", sharey=True)
    for row, (place, span) in zip(rows, places, strict=True):
        level = 20 * np.log10(np.maximum(library.segments("rms", place["id"]).values, 1e-4))
        row.fill_between(np.arange(len(level)), -60, level, color=GREY, alpha=0.5, linewidth=0, step="post")
        row.axvspan(*span, color=FACETS["timbre"], alpha=0.8)
        row.set(xlim=(0, len(level)), ylim=(-60, 0), ylabel="dB")
        row.set_title(f"{name_of(place['path'])}, {span[0]:.1f} to {span[1]:.1f} s", fontsize=9, loc="left")
    rows[-1].set_xlabel("seconds")
    start_s, end_s = REGION_S
    return [
        f"## A region: {start_s:g} to {end_s:g} s of “{name_of(track['path'])}”",
        f"\n`lib.similar({Path(track['path']).name!r}, 3, region=({start_s:g}, {end_s:g}))` looks for these seconds at"
        " every place of every other track. The level of each track, and where they were found:\n",
        *table(found.results, places=True),
        "",
        save(figure, "example_region"),
        "",
    ]


def playlist(library: Library) -> list[str]:
    """Build a playlist whose energy rises and falls, and show it with its keys and tempi."""
    made = library.playlist(n=12, curve="arc", seed=1)
    names = [name_of(track["path"]) for track in made.tracks]
    figure, (energy, keys, tempi) = plt.subplots(3, 1, figsize=(7.2, 6.2), layout="constrained", sharex=True)
    at = np.arange(len(names))
    if made.targets is not None:
        energy.plot(at, made.targets, color=GREY, linestyle="--", label="asked")
    energy.plot(at, [t["energy"] for t in made.tracks], "o-", color=FACETS["timbre"], label="found")
    energy.set(ylim=(0, 1), ylabel="energy", title="A playlist of twelve: an arc of energy, keys and tempi that fit")
    energy.legend(frameon=False, loc="upper left")
    _key_path(keys, made)
    tempi.plot(at, [t["bpm"] or np.nan for t in made.tracks], "o", color=FACETS["rhythm"])
    tempi.set(ylabel="BPM")
    tempi.set_xticks(at, names, rotation=35, ha="right", fontsize=8)
    lines = ["| | track | BPM | key | to the next |", "|---|---|---|---|---|"]
    relations = [step.key_relation for step in made.transitions]
    for i, (track, relation) in enumerate(zip(made.tracks, [*relations, ""], strict=True), 1):
        lines.append(
            f"| {i} | {name_of(track['path'])} | {_bpm(track)} | {track['camelot'] or '–'} | {relation or ''} |"
        )
    return [
        "## A playlist with an arc of energy",
        '\n`lib.playlist(n=12, curve="arc", seed=1)`\n',
        *lines,
        "",
        save(figure, "example_playlist"),
        "",
    ]


def _key_path(axes: Axes, made: Playlist) -> None:
    """Show keys as hours of the Camelot wheel; neighbours on it fit."""
    for i, track in enumerate(made.tracks):
        if track["camelot"]:
            hour, minor = int(track["camelot"][:-1]), track["camelot"].endswith("A")
            axes.plot(i, hour, "o", color=FACETS["harmony"], fillstyle="full" if minor else "none", markersize=8)
            axes.annotate(track["camelot"], (i, hour), textcoords="offset points", xytext=(7, 4), fontsize=8)
    axes.set(ylim=(0.2, 12.8), ylabel="Camelot hour", yticks=range(1, 13, 2))
    axes.text(0.995, 0.9, "filled: minor", transform=axes.transAxes, ha="right", fontsize=8, color=GREY)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="folders of audio", default=MUSIC)
    folders = [folder for folder in parser.parse_args().folders if folder.exists()] or parser.error("no such folder")
    mpl.rcParams.update(
        {
            "font.size": 9,
            "svg.fonttype": "none",
            "svg.hashsalt": "workbench",
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, Library.open(Path(name) / "examples.library") as library:
        library.analyze(*folders)
        tracks = sorted((t for t in library.tracks() if t["duration_s"] > 60), key=lambda t: t["energy"] or 0)
        chosen = [tracks[round(share * (len(tracks) - 1))] for share in (0.1, 0.5, 0.9)]
        lines = [
            "# Worked examples",
            f"\nMade by `python scripts/make_examples.py` from {len(library.tracks())} pieces of the music of two free"
            " games (Debian's `wesnoth-1.16-music` and `supertuxkart-data`): what is asked, what is answered, and why.",
            "\n## What sounds like it\n",
            *(line for number, track in enumerate(chosen, 1) for line in query(library, number, track)),
            *region(library, chosen[1]),
            *playlist(library),
        ]
    (DOCS / "examples.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
