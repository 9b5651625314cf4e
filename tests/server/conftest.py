"""Fixtures for the tests of the server."""

from tests.jobs.collection import analyzed, cluster, library, music
from tests.server.serving import served

__all__ = ["analyzed", "cluster", "library", "music", "served"]
