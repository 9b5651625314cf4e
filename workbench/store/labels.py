"""What people say of tracks: labels with a name and a value, of a whole track or of a part of it, and who said so."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from workbench.errors import InputError
from workbench.schema import LABEL_LENGTH, MOST_LABELS
from workbench.store.catalog import Catalog
from workbench.store.catalog.lasting import lasting
from workbench.store.catalog.models import Label as LabelRow
from workbench.store.catalog.models import Track


@dataclass(frozen=True, slots=True)
class Label:
    """One thing that somebody says of a track.

    Attributes
    ----------
    name : what it is about, such as ``genre``
    value : what is said, such as ``dub``; None where the name says all
    start_s, end_s : the part of the track that it holds for, seconds; None for all of it
    """

    name: str
    value: str | None = None
    start_s: float | None = None
    end_s: float | None = None

    def __post_init__(self) -> None:
        for field in ("name", "value"):
            text = getattr(self, field)
            if text is not None and (not text.strip() or len(text) > LABEL_LENGTH or not text.isprintable()):
                raise InputError(
                    f"{text[:80]!r} cannot be the {field} of a label.",
                    f"Give up to {LABEL_LENGTH} letters, on one line.",
                )
        if (self.start_s is None) != (self.end_s is None):
            raise InputError("A part of a track has a start and an end.", "Give start_s and end_s, or neither.")
        if self.start_s is not None and self.end_s is not None and not 0 <= self.start_s < self.end_s < 1e9:
            raise InputError(
                f"{self.start_s:g} to {self.end_s:g} s is no part of a track.", "Give the start first, in seconds."
            )


@dataclass(frozen=True, slots=True)
class KeptLabel:
    """A label as it was stored.

    Attributes
    ----------
    track : id
    name, value, start_s, end_s : see `Label`
    author : who said so
    labelled_at : when, seconds since 1970
    """

    track: str
    name: str
    value: str | None
    start_s: float | None
    end_s: float | None
    author: str
    labelled_at: float


@lasting
def replace_labels(catalog: Catalog, track_id: str, labels: Sequence[Label], author: str) -> None:
    """Let `labels` be all that an author says of a track; what others say stays.

    What was said before in the same words keeps its time.

    Raises
    ------
    InputError
        When there is no such track, a label is given twice, or there are more than `MOST_LABELS`.
    """
    if len(labels) > MOST_LABELS:
        raise InputError(f"{len(labels)} labels are too many for one track.", f"Give at most {MOST_LABELS}.")
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise InputError(f"The label {twice.name!r} is given twice with the same value and part.", "Give it once.")
    own = (LabelRow.track_id == track_id) & (LabelRow.author == author)
    now = time.time()
    with catalog.write() as connection:
        if connection.execute(sa.select(Track.id).where(Track.id == track_id)).first() is None:
            raise InputError(f"There is no track {track_id!r} in the library.", "`workbench tracks` lists ids.")
        before = {
            Label(row.name, row.value, row.start_s, row.end_s): row.labelled_at
            for row in connection.execute(sa.select(LabelRow.__table__).where(own))
        }
        connection.execute(sa.delete(LabelRow).where(own))
        if labels:
            rows = [
                asdict(label) | {"track_id": track_id, "author": author, "labelled_at": before.get(label, now)}
                for label in labels
            ]
            connection.execute(sa.insert(LabelRow), rows)


@lasting
def kept_labels(
    catalog: Catalog, track_ids: Iterable[str] | None = None, *, name: str | None = None
) -> list[KeptLabel]:
    """All labels, or those of some tracks or of a name, in order of track, author, name and start."""
    table = LabelRow.__table__
    statement = sa.select(
        *(table.c[name] for name in ("track_id", "name", "value", "start_s", "end_s", "author", "labelled_at"))
    ).order_by(table.c.track_id, table.c.author, table.c.name, table.c.start_s, table.c.id)
    if track_ids is not None:
        statement = statement.where(table.c.track_id.in_(list(track_ids)))
    if name is not None:
        statement = statement.where(table.c.name == name)
    with catalog.read() as connection:
        return [KeptLabel(*row) for row in connection.execute(statement)]
