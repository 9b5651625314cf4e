"""Whatever a provider does, the next one or the offline parser answers within the deadline, and no key is told."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic_ai", reason="the extra assist is not installed: pip install 'audio-workbench[assist]'")

from tests.assist.phrased import NAMES
from tests.assist.provider_server import ROOTS, ProviderServer, provider_server
from workbench.assist import breaker, guard
from workbench.assist.chain import Chain
from workbench.assist.reading import Reading
from workbench.config import Provider, Settings

KEY = "sk-secret-1"
KINDS = tuple(ROOTS)
DEADLINE_S = 6.0
TIMEOUT_S = 0.6
NOWHERE = "nowhere.invalid"

#: What a provider does, to the word with which that is told.
FAULTS = {
    "refused": "connection",
    "DNS": "unknown_host",
    "TLS": "tls",
    "401": "http_401",
    "429": "http_429",
    "429 later": "http_429",
    "500": "http_500",
    "503": "http_503",
    "slow first byte": "timeout",
    "slow body": "timeout",
    "half JSON": "invalid_answer",
    "wrong schema": "invalid_answer",
    "not shown": "invalid_answer",
    "giant body": "too_large",
    "redirect": "redirect",
    "private": "private_address",
}


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[ProviderServer, ProviderServer]]:
    """Two servers: one that fails, and one that does not."""
    with provider_server() as first, provider_server() as second:
        yield first, second


@pytest.fixture
def servers(
    running: tuple[ProviderServer, ProviderServer], monkeypatch: pytest.MonkeyPatch
) -> tuple[ProviderServer, ProviderServer]:
    for server in running:
        server.fault, server.times, server.requests = "", 1 << 30, []
        server.arguments = ProviderServer.arguments
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setattr(guard, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return running


def look_up(host: str, *args: Any, really: Callable[..., Any] = socket.getaddrinfo, **more: Any) -> Any:
    """Answer for a name that there is not, for which the network's own servers may take longer than the deadline."""
    if host == NOWHERE:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return really(host, *args, **more)


def provider(kind: str, address: str, name: str = "first", **more: Any) -> Provider:
    return Provider.model_validate(
        {"name": name, "kind": kind, "model": "test", "address": address, "timeout_s": TIMEOUT_S, "private": True}
        | more
    )


def chain(folder: Path, *providers: Provider, **settings: Any) -> Chain:
    return Chain(Settings(assist=providers, **{"assist_deadline_s": DEADLINE_S, **settings}), folder)


def ask(asked: Chain, text: str = "sad songs") -> Reading:
    return asked.read(text, NAMES, lambda ids: {})


def faulty(fault: str, kind: str, server: ProviderServer) -> Provider:
    """Give a provider that meets a fault."""
    address = server.address(kind)
    if fault == "refused":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{free.getsockname()[1]}{ROOTS[kind]}"
    elif fault == "DNS":
        address = f"http://{NOWHERE}{ROOTS[kind]}"
    elif fault == "TLS":
        address = server.address(kind, "https")
    elif fault == "private":
        return provider(kind, address, private=False)
    else:
        server.fault = fault
    # what comes in time comes in time on a busy machine too
    return provider(kind, address, timeout_s=TIMEOUT_S if FAULTS[fault] == "timeout" else 3.0)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_becomes_a_request(servers: tuple[ProviderServer, ProviderServer], tmp_path: Path, kind: str) -> None:
    asked = chain(tmp_path, provider(kind, servers[0].address(kind), timeout_s=5))
    reading = ask(asked)
    assert (reading.by, reading.request, reading.tried) == ("first", {"mood": ["tense"], "n": 7}, ())
    (headers, body), *more = servers[0].requests
    assert not more
    assert "sad songs" in body
    if kind in ("openai", "anthropic", "google"):
        assert KEY in str(headers.values())
    status = asked.status()
    assert (status["budget"]["tokens"], status["providers"][0]["state"]) == (120, "closed")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_in_the_next_answer(
    servers: tuple[ProviderServer, ProviderServer],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    fault: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    bad, good = servers
    first = faulty(fault, kind, bad)
    second = provider("openai-compatible", good.address("openai-compatible"), "second", timeout_s=5)
    both, alone = chain(tmp_path, first, second), chain(tmp_path, first)
    for asked, by in ((both, "second"), (alone, "offline")):
        began = time.monotonic()
        reading = ask(asked)
        assert time.monotonic() - began < DEADLINE_S
        assert (reading.by, list(reading.tried)) == (by, [{"provider": "first", "why": FAULTS[fault]}])
        assert reading.request == ({"mood": ["tense"], "n": 7} if by == "second" else {"mood": ["sad"]})
    assert asked.status()["providers"][0]["last_error"] == FAULTS[fault]
    told = [caplog.text, repr(reading), repr(asked.status()), repr(first), repr(Settings(assist=(first,)))]
    assert [text for text in told if KEY in text] == []


def test_what_passes_is_asked_again_when_the_provider_says(
    servers: tuple[ProviderServer, ProviderServer], tmp_path: Path
) -> None:
    bad, _ = servers
    bad.fault, bad.times = "429", 2
    asked = chain(tmp_path, provider("openai", bad.address("openai"), timeout_s=5))
    assert ask(asked).by == "first"
    assert (len(bad.requests), asked.status()["providers"][0]["retries"]) == (3, 2)


@pytest.mark.parametrize(("fault", "requests"), [("401", 1), ("wrong schema", 1), ("429 later", 1), ("500", 3)])
def test_only_what_passes_is_asked_again(
    servers: tuple[ProviderServer, ProviderServer], tmp_path: Path, fault: str, requests: int
) -> None:
    servers[0].fault = fault
    ask(chain(tmp_path, provider("openai", servers[0].address("openai"), timeout_s=5)))
    assert len(servers[0].requests) == requests


@pytest.mark.parametrize("kind", ["openai", "google"])
@pytest.mark.parametrize(("times", "by"), [(1, "first"), (2, "offline")])
def test_what_has_no_answer_is_asked_once_more_in_the_same_time(
    servers: tuple[ProviderServer, ProviderServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    times: int,
    by: str,
) -> None:
    monkeypatch.setattr(guard, "LEAST_SECOND_S", 0.2)
    servers[0].fault, servers[0].times = "slow first byte", times
    asked = chain(tmp_path, provider(kind, servers[0].address(kind), timeout_s=1.2))
    began = time.monotonic()
    assert ask(asked).by == by
    assert time.monotonic() - began < 1.8
    assert (len(servers[0].requests), asked.status()["providers"][0]["retries"]) == (2, 1)
    if by == "offline":
        assert asked.status()["providers"][0]["last_error"] == "timeout"


def test_where_too_little_time_is_left_what_has_no_answer_is_not_asked_again(
    servers: tuple[ProviderServer, ProviderServer], tmp_path: Path
) -> None:
    servers[0].fault = "slow first byte"
    ask(chain(tmp_path, provider("openai", servers[0].address("openai"))))
    assert len(servers[0].requests) == 1


def test_all_together_keep_the_deadline(servers: tuple[ProviderServer, ProviderServer], tmp_path: Path) -> None:
    servers[0].fault = "slow first byte"
    several = [provider("ollama", servers[0].address("ollama"), f"p{i}", timeout_s=5) for i in range(4)]
    asked = chain(tmp_path, *several, assist_deadline_s=0.8)
    began = time.monotonic()
    assert ask(asked).by == "offline"
    assert time.monotonic() - began < 1.4


def test_the_breaker_opens_and_closes(servers: tuple[ProviderServer, ProviderServer], tmp_path: Path) -> None:
    bad, _ = servers
    now = [0.0]
    asked = chain(tmp_path, provider("openai", bad.address("openai"), timeout_s=5))
    asked._health["first"] = guard.Health(breaker=breaker.Breaker(lambda: now[0]))

    def state() -> str:
        return str(asked.status()["providers"][0]["state"])

    bad.fault = "401"
    for _ in range(breaker.FAILURES):
        assert state() == "closed"
        ask(asked)
    assert state() == "open"
    assert ask(asked).tried == ({"provider": "first", "why": "breaker_open"},)
    assert len(bad.requests) == breaker.FAILURES
    now[0] = breaker.FIRST_S
    assert state() == "half-open"
    ask(asked)  # the probe fails: open for twice as long
    now[0] += breaker.FIRST_S
    assert state() == "open"
    now[0] += breaker.FIRST_S
    bad.fault = ""
    assert (state(), ask(asked).by, state()) == ("half-open", "first", "closed")


def test_a_budget_that_is_spent_asks_nobody(servers: tuple[ProviderServer, ProviderServer], tmp_path: Path) -> None:
    one = provider("openai", servers[0].address("openai"), timeout_s=5, cost_in=1000, cost_out=5000)
    asked = chain(tmp_path, one, assist_cost_per_day=0.3)
    assert [ask(asked).by for _ in range(3)] == ["first", "first", "offline"]  # 0.2 dollars each
    assert ask(asked).tried == ({"provider": "first", "why": "budget_spent"},)
    assert chain(tmp_path, one, assist_cost_per_day=0.3).status()["budget"]["cost"] == 0.4
    assert ask(chain(tmp_path / "other", one, assist_tokens_per_day=0)).by == "offline"


def test_without_a_key_nobody_is_asked(
    servers: tuple[ProviderServer, ProviderServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setattr("keyring.get_password", lambda service, name: None)
    asked = chain(tmp_path, provider("anthropic", servers[0].address("anthropic")))
    assert ask(asked).tried == ({"provider": "first", "why": "no_key"},)
    assert servers[0].requests == []
    monkeypatch.setattr("keyring.get_password", lambda service, name: {("workbench", "first"): KEY}[service, name])
    assert ask(asked).by == "first"


def test_no_variable_sends_a_key_elsewhere(
    servers: tuple[ProviderServer, ProviderServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The libraries of the providers read addresses and proxies from the environment; the workbench does not."""
    bad, good = servers
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "OLLAMA_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, good.address("openai"))
    for kind in KINDS:
        assert ask(chain(tmp_path, provider(kind, bad.address(kind), timeout_s=5))).by == "first"
    assert good.requests == []
