"""The tasks of a batch, called as plain functions: every file becomes a record, whatever happens."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.jobs.collection import write_track
from workbench.audio.decode import Limits
from workbench.audio.probe import Probe
from workbench.errors import Reason
from workbench.jobs import graph
from workbench.jobs.job import wanted_arrays
from workbench.store.arrays import PartStore
from workbench.store.job_entry import Request
from workbench.store.records import Analysis, Source, WorkFile
from workbench.testing import hostile_files

WANTED = tuple(spec.path for spec in wanted_arrays(Request(())))


@pytest.fixture
def settings(tmp_path: Path) -> graph.Settings:
    parts = PartStore(tmp_path / "features.zarr")
    parts.create()
    return graph.Settings(str(parts.root), Limits(), "topic")


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_track(tmp_path_factory.mktemp("songs") / "song.flac", 3, title="Song")


def to_extract(settings: graph.Settings, path: Path | str, missing: tuple[str, ...] = WANTED) -> graph.ToExtract:
    """Probe a file that must be audio."""
    (item,) = graph.probe_files(settings, 1, [WorkFile(0, str(path), 1.0)])
    assert isinstance(item.found, Probe), item.found
    return graph.ToExtract(item.file, item.found, missing)


def failure(settings: graph.Settings, item: graph.ToExtract) -> graph.Failure:
    """Extract a file that must fail."""
    (done,) = graph.extract_files(settings, 1, [item])
    assert isinstance(done.analysis, graph.Failure)
    assert done.arrays == {}
    return done.analysis


def test_probing_tells_good_from_bad_and_keeps_the_order(settings: graph.Settings, song: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    empty.touch()
    paths = [str(tmp_path / "gone.wav"), str(song), str(empty)]
    found = graph.probe_files(settings, 1, [WorkFile(i, path, 1.0) for i, path in enumerate(paths)])
    assert [item.file.path for item in found] == paths
    gone, good, nothing = (item.found for item in found)
    assert isinstance(good, Probe)
    assert (good.format, good.tags.title) == ("flac", "Song")
    assert isinstance(gone, graph.Failure)
    assert isinstance(nothing, graph.Failure)
    assert (gone.reason, nothing.reason) == (Reason.MISSING, Reason.EMPTY)


def test_a_surprise_while_probing_is_a_record_with_its_place(settings: graph.Settings) -> None:
    nameless = WorkFile(0, None, 1.0)  # type: ignore[arg-type]  # what a defect of the plan might send
    (item,) = graph.probe_files(settings, 1, [nameless])
    assert isinstance(item.found, graph.Failure)
    assert item.found.reason is Reason.INTERNAL
    assert "TypeError" in item.found.detail
    assert "line " in item.found.detail


def test_extracting_gives_exactly_the_arrays_that_are_missing(settings: graph.Settings, song: Path) -> None:
    for missing in (WANTED, ("summary/mfcc",), ("embedding",), ("frames/chroma", "summary/rms")):
        (done,) = graph.extract_files(settings, 1, [to_extract(settings, song, missing)])
        assert isinstance(done.analysis, Analysis)
        assert set(done.arrays) == set(missing)
        assert done.analysis.source == Source("flac", 22050, 2, ())
        assert done.analysis.columns["duration_s"] == pytest.approx(2.0)


def test_arrays_do_not_depend_on_what_else_is_wanted(settings: graph.Settings, song: Path) -> None:
    (whole,) = graph.extract_files(settings, 1, [to_extract(settings, song)])
    for path in ("summary/mfcc", "summary/chroma", "embedding", "segments/rms"):
        if path not in WANTED:
            continue
        (alone,) = graph.extract_files(settings, 1, [to_extract(settings, song, (path,))])
        np.testing.assert_array_equal(alone.arrays[path], whole.arrays[path])


def test_a_file_that_changed_since_it_was_probed(settings: graph.Settings, tmp_path: Path) -> None:
    item = to_extract(settings, write_track(tmp_path / "a.wav", 1))
    os.utime(item.file.path, ns=(1, 1))
    assert failure(settings, item).reason is Reason.CHANGED_WHILE_READ


def test_a_file_that_vanished_since_it_was_probed(settings: graph.Settings, tmp_path: Path) -> None:
    item = to_extract(settings, write_track(tmp_path / "a.wav", 1))
    os.unlink(item.file.path)
    assert failure(settings, item).reason is Reason.MISSING


def test_limits_hold_in_a_task(settings: graph.Settings, song: Path) -> None:
    item = to_extract(settings, song)
    assert failure(replace(settings, limits=Limits(max_duration_s=1.0)), item).reason is Reason.TOO_LONG
    assert failure(replace(settings, limits=Limits(max_channels=1)), item).reason is Reason.TOO_MANY_CHANNELS


def test_a_surprise_while_extracting_costs_only_its_own_file(settings: graph.Settings, song: Path) -> None:
    good = to_extract(settings, song)
    bad = replace(good, file=replace(good.file, ordinal=1), missing=("summary/nothing",))
    done = graph.extract_files(settings, 1, [bad, good])
    assert isinstance(done[0].analysis, graph.Failure)
    assert done[0].analysis.reason is Reason.INTERNAL
    assert "InputError" in done[0].analysis.detail
    assert isinstance(done[1].analysis, Analysis)


@pytest.mark.parametrize("level", [1e4, 1e15, 1e37])
def test_samples_of_absurd_height_are_described_or_refused(
    settings: graph.Settings, tmp_path: Path, level: float
) -> None:
    path = tmp_path / "loud.wav"
    noise = np.random.default_rng(0).standard_normal(22050).astype(np.float32)
    soundfile.write(path, noise * np.float32(level), 22050, subtype="FLOAT")
    (done,) = graph.extract_files(settings, 1, [to_extract(settings, path)])
    if isinstance(done.analysis, graph.Failure):
        assert done.analysis.reason is not Reason.INTERNAL, done.analysis.detail


def test_hostile_files_are_records(settings: graph.Settings, tmp_path: Path) -> None:
    hostile = hostile_files(tmp_path / "hostile", kinds=["wav-one-sample", "wav-nan", "flac-cut-in-middle"])
    files = [WorkFile(i, file.path, 1.0) for i, file in enumerate(hostile)]
    probed = graph.probe_files(settings, 1, files)
    work = [graph.ToExtract(p.file, p.found, WANTED) for p in probed if isinstance(p.found, Probe)]
    for item in graph.extract_files(settings, 1, work):
        wanted = hostile[item.work.file.ordinal]
        if isinstance(item.analysis, graph.Failure):
            assert item.analysis.reason in wanted.reasons
        else:
            assert wanted.expectation != "failed"


def test_one_part_per_set_of_arrays(settings: graph.Settings, song: Path, tmp_path: Path) -> None:
    other = write_track(tmp_path / "other.wav", 4)
    whole = to_extract(settings, song)
    part = to_extract(settings, other, ("frames/chroma",))
    gone = replace(to_extract(settings, write_track(tmp_path / "third.wav", 5)), file=WorkFile(2, "gone", 1.0))
    work = [whole, replace(part, file=replace(part.file, ordinal=1)), gone]
    written = graph.write_parts(settings, 7, 5, graph.extract_files(settings, 5, work))
    assert set(written.analyses) == {0, 1, 2}
    assert isinstance(written.analyses[2], graph.Failure)
    assert [part.tracks for part in written.parts] == [(whole.probe.content_id,), (part.probe.content_id,)]
    assert {path for path in written.parts[1].arrays if not path.endswith("offsets")} == {"track_id", "frames/chroma"}
    assert all(part.part_id.startswith("job7-batch5-") for part in written.parts)


def test_a_batch_of_failures_writes_nothing(settings: graph.Settings, song: Path) -> None:
    item = graph.Extracted(to_extract(settings, song), graph.Failure(Reason.CORRUPT, ""), {})
    written = graph.write_parts(settings, 1, 1, [item])
    assert written.parts == ()
    assert PartStore(settings.features).listed() == set()


def test_the_contract_of_any_array_is_found_by_its_path() -> None:
    for spec in wanted_arrays(Request((), ("chroma",))):
        assert graph.array_spec(spec.path) == spec
