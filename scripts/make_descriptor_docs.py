"""Write docs/descriptors.md from the registry of descriptors and the formulas of mood."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from workbench.features.config import DEFAULT_CONFIG
from workbench.features.full_set import LEFT_OUT
from workbench.features.mood import CUES, DANCE_BPM, DANCE_JITTER, DANCE_SPREAD, GAIN, MOODS, WEIGHTS
from workbench.features.registry import COLUMNS, DESCRIPTORS, Descriptor
from workbench.features.summary import STATISTICS
from workbench.features.tempo import TEMPO_RATIOS
from workbench.features.tempogram import TEMPO_POINTS

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "descriptors.md"

#: Milliseconds per 180 s of audio by descriptor, as ``scripts/profile_analysis.py --json`` measured them.
COSTS = DOCS / "costs.json"

HEAD = """\
# Descriptors

<!-- Made by scripts/make_descriptor_docs.py from workbench/features/: run `make docs` after a change there. -->

Every array that an analysis can store. Definitions are librosa's wherever librosa has one; tests compare each with
librosa on simulated and on real audio, value by value, to one part in a thousand.

- **Mono descriptors**: channels averaged, resampled to {sr} Hz (soxr HQ), frames of {n_fft} samples every {hop_length},
  Hann window, centred, the signal surrounded by zeros.
- **Loudness and dynamics**: the original channels at the original sample rate.
- **Levels**: `frames` one row per hop (only when asked for: `workbench analyze --frames NAMES`), `segments` the mean
  over each second (a remainder below half a second joins the segment before it), `summary` one row per track. The
  summary of a framewise descriptor has the statistics {statistics} (`dmean`: mean absolute change from frame to frame).
- **Sets**: `fast` is the default; `full` (`workbench analyze --set full`, or the setting `WORKBENCH_DESCRIPTORS`)
  holds everything below. What a library has already is not computed again.
- **Missing values**: what cannot be known is missing, never a default: NaN in memory, `missing_value` on disk, `null`
  in JSON. Silence has no loudness, noise has no tempo and no key.
- **Clipping**: samples beyond 100 dB over full scale are clipped before the analysis.
- A change of a definition raises the descriptor's version, and only that descriptor is computed again.
"""

FACETS = {
    "timbre": "Timbre",
    "rhythm": "Rhythm",
    "harmony": "Harmony",
    "dynamics": "Dynamics",
    "mood": "Mood",
}


def shape_text(descriptor: Descriptor) -> str:
    """Give the axes as the table shows them: ``12 pitch_class``."""
    axes = zip(descriptor.shape, descriptor.dims, strict=True)
    return " × ".join(f"{n} {dim}" for n, dim in axes) or "1"


def range_text(descriptor: Descriptor) -> str:
    """Give the range with its unit."""
    unit = "" if descriptor.unit in ("1", "category") else f" {descriptor.unit}"
    return f"{descriptor.low:.6g} to {descriptor.high:.6g}{unit}"


@cache
def costs() -> dict[str, float]:
    """Give what each descriptor costs, milliseconds per 180 s of audio; nothing if that was not measured."""
    if not COSTS.exists():
        return {}
    measured: dict[str, float] = json.loads(COSTS.read_text(encoding="utf-8"))["descriptors"]
    return measured


def cost_text(descriptor: Descriptor) -> str:
    """Give the cell of a descriptor in the column of costs, if there is one."""
    if not costs():
        return ""
    return f" {costs()[descriptor.name]:.2g} |" if descriptor.name in costs() else " |"


def facet_table(facet: str) -> list[str]:
    """Give the section of one facet."""
    members = [d for d in DESCRIPTORS.values() if d.facet == facet]
    lines = [
        f"\n## {FACETS[facet]}\n",
        f"| name | set | meaning | values | range | levels |{' ms |' if costs() else ''} source |",
        f"|---|---|---|---|---|---|{'---|' if costs() else ''}---|",
    ]
    lines += [
        f"| `{d.name}` | {d.set} | {d.sentence} | {shape_text(d)} | {range_text(d)} | {', '.join(d.levels)} |"
        f"{cost_text(d)} {d.source} |"
        for d in members
    ]
    exceptions = [f"- `{d.name}`: {d.exceptions}" for d in members if d.exceptions]
    if exceptions:
        lines += ["\nWhere they differ from the source, and why:\n", *exceptions]
    return lines


def rhythm_notes() -> list[str]:
    """Give what the tables cannot say about tempo."""
    ratios = ", ".join(f"{name} ({ratio:.3g})" for name, ratio in TEMPO_RATIOS.items())
    return [
        f"\n`tempogram` is read at {len(TEMPO_POINTS)} tempi, 8 per octave, from {TEMPO_POINTS[0]:g} to"
        f" {TEMPO_POINTS[-1]:g} beats per minute. `tempo_candidates` are the shares of the readings {ratios}: a tempo"
        " with a large second share may be tapped either way. `tempo_confidence` is low where tempi compete or where"
        " little repeats. Beats vary in number, so they are stored as frames (`frames/beats`), not as a list of times.",
    ]


def mood_notes() -> list[str]:
    """Give the formulas, from the tables that compute them."""
    lines = [
        "\nThese are formulas on the other descriptors, not models trained on listeners: use them to rank a collection,"
        " not to judge a track. A *cue* is a descriptor put on a common scale, `(value - typical) / spread`, cut to"
        " ±2.5. Each of energy, arousal and valence is `1 / (1 + exp(-g m))` with `m` the mean of its cues"
        f" weighted as below and `g` = {GAIN:g}; cues that are missing are left out of the mean.\n",
        "| cue | descriptor | scale | typical | spread | " + " | ".join(WEIGHTS) + " |",
        "|---" * (5 + len(WEIGHTS)) + "|",
    ]
    for name, cue in CUES.items():
        weights = " | ".join(f"{w[name]:+.2f}" if name in w else "" for w in WEIGHTS.values())
        lines.append(f"| {name} | `{cue.descriptor}` | {cue.scale} | {cue.center:.4g} | {cue.spread:g} | {weights} |")
    lines += [
        "\n`mode` is 1 for a major and -1 for a minor key. Valence is missing if neither key nor tempo is known.",
        f"\nDanceability is `(c r p)^(1/3)`: `c` the tempo's confidence, `r` = `1 / (1 + (j / {DANCE_JITTER:g})²)` with"
        " `j` the deviation of the beat intervals in beats, and `p` a bell over the octaves from"
        f" {DANCE_BPM:g} beats per minute with a spread of {DANCE_SPREAD:g}.",
        "\nMoods are regions of the plane; lower bounds belong to the region.\n",
        "| mood | valence | arousal |",
        "|---|---|---|",
    ]
    for name, region in MOODS.items():
        bounds = (f"{low:g} to {high:g}" for low, high in (region.valence, region.arousal))
        lines.append(f"| {name} | {' | '.join(bounds)} |")
    return lines


def cost_notes() -> list[str]:
    """Say what the column of costs means, if there is one."""
    if not costs():
        return []
    return [
        "\nThe column `ms` is by how many milliseconds of processor time per 180 s of audio an analysis grows when a"
        " descriptor joins a few others that share its spectra; those that are made together each show the whole."
        " Measured by `python scripts/profile_analysis.py --costs docs/costs.json`."
    ]


def left_out_notes() -> list[str]:
    """Give what Essentia's MusicExtractor has and the workbench has not."""
    lines = ["\n## Left out of Essentia's MusicExtractor\n", "| there | here |", "|---|---|"]
    return [*lines, *(f"| {name} | {reason} |" for name, reason in LEFT_OUT.items())]


def column_notes() -> list[str]:
    """Give the catalog's columns that come from descriptors."""
    lines = ["\n## Columns of the catalog\n", "| column | descriptor |", "|---|---|"]
    lines += [f"| `{column}` | `{name}` |" for name, column in COLUMNS.items()]
    return [*lines, "| `camelot` | `key`, as its code on the Camelot wheel |"]


def render() -> str:
    """Give the whole page."""
    head = HEAD.format(
        sr=DEFAULT_CONFIG.sr,
        n_fft=DEFAULT_CONFIG.n_fft,
        hop_length=DEFAULT_CONFIG.hop_length,
        statistics=", ".join(f"`{name}`" for name in STATISTICS),
    )
    notes = {"rhythm": rhythm_notes, "mood": mood_notes}
    lines = [line for facet in FACETS for line in (*facet_table(facet), *(notes[facet]() if facet in notes else ()))]
    lines += [*cost_notes(), *left_out_notes(), *column_notes()]
    return head + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
