"""What becomes of files whose audio is known by now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.store.conftest import SPECS, Store, columns, content_id
from workbench.audio.probe import Probe
from workbench.audio.tags import Tags
from workbench.errors import Outcome, Reason
from workbench.jobs.decide import decide, results
from workbench.jobs.graph import Failure, Probed, Written
from workbench.schema import ArraySpec, JobState
from workbench.store.commit import FileResult, commit_batch
from workbench.store.records import Analysis, Source, WorkFile

FRAMES = ArraySpec("chroma", "frames", ("pitch",), (12,), "1", 0, 1, "Chroma.", "test")
ANALYSIS = Analysis(columns(1), Source("wav", 44100, 2, ()))
FAILURE = Failure(Reason.CORRUPT, "no frame")


def probed(ordinal: int, path: str | Path, number: int) -> Probed:
    """Make a file whose audio has an id with that number."""
    found = Probe(str(path), 100, 1, content_id(number), "wav", Tags(title=f"Take {ordinal}"))
    return Probed(WorkFile(ordinal, str(path), 1.0), found)


def settled(results: list[FileResult] | tuple[FileResult, ...]) -> dict[int, Outcome]:
    return {result.ordinal: result.outcome for result in results}


def test_new_audio_is_work(store: Store) -> None:
    decision = decide(store.catalog, [probed(0, "/a.wav", 1), probed(1, "/b.wav", 2)], SPECS)
    assert [item.file.ordinal for item in decision.work] == [0, 1]
    assert decision.work[0].missing == tuple(spec.path for spec in SPECS)
    assert decision.settled == ()


def test_a_retagged_file_is_unchanged(store: Store) -> None:
    store.add(1)
    decision = decide(store.catalog, [probed(0, "/music/1.wav", 1)], SPECS)
    assert settled(decision.settled) == {0: Outcome.UNCHANGED}
    assert decision.settled[0].tags is not None
    assert decision.settled[0].tags["title"] == "Take 0"
    assert not decision.work


def test_a_moved_file_is_unchanged_and_followed(store: Store) -> None:
    store.add(1)
    (result,) = decide(store.catalog, [probed(0, "/elsewhere/1.wav", 1)], SPECS).settled
    assert (result.outcome, result.moved_from) == (Outcome.UNCHANGED, "/music/1.wav")


def test_a_further_copy_is_a_duplicate(store: Store, tmp_path: Path) -> None:
    original = tmp_path / "original.wav"
    original.write_bytes(b"x")
    job = store.plan(str(original))
    commit_batch(store.catalog, store.lease(job), [store.result(0, str(original), 1)], [store.write(job, 1)])
    store.ledger.finish(job, JobState.DONE)
    (result,) = decide(store.catalog, [probed(0, tmp_path / "copy.wav", 1)], SPECS).settled
    assert (result.outcome, result.moved_from) == (Outcome.DUPLICATE, None)


def test_a_known_track_lacks_only_what_is_new(store: Store) -> None:
    store.add(1)
    (item,) = decide(store.catalog, [probed(0, "/music/1.wav", 1)], (*SPECS, FRAMES)).work
    assert item.missing == (FRAMES.path,)


def test_a_file_that_could_not_be_probed_has_failed(store: Store, tmp_path: Path) -> None:
    there = tmp_path / "there.wav"
    there.write_bytes(b"12345")
    files = [WorkFile(0, str(there), 1.0), WorkFile(1, str(tmp_path / "gone.wav"), 1.0)]
    decision = decide(store.catalog, [Probed(file, Failure(Reason.READ_ERROR, "I/O")) for file in files], SPECS)
    assert [(r.outcome, r.reason, r.detail) for r in decision.settled] == [
        (Outcome.FAILED, Reason.READ_ERROR, "I/O")
    ] * 2
    assert [r.size for r in decision.settled] == [5, 0]


def failed_before(store: Store, reason: Reason) -> None:
    job = store.plan("/music/bad.wav")
    result = store.result(0, "/music/bad.wav", 7, outcome=Outcome.FAILED, reason=reason, detail="x", analysis=None)
    commit_batch(store.catalog, store.lease(job), [result])
    store.ledger.finish(job, JobState.DONE)


def test_a_failed_file_that_was_renamed_is_not_decoded_again(store: Store) -> None:
    failed_before(store, Reason.CORRUPT)
    renamed = [probed(0, "/music/renamed.wav", 7)]
    (result,) = decide(store.catalog, renamed, SPECS).settled
    assert (result.outcome, result.reason, result.detail) == (Outcome.FAILED, Reason.CORRUPT, "x")
    assert result.moved_from == "/music/bad.wav"
    assert len(decide(store.catalog, renamed, SPECS, retry_failed=True).work) == 1


def test_a_broken_copy_does_not_condemn_an_intact_one(store: Store, tmp_path: Path) -> None:
    failed_before(store, Reason.CORRUPT)
    copy = probed(0, "/music/copy.wav", 7)
    assert isinstance(copy.found, Probe)
    other_file = replace(copy, found=replace(copy.found, mtime_ns=2))
    assert len(decide(store.catalog, [other_file], SPECS).work) == 1


def test_audio_that_failed_for_a_passing_reason_is_decoded(store: Store) -> None:
    failed_before(store, Reason.DECODER_MISSING)
    assert len(decide(store.catalog, [probed(0, "/music/bad.wav", 7)], SPECS).work) == 1


def test_copies_in_one_batch_share_one_decoding(store: Store) -> None:
    files = [probed(0, "/a.wav", 1), probed(1, "/b.wav", 2), probed(2, "/c.wav", 1), probed(3, "/d.wav", 1)]
    decision = decide(store.catalog, files, SPECS)
    assert [item.file.ordinal for item in decision.work] == [0, 1, 2, 3]
    done = results(decision, Written({0: FAILURE, 1: ANALYSIS, 2: ANALYSIS, 3: None}, ()))
    assert list(settled(done).values()) == [Outcome.FAILED, Outcome.ANALYZED, Outcome.ANALYZED, Outcome.DUPLICATE]
    assert [r.path for r in done if r.analysis is not None] == ["/b.wav", "/c.wav"]


def test_every_file_of_a_batch_has_one_result_in_order(store: Store) -> None:
    store.add(1)
    files = [
        probed(3, "/new.wav", 5),
        probed(4, "/music/1.wav", 1),
        replace(probed(5, "/bad.wav", 6), found=FAILURE),
        probed(6, "/copy.wav", 5),
    ]
    done = results(decide(store.catalog, files, SPECS), Written({3: ANALYSIS, 6: None}, ()))
    assert [r.ordinal for r in done] == [3, 4, 5, 6]
    assert list(settled(done).values()) == [Outcome.ANALYZED, Outcome.UNCHANGED, Outcome.FAILED, Outcome.DUPLICATE]
