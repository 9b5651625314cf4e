"""Score tempo, key and beats against the truth, by the definitions of MIREX and mir_eval; and retrieval.

    python scripts/evaluate.py labels.csv --peers
    python scripts/evaluate.py --simulated 50 --peers
    python scripts/evaluate.py --retrieval labels.csv --peers

The table of labels has a column ``path``, relative to the table, and any of

    bpm          tempo in beats per minute
    key          tonic and mode: ``A minor``, ``F# major``
    beats_file   a text file, relative to the table, whose lines begin with the time of a beat in seconds

A cell that is empty is not scored; other columns are ignored, also one named ``beats``.

- Tempo: Accuracy 1 (within 4 % of the truth) and 2 (or of its double, triple, half or third).
- Key: share that is exactly right, and the MIREX score, which gives part of it to a fifth, a relative and
  a parallel key.
- Beats: mean F-measure within 70 ms, the first 5 seconds left out.
- Confidence of the workbench: the chance that a right answer is held for surer than a wrong one (the area
  under the ROC curve): 1 is perfect, 0.5 says nothing.

What a system does not answer, or fails at, counts as wrong; ``answered`` is how often it did answer.

With ``--retrieval`` the table has a column ``path``, one of labels (``--label``; by default the first there is of
label, class, instrument, type, folder, genre) and maybe one of groups (``--group``; group, source, clip_id, artist):
files that a query must not find, as they come from the same source. ``--group fold`` searches in other folds. Scores
are precision at 1, 5 and 10 and mean average precision, see `retrieval`.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import retrieval
from contest import Contestant, a_table, console, contest, interpreter, machine, say, write_json
from systems import SCORED

from workbench import metrics

OURS = "workbench"


@dataclass(frozen=True, slots=True)
class Label:
    """What is true of a file; None where it is not known. Beats in seconds."""

    path: Path
    bpm: float | None = None
    key: str | None = None
    beats: tuple[float, ...] | None = None


class LabelsError(Exception):
    """A table of labels that cannot be used."""


# --- truth ----------------------------------------------------------------------------------------


def read_labels(table: Path) -> list[Label]:
    """Read a table of labels.

    Raises
    ------
    LabelsError
        If it has no column ``path``, a value cannot be understood, or a file is not there; with the line.
    """
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if "path" not in (reader.fieldnames or ()):
            raise LabelsError(f"{table}: there is no column 'path'")
        labels = []
        for row in reader:
            try:
                labels.append(read_label({k: (v or "").strip() for k, v in row.items() if k}, table.parent))
            except (ValueError, OSError) as error:
                raise LabelsError(f"{table}, line {reader.line_num}: {error}") from error
    if not labels:
        raise LabelsError(f"{table}: it has no rows")
    return labels


def read_label(row: dict[str, str], folder: Path) -> Label:
    """Read one row, checking each value as the metrics would."""
    path = folder / row["path"]
    if not path.is_file():
        raise ValueError(f"no file {path}")
    bpm, key = float(row["bpm"]) if row.get("bpm") else None, row.get("key") or None
    if bpm is not None:
        metrics.validate_tempi([bpm], [bpm])
    if key is not None:
        metrics.validate_keys([key], [key])
    beats = read_beats(folder / row["beats_file"]) if row.get("beats_file") else None
    return Label(path, bpm, key, beats)


def read_beats(path: Path) -> tuple[float, ...]:
    """Read the first number of each line that is not empty or a comment."""
    lines = [line.replace(",", " ").split() for line in path.read_text().splitlines()]
    times = tuple(float(words[0]) for words in lines if words and not words[0].startswith("#"))
    metrics.validate_beats(times, times)
    return times


def simulate(folder: Path, n: int, seconds: float, seed: int) -> list[Label]:
    """Write music of which everything is known."""
    from workbench.testing import encode, simulate_track

    labels = []
    for number in range(seed, seed + n):
        y, sr, truth = simulate_track(number, duration=seconds)
        path = folder / f"{truth.style}-{number}.wav"
        path.write_bytes(encode(y, sr, "wav"))
        labels.append(Label(path, truth.tempo, truth.key, truth.beats))
    return labels


# --- answers --------------------------------------------------------------------------------------


Answer = dict[str, Any]


def ask(contestant: Contestant, labels: Sequence[Label]) -> list[Answer]:
    """Have every file described; nothing is known of one that fails."""
    answers = []
    for label in labels:
        answer = contestant.ask(label.path)
        answers.append(answer["value"] if answer is not None else {})
    return answers


# --- scores ---------------------------------------------------------------------------------------


def score(labels: Sequence[Label], answers: Sequence[Answer]) -> dict[str, dict[str, float]]:
    """Score one system at whatever the labels tell and it can answer.

    Returns
    -------
    dict
        ``tempo``, ``key`` and ``beats``, each with ``files``, ``answered`` and its scores.
    """
    scores = {}
    for task, scored, truth, name in (
        ("tempo", score_tempo, "bpm", "bpm"),
        ("key", score_key, "key", "key"),
        ("beats", score_beats, "beats", "beats"),
    ):
        pairs = [(getattr(label, truth), answer) for label, answer in zip(labels, answers, strict=True)]
        pairs = [(true, answer) for true, answer in pairs if is_scored(task, true)]
        if pairs and any(name in answer for _, answer in pairs):
            answered = sum(bool(answer.get(name)) for _, answer in pairs)
            counts = {"files": len(pairs), "answered": answered}
            scores[task] = counts | scored([true for true, _ in pairs], [answer for _, answer in pairs])
    return scores


def is_scored(task: str, true: Any) -> bool:
    """Tell whether a label says anything: beats that all lie in the first seconds say nothing."""
    return true is not None and (task != "beats" or len(metrics.trim_beats(true)) > 0)


def score_tempo(true: Sequence[float], answers: Sequence[Answer]) -> dict[str, float]:
    """Accuracy 1 and 2, and how far the confidence tells right (by Accuracy 1) from wrong."""
    tempi = [float(answer.get("bpm") or np.nan) for answer in answers]
    right = [metrics.tempo_accuracy_1([t], [tempo]) == 1 for t, tempo in zip(true, tempi, strict=True)]
    return metrics.evaluate_tempo(true, tempi) | confidence(right, answers, "bpm", "bpm_confidence")


def score_key(true: Sequence[str], answers: Sequence[Answer]) -> dict[str, float]:
    """Exact and weighted, and how far the strength tells right from wrong."""
    keys = [answer.get("key") for answer in answers]
    right = [metrics.key_score(t, key) == 1 for t, key in zip(true, keys, strict=True)]
    return metrics.evaluate_key(true, keys) | confidence(right, answers, "key", "key_strength")


def score_beats(true: Sequence[Sequence[float]], answers: Sequence[Answer]) -> dict[str, float]:
    """Mean F-measure."""
    each = [metrics.beat_f_measure(t, answer.get("beats") or []) for t, answer in zip(true, answers, strict=True)]
    return {"f_measure": float(np.mean(each))}


def confidence(right: Sequence[bool], answers: Sequence[Answer], name: str, by: str) -> dict[str, float]:
    """Give the area under the ROC curve over the answers that were given, if they come with a confidence."""
    given = [(ok, answer[by]) for ok, answer in zip(right, answers, strict=True)
             if answer.get(name) and answer.get(by) is not None]  # fmt: skip
    area = roc_area([ok for ok, _ in given], [sure for _, sure in given])
    return {} if area is None else {"confidence_auc": area}


def roc_area(right: Sequence[bool], sure: Sequence[float]) -> float | None:
    """Give the chance that something right is surer than something wrong, ties counting half; None without both.

    >>> roc_area([True, True, False], [0.9, 0.4, 0.4])
    0.75
    """
    flags, values = np.asarray(right, bool), np.asarray(sure, float)
    if flags.all() or not flags.any():
        return None
    difference = values[flags][:, None] - values[~flags]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


# --- telling --------------------------------------------------------------------------------------

COLUMNS = {
    ("tempo", "accuracy_1"): "Acc 1", ("tempo", "accuracy_2"): "Acc 2", ("tempo", "confidence_auc"): "AUC",
    ("key", "accuracy"): "key exact", ("key", "weighted_score"): "weighted", ("key", "confidence_auc"): "AUC",
    ("beats", "f_measure"): "beats F",
}  # fmt: skip


def print_report(report: dict[str, Any]) -> None:
    """Write the table to standard output."""
    systems, rows = report["systems"], []
    for system in systems.values():
        values = [system["scores"].get(task, {}).get(name) for task, name in COLUMNS]
        answered = [f"{part['answered']}/{part['files']}" for part in system["scores"].values()]
        rows.append([system["title"], *("" if v is None else f"{v:.3f}" for v in values), " ".join(answered)])
    screen = console()
    title = f"{report['files']} files: {', '.join(f'{n} with {task}' for task, n in report['labels'].items())}"
    screen.print(a_table(title, ["system", *COLUMNS.values(), "answered"], rows))
    for name, system in systems.items():
        if system["failures"]:
            screen.print(f"{name}: {len(system['failures'])} failed, first {system['failures'][0]}", markup=False)
    for sentence in report["left_out"]:
        screen.print(sentence, markup=False)


# --- the run --------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """Give the command line."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    truth = found.add_mutually_exclusive_group(required=True)
    truth.add_argument("labels", nargs="?", type=Path, help="the table of labels")
    truth.add_argument("--simulated", type=int, metavar="N", help="simulate N tracks, whose truth is exact")
    truth.add_argument("--retrieval", type=Path, metavar="LABELS", help="score the nearest sounds, from this table")
    found.add_argument("--label", metavar="COLUMN", help="the column of labels that retrieval is scored by")
    found.add_argument("--group", metavar="COLUMN", help="the column of what a query must not find")
    found.add_argument("--seconds", type=float, default=30.0, metavar="S",
                       help="length of the simulated tracks (default 30)")  # fmt: skip
    found.add_argument("--seed", type=int, default=0, help="another seed simulates other tracks (default 0)")
    found.add_argument("--peers", action="store_true", help="score the peers too")
    found.add_argument("--peers-python", type=interpreter, metavar="PATH",
                       help="a Python that has peers which this one has not")  # fmt: skip
    found.add_argument("--json", type=Path, metavar="FILE", help="write scores and every answer as JSON")
    return found


def run(labels: Sequence[Label], *, peers: bool, peers_python: str | None) -> dict[str, Any]:
    """Ask and score."""
    wanted = SCORED if peers else {OURS: SCORED[OURS]}
    report: dict[str, Any] = {
        "machine": machine(),
        "files": len(labels),
        "labels": {
            "tempo": sum(label.bpm is not None for label in labels),
            "key": sum(label.key is not None for label in labels),
            "beats": sum(is_scored("beats", label.beats) for label in labels),
        },
        "systems": {},
    }
    with contest("scored", wanted, peers_python) as (running, left_out):
        for name, contestant in running.items():
            answers = ask(contestant, labels)
            say(f"{name}: {len(answers)} files")
            report["systems"][name] = {
                "title": wanted[name].title,
                "version": contestant.version,
                "scores": score(labels, answers),
                "failures": contestant.failures,
                "answers": [
                    {"path": label.path.name, "true_bpm": label.bpm, "true_key": label.key} | answer
                    for label, answer in zip(labels, answers, strict=True)
                ],
            }
        report["left_out"] = [peer.sentence for peer in left_out]
    return report


def evaluate_retrieval(given: argparse.Namespace) -> int:
    """Score the nearest sounds."""
    try:
        sounds = retrieval.read_sounds(given.retrieval, given.label, given.group)
    except (ValueError, OSError) as error:
        say(str(error))
        return 2
    report = retrieval.run(sounds, peers=given.peers, peers_python=given.peers_python)
    retrieval.print_report(report)
    if given.json:
        write_json(given.json, report)
    return 0


def main() -> int:
    """Run the command line."""
    given = parser().parse_args()
    if given.retrieval is not None:
        return evaluate_retrieval(given)
    with tempfile.TemporaryDirectory(prefix="evaluate-") as name:
        try:
            if given.simulated is not None:
                labels = simulate(Path(name), given.simulated, given.seconds, given.seed)
            else:
                labels = read_labels(given.labels)
        except (LabelsError, OSError) as error:
            say(str(error))
            return 2
        report = run(labels, peers=given.peers, peers_python=given.peers_python)
    print_report(report)
    if given.json:
        write_json(given.json, report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
