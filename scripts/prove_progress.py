"""Follow jobs over web sockets that break all the time, and check that nothing is missed and nothing comes late.

    python scripts/prove_progress.py --reconnects 1000

Two servers (``workbench serve``) work on one library, its catalog in SQLite and in PostgreSQL by turns. Some dozen
listeners follow each job, each to either server. Their sockets live for a second at most; half of them are closed, the
others cut. Each comes back with the number of the last event that it has.

Every listener hears the end; numbers of events rise strictly, over all sockets of a listener; files that were done
never become fewer; the last event is how the job stands. An event is made when it is in the catalog, which is watched
there. How late a listener hears counts from the first event that it does not have, or from when its socket was open,
if that was later; 99 of 100 hear within a second.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np
from listeners import Crowd, Heard, Listener
from proof import Proof, arguments
from service import Service, running

if TYPE_CHECKING:
    from workbench import Library

LISTENERS = 40
#: How late 99 of 100 events may come, seconds.
LATE_S = 1.0
LOOK_S = 0.02
LONGEST_JOB_S = 300.0


class Watch:
    """Notes when each event of a job is made: in a thread, and never later than it was.

    Parameters
    ----------
    library : Library
    job_id : int
    """

    def __init__(self, library: Library, job_id: int) -> None:
        from workbench.store.ledger import Ledger

        self._ledger, self._job_id = Ledger(library.catalog), job_id
        self._numbers: list[int] = []
        self._times: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        before = time.monotonic()
        while not self._stop.is_set():
            now = time.monotonic()
            seq = self._ledger.looked_at([self._job_id])[0]["seq"]
            if not self._numbers or seq > self._numbers[-1]:
                self._numbers.append(seq)
                self._times.append(before)
            before = now
            time.sleep(LOOK_S)

    def end(self) -> None:
        """Watch no more."""
        self._stop.set()
        self._thread.join()

    def late(self, heard: Heard) -> float:
        """How late an event came, seconds, by the first that its listener did not have."""
        first = min(bisect_right(self._numbers, heard.before), len(self._times) - 1)
        return heard.at - max(self._times[first], heard.connected)


def follow(proof: Proof, service: Service, number: int) -> tuple[list[float], int]:
    """Let listeners follow one job, and give how late each event came, and how many sockets there were."""
    service.new_library(number, on_postgres=number % 2 == 0, on_cluster=False)
    ports = [server.port for server in service.servers]
    where = f"job {number}, {service.place}"
    with service.open_library() as library:
        job_id = service.submit(service.music[0])
        watch = Watch(library, job_id)
        each = [random.Random(service.rng.random()) for _ in range(LISTENERS)]
        crowd = Crowd([Listener(ports, service.servers[0].token, job_id, rng) for rng in each])
        proof.check_none(crowd.end(LONGEST_JOB_S), where)
        watch.end()
        stands = library.job_manager().get(job_id).event.to_dict()
    for listener in crowd.listeners:
        if listener.heard:
            last = listener.heard[-1].event
            proof.check(last == stands, f"{where}: the last event was {last}, the job stands at {stands}")
    late = [watch.late(heard) for listener in crowd.listeners for heard in listener.heard]
    service.end_servers()
    service.forget_library()
    proof.say(f"{where}: {crowd.connects} sockets, {len(late)} events")
    return late, crowd.connects


def prove(proof: Proof, service: Service, reconnects: int) -> None:
    """Follow jobs until there were so many reconnections."""
    late: list[float] = []
    made = jobs = 0
    while made < reconnects and not proof.broken:
        jobs += 1
        of_job, sockets = follow(proof, service, jobs)
        late += of_job
        made += sockets - LISTENERS
    median, p99 = np.quantile(late, [0.5, 0.99])
    proof.check(p99 < LATE_S, f"one event in a hundred comes later than {p99:.2f} s")
    proof.figures |= {"jobs": jobs, "listeners": LISTENERS * jobs, "reconnects": made, "events": len(late)}
    proof.figures |= {"median_late_s": round(float(median), 3), "p99_late_s": round(float(p99), 3)}
    proof.figures["latest_s"] = round(max(late), 3)


def main() -> int:
    """Run the command line."""
    from workbench.errors import InputError

    parser = arguments(__doc__)
    parser.add_argument("--tracks", type=int, default=32, help="tracks of two minutes per job (default 32)")
    parser.add_argument("--reconnects", type=int, default=1000, metavar="N", help="of listeners (default 1000)")
    given = parser.parse_args()
    proof = Proof(f"{given.reconnects} reconnections during jobs, and nothing is missed or late", as_json=given.json)
    try:
        with running(random.Random(given.seed), tracks=given.tracks, collections=1) as service:
            prove(proof, service, given.reconnects)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
