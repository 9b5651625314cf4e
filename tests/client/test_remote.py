"""The library of a server answers as the same library does that is here."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.jobs.collection import Analyzed, write_track
from tests.server import serving
from tests.server.serving import Served
from workbench import Label, open_library
from workbench.client import Client
from workbench.client.remote import RemoteLibrary
from workbench.client.remote_jobs import RemoteFolders, RemoteJobs
from workbench.errors import InputError, NotFoundError
from workbench.jobs.manager import JobManager, ProgressEvent
from workbench.library import Library
from workbench.picker import pick
from workbench.picker.jail import Jail
from workbench.playlist import to_m3u8

Either = Library | RemoteLibrary
NO_TRACK = "0" * 32


@pytest.fixture(scope="module")
def served(analyzed: Analyzed, cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server to which nobody else says anything."""
    running = serving.start(tmp_path_factory.mktemp("remote"), analyzed, WORKBENCH_SCHEDULER=cluster)
    yield running
    assert serving.stop(running) == 0


@pytest.fixture(scope="module")
def remote(served: Served) -> Iterator[RemoteLibrary]:
    with RemoteLibrary(served.url, served.token) as library:
        yield library


@pytest.fixture(scope="module")
def here(served: Served) -> Iterator[Library]:
    with Library.open(served.library) as library:
        yield library


def track(library: Either, name: str) -> str:
    return str(next(one["id"] for one in library.tracks() if one["path"].endswith(name)))


def same(told: Any, own: Any, *, about: str = "") -> None:
    """Compare what either library gives, all but the time that it took."""
    if hasattr(own, "model_dump") or is_dataclass(own):
        assert type(told) is type(own), about
        told, own = (one.model_dump() if hasattr(one, "model_dump") else fields_of(one) for one in (told, own))
    if isinstance(own, dict):
        assert set(told) == set(own), about
        for key in set(told) - {"elapsed_ms"}:
            same(told[key], own[key], about=f"{about}.{key}")
    elif isinstance(own, np.ndarray):
        assert (told.dtype, told.shape) == (own.dtype, own.shape), about
        np.testing.assert_allclose(told, own, rtol=1e-6, atol=1e-4)
    elif isinstance(own, list | tuple):
        assert len(told) == len(own), about
        for number, (one, other) in enumerate(zip(told, own, strict=True)):
            same(one, other, about=f"{about}[{number}]")
    else:
        assert told == (pytest.approx(own) if isinstance(own, float) else own), about


def fields_of(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


QUESTIONS: dict[str, Callable[[Either], Any]] = {
    "tracks": lambda lib: lib.tracks("bpm > 100", limit=4),
    "a page": lambda lib: lib.tracks_page(sort="energy", descending=True, limit=3),
    "the next page": lambda lib: lib.tracks_page(sort="bpm", limit=3, after=lib.tracks_page(sort="bpm", limit=2)[1]),
    "columns": lambda lib: lib.columns("id", "bpm", "mood"),
    "count": lambda lib: [lib.count(), lib.count("bpm > 120")],
    "records": lambda lib: lib.records([track(lib, "slow.wav"), NO_TRACK, track(lib, "techno.ogg")]),
    "waveform": lambda lib: lib.waveform(track(lib, "slow.wav"), 40),
    "excerpt": lambda lib: lib.excerpt(track(lib, "house.mp3"), 0.5, 1.0),
    "spectrogram": lambda lib: lib.spectrogram(track(lib, "slow.wav"), 50),
    "curve": lambda lib: lib.curve(track(lib, "slow.wav"), "mfcc"),
    "beats": lambda lib: lib.beats(track(lib, "techno.ogg")),
    "similar": lambda lib: lib.similar(track(lib, "slow.wav"), 3, weights={"timbre": 2.0}, where="bpm > 60"),
    "a blend": lambda lib: lib.similar({track(lib, "slow.wav"): 1.0, track(lib, "house.mp3"): -0.5}, 3),
    "a region": lambda lib: lib.similar(track(lib, "slow.wav"), 3, region=(0.5, 2.0)),
    "a way": lambda lib: lib.similar(track(lib, "slow.wav"), 3, to=track(lib, "techno.ogg")),
    "map": lambda lib: lib.map(),
    "duplicates": lambda lib: lib.duplicates(),
    "playlist": lambda lib: lib.playlist(n=4, curve="rise", start=track(lib, "slow.wav")),
    "a request": lambda lib: lib.playlist_request(mood="calm", bpm=(80, 120), minutes=20),
    "a bridge": lambda lib: lib.revise([track(lib, "slow.wav"), track(lib, "techno.ogg")], bridge=1),
    "others": lambda lib: lib.revise([track(lib, "slow.wav"), track(lib, "techno.ogg")], replace=2, extend=1),
    "read": lambda lib: lib.read_request("3 songs, rising energy, no saxophone"),
    "asked": lambda lib: lib.ask("3 songs, rising energy, no saxophone"),
    "asked alike": lambda lib: lib.ask('2 like "Slow"'),
    "described": lambda lib: lib.describe(track(lib, "slow.wav")),
    "explained": lambda lib: lib.explain(track(lib, "slow.wav"), track(lib, "techno.ogg")),
    "tags": lambda lib: lib.suggest_tags(track(lib, "slow.wav")),
    "labels": lambda lib: lib.labels(),
    "columns of labels": lambda lib: lib.label_columns(),
    "report": lambda lib: lib.label_report("style"),
    "next to label": lambda lib: lib.next_to_label("style", 3),
    "tastes": lambda lib: lib.tastes(),
    "saved": lambda lib: lib.playlists(),
    "kept answers": lambda lib: lib.answers.duplicates(),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_answer_is_the_same(remote: RemoteLibrary, here: Library, question: str) -> None:
    ask = QUESTIONS[question]
    same(ask(remote), ask(here))


def test_every_method_has_the_parameters_of_the_library_s() -> None:
    """What widgets call with names must be there under these names, in whichever library."""
    own_only = {"client", "folders", "close", "author", "answers"}
    for name, method in vars(RemoteLibrary).items():
        if name.startswith("_") or name in own_only:
            continue
        theirs = inspect.signature(getattr(Library, name)).parameters
        for parameter in inspect.signature(method).parameters:
            assert parameter in theirs, f"{name}({parameter})"
    for mine, theirs_class in ((RemoteJobs, JobManager), (RemoteFolders, Jail)):
        for name in vars(mine):
            assert name.startswith("_") or hasattr(theirs_class, name) or name == "roots", f"{mine.__name__}.{name}"


def test_labels_from_saying_to_a_column(remote: RemoteLibrary, here: Library) -> None:
    names = {"slow.wav": "dub", "calm.flac": "dub", "house.mp3": "club", "house two.wav": "club"}
    ids = {name: track(remote, name) for name in names}
    try:
        for name, value in names.items():
            kept = remote.label(ids[name], Label("style", value), Label("solo", start_s=0.5, end_s=1.0))
            said = {(one.name, one.value, one.author) for one in kept}
            assert said == {("style", value, remote.author), ("solo", None, remote.author)}
        same(remote.labels(), here.labels())
        same(remote.labels(ids["slow.wav"]), here.labels(ids["slow.wav"]))
        made = remote.apply_labels("style")
        assert remote.label_columns() == here.label_columns() == {"style": made.counts}
        same(remote.label_report("style"), here.label_report("style"))
        same(remote.label_column("style"), here.label_column("style"))
        some = [ids["slow.wav"], NO_TRACK]
        same(remote.label_column("style", some), here.label_column("style", some))
        assert remote.label_column("style", []) == {}
        assert remote.count('label.style == "dub"') == made.counts["dub"]
        remote.forget_label_column("style")
        assert here.label_columns() == {}
        for call in (remote.forget_label_column, remote.label_column):
            with pytest.raises(NotFoundError):
                call("style")
    finally:
        for one in ids.values():
            remote.label(one)
    assert here.labels() == []


def test_labels_go_home_as_a_table(remote: RemoteLibrary, here: Library, tmp_path: Path) -> None:
    one = track(remote, "slow.wav")
    remote.label(one, Label("style", "=dub"))
    try:
        told = remote.export_labels(tmp_path / "told.csv").read_text()
        assert told == here.export_labels(tmp_path / "own.csv").read_text()
        assert "'=dub" in told
    finally:
        remote.label(one)


def test_a_taste_is_learned_and_left(remote: RemoteLibrary, here: Library) -> None:
    a, b, c = (track(remote, name) for name in ("slow.wav", "house.mp3", "techno.ogg"))
    before = remote.similar(a, 4)
    try:
        taste = remote.tune(likes=[(a, b)], dislikes=[(a, c)], name="ours")
        same(taste, here.tastes()[0])
        assert (taste.likes, taste.dislikes, taste.in_use) == ([(a, b)], [(a, c)], True)
        same(remote.similar(a, 4), here.similar(a, 4))
        assert remote.similar(a, 4).results != before.results
        remote.untune()
        assert not remote.tastes()[0].in_use
        with pytest.raises(NotFoundError):
            remote.untune(forget="another")
        with pytest.raises(NotFoundError):
            remote.tune(likes=[(a, NO_TRACK)])
    finally:
        remote.untune(forget="ours")
    assert here.tastes() == []
    same(remote.similar(a, 4), before)


def test_a_playlist_is_kept_asked_again_and_written(remote: RemoteLibrary, here: Library, tmp_path: Path) -> None:
    made = remote.playlist(n=3, bpm=(60, 150), curve="rise")
    remote.save_playlist("evening", made, text="three, rising")
    try:
        (kept,) = here.playlists()
        assert (kept["tracks"], kept["text"]) == (made.ids, "three, rising")
        assert kept["request"] == made.request.asked_for()
        same(remote.playlists(), here.playlists())
        same(remote.playlist(again="evening", n=4), here.playlist(again="evening", n=4))
        same(remote.revise("evening", extend=1), here.revise("evening", extend=1))
        for ending in ("m3u8", "xspf", "csv", "json", "xml"):
            told = remote.export_playlist(made, tmp_path / f"evening.{ending}").read_text()
            assert told == here.export_playlist(made, tmp_path / f"evening.{ending}").read_text()
        assert (tmp_path / "evening.m3u8").read_text() == to_m3u8(made)
        same(remote.describe("evening"), here.describe("evening"))
        same(remote.describe(made), here.describe(made))
        remote.save_playlist("evening", remote.playlist(n=2))
        assert len(remote.playlists()[0]["tracks"]) == 2
    finally:
        remote.delete_playlist("evening")
    assert here.playlists() == []
    for call in (remote.delete_playlist, lambda name: remote.revise(name, extend=1)):
        with pytest.raises(InputError, match="no saved playlist 'evening'"):
            call("evening")


def test_a_file_of_this_machine_is_sent(remote: RemoteLibrary, here: Library, tmp_path: Path) -> None:
    file = write_track(tmp_path / "clip.wav", 78)
    told, own = remote.similar(str(file), 3), here.similar(str(file), 3)
    same(told.results, own.results)


def test_a_job_is_estimated_submitted_heard_and_listed(served: Served, remote: RemoteLibrary) -> None:
    folder = served.inbox / "from afar"
    write_track(folder / "good.wav", 910)
    (folder / "bad.wav").write_text("no audio")
    estimate = remote.estimate(folder)
    assert (estimate.files, estimate.new) == (2, 2)
    jobs = remote.job_manager()
    jobs.start()
    heard: list[ProgressEvent] = []
    ended = threading.Event()

    def hear(event: ProgressEvent) -> None:
        heard.append(event)
        if event.state.finished:
            ended.set()

    job = jobs.submit([str(folder)], owner="", within=())
    jobs.subscribe(job.job_id, None, hear)
    assert ended.wait(60)
    assert [event.seq for event in heard] == sorted({event.seq for event in heard})
    status = jobs.get(job.job_id)
    assert (status.state.value, status.done, status.failed, status.owner) == ("done", 2, 1, remote.author)
    files, further = jobs.failures(job.job_id)
    assert ([Path(file["path"]).name for file in files], further) == (["bad.wav"], None)
    page, further = jobs.list(limit=1)
    assert page == [status]
    assert further == job.job_id
    assert remote.jobs()[0]["job_id"] == job.job_id
    with pytest.raises(NotFoundError):
        jobs.subscribe(10**6, None, hear)
    heard.clear()
    again = remote.analyze(folder, retry_failed=True, on_progress=heard.append)
    assert (again.state.value, again.total, again.failed) == ("done", 2, 1)
    assert heard[-1].seq <= again.seq
    assert remote.analyze(folder, wait=False).job_id == again.job_id + 1
    assert jobs.stop()


def test_whoever_stops_listening_hears_no_more(served: Served, remote: RemoteLibrary) -> None:
    jobs = remote.job_manager()
    job = jobs.submit([str(served.music)], owner="", within=())
    heard: list[ProgressEvent] = []
    hearing = jobs.subscribe(job.job_id, None, heard.append)
    hearing.close()
    while not jobs.get(job.job_id).state.finished:
        time.sleep(0.05)
    assert len(heard) <= 1  # the one that was under way


def test_folders_are_those_that_the_server_allows(served: Served, remote: RemoteLibrary, tmp_path: Path) -> None:
    folders = remote.folders()
    assert folders.roots == [Path(served.music).resolve(), served.inbox.resolve()]
    found = folders.look(folders.first)
    assert (found.path, found.parent) == (str(folders.first), None)
    assert {"ballad", "club", "rock"} <= set(found.folders)
    below = folders.look(folders.first / "rock")
    assert below == Jail(folders.roots).look(folders.first / "rock")
    assert "one.flac" in below.files
    (served.inbox / "way out").symlink_to(tmp_path)
    try:
        for outside in (tmp_path, folders.first / "..", served.inbox / "way out", folders.first / "nowhere"):
            with pytest.raises(InputError, match="below the allowed roots"):
                folders.look(outside)
            with pytest.raises(InputError, match="below the allowed roots"):
                remote.estimate(outside)
        assert "way out" not in folders.look(served.inbox).folders
    finally:
        (served.inbox / "way out").unlink()


def test_files_of_a_server_are_picked_in_a_notebook(remote: RemoteLibrary) -> None:
    picker = pick(library=remote, where="notebook")
    listing = picker.look()  # type: ignore[attr-defined]
    assert {"ballad", "club", "rock"} <= set(listing["folders"])
    picker.choose([f"{listing['path']}/rock/one.flac"])  # type: ignore[attr-defined]
    assert [path.name for path in picker.paths] == ["one.flac"]
    with pytest.raises(InputError, match="in a notebook alone"):
        pick(library=remote, where="terminal")
    with pytest.raises(InputError, match="Leave `roots` out"):
        pick(library=remote, where="notebook", roots=["/"])


def test_a_library_is_opened_wherever_it_is(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_library(tmp_path / "new.library") as opened:
        assert isinstance(opened, Library)
    monkeypatch.setenv("WORKBENCH_SERVER", served.url)
    monkeypatch.setenv("WORKBENCH_TOKEN", served.token)
    with open_library() as opened:
        assert isinstance(opened, RemoteLibrary)
        assert opened.count() >= 8
        assert f"{opened.count():,} tracks" in str(opened._repr_html_())
        with Client() as client:
            assert client.me() == opened.author != ""
    monkeypatch.setenv("WORKBENCH_SERVER", "music")
    with pytest.raises(InputError, match="'music' is no address of a server"):
        open_library()
    monkeypatch.setenv("WORKBENCH_SERVER", "")
    monkeypatch.setenv("WORKBENCH_LIBRARY", str(tmp_path / "new.library"))
    with open_library() as opened:
        assert isinstance(opened, Library)
