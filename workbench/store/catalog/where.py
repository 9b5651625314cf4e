"""``--where``: a small safe expression over track columns.

::

    bpm > 120 and key == "A minor"
    90 <= bpm <= 110 and not mood in ("sad", "tense")
    artist == "Nina" or title like "%rain%"        # like: % any text, _ any letter, case ignored
    bpm is None                                     # not known
    label.style == "dub" and confidence.style > 0.8 # a column learned from labels; label["my style"] for other names

The text is parsed by Python's own parser into a tree, of which only comparisons, ``and``, ``or``,
``not``, columns and constants are accepted. Nothing is evaluated: the tree becomes a SQL condition
with bound values. A comparison with a value that is not known is false, as in SQL.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from workbench.errors import InputError
from workbench.store.catalog.models import LabelColumn, PathText, Track

_LONGEST = 2_000
_LIKE = re.compile(r"\blike\b(?=(?:[^\"']|\"[^\"]*\"|'[^']*')*$)", re.IGNORECASE)

#: What no column holds, and databases refuse to look for.
_NO_TEXT = re.compile("[\\0\ud800-\udfff]")
_ESCAPE = "\x1b"
#: What both databases can compare with.
_LARGEST = 2**63 - 1

#: What an expression may name.
COLUMNS: tuple[str, ...] = tuple(
    column.name for column in Track.__table__.columns if column.name not in {"array_set", "flags", "number", "changed"}
)

#: What an expression may name of a column that was learned from labels, and what is meant by it.
_LEARNED = {"label": LabelColumn.__table__.c.value, "confidence": LabelColumn.__table__.c.confidence}

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], sa.ColumnElement[bool]]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.In: lambda a, b: a.in_(b),
    ast.NotIn: lambda a, b: a.not_in(b),
    ast.Is: lambda a, b: a.is_(b),
    ast.IsNot: lambda a, b: a.is_not(b),
}


def compile_where(text: str) -> sa.ColumnElement[bool]:
    """Turn an expression into a SQL condition on the ``tracks`` table.

    Parameters
    ----------
    text : str
        For example ``bpm > 120 and key == "A minor"``.

    Returns
    -------
    sqlalchemy.ColumnElement
        For ``select(...).where(...)``.

    Raises
    ------
    InputError
        When the text is not such an expression, or names a column that does not exist.

    Examples
    --------
    >>> str(compile_where('bpm > 120 and mood == "calm"'))
    'tracks.bpm > :bpm_1 AND tracks.mood = :mood_1'
    """
    if len(text) > _LONGEST:
        raise InputError(f"--where is {len(text)} characters long.", f"At most {_LONGEST} are allowed.")
    try:
        # "like" is no operator of Python's: the parser is given one that nobody writes here
        tree = ast.parse(_LIKE.sub("@", text.strip()), mode="eval")
        return _condition(tree.body)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise InputError(
            f"--where {text!r} cannot be read: {getattr(error, 'msg', error)}.",
            'Write for example: bpm > 120 and key == "A minor".',
        ) from error


def _condition(node: ast.expr) -> sa.ColumnElement[bool]:
    if isinstance(node, ast.BoolOp):
        join = sa.and_ if isinstance(node.op, ast.And) else sa.or_
        return join(*(_condition(value) for value in node.values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return sa.not_(_condition(node.operand))
    if isinstance(node, ast.Compare):
        operands = [node.left, *node.comparators]
        return sa.and_(*(_comparison(a, op, b) for a, op, b in zip(operands, node.ops, operands[1:], strict=False)))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return _like(node)
    raise ValueError(f"{ast.unparse(node)!r} is not a comparison")


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr) -> sa.ColumnElement[bool]:
    compare = _COMPARISONS.get(type(op))
    if compare is None:
        raise ValueError(f"{type(op).__name__} is not allowed")
    if not _names_column(left) and not _names_column(right):
        raise ValueError("a comparison needs a column on one side")
    if isinstance(op, ast.Eq | ast.NotEq) and _is_none(right):
        compare = _COMPARISONS[ast.Is if isinstance(op, ast.Eq) else ast.IsNot]
    a, b = _operand(left), _operand(right)
    if isinstance(op, ast.In | ast.NotIn) and not (_names_column(left) and isinstance(b, list)):
        raise ValueError('"in" needs a column before it and a list in brackets after it')
    if isinstance(op, ast.Is | ast.IsNot) and b is not None:
        raise ValueError('"is" goes with None')
    _check_types(left, right, a, b)
    a, b = _bound(a, b), _bound(b, a)
    if not _names_column(left) and isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
        a, b, compare = b, a, _COMPARISONS[_MIRRORED[type(op)]]  # keep the column on the left: 90 <= bpm
    return compare(a, b)


def _bound(value: Any, column: Any) -> Any:
    """Bind numbers as what they are on both databases: PostgreSQL would round 44100.5 to compare it with integers."""
    if isinstance(value, sa.ColumnElement) or value is None or not _is_number(column):
        return value
    return sa.bindparam(
        getattr(column, "name", "label"), value, type_=sa.Float(), unique=True, expanding=isinstance(value, list)
    )


_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}


def _like(node: ast.BinOp) -> sa.ColumnElement[bool]:
    pattern = _operand(node.right)
    if not _names_column(node.left) or not isinstance(pattern, str):
        raise ValueError('"like" needs a column before it and a text after it')
    column = _operand(node.left)
    if _is_number(column):
        raise ValueError(f"{ast.unparse(node.left)} is a number; like needs a text column")
    _check_text(node.left, pattern)
    # SQLite has no way to write a % that is one, PostgreSQL takes a backslash for it: on both a letter nobody writes
    return sa.type_coerce(column, sa.Text).ilike(pattern.replace(_ESCAPE, 2 * _ESCAPE), escape=_ESCAPE)


def _operand(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        if node.id not in COLUMNS:
            raise InputError(f"There is no column {node.id!r}.", f"Columns: {', '.join(COLUMNS)}.")
        return Track.__table__.c[node.id]
    if (learned := _learned(node)) is not None:
        return learned
    if isinstance(node, ast.List | ast.Tuple):
        return [_constant(element) for element in node.elts]
    return _constant(node)


def _names_column(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript)


def _learned(node: ast.expr) -> sa.ScalarSelect[Any] | None:
    """Read ``label.style`` or ``label["my style"]``: None if it is neither."""
    if not isinstance(node, ast.Attribute | ast.Subscript) or not isinstance(node.value, ast.Name):
        return None
    name = node.attr if isinstance(node, ast.Attribute) else _constant(node.slice)
    if node.value.id not in _LEARNED or not isinstance(name, str):
        return None
    _check_text(node, name)
    table = LabelColumn.__table__
    statement = sa.select(_LEARNED[node.value.id]).where(table.c.name == name, table.c.track_id == Track.__table__.c.id)
    return statement.correlate(Track.__table__).scalar_subquery()


def _constant(node: ast.expr) -> str | float | int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _constant(node.operand)
        if isinstance(value, int | float):
            return -value
    if isinstance(node, ast.Constant) and (node.value is None or type(node.value) in {str, int, float}):
        if isinstance(node.value, int) and node.value > _LARGEST:
            raise ValueError(f"{str(node.value)[:20]}… is too large a number")
        return node.value  # type: ignore[return-value]  # narrowed by the line above
    raise ValueError(f"{ast.unparse(node)!r} is neither a column nor a constant")


def _check_types(left: ast.expr, right: ast.expr, a: Any, b: Any) -> None:
    """Compare numbers with numbers and texts with texts: PostgreSQL would refuse what SQLite lets pass."""
    for node, column, other in ((left, a, b), (right, b, a)):
        if not _names_column(node) or isinstance(other, sa.ColumnElement):
            continue
        numeric = _is_number(column)
        for value in other if isinstance(other, list) else [other]:
            if value is not None and isinstance(value, str) == numeric:
                wanted = "a number" if numeric else "a text in quotes"
                raise InputError(f"{ast.unparse(node)} cannot be compared with {value!r}.", f"Give {wanted}.")
            if isinstance(value, str) and not isinstance(column.type, PathText):
                _check_text(node, value)


def _is_number(column: Any) -> bool:
    return isinstance(column.type, sa.Float | sa.Integer)


def _check_text(node: ast.expr, value: str) -> None:
    if _NO_TEXT.search(value):
        raise InputError(f"{ast.unparse(node)} cannot hold {value!r}.", "Leave out what is no letter.")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
