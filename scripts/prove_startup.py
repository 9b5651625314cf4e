"""Measure how long it takes to get going: the import, the help, the first analyzed track.

    python scripts/prove_startup.py --rounds 15

Each is started so many times in a process of its own, after one start that warms the disk's cache and compiles; the
medians must be below the limits. The first track is three minutes of simulated music: from the call of
`Library.analyze` with one worker, which is started then, until the track is in the catalog.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from proof import Proof, arguments

IMPORT_S, HELP_S, FIRST_TRACK_S = 0.5, 1.0, 1.5
TRACK_S = 180.0
#: The first start writes the bytecode of all modules, which is a part of being warm, also where that is switched off.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
TIMED_IMPORT = "import time; began = time.perf_counter(); import workbench; print(time.perf_counter() - began)"

TIMED_TRACK = """
import sys, time
from workbench import Library

if __name__ == "__main__":
    track, folder = sys.argv[1:]
    with Library.open(folder) as library:
        done, began = [], time.perf_counter()
        library.analyze(track, workers=1, on_progress=lambda p: done.append(time.perf_counter()) if p.done else None)
        print(done[0] - began)
"""


def import_time() -> float:
    """Import the package in a new process; give the seconds that the import took there."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED_IMPORT], env=ENVIRONMENT, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def help_time() -> float:
    """Ask the command line for help; give the seconds from its start to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "workbench.cli", "--help"], env=ENVIRONMENT, check=True, capture_output=True)
    return time.perf_counter() - began


def first_track_time(script: Path, track: Path) -> float:
    """Analyze a track into a new library in a new process; give the seconds until it was there."""
    with tempfile.TemporaryDirectory(dir=script.parent) as folder:
        command = [sys.executable, str(script), str(track), f"{folder}/new.library"]
        done = subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True)
    return float(done.stdout)


def write_first_track(folder: Path, seed: int) -> tuple[Path, Path]:
    """Write the script that is timed, which worker processes import, and its track."""
    from workbench.testing import encode, simulate_track

    script, track = folder / "first.py", folder / "first.flac"
    script.write_text(TIMED_TRACK)
    simulated = simulate_track(seed, duration=TRACK_S)
    track.write_bytes(encode(simulated.y, simulated.sr, "flac"))
    return script, track


def median_of(measure: Callable[[], float], rounds: int) -> float:
    """Warm up once, then measure."""
    measure()
    return statistics.median(measure() for _ in range(rounds))


def main() -> int:
    """Run the command line."""
    given = arguments(__doc__, rounds=15, what="starts of each").parse_args()
    claim = f"import below {IMPORT_S} s, help below {HELP_S:g} s, first track below {FIRST_TRACK_S} s"
    proof = Proof(claim, as_json=given.json)
    with tempfile.TemporaryDirectory(prefix="prove-startup-") as name:
        script, track = write_first_track(Path(name), given.seed)
        measured = {
            "import_s": (median_of(import_time, given.rounds), IMPORT_S),
            "help_s": (median_of(help_time, given.rounds), HELP_S),
            "first_track_s": (median_of(lambda: first_track_time(script, track), given.rounds), FIRST_TRACK_S),
        }
    for what, (seconds, limit) in measured.items():
        proof.figures[what] = round(seconds, 4)
        proof.check(seconds < limit, f"{what} is {seconds:.2f}, and should be below {limit:g}")
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
