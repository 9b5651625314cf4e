"""Analyze real files that were damaged at random: every one is analyzed or gets a reason, and nothing hangs.

    python scripts/prove_mutations.py --rounds 2000 ~/Music /usr/share/games/supertuxkart/data

Each round takes a file of the folders, the formats in turn, and damages its first bytes in one to four
ways (`workbench.testing.mutate`). Nothing is written to the folders.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from proof import Proof, arguments, broken_by_collect, outcomes, workers_of

if TYPE_CHECKING:
    from workbench import Library

#: Reasons that a proof of robustness must look into: a defect, or a process that was lost.
SUSPECT = ("internal", "worker_died", "out_of_memory", "timeout")


def sources(folders: list[Path]) -> dict[str, list[str]]:
    """List the audio files of the folders by their extension."""
    from workbench.audio.scan import scan

    found: dict[str, list[str]] = {}
    for file in scan(folders):
        if file.reason is None:
            found.setdefault(os.path.splitext(file.path)[1].lower(), []).append(file.path)
    return found


def write_mutations(folders: list[Path], target: Path, *, rounds: int, seed: int, most_bytes: int) -> int:
    """Write the damaged files; give how many formats there are."""
    from workbench.testing import mutate

    rng = np.random.default_rng(seed)
    by_format = sources(folders)
    formats = sorted(by_format)
    for number in range(rounds):
        paths = by_format[formats[number % len(formats)]]
        path = paths[int(rng.integers(len(paths)))]
        with open(path, "rb") as file:
            data = file.read(most_bytes)
        name = target / f"{number // 250:03d}" / f"{number:06d}{formats[number % len(formats)]}"
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_bytes(mutate(data, rng))
    return len(formats)


def analyze(proof: Proof, library: Library, folder: Path, *, workers: int, limit_s: float) -> int:
    """Analyze the damaged files within a time limit; give how many workers died."""
    import psutil

    this = psutil.Process()
    seen: set[int] = set()
    said = [0.0]

    def look(progress: object) -> None:
        seen.update(worker.pid for worker in workers_of(this))
        if time.monotonic() - said[0] > 15:
            said[0] = time.monotonic()
            proof.say(repr(progress)[:160])

    began = time.monotonic()
    job = library.analyze(folder, workers=workers, wait=False, on_progress=look).wait(limit_s)
    if not job.state.finished:
        job.cancel()
        proof.check(False, f"the job hangs: not finished in {limit_s:g} s: {job}")
        job.wait(60)
    counts = job.counts
    proof.say(f"{job}, {time.monotonic() - began:.1f} s")
    proof.check(counts.done == counts.total, f"files without an outcome: {counts}")
    proof.figures |= {"analyzed": counts.analyzed, "duplicate": counts.duplicate, "failed": counts.failed}
    proof.figures |= {"analysis_s": round(time.monotonic() - began, 1)}
    return max(0, len(seen) - workers)


def broken_values(library: Library) -> list[str]:
    """Look for NaN and infinity in everything that is stored."""
    found = []
    for part in sorted(library.parts.listed()):
        root = library.parts.root / "parts" / part
        for file in sorted(root.rglob("zarr.json")):
            path = file.parent.relative_to(root).as_posix()
            if (file.parent / "c").exists() and not np.isfinite(library.parts.read(part, path)).all():
                found.append(f"{path} of part {part} holds NaN or infinity")
    for track in library.tracks():
        found += [
            f"{name} of {track['path']} is {value}"
            for name, value in track.items()
            if isinstance(value, float) and not math.isfinite(value)
        ]
    return found


def check_reasons(proof: Proof, library: Library, deaths: int, keep: Path | None) -> None:
    """Check that every failure has a reason which is no defect, and that lost workers are accounted for."""
    from workbench.store.batches import MAX_ATTEMPTS

    failures = library.failed()
    reasons = Counter(failure["reason"] for failure in failures)
    proof.figures |= {"failed_by_reason": dict(reasons.most_common()), "workers_lost": deaths}
    lost = [f for f in failures if f["reason"] in ("worker_died", "timeout", "out_of_memory")]
    proof.check(deaths <= MAX_ATTEMPTS * len(lost), f"{deaths} workers died, {len(lost)} files are named for it")
    for failure in failures:
        if failure["reason"] in SUSPECT:
            proof.check(False, f"{failure['reason']}: {os.path.basename(failure['path'])}: {failure['detail']}")
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(failure["path"], keep)


def main() -> int:
    """Run the command line."""
    parser = arguments(__doc__, rounds=2000, what="damaged files", folders=True)
    parser.add_argument("--deadline", type=float, default=20.0, help="seconds that one file may take (default 20)")
    parser.add_argument("--most-bytes", type=int, default=250_000, help="bytes taken of a source (default 250000)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (default 2)")
    parser.add_argument("--keep", type=Path, help="copy files with a suspect reason into this folder")
    given = parser.parse_args()
    from workbench import Library, Settings

    proof = Proof(f"{given.rounds} damaged files: each analyzed or failed with a reason", as_json=given.json)
    with tempfile.TemporaryDirectory(prefix="prove-mutations-") as name:
        music = Path(name) / "damaged"
        formats = write_mutations(
            given.folders, music, rounds=given.rounds, seed=given.seed, most_bytes=given.most_bytes
        )
        proof.say(f"{given.rounds} files of {formats} formats written")
        settings = Settings(file_deadline_s=given.deadline)
        with Library.open(Path(name) / "a.library", settings=settings) as library:
            limit_s = 300 + given.rounds * given.deadline / 10
            deaths = analyze(proof, library, music, workers=given.workers, limit_s=limit_s)
            proof.check(len(outcomes(library)) == given.rounds, f"{len(outcomes(library))} outcomes")
            check_reasons(proof, library, deaths, given.keep)
            proof.check_none(broken_values(library), "stored")
            proof.check_none(broken_by_collect(library), "after the run")
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
