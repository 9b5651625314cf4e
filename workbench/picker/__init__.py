"""Ask a person for audio files or folders, in the way that fits where the code runs.

`pick` goes by what it finds, in this order:

1. *A notebook or dashboard* (a Jupyter kernel): a widget, which shows the allowed roots and nothing else.
2. *A desktop*: the system's own dialog. macOS and Windows, unless somebody is logged in over SSH; elsewhere where
   ``WAYLAND_DISPLAY`` or ``DISPLAY`` is set, the first of zenity, kdialog and Tk that is there and starts. With
   ``GTK_USE_PORTAL=1``, zenity asks by way of the desktop's portal.
3. *A terminal*: a line to type, which Tab completes.
4. *Nobody* (a service, a batch job): `workbench.errors.InputError`, which says what to pass instead.

Whatever way it was, what was picked is an absolute path below the allowed roots, with links resolved.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from workbench.config import load_settings
from workbench.errors import InputError
from workbench.library import Library
from workbench.picker.jail import Jail

if TYPE_CHECKING:
    from workbench.client.remote import RemoteLibrary
    from workbench.client.remote_jobs import RemoteFolders

__all__ = ["Picked", "Place", "notebook_jail", "pick", "place"]

Place = Literal["notebook", "desktop", "terminal", "nobody"]


class Picked(Protocol):
    """What was picked, or will be: in a notebook, `paths` fills when the person chooses.

    Attributes
    ----------
    paths : list of Path
        Absolute; empty as long as nothing was picked.
    """

    @property
    def paths(self) -> list[Path]:
        """Give what was picked."""


class _Done:
    """What a dialog or a prompt answered."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = list(paths)

    @property
    def paths(self) -> list[Path]:
        return list(self._paths)

    def __repr__(self) -> str:
        return f"Picked({[str(path) for path in self._paths]})"


def pick(
    *,
    folders: bool = False,
    multiple: bool = True,
    title: str | None = None,
    roots: Iterable[str | os.PathLike[str]] | None = None,
    where: Place | None = None,
    library: Library | RemoteLibrary | None = None,
) -> Picked:
    """Let a person pick audio files, or folders.

    Parameters
    ----------
    folders : bool
        Folders instead of files.
    multiple : bool
        More than one.
    title : str, optional
        What to say above.
    roots : paths, optional
        Folders below which one may pick. By default those of the settings (``WORKBENCH_ROOTS``); without any, in a
        notebook the home folder, else everything.
    where : {"notebook", "desktop", "terminal", "nobody"}, optional
        Where the code runs; by default as `place` finds out.
    library : Library or RemoteLibrary, optional
        Pick on the machine that has this library; below the allowed folders of the server where it is a remote one,
        which only a notebook can show.

    Returns
    -------
    Picked
        With `paths`: empty if the person chose nothing. In a notebook it is a widget: show it, and read `paths` later.

    Raises
    ------
    InputError
        When nobody can be asked, what was picked lies outside the roots, or a server allows no folders.

    Examples
    --------
    >>> import workbench as wb
    >>> def analyze(lib: wb.Library) -> None:
    ...     lib.analyze(*pick(folders=True).paths)
    """
    found = where or place()
    title = title or _title(folders, multiple)
    if found == "notebook":
        from workbench.widgets.files import FilePicker

        return FilePicker(notebook_jail(roots, library), folders=folders, multiple=multiple, title=title)
    if library is not None and not isinstance(library, Library):
        raise InputError(
            "Folders of a server can be looked through in a notebook alone.",
            "Name what lies there: lib.job_manager().submit([...]), or client.analyze(...).",
        )
    here = _jail(roots, otherwise=Path("/").absolute())
    if found == "desktop":
        from workbench.picker.dialogs import ask

        chosen = ask(title, here.first, folders=folders, multiple=multiple)
        if chosen is not None:
            return _Done(here.admit(chosen))
        found = "terminal" if _is_terminal() else "nobody"
    if found == "terminal":
        from workbench.picker.terminal import ask as ask_there

        return _Done(here.admit(ask_there(title, here.first, folders=folders, multiple=multiple)))
    raise InputError(
        "There is nobody here who could be asked for files: no notebook, no desktop, no terminal.",
        'Pass the paths instead, such as lib.analyze("/path/to/music") or: workbench analyze /path/to/music.',
    )


def notebook_jail(
    roots: Iterable[str | os.PathLike[str]] | None = None, library: Library | RemoteLibrary | None = None
) -> Jail | RemoteFolders:
    """Give what widgets may look into: roots that are named, or those of the settings, or else the home folder.

    Of a library that a server has it is what the server allows.

    Raises
    ------
    InputError
        When none of the roots is there, or roots are named for a server.
    """
    if library is None or isinstance(library, Library):
        return _jail(roots, otherwise=Path.home())
    if roots is not None:
        raise InputError("Where one may look on a server is the server's to say.", "Leave `roots` out.")
    return library.folders()


def _jail(roots: Iterable[str | os.PathLike[str]] | None, *, otherwise: Path) -> Jail:
    given = load_settings().roots if roots is None else [Path(root) for root in roots]
    return Jail(given or [otherwise])


def place() -> Place:
    """Find out where the code runs; see the module for the order."""
    if _is_kernel():
        return "notebook"
    remote = "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ
    if sys.platform in ("darwin", "win32"):
        desktop = not remote
    else:
        desktop = bool(os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY"))
    if desktop:
        return "desktop"
    return "terminal" if _is_terminal() else "nobody"


def _is_kernel() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and getattr(shell, "kernel", None) is not None


def _is_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _title(folders: bool, multiple: bool) -> str:
    if folders:
        return "Choose folders" if multiple else "Choose a folder"
    return "Choose audio files" if multiple else "Choose an audio file"
