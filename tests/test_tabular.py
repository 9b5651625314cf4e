"""Exports can be opened: no cell is a formula, every text is UTF-8, JSON is strict."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.tabular import escape_surrogates, neutralise_cell, to_csv, to_json

ANY_TEXT = st.text(st.characters(codec=None, exclude_characters=""), max_size=30)


@pytest.mark.parametrize(
    "formula",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\0=1", "＝1+1", "＠x", "\u00a0=1"],  # noqa: RUF001
)
def test_a_formula_becomes_text(formula: str) -> None:
    assert neutralise_cell(formula).startswith("'")


@pytest.mark.parametrize("value", ["plain", "", "a=b", "Motörhead", -9.5, 3, None, True])
def test_what_is_no_formula_stays(value: object) -> None:
    assert neutralise_cell(value) == value


def test_an_empty_text_of_nul_is_empty() -> None:
    assert neutralise_cell("\0") == ""


@given(ANY_TEXT)
def test_no_text_is_a_formula_nor_unencodable_in_csv(text: str) -> None:
    out = to_csv([{"title": text, "n": 1}])
    out.encode("utf-8")
    header, cell = csv.reader(io.StringIO(out, newline=""))
    assert header == ["title", "n"]
    assert cell[0].lstrip()[:1] not in set("=+-@\t\r\n")


@given(ANY_TEXT)
def test_json_brings_any_text_back(text: str) -> None:
    out = to_json({"path": text})
    out.encode("utf-8")
    assert json.loads(out) == {"path": text}


def test_csv_takes_the_columns_asked_for_and_leaves_the_unknown_empty() -> None:
    rows = [{"a": 1, "b": None, "c": 5}, {"a": float("nan")}]
    assert to_csv(rows, ["b", "a"]) == "b,a\r\n,1\r\n,\r\n"


def test_csv_of_nothing_is_its_header() -> None:
    assert to_csv([]) == ""
    assert to_csv([], ["id"]) == "id\r\n"


def test_a_hostile_column_name_is_neutralised_too() -> None:
    assert to_csv([{"=x": 1}]).splitlines()[0] == "'=x"


def test_nested_values_are_one_json_cell() -> None:
    (_, cell) = csv.reader(io.StringIO(to_csv([{"tags": ["a", "b"]}]), newline=""))
    assert json.loads(cell[0]) == ["a", "b"]


def test_json_knows_numpy_and_turns_the_unknown_into_null() -> None:
    value = {"a": np.float32(0.5), "b": np.array([1, 2]), "c": float("inf"), "d": np.float64("nan"), 3: {1}}
    assert json.loads(to_json(value)) == {"a": 0.5, "b": [1, 2], "c": None, "d": None, "3": [1]}


def test_json_refuses_what_has_no_json_form() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        to_json({"a": object()})


def test_json_is_readable() -> None:
    assert "Sigur Rós" in to_json(["Sigur Rós"])


def test_a_byte_that_is_no_unicode_is_shown_as_its_escape() -> None:
    assert escape_surrogates("a\udcffb") == r"a\udcffb"
