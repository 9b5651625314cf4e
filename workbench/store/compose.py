"""A playlist of a library's tracks: the table that it is made from, and the records of those that were chosen."""

from __future__ import annotations

import numpy as np

from workbench.playlist import Playlist, PlaylistRequest, compose
from workbench.store.catalog import queries
from workbench.store.indexes import Indexes
from workbench.store.similar import unlike


def compose_playlist(indexes: Indexes, asked: PlaylistRequest) -> Playlist:
    """Choose and order tracks of the library, which `asked` names by their whole ids."""
    table = indexes.table.ranked() if asked.ranked else indexes.table
    seeds = [str(track) for track in asked.like]
    fits = None if asked.where is None else np.isin(table.ids, queries.track_ids(indexes.catalog, where=asked.where))
    order = compose(table, asked, unlike=unlike(indexes, seeds, table.ids) if seeds else None, fits=fits)
    ids = table.ids[order.rows].tolist()
    records = queries.tracks_by_id(indexes.catalog, ids)
    return order.playlist(asked, table, [records[track] for track in ids])
