"""Let the disk of a library run full at random points: a clear error, nothing lost, and it goes on when there is room.

    sudo python scripts/prove_full_disk.py --rounds 20

The library lies on a small disk in memory (tmpfs), which only root may mount. Each round leaves too
little room from the start, or takes the rest away while `workbench analyze` runs; after that, twice at
most, it makes some room. In the end there is room for all, and the result must be that of a run which
never met a full disk, to the bit.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from proof import (
    Outcomes,
    Proof,
    arguments,
    bits,
    broken_by_collect,
    broken_invariants,
    differences,
    make_collection,
    outcomes,
    tripwire,
)

if TYPE_CHECKING:
    from workbench import Library

FULL = 4  # exit code of StorageFullError
REMEDY = "Free some space"


class Disk:
    """A mounted tmpfs, and a file on it that takes room away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def free(self) -> int:
        """Bytes that are left."""
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def leave(self, room: int) -> None:
        """Leave so many bytes, or as many as there are."""
        self._filler.unlink(missing_ok=True)
        descriptor = os.open(self._filler, os.O_CREAT | os.O_WRONLY)
        try:
            if (size := self.free() - room) > 0:
                os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)

    def take_the_rest(self) -> None:
        """Leave nothing, while somebody else writes."""
        with open(self._filler, "ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                return  # full: that is what was wanted

    def clear(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[Disk]:
    """Mount a tmpfs of so many bytes.

    Raises
    ------
    PermissionError
        For anybody but root.
    """
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "prove-full-disk", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise PermissionError(done.stderr.strip())
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def reference(folder: Path, music: Path) -> tuple[dict[str, dict[str, str]], Outcomes, int, float]:
    """Analyze where there is room: bits, outcomes, size on disk in bytes, seconds."""
    from workbench import Library

    path = folder / "reference.library"
    began = time.monotonic()
    run_analysis(path, music, json_too=True)
    took = time.monotonic() - began
    with Library.open(path) as library:
        size = sum(file.stat().st_blocks * 512 for file in path.rglob("*"))
        return bits(library), outcomes(library), size, took


def start_analysis(library: Path, music: Path) -> subprocess.Popen[str]:
    """Start the command that a user would."""
    command = [sys.executable, "-m", "workbench.cli", "analyze", str(music), "--library", str(library), "--json"]
    command += ["--workers", "2"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_analysis(library: Path, music: Path, *, json_too: bool = False) -> tuple[int, str, str]:
    """Run it to its end: exit code, standard output, standard error."""
    process = start_analysis(library, music)
    out, err = process.communicate(timeout=300)
    if json_too:
        json.loads(out)
    return process.returncode, out, err


def fill_up(proof: Proof, disk: Disk, music: Path, rng: np.random.Generator, needed: int, took: float) -> str:
    """Run the disk full once, in one of two ways, and check what the command says to it."""
    library = disk.folder / "a.library"
    during = bool(rng.random() < 0.5)
    if during:
        disk.clear()
        process = start_analysis(library, music)
        time.sleep(float(rng.uniform(0.2, 1.0)) * took)
        disk.take_the_rest()
        out, err = process.communicate(timeout=300)
        code = process.returncode
    else:
        disk.leave(int(needed * rng.uniform(0, 0.95) ** 2))  # little room oftener: the catalog is made first
        code, out, err = run_analysis(library, music)
    how = "filled while it ran" if during else "too small"
    proof.check(code in (0, FULL), f"{how}: exit code {code}: {err[-800:]}")
    proof.check("Traceback" not in err, f"{how}: a traceback: {err[-800:]}")
    if code == FULL:
        said = json.loads(out)["error"]
        proof.check(said["kind"] == "StorageFullError" and REMEDY in said["remedy"], f"{how}: said {said}")
    return f"{how}: {'enough after all' if code == 0 else 'full'}"


def check_when_full(proof: Proof, library: Library, before: Outcomes, where: str) -> Outcomes:
    """Check, with the disk still full, that what was committed is there."""
    stored = outcomes(library)
    changed = [path for path, outcome in before.items() if stored.get(path) != outcome]
    proof.check(not changed, f"{where}: stored outcomes lost or changed: {changed[:3]}")
    proof.check_none(broken_invariants(library), where)
    return stored


def main() -> int:
    """Run the command line."""
    parser = arguments(__doc__, rounds=20, what="libraries")
    parser.add_argument("--tracks", type=int, default=10, help="simulated tracks in the collection (default 10)")
    given = parser.parse_args()
    proof = Proof("a full disk loses nothing", as_json=given.json)
    rng = np.random.default_rng(given.seed)
    with tempfile.TemporaryDirectory(prefix="prove-full-disk-") as name:
        folder = Path(name)
        try:
            with mounted(folder / "trial", 1 << 20):
                pass
        except PermissionError as error:
            print(f"A small disk cannot be mounted: {error}. Run this as root.", file=sys.stderr)
            return 2
        make_collection(folder / "music", tracks=given.tracks, seed=given.seed)
        prove(proof, folder, rng, given.rounds)
    return proof.end()


def prove(proof: Proof, folder: Path, rng: np.random.Generator, rounds: int) -> None:
    """Let so many libraries meet a full disk."""
    from workbench import Library

    music = folder / "music"
    expected, expected_outcomes, needed, took = reference(folder, music)
    seen: Counter[str] = Counter()
    for number in range(rounds):
        with mounted(folder / f"disk {number}", 4 * needed) as disk:
            path = disk.folder / "a.library"
            known: Outcomes = {}
            for _ in range(int(rng.integers(1, 4))):
                what = fill_up(proof, disk, music, rng, needed, took)
                seen[what] += 1
                if (path / "catalog.sqlite").exists() and (path / "catalog.sqlite").stat().st_size:
                    with Library.open(path) as library:
                        known = check_when_full(proof, library, known, f"library {number}, {what}")
                proof.say(f"library {number}: {what}, {len(known)} outcomes stored")
                if len(known) == len(expected_outcomes):
                    break
            disk.clear()
            code, _, err = run_analysis(path, music)
            proof.check(code == 0, f"library {number}: exit code {code} with room: {err[-800:]}")
            with Library.open(path) as library:
                where = f"library {number}, with room"
                proof.check_none(broken_by_collect(library), where)
                proof.check_none(differences(expected, bits(library)), where)
                proof.check(outcomes(library) == expected_outcomes, f"{where}: other outcomes than the reference")
                with tripwire(folder) as mark:
                    library.analyze(music, workers=1)
                proof.check(not mark.exists(), f"{where}: a second run decoded something")
            shutil.rmtree(path)
    proof.figures |= {"libraries": rounds, "library_bytes": needed, "files": len(expected_outcomes)}
    proof.figures["disk"] = dict(seen)
    proof.check(rounds < 5 or any("full" in what.split(": ")[1] for what in seen), "the disk was never full")


if __name__ == "__main__":
    sys.exit(main())
