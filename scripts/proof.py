"""What the scripts ``prove_*.py`` share: the verdict, the invariants of any library, and its bits.

The invariants are those of the commit protocol in docs/architecture.md. They are checked from below,
in the tables and on the disk, so that a defect of the answers above cannot hide one of the store.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psutil

    from workbench import Library

#: Hostile kinds with a lasting outcome that is quick to reach.
HOSTILE = (
    "empty", "text-named-mp3", "wav-nan", "wav-one-sample", "flac-cut-in-middle", "ogg-cut-in-header",
    "mp3-flipped-body", "wav-channels-65", "tag-lone-surrogates", "name-not-utf-8",
)  # fmt: skip

#: Path, and of its outcome: reason and content id. A duplicate counts as analyzed: which of two equal
#: files is read first is not fixed, only that one is.
Outcomes = dict[str, tuple[str | None, str | None]]


class Proof:
    """What was found, what did not hold, and the exit code that says so.

    Parameters
    ----------
    claim : str
        One sentence: what the script shows.
    as_json : bool
        Print the verdict as one JSON document on standard output.
    """

    def __init__(self, claim: str, *, as_json: bool) -> None:
        self.claim = claim
        self.figures: dict[str, Any] = {}
        self.broken: list[str] = []
        self._as_json = as_json
        self._began = time.monotonic()
        # a script that is told to end leaves no process, mount or file behind, as after Ctrl-C
        signal.signal(signal.SIGTERM, signal.default_int_handler)

    def check(self, holds: bool, sentence: str) -> None:
        """Note an invariant that does not hold."""
        if not holds:
            self.broken.append(sentence)
            self.say(f"BROKEN: {sentence}")

    def check_none(self, found: list[str], where: str) -> None:
        """Note everything that was found to be wrong."""
        for sentence in found:
            self.check(False, f"{where}: {sentence}")

    def say(self, text: str) -> None:
        """Write a line of progress to standard error."""
        printable = text.encode("utf-8", "backslashreplace").decode()
        print(f"{time.monotonic() - self._began:7.1f} s  {printable}", file=sys.stderr, flush=True)

    def end(self) -> int:
        """Print the verdict and give the exit code: 0 only when every invariant held."""
        self.figures["elapsed_s"] = round(time.monotonic() - self._began, 1)
        verdict = {"claim": self.claim, "holds": not self.broken, **self.figures, "broken": self.broken}
        if self._as_json:
            print(json.dumps(verdict, indent=2))
        else:
            print(f"{self.claim}: {'no: ' + str(len(self.broken)) + ' broken' if self.broken else 'yes'}")
            for name, value in self.figures.items():
                print(f"  {name.replace('_', ' ')}: {value}")
            for sentence in self.broken:
                print(f"  broken: {sentence}".encode("utf-8", "backslashreplace").decode())
        return 1 if self.broken else 0


def arguments(
    description: str | None, *, rounds: int | None = None, what: str = "", folders: bool = False
) -> argparse.ArgumentParser:
    """Give a parser with the options that all proofs have, and the folders that some work on."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if folders:
        parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folders with audio")
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds, metavar="N", help=f"{what} (default {rounds})")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other cases (default 0)")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON on standard output")
    return parser


def make_collection(folder: Path, *, tracks: int, seed: int) -> None:
    """Write short tracks, copies of some of them, and hostile files.

    Each FLAC carries 15 MB of padding: a plan that goes by size then has several batches.
    """
    from mutagen.flac import FLAC

    from workbench.testing import hostile_files, simulate_library

    simulate_library(folder / "tracks", n=tracks, seed=seed, duration=(0.8, 1.6))
    for path in (folder / "tracks").rglob("*.flac"):
        FLAC(path).save(padding=lambda _: 15 << 20)
    (folder / "copies").mkdir()
    for number, path in enumerate(sorted((folder / "tracks").rglob("*.wav"))[:3]):
        shutil.copy(path, folder / "copies" / f"copy {number}.wav")
    hostile_files(folder / "hostile", seed=seed, kinds=HOSTILE)


# --- invariants -----------------------------------------------------------------------------------


def broken_invariants(library: Library) -> list[str]:
    """Check what must hold of a library at any moment, after any crash; give what does not."""
    import sqlalchemy as sa

    from workbench.errors import Outcome
    from workbench.store.catalog.models import JobFile, PartArray, Placement, Track

    found = [f"verify: {p.part_id or p.track_id}: {p.what}" for p in library.verify().problems]
    stored_twice = (
        sa.select(Placement.track_id, PartArray.path)
        .join(PartArray, PartArray.part_id == Placement.part_id)
        .where(PartArray.path != "track_id", PartArray.path.not_like("%/offsets%"))
        .group_by(Placement.track_id, PartArray.path)
        .having(sa.func.count() > 1)
    )
    done_twice = (
        sa.select(JobFile.job_id, JobFile.content_id)
        .where(JobFile.outcome == Outcome.ANALYZED)
        .group_by(JobFile.job_id, JobFile.content_id)
        .having(sa.func.count() > 1)
    )
    without_track = (
        sa.select(JobFile.path)
        .outerjoin(Track, Track.id == JobFile.content_id)
        .where(JobFile.outcome.is_not(None), JobFile.outcome != Outcome.FAILED, Track.id.is_(None))
    )
    without_reason = sa.select(JobFile.path).where(JobFile.outcome == Outcome.FAILED, JobFile.reason.is_(None))
    planned_twice = sa.select(JobFile.path).group_by(JobFile.job_id, JobFile.path).having(sa.func.count() > 1)
    with library.catalog.read() as connection:
        found += [f"{path} of track {track} is stored twice" for track, path in connection.execute(stored_twice)]
        found += [f"job {job} analyzed {content} twice" for job, content in connection.execute(done_twice)]
        found += [f"{path!r} has an outcome but no track" for path in connection.scalars(without_track)]
        found += [f"{path!r} failed without a reason" for path in connection.scalars(without_reason)]
        found += [f"{path!r} is in one job twice" for path in connection.scalars(planned_twice)]
    return found


def broken_by_collect(library: Library) -> list[str]:
    """Collect, and check that every orphan went and nothing that a commit refers to."""
    from workbench.store.catalog.queries import part_ids

    found = broken_invariants(library)
    library.collect()
    on_disk, committed = library.parts.listed(), part_ids(library.catalog)
    found += [f"collect left orphan {part}" for part in sorted(on_disk - committed)]
    found += [f"collect removed committed part {part}" for part in sorted(committed - on_disk)]
    return found + [f"after collect: {sentence}" for sentence in broken_invariants(library)]


def outcomes(library: Library, job_id: int | None = None) -> Outcomes:
    """Give the outcomes that the catalog holds, of one job or of the newest."""
    import sqlalchemy as sa

    from workbench.store.catalog.models import JobFile

    newest = sa.select(sa.func.max(JobFile.job_id)).scalar_subquery()
    with library.catalog.read() as connection:
        rows = connection.execute(
            sa.select(JobFile.path, JobFile.reason, JobFile.content_id)
            .where(JobFile.job_id == (newest if job_id is None else job_id), JobFile.outcome.is_not(None))
            .order_by(JobFile.ordinal)
        )
        return {row.path: (row.reason, row.content_id) for row in rows}


def bits(library: Library) -> dict[str, dict[str, str]]:
    """Give for every track each array as a digest of its stored bytes, and each column of the catalog.

    Left out are the path, since of several files with the same audio any may be the track's, and what tells of the
    order of commits.
    """
    import sqlalchemy as sa

    from workbench.features.registry import specs
    from workbench.similarity.embedding import EMBEDDING
    from workbench.store.catalog.models import Track
    from workbench.store.catalog.queries import placed_arrays

    with library.catalog.read() as connection:
        rows = connection.execute(sa.select(Track.__table__)).mappings()
        found = {
            row["id"]: {k: repr(v) for k, v in row.items() if k not in ("path", "number", "changed")} for row in rows
        }
    for spec in (*specs(), EMBEDDING):
        for placed in placed_arrays(library.catalog, spec.path, spec.version):
            stored = library.parts.read(placed.part_id, spec.path)
            edges = None
            if spec.level in ("segments", "frames"):
                edges = library.parts.read(
                    placed.part_id, str(library.parts.open(placed.part_id, spec.path).attrs["offsets"])
                )
            for row, track in zip(placed.rows, placed.track_ids, strict=True):
                values = stored[row] if edges is None else stored[edges[row] : edges[row + 1]]
                found[track][spec.path] = hashlib.blake2b(values.tobytes(), digest_size=16).hexdigest()
    return found


def differences(expected: dict[str, dict[str, str]], found: dict[str, dict[str, str]]) -> list[str]:
    """Compare the bits of two libraries."""
    sentences = [f"track {track} is missing" for track in expected.keys() - found.keys()]
    sentences += [f"track {track} should not be there" for track in found.keys() - expected.keys()]
    for track in expected.keys() & found.keys():
        for name in sorted(expected[track].keys() | found[track].keys()):
            if expected[track].get(name) != found[track].get(name):
                sentences.append(f"{name} of track {track} differs")
    return sentences


# --- processes ------------------------------------------------------------------------------------


@contextmanager
def tripwire(folder: Path) -> Iterator[Path]:
    """Make the first worker that decodes a file die, and leave the mark that is given."""
    mark = folder / "something-was-decoded"
    mark.unlink(missing_ok=True)
    os.environ["WORKBENCH_FAILPOINT"] = f"file-extracted:1:{mark}"
    try:
        yield mark
    finally:
        del os.environ["WORKBENCH_FAILPOINT"]


def below(process: psutil.Process) -> list[psutil.Process]:
    """Find everything that a process has started; nothing if it has ended."""
    import psutil

    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    """Find the workers that a process has started: ours, or those of Dask."""
    import psutil

    found = []
    for child in below(process):
        try:
            if any("multiprocessing.spawn" in word or "workbench.jobs.worker" in word for word in child.cmdline()):
                found.append(child)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue  # it ended in the meantime
    return found


def lives(process: psutil.Process) -> bool:
    """Tell whether a process still does anything: one that nobody has buried yet does not."""
    import psutil

    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_processes(processes: list[psutil.Process]) -> None:
    """End processes that this script has started, and wait until they are gone."""
    import psutil

    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=30)
