"""`workbench serve`: the API as a server of its own, below ``/api/v1``."""

from __future__ import annotations

import asyncio
import base64
import binascii
import html
import secrets
import signal
import ssl
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import parse_qs

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from workbench.server.api import ROUTES
from workbench.server.credentials import Credentials
from workbench.server.guard import RateLimit, host_is_known, origin_is_known
from workbench.server.logs import LOGGER
from workbench.server.openapi import describe
from workbench.server.page import STYLE_HASH, page
from workbench.server.problem import Problem
from workbench.server.route import NotFound, mixed_in
from workbench.server.service import Service

BASE = "/api/v1"

_COOKIE = "workbench_session"
_COOKIE_DAYS = 1.0
_HEADER_BYTES = 65_536
_IDLE_S = 65.0
_DRAIN_S = 20.0


class Standalone(RequestHandler):
    """The host that a route is mixed with: knows users by their tokens, or by the cookie of the login page."""

    _by_cookie = False

    owner: str

    async def prepare(self) -> None:
        """Find out who asks; refuse whoever may not."""
        _check_host(self)
        self.current_user = await self._user()
        self.owner = str(self.current_user or self.request.remote_ip)
        if self.current_user is None and not getattr(self, "is_public", False):
            raise Problem(
                401,
                "Credentials are needed: Authorization: Bearer NAME.SECRET.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if self._by_cookie and self.request.method not in ("GET", "HEAD", "OPTIONS"):
            super().check_xsrf_cookie()

    def check_xsrf_cookie(self) -> None:
        """Leave it to `prepare`: a page of somebody else's cannot make a browser send a token."""

    async def _user(self) -> str | None:
        token = token_of(self.request.headers.get("Authorization", ""))
        if token is None:
            signed = self.get_signed_cookie(_COOKIE, max_age_days=_COOKIE_DAYS)
            name = signed.decode() if signed else None
            self._by_cookie = name is not None
            return name if name in self.settings["workbench_credentials"].names() else None
        return await user_of(self, token)


class Login(RequestHandler):
    """A page on which a browser gets a cookie for a token, so that pages and players need not send one."""

    def prepare(self) -> None:
        """Refuse other pages."""
        try:
            _check_host(self)
            origin = self.request.headers.get("Origin")
            origins = cast(Service, self.settings["workbench_service"]).settings.origins
            if origin is not None and not origin_is_known(origin, self.request.headers.get("Host", ""), origins):
                raise Problem(403, "Pages of this origin may not use the server.")
        except Problem as problem:
            raise HTTPError(problem.status) from problem

    def set_default_headers(self) -> None:
        """Let the page do nothing but send its form."""
        policy = (
            f"default-src 'none'; style-src '{STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        self.set_header("Content-Security-Policy", policy)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Server", "workbench")

    def get(self) -> None:
        """Show the form."""
        self._form()

    async def post(self) -> None:
        """Check the token and set the cookie."""
        fields = parse_qs(self.request.body.decode("utf-8", "replace"), max_num_fields=5)
        token = fields.get("token", [""])[0].strip()
        try:
            name = await user_of(self, token)
        except Problem as problem:
            self.set_status(problem.status)
            self._form(problem.detail)
            return
        if name is None:
            self.set_status(401)
            self._form("The token is wrong.")
            return
        self.set_signed_cookie(
            _COOKIE,
            name,
            expires_days=_COOKIE_DAYS,
            httponly=True,
            samesite="Strict",
            secure=self.request.protocol == "https",
        )
        self.redirect(f"{BASE}/docs", status=303)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say no more than the status."""
        self.set_header("Content-Type", "text/plain")
        self.finish(f"{status_code}\n")

    def _form(self, said: str = "") -> None:
        alert = f'<p role="alert">{html.escape(said)}</p>' if said else ""
        form = (
            f'<form method="post" action="/login">{self.xsrf_form_html()}<h1>Audio workbench</h1>{alert}<label>Token '
            '<input name="token" type="password" autocomplete="current-password" required autofocus></label>'
            '<button>Log in</button><p class="quiet">Whoever runs this server makes one with '
            "<code>workbench user NAME</code>.</p></form>"
        )
        self.finish(page("Audio workbench", form))


def token_of(authorization: str) -> str | None:
    """Read the token of an ``Authorization`` header: Bearer, or Basic with name and secret.

    >>> token_of("Bearer a.b"), token_of("Basic YTpi"), token_of(""), token_of("Digest x")
    ('a.b', 'a.b', None, '')
    """
    scheme, _, value = authorization.partition(" ")
    match scheme.lower():
        case "":
            return None
        case "bearer":
            return value.strip()
        case "basic":
            try:
                name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return ""
            return f"{name}.{secret}"
    return ""


async def user_of(handler: RequestHandler, token: str) -> str | None:
    """Give the name that a token belongs to, None if it is wrong; `Problem` 429 after too many wrong ones."""
    credentials: Credentials = handler.settings["workbench_credentials"]
    guesses: RateLimit = handler.settings["workbench_guesses"]
    service: Service = handler.settings["workbench_service"]
    name = credentials.remembered(token)
    if name is not None:
        return name
    address = str(handler.request.remote_ip)
    async with handler.settings["workbench_hashing"]:  # one at a time: it takes 32 MB and a tenth of a second
        name = credentials.remembered(token)  # from others who came with it, such as all pages after a restart
        if name is None:
            guesses.check(address)
            name = await service.call(credentials.check, token)
            if name is None:
                LOGGER.warning("wrong credentials", extra={"address": address})
            else:
                guesses.give_back(address)  # a team behind one address logs in as often as it likes
    return name


def _check_host(handler: RequestHandler) -> None:
    service: Service = handler.settings["workbench_service"]
    if not host_is_known(handler.request.headers.get("Host", ""), service.settings.hosts):
        raise Problem(403, "This server does not go by that name; see WORKBENCH_HOSTS.", code="host-not-allowed")


def make_app(service: Service, credentials: Credentials) -> Application:
    """Make the application; `serve` runs it."""
    service.openapi = describe(ROUTES, BASE)
    guesses = service.settings.guesses_per_minute
    handlers: list[Any] = [*mixed_in(ROUTES, Standalone, BASE), ("/(?:login)?", Login)]
    return Application(
        handlers,
        default_handler_class=type("NotFound", (NotFound, Standalone), {}),
        workbench_service=service,
        workbench_credentials=credentials,
        workbench_guesses=RateLimit(guesses / 60, burst=guesses),
        workbench_hashing=asyncio.Lock(),
        cookie_secret=secrets.token_hex(32),
        xsrf_cookies=True,
        xsrf_cookie_kwargs={"samesite": "Strict"},
        websocket_max_message_size=4096,
        log_function=lambda handler: None,  # `Route.on_finish` says it, with ids
    )


def listen(
    app: Application,
    address: str,
    port: int,
    *,
    behind: Sequence[str] = (),
    certificate: ssl.SSLContext | None = None,
) -> tuple[HTTPServer, int]:
    """Open the port and give it; 0 takes any that is free.

    Parameters
    ----------
    app : Application
    address, port : str, int
        Where to listen.
    behind : sequence of str
        Addresses of proxies, whose word on the address and protocol of clients is believed.
    certificate : ssl.SSLContext, optional
        Speak TLS.
    """
    server = HTTPServer(
        app,
        ssl_options=certificate,
        xheaders=bool(behind),
        trusted_downstream=list(behind) or None,
        max_header_size=_HEADER_BYTES,
        max_body_size=1 << 16,  # a route that takes more says so when it has seen the headers
        idle_connection_timeout=_IDLE_S,
        body_timeout=30.0,
    )
    sockets = bind_sockets(port, address)
    server.add_sockets(sockets)
    return server, int(sockets[0].getsockname()[1])


async def run_until_stopped(server: HTTPServer, service: Service) -> None:
    """Serve until SIGTERM or SIGINT, then let what has begun come to its end, but no longer than 20 s."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
    LOGGER.info("stopping: no new connections")
    service.stopping = True
    server.stop()
    deadline = loop.time() + _DRAIN_S
    await service.stop_listeners()
    while service.active and loop.time() < deadline:
        await asyncio.sleep(0.05)
    await server.close_all_connections()
    await asyncio.to_thread(service.close)
    LOGGER.info("stopped")
