"""Compare the peak memory of a worker on a short and on a very long file.

    python scripts/prove_memory.py --hours 10

Both files are stereo FLAC at 44.1 kHz, written in pieces: simulated music, each minute with a gain and
an offset of its own. Each is analyzed by one new worker process, whose peak of resident memory (VmHWM,
as Linux counts it) is read until the analysis is committed. The peaks must differ by 20 % at most, and none
be above 220 MB.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from proof import Proof, arguments, workers_of

SR = 44100
SHORT_S = 180.0
ALLOWED = 0.20
MOST_BYTES = 220e6


def write_music(path: Path, seconds: float, seed: int) -> None:
    """Write a long file at constant memory: one simulated minute, cut elsewhere and louder or softer each time."""
    import soundfile

    from workbench.testing import simulate_track

    rng = np.random.default_rng(seed)
    minute = simulate_track(seed, duration=60.0, sr=SR).y
    if minute.ndim == 1:
        minute = np.stack([minute, minute], axis=1)
    left = round(seconds * SR)
    with soundfile.SoundFile(path, "w", SR, 2, "PCM_16", format="FLAC") as file:
        while left > 0:
            piece = np.roll(minute, int(rng.integers(len(minute))), axis=0)[:left] * rng.uniform(0.3, 1.0)
            file.write(piece)
            left -= len(piece)


def peak_of_worker(path: Path, folder: Path) -> tuple[int, float, dict[str, Any]]:
    """Analyze a file with one worker: its peak in bytes, the seconds that it took, and the job's report."""
    import psutil

    from workbench import Library, Settings

    peaks: dict[int, int] = {}
    this = psutil.Process()

    def look(progress: object) -> None:
        for worker in workers_of(this):
            try:
                status = Path(f"/proc/{worker.pid}/status").read_text()
            except FileNotFoundError:
                continue  # it ended in the meantime
            high = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
            peaks[worker.pid] = 1024 * int(high.split()[1])

    began = time.monotonic()
    settings = Settings(file_deadline_s=24 * 3600, max_duration_s=48 * 3600, max_decoded_bytes=1 << 40)
    with Library.open(folder / f"{path.stem}.library", settings=settings) as library:
        report = library.analyze(path, workers=1, on_progress=look).report()
    if len(peaks) != 1:
        raise RuntimeError(f"one worker was expected, {len(peaks)} were seen: one of them died")
    return peaks.popitem()[1], time.monotonic() - began, report


def main() -> int:
    """Run the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--hours", type=float, default=10.0, help="length of the long file (default 10)")
    given = parser.parse_args()
    proof = Proof(f"peak memory is the same from {SHORT_S / 60:g} minutes to {given.hours:g} hours", as_json=given.json)
    with tempfile.TemporaryDirectory(prefix="prove-memory-") as name:
        peaks = {}
        for label, seconds in (("short", SHORT_S), ("long", 3600 * given.hours)):
            path = Path(name) / f"{label}.flac"
            write_music(path, seconds, given.seed)
            proof.say(f"{label}: {seconds:g} s written, {path.stat().st_size / 1e6:.0f} MB")
            peaks[label], took, report = peak_of_worker(path, Path(name))
            proof.check(report["analyzed"] == 1, f"{label}: not analyzed: {report['failures']}")
            proof.check(peaks[label] <= MOST_BYTES, f"{label}: peak above {MOST_BYTES / 1e6:g} MB")
            proof.say(f"{label}: peak {peaks[label] / 1e6:.1f} MB, {took:.1f} s")
            proof.figures |= {f"{label}_peak_mb": round(peaks[label] / 1e6, 1), f"{label}_took_s": round(took, 1)}
            path.unlink()
    ratio = peaks["long"] / peaks["short"]
    proof.figures["ratio"] = round(ratio, 4)
    proof.check(abs(ratio - 1) <= ALLOWED, f"the peak of the long file is {ratio:.2f} times that of the short one")
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
