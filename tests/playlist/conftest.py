"""Catalog records to make playlists of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from workbench.features.key import KEY_NAMES
from workbench.features.mood import MOODS

Records = list[dict[str, Any]]


def records(n: int, seed: int = 0, unknown: float = 0.1) -> Records:
    """Make n tracks, each value unknown with a probability."""
    rng = np.random.default_rng(seed)

    def some(value: Any) -> Any:
        return None if rng.random() < unknown else value

    return [
        {
            "id": i,
            "path": f"/music/{i:05}.flac",
            "duration_s": some(float(rng.uniform(90, 400))),
            "bpm": some(float(np.clip(rng.normal(120, 25), 50, 220))),
            "bpm_confidence": some(float(rng.random())),
            "key": some(KEY_NAMES[rng.integers(24)]),
            "key_strength": some(float(rng.random())),
            "energy": some(float(rng.random())),
            "valence": some(float(rng.random())),
            "arousal": some(float(rng.random())),
            "mood": some(list(MOODS)[rng.integers(len(MOODS))]),
            "loudness_lufs": some(float(rng.normal(-14, 4))),
            "title": some(f"Title {i}"),
            "artist": some(f"Artist {i % 7}"),
            "album": some(f"Album {i % 11}"),
        }
        for i in range(n)
    ]


@pytest.fixture(scope="session")
def make_tracks() -> Callable[..., Records]:
    """Give the maker of records."""
    return records


@pytest.fixture(scope="session")
def library() -> Records:
    """A library of 300 tracks."""
    return records(300)
