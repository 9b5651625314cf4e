"""Who may come in: names of hosts, origins of web pages, how often, and which folders of the server."""

from __future__ import annotations

import ipaddress
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from workbench.audio.files import is_below
from workbench.server.problem import Problem

_MOST_CLIENTS = 10_000


def host_is_known(host: str, names: Iterable[str]) -> bool:
    """Tell whether a ``Host`` header names this server: DNS rebinding sends a name of the attacker's.

    An address cannot be rebound; a name must be ``localhost`` or one of `names`.

    >>> host_is_known("127.0.0.1:8765", ()), host_is_known("[::1]", ()), host_is_known("evil.example", ())
    (True, True, False)
    """
    name = _hostname(f"//{host}")
    if name is None:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name in names
    return True


def origin_is_known(origin: str, host: str, origins: Iterable[str]) -> bool:
    """Tell whether a page of this origin may use the server: its own pages, and those of `origins`.

    >>> origin_is_known("http://a.example:80", "a.example:80", ()), origin_is_known("null", "a.example", ())
    (True, False)
    """
    scheme, _, netloc = origin.lower().partition("://")
    return scheme in ("http", "https") and (netloc == host.lower() or origin.lower() in origins)


def _hostname(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        if parts.port == 0 or parts.username is not None or parts.path or parts.query or parts.fragment:
            return None
        return parts.hostname
    except ValueError:
        return None


class RateLimit:
    """Lets each client do something so often: a bucket that fills at a rate and holds a burst.

    Parameters
    ----------
    per_s : float
        How often, over a long time.
    burst : float
        How often at once.
    clock : callable
        Seconds, monotonic.

    Examples
    --------
    >>> limit = RateLimit(1.0, burst=2, clock=lambda: 0.0)
    >>> [limit.wait_s("a"), limit.wait_s("a"), limit.wait_s("a"), limit.wait_s("b")]
    [0.0, 0.0, 1.0, 0.0]
    """

    def __init__(self, per_s: float, *, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str, *, take: float = 1.0) -> float:
        """Take from a client's bucket; 0 if there was enough, else the seconds until there is, and nothing is taken."""
        now = self._clock()
        level, since = self._buckets.pop(client, (self._burst, now))
        level = min(self._burst, level + (now - since) * self._per_s)
        wait = 0.0 if level >= take else (take - level) / self._per_s
        self._buckets[client] = (level if wait else level - take, now)
        while len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return wait

    def give_back(self, client: str) -> None:
        """Take back what was taken last, for what turned out not to count."""
        self.wait_s(client, take=-1.0)

    def check(self, client: str, *, take: float = 1.0) -> None:
        """Refuse a client that comes too often: `Problem` 429."""
        wait = self.wait_s(client, take=take)
        if wait:
            raise Problem(429, f"Too many requests. Wait {wait:.1f} s.", headers={"Retry-After": str(int(wait) + 1)})


def allowed_paths(paths: Iterable[str], roots: Iterable[Path]) -> tuple[list[str], list[str]]:
    """Give the real paths of files and folders, all of which must lie below allowed ones, and those of the allowed.

    Links are followed first, so that none leads out. Those within a folder are looked at when the job comes across
    them, and when it opens what they lead to (`workbench.audio.files.leads_out`). What is not there and what is not
    allowed are refused in the same words: nobody learns what else there is on the server.

    Raises
    ------
    Problem
        403.
    """
    real_roots = [os.path.realpath(root.expanduser()) for root in roots]
    found = []
    for number, path in enumerate(paths):
        real = _real(path)
        if real is None or not any(is_below(real, root) for root in real_roots):
            field = {"field": f"paths.{number}", "message": "not below an allowed folder, or not there"}
            detail = "Only files and folders below the allowed roots can be analyzed. Upload the audio, or ask whoever "
            raise Problem(403, detail + "runs the server to allow its folder.", code="path-not-allowed", errors=[field])
        found.append(real)
    return found, real_roots


def _real(path: str) -> str | None:
    if not os.path.isabs(path) or "\0" in path:
        return None
    try:
        return os.path.realpath(path, strict=True)
    except (OSError, ValueError):
        return None
