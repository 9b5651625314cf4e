"""The analyzed collection, and a browser's side of a widget without a browser."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import comm
import numpy as np
import pytest
from comm.base_comm import BaseComm

from tests.jobs.collection import analyzed, cluster, library, music
from workbench.widgets import View

__all__ = ["analyzed", "cluster", "library", "music"]

Buffers = Sequence[Any]


class Page:
    """What a browser would get: asks widgets, and takes their answers apart as `common.js` does."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, Any], Buffers]] = []
        self._numbers = itertools.count()

    def ask(
        self, widget: View, name: str, /, *, buffers: Buffers = (), news: dict[str, Any] | None = None, **given: Any
    ) -> Any:
        """Ask a widget; gives its answer, or raises what it says is wrong."""
        number = str(next(self._numbers))
        content = json.loads(json.dumps({"id": number, "ask": name, "given": given, "news": news or {}}))
        message = {"content": {"data": {"method": "custom", "content": content}}, "buffers": list(buffers)}
        widget.comm.handle_msg(message)
        found = [(data["content"], raw) for data, raw in self.sent if data.get("content", {}).get("id") == number]
        if not found:
            raise LookupError(f"{type(widget).__name__} does not answer {name!r}")
        answer, raw = found[-1]
        json.dumps(answer, allow_nan=False)  # all that is not an array is plain
        if "error" in answer:
            raise AssertionError(f"{answer['error']} {answer['remedy']}")
        return _with_arrays(answer["answer"], raw)


def _with_arrays(value: Any, buffers: Buffers) -> Any:
    if isinstance(value, list):
        return [_with_arrays(one, buffers) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"array", "dtype", "shape"}:
        return np.frombuffer(buffers[value["array"]], value["dtype"]).reshape(value["shape"])
    return {key: _with_arrays(one, buffers) for key, one in value.items()}


@pytest.fixture(autouse=True)
def forgetful(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no folder that was picked before play a part."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    """A page whose widgets send to this process."""
    shown = Page()

    class ToPage(BaseComm):
        def publish_msg(self, msg_type: str, data: Any = None, buffers: Any = None, **keys: Any) -> None:
            if data and data.get("method") == "custom":
                shown.sent.append((data, buffers or []))

    monkeypatch.setattr(comm, "create_comm", ToPage)
    return shown
