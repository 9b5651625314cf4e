"""The offline parser: how much it gets, that it invents nothing, and that it is quick and the same each time."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.assist.phrased import BLIND, FRESH, IDS, NAMES, SEEN, SETS, Phrased, fields_of, load, score, summary
from workbench.assist import patterns, words
from workbench.assist.names import Names
from workbench.assist.parser import MOST_LETTERS, parse
from workbench.features.mood import MOODS

ALL = [request for path in SETS for request in load(path)]

#: Whatever people might write: words of the grammar, names, numbers, signs.
_PIECES = st.one_of(
    st.sampled_from(sorted(patterns.vocabulary() | words.FILLERS)),
    st.sampled_from(["Blue Train", '"Rain"', "Vela", "Miro", "The Lanterns", "like", "no", "from", "to", "start with"]),
    st.integers(0, 9999).map(str),
    st.sampled_from(["bpm", "%", "-", "A minor", "8A", "F#m", ",", "1h30", "'", '"', "=", "0.5", "energy"]),
    st.text(max_size=6),
)


def test_nine_tenths_of_the_fields_are_right_and_none_is_invented() -> None:
    for path, requests in ((SEEN, 199), (FRESH, 101), (BLIND, 950)):
        found = summary([score(request) for request in load(path)])
        assert found["requests"] == requests
        assert found["share"] >= 0.95, path.name
        assert found["invented"] == 0, path.name
        assert found["told"] == found["unknown"], path.name


def test_the_figure_can_fail() -> None:
    """A parser that says of all requests what it says of one does not reach it."""
    wrong = Phrased("calm, 60 minutes", {"mood": frozenset({"sad"}), "minutes": 60.0}, ("nothing",))
    found = score(wrong)
    assert (found.wrong, found.invented, found.untold) == (("mood",), (), ("nothing",))
    assert score(Phrased("calm, 60 minutes", {}, ())).invented == ("mood", "minutes")


def test_every_request_is_one_that_its_model_takes() -> None:
    for request in ALL:
        parse(request.text, NAMES).model()


def test_it_is_the_same_in_every_process() -> None:
    code = (
        "import json; from tests.assist.phrased import *\n"
        "print(json.dumps([parse(r.text, NAMES).to_dict() for path in SETS for r in load(path)]))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, **_ENV},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
    assert json.loads(said.pop()) == json.loads(json.dumps([parse(r.text, NAMES).to_dict() for r in ALL]))


def test_no_request_takes_20_milliseconds() -> None:
    parse("once, so that the patterns are there", NAMES)
    spent = []
    for request in ALL:
        began = time.process_time()
        parse(request.text, NAMES)
        spent.append(time.process_time() - began)
    assert max(spent) < 0.02


def test_a_large_library_makes_it_no_slower() -> None:
    n = 20_000
    names = Names(
        {
            "id": [f"{i:032x}" for i in range(n)],
            "title": [f"Title {i} of many words" for i in range(n)],
            "artist": [f"Artist {i % 3000}" for i in range(n)],
            "path": [f"/music/{i}.flac" for i in range(n)],
        }
    )
    parse("like Title 7 of many words", names)
    began = time.process_time()
    reading = parse("an hour like Title 19999 of many words, no Artist 2999, somthing calm qwertz", names)
    assert time.process_time() - began < 0.02
    assert reading.request["like"] == [f"{n - 1:032x}"]
    assert reading.request["without_artists"] == ["Artist 2999"]


def test_the_longest_text_is_quick() -> None:
    for word in ("calm ", "like ", "not ", "1 ", "from ", "start ", "x", "relaxng ", '"', "no artist "):
        began = time.process_time()
        parse((word * MOST_LETTERS)[: 2 * MOST_LETTERS], NAMES)
        assert time.process_time() - began < 0.5, word


@given(st.lists(_PIECES, max_size=15).map(" ".join))
def test_any_text_becomes_a_request_or_nothing(text: str) -> None:
    reading = parse(text, NAMES)
    reading.model()
    assert reading == parse(text, NAMES)


@pytest.mark.parametrize("word", ["saxophone", "qwertz", "Ringelreihen", "12345678901234567890", "\u202eabc", "日本語"])
def test_a_word_that_nobody_knows_is_told_back(word: str) -> None:
    reading = parse(f"calm {word} songs", NAMES)
    assert reading.request == {"mood": ["calm"]}
    assert any(word.strip("\u202e") in piece for piece in reading.unknown)


def test_what_is_too_long_is_told_back() -> None:
    reading = parse("calm songs " * 100 + "fast", NAMES)
    assert "bpm" not in reading.request
    assert reading.unknown[-1].endswith("fast")


def test_a_reading_tells_which_words_made_which_field() -> None:
    read = parse("a relaxing hour around 80 bpm, no Vela", NAMES).read
    assert read == {
        "minutes": ["a hour"],
        "bpm": ["around 80 bpm"],
        "mood": ["relaxing"],
        "without_artists": ["no", "Vela"],
    }


def test_contradictions_are_told() -> None:
    for text in (
        "fast, under 80 bpm",
        "30 minutes, 45 minutes",
        "rising, falling",
        "20 tracks, an hour",
        "calm, no calm",
    ):
        assert parse(text, NAMES).notes, text


def test_a_misspelling_is_told_and_a_real_word_is_none() -> None:
    assert parse("relaxng", NAMES).notes == ("'relaxng' was read as 'relaxing'.",)
    for word in sorted(words.NOT_MEASURED):
        reading = parse(word, NAMES)
        assert not reading.notes, (word, reading)


def test_a_name_is_found_as_it_is_written_and_never_within_words() -> None:
    names = Names(
        {
            "id": IDS[:3],
            "title": ["Über den Wolken", "calm", "A"],
            "artist": ["Björk's Band", "Not Slow", None],
            "path": ["/x/1.wav"] * 3,
        }
    )
    assert parse("like uber den wolken", names).request["track_id"] == IDS[0]
    assert parse("no Bjork’s band, calm", names).request == {"mood": ["calm"], "without_artists": ["Björk's Band"]}
    assert parse("not slow, calm songs", names).request == {"mood": ["calm"], "bpm": [90.0, 220.0]}
    assert parse(f"like {IDS[2][:31]}3", names).kind == "similar"


def test_the_words_are_those_of_the_moods_and_each_has_one_meaning() -> None:
    assert words.MOOD_WORDS.keys() == MOODS.keys()
    for table in (words.MOOD_WORDS, words.ENERGY_WORDS, words.TEMPO_WORDS):
        said = [word for row in table.values() for word in row.split("|")]
        assert len(said) == len(set(said))
        for meaning, row in table.items():
            for word in row.split("|"):
                fields = fields_of(parse(f"{word} music", NAMES))
                assert meaning in (fields.get("bpm"), fields.get("energy"), *fields.get("mood", ())), word


def test_what_people_do_not_mean_is_not_made_up() -> None:
    """Words that are near to some of the grammar, and mean something else."""
    for word in (
        "house",
        "string",
        "child",
        "country",
        "mental",
        "falls",
        "metal",
        "soul",
        "concert",
        "standard",
        "blues",
    ):
        assert parse(f"{word} music", NAMES).request == {} or word == "falls", word


_ENV = {name: value for name, value in __import__("os").environ.items() if name != "PYTHONHASHSEED"}
