"""The vector of a track: what is in it, and how a library makes vectors comparable."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.features.registry import DESCRIPTORS, spec
from workbench.similarity import COMPONENTS, EMBEDDING, FACETS, INPUTS, Scaling, embed, fit_scaling
from workbench.similarity.embedding import FACET_WEIGHTS, GAINS, SOURCES

D = len(COMPONENTS)


def summaries(n: int, seed: int = 0) -> dict[str, npt.NDArray[np.float32]]:
    """Summaries of n tracks, anywhere inside the range of each array but not absurd."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for path in INPUTS:
        contract = spec(path)
        low, high = max(contract.low, -100.0), min(contract.high, 100.0)
        arrays[path] = rng.uniform(low, high, (n, *contract.shape)).astype(np.float32)
    return arrays


def vectors(n: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Raw vectors of a varied library, some components missing."""
    rng = np.random.default_rng(seed)
    made = rng.normal(rng.normal(0, 50, D), rng.uniform(2, 20, D), (n, D)).astype(np.float32)
    made[rng.random((n, D)) < 0.05] = np.nan
    return made


def test_the_version_belongs_to_these_components() -> None:
    """Whoever changes what a vector is made of, or what counts, raises VERSION, then writes the new digest here."""
    lines = [f"{name} {gain:.6g}" for name, gain in zip(COMPONENTS, GAINS, strict=True)]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
    assert (EMBEDDING.version, D, digest) == (2, 154, "90520ed62143")


def test_facets_follow_each_other_and_cover_all() -> None:
    assert list(FACETS) == ["timbre", "rhythm", "harmony", "dynamics"]
    covered = np.concatenate([np.arange(D)[part] for part in FACETS.values()])
    assert covered.tolist() == list(range(D))
    assert len(set(COMPONENTS)) == D
    assert EMBEDDING.shape == (D,)
    assert EMBEDDING.coords["component"] == COMPONENTS
    assert EMBEDDING.path == "embedding"


def test_a_row_depends_on_its_own_track_alone_and_fits_the_contract() -> None:
    batch = summaries(7)
    rows = embed(batch)
    assert rows.dtype == np.float32
    assert rows.shape == (7, D)
    EMBEDDING.encode(rows)
    for i in range(7):
        alone = embed({path: array[i : i + 1] for path, array in batch.items()})
        assert np.array_equal(alone[0], rows[i], equal_nan=True)


def test_components_are_picked_by_name() -> None:
    batch = summaries(3)
    row = dict(zip(COMPONENTS, embed(batch)[1], strict=True))
    statistics = spec("summary/mfcc").coords["statistic"]
    assert row["mfcc_by_energy_4_std"] == batch["summary/mfcc_by_energy"][1, 1, 4]
    assert "mfcc_by_energy_0_mean" not in row, "the zeroth coefficient is level"
    chroma = batch["summary/chroma"][1, statistics.index("mean")]
    assert row["chroma_A#_mean"] == chroma[spec("summary/chroma").coords["pitch_class"].index("A#")]
    assert [row[f"chroma_{rank}_mean_ranked"] for rank in range(1, 13)] == sorted(chroma.tolist())
    hertz = batch["summary/spectral_centroid"][1, statistics.index("dstd")]
    assert row["spectral_centroid_dstd"] == pytest.approx(np.log2(max(hertz, 2)))
    assert row["loudness"] == batch["summary/loudness"][1]


def test_half_and_double_tempo_are_one_point() -> None:
    batch = {path: np.repeat(array, 4, axis=0) for path, array in summaries(1).items()}
    batch["summary/tempo"] = np.array([60, 120, 240, 85], dtype=np.float32)
    cos, sin = COMPONENTS.index("tempo_cos"), COMPONENTS.index("tempo_sin")
    points = embed(batch)[:, [cos, sin]]
    assert points[0] == pytest.approx(points[1], abs=1e-5)
    assert points[0] == pytest.approx(points[2], abs=1e-5)
    assert np.linalg.norm(points[0] - points[3]) > 1.9, "half an octave away is the far side of the circle"


def test_silence_and_missing_values_give_no_infinity() -> None:
    batch = {path: np.zeros_like(array) for path, array in summaries(1).items()}
    assert np.isfinite(np.delete(embed(batch), [COMPONENTS.index("tempo_cos"), COMPONENTS.index("tempo_sin")])).all()
    for array in batch.values():
        array[:] = np.nan
    assert np.isnan(embed(batch)).all()


def test_an_array_that_is_absent_or_misshapen_is_named() -> None:
    batch = summaries(2)
    with pytest.raises(ValueError, match="summary/chroma: shape"):
        embed({**batch, "summary/chroma": batch["summary/chroma"][:, :, :-1]})
    del batch["summary/tempo"]
    with pytest.raises(ValueError, match="needs summary/tempo"):
        embed(batch)


def test_every_source_is_a_descriptor_with_a_facet_of_the_registry_or_a_reason() -> None:
    moved = {"spectral_flux", "spectral_flux_by_energy"}  # counted as rhythm: how restless it is
    for facet, sources in SOURCES.items():
        for source in sources:
            assert DESCRIPTORS[source.descriptor].facet == facet or source.descriptor in moved
            assert source.spread > 0


def test_what_counts_for_what() -> None:
    """The squares of a facet's gains sum to one, and sources share them by their weights, however long they are."""
    assert list(FACET_WEIGHTS) == list(FACETS)
    for part in FACETS.values():
        assert np.square(GAINS[part]).sum() == pytest.approx(1)
    share = {name: float(gain) ** 2 for name, gain in zip(COMPONENTS, GAINS, strict=True)}
    tempogram = sum(value for name, value in share.items() if name.startswith("tempogram"))
    assert tempogram == pytest.approx(share["tempo_cos"] + share["tempo_sin"])
    assert tempogram == pytest.approx(share["onset_rate"] * 1.25)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_scaling_does_not_depend_on_the_order_of_tracks(n: int, seed: int) -> None:
    library = vectors(n, seed)
    library[:, :3] = np.where(np.arange(n)[:, None] % 2, -0.0, 0.0)
    shuffled = library[np.random.default_rng(seed).permutation(n)]
    here, there = (json.dumps(fit_scaling(v).to_dict()) for v in (library, shuffled))
    assert here == there


def test_scaling_survives_json_to_the_bit() -> None:
    scaling = fit_scaling(vectors(50))
    again = Scaling.from_dict(json.loads(json.dumps(scaling.to_dict())))
    assert again == scaling


def test_a_scaling_of_another_version_is_refused() -> None:
    stored = fit_scaling(vectors(5)).to_dict()
    with pytest.raises(ValueError, match="fit again"):
        Scaling.from_dict({**stored, "version": 0})
    with pytest.raises(ValueError, match="fit again"):
        Scaling.from_dict({**stored, "centre": [0.0]})


def test_each_facet_has_a_mean_square_of_nearly_one() -> None:
    library = vectors(4000)
    standard = fit_scaling(library).apply(library)
    for part in FACETS.values():
        # a little less, as a seventh of normal values is clipped
        assert np.square(standard[:, part]).sum(axis=1).mean() == pytest.approx(0.8, abs=0.1)


def test_standardised_vectors_are_finite_clipped_and_independent() -> None:
    library = vectors(100)
    library[3] *= 1e6
    scaling = fit_scaling(library)
    standard = scaling.apply(library)
    assert standard.dtype == np.float32
    assert np.isfinite(standard).all()
    assert (np.abs(standard) <= scaling.clip * GAINS * (1 + 1e-6)).all()
    assert np.array_equal(scaling.apply(library[3]), standard[3])
    assert np.array_equal(scaling.apply(library[10:20]), standard[10:20])


def test_a_missing_component_is_the_median() -> None:
    library = vectors(100)
    scaling = fit_scaling(library)
    vector = library[0].copy()
    vector[5] = np.nan
    assert scaling.apply(vector)[5] == 0


def test_one_odd_track_does_not_move_the_scaling_and_uniform_libraries_do_not_blow_up() -> None:
    library = vectors(200)
    before = np.array(fit_scaling(library).spread)
    library[0] = 1e9
    after = np.array(fit_scaling(library).spread)
    assert np.allclose(before, after, rtol=0.1)
    same = np.repeat(library[1:2], 10, axis=0)
    same[0] += np.float32(1e-3)
    assert np.abs(fit_scaling(same).apply(same)).max() < 0.2


def test_a_library_of_nothing_still_scales() -> None:
    scaling = fit_scaling(np.empty((0, D), np.float32))
    assert np.isfinite(scaling.apply(vectors(3))).all()
    unknown = fit_scaling(np.full((4, D), np.nan, np.float32))
    assert unknown == scaling
    with pytest.raises(ValueError, match="expected"):
        fit_scaling(np.zeros((3, D + 1), np.float32))
