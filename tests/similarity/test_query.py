"""Blends, ways, and what is taken from a ranking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.errors import InputError
from workbench.similarity.query import Picker, blend, waypoints

WIDE = np.full(4, 1e6, dtype=np.float32)
VALUES = st.floats(-3, 3, width=32)


@given(
    references=hnp.arrays(np.float32, (4, 4), elements=VALUES),
    tracks=hnp.arrays(np.float32, (9, 4), elements=VALUES),
    weights=st.lists(st.floats(0.1, 3) | st.floats(-3, -0.1), min_size=4, max_size=4).filter(lambda w: max(w) > 0),
)
def test_a_blend_ranks_by_the_weighted_distances(
    references: np.ndarray, tracks: np.ndarray, weights: list[float]
) -> None:
    """(1 + s) times the weighted mean square from the liked, less s times that from the others, up to a constant."""
    query = blend(references, weights, WIDE).astype(np.float64)
    positive = sum(w for w in weights if w > 0)
    s = -sum(w for w in weights if w < 0) / positive
    squares = np.square(tracks[:, None].astype(np.float64) - references).sum(axis=2)
    liked = sum(w * squares[:, i] for i, w in enumerate(weights) if w > 0) / positive
    disliked = sum(w * squares[:, i] for i, w in enumerate(weights) if w < 0) / positive
    plain = (1 + s) * liked + disliked
    own = np.square(tracks.astype(np.float64) - query).sum(axis=1)
    np.testing.assert_allclose(own - own[0], plain - plain[0], rtol=1e-3, atol=1e-2)


def test_one_reference_is_itself_and_a_blend_stays_within_the_limit() -> None:
    one = np.array([[0.3, -1.5, 2.0, 0.1]], dtype=np.float32)
    assert blend(one, [0.7], WIDE).tolist() == one[0].tolist()
    assert blend(np.concatenate([one, -one]), [1, -1], np.ones(4, np.float32)).max() == 1


@pytest.mark.parametrize(
    ("weights", "says"), [([1, 0], "other than 0"), ([1, float("nan")], "other than 0"), ([-1, -2], "negative weight")]
)
def test_weights_that_make_no_query(weights: list[float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        blend(np.ones((2, 4), np.float32), weights, WIDE)


def test_waypoints_are_even_and_leave_the_ends_out() -> None:
    points = waypoints(np.zeros(2, np.float32), np.array([4, 8], np.float32), 3)
    assert points.tolist() == [[1, 2], [2, 4], [3, 6]]


@given(
    ranking=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 5)), unique=True),
    n=st.integers(1, 6),
    per_artist=st.integers(1, 3),
    per_album=st.integers(1, 2),
)
def test_what_is_picked_keeps_every_rule(
    ranking: list[tuple[int, int, int]], n: int, per_artist: int, per_album: int
) -> None:
    """Items are (artist, album, song); artist 0 is not known, and items of one song are versions."""

    def version_of(item: tuple[int, int, int], chosen: list[tuple[int, int, int]]) -> int | None:
        return next((i for i, other in enumerate(chosen) if other[2] == item[2]), None)

    picker = Picker(n, [(lambda item: item[0] or None, per_artist), (lambda item: item[1], per_album)], version_of)
    taken = [item for item in ranking if picker.offer(item)]
    firsts = [group[0] for group in picker.chosen]
    assert firsts == taken == sorted(firsts, key=ranking.index)
    assert len(firsts) <= n
    assert picker.full == (len(firsts) == n)
    assert len({item[2] for item in firsts}) == len(firsts)
    assert all(sum(item[0] == artist for item in firsts) <= per_artist for artist in range(1, 5))
    assert all(sum(item[1] == album for item in firsts) <= per_album for album in range(4))
    assert all(other[2] == group[0][2] for group in picker.chosen for other in group)
    for item in ranking[: ranking.index(firsts[-1]) if picker.full else None] if firsts else ():
        if item not in firsts:  # whoever was passed over was a version or one too many
            before = firsts[: sum(ranking.index(first) < ranking.index(item) for first in firsts)]
            crowded = (item[0] and sum(b[0] == item[0] for b in before) >= per_artist) or (
                sum(b[1] == item[1] for b in before) >= per_album
            )
            assert crowded or item[2] in {b[2] for b in before}
