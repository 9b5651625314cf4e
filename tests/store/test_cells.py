"""The approximate index is kept, grows with the library, says what it finds, and is never needed."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.store.conftest import Store, content_id
from tests.store.test_vectors import add
from workbench.errors import InputError
from workbench.similarity import cells as science
from workbench.similarity.cells import USUAL, Cells, assign
from workbench.store import cells as module
from workbench.store import index
from workbench.store.indexes import Indexes, SearchIndex
from workbench.store.similar import Reference, Wanted, similar_tracks

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("faiss") is None,
    reason="cells are found by faiss: pip install 'audio-workbench[search]'",
)
FIRST = 150


@pytest.fixture
def opened(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Indexes:
    monkeypatch.setattr(science, "SPARSE", 1)  # cells of a library as small as this are looked into as well
    add(store, *range(FIRST))
    return open_(store, tmp_path)


def open_(store: Store, tmp_path: Path, setting: SearchIndex = "approximate") -> Indexes:
    return Indexes(store.catalog, store.parts, tmp_path / "index", setting)


def check(indexes: Indexes) -> Cells:
    """Each track, and no other row, is in the cell of the nearest centre."""
    cells, vectors = indexes.cells, indexes.vectors
    assert cells is not None
    known = np.flatnonzero(vectors.known)
    assert np.flatnonzero(cells.of_row).tolist() == known.tolist()
    assert cells.of_row[known].tolist() == assign(cells.centres, vectors.standardised, known).tolist()
    return cells


def ask(indexes: Indexes, *numbers: int, **wanted: object) -> tuple[list[str], list[float], float | None]:
    vectors = indexes.vectors
    rows = vectors.rows([content_id(n) for n in numbers])
    references = [Reference(vectors.ids[row], "", int(row), vectors.raw[row]) for row in rows]
    results, recall = similar_tracks(indexes, references, Wanted(**{"n": 5, "fold": False, **wanted}))  # type: ignore[arg-type]
    return [result["id"] for result in results], [result["score"] for result in results], recall


def test_answers_say_that_they_are_approximate(opened: Indexes, store: Store, tmp_path: Path) -> None:
    cells, exact = check(opened), open_(store, tmp_path, "exact")
    for number in range(0, FIRST, 10):
        ids, scores, recall = ask(opened, number)
        assert recall == cells.recall.recall
        within = set(
            opened.vectors.ids.take(cells.probe(opened.vectors.standardised[number], USUAL, cells.recall.probes))
        )
        all_ids, all_scores, none = ask(exact, number, n=FIRST - 1)
        assert none is None
        plain = [pair for pair in zip(all_ids, all_scores, strict=True) if pair[0] in within]
        assert list(zip(ids, scores, strict=True)) == plain[:5], "the very scores and order of exact search"


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        ((3, 4), {}),
        ((3,), {"n": 100}),
        ((3,), {"where": "bpm < 66"}),
        ((3,), {"weights": {"harmony": 9}}),
        ((3,), {"weights": {"timbre": 0}}),
    ],
)
def test_what_was_not_measured_is_answered_exactly(
    opened: Indexes, store: Store, tmp_path: Path, numbers: tuple[int, ...], wanted: dict[str, object]
) -> None:
    assert ask(opened, 3)[2] is not None
    answer = ask(opened, *numbers, **wanted)
    assert answer[2] is None
    assert answer == ask(open_(store, tmp_path, "exact"), *numbers, **wanted)


def test_new_tracks_get_their_cell_and_what_was_measured_stays(opened: Indexes, store: Store, tmp_path: Path) -> None:
    before = check(opened)
    (file,) = (tmp_path / "index").rglob("of_row.bin")
    add(store, *range(FIRST, FIRST + 50))
    after = check(opened)
    assert (after.recall, after.centres.tolist()) == (before.recall, before.centres.tolist())
    assert file.read_bytes() == after.of_row.tobytes()
    again = check(open_(store, tmp_path))
    assert again.of_row.tolist() == after.of_row.tolist()
    add(store, *range(FIRST + 50, 256))  # doubled
    assert check(opened).recall.tracks == 256
    assert len(list((tmp_path / "index" / "cells").iterdir())) == 1


def test_an_index_that_is_there_is_not_made_again(
    opened: Indexes, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = check(opened)
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setattr(module, "assign", lambda centres, matrix, rows: np.zeros(len(rows), dtype=np.uint16))
    again = open_(store, tmp_path).cells
    assert again is not None
    assert again.of_row.tolist() == before.of_row.tolist()


@pytest.mark.parametrize("name", ["of_row.bin", "centres.bin", "recall.json"])
@pytest.mark.parametrize("how", ["gone", "short", "wild"])
def test_the_index_may_be_deleted_at_any_time(
    opened: Indexes, store: Store, tmp_path: Path, name: str, how: str
) -> None:
    before = check(opened)
    (file,) = (tmp_path / "index").rglob(name)
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:22] if how == "short" else b"\xff" * file.stat().st_size)
    after = check(open_(store, tmp_path))
    assert after.recall == before.recall
    shutil.rmtree(tmp_path / "index" / "cells")
    assert check(open_(store, tmp_path)).recall == before.recall


def test_where_it_cannot_be_kept_search_is_exact(
    opened: Indexes, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index").mkdir(exist_ok=True)
    (tmp_path / "index" / "cells").write_text("a file where the folder should be")
    monkeypatch.setattr(module, "fit_centres", lambda matrix: pytest.fail("that is seen before the work"))
    assert opened.cells is None
    assert "cannot be written" in str(opened.cells_or_why_exact(opened.vectors))
    assert ask(opened, 3) == ask(open_(store, tmp_path, "exact"), 3)


def test_an_index_that_can_only_be_read_is_completed_in_memory(
    opened: Indexes, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(opened)
    (file,) = (tmp_path / "index").rglob("of_row.bin")
    before = file.read_bytes()

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(module, "replace_file", full)
    monkeypatch.setattr(index, "replace_file", full)
    add(store, *range(FIRST, FIRST + 9))
    check(opened)
    assert file.read_bytes() == before


def test_auto_is_exact_up_to_a_million_tracks_and_without_faiss(
    opened: Indexes, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del opened
    auto = open_(store, tmp_path, "auto")
    assert auto.cells_or_why_exact(auto.vectors) == "below 1,048,576 tracks"
    monkeypatch.setattr(module, "FROM_TRACKS", FIRST)
    check(auto)
    monkeypatch.setattr(module, "faiss_is_there", lambda: False)
    assert "pip install" in str(auto.cells_or_why_exact(auto.vectors))
    assert ask(auto, 3)[2] is None


def test_approximate_without_faiss_is_an_error_that_names_the_remedy(
    opened: Indexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(InputError, match=r"audio-workbench\[search\].*WORKBENCH_SEARCH_INDEX"):
        ask(opened, 3)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_smallest_libraries(store: Store, tmp_path: Path, count: int) -> None:
    if count:
        add(store, *range(count))
    indexes = open_(store, tmp_path)
    if count:
        assert check(indexes).recall.recall == 1
        assert len(ask(indexes, 0)[0]) == count - 1
    else:
        assert indexes.cells_or_why_exact(indexes.vectors) == "no tracks"
