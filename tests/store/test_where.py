"""The language of --where: what it finds, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.conftest import Store
from workbench.errors import InputError
from workbench.store.catalog.queries import tracks
from workbench.store.catalog.where import COLUMNS, compile_where

ON_BOTH_DATABASES = True


@pytest.fixture
def three(store: Store) -> Store:
    store.add(1, 2, 3)  # bpm 61, 62, 63
    return store


@pytest.mark.parametrize(
    ("text", "bpms"),
    [
        ("bpm > 61", [62, 63]),
        ("62 > bpm", [61]),
        ("61 <= bpm < 63", [61, 62]),
        ("bpm == 61 or bpm == 63", [61, 63]),
        ("not bpm == 61", [62, 63]),
        ("bpm in (61, 63)", [61, 63]),
        ("bpm not in [61, 63]", [62]),
        ('title like "%le 2"', [62]),
        ('title LIKE "TITLE _"', [61, 62, 63]),
        ('title == "a like b"', []),
        ("album is None", [61, 62, 63]),
        ("album == None and bpm != 61", [62, 63]),
        ("artist is not None", [61, 62, 63]),
        ("loudness_lufs >= -14 and loudness_lufs < -13.9", [61, 62, 63]),
        ('album != "x"', []),  # a value that is not known fits no comparison
        ("bpm < duration_s", []),
        ('path == "/music/2.wav"', [62]),
        ('path in ("/music/2.wav", "/music/3.wav")', [62, 63]),
        ('path like "/MUSIC/_.wav"', [61, 62, 63]),
        ('title like "title\\\\%"', []),  # a backslash is one
        ('title like "%\\x1b%"', []),
        ("sample_rate < 44100.5", [61, 62, 63]),
        ("sample_rate > 44099.5 and channels != 1.5", [61, 62, 63]),
        ("sample_rate in (44100, 1e300)", [61, 62, 63]),
        ("bpm < 9223372036854775807", [61, 62, 63]),
        ("(bpm > 61 and mood == 'calm') or key == 'C major'", [62, 63]),
    ],
)
def test_finds(three: Store, text: str, bpms: list[float]) -> None:
    assert [track["bpm"] for track in tracks(three.catalog, where=text)] == bpms


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tempo > 3", "no column 'tempo'"),
        ("bpm > 'fast'", "Give a number"),
        ("title == 3", "a text in quotes"),
        ("bpm like '1%'", "is a number"),
        ("1 < 2", "needs a column"),
        ("bpm", "not a comparison"),
        ("bpm > abs(3)", "neither a column nor a constant"),
        ("__import__('os').system('true')", "not a comparison"),
        ("bpm > 1; 2", "cannot be read"),
        ("bpm is 3", "goes with None"),
        ("3 in bpm", "needs a column before it"),
        ("bpm in 3", "a list in brackets"),
        ("bpm > True", "neither a column nor a constant"),
        ("title like bpm", "a text after it"),
        ("", "cannot be read"),
        ("(" * 300 + "bpm" + ")" * 300 + " > 1", "cannot be read"),
        ("bpm > 1 and " * 300 + "bpm > 1", "characters long"),
        ("bpm << 3", "not a comparison"),
        ("bpm < 9223372036854775808", "too large"),
        ("bpm < -" + "9" * 1000, "too large"),
        ('title == "a\\0b"', "cannot hold"),
        ('title in ("a", "\\ud800")', "cannot hold"),
        ('title like "%\\udc80"', "cannot hold"),
        ("bpm > 1\0", "cannot be read"),
    ],
)
def test_refuses(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        compile_where(text)
    assert said in str(caught.value)


def test_unknown_column_names_the_columns() -> None:
    with pytest.raises(InputError) as caught:
        compile_where("genus == 'x'")
    assert all(column in caught.value.remedy for column in COLUMNS)


@given(st.text(max_size=60))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        compile_where(text)
    except InputError:
        return


@given(value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20))
def test_values_are_bound_never_part_of_the_statement(value: str) -> None:
    condition = compile_where(f"title == {value!r}")
    assert str(condition) == "tracks.title = :title_1"
    assert condition.compile().params == {"title_1": value}
