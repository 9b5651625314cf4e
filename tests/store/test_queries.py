"""Questions to the catalog, and the indexes that answer them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.store.conftest import Store, columns, content_id
from workbench.errors import InputError
from workbench.store.catalog import queries
from workbench.store.catalog.models import ArraySet, File, JobFile, Placement, Track
from workbench.store.catalog.where import compile_where

ON_BOTH_DATABASES = True


def test_tracks_in_order_of_path_with_a_limit(store: Store) -> None:
    store.add(3, 1, 2)
    assert [t["path"] for t in queries.tracks(store.catalog, limit=2)] == ["/music/1.wav", "/music/2.wav"]
    assert list(queries.tracks(store.catalog)[0]) == list(queries.TRACK_COLUMNS)
    assert queries.number_of_tracks(store.catalog) == 3


def test_many_ids_are_asked_in_pieces(store: Store) -> None:
    store.add(1, 2)
    ids = [content_id(n) for n in range(1200)]
    assert set(queries.tracks_by_id(store.catalog, ids)) == {content_id(1), content_id(2)}


def test_find_track(store: Store) -> None:
    store.add(1, 2)
    assert queries.find_track(store.catalog, content_id(1)) == content_id(1)
    assert queries.find_track(store.catalog, "/music/2.wav") == content_id(2)
    with pytest.raises(InputError, match="More than one"):
        queries.find_track(store.catalog, "00000000")
    with pytest.raises(InputError, match="no track"):
        queries.find_track(store.catalog, "ffff")


def test_a_few_letters_are_not_enough(store: Store) -> None:
    store.add(0xABCD << 112)
    assert queries.find_track(store.catalog, "abcd")
    with pytest.raises(InputError, match="no track"):
        queries.find_track(store.catalog, "abc")


PLANS = {
    "files by path": (sa.select(File.id).where(File.path.in_(["a", "b"])), "sqlite_autoindex_files"),
    "files by audio": (sa.select(File.path).where(File.content_id == "x"), "ix_files_content"),
    "failed files": (sa.select(File.path).where(File.reason.is_not(None)).order_by(File.path), "ix_files_failed"),
    "tracks by tempo": (sa.select(Track.id).where(compile_where("bpm > 120 and bpm < 125")), "ix_tracks_bpm"),
    "tracks by energy": (sa.select(Track.id).where(compile_where("energy > 0.8")), "ix_tracks_energy"),
    "tracks by mood": (sa.select(Track.id).where(compile_where('mood == "calm" and energy < 0.2')), "ix_tracks_mood"),
    "tracks by key": (sa.select(Track.id).where(compile_where('key == "A minor"')), "ix_tracks_key"),
    "tracks by artist": (sa.select(Track.id).where(compile_where('artist == "x"')), "ix_tracks_artist"),
    "tracks in order": (sa.select(Track.id, Track.bpm).order_by(Track.path, Track.id).limit(9), "ix_tracks_path"),
    "beginning of an id": (sa.select(Track.id).where(Track.id.between("ab", "abg")), "sqlite_autoindex_tracks"),
    "outcomes of a job": (
        sa.select(JobFile.outcome, sa.func.count(), sa.func.sum(JobFile.cost))
        .where(JobFile.job_id == 1)
        .group_by(JobFile.outcome),
        "COVERING INDEX ix_job_files_outcome",
    ),
    "files of a batch": (sa.select(JobFile.path).where(JobFile.batch_id == 1), "ix_job_files_batch"),
    "rows of a track": (sa.select(Placement.row).where(Placement.track_id == "x"), "ix_placements_track"),
}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """Give a catalog with enough rows for its planner to have a choice."""
    from workbench.store.catalog import Catalog

    catalog = Catalog.open_file(tmp_path_factory.mktemp("large") / "catalog.sqlite")
    rows = [
        {
            "id": content_id(n),
            "path": f"/{n}.wav",
            "array_set": "s",
            "format": "wav",
            "sample_rate": 44100,
            "channels": 2,
            "flags": [],
            **columns(
                n, bpm=60.0 + n % 140, energy=n % 100 / 100, mood=("calm", "happy", "sad")[n % 3], key=f"k{n % 24}"
            ),
            "artist": f"artist {n % 500}",
        }
        for n in range(20_000)
    ]
    with catalog.write() as connection:
        connection.execute(sa.insert(ArraySet).values(id="s", keys=[]))
        connection.execute(sa.insert(Track), [{"number": number, **row} for number, row in enumerate(rows)])
        connection.exec_driver_sql("ANALYZE")
    yield catalog.engine
    catalog.close()


@pytest.mark.parametrize("name", PLANS)
def test_every_question_is_answered_by_an_index(large: sa.Engine, name: str) -> None:
    statement, index = PLANS[name]
    text = statement.compile(large, compile_kwargs={"literal_binds": True})
    with large.connect() as connection:
        plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))
    assert index in plan
    assert "SCAN tracks" not in plan.replace("SCAN tracks USING INDEX", "")
