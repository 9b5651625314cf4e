"""The clients of `load.py`, in a process of their own so that their work is not measured as the server's.

It reads one JSON document (`Plan`) from the first line of standard input, then the number of the job that is to be
listened to on further lines, and writes what it has seen as JSON to standard output when it is done.

Requests go over plain asyncio streams, one connection for each client that stays open as a browser's does: httpx and
Tornado's client cost more processor than what is asked of the server.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import resource
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

#: What a team asks for, and how often in a hundred.
MIX = {
    "tracks": 25, "tracks next page": 10, "tracks of an artist": 5, "track": 20, "similar": 15, "jobs": 7, "job": 5,
    "playlist": 4, "healthz": 6, "metrics": 3,
}  # fmt: skip
PATIENCE_S = 60.0
#: Of the questions about similar tracks, those about a few that everybody asks about.
COMMON, COMMON_TRACKS = 0.5, 50
CONNECTED_WITHIN_S = 10.0


@dataclass(frozen=True)
class Phase:
    """Some time of one kind of load.

    Attributes
    ----------
    name : str
    seconds : float
    clients : how many ask at a time, or may at most
    think_s : closed loop: mean pause of a client between an answer and its next request (exponential distribution)
    rate : open loop: requests per second, whatever the answers take; None for a closed loop
    """

    name: str
    seconds: float
    clients: int
    think_s: float = 3.0
    rate: float | None = None


@dataclass
class Plan:
    """What the clients are told to do.

    Attributes
    ----------
    url : root of the API
    tokens, tracks : of people who ask, and ids of what they ask for
    sockets : how many follow the job
    quiet_s : for how long nothing but sockets is there
    phases : what comes then, one after the other
    """

    url: str
    tokens: list[str]
    tracks: list[str]
    sockets: int
    quiet_s: float
    phases: list[Phase]
    seed: int


@dataclass
class Seen:
    """What came of the requests of a phase: seconds by route, and errors by kind."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)


class Connection:
    """A connection that stays open, over which one request goes at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._where = (host, port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, token: str, body: bytes | None) -> tuple[int, bytes]:
        """Send a request and give status and body of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._where)
        reader, writer = self._streams
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        try:
            writer.write(head.encode() + b"\r\n" + (body or b""))
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            answer = await reader.readexactly(int(fields["content-length"]))
        except BaseException:
            self.close()
            raise
        if fields.get("connection") == "close":
            self.close()
        return int(lines[0].split(" ", 2)[1]), answer

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Person:
    """Somebody who asks this and that, and turns pages."""

    def __init__(self, plan: Plan, rng: random.Random, listeners: Listeners) -> None:
        self._plan, self._rng, self._listeners = plan, rng, listeners
        self._token = rng.choice(plan.tokens)
        place = urlsplit(plan.url)
        self._base = place.path
        self._connection = Connection(place.hostname or "", place.port or 80)
        self._page: tuple[str, str | None] | None = None

    async def ask(self, seen: Seen, planned: float | None = None) -> None:
        """Send a request drawn from the mix; its time counts from `planned`, seconds of the monotonic clock, or now."""
        route = self._rng.choices(list(MIX), list(MIX.values()))[0]
        method, path, body = getattr(self, f"_{route.replace(' ', '_')}")()
        began = time.monotonic() if planned is None else planned
        sent = None if body is None else json.dumps(body).encode()
        try:
            async with asyncio.timeout(PATIENCE_S):
                status, answer = await self._connection.ask(method, self._base + path, self._token, sent)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            seen.errors[f"{route}: {type(error).__name__}"] += 1
            return
        seen.times[route].append(time.monotonic() - began)
        if status != 200:
            seen.errors[f"{route}: {status}"] += 1
        elif route.startswith("tracks") and self._page is not None:
            self._page = (self._page[0], json.loads(answer)["next"])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _tracks(self) -> tuple[str, str, Any]:
        low, energy = self._rng.randrange(70, 170), self._rng.random()
        where, sort = self._rng.choice([
            (f"{low} <= bpm < {low + 4}", "bpm"),
            (f"energy > {energy:.2f}", "energy"),
            (f"mood == 'calm' and bpm > {low}", "path"),
            ("mood in ('happy', 'energetic') and loudness_lufs > -12", "energy"),
        ])  # fmt: skip
        self._page = (f"/tracks?where={quote(where)}&sort={sort}&limit=50", None)
        return "GET", self._page[0], None

    def _tracks_next_page(self) -> tuple[str, str, Any]:
        if self._page is None or self._page[1] is None:
            return self._tracks()
        return "GET", f"{self._page[0]}&after={quote(self._page[1])}", None

    def _tracks_of_an_artist(self) -> tuple[str, str, Any]:
        self._page = None
        where = f"artist == 'Artist {self._rng.randrange(1, 1000)}'"
        return "GET", f"/tracks?where={quote(where)}&sort=title&limit=50", None

    def _track(self) -> tuple[str, str, Any]:
        return "GET", f"/tracks/{self._rng.choice(self._plan.tracks)}", None

    def _similar(self) -> tuple[str, str, Any]:
        of = self._plan.tracks[:COMMON_TRACKS] if self._rng.random() < COMMON else self._plan.tracks
        asked: dict[str, Any] = {"track_id": self._rng.choice(of), "n": 10}
        if self._rng.random() < 0.3:
            low = self._rng.randrange(80, 150, 10)
            asked["where"] = f"{low} <= bpm < {low + 20}"
        return "POST", "/audio/find-similar", asked

    def _jobs(self) -> tuple[str, str, Any]:
        return "GET", "/jobs?limit=20", None

    def _job(self) -> tuple[str, str, Any]:
        return "GET", f"/jobs/{self._listeners.job_id}", None

    def _playlist(self) -> tuple[str, str, Any]:
        low = self._rng.randrange(80, 140, 20)
        return "POST", "/playlists/generate", {"n": 15, "bpm": [low, low + 20], "seed": self._rng.randrange(20)}

    def _healthz(self) -> tuple[str, str, Any]:
        return "GET", "/healthz", None

    def _metrics(self) -> tuple[str, str, Any]:
        return "GET", "/metrics", None


class Listeners:
    """Sockets that follow the job that is at work; where it has ended, the next one."""

    def __init__(self, plan: Plan, job_id: int) -> None:
        self._plan = plan
        self.job_id = job_id
        self._news = asyncio.Condition()
        self.events = self.ends = self.connected = 0
        self.errors: Counter[str] = Counter()
        self.longest_silence_s = 0.0

    async def tell(self, job_id: int) -> None:
        """Name the job that is listened to from now on."""
        async with self._news:
            self.job_id = job_id
            self._news.notify_all()

    async def listen(self, rng: random.Random) -> None:
        """Follow one job after the other, for ever."""
        followed = 0
        while True:
            async with self._news:
                await self._news.wait_for(lambda followed=followed: self.job_id > followed)
                followed = self.job_id
            await asyncio.sleep(rng.uniform(0, CONNECTED_WITHIN_S / 2))  # not all pages are as quick
            try:
                await self._follow(followed, rng.choice(self._plan.tokens))
            except (OSError, HTTPClientError, TimeoutError) as error:
                self.errors[f"socket: {error}"[:80]] += 1
                followed = 0
                await asyncio.sleep(1)

    async def _follow(self, job_id: int, token: str) -> None:
        url = f"{self._plan.url.replace('http', 'ws', 1)}/ws/progress/{job_id}"
        request = HTTPRequest(url, headers={"Authorization": f"Bearer {token}"}, request_timeout=PATIENCE_S)
        socket = await websocket_connect(request)
        self.connected += 1
        last, at = None, time.monotonic()
        try:
            while (message := await socket.read_message()) is not None:
                now = time.monotonic()
                event = json.loads(message)
                if last is not None and event["seq"] < last["seq"]:
                    self.errors["socket: seq went back"] += 1
                self.longest_silence_s = max(self.longest_silence_s, now - at)
                self.events, last, at = self.events + 1, event, now
            if last is None or last["state"] not in ("done", "failed", "cancelled"):
                self.errors[f"socket: closed with {socket.close_code} before the end of the job"] += 1
            self.ends += 1
        finally:
            self.connected -= 1
            socket.close()


async def closed(plan: Plan, phase: Phase, seen: Seen, listeners: Listeners, rng: random.Random) -> None:
    """Let each client ask, wait for the answer, think, and ask again."""
    end = time.monotonic() + phase.seconds

    async def client(number: int) -> None:
        person = Person(plan, random.Random(rng.random()), listeners)
        # as if all had long been at it: spread evenly over this time, they would ask twice as often at its end
        pause = rng.expovariate(1 / phase.think_s)
        while time.monotonic() + pause < end:
            await asyncio.sleep(pause)
            await person.ask(seen)
            pause = rng.expovariate(1 / phase.think_s)
        person.close()

    await asyncio.gather(*(client(number) for number in range(phase.clients)))


async def opened(plan: Plan, phase: Phase, seen: Seen, listeners: Listeners, rng: random.Random) -> None:
    """Let requests come at a rate, as if from strangers, however long the answers take (Poisson)."""
    assert phase.rate is not None
    idle: asyncio.Queue[Person] = asyncio.Queue()
    for _ in range(phase.clients):
        idle.put_nowait(Person(plan, random.Random(rng.random()), listeners))
    under_way: set[asyncio.Task[None]] = set()

    async def one(planned: float) -> None:
        person = await idle.get()  # the wait for a connection counts
        await person.ask(seen, planned)
        idle.put_nowait(person)

    planned = time.monotonic()
    end = planned + phase.seconds
    while (planned := planned + rng.expovariate(phase.rate)) < end:
        await asyncio.sleep(planned - time.monotonic())
        task = asyncio.create_task(one(planned))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    while not idle.empty():
        idle.get_nowait().close()


async def read_jobs(listeners: Listeners) -> None:
    """Take numbers of jobs from standard input."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        await listeners.tell(int(line))


async def run(plan: Plan, job_id: int) -> dict[str, Any]:
    """Go through the phases, and give what was seen."""
    rng = random.Random(plan.seed)
    listeners = Listeners(plan, job_id)
    reading = asyncio.create_task(read_jobs(listeners))
    following = [asyncio.create_task(listeners.listen(random.Random(rng.random()))) for _ in range(plan.sockets)]
    deadline = time.monotonic() + CONNECTED_WITHIN_S
    while listeners.connected < plan.sockets and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    print(f"{listeners.connected} sockets", file=sys.stderr, flush=True)
    await asyncio.sleep(plan.quiet_s)
    seen = {}
    for phase in plan.phases:
        print(f"phase {phase.name}", file=sys.stderr, flush=True)
        seen[phase.name] = Seen()
        await (closed if phase.rate is None else opened)(plan, phase, seen[phase.name], listeners, rng)
        every = sorted(itertools.chain(*seen[phase.name].times.values()))
        told = [f"{1000 * every[int(part * len(every))]:.0f}" for part in (0.5, 0.95, 0.99)] if every else []
        said = f"{len(every)} answers in {', '.join(told)} ms (50, 95, 99 %), {seen[phase.name].errors.total()} errors"
        print(f"{phase.name} is over: {said}", file=sys.stderr, flush=True)
    connected = listeners.connected
    for task in (*following, reading):
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    return {
        "phases": {name: {"times": one.times, "errors": one.errors} for name, one in seen.items()},
        "sockets": {
            "connected_at_the_end": connected, "events": listeners.events, "ends_heard": listeners.ends,
            "longest_silence_s": round(listeners.longest_silence_s, 2), "errors": listeners.errors,
        },
        "processor_s": time.process_time(),
    }  # fmt: skip


def main() -> None:
    """Do what standard input says."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    told = json.loads(sys.stdin.readline())
    plan = Plan(**{**told, "phases": [Phase(**phase) for phase in told["phases"]]})
    json.dump(asyncio.run(run(plan, int(sys.stdin.readline()))), sys.stdout)


if __name__ == "__main__":
    main()
