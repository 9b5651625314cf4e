"""Tastes: learned from clicks on stored vectors, kept with them, used or not, forgotten."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from tests.store.conftest import Store, as_of_0003, content_id
from tests.store.test_vectors import add
from workbench.errors import InputError
from workbench.store import tastes
from workbench.store.catalog import Catalog
from workbench.store.vectors import Vectors, load_vectors

ON_BOTH_DATABASES = True

A, B, C, D = (content_id(n) for n in range(1, 5))


@pytest.fixture
def vectors(store: Store, tmp_path: Path) -> Vectors:
    """Give the vectors of a few tracks."""
    add(store, *range(1, 30))
    return load_vectors(store.catalog, store.parts, tmp_path / "index")


def test_a_taste_is_learned_kept_and_in_use(store: Store, vectors: Vectors) -> None:
    assert tastes.factors_in_use(store.catalog) == {}
    tastes.learn_taste(store.catalog, vectors, "mine", [(A, B)], [(A, C)])
    (taste,) = tastes.kept(store.catalog)
    assert (taste.name, taste.in_use, taste.likes, taste.dislikes) == ("mine", True, [(A, B)], [(A, C)])
    assert tastes.factors_in_use(store.catalog) == taste.factors
    assert taste.agreement is not None
    assert taste.saved_at > 1e9


def test_clicks_are_added_and_the_last_word_counts(store: Store, vectors: Vectors) -> None:
    tastes.learn_taste(store.catalog, vectors, "mine", [(A, B)], [])
    tastes.learn_taste(store.catalog, vectors, "mine", [(A, D)], [(A, B)])
    (taste,) = tastes.kept(store.catalog)
    assert (taste.likes, taste.dislikes) == ([(A, D)], [(A, B)])
    tastes.learn_taste(store.catalog, vectors, "at once", [(A, D)], [(A, B)])
    once, bit_by_bit = tastes.kept(store.catalog)
    assert once.factors == pytest.approx(bit_by_bit.factors)


def test_one_taste_is_in_use_or_none(store: Store, vectors: Vectors) -> None:
    for name in ("x", "y"):
        tastes.learn_taste(store.catalog, vectors, name, [(A, B)], [(A, C)])
    assert [taste.in_use for taste in tastes.kept(store.catalog)] == [False, True]
    tastes.use(store.catalog, "x")
    assert [taste.in_use for taste in tastes.kept(store.catalog)] == [True, False]
    tastes.use(store.catalog, None)
    assert tastes.factors_in_use(store.catalog) == {}
    tastes.forget(store.catalog, "x")
    assert [taste.name for taste in tastes.kept(store.catalog)] == ["y"]
    for ask in (tastes.use, tastes.forget):
        with pytest.raises(InputError, match=r"no taste 'x'. Known are 'y'"):
            ask(store.catalog, "x")


def test_clicks_on_tracks_that_are_gone_are_left_out(store: Store, vectors: Vectors, tmp_path: Path) -> None:
    tastes.learn_taste(store.catalog, vectors, "mine", [(A, B)], [(A, C)])
    fewer = replace(vectors, version=99, known=np.arange(len(vectors.ids)) >= 2)
    tastes.learn_taste(store.catalog, fewer, "mine", [(C, D)], [])
    (taste,) = tastes.kept(store.catalog)
    assert (taste.likes, taste.dislikes) == ([(C, D)], [])


@pytest.mark.parametrize(
    ("name", "likes", "says"),
    [
        ("mine", [], "Nothing to learn from"),
        ("mine", [(A, A)], "A pair needs two tracks"),
        ("mine", [(A, "f" * 32)], "Nothing is known"),
        ("", [(A, B)], "cannot be a name"),
    ],
)
def test_what_cannot_be_learned(
    store: Store, vectors: Vectors, name: str, likes: list[tuple[str, str]], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        tastes.learn_taste(store.catalog, vectors, name, likes, [])
    assert tastes.kept(store.catalog) == []


def test_a_catalog_of_before_gets_the_table(store: Store) -> None:
    with store.catalog.engine.begin() as connection:
        as_of_0003(connection)
        connection.execute(sa.text("DROP TABLE tastes"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0002'"))
    with contextlib.closing(Catalog(store.database)) as catalog:
        assert tastes.kept(catalog) == []
        assert tastes.factors_in_use(catalog) == {}
