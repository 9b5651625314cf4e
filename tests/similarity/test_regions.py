"""Regions are found by the plain definition, wherever they lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.similarity import embedding, regions
from workbench.similarity.regions import (
    COMPONENTS,
    FACET_WEIGHTS,
    FACETS,
    MOST_SEGMENTS,
    SHIFTS_S,
    SIZE,
    Piece,
    component_weights,
    describe_segments,
    embed_part,
    fit_segment_scaling,
    search_regions,
)
from workbench.similarity.search import facet_weights


def piece_of(lengths: list[int], seed: int, first: int = 0) -> Piece:
    rng = np.random.default_rng(seed)
    codes = rng.integers(-127, 128, (sum(lengths), SIZE)).astype(np.int8)
    return Piece(codes, np.cumsum([0, *lengths]), first + np.arange(len(lengths)))


def plain_distance(there: np.ndarray, region: np.ndarray, weights: dict[str, float]) -> float:
    """Mean over the corresponding seconds and, weighted, over facets."""
    n = min(len(there), len(region))
    squared = ((there[:n].astype(float) - region[:n]) / 31.75) ** 2
    weights = {name: FACET_WEIGHTS[name] * weight for name, weight in weights.items()}
    total = sum(weights.values())
    return float(np.sqrt(sum(w / total * squared[:, FACETS[name]].mean() for name, w in weights.items())))


def plain_search(pieces: list[Piece], query: list[np.ndarray], weights: dict[str, float]) -> list[tuple[float, int]]:
    best = []
    for piece in pieces:
        for i, row in enumerate(piece.rows):
            track = piece.codes[piece.offsets[i] : piece.offsets[i + 1]]
            if row < 0 or not len(track):
                continue
            places = [
                plain_distance(track[place:], region, weights)
                for region in query
                for place in range(len(track))
                if place == 0 or place + len(region) <= len(track)
            ]
            best.append((min(places), int(row)))
    return sorted(best)


@given(
    lengths=st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=6), min_size=1, max_size=3),
    n_segments=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    timbre=st.floats(0, 3),
    seed=st.integers(0, 99),
)
def test_regions_are_ranked_as_plainly(
    lengths: list[list[int]], n_segments: list[int], timbre: float, seed: int
) -> None:
    pieces = [piece_of(some, seed + i, 10 * i) for i, some in enumerate(lengths)]
    pieces[0].rows[0] = -1
    rng = np.random.default_rng(seed)
    query = [rng.integers(-127, 128, (n, SIZE)).astype(np.int8) for n in n_segments]
    weights = {"timbre": timbre, "rhythm": 1.0, "harmony": 0.5, "dynamics": 0.1}
    found = search_regions(pieces, query, n=5, weights=weights)
    expected = plain_search(pieces, query, weights)[:5]
    np.testing.assert_allclose(found.distance, [distance for distance, _ in expected], rtol=1e-4)
    assert found.track.tolist() == [row for _, row in expected]
    weight = component_weights(facet_weights(weights, FACET_WEIGHTS))
    np.testing.assert_allclose(np.sqrt(found.squared @ weight), found.distance)


@pytest.mark.parametrize("block", [8, 1 << 15])
def test_a_place_is_found_whatever_the_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "BLOCK", block)
    pieces = [piece_of([5, 0, 17, 3], 1), piece_of([9, 30], 2, first=4)]
    for piece, row, place in ((0, 2, 6), (1, 5, 26), (0, 3, 0)):
        track = int(row - pieces[piece].rows[0])
        begin = pieces[piece].offsets[track]
        region = pieces[piece].codes[begin + place : begin + place + 3]
        found = search_regions(pieces, [region], n=2)
        assert (found.track[0], found.start_s[0], found.score[0]) == (row, place, 1.0)
        assert all(scores[0] == 1 for scores in found.facets.values())


def test_a_shifted_description_tells_where_the_region_begins() -> None:
    piece = piece_of([20], 3)
    strange = np.full((2, SIZE), 100, np.int8)
    found = search_regions([piece], [strange, piece.codes[7:9]], n=1)
    assert found.start_s.tolist() == [7 - SHIFTS_S[1]]


def test_a_long_region_is_compared_at_a_few_seconds_that_reach_its_end() -> None:
    piece = piece_of([300], 4)
    region = piece.codes[100:200].copy()
    region[50] = -region[50]  # one of those that are not looked at
    found = search_regions([piece], [region], n=1)
    assert (found.start_s[0], found.score[0]) == (100.0, 1.0)
    region[99] = -region[99] // 2
    assert search_regions([piece], [region], n=1).score[0] < 1
    assert MOST_SEGMENTS < 100


def test_weights_are_checked() -> None:
    with pytest.raises(InputError, match="not a facet"):
        search_regions([piece_of([3], 0)], [np.zeros((1, SIZE), np.int8)], n=1, weights={"colour": 1})
    assert set(FACET_WEIGHTS) == set(FACETS)


def test_nothing_to_search_is_no_hit() -> None:
    assert len(search_regions([], [np.zeros((1, SIZE), np.int8)], n=3)) == 0
    assert len(search_regions([piece_of([0, 0], 0)], [np.zeros((1, SIZE), np.int8)], n=3)) == 0


def test_segments_are_described_in_the_order_of_the_components() -> None:
    shapes = {"mfcc": 20, "spectral_contrast": 7, "chroma": 12}
    stored = {path: np.ones((4, shapes[n]) if (n := path.split("/")[1]) in shapes else 4) for path in regions.SEGMENTS}
    stored["segments/rms"] = np.full(4, 0.1)
    stored["segments/spectral_centroid"] = np.full(4, 1024.0)
    found = describe_segments(stored)
    assert found.shape == (4, SIZE) == (4, len(COMPONENTS))
    assert found[0, COMPONENTS.index("spectral_centroid_by_energy_mean")] == 10
    assert found[0, COMPONENTS.index("loudness")] == pytest.approx(-20)
    assert sum(part.stop - part.start for part in FACETS.values()) == SIZE


def test_what_is_encoded_comes_back_and_what_is_missing_is_typical() -> None:
    segments = np.random.default_rng(0).standard_normal((500, SIZE)).astype(np.float32) * 3 + 7
    scaling = fit_segment_scaling(segments)
    inner = np.abs(segments - scaling.centre) < 3.9 * scaling.spread
    back = scaling.decode(scaling.encode(segments))
    np.testing.assert_allclose(back[inner], segments[inner], atol=float(scaling.spread.max()) / 60)
    segments[3, 5] = np.nan
    assert scaling.encode(segments)[3, 5] == 0
    assert scaling.encode(np.full((1, SIZE), 1e9, np.float32)).tolist() == [[127] * SIZE]


def test_a_scaling_of_nothing_is_plain() -> None:
    scaling = fit_segment_scaling(np.empty((0, SIZE), np.float32))
    assert (scaling.centre.tolist(), scaling.spread.tolist()) == ([0] * SIZE, [1] * SIZE)


def test_a_part_is_its_track_moved_by_what_its_seconds_differ() -> None:
    rng = np.random.default_rng(5)
    whole = rng.standard_normal(len(embedding.COMPONENTS)).astype(np.float32)
    seconds = rng.standard_normal((9, SIZE)).astype(np.float32)
    seconds[:, COMPONENTS.index("loudness")] -= 20
    moved = embed_part(whole, seconds, seconds[2:5])
    energy = 10 ** (seconds[:, COMPONENTS.index("loudness")] / 10)
    known = 0
    for i, name in enumerate(embedding.COMPONENTS):
        own = name.replace("_by_energy", "")
        same = [k for k, other in enumerate(COMPONENTS) if other.replace("_by_energy", "") == own]
        if same:
            (k,) = same
            part, all_ = (np.average(seconds[s, k], weights=energy[s]) for s in (slice(2, 5), slice(None)))
            assert moved[i] == pytest.approx(whole[i] + part - all_, abs=1e-5)
            known += 1
        elif not name.endswith("_ranked"):
            assert moved[i] == whole[i]
    assert known == 51
    chroma = [
        moved[i] for i, name in enumerate(embedding.COMPONENTS) if name.startswith("chroma") and "rank" not in name
    ]
    ranked = [moved[i] for i, name in enumerate(embedding.COMPONENTS) if name.endswith("_ranked")]
    assert ranked == sorted(chroma)
    same_again = embed_part(moved, seconds, seconds)
    np.testing.assert_array_equal(same_again, moved)
