"""What docs/deploy offers works: TLS, a real nginx in front, the systemd unit, the compose file."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from tests.jobs.collection import Analyzed, write_track
from tests.server.serving import Served, start, stop
from tests.services import eventually
from tests.test_readme import ROOT
from workbench import errors
from workbench.cli import app
from workbench.client import AsyncClient, Client
from workbench.config import Settings
from workbench.testing.services import free_port

DEPLOY = ROOT / "docs/deploy"
NAME = "music.example.org"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a certificate of our own, with its key, for the name and for loopback."""
    pem = tmp_path_factory.mktemp("tls") / "own.pem"
    names = f"subjectAltName=DNS:{NAME},DNS:localhost,IP:127.0.0.1"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    ask = ["-days", "2", "-subj", f"/CN={NAME}", "-addext", names, "-keyout", str(pem), "-out", f"{pem}.crt"]
    subprocess.run([*made, *ask], check=True, capture_output=True)
    pem.write_text(pem.read_text() + Path(f"{pem}.crt").read_text())
    return pem


@pytest.fixture(autouse=True)
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the name of the server lead to this machine."""
    real = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1" if host in (NAME, NAME.encode()) else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


# --- TLS of the server itself ---------------------------------------------------------------------


@pytest.mark.slow
def test_the_server_speaks_tls(tmp_path: Path, analyzed: Analyzed, cluster: str, certificate: Path) -> None:
    served = start(tmp_path, analyzed, "--certificate", str(certificate), WORKBENCH_SCHEDULER=cluster)
    assert served.url.startswith("https://127.0.0.1:")
    with Client(served.url, served.token, certificates=trust(certificate)) as client:
        write_track(served.inbox / "new.wav", 31)
        job = client.analyze(served.inbox)
        assert list(client.progress(job.job_id))[-1].done == 1
    with (
        Client(served.url, served.token) as stranger,
        pytest.raises(errors.ServerUnreachableError, match="self-signed"),
    ):
        stranger.health()
    with pytest.raises(errors.ServerUnreachableError), Client("http" + served.url[5:], served.token) as plain:
        plain.health()
    assert stop(served) == 0


# --- nginx ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fronted:
    """A server behind nginx.

    Attributes
    ----------
    served : the server
    url : where nginx is, over TLS
    plain : where it sends those on who ask without
    certificate : its own
    """

    served: Served
    url: str
    plain: str
    certificate: Path

    def ask(self, method: str, path: str, *, local: str = "127.0.0.1", **named: Any) -> httpx2.Response:
        """Send a request from an address of this machine."""
        transport = httpx2.HTTPTransport(verify=trust(self.certificate), local_address=local)
        with httpx2.Client(transport=transport, timeout=60) as client:
            return client.request(method, self.url + path, **named)

    @property
    def client(self) -> Client:
        return Client(self.url, self.served.token, certificates=trust(self.certificate))


@pytest.fixture(scope="module")
def fronted(
    tmp_path_factory: pytest.TempPathFactory, analyzed: Analyzed, cluster: str, certificate: Path
) -> Iterator[Fronted]:
    """Give a server behind nginx, configured as documented but for ports and the place of the certificate."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    folder = tmp_path_factory.mktemp("nginx")
    served = start(folder, analyzed, "--behind", "127.0.0.1", WORKBENCH_HOSTS=NAME, WORKBENCH_SCHEDULER=cluster)
    secure, plain = free_port(), free_port()
    site = (DEPLOY / "nginx.conf").read_text()
    for found, put in (
        (r"(?m)^ *listen \[::\].*\n", ""),
        (r"listen 443", f"listen 127.0.0.1:{secure}"),
        (r"listen 80", f"listen 127.0.0.1:{plain}"),
        (r"/etc/ssl/workbench/\w+\.pem", str(certificate)),
        (r"127\.0\.0\.1:8765", served.host),
    ):
        site, n = re.subn(found, put, site)
        assert n, found
    places = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
    whole += f"http {{ access_log off; {places}\n{site}}}"
    (folder / "nginx.conf").write_text(whole)
    checked = subprocess.run([program, "-t", "-c", str(folder / "nginx.conf")], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen([program, "-c", str(folder / "nginx.conf")])
    try:
        given = Fronted(served, f"https://{NAME}:{secure}", f"http://{NAME}:{plain}", certificate)
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", secure)):
                break
            time.sleep(0.05)
        yield given
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        assert stop(served) == 0


@pytest.mark.slow
def test_a_job_through_nginx(fronted: Fronted, tmp_path: Path) -> None:
    """Uploads of more than nginx takes by itself, and a socket, for a thread and for asyncio."""
    large = write_track(tmp_path / "large.wav", 12, seconds=40.0)
    large.write_bytes(large.read_bytes() + bytes(3 << 20))
    with fronted.client as client:
        assert client.health().status == "ready"
        job = client.upload(large, write_track(tmp_path / "small.wav", 13))
        events = list(client.progress(job.job_id))
        assert (events[-1].state, events[-1].done) == ("done", 2)

    async def listen() -> list[int]:
        async with AsyncClient(fronted.url, fronted.served.token, certificates=trust(fronted.certificate)) as client:
            return [event.seq async for event in client.progress(job.job_id)]

    assert asyncio.run(listen()) == [events[-1].seq]


@pytest.mark.slow
def test_events_are_not_kept_back(fronted: Fronted) -> None:
    folder = fronted.served.inbox / "events"
    for n in range(8):
        write_track(folder / f"{n}.wav", 60 + n, seconds=20.0)
    with fronted.client as client:
        job = client.analyze(folder)
    bearer = fronted.served.bearer
    path = f"{fronted.url}/api/v1/jobs/{job.job_id}/events"
    with httpx2.stream("GET", path, headers=bearer, verify=trust(fronted.certificate), timeout=60) as answer:
        first = next(line for line in answer.iter_lines() if line.startswith("data:"))
    assert '"state": "done"' not in first


@pytest.mark.slow
def test_the_proxys_word_is_taken_and_the_clients_is_not(fronted: Fronted) -> None:
    forged = {"X-Forwarded-For": "198.51.100.7", "X-Real-Ip": "198.51.100.7", "X-Request-Id": "f" * 32}
    answer = fronted.ask("GET", "/api/v1/jobs", local="127.0.0.9", headers=fronted.served.bearer | forged)
    assert answer.status_code == 200
    assert answer.headers["X-Request-Id"] != "f" * 32
    lines: list[str] = []

    def is_logged() -> bool:  # which is done when the answer has gone out
        lines[:] = [one for one in fronted.served.log.read_text().splitlines() if answer.headers["X-Request-Id"] in one]
        return bool(lines)

    eventually(is_logged)
    (line,) = lines
    assert '"127.0.0.9"' in line
    cookies = fronted.ask("GET", "/login").headers.get_list("Set-Cookie")
    assert cookies
    logged_in = log_in(fronted)
    assert "Secure" in logged_in.headers["Set-Cookie"]  # as the proxy says that it is spoken to over TLS


def log_in(fronted: Fronted) -> httpx2.Response:
    """Log in as a browser does."""
    page = fronted.ask("GET", "/login")
    xsrf = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
    assert xsrf is not None
    form = {"_xsrf": xsrf[1], "token": fronted.served.token}
    origin = {"Origin": fronted.url, "Cookie": f"_xsrf={page.cookies['_xsrf']}"}
    answer = fronted.ask("POST", "/login", data=form, headers=origin)
    assert answer.status_code == 303, answer.text
    return answer


@pytest.mark.slow
def test_hosts_and_origins_through_nginx(fronted: Fronted) -> None:
    bearer = fronted.served.bearer
    own = fronted.ask("GET", "/api/v1/tracks", headers=bearer | {"Origin": fronted.url})
    other = fronted.ask("GET", "/api/v1/tracks", headers=bearer | {"Origin": "https://evil.example"})
    host = fronted.ask("GET", "/api/v1/tracks", headers=bearer | {"Host": "evil.example"})
    assert (own.status_code, other.status_code, host.status_code) == (200, 403, 403)
    assert (other.json()["code"], host.json()["code"]) == ("origin-not-allowed", "host-not-allowed")
    assert fronted.ask("GET", "/api/v1/metrics", headers=bearer).status_code == 403
    assert "max-age" in own.headers["Strict-Transport-Security"]
    moved = httpx2.get(f"{fronted.plain}/api/v1/tracks")
    assert (moved.status_code, moved.headers["Location"]) == (308, f"https://{NAME}/api/v1/tracks")


# --- systemd and compose --------------------------------------------------------------------------


def serve_options(command: str) -> set[str]:
    """The options of `workbench serve` in a command."""
    return {word for word in command.split() if word.startswith("--")}


def known_options() -> set[str]:
    import typer

    command = typer.main.get_command(app)
    serve = command.commands["serve"]  # type: ignore[attr-defined]  # a group
    return {option for parameter in serve.params for option in parameter.opts}


def test_the_unit_starts_what_there_is(tmp_path: Path) -> None:
    unit = (DEPLOY / "workbench.service").read_text()
    (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert serve_options(command) <= known_options()
    settings = set(re.findall(r"WORKBENCH_([A-Z_]+)", unit))
    assert settings <= {name.upper() for name in Settings.model_fields}
    if shutil.which("systemd-analyze") is None:
        return  # the unit is text to this machine; whoever installs it has systemd
    here = unit.replace("/opt/workbench/bin/workbench", sys.executable)
    (tmp_path / "workbench.service").write_text(here)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / "workbench.service")], capture_output=True, text=True
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(tmp_path / "workbench.service")],
        capture_output=True,
        text=True,
    )
    assert rated.returncode == 0, rated.stdout[-2000:]


def test_the_compose_file_holds_together() -> None:
    """As far as can be seen without Docker: what refers to something finds it, and commands have their options."""
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services: dict[str, Any] = found["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= set(services), name
        assert all("healthcheck" in services[other] for other in service.get("depends_on", ())), name
        assert set(service["networks"]) <= set(found["networks"]), name
        assert set(service.get("secrets", ())) <= set(found["secrets"]), name
        named = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        assert {volume for volume in named if re.fullmatch(r"\w+", volume)} <= set(found["volumes"]), name
        assert bool(service.get("ports")) == (name == "server"), name
        settings = {
            one.removeprefix("WORKBENCH_").lower() for one in service.get("environment", ()) if "WORKBENCH" in one
        }
        assert settings <= set(Settings.model_fields), name
    assert found["networks"]["inside"] == {"internal": True}
    assert all(service["networks"] == ["inside"] for name, service in services.items() if name != "server")
    assert serve_options(services["server"]["command"]) <= known_options()
    context = (DEPLOY / services["server"]["build"]["context"]).resolve()
    assert (context / services["server"]["build"]["dockerfile"]).is_file()
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    copied = {name for line in re.findall(r"^COPY (?!--)(.*) \S+$", dockerfile, re.MULTILINE) for name in line.split()}
    assert all((context / name).exists() for name in copied)
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert copied == {line[1:] for line in sent if line.startswith("!")}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"--extra (\w+)", dockerfile)) <= set(extras)


@pytest.mark.slow
@pytest.mark.parametrize("service", ["scheduler", "worker"])
def test_the_commands_of_dask_have_their_options(service: str) -> None:
    command = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"][service]["command"].split()
    shown = subprocess.run(
        [sys.executable, "-m", "dask", *command[1:2], "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(re.search(rf"(?<![\w-]){option}(?![\w-])", shown) for option in serve_options(" ".join(command)))
