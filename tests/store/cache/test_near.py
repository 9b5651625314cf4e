"""The nearest of the queries of one group is found, as by looking at all of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workbench.store.cache.near import MOST, NearQueries


@given(
    seed=st.integers(0, 1000), n=st.integers(0, 60), within=st.sampled_from([0.0, 0.5, 1.0, 3.0]), d=st.integers(1, 5)
)
def test_it_is_the_nearest_of_its_group(seed: int, n: int, within: float, d: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, groups = rng.normal(size=(n, d)), rng.choice(["a", "b"], n)
    near = NearQueries(within)
    for i in range(n):
        near.add(str(groups[i]), vectors[i], str(i))
    query = rng.normal(size=d)
    distances = {i: float(np.linalg.norm(vectors[i] - query)) for i in range(n) if groups[i] == "a"}
    best = min(distances, key=lambda i: distances[i], default=None)
    found = near.find("a", query)
    if best is None or not within or distances[best] > within:
        assert found is None
    else:
        assert found == (str(best), round(distances[best], 9))


def test_the_oldest_are_forgotten() -> None:
    near = NearQueries(0.1)
    for i in range(MOST + 1):
        near.add("g", np.array([float(i)]), str(i))
    assert near.find("g", np.array([0.0])) is None
    assert near.find("g", np.array([1.0])) == ("1", 0.0)
    assert near.find("g", np.array([float(MOST)])) == (str(MOST), 0.0)
