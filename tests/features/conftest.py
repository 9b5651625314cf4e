"""The labelled audio beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The labelled excerpts and loops; CI has them beside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"no labelled audio: put the shared data beside the repository, at {SHARED}")
    return SHARED
