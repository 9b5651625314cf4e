"""Cut pieces out of a collection, change them a little, and look for them.

    python scripts/prove_regions.py ~/Music --rounds 200

The folders are analyzed into a new library. Each cut of three seconds is taken at a random time of a random track,
made louder or softer by up to 6 dB, moved by up to half a semitone, and encoded as MP3 of 128 kbit/s. It must find the
track that it comes from before all others, and the place in it within a second. Nothing is written to the folders.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from proof import Proof, arguments

if TYPE_CHECKING:
    from workbench import Library

CUT_S, QUIETEST_RMS = 3.0, 1e-3
MOST_DB, MOST_SEMITONES = 6.0, 0.5
LEAST_TRACKS, LEAST_PLACES, NEAR_S = 0.95, 0.90, 1.0


def cut_out(track: dict[str, Any], target: Path, rng: np.random.Generator) -> float | None:
    """Write a changed piece of a track; give where it was, or None if there is silence."""
    import librosa
    import soundfile

    from workbench.audio.decode import load

    start_s = float(rng.uniform(0, track["duration_s"] - CUT_S))
    whole, sr = load(track["path"], sr=44100)
    y = whole[round(start_s * sr) : round((start_s + CUT_S) * sr)]
    if np.sqrt(np.mean(y**2)) < QUIETEST_RMS:
        return None
    moved = librosa.effects.pitch_shift(y, sr=sr, n_steps=float(rng.uniform(-MOST_SEMITONES, MOST_SEMITONES)))
    changed = np.clip(moved * 10 ** (rng.uniform(-MOST_DB, MOST_DB) / 20), -1, 1)
    soundfile.write(target, changed, sr, format="MP3", bitrate_mode="CONSTANT", compression_level=2 / 3)
    return start_s


def look_for(library: Library, rounds: int, folder: Path, rng: np.random.Generator) -> dict[str, Any]:
    """Cut and search so many times; give the shares of tracks and places found, and the time of a search."""
    tracks = [track for track in library.tracks() if track["duration_s"] > CUT_S]
    found, placed, took = [], [], []
    while len(found) < rounds:
        track = tracks[int(rng.integers(len(tracks)))]
        cut = folder / "cut.mp3"
        start_s = cut_out(track, cut, rng)
        if start_s is None:
            continue
        answer = library.similar(cut, 1, region=(0, CUT_S))
        best = answer.results[0]
        found.append(best["id"] == track["id"])
        placed.append(found[-1] and abs(best["start_s"] - start_s) <= NEAR_S)
        took.append(answer.elapsed_ms)
    return {
        "cuts": rounds,
        "tracks": len(tracks),
        "right_track_first": round(float(np.mean(found)), 4),
        "right_place": round(float(np.mean(placed)), 4),
        "median_ms": round(statistics.median(took), 1),
    }


def main() -> int:
    """Run the command line."""
    from workbench import Library

    given = arguments(__doc__, rounds=200, what="cuts", folders=True).parse_args()
    proof = Proof(f"{CUT_S:g} seconds, changed and encoded again, are found where they were", as_json=given.json)
    temporary = tempfile.TemporaryDirectory(prefix="prove-regions-")
    with temporary as name, Library.open(Path(name) / "all.library") as library:
        report = library.analyze(*given.folders).report()
        proof.say(f"{report['analyzed']} tracks analyzed")
        proof.figures |= look_for(library, given.rounds, Path(name), np.random.default_rng(given.seed))
    share, places = proof.figures["right_track_first"], proof.figures["right_place"]
    proof.check(share >= LEAST_TRACKS, f"the right track is first for {share:.1%} of the cuts")
    proof.check(places >= LEAST_PLACES, f"the right place is found for {places:.1%} of the cuts")
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
