"""Saved playlists: kept, replaced, listed, forgotten."""

from __future__ import annotations

import contextlib

import pytest
import sqlalchemy as sa

from tests.store.conftest import Store, as_of_0003
from workbench.errors import InputError
from workbench.playlist import PlaylistRequest
from workbench.store import playlists
from workbench.store.catalog import Catalog

ON_BOTH_DATABASES = True


def test_a_playlist_is_kept_with_its_request(store: Store) -> None:
    playlists.save(store.catalog, "Été", {"n": 3, "curve": [0.1, 0.9]}, ["a", "b"])
    playlists.save(store.catalog, "Alba", {}, [])
    assert [kept.name for kept in playlists.kept(store.catalog)] == ["Alba", "Été"]
    found = playlists.find(store.catalog, "Été")
    assert (found.request, found.tracks) == ({"n": 3, "curve": [0.1, 0.9]}, ["a", "b"])
    assert found.saved_at > 1e9
    playlists.save(store.catalog, "Été", {"n": 1}, ["c"])
    assert playlists.find(store.catalog, "Été").tracks == ["c"]
    assert len(playlists.kept(store.catalog)) == 2


def test_the_words_that_it_was_asked_for_in_are_kept_with_it_and_are_no_field(store: Store) -> None:
    playlists.save(store.catalog, "a", {"n": 3}, ["x"], "three of them, <b>")
    playlists.save(store.catalog, "b", {"n": 3}, ["x"])
    asked, plain = playlists.kept(store.catalog)
    assert (asked.request, asked.text) == ({"n": 3}, "three of them, <b>")
    assert (plain.request, plain.text) == ({"n": 3}, None)
    assert playlists._TEXT not in PlaylistRequest.model_fields


def test_a_playlist_is_forgotten(store: Store) -> None:
    playlists.save(store.catalog, "a", {}, [])
    playlists.delete(store.catalog, "a")
    assert playlists.kept(store.catalog) == []
    for ask in (playlists.find, playlists.delete):
        with pytest.raises(InputError, match=r"no saved playlist 'a'. Save one with"):
            ask(store.catalog, "a")
    playlists.save(store.catalog, "b", {}, [])
    with pytest.raises(InputError, match=r"Saved are 'b'"):
        playlists.find(store.catalog, "a")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201])
def test_a_name_is_one_line(store: Store, name: str) -> None:
    with pytest.raises(InputError, match="cannot be a name"):
        playlists.save(store.catalog, name, {}, [])


def test_saving_changes_nothing_that_an_index_is_made_from(store: Store) -> None:
    before = store.catalog.version()
    playlists.save(store.catalog, "a", {}, [])
    assert store.catalog.version() == before


def test_a_catalog_of_before_gets_the_table(store: Store) -> None:
    store.add(1, 2)
    with store.catalog.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE playlists"))
        as_of_0003(connection)
        connection.execute(sa.text("DROP TABLE tastes"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    with contextlib.closing(Catalog(store.database)) as catalog:
        playlists.save(catalog, "a", {}, ["x"])
        assert [kept.name for kept in playlists.kept(catalog)] == ["a"]
        assert (catalog.version(), catalog.library_id) == (store.catalog.version(), store.catalog.library_id)
