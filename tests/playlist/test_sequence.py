"""Playlists: what was asked is met or listed, no track comes twice, and the answer is always the same."""

from __future__ import annotations

import itertools
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
from workbench.playlist import (
    Playlist,
    PlaylistRequest,
    TrackTable,
    build,
    compatible_keys,
    compose,
    cost_matrix,
    parse_key,
)
from workbench.playlist.constraints import CURVE_CORRELATION, FLAT_DEVIATION, LENGTH_TOLERANCE, curve_correlation
from workbench.playlist.sequence import shortlist

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
        "curve": st.sampled_from(["flat", "rise", "fall", "arc", (0.2, 0.9, 0.5), (0.4, 0.4)]),
        "start": st.integers(0, 9),
        "end": st.integers(10, 14),
        "waypoints": st.lists(st.integers(15, 17), max_size=2, unique=True),
        "include": st.lists(st.integers(18, 19), max_size=2, unique=True),
        "exclude": st.lists(st.integers(20, 40), max_size=5),
        "artist_gap": st.integers(0, 3),
        "album_gap": st.integers(0, 3),
        "key_distance": st.sampled_from(["camelot", "fifths"]),
        "seed": st.integers(0, 5),
    },
)
LENGTHS = st.one_of(
    st.fixed_dictionaries({"n": st.integers(6, 25)}), st.fixed_dictionaries({"minutes": st.floats(1, 60)})
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
        if request.curve in ("flat", (0.4, 0.4)):
            checks["curve"] = not np.isnan(energy).all() and bool(np.nanstd(energy) <= FLAT_DEVIATION)
        else:
            correlation = curve_correlation(energy, request.curve)
            checks["curve"] = correlation is not None and correlation >= CURVE_CORRELATION
    for name, gap in (("artist", request.artist_gap), ("album", request.album_gap)):
        names = [track[name] for track in tracks]
        checks[f"{name}_gap"] = not any(
            names[i] is not None and names[i] == names[j]
            for i in range(len(names))
            for j in range(i + 1, min(i + 1 + (gap or 0), len(names)))
        )
    return checks


@settings(max_examples=100, deadline=None)
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
    total = sum(step.cost for step in playlist.transitions)
    assert playlist.cost >= total - 1e-3
    assert {v["constraint"] for v in playlist.violations} == {name for name, ok in met(playlist).items() if not ok}
    assert all(v["remedy"].endswith(".") and "wanted" in v and "got" in v for v in playlist.violations)
    assert len(playlist.transitions) == max(len(ids) - 1, 0)
    if request.start is not None:
        assert ids[0] == request.start
    if request.end is not None:
        assert ids[-1] == request.end
    passed = [track for track in ids if track in request.waypoints]
    assert passed == list(request.waypoints)
    assert set(request.include) <= set(ids)
    assert not set(request.exclude) & set(ids)
    json.dumps(playlist.to_dict(), allow_nan=False)


@settings(max_examples=10, deadline=None)
@given(fields=REQUESTS, seed=st.integers(0, 1000))
def test_the_order_of_the_tracks_given_changes_nothing(make_tracks: Maker, fields: dict[str, Any], seed: int) -> None:
    tracks = make_tracks(60, seed)
    request = PlaylistRequest.from_fields(**fields, n=12)
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
    playlist = build(library, PlaylistRequest(n=5, bpm=(900, 1000), energy=(0.99999, 1.0)))
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
    monkeypatch.setattr("workbench.playlist.sequence.POOL_PER_TRACK", 1)
    playlist = build(library, PlaylistRequest(n=20, start=299))
    assert len(playlist.tracks) == 20
    assert playlist.tracks[0]["id"] == 299
    assert playlist.violations == []


# --- what else may be asked -----------------------------------------------------------------------


def test_holes_are_filled_and_the_rest_stays(library: Records) -> None:
    made = build(library, PlaylistRequest(slots=(5, None, 9, None, None)))
    assert (made.ids[0], made.ids[2], len(set(made.ids))) == (5, 9, 5)
    as_it_is = build(library, PlaylistRequest(slots=(5, 9, 7)))
    assert as_it_is.ids == [5, 9, 7]
    assert len(as_it_is.transitions) == 2


def test_gaps_that_nothing_fills_are_told(make_tracks: Maker) -> None:
    tracks = make_tracks(4)
    made = build(tracks, PlaylistRequest(slots=(0, None, None, 3, None, None, 1)))
    assert made.ids == [0, 2, 3, 1]
    (violation,) = made.violations
    assert (violation["constraint"], violation["wanted"], violation["got"]) == ("n", 7, 4)


@pytest.mark.parametrize("minutes", [10, 25, 45])
@pytest.mark.parametrize("curve", ["rise", (0.9, 0.1)])
def test_a_curve_over_minutes_has_a_target_per_track(make_tracks: Maker, minutes: float, curve: Any) -> None:
    """Also where the curve cannot be followed, so that other weights and lengths are tried."""
    for seed in range(4):
        tracks = [{**track, "energy": 0.5 + i % 3 / 100} for i, track in enumerate(make_tracks(15, seed))]
        made = build(tracks, PlaylistRequest(minutes=minutes, curve=curve, start=0))
        assert made.targets is not None
        assert len(made.targets) == len(made.tracks)


def test_the_bridge_is_the_best_there_is(library: Records) -> None:
    made = build(library, PlaylistRequest(slots=(5, None, 9), artist_gap=0, album_gap=0))
    table = TrackTable.of(library)
    cost = cost_matrix(table)
    a, b = table.row(5), table.row(9)
    assert a is not None
    assert b is not None
    through = cost[a] + cost[:, b]
    through[[a, b]] = np.inf
    assert made.cost == pytest.approx(through.min(), abs=1e-4)


def test_seed_tracks_draw_the_list_towards_them(library: Records) -> None:
    table = TrackTable.of(library)
    unlike = np.ones(len(table))
    near = np.arange(40, 60)
    unlike[near] = 0.0
    order = compose(table, PlaylistRequest(n=10), unlike=unlike)
    assert set(order.rows.tolist()) <= set(near.tolist())


def test_of_a_huge_pool_the_seed_tracks_kin_are_searched(monkeypatch: pytest.MonkeyPatch, make_tracks: Maker) -> None:
    monkeypatch.setattr("workbench.playlist.sequence.POOL_LIMIT", 60)
    table = TrackTable.of(make_tracks(1000))
    unlike = np.ones(len(table))
    near = np.random.default_rng(1).choice(1000, 40, replace=False)
    unlike[near] = 0.0
    assert set(compose(table, PlaylistRequest(n=10), unlike=unlike).rows.tolist()) <= set(near.tolist())


@pytest.mark.parametrize("curve", [None, "rise", (0.1, 0.9, 0.1)])
def test_a_short_list_has_all_it_may_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, make_tracks: Maker, curve: Any
) -> None:
    monkeypatch.setattr("workbench.playlist.sequence.POOL_LIMIT", 100)
    table = TrackTable.of(make_tracks(2000))
    passed = np.flatnonzero(table.bpm > 110)
    chosen = shortlist(table, passed, PlaylistRequest(n=10, curve=curve), [3], None)
    assert len(chosen) == len(set(chosen.tolist())) == 100
    assert set(chosen.tolist()) <= set(passed.tolist())
    if curve == "rise":
        made = build(make_tracks(2000), PlaylistRequest(n=10, curve=curve))
        assert made.violations == []


def test_a_gap_that_cannot_be_kept_says_which_can(make_tracks: Maker) -> None:
    tracks = [{**track, "artist": f"Artist {i % 2}", "album": None} for i, track in enumerate(make_tracks(20))]
    made = build(tracks, PlaylistRequest(n=6, artist_gap=3))
    (violation,) = made.violations
    assert violation["constraint"] == "artist_gap"
    assert "set artist_gap to 1" in violation["remedy"]
    assert build(tracks, PlaylistRequest(n=6, artist_gap=1)).violations == []


def test_unasked_one_artist_is_not_set_side_by_side(make_tracks: Maker) -> None:
    def neighbours(**fields: Any) -> int:
        made = build(make_tracks(60, unknown=0), PlaylistRequest(n=25, **fields))
        artists = [track["artist"] for track in made.tracks]
        return sum(a == b for a, b in itertools.pairwise(artists))

    assert neighbours() < neighbours(artist_gap=0)
    one = [{**track, "artist": "Only one"} for track in make_tracks(20)]
    assert build(one, PlaylistRequest(n=10)).violations == []


def test_what_is_excluded_may_be_what_is_lacking(make_tracks: Maker) -> None:
    made = build(make_tracks(10), PlaylistRequest(n=10, exclude=(1, 2)))
    (violation,) = made.violations
    assert violation["remedy"] == "2 tracks that meet the rest are excluded: exclude fewer."


def test_ranked_is_the_same_as_asking_for_ranks(library: Records) -> None:
    """Energies that lie close together are spread over the library's own scale, moods follow."""
    narrow = [{**track, "energy": track["energy"] and 0.4 + 0.1 * track["energy"]} for track in library]
    asked = {"energy": (0.5, 1.0), "mood": ["happy", "euphoric"], "n": 8, "curve": "rise"}
    assert not build(narrow, PlaylistRequest.from_fields(**asked)).tracks
    found = build(narrow, PlaylistRequest.from_fields(**asked, ranked=True))
    assert len(found.tracks) == 8
    known = sorted(track["energy"] for track in narrow if track["energy"] is not None)
    by_id = {track["id"]: track for track in narrow}
    for track in found.tracks:
        below = sum(energy < by_id[track["id"]]["energy"] for energy in known)
        assert track["energy"] == pytest.approx((below + 0.5) / len(known))
        assert track["energy"] >= 0.5
        assert track["mood"] in {"happy", "euphoric"}
