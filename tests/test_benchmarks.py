"""Small versions of ``scripts/benchmark.py``, ``evaluate.py`` and ``profile_analysis.py``; their figures are right."""

from __future__ import annotations

import doctest
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from workbench.similarity import COMPONENTS, FACETS, facet_weights, fit_scaling

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
PAGE = (ROOT / "docs" / "benchmarks.md").read_text()
MODULES = ("systems", "contest", "benchmark_report", "benchmark", "evaluate", "retrieval", "profile_analysis")


def run(script: str, *options: str | Path, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script, with a folder in front of what it can import."""
    command = [sys.executable, str(SCRIPTS / script), *map(str, options)]
    search = os.pathsep.join(filter(None, [path, str(ROOT)]))
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": search}, capture_output=True, text=True)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import a script by name, and forget it afterwards."""
    monkeypatch.syspath_prepend(SCRIPTS)
    yield importlib.import_module
    for name in MODULES:
        sys.modules.pop(name, None)


# --- benchmark ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def benchmark_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, Path]:
    """Time ours and decoding on two short files: the report, what was printed, the plot; aubio cannot be imported."""
    folder = tmp_path_factory.mktemp("benchmark")
    (folder / "aubio.py").write_text("raise ImportError('it is broken')")
    plot = ["--plot", folder / "b.svg"] if importlib.util.find_spec("matplotlib") else []
    parts = ["--wav", "--formats", "--memory", "--one-shots", "3"]
    done = run(
        "benchmark.py", "--seconds", "1.5", "--files", "2", "--repeat", "1", *parts,
        "--only", "decode-int16,aubio-tempo",
        "--json", folder / "b.json", *plot, path=str(folder),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "b.json").read_text()), done.stdout, folder / "b.svg"


def test_a_benchmark_reports_times_of_every_file(benchmark_run: tuple[dict[str, Any], str, Path]) -> None:
    report, said, _ = benchmark_run
    ours = [name for name in report["systems"] if name.startswith("workbench")]
    assert ours
    assert set(report["systems"]) == {*ours, "decode-float", "decode-int16"}
    assert {"date", "processor", "python", "cores", "load", "system"} <= report["machine"].keys()
    assert [file["duration_s"] for file in report["files"]] == [1.5, 1.5]
    for part in (report["times"], *report["formats"].values()):
        assert all(len(ms) == 2 and min(ms) > 0 for ms in part["ms_per_file"].values())
        for name, ms in part["ms"].items():
            assert ms["q1"] <= ms["median"] <= ms["q3"]
            assert ms["median"] == pytest.approx(np.median(part["ms_per_file"][name]), rel=1e-4)
        pairs = zip(part["ms_per_file"]["decode-float"], part["ms_per_file"][ours[0]], strict=True)
        expected = np.median([peer / own for peer, own in pairs])
        assert part["ratios"][ours[0]]["decode-float"]["median"] == pytest.approx(expected, rel=1e-4)
    assert set(report["formats"]) == {"wav", "flac", "ogg", "mp3"}
    assert report["one_shots"]["files"] == 3
    assert all(ms > 0 for ms in report["one_shots"]["ms"].values())
    assert all(0 < mb["imported_mb"] <= mb["file_mb"] for mb in report["memory"].values())
    assert all(not system["failures"] and system["version"] for system in report["systems"].values())
    assert "four formats" in said


def test_a_missing_peer_is_named_with_its_remedy(benchmark_run: tuple[dict[str, Any], str, Path]) -> None:
    report, said, _ = benchmark_run
    (peer,) = report["left_out"]
    assert (peer["name"], peer["why"]) == ("aubio-tempo", "ImportError: it is broken")
    assert "left out: aubio tempo (ImportError: it is broken). To have it: apt-get install" in said.replace("\n", " ")


def test_the_plot_is_an_svg_that_says_what_it_shows(benchmark_run: tuple[dict[str, Any], str, Path]) -> None:
    pytest.importorskip("matplotlib", reason="of the extras notebook and bench, both of which make setup installs")
    text = " ".join(ElementTree.parse(benchmark_run[2]).getroot().itertext())
    for shown in ("How long one core takes to describe 1.5 s of audio", "milliseconds", "decoding alone, int16", "×"):
        assert shown in text


def test_ratios_are_taken_file_by_file(script: Callable[[str], ModuleType]) -> None:
    report = script("benchmark").report_of({"workbench": [10.0, 10.0, 40.0], "peer": [20.0, 30.0, 160.0]})
    assert report["ratios"] == {"workbench": {"peer": {"median": 3.0, "q1": 2.5, "q3": 3.5}}}
    assert report["ms"]["peer"]["median"] == 30


def test_a_file_that_one_system_failed_at_is_left_out_of_its_ratio(script: Callable[[str], ModuleType]) -> None:
    report = script("benchmark").report_of({"workbench": [10.0, 10.0], "peer": [None, 30.0], "broken": [None, None]})
    assert report["ratios"]["workbench"]["peer"] == {"median": 3.0, "q1": 3.0, "q3": 3.0}
    assert report["ratios"]["workbench"]["broken"] is None
    assert script("benchmark_report").with_spread(report["ms"]["broken"], 0) == "failed"


def test_a_system_survives_a_bad_file_and_its_death_is_told(
    script: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "good.wav", np.zeros(800), 8000)
    (tmp_path / "bad.wav").write_text("no audio")
    with script("contest").Contestant("timed", "decode-float", [sys.executable]) as contestant:
        assert contestant.ask(tmp_path / "bad.wav") is None
        assert contestant.ask(tmp_path / "good.wav", tmp_path / "good.wav")["cpu_s"] > 0
        contestant._process.kill()
        contestant._process.wait()
        assert contestant.ask(tmp_path / "good.wav") is None
    first, second = contestant.failures
    assert first.startswith("bad.wav: LibsndfileError")
    assert "ended" in second


def test_a_folder_gives_its_readable_files_spread_over_it(script: Callable[[str], ModuleType], tmp_path: Path) -> None:
    for number in range(6):
        soundfile.write(tmp_path / f"{number}.wav", np.zeros(80), 8000)
    (tmp_path / "bad.wav").write_text("no audio")
    benchmark = script("benchmark")
    assert [path.name for path in benchmark.find_files(tmp_path, 3)] == ["0.wav", "2.wav", "4.wav"]
    assert len(benchmark.find_files(tmp_path, 10)) == 6


@pytest.mark.parametrize(("start", "n"), [(0.0, 8000), (0.05, 8000), (9.0, 8000), (0.0, 240)])
def test_a_short_file_is_repeated(script: Callable[[str], ModuleType], tmp_path: Path, start: float, n: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.linspace(-0.5, 0.5, 800), 8000)
    piece = script("benchmark").cut(tmp_path / "a.wav", tmp_path / "b.wav", n / 8000, start=start)
    y, sr = soundfile.read(piece)
    assert (len(y), sr) == (n, 8000)
    assert np.abs(y).max() > 0


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert run("benchmark.py", tmp_path).returncode == 2
    assert "no system nonsense" in run("benchmark.py", "--only", "nonsense").stderr
    assert "no program" in run("benchmark.py", "--peers-python", tmp_path / "python").stderr


# --- evaluate -------------------------------------------------------------------------------------


def test_simulated_music_is_scored(tmp_path: Path) -> None:
    done = run("evaluate.py", "--simulated", "2", "--seconds", "8", "--seed", "7", "--json", tmp_path / "e.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "e.json").read_text())
    assert report["labels"] == {"tempo": 2, "key": 2, "beats": 2}
    scores = report["systems"]["workbench"]["scores"]
    assert set(scores) == {"tempo", "key", "beats"}
    assert all(0 <= value <= 1 for part in scores.values() for name, value in part.items() if "_" in name)
    assert len(report["systems"]["workbench"]["answers"]) == 2
    assert "Acc 1" in done.stdout


def test_answers_are_scored_by_the_metrics(script: Callable[[str], ModuleType]) -> None:
    evaluate = script("evaluate")
    beats = tuple(np.arange(0, 10, 0.5))
    labels = [
        evaluate.Label(Path("a"), 120.0, "A minor", beats),
        evaluate.Label(Path("b"), 100.0, None, beats[:3]),
        evaluate.Label(Path("c"), 90.0, "C major"),
    ]
    answers = [
        {"bpm": 121.0, "bpm_confidence": 0.9, "key": "E minor", "key_strength": 0.2, "beats": [5.0, 5.5, 6.2]},
        {"bpm": 50.0, "bpm_confidence": 0.4, "key": None, "key_strength": None, "beats": []},
        {},
    ]
    scores = evaluate.score(labels, answers)
    tempo = {"files": 3, "answered": 2, "accuracy_1": 1 / 3, "accuracy_2": 2 / 3, "confidence_auc": 1.0}
    assert scores["tempo"] == pytest.approx(tempo)
    assert scores["key"] == {"files": 2, "answered": 1, "accuracy": 0.0, "weighted_score": 0.25}
    assert scores["beats"] == {"files": 1, "answered": 1, "f_measure": pytest.approx(4 / 13)}
    assert "key" not in evaluate.score(labels, [{"bpm": 1.0}] * 3)  # a system that has no keys is not wrong about them


def test_a_table_of_labels_is_read(script: Callable[[str], ModuleType], tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.txt").write_text("# seconds\n0.5 1\n\n1.0, 2\n")
    table = tmp_path / "labels.csv"
    table.write_text("\ufeffpath,genre,bpm,key,beats,beats_file\na.wav,blues,90.5,Bb major,8,a.txt\na.wav,jazz,,,,\n")
    evaluate = script("evaluate")
    assert evaluate.read_labels(table) == [
        evaluate.Label(tmp_path / "a.wav", 90.5, "Bb major", (0.5, 1.0)),
        evaluate.Label(tmp_path / "a.wav"),
    ]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("file,bpm\na.wav,1\n", "no column 'path'"),
        ("path,bpm\n", "no rows"),
        ("path,bpm\na.wav,120\nmissing.wav,90\n", "line 3: no file"),
        ("path,bpm\na.wav,fast\n", "line 2: could not convert"),
        ("path,bpm\na.wav,-1\n", "line 2: every reference tempo"),
        ("path,key\na.wav,H major\n", "line 2: key 'H major'"),
        ("path,beats_file\na.wav,none.txt\n", "line 2: .*No such file"),
    ],
)
def test_labels_that_cannot_be_used_are_told_with_the_line(
    script: Callable[[str], ModuleType], tmp_path: Path, text: str, wrong: str
) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "labels.csv").write_text(text)
    evaluate = script("evaluate")
    with pytest.raises(evaluate.LabelsError, match=wrong):
        evaluate.read_labels(tmp_path / "labels.csv")


def test_a_command_without_labels_ends_with_2(tmp_path: Path) -> None:
    done = run("evaluate.py", tmp_path / "labels.csv")
    assert (done.returncode, "No such file" in done.stderr) == (2, True)


# --- retrieval ------------------------------------------------------------------------------------


def test_the_nearest_sounds_are_scored(tmp_path: Path) -> None:
    """Tones are near tones and noises near noises; one file cannot be read and stands in the middle."""
    rng = np.random.default_rng(0)
    lines = ["path,class,take"]
    for number in range(4):
        t = np.arange(8000) / 16000
        for kind, y in (("tone", np.sin(2 * np.pi * 200 * (1 + number) * t)), ("noise", rng.standard_normal(8000))):
            soundfile.write(tmp_path / f"{kind}{number}.wav", 0.1 * y, 16000)
            lines.append(f"{kind}{number}.wav,{kind},{number}")
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    table = tmp_path / "labels.csv"
    table.write_text("\n".join([*lines, "broken.wav,broken,9"]))
    done = run("evaluate.py", "--retrieval", table, "--group", "take", "--json", tmp_path / "r.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["files"], report["labels"], report["groups"]) == (9, 3, 5)
    ours = report["systems"]["workbench"]
    assert ours["scores"]["precision_at_1"] == pytest.approx(8 / 9, abs=1e-5)
    assert ours["scores"]["mean_average_precision"] > 0.9
    assert len(ours["failures"]) == 1
    assert "P@5" in done.stdout


def test_distances_of_peers_are_those_of_standardised_numbers(script: Callable[[str], ModuleType]) -> None:
    retrieval = script("retrieval")
    vectors = np.random.default_rng(0).normal(3, [1, 10, 0, 5], (6, 4))
    varied = vectors[:, [0, 1, 3]]
    standard = (varied - varied.mean(axis=0)) / varied.std(axis=0)
    plain = np.linalg.norm(standard[:, None] - standard, axis=2)
    np.testing.assert_allclose(retrieval.standardised_distances(vectors), plain, atol=1e-6)
    failed = np.concatenate((vectors, np.full((1, 4), np.nan)))
    to_the_middle = np.linalg.norm(standard, axis=1)
    assert retrieval.standardised_distances(failed)[6, :6] == pytest.approx(to_the_middle)


def test_our_distances_are_those_of_the_search(script: Callable[[str], ModuleType]) -> None:
    retrieval = script("retrieval")
    raw = np.random.default_rng(0).standard_normal((5, len(COMPONENTS)))
    standard = fit_scaling(raw.astype(np.float32)).apply(raw.astype(np.float32)).astype(float)
    squares = np.square(standard[:, None] - standard)
    weights = facet_weights(None)
    plain = sum(weights[name] * squares[..., part].sum(axis=2) for name, part in FACETS.items())
    np.testing.assert_allclose(retrieval.our_distances(raw), np.sqrt(plain), atol=1e-12)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("file,class\na.wav,x\n", "no column 'path'"),
        ("path,bpm\na.wav,1\n", "no column 'label'"),
        ("path,class\nb.wav,x\n", "no file"),
        ("path,class,source\na.wav,x,1\na.wav,x,1\n", "all files are of one group"),
    ],
)
def test_tables_that_cannot_be_searched_are_refused(tmp_path: Path, text: str, wrong: str) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "labels.csv").write_text(text)
    done = run("evaluate.py", "--retrieval", tmp_path / "labels.csv")
    assert (done.returncode, wrong in done.stderr) == (2, True), done.stderr


# --- profile --------------------------------------------------------------------------------------


def test_stages_and_descriptors_are_timed(tmp_path: Path) -> None:
    options = ["--seconds", "1.5", "--repeat", "1", "--only", "rms,mfcc", "--json", tmp_path / "p.json"]
    done = run("profile_analysis.py", *options)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "p.json").read_text())
    assert sum(report["stages"].values()) == pytest.approx(sum(report["functions"].values()), rel=1e-3)
    assert any(stage.startswith("audio.") for stage in report["stages"])
    assert any(stage.startswith("features.") for stage in report["stages"])
    assert set(report["cost"]["descriptors"]) == {"rms", "mfcc"}
    assert all(cost["alone"] > 0 for cost in report["cost"]["descriptors"].values())
    assert "mfcc" in done.stdout


def test_foreign_time_is_charged_to_who_called(script: Callable[[str], ModuleType]) -> None:
    ours, other = ("/package/a.py", 1, "ours"), ("/package/b.py", 1, "other")
    wrapper, kernel, stray = ("/numpy/fft.py", 1, "rfft"), ("~", 0, "<fft>"), ("/stray.py", 1, "stray")

    def edge(seconds: float) -> tuple[int, int, float, float]:
        return (1, 1, seconds, seconds)

    stats = {
        ours: (1, 1, 1.0, 7.0, {}),
        other: (1, 1, 0.5, 2.5, {ours: edge(2.5)}),
        wrapper: (2, 2, 0.0, 5.5, {ours: edge(3.5), other: edge(2.0)}),
        kernel: (2, 2, 5.5, 5.5, {wrapper: edge(5.5)}),
        stray: (1, 1, 0.25, 0.25, {}),
    }
    charged = script("profile_analysis").charge(stats, "/package")
    assert charged == pytest.approx({ours: 4.5, other: 2.5, ("", 0, "outside"): 0.25})


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_script_hold(script: Callable[[str], ModuleType], name: str) -> None:
    assert doctest.testmod(script(name)).failed == 0


def test_the_page_names_every_system(script: Callable[[str], ModuleType]) -> None:
    systems = script("systems")
    known = (systems.PEERS_TIMED, systems.SCORED, systems.RETRIEVING)
    peers = {system.title for registry in known for system in registry.values()}
    page = " ".join(PAGE.split())
    assert [title for title in sorted(peers) if title not in page] == []


@pytest.mark.parametrize("line", re.findall(r"^python (scripts/.*)$", PAGE, re.MULTILINE))
def test_a_command_of_the_page_is_understood(line: str) -> None:
    name, *options = shlex.split(line)
    done = run(name.removeprefix("scripts/"), *options, "--help")
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"--[a-z-]+", line)) <= set(re.findall(r"--[a-z-]+", done.stdout))
