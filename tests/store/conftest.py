"""A library's store with made-up tracks: no audio is decoded here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from tests.services import postgres_copy
from workbench.errors import Outcome
from workbench.schema import SORT_COLUMNS, ArraySpec, JobState
from workbench.store.arrays import PartRecord, PartStore, part_name
from workbench.store.batches import BatchLease, PlannedFile
from workbench.store.catalog import Catalog
from workbench.store.commit import FileResult, commit_batch
from workbench.store.job_entry import JobLease, Request
from workbench.store.ledger import Ledger
from workbench.store.records import Analysis, Source
from workbench.testing.services import PostgresServer

LEASE_S = 30.0

SUMMARY = ArraySpec("level", "summary", ("statistic",), (2,), "dB", -100, 100, "Level.", "test", optional=True)
SEGMENTS = ArraySpec("level", "segments", (), (), "dB", -100, 100, "Level per second.", "test")
FRAMES = ArraySpec("beats", "frames", ("coordinate",), (2,), "s", 0, 1e9, "Beats.", "test")
SPECS = (SUMMARY, SEGMENTS, FRAMES)


def content_id(number: int) -> str:
    """Make an id such as a track has."""
    return f"{number:032x}"


def values_of(number: int) -> dict[str, Any]:
    """Make arrays that tell which track they belong to."""
    number %= 97
    return {
        SUMMARY.path: np.array([number, np.nan if number % 3 == 0 else -number], dtype=np.float32),
        SEGMENTS.path: np.arange(number % 4, dtype=np.float32) + number,
        FRAMES.path: np.full((number % 3, 2), number, dtype=np.float32),
    }


def columns(number: int, **changes: Any) -> dict[str, Any]:
    """Make the descriptors of a track."""
    number %= 10_000_000
    return {
        "duration_s": 10.0 + number,
        "bpm": 60.0 + number,
        "bpm_confidence": 0.5,
        "key": "A minor",
        "camelot": "8A",
        "key_strength": 0.7,
        "energy": 0.5,
        "valence": 0.5,
        "arousal": 0.5,
        "danceability": 0.5,
        "mood": "calm",
        "loudness_lufs": -14.0,
    } | changes


@dataclass
class Store:
    """A catalog, its parts, and short ways to fill them."""

    catalog: Catalog
    parts: PartStore
    database: str = ""  # where the catalog is

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.catalog)

    def plan(
        self, *paths: str, batches: list[tuple[int, int, float]] | None = None, lease_s: float = LEASE_S
    ) -> JobLease:
        """Enter a job whose files all need work."""
        job = self.ledger.create(Request(("/music", *paths)), lease_s=lease_s)
        self.ledger.add_files(job, 0, [PlannedFile(path, 100, 1, 1.0) for path in paths])
        self.ledger.add_batches(job, batches or [(0, len(paths) - 1, float(len(paths)))])
        return job

    def lease(self, job: JobLease) -> BatchLease:
        """Lease a batch that must be there."""
        lease = self.ledger.lease_batch(job)
        assert lease is not None
        return lease

    def write(self, job: JobLease, *numbers: int) -> PartRecord:
        """Write a part for made-up tracks."""
        ids = [content_id(n) for n in numbers]
        return self.parts.write(part_name(job.job_id, "batch"), ids, SPECS, [values_of(n) for n in numbers])

    def result(self, ordinal: int, path: str, number: int, **changes: Any) -> FileResult:
        """Make the outcome of a file that was analyzed."""
        given: dict[str, Any] = {
            "size": 100,
            "mtime_ns": 1,
            "outcome": Outcome.ANALYZED,
            "content_id": content_id(number),
            "tags": {"title": f"Title {number}", "artist": "Somebody"},
            "analysis": Analysis(columns(number), Source("wav", 44100, 2, ())),
        }
        return FileResult(ordinal, path, **(given | changes))

    def add(self, *numbers: int) -> PartRecord:
        """Analyze made-up files ``/music/<number>.wav`` in one batch and commit them."""
        paths = [f"/music/{n}.wav" for n in numbers]
        job = self.plan(*paths)
        lease = self.lease(job)
        part = self.write(job, *numbers)
        results = [self.result(i, path, n) for i, (path, n) in enumerate(zip(paths, numbers, strict=True))]
        commit_batch(self.catalog, lease, results, [part])
        self.ledger.finish(job, JobState.DONE)
        return part


def as_of_0003(connection: sa.Connection) -> None:
    """Take back what the later migrations have done, as if the catalog were an older one."""
    for table in ("labels", "label_columns"):
        connection.execute(sa.text(f"DROP TABLE {table}"))
    for index in ("ix_jobs_state", "ix_jobs_submitted_by"):
        connection.execute(sa.text(f"DROP INDEX {index}"))
    for column in ("submitted_by", "started_at", "seq", "progress"):
        connection.execute(sa.text(f"ALTER TABLE jobs DROP COLUMN {column}"))
    connection.execute(sa.text("DROP TABLE writes"))
    for name in SORT_COLUMNS:
        connection.execute(sa.text(f"DROP INDEX ix_tracks_{name}"))
    for name in ("path", "artist", "bpm", "key", "energy"):
        connection.execute(sa.text(f"CREATE INDEX ix_tracks_{name} ON tracks ({name})"))
    for index in ("ix_tracks_number", "ix_tracks_changed"):
        connection.execute(sa.text(f"DROP INDEX {index}"))
    for column in ("number", "changed"):
        connection.execute(sa.text(f"ALTER TABLE tracks DROP COLUMN {column}"))
    connection.execute(sa.text("DELETE FROM meta WHERE key = 'numbers'"))
    connection.execute(sa.text("UPDATE alembic_version SET version_num = '0003'"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of modules that say so on both databases."""
    if "database" in metafunc.fixturenames:
        both = getattr(metafunc.module, "ON_BOTH_DATABASES", False)
        metafunc.parametrize("database", ["sqlite", "postgresql"] if both else ["sqlite"], indirect=True)


@pytest.fixture(scope="session")
def migrated(postgres_server: PostgresServer) -> str:
    """Give the name of a database with an empty catalog, to be copied: far quicker than to migrate for every test."""
    postgres_server.run("CREATE DATABASE migrated")
    Catalog(postgres_server.url("migrated")).close()
    return "migrated"


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty catalog."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield f"sqlite:///{tmp_path / 'catalog.sqlite'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with postgres_copy(server, request.getfixturevalue("migrated")) as url:
        yield url


@pytest.fixture
def store(database: str, tmp_path: Path) -> Iterator[Store]:
    """Give an empty store."""
    catalog = Catalog(database, busy_timeout_s=0.2)
    parts = PartStore(tmp_path / "features.zarr")
    parts.create()
    yield Store(catalog, parts, database)
    catalog.close()
