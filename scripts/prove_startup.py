"""Measure how long ``import workbench`` and ``workbench --help`` take.

    python scripts/prove_startup.py --rounds 15

Each is started so many times in a process of its own, after one start that warms the disk's cache; the
medians must be below half a second and a second.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from proof import Proof, arguments

IMPORT_S, HELP_S = 0.5, 1.0
TIMED_IMPORT = "import time; began = time.perf_counter(); import workbench; print(time.perf_counter() - began)"


def import_time() -> float:
    """Import the package in a new process; give the seconds that the import took there."""
    done = subprocess.run([sys.executable, "-c", TIMED_IMPORT], check=True, capture_output=True, text=True)
    return float(done.stdout)


def help_time() -> float:
    """Ask the command line for help; give the seconds from its start to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "workbench.cli", "--help"], check=True, capture_output=True)
    return time.perf_counter() - began


def median_of(measure: Callable[[], float], rounds: int) -> float:
    """Warm up once, then measure."""
    measure()
    return statistics.median(measure() for _ in range(rounds))


def main() -> int:
    """Run the command line."""
    given = arguments(__doc__, rounds=15, what="starts of each").parse_args()
    proof = Proof(f"import below {IMPORT_S} s, help below {HELP_S:g} s", as_json=given.json)
    importing, helping = median_of(import_time, given.rounds), median_of(help_time, given.rounds)
    proof.figures |= {"import_s": round(importing, 4), "help_s": round(helping, 4)}
    proof.check(importing < IMPORT_S, f"import workbench takes {importing:.2f} s")
    proof.check(helping < HELP_S, f"workbench --help takes {helping:.2f} s")
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
