"""Rows of plain records to CSV and JSON text that is safe to open.

Tags and file names are written by strangers. A spreadsheet runs a cell that starts like a formula
(CWE-1236; OWASP, "CSV Injection"), and a file name may hold bytes that are no valid Unicode: both
are taken care of here, once, for every export.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: First characters that make a spreadsheet run a cell; the last four are the full-width forms.
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - the look-alikes are what is meant
_SURROGATE = re.compile("[\ud800-\udfff]")


def neutralise_cell(value: Any) -> Any:
    """Make a value harmless as a spreadsheet cell.

    Text that a spreadsheet would run as a formula gets a leading apostrophe, which means "this is
    text". Numbers stay as they are: -9.5 is a level, not a formula.

    Parameters
    ----------
    value : object
        What goes into one cell.

    Returns
    -------
    object
        The same value unless it is text; text without NUL, in valid Unicode (see
        `escape_surrogates`), and never a formula.

    Examples
    --------
    >>> neutralise_cell("=1+1")
    "'=1+1"
    >>> neutralise_cell(-9.5)
    -9.5
    """
    if not isinstance(value, str):
        return value
    text = escape_surrogates(value.replace("\0", ""))
    # LibreOffice drops leading blanks before it looks for a formula
    hostile = text[:1] in _FORMULA or text.lstrip()[:1] in _FORMULA
    return f"'{text}" if hostile else text


def escape_surrogates(text: str) -> str:
    """Write lone surrogates as JSON escapes, so that the text can be encoded as UTF-8."""
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def to_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Write rows as CSV (RFC 4180) with every cell neutralised.

    Parameters
    ----------
    rows : iterable of mappings
        None, NaN and a missing key make an empty cell.
    columns : sequence of str, optional
        Which columns, in this order; by default those of the first row.

    Returns
    -------
    str
        A header and one record per row, lines ended by CR LF.

    Examples
    --------
    >>> to_csv([{"title": "@home", "bpm": 120.0}, {"title": None, "bpm": None}]).splitlines()
    ['title,bpm', "'@home,120.0", ',']
    """
    records = list(rows)
    names = list(columns if columns is not None else (records[0] if records else ()))
    text = io.StringIO()
    writer = csv.writer(text)
    if names:
        writer.writerow([neutralise_cell(name) for name in names])
    writer.writerows([_cell(record.get(name)) for name in names] for record in records)
    return text.getvalue()


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """Write a value as strict JSON in readable Unicode.

    Parameters
    ----------
    value : object
        Mappings, sequences, text, numbers (numpy's too), None. NaN and infinity become null, which
        is JSON's word for "not known".
    indent : int, optional
        Blanks per level; None writes one line.

    Returns
    -------
    str
        Always encodable as UTF-8: a byte of a file name that is no Unicode becomes an escape that
        `json.loads` turns back.

    Examples
    --------
    >>> to_json({"title": "Été", "bpm": float("nan")}, indent=None)
    '{"title": "Été", "bpm": null}'
    """
    return escape_surrogates(json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=indent))


def _cell(value: Any) -> Any:
    plain = _plain(value)
    return neutralise_cell(to_json(plain, indent=None) if isinstance(plain, dict | list) else plain)


def _plain(value: Any) -> Any:
    """Reduce to what JSON knows: numpy scalars and arrays to Python's, NaN and infinity to None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, Iterable):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no JSON form")
