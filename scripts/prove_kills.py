"""Kill the driver, a worker or the scheduler with ``kill -9``, again and again, and check that nothing is lost.

    python scripts/prove_kills.py --rounds 200

Each round strikes an analysis of a small simulated collection once: at one of the failpoints of
`workbench.failpoint`, or at a random moment; on workers of its own, or on a Dask cluster of separate
processes. After every kill the invariants of the commit protocol are checked, and that what had been
acknowledged is stored. A library is struck once or twice (a file that is lost three times would be
given up, as it should be), then analyzed to its end and compared bit by bit with an uninterrupted
reference; a second run must decode nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from proof import (
    Outcomes,
    Proof,
    arguments,
    below,
    bits,
    broken_by_collect,
    differences,
    end_processes,
    lives,
    make_collection,
    outcomes,
    tripwire,
    workers_of,
)

if TYPE_CHECKING:
    import psutil

    from workbench import Library

#: How often a failpoint may be passed before it strikes; some are passed once per file, some once per batch.
MOST_PASSES = {"file-probed": 6, "file-extracted": 5, "batch-leased": 3, "commit-begun": 2, "committed": 2}
#: Failpoints that only a new job passes.
ONLY_NEW = ("job-created", "job-planned")
#: A file that is lost three times is given up.
MOST_KILLS = 2
#: Exit code of a job that cannot go on: its scheduler is gone, or a worker was killed before it had started.
STOPPED, NOT_STARTED = 5, "No worker process could be started"
#: Failpoints of workers that a driver passes as well, when it merges parts.
ALSO_IN_DRIVER = ("part-written", "part-flushed")
LONGEST_RUN_S = 180.0
STILL_ENDING_S = 30.0


@dataclass(frozen=True)
class Strike:
    """One kill: who, where (a failpoint or a random moment), and on which kind of cluster."""

    target: str
    place: str
    external: bool

    def __str__(self) -> str:
        return f"{self.target} at {self.place}{', separate cluster' if self.external else ''}"


@dataclass(frozen=True)
class Struck:
    """What became of an analysis that was struck."""

    exit_code: int
    acknowledged: int
    said: str
    killed: bool = False


@dataclass
class Cluster:
    """A Dask scheduler and two workers, each a process of its own on the loopback interface."""

    folder: Path
    processes: list[psutil.Process] = field(default_factory=list)
    address: str = ""

    def start(self) -> None:
        """Start the processes, and wait until the workers have answered."""
        import json

        import psutil
        from distributed import Client

        file = self.folder / f"scheduler-{time.monotonic_ns()}.json"
        common = ["--host", "127.0.0.1", "--no-dashboard"]
        scheduler = ["scheduler", *common, "--port", "0", "--scheduler-file", str(file), "--dashboard-address", ":0"]
        worker = ["worker", *common, "--scheduler-file", str(file), "--nthreads", "1"]
        worker += ["--nworkers", "2", "--local-directory", str(self.folder)]
        with open(self.folder / "cluster.log", "ab") as log:
            for command in (scheduler, worker):
                process = subprocess.Popen(
                    [sys.executable, "-m", "dask", *command], cwd=self.folder, stdout=log, stderr=log
                )
                self.processes.append(psutil.Process(process.pid))
                while not file.exists() or not file.read_text().endswith("}"):  # it may be half written
                    time.sleep(0.05)
        self.address = json.loads(file.read_text())["address"]
        with Client(self.address, timeout="60s", set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)

    def settle(self) -> None:
        """Wait until the workers have finished what a dead driver has left them with."""
        from distributed import Client

        def executing(dask_worker: Any) -> int:
            return len(dask_worker.state.executing)

        with Client(self.address, timeout="60s", set_as_default=False) as client:
            while any(client.run(executing).values()):
                time.sleep(0.05)

    def stop(self) -> None:
        """End all processes."""
        end_processes([*self.processes, *(child for process in self.processes for child in below(process))])
        self.processes, self.address = [], ""


class Stage:
    """The collection, its reference analysis, and what strikes it.

    Parameters
    ----------
    folder : Path
        An empty folder for everything that is made.
    seed : int
        Seed of the collection and of the strikes.
    tracks : int
        Simulated tracks; copies and hostile files come on top.
    """

    def __init__(self, folder: Path, *, seed: int, tracks: int) -> None:
        self.folder = folder
        self.rng = np.random.default_rng(seed)
        self.music = folder / "music"
        make_collection(self.music, tracks=tracks, seed=seed)
        self.duration_s = 0.0
        self.lasting = Cluster(folder)
        self.expected: Outcomes = {}
        self.expected_bits: dict[str, dict[str, str]] = {}

    def analyze_reference(self) -> None:
        """Analyze without a kill, with one worker."""
        from workbench import Library

        with Library.open(self.folder / "reference.library") as library:
            began = time.monotonic()
            library.analyze(self.music, workers=1)
            library.compact()
            self.duration_s = time.monotonic() - began
            self.expected, self.expected_bits = outcomes(library), bits(library)

    def strike(self, path: Path, strike: Strike) -> Struck:
        """Start or go on with the analysis of a library, kill what the strike names, and wait for the end."""
        mark = self.folder / "struck"
        mark.unlink(missing_ok=True)
        passes = int(self.rng.integers(1, MOST_PASSES.get(strike.place, 1) + 1))
        failpoint = {"WORKBENCH_FAILPOINT": f"{strike.place}:{passes}:{mark}"}  # "random" is the name of none
        with ExitStack() as stack:
            cluster = self._cluster(stack, strike) if strike.external else None
            workplace = cluster.address if cluster else str(self.rng.integers(1, 3))
            driver = Driver(path, self.music, workplace, failpoint)
            stack.callback(driver.stop)
            hit = strike.place == "random" and self._strike_at_random(driver, strike, cluster)
            struck = driver.result()
            if cluster is self.lasting:
                cluster.settle()
            return replace(struck, killed=hit or mark.exists())

    def _cluster(self, stack: ExitStack, strike: Strike) -> Cluster:
        """Give the lasting cluster, or one that is not to survive."""
        if strike.target == "scheduler":
            cluster = Cluster(self.folder)
            stack.callback(cluster.stop)
        else:
            cluster = self.lasting
        if not cluster.address:
            cluster.start()
        return cluster

    def _strike_at_random(self, driver: Driver, strike: Strike, cluster: Cluster | None) -> bool:
        began = driver.wait_for_the_job()
        # with workers that run already, all is over sooner
        delay = float(self.rng.uniform(0, self.duration_s * (0.3 if cluster else 1.0)))
        while driver.runs() and time.monotonic() < began + delay:
            time.sleep(0.01)
        driver.remember_children()
        if strike.target == "driver":
            candidates = [driver.process]
        elif strike.target == "scheduler" and cluster is not None:
            candidates = cluster.processes[:1]
        else:
            candidates = workers_of(cluster.processes[1] if cluster else driver.process)
        if not candidates or not driver.runs():
            return False
        candidates[int(self.rng.integers(len(candidates)))].kill()
        return True


class Driver:
    """An analysis in a process of its own, which writes down each number of outcomes that it is told of."""

    def __init__(self, library: Path, music: Path, workplace: str, environment: dict[str, str]) -> None:
        import psutil

        self._output = tempfile.NamedTemporaryFile(prefix="driver-", dir=music.parent, mode="w+")  # noqa: SIM115
        self._popen = subprocess.Popen(
            [sys.executable, __file__, "--drive", str(library), str(music), workplace],
            env=os.environ | environment,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self.process = psutil.Process(self._popen.pid)
        self._children: set[psutil.Process] = set()

    def runs(self) -> bool:
        """Tell whether it still does."""
        return self._popen.poll() is None

    def wait_for_the_job(self) -> float:
        """Wait until the job has been planned, and give that moment."""
        while self.runs() and not self._acknowledged():
            self.remember_children()
            time.sleep(0.05)
        return time.monotonic()

    def remember_children(self) -> None:
        """Note which processes there are, to know later which should be gone."""
        if self.runs():
            self._children.update(below(self.process))

    def result(self) -> Struck:
        """Wait for the end of the driver and of its workers."""
        limit = time.monotonic() + LONGEST_RUN_S
        while self.runs():
            if time.monotonic() > limit:
                raise TimeoutError(f"the driver hangs: {self._text()}")
            self.remember_children()
            time.sleep(0.05)
        limit = time.monotonic() + STILL_ENDING_S
        while left := [child.pid for child in self._children if lives(child)]:
            if time.monotonic() > limit:
                raise TimeoutError(f"the driver left processes behind: {left}")
            time.sleep(0.02)
        return Struck(int(self._popen.returncode), max(self._acknowledged(), default=0), self._text())

    def stop(self) -> None:
        """End it and what it has started."""
        self.remember_children()
        end_processes([self.process, *self._children])
        self._popen.wait()
        self._output.close()

    def _text(self) -> str:
        return Path(self._output.name).read_text(errors="replace")

    def _acknowledged(self) -> list[int]:
        """Give the numbers in whole lines; a killed writer may leave half of one."""
        lines = self._text().split("\n")[:-1]
        return [int(line.removeprefix("done ")) for line in lines if line.startswith("done ")]


def drive(library: str, music: str, workplace: str) -> int:
    """Analyze with so many workers or on the scheduler at an address, and compact: the process that is struck."""
    from workbench import Library, WorkbenchError

    def acknowledge(progress: Any) -> None:
        print("done", progress.done, flush=True)

    try:
        with Library.open(library) as lib:
            on: dict[str, Any] = {"workers": int(workplace)} if workplace.isdecimal() else {"scheduler": workplace}
            lib.analyze(music, **on, on_progress=acknowledge)
            lib.compact()
    except WorkbenchError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        return error.exit_code
    return 0


def strikes(rng: np.random.Generator) -> Iterator[Strike]:
    """Give kills without end: every failpoint and every kind of random moment in turn, in random order."""
    from workbench.failpoint import NAMES

    in_worker = ("file-probed", "file-extracted", "part-written", "part-flushed")
    every = [Strike("worker" if name in in_worker else "driver", name, False) for name in NAMES]
    every += [Strike("driver", name, True) for name in NAMES if name not in in_worker]
    for external in (False, True):
        every += 4 * [Strike("driver", "random", external)] + 3 * [Strike("worker", "random", external)]
    every += 3 * [Strike("scheduler", "random", True)]
    while True:
        for index in rng.permutation(len(every)):
            yield every[index]


def check_after_kill(proof: Proof, library: Library, struck: Struck, before: Outcomes, where: str) -> Outcomes:
    """Check everything that must hold with the driver gone; give the outcomes that are stored."""
    stored = outcomes(library)
    told = struck.acknowledged
    proof.check(told <= len(stored), f"{where}: {told} outcomes acknowledged, {len(stored)} stored")
    changed = [path for path, outcome in before.items() if stored.get(path) != outcome]
    proof.check(not changed, f"{where}: stored outcomes lost or changed: {changed[:3]}")
    proof.check_none(broken_by_collect(library), where)
    return stored


def check_at_end(proof: Proof, stage: Stage, library: Library, where: str) -> None:
    """Analyze to the end on the lasting cluster, and compare with the reference; then a second run."""
    from workbench.store.catalog.queries import part_ids

    if not stage.lasting.address:
        stage.lasting.start()
    library.analyze(stage.music, scheduler=stage.lasting.address)
    library.compact()
    proof.check_none(broken_by_collect(library), where)
    proof.check(outcomes(library) == stage.expected, f"{where}: other outcomes than the reference")
    proof.check_none(differences(stage.expected_bits, bits(library)), where)
    parts = part_ids(library.catalog)
    with tripwire(stage.folder) as mark:
        again = library.analyze(stage.music, workers=1)
    counts = again.counts
    proof.check(not mark.exists() and part_ids(library.catalog) == parts, f"{where}: a second run decoded something")
    proof.check(
        counts.analyzed == counts.duplicate == 0 and counts.done == counts.total, f"{where}: second run: {counts}"
    )


def ends_as_it_should(strike: Strike, struck: Struck) -> bool:
    """Tell whether a driver that has not come to its end was killed, or stopped for the reason that it had."""
    if struck.exit_code == -9:
        return strike.target == "driver" or strike.place in ALSO_IN_DRIVER
    return struck.exit_code == STOPPED and (strike.target == "scheduler" or NOT_STARTED in struck.said)


def prove(proof: Proof, stage: Stage, rounds: int) -> None:
    """Strike until so many kills have hit."""
    from workbench import Library

    kills: Counter[str] = Counter()
    missed = libraries = 0
    drawn = strikes(stage.rng)
    while kills.total() < rounds and missed < rounds + 20:
        libraries += 1
        path = stage.folder / f"{libraries}.library"
        known: Outcomes = {}
        for turn in range(MOST_KILLS):
            strike = next(each for each in drawn if turn == 0 or each.place not in ONLY_NEW)
            where = f"library {libraries}, {strike}"
            struck = stage.strike(path, strike)
            missed += not struck.killed
            kills[str(strike)] += struck.killed
            with Library.open(path) as library:
                known = check_after_kill(proof, library, struck, known, where)
            proof.say(f"{kills.total()} kills: {where}: exit {struck.exit_code}, {len(known)} outcomes stored")
            if struck.exit_code == 0 or kills.total() >= rounds:
                break
            proof.check(ends_as_it_should(strike, struck), f"{where}: {struck.exit_code}: {struck.said[-800:]}")
        with Library.open(path) as library:
            check_at_end(proof, stage, library, f"library {libraries}")
        shutil.rmtree(path)
    proof.check(kills.total() >= rounds, f"only {kills.total()} of {rounds} kills hit anything")
    proof.figures |= {"kills": kills.total(), "missed": missed, "libraries": libraries, "files": len(stage.expected)}
    proof.figures["kills_by_place"] = dict(sorted(kills.items()))


def main() -> int:
    """Run the command line."""
    parser = arguments(__doc__, rounds=200, what="kills")
    parser.add_argument("--tracks", type=int, default=8, help="simulated tracks in the collection (default 8)")
    given = parser.parse_args()
    proof = Proof(f"{given.rounds} kills with kill -9 lose nothing", as_json=given.json)
    with tempfile.TemporaryDirectory(prefix="prove-kills-") as folder:
        stage = Stage(Path(folder), seed=given.seed, tracks=given.tracks)
        try:
            stage.analyze_reference()
            prove(proof, stage, given.rounds)
        except TimeoutError as error:
            proof.check(False, str(error))
        finally:
            stage.lasting.stop()
    return proof.end()


if __name__ == "__main__":
    sys.exit(drive(*sys.argv[2:]) if sys.argv[1:2] == ["--drive"] else main())
