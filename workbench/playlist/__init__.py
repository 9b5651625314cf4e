"""Playlists: what may be asked, what a transition costs, the order that flows, and files to play it from."""

from workbench.playlist.compatibility import Rules, Transition, Weights, cost_matrix
from workbench.playlist.export import FORMATS, export, to_csv, to_json, to_m3u8, to_rekordbox, to_xspf
from workbench.playlist.keys import Key, compatible_keys, parse_key
from workbench.playlist.read import read_playlist
from workbench.playlist.request import PlaylistRequest
from workbench.playlist.sequence import Playlist, build, compose
from workbench.playlist.table import TrackTable

__all__ = [
    "FORMATS",
    "Key",
    "Playlist",
    "PlaylistRequest",
    "Rules",
    "TrackTable",
    "Transition",
    "Weights",
    "build",
    "compatible_keys",
    "compose",
    "cost_matrix",
    "export",
    "parse_key",
    "read_playlist",
    "to_csv",
    "to_json",
    "to_m3u8",
    "to_rekordbox",
    "to_xspf",
]
