"""The client gives what the library itself would, in both ways of sending, and raises the same errors."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.collection import Analyzed, write_track
from tests.server.serving import Served
from tests.test_public_api import HEAVY, modules_after
from workbench import errors, tabular
from workbench.client import AsyncClient, Client, NewLabel
from workbench.client.ask import call
from workbench.client.calls import Calls
from workbench.client.problems import error_of
from workbench.library import Library
from workbench.playlist import to_m3u8
from workbench.server.models.jobs import ProgressRecord
from workbench.server.problem import problem_of

NO_TRACK = "0" * 32


class ClientContract:
    """What holds of either client."""

    def ask(self, served: Served, name: str, *args: Any, token: str | None = None, **kwargs: Any) -> Any:
        """Call a method of a client; of `progress`, give all events."""
        raise NotImplementedError

    @pytest.mark.parametrize("where", [None, "bpm > 120"])
    def test_tracks(self, served: Served, analyzed: Analyzed, where: str | None) -> None:
        found = self.ask(served, "tracks", where)
        known = {track["id"] for track in analyzed.library.tracks(where)}  # other tests may add to what is served
        assert known <= {track.id for track in found}
        (own,) = analyzed.library.tracks(f'path == "{found[0].path}"') or [None]
        assert own is None or found[0].model_dump() == {name: own[name] for name in type(found[0]).model_fields}
        assert [track.id for track in self.ask(served, "tracks", where, limit=2)] == [track.id for track in found[:2]]

    def test_pages(self, served: Served) -> None:
        first = self.ask(served, "tracks_page", sort="bpm", limit=3)
        second = self.ask(served, "tracks_page", sort="bpm", limit=3, after=first.next)
        assert first.tracks + second.tracks == self.ask(served, "tracks", sort="bpm", limit=6)

    def test_labels_and_a_track(self, served: Served, analyzed: Analyzed) -> None:
        track = analyzed.track("ballad/slow.wav")["id"]
        kept = self.ask(
            served, "label", track, NewLabel(name="genre", value="dub"), NewLabel(name="solo", start_s=1, end_s=2)
        )
        with Library.open(served.library) as library:
            assert [label.model_dump() for label in kept] == [asdict(label) for label in library.labels(track)]
        assert self.ask(served, "labels", track) == kept == self.ask(served, "track", track).labels
        assert self.ask(served, "label", track) == []

    def test_waveform_and_audio(self, served: Served, analyzed: Analyzed, tmp_path: Path) -> None:
        track = analyzed.track("club/house two.wav")
        wave = self.ask(served, "waveform", track["id"], 40)
        own = analyzed.library.waveform(track["id"], 40)
        assert [wave.lowest, wave.highest] == [pytest.approx(column, abs=1e-4) for column in own.T]
        target = self.ask(served, "audio", track["id"], tmp_path / "copy.wav")
        assert target.read_bytes() == Path(track["path"]).read_bytes()
        with pytest.raises(errors.NotFoundError):
            self.ask(served, "audio", NO_TRACK, tmp_path / "none.wav")
        assert [file.name for file in tmp_path.iterdir()] == ["copy.wav"]

    def test_similar_tracks(self, served: Served, analyzed: Analyzed) -> None:
        one, other = analyzed.track("rock/one.flac")["id"], analyzed.track("rock/two.ogg")["id"]
        for reference, wanted in (
            (one, {"where": "duration_s < 2.75", "weights": {"timbre": 2.0}}),
            (one, {"to": other, "n": 2}),
            (one, {"region": (0.5, 1.5), "n": 3}),
            ({one: 1.0, other: -0.5}, {"per_artist": 1, "fold": False}),
            ([one, other], {}),
        ):
            found = self.ask(served, "similar", reference, **wanted)
            with Library.open(served.library) as library:
                own = library.similar(reference, **wanted).to_dict()
            assert found.model_dump()["results"] == json.loads(tabular.to_json(own["results"]))

    def test_a_file_of_this_machine(self, served: Served, analyzed: Analyzed, tmp_path: Path) -> None:
        file = write_track(tmp_path / "a new one.wav", 77)
        found = self.ask(served, "similar", file, n=3, region=(0.0, 1.0))
        with Library.open(served.library) as library:
            own = library.similar(file, n=3, region=(0.0, 1.0))
        assert [result.id for result in found.results] == [result["id"] for result in own.to_dict()["results"]]
        assert found.query["path"] == "a new one.wav"

    def test_playlists(self, served: Served, analyzed: Analyzed) -> None:
        start = analyzed.track("ballad/slow.wav")["id"]
        request: dict[str, Any] = {"bpm": (60, 150), "n": 4, "curve": "rise", "start": start}
        found = self.ask(served, "playlist", **request)
        with Library.open(served.library) as library:
            own = library.playlist(**request)
        assert [track.id for track in found.tracks] == own.ids
        assert found.cost == pytest.approx(own.cost)
        assert self.ask(served, "playlist_file", "m3u8", **request) == to_m3u8(own)

    def test_words(self, served: Served, analyzed: Analyzed) -> None:
        asked = self.ask(served, "ask", "3 songs, rising energy, no saxophone")
        assert (asked.request, asked.unknown) == ({"n": 3, "curve": "rise"}, ["saxophone"])
        again = self.ask(served, "playlist", **asked.request)
        assert [track.id for track in again.tracks] == [track["id"] for track in asked.result["tracks"]]
        track = analyzed.track("ballad/slow.wav")["id"]
        said = [claim.says for claim in self.ask(served, "description", track).claims]
        assert said == [claim.says for claim in analyzed.library.describe(track)]
        assert self.ask(served, "assist_status").offline

    def test_a_job_from_end_to_end(self, served: Served) -> None:
        folder = served.inbox / type(self).__name__
        write_track(folder / "good.wav", 500 + len(type(self).__name__))
        (folder / "bad.wav").write_text("no audio")
        job = self.ask(served, "analyze", folder, frames=["beats"])
        events = self.ask(served, "progress", job.job_id)
        assert isinstance(events[-1], ProgressRecord)
        assert [event.seq for event in events] == sorted({event.seq for event in events})
        ended = self.ask(served, "job", job.job_id)
        assert (ended.state, ended.total, ended.failed) == ("done", 2, 1)
        assert ended.model_dump(include=set(ProgressRecord.model_fields)) == events[-1].model_dump()
        (failure,) = self.ask(served, "failures", job.job_id)
        assert (failure.reason, failure.remedy) == ("not_audio", errors.Reason.NOT_AUDIO.remedy)
        assert ended in self.ask(served, "jobs", owner=ended.owner, state="done")

    def test_an_upload_that_is_stopped_and_resumed(self, served: Served, tmp_path: Path) -> None:
        files = [write_track(tmp_path / f"{n}.wav", 900 + n + len(type(self).__name__)) for n in range(3)]
        job = self.ask(served, "upload", *files)
        stopped = self.ask(served, "cancel", job.job_id)
        assert stopped.state == "cancelled"
        assert self.ask(served, "progress", job.job_id, since=stopped.seq)[-1].state == "cancelled"
        assert self.ask(served, "resume", job.job_id).state == "queued"
        assert self.ask(served, "progress", job.job_id)[-1].done == 3

    def test_health(self, served: Served) -> None:
        assert self.ask(served, "health").status == "ready"

    @pytest.mark.parametrize(
        ("do", "kind", "said"),
        [
            (lambda c, s: c.ask(s, "track", NO_TRACK), errors.NotFoundError, f"There is no track {NO_TRACK}."),
            (lambda c, s: c.ask(s, "track", "../jobs"), errors.InputError, "no id of a track"),
            (lambda c, s: c.ask(s, "tracks", "tempo > 1"), errors.InputError, "tempo"),
            (lambda c, s: c.ask(s, "playlist", n=0), errors.InputError, "n: Input should be greater"),
            (lambda c, s: c.ask(s, "playlist_file", "pls"), errors.InputError, "no playlists of the kind"),
            (lambda c, s: c.ask(s, "similar", "nowhere.wav"), errors.InputError, "cannot be read: No such file"),
            (lambda c, s: c.ask(s, "similar", __file__), errors.AudioError, errors.Reason.NOT_AUDIO.remedy),
            (lambda c, s: c.ask(s, "analyze", "/etc"), errors.AccessDeniedError, "allowed roots"),
            (lambda c, s: c.ask(s, "job", 10**12), errors.NotFoundError, "There is no job"),
            (lambda c, s: c.ask(s, "progress", 10**12), errors.NotFoundError, "There is no job"),
            (lambda c, s: c.ask(s, "tracks", token="ada.wrong"), errors.AccessDeniedError, "Credentials are needed"),
            (lambda c, s: c.ask(s, "progress", 1, token="a.b"), errors.AccessDeniedError, "Credentials are needed"),
        ],
    )
    def test_errors_are_those_of_a_library(
        self, served: Served, do: Callable[[ClientContract, Served], Any], kind: type[Exception], said: str
    ) -> None:
        with pytest.raises(kind, match=said) as raised:
            do(self, served)
        assert type(raised.value) is kind


class TestClient(ClientContract):
    def ask(self, served: Served, name: str, *args: Any, token: str | None = None, **kwargs: Any) -> Any:
        with Client(served.url, token or served.token) as client:
            answer = getattr(client, name)(*args, **kwargs)
            return list(answer) if name == "progress" else answer


class TestAsyncClient(ClientContract):
    def ask(self, served: Served, name: str, *args: Any, token: str | None = None, **kwargs: Any) -> Any:
        async def run() -> Any:
            async with AsyncClient(served.url, token or served.token) as client:
                answer = getattr(client, name)(*args, **kwargs)
                return [event async for event in answer] if isinstance(answer, AsyncIterator) else await answer

        return asyncio.run(run())


def test_every_call_is_in_both_clients_with_its_words() -> None:
    calls = [name for name, value in inspect.getmembers_static(Calls) if isinstance(value, call)]
    assert len(calls) >= 40
    for name in calls:
        for kind in (Client, AsyncClient):
            method = getattr(kind("http://127.0.0.1"), name)
            assert inspect.getdoc(method)
            assert "self" not in inspect.signature(method).parameters


def test_names_are_those_of_the_library_where_it_has_them() -> None:
    here = {name for name in dir(Client) if not name.startswith("_")}
    shared = here & {name for name in dir(Library) if not name.startswith("_")}
    assert shared >= {
        "tracks",
        "tracks_page",
        "similar",
        "playlist",
        "analyze",
        "jobs",
        "resume",
        "label",
        "labels",
        "waveform",
    }
    for name in shared - {"close", "jobs", "labels", "tracks"}:
        known = inspect.signature(getattr(Library, name)).parameters
        own = inspect.signature(getattr(Client("http://127.0.0.1"), name)).parameters
        assert set(own) <= set(known) | {"points", "request"}, name


def test_it_is_imported_without_a_server_or_a_database() -> None:
    assert modules_after("import workbench.client") & (HEAVY | {"tornado"}) == set()


@pytest.mark.parametrize(
    ("error", "back"),
    [
        (errors.InputError("Wrong.", "Right."), errors.InputError("Wrong. Right.")),
        (errors.NotFoundError("There is none.", "List them."), errors.NotFoundError("There is none.")),
        (errors.LimitError("Too many.", "Wait."), errors.LimitError("Too many. Wait.")),
        (errors.JobError("It has ended.", ""), errors.JobError("It has ended.")),
        (errors.FenceLostError("Too late.", ""), errors.JobError("Too late.")),
        (errors.CatalogLockedError("/secret is held.", "Wait."), errors.CatalogLockedError("The catalog is busy.")),
        (errors.LibraryDamagedError("/secret is broken."), errors.LibraryError("the server's log says why")),
        (errors.StorageFullError("/secret is full."), errors.StorageFullError("There is no room left")),
        (errors.AudioError("/secret", errors.Reason.CORRUPT), errors.AudioError("http://a", errors.Reason.CORRUPT)),
        (errors.WorkbenchError("Deep inside."), errors.WorkbenchError("Something went wrong")),
    ],
)
def test_what_a_server_tells_of_an_error(error: errors.WorkbenchError, back: errors.WorkbenchError) -> None:
    problem = problem_of(error)
    assert problem is not None
    told = error_of(problem.status, tabular.to_json(problem.to_dict("a1b2c3d4")).encode(), "http://a")
    assert type(told) is type(back)
    assert str(back) in str(told)
    assert "/secret" not in str(told)
    assert ("a1b2c3d4" in str(told)) == (problem.status >= 500)


def test_where_and_who_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.InputError, match="WORKBENCH_SERVER"):
        Client()
    monkeypatch.setenv("WORKBENCH_SERVER", "https://music.example/")
    monkeypatch.setenv("WORKBENCH_TOKEN", "ada.secret")
    client = Client()
    assert client.url == "https://music.example/api/v1"
    assert client._headers == {"Authorization": "Bearer ada.secret"}
    assert "secret" not in repr(client)
    assert Client("http://other")._headers == {}  # what is for one server is not shown to another
    assert Client("http://other", "b.c")._headers == {"Authorization": "Bearer b.c"}


@pytest.mark.parametrize("url", ["music.example", "ftp://a", "http://", "http://ada:pw@a", "http://a/?b", "http://a#b"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(errors.InputError, match="no address of a server"):
        Client(url, "a.b")


def test_a_server_that_is_not_there() -> None:
    with Client("http://127.0.0.1:9", "a.b") as client:
        with pytest.raises(errors.ServerUnreachableError, match=r"127\.0\.0\.1:9/api/v1 does not answer"):
            client.tracks()
        with pytest.raises(errors.ServerUnreachableError, match="does not answer"):
            next(client.progress(1))
