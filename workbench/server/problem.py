"""What goes wrong, as ``application/problem+json`` (RFC 9457): a status, a stable ``code``, and words for people.

A caller learns what is wrong with the request and what to do. Paths of the server, tracebacks and what libraries
say inside stay in the log, where the request id finds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ValidationError

from workbench.errors import (
    AudioError,
    CatalogLockedError,
    FenceLostError,
    InputError,
    JobError,
    LibraryError,
    LimitError,
    NotFoundError,
    StorageFullError,
    WorkbenchError,
)

#: Stable codes of what Tornado or a proxy may answer on its own.
_CODES = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "conflict",
    411: "length-required",
    413: "too-large",
    415: "unsupported-media-type",
    416: "range-not-satisfiable",
    422: "invalid",
    429: "too-many-requests",
    500: "internal",
    503: "unavailable",
    507: "storage-full",
}


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """A refusal, as the caller is to see it.

    Parameters
    ----------
    status : int
        HTTP status.
    detail : str
        What is wrong and what to do, in this case.
    code : str, optional
        Stable word for programs; default that of the status.
    errors : iterable of mappings
        Per field: ``field``, ``message``.
    headers : mapping
        Headers that the answer gets besides.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        errors: Iterable[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail)
        self.status, self.detail = status, detail
        self.code = code or _CODES.get(status, "refused" if status < 500 else "internal")
        self.errors = [dict(error) for error in errors]
        self.headers = dict(headers or {})

    def to_dict(self, request_id: str) -> dict[str, Any]:
        """Give the members of the answer."""
        try:
            title = HTTPStatus(self.status).phrase
        except ValueError:
            title = "Refused"
        members = {
            "type": "about:blank",
            "title": title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        }
        return members | ({"errors": self.errors} if self.errors else {})


def problem_of(error: BaseException) -> Problem | None:
    """Say what a caller is told of an error; None for one that nobody foresaw."""
    match error:
        case Problem():
            return error
        case AudioError():
            detail = f"The audio cannot be used ({error.reason.value}). {error.reason.remedy}"
            return Problem(422, detail, code=f"audio-{error.reason.value.replace('_', '-')}")
        case NotFoundError():
            return Problem(404, error.message)
        case LimitError():
            return Problem(429, str(error), code="limit", headers={"Retry-After": "60"})
        case InputError():
            return Problem(422, str(error))
        case CatalogLockedError():
            return Problem(503, "The catalog is busy. Try again.", code="catalog-busy", headers={"Retry-After": "5"})
        case LibraryError():
            detail = "The library cannot be used as it is; the server's log says why."
            return Problem(503, detail, code="library-unusable", headers={"Retry-After": "60"})
        case StorageFullError():
            return Problem(507, "There is no room left on the server. Nothing that was committed is lost.")
        case JobError() | FenceLostError():
            return Problem(409, str(error))
        case WorkbenchError():
            return Problem(500, "Something went wrong; the server's log says what.")
    return None


def refuse_fields(error: ValidationError, model: type[BaseModel]) -> Problem:
    """Say which fields are wrong and what they take."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    if any(problem["type"] == "json_invalid" for problem in problems):
        return Problem(400, "The body is no JSON.", code="malformed-json")
    errors = [{"field": _place(problem["loc"]), "message": _message(problem, model)} for problem in problems[:20]]
    return Problem(422, " ".join(f"{e['field'] or 'request'}: {e['message']}." for e in errors), errors=errors)


def _place(loc: Iterable[int | str]) -> str:
    """Name a field; names that come from the request itself are cut short."""
    return ".".join(str(part)[:80] for part in loc)


def _message(problem: Mapping[str, Any], model: type[BaseModel]) -> str:
    if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
        return f"no such field; the fields are {', '.join(model.model_fields)}"
    return str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
