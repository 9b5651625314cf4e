"""What is asked of a server that went away is asked again when it is back.

`Catalog.read` and `Catalog.write` raise `LostError` where the connection was lost and nothing was done. A context
manager cannot run its body again: so every function that opens such a transaction is decorated with `lasting`, which
calls it again. It may do nothing outside the transaction that must not be done twice.
"""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from workbench.errors import CatalogUnreachableError

P = ParamSpec("P")
R = TypeVar("R")

#: Between attempts to reach a server that is away, seconds: first and longest.
_WAIT_S, _LONGEST_WAIT_S = 0.05, 1.0


class LostError(CatalogUnreachableError):
    """The connection was lost; what was to be done was certainly not done, and may be tried again for a while.

    Parameters
    ----------
    message, remedy : str
        As of every error.
    patience_s : float
        For how long, seconds.
    """

    def __init__(self, message: str, remedy: str, patience_s: float) -> None:
        super().__init__(message, remedy)
        self.patience_s = patience_s


def lasting(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function of one transaction again, with growing pauses, while the connection to the server is lost in it.

    Raises
    ------
    CatalogUnreachableError
        When the server does not come back in the time that the catalog was opened with.
    """

    @functools.wraps(function)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        give_up: float | None = None
        wait = _WAIT_S
        while True:
            try:
                return function(*args, **kwargs)
            except LostError as lost:
                give_up = give_up or time.monotonic() + lost.patience_s
                if time.monotonic() + wait > give_up:
                    raise CatalogUnreachableError(lost.message, lost.remedy) from lost
            time.sleep(wait * random.uniform(0.5, 1.0))  # not all clients at the same moment
            wait = min(2 * wait, _LONGEST_WAIT_S)

    return again
