"""How `benchmark.py` tells what it measured: tables on a terminal, and a plot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from contest import LeftOut, a_table, console

DECODE = "decode-float"
NEUTRAL = "#808080"  # of equal contrast on white and on black


def is_ours(name: str) -> bool:
    """Tell the workbench from its peers."""
    return name.split("-")[0] == "workbench"


def spread(values: Iterable[float | None]) -> dict[str, float] | None:
    """Give median and quartiles of what is known.

    >>> spread([1.0, 2.0, 4.0, None])
    {'median': 2.0, 'q1': 1.5, 'q3': 3.0}
    """
    known = [value for value in values if value is not None]
    if not known:
        return None
    q1, median, q3 = np.quantile(known, [0.25, 0.5, 0.75])
    return {"median": float(median), "q1": float(q1), "q3": float(q3)}


def with_spread(value: dict[str, float] | None, digits: int) -> str:
    """Give ``median (q1 to q3)``."""
    if value is None:
        return "failed"
    return f"{value['median']:.{digits}f} ({value['q1']:.{digits}f} to {value['q3']:.{digits}f})"


def print_report(report: dict[str, Any], left_out: list[LeftOut]) -> None:
    """Write the tables to standard output."""
    screen = console()
    for table in tables(report):
        screen.print(table)
    for name, system in report["systems"].items():
        if system["failures"]:
            screen.print(f"{name}: {len(system['failures'])} files failed, first {system['failures'][0]}", markup=False)
    for peer in left_out:
        screen.print(peer.sentence, markup=False)


def tables(report: dict[str, Any]) -> list[Any]:
    """Give a table for every part of the report that was measured."""
    titles = {name: system["title"] for name, system in report["systems"].items()}
    ours = [name for name in titles if is_ours(name)]
    found = [time_table(report, titles, ours)]
    if "formats" in report:
        found.append(format_table(report["formats"], titles, ours))
    if "one_shots" in report:
        rows = [
            [titles[name], "failed" if ms is None else f"{ms:.2f}"] for name, ms in report["one_shots"]["ms"].items()
        ]
        title = f"One-second files, {report['one_shots']['files']} in a batch"
        found.append(a_table(title, ["system", "ms per file"], rows))
    if "memory" in report:
        rows = [[titles[n], f"{mb['imported_mb']:.0f}", f"{mb['file_mb']:.0f}"] for n, mb in report["memory"].items()]
        title = f"Peak of resident memory, one file of {report['seconds']:g} s"
        found.append(a_table(title, ["system", "imported, MB", "after the file, MB"], rows))
    return found


def time_table(report: dict[str, Any], titles: dict[str, str], ours: list[str]) -> Any:
    """Give times per system, and how many times as long as each of our sets each takes."""
    rows = []
    for name, ms in report["times"]["ms"].items():
        quotients = [
            "1" if name == mine else with_spread(report["times"]["ratios"][mine][name], 2) for mine in ours
        ]  # fmt: skip
        rows.append([titles[name], with_spread(ms, 0), *quotients])
    heads = ["system", "ms", *(f"times as long as {titles[mine]}" for mine in ours)]
    title = f"Processor time per {report['seconds']:g} s of audio: median (quartiles), files: {len(report['files'])}"
    return a_table(title, heads, rows)


def format_table(formats: dict[str, Any], titles: dict[str, str], ours: list[str]) -> Any:
    """Give, per format, our times and the share of them that decoding alone would take."""
    rows = []
    for kind, part in formats.items():
        decode = part["ms"].get(DECODE)
        for mine in ours:
            # the ratio is decode over ours; a reader asks for ours over decode
            per_file = zip(part["ms_per_file"][mine], part["ms_per_file"].get(DECODE, []), strict=False)
            quotient = spread(a / b if a and b else None for a, b in per_file)
            rows.append([kind, titles[mine], with_spread(part["ms"][mine], 0), with_spread(decode, 0),
                         with_spread(quotient, 2)])  # fmt: skip
    heads = ["format", "system", "ms", f"{titles.get(DECODE, 'decoding')}, ms", "times its decoding"]
    return a_table("The same audio in four formats: median (quartiles)", heads, rows)


def plot(report: dict[str, Any], path: Path) -> None:
    """Draw the times as an SVG that is readable on white and on black, and without telling red from green.

    Points, not bars: a logarithmic axis has no zero from which the length of a bar could be read.
    """
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    mpl.rcParams |= {"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": "benchmark"}
    shown = {name: ms for name, ms in report["times"]["ms"].items() if ms is not None}
    ordered = sorted(shown, key=lambda name: -shown[name]["median"])
    figure, axes = plt.subplots(figsize=(9, 0.36 * len(ordered) + 1.4), layout="constrained")
    for row, name in enumerate(ordered):
        ms, colour = shown[name], colour_of(name)
        axes.axhline(row, color=NEUTRAL, linewidth=0.5, alpha=0.5)
        axes.plot([ms["q1"], ms["q3"]], [row, row], color=colour, linewidth=3, solid_capstyle="round")
        axes.plot(ms["median"], row, "o", color=colour, markersize=8)
    axes.set_yticks(range(len(ordered)), [report["systems"][name]["title"] for name in ordered])
    figures = axes.secondary_yaxis("right")
    figures.set_yticks(range(len(ordered)), [label_of(report, name) for name in ordered])
    axes.set_ylim(-0.6, len(ordered) - 0.4)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(
        f"processor time in milliseconds, logarithmic: median and quartiles over {len(report['files'])} files"
    )
    length = "three minutes" if report["seconds"] == 180 else f"{report['seconds']:g} s"
    figure.suptitle(f"How long one core takes to describe {length} of audio", color=NEUTRAL)
    axes.xaxis.label.set_color(NEUTRAL)
    for drawn in (axes, figures):
        drawn.tick_params(colors=NEUTRAL, which="both")
        drawn.tick_params(axis="y", length=0)
        for side, spine in drawn.spines.items():
            spine.set_visible(drawn is axes and side == "bottom")
            spine.set_color(NEUTRAL)
    figure.savefig(path, transparent=True, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def colour_of(name: str) -> str:
    """Give orange to ours, blue to peers, grey to decoding: as Okabe and Ito chose them, for every eye."""
    return "#d55e00" if is_ours(name) else NEUTRAL if name.startswith("decode") else "#3d9fd6"


def label_of(report: dict[str, Any], name: str) -> str:
    """Give the time, and for a peer the median of its ratio to the first of our sets."""
    ms = report["times"]["ms"][name]["median"]
    mine, ratio = next(iter(report["times"]["ratios"].items()), (name, {}))
    if name == mine or not ratio.get(name):
        return f"{ms:.0f} ms"
    times = ratio[name]["median"]
    return f"{ms:.0f} ms, {times:.{1 if times >= 1 else 2}f}×"
