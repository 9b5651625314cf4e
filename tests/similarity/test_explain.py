"""The reason given for a hit says what is so, and nothing of what is not known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from workbench.similarity import COMPONENTS, explain


def vector(**components: float) -> npt.NDArray[np.float32]:
    """A raw vector of which only these components are known."""
    made = np.full(len(COMPONENTS), np.nan, dtype=np.float32)
    for name, value in components.items():
        made[COMPONENTS.index(name.replace("sharp", "#"))] = value
    return made


def tempo(bpm: float) -> dict[str, float]:
    angle = 2 * np.pi * np.log2(bpm)
    return {"tempo_cos": float(np.cos(angle)), "tempo_sin": float(np.sin(angle))}


@pytest.mark.parametrize(
    ("query", "hit", "says"),
    [
        (tempo(90), tempo(180), "Same tempo class."),
        (tempo(120), tempo(122), "Same tempo class."),
        (tempo(120), tempo(85), "Another tempo class."),
        ({"loudness": -20}, {"loudness": -10}, "Louder."),
        ({"loudness": -10}, {"loudness": -20}, "Quieter."),
        ({"spectral_centroid_by_energy_mean": 10}, {"spectral_centroid_by_energy_mean": 11}, "Brighter."),
        ({"onset_rate": 3}, {"onset_rate": 1}, "Sparser."),
        ({"spectral_flatness_by_energy_mean": -10}, {"spectral_flatness_by_energy_mean": -4}, "Noisier."),
        ({"loudness_range": 12}, {"loudness_range": 3}, "More even in level."),
    ],
)
def test_each_reason(query: dict[str, float], hit: dict[str, float], says: str) -> None:
    assert explain(vector(**query), vector(**hit)) == says


def test_the_largest_differences_come_first_and_at_most_three() -> None:
    query = vector(
        loudness=-20, spectral_centroid_by_energy_mean=10, onset_rate=0, spectral_flatness_by_energy_mean=-10
    )
    hit = vector(loudness=-16, spectral_centroid_by_energy_mean=12, onset_rate=2, spectral_flatness_by_energy_mean=-7)
    assert explain(query, hit) == "Brighter, busier, noisier."


def test_notes_are_compared_by_their_profile() -> None:
    names = [name for name in COMPONENTS if name.startswith("chroma_") and name.endswith("_mean")]
    c_major, f_sharp = np.eye(12)[0] + 0.1, np.eye(12)[6] + 0.1
    profile = {name: dict(zip(names, values, strict=True)) for name, values in (("c", c_major), ("f", f_sharp))}
    c, louder_c, f = (vector(**p) for p in (profile["c"], {k: v * 0.5 for k, v in profile["c"].items()}, profile["f"]))
    assert explain(c, louder_c) == "Similar notes."
    assert "notes" not in explain(c, f)
    flat = vector(**dict.fromkeys(names, 0.5))
    assert "notes" not in explain(flat, flat)


def test_facets_are_named() -> None:
    nothing = vector()
    assert explain(nothing, nothing, {"timbre": 0.2, "rhythm": 0.9}) == "Nearest in rhythm, farthest in timbre."


def test_nothing_known_says_so() -> None:
    assert explain(vector(), vector()) == "Too little is known of one of them to say why."
