"""Filters answered by columns in memory find what SQL finds, also after the library has changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services import postgres_copy
from tests.store.conftest import Store, columns, content_id
from workbench.errors import InputError, Outcome
from workbench.schema import JobState
from workbench.store.arrays import PartStore
from workbench.store.catalog import Catalog, queries
from workbench.store.catalog import columns as module
from workbench.store.catalog.where import compile_where
from workbench.store.commit import commit_batch
from workbench.store.records import Analysis, Source

ON_BOTH_DATABASES = True

TEXTS = {
    "key": ["A minor", "C major", "F# major"],
    "mood": ["calm", "sad"],
    "artist": ["Nina", "nina", "O'Neill", "Ω"],
    "album": ["x", "y"],
    "title": ["Title 1", "Title 5"],
    "format": ["wav", "flac"],
}
NUMBERS = {
    "bpm": st.integers(58, 66) | st.sampled_from([60.5, -1, 1e300]),
    "energy": st.sampled_from([0, 0.25, 0.5, 1]),
    "channels": st.integers(0, 3),
    "duration_s": st.integers(8, 20),
}


def enter(store: Store, *numbers: int, seed: int = 0) -> None:
    """Commit tracks, about every third value unknown."""
    job = store.plan(*(f"/music/{n}.wav" for n in numbers))
    results = []
    for i, n in enumerate(numbers):
        rng = np.random.default_rng([seed, n])

        def some(values: list[str], rng: np.random.Generator = rng) -> str | None:
            return values[rng.integers(len(values))] if rng.random() > 0.3 else None

        bpm = None if rng.random() < 0.3 else float(rng.integers(58, 66))
        energy = None if rng.random() < 0.3 else float(rng.integers(5)) / 4
        found = columns(n % 8, bpm=bpm, energy=energy, key=some(TEXTS["key"]), mood=some(TEXTS["mood"]))
        source = Source(["wav", "flac"][n % 2], 44100, 1 + n % 2, ())
        tags = {"title": f"Title {n}", "artist": some(TEXTS["artist"]), "album": some(TEXTS["album"])}
        results.append(store.result(i, f"/music/{n}.wav", n, analysis=Analysis(found, source), tags=tags))
    commit_batch(store.catalog, store.lease(job), results, [store.write(job, *numbers)])
    store.ledger.finish(job, JobState.DONE)


def by_columns(catalog: Catalog, where: str) -> list[int]:
    """Numbers of the tracks that columns find."""
    found = catalog.columns.mask(where, catalog.numbers())
    return np.flatnonzero(found[queries.track_numbers(catalog)]).tolist()


def by_sql(catalog: Catalog, where: str) -> list[int]:
    """Numbers of the tracks that SQL finds."""
    return np.flatnonzero(np.isin(queries.track_numbers(catalog), queries.track_numbers(catalog, where=where))).tolist()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("columns")
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{folder / 'catalog.sqlite'}"
        if request.param == "postgresql":
            url = stack.enter_context(postgres_copy(request.getfixturevalue("postgres_server")))
        yield from filled(url, folder)


def filled(url: str, folder: Path) -> Iterator[Store]:
    made = Store(Catalog(url), PartStore(folder / "features.zarr"))
    made.parts.create()
    enter(made, *range(40))
    yield made
    made.catalog.close()


AMONG = st.sampled_from(["in", "not in"])
COMPARE = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
NUMERIC = st.sampled_from(sorted(NUMBERS)).flatmap(
    lambda name: (
        st.builds(lambda op, value: f"{name} {op} {value}", COMPARE, NUMBERS[name])
        | st.builds(lambda op, value: f"{value} {op} {name}", COMPARE, NUMBERS[name])
        | st.builds(lambda a, b: f"{a} <= {name} < {b}", NUMBERS[name], NUMBERS[name])
        | st.builds(lambda a, b, among: f"{name} {among} ({a}, {b})", NUMBERS[name], NUMBERS[name], AMONG)
        | st.sampled_from([f"{name} is None", f"{name} is not None", f"{name} < duration_s", f"{name} in ()"])
    )
)
TEXTUAL = st.sampled_from(sorted(TEXTS)).flatmap(
    lambda name: (
        st.builds(lambda op, value: f"{name} {op} {value!r}", COMPARE, st.sampled_from([*TEXTS[name], "none such"]))
        | st.builds(lambda value, among: f"{name} {among} ({value!r}, 'z')", st.sampled_from(TEXTS[name]), AMONG)
        | st.builds(lambda value: f"{name} like {'%' + value[1:]!r}", st.sampled_from(TEXTS[name]))
        | st.sampled_from([f"{name} == None", f"{name} != None"])
    )
)
EXPRESSION = st.recursive(
    NUMERIC | TEXTUAL,
    lambda inner: (
        st.builds(lambda a: f"not ({a})", inner)
        | st.builds(lambda a, op, b: f"({a}) {op} ({b})", inner, st.sampled_from(["and", "or"]), inner)
        | st.builds(lambda a, b, c: f"{a} or {b} or ({c})", inner, inner, inner)
    ),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(where=EXPRESSION)
def test_columns_find_what_sql_finds(many: Store, where: str) -> None:
    assert by_columns(many.catalog, where) == by_sql(many.catalog, where)


@pytest.mark.parametrize(
    "where",
    [
        "bpm > 60 and mood == 'calm'",
        "90 > bpm >= 60 or not (key in ('A minor', 'C major') and energy != 0.5)",
        "artist == None and album != 'x' or channels not in (1, 3)",
    ],
)
def test_comparisons_need_no_sql(many: Store, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    by_columns(many.catalog, "bpm > 0 and mood == '' and key == '' and energy > 0 and artist == '' and album == ''")
    by_columns(many.catalog, "channels > 0")
    expected = by_sql(many.catalog, where)
    monkeypatch.setattr(module, "sa", None)  # what SQL is written with
    found = many.catalog.columns._evaluated(compile_where(where))
    monkeypatch.undo()
    assert np.flatnonzero(found).tolist() == expected


@pytest.mark.parametrize(
    "where", ["bpm > 60 and mood == 'calm'", "not (energy < 0.5 or key == None)", "title like '%2%'"]
)
def test_changes_are_followed(store: Store, where: str) -> None:
    enter(store, *range(10))
    assert by_columns(store.catalog, where) == by_sql(store.catalog, where)
    enter(store, *range(10, 30), seed=1)
    assert by_columns(store.catalog, where) == by_sql(store.catalog, where)
    job = store.plan("/music/3.wav", "/music/4.wav")  # one is no more, one is retagged
    failed = store.result(0, "/music/3.wav", 99, outcome=Outcome.FAILED, analysis=None, tags=None)
    retagged = store.result(
        1, "/music/4.wav", 4, outcome=Outcome.UNCHANGED, analysis=None, tags={"title": "2", "artist": "new"}
    )
    commit_batch(store.catalog, store.lease(job), [failed, retagged])
    assert by_columns(store.catalog, where) == by_sql(store.catalog, where)
    assert len(by_columns(store.catalog, "artist == 'new' and title == '2'")) == 1


def test_only_what_has_changed_is_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(store, *range(10))
    by_columns(store.catalog, "bpm > 60")
    read: list[int] = []
    put = type(store.catalog.columns._columns["bpm"]).put
    monkeypatch.setattr(
        type(store.catalog.columns._columns["bpm"]),
        "put",
        lambda self, numbers, values: (read.extend(numbers), put(self, numbers, values)),
    )
    enter(store, 10, 11)
    assert by_columns(store.catalog, "bpm > 60") == by_sql(store.catalog, "bpm > 60")
    assert read == [10, 11]


def test_a_mask_is_as_long_as_it_is_asked_for(store: Store) -> None:
    enter(store, *range(4))
    assert store.catalog.columns.mask("channels > 0", 2).tolist() == [True, True]
    assert store.catalog.columns.mask("channels > 0", 6).tolist() == [True] * 4 + [False] * 2
    first = store.catalog.columns.mask("channels > 0", 4)
    first[:] = False  # the caller's own
    assert store.catalog.columns.mask("channels > 0", 4).all()


def test_an_expression_that_cannot_be_read_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="no column 'tempo'"):
        store.catalog.columns.mask("tempo > 3", 4)


def test_an_empty_library(store: Store) -> None:
    assert store.catalog.columns.mask("bpm > 60 or title like '%a'", 0).tolist() == []
    enter(store, 1)
    assert by_columns(store.catalog, f"id == {content_id(1)!r}") == [0]


@settings(max_examples=100, deadline=None)
@given(n=st.integers(1, 50), after=st.none() | st.integers(57, 67), descending=st.booleans(), where=NUMERIC)
def test_what_comes_next_is_what_sorting_says(
    many: Store, n: int, after: float | None, descending: bool, where: str
) -> None:
    fitting = many.catalog.columns.fitting(where)
    if fitting is None:
        return
    found = many.catalog.columns.next_of(fitting[0], "bpm", after, n, descending=descending)
    values = many.catalog.columns.numbers("bpm", many.catalog.numbers())
    sign = -1 if descending else 1
    among = [i for i in np.flatnonzero(fitting[0]) if after is None or sign * values[i] >= sign * after]
    known = sorted((i for i in among if not np.isnan(values[i])), key=lambda i: sign * values[i])
    if not known:
        assert not len(found.numbers)
        return
    first, last = values[known[0]], values[known[:n][-1]]
    assert found.numbers.tolist() == sorted(i for i in known if sign * values[i] <= sign * last)
    assert (found.least, found.most) == (min(first, last), max(first, last))
    assert found.on_the_way == np.count_nonzero((values >= found.least) & (values <= found.most))
