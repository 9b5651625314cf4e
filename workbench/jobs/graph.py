"""What workers do: ``probe``, then ``extract -> write part``, two tasks per batch.

The driver looks between the two: audio that the catalog has already, under another name or with other
tags, goes no further. Arrays are written where they were made, so everything that crosses between
processes is a small record.

A file that cannot be analyzed becomes a record with a reason; only the loss of the whole process,
or a full disk, ends a task without one.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from workbench.audio.decode import AudioStream, Limits, open_audio
from workbench.audio.probe import Probe, probe, stat_file
from workbench.audio.samples import Samples
from workbench.compiled import watch_compilation
from workbench.errors import AudioError, LibraryDamagedError, Reason
from workbench.failpoint import failpoint
from workbench.features.extract import SHORTEST_S, Features, columns, extract
from workbench.features.registry import spec
from workbench.jobs.derive import derive
from workbench.jobs.processes import in_worker
from workbench.jobs.report import report, wanted
from workbench.jobs.watchdog import deadline
from workbench.schema import ArraySpec
from workbench.similarity.embedding import EMBEDDING, INPUTS, embed
from workbench.store.arrays import PartRecord, PartStore, part_name
from workbench.store.records import Analysis, Source, WorkFile

if TYPE_CHECKING:
    from distributed import Client, Future

logger = logging.getLogger(__name__)
T = TypeVar("T")

#: A decoder that watches its own deadline gets this much longer before the process is ended.
_GRACE_S = 5.0


class _UnwantedError(Exception):
    """Nobody waits for the task any more: its job was cancelled, or its driver is gone."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What every task of a job needs to know.

    Attributes
    ----------
    features : path of ``features.zarr``, as the workers see it
    limits : bounds on what one file may take
    topic : where workers report the files that they begin and finish
    within : folders that no link may lead out of; none means that any may
    """

    features: str
    limits: Limits
    topic: str
    within: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file could not be analyzed."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Probed:
    """A file, and what was found in it without decoding."""

    file: WorkFile
    found: Probe | Failure


@dataclass(frozen=True, slots=True)
class ToExtract:
    """A file to describe.

    Attributes
    ----------
    file, probe : the file, and what was found in it without decoding
    missing : paths of the arrays that its track lacks
    stored : part and row, by path, of the arrays from which they can be computed; empty: it must be decoded
    """

    file: WorkFile
    probe: Probe
    missing: tuple[str, ...]
    stored: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extracted:
    """A decoded file; `arrays` stay on the worker that made them. No analysis: its audio was in the batch before."""

    work: ToExtract
    analysis: Analysis | Failure | None
    arrays: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Written:
    """What comes back of a batch: what `Extracted` has per file, and the parts that hold the arrays."""

    analyses: Mapping[int, Analysis | Failure | None]
    parts: tuple[PartRecord, ...]


def submit_probe(client: Client, settings: Settings, batch_id: int, files: Sequence[WorkFile]) -> Future[Any]:
    """Send the first task of a batch."""
    return client.submit(in_worker, settings.topic, probe_files, settings, batch_id, tuple(files), pure=False)


def submit_extract(
    client: Client, settings: Settings, job_id: int, batch_id: int, work: Sequence[ToExtract], priority: int = 10
) -> Future[Any]:
    """Send the second task of a batch."""
    task = (settings, job_id, batch_id, tuple(work))
    return client.submit(in_worker, settings.topic, extract_and_write, *task, pure=False, priority=priority)


def probe_files(settings: Settings, batch_id: int, files: Sequence[WorkFile]) -> tuple[Probed, ...]:
    """Identify the audio of each file and read its tags; nothing is decoded."""
    return tuple(Probed(file, _probed(settings, batch_id, file)) for file in _while_wanted(files))


def extract_and_write(settings: Settings, job_id: int, batch_id: int, work: Sequence[ToExtract]) -> Written:
    """Decode and describe the files of a batch, and write what they lack; the arrays stay in this process."""
    return write_parts(settings, job_id, batch_id, extract_files(settings, batch_id, work))


def extract_files(settings: Settings, batch_id: int, work: Sequence[ToExtract]) -> tuple[Extracted, ...]:
    """Decode each audio once and compute the arrays that its track lacks."""
    with watch_compilation(lambda name: _report(settings, {"compiling": name})):
        return tuple(_extract(settings, batch_id, work))


def _extract(settings: Settings, batch_id: int, work: Sequence[ToExtract]) -> list[Extracted]:
    done: list[Extracted] = []
    analyzed: set[str] = set()
    for item in _while_wanted(work):
        _report(settings, {"begun": item.file.path, "batch": batch_id})
        if item.probe.content_id in analyzed:
            done.append(Extracted(item, None, {}))
        else:
            done.append(_extracted(settings, item))
        if isinstance(done[-1].analysis, Analysis):
            analyzed.add(item.probe.content_id)
        _report(settings, {"done": item.file.path, "batch": batch_id, "cost": item.file.cost})
        failpoint("file-extracted")
    return done


def write_parts(settings: Settings, job_id: int, batch_id: int, extracted: Sequence[Extracted]) -> Written:
    """Write the arrays of a batch: one part, or one for each set of arrays that tracks lacked."""
    store = PartStore(settings.features)
    groups: dict[tuple[str, ...], list[Extracted]] = {}
    for item in extracted:
        if isinstance(item.analysis, Analysis):
            groups.setdefault(item.work.missing, []).append(item)
    parts = tuple(
        store.write(
            part_name(job_id, f"batch{batch_id}"),
            [item.work.probe.content_id for item in items],
            [array_spec(path) for path in missing],
            [item.arrays for item in items],
        )
        for missing, items in groups.items()
    )
    return Written({item.work.file.ordinal: item.analysis for item in extracted}, parts)


def array_spec(path: str) -> ArraySpec:
    """Give the contract of any stored array by its path."""
    return EMBEDDING if path == EMBEDDING.path else spec(path)


def _probed(settings: Settings, batch_id: int, file: WorkFile) -> Probe | Failure:
    try:
        with deadline(settings.limits.deadline_s + _GRACE_S):
            return probe(file.path, within=settings.within)
    except AudioError as error:
        return Failure(error.reason, error.detail)
    except Exception as error:  # one file's surprise must not cost the others their analysis
        return _surprise(file.path, error)
    finally:
        failpoint("file-probed")


def _extracted(settings: Settings, item: ToExtract) -> Extracted:
    try:
        with deadline(settings.limits.deadline_s + _GRACE_S):
            analysis, arrays = _derived(settings, item) or _analyze(settings, item)
        for path in item.missing:
            contract = array_spec(path)
            rows = arrays[path] if contract.level in ("segments", "frames") else arrays[path][np.newaxis]
            contract.encode(rows)  # a value outside its contract must show here, where the file is known
        return Extracted(item, analysis, {path: arrays[path] for path in item.missing})
    except _UnwantedError:
        raise
    except AudioError as error:
        return Extracted(item, Failure(error.reason, error.detail), {})
    except MemoryError as error:
        return Extracted(item, Failure(Reason.OUT_OF_MEMORY, str(error)), {})
    except Exception as error:  # one file's surprise must not cost the others their analysis
        return Extracted(item, _surprise(item.file.path, error), {})


def _analyze(settings: Settings, item: ToExtract) -> tuple[Analysis, dict[str, npt.NDArray[Any]]]:
    wanted = set(item.missing) - {EMBEDDING.path}
    if EMBEDDING.path in item.missing:
        wanted |= set(INPUTS)
    with open_audio(item.file.path, limits=settings.limits, within=settings.within) as stream:
        features = describe(stream, _while_wanted(stream.native_blocks()), wanted)
    now = stat_file(item.file.path)
    if (now.size, now.mtime_ns) != (item.probe.size, item.probe.mtime_ns):
        raise AudioError(item.file.path, Reason.CHANGED_WHILE_READ)
    arrays = dict(features.arrays)
    if EMBEDDING.path in item.missing:
        arrays[EMBEDDING.path] = embed({path: arrays[path][np.newaxis] for path in INPUTS})[0]
    source = Source(item.probe.format, stream.sample_rate, stream.channels, tuple(sorted(stream.flags)))
    return Analysis(features.columns, source), arrays


def _derived(settings: Settings, item: ToExtract) -> tuple[Analysis, dict[str, npt.NDArray[Any]]] | None:
    """Compute what is missing from what is stored; None where that is not enough, or is damaged."""
    if not item.stored:
        return None
    store = PartStore(settings.features)
    try:
        stored = {
            path: array_spec(path).decode(np.asarray(store.open(part_id, path)[row]))
            for path, (part_id, row) in item.stored.items()
        }
    except LibraryDamagedError:  # or merged away a moment ago: the audio has it all
        return None
    if any(np.isnan(array).any() and not array_spec(path).optional for path, array in stored.items()):
        return None  # chunks were taken away under the reader
    arrays = derive(item.missing, stored)
    return Analysis(columns(arrays)), arrays


def describe(stream: AudioStream, blocks: Iterable[Samples], paths: Collection[str]) -> Features:
    """Extract the arrays named from blocks of an open file; `AudioError` if there is too little audio."""
    try:
        return extract(blocks, stream.sample_rate, paths=paths)
    except ValueError as error:
        duration_s = stream.decoded_frames / stream.sample_rate
        if duration_s >= SHORTEST_S:
            raise
        raise AudioError(stream.path, Reason.TOO_SHORT, f"{1000 * duration_s:.2f} ms") from error


def _while_wanted(items: Iterable[T]) -> Iterator[T]:
    """Give items until the driver has taken the task off the cluster: a thread that runs cannot be stopped.

    Raises
    ------
    _UnwantedError
        When it has.
    """
    is_wanted = wanted()
    for item in items:
        if not is_wanted():
            raise _UnwantedError
        yield item


def _surprise(path: str, error: Exception) -> Failure:
    logger.exception("analysis of %r failed", path)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return Failure(Reason.INTERNAL, f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})")


def _report(settings: Settings, event: dict[str, Any]) -> None:
    # a name that is not UTF-8 cannot be sent, and would break the connection for everything else
    sendable = {k: v.encode(errors="backslashreplace").decode() if isinstance(v, str) else v for k, v in event.items()}
    report(settings.topic, sendable)
