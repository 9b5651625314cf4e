"""What a library lacks is known before anything is opened."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.store.conftest import SPECS, Store
from workbench.jobs.missing import find_missing
from workbench.schema import ArraySpec
from workbench.store.catalog.models import Job, JobFile

FRAMES = ArraySpec("chroma", "frames", ("pitch",), (12,), "1", 0, 1, "Chroma.", "test")


def test_a_library_that_has_everything_lacks_nothing(store: Store) -> None:
    store.add(1, 2)
    missing = find_missing(store.catalog, SPECS)
    assert (missing.paths, missing.arrays, missing.to_decode, missing.estimate_s) == ((), (), 0, 0.0)


def test_a_new_descriptor_costs_a_decoding_of_every_track(store: Store) -> None:
    store.add(1, 2)
    missing = find_missing(store.catalog, [*SPECS, FRAMES])
    assert missing.paths == ("/music/1.wav", "/music/2.wav")
    assert (missing.arrays, missing.to_decode, missing.to_derive) == (("frames/chroma",), 2, 0)
    assert missing.audio_s > 0
    assert missing.estimate_s is None  # no job has been timed


def test_the_estimate_is_made_from_the_speed_of_the_last_job(store: Store) -> None:
    store.add(1, 2)
    with store.catalog.write() as connection:
        connection.execute(sa.update(Job).values(worked_s=4.0))
        connection.execute(sa.update(JobFile).values(cost=10.0))
        n_files = connection.execute(sa.select(sa.func.count()).select_from(JobFile)).scalar_one()
    missing = find_missing(store.catalog, [*SPECS, FRAMES])
    per_file = missing.estimate_s / 2 if missing.estimate_s else 0.0
    assert per_file == pytest.approx(2.0 / (10.0 * n_files / 4.0), rel=0.1)  # a small file costs about 2
