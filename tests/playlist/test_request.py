"""A request is understood, or refused with the field and what is allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workbench.errors import InputError
from workbench.features.mood import MOODS
from workbench.playlist import PlaylistRequest
from workbench.playlist.request import edit

MOOD = next(iter(MOODS))


def test_everything_may_be_left_open() -> None:
    request = PlaylistRequest()
    assert request.n == 20
    assert request.asked_for() == {"n": 20}
    assert request.asked == ()


def test_a_duration_replaces_the_number() -> None:
    request = PlaylistRequest(minutes=45)
    assert (request.n, request.minutes) == (None, 45)


def test_moods_may_be_one_or_several() -> None:
    assert PlaylistRequest.from_fields(mood=MOOD).mood == (MOOD,)
    assert PlaylistRequest.from_fields(mood=[*MOODS, MOOD]).mood == tuple(MOODS)
    assert PlaylistRequest.from_fields(mood=[]).mood is None
    assert PlaylistRequest.from_fields(mood=None).mood is None


def test_a_key_is_normalised() -> None:
    assert PlaylistRequest.from_fields(key="8A").key == "A minor"
    assert PlaylistRequest.from_fields(key=None).key is None


def test_a_request_survives_json() -> None:
    request = PlaylistRequest.from_fields(
        **{"mood": MOOD, "energy": (0.2, 0.6), "bpm": (80, 110), "key": "Am", "n": 5, "curve": (0.1, 0.7), "seed": 3},
        **{"include": [1, "a"], "weights": {"key": 3}, "artist_gap": 0, "key_distance": "fifths"},
    )
    assert PlaylistRequest(**json.loads(request.model_dump_json())) == request
    assert PlaylistRequest(**json.loads(json.dumps(request.asked_for()))) == request


def test_a_request_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        PlaylistRequest().n = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"mood": "grumpy"}, f"mood: 'grumpy' is not a mood; the moods are {', '.join(MOODS)}."),
        ({"energy": (0.9, 0.2)}, "energy: the lower end 0.9 is above the upper end 0.2; write the lower one first."),
        ({"energy": (0, 2)}, "energy: Input should be less than or equal to 1 (given: 2)."),
        ({"energy": (0.1,)}, "energy: Field required"),
        ({"energy": (float("nan"), 1)}, "energy: Input should be"),
        ({"bpm": (0, 100)}, "bpm: Input should be greater than 0 (given: 0)."),
        ({"bpm": "fast"}, "bpm: Input should be a valid tuple (given: fast)."),
        ({"key": "H"}, "key: 'H' is not a key. Write it like"),
        ({"n": 0}, "n: Input should be greater than or equal to 1 (given: 0)."),
        ({"n": 10, "minutes": 5}, "n and minutes exclude each other; give one of them."),
        ({"minutes": -1}, "minutes: Input should be greater than 0 (given: -1)."),
        ({"curve": "zigzag"}, "curve: 'zigzag' is no curve; give flat, rise, fall, arc, or two or more energies"),
        ({"curve": (0.5,)}, "curve: '(0.5,)' is no curve"),
        ({"curve": (0.5, 1.5)}, "curve: '(0.5, 1.5)' is no curve"),
        ({"curve": (0.5, float("nan"))}, "is no curve"),
        ({"curve": 3}, "curve: '3' is no curve"),
        ({"start": 4, "end": "4"}, "track 4 is asked for twice and would be repeated; name it once."),
        ({"waypoints": [1, 2], "include": "2"}, "track 2 is asked for twice"),
        ({"slots": [7, None, 7]}, "track 7 is asked for twice"),
        ({"start": 4, "end": 5, "n": 1}, "n must be at least 2, the number of tracks asked for by id."),
        ({"start": 4, "include": [5, 6], "n": 2}, "n must be at least 3"),
        ({"include": 5, "exclude": [4, "5"]}, "track 5 is asked for and excluded; do one of them."),
        ({"slots": [1, None], "n": 3}, "slots is the whole list; leave n, minutes, start, end and waypoints out."),
        ({"slots": [1, None], "waypoints": [3]}, "slots is the whole list"),
        ({"slots": [1, None], "include": [3, 4]}, "slots has fewer gaps than there are tracks to include"),
        ({"artist_gap": -1}, "artist_gap: Input should be greater than or equal to 0 (given: -1)."),
        ({"weights": {"tempo": -1}}, "weights: Input should be greater than or equal to 0"),
        (
            {"weights": {"colour": 1}},
            "weights.colour: no such field; the fields are tempo, key, energy, timbre, loudness",
        ),
        ({"weights": dict.fromkeys(("tempo", "key", "energy", "timbre", "loudness"), 0)}, "weights: all are zero"),
        ({"pitch_percent": 0}, "pitch_percent: Input should be greater than or equal to 0.01"),
        ({"key_distance": "tritones"}, "key_distance: Input should be 'camelot' or 'fifths'"),
        ({"compatible_keys": True}, "compatible_keys needs key"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0 (given: -1)."),
        ({"tempo": 3}, "tempo: no such field; the fields are mood, energy, ranked, bpm, half_double,"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_allowed(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        PlaylistRequest.from_fields(**fields)
    assert says in str(caught.value)
    assert str(caught.value).endswith(".")


def test_every_complaint_is_told_once() -> None:
    with pytest.raises(InputError) as caught:
        PlaylistRequest.from_fields(n=0, energy=(2, 3))
    assert "n: " in str(caught.value)
    assert str(caught.value).count("energy: ") == 2


@pytest.mark.parametrize(
    ("n", "fields", "positions"),
    [
        (9, {"waypoints": ["m"]}, {4: "m"}),
        (9, {"start": "a", "end": "z", "waypoints": ["m"]}, {0: "a", 4: "m", 8: "z"}),
        (4, {"start": "a", "end": "z", "waypoints": ["m", "n"]}, {0: "a", 1: "m", 2: "n", 3: "z"}),
        (3, {"waypoints": ["l", "m", "n"]}, {0: "l", 1: "m", 2: "n"}),
        (3, {"slots": ["a", None, "c"]}, {0: "a", 2: "c"}),
        (1, {"end": "z", "n": 1}, {0: "z"}),
    ],
)
def test_tracks_asked_for_stand_where_they_should(n: int, fields: dict[str, Any], positions: dict[int, str]) -> None:
    assert PlaylistRequest.from_fields(**fields).positions(n) == positions


@given(waypoints=st.integers(0, 6), start=st.booleans(), end=st.booleans(), more=st.integers(0, 20))
def test_waypoints_keep_their_order_and_their_places(waypoints: int, start: bool, end: bool, more: int) -> None:
    n = max(waypoints + start + end + more, 1)
    ids = [f"w{i}" for i in range(waypoints)]
    request = PlaylistRequest.from_fields(n=n, waypoints=ids, start="a" if start else None, end="z" if end else None)
    placed = request.positions(n)
    assert len(placed) == waypoints + start + end
    assert [placed[p] for p in sorted(placed)] == [*(["a"] if start else []), *ids, *(["z"] if end else [])]
    assert all(0 <= p < n for p in placed)


def test_revisions_are_requests() -> None:
    ids = ["a", "b", "c"]
    asked = {"bpm": (80, 100), "n": 3, "start": "a", "include": ["b"], "exclude": ["x", "c"]}
    assert edit(ids, asked) == {"bpm": (80, 100), "slots": ids, "exclude": ["x"]}
    assert edit(ids, {}, extend=2)["slots"] == [*ids, None, None]
    assert edit(ids, {}, bridge=2)["slots"] == ["a", "b", None, "c"]
    assert edit(ids, asked, replace=2) == {"bpm": (80, 100), "slots": ["a", None, "c"], "exclude": ["x", "b"]}
    for wrong in ({"bridge": 3}, {"bridge": 0}, {"replace": 4}, {"extend": -1}):
        with pytest.raises(InputError):
            edit(ids, {}, **wrong)
