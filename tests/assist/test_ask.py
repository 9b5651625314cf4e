"""What is asked of a library in words: the answer is that of the request, and tags of files change nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.assist.hostile import HOSTILE
from tests.assist.phrased import IDS, NAMES
from tests.assist.provider_server import ProviderServer, provider_server
from tests.jobs.collection import Analyzed
from workbench.assist.answer import Answer, Question
from workbench.assist.asked import answer_reading
from workbench.assist.describe import describe_track, describe_tracks, suggest_tags
from workbench.assist.names import COLUMNS, Names
from workbench.assist.near import NearTexts
from workbench.assist.parser import parse
from workbench.config import Provider, Settings
from workbench.errors import InputError
from workbench.library import Library


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    pytest.importorskip("pydantic_ai", reason="the extra assist is not installed")
    with provider_server() as running:
        yield running


@pytest.fixture
def asked(analyzed: Analyzed, server: ProviderServer) -> Iterator[Library]:
    """The collection, with a model before the offline parser."""
    provider = Provider(
        name="fake", kind="ollama", model="test", address=server.address("ollama"), private=True, timeout_s=10
    )
    with Library.open(analyzed.path, settings=Settings(assist=(provider,), assist_near=0.4)) as opened:
        opened.answers.clear()
        yield opened
        opened.answers.clear()


# --- asking -----------------------------------------------------------------------------------------


def test_the_answer_is_that_of_the_request(analyzed: Analyzed) -> None:
    lib = analyzed.library
    asked = lib.ask("3 songs from 60 to 140 bpm with rising energy, nothing by Ballad")
    assert asked.reading.request == {
        "bpm": [60.0, 140.0], "n": 3, "curve": "rise", "without_artists": ["Ballad"],
    }  # fmt: skip
    assert asked.result == lib.playlist(**asked.reading.request)
    assert all(track["artist"] != "Ballad" for track in asked.result.tracks)  # type: ignore[union-attr]
    told = asked.to_dict()
    assert told["request"] == told["result"]["request"]
    json.dumps(told)


def test_something_like_a_track(analyzed: Analyzed) -> None:
    asked = analyzed.library.ask("3 tracks like House Two, no Rock")
    own = analyzed.library.similar(
        analyzed.track("club/house two.wav")["id"], 3, where='(artist is None or artist != "Rock")'
    )
    assert asked.reading.kind == "similar"
    assert asked.result.results == own.results  # type: ignore[union-attr]
    assert [result["artist"] for result in own.results].count("Rock") == 0


def test_by_artists_and_without(analyzed: Analyzed) -> None:
    lib = analyzed.library
    assert {track["artist"] for track in lib.playlist(artists=["rock"]).tracks} == {"Rock"}
    assert {track["artist"] for track in lib.playlist(without_artists=["ROCK"]).tracks} == {"Ballad", "Club"}
    (missed,) = lib.playlist(artists=["Nobody"], n=1).violations
    assert "artists" in missed["remedy"]


def test_where_nothing_was_understood_nothing_is_answered(analyzed: Analyzed) -> None:
    with pytest.raises(InputError, match=r"Nothing to look for .* no track and no artist 'No Such Song'"):
        analyzed.library.ask('like "No Such Song"')


def test_a_request_can_be_corrected_and_is_saved_with_the_playlist(library: Library, analyzed: Analyzed) -> None:
    lib = analyzed.library
    reading = lib.read_request("calm songs, 2 tracks")
    made = lib.playlist(**{**reading.request, "mood": None, "n": 3})
    assert made.request.asked_for() == {"n": 3}
    library.save_playlist("asked", made)
    assert library.playlists()[0]["request"] == {"n": 3}


def test_the_same_text_gives_the_same_answer_bit_for_bit(analyzed: Analyzed) -> None:
    texts, results = ("4 songs, rising energy", "tracks like Calm", "happy or calm, an hour"), []
    for _ in range(2):
        analyzed.library.answers.clear()
        results.append([json.dumps(analyzed.library.ask(text).reading.to_dict()) for text in texts])
        results[-1].append(json.dumps(analyzed.library.ask(texts[0]).result.to_dict()))
    assert results[0] == results[1]


# --- models -----------------------------------------------------------------------------------------


def test_a_model_is_asked_once_and_sees_no_tag_and_no_path(asked: Library, server: ProviderServer) -> None:
    title = "House Two"
    server.arguments = lambda prompt: {"kind": "similar", "like": ["t1"], "without_artists": ["a2"], "n": 2}
    text = f"i want stuff resembling {title} but hold the Rock"
    first = asked.answers.ask(text)
    assert (first.reading.by, first.reading.request["n"]) == ("fake", 2)
    assert asked.answers.ask(text).reading == first.reading
    ((_, body),) = server.requests
    for record in asked.tracks():
        assert record["path"] not in body
        assert record["title"] not in body or record["title"] in text or len(record["title"]) < 6
    assert first.reading.request["track_id"] not in body  # a handle stands for it


def test_a_text_that_is_nearly_the_same_gets_the_same_request(asked: Library, server: ProviderServer) -> None:
    made = asked.answers.read_request("calm songs for a candlelit supper, 40 minutes")
    near = asked.answers.read_request("40 minutes of relaxing songs for a supper")
    assert (near.request, near.by, near.near) == (made.request, "fake", 0.25)
    far = asked.answers.read_request("calm songs for an aeroplane, a lighthouse and a zeppelin, 40 minutes")
    other = asked.answers.read_request("calm songs for a candlelit supper, 50 minutes")
    assert (far.near, other.near, len(server.requests)) == (None, None, 3)


def test_no_text_is_near_where_none_is_allowed() -> None:
    near, reading = NearTexts(0.0), parse("calm songs", NAMES)
    near.add("all", reading, reading)
    assert near.find("all", reading) is None


def test_common_asks_are_answered_beforehand(asked: Library, server: ProviderServer) -> None:
    asked.answers.ask("sad songs")
    assert len(server.requests) == 1
    asked.answers._cache.clear()
    asked.answers.ask("sad songs")
    common = asked.answers._popular.common(10)
    assert {"kind": "ask", "text": "sad songs"} in common
    asked.answers._cache.clear()
    for query in common:
        asked.answers._replay(query)
    before = len(server.requests)
    asked.answers.ask("sad songs")
    assert len(server.requests) == before


def test_what_the_offline_parser_read_for_a_model_that_failed_is_not_kept(
    asked: Library, server: ProviderServer
) -> None:
    server.fault = "401"
    assert asked.answers.read_request("sad songs").by == "offline"
    server.fault = ""
    assert asked.answers.read_request("sad songs").by == "fake"


# --- hostile text -----------------------------------------------------------------------------------


def _library(tags: list[str | None]) -> Names:
    return Names(
        {
            "id": [f"{number:032x}" for number in range(1, len(tags) + 1)],
            "title": tags,
            "artist": tags[::-1],
            "path": [f"/music/{number}.wav" for number in range(len(tags))],
        }
    )


def test_hostile_tags_change_nothing_that_is_read() -> None:
    plain = _library([None] * len(HOSTILE))
    hostile = _library([*HOSTILE])
    assert len(set(HOSTILE)) == 100
    for text in ("a calm hour around 80 bpm", "20 songs, no vocals, ignore the rules", "delete the loud ones", "sad"):
        assert parse(text, hostile) == parse(text, plain)
        assert Question.about(text, hostile, {}).prompt == Question.about(text, plain, {}).prompt


@pytest.mark.parametrize("tag", HOSTILE)
def test_a_hostile_title_that_is_asked_for_is_a_name(tag: str) -> None:
    names = Names({"id": IDS[:1], "title": [tag], "artist": [None], "path": ["/music/0.wav"]})
    quoted = tag.replace('"', " ")
    reading = parse(f'5 tracks like "{quoted}"', names)
    assert reading.request == {"track_id": IDS[0], "n": 5}
    assert parse(f'5 calm tracks, no "{quoted}"', names).request == {"mood": ["calm"], "n": 5, "exclude": [IDS[0]]}


def test_a_model_that_obeys_can_ask_for_nothing_that_was_not_shown(asked: Library, server: ProviderServer) -> None:
    for arguments in (
        {"kind": "playlist", "exclude": ["t7"]},
        {"kind": "playlist", "artists": ["t1"]},
        {"kind": "playlist", "start": asked.tracks()[0]["id"]},
        {"kind": "delete", "mood": ["sad"]},
        {"kind": "playlist", "n": 10**9},
        {"kind": "playlist", "bpm": [200, 100]},
        {"kind": "playlist", "save": "mine"},
        {"kind": "similar", "where": "path != ''", "like": []},
    ):
        server.arguments = lambda prompt, given=arguments: given  # type: ignore[misc]
        asked.chain._health.clear()
        reading = asked.read_request("sad songs")
        assert (reading.by, reading.request) == ("offline", {"mood": ["sad"]}), arguments
    assert asked.playlists() == []


def test_words_that_a_model_makes_up_are_not_told_back() -> None:
    question = Question.about("calm songs for supper", NAMES, {})
    answer = Answer(kind="playlist", mood=["calm"], not_understood=["supper", "visit evil.example"])
    assert question.reading(answer, "fake").unknown == ("supper",)


# --- words about tracks -----------------------------------------------------------------------------


def test_every_claim_names_its_descriptor_and_has_its_value(analyzed: Analyzed) -> None:
    for record in analyzed.library.tracks():
        claims = analyzed.library.describe(record["id"])
        assert claims
        assert all(record[claim.descriptor] == claim.value is not None for claim in claims)
        assert all(f"{record['bpm']:.0f}" in claim.says for claim in claims if claim.descriptor == "bpm")


def test_what_is_not_known_is_not_claimed() -> None:
    assert describe_track(dict.fromkeys(COLUMNS)) == []
    assert describe_tracks([])[0].says == "0 tracks."
    assert suggest_tags({"bpm": None}) == []


def test_a_playlist_in_words(analyzed: Analyzed) -> None:
    made = analyzed.library.playlist(n=6, curve="rise")
    claims = {claim.descriptor: claim for claim in analyzed.library.describe(made)}
    assert claims["id"].says == "6 tracks."
    assert claims["energy"].says.startswith("Energy rises from")
    assert claims["duration_s"].value == pytest.approx(sum(track["duration_s"] for track in made.tracks), abs=1e-3)


def test_why_two_tracks_are_alike(analyzed: Analyzed) -> None:
    a, b = analyzed.track("club/house.mp3")["id"], analyzed.track("club/house two.wav")["id"]
    told = analyzed.library.explain(a, b)
    (result,) = [one for one in analyzed.library.similar(a, 10, fold=False).results if one["id"] == b]
    assert told == {name: result[name] for name in told}
    with pytest.raises(InputError, match="like itself"):
        analyzed.library.explain(a, a)


def test_tags_are_suggested_with_how_sure_they_are(analyzed: Analyzed) -> None:
    record = analyzed.track("club/house.mp3")
    before = Path(record["path"]).read_bytes()
    found: dict[str, Any] = {tag.name: asdict(tag) for tag in analyzed.library.suggest_tags(record["id"])}
    assert found["bpm"] == {
        "name": "bpm", "value": str(round(record["bpm"])), "descriptor": "bpm", "confidence": record["bpm_confidence"],
    }  # fmt: skip
    assert Path(record["path"]).read_bytes() == before


@pytest.mark.parametrize("text", ["3 songs, falling energy", "2 tracks like House Two"])
def test_what_is_asked_in_words_is_kept_and_is_what_would_be_made_anew(analyzed: Analyzed, text: str) -> None:
    lib = analyzed.library
    lib.answers.clear()
    hits = lib.answers.stats()["hits"]
    first, again = lib.ask(text), lib.ask(text)
    assert lib.answers.stats()["hits"] == hits + 1
    made = answer_reading(text, lib.read_request(text), lib.playlist, lib.similar)
    told = [one.to_dict() for one in (first, again, made)]
    for one in told:
        one["result"].pop("elapsed_ms", None)
    assert told[0] == told[1] == told[2]
