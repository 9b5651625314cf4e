"""What the handlers share, without any server."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from pathlib import Path

import pytest

from tests.jobs.collection import Analyzed
from tests.services import eventually
from workbench.config import Settings
from workbench.server.service import Service


@pytest.mark.parametrize("broken", [False, True])
def test_a_library_is_prepared_when_it_is_opened(
    tmp_path: Path, analyzed: Analyzed, caplog: pytest.LogCaptureFixture, broken: bool
) -> None:
    shutil.copytree(analyzed.path, tmp_path / "a.library")
    shutil.rmtree(tmp_path / "a.library" / "index", ignore_errors=True)
    if broken:
        shutil.rmtree(tmp_path / "a.library" / "features.zarr")
    service = Service(Settings(library=tmp_path / "a.library"))
    try:
        with caplog.at_level(logging.WARNING):
            library = service.library
            if broken:  # it says so, and answers what it can
                eventually(lambda: "could not be prepared" in caplog.text)
                assert library.tracks_page(limit=1)[0]
            else:
                eventually(lambda: library._indexes._table is not None)
                assert {"bpm", "artist"} <= library.catalog.columns._columns.keys()
                assert library._indexes._vectors is not None
    finally:
        service.close()
    if not broken:
        assert "prepared" not in caplog.text


def test_who_looks_something_up_does_not_wait_for_who_computes(tmp_path: Path) -> None:
    service = Service(Settings(library=tmp_path / "a.library"))
    over = threading.Event()

    async def ask() -> None:
        computing = [asyncio.create_task(service.compute(over.wait, 30)) for _ in range(20)]
        await asyncio.sleep(0.1)
        assert await asyncio.wait_for(service.call(lambda: "looked up"), 10) == "looked up"
        assert not any(task.done() for task in computing)
        over.set()
        assert all(await asyncio.gather(*computing))

    try:
        asyncio.run(ask())
    finally:
        over.set()
        service.close()


def test_an_empty_library_needs_no_preparation(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    service = Service(Settings(library=tmp_path / "a.library"))
    assert service.library.tracks() == []
    service.close()
    assert "prepared" not in caplog.text
