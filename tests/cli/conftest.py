"""The collection and the cluster that all tests of the command line share."""

from __future__ import annotations

from tests.jobs.collection import analyzed, cluster, library, music

__all__ = ["analyzed", "cluster", "library", "music"]
