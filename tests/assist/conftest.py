"""A library of names, without any audio."""

from __future__ import annotations

import pytest

from tests.assist.phrased import NAMES
from workbench.assist.names import Names


@pytest.fixture(scope="session")
def names() -> Names:
    """Eight tracks by four artists."""
    return NAMES
