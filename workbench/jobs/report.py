"""What a task tells of its progress: from a worker process of this machine, or from a worker of Dask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Takes what a task reports.
Report = Callable[[dict[str, Any]], None]

_listener: Report | None = None


def listen(listener: Report) -> None:
    """Send everything that is reported in this process to a listener, who knows the topic."""
    global _listener
    _listener = listener


def report(topic: str, event: dict[str, Any]) -> None:
    """Tell whoever listens to a job; a report that is lost costs nothing but a moment's display."""
    if _listener is not None:
        _listener(event)
        return
    from distributed import get_worker

    try:
        get_worker().log_event(topic, event)
    except ValueError:
        return  # called directly, in no worker at all
