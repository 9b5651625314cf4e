"""What each route answers, by a server in a process of its own."""

from __future__ import annotations

import csv
import io
import json
import time
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from tests.jobs.collection import COPY, HOSTILE_TITLE, TRACKS
from tests.server.serving import BASE, Served, finished, multipart
from workbench.server.api import ROUTES
from workbench.server.models.tracks import TrackRecord

NO_TRACK = "0" * 32


# --- tracks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("descending", ["false", "true"])
@pytest.mark.parametrize("sort", ["path", "bpm", "key", "title"])
def test_pages_give_every_track_once_in_order(served: Served, sort: str, descending: str) -> None:
    tracks: list[dict[str, Any]] = []
    after = ""
    while True:
        page = served.get(f"/tracks?limit=3&sort={sort}&descending={descending}{after}")
        tracks += page["tracks"]
        if page["next"] is None:
            break
        assert len(page["tracks"]) == 3
        after = f"&after={page['next']}"
    everything = served.get("/tracks?limit=500")["tracks"]
    assert sorted(track["id"] for track in tracks) == sorted(track["id"] for track in everything)
    values = [track[sort] for track in tracks]
    known = [value for value in values if value is not None]
    assert values[len(known) :] == [None] * (len(values) - len(known))
    assert known == sorted(known, reverse=descending == "true")
    assert set(tracks[0]) == set(TrackRecord.model_fields)


def test_a_filter_and_its_pages(served: Served) -> None:
    page = served.get("/tracks?where=bpm%20%3E%20120&sort=bpm&limit=2")
    rest = served.get(f"/tracks?where=bpm%20%3E%20120&sort=bpm&limit=500&after={page['next']}")
    everything = served.get("/tracks?limit=500")["tracks"]
    fitting = [(track["bpm"], track["id"]) for track in everything if (track["bpm"] or 0) > 120]
    assert [(track["bpm"], track["id"]) for track in page["tracks"] + rest["tracks"]] == sorted(fitting)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("sort=size", "sort"),
        ("colour=red", "colour"),
        ("limit=1&limit=2", "limit"),
        ("descending=perhaps", "descending"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(served: Served, query: str, field: str) -> None:
    answer = served.ask("GET", f"/tracks?{query}")
    assert (answer.status, answer.code) == (422, "invalid")
    (error,) = answer.json["errors"]
    assert error["field"] == field
    assert error["message"]


@pytest.mark.parametrize("after", ["x", "W10=", "WyJicG0iLCAxLCAiYSJd", "WyJwYXRoIiwgMSwgImEiXQ=="])
def test_a_made_up_mark_is_refused(served: Served, after: str) -> None:
    assert served.ask("GET", f"/tracks?after={after}").status == 422


def test_a_track_with_its_labels(served: Served) -> None:
    track = served.track("club/house.mp3")
    said = served.ask("PUT", f"/tracks/{track['id']}/labels", {"labels": [{"name": "genre", "value": "dub"}]})
    assert said.status == 200
    (label,) = said.json["labels"]
    assert (label["name"], label["value"], label["start_s"]) == ("genre", "dub", None)
    assert time.time() - 60 < label["labelled_at"] < time.time() + 60
    assert served.get(f"/tracks/{track['id']}") == {**track, "labels": [label]}
    part = {"name": "break", "value": None, "start_s": 1, "end_s": 2.5}
    both = served.ask("PUT", f"/tracks/{track['id']}/labels", {"labels": [part, {"name": "genre", "value": "dub"}]})
    kept = {label["name"]: label for label in both.json["labels"]}
    assert kept["genre"] == label  # with the time of when it was first said
    assert (kept["break"]["start_s"], kept["break"]["end_s"]) == (1, 2.5)
    assert served.ask("PUT", f"/tracks/{track['id']}/labels", {"labels": []}).json == {"labels": []}


@pytest.mark.parametrize(
    "label",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"name": "a", "start_s": 1},
        {"name": "a", "start_s": 2, "end_s": 1},
        {"name": "a", "colour": "red"},
        {"name": "a" * 201},
    ],
)
def test_labels_that_make_no_sense(served: Served, label: dict[str, Any]) -> None:
    track = served.track("club/house.mp3")
    answer = served.ask("PUT", f"/tracks/{track['id']}/labels", {"labels": [label]})
    assert (answer.status, answer.code) == (422, "invalid")


@pytest.mark.parametrize("route", ["", "/waveform", "/audio"])
def test_a_track_that_is_not_there(served: Served, route: str) -> None:
    answer = served.ask("GET", f"/tracks/{NO_TRACK}{route}")
    assert (answer.status, answer.code) == (404, "track-not-found")


def test_a_waveform_is_the_extremes_of_the_samples(served: Served) -> None:
    track = served.track("club/house two.wav")
    wave = served.get(f"/tracks/{track['id']}/waveform?points=50")
    y, sr = soundfile.read(track["path"], always_2d=True)
    assert wave["duration_s"] == pytest.approx(len(y) / sr)
    assert len(wave["lowest"]) == len(wave["highest"]) == 50
    assert min(wave["lowest"]) == pytest.approx(y.min(), abs=1e-4)
    assert max(wave["highest"]) == pytest.approx(y.max(), abs=1e-4)
    loudest = np.argmax(np.abs(y).max(axis=1)) / len(y)
    spread = np.maximum(np.abs(wave["lowest"]), np.abs(wave["highest"]))
    assert np.argmax(spread) / 50 == pytest.approx(loudest, abs=0.03)


# --- audio ----------------------------------------------------------------------------------------


def test_the_audio_is_the_file(served: Served) -> None:
    track = served.track("rock/one.flac")
    with open(track["path"], "rb") as file:
        data = file.read()
    answer = served.ask("GET", f"/tracks/{track['id']}/audio")
    assert (answer.status, answer.body) == (200, data)
    assert answer.headers["Content-Type"] == "audio/flac"
    assert answer.headers["Accept-Ranges"] == "bytes"
    etag = answer.headers["ETag"]
    assert served.ask("GET", f"/tracks/{track['id']}/audio", headers={"If-None-Match": etag}).status == 304


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=100-", 100, None),
        ("bytes=-10", -10, None),
        ("bytes=5-99999999999", 5, None),
        ("bytes=-99999999999", 0, None),
    ],
)
def test_ranges(served: Served, asked: str, start: int, end: int | None) -> None:
    track = served.track("rock/one.flac")
    with open(track["path"], "rb") as file:
        data = file.read()
    answer = served.ask("GET", f"/tracks/{track['id']}/audio", headers={"Range": asked})
    assert (answer.status, answer.body) == (206, data[start:end])
    first = start % len(data)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.body) - 1}/{len(data)}"


@pytest.mark.parametrize("asked", ["bytes=9-5", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,5-6", ""])
def test_what_is_no_range_gives_all(served: Served, asked: str) -> None:
    track = served.track("rock/one.flac")
    answer = served.ask("GET", f"/tracks/{track['id']}/audio", headers={"Range": asked})
    assert answer.status == 200
    assert len(answer.body) == int(answer.headers["Content-Length"])


def test_a_range_behind_the_end(served: Served) -> None:
    track = served.track("rock/one.flac")
    answer = served.ask("GET", f"/tracks/{track['id']}/audio", headers={"Range": "bytes=99999999-"})
    assert (answer.status, answer.code) == (416, "range-not-satisfiable")
    assert answer.headers["Content-Range"].startswith("bytes */")


def test_a_range_of_another_version_gives_all(served: Served) -> None:
    track = served.track("rock/one.flac")
    headers = {"Range": "bytes=0-9", "If-Range": '"another"'}
    assert served.ask("GET", f"/tracks/{track['id']}/audio", headers=headers).status == 200


# --- similarity -----------------------------------------------------------------------------------


def test_similar_to_a_track_a_region_a_blend_and_on_the_way(served: Served) -> None:
    house, calm = served.track("club/house.mp3")["id"], served.track("ballad/calm.flac")["id"]
    for asked in (
        {"track_id": house},
        {"track_id": house, "region": {"start_s": 0, "end_s": 1.5}},
        {"blend": [{"track_id": house}, {"track_id": calm, "weight": -0.5}]},
        {"track_id": house, "to": calm},
        {"track_id": house, "weights": {"timbre": 2.0}, "where": "bpm > 100", "per_artist": 1},
    ):
        answer = served.ask("POST", "/audio/find-similar", {"n": 3, **asked})
        assert answer.status == 200, answer.body
        results = answer.json["results"]
        assert 1 <= len(results) <= 3
        assert house not in [result["id"] for result in results]
        assert all(result["why"] and 0 <= result["score"] <= 1 for result in results)


def test_similar_to_an_upload_is_similar_to_the_track(served: Served) -> None:
    track = served.track("rock/one.flac")
    with open(track["path"], "rb") as file:
        body, headers = multipart(("file", "../../my song.flac", file.read()), ("options", None, b'{"n": 3}'))
    uploaded = served.ask("POST", "/audio/find-similar", body, headers=headers)
    assert uploaded.status == 200, uploaded.body
    known = served.ask("POST", "/audio/find-similar", {"track_id": track["id"], "n": 3}).json
    assert [one["id"] for one in uploaded.json["results"]] == [one["id"] for one in known["results"]]
    assert uploaded.json["query"]["path"] == "my song.flac"  # and not where it lay on the server
    assert not list((served.library / "uploads" / ".incoming").iterdir())


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, ""),
        ({"track_id": NO_TRACK, "blend": [{"track_id": NO_TRACK}]}, ""),
        ({"track_id": "../../etc/passwd"}, "track_id"),
        ({"track_id": NO_TRACK, "n": 0}, "n"),
        ({"track_id": NO_TRACK, "n": "5"}, "n"),
        ({"track_id": NO_TRACK, "weights": {"colour": 1}}, "weights.colour"),
        ({"track_id": NO_TRACK, "region": {"start_s": -1, "end_s": 2}}, "region.start_s"),
    ],
)
def test_a_search_that_makes_no_sense(served: Served, asked: dict[str, Any], field: str) -> None:
    answer = served.ask("POST", "/audio/find-similar", asked)
    assert (answer.status, answer.code) == (422, "invalid")
    assert answer.json["errors"][0]["field"] == field


def test_a_filter_that_makes_no_sense_is_said_so(served: Served) -> None:
    track = served.track("rock/one.flac")["id"]
    answer = served.ask("POST", "/audio/find-similar", {"track_id": track, "where": "__import__('os')"})
    assert (answer.status, answer.code) == (422, "invalid")


def test_an_upload_that_is_no_audio(served: Served) -> None:
    body, headers = multipart(("file", "notes.mp3", b"Buy milk. " * 100))
    answer = served.ask("POST", "/audio/find-similar", body, headers=headers)
    assert (answer.status, answer.code) == (422, "audio-not-audio")
    assert str(served.library) not in answer.body.decode()


# --- playlists ------------------------------------------------------------------------------------


def test_asked_in_words_and_asked_again(served: Served) -> None:
    answer = served.ask("POST", "/assist/ask", {"text": "4 songs from 60 to 200 bpm, rising energy, no saxophone"})
    assert answer.status == 200, answer.body
    asked = answer.json
    assert (asked["kind"], asked["unknown"], asked["by"]) == ("playlist", ["saxophone"], "offline")
    again = served.ask("POST", "/playlists/generate", asked["request"]).json
    assert again["tracks"] == asked["result"]["tracks"]
    track = served.track("house.mp3")
    found = served.ask("POST", "/assist/ask", {"text": f"2 tracks like {track['title']}", "offline": True}).json
    assert found["kind"] == "similar"
    results = served.ask("POST", "/audio/find-similar", found["request"]).json["results"]
    assert [one["id"] for one in results] == [one["id"] for one in found["result"]["results"]]


@pytest.mark.parametrize("body", [{"text": "qwertz"}, {"text": ""}, {}, {"text": "x" * 1001}, {"text": "calm", "n": 1}])
def test_words_that_ask_for_nothing(served: Served, body: dict[str, Any]) -> None:
    answer = served.ask("POST", "/assist/ask", body)
    assert (answer.status, answer.code) == (422, "invalid")


def test_a_track_in_words_and_the_status_of_models(served: Served) -> None:
    track = served.track("house.mp3")
    told = served.get(f"/tracks/{track['id']}/description")
    assert all(track[claim["descriptor"]] == claim["value"] for claim in told["claims"])
    assert {tag["name"] for tag in told["tags"]} >= {"bpm", "key"}
    assert served.get("/assist/status")["providers"] == []


def test_a_playlist_as_json(served: Served) -> None:
    answer = served.ask("POST", "/playlists/generate", {"n": 4, "curve": "rise", "bpm": [60, 200]})
    assert answer.status == 200, answer.body
    playlist = answer.json
    assert len(playlist["tracks"]) == 4
    assert len(playlist["transitions"]) == 3
    energies = [track["energy"] for track in playlist["tracks"]]
    assert sum(b >= a for a, b in pairwise(energies)) >= 2


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("application/vnd.apple.mpegurl", "application/vnd.apple.mpegurl"),
        ("audio/x-mpegurl", "application/vnd.apple.mpegurl"),
        ("application/xspf+xml", "application/xspf+xml"),
        ("text/csv", "text/csv"),
        ("text/csv;q=0.5, application/xspf+xml", "application/xspf+xml"),
    ],
)
def test_a_playlist_as_a_file(served: Served, accept: str, media: str) -> None:
    asked = {"n": 8, "include": [served.track("rock/one.flac")["id"]]}
    answer = served.ask("POST", "/playlists/generate", asked, headers={"Accept": accept})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == f"{media}; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    text = answer.body.decode()
    if media == "text/csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == 8
        assert "'" + HOSTILE_TITLE in [row["title"] for row in rows]
    elif media == "application/xspf+xml":
        assert len(ElementTree.fromstring(text).findall(".//{*}track")) == 8
    else:
        assert sum(not line.startswith("#") for line in text.splitlines()) == 8


def test_a_media_type_that_is_not_offered(served: Served) -> None:
    answer = served.ask("POST", "/playlists/generate", {"n": 2}, headers={"Accept": "image/png"})
    assert (answer.status, answer.code) == (406, "not-acceptable")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"n": 0}, 422),
        ({"n": "4"}, 422),
        ({"mood": ["hungry"]}, 422),
        ({"mood": [{}]}, 422),
        ({"mood": {"calm": 1}}, 422),
        ({"curve": ["0", "1"]}, 422),
        ({"bpm": [120, 80]}, 422),
        ({"start": "/etc/passwd"}, 422),
        ({"start": NO_TRACK}, 404),
        ({"like": [NO_TRACK]}, 404),
    ],
)
def test_a_playlist_that_makes_no_sense(served: Served, asked: dict[str, Any], status: int) -> None:
    answer = served.ask("POST", "/playlists/generate", asked)
    assert answer.status == status, answer.body
    assert answer.code


# --- jobs -----------------------------------------------------------------------------------------


def test_a_folder_below_an_allowed_root(served: Served) -> None:
    answer = served.ask("POST", "/audio/batch-analyze", {"paths": [str(served.music)]})
    assert answer.status == 202, answer.body
    job_id = answer.json["job_id"]
    assert answer.headers["Location"] == f"{BASE}/jobs/{job_id}"
    job = finished(served, job_id)
    assert (job["state"], job["total"], job["failed"]) == ("done", len(TRACKS) + 1 + 3, 3)
    failures = served.get(f"/jobs/{job_id}/failures?limit=2")
    rest = served.get(f"/jobs/{job_id}/failures?limit=2&after={failures['next']}")
    assert len(failures["failures"] + rest["failures"]) == 3
    assert rest["next"] is None
    assert served.get("/jobs?limit=1")["jobs"][0]["job_id"] >= job_id


def test_an_upload_becomes_tracks(served: Served) -> None:
    sr = 22050
    rng = np.random.default_rng(7)
    files = []
    for number in range(2):
        wave = io.BytesIO()
        soundfile.write(wave, rng.uniform(-0.5, 0.5, (sr, 1)), sr, format="WAV")
        files.append(("files", f"noise <{number}>.wav", wave.getvalue()))
    body, headers = multipart(*files)
    answer = served.ask("POST", "/audio/batch-analyze", body, headers=headers)
    assert answer.status == 202, answer.body
    job = finished(served, answer.json["job_id"])
    assert (job["state"], job["total"], job["failed"]) == ("done", 2, 0)
    assert served.track("0001-noise _0_.wav")["path"].startswith(str(served.library / "uploads"))


@pytest.mark.parametrize("path", ["/etc", "/", "relative/path", "{music}/../..", "{music}/none", "{music}\0x", "~"])
def test_a_path_outside_the_allowed_roots(served: Served, path: str) -> None:
    answer = served.ask("POST", "/audio/batch-analyze", {"paths": [path.format(music=served.music)]})
    assert (answer.status, answer.code) == (403, "path-not-allowed")


def test_a_job_is_cancelled_and_resumed(served: Served) -> None:
    job_id = served.ask("POST", "/audio/batch-analyze", {"paths": [str(served.music / COPY)]}).json["job_id"]
    stopped = served.ask("DELETE", f"/jobs/{job_id}")
    assert stopped.status == 200
    if finished(served, job_id)["state"] == "cancelled":
        assert served.ask("POST", f"/jobs/{job_id}/resume").status == 202
    assert finished(served, job_id)["state"] == "done"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("POST", "/resume"), ("GET", "/failures"), ("GET", "/events")],
)
def test_a_job_that_is_not_there(served: Served, method: str, path: str) -> None:
    answer = served.ask(method, f"/jobs/999999{path}")
    assert (answer.status, answer.code) == (404, "not-found")


# --- operations -----------------------------------------------------------------------------------


def test_health_is_told_to_all(served: Served) -> None:
    answer = served.ask("GET", "/healthz", token=False)
    assert (answer.status, answer.json) == (200, {"status": "ready", "why": {}})


def test_metrics_count(served: Served) -> None:
    served.get("/tracks?limit=1")
    text = served.ask("GET", "/metrics").body.decode()
    assert 'workbench_request_seconds_count{method="GET",route="/tracks",status="200"}' in text
    assert "workbench_tracks " in text
    assert 'workbench_jobs{state="done"}' in text


def test_the_document_names_every_route(served: Served) -> None:
    document = served.get("/openapi.json")
    assert document["openapi"] == "3.1.0"
    described = {route.pattern for route in ROUTES if not route.pattern.startswith("/ws/")}
    assert set(document["paths"]) == described
    text = json.dumps(document)
    for name in set(document["components"]["schemas"]):
        assert f'"#/components/schemas/{name}"' in text  # nothing is described that is not used


def test_the_page_needs_nothing_from_elsewhere(served: Served) -> None:
    answer = served.ask("GET", "/docs")
    page = answer.body.decode()
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for foreign in ("http://", "https://", "<script", "@import", "src="):
        assert foreign not in page
    for route in ROUTES:
        assert route.pattern in page or route.pattern.startswith("/ws/")


def test_a_method_that_is_not_there(served: Served) -> None:
    answer = served.ask("PATCH", "/tracks")
    assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "method-not-allowed", "GET")


def test_malformed_bodies(served: Served) -> None:
    answer = served.ask("POST", "/playlists/generate", b"{", headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (400, "malformed-json")
    answer = served.ask("POST", "/playlists/generate", b"n=1", headers={"Content-Type": "text/plain"})
    assert (answer.status, answer.code) == (415, "unsupported-media-type")
