"""A request is understood, or refused with the field and what is allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from workbench.errors import InputError
from workbench.features.mood import MOODS
from workbench.playlist import PlaylistRequest

MOOD = next(iter(MOODS))


def test_everything_may_be_left_open() -> None:
    request = PlaylistRequest()
    assert request.n == 20
    assert request.model_dump(exclude_none=True) == {"half_double": False, "compatible_keys": False, "n": 20}


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
        mood=MOOD, energy=(0.2, 0.6), bpm=(80, 110), key="Am", n=5, curve="arc", seed=3
    )
    assert PlaylistRequest(**json.loads(request.model_dump_json())) == request


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
        ({"curve": "zigzag"}, "curve: Input should be 'flat', 'rise', 'fall' or 'arc' (given: zigzag)."),
        ({"start": 4, "end": "4"}, "start and end are the same track"),
        ({"start": 4, "end": 5, "n": 1}, "n must be at least 2"),
        ({"compatible_keys": True}, "compatible_keys needs key"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0 (given: -1)."),
        ({"tempo": 3}, "tempo: no such field; the fields are mood, energy, bpm, half_double, key,"),
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
