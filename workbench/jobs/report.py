"""What ties a task to its job: from a worker process of this machine, or from a worker of Dask."""

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


def wanted() -> Callable[[], bool]:
    """Give what tells whether anybody still waits for the task that this thread is at.

    A process of this machine is ended where nobody does (`workbench.jobs.processes`), so there is nothing to ask.
    """
    if _listener is not None:
        return lambda: True
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:  # called directly, in no worker at all
        return lambda: True
    task = worker.state.tasks.get(worker.get_current_task())
    return lambda: task is None or task.state != "cancelled"
