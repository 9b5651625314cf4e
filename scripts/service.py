"""A service as a team leaves it running, for the proofs that strike it and those that listen to it.

Two processes of ``workbench serve`` on one library, whose catalog is an SQLite file or on PostgreSQL; answers in Redis;
jobs on worker processes of each server or on a Dask cluster of separate processes. All of it on loopback.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from proof import Outcomes, below, bits, end_processes, outcomes, workers_of
from prove_kills import Cluster

if TYPE_CHECKING:
    from workbench import Library
    from workbench.config import Settings
    from workbench.testing.services import PostgresServer, RedisServer

SERVERS = 2
LONGEST_START_S = 60.0
#: Most that a FLAC can be padded by: files then cost enough, in a plan that goes by size, for many small batches.
PADDING = (1 << 24) - 1


class Server:
    """A process of ``workbench serve`` with a port of its own, where it is found again after it was killed.

    Parameters
    ----------
    environment : dict
        Settings, as variables.
    token : str
        Of a user.
    log : Path
        Where it writes to.
    """

    def __init__(self, environment: dict[str, str], token: str, log: Path) -> None:
        from workbench.testing.services import free_port

        self.port = free_port()
        self.token = token
        self.log = log
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Number of its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, without waiting."""
        command = [sys.executable, "-m", "workbench.cli", "serve", "--port", str(self.port), "--json"]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(command, env=os.environ | self._environment, stdout=log, stderr=log)

    def wait(self) -> None:
        """Wait until it answers."""
        end = time.monotonic() + LONGEST_START_S
        while True:
            try:
                self.ask("GET", "/jobs?limit=1")
                return
            except (OSError, http.client.HTTPException):
                if time.monotonic() > end or not self.runs:
                    raise TimeoutError(f"a server did not start: {self.said()[-2000:]}") from None
            time.sleep(0.05)

    def send(self, what: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, what)

    def kill(self) -> None:
        """End it as ``kill -9`` does, and bury it; workers of its own see their pipe closed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def said(self) -> str:
        """Give what it has written."""
        return self.log.read_text() if self.log.exists() else ""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request below ``/api/v1`` and give the JSON of an answer that is no refusal."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status >= 400:
            raise http.client.HTTPException(f"{method} {path}: {answer.status} {said}")
        return said


@dataclass(frozen=True)
class Music:
    """A folder of files, and what an uninterrupted job makes of it."""

    folder: Path
    expected: Outcomes
    expected_bits: dict[str, dict[str, str]]


def make_music(folder: Path, cluster: Cluster, *, tracks: int, seed: int) -> Music:
    """Write long tracks, a copy, and files that fail; analyze them once, undisturbed."""
    from mutagen.flac import FLAC

    from workbench import Library
    from workbench.testing import encode, hostile_files, simulate_track

    folder.mkdir()
    for number in range(tracks):
        y, sr, truth = simulate_track(seed + number, duration=120.0)
        path = folder / f"{number:02d} {truth.style}.flac"
        path.write_bytes(encode(y, sr, "flac", tags={"title": f"Number {number}", "artist": truth.style}))
        FLAC(path).save(padding=lambda _: PADDING)
    shutil.copy(folder / path.name, folder / "copy.flac")
    hostile_files(folder / "hostile", seed=seed, kinds=("empty", "text-named-mp3", "wav-nan"))
    with Library.open(folder.with_suffix(".reference")) as library:
        library.analyze(folder, scheduler=cluster.address)
        music = Music(folder, outcomes(library), bits(library))
    shutil.rmtree(library.path)
    return music


@contextmanager
def running(rng: random.Random, *, tracks: int, collections: int) -> Iterator[Service]:
    """Give a service in a folder of its own, and end all of it with the block.

    Raises
    ------
    InputError
        When PostgreSQL or Redis is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="prove-service-") as folder:
        service = Service(Path(folder), rng, tracks, collections)
        try:
            service.start()
            yield service
        finally:
            service.end()


@dataclass
class Service:
    """Servers, and what they stand on.

    Attributes
    ----------
    folder : where everything lies
    rng : chooses
    tracks, collections : how much music there is, and in how many folders, each for one job of a library
    """

    folder: Path
    rng: random.Random
    tracks: int
    collections: int
    music: list[Music] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)
    postgres: PostgresServer | None = None
    redis: RedisServer | None = None
    cluster: Cluster = field(init=False)
    library: Path = field(init=False)
    on_postgres: bool = False
    on_cluster: bool = False

    def __post_init__(self) -> None:
        self.cluster = Cluster(self.folder)

    def start(self) -> None:
        """Start what lasts for the whole proof, and make the music."""
        from workbench.testing.services import PostgresServer, RedisServer

        self.postgres, self.redis = PostgresServer.make(durable=True), RedisServer.make()
        self.cluster.start()
        for number in range(self.collections):
            seed = self.rng.randrange(1 << 20) * 1000
            self.music.append(make_music(self.folder / f"music {number}", self.cluster, tracks=self.tracks, seed=seed))

    def new_library(self, number: int, *, on_postgres: bool, on_cluster: bool) -> None:
        """Begin with an empty library, and servers for it."""
        from workbench.server.credentials import Credentials

        self.end_servers()
        self.on_postgres, self.on_cluster = on_postgres, on_cluster
        self.library = self.folder / f"{number}.library"
        self.open_library().close()
        credentials = self.folder / f"{number}.credentials"
        token = Credentials(credentials).add("proof")
        assert self.redis is not None
        environment = {
            "WORKBENCH_LIBRARY": str(self.library),
            "WORKBENCH_CREDENTIALS": str(credentials),
            "WORKBENCH_ROOTS": os.pathsep.join(str(music.folder) for music in self.music),
            "WORKBENCH_REDIS": self.redis.url,
            "WORKBENCH_REQUESTS_PER_S": "10000",
        } | ({"WORKBENCH_SCHEDULER": self.cluster.address} if on_cluster else {"WORKBENCH_WORKERS": "1"})
        if on_postgres:
            assert self.postgres is not None
            environment["WORKBENCH_CATALOG"] = self.postgres.url()
        self.servers = [Server(environment, token, self.folder / f"{number}-{i}.log") for i in range(SERVERS)]
        for server in self.servers:
            server.start()
        for server in self.servers:
            server.wait()

    @property
    def place(self) -> str:
        """Say in a word or two on what the library stands."""
        return f"{'PostgreSQL' if self.on_postgres else 'SQLite'}, {'cluster' if self.on_cluster else 'own workers'}"

    def open_library(self) -> Library:
        """Open the library in this process too, to look on and to check."""
        from workbench import Library

        return Library.open(self.library, settings=self._settings())

    def _settings(self) -> Settings:
        from workbench.config import Settings

        assert self.postgres is not None
        return Settings(catalog=self.postgres.url() if self.on_postgres else None)  # type: ignore[arg-type]  # a text

    def submit(self, music: Music) -> int:
        """Ask a server for a job."""
        server = self.rng.choice(self.servers)
        return int(server.ask("POST", "/audio/batch-analyze", {"paths": [str(music.folder)]})["job_id"])

    def workers(self) -> list[psutil.Process]:
        """Find the processes that analyze."""
        parents = self.cluster.processes[1:] if self.on_cluster else [psutil.Process(s.pid) for s in self.servers]
        return [worker for parent in parents for worker in workers_of(parent)]

    def forget_library(self) -> None:
        """Remove a library that is done with."""
        shutil.rmtree(self.library)
        if self.on_postgres and self.postgres is not None:
            for (name,) in self.postgres.run("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'workbench%'"):
                self.postgres.run(f'DROP SCHEMA "{name}" CASCADE')

    def end_servers(self) -> None:
        """End the servers, and their workers."""
        for server in self.servers:
            children = below(psutil.Process(server.pid)) if server.runs else []
            server.kill()
            end_processes(children)
        self.servers = []

    def end(self) -> None:
        """End all processes."""
        self.end_servers()
        self.cluster.stop()
        for service in (self.postgres, self.redis):
            if service is not None:
                service.remove()
