"""Log lines as JSON, one object each, with the ids of the request and the job that they belong to.

Nothing here ever sees a secret: of a request only method, path, status, time and user are logged; neither headers
nor query nor body.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar
from typing import Any

#: Of the request that is being answered, also in the threads that work for it.
REQUEST_ID: ContextVar[str | None] = ContextVar("workbench_request_id", default=None)

LOGGER = logging.getLogger("workbench.server")

_FIELDS = ("job_id", "method", "path", "status", "ms", "user", "address")


class JsonFormatter(logging.Formatter):
    r"""One JSON object per record; what strangers wrote into it cannot begin a line of its own.

    Examples
    --------
    >>> record = logging.LogRecord("workbench", logging.INFO, "", 0, "a\nb", (), None)
    >>> json.loads(JsonFormatter().format(record))["message"]
    'a\nb'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        said: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request_id = getattr(record, "request_id", None) or REQUEST_ID.get()
        said |= {"request_id": request_id} if request_id else {}
        said |= {name: getattr(record, name) for name in _FIELDS if getattr(record, name, None) is not None}
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=True, default=str)


def log_as_json(level: int = logging.INFO) -> None:
    """Send all logging of this process to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
