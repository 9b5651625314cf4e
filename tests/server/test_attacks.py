# ruff: noqa: E501 - a row of a table is a line
"""Attacks in one table: none succeeds, and none is answered with 500.

Each row is a name, what is sent, and the statuses with which it may be refused. Where an attack consists in what the
server would do afterwards (a file written, a page fetched), the tests below the table look for that.
"""

from __future__ import annotations

import base64
import csv
import http.client
import io
import json
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.server.serving import BASE, UPGRADE, Served, multipart

NO_TRACK = "0" * 32
JSON = {"Content-Type": "application/json"}
REFUSED = frozenset({400, 401, 403, 404, 405, 406, 409, 413, 415, 416, 422, 429})


@dataclass(frozen=True)
class Attack:
    """A request, and what may be answered; 0 stands for a connection that was closed without a word."""

    name: str
    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    token: bool = True
    allowed: frozenset[int] = REFUSED
    raw: bytes | None = None


def attack(name: str, method: str, path: str, body: Any = None, **more: Any) -> Attack:
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        more["headers"] = JSON | more.get("headers", {})
    return Attack(name, method, path, body, **more)


def attacks() -> Iterator[Attack]:
    yield from traversals()
    yield from roots()
    yield from strangers()
    yield from origins()
    yield from names()
    yield from uploads()
    yield from sizes()
    yield from malformed()
    yield from injections()
    yield from requests_for_elsewhere()
    yield from pickles()
    yield from raw()


def traversals() -> Iterator[Attack]:
    """Paths that lead out of the API."""
    ways = [
        "/tracks/../../../etc/passwd", "/tracks/..%2f..%2f..%2fetc%2fpasswd", "/tracks/%2e%2e/%2e%2e/etc/passwd",
        "/tracks/..%252f..%252fetc%252fpasswd", "/tracks/....//....//etc/passwd", "/tracks/..\\..\\etc\\passwd",
        "/tracks/%5c..%5c..%5cetc", "/tracks/etc%00passwd", "/tracks/%c0%ae%c0%ae/etc/passwd", "/docs/../../etc/passwd",
        "/tracks//etc/passwd/audio", "/tracks/%2fetc%2fpasswd/audio", "/tracks/..%2f..%2fetc%2fpasswd/audio",
        "/tracks/file:%2f%2f%2fetc%2fpasswd/audio", "/tracks/~root/audio", "/tracks/%7eroot/waveform",
        "/static/../../etc/passwd", "/openapi.json/../../../etc/passwd", "/jobs/../../etc/passwd", "/jobs/1%2f..%2f2",
        "/tracks/" + "a" * 33 + "/audio", "/tracks/" + "A" * 32 + "/audio", "/tracks/" + "0" * 31 + "%0a/audio",
        "/tracks/" + "0" * 32 + "%00/audio", "/tracks/" + "0" * 32 + "/audio/../../../etc/passwd",
    ]  # fmt: skip
    for number, way in enumerate(ways):
        yield attack(f"traversal {number}", "GET", way)
    for way in ("!/../etc/passwd", "!/%2e%2e/etc/passwd", "!//etc/passwd", "!/etc/passwd", "!/login/../../etc/passwd"):
        yield attack(f"traversal from the root {way}", "GET", way)


def roots() -> Iterator[Attack]:
    """Folders that are not allowed."""
    ways = [
        "/", "/etc", "/etc/passwd", "/root", "/proc/self/environ", "/proc/self/cwd", "/dev/zero", "/dev/stdin", "/tmp",
        "{music}/..", "{music}/../..", "{music}/../../../../etc", "{music}/./../x", "{music}/rock/../../..", "{MUSIC}",
        "{music}x", "{music}\0", "{music}\0/../../etc", "~", "~root", "$HOME", ".", "..", "", "file:///etc", "\\\\host\\share",
        "//etc", "/etc/", "{music}/link out", "{music}/link out/passwd", "{music}/" + "a/" * 2000, "C:\\Windows", "*", "{music}/*",
        "http://127.0.0.1:1/", "-rf", "; rm -rf /", "`id`", "$(id)", "\ud800",
    ]  # fmt: skip
    for number, way in enumerate(ways):
        yield attack(f"root {number} {way[:20]!a}", "POST", "/audio/batch-analyze", {"paths": [way]})
        yield attack(f"estimate of root {number}", "POST", "/audio/estimate", {"paths": [way]})
        if way.isascii():
            yield attack(f"look into root {number}", "GET", f"/folders?path={quote(way, safe='{}')}")
    yield attack("one good path and one bad", "POST", "/audio/batch-analyze", {"paths": ["{music}", "/etc"]})
    for name, asked in {
        "paths as text": {"paths": "/etc"},
        "no paths": {"paths": []},
        "too many paths": {"paths": ["/x"] * 1001},
        "a scheduler of one's own": {"paths": ["{music}"], "scheduler": "tcp://127.0.0.1:1"},
        "settings": {"paths": ["{music}"], "settings": {"roots": ["/"]}},
        "an owner": {"paths": ["{music}"], "owner": "root"},
        "frames by path": {"paths": ["{music}"], "frames": ["../../etc/passwd"]},
    }.items():
        yield attack(name, "POST", "/audio/batch-analyze", asked)


def strangers() -> Iterator[Attack]:
    """Wrong credentials, in all the places where they may be put."""
    basic = base64.b64encode(b"root:wrong").decode()
    values = [
        "Bearer", "Bearer ", "Bearer x", "Bearer root", "Bearer root.", "Bearer .", "Bearer root.wrong", "bearer root.wrong",
        "Bearer nobody.x", "Bearer root.wrong root.wrong", "Bearer null", "Bearer undefined", "Bearer ../../x", "Bearer %00",
        "Bearer " + "a" * 5000, "Basic", "Basic x", f"Basic {basic}", "Basic " + base64.b64encode(b"root").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(), "Digest username=root", "Negotiate x", "token root", "root",
        "Bearer root.' OR '1'='1", "Bearer __proto__.x", "Bearer root.\xe9",
    ]  # fmt: skip
    for number, value in enumerate(values):
        yield attack(f"stranger {number}", "GET", "/tracks", headers={"Authorization": value}, token=False)
    for name, sent in {
        "session": {"Cookie": "workbench_session=root"},
        "signed by somebody else": {
            "Cookie": "workbench_session=2|1:0|10:1700000000|17:workbench_session|8:cm9vdA==|00"
        },
        "two sessions": {"Cookie": "workbench_session=a; workbench_session=b"},
        "XSRF alone": {"Cookie": "_xsrf=1", "X-XSRFToken": "1"},
        "forwarded user": {"X-Forwarded-User": "root", "X-Remote-User": "root", "Remote-User": "root"},
        "forwarded address": {"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1"},
        "another method": {"X-HTTP-Method-Override": "GET"},
        "Jupyter's": {"Authorization": "token abc", "Cookie": "username-localhost-8888=x"},
    }.items():
        yield attack(f"stranger with {name}", "GET", "/tracks", headers=sent, token=False)
    for query in ("token=x", "access_token=x", "auth=x", "key=x", "token={token}", "access_token={token}"):
        yield attack(f"token in the query {query}", "GET", f"/tracks?{query}", token=False, allowed=frozenset({401}))
    yield attack("guess at the login", "POST", "!/login", b"token=root.wrong", token=False, allowed=frozenset({403}))


def origins() -> Iterator[Attack]:
    """Pages of others, also with a token that they should not have."""
    foreign = [
        "http://evil.example", "https://evil.example", "null", "file://", "http://localhost.evil.example",
        "http://{host}.evil.example", "http://evil.example/{host}", "http://{host}@evil.example", "http://127.0.0.1:1",
        "chrome-extension://abc", "data:text/html,x", "javascript:alert(1)", "", "{host}", "http://", "http://[::1", "http://a b",
    ]  # fmt: skip
    for origin in foreign:
        sent = {"Origin": origin}
        yield attack(f"origin {origin} reads", "GET", "/tracks", headers=sent, allowed=frozenset({403}))
        yield attack(f"origin {origin} stops a job", "DELETE", "/jobs/1", headers=sent, allowed=frozenset({403}))
        yield attack(
            f"origin {origin} listens", "GET", "/ws/progress/1", headers=sent | UPGRADE, allowed=frozenset({403})
        )
    for site in ("cross-site", "same-site"):
        yield attack(f"a sound on a {site} page", "GET", "/tracks", headers={"Sec-Fetch-Site": site})
    for host in (
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "a@127.0.0.1",
        "127.0.0.1/x",
        "x:y",
    ):
        yield attack(f"host {host}", "GET", "/tracks", headers={"Host": host}, allowed=frozenset({400, 403}))
        yield attack(
            f"host {host} at the login", "GET", "!/login", headers={"Host": host}, allowed=frozenset({400, 403})
        )
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("/playlists/generate", "/audio/find-similar", "/audio/batch-analyze"):
        yield attack(f"a form at {path}", "POST", path, b"n=1", headers=form)
        yield attack(f"text at {path}", "POST", path, b'{"n":1}', headers={"Content-Type": "text/plain"})


def names() -> Iterator[Attack]:
    """Names under which things are kept, and what is looked up by them."""
    for number, name in enumerate(["", " ", "a\nb", "\0", "\u202e", "x" * 5000, "../../x\n", 7, None, ["a"], {"a": 1}]):
        yield attack(f"name {number} of a playlist", "PUT", "/playlists", {"name": name, "tracks": []})
        yield attack(f"name {number} of a taste", "POST", "/tastes", {"name": name, "likes": [[NO_TRACK, NO_TRACK]]})
        yield attack(f"name {number} of a column", "POST", "/labels/columns", {"name": name})
    for number, name in enumerate(["mfcc/../../x", "../frames/mfcc", "/etc/passwd", "__class__", "mfcc%00", ""]):
        yield attack(f"curve {number}", "GET", f"/tracks/{NO_TRACK}/curve?name={quote(name)}")
        yield attack(f"columns {number}", "GET", f"/tracks/columns?names={quote(name)}")
    for name, asked in {
        "another's labels": {"author": "ada", "labels": []},
        "a track by its path": {"labels": [], "track": "/etc/passwd"},
    }.items():
        yield attack(name, "PUT", f"/tracks/{NO_TRACK}/labels", asked)
    yield attack("a playlist of paths", "PUT", "/playlists", {"name": "a", "tracks": ["/etc/passwd"]})
    yield attack(
        "a playlist asked for by paths", "PUT", "/playlists", {"name": "a", "tracks": [], "request": {"start": "/etc"}}
    )


def uploads() -> Iterator[Attack]:
    """Parts that are not what they should be."""
    route = "/audio/find-similar"

    def sent(name: str, body: bytes, headers: dict[str, str]) -> Attack:
        return attack(name, "POST", route, body, headers=headers)

    for number, boundary in enumerate(("", "a" * 71, "a" * 5000, "a;b=c", '"', "\xff")):
        yield sent(f"boundary {number}", b"--x\r\n", {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    yield sent("no boundary", b"--x\r\n", {"Content-Type": "multipart/form-data"})
    yield sent("mixed", b"--x\r\n", {"Content-Type": "multipart/mixed; boundary=x"})
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
    bodies = {
        "nothing": b"",
        "no part": b"--x--\r\n",
        "a preamble of 200 KB": b"a" * 200_000,
        "line ends for 200 KB": b"\r\n" * 100_000,
        "cut in the headers": head,
        "cut in the data": head + b"\r\n" + b"RIFF" * 100,
        "no end of headers": head + b"X: y\r\n" * 2,
        "a thousand headers": head + b"X: y\r\n" * 1000 + b"\r\nx\r\n--x--\r\n",
        "a header of 100 KB": head + b"X: " + b"y" * 100_000 + b"\r\n\r\nx\r\n--x--\r\n",
        "a header without a name": b"--x\r\n: y\r\n\r\nx\r\n--x--\r\n",
        "a NUL in a header": b'--x\r\nContent-Disposition: form-data; name="fi\0le"\r\n\r\nx\r\n--x--\r\n',
        "no disposition": b"--x\r\n\r\nx\r\n--x--\r\n",
        "an attachment": b"--x\r\nContent-Disposition: attachment; filename=a\r\n\r\nx\r\n--x--\r\n",
        "base64": head + b"Content-Transfer-Encoding: base64\r\n\r\neA==\r\n--x--\r\n",
        "no name": b"--x\r\nContent-Disposition: form-data; filename=a\r\n\r\nx\r\n--x--\r\n",
        "another name": b"--x\r\nContent-Disposition: form-data; name=a; filename=a\r\n\r\nx\r\n--x--\r\n",
        "no file name": b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nx\r\n--x--\r\n",
        "options alone": b"--x\r\nContent-Disposition: form-data; name=options\r\n\r\n{}\r\n--x--\r\n",
        "junk behind the boundary": b"--xjunk\r\n\r\n",
    }
    for name, body in bodies.items():
        yield sent(f"upload: {name}", body, form)
    body, headers = multipart(("file", "a.wav", b"x"), ("file", "b.wav", b"x"))
    yield sent("upload: two files", body, headers)
    body, headers = multipart(("options", None, b"{}"), ("options", None, b"{}"), ("file", "a.wav", b"x"))
    yield sent("upload: options twice", body, headers)
    body, headers = multipart(("options", None, b"x" * 2_000_000), ("file", "a.wav", b"x"))
    yield sent("upload: options of 2 MB", body, headers)
    body, headers = multipart(("file", "a.wav", b"x"), ("options", None, b"{"))
    yield sent("upload: options that are no JSON", body, headers)
    body, headers = multipart(("file", "a.wav", b"x"), ("options", None, b'{"track_id": "x"}'))
    yield sent("upload: options of another kind", body, headers)
    body, headers = multipart(*[("files", "a.wav", b"")] * 300)
    yield attack("upload: 300 files", "POST", "/audio/batch-analyze", body, headers=headers)
    for number, name in enumerate(NAMES):
        body, headers = multipart(("file", name, b"no audio"))
        yield sent(f"upload: file name {number}", body, headers)


NAMES = (
    "../../../../tmp/workbench-attack", "..\\..\\workbench-attack", "/tmp/workbench-attack", "C:\\workbench-attack",
    "workbench-attack\0.wav", "", ".", "..", "a" * 5000, "-rf", "$(touch workbench-attack)", "`touch workbench-attack`",
    "<script>alert(1)</script>.wav", "a\nb.wav", "con.wav", ".bashrc", "~/workbench-attack", "%2e%2e%2fworkbench-attack",
)  # fmt: skip


def sizes() -> Iterator[Attack]:
    """Too much."""
    for path in ("/playlists/generate", "/audio/find-similar", "/audio/batch-analyze"):
        # sent on after the refusal: its sender may find the connection closed before it has read why
        large = b" " * 2_000_000
        yield attack(f"2 MB of JSON at {path}", "POST", path, large, headers=JSON, allowed=frozenset({0, 413}))
        announced = JSON | {"Content-Length": "999999999999"}
        yield attack(f"a terabyte announced at {path}", "POST", path, b"{}", headers=announced)
        form = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": "500000001"}
        yield attack(f"more than an upload may have at {path}", "POST", path, b"--x\r\n", headers=form)
        deep = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
        yield attack(f"deep JSON at {path}", "POST", path, deep, headers=JSON)
        yield attack(
            f"a number of 100,000 digits at {path}", "POST", path, b'{"n": ' + b"9" * 100_000 + b"}", headers=JSON
        )
        gzip = JSON | {"Content-Encoding": "gzip"}
        yield attack(f"a packed body at {path}", "POST", path, b"\x1f\x8b" + bytes(50), headers=gzip)
    yield attack("a long URL", "GET", "/tracks?after=" + "a" * 60_000, allowed=frozenset({400, 414, 422}))
    yield attack("a longer URL", "GET", "/tracks?after=" + "a" * 200_000, allowed=frozenset({0, 400, 414, 431}))
    yield attack("ten thousand parameters", "GET", "/tracks?" + "&".join(f"a{i}=1" for i in range(5_000)))
    yield attack("a body to GET", "GET", "/tracks", b"x" * 200_000)
    yield attack("pages of a million", "GET", "/tracks?limit=1000000")
    yield attack("a waveform of a million points", "GET", f"/tracks/{NO_TRACK}/waveform?points=1000000")
    yield attack("a million results", "POST", "/audio/find-similar", {"track_id": NO_TRACK, "n": 1_000_000})
    yield attack("a playlist of a million", "POST", "/playlists/generate", {"n": 1_000_000})
    yield attack("a blend of a thousand", "POST", "/audio/find-similar", {"blend": [{"track_id": NO_TRACK}] * 1000})
    yield attack("two thousand labels", "PUT", f"/tracks/{NO_TRACK}/labels", {"labels": [{"name": "a"}] * 2000})


def malformed() -> Iterator[Attack]:
    """JSON that is none, or says what no field takes."""
    bodies = [
        b"", b"{", b"[]", b"null", b"1", b'"x"', b"{}{}", b"\xff\xfe", b"\x00", b"{'n': 1}", b'{"n": NaN}', b'{"n": Infinity}',
        b'{"n": 1e999}', b'{"n": -1}', b'{"n": true}', b'{"n": "1"}', b'{"n": [1]}', b'{"n": 1.5}', b'{"__proto__": {}}',
        b'{"__class__": "x"}', b'{"n": {"$gt": 0}}', b'{"seed": 99999999999999999999}', b'{"weights": {"tempo": NaN}}',
        b'{"bpm": [0, 1e308]}', b'{"bpm": [-1, 1]}', b'{"energy": [0]}', b'{"curve": [0.1, 2]}', b'{"key": "H dur"}',
        b'{"slots": [1]}', b'{"minutes": -5}', b'{"key": "\\ud800"}', b'{"start": "\\u0000"}', b"\xef\xbb\xbf{}",
    ]  # fmt: skip
    for number, body in enumerate(bodies):
        yield attack(f"malformed {number}", "POST", "/playlists/generate", body, headers=JSON)


def injections() -> Iterator[Attack]:
    """Expressions and values that would be run, were they not parsed."""
    wheres = [
        "1; DROP TABLE tracks", "bpm > 1; --", "' OR 1=1 --", "__import__('os').system('touch /tmp/workbench-attack')",
        "().__class__.__bases__", "lambda: 1", "[x for x in ()]", "f'{1}'", "open('/etc/passwd').read()", "bpm > (1).real",
        "path.__len__() > 1", "bpm in (SELECT 1)", "exec('x')", "bpm := 1", "title like", "array_set == 'x'", "9**9**9",
        "a" * 2001, "(" * 500 + "1" + ")" * 500, "not " * 600 + "bpm > 1", "bpm == bpm == bpm == load_extension('x')",
        "\x00", "title == '" + "x" * 1990, "(bpm > 1) UNION SELECT * FROM jobs", "sleep(10)", "number > 1",
    ]  # fmt: skip
    for number, where in enumerate(wheres):
        yield attack(f"where {number} in the query", "GET", f"/tracks?where={quote(where)}")
        yield attack(
            f"where {number} in a search", "POST", "/audio/find-similar", {"track_id": "{track}", "where": where}
        )
    for name in (
        "sort=path;DROP",
        "sort=(SELECT%201)",
        "sort=id%20DESC",
        "after=%00",
        "descending=1%20OR%201",
        "limit=1%3B",
    ):
        yield attack(f"query {name}", "GET", f"/tracks?{name}")
    for job in ("0", "-1", "1%20OR%201=1", "1e9", "99999999999999999999", "1.0", "0x1", "%31%00", "1;", "*"):
        yield attack(f"job {job}", "GET", f"/jobs/{job}")
    for state in ("x", "'", "done'--"):
        yield attack(f"state {state}", "GET", f"/jobs?state={quote(state)}")


def requests_for_elsewhere() -> Iterator[Attack]:
    """Addresses that the server would have to fetch."""
    for url in (
        "{trap}",
        "{trap}/song.wav",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://169.254.169.254/latest/meta-data",
    ):
        for path, asked in (
            ("/audio/find-similar", {"track_id": url}),
            ("/audio/find-similar", {"url": url}),
            ("/audio/find-similar", {"blend": [{"track_id": url}]}),
            ("/audio/batch-analyze", {"paths": [url]}),
            ("/playlists/generate", {"like": [url]}),
        ):
            yield attack(f"fetch {url} by {path} {next(iter(asked))}", "POST", path, asked)


class Bomb:
    """What a pickle that is loaded would do."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("/tmp/workbench-attack"),))


def pickles() -> Iterator[Attack]:
    """Objects in place of data."""
    bomb = pickle.dumps(Bomb())
    for media in ("application/json", "application/octet-stream", "application/x-python-pickle"):
        yield attack(f"pickle as {media}", "POST", "/playlists/generate", bomb, headers={"Content-Type": media})
    for name in ("a.pkl", "a.wav", "a.npy", "a.joblib"):
        body, headers = multipart(("file", name, bomb))
        yield attack(f"pickle named {name}", "POST", "/audio/find-similar", body, headers=headers)
    yield attack("pickle as a mark", "GET", f"/tracks?after={quote(base64.urlsafe_b64encode(bomb))}")
    for name, data in {"an XML bomb": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>&b;',
                       "a playlist with addresses": b"#EXTM3U\nhttp://127.0.0.1:1/\n/etc/passwd\n"}.items():  # fmt: skip
        body, headers = multipart(("file", "a.m3u8", data))
        yield attack(f"{name} as audio", "POST", "/audio/find-similar", body, headers=headers)


def raw() -> Iterator[Attack]:
    """What no HTTP library would send."""
    auth = b"Host: {host}\r\nAuthorization: Bearer {token}\r\n"
    get = f"GET {BASE}/tracks HTTP/1.1\r\n".encode()
    post = f"POST {BASE}/playlists/generate HTTP/1.1\r\n".encode() + auth + b"Content-Type: application/json\r\n"
    lines = {
        "no host": get + b"Authorization: Bearer {token}\r\n\r\n",
        "two hosts": get + auth + b"Host: evil.example\r\n\r\n",
        "two lengths": post + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "a length and chunks": post + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a negative length": post + b"Content-Length: -1\r\n\r\n",
        "a length with a sign": post + b"Content-Length: +2\r\n\r\n{}",
        "a length with blanks": post + b"Content-Length: 2 2\r\n\r\n{}",
        "a length in hexadecimal": post + b"Content-Length: 0x2\r\n\r\n{}",
        "an unknown coding": post + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "a coding with a tab": post + b"Transfer-Encoding:\tchunked, identity\r\n\r\n0\r\n\r\n",
        "a chunk of negative size": post + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        "a chunk of huge size": post + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        "a chunk without a size": post + b"Transfer-Encoding: chunked\r\n\r\n\r\n{}\r\n0\r\n\r\n",
        "a header without a colon": get + auth + b"broken\r\n\r\n",
        "a folded header": get + auth + b"X: a\r\n b\r\n\r\n" + b"",
        "a NUL in a header": get + auth + b"X: a\0b\r\n\r\n",
        "a bare line end": get + auth + b"X: a\rY: b\r\n\r\n",
        "a header of 100 KB": get + auth + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        "ten thousand headers": get + auth + b"X: a\r\n" * 10_000 + b"\r\n",
        "no version": f"GET {BASE}/tracks\r\n\r\n".encode(),
        "a version of the future": f"GET {BASE}/tracks HTTP/9.9\r\n".encode() + auth + b"\r\n",
        "a method in lower case": f"get {BASE}/tracks HTTP/1.1\r\n".encode() + auth + b"\r\n",
        "TRACE": f"TRACE {BASE}/tracks HTTP/1.1\r\n".encode() + auth + b"\r\n",
        "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\n" + auth + b"\r\n",
        "a proxy's request": b"GET http://evil.example/ HTTP/1.1\r\n" + auth + b"\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        "nothing but line ends": b"\r\n" * 20_000,
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "a tab in the request": f"GET\t{BASE}/tracks\tHTTP/1.1\r\n".encode() + auth + b"\r\n",
        "a socket without a key": f"GET {BASE}/ws/progress/1 HTTP/1.1\r\n".encode() + auth
        + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
        "a socket of an old version": f"GET {BASE}/ws/progress/1 HTTP/1.1\r\n".encode() + auth
        + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 7\r\nSec-WebSocket-Key: x\r\n\r\n",
    }  # fmt: skip
    for name, data in lines.items():
        yield Attack(f"raw: {name}", "", "", raw=data, allowed=REFUSED | {0, 426, 431, 501, 505})


ATTACKS = list(attacks())


@pytest.fixture(scope="module")
def trap() -> Iterator[tuple[str, list[bytes]]]:
    """Listen where nobody should ever knock."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def wait() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            heard.append(b"knock")
            connection.close()

    threading.Thread(target=wait, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
    listener.close()
    assert heard == []


@pytest.fixture(scope="module")
def words(served: Served, trap: tuple[str, list[bytes]]) -> Iterator[dict[str, str]]:
    """What stands for the words in braces; and a link that leads out."""
    (served.inbox / "link out").symlink_to("/etc")
    yield {
        "{music}": str(served.inbox),
        "{MUSIC}": str(served.inbox).upper(),
        "{host}": served.host,
        "{token}": served.token,
        "{trap}": trap[0],
        "{track}": served.track("rock/one.flac")["id"],
    }
    (served.inbox / "link out").unlink()


def filled(value: Any, words: dict[str, str]) -> Any:
    """Put the words in."""
    for word, meaning in words.items():
        if isinstance(value, bytes):
            value = value.replace(word.encode(), meaning.encode())
        elif isinstance(value, dict):
            value = {name: filled(one, words) for name, one in value.items()}
        elif value is not None:
            value = value.replace(word, meaning)
    return value


def status_of(served: Served, one: Attack, words: dict[str, str]) -> tuple[int, bytes]:
    """Send an attack, and give status and body; 0 if the server closed the connection."""
    try:
        if one.raw is not None:
            return send_raw(served, filled(one.raw, words))
        headers = {name: value.encode("latin-1", "replace").decode("latin-1") for name, value in
                   filled(one.headers, words).items()}  # fmt: skip
        answer = served.ask(
            one.method, filled(one.path, words), filled(one.body, words), headers=headers, token=one.token
        )
        return answer.status, answer.body
    except (ConnectionError, http.client.HTTPException):  # the server has closed the connection
        return 0, b""


def send_raw(served: Served, data: bytes) -> tuple[int, bytes]:
    host, port = served.host.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        said = b""
        while piece := connection.recv(65536):
            said += piece
    return (int(said.split(b" ", 2)[1]) if said.startswith(b"HTTP/") else 0), said


def test_the_table_is_large_and_its_rows_differ() -> None:
    assert len(ATTACKS) >= 200
    assert len({one.name for one in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("one", ATTACKS, ids=lambda one: one.name.encode("ascii", "backslashreplace").decode()[:60])
def test_an_attack_is_refused(served: Served, words: dict[str, str], one: Attack) -> None:
    status, body = status_of(served, one, words)
    assert status in one.allowed, body[:500]
    for secret in (b"root:x:0:0", b"Traceback", b"sqlalchemy", b".py", served.token.encode()):
        assert secret not in body


def test_nothing_was_done(served: Served, words: dict[str, str]) -> None:
    assert served.process.poll() is None
    assert served.get("/healthz") == {"status": "ready", "why": {}}
    for place in (Path("/tmp"), Path.cwd(), served.library, served.library / "uploads", Path("/")):
        assert not [file for file in place.glob("*workbench-attack*") if file.name == "workbench-attack"]
    assert not list((served.library / "uploads" / ".incoming").iterdir())


def test_no_secret_is_logged(served: Served) -> None:
    log = served.log.read_text()
    secret = served.token.partition(".")[2]
    assert secret not in log
    assert all(json.loads(line) for line in log.splitlines())
    assert "Uncaught exception" not in log


def test_hostile_tags_stay_text(served: Served, words: dict[str, str]) -> None:
    page = served.ask("GET", "/tracks?limit=500")
    assert page.headers["Content-Type"] == "application/json"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    answer = served.ask("POST", "/playlists/generate", {"n": 8}, headers={"Accept": "text/csv"})
    cells = [cell for row in csv.reader(io.StringIO(answer.body.decode())) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+", "\t"))]
    lists = served.ask("POST", "/playlists/generate", {"n": 8}, headers={"Accept": "audio/x-mpegurl"}).body.decode()
    assert all(line.startswith(("#EXTM3U", "#EXTINF:", "/", "file:")) for line in lists.splitlines())


@pytest.mark.slow
def test_slow_senders_are_let_go_and_hurt_nobody(served: Served) -> None:
    host, port = served.host.split(":")
    slow = [socket.create_connection((host, int(port)), timeout=90) for _ in range(50)]
    head = f"POST {BASE}/playlists/generate HTTP/1.1\r\nHost: {served.host}\r\nAuthorization: Bearer {served.token}\r\n"
    for number, connection in enumerate(slow):
        whole = head + "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
        connection.sendall(whole.encode() if number % 2 else head.encode())
    began = time.monotonic()
    for _ in range(20):
        served.get("/tracks?limit=1")
    assert time.monotonic() - began < 10
    for connection in slow:
        while connection.recv(65536):  # an answer, or the end
            pass
        connection.close()
    assert time.monotonic() - began < 85
