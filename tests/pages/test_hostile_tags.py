"""A hundred tags that want to be more than text: no page runs them, whichever widget or table shows them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.hostile import HOSTILE
from tests.pages.conftest import Pages, Photograph
from workbench.library import Library
from workbench.store.catalog.engine import next_version, raise_version, take_numbers
from workbench.store.catalog.models import Track

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unmeasured")]


def enter_hostile(library: Library) -> None:
    """Enter a track for each text, which is its title, its artist and its album."""
    with library.catalog.write() as connection:
        like = dict(connection.execute(sa.select(Track.__table__)).mappings().first() or {})
        numbers = take_numbers(connection, len(HOSTILE))
        rows = [
            like
            | {"id": f"{number:032x}", "number": number, "path": f"/music/{number}/{text[:80]}.wav"}
            | {"title": text, "artist": text, "album": text}
            for number, text in zip(numbers, HOSTILE, strict=True)
        ]
        connection.execute(sa.insert(Track).values(changed=next_version()), rows)
        raise_version(connection)


def test_no_script_of_a_tag_runs(pages: Pages, shown: Library, photograph: Photograph) -> None:
    enter_hostile(shown)
    page = pages.open(
        "lib",
        "rows = lib.tracks()\nrows",
        "type(rows)(rows[25:50], rows._columns, 'tracks')",
        "type(rows)(rows[50:75], rows._columns, 'tracks')",
        "type(rows)(rows[75:], rows._columns, 'tracks')",
        "TrackTable(lib, selection, per_page=200)",
        "PlaylistBuilder(lib, selection, playlist=[row['id'] for row in rows])",
        "Player(lib, selection, playing=rows[20]['id'])",
        "SonicMap(lib, selection, colour='energy')",
    )
    page.locator(".wb-tracks tbody tr").nth(len(HOSTILE) - 1).wait_for()
    page.locator(".wb-item").nth(len(HOSTILE) - 1).wait_for()
    page.wait_for_timeout(2000)
    photograph(page, "hostile")
    assert page.evaluate("window.pwned") is None
    assert page.locator("iframe, base, mjx-container, .MathJax, img[src*=example], script[src*=example]").count() == 0
    assert page.locator(".wb-tracks td script, .wb-item img, td bdi *:not(span)").count() == 0
