"""Show where the time of an analysis goes: by stage, by function, and by descriptor.

    python scripts/profile_analysis.py song.flac --json profile.json

Three views, all in milliseconds of processor time per three minutes of audio (--seconds):

- *Stages*: the modules of the workbench that run in one analysis, decoding included, by cProfile. Time in
  numpy, scipy or compiled code belongs to the function of the workbench that called it.
- *Functions*: the same, one level deeper.
- *Descriptors*: ``alone`` is what an analysis of nothing but this descriptor takes (decoding excluded),
  with everything that it is computed from. ``extra`` is how much longer an analysis of a small base (--base)
  takes when the descriptor is added: the base has the frames, the spectrum and the mel spectrum that many
  share. Those that are made together, as tempo and beats, are each charged with the whole of it. Both are
  medians; ``±`` is half the distance of the quartiles of ``extra``.

Without a file, a piece is simulated.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from contest import a_table, console, machine, say, write_json

from workbench.audio import open_audio
from workbench.features import extract, specs

PACKAGE = str(Path(sys.modules["workbench"].__file__ or "").parent)
SMALLEST_SHOWN = 0.005  # of the whole
BASE = "rms,spectral_centroid,mel"

Function = tuple[str, int, str]  # file, line, name: as pstats has it


# --- stages and functions -------------------------------------------------------------------------


def profile(path: Path) -> dict[Function, float]:
    """Analyze a file under cProfile: seconds by function of the workbench."""
    profiler = cProfile.Profile(time.process_time)
    profiler.enable()
    with open_audio(str(path)) as stream:
        extract(stream.blocks(), stream.sample_rate)
    profiler.disable()
    return charge(pstats.Stats(profiler).stats)  # type: ignore[attr-defined]  # typeshed leaves it out


def charge(stats: dict[Function, tuple[Any, ...]], package: str = PACKAGE) -> dict[Function, float]:
    """Charge the time of every foreign function to the functions of the package that called it.

    A foreign function's own time goes to its callers in proportion to the time that they spent in it;
    a foreign caller hands its share on in the same way.

    Parameters
    ----------
    stats : dict
        As in `pstats.Stats.stats`: by function ``(_, calls, own, total, callers)``, and by caller likewise.
    package : str
        Folder of the package.

    Returns
    -------
    dict
        Seconds by function of the package; what no such function called, under an empty one.
    """
    outside: Function = ("", 0, "outside")
    charged: dict[Function, float] = defaultdict(float)
    pending = {function: entry[2] for function, entry in stats.items()}
    for _ in range(100):  # deeper than any chain of callers; recursion among foreign functions ends here too
        following: dict[Function, float] = defaultdict(float)
        for function, seconds in pending.items():
            callers = stats[function][4]
            weights = {caller: max(edge[3], 1e-9) for caller, edge in callers.items() if caller in stats}
            if function[0].startswith(package):
                charged[function] += seconds
            elif not weights:
                charged[outside] += seconds
            else:
                for caller, weight in weights.items():
                    following[caller] += seconds * weight / sum(weights.values())
        pending = following
    charged[outside] += sum(pending.values())
    return {function: seconds for function, seconds in charged.items() if seconds > 0}


def module_of(function: Function) -> str:
    """Give ``features.stft`` for a function there.

    >>> module_of((PACKAGE + "/features/stft.py", 12, "push"))
    'features.stft'
    """
    if not function[0]:
        return "outside"
    return ".".join(Path(function[0]).relative_to(PACKAGE).with_suffix("").parts)


def by_module(charged: dict[Function, float]) -> dict[str, float]:
    """Sum over the functions of each module, the longest first."""
    sums: dict[str, float] = defaultdict(float)
    for function, seconds in charged.items():
        sums[module_of(function)] += seconds
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


# --- descriptors ----------------------------------------------------------------------------------


def stored_paths() -> dict[str, list[str]]:
    """Give the arrays of each descriptor that an analysis stores."""
    paths: dict[str, list[str]] = {}
    for spec in specs(descriptors="full"):
        paths.setdefault(spec.name, []).append(spec.path)
    return paths


def cost_of_descriptors(
    path: Path, names: Collection[str], *, base: Collection[str], repeat: int, scale: float
) -> dict[str, Any]:
    """Time descriptors on samples that are decoded already; milliseconds."""
    with open_audio(str(path)) as stream:
        blocks, sample_rate = list(stream.blocks()), stream.sample_rate
    stored = stored_paths()

    def seconds(wanted: Collection[str]) -> float:
        paths = [path for name in sorted(wanted) for path in stored[name]]
        began = time.process_time()
        if paths:
            extract(blocks, sample_rate, paths=paths)
        return time.process_time() - began

    seconds(stored)  # compiles and fills caches
    rounds = []
    for number in range(repeat):
        rounds.append(time_round(seconds, names, base))
        say(f"descriptors: round {number + 1} of {repeat}")
    ms = scale * np.array([[taken[name] for name in names] for taken in rounds])
    whole = scale * np.median([seconds(stored) for _ in range(repeat)])
    return {"whole": float(whole), "base": sorted(base)} | {"descriptors": summarize(names, ms)}


def time_round(
    seconds: Callable[[Collection[str]], float], names: Iterable[str], base: Collection[str]
) -> dict[str, tuple[float, float]]:
    """Give for each descriptor the seconds alone, and the difference of two analyses that follow each other."""
    return {name: (seconds({name}), seconds({*base, name}) - seconds({*base} - {name})) for name in names}


def summarize(names: Iterable[str], ms: npt.NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """Give medians and spread of timings (n_rounds, n_descriptors, [alone, extra])."""
    low, middle, high = np.quantile(ms, [0.25, 0.5, 0.75], axis=0)
    return {
        name: {"alone": float(alone), "extra": float(extra), "extra_spread": float(spread)}
        for name, (alone, extra), spread in zip(names, middle, (high - low)[:, 1] / 2, strict=True)
    }


# --- telling --------------------------------------------------------------------------------------


def print_report(report: dict[str, Any]) -> None:
    """Write the tables to standard output."""
    screen, total, per = console(), sum(report["stages"].values()), f"ms per {report['seconds']:g} s"
    for title, column, part in (("Stages", "module", report["stages"]), ("Functions", "function", report["functions"])):
        rows = [[name, f"{ms:.1f}", f"{ms / total:.1%}"] for name, ms in part.items() if ms > SMALLEST_SHOWN * total]
        screen.print(a_table(f"{title}: {total:.0f} {per}", [column, "ms", "share"], rows))
    if "cost" in report:
        cost = report["cost"]
        ordered = sorted(cost["descriptors"].items(), key=lambda item: -item[1]["extra"])
        rows = [[name, *(f"{ms[k]:.1f}" for k in ("extra", "extra_spread", "alone"))] for name, ms in ordered]
        title = f"Descriptors: all {cost['whole']:.0f} {per}"
        screen.print(a_table(title, ["descriptor", f"extra to {' + '.join(cost['base'])}", "±", "alone"], rows))


# --- the run --------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """Give the command line."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("file", nargs="?", type=Path, help="audio to analyze")
    found.add_argument("--seconds", type=float, default=180.0, metavar="S",
                       help="give times per so much audio, and simulate so much (default 180)")  # fmt: skip
    found.add_argument("--repeat", type=int, default=5, metavar="R", help="take the least of R times (default 5)")
    found.add_argument("--only", metavar="NAMES", help="comma-separated descriptors to time (default: all)")
    found.add_argument("--base", metavar="NAMES", default=BASE, help=f"descriptors of the base (default {BASE})")
    found.add_argument("--no-descriptors", action="store_true", help="stages and functions only, which is quick")
    found.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")
    found.add_argument(
        "--costs", type=Path, metavar="FILE", help="write what each descriptor costs, for docs/descriptors.md, as JSON"
    )
    return found


def chosen(only: str | None) -> list[str]:
    """Give the descriptors asked for."""
    stored = list(stored_paths())
    names = stored if only is None else [name.strip() for name in only.split(",")]
    unknown = [name for name in names if name not in stored]
    if unknown:
        raise SystemExit(f"no descriptor {', '.join(unknown)}; there are: {', '.join(stored)}")
    return names


def measure(
    path: Path, names: Collection[str], *, base: Collection[str], seconds: float, repeat: int
) -> dict[str, Any]:
    """Make the report on one file."""
    with open_audio(str(path)) as stream:
        n_frames = sum(len(block) for block in stream.blocks())
        duration = n_frames / stream.sample_rate
    scale = 1000 * seconds / duration
    profile(path)  # compiles and fills caches
    charged = min((profile(path) for _ in range(repeat)), key=lambda charged: sum(charged.values()))
    functions = sorted(charged.items(), key=lambda item: -item[1])
    report = {
        "machine": machine(),
        "file": path.name,
        "duration_s": duration,
        "seconds": seconds,
        "stages": {module: taken * scale for module, taken in by_module(charged).items()},
        "functions": {f"{module_of(f)}:{f[1]}:{f[2]}": taken * scale for f, taken in functions},
    }
    if names:
        report["cost"] = cost_of_descriptors(path, names, base=base, repeat=repeat, scale=scale)
    return report


def main() -> int:
    """Run the command line."""
    given = parser().parse_args()
    names = [] if given.no_descriptors else chosen(given.only)
    with tempfile.TemporaryDirectory(prefix="profile-") as folder:
        path = given.file
        if path is None:
            from workbench.testing import encode, simulate_track

            track = simulate_track(0, duration=given.seconds)
            path = Path(folder) / "simulated.wav"
            path.write_bytes(encode(track.y, track.sr, "wav"))
        report = measure(path, names, base=chosen(given.base), seconds=given.seconds, repeat=given.repeat)
    print_report(report)
    if given.json:
        write_json(given.json, report)
    if given.costs and names:
        extra = {name: max(cost["extra"], 0.0) for name, cost in report["cost"]["descriptors"].items()}
        write_json(given.costs, {"machine": report["machine"], "seconds": given.seconds, "descriptors": extra})
    return 0


if __name__ == "__main__":
    sys.exit(main())
