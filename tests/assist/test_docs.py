"""The page says what the code does."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

from tests.assist.phrased import NAMES
from workbench.assist.parser import parse
from workbench.config import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "assist.md").read_text(encoding="utf-8")


def test_the_tables_are_current() -> None:
    assert runpy.run_path(str(ROOT / "scripts" / "make_assist_docs.py"))["render"]() == PAGE, "run: make docs"


def test_the_settings_can_be_used() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    settings = Settings(**tomllib.loads(block))
    assert [one.kind for one in settings.assist] == ["ollama", "openai-compatible", "anthropic"]


def test_every_way_of_asking_in_the_table_is_understood() -> None:
    start, end = PAGE.index("| ask for |"), PAGE.index("It is a search for")
    named = {"NAME": "Miro", "A": "Rain", "B": "Calm", "C": '"Blue Train"'}
    asked = 0
    for row in PAGE[start:end].strip().splitlines()[2:]:
        for example in re.findall(r"`([^`]+)`", row.split("|")[2]):
            text = re.sub(r"\b(NAME|[ABC])\b(?! minor)", lambda name: named[name[0]], example)
            if text.startswith("and compatible"):
                text = f"in A minor {text}"
            reading = parse(text, NAMES)
            assert reading.request or text.startswith(("high energy", "unlike")), text
            assert reading.unknown == (), text
            asked += 1
    assert asked > 35
