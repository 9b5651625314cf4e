"""Playlists: what was asked is met or listed, no track comes twice, and the answer is always the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.features.key import KEY_NAMES
from workbench.features.mood import MOODS
from workbench.playlist import Playlist, PlaylistRequest, build, compatible_keys, parse_key
from workbench.playlist.constraints import CURVE_CORRELATION, FLAT_DEVIATION, LENGTH_TOLERANCE, curve_correlation

Records = list[dict[str, Any]]
Maker = Callable[..., list[dict[str, Any]]]

RANGES = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda pair: tuple(sorted(pair)))
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "mood": st.lists(st.sampled_from(list(MOODS)), min_size=1, max_size=2),
        "energy": RANGES,
        "bpm": RANGES.map(lambda pair: (60 + 100 * pair[0], 60 + 100 * pair[1])),
        "half_double": st.booleans(),
        "key": st.sampled_from(KEY_NAMES),
        "curve": st.sampled_from(["flat", "rise", "fall", "arc"]),
        "start": st.integers(0, 9),
        "end": st.integers(10, 19),
        "seed": st.integers(0, 5),
    },
)
LENGTHS = st.one_of(
    st.fixed_dictionaries({"n": st.integers(2, 25)}), st.fixed_dictionaries({"minutes": st.floats(1, 60)})
)


def met(playlist: Playlist) -> dict[str, bool]:
    """Check each constraint again by its plain meaning; True if it is met."""
    request, tracks = playlist.request, playlist.tracks
    checks: dict[str, bool] = {}
    if request.mood:
        checks["mood"] = all(track["mood"] in request.mood for track in tracks)
    if request.energy:
        low, high = request.energy
        checks["energy"] = all(track["energy"] is not None and low <= track["energy"] <= high for track in tracks)
    if request.bpm:
        low, high = request.bpm
        factors = (0.5, 1, 2) if request.half_double else (1,)
        checks["bpm"] = all(
            track["bpm"] is not None and any(low <= track["bpm"] * f <= high for f in factors) for track in tracks
        )
    if request.key:
        checks["key"] = all(track["key"] == request.key for track in tracks)
    if request.n:
        checks["n"] = len(tracks) == request.n
    if request.minutes:
        minutes = sum(track["duration_s"] or 0 for track in tracks) / 60
        checks["minutes"] = abs(minutes - request.minutes) <= LENGTH_TOLERANCE * request.minutes and all(
            track["duration_s"] is not None for track in tracks
        )
    if request.curve and len(tracks) > 1:
        energy = np.array([np.nan if track["energy"] is None else track["energy"] for track in tracks])
        if request.curve == "flat":
            checks["curve"] = not np.isnan(energy).all() and bool(np.nanstd(energy) <= FLAT_DEVIATION)
        else:
            correlation = curve_correlation(energy, request.curve)
            checks["curve"] = correlation is not None and correlation >= CURVE_CORRELATION
    return checks


@settings(max_examples=60, deadline=None)
@given(fields=REQUESTS, length=LENGTHS, size=st.integers(20, 120), seed=st.integers(0, 1000))
def test_no_repeats_and_no_hidden_violation(
    make_tracks: Maker, fields: dict[str, Any], length: dict[str, Any], size: int, seed: int
) -> None:
    tracks = make_tracks(size, seed)
    request = PlaylistRequest.from_fields(**fields, **length)
    playlist = build(tracks, request)
    ids = [track["id"] for track in playlist.tracks]
    assert len(set(ids)) == len(ids)
    assert all(track == tracks[track["id"]] for track in playlist.tracks)
    assert {v["constraint"] for v in playlist.violations} == {name for name, ok in met(playlist).items() if not ok}
    assert all(v["remedy"].endswith(".") and "wanted" in v and "got" in v for v in playlist.violations)
    assert len(playlist.transitions) == max(len(ids) - 1, 0)
    if request.start is not None:
        assert ids[0] == request.start
    if request.end is not None:
        assert ids[-1] == request.end
    json.dumps(playlist.to_dict(), allow_nan=False)


@settings(max_examples=10, deadline=None)
@given(fields=REQUESTS, seed=st.integers(0, 1000))
def test_the_order_of_the_tracks_given_changes_nothing(make_tracks: Maker, fields: dict[str, Any], seed: int) -> None:
    tracks = make_tracks(60, seed)
    request = PlaylistRequest.from_fields(**fields, n=10)
    shuffled = [tracks[i] for i in np.random.default_rng(seed).permutation(60)]
    assert build(tracks, request).to_dict() == build(shuffled + shuffled[:5], request).to_dict()


def test_a_seed_gives_another_good_list_and_the_same_again(library: Records) -> None:
    lists = [[track["id"] for track in build(library, PlaylistRequest(n=10, seed=seed)).tracks] for seed in (1, 1, 2)]
    assert lists[0] == lists[1]
    assert lists[0] != lists[2]
    costs = [build(library, PlaylistRequest(n=10, seed=seed)).cost for seed in (None, 1, 2)]
    assert max(costs) <= costs[0] + 9 * 0.15


@pytest.mark.parametrize("curve", ["rise", "fall", "arc"])
def test_energy_follows_the_curve(library: Records, curve: Any) -> None:
    playlist = build(library, PlaylistRequest(n=15, curve=curve))
    assert playlist.violations == []
    correlation = curve_correlation(np.array([track["energy"] for track in playlist.tracks], dtype=float), curve)
    assert correlation is not None
    assert correlation >= 0.9
    assert playlist.targets is not None
    assert len(playlist.targets) == 15


def test_flat_is_flat(library: Records) -> None:
    playlist = build(library, PlaylistRequest(n=15, curve="flat"))
    assert np.std([track["energy"] for track in playlist.tracks]) <= 0.1
    assert playlist.violations == []


def test_compatible_keys_are_let_through(library: Records) -> None:
    wide = build(library, PlaylistRequest(n=20, key="A minor", compatible_keys=True))
    near = {key.name for key in compatible_keys(parse_key("A minor"))}
    assert {track["key"] for track in wide.tracks} <= near
    assert len({track["key"] for track in wide.tracks}) > 1


def test_too_few_candidates_say_which_filter_to_widen(library: Records) -> None:
    playlist = build(library, PlaylistRequest(n=50, key="A minor", energy=(0.0, 1.0)))
    (violation,) = playlist.violations
    assert violation["constraint"] == "n"
    assert violation["got"] == len(playlist.tracks) < 50
    assert violation["remedy"].startswith("key alone leaves out ")
    assert "because their key is not known" in violation["remedy"]


def test_nothing_fits_is_an_answer(library: Records) -> None:
    playlist = build(library, PlaylistRequest(n=5, bpm=(900, 1000), energy=(0.999, 1.0)))
    assert playlist.tracks == []
    assert (playlist.cost, playlist.transitions) == (0, [])
    assert playlist.violations[0]["remedy"].startswith("No track meets energy and bpm")


def test_an_empty_library_is_an_answer() -> None:
    for fields in ({"n": 3}, {"minutes": 10}, {"minutes": 10, "curve": "arc"}):
        playlist = build([], PlaylistRequest.from_fields(**fields))
        assert playlist.tracks == []
        assert "The library has 0 tracks" in playlist.violations[0]["remedy"]


def test_minutes_that_whole_tracks_cannot_make(make_tracks: Maker) -> None:
    tracks = [{**track, "duration_s": 600.0} for track in make_tracks(5)]
    assert build(tracks, PlaylistRequest(minutes=30)).violations == []
    (violation,) = build(tracks, PlaylistRequest(minutes=15)).violations
    assert violation["constraint"] == "minutes"
    assert violation["got"] in (10, 20)
    (violation,) = build(tracks, PlaylistRequest(minutes=4)).violations
    assert violation["remedy"] == "No choice of whole tracks comes nearer: ask for another length."


def test_a_start_that_does_not_fit_is_used_and_told(library: Records) -> None:
    track = next(track for track in library if track["energy"] is not None and track["energy"] > 0.9)
    playlist = build(library, PlaylistRequest(n=5, energy=(0.1, 0.3), start=track["id"]))
    assert playlist.tracks[0] == track
    (violation,) = playlist.violations
    assert violation["track"] == track["id"]
    assert violation["wanted"] == [0.1, 0.3]
    assert violation["got"] == track["energy"]
    assert "energy leaves it out" in violation["remedy"]


def test_a_start_of_unknown_tempo_is_told_as_such(library: Records) -> None:
    track = next(track for track in library if track["bpm"] is None)
    (violation,) = build(library, PlaylistRequest(n=5, bpm=(60, 200), start=str(track["id"]))).violations
    assert violation["got"] is None
    assert "its bpm is not known" in violation["remedy"]


def test_a_curve_without_any_known_energy(make_tracks: Maker) -> None:
    tracks = [{**track, "energy": None} for track in make_tracks(10)]
    (violation,) = build(tracks, PlaylistRequest(n=5, curve="rise")).violations
    assert violation["constraint"] == "curve"
    assert "not known" in violation["remedy"]


@pytest.mark.parametrize(("curve", "got"), [("rise", "no change of energy"), ("flat", "standard deviation")])
def test_a_curve_that_the_tracks_do_not_have(make_tracks: Maker, curve: Any, got: str) -> None:
    energies = [0.5] * 4 if curve == "rise" else [0.0, 0.0, 1.0, 1.0]
    tracks = [{**track, "energy": energy} for track, energy in zip(make_tracks(4), energies, strict=True)]
    (violation,) = build(tracks, PlaylistRequest(n=4, curve=curve)).violations
    assert violation["got"].startswith(got)


@pytest.mark.parametrize("end", ["start", "end"])
def test_an_unknown_id_is_an_error(library: Records, end: str) -> None:
    with pytest.raises(InputError, match=f"{end}: there is no track with the id 'nowhere'"):
        build(library, PlaylistRequest.from_fields(**{end: "nowhere"}))


def test_of_a_huge_pool_a_sample_is_searched(monkeypatch: pytest.MonkeyPatch, library: Records) -> None:
    monkeypatch.setattr("workbench.playlist.sequence.POOL_LIMIT", 50)
    playlist = build(library, PlaylistRequest(n=20, start=299))
    assert len(playlist.tracks) == 20
    assert playlist.tracks[0]["id"] == 299
    assert playlist.violations == []
