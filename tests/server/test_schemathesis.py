"""The OpenAPI document against the server: every check that schemathesis has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.serving import Served

HOOKS = """
import schemathesis
from hypothesis import strategies as st

wheres = ["bpm > 100", 'key == "A minor"', "bpm is None", 'title like "%a%"', "energy in (0.5, 1) or not bpm < 90"]
schemathesis.openapi.format("workbench-where", st.sampled_from(wheres))
words = ["a calm hour", "5 songs, no drums", "fast but under 80 bpm", "in A minor, rising"]
schemathesis.openapi.format("workbench-words", st.sampled_from(words))
schemathesis.openapi.format("workbench-columns", st.sampled_from(["bpm", "id,mood", "id,nothing"]))
schemathesis.openapi.format("workbench-descriptor", st.sampled_from(["mfcc", "rms", "nothing"]))
schemathesis.openapi.format("workbench-line", st.sampled_from(["style", "genre"]))
schemathesis.openapi.format("workbench-mark", st.just("WyJwYXRoIiwgImEiLCAiYSJd"))
"""
# 422 for what a JSON schema cannot say: a range whose ends are in order, a region within its track, one of two fields.
# 413 besides for a body that breaks a schema by its size.
# `use_after_free` is left out: one DELETE stops a job, which can still be looked at and resumed; others take what is
# to be deleted as a parameter, and what is left can still be looked at.
CONFIG = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "406", "409", "416", "422"]
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422"]
"""


@pytest.mark.slow
def test_the_server_does_what_its_document_says(served: Served, tmp_path: Path) -> None:
    (tmp_path / "workbench_hooks.py").write_text(HOOKS)
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/openapi.json"),
        *(
            "-H",
            f"Authorization: Bearer {served.token}",
            "--checks",
            "all",
            "--exclude-checks",
            "use_after_free",
            "--max-examples",
            "20",
        ),
        # a stream of events ends with its job, and no sooner
        *("--exclude-path", "/jobs/{job_id}/events", "--suppress-health-check", "all", "--no-color"),
        *("--generation-deterministic", "--request-timeout", "60"),
    ]
    variables = {**os.environ, "SCHEMATHESIS_HOOKS": "workbench_hooks", "PYTHONPATH": os.pathsep.join(
        [str(tmp_path), os.environ.get("PYTHONPATH", "")])}  # fmt: skip
    run = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=280, check=False)
    assert run.returncode == 0, run.stdout[-6000:]
    assert "Tested: " in run.stdout
