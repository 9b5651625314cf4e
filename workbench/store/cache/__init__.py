"""Answers that were given before: kept beside the library's index or in Redis, nearly the same queries, warming up.

A cache can only make answers faster. Whatever becomes of it, an answer is made anew where it has none to give.
"""

from workbench.store.cache.opened import open_cache
from workbench.store.cache.results import Cache, Made

__all__ = ["Cache", "Made", "open_cache"]
