"""A small collection, analyzed once, and a Dask cluster, for all tests of jobs, library and command line.

Fixtures; a test module or ``conftest.py`` imports those that it uses. What they give is made once
per run, however many modules import them, and must not be changed by a test.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from workbench.audio.scan import scan
from workbench.jobs.job import wanted_arrays
from workbench.library import Library
from workbench.store.batches import PlannedFile
from workbench.store.catalog.queries import placed_arrays
from workbench.store.job_entry import Request
from workbench.store.ledger import Ledger
from workbench.testing import encode, simulate_track

#: Each good file of the collection: style, tempo, seconds.
TRACKS: dict[str, tuple[str, float, float]] = {
    "ballad/calm.flac": ("ambient", 70, 4.0),
    "ballad/slow.wav": ("reggae", 72, 3.0),
    "club/house.mp3": ("house", 124, 4.0),
    "club/house two.wav": ("house", 126, 3.0),
    "club/techno.ogg": ("techno", 134, 3.0),
    "rock/one.flac": ("rock", 118, 2.5),
    "rock/two.ogg": ("rock", 140, 2.0),
    "rock/three.wav": ("rock", 132, 2.0),
}
COPY = "rock/three again.wav"
BAD = {"broken/empty.wav": "empty", "broken/notes.mp3": "not_audio", "broken/cut.flac": "corrupt"}
#: A title such as a stranger may write: a spreadsheet formula, markup.
HOSTILE_TITLE = "=HYPERLINK('x') [red]<b>bold</b>"


def write_track(
    path: Path, seed: int, *, style: str = "house", tempo: float = 124, seconds: float = 2.0, **tags: str
) -> Path:
    """Write a simulated track; the ending of the name tells the format."""
    y, sr, _ = simulate_track(seed, style=style, tempo=tempo, duration=seconds, sr=22050)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(y, sr, path.suffix[1:], tags=tags))  # type: ignore[arg-type]  # one of the four
    return path


def write_collection(folder: Path) -> Path:
    """Write the whole collection: good files, a copy, bad files."""
    for seed, (name, (style, tempo, seconds)) in enumerate(TRACKS.items()):
        title = HOSTILE_TITLE if name == "rock/one.flac" else Path(name).stem.title()
        artist = Path(name).parent.name.title()
        write_track(folder / name, seed, style=style, tempo=tempo, seconds=seconds, title=title, artist=artist)
    (folder / COPY).write_bytes((folder / "rock/three.wav").read_bytes())
    (folder / "broken").mkdir()
    (folder / "broken/empty.wav").touch()
    (folder / "broken/notes.mp3").write_text("Buy milk, eggs and a drum machine. " * 50)
    (folder / "broken/cut.flac").write_bytes((folder / "ballad/calm.flac").read_bytes()[:100])
    return folder


@dataclass(frozen=True)
class Analyzed:
    """A library, the music that it was made from, and the report of the job that made it."""

    library: Library
    music: Path
    report: dict[str, Any]

    @property
    def path(self) -> Path:
        return self.library.path

    def track(self, name: str) -> dict[str, Any]:
        """Give the record of a track by its name in the collection."""
        (found,) = [track for track in self.library.tracks() if track["path"] == str(self.music / name)]
        return found


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> str:
    """Address of a scheduler with two worker processes, set up as the workbench sets up its own."""
    return _cluster(_finalizer(request))


@pytest.fixture(scope="session")
def music(request: pytest.FixtureRequest) -> Path:
    """Folder of the collection."""
    return _music(_finalizer(request))


@pytest.fixture(scope="session")
def analyzed(request: pytest.FixtureRequest) -> Analyzed:
    """Give the collection, analyzed; for reading only."""
    return _analyzed(_finalizer(request))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Give an empty library of its own to a test."""
    with Library.open(tmp_path / "own.library") as opened:
        yield opened


Finalizer = Callable[[Callable[[], object]], None]


def _finalizer(request: pytest.FixtureRequest) -> Finalizer:
    return request.session.addfinalizer


@cache
def _cluster(at_end: Finalizer) -> str:
    from distributed import LocalCluster

    # what a user might have running: processes below nannies, which bring nothing of ours with them
    running = LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # a test beside this one may have the usual port
        silence_logs=logging.CRITICAL,
    )
    at_end(running.close)
    return str(running.scheduler_address)


@cache
def _folder(at_end: Finalizer) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="workbench-collection-"))
    at_end(lambda: rmtree(folder))
    return folder


@cache
def _music(at_end: Finalizer) -> Path:
    return write_collection(_folder(at_end) / "music")


@cache
def _analyzed(at_end: Finalizer) -> Analyzed:
    music = _music(at_end)
    library = Library.open(_folder(at_end) / "music.library")
    at_end(library.close)
    report = library.analyze(music, scheduler=_cluster(at_end)).report()
    return Analyzed(library, music, report)


def environment(**more: str) -> dict[str, str]:
    """Environment for a command that a test starts."""
    return {**os.environ, **more}


def plan_one_by_one(library: Library, *paths: Path, frames: tuple[str, ...] = ()) -> int:
    """Enter a job with a batch per file, as the files of a large collection would be; `Library.resume` runs it."""
    ledger = Ledger(library.catalog)
    request = Request(tuple(map(str, paths)), frames)
    job = ledger.create(request, lease_s=-1.0)  # this process does not insist on working on it
    files = [PlannedFile(f.path, f.size, f.mtime_ns, 3.0) for f in scan(request.paths)]
    ledger.add_files(job, 0, files)
    ledger.add_batches(job, [(i, i, 3.0) for i in range(len(files))])
    return job.job_id


def stored_arrays(library: Library) -> dict[tuple[str, str], bytes]:
    """Read every array of every track, as bytes, from the parts that the catalog names."""
    found: dict[tuple[str, str], bytes] = {}
    for spec in wanted_arrays(Request(())):
        for placed in placed_arrays(library.catalog, spec.path, spec.version):
            for row, track in zip(placed.rows, placed.track_ids, strict=True):
                if spec.level in ("segments", "frames"):
                    values = library.parts.read_rows(placed.part_id, spec.path, row)
                else:
                    values = library.parts.read(placed.part_id, spec.path)[row]
                found[track, spec.path] = values.tobytes()
    return found
