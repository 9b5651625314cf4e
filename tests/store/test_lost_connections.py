"""Connections that are lost at any moment: nothing is lost, nothing is done twice, and the server is waited for."""

from __future__ import annotations

import ast
import contextlib
import gc
import logging
import os
import random
import re
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.services import postgres_copy
from tests.store.conftest import LEASE_S, Store
from workbench.errors import CatalogUnreachableError, Reason
from workbench.schema import JobState
from workbench.store.arrays import PartStore
from workbench.store.batches import PlannedFile
from workbench.store.catalog import Catalog
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import Batch, File, Job, JobFile, Track
from workbench.store.catalog.queries import changes_since, tracks
from workbench.store.commit import commit_batch
from workbench.store.job_entry import Request
from workbench.store.verify import verify
from workbench.testing.services import PostgresServer

# psycopg warns of a cursor that it could not close on the server because the connection died at just that statement
pytestmark = pytest.mark.filterwarnings("ignore:.*ServerCursorMixin:pytest.PytestUnraisableExceptionWarning")

PACKAGE = Path(__file__).parents[2] / "workbench"
# of PostgreSQL's protocol: https://www.postgresql.org/docs/current/protocol-message-formats.html
VERSION_3 = (196608).to_bytes(4, "big")
ANSWERED = (b"\x00", b"p", b"Q", b"S")  # what begins a connection, password, query, sync


@pytest.fixture(autouse=True)
def collected(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Collect such cursors, which logged tracebacks hold, while the warning is expected, not in a test after this."""
    yield
    caplog.get_records("call").clear()
    gc.collect()


def test_every_function_of_a_transaction_is_lasting() -> None:
    """A context manager cannot run its body again, so whoever opens a transaction must be decorated."""
    opens = re.compile(r"catalog\.(read|write)\(\)$")
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        functions = ast.walk(ast.parse(source)) if "catalog." in source else ()
        for node in functions:
            if not isinstance(node, ast.FunctionDef):
                continue
            if any(isinstance(n, ast.withitem) and opens.search(ast.unparse(n.context_expr)) for n in ast.walk(node)):
                assert "lasting" in map(ast.unparse, node.decorator_list), f"{path}: {node.name}"
                assert not any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(node)), f"{path}: {node.name}"


class Proxy:
    """Passes everything on between clients and a server, and cuts one connection when it is told to.

    Parameters
    ----------
    port : int
        The server's.
    """

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sent = 0
        self.cut_at: int | None = None
        self.cut_on: bytes | None = None
        self.let_through = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)  # a close alone would let one more in
            self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        messages = Messages()
        with contextlib.suppress(OSError), client, socket.create_connection(self._server) as server:
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(1 << 16)
                    if not data:
                        return
                    if ready is server:
                        client.sendall(data)
                    elif not self._sent_whole(messages.completed_by(data), server):
                        return

    def _sent_whole(self, messages: list[bytes], server: socket.socket) -> bool:
        """Pass messages on; False if the connection is cut at one of them."""
        for n, message in enumerate(messages):
            self.sent += 1
            if self.sent == self.cut_at or (self.cut_on is not None and self.cut_on in message):
                self.cut_at = self.cut_on = None
                if self.let_through:  # the server does it, and nobody hears of it
                    server.sendall(b"".join(messages[: n + 1]))
                    if message[:1] in ANSWERED:
                        server.recv(1 << 16)
                return False
        server.sendall(b"".join(messages))
        return True


class Messages:
    """The messages of a client of PostgreSQL, however the network cuts and joins them.

    The first ones, until the version of the protocol is told, are a length and a body; all others have a letter before.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._has_begun = False

    def completed_by(self, data: bytes) -> list[bytes]:
        self._rest += data
        completed = []
        while len(self._rest) >= (5 if self._has_begun else 8):
            letters = int(self._has_begun)
            end = letters + int.from_bytes(self._rest[letters : letters + 4], "big")
            if len(self._rest) < end:
                break
            message, self._rest = self._rest[:end], self._rest[end:]
            self._has_begun = self._has_begun or message[4:8] == VERSION_3
            completed.append(message)
        return completed


def the_life_of_a_job(store: Store) -> dict[str, Any]:
    """Use every transaction that a job consists of, and tell what the catalog holds in the end."""
    ledger = store.ledger
    job = ledger.create(Request(("/music",)), lease_s=LEASE_S)
    paths = [f"/music/{n}.wav" for n in range(4)]
    ledger.add_files(job, 0, [PlannedFile(path, 100, 1, 1.0) for path in paths])
    ledger.add_batches(job, [(0, 1, 2.0), (2, 2, 1.0), (3, 3, 0.5)])
    lease = store.lease(job)
    commit_batch(store.catalog, lease, [store.result(i, paths[i], i) for i in (0, 1)], [store.write(job, 0, 1)])
    ledger.batch_lost(store.lease(job), reason=Reason.WORKER_DIED)
    assert ledger.renew(job, worked_s=1.0) is JobState.RUNNING
    while (again := ledger.lease_batch(job)) is not None:
        n = again.files[0].ordinal
        commit_batch(store.catalog, again, [store.result(n, paths[n], n)], [store.write(job, n)])
    counts = ledger.counts(job.job_id)
    ledger.finish(job, JobState.DONE)
    changes = changes_since(store.catalog, -1, "summary/level", 1)
    assert (changes.tracks, sum(len(placed.rows) for placed in changes.placed)) == (4, 4)
    assert store.catalog.columns.mask("bpm > 61", 4).tolist() == [False, False, True, True]
    return {
        "counts": counts,
        "state": state_of(store.catalog),
        "version": store.catalog.version(),
        "problems": verify(store.catalog, store.parts).problems,
    }


STATE = (
    (Job.state, Job.fence, Job.worked_s),
    (Batch.cost, Batch.state, Batch.fence, Batch.attempts),
    (JobFile.ordinal, JobFile.outcome),
    (File.path, File.content_id),
    (Track.id, Track.number, Track.changed),
)


@lasting
def state_of(catalog: Catalog) -> list[list[tuple[Any, ...]]]:
    with catalog.read() as connection:
        return [[tuple(row) for row in connection.execute(sa.select(*columns).order_by(*columns))] for columns in STATE]


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[Proxy]:
    with contextlib.closing(Proxy(postgres_server.port)) as between:
        yield between


@contextlib.contextmanager
def through(proxy: Proxy, server: PostgresServer, template: str, folder: Path) -> Iterator[Store]:
    """Open a new catalog through a proxy; what is sent counts from then on."""
    proxy.cut_at = proxy.cut_on = None
    with postgres_copy(server, template) as url:
        via = url.replace(f":{server.port}/", f":{proxy.port}/")
        with contextlib.closing(Catalog(via, reconnect_s=20)) as catalog:
            parts = PartStore(folder)
            parts.create()
            proxy.sent = 0
            yield Store(catalog, parts, url)


def cut_everywhere(proxy: Proxy, server: PostgresServer, template: str, tmp_path: Path, step: int) -> int:
    """Live a job's life again and again, each time cut at another message; it must come to the same."""
    with through(proxy, server, template, tmp_path / "whole") as store:
        whole = the_life_of_a_job(store)
        messages = proxy.sent
    assert whole["problems"] == []
    for let_through in (False, True):
        for at in range(1, messages + 1, step):
            proxy.let_through = let_through
            with through(proxy, server, template, tmp_path / f"{at}{let_through}") as store:
                proxy.cut_at = at
                assert the_life_of_a_job(store) == whole, (at, let_through)
                assert proxy.cut_at is None, "nothing was cut"
    return messages


@pytest.mark.slow
def test_a_connection_cut_at_some_messages(
    proxy: Proxy, postgres_server: PostgresServer, migrated: str, tmp_path: Path
) -> None:
    assert cut_everywhere(proxy, postgres_server, migrated, tmp_path, step=83) > 500


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_connection_cut_at_many_messages(
    proxy: Proxy, postgres_server: PostgresServer, migrated: str, tmp_path: Path
) -> None:
    cut_everywhere(proxy, postgres_server, migrated, tmp_path, step=19)


@pytest.mark.parametrize("let_through", [False, True])
def test_a_commit_whose_answer_is_lost_is_done_once(
    proxy: Proxy, postgres_server: PostgresServer, migrated: str, tmp_path: Path, let_through: bool
) -> None:
    with through(proxy, postgres_server, migrated, tmp_path / "parts") as store:
        job = store.plan("/music/1.wav", "/music/2.wav", batches=[(0, 0, 1.0), (1, 1, 1.0)])
        part = store.write(job, 1)
        lease = store.lease(job)
        proxy.cut_on, proxy.let_through = b"COMMIT", let_through
        commit_batch(store.catalog, lease, [store.result(0, "/music/1.wav", 1)], [part])
        assert proxy.cut_on is None
        assert (store.catalog.version(), store.ledger.counts(job.job_id).analyzed) == (1, 1)
        proxy.cut_on, proxy.let_through = b"COMMIT", let_through
        second = store.lease(job)
        assert (second.attempts, store.ledger.waiting(job.job_id)) == (1, 0)


def test_a_server_that_stays_away_is_given_up(
    proxy: Proxy, postgres_server: PostgresServer, migrated: str, tmp_path: Path
) -> None:
    with postgres_copy(postgres_server, migrated) as url:
        via = url.replace(f":{postgres_server.port}/", f":{proxy.port}/")
        with contextlib.closing(Catalog(via, reconnect_s=0.5)) as catalog:
            proxy.close()
            proxy.cut_on = b"SELECT"
            began = time.monotonic()
            with pytest.raises(CatalogUnreachableError, match="it goes on"):
                tracks(catalog)
            assert 0.2 < time.monotonic() - began < 5


def work(store: Store, numbers: range, done: list[int]) -> None:
    for number in numbers:
        store.add(number)
        done.append(number)
        changes_since(store.catalog, -1, "summary/level", 1)


@pytest.mark.parametrize("kind", ["restart", "kill -9 of the postmaster", "kill -9 of a backend"])
def test_a_server_that_goes_and_comes_back(own_server: PostgresServer, tmp_path: Path, kind: str) -> None:
    """Whatever was said to be done is there; the work goes on by itself."""
    rng = random.Random(5)
    done: list[int] = []
    with contextlib.closing(Catalog(own_server.url(), reconnect_s=30)) as catalog:
        store = Store(catalog, PartStore(tmp_path / "parts"))
        store.parts.create()
        worker = threading.Thread(target=work, args=(store, range(30), done))
        worker.start()
        for _ in range(3):
            time.sleep(rng.uniform(0.1, 0.4))
            if kind == "kill -9 of a backend":
                with contextlib.suppress(Exception):  # the server may still be recovering from the last one
                    pids = own_server.run("SELECT pid FROM pg_stat_activity WHERE application_name = 'workbench'")
                    os.kill(int(str(pids[0][0])), signal.SIGKILL)
            else:
                own_server.stop(signal.SIGINT if kind == "restart" else signal.SIGKILL)
                time.sleep(rng.uniform(0, 1))
                own_server.start()
        worker.join(120)
        assert not worker.is_alive()
        assert done == list(range(30))
        assert len(tracks(catalog)) == catalog.numbers() == catalog.version() == 30
        assert [job["state"] for job in store.ledger.jobs()] == ["done"] * 30
        assert verify(catalog, store.parts).problems == []


def test_a_lost_connection_is_no_news(
    postgres_server: PostgresServer, migrated: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """It mends itself, so neither a log nor the terminal of a job shows a traceback."""
    caplog.set_level(logging.INFO)
    with postgres_copy(postgres_server, migrated) as url, contextlib.closing(Catalog(url)) as catalog:
        reading = catalog.read()
        pid = reading.__enter__().execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        postgres_server.run(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(CatalogUnreachableError, match="cannot be reached"):
            reading.__exit__(None, None, None)
        assert tracks(catalog) == []
    assert "".join(capfd.readouterr()) + caplog.text == ""
