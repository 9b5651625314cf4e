"""A server that speaks the protocols of the providers, and fails on command."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from workbench.assist.transport import MOST_BYTES

#: What each kind asks for, below its address.
ROOTS = {"openai": "/v1", "openai-compatible": "/v1", "ollama": "/v1", "anthropic": "", "google": ""}


@dataclass
class ProviderServer:
    """A running server.

    Attributes
    ----------
    port : where
    fault : what the next requests meet; empty: an answer
    times : how often; then there are answers
    arguments : of the answer, made from the prompt that was sent
    requests : bodies that came, with their headers
    """

    port: int = 0
    fault: str = ""
    times: int = 1 << 30
    arguments: Callable[[str], dict[str, Any]] = lambda prompt: {"kind": "playlist", "mood": ["tense"], "n": 7}
    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)

    def address(self, kind: str, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{ROOTS[kind]}"


@contextmanager
def provider_server() -> Iterator[ProviderServer]:
    """Start a server, and stop it."""
    state = ProviderServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            state.requests.append((dict(self.headers), body))
            fault, state.times = state.fault if state.times > 0 else "", state.times - 1
            try:
                self._answer(fault, body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # who asked has had enough

        def _answer(self, fault: str, body: str) -> None:
            whole = json.dumps(_answer(self.path, state.arguments(body))).encode()
            match fault:
                case "401" | "429" | "500" | "503":
                    headers = {"Retry-After": "0"} if fault == "429" else {}
                    self._send(int(fault), b'{"error": {"message": "sk-secret-1 was refused", "type": "x"}}', headers)
                case "429 later":
                    self._send(429, b'{"error": {"message": "later"}}', {"Retry-After": "90"})
                case "redirect":
                    self._send(307, b"", {"Location": f"http://127.0.0.1:{state.port}/elsewhere"})
                case "slow first byte":
                    time.sleep(1.5)
                    self._send(200, whole)
                case "slow body":
                    self._begin(200, len(whole))
                    for at in range(0, len(whole), 4):
                        self.wfile.write(whole[at : at + 4])
                        self.wfile.flush()
                        time.sleep(0.05)
                case "half JSON":
                    self._send(200, whole[: len(whole) // 2])
                case "wrong schema":
                    self._send(200, json.dumps(_answer(self.path, {"kind": "delete", "path": "/"})).encode())
                case "not shown":
                    self._send(200, json.dumps(_answer(self.path, {"kind": "playlist", "exclude": ["t9"]})).encode())
                case "giant body":
                    self._begin(200, 50 * MOST_BYTES)
                    for _ in range(50):
                        self.wfile.write(b" " * MOST_BYTES)
                case _:
                    self._send(200, whole)

        def _begin(self, status: int, length: int, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.end_headers()

        def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self._begin(status, len(body), headers)
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(path: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Give arguments for the one tool, as the protocol of a path has them."""
    if path.endswith("/chat/completions"):
        call = {"id": "c1", "type": "function", "function": {"name": "request", "arguments": json.dumps(arguments)}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        return {
            "id": "1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "test",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
        }
    if path.endswith("/messages"):
        return {
            "id": "1",
            "type": "message",
            "role": "assistant",
            "model": "test",
            "content": [{"type": "tool_use", "id": "c1", "name": "request", "input": arguments}],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 100, "output_tokens": 20},
        }
    assert path.partition("?")[0].endswith(":generateContent"), path
    return {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"functionCall": {"name": "request", "args": arguments}}]},
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120},
        "modelVersion": "test",
    }
