"""Fixtures for the tests of what is asked in words."""

from tests.jobs.collection import analyzed, cluster, library, music

__all__ = ["analyzed", "cluster", "library", "music"]
