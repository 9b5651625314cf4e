"""Kill, stop and restart whatever a job stands on, at random moments of it, and check that every job ends right.

    python scripts/prove_jobs.py --rounds 100

Two servers (``workbench serve``) work on one library. Each round asks one of them for a job and strikes at a random
moment: the server that works on the job is killed with ``kill -9``, or both are, or it is stopped (SIGSTOP) past its
lease and then woken; a worker is killed; PostgreSQL is killed, or one of its backends; Redis is killed, and comes back
or stays away. What is killed is started again as an init system would. Some libraries have their catalog in SQLite,
some in PostgreSQL; some servers have workers of their own, some share a Dask cluster of separate processes.

The job must go on within 30 seconds and end as an uninterrupted one does, to the bit, with an outcome for each file;
the invariants of the commit protocol hold; the server that slept is refused; kept answers are those of the library.
Meanwhile listeners follow each job over web sockets that break all the time; none may miss its end. Leases are the
default ones, 20 seconds.
"""

from __future__ import annotations

import http.client
import random
import signal
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
from listeners import Crowd, Listener
from proof import Proof, arguments, bits, broken_by_collect, differences, outcomes
from service import Music, Server, Service, running

if TYPE_CHECKING:
    from workbench import Library

#: In which a job must have gone on, from the strike.
RESUMES_S = 30.0
LONGEST_JOB_S = 180.0
#: Jobs that one library is struck in: each has music of its own.
JOBS_OF_A_LIBRARY = 3
#: Share of the libraries with their catalog in PostgreSQL.
ON_POSTGRES_OF_ALL = 0.6
LISTENERS = 3
#: How much of a job is done at most when it is struck.
LATEST = 0.7
#: In which who has slept must have noticed, and listeners must have heard of the end; much, for a busy machine.
NOTICES_S = HEARS_S = 30.0


@dataclass
class Round:
    """One job that is struck."""

    service: Service
    library: Library
    job_id: int
    number: int

    @property
    def rng(self) -> random.Random:
        """Chooses."""
        return self.service.rng

    def done(self) -> int:
        """How many files have an outcome."""
        from workbench.store.ledger import Ledger

        return Ledger(self.library.catalog).counts(self.job_id).done

    def fence(self) -> int:
        """How often the job has been taken up."""
        from workbench.store.ledger import Ledger

        return int(Ledger(self.library.catalog).job(self.job_id)["fence"])

    def has_ended(self) -> bool:
        """Whether the job will not go on."""
        return self.library.job_manager().get(self.job_id).state.finished

    def driver(self) -> Server:
        """Find the server that works on the job; any, if none does yet."""
        from workbench.store.ledger import Ledger

        pid = (Ledger(self.library.catalog).job(self.job_id)["owner"] or {}).get("pid")
        return next((server for server in self.service.servers if server.pid == pid), self.service.servers[0])


#: Strikes, and gives what is to be done once the job has gone on: sentences on what was wrong.
Strike = Callable[[Round], Callable[[], list[str]] | None]


def kill_server(struck: Round) -> None:
    """Kill who works on the job; it is started again, but the other is faster."""
    server = struck.driver()
    server.kill()
    server.start()


def kill_servers(struck: Round) -> None:
    """Kill both servers; whoever is back first goes on."""
    for server in struck.service.servers:
        server.kill()
    time.sleep(struck.rng.uniform(0.0, 2.0))
    for server in struck.service.servers:
        server.start()


def stop_server(struck: Round) -> Callable[[], list[str]]:
    """Stop who works on the job, for longer than its lease."""
    server = struck.driver()
    if struck.service.on_postgres:
        server.send(signal.SIGSTOP)
    else:
        stop_between_writes(server, struck.library)
    logged = len(server.said())
    ended = struck.has_ended()

    def wake() -> list[str]:
        server.send(signal.SIGCONT)
        end = time.monotonic() + NOTICES_S
        while f"job {struck.job_id} has been taken over" not in server.said()[logged:] and not ended:
            if time.monotonic() > end:
                return [f"who slept was not refused: {server.said()[logged:][-2000:]}"]
            time.sleep(0.1)
        return []

    return wake


def stop_between_writes(server: Server, library: Library) -> None:
    """Stop a server where it has no lock of the catalog: asleep with one, it would keep all others from writing."""
    while True:
        server.send(signal.SIGSTOP)
        while psutil.Process(server.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.001)
        with closing(sqlite3.connect(library.path / "catalog.sqlite", timeout=1.0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN EXCLUSIVE")
                return
            except sqlite3.OperationalError:
                server.send(signal.SIGCONT)
                time.sleep(0.01)


def kill_worker(struck: Round) -> None:
    """Kill a process that analyzes; an idle one stays a zombie until its server needs it, so nobody waits for it."""
    workers = struck.service.workers()
    if workers:
        struck.rng.choice(workers).kill()


def kill_postgres(struck: Round) -> None:
    """Kill PostgreSQL; it is started again after a while."""
    assert struck.service.postgres is not None
    struck.service.postgres.stop(signal.SIGKILL)
    time.sleep(struck.rng.uniform(0.0, 5.0))
    struck.service.postgres.start()


def kill_backend(struck: Round) -> None:
    """Kill a process that PostgreSQL has for one connection: it ends all others, and recovers."""
    assert struck.service.postgres is not None
    rows = struck.service.postgres.run("SELECT pid FROM pg_stat_activity WHERE application_name = 'workbench'")
    pids = [int(pid) for (pid,) in rows]
    if pids:
        psutil.Process(struck.rng.choice(pids)).kill()


def kill_redis(struck: Round) -> None:
    """Kill Redis; it is back after a while, or stays away for the rest of the round."""
    assert struck.service.redis is not None
    struck.service.redis.stop(signal.SIGKILL)
    if struck.rng.random() < 0.5:
        time.sleep(struck.rng.uniform(0.0, 2.0))
        struck.service.redis.start()


STRIKES: dict[str, Strike] = {
    "server killed": kill_server,
    "both servers killed": kill_servers,
    "server stopped": stop_server,
    "worker killed": kill_worker,
    "Redis killed": kill_redis,
}
ON_POSTGRES: dict[str, Strike] = {"PostgreSQL killed": kill_postgres, "backend killed": kill_backend}


def play(proof: Proof, service: Service, number: int, music: list[Music]) -> tuple[str, float, int]:
    """Ask for a job on the last of the music, strike it once, wait for its end, and check; the rest is analyzed."""
    strikes = STRIKES | (ON_POSTGRES if service.on_postgres else {})
    what = service.rng.choice(sorted(strikes))
    ports = [server.port for server in service.servers]
    with service.open_library() as library, ExitStack() as stack:
        struck = Round(service, library, service.submit(music[-1]), number)
        each = [random.Random(service.rng.random()) for _ in range(LISTENERS)]
        crowd = Crowd([Listener(ports, service.servers[0].token, struck.job_id, rng) for rng in each])
        stack.callback(crowd.end, 0.0)
        done = wait_for(struck, service.rng.uniform(0.0, LATEST) * len(music[-1].expected))
        where = f"round {number}, {service.place}, {what} at {done} of {len(music[-1].expected)}"
        fence, began = struck.fence(), time.monotonic()
        then = strikes[what](struck)
        resumed = wait_for_progress(struck, fence, began)
        proof.check(resumed <= RESUMES_S, f"{where}: went on after {resumed:.1f} s")
        proof.check_none(then() if then is not None else [], where)
        end = began + LONGEST_JOB_S
        while not struck.has_ended() and time.monotonic() < end:
            time.sleep(0.05)
        proof.check_none(crowd.end(HEARS_S), where)
        check(proof, struck, music, where)
    proof.say(f"{where}: went on after {resumed:.1f} s, ended after {time.monotonic() - began:.1f} s")
    return what, resumed, crowd.connects


def wait_for(struck: Round, files: float) -> int:
    """Wait until so many files have an outcome."""
    end = time.monotonic() + LONGEST_JOB_S
    while (done := struck.done()) < files and not struck.has_ended():
        if time.monotonic() > end:
            raise TimeoutError(f"round {struck.number}: the job does not get on: {done} files")
        time.sleep(0.02)
    return done


def wait_for_progress(struck: Round, fence: int, began: float) -> float:
    """Wait until a job goes on after a strike: taken up again, or with one file more; give the seconds since then."""
    done, end = struck.done(), began + LONGEST_JOB_S
    while struck.done() <= done and struck.fence() == fence and not struck.has_ended() and time.monotonic() < end:
        time.sleep(0.05)
    return time.monotonic() - began


def check(proof: Proof, struck: Round, music: list[Music], where: str) -> None:
    """Check the invariants, compare with jobs that were not interrupted, and let all servers be well again."""
    service, library = struck.service, struck.library
    manager = library.job_manager()
    status = manager.get(struck.job_id)
    proof.check(status.state == "done", f"{where}: {status}")
    for server in service.servers:
        server.wait()
    check_answers(proof, struck, where)
    if service.on_cluster:
        service.cluster.settle()  # what a dead server has left there may still write
    while not manager.idle:  # nor may small parts be merged at the moment
        time.sleep(0.05)
    time.sleep(0.5)
    proof.check_none(broken_by_collect(library), where)
    proof.check(outcomes(library, struck.job_id) == music[-1].expected, f"{where}: other outcomes than undisturbed")
    expected = {track: arrays for each in music for track, arrays in each.expected_bits.items()}
    proof.check_none(differences(expected, bits(library)), where)
    assert service.redis is not None
    if service.redis.process is None:
        service.redis.start()


def check_answers(proof: Proof, struck: Round, where: str) -> None:
    """Ask each server twice, the second time for what is kept by then, and compare with the library's own answer."""
    track = struck.rng.choice(struck.library.tracks())["id"]
    expected = [(one["id"], one["score"]) for one in struck.library.similar(track, n=5).to_dict()["results"]]
    for server in struck.service.servers * 2:
        answer = server.ask("POST", "/audio/find-similar", {"track_id": track, "n": 5})
        found = [(one["id"], one["score"]) for one in answer["results"]]
        proof.check(found == expected, f"{where}: a server answers {found}, the library {expected}")


def prove(proof: Proof, service: Service, rounds: int) -> None:
    """Play so many rounds, some on each library."""
    from workbench.errors import WorkbenchError

    waited: dict[str, list[float]] = defaultdict(list)
    connects, places, music = 0, defaultdict(int), list[Music]()
    for number in range(1, rounds + 1):
        if len(music) in (0, JOBS_OF_A_LIBRARY):
            music = []
            on_postgres, on_cluster = service.rng.random() < ON_POSTGRES_OF_ALL, service.rng.random() < 0.5
            service.new_library(number, on_postgres=on_postgres, on_cluster=on_cluster)
        music.append(service.rng.choice([each for each in service.music if each not in music]))
        try:
            what, seconds, heard = play(proof, service, number, music)
        except (TimeoutError, OSError, http.client.HTTPException, WorkbenchError) as error:
            proof.check(False, f"round {number}, {service.place}: {type(error).__name__}: {error}")
            music = service.music[:JOBS_OF_A_LIBRARY]  # go on with another library
        else:
            waited[what].append(seconds)
            places[service.place] += 1
            connects += heard
        if len(music) == JOBS_OF_A_LIBRARY or number == rounds:
            service.end_servers()
            service.forget_library()
    proof.figures |= {"rounds": rounds, "files_per_job": len(service.music[0].expected)}
    proof.figures["places"] = dict(sorted(places.items()))
    proof.figures["strikes"] = {what: len(seconds) for what, seconds in sorted(waited.items())}
    proof.figures["slowest_resume_s"] = {what: round(max(seconds), 1) for what, seconds in sorted(waited.items())}
    proof.figures["sockets_opened"] = connects


def main() -> int:
    """Run the command line."""
    from workbench.errors import InputError

    parser = arguments(__doc__, rounds=100, what="jobs that are struck")
    parser.add_argument("--tracks", type=int, default=16, help="tracks of two minutes per job (default 16)")
    given = parser.parse_args()
    proof = Proof(f"{given.rounds} strikes during jobs, and every job ends right", as_json=given.json)
    try:
        with running(random.Random(given.seed), tracks=given.tracks, collections=JOBS_OF_A_LIBRARY) as service:
            prove(proof, service, given.rounds)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
