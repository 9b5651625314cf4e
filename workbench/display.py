"""How records are shown in notebooks: tables in HTML, in which whatever a file says is text and nothing else.

Titles and file names are written by strangers. Markup is escaped; what reads from right to left is held in its cell;
and what a notebook would take for a formula of TeX is kept apart letter by letter.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.tabular import escape_surrogates

#: Most rows that are shown; of more, their number is told.
MOST_ROWS = 25
_LONGEST = 200

_NO_TEXT = re.compile("[\0-\x08\x0b-\x1f\x7f]")
_TEX = re.compile(r"[$\\]")
_TABLE = "border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 4px 0"
_CELL = (
    "padding: 2px 8px; text-align: {}; max-width: 28em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap"
)


class Records(list[dict[str, Any]]):
    """Plain records, a list of dicts, that a notebook shows as a table.

    Parameters
    ----------
    rows : iterable of dict
    columns : sequence of str
        What the table shows of them.
    title : str
        What they are, such as ``tracks``.

    Examples
    --------
    >>> Records([{"id": 1, "bpm": 98.26}], ["bpm"], "tracks")
    [{'id': 1, 'bpm': 98.26}]
    >>> "98.26" in Records([{"id": 1, "bpm": 98.26}], ["bpm"], "tracks")._repr_html_()
    True
    """

    def __init__(self, rows: Iterable[dict[str, Any]] = (), columns: Sequence[str] = (), title: str = "rows") -> None:
        super().__init__(rows)
        self._columns, self._title = tuple(columns), title

    def __reduce__(self) -> tuple[Any, ...]:
        return Records, (list(self), self._columns, self._title)

    def _repr_html_(self) -> str:
        return table(self, self._columns, f"{len(self):,} {self._title}")


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str, *notes: str) -> str:
    """Show records as a table of HTML.

    Parameters
    ----------
    rows : sequence of mappings
    columns : sequence of str
        Keys of the records; one that a record lacks is shown as not known.
    title : str
        What is seen.
    *notes : str
        Sentences below the table.

    Examples
    --------
    >>> "<b>" in table([{"title": "<b>$x$</b>"}], ["title"], "1 track")
    False
    """
    head = "".join(f'<th scope="col" style="{_CELL.format("left")}">{text(name)}</th>' for name in columns)
    body = "".join(f"<tr>{''.join(_cell(name, row.get(name)) for name in columns)}</tr>" for row in rows[:MOST_ROWS])
    rest = [f"… and {len(rows) - MOST_ROWS:,} more."] if len(rows) > MOST_ROWS else []
    below = "".join(f"<p>{text(note)}</p>" for note in (*rest, *notes))
    whole = f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>' if rows else ""
    return f'<div class="tex2jax_ignore mathjax_ignore"><p><strong>{text(title)}</strong></p>{whole}{below}</div>'


def text(value: Any) -> str:
    """Give a value as HTML that shows it and does nothing."""
    said = value if isinstance(value, str) else _plain(value)
    said = escape_surrogates(_NO_TEXT.sub("�", said))
    if len(said) > _LONGEST:
        said = f"{said[:_LONGEST]}…"
    return _TEX.sub(lambda letter: f"<span>{letter[0]}</span>", html.escape(said))


def _cell(name: str, value: Any) -> str:
    if name == "duration_s" and isinstance(value, int | float):
        value = minutes(value)
        return f'<td style="{_CELL.format("right")}">{value}</td>'
    side = "right" if isinstance(value, int | float) and not isinstance(value, bool) else "left"
    return f'<td style="{_CELL.format(side)}"><bdi>{text(value)}</bdi></td>'


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value)
    return str(value)


def minutes(seconds: float) -> str:
    """Write a duration as people do.

    >>> minutes(61), minutes(3725)
    ('1:01', '1:02:05')
    """
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
