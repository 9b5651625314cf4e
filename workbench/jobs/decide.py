"""What is to be done with files whose audio is known by now: nothing, or less than everything.

Pure of Dask and of decoding: probes in, outcomes and work out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from workbench.audio.probe import Probe
from workbench.errors import Outcome, Reason
from workbench.features.registry import spec
from workbench.jobs.derive import needed
from workbench.jobs.graph import Failure, Probed, ToExtract, Written
from workbench.schema import ArraySpec
from workbench.store.catalog import Catalog
from workbench.store.catalog.queries import KnownFailure, KnownTrack, known_failures, known_tracks, stored_rows
from workbench.store.commit import FileResult
from workbench.store.records import Analysis, WorkFile

_NO_STAT = (0, 0)


@dataclass(frozen=True, slots=True)
class Decision:
    """Outcomes that are known, and files to decode."""

    settled: tuple[FileResult, ...]
    work: tuple[ToExtract, ...]


def decide(
    catalog: Catalog, probed: Sequence[Probed], wanted: Sequence[ArraySpec], *, retry_failed: bool = False
) -> Decision:
    """Compare what was probed with the catalog.

    Parameters
    ----------
    catalog : Catalog
        What is known.
    probed : sequence of Probed
        The files of a batch.
    wanted : sequence of ArraySpec
        The arrays that every track is to have.
    retry_failed : bool
        Decode files again that failed before.
    """
    ids = sorted({p.found.content_id for p in probed if isinstance(p.found, Probe)})
    tracks = known_tracks(catalog, ids)
    failures = {} if retry_failed else known_failures(catalog, ids)
    settled: list[FileResult] = []
    work: list[ToExtract] = []
    for item in probed:
        if isinstance(item.found, Failure):
            settled.append(_unreadable(item.file, item.found))
            continue
        probe = item.found
        track = tracks.get(probe.content_id)
        missing = tuple(s.path for s in wanted if track is None or s.key not in track.keys)
        failure = _moved_failure(probe, failures.get(probe.content_id, []))
        if track is not None and not missing:
            settled.append(_known(item.file.ordinal, probe, track))
        elif track is None and failure is not None:
            settled.append(_failed_again(item.file.ordinal, probe, failure))
        else:
            work.append(ToExtract(item.file, probe, missing))
    return Decision(tuple(settled), _with_stored(catalog, work, tracks))


def _with_stored(
    catalog: Catalog, work: Sequence[ToExtract], tracks: Mapping[str, KnownTrack]
) -> tuple[ToExtract, ...]:
    """Say of each file that need not be decoded where the arrays lie that will do instead."""
    wanted: dict[str, tuple[str, ...]] = {}
    for item in work:
        track = tracks.get(item.probe.content_id)
        if track is not None and (paths := needed(item.missing, track.keys)):
            wanted[item.probe.content_id] = paths
    versions = {path: spec(path).version for paths in wanted.values() for path in paths}
    rows = stored_rows(catalog, sorted(wanted), versions)
    return tuple(
        replace(item, stored={path: rows[content_id][path] for path in wanted[content_id]})
        if (content_id := item.probe.content_id) in wanted
        else item
        for item in work
    )


def results(decision: Decision, written: Written) -> list[FileResult]:
    """Give the outcome of every file of a batch, now that the work is done."""
    done: dict[int, FileResult] = {result.ordinal: result for result in decision.settled}
    for item in decision.work:
        ordinal = item.file.ordinal
        analysis = written.analyses[ordinal]
        if isinstance(analysis, Analysis):
            done[ordinal] = replace(_result(ordinal, item.probe, Outcome.ANALYZED), analysis=analysis)
        elif isinstance(analysis, Failure):
            done[ordinal] = _result(ordinal, item.probe, Outcome.FAILED, reason=analysis.reason, detail=analysis.detail)
        else:
            done[ordinal] = _result(ordinal, item.probe, Outcome.DUPLICATE)
    return [done[ordinal] for ordinal in sorted(done)]


def _known(ordinal: int, probe: Probe, track: KnownTrack) -> FileResult:
    """Settle a file whose audio is analyzed: retagged, moved, or a further copy."""
    if track.path == probe.path:
        return _result(ordinal, probe, Outcome.UNCHANGED)
    if os.path.lexists(track.path):
        return _result(ordinal, probe, Outcome.DUPLICATE)
    return replace(_result(ordinal, probe, Outcome.UNCHANGED), moved_from=track.path)


def _moved_failure(probe: Probe, failures: Sequence[KnownFailure]) -> KnownFailure | None:
    """Find the failed file that this one was before it was renamed.

    Equal audio bytes are not enough: damage around them, in a header or an index, leaves the id as it
    is, and a broken copy must not condemn an intact one.
    """
    for failure in failures:
        same = (failure.size, failure.mtime_ns) == (probe.size, probe.mtime_ns)
        if same and not Reason(failure.reason).transient and not os.path.lexists(failure.path):
            return failure
    return None


def _failed_again(ordinal: int, probe: Probe, failure: KnownFailure) -> FileResult:
    reason = Reason(failure.reason)
    failed = _result(ordinal, probe, Outcome.FAILED, reason=reason, detail=failure.detail)
    return replace(failed, moved_from=failure.path)


def _unreadable(file: WorkFile, failure: Failure) -> FileResult:
    size, mtime_ns = _look(file.path)
    return FileResult(
        file.ordinal, file.path, size, mtime_ns, Outcome.FAILED, reason=failure.reason, detail=failure.detail
    )


def _result(
    ordinal: int, probe: Probe, outcome: Outcome, *, reason: Reason | None = None, detail: str | None = None
) -> FileResult:
    return FileResult(
        ordinal=ordinal,
        path=probe.path,
        size=probe.size,
        mtime_ns=probe.mtime_ns,
        outcome=outcome,
        content_id=probe.content_id,
        reason=reason,
        detail=detail,
        tags=asdict(probe.tags),
    )


def _look(path: str) -> tuple[int, int]:
    try:
        stat = os.stat(path)
    except OSError:
        return _NO_STAT
    return stat.st_size, stat.st_mtime_ns
