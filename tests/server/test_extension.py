"""The same handlers inside a Jupyter Server, with its identity and its authorizer."""

from __future__ import annotations

import asyncio
import getpass
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.auth.authorizer import Authorizer
from tornado.httpclient import HTTPClientError, HTTPResponse

from tests.jobs.collection import Analyzed
from tests.server.serving import UPGRADE
from tests.server.test_access import methods, path_of
from workbench.server.api import ROUTES
from workbench.server.route import Route

pytest_plugins = ["pytest_jupyter.jupyter_server"]

Fetch = Callable[..., Awaitable[HTTPResponse]]
ROOT = ("workbench", "api", "v1")
ANONYMOUS = {"Authorization": "token wrong"}


class ReadsOnly(Authorizer):
    """Lets everybody look, and nobody touch, the workbench."""

    asked: list[tuple[str, str]] = []  # noqa: RUF012 - read by the test that sets it

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        self.asked.append((action, resource))
        return resource != "workbench" or action == "read"


@pytest.fixture
def jp_server_config(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"ServerApp": {"jpserver_extensions": {"workbench.server": True}} | getattr(request, "param", {})}


@pytest.fixture(autouse=True)
def own_library(tmp_path: Path, analyzed: Analyzed, cluster: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the extension have a copy of the library."""
    folder = tmp_path / "own.library"
    shutil.copytree(analyzed.path, folder)
    for name, value in {"LIBRARY": str(folder), "SCHEDULER": cluster, "ROOTS": str(analyzed.music)}.items():
        monkeypatch.setenv(f"WORKBENCH_{name}", value)
    return folder


async def refusal(call: Awaitable[Any]) -> tuple[int, dict[str, Any]]:
    """The status and problem of a request that must be refused."""
    with pytest.raises(HTTPClientError) as error:
        await call
    response = error.value.response
    assert response is not None
    return error.value.code, json.loads(response.body) if response.body else {}


async def test_all_of_it_works_in_a_jupyter_server(jp_fetch: Fetch, analyzed: Analyzed) -> None:
    page = json.loads((await jp_fetch(*ROOT, "tracks", params={"limit": "2"})).body)
    assert len(page["tracks"]) == 2
    track = page["tracks"][0]["id"]
    sound = await jp_fetch(*ROOT, "tracks", track, "audio", headers={"Range": "bytes=0-9"})
    assert (sound.code, len(sound.body)) == (206, 10)
    body = json.dumps({"track_id": track, "n": 2})
    found = await jp_fetch(
        *ROOT, "audio", "find-similar", method="POST", body=body, headers={"Content-Type": "application/json"}
    )
    assert len(json.loads(found.body)["results"]) == 2
    said = await jp_fetch(
        *ROOT, "tracks", track, "labels", method="PUT", body=json.dumps({"labels": [{"name": "mine"}]}),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert json.loads(said.body)["labels"][0]["author"] == getpass.getuser()  # and no random name
    document = json.loads((await jp_fetch(*ROOT, "openapi.json")).body)
    assert document["servers"][0]["url"].endswith("/workbench/api/v1")
    assert (await jp_fetch(*ROOT, "healthz")).code == 200
    assert (await jp_fetch(*ROOT, "docs")).headers["Content-Type"].startswith("text/html")
    status, problem = await refusal(jp_fetch(*ROOT, "nothing"))
    assert (status, problem["code"]) == (404, "not-found")
    status, problem = await refusal(jp_fetch(*ROOT, "tracks", params={"limit": "x"}))
    assert (status, problem["errors"][0]["field"]) == (422, "limit")


async def test_every_route_refuses_without_credentials(jp_fetch: Fetch) -> None:
    for method, route in methods():
        if route.pattern == "/healthz":
            continue
        body = "{}" if method in ("POST", "PUT", "PATCH") else None
        status, _ = await refusal(
            jp_fetch(*ROOT, *path_of(route).strip("/").split("/"), method=method, body=body, headers=ANONYMOUS)
        )
        assert status in (401, 403), (method, route.pattern)


@pytest.mark.parametrize("jp_server_config", [{"authorizer_class": ReadsOnly}], indirect=True)
async def test_the_authorizer_decides_by_the_resource(jp_fetch: Fetch) -> None:
    ReadsOnly.asked.clear()
    assert (await jp_fetch(*ROOT, "tracks")).code == 200
    headers = {"Content-Type": "application/json"}
    status, problem = await refusal(jp_fetch(*ROOT, "playlists", "generate", method="POST", body="{}", headers=headers))
    assert (status, problem["code"]) == (403, "forbidden")
    status, _ = await refusal(jp_fetch(*ROOT, "jobs", "1", method="DELETE"))
    assert status == 403
    assert ReadsOnly.asked == [("read", "workbench"), ("write", "workbench"), ("write", "workbench")]


async def test_pages_of_others_are_refused_also_with_a_token(jp_fetch: Fetch) -> None:
    evil = {"Origin": "http://evil.example"}
    status, problem = await refusal(jp_fetch(*ROOT, "tracks", headers=evil))
    assert (status, problem["code"]) == (403, "origin-not-allowed")
    for headers in (evil, ANONYMOUS):
        status, _ = await refusal(jp_fetch(*ROOT, "ws", "progress", "1", headers=UPGRADE | headers))
        assert status == 403


async def test_progress_over_a_socket(jp_fetch: Fetch, jp_ws_fetch: Any, analyzed: Analyzed) -> None:
    body = json.dumps({"paths": [str(analyzed.music / "rock")]})
    answer = await jp_fetch(
        *ROOT, "audio", "batch-analyze", method="POST", body=body, headers={"Content-Type": "application/json"}
    )
    assert answer.code == 202
    socket = await jp_ws_fetch(*ROOT, "ws", "progress", str(json.loads(answer.body)["job_id"]))
    message = None
    while (said := await asyncio.wait_for(socket.read_message(), 60)) is not None:
        message = json.loads(said)
    socket.close()
    assert message is not None
    assert (message["state"], message["percentage"]) == ("done", 100.0)


def test_every_handler_is_known_to_jupyter_as_guarded() -> None:
    for route in ROUTES:
        assert issubclass(route, Route)
        for method in ("get", "post", "put", "delete"):
            described = getattr(getattr(route, method), "operation", None)
            if described is not None:
                assert getattr(getattr(route, method), "__allow_unauthenticated") is described.public
                assert not described.public or route.pattern == "/healthz"
