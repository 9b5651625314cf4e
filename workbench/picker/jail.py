"""The folders below which one may pick, and what lies in them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from workbench.audio.formats import is_audio_name
from workbench.errors import InputError

_MOST_RECENT = 10
_MOST_ENTRIES = 5000


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder holds, names in the order of the alphabet.

    Attributes
    ----------
    path : the folder, absolute
    parent : the one above, or None where the jail ends
    folders, files : names of folders, and of audio files
    hidden : how many further entries there are that are not shown
    """

    path: str
    parent: str | None
    folders: list[str]
    files: list[str]
    hidden: int


class Jail:
    """Some roots, and the promise that nothing leads out of them: links are followed before anything is decided.

    Parameters
    ----------
    roots : paths
        At least one folder that is there.

    Raises
    ------
    InputError
        When none of them is there.
    """

    def __init__(self, roots: Iterable[Path]) -> None:
        wanted = [Path(os.path.realpath(root.expanduser())) for root in roots]
        self.roots = [root for root in wanted if root.is_dir()]
        if not self.roots:
            raise InputError(
                f"None of the folders that may be looked into is there: {', '.join(map(str, wanted))}.",
                "Set WORKBENCH_ROOTS, or pass roots=[...].",
            )

    @property
    def first(self) -> Path:
        """Where one begins: the folder of what was picked last, or home if that is in the jail, or the first root."""
        for folder in self.recent():
            return folder
        home = Path(os.path.realpath(Path.home()))
        return home if self.holds(home) else self.roots[0]

    def holds(self, path: Path) -> bool:
        """Say whether a path whose links are resolved lies in the jail."""
        return any(path.is_relative_to(root) for root in self.roots)

    def resolve(self, path: str | os.PathLike[str]) -> Path:
        """Resolve the links of a path that is there; `InputError` if it is not, or leads out."""
        try:
            real = Path(os.path.realpath(Path(path).expanduser(), strict=True))
        except (OSError, ValueError) as error:
            raise InputError(f"{os.fspath(path)!r} is not there.", "Choose another.") from error
        if not self.holds(real):
            raise InputError(
                f"{os.fspath(path)!r} is outside the folders that may be looked into.",
                f"Choose below {', '.join(map(str, self.roots))}, or set WORKBENCH_ROOTS.",
            )
        return real

    def look(self, path: str | os.PathLike[str]) -> Listing:
        """List a folder: folders and audio files that do not lead out; hidden ones are left out."""
        folder = self.resolve(path)
        try:
            with os.scandir(folder) as entries:
                found = [entry for entry in entries if not entry.name.startswith(".") and self._stays(entry)]
        except OSError as error:
            raise InputError(f"{str(folder)!r} cannot be opened: {error.strerror}.", "Choose another.") from error
        found.sort(key=lambda entry: entry.name.casefold())
        folders = [entry.name for entry in found if _is(entry.is_dir)]
        files = [entry.name for entry in found if is_audio_name(entry.name) and _is(entry.is_file)]
        room = max(0, _MOST_ENTRIES - len(folders))
        return Listing(
            path=str(folder),
            parent=None if folder in self.roots or not self.holds(folder.parent) else str(folder.parent),
            folders=folders[:_MOST_ENTRIES],
            files=files[:room],
            hidden=len(folders[_MOST_ENTRIES:]) + len(files[room:]),
        )

    def admit(self, paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
        """Resolve what was picked, refuse what leads out, and remember the rest."""
        real = [self.resolve(path) for path in paths]
        if real:
            _remember(real)
        return real

    def recent(self) -> list[Path]:
        """Give the folders of what was picked last that still are there, the newest first."""
        kept = []
        for path in _remembered():
            with suppress(InputError):
                kept.append(self.resolve(path))
        return kept

    def _stays(self, entry: os.DirEntry[str]) -> bool:
        return not _is(entry.is_symlink) or self.holds(Path(os.path.realpath(entry.path)))


def _is(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:
        return False


def _recent_file() -> Path:
    return platformdirs.user_state_path("workbench") / "recent.json"


def _remembered() -> list[str]:
    try:
        kept = json.loads(_recent_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [path for path in kept if isinstance(path, str)] if isinstance(kept, list) else []


def _remember(paths: Sequence[Path]) -> None:
    """Keep the folders of what was picked; where that cannot be written, nothing is remembered."""
    folders = [str(path if path.is_dir() else path.parent) for path in paths]
    kept = list(dict.fromkeys([*folders, *_remembered()]))[:_MOST_RECENT]
    file = _recent_file()
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(kept), encoding="utf-8")
