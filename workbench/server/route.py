"""`Route`: what every handler does alike, whichever host it is mixed into.

* A host (`workbench.server.standalone`, `workbench.server.extension`) says who the user is; it is mixed in behind a
  route by `mixed_in`, so its `prepare` runs first.
* Every route reads its body piece by piece, so `prepare` runs when only the headers are there: who may not come in, or
  announces too much, is refused before a byte of the body is read.
* `operation` describes a method once: it parses what comes in by pydantic models, and the same models make the
  OpenAPI document.
"""

from __future__ import annotations

import functools
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ValidationError
from tornado.http1connection import HTTP1Connection
from tornado.web import HTTPError, RequestHandler, stream_request_body

from workbench import tabular
from workbench.errors import WorkbenchError
from workbench.server.body import Body, JsonBody, NoBody, Upload
from workbench.server.guard import origin_is_known
from workbench.server.logs import LOGGER, REQUEST_ID
from workbench.server.problem import Problem, problem_of, refuse_fields
from workbench.server.service import Service

#: What stands for a parameter of a path.
PATH_PARAMETERS = {"track_id": "[0-9a-f]{32}", "job_id": "[1-9][0-9]{0,14}"}

_JSON = "application/json"
_FORM = "multipart/form-data"
_SAFE = ("GET", "HEAD", "OPTIONS")
_BODY_S, _UPLOAD_S = 30.0, 3600.0
_SLACK = 1 << 20  # so that what comes in chunks, too many of them, meets `data_received` before Tornado's own limit
_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of a route.

    Attributes
    ----------
    summary : one line
    query, body : models of the query and of the JSON body, if there are any
    files : name of the parts with files, where the body may be an upload whose part ``options`` is `options`
    most_files : how many at most
    answer : model of the JSON answer
    status : of the answer
    media : media types that the answer may have
    refusals : statuses with which it may refuse, besides those that every route has
    public : answered without credentials
    """

    summary: str
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    files: str | None = None
    options: type[BaseModel] | None = None
    most_files: int = 1
    answer: type[BaseModel] | None = None
    status: int = 200
    media: tuple[str, ...] = (_JSON,)
    refusals: tuple[int, ...] = ()
    public: bool = False


Method = Callable[..., Awaitable[Any]]


def operation(summary: str, **described: Any) -> Callable[[Method], Method]:
    """Describe a method, which then gets its path parameters, query and body as models, and returns its answer."""
    what = Operation(summary, **described)

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        async def run(self: Route, *path: str) -> None:
            try:
                asked = [self.read_query(what.query)] if what.query else self.no_query()
                if what.body:
                    asked.append(self.read_body(what))
                answer = await method(self, *path, *asked)
                if answer is not None:
                    self.answer(answer, what.status)
            except (WorkbenchError, Problem) as error:
                self.refuse(error)

        run.operation = what  # type: ignore[attr-defined]
        # what Jupyter Server asks of a handler's methods
        setattr(run, "__allow_unauthenticated", what.public)
        return run

    return decorate


@stream_request_body
class Route(RequestHandler):
    """A handler; its methods are made by `operation`."""

    #: Below the root of the API, with the names of `PATH_PARAMETERS` in braces.
    pattern: ClassVar[str] = ""

    #: Who asks, in a word that is the same each time; the host's `prepare` sets it.
    owner: str = ""

    _body: Body = NoBody()
    _counted = False
    _arrived = 0
    _request_id: str | None = None

    # --- what the host says -------------------------------------------------------------------------

    @property
    def service(self) -> Service:
        """The library, and all that the handlers share."""
        return cast(Service, self.settings["workbench_service"])

    # --- before the body ----------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Let the host see who comes, then decide whether a body may follow."""
        REQUEST_ID.set(self.request_id)
        self.service.active += 1
        self._counted = True
        self._take_at_most(1 << 62)  # a refusal is told by `refuse`, not by Tornado, which knows no reasons
        try:
            self._check_origin()
            ready = super().prepare()
            if ready is not None:
                await ready
            if not self._finished and not (self.is_public and not self.current_user):
                self.service.requests.check(self.owner)
            if not self._finished:
                await self._admit_body()
        except (WorkbenchError, Problem) as error:
            self.refuse(error)

    @property
    def is_public(self) -> bool:
        """Whether the method that is asked for needs no credentials."""
        described = self.operation
        return described is not None and described.public

    @property
    def operation(self) -> Operation | None:
        """What is described of the method that is asked for."""
        method = getattr(self, (self.request.method or "").lower(), None)
        return getattr(method, "operation", None)

    @property
    def request_id(self) -> str:
        """What finds this request in the log; a proxy may have given it."""
        if self._request_id is None:
            given = self.request.headers.get("X-Request-Id", "")
            self._request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        return self._request_id

    def _check_origin(self) -> None:
        """Refuse other pages, also those that know a token."""
        origin, host = self.request.headers.get("Origin"), self.request.headers.get("Host", "")
        if origin is not None and not origin_is_known(origin, host, self.service.settings.origins):
            raise Problem(403, "Pages of this origin may not use the server.", code="origin-not-allowed")
        if origin is None and self.request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            # a page of another origin asks without saying which, as for an image or a sound
            raise Problem(403, "Pages of other origins may not use the server.", code="origin-not-allowed")

    async def _admit_body(self) -> None:
        """Choose what takes the body, and refuse one that is announced too large."""
        described = self.operation
        self._body = await self._body_for(described) if described is not None and described.body else NoBody()
        length = self.request.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or len(length) > 18:
            raise Problem(400, "Content-Length is no number.")
        if int(length) > self._body.limit:
            raise self._too_large()
        self._take_at_most(self._body.limit + _SLACK, _UPLOAD_S if isinstance(self._body, Upload) else _BODY_S)

    def _take_at_most(self, n_bytes: int, seconds: float = _BODY_S) -> None:
        connection = self.request.connection
        if isinstance(connection, HTTP1Connection):
            connection.set_max_body_size(n_bytes)
            connection.set_body_timeout(seconds)

    async def _body_for(self, described: Operation) -> Body:
        if self.request.headers.get("Content-Encoding", "identity") != "identity":
            raise Problem(415, "Bodies are taken as they are, without Content-Encoding.")
        media = self.request.headers.get("Content-Type", "").strip()
        kind = media.partition(";")[0].strip().lower()
        if kind == _JSON:
            return JsonBody()
        if kind == _FORM and described.files:
            library = await self.service.call(lambda: self.service.library)
            return Upload(
                media,
                self.service.incoming_of(library),
                field=described.files,
                most_files=described.most_files,
                limit=self.service.settings.upload_bytes,
            )
        kinds = f"{_JSON} or {_FORM}" if described.files else _JSON
        raise Problem(
            415, f"Send {kinds}, and say so in Content-Type.", headers={"Accept": kinds.replace(" or ", ", ")}
        )

    def _too_large(self) -> Problem:
        return Problem(413, f"At most {self._body.limit} bytes are taken here.")

    # --- the body -----------------------------------------------------------------------------------

    async def data_received(self, chunk: bytes) -> None:
        """Take a piece of the body."""
        if self._finished:
            return
        self._arrived += len(chunk)
        try:
            if self._arrived > self._body.limit:
                raise self._too_large()
            if isinstance(self._body, Upload):
                self.service.metrics.uploaded.inc(len(chunk))
                await self.service.call(self._body.feed, chunk)
            else:
                self._body.feed(chunk)
        except Problem as problem:
            self.refuse(problem)
            super().on_connection_close()  # nobody waits for the rest of the body

    def read_query(self, model: type[BaseModel]) -> Any:
        """Parse the query."""
        twice = [name for name, values in self.request.query_arguments.items() if len(values) > 1]
        if twice:
            raise Problem(422, "A parameter is given twice.", errors=[{"field": twice[0][:80], "message": "once"}])
        try:
            given = {name: values[0].decode() for name, values in self.request.query_arguments.items()}
            return model.model_validate(given)
        except UnicodeDecodeError as error:
            raise Problem(400, "The query is no UTF-8.") from error
        except ValidationError as error:
            raise refuse_fields(error, model) from error

    def no_query(self) -> list[Any]:
        """Refuse parameters where there are none."""
        if self.request.query_arguments:
            name = next(iter(self.request.query_arguments))[:80]
            message = "no such parameter; there are none here"
            raise Problem(422, f"{name}: {message}.", errors=[{"field": name, "message": message}])
        return []

    def read_body(self, described: Operation) -> Any:
        """Parse the body, or the options of an upload."""
        self._body.finish()
        upload = isinstance(self._body, Upload)
        model = cast(type[BaseModel], described.options if upload else described.body)
        raw = bytes(self._body.options or b"{}") if isinstance(self._body, Upload) else bytes(self._json.data)
        try:
            return model.model_validate_json(raw, strict=True)
        except ValidationError as error:
            raise refuse_fields(error, model) from error

    @property
    def upload(self) -> Upload | None:
        """The upload, where the body is one."""
        return self._body if isinstance(self._body, Upload) else None

    @property
    def _json(self) -> JsonBody:
        if not isinstance(self._body, JsonBody):
            raise Problem(400, "A body is needed.")
        return self._body

    # --- answers ------------------------------------------------------------------------------------

    def answer(self, value: Any, status: int = 200) -> None:
        """Answer with JSON."""
        self.set_status(status)
        self.set_header("Content-Type", _JSON)
        self.finish(tabular.to_json(value, indent=None))

    def answer_bytes(self, data: bytes, media: str = _JSON) -> None:
        """Answer with what has been written already, as large answers are: by a thread, not by the event loop."""
        self.set_header("Content-Type", media)
        self.finish(data)

    def answer_text(self, text: str, media: str) -> None:
        """Answer with text of some other type."""
        self.set_header("Content-Type", f"{media}; charset=utf-8")
        self.finish(text.encode("utf-8", "replace"))

    def refuse(self, error: BaseException) -> None:
        """Answer with a problem; an error that nobody foresaw is raised again."""
        problem = problem_of(error)
        if problem is None:
            raise error
        if problem.status >= 500:
            LOGGER.error("%s", error, extra={"request_id": self.request_id})
        if self._finished:
            return
        if self._headers_written:  # too late to say anything but that it has failed
            self.request.connection.close() if isinstance(self.request.connection, HTTP1Connection) else self.finish()
            return
        self.clear()
        self._write_problem(problem)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what Tornado, Jupyter, or an error that nobody foresaw have to say."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        known = problem_of(error) if error is not None else None
        detail = {
            401: "Credentials are needed.",
            403: "You may not do this.",
            404: "There is nothing here.",
            405: f"Allowed here: {', '.join(self._allowed())}.",
        }.get(status_code, "The request cannot be answered." if status_code < 500 else "Something went wrong here.")
        if isinstance(error, HTTPError) and status_code == 403 and "XSRF" in str(error):
            detail = "The header X-XSRFToken must repeat the cookie _xsrf."
        self._write_problem(known or Problem(status_code, detail))

    def _write_problem(self, problem: Problem) -> None:
        self.set_status(problem.status)
        for name, value in problem.headers.items():
            self.set_header(name, value)
        if problem.status == 405:
            self.set_header("Allow", ", ".join(self._allowed()))
        self.set_header("Content-Type", "application/problem+json")
        self.finish(tabular.to_json(problem.to_dict(self.request_id), indent=None))

    def _allowed(self) -> Iterable[str]:
        return [name for name in self.SUPPORTED_METHODS if hasattr(getattr(self, name.lower()), "operation")]

    def set_default_headers(self) -> None:
        """Tell browsers to trust nothing that is not said, and not to keep answers."""
        super().set_default_headers()
        for name, value in {
            "Server": "workbench",
            "X-Request-Id": self.request_id,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Content-Security-Policy": _POLICY,
            "Cache-Control": "no-store",
        }.items():
            self.set_header(name, value)

    def compute_etag(self) -> str | None:
        """Answers are not kept, so nobody asks whether they are still the same."""
        return None

    # --- the end ------------------------------------------------------------------------------------

    def on_connection_close(self) -> None:
        """Forget a body that will never be complete."""
        super().on_connection_close()
        self._end()

    def on_finish(self) -> None:
        """Count the request, and forget its body."""
        super().on_finish()
        self._end()
        method, status = str(self.request.method), self.get_status()
        seconds = self.request.request_time()
        known = method if method in self.SUPPORTED_METHODS else "other"
        self.service.metrics.requests.labels(self.pattern or "none", known, status).observe(seconds)
        LOGGER.log(
            logging.INFO,
            "request",
            extra={
                "request_id": self.request_id,
                "method": known,
                "path": self.request.path[:300],
                "status": status,
                "ms": round(1000 * seconds, 1),
                "user": self.owner if self.current_user else None,
                "address": self.request.remote_ip,
            },
        )

    def _end(self) -> None:
        """Give back what the request held; once."""
        self.service.active -= self._counted
        self._counted = False
        self._body.close()


class NotFound(Route):
    """All that is not there."""

    async def prepare(self) -> None:
        """Say so to those who may come in."""
        await super().prepare()
        if not self._finished:
            self.refuse(Problem(404, "There is nothing here."))


def mixed_in(routes: Iterable[type[Route]], host: type[RequestHandler], base: str) -> list[tuple[str, type[Route]]]:
    """Make handlers of routes for a host, below a root such as ``/api/v1``."""
    return [(base + regex_of(route.pattern), type(route.__name__, (route, host), {})) for route in routes]


def regex_of(pattern: str) -> str:
    """Make the expression that Tornado matches paths with.

    >>> regex_of("/jobs/{job_id}")
    '/jobs/([1-9][0-9]{0,14})'
    """
    return re.sub(r"\{(\w+)\}", lambda found: f"({PATH_PARAMETERS[found[1]]})", pattern)
