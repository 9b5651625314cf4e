"""Which of several media types a caller likes best (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.server.problem import Problem


def best_of(accept: str, offered: Sequence[str]) -> str:
    """Choose among media types.

    Parameters
    ----------
    accept : str
        The header.
    offered : sequence of str
        In order of preference.

    Raises
    ------
    Problem
        406, when none of them is wanted.

    Examples
    --------
    >>> best_of("text/*;q=0.5, application/json;q=0.1", ["application/json", "text/csv"])
    'text/csv'
    >>> best_of("*/*", ["application/json", "text/csv"])
    'application/json'
    """
    wanted = [_weighted(part) for part in accept.split(",") if part.strip()]
    best = max(offered, key=lambda media: _weight(media, wanted))
    if not _weight(best, wanted):
        raise Problem(406, f"Offered are {', '.join(offered)}.")
    return best


def _weighted(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weight = next((parameter[2:] for parameter in parameters if parameter.startswith("q=")), "1")
    try:
        return media, min(max(float(weight), 0.0), 1.0)
    except ValueError:
        return media, 0.0


def _weight(media: str, wanted: Sequence[tuple[str, float]]) -> float:
    """Take the weight of the most precise word that fits."""
    for word in (media, f"{media.partition('/')[0]}/*", "*/*"):
        found = [weight for name, weight in wanted if name == word]
        if found:
            return max(found)
    return 0.0
