"""Fixtures for the tests of the client."""

from tests.jobs.collection import analyzed, cluster, music
from tests.server.serving import served

__all__ = ["analyzed", "cluster", "music", "served"]
