"""What is selected on a page: the one object that its widgets share."""

from __future__ import annotations

import traitlets


class Selection(traitlets.HasTraits):
    """What a page's widgets show and change; none of them knows another.

    Attributes
    ----------
    tracks : list of str
        Ids of the tracks that are selected, in the order of the selection.
    playing : str
        Id of the track in the player, or nothing.
    region : list
        Part of that track, ``[start_s, end_s]``, or nothing.
    query : dict
        Keyword arguments of `workbench.Library.similar`, or nothing.
    playlist : list of str
        Ids of the tracks of the playlist in work, in order.
    refreshed : int
        Rises when the library has changed: what shows it looks again.

    Examples
    --------
    >>> selection = Selection(tracks=["0a"])
    >>> selection.observe(lambda change: print(change.new), "tracks")
    >>> selection.tracks = [*selection.tracks, "0b"]
    ['0a', '0b']
    """

    tracks = traitlets.List(traitlets.Unicode())
    playing = traitlets.Unicode()
    region = traitlets.List(traitlets.Float())
    query = traitlets.Dict()
    playlist = traitlets.List(traitlets.Unicode())
    refreshed = traitlets.Int()
