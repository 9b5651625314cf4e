"""A real browser for tests: headless Chromium, spoken to over its DevTools protocol.

Where it is not installed, tests that need it are skipped with the remedy; CI installs it and allows no skip.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

_STARTUP_S = 60.0


class Browser:
    """One page of Chromium.

    Parameters
    ----------
    socket : ClientConnection
        To the browser.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._session: str | None = None
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.do("Page.enable")

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command, and give its result."""
        number = next(self._ids)
        session = {"sessionId": self._session} if self._session else {}
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters} | session))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer)
                return dict(answer["result"])

    def run(self, script: str) -> Any:
        """Run a script in the page as the body of an asynchronous function, and give what it returns."""
        expression = f"(async () => {{ {script} }})()"
        found = self.do("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def open(self, url: str) -> None:
        """Open a page, and wait until it is there."""
        failed = self.do("Page.navigate", url=url).get("errorText")
        assert failed is None, (url, failed)
        self.wait_for("document.readyState === 'complete'")

    def wait_for(self, condition: str) -> None:
        """Wait until an expression of the page is true, also while it goes to another."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.do("Runtime.evaluate", expression=condition, returnByValue=True)
            if found["result"].get("value") is True:
                return
            time.sleep(0.05)
        raise AssertionError(f"{condition} does not come true")

    def show_as(self, *, width: int = 1200, height: int = 800, dark: bool = False) -> None:
        """Show the page as on a screen of this size, in pixels, below 600 a phone's."""
        phone = width < 600
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.do("Emulation.setEmulatedMedia", features=scheme)

    def photograph(self, path: Path) -> None:
        """Write a picture of what the screen shows (PNG)."""
        path.write_bytes(base64.b64decode(self.do("Page.captureScreenshot")["data"]))


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Give a page of a browser that knows nothing yet."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="workbench-browser-", ignore_cleanup_errors=True) as profile:
        quiet = ("disable-background-networking", "disable-component-update", "disable-sync", "no-first-run")
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", *(f"--{flag}" for flag in quiet)]
        command = [program, *flags, "--remote-debugging-port=0", f"--user-data-dir={profile}"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            with connect(_address_of(process), max_size=None, compression=None) as socket:
                yield Browser(socket)
        finally:
            process.kill()
            process.communicate()


def _address_of(process: subprocess.Popen[str]) -> str:
    """Read where a browser listens from what it says."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        if found := re.search(r"DevTools listening on (ws://\S+)", line):
            return found[1]
        said.append(line)
    raise AssertionError(f"Chromium does not start: {''.join(said)[-2000:]}")
