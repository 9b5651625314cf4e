"""Learn the tastes of simulated listeners, and look for other forms of the same tracks.

    python scripts/prove_queries.py ~/Music --rounds 60

The folders are analyzed into a new library. Each listener counts some qualities four times as much as usual and others
a quarter, and clicks on eight searches: of ten results the nearest to them is like, the farthest is not. How often the
learned taste puts two results of other searches in their order is compared with how often the usual weights do. Then
some tracks are written again, as MP3 of 128 kbit/s, quieter, trimmed, and with a quarter cut out of the middle: each
form must be found as a duplicate of its own track, and of no other. Nothing is written to the folders.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from proof import Proof, arguments

if TYPE_CHECKING:
    import numpy.typing as npt

    from workbench import Library

CLICKS, RESULTS, HELD_OUT = 8, 10, 40
FORMED, LONGEST_S, SHORTEST_S = 20, 90.0, 20.0
LEAST_GAIN, LEAST_FOUND = 0.03, 0.95


def searches(library: Library, n: int, rng: np.random.Generator) -> list[tuple[str, list[str]]]:
    """Search from n random tracks: the reference and the results."""
    ids = [track["id"] for track in library.tracks()]
    references = [ids[i] for i in rng.choice(len(ids), min(n, len(ids)), replace=False)]
    return [(r, [found["id"] for found in library.similar(r, RESULTS, fold=False).results]) for r in references]


def squares(library: Library, reference: str, results: list[str]) -> npt.NDArray[np.float64]:
    """Squared distances of results by quality, at the usual weights."""
    from workbench.similarity import COMPONENTS, facet_weights
    from workbench.similarity.search import component_weights
    from workbench.similarity.taste import squared_by_quality
    from workbench.store.indexes import Indexes

    vectors = Indexes(library.catalog, library.parts, library.path / "index").vectors
    weights = component_weights(facet_weights(None), np.ones(len(COMPONENTS)))
    (row,), there = vectors.rows([reference]), vectors.rows(results)
    return squared_by_quality(vectors.standardised[row], vectors.standardised[there], weights)


def agreement(squared: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], by: npt.NDArray[np.float64]) -> float:
    """Share of all pairs of results that two tastes put in the same order."""
    a, b = squared @ truth, squared @ by
    return float(np.mean((a[:, None] < a) == (b[:, None] < b)))


def listen(library: Library, rounds: int, rng: np.random.Generator) -> dict[str, Any]:
    """Let so many listeners click; give how well the usual weights and the learned ones agree with them."""
    from workbench.similarity.qualities import QUALITIES

    before, after = [], []
    for _ in range(rounds):
        truth = np.exp(rng.choice([-1, 0, 1], len(QUALITIES)) * np.log(4))
        likes, dislikes = [], []
        for reference, results in searches(library, CLICKS, rng):
            order = np.argsort(squares(library, reference, results) @ truth)
            likes.append((reference, results[order[0]]))
            dislikes.append((reference, results[order[-1]]))
        factors = library.tune(likes, dislikes).factors
        library.untune(forget="mine")
        learned = np.array([factors[quality.name] for quality in QUALITIES])
        for reference, results in searches(library, HELD_OUT, rng):
            squared = squares(library, reference, results)
            before.append(agreement(squared, truth, np.ones(len(QUALITIES))))
            after.append(agreement(squared, truth, learned))
    return {"listeners": rounds, "agreement_before": float(np.mean(before)), "agreement": float(np.mean(after))}


def write_forms(path: str, folder: Path, name: str) -> None:
    """Write the beginning of a track, and the same in other forms."""
    import soundfile

    from workbench.audio.decode import load

    y, sr = load(path, sr=44100)
    y = y[: round(LONGEST_S * sr)]
    n = len(y)
    soundfile.write(folder / f"{name} mp3.mp3", y, sr, bitrate_mode="CONSTANT", compression_level=2 / 3)
    cut = np.concatenate([y[: n * 3 // 8], y[n * 5 // 8 :]])
    for form, samples in (("plain", y), ("quiet", 0.4 * y), ("trimmed", y[round(1.37 * sr) :]), ("edit", cut)):
        soundfile.write(folder / f"{name} {form}.flac", np.clip(samples, -1, 1), sr)


def look_twice(library: Library, folder: Path, rng: np.random.Generator) -> dict[str, Any]:
    """Write and analyze other forms of some tracks; give how many are found, and how many others with them."""
    tracks = [track for track in library.tracks() if track["duration_s"] >= SHORTEST_S]
    chosen = [tracks[i] for i in rng.choice(len(tracks), min(FORMED, len(tracks)), replace=False)]
    for number, track in enumerate(chosen):
        write_forms(track["path"], folder, str(number))
    library.analyze(folder)
    names = {track["id"]: Path(track["path"]) for track in library.tracks()}
    found, wrong = set(), set()
    for group in library.duplicates():
        for pair in group["evidence"]:
            a, b = (names[pair[end]] for end in ("a", "b"))
            if {a.parent, b.parent} == {folder}:
                (found if a.stem.split()[0] == b.stem.split()[0] else wrong).update((a, b))
    return {"forms": 5 * len(chosen), "forms_found": len(found) / max(5 * len(chosen), 1), "forms_confused": len(wrong)}


def parser() -> argparse.ArgumentParser:
    """Give the parser of the command line."""
    made = arguments(__doc__, rounds=60, what="listeners")
    made.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folders of audio")
    return made


def main() -> int:
    """Run the command line."""
    from workbench import Library

    given = parser().parse_args()
    proof = Proof("tastes are learned from a few clicks; duplicates are found in any form", as_json=given.json)
    rng = np.random.default_rng(given.seed)
    temporary = tempfile.TemporaryDirectory(prefix="prove-queries-")
    with temporary as name, Library.open(Path(name) / "all.library") as library:
        proof.say(f"{library.analyze(*given.folders).report()['analyzed']} tracks analyzed")
        proof.figures |= listen(library, given.rounds, rng)
        forms = Path(name) / "forms"
        forms.mkdir()
        proof.figures |= look_twice(library, forms, rng)
    f = proof.figures
    gained = f["agreement"] - f["agreement_before"]
    proof.check(
        gained >= LEAST_GAIN, f"a learned taste agrees in {gained:+.3f} more of the pairs than the usual weights"
    )
    proof.check(f["forms_found"] >= LEAST_FOUND, f"{f['forms_found']:.1%} of the forms are found as duplicates")
    proof.check(f["forms_confused"] == 0, f"{f['forms_confused']} forms are taken for those of another track")
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
