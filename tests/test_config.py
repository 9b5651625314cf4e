"""Flags win over the environment, which wins over the file; the documentation lists every setting."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from pydantic import ValidationError

from workbench.config import Settings, settings_file

ROOT = Path(__file__).parents[1]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings.toml"
    monkeypatch.setenv("WORKBENCH_SETTINGS", str(path))
    monkeypatch.delenv("WORKBENCH_LIBRARY")
    return path


def test_without_a_file_the_defaults_hold(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(file.parent))
    settings = Settings()
    assert not file.exists()
    assert settings.library == file.parent / "workbench.library"
    assert (settings.workers, settings.scheduler) == (None, None)
    assert settings.max_duration_s >= 10 * 3600


def test_flags_win_over_environment_over_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("workers = 2\nmax_channels = 8\nlease_s = 5\n")
    monkeypatch.setenv("WORKBENCH_WORKERS", "3")
    monkeypatch.setenv("WORKBENCH_MAX_CHANNELS", "9")
    settings = Settings(workers=4)
    assert (settings.workers, settings.max_channels, settings.lease_s) == (4, 9, 5.0)


def test_an_unknown_setting_in_the_file_is_an_error(file: Path) -> None:
    file.write_text("workerz = 2\n")
    with pytest.raises(ValidationError, match="workerz"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"), [("WORKERS", "0"), ("MAX_DURATION_S", "-1"), ("MAX_CHANNELS", "many"), ("BUSY_TIMEOUT_S", "-1")]
)
def test_a_value_out_of_range_is_an_error(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"WORKBENCH_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_the_file_lies_in_the_configuration_folder_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_SETTINGS")
    assert settings_file().parts[-2:] == ("workbench", "settings.toml")


def test_the_documentation_is_current() -> None:
    render = runpy.run_path(str(ROOT / "scripts" / "make_settings_docs.py"))["render"]
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == render(), "run: make docs"
