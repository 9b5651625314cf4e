"""A small version of each proof, ``scripts/prove_*.py`` and ``load.py``; their checks find what they look for.

Their page is right, too.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from workbench import Library
from workbench.testing import simulate_library

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
PAGE = (ROOT / "docs" / "proofs.md").read_text()


def run(name: str, *options: str | Path) -> tuple[int, dict[str, Any], str]:
    """Run a proof: exit code, verdict, and what it wrote to standard error."""
    script = SCRIPTS / f"prove_{name}.py"
    command = [sys.executable, str(script if script.exists() else SCRIPTS / f"{name}.py"), "--json"]
    command += map(str, options)
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


pytestmark = pytest.mark.usefixtures("unmeasured")


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proofs") / "music"
    simulate_library(folder, n=8, duration=(0.8, 1.2), seed=3)
    return folder


@pytest.fixture
def proof(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(SCRIPTS)
    import proof

    yield proof
    sys.modules.pop("proof", None)


# --- small versions -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kills_lose_nothing() -> None:
    code, verdict, said = run("kills", "--rounds", "3", "--tracks", "4")
    assert (code, verdict.get("broken"), verdict.get("kills")) == (0, [], 3), said


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_jobs_that_are_struck_end_right() -> None:
    _, verdict, said = run("jobs", "--rounds", "2", "--tracks", "4")
    # how soon a job goes on is no matter for a test
    assert [sentence for sentence in verdict.get("broken", ["nothing"]) if " went on after " not in sentence] == [], (
        said
    )
    assert verdict["rounds"] == 2
    assert verdict["sockets_opened"] >= 6


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_listener_misses_anything() -> None:
    _, verdict, said = run("progress", "--reconnects", "50", "--tracks", "4")
    # how late it comes is no matter for a test
    assert [sentence for sentence in verdict.get("broken", ["nothing"]) if " later than " not in sentence] == [], said
    assert verdict["reconnects"] >= 50


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_damaged_files_have_an_outcome(music: Path) -> None:
    code, verdict, said = run("mutations", "--rounds", "40", music)
    assert (code, verdict.get("broken"), verdict.get("workers_lost")) == (0, [], 0), said
    assert verdict["analyzed"] + verdict["duplicate"] + verdict["failed"] == 40


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_full_disk_loses_nothing() -> None:
    code, verdict, said = run("full_disk", "--rounds", "1", "--tracks", "4")
    if code == 2 and "cannot be mounted" in said:
        pytest.skip(f"only root may mount a disk: run the tests as root, in a container with CAP_SYS_ADMIN. {said}")
    assert (code, verdict.get("broken")) == (0, []), said


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_memory_does_not_grow_with_the_file() -> None:
    code, verdict, said = run("memory", "--hours", "0.1")
    assert (code, verdict.get("broken")) == (0, []), said
    assert verdict["ratio"] == pytest.approx(1, abs=0.2)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_folder_is_decoded_once(music: Path) -> None:
    before = {path: path.read_bytes() for path in music.rglob("*") if path.is_file()}
    code, verdict, said = run("corpus", "--workers", "1", music)
    assert (code, verdict.get("broken")) == (0, []), said
    assert (verdict["files"], verdict["renamed_unchanged"], verdict["tracks_with_their_new_title"]) == (8, 8, 8)
    assert {path: path.read_bytes() for path in music.rglob("*") if path.is_file()} == before


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_regions_are_looked_for(tmp_path: Path) -> None:
    simulate_library(tmp_path / "music", n=4, duration=(5, 6), seed=4)
    _, verdict, said = run("regions", "--rounds", "6", tmp_path / "music")  # simulated bars repeat: places are many
    assert (verdict["cuts"], verdict["tracks"]) == (6, 4), said
    assert verdict["right_track_first"] >= 0.8


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_tastes_are_learned_and_forms_are_found(tmp_path: Path) -> None:
    simulate_library(tmp_path / "music", n=12, duration=(20, 21), seed=4)
    _, verdict, said = run("queries", "--rounds", "2", tmp_path / "music")
    # so few tracks and listeners prove nothing of how well
    assert (verdict["listeners"], verdict["forms"]) == (2, 60), said
    assert verdict["forms_found"] > 0.7
    assert 0.5 < verdict["agreement"] <= 1


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_playlists_are_near_the_optimum() -> None:
    pytest.importorskip("ortools")
    _, verdict, said = run("playlists", "--rounds", "6", "--tracks", "300")
    # how long it takes is no matter for a test
    assert [sentence for sentence in verdict["broken"] if " takes " not in sentence] == [], said
    assert verdict["requests"] == 6


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_search_misses_nothing() -> None:
    _, verdict, said = run("search", "--tracks", "3000", "--rounds", "24")
    # how long it takes is no matter for a test
    assert [sentence for sentence in verdict["broken"] if " take" not in sentence] == [], said
    assert (verdict["recall"], verdict["compared_with_brute_force"], verdict["tracks"]) == (1.0, 40, 3000)


@pytest.mark.slow
def test_the_start_is_measured() -> None:
    _, verdict, said = run("startup", "--rounds", "3")  # how long it takes is no matter for a test
    assert 0 < verdict["import_s"] < verdict["help_s"], said
    assert verdict["first_track_s"] > 0.1


def test_workers_are_compared(music: Path) -> None:
    _, verdict, said = run("scaling", "--rounds", "1", music)  # nor this
    assert (verdict["analyzed"], verdict["ratio"] > 0) == (8, True), said


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("catalog", ["file", "server"])
def test_a_server_under_load_fails_nobody(catalog: str, request: pytest.FixtureRequest) -> None:
    where = [] if catalog == "file" else ["--postgres", request.getfixturevalue("postgres_database")]
    _, verdict, said = run(
        "load", "--rows", "500", "--clients", "4", "8", "--think", "0.1", "--rate", "20", "--minutes", "0.1",
        "--sockets", "6", "--stalled", "2", "--job-files", "4", "--upload", "20", *where,
    )  # fmt: skip
    # how long it takes is no matter for a test
    assert [sentence for sentence in verdict["broken"] if " is " not in sentence] == [], said
    assert verdict["closed_8_clients"]["all"]["n"] > 8
    assert verdict["open_20_per_s"]["all"]["n"] > 20
    assert (verdict["upload"]["status"], verdict["sockets"]["errors"]) == (202, {})
    assert verdict["sockets"]["events"] >= 6


# --- the checks find what they look for -----------------------------------------------------------


def test_a_verdict_fails_when_something_broke(proof: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    verdict = proof.Proof("all is well", as_json=True)
    verdict.check(True, "not said")
    assert verdict.end() == 0
    verdict.check_none(["a is lost", "b is lost"], "round 1")
    assert verdict.end() == 1
    last = json.loads("{" + capsys.readouterr().out.split("\n{")[-1])
    assert (last["holds"], last["broken"]) == (False, ["round 1: a is lost", "round 1: b is lost"])


@pytest.mark.slow
def test_damage_to_a_library_is_found(proof: ModuleType, music: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "a.library") as library:
        with proof.tripwire(tmp_path) as mark:
            library.analyze(music, workers=1)
        assert mark.exists()
        assert proof.broken_by_collect(library) == []
        bits = proof.bits(library)
        assert len(bits) == 8
        assert {"embedding", "summary/mfcc", "segments/mfcc", "bpm", "title"} <= set(next(iter(bits.values())))
        with proof.tripwire(tmp_path) as mark:
            library.analyze(music, workers=1)
        assert not mark.exists()
        assert len(proof.outcomes(library)) == 8

        track, other = list(bits)[:2]
        changed = {**bits, track: {**bits[track], "bpm": "1.0"}, "new": {}}
        del changed[other]
        assert proof.differences(bits, changed) == [
            f"track {other} is missing", "track new should not be there", f"bpm of track {track} differs",
        ]  # fmt: skip

        (library.parts.root / "parts" / "job9-batch9-orphan").mkdir()
        assert proof.broken_by_collect(library) == []
        part = next(iter(library.parts.listed()))
        chunk = next(file for file in (library.parts.root / "parts" / part / "summary" / "mfcc").rglob("c/**/*"))
        while chunk.is_dir():
            chunk = next(chunk.iterdir())
        chunk.write_bytes(b"\0" + chunk.read_bytes()[1:])
        assert any("summary/mfcc" in sentence for sentence in proof.broken_invariants(library))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kept_answers_are_those_of_the_library() -> None:
    code, verdict, said = run("cache", "--tracks", "500", "--rounds", "60")
    # so small a library answers about as fast without a cache on a busy machine
    broken = [sentence for sentence in verdict.get("broken", ["nothing was said"]) if "times as fast" not in sentence]
    assert (code in (0, 1), broken) == (True, []), said


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not shutil.which("chromium"), reason="Chromium is not installed: apt-get install chromium")
def test_pages_of_a_small_library_are_measured() -> None:
    code, verdict, said = run("widgets", "--tracks", "300", "--rounds", "3")
    assert code in (0, 1), said  # how long it takes is no matter for a test
    names = ("page_of_the_table_ms", "ranked_again_ms", "map_drawn_ms", "dashboard_opened_ms")
    assert all(verdict[name]["median"] > 0 for name in names)


@pytest.mark.slow
def test_the_same_words_have_the_same_answer() -> None:
    code, verdict, said = run("words", "--tracks", "200", "--rounds", "20")
    # how long it takes is no matter for a test
    broken = [sentence for sentence in verdict.get("broken", ["nothing was said"]) if " ms" not in sentence]
    assert (code in (0, 1), broken) == (True, []), said
    assert verdict["requests"] >= 20
    assert verdict["refused"] < 5


# --- the page -------------------------------------------------------------------------------------


def test_the_page_names_every_proof() -> None:
    assert sorted(set(re.findall(r"scripts/(prove_\w+\.py)", PAGE))) == sorted(p.name for p in SCRIPTS.glob("prove_*"))


@pytest.mark.parametrize("line", re.findall(r"^(?:sudo \S+/)?python (scripts/.*)$", PAGE, re.MULTILINE))
def test_a_command_of_the_page_is_understood(line: str) -> None:
    script, *options = shlex.split(line)
    command = [sys.executable, script, *options, "--help"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    documented = set(re.findall(r"--[a-z-]+", line))
    assert documented <= set(re.findall(r"--[a-z-]+", done.stdout))
