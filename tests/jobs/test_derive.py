"""What follows from stored summaries is computed from them, to the bit, and nothing is decoded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.jobs.collection import write_track
from tests.store.conftest import Store
from workbench.audio.decode import Limits
from workbench.audio.probe import Probe
from workbench.features import mood
from workbench.features.registry import specs
from workbench.jobs import graph
from workbench.jobs.decide import decide, results
from workbench.jobs.derive import needed
from workbench.schema import JobState
from workbench.similarity.embedding import EMBEDDING
from workbench.store.catalog.queries import tracks
from workbench.store.commit import commit_batch
from workbench.store.records import Analysis, WorkFile

DERIVED = (*(f"summary/{name}" for name in mood.DERIVED), EMBEDDING.path)
EVERYTHING = (*specs(), EMBEDDING)
DECODED = tuple(spec for spec in EVERYTHING if spec.path not in DERIVED)


@pytest.fixture
def song(tmp_path: Path) -> str:
    return str(write_track(tmp_path / "song.wav", 1))


def settings(store: Store) -> graph.Settings:
    return graph.Settings(str(store.parts.root), Limits(), "topic")


def analyzed(store: Store, song: str) -> graph.Probed:
    """Commit the analysis of a song without what can be derived."""
    job = store.plan(song)
    (probed,) = graph.probe_files(settings(store), 1, [WorkFile(0, song, 1.0)])
    decision = decide(store.catalog, [probed], DECODED)
    written = graph.write_parts(settings(store), 1, 1, graph.extract_files(settings(store), 1, decision.work))
    commit_batch(store.catalog, store.lease(job), results(decision, written), written.parts)
    store.ledger.finish(job, JobState.DONE)
    return probed


def test_what_can_be_derived_is_not_decoded_and_equals_what_decoding_gives(store: Store, song: str) -> None:
    probed = analyzed(store, song)
    (item,) = decide(store.catalog, [probed], EVERYTHING).work
    assert set(item.missing) == set(DERIVED)
    assert set(item.stored) == set(needed(DERIVED, [spec.key for spec in DECODED]))

    (decoded,) = graph.extract_files(settings(store), 2, [replace(item, stored={})])
    Path(song).unlink()
    (derived,) = graph.extract_files(settings(store), 2, [item])
    assert isinstance(derived.analysis, Analysis)
    assert isinstance(decoded.analysis, Analysis)
    for path in DERIVED:
        assert np.asarray(derived.arrays[path]).tobytes() == np.asarray(decoded.arrays[path]).tobytes(), path
    assert derived.analysis.columns.items() <= decoded.analysis.columns.items()
    assert set(derived.analysis.columns) == {"energy", "valence", "arousal", "danceability", "mood"}


def test_a_commit_of_derived_arrays_leaves_what_is_known_of_the_file(store: Store, song: str) -> None:
    probed = analyzed(store, song)
    (before,) = tracks(store.catalog)
    job = store.plan(song)
    decision = decide(store.catalog, [probed], EVERYTHING)
    written = graph.write_parts(settings(store), 2, 2, graph.extract_files(settings(store), 2, decision.work))
    commit_batch(store.catalog, store.lease(job), results(decision, written), written.parts)
    (after,) = tracks(store.catalog)
    assert after["energy"] is not None
    known = {name: value for name, value in before.items() if value is not None}
    assert {name: after[name] for name in known} == known
    assert not decide(store.catalog, [probed], EVERYTHING).work


def test_a_part_that_is_gone_sends_the_file_to_the_decoder(store: Store, song: str) -> None:
    probed = analyzed(store, song)
    assert isinstance(probed.found, Probe)
    (item,) = decide(store.catalog, [probed], EVERYTHING).work
    ((part_id, _), *_) = item.stored.values()
    store.parts.remove(part_id)
    (extracted,) = graph.extract_files(settings(store), 2, [item])
    assert isinstance(extracted.analysis, Analysis)
    assert extracted.analysis.source is not None


def test_audio_is_needed_where_one_array_cannot_be_derived_or_an_input_is_not_there() -> None:
    keys = [spec.key for spec in DECODED]
    assert needed(["summary/mood", "summary/mfcc"], keys) == ()
    assert needed(["embedding"], [key for key in keys if "mfcc" not in key]) == ()
    assert needed([], keys) == ()
