"""``workbench demo``: the whole way once, on music whose tempo and key are known exactly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.cli.app import open_library
from workbench.cli.output import NUMERIC, clock, name_of, number, print_json, print_playlist, print_table, say
from workbench.cli.progress import shown

if TYPE_CHECKING:
    from workbench.library import Library
    from workbench.playlist import Playlist
    from workbench.store.similar import SimilarTracks
    from workbench.testing import LibraryTrack


def run_demo(folder: Path, *, as_json: bool) -> None:
    """Simulate, analyze, compare with the truth, search, build a playlist.

    Parameters
    ----------
    folder : Path
        Gets ``music/``, ``demo.library/`` and ``calm-to-lively.m3u8``; what is there from an
        earlier demo is used again.
    as_json : bool
        Print one JSON document instead of tables.
    """
    from workbench.testing import simulate_library
    from workbench.testing.demo import N_TRACKS

    folder = folder.expanduser().absolute()
    say(f"1. Simulating {N_TRACKS} short tracks below {folder / 'music'} …")
    truth = simulate_library(folder / "music", n=N_TRACKS)
    say("2. Analyzing them …")
    with open_library(folder / "demo.library", create=True) as library:
        with shown() as show:
            report = library.analyze(folder / "music", on_progress=show).report()
        compared = _compare(library, truth, folder / "music")
        found = library.similar(compared[0]["path"], n=5)
        made = library.playlist(energy=(0.0, 1.0), n=8, curve="rise")
        target = library.export_playlist(made, folder / "calm-to-lively.m3u8", relative=True)
    scores = _scores(compared)
    if as_json:
        print_json(
            {
                "job": report,
                "scores": scores,
                "tracks": compared,
                "similar": found.to_dict(),
                "playlist": made.to_dict(),
                "written": str(target),
            }
        )
    else:
        _print(report, compared, scores, found, made, target)


def _compare(library: Library, truth: list[LibraryTrack], music: Path) -> list[dict[str, Any]]:
    """Put each track beside what is known about it."""
    by_path = {track["path"]: track for track in library.tracks()}
    return [
        {
            **{name: by_path[str(music / row.path)][name] for name in ("path", "title", "artist", "bpm", "key")},
            "true_bpm": row.tempo,
            "true_key": row.key,
        }
        for row in truth
    ]


def _scores(compared: list[dict[str, Any]]) -> dict[str, float]:
    from workbench import metrics

    with_tempo = [row for row in compared if row["true_bpm"] is not None]
    with_key = [row for row in compared if row["true_key"] is not None]
    estimated = np.array([row["bpm"] or np.nan for row in with_tempo])
    tempo = metrics.evaluate_tempo([row["true_bpm"] for row in with_tempo], estimated)
    key = metrics.evaluate_key([row["true_key"] for row in with_key], [row["key"] for row in with_key])
    return {f"tempo {name}": value for name, value in tempo.items()} | {f"key {name}": v for name, v in key.items()}


def _print(
    report: dict[str, Any],
    compared: list[dict[str, Any]],
    scores: dict[str, float],
    found: SimilarTracks,
    made: Playlist,
    target: Path,
) -> None:
    outcomes = ", ".join(f"{report[name]} {name}" for name in ("analyzed", "unchanged", "duplicate", "failed"))
    say(f"   {report['total']} files in {clock(report['elapsed_s'])}: {outcomes}")
    print("\n3. Tempo and key, estimated and true\n")
    rows = [(name_of(r), number(r["bpm"], 1), number(r["true_bpm"], 1), r["key"], r["true_key"]) for r in compared]
    print_table(("track", "BPM", "true BPM", "key", "true key"), rows, right=NUMERIC)
    print("\n   " + ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in scores.items()))
    print(f"\n4. What sounds like “{name_of(compared[0])}”?\n")
    hits = [(name_of(r), number(r["score"], 2)) for r in found.results]
    print_table(("track", "score"), hits, right=NUMERIC, notes=[r["why"] for r in found.results])
    print("\n5. A playlist that rises from calm to lively\n")
    print_playlist(made)
    home = target.parent
    print(f"\nWritten to {target}.\n\nWhat next:")
    print(f"   workbench similar {compared[1]['path']!r} --library {home / 'demo.library'}")
    print(f"   workbench tracks --where 'bpm > 120' --library {home / 'demo.library'}")
    print("   workbench analyze ~/Music          # your own collection")
