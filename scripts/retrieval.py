"""`evaluate.py --retrieval`: how often the sounds that are nearest carry the same label.

Each file is a query in turn, and every file that is not of its own group can be found.

- The workbench: the raw embedding, a scaling fitted to the files, the search of the library.
- A peer: its vector, each number standardised over the files (mean 0, deviation 1), Euclidean distance. What is
  not a number, or has the same value everywhere, is 0 after that; a file that it fails at is 0 everywhere.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from contest import Contestant, a_table, console, contest, machine, say
from systems import RETRIEVING

from workbench import metrics
from workbench.similarity import COMPONENTS, fit_scaling, search

OURS = "workbench"
LABELS = ("label", "class", "instrument", "type", "folder", "genre")
GROUPS = ("group", "source", "clip_id", "artist")
SCORES = {
    "precision_at_1": "P@1", "precision_at_5": "P@5", "precision_at_10": "P@10", "mean_average_precision": "mAP",
}  # fmt: skip

Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sound:
    """A file, what it is, and what it must not be found by: its group, by default itself."""

    path: Path
    label: str
    group: str


def read_sounds(table: Path, label: str | None = None, group: str | None = None) -> list[Sound]:
    """Read a table with a column ``path``, relative to it, one of labels and maybe one of groups.

    Parameters
    ----------
    table : Path
    label, group : str, optional
        The columns; by default the first of `LABELS` and of `GROUPS` that there is.

    Raises
    ------
    ValueError
        If a column or a file is not there, or there is nothing to find; with what was wrong.
    """
    with table.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0]) if rows else []
    label = label or next((name for name in LABELS if name in columns), LABELS[0])
    group = group or next((name for name in GROUPS if name in columns), "path")
    for column in ("path", label, group):
        if column not in columns:
            raise ValueError(f"{table}: there is no column {column!r}")
    sounds = [Sound(table.parent / row["path"], row[label], row[group] or row["path"]) for row in rows]
    for sound in sounds:
        if not sound.path.is_file():
            raise ValueError(f"{table}: no file {sound.path}")
    if len({sound.group for sound in sounds}) < 2:
        raise ValueError(f"{table}: all files are of one group, so that none can be found")
    return sounds


def describe(contestant: Contestant, sounds: Sequence[Sound]) -> Vectors:
    """Give the vector of each sound, shape (n, d); NaN for those that it fails at."""
    answers = [contestant.ask(sound.path) for sound in sounds]
    vectors = [np.array(answer["value"]["vector"], float) if answer else None for answer in answers]
    d = max((len(vector) for vector in vectors if vector is not None), default=1)
    return np.array([np.full(d, np.nan) if vector is None else vector for vector in vectors])


def standardised_distances(vectors: Vectors) -> Vectors:
    """Euclidean distances of standardised vectors, shape (n, n).

    >>> standardised_distances(np.array([[1.0, 7.0], [3.0, 7.0]])).tolist()
    [[0.0, 2.0], [2.0, 0.0]]
    """
    known = np.ma.masked_invalid(vectors)
    spread = known.std(axis=0).filled(0)
    standard = (known - known.mean(axis=0)).filled(0) / np.where(spread > 0, spread, np.inf)
    squares = np.square(standard).sum(axis=1)
    return np.sqrt(np.maximum(squares[:, None] + squares - 2 * standard @ standard.T, 0))


def our_distances(vectors: Vectors) -> Vectors:
    """Distances that the library's search gives, shape (n, n)."""
    raw = vectors.astype(np.float32)
    if raw.shape[1] != len(COMPONENTS):
        return np.zeros((len(raw), len(raw)))  # it has failed at every file
    standard = fit_scaling(raw).apply(raw)
    distances = np.empty((len(raw), len(raw)))
    for row, query in zip(distances, standard, strict=True):
        hits = search(standard, query, n=len(raw))
        row[hits.index] = hits.distance
    return distances


def run(sounds: Sequence[Sound], *, peers: bool, peers_python: str | None) -> dict[str, Any]:
    """Ask and score."""
    wanted = RETRIEVING if peers else {OURS: RETRIEVING[OURS]}
    labels, groups = [sound.label for sound in sounds], [sound.group for sound in sounds]
    report: dict[str, Any] = {
        "machine": machine(), "files": len(sounds), "labels": len(set(labels)), "groups": len(set(groups)),
        "systems": {},
    }  # fmt: skip
    with contest("retrieving", wanted, peers_python) as (running, left_out):
        for name, contestant in running.items():
            vectors = describe(contestant, sounds)
            say(f"{name}: {len(sounds)} files, {vectors.shape[1]} numbers each")
            distances = our_distances(vectors) if name == OURS else standardised_distances(vectors)
            report["systems"][name] = {
                "title": wanted[name].title,
                "version": contestant.version,
                "dimensions": vectors.shape[1],
                "scores": metrics.evaluate_retrieval(distances, labels, groups=groups),
                "failures": contestant.failures,
            }
        report["left_out"] = [peer.sentence for peer in left_out]
    return report


def print_report(report: dict[str, Any]) -> None:
    """Write the table to standard output."""
    screen = console()
    rows = [
        [system["title"], str(system["dimensions"]), *(f"{system['scores'][name]:.3f}" for name in SCORES)]
        for system in report["systems"].values()
    ]
    title = f"{report['files']} files with {report['labels']} labels in {report['groups']} groups"
    screen.print(a_table(title, ["system", "numbers", *SCORES.values()], rows))
    for name, system in report["systems"].items():
        if system["failures"]:
            screen.print(f"{name}: {len(system['failures'])} failed, first {system['failures'][0]}", markup=False)
    for sentence in report["left_out"]:
        screen.print(sentence, markup=False)
