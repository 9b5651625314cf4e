"""Widgets for notebooks and dashboards; they need the extra ``workbench[notebook]``.

A page is a `Selection` and some widgets that share it:

>>> import workbench as wb
>>> def page(lib: wb.Library) -> list[View]:
...     selection = Selection()
...     return [SimilaritySearch(lib, selection), Player(lib, selection)]
"""

from workbench.widgets.explorer import FeatureExplorer
from workbench.widgets.files import FilePicker
from workbench.widgets.jobs import BatchAnalysis, JobMonitor
from workbench.widgets.labeler import Labeler
from workbench.widgets.map import SonicMap
from workbench.widgets.player import Player
from workbench.widgets.playlist import PlaylistBuilder
from workbench.widgets.selection import Selection
from workbench.widgets.similarity import SimilaritySearch
from workbench.widgets.table import TrackTable
from workbench.widgets.view import View

__all__ = [
    "BatchAnalysis",
    "FeatureExplorer",
    "FilePicker",
    "JobMonitor",
    "Labeler",
    "Player",
    "PlaylistBuilder",
    "Selection",
    "SimilaritySearch",
    "SonicMap",
    "TrackTable",
    "View",
]
