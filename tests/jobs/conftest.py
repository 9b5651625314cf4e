"""The collection and the cluster that all tests of jobs share, and a store with made-up tracks."""

from __future__ import annotations

from tests.jobs.collection import analyzed, cluster, library, music
from tests.store.conftest import database, store

__all__ = ["analyzed", "cluster", "database", "library", "music", "store"]
