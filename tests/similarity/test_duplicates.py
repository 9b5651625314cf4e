"""What is the same is found, whatever was done to it; what only sounds alike is not."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.similarity import COMPONENTS, duplicates, fit_scaling
from workbench.similarity.duplicates import (
    NEAR,
    Alignment,
    align,
    alike,
    identify,
    join,
    judge,
    near_pairs,
    title_key,
    title_pairs,
)
from workbench.similarity.regions import SIZE

LONG = (200.0, 200.0)
WHOLE = Alignment(1.0, 1.0, 0.0)


def track(n: int, seed: int) -> np.ndarray:
    """Segments of a track of n seconds."""
    return np.random.default_rng(seed).integers(-90, 90, (n, SIZE)).astype(np.int8)


# --- candidates -----------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [3, 2048])
@given(n=st.integers(0, 40), seed=st.integers(0, 20))
def test_near_pairs_are_all_pairs_that_are_near(block: int, n: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32)
    if n:
        vectors[seed % n] = np.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "_BLOCK", block)
        patch.setattr(duplicates, "_MOST_NEAR", n)
        found = set(near_pairs(vectors))
    plain = {
        (i, j)
        for i, j in itertools.combinations(range(n), 2)
        if np.linalg.norm(vectors[i].astype(float) - vectors[j]) <= NEAR
    }
    assert found == plain


def test_a_crowd_is_joined_by_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    vectors = np.concatenate([rng.normal(size=(90, 3)) * 0.01, rng.normal(size=(30, 3)) * 9]).astype(np.float32)
    plainly = set(near_pairs(vectors))
    monkeypatch.setattr(duplicates, "_CROWD", 0)
    assert set(near_pairs(vectors)) == plainly
    assert max(max(pair) for pair in plainly) < 90


def test_of_many_that_are_near_all_are_joined_by_a_few_pairs() -> None:
    vectors = np.zeros((500, 4), dtype=np.float32)
    vectors[:, 0] = np.random.default_rng(0).random(500) / 1000
    vectors[200:300] = vectors[200]
    found = set(near_pairs(vectors))
    assert len(found) <= 500 * 5
    nearest = np.abs(vectors[0, 0] - vectors[:, 0]).argsort(kind="stable")[1]
    assert (0, nearest) in found
    assert len(join(found)) < 120


def test_identity_is_tone_colour_and_notes() -> None:
    raw = np.random.default_rng(1).normal(size=(300, len(COMPONENTS))).astype(np.float32)
    scaling = fit_scaling(raw)
    scaling = dataclasses.replace(scaling, spread=tuple(np.ones(len(COMPONENTS))))
    found = identify(raw, scaling)
    assert found.shape == (300, 31)
    assert np.linalg.norm(found[::2] - found[1::2], axis=1).mean() == pytest.approx(1.4, abs=0.05)
    changed = raw.copy()
    changed[:, [COMPONENTS.index(name) for name in ("loudness", "crest_factor", "mfcc_by_energy_3_std")]] += 5
    np.testing.assert_array_equal(identify(changed, scaling), found)
    changed[7, COMPONENTS.index("chroma_C_mean")] = np.nan
    assert np.isnan(identify(changed, scaling)[7]).any()
    assert np.isfinite(identify(changed, scaling)[8]).all()


def test_an_encoder_that_drops_what_is_highest_hides_nothing() -> None:
    """The mel spectrum moves by 60 dB from 7.5 kHz on, and so do all MFCC; from 2 kHz on it is another sound."""
    from scipy.fft import dct

    raw = np.random.default_rng(2).normal(size=(300, len(COMPONENTS))).astype(np.float32) * 4
    scaling = fit_scaling(raw)
    colour = [COMPONENTS.index(f"mfcc_by_energy_{k}_mean") for k in range(1, 20)]
    for first, most, least in ((104, 1e-3, 0.0), (60, 9.0, 1.0)):
        mel = np.zeros(128)
        mel[first:] = -60
        dulled = raw.copy()
        dulled[:, colour] += dct(mel, norm="ortho")[1:20].astype(np.float32)
        moved = np.linalg.norm(identify(dulled, scaling) - identify(raw, scaling), axis=1)
        assert least <= moved.min()
        assert np.median(moved) <= most


def test_titles() -> None:
    assert title_key("A", "Song (Radio Edit)") == title_key("a", "SONG [Remastered 2011]") == ("a", "song")
    assert title_key("A", "Song") != title_key("B", "Song")
    assert title_key(None, "Song") is title_key("A", None) is title_key("A", "(Live)") is None
    assert list(title_pairs([None, "x", "y", "x", None, "x"])) == [(1, 3), (1, 5), (3, 5)]
    assert list(title_pairs(["intro"] * 21)) == []


# --- second by second -----------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [0, 7, 30])
def test_a_piece_is_found_in_the_whole(cut: int) -> None:
    whole = track(90, 1)
    found = align(whole[cut : cut + 60], whole)
    assert found == Alignment(1.0, 1.0, float(cut))
    assert align(whole, whole[cut : cut + 60]) == Alignment(1.0, 1.0, -float(cut))


def test_an_edit_is_the_same_at_two_offsets() -> None:
    whole = track(90, 2)
    edit = np.concatenate([whole[:20], whole[50:]])
    found = align(edit, whole)
    assert found.share == 1.0
    assert found.offset_s == 30
    assert found.steady == pytest.approx(40 / 60)


def test_fractions_of_a_second_are_seen_through() -> None:
    whole = np.repeat(track(40, 3), 3, axis=0).astype(np.int16)[:100]  # seconds that go over into each other
    smooth = ((whole[:-2] + whole[1:-1] + whole[2:]) // 3).astype(np.int8)
    half = ((smooth[:-1].astype(np.int16) + smooth[1:]) // 2).astype(np.int8)
    found = align(half[:-1], smooth)
    assert (found.share, found.offset_s) == (1.0, pytest.approx(0.5, abs=0.25))


def test_other_tracks_and_very_short_ones() -> None:
    assert align(track(60, 4), track(70, 5)) == Alignment(0.0, 0.0, 0.0)
    one = track(1, 6)
    assert align(one, one) == Alignment(1.0, 1.0, 0.0)
    assert align(one, track(1, 7)).share == 0
    assert align(one, np.concatenate([track(9, 8), one])) == Alignment(1.0, 1.0, 9.0)
    assert align(track(3, 9), track(3, 9)).share == 1


# --- the judgement --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "seconds", "alignment", "same_title", "kind"),
    [
        (0.05, LONG, WHOLE, False, "same recording"),
        (0.28, LONG, Alignment(0.1, 1.0, 0.0), False, "same recording"),  # encoded badly
        (0.2, (200, 195), Alignment(1.0, 1.0, -5.0), False, "same recording"),  # trimmed
        (0.2, (200, 195), Alignment(1.0, 0.3, -5.0), False, "another version"),  # another tempo
        (0.2, (200, 195), Alignment(0.0, 0.0, 0.0), False, "another version"),
        (0.4, (200, 120), Alignment(1.0, 0.7, 0.0), False, "another version"),  # an edit
        (0.4, LONG, Alignment(0.5, 1.0, 0.0), False, None),
        (0.7, LONG, WHOLE, False, None),
        (0.7, LONG, None, True, "another version"),
        (0.95, LONG, None, True, None),
        (float("nan"), LONG, WHOLE, True, None),
        (0.2, LONG, None, False, "same recording"),
        (0.05, (0.5, 0.52), WHOLE, False, "same sample"),
        (0.2, (0.5, 0.52), WHOLE, False, None),  # two strokes on one drum
        (0.05, (0.5, 0.9), WHOLE, False, None),
        (0.4, (0.5, 0.9), WHOLE, True, "another version"),
    ],
)
def test_what_it_is(
    distance: float, seconds: tuple[float, float], alignment: Alignment | None, same_title: bool, kind: str | None
) -> None:
    assert judge(distance, seconds, alignment, same_title=same_title) == kind
    assert judge(distance, seconds[::-1], alignment, same_title=same_title) == kind


def test_alike_by_sound_alone() -> None:
    assert alike(0.3, (200, 90))
    assert not alike(0.31, LONG)
    assert not alike(float("nan"), LONG)
    assert alike(0.15, (2.0, 2.1))
    assert not alike(0.15, (2.0, 3.0))


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12))))
def test_groups_are_the_connected_parts(pairs: list[tuple[int, int]]) -> None:
    groups = join(pairs)
    members = [row for group in groups for row in group]
    assert sorted(members) == sorted({row for pair in pairs for row in pair})
    assert groups == sorted(groups)
    assert all(group == sorted(group) for group in groups)
    number = {row: i for i, group in enumerate(groups) for row in group}
    assert all(number[a] == number[b] for a, b in pairs)
    for group in groups:  # and no larger than that
        assert set(reached(group[0], pairs)) == set(group)


def reached(start: int, pairs: list[tuple[int, int]]) -> Iterator[int]:
    seen, left = set(), [start]
    while left:
        row = left.pop()
        if row not in seen:
            seen.add(row)
            yield row
            left += [b if a == row else a for a, b in pairs if row in (a, b)]
