"""Nobody comes in without credentials: every route, on either host, and each way to prove who one is."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from tests.jobs.collection import write_track
from tests.server.serving import BASE, Answer, Served, finished
from workbench.config import Settings
from workbench.errors import InputError
from workbench.server.api import ROUTES
from workbench.server.credentials import Credentials
from workbench.server.guard import RateLimit, allowed_paths, host_is_known, origin_is_known
from workbench.server.problem import Problem
from workbench.server.route import Route
from workbench.server.service import Service
from workbench.server.standalone import listen, make_app

PLACES = {"{track_id}": "0" * 32, "{job_id}": "1"}


def path_of(route: type[Route]) -> str:
    """A path that the route matches."""
    return re.sub(r"\{\w+\}", lambda found: PLACES[found[0]], route.pattern)


def methods() -> list[tuple[str, type[Route]]]:
    """Every method of every route, whether it is there or not."""
    return [(method, route) for route in ROUTES for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")]


@pytest.mark.parametrize(("method", "route"), methods(), ids=lambda one: getattr(one, "pattern", one))
def test_every_route_refuses_without_credentials(served: Served, method: str, route: type[Route]) -> None:
    answer = served.ask(method, path_of(route), token=False)
    if route.pattern == "/healthz":
        assert answer.status == (200 if method == "GET" else 401)
    else:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert method == "HEAD" or answer.code == "unauthenticated"


def test_a_body_is_not_read_before_the_credentials(served: Served) -> None:
    connection = http.client.HTTPConnection(served.host, timeout=10)
    connection.putrequest("POST", f"{BASE}/audio/batch-analyze")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", "400000000")
    connection.endheaders()
    answer = connection.getresponse()  # although not a byte of the body was sent
    assert answer.status == 401
    connection.close()


@pytest.mark.parametrize("path", ["/none", "/", "", "/tracks/x/y"])
def test_what_is_not_there_is_told_to_users_only(served: Served, path: str) -> None:
    assert served.ask("GET", path, token=False).status == 401
    answer = served.ask("GET", path)
    assert (answer.status, answer.code) == (404, "not-found")


def test_headers_of_every_answer(served: Served) -> None:
    for answer in (served.ask("GET", "/tracks"), served.ask("GET", "/none"), served.ask("GET", "/tracks", token=False)):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "ornado" not in answer.headers["Server"]
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
        assert answer.headers["Access-Control-Allow-Origin"] is None
    given = served.ask("GET", "/tracks", headers={"X-Request-Id": "from-the-proxy-1"})
    assert given.headers["X-Request-Id"] == "from-the-proxy-1"
    assert served.ask("GET", "/tracks", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"] != "a b"


# --- the login of browsers ------------------------------------------------------------------------


def cookies(answer: Answer) -> dict[str, str]:
    """The cookies that an answer sets."""
    pairs = (one.partition(";")[0].partition("=") for one in answer.headers.get_all("Set-Cookie") or ())
    return {name: value for name, _, value in pairs}


def log_in(served: Served) -> dict[str, str]:
    """Log in as a browser does, and give the cookies."""
    page = served.ask("GET", "!/login", token=False)
    assert page.status == 200
    found = cookies(page)
    form = f"_xsrf={found['_xsrf']}&token={served.token}".encode()
    headers = {"Cookie": f"_xsrf={found['_xsrf']}", "Content-Type": "application/x-www-form-urlencoded"}
    answer = served.ask("POST", "!/login", form, headers=headers, token=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"{BASE}/docs")
    (session,) = [one for one in answer.headers.get_all("Set-Cookie") or () if one.startswith("workbench_session=")]
    assert "HttpOnly" in session
    assert "SameSite=Strict" in session
    return found | cookies(answer)


def test_a_browser_reads_by_cookie_and_writes_by_cookie_and_xsrf(served: Served) -> None:
    found = log_in(served)
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in found.items())}
    assert served.ask("GET", "/tracks", headers=cookie, token=False).status == 200
    body = {"n": 2}
    refused = served.ask("POST", "/playlists/generate", body, headers=cookie, token=False)
    assert (refused.status, refused.code) == (403, "forbidden")
    wrong = cookie | {"X-XSRFToken": "2|00|00|1"}
    assert served.ask("POST", "/playlists/generate", body, headers=wrong, token=False).status == 403
    right = cookie | {"X-XSRFToken": found["_xsrf"]}
    assert served.ask("POST", "/playlists/generate", body, headers=right, token=False).status == 200


def test_a_wrong_login_says_no_more_than_that(served: Served) -> None:
    xsrf = cookies(served.ask("GET", "!/login", token=False))["_xsrf"]
    headers = {"Cookie": f"_xsrf={xsrf}", "Content-Type": "application/x-www-form-urlencoded"}
    for token in ("root.wrong", "nobody.wrong", "", "<script>"):
        answer = served.ask("POST", "!/login", f"_xsrf={xsrf}&token={token}".encode(), headers=headers, token=False)
        assert answer.status == 401
        assert b"The token is wrong." in answer.body
        assert b"<script>" not in answer.body


def test_no_login_without_xsrf(served: Served) -> None:
    answer = served.ask("POST", "!/login", f"token={served.token}".encode(), token=False)
    assert answer.status == 403


# --- credentials ----------------------------------------------------------------------------------


def test_a_token_is_kept_as_a_hash_that_only_its_owner_reads(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "deep" / "credentials.json")
    assert credentials.names() == []
    token = credentials.add("ada")
    assert token.startswith("ada.")
    assert len(token) >= 40
    text = credentials.path.read_text()
    assert token.partition(".")[2] not in text
    assert stat.S_IMODE(credentials.path.stat().st_mode) == 0o600
    assert credentials.remembered(token) is None
    assert credentials.check(token) == "ada"
    assert credentials.remembered(token) == "ada"
    assert credentials.check("ada.wrong") is None
    assert credentials.check("bob." + token.partition(".")[2]) is None
    assert credentials.check("") is None


def test_a_new_secret_ends_the_old_one_everywhere(tmp_path: Path) -> None:
    here, there = Credentials(tmp_path / "c.json"), Credentials(tmp_path / "c.json")
    old = here.add("ada")
    assert here.check(old) == there.check(old) == "ada"
    new = there.add("ada", "correct horse battery")
    assert here.remembered(old) is None
    assert here.check(old) is None
    assert here.check(new) == "ada"
    there.remove("ada")
    assert here.remembered(new) is None


@pytest.mark.parametrize(("name", "secret"), [("a.b", None), ("", None), ("a b", None), ("ada", "short"), ("ada", "")])
def test_names_and_passwords_that_cannot_be_used(tmp_path: Path, name: str, secret: str | None) -> None:
    if secret == "":
        with pytest.raises(InputError):
            Credentials(tmp_path / "c.json").remove(name)
        return
    with pytest.raises(InputError):
        Credentials(tmp_path / "c.json").add(name, secret)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text("{")
    with pytest.raises(InputError, match=re.escape(str(path))):
        Credentials(path).names()


# --- who may come in, and how often ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost", True), ("localhost:8765", True), ("127.0.0.1:1", True), ("[::1]:80", True), ("192.168.1.5", True),
        ("wb.example", True), ("WB.example:443", True), ("evil.example", False), ("localhost.evil.example", False),
        ("", False), ("a@localhost", False), ("localhost/x", False), ("localhost:x", False), ("[::1", False),
        ("localhost?x", False), ("localhost#x", False), ("localhost:99999", False),
    ],
)  # fmt: skip
def test_hosts(host: str, known: bool) -> None:
    assert host_is_known(host, ("wb.example",)) is known


@pytest.mark.parametrize(
    ("origin", "known"),
    [
        ("http://a.example:8765", True), ("https://a.example:8765", True), ("https://dash.example", True),
        ("http://dash.example", False), ("http://a.example", False), ("null", False), ("", False),
        ("file://a.example:8765", False), ("http://a.example:8765/", False), ("http://x@a.example:8765", False),
    ],
)  # fmt: skip
def test_origins(origin: str, known: bool) -> None:
    assert origin_is_known(origin, "a.example:8765", ("https://dash.example",)) is known


def test_a_bucket_fills_at_its_rate() -> None:
    now = 0.0
    limit = RateLimit(2.0, burst=3, clock=lambda: now)
    assert [limit.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]
    now = 0.5
    assert [limit.wait_s("a"), limit.wait_s("a")] == [0, 0.5]
    now = 1000.0
    assert [limit.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]
    with pytest.raises(Problem) as refused:
        limit.check("a")
    assert refused.value.status == 429
    assert refused.value.headers == {"Retry-After": "1"}


def test_buckets_are_bounded() -> None:
    limit = RateLimit(1.0, burst=1, clock=lambda: 0.0)
    for number in range(20_000):
        limit.wait_s(str(number))
    assert len(limit._buckets) <= 10_000


def test_roots_by_resolved_path(tmp_path: Path) -> None:
    root, other = tmp_path / "music", tmp_path / "music2"
    for folder in (root / "rock", other):
        folder.mkdir(parents=True)
        (folder / "a.wav").touch()
    (tmp_path / "to music").symlink_to(root)
    (root / "in").symlink_to(root / "rock")
    song = str(root / "rock" / "a.wav")
    assert allowed_paths([str(root), song], [root]) == ([str(root), song], [str(root)])
    assert allowed_paths([str(tmp_path / "to music" / "rock")], [root])[0] == [str(root / "rock")]
    assert allowed_paths([str(root / "in" / "a.wav")], [tmp_path / "to music"]) == ([song], [str(root)])
    for path in (other, root / ".." / "music2", root / "none", tmp_path, "music", "", f"{root}\0"):
        with pytest.raises(Problem) as refused:
            allowed_paths([str(path)], [root])
        assert refused.value.code == "path-not-allowed"


def test_links_that_lead_out_are_not_followed(served: Served, tmp_path: Path) -> None:
    write_track(tmp_path / "secret" / "secret.wav", 77)
    folder = served.inbox / "with links"
    write_track(folder / "own.wav", 78)
    (folder / "folder").symlink_to(tmp_path / "secret")
    (folder / "file.wav").symlink_to(tmp_path / "secret" / "secret.wav")
    (folder / "nothing.wav").symlink_to(tmp_path / "nothing")
    answer = served.ask("POST", "/audio/batch-analyze", {"paths": [str(folder)]})
    job = finished(served, answer.json["job_id"])
    failures = served.get(f"/jobs/{job['job_id']}/failures")["failures"]
    refused = {Path(one["path"]).name: one for one in failures if one["reason"] == "leads_out"}
    assert sorted(refused) == ["file.wav", "folder", "nothing.wav"]
    assert str(tmp_path / "secret") not in str(failures)
    assert not [track for track in served.get("/tracks?limit=500")["tracks"] if "secret" in track["path"]]


def test_a_log_line_is_json_and_has_no_secret(served: Served) -> None:
    served.ask("GET", "/tracks?where=bpm%20%3E%201", headers={"X-Request-Id": "looked-for-1"})
    found: list[dict[str, Any]] = []
    for _ in range(100):  # the line is written after the answer
        lines = [json.loads(line) for line in served.log.read_text().splitlines()]
        found = [line for line in lines if line.get("request_id") == "looked-for-1"]
        if found:
            break
        time.sleep(0.05)
    (line,) = found
    assert (line["method"], line["path"], line["status"]) == ("GET", f"{BASE}/tracks", 200)
    assert line["user"]
    assert line["ms"] > 0


def test_what_is_given_back_does_not_count() -> None:
    limit = RateLimit(1.0, burst=2, clock=lambda: 0.0)
    for _ in range(10):
        limit.check("a")
        limit.give_back("a")
    assert [limit.wait_s("a") for _ in range(3)] == [0, 0, 1]


def test_a_team_behind_one_address_comes_in_while_guessers_are_kept_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guesses = 3
    hashed: list[str] = []
    check = Credentials.check
    monkeypatch.setattr(Credentials, "check", lambda self, token: (hashed.append(token), check(self, token))[1])
    credentials = Credentials(tmp_path / "credentials.json")
    tokens = [credentials.add(f"person{number}") for number in range(6)]
    service = Service(Settings(library=tmp_path / "a.library", guesses_per_minute=guesses))

    async def ask(url: str, token: str) -> int:
        request = HTTPRequest(f"{url}/jobs", headers={"Authorization": f"Bearer {token}"})
        return (await AsyncHTTPClient(force_instance=True).fetch(request, raise_error=False)).code

    async def come() -> None:
        server, port = listen(make_app(service, credentials), "127.0.0.1", 0)
        url = f"http://127.0.0.1:{port}{BASE}"
        try:
            # all pages of a team at once, after a restart
            assert set(await asyncio.gather(*(ask(url, token) for token in 5 * tokens))) == {200}
            assert sorted(hashed) == sorted(tokens)
            wrong = [await ask(url, f"person0.{number}") for number in range(guesses + 2)]
            assert wrong == [401] * guesses + [429] * 2
            assert await ask(url, tokens[0]) == 200
        finally:
            server.stop()
            await server.close_all_connections()
            service.close()

    asyncio.run(come())
