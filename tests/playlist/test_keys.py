"""Keys are read as people write them, and related as the wheel says."""

from __future__ import annotations

import itertools

import pytest

from workbench.errors import InputError
from workbench.features.key import KEY_NAMES
from workbench.playlist.keys import Key, compatible_keys, fifths_between, parse_key, relation

KEYS = [Key(tonic, minor) for minor in (False, True) for tonic in range(12)]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_names_and_codes_come_back(key: Key) -> None:
    assert parse_key(key.name) == key
    assert parse_key(key.camelot) == key
    assert KEY_NAMES[key.index] == key.name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *(("Am", "A minor"), ("a min", "A minor"), ("8A", "A minor"), ("08a", "A minor"), (" A Minor ", "A minor")),
        *(("F#", "F# major"), ("Gb", "F# major"), ("F♯m", "F# minor"), ("c sharp minor", "C# minor")),
        *(("Bb major", "A# major"), ("B♭", "A# major"), ("B flat", "A# major"), ("bb", "A# major")),
        *(("b", "B major"), ("bm", "B minor"), ("B minor", "B minor"), ("CM", "C major"), ("Cb", "B major")),
        *(("12B", "E major"), ("1A", "G# minor"), ("E:maj", "E major"), ("Dmaj", "D major")),
    ],
)
def test_ways_to_write_a_key(text: str, name: str) -> None:
    assert parse_key(text).name == name


@pytest.mark.parametrize("text", ["", "H", "13A", "0B", "8C", "A dorian", "Am7", "minor", "A#b"])
def test_what_is_no_key_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InputError, match=r"is not a key\. Write it like 'A minor'"):
        parse_key(text)


def test_the_wheel_is_the_circle_of_fifths() -> None:
    for a, b in itertools.product(KEYS, KEYS):
        assert -5 <= fifths_between(a, b) <= 6
        if a.minor == b.minor:
            assert (a.tonic + 7 * fifths_between(a, b)) % 12 == b.tonic


def test_compatible_keys_share_six_notes_of_seven() -> None:
    def scale(key: Key) -> set[int]:
        steps = (0, 2, 3, 5, 7, 8, 10) if key.minor else (0, 2, 4, 5, 7, 9, 11)
        return {(key.tonic + step) % 12 for step in steps}

    for key in KEYS:
        near = compatible_keys(key)
        assert len(set(near)) == 4
        assert all(len(scale(key) & scale(other)) >= 6 for other in near)
        assert {other for other in KEYS if other.minor == key.minor and len(scale(key) & scale(other)) >= 6} <= set(
            near
        )


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        *(("8A", "8A", "same key"), ("8A", "9A", "up a fifth"), ("8B", "7B", "down a fifth")),
        *(("8B", "8A", "relative minor"), ("8A", "8B", "relative major")),
        *(("8A", "10A", "energy boost +2"), ("8A", "6A", "energy drop -2")),
        *(("8A", "3A", "energy boost +7"), ("8A", "1A", "energy drop -7")),
        *(("Am", "A", "parallel major"), ("C", "Cm", "parallel minor")),
        *(("8A", "9B", "diagonal, to major"), ("8B", "7A", "diagonal, to minor")),
        *(("8A", "11A", "distant key (3 fifths up)"), ("8A", "2A", "distant key (6 fifths up)")),
        *(("8A", "4A", "distant key (4 fifths down)"), ("8A", "6B", "distant key (2 fifths down, to major)")),
    ],
)
def test_relations_have_names(a: str, b: str, words: str) -> None:
    assert relation(parse_key(a), parse_key(b)) == words


def test_every_pair_has_a_name() -> None:
    assert all(relation(a, b) for a, b in itertools.product(KEYS, KEYS))
