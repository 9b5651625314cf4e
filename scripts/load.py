"""Put load on `workbench serve`: how long answers take, what fails, and what memory it costs.

    python scripts/load.py --clients 100 500 --rate 60 --minutes 2
    python scripts/load.py --clients 100 --minutes 60 --library /tmp/large.library

1. A library of a million simulated tracks, as that of ``prove_search.py``, is served on loopback by a process of its
   own. A job analyzes simulated files meanwhile: when it has ended, each file gets another name and a few other
   samples, and the next job begins. Sockets follow these jobs, and begin before all else.
2. Clients that take nothing connect and stay: what memory they add.
3. Closed loop: so many clients ask, wait for the answer, and think for some seconds on average (exponential). Then open
   loop: requests come at a rate, at random, whatever the answers take; their time counts from when they were to come,
   so that a server that stands still is asked no less (no coordinated omission).
4. An upload of 500 MB, over which the memory of the server is watched.

What is asked for is a mix: see ``load_clients.py``, which is the clients in one process. Memory of the server is what
it holds itself (PSS of anonymous pages); pages of mapped files, which the system takes back when it needs them, are
told apart. Its growth is a line through all samples but those of the first fifth, from the begin of the first loop.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import numpy as np
import psutil
from load_clients import Phase, Plan
from proof import Proof, arguments, end_processes, workers_of
from prove_search import SIX, simulate
from pydantic import SecretStr

from workbench import Library, Settings
from workbench.server.credentials import Credentials

#: Limits by the number of clients: up to so many, milliseconds of which 95 and 99 in a hundred answers stay below.
LIMITS = ((100, 250.0, 500.0), (500, None, 1000.0))
MOST_STALLED_MB, MOST_GROWTH, MOST_UPLOAD_MB = 50.0, 0.05, 50.0
#: Shorter runs say nothing of growth.
GROWTH_FROM_MINUTES = 10.0
PEOPLE = 10
SAMPLE_S, TELL_EVERY = 2.0, 60
STALLED_S = 20.0
JOB_FILE_S, JOB_FILE_RATE = 120.0, 22_050


# --- the server -----------------------------------------------------------------------------------


@dataclass
class Memory:
    """What the server holds, sampled while it lives.

    Attributes
    ----------
    at, own, mapped, workers : of each sample: seconds, and MB: its own, mapped files, its own of all worker processes
    """

    process: psutil.Process
    say: Callable[[str], None]
    every_s: float = SAMPLE_S
    at: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    mapped: list[float] = field(default_factory=list)
    workers: list[float] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(self.every_s):
            own, mapped = pages(self.process.pid)
            self.at.append(time.monotonic())
            self.own.append(own)
            self.mapped.append(mapped)
            self.workers.append(sum(pages(worker.pid)[0] for worker in workers_of(self.process)))
            if len(self.own) % TELL_EVERY == 0:  # a run that is cut off has told that much
                self.say(f"memory: {own:.0f} MB, and {mapped:.0f} MB of mapped files")

    def end(self) -> None:
        """Take no more samples."""
        self._ended.set()
        self._thread.join()

    def mean(self, since: float) -> float:
        """MB of its own on average since a moment."""
        found = [own for at, own in zip(self.at, self.own, strict=True) if at >= since]
        return float(np.mean(found)) if found else self.own[-1]

    def growth(self, since: float) -> float:
        """By what part its own memory has grown from a fifth of the time since a moment to now, by a fitted line."""
        at, own = np.array(self.at), np.array(self.own)
        late = at >= since + (at[-1] - since) / 5
        slope, start = np.polyfit(at[late] - at[late][0], own[late], 1)
        return float(slope * (at[late][-1] - at[late][0]) / start)


def pages(pid: int) -> tuple[float, float]:
    """MB of anonymous pages and of mapped files of a process, shared ones in part; zeros when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0.0
    kb = {name: float(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
    return kb["Pss_Anon"] / 1000, (kb["Pss"] - kb["Pss_Anon"]) / 1000


def kernel_mb() -> float:
    """MB that the kernel holds for the TCP sockets of this machine."""
    (line,) = (line for line in Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:"))
    return int(line.split()[-1]) * os.sysconf("SC_PAGESIZE") / 1e6


@dataclass
class Server:
    """`workbench serve` as a process, people who may use it, and one of their requests at a time.

    Attributes
    ----------
    url : root of the API
    tokens : of the people
    """

    process: psutil.Popen
    log: Path
    tokens: list[str]
    url: str = ""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that must succeed, and give its JSON."""
        place = urlsplit(self.url)
        connection = HTTPConnection(place.hostname or "", place.port, timeout=120)
        try:
            sent = None if body is None else json.dumps(body).encode()
            fields = {"Authorization": f"Bearer {self.tokens[0]}", "Content-Type": "application/json"}
            connection.request(method, place.path + path, sent, fields)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {text[:500].decode()}")
            return json.loads(text)
        finally:
            connection.close()

    def stop(self) -> int:
        """Ask it to stop, and give its exit code; what it has started goes with it."""
        below = self.process.children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        try:
            return int(self.process.wait(90))
        finally:
            end_processes([*below, self.process])


@contextlib.contextmanager
def served(library: Path, folder: Path, music: Path, catalog: str | None) -> Iterator[Server]:
    """Serve a library."""
    credentials = Credentials(folder / "credentials.json")
    tokens = [credentials.add(f"person{number}") for number in range(PEOPLE)]
    environment = os.environ | {
        "WORKBENCH_LIBRARY": str(library),
        "WORKBENCH_CREDENTIALS": str(credentials.path),
        "WORKBENCH_ROOTS": str(music),
        "PYTHONPATH": os.pathsep.join(sys.path[1:]),
    }
    environment |= {"WORKBENCH_CATALOG": catalog} if catalog else {}
    log = folder / "server.jsonl"
    with open(log, "w") as errors:
        process = psutil.Popen(
            [sys.executable, "-m", "workbench.cli", "serve", "--port", "0", "--json"],
            env=environment, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
    server = Server(process, log, tokens)
    try:
        said = ""
        while not said.endswith("\n}\n"):
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the server did not start: {said} {log.read_text()[-2000:]}")
            said += line
        server.url = json.loads(said)["url"]
        yield server
    finally:
        server.stop()


# --- jobs -----------------------------------------------------------------------------------------


class Jobs:
    """Keeps a job at work: the same files with other names and a few other samples, which makes new tracks of them.

    Parameters
    ----------
    server : Server
    music : Path
        Folder of `n` files that are made there.
    """

    def __init__(self, server: Server, music: Path, n: int, rng: np.random.Generator) -> None:
        self._server, self._rng = server, rng
        self._music, self._n = music, n
        self._round = 0
        self.done: list[dict[str, Any]] = []
        self.clients: subprocess.Popen[str] | None = None
        self._ended = threading.Event()
        self._write()
        self.current = self._submit()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def _write(self) -> None:
        import soundfile

        from workbench.testing import simulate_track

        made = [simulate_track(seed, duration=JOB_FILE_S, sr=JOB_FILE_RATE)[0] for seed in range(4)]
        for number in range(self._n):
            soundfile.write(self._music / f"{number}.wav", made[number % 4], JOB_FILE_RATE, "PCM_16")

    def _submit(self) -> int:
        self._round += 1
        for path in sorted(self._music.iterdir()):
            path = path.rename(self._music / f"{self._round} {path.name.split()[-1]}")
            with open(path, "r+b") as file:
                file.seek(1 << 16)
                file.write(self._rng.integers(-3, 3, 64).astype("<i2").tobytes())
        self.current = int(
            self._server.ask("POST", "/audio/batch-analyze", {"paths": [str(self._music)], "descriptors": "full"})[
                "job_id"
            ]
        )
        self.tell()
        return self.current

    def wait_for_tracks(self) -> None:
        """Wait for the first commit: a library of rows alone has its tables made anew by it, once."""
        while not (self.done or self._server.ask("GET", f"/jobs/{self.current}")["done"]):
            time.sleep(0.2)
        self._server.ask("POST", "/playlists/generate", {"n": 2})

    def tell(self) -> None:
        """Tell the clients which job it is."""
        if self.clients is not None and self.clients.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # they have just ended
                self.clients.stdin.write(f"{self.current}\n")
                self.clients.stdin.flush()

    def _keep(self) -> None:
        while not self._ended.wait(1.0):
            job = self._server.ask("GET", f"/jobs/{self.current}")
            if job["state"] in ("done", "failed", "cancelled"):
                self.done.append(job)
                self._submit()

    def end(self) -> None:
        """Begin no further job."""
        self._ended.set()
        self._thread.join()


# --- measuring ------------------------------------------------------------------------------------


def told(times: list[float]) -> dict[str, float]:
    """Milliseconds in words: how many, half, 95 and 99 in a hundred, all."""
    found = np.percentile(times, (50, 95, 99, 100)) * 1000
    named = dict(zip(("p50_ms", "p95_ms", "p99_ms", "max_ms"), found, strict=True))
    return {"n": len(times)} | {name: round(float(value), 1) for name, value in named.items()}


def judge(proof: Proof, phase: Phase, seen: dict[str, Any]) -> None:
    """Note what a phase has shown, and what it lacks."""
    times = seen["times"]
    every = list(itertools.chain(*times.values()))
    proof.check(bool(every), f"{phase.name}: nothing was answered")
    if not every:
        return
    over_all = told(every)
    proof.figures[phase.name] = {
        "requests_per_s": round(len(every) / phase.seconds, 1), "all": over_all,
        "routes": {route: told(times[route]) for route in sorted(times)}, "errors": seen["errors"],
    }  # fmt: skip
    proof.say(f"{phase.name}: {proof.figures[phase.name]['requests_per_s']} requests/s, {over_all}")
    proof.check(not seen["errors"], f"{phase.name}: errors: {seen['errors']}")
    for clients, p95, p99 in LIMITS:
        if phase.clients <= clients:
            proof.check(p95 is None or over_all["p95_ms"] < p95, f"{phase.name}: p95 is {over_all['p95_ms']} ms")
            proof.check(over_all["p99_ms"] < p99, f"{phase.name}: p99 is {over_all['p99_ms']} ms")
            return


def stall(proof: Proof, server: Server, memory: Memory, jobs: Jobs, n: int) -> list[socket.socket]:
    """Connect clients that take nothing, and measure what memory that costs."""
    time.sleep(STALLED_S)
    before, kernel = memory.mean(time.monotonic() - STALLED_S), kernel_mb()
    stalled = [stalled_socket(server, jobs.current) for _ in range(n)]
    time.sleep(STALLED_S)
    added = memory.mean(time.monotonic() - STALLED_S / 2) - before
    proof.figures["stalled"] = {
        "sockets": n, "added_mb": round(added, 1), "added_mb_of_kernel": round(kernel_mb() - kernel, 1)
    }  # fmt: skip
    proof.say(f"stalled: {proof.figures['stalled']}")
    proof.check(added <= MOST_STALLED_MB, f"{n} stalled sockets add {added:.1f} MB")
    return stalled


def stalled_socket(server: Server, job_id: int) -> socket.socket:
    """Open a socket for progress from which nobody reads."""
    place = urlsplit(server.url)
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect((place.hostname, place.port))
    one.sendall(
        f"GET {place.path}/ws/progress/{job_id} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.tokens[0]}"
        "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    return one


def upload(proof: Proof, server: Server, memory: Memory, music: Path, mb: int) -> None:
    """Send a file so large as a job, from a generator, and watch the memory of the server."""
    head = (
        b'--limit\r\nContent-Disposition: form-data; name="files"; filename="large.wav"\r\n\r\n'
        + next(music.iterdir()).read_bytes()[:1000]
    )
    tail = b"\r\n--limit--\r\n"
    size = mb * 1_000_000 - len(tail)  # of all of the body, of which the server takes 500 MB
    place = urlsplit(server.url)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=600)
    before, began = memory.mean(time.monotonic() - STALLED_S), time.monotonic()
    connection.putrequest("POST", f"{place.path}/audio/batch-analyze")
    connection.putheader("Authorization", f"Bearer {server.tokens[0]}")
    connection.putheader("Content-Type", "multipart/form-data; boundary=limit")
    connection.putheader("Content-Length", str(size + len(tail)))
    connection.endheaders(head)
    piece, left, most = bytes(1 << 20), size - len(head), 0.0
    while left:
        connection.send(piece[:left])
        left -= min(left, len(piece))
        most = max(most, pages(server.process.pid)[0])
    connection.send(tail)
    answer = connection.getresponse()
    said = answer.read()
    proof.figures["upload"] = {
        "mb": mb, "status": answer.status, "seconds": round(time.monotonic() - began, 1),
        "added_mb": round(most - before, 1),
    }  # fmt: skip
    proof.say(f"upload: {proof.figures['upload']}")
    proof.check(answer.status == 202, f"the upload got {answer.status}: {said[:300].decode()}")
    proof.check(most - before <= MOST_UPLOAD_MB, f"an upload of {mb} MB adds {most - before:.1f} MB")
    connection.close()


def drive(proof: Proof, server: Server, memory: Memory, jobs: Jobs, plan: Plan, stalled: int) -> None:
    """Let the clients do their work, and judge what they saw."""
    with tempfile.TemporaryFile("w+") as said:  # no pipe: what they say in the end fills one, before anybody reads it
        began = let_loose(proof, server, memory, jobs, plan, stalled, said)
        said.seek(0)
        seen = json.load(said)
    for phase in plan.phases:
        judge(proof, phase, seen["phases"][phase.name])
    proof.figures["sockets"] = seen["sockets"]
    proof.check(not seen["sockets"]["errors"], f"sockets: {seen['sockets']['errors']}")
    proof.figures["processor_s_of_clients"] = round(seen["processor_s"], 1)
    judge_memory(proof, memory, began)


def let_loose(
    proof: Proof, server: Server, memory: Memory, jobs: Jobs, plan: Plan, stalled: int, said: IO[str]
) -> float:
    """Run the clients, with sockets that take nothing beside them; gives when the first phase began."""
    clients = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("load_clients.py"))],
        stdin=subprocess.PIPE, stdout=said, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert clients.stdin is not None
    assert clients.stderr is not None
    held: list[socket.socket] = []
    began = 0.0
    try:
        clients.stdin.write(json.dumps(asdict(plan)) + "\n")
        jobs.clients = clients
        jobs.tell()
        for line in clients.stderr:
            proof.say(f"clients: {line.strip()}")
            if line.endswith(" sockets\n") and stalled:
                held = stall(proof, server, memory, jobs, stalled)
            elif line.startswith("phase") and not began:
                began = time.monotonic()
        if clients.wait(60) != 0:
            raise RuntimeError("the clients have failed: see above")
    finally:
        jobs.clients = None
        end_processes([psutil.Process(clients.pid)] if clients.poll() is None else [])
        for one in held:
            one.close()
    return began


def judge_memory(proof: Proof, memory: Memory, began: float) -> None:
    """Tell what the server holds at the begin, on average and at the end, and whether it grows."""
    minutes, growth = (time.monotonic() - began) / 60, memory.growth(began)
    for name in ("own", "mapped", "workers"):
        held = getattr(memory, name)
        values = {"begin": held[0], "mean": np.mean(held), "end": held[-1], "most": max(held)}
        proof.figures[f"memory_{name}_mb"] = {what: round(float(value)) for what, value in values.items()}
    proof.figures["memory_growth"] = f"{growth:.1%} over the last {0.8 * minutes:.1f} minutes"
    if minutes >= GROWTH_FROM_MINUTES:
        proof.check(growth < MOST_GROWTH, f"memory grows by {growth:.1%} in {0.8 * minutes:.0f} minutes")


# --- the whole ------------------------------------------------------------------------------------


def prepare(proof: Proof, place: Path, settings: Settings, rows: int, seed: int) -> list[str]:
    """Make the library and its index, if it is not there, and give the ids of some of its tracks."""
    rng = np.random.default_rng(seed)
    new = not place.exists()
    with Library.open(place, settings=settings) as library:
        if new:
            proof.say(f"entering {rows} tracks")
            simulate(library, rows, rng)
        vectors = library._indexes.vectors
        known = np.flatnonzero(vectors.known)
        ids = vectors.ids.take(rng.choice(known, min(5000, len(known)), replace=False))
        library.similar(ids[0], where=SIX)
        proof.figures |= {"tracks": len(known), "processors": os.cpu_count(), "catalog": library.catalog.name}
    return ids


def remove_schema(place: Path, settings: Settings) -> None:
    """Remove what a library on a server keeps there."""
    import sqlalchemy as sa

    with Library.open(place, settings=settings) as library:
        name = json.loads((place / "library.json").read_text())["schema"]
        with library.catalog.engine.begin() as connection:
            connection.execute(sa.text(f'DROP SCHEMA "{name}" CASCADE'))


def phases_of(given: Any) -> list[Phase]:
    """Give the phases: a closed loop for each number of clients, then an open one."""
    seconds = 60 * given.minutes
    phases = [Phase(f"closed_{n}_clients", seconds, n, think_s=given.think) for n in given.clients]
    if given.rate:
        phases.append(Phase(f"open_{given.rate:g}_per_s", seconds, given.clients[0], rate=given.rate))
    return phases


def prove(proof: Proof, given: Any, folder: Path) -> None:
    """Do everything in a folder that is removed at the end."""
    place = given.library or folder / "large.library"
    settings = Settings(catalog=SecretStr(given.postgres) if given.postgres else None)
    tracks = prepare(proof, place, settings, given.rows, given.seed)
    music = folder / "music"
    music.mkdir()
    try:
        with served(place, folder, music, given.postgres) as server:
            for token in server.tokens:  # the first request of each costs a slow hash
                dataclasses.replace(server, tokens=[token]).ask("GET", "/jobs")
            began = time.monotonic()  # it opens its indexes, for which whoever comes first would wait
            server.ask("POST", "/audio/find-similar", {"track_id": tracks[0], "where": SIX})
            server.ask("POST", "/playlists/generate", {"n": 2})
            proof.figures["ready_after_s"] = round(time.monotonic() - began, 1)
            jobs = Jobs(server, music, given.job_files, np.random.default_rng(given.seed))
            memory = Memory(server.process, proof.say)
            try:
                jobs.wait_for_tracks()
                quiet_s = 2 * STALLED_S if given.stalled else 0.0
                plan = Plan(server.url, server.tokens, tracks, given.sockets, quiet_s, phases_of(given), given.seed)
                drive(proof, server, memory, jobs, plan, given.stalled)
                if given.upload:
                    upload(proof, server, memory, music, given.upload)
            finally:
                jobs.end()
                memory.end()
                proof.figures["jobs_done"] = len(jobs.done)
                proof.figures["files_analyzed"] = sum(job["done"] - job["failed"] for job in jobs.done)
                proof.figures["levels_of_log"] = Counter(
                    json.loads(line)["level"] for line in server.log.read_text().splitlines() if line.startswith("{")
                )
    finally:
        if given.postgres and not given.library:
            remove_schema(place, settings)


def main() -> int:
    """Run the command line."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--rows", type=int, default=1_000_000, metavar="N", help="tracks of the library")
    add("--library", type=Path, metavar="FOLDER", help="a library that is kept: made if it is not there, changed if so")
    add("--postgres", metavar="URL", help="keep its catalog in this database (default: in a file)")
    add("--clients", type=int, nargs="+", default=[100], metavar="N", help="clients of a closed loop; several in turn")
    add("--think", type=float, default=3.0, metavar="S", help="seconds that a client thinks, on average")
    add("--rate", type=float, default=0.0, metavar="N", help="requests per second of an open loop; 0: none (default)")
    add("--sockets", type=int, default=200, metavar="N", help="sockets that follow the job")
    add("--stalled", type=int, default=20, metavar="N", help="sockets that take nothing")
    add("--minutes", type=float, default=2.0, metavar="M", help="of each loop")
    add("--job-files", type=int, default=200, metavar="N", help="files of a job, two minutes each, of 5 MB")
    add("--upload", type=int, default=500, metavar="MB", help="at the end; 0: none")
    given = parser.parse_args()
    claim = f"{' and '.join(map(str, given.clients))} clients and {given.sockets} sockets are answered in time"
    proof = Proof(claim, as_json=given.json)
    proof.figures["think_s"] = given.think
    with tempfile.TemporaryDirectory(prefix="workbench-load-") as folder:
        prove(proof, given, Path(folder))
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
