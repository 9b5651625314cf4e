"""The demo: simulates, analyzes, compares with the truth, searches, writes a playlist."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, start


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_from_nothing_and_again(tmp_path: Path, run: Run) -> None:
    process = start("demo", tmp_path / "demo", "--json")
    stdout, stderr = process.communicate(timeout=280)
    assert process.returncode == 0, stderr
    report = json.loads(stdout)
    assert report["job"]["analyzed"] == 40
    assert len(report["tracks"]) == 40
    assert len(report["similar"]["results"]) == 5
    assert len(report["playlist"]["tracks"]) == 8
    assert report["scores"]
    assert (tmp_path / "demo" / "calm-to-lively.m3u8").read_text(encoding="utf-8").startswith("#EXTM3U")
    again = run("demo", tmp_path / "demo")
    assert again.exit_code == 0
    assert "40 unchanged" in again.stderr
    assert "3. Tempo and key, estimated and true" in again.stdout
    assert "What next:" in again.stdout
