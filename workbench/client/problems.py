"""What a server refuses, as the errors that a library of this machine would raise."""

from __future__ import annotations

from pydantic import ValidationError

from workbench.errors import (
    AccessDeniedError,
    AudioError,
    CatalogLockedError,
    InputError,
    JobError,
    LibraryError,
    LimitError,
    NotFoundError,
    Reason,
    ServerUnreachableError,
    StorageFullError,
    WorkbenchError,
)
from workbench.server.models.operations import ProblemDocument

#: By `code`, where it says more than the status.
_BY_CODE: dict[str, type[WorkbenchError]] = {
    "catalog-busy": CatalogLockedError,
    "library-unusable": LibraryError,
    "conflict": JobError,
}
_BY_STATUS: dict[int, type[WorkbenchError]] = {
    401: AccessDeniedError,
    403: AccessDeniedError,
    404: NotFoundError,
    429: LimitError,
    500: WorkbenchError,
    502: ServerUnreachableError,
    503: ServerUnreachableError,
    504: ServerUnreachableError,
    507: StorageFullError,
}


def error_of(status: int, body: bytes, asked: str) -> WorkbenchError:
    """Make the error of a refusal.

    Parameters
    ----------
    status : int
        Of the answer.
    body : bytes
        A problem (RFC 9457), or what a proxy had to say.
    asked : str
        Address of what was asked for.

    Examples
    --------
    >>> body = b'{"type": "", "title": "", "status": 404, "code": "not-found", "detail": "There is no job 7.",'
    >>> error_of(404, body + b' "request_id": "a"}', "http://host/api/v1/jobs/7")
    NotFoundError('There is no job 7.', '')
    >>> print(error_of(502, b"<html>Bad gateway", "http://host/jobs"))
    http://host/jobs answered 502, which is no answer of a workbench. Check the address and what is in front of it.
    """
    try:
        problem = ProblemDocument.model_validate_json(body)
    except ValidationError:
        kind = _BY_STATUS.get(status, WorkbenchError)
        return kind(
            f"{asked} answered {status}, which is no answer of a workbench.",
            "Check the address and what is in front of it.",
        )
    if problem.code.startswith("audio-"):
        name = problem.code.removeprefix("audio-").replace("-", "_")
        if name in set(Reason):
            return AudioError(asked, Reason(name))
    kind = _BY_CODE.get(problem.code) or _BY_STATUS.get(status, InputError if status < 500 else WorkbenchError)
    return kind(problem.detail, f"Request {problem.request_id} in the server's log." if status >= 500 else "")
