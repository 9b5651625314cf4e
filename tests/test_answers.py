"""Kept answers are those of the library, in any state; what is out of date is never given."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.jobs.collection import write_track
from tests.store.conftest import Store, columns, content_id
from workbench.config import Settings
from workbench.errors import InputError, WorkbenchError
from workbench.library import Library
from workbench.schema import JobState
from workbench.similarity.embedding import COMPONENTS, EMBEDDING
from workbench.store.arrays import part_name
from workbench.store.commit import commit_batch
from workbench.store.records import Analysis, Source
from workbench.testing.services import RedisServer

N = 40


def vector(number: int) -> np.ndarray:
    return np.random.default_rng(number).normal(size=len(COMPONENTS)).astype(np.float32)


def commit(library: Library, *numbers: int) -> None:
    """Commit made-up tracks."""
    store = Store(library.catalog, library.parts)
    store.parts.create()
    paths = [f"/music/{n}.wav" for n in numbers]
    job = store.plan(*paths)
    values = [{EMBEDDING.path: vector(n)} for n in numbers]
    part = store.parts.write(part_name(job.job_id, "b"), [content_id(n) for n in numbers], [EMBEDDING], values)
    results = [
        store.result(
            i,
            path,
            n,
            tags={"artist": f"Artist {n % 6}", "album": f"Album {n % 12}", "title": f"T{n}"},
            analysis=Analysis(
                columns(n, duration_s=100.0, bpm=60.0 + n, energy=n % 10 / 10), Source("wav", 44100, 2, ())
            ),
        )
        for i, (n, path) in enumerate(zip(numbers, paths, strict=True))
    ]
    commit_batch(store.catalog, store.lease(job), results, [part])
    store.ledger.finish(job, JobState.DONE)


@pytest.fixture(params=["embedded", "redis", "none"])
def kept_in(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Give the settings of each kind of cache."""
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        return {"redis": SecretStr(server.url)}
    return {"cache_bytes": 0} if request.param == "none" else {}


@pytest.fixture
def library(tmp_path: Path, kept_in: dict[str, Any]) -> Iterator[Library]:
    with Library.open(tmp_path / "music.library", settings=Settings(**kept_in)) as opened:
        commit(opened, *range(N))
        yield opened


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "music.library", settings=Settings()) as opened:
        commit(opened, *range(N))
        yield opened


def answered(library: Any, question: tuple[str, dict[str, Any]]) -> Any:
    """Ask a library, or what keeps its answers; an error is an answer too."""
    kind, fields = question
    try:
        found = getattr(library, kind)(**fields)
    except WorkbenchError as error:
        return type(error), str(error)
    if kind == "similar":
        return found.query, found.results
    return found.to_dict() if kind == "playlist" else found


tracks = st.integers(0, N + 1).map(content_id)  # the last two are not there
blends = st.dictionaries(tracks, st.sampled_from([1, 0.5, -0.25, 2.0]), min_size=1, max_size=3)
similar = st.fixed_dictionaries(
    {"reference": st.one_of(tracks, blends)},
    optional={
        "n": st.integers(0, 12),
        "to": tracks,
        "where": st.sampled_from(["bpm > 80", "energy < 0.5 and artist == 'Artist 1'", "nonsense"]),
        "weights": st.dictionaries(st.sampled_from(["timbre", "rhythm", "harmony"]), st.sampled_from([0, 1, 2.5])),
        "per_artist": st.integers(1, 3),
        "fold": st.booleans(),
    },
)
playlist = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(1, 8),
        "bpm": st.sampled_from([(60, 80), (70, 200)]),
        "energy": st.just((0.2, 0.6)),
        "curve": st.sampled_from(["rise", "fall", "arc"]),
        "like": st.lists(tracks, max_size=2),
        "start": tracks,
        "seed": st.integers(0, 3),
        "ranked": st.booleans(),
    },
)
questions = st.one_of(
    similar.map(lambda fields: ("similar", fields)),
    playlist.map(lambda fields: ("playlist", fields)),
    st.just(("duplicates", {})),
)


@given(asked=st.lists(questions, min_size=1, max_size=6))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_kept_answers_are_those_of_the_library(library: Library, asked: list[tuple[str, dict[str, Any]]]) -> None:
    fresh = [answered(library, question) for question in asked]
    for _ in range(2):
        assert [answered(library.answers, question) for question in asked] == fresh


def test_a_second_question_is_a_hit(embedded: Library) -> None:
    for _ in range(3):
        embedded.answers.similar(content_id(1))
        embedded.answers.similar(content_id(1), weights={"timbre": 2})
        embedded.answers.playlist(n=3)
    stats = embedded.answers.stats()
    assert (stats["misses"], stats["hits"], stats["near"]) == (3, 6, 0)
    embedded.answers.clear()
    embedded.answers.similar(content_id(1))
    assert embedded.answers.stats()["misses"] == 4


_ELSEWHERE = """
import sys
from tests.test_answers import commit
from workbench.library import Library
with Library.open(sys.argv[1]) as library:
    exec(sys.argv[2])
"""


def elsewhere(library: Library, code: str) -> None:
    """Let another process do something to the library."""
    root = str(Path(__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": root}
    command = [sys.executable, "-c", _ELSEWHERE, str(library.path), code]
    subprocess.run(command, check=True, env=environment, cwd=root, timeout=120)


QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("similar", {"reference": content_id(1), "n": 2 * N}),
    ("playlist", {"n": 5, "like": [content_id(2)]}),
    ("duplicates", {}),
]


@pytest.mark.parametrize(
    "change",
    [
        f"commit(library, {N}, {N + 1}, {N + 2})",
        f"library.tune([({content_id(1)!r}, {content_id(2)!r})], [({content_id(1)!r}, {content_id(3)!r})])",
    ],
)
def test_no_answer_survives_a_change_by_another_process(library: Library, change: str) -> None:
    before = [answered(library.answers, question) for question in QUESTIONS]
    elsewhere(library, change)
    after = [answered(library.answers, question) for question in QUESTIONS]
    assert after[0] != before[0]
    assert after == [answered(library, question) for question in QUESTIONS]
    if "tune" in change:
        elsewhere(library, "library.untune(forget='mine')")
        assert [answered(library.answers, question) for question in QUESTIONS] == before


def test_no_answer_survives_a_backup_that_was_restored_and_gone_on_from(embedded: Library, tmp_path: Path) -> None:
    catalog = embedded.path / "catalog.sqlite"
    question = ("similar", {"reference": content_id(1), "n": 2 * N})
    embedded.close()
    shutil.copy(catalog, tmp_path / "backup")
    with Library.open(embedded.path) as library:
        commit(library, N)
        version = library.catalog.version()
        first = answered(library.answers, question)
    shutil.copy(tmp_path / "backup", catalog)
    with Library.open(embedded.path) as library:
        commit(library, N + 1)
        assert library.catalog.version() == version
        second = answered(library.answers, question)
        assert library.answers.stats()["hits"] == 0
    assert first != second


def test_a_change_while_an_answer_is_made_is_not_kept(embedded: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    import workbench.answers

    plain = workbench.answers.answer

    def meanwhile(*arguments: Any, **named: Any) -> Any:
        found = plain(*arguments, **named)
        commit(embedded, N)
        return found

    monkeypatch.setattr(workbench.answers, "answer", meanwhile)
    embedded.answers.similar(content_id(1))
    monkeypatch.undo()
    assert embedded.answers.stats()["kept"] == 0


def test_deleting_the_index_deletes_the_answers_and_changes_the_scaling(embedded: Library) -> None:
    question = ("similar", {"reference": content_id(1)})
    answered(embedded.answers, question)
    commit(embedded, *range(N, N + 5))
    embedded.close()
    shutil.rmtree(embedded.path / "index")
    with Library.open(embedded.path) as library:
        assert answered(library.answers, question) == answered(library, question)
        assert library.answers.stats()["misses"] == 1


def test_a_file_is_known_by_its_content(embedded: Library, tmp_path: Path) -> None:
    file = write_track(tmp_path / "reference.wav", 1, seconds=1.0)
    first = answered(embedded.answers, ("similar", {"reference": file}))
    assert answered(embedded.answers, ("similar", {"reference": file})) == first
    assert embedded.answers.stats()["hits"] == 1
    write_track(file, 2, tempo=90, seconds=1.0)
    os.utime(file, ns=(1, 1))
    second = answered(embedded.answers, ("similar", {"reference": file}))
    assert second == answered(embedded, ("similar", {"reference": file}))
    assert second != first
    warmer = embedded.answers.warmer(lambda: True)
    assert warmer.warm()["of"] == 0, "what is not in the library is not common"


def test_the_limits_on_files_are_part_of_the_question(embedded: Library, tmp_path: Path) -> None:
    file = write_track(tmp_path / "reference.wav", 1, seconds=1.0)
    embedded.answers.similar(file)
    strict = Settings(max_duration_s=0.5)
    with Library.open(embedded.path, settings=strict) as library, pytest.raises(WorkbenchError, match="too_long"):
        library.answers.similar(file)


def test_what_is_wrong_is_refused_each_time(embedded: Library) -> None:
    for _ in range(2):
        with pytest.raises(InputError, match="facet"):
            embedded.answers.similar(content_id(1), weights={"smell": 1})
        with pytest.raises(InputError, match="no track"):
            embedded.answers.similar("0123456789")
        with pytest.raises(InputError, match="no such field"):
            embedded.answers.playlist(smell=1)


def test_a_near_query_is_answered_from_another_and_says_so(embedded: Library) -> None:
    a, b = content_id(1), content_id(2)
    with Library.open(embedded.path, settings=Settings(near_query=0.05)) as library:
        exact = library.answers.similar({a: 1, b: 1})
        assert "from_cache" not in exact.query
        near = library.answers.similar({a: 1, b: 1.02})
        assert 0 < near.query["from_cache"]["distance"] <= 0.05
        assert near.query["blend"] == library.similar({a: 1, b: 1.02}).query["blend"]
        assert near.results == exact.results
        for fields in ({"n": 9}, {"where": "bpm > 80"}, {"weights": {"timbre": 2}}, {"per_artist": 1}):
            assert "from_cache" not in library.answers.similar({a: 1, b: 1.01}, **fields).query
        assert "from_cache" not in library.answers.similar({a: 1, b: 5}).query
        assert "from_cache" not in library.answers.similar({a: 1, b: 1, content_id(3): 0.001}).query
        assert library.answers.stats()["near"] == 1
        commit(library, N)
        assert "from_cache" not in library.answers.similar({a: 1, b: 1.02}).query
    assert embedded.answers.similar({a: 1, b: 1.02}).results == embedded.similar({a: 1, b: 1.02}).results


def test_warming_answers_common_questions_after_a_change(embedded: Library) -> None:
    answers = embedded.answers
    for _ in range(3):
        answers.similar(content_id(1), where="bpm > 70")
        answers.similar({content_id(1): 1, content_id(2): -0.5}, to=None, n=3)
        answers.similar(content_id(4), to=content_id(5))
        answers.playlist(n=4, like=[content_id(3)])
    warmer = answers.warmer(lambda: True)
    commit(embedded, N)
    status = warmer.warm()
    assert (status["of"], status["answered"], status["failed"]) == (4, 4, 0)
    misses = answers.stats()["misses"]
    assert (
        answers.similar(content_id(1), where="bpm > 70").results
        == embedded.similar(content_id(1), where="bpm > 70").results
    )
    answers.similar({content_id(1): 1, content_id(2): -0.5}, n=3)
    answers.similar(content_id(4), to=content_id(5))
    answers.playlist(n=4, like=[content_id(3)])
    assert answers.stats()["misses"] == misses
    assert warmer.warm()["of"] == 4, "warming counts for nothing"


def test_a_redis_without_its_package_says_what_to_install(embedded: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "workbench.store.cache.redis", raising=False)
    settings = Settings(redis=SecretStr("redis://127.0.0.1"))
    with Library.open(embedded.path, settings=settings) as library, pytest.raises(InputError, match="not installed"):
        _ = library.answers
