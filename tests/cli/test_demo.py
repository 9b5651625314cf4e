"""The demo: simulates, analyzes, compares with the truth, searches, writes a playlist."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import start


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_from_nothing_and_again(tmp_path: Path) -> None:
    process = start("demo", tmp_path / "demo")
    stdout, stderr = process.communicate(timeout=280)
    assert process.returncode == 0, stderr
    assert "3. Tempo and key, estimated and true" in stdout
    assert "What next:" in stdout
    assert (tmp_path / "demo" / "calm-to-lively.m3u8").read_text(encoding="utf-8").startswith("#EXTM3U")
    process = start("demo", tmp_path / "demo", "--json")
    report = json.loads(process.communicate(timeout=100)[0])
    assert report["job"]["unchanged"] == 40
    assert len(report["tracks"]) == 40
    assert len(report["similar"]["results"]) == 5
    assert len(report["playlist"]["tracks"]) == 8
    assert report["scores"]
