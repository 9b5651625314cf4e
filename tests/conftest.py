"""What holds for every test: no setting of the user applies, examples are the same each time, and CI skips nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

pytest_plugins = ("tests.services", "tests.browser")

ALLOWED_SKIPS = Path(__file__).parents[1] / ".ci" / "allowed-skips.txt"

hypothesis.settings.register_profile("workbench", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("workbench")

_scratch = tempfile.TemporaryDirectory(prefix="workbench-tests-")


@pytest.fixture(scope="module")
def unmeasured() -> Iterator[None]:
    """Leave what the tests of a module start out of the measurement of coverage, which makes servers twice as slow."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("COVERAGE_PROCESS")]:
            patch.delenv(name)
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests, their subprocesses and the doctests away from the user's library and settings."""
    for name in [name for name in os.environ if name.startswith("WORKBENCH_")]:
        del os.environ[name]
    os.environ["WORKBENCH_SETTINGS"] = os.devnull
    os.environ["WORKBENCH_LIBRARY"] = str(Path(_scratch.name) / "default.library")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI every test runs: one that is skipped without leave fails the whole run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None:
        return
    allowed = [line for line in ALLOWED_SKIPS.read_text().splitlines() if line and not line.startswith("#")]
    skipped = [report for kind in ("skipped", "xfailed") for report in reporter.stats.get(kind, [])]
    unexpected = [report.nodeid for report in skipped if report.nodeid not in allowed]
    if unexpected:
        reporter.write_line("")
        reporter.write_line(f"CI allows no skips but those in {ALLOWED_SKIPS.name}: {', '.join(unexpected)}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
