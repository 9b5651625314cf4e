"""Time the workbench and its peers on the same files, in one run, on one core.

    python scripts/benchmark.py ~/Music --files 20 --plot times.svg

Every system is a process of its own (scripts/systems.py), with one thread, pinned to the same core, warm
before the first measurement. File by file each is asked in turn, in an order that changes, so that
whatever else the machine does meets all of them alike. What counts is processor time; of several
repetitions, the least. A ratio is the median over the files of each file's ratio, with its quartiles.
Times are per three minutes of audio (--seconds); they hold for this machine, ratios travel better.

Without a folder a small library is simulated.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_report import DECODE, is_ours, plot, print_report, spread
from contest import Contestant, LeftOut, contest, interpreter, machine, say, write_json
from systems import System, timed

FORMATS = ("wav", "flac", "ogg", "mp3")
SIMULATED = 4
WARM_UP_S = 5.0
AUDIBLE = 0.03  # the peak of a piece that is no silence, -30 dB


# --- files ----------------------------------------------------------------------------------------


def find_files(folder: Path, most: int) -> list[Path]:
    """Give the audio files below a folder that can be read, spread evenly over it if there are more than `most`."""
    from workbench.audio import scan

    found = [Path(file.path) for file in scan([folder])]
    readable = [path for path in found if duration_of(path) > 0]
    if len(readable) < len(found):
        say(f"{len(found) - len(readable)} of {len(found)} files are not for libsndfile, or empty: left out")
    if len(readable) > most:
        readable = [readable[i * len(readable) // most] for i in range(most)]
    return readable


def duration_of(path: Path) -> float:
    """Give seconds by the header; 0 if libsndfile cannot read it."""
    import soundfile

    try:
        return float(soundfile.info(path).duration)
    except soundfile.SoundFileError:
        return 0.0


def simulate(folder: Path, n: int, seconds: float, seed: int) -> None:
    """Write simulated music as WAV."""
    from workbench.testing import simulate_track

    folder.mkdir()
    for number in range(n):
        track = simulate_track(seed + number, duration=seconds)
        write(folder / f"{track.truth.style} {number}.wav", track.y, track.sr)


def write(path: Path, y: np.ndarray, sr: int) -> Path:
    """Encode as the name's extension says."""
    from workbench.testing import encode

    path.write_bytes(encode(y, sr, path.suffix[1:]))  # type: ignore[arg-type]  # one of FORMATS
    return path


def cut(source: Path, target: Path, seconds: float, *, start: float = 0.0) -> Path:
    """Write a piece of a file, the file repeated if it is shorter."""
    import soundfile

    with soundfile.SoundFile(source) as file:
        first, n = int(start * file.samplerate), max(int(seconds * file.samplerate), 1)
        file.seek(min(first, file.frames))
        y = file.read(n, dtype="float32", always_2d=True)
        if len(y) < n:
            file.seek(0)
            whole = file.read(n, dtype="float32", always_2d=True)
            y = np.concatenate([y, *[whole] * -(-n // max(len(whole), 1))])[:n]
        return write(target, y, file.samplerate)


def copies(files: Sequence[Path], folder: Path, kind: str, most_s: float = np.inf) -> list[Path]:
    """Write the files in another format, each at most so many seconds of it."""
    folder.mkdir()
    return [
        cut(path, folder / f"{number} {path.stem}.{kind}", min(duration_of(path), most_s))
        for number, path in enumerate(files)
    ]


# --- measuring ------------------------------------------------------------------------------------


Times = dict[str, list[float | None]]  # by system: milliseconds per `seconds` of audio, one per file


def measure(running: dict[str, Contestant], files: Sequence[Path], *, seconds: float, repeat: int) -> Times:
    """Ask every system for every file, taking turns."""
    times: Times = {name: [] for name in running}
    names = list(running)
    for number, path in enumerate(files):
        scale = 1000 * seconds / duration_of(path)
        path.read_bytes()  # from here on the disk plays no part
        least: dict[str, float] = {}
        for turn in range(repeat):
            shift = (number + turn) % len(names)
            for name in names[shift:] + names[:shift]:
                answer = running[name].ask(path)
                if answer is not None:
                    least[name] = min(answer["cpu_s"] * scale, least.get(name, np.inf))
        for name in names:
            times[name].append(least.get(name))
        say(f"{number + 1} of {len(files)}: {path.name}")
    return times


def warm_up(running: dict[str, Contestant], path: Path) -> None:
    """Let each system do once what it does only once: compile, fill caches, plan transforms."""
    for name, contestant in running.items():
        if contestant.ask(path) is None:
            say(f"{name} fails: {contestant.failures[-1]}")


def one_shots(files: Sequence[Path], folder: Path, n: int) -> list[Path]:
    """Cut `n` pieces of one second; silent ones, which some systems refuse, only where there is nothing else."""
    import soundfile

    folder.mkdir()
    shots = []
    for number in range(n):
        path = files[number % len(files)]
        for attempt in range(8):
            start = (number * 7.3 + attempt * 11.9) % max(duration_of(path) - 1, 1e-3)
            shot = cut(path, folder / f"{number}.wav", 1.0, start=start)
            if np.abs(soundfile.read(shot)[0]).max() > AUDIBLE:
                break
        shots.append(shot)
    return shots


def measure_one_shots(running: dict[str, Contestant], shots: Sequence[Path]) -> dict[str, float | None]:
    """Give milliseconds per file of a batch; None for a system that failed at one of them."""
    found: dict[str, float | None] = {}
    for name, contestant in running.items():
        answers = [contestant.ask(*shots) for _ in range(5)]
        taken = [1000 * answer["cpu_s"] / len(shots) for answer in answers if answer is not None]
        found[name] = min(taken, default=None)
    return found


def measure_memory(systems: dict[str, System], peers_python: str | None, path: Path) -> dict[str, dict[str, float]]:
    """Give the peak of a new process in MB: when it has imported, and when it has described one file."""
    found = {}
    for name, system in systems.items():
        with contest("timed", {name: system}, peers_python) as (running, _):
            for contestant in running.values():
                answer = contestant.ask(path)
                if answer is not None:
                    found[name] = {
                        "imported_mb": contestant.peak_at_start / 1e6,
                        "file_mb": answer["peak_bytes"] / 1e6,
                    }
    return found


# --- figures --------------------------------------------------------------------------------------


def ratios(times: Times, ours: str) -> dict[str, dict[str, float] | None]:
    """Give for each system how many times as long as ours it takes, file by file.

    >>> ratios({"workbench": [10.0, 20.0], "peer": [50.0, 40.0]}, "workbench")
    {'peer': {'median': 3.5, 'q1': 2.75, 'q3': 4.25}}
    """
    return {
        name: spread(
            None if a is None or b is None else a / b for a, b in zip(values, times[ours], strict=True)
        )
        for name, values in times.items()
        if name != ours
    }  # fmt: skip


def report_of(times: Times) -> dict[str, Any]:
    """Give times with spread, and the ratios to each of our sets."""
    return {
        "ms": {name: spread(values) for name, values in times.items()},
        "ratios": {name: ratios(times, name) for name in times if is_ours(name)},
        "ms_per_file": times,
    }


# --- the run --------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """Give the command line."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("folder", nargs="?", type=Path, help="audio to use; nothing is written there")
    found.add_argument("--seconds", type=float, default=180.0, metavar="S",
                       help="give times per so much audio, and simulate and measure memory with files of this length "
                            "(default 180)")  # fmt: skip
    found.add_argument("--files", type=int, default=20, metavar="N", help="at most N files (default 20; simulated: 4)")
    found.add_argument("--repeat", type=int, default=3, metavar="R", help="take the least of R times (default 3)")
    found.add_argument("--only", metavar="NAMES", help="comma-separated names of systems; all: --list")
    found.add_argument("--list", action="store_true", help="list the systems and what is timed of each, and end")
    found.add_argument("--wav", action="store_true", help="time WAV copies (16 bits) of the files, which all can read")
    found.add_argument("--formats", action="store_true", help="also time WAV, FLAC, Ogg and MP3 of the same audio")
    found.add_argument("--one-shots", type=int, default=0, metavar="N", help="also time N one-second files in a batch")
    found.add_argument("--memory", action="store_true", help="also measure the peak of memory of each system")
    found.add_argument("--peers-python", type=interpreter, metavar="PATH",
                       help="a Python that has peers which this one has not")  # fmt: skip
    found.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")
    found.add_argument("--plot", type=Path, metavar="FILE", help="draw the times as SVG")
    found.add_argument("--seed", type=int, default=0, help="another seed simulates other music (default 0)")
    return found


def chosen(only: str | None) -> dict[str, System]:
    """Give the systems asked for; ours and decoding are always among them, as the others are compared with them."""
    systems = timed()
    if only is None:
        return systems
    names = {name.strip() for name in only.split(",")} | {DECODE, *filter(is_ours, systems)}
    unknown = names - systems.keys()
    if unknown:
        raise SystemExit(f"no system {', '.join(sorted(unknown))}; there are: {', '.join(systems)}")
    return {name: system for name, system in systems.items() if name in names}


def run(
    given: argparse.Namespace, systems: dict[str, System], files: list[Path], scratch: Path
) -> tuple[dict[str, Any], list[LeftOut]]:
    """Measure what was asked for."""
    warm = cut(files[0], scratch / "warm.wav", min(WARM_UP_S, given.seconds))
    with contest("timed", systems, given.peers_python) as (running, left_out):
        for peer in left_out:
            say(peer.sentence)
        warm_up(running, warm)
        options = {"seconds": given.seconds, "repeat": given.repeat}
        report: dict[str, Any] = {
            "machine": machine(),
            "seconds": given.seconds,
            "repeat": given.repeat,
            "files": [{"name": path.name, "duration_s": duration_of(path)} for path in files],
            "times": report_of(measure(running, files, **options)),
        }
        if given.formats:
            few = {name: running[name] for name in running if is_ours(name) or name.startswith("decode")}
            report["formats"] = {
                kind: report_of(measure(few, copies(files, scratch / kind, kind, given.seconds), **options))
                for kind in FORMATS
            }
        if given.one_shots:
            shots = one_shots(files, scratch / "one-shots", given.one_shots)
            report["one_shots"] = {"files": len(shots), "ms": measure_one_shots(running, shots)}
        report["systems"] = {
            name: {"title": systems[name].title, "does": systems[name].does, "version": contestant.version,
                   "failures": contestant.failures}
            for name, contestant in running.items()
        }  # fmt: skip
    report["left_out"] = [
        {"name": peer.name, "title": peer.title, "install": peer.install, "why": peer.why} for peer in left_out
    ]
    if given.memory:
        long = cut(files[0], scratch / "memory.wav", given.seconds)
        present = {name: systems[name] for name in report["systems"]}
        report["memory"] = measure_memory(present, given.peers_python, long)
    return report, left_out


def main() -> int:
    """Run the command line."""
    given = parser().parse_args()
    if given.list:
        for name, system in timed().items():
            print(f"{name}: {system.title}. {system.does}")
        return 0
    if given.plot and importlib.util.find_spec("matplotlib") is None:
        say("--plot needs matplotlib, which `make setup` installs")
        return 2
    systems = chosen(given.only)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = given.folder or Path(name) / "simulated"
        if given.folder is None:
            simulate(folder, min(given.files, SIMULATED), given.seconds, given.seed)
        files = find_files(folder, given.files)
        if not files:
            say(f"{folder}: no audio that libsndfile can read")
            return 2
        if given.wav:
            files = copies(files, Path(name) / "as-wav", "wav")
        report, left_out = run(given, systems, files, Path(name))
    print_report(report, left_out)
    if given.json:
        write_json(given.json, report)
    if given.plot:
        plot(report, given.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
