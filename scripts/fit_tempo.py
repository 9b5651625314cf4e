"""Fit the weights of `workbench.features.tempo_weights` to labelled folders and print them, with scores.

    python scripts/fit_tempo.py [--from-committed RIDGE] labels.csv [labels.csv ...]

A ``labels.csv`` has the columns ``path`` (relative to it), ``bpm``, ``group`` (of which all or nothing is left
out in cross-validation: a song at several speeds, a drum pattern, a style), ``weight``, and ``octave``, ``any``
where the tempo is known but for an octave.

With ``--from-committed`` the ridge is on the distance from the committed weights: they are moved as far as new tracks
ask for, and what the first ones said is not forgotten.

The committed weights come first from 1033 tracks, with the weight of a track in brackets: 30 excerpts of ten genres
(4) and 20 drum loops (2), and both again at 0.88, 0.94, 1.06 and 1.12 times the speed (1 and 0.5); through
FluidSynth and the FluidR3 sound font, 168 pieces and 90 loops on 23 and 12 common drum patterns (1.4 and 1), 334
accompaniments by MMA's grooves at a tempo usual for each (1) and 93 passages of OpenMSX's music (0.4); 98 tracks
of `workbench.testing.simulate_track` (1). The ridge of 0.002 is on weights of standardised evidence. From these they
were moved, with a ridge of 0.5, by 30 whole songs (3; eight of Frets on Fire, 22 demos of LMMS), by 55 pieces of the
music of Battle for Wesnoth and SuperTuxKart on whose tempo three other estimators agree but for an octave (2), and
again by the excerpts (4) and loops (2).
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.optimize import minimize

from workbench.features import rhythm, tempo, tempo_weights
from workbench.features.config import DEFAULT_CONFIG
from workbench.features.framewise import FramewiseStream
from workbench.metrics import evaluate_tempo

RIDGE = 0.002
RIGHT = 0.03
N_FOLDS = 6


def read(labels: Path) -> list[dict[str, Any]]:
    """Give evidence, tempo, group and weight of each track of a folder."""
    with open(labels, newline="") as file:
        rows = [row for row in csv.DictReader(file) if tempo.GRID[0] < float(row["bpm"]) < tempo.GRID[-1]]
    return [
        {"X": evidence(labels.parent / row["path"]), "bpm": float(row["bpm"]), "any_octave": row.get("octave") == "any"}
        | {"group": row.get("group") or row["path"], "weight": float(row.get("weight") or 1)}
        for row in rows
    ]


def evidence(path: Path) -> np.ndarray[Any, Any]:
    """Give `tempo.tempo_evidence` of a file."""
    import soxr

    y, sr = soundfile.read(path, dtype="float32", always_2d=True)
    stream = FramewiseStream(DEFAULT_CONFIG, {}, keep_pulse=True)
    stream.push(soxr.resample(y.mean(axis=1), sr, DEFAULT_CONFIG.sr))
    stream.finish()
    pulse = stream.pulse()
    rate = rhythm.onset_density(pulse.sum(axis=1), DEFAULT_CONFIG.frame_rate)
    acfs = tempo.periodicities(pulse, DEFAULT_CONFIG.frame_rate)
    return tempo.tempo_evidence(acfs, DEFAULT_CONFIG.frame_rate, rate)


def is_right(track: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Say which tempi of the grid are within 3 % of the truth, or of its half or double where that is not known."""
    truths = track["bpm"] * np.array([1, 0.5, 2] if track["any_octave"] else [1])
    return np.any(np.abs(tempo.GRID / truths[:, None] - 1) <= RIGHT, axis=0)


def fit(tracks: list[dict[str, Any]], ridge: float, start: np.ndarray[Any, Any] | None = None) -> np.ndarray[Any, Any]:
    """Maximise the mean logarithm of the probability of the right tempi, less the ridge on what leaves `start`."""
    X = np.stack([track["X"] for track in tracks])
    right = np.stack([is_right(track) for track in tracks])
    share = np.array([track["weight"] for track in tracks])
    share /= share.sum()
    spread = X.std(axis=(0, 1)) + 1e-9
    Z = (X - X.mean(axis=(0, 1))) / spread
    known = 0.0 if start is None else X @ start

    def loss(b: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
        score = known + Z @ b
        p = np.exp(score - score.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        hit = np.maximum((p * right).sum(axis=1), 1e-12)
        slope = np.tensordot(share[:, None] * (p - p * right / hit[:, None]), Z, axes=([0, 1], [0, 1]))
        return float(-share @ np.log(hit) + ridge * b @ b), slope + 2 * ridge * b

    found = minimize(loss, np.zeros(Z.shape[2]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x / spread + (0.0 if start is None else start))


def main() -> None:
    """Print the scores of cross-validation, then the weights fitted to all."""
    parser = argparse.ArgumentParser(description="Fit the weights of the evidence for a tempo.")
    parser.add_argument("labels", nargs="+", type=Path, help="tables of labelled tracks")
    parser.add_argument("--from-committed", type=float, metavar="RIDGE", help="start from the committed weights")
    given = parser.parse_args()
    tracks = [track for labels in given.labels for track in read(labels)]
    ridge, start = (RIDGE, None) if given.from_committed is None else (given.from_committed, tempo_weights.ALL)
    groups = sorted({track["group"] for track in tracks})
    fold = dict(zip(np.random.default_rng(0).permutation(groups), np.arange(len(groups)) % N_FOLDS, strict=True))
    found, truth = [], []
    for k in range(N_FOLDS):
        b = fit([track for track in tracks if fold[track["group"]] != k], ridge, start)
        left_out = [track for track in tracks if fold[track["group"]] == k]
        found += [float(tempo.GRID[np.argmax(track["X"] @ b)]) for track in left_out]
        truth += [track["bpm"] for track in left_out]
    print(len(tracks), "tracks, cross-validated, without the preference for loops:", evaluate_tempo(truth, found))
    print(np.round(fit(tracks, ridge, start), 3).tolist())


if __name__ == "__main__":
    main()
