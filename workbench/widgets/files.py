"""`FilePicker`: audio files or folders of the machine that the kernel runs on, below allowed roots."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import traitlets

from workbench.library import Library
from workbench.picker.jail import Jail
from workbench.widgets.view import View, answers

if TYPE_CHECKING:
    from workbench.client.remote_jobs import RemoteFolders


class Looking:
    """The question of everything that shows folders: what lies in one of them, below allowed roots."""

    _jail: Jail | RemoteFolders

    @answers
    def look(self, path: str | None = None) -> dict[str, Any]:
        """List a folder, by default the one that was picked from last; paths as people write them, from ``~``."""
        listing = self._jail.look(path or self._jail.first)
        return {
            **asdict(listing),
            "path": _from_home(listing.path),
            "parent": listing.parent and _from_home(listing.parent),
            "places": list(dict.fromkeys(map(_from_home, [*self._jail.roots, *self._jail.recent()]))),
        }


class FilePicker(Looking, View):
    """Look through folders, tick what is meant, and say so; `paths` has it then.

    Parameters
    ----------
    jail : Jail or RemoteFolders
        Where one may look.
    folders : bool
        Folders instead of audio files.
    multiple : bool
        More than one.

    Examples
    --------
    >>> from workbench.picker import pick
    >>> def choose() -> list[Path]:
    ...     picker = pick(roots=["~/Music"], where="notebook")
    ...     return picker.paths
    """

    module = "files.js"

    title = traitlets.Unicode("Choose audio files").tag(sync=True)
    folders = traitlets.Bool(False).tag(sync=True)
    multiple = traitlets.Bool(True).tag(sync=True)
    chosen = traitlets.List(traitlets.Unicode(), help="What was picked: absolute paths.").tag(sync=True)

    def __init__(self, jail: Jail | RemoteFolders, **traits: Any) -> None:
        self._jail = jail
        super().__init__(cast(Library, None), **traits)  # it shows folders, whatever library there is

    @property
    def paths(self) -> list[Path]:
        """What was picked."""
        return [Path(path) for path in self.chosen]

    @answers
    def choose(self, paths: list[str]) -> list[str]:
        """Take what was ticked."""
        self.chosen = [str(path) for path in self._jail.admit(paths if self.multiple else paths[:1])]
        return self.chosen

    def code(self) -> str:
        """Give what was picked, as Python."""
        return f"paths = {self.chosen!r}"


def _from_home(path: str | Path) -> str:
    home = os.path.realpath(Path.home())
    return str("~" / Path(path).relative_to(home)) if Path(path).is_relative_to(home) else str(path)
