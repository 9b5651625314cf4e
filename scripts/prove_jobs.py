"""Kill, stop and restart runners of the queue at random during jobs, and check that every job ends right.

    python scripts/prove_jobs.py --rounds 100 --reconnects 1000

Two processes run the queue of one library, on a Dask cluster of separate processes. Each round submits a job
and strikes at a random moment of it: a runner or a worker is killed with ``kill -9``, or a runner is stopped
(SIGSTOP) past its lease and then woken. The job must go on within 30 seconds, end as an uninterrupted one
does, and never be worked on twice: a stale runner's commits are refused. Meanwhile listeners come and go, each
with the sequence number of the last event that it has; none may miss the end of a job.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from proof import Outcomes, Proof, arguments, below, bits, broken_by_collect, differences, end_processes, outcomes
from prove_kills import Cluster

if TYPE_CHECKING:
    from workbench import Library
    from workbench.jobs.manager import JobManager, ProgressEvent

RUNNERS = 2
#: A job whose driver is silent for so long is taken over; the default.
LEASE_S = 20.0
#: In which a job must have gone on, from the strike.
RESUMES_S = 30.0
LONGEST_JOB_S = 180.0
STRIKES = ("runner killed", "runner killed", "worker killed", "runner stopped")


def run(library: str, scheduler: str) -> int:
    """Work on the queue of a library until standard input ends: the process that is struck."""
    from workbench import Library

    with Library.open(library) as lib:
        manager = lib.job_manager(scheduler=scheduler)
        manager.start()
        print("works", flush=True)
        sys.stdin.read()
        manager.stop(20)
    return 0


class Runner:
    """A process that works on the queue."""

    def __init__(self, library: Path, scheduler: str, log: Path) -> None:
        self._log = open(log, "ab")  # noqa: SIM115 - the process writes to it for as long as it lives
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--run", str(library), scheduler],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
        )  # fmt: skip
        assert self.process.stdout is not None
        if self.process.stdout.readline() != b"works\n":
            raise TimeoutError(f"a runner did not start: {log.read_text()[-2000:]}")

    def send(self, what: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(what)

    def kill(self) -> None:
        """End it as ``kill -9`` does, and bury it."""
        self.process.kill()
        self.process.communicate()
        self._log.close()


@dataclass
class Listener:
    """Follows a job through connections that break all the time, as a browser on a train does."""

    manager: JobManager
    job_id: int
    rng: random.Random
    reconnects: int = 0
    events: list[ProgressEvent] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _gone: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while not self._ended.is_set() and not self._gone.is_set():
            since = self.events[-1].seq if self.events else None
            subscription = self.manager.subscribe(self.job_id, since, self._hear)
            self._ended.wait(self.rng.uniform(0.0, 0.6))
            subscription.close()
            self.reconnects += 1

    def _hear(self, event: ProgressEvent) -> None:
        if self.events and event.seq < self.events[-1].seq:
            self.wrong.append(f"event {event.seq} came after {self.events[-1].seq}")
        self.events.append(event)
        if event.state.finished:
            self._ended.set()

    def end(self, timeout: float) -> bool:
        """Wait for the end of the job to be heard of; tell whether it was."""
        heard = self._ended.wait(timeout)
        self._gone.set()
        self._thread.join(10)
        return heard


@dataclass
class Stage:
    """The collection, a cluster, runners, and what an uninterrupted job gives."""

    folder: Path
    rng: random.Random
    tracks: int
    library: Path = field(init=False)
    music: Path = field(init=False)
    cluster: Cluster = field(init=False)
    runners: list[Runner] = field(default_factory=list)
    expected: Outcomes = field(default_factory=dict)
    expected_bits: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from workbench.testing import hostile_files, simulate_library

        self.music = self.folder / "music"
        simulate_library(self.music / "tracks", n=self.tracks, seed=self.rng.randrange(1 << 30), duration=(18.0, 25.0))
        first = next(iter(sorted((self.music / "tracks").rglob("*.*"))))
        shutil.copy(first, self.music / f"copy{first.suffix}")
        hostile_files(self.music / "hostile", seed=1, kinds=("empty", "text-named-mp3", "wav-nan"))
        self.cluster = Cluster(self.folder)
        self.cluster.start()

    def analyze_reference(self) -> None:
        """Analyze once without any strike."""
        from workbench import Library

        with Library.open(self.folder / "reference.library") as library:
            library.analyze(self.music, scheduler=self.cluster.address)
            self.expected, self.expected_bits = outcomes(library), bits(library)

    def new_library(self, number: int) -> None:
        """Begin with an empty library, and runners for it."""
        from workbench import Library

        self.end_runners()
        self.library = self.folder / f"{number}.library"
        Library.open(self.library).close()
        self.keep_running()

    def keep_running(self) -> None:
        """Start the runners that are missing."""
        while len(self.runners) < RUNNERS:
            self.runners.append(Runner(self.library, self.cluster.address, self.folder / "runners.log"))

    def end_runners(self) -> None:
        """End the runners."""
        for runner in self.runners:
            runner.kill()
        self.runners = []

    def end(self) -> None:
        """End all processes."""
        self.end_runners()
        self.cluster.stop()


def plan(library: Library, music: Path) -> int:
    """Put a job into the queue, with small batches, as those at the end of a large job are."""
    import sqlalchemy as sa

    from workbench.audio.scan import scan
    from workbench.jobs.plan import estimate_cost
    from workbench.store.catalog.models import Job
    from workbench.store.ledger import JobState, Ledger, PlannedFile, Request

    ledger = Ledger(library.catalog)
    lease = ledger.create(Request((str(music),)), lease_s=LEASE_S)
    files = [
        PlannedFile(file.path, file.size, file.mtime_ns, estimate_cost(file.path, file.size))
        for file in scan([str(music)])
    ]
    ledger.add_files(lease, 0, files)
    pairs = [(i, min(i + 1, len(files) - 1), 10.0) for i in range(0, len(files), 2)]
    ledger.add_batches(lease, pairs)
    ledger.let_go(lease, JobState.QUEUED)
    with library.catalog.write() as connection:
        connection.execute(sa.update(Job).where(Job.id == lease.job_id).values(submitted_by="proof", lease_until=None))
    return lease.job_id


def strike(stage: Stage, library: Library, job_id: int, what: str) -> Runner | None:
    """Strike; give the runner that has been stopped, if any."""
    if what == "worker killed":
        end_processes([stage.rng.choice(workers)] if (workers := dask_workers(stage)) else [])
        return None
    pid = (driver(library, job_id) or {}).get("pid")
    runner = next((each for each in stage.runners if each.process.pid == pid), stage.runners[0])
    if what == "runner stopped":
        stop_between_writes(runner, library)
        return runner
    stage.runners.remove(runner)
    runner.kill()
    return None


def stop_between_writes(runner: Runner, library: Library) -> None:
    """Stop a runner where it does not hold SQLite's one lock: asleep with it, it would keep everybody from writing."""
    import sqlite3
    from contextlib import closing

    while True:
        runner.send(signal.SIGSTOP)
        while psutil.Process(runner.process.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.001)
        with closing(sqlite3.connect(library.path / "catalog.sqlite", timeout=1.0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError:
                runner.send(signal.SIGCONT)
                time.sleep(0.01)


def dask_workers(stage: Stage) -> list[Any]:
    """Find the worker processes below the nannies of the cluster."""
    nannies = stage.cluster.processes[1:]
    return [child for nanny in nannies for child in below(nanny) if "spawn" in " ".join(child.cmdline())]


def driver(library: Library, job_id: int) -> dict[str, Any] | None:
    """Name the process that drives a job."""
    from workbench.store.ledger import Ledger

    return Ledger(library.catalog).job(job_id)["owner"]


def play(proof: Proof, stage: Stage, number: int, listeners: int) -> tuple[str, float, list[Listener]]:
    """Submit a job, strike it once, and wait for its end."""
    from workbench import Library

    stage.new_library(number)
    what = stage.rng.choice(STRIKES)
    with Library.open(stage.library) as library:
        manager = library.job_manager()
        job_id = plan(library, stage.music)
        heard = [Listener(manager, job_id, random.Random(stage.rng.random())) for _ in range(listeners)]
        target = stage.rng.uniform(0.0, 0.8)
        end = time.monotonic() + LONGEST_JOB_S
        while (job := manager.get(job_id)).done < target * max(job.total, 1) or job.state == "queued":
            if time.monotonic() > end:
                raise TimeoutError(f"round {number}: the job did not begin: {job}")
            time.sleep(0.01)
        done, fence = job.done, fence_of(library, job_id)
        sleeper = strike(stage, library, job_id, what)
        resumed = wait_for_progress(library, manager, job_id, done, fence, what, end)
        where = f"round {number}, {what} at {done} of {job.total}"
        if sleeper is not None:
            sleeper.send(signal.SIGCONT)
        proof.check(resumed <= RESUMES_S, f"{where}: went on after {resumed:.1f} s")
        while not manager.get(job_id).state.finished and time.monotonic() < end:
            time.sleep(0.05)
        status = manager.get(job_id)
        proof.check(status.state == "done", f"{where}: {status}")
        for each in heard:
            proof.check(each.end(5.0), f"{where}: a listener missed the end: {each.events[-3:]}")
            proof.check_none(each.wrong, where)
            proof.check(each.events[-1].seq <= manager.get(job_id).seq, f"{where}: an event from the future")
        if sleeper is not None:
            time.sleep(2.0)  # for what it may still try to write
        check(proof, stage, library, job_id, where)
        manager.stop()
    proof.say(f"{where}: went on after {resumed:.1f} s")
    return what, resumed, heard


def fence_of(library: Library, job_id: int) -> int:
    """Tell how often a job has changed hands."""
    from workbench.store.ledger import Ledger

    return int(Ledger(library.catalog).job(job_id)["fence"])


def wait_for_progress(
    library: Library, manager: JobManager, job_id: int, done: int, fence: int, what: str, end: float
) -> float:
    """Wait until a job goes on after a strike: with another runner if its own was struck; give the seconds."""
    began = time.monotonic()
    while time.monotonic() < end:
        job = manager.get(job_id)
        on = job.done > done if what == "worker killed" else fence_of(library, job_id) > fence
        if on or job.state.finished:
            break
        time.sleep(0.02)
    return time.monotonic() - began


def check(proof: Proof, stage: Stage, library: Library, job_id: int, where: str) -> None:
    """Check the invariants, and compare with the job that was not interrupted."""
    proof.check_none(broken_by_collect(library), where)
    proof.check(outcomes(library, job_id) == stage.expected, f"{where}: other outcomes than the reference")
    proof.check_none(differences(stage.expected_bits, bits(library)), where)


def prove(proof: Proof, stage: Stage, rounds: int, reconnects: int) -> None:
    """Play so many rounds, with as many listeners as it takes for so many reconnections."""
    kinds: Counter[str] = Counter()
    waited: list[float] = []
    heard: list[Listener] = []
    for number in range(1, rounds + 1):
        made = sum(each.reconnects for each in heard)
        per_listener = max(made / len(heard), 1.0) if heard else 10.0
        listeners = max(1, round((reconnects - made) / per_listener / (rounds - number + 1)))
        what, seconds, listened = play(proof, stage, number, listeners)
        kinds[what] += 1
        waited.append(seconds)
        heard += listened
        shutil.rmtree(stage.library)
    made = sum(each.reconnects for each in heard)
    proof.check(made >= reconnects, f"only {made} of {reconnects} reconnections")
    proof.figures |= {"rounds": rounds, "strikes": dict(sorted(kinds.items())), "files": len(stage.expected)}
    proof.figures |= {"listeners": len(heard), "reconnects": made, "slowest_resume_s": round(max(waited), 1)}


def main() -> int:
    """Run the command line."""
    parser = arguments(__doc__, rounds=100, what="jobs that are struck")
    parser.add_argument("--tracks", type=int, default=12, help="simulated tracks in the collection (default 12)")
    parser.add_argument("--reconnects", type=int, default=1000, metavar="N", help="of listeners (default 1000)")
    given = parser.parse_args()
    proof = Proof(f"{given.rounds} strikes during jobs, and every job ends right", as_json=given.json)
    with tempfile.TemporaryDirectory(prefix="prove-jobs-") as folder:
        stage = Stage(Path(folder), random.Random(given.seed), given.tracks)
        try:
            stage.analyze_reference()
            prove(proof, stage, given.rounds, given.reconnects)
        except TimeoutError as error:
            proof.check(False, str(error))
        finally:
            stage.end()
    return proof.end()


if __name__ == "__main__":
    sys.exit(run(*sys.argv[2:]) if sys.argv[1:2] == ["--run"] else main())
