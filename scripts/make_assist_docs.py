"""Write the tables of words in docs/assist.md from `workbench.assist.words`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from workbench.assist import words

PAGE = Path(__file__).parents[1] / "docs" / "assist.md"
_PLACE = re.compile(r"(?<=make_assist_docs.py -->\n).*(?=<!-- /words -->)", re.DOTALL)
#: What the words for an arc hold besides words.
_RULE = re.compile(r"[(?]")


def table(title: str, rows: Mapping[str, str]) -> str:
    """Give a table of meanings and their words."""
    lines = [f"| {title} | words |", "|---|---|"]
    for meaning, row in rows.items():
        said = [word for word in re.split(r"\|(?![^(]*\))", row) if not _RULE.search(word)]
        lines.append(f"| {meaning} | {', '.join(said)} |")
    return "\n".join(lines) + "\n"


def render() -> str:
    """Give the whole page."""
    tables = [
        table("mood", words.MOOD_WORDS),
        table("moods for a purpose", {", ".join(moods): row for moods, row in words.PURPOSE_WORDS.items()}),
        table("energy", {f"{low:g} to {high:g}": row for (low, high), row in words.ENERGY_WORDS.items()}),
        table("BPM", {f"{low:g} to {high:g}": row for (low, high), row in words.TEMPO_WORDS.items()}),
        table("how energy goes", words.CURVE_WORDS),
    ]
    text = (
        "\n".join(tables) + "\nAn arc is also a rise and a fall, as in `rise and fall`, and a peak in the middle.\n\n"
    )
    return _PLACE.sub(lambda _: "\n" + text, PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
