"""What is to be done with files whose audio is known by now: nothing, or less than everything.

Pure of Dask and of decoding: probes in, outcomes and work out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from workbench.audio.probe import Probe
from workbench.errors import Outcome, Reason
from workbench.jobs.graph import Failure, Probed, ToExtract, Written
from workbench.schema import ArraySpec
from workbench.store.catalog import Catalog
from workbench.store.catalog.queries import KnownTrack, known_failures, known_tracks
from workbench.store.commit import Analysis, FileResult

_NO_STAT = (0, 0)


@dataclass(frozen=True, slots=True)
class Decision:
    """Outcomes that are known, files to decode, and files with the audio of one of those."""

    settled: tuple[FileResult, ...]
    work: tuple[ToExtract, ...]
    copies: Mapping[int, int]
    probes: Mapping[int, Probe]


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
        Decode audio again that failed before.
    """
    found = {p.file.ordinal: p.found for p in probed if isinstance(p.found, Probe)}
    ids = sorted({probe.content_id for probe in found.values()})
    tracks = known_tracks(catalog, ids)
    failures = {} if retry_failed else known_failures(catalog, ids)
    settled: list[FileResult] = []
    work: list[ToExtract] = []
    copies: dict[int, int] = {}
    first_of: dict[str, int] = {}
    for item in probed:
        ordinal, path = item.file.ordinal, item.file.path
        if isinstance(item.found, Failure):
            size, mtime_ns = _look(path)
            settled.append(
                FileResult(
                    ordinal, path, size, mtime_ns, Outcome.FAILED, reason=item.found.reason, detail=item.found.detail
                )
            )
            continue
        probe = item.found
        track = tracks.get(probe.content_id)
        missing = tuple(s.path for s in wanted if track is None or s.key not in track.keys)
        if track is not None and not missing:
            settled.append(_known(ordinal, probe, track))
        elif track is None and probe.content_id in failures and not Reason(failures[probe.content_id][0]).transient:
            reason, detail = failures[probe.content_id]
            settled.append(_result(ordinal, probe, Outcome.FAILED, reason=Reason(reason), detail=detail))
        elif probe.content_id in first_of:
            copies[ordinal] = first_of[probe.content_id]
        else:
            first_of[probe.content_id] = ordinal
            work.append(ToExtract(item.file, probe, missing))
    return Decision(tuple(settled), tuple(work), copies, found)


def results(decision: Decision, written: Written) -> list[FileResult]:
    """Give the outcome of every file of a batch, now that the work is done."""
    done: dict[int, FileResult] = {result.ordinal: result for result in decision.settled}
    for item in decision.work:
        ordinal = item.file.ordinal
        analysis = written.analyses[ordinal]
        if isinstance(analysis, Analysis):
            done[ordinal] = replace(_result(ordinal, item.probe, Outcome.ANALYZED), analysis=analysis)
        else:
            done[ordinal] = _result(ordinal, item.probe, Outcome.FAILED, reason=analysis.reason, detail=analysis.detail)
    for ordinal, first in decision.copies.items():
        same = done[first]
        outcome = Outcome.FAILED if same.outcome is Outcome.FAILED else Outcome.DUPLICATE
        done[ordinal] = _result(ordinal, decision.probes[ordinal], outcome, reason=same.reason, detail=same.detail)
    return [done[ordinal] for ordinal in sorted(done)]


def _known(ordinal: int, probe: Probe, track: KnownTrack) -> FileResult:
    """Settle a file whose audio is analyzed: retagged, moved, or a further copy."""
    if track.path == probe.path:
        return _result(ordinal, probe, Outcome.UNCHANGED)
    if os.path.lexists(track.path):
        return _result(ordinal, probe, Outcome.DUPLICATE)
    return replace(_result(ordinal, probe, Outcome.UNCHANGED), moved_from=track.path)


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
