"""Compare one worker with two on the same folders.

    python scripts/prove_scaling.py ~/Music --rounds 3

Each round analyzes the folders into a new library with one worker and into another with two, from the start of the
workers to the last commit, arrays written to disk. The median time of one must be at least 1.8 times that of two.
Nothing is written to the folders. Below a minute with one worker, the start of the workers weighs too much.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from proof import Proof, arguments

LEAST_RATIO = 1.8


def analyze(folders: list[Path], workers: int, library: Path) -> tuple[float, int]:
    """Analyze into a new library: seconds, and how many files were analyzed."""
    from workbench import Library

    began = time.perf_counter()
    with Library.open(library) as opened:
        report = opened.analyze(*folders, workers=workers).report()
    return time.perf_counter() - began, int(report["analyzed"])


def main() -> int:
    """Run the command line."""
    given = arguments(__doc__, rounds=3, what="analyses with each number of workers", folders=True).parse_args()
    proof = Proof(f"two workers are {LEAST_RATIO} times as fast as one", as_json=given.json)
    took: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(prefix="prove-scaling-") as name:
        for number in range(given.rounds):
            for workers, times in took.items():
                seconds, analyzed = analyze(given.folders, workers, Path(name) / f"{number}-{workers}.library")
                times.append(seconds)
                proof.say(f"{workers} workers: {analyzed} files in {seconds:.1f} s")
    one, two = (statistics.median(times) for times in took.values())
    proof.figures |= {"analyzed": analyzed, "one_s": round(one, 2), "two_s": round(two, 2)}
    proof.figures["ratio"] = round(one / two, 3)
    proof.check(one / two >= LEAST_RATIO, f"the ratio is {one / two:.2f}")
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
