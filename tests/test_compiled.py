"""Code that was kept is loaded early where numba allows it, and by numba's own cache where not."""

from __future__ import annotations

import numpy as np
import pytest

from workbench import compiled as module
from workbench.similarity.codes import leading_distances


def distances() -> list[float]:
    """Call a kernel of ours."""
    out = np.empty((1, 3), dtype=np.float32)
    codes = np.arange(6, dtype=np.int8).reshape(3, 2)
    ones = np.ones((1, 2), dtype=np.float32)
    leading_distances(codes, ones[0], ones, out)
    return out[0].tolist()


def test_the_numba_that_is_installed_can_load_early() -> None:
    """If a new release of numba fails here, starts are half a second slower and nothing else is wrong."""
    assert module._can_load_early(leading_distances.dispatcher)  # type: ignore[attr-defined]
    assert type(leading_distances.dispatcher._cache).__name__ == "KeptCode"  # type: ignore[attr-defined]


def test_one_that_cannot_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = distances()
    monkeypatch.setattr(module, "_can_load_early", lambda dispatcher: False)
    dispatcher = module._dispatcher(leading_distances._function, leading_distances._options)  # type: ignore[attr-defined]
    monkeypatch.setattr(leading_distances, "dispatcher", dispatcher)
    assert type(dispatcher._cache).__name__ == "FunctionCache"
    assert distances() == expected == [1.0, 5.0, 25.0]
