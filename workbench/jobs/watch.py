"""Watches folders: new and changed files become jobs when they have stopped growing.

* The folders as they are become a job at the start, so that nothing is missed that came while nobody watched.
* A file is *settled* when its size and time of change have stayed the same for a while. Settled files become a
  job together. Files that vanish are forgotten: nothing that is stored is ever deleted for it.
* A folder that is not there, or that is no longer the one that it was (its mount is gone), is waited for; when it
  is back it becomes a job as a whole, as at the start.
* At most `MOST_WAITING` files are watched one by one. When more are written at the same time, their folders
  become jobs as a whole once they have been quiet.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import psutil

from workbench.audio.formats import is_audio_name
from workbench.audio.scan import scan
from workbench.errors import InputError, LimitError
from workbench.jobs.job import absolute

#: Files that are watched one by one until they have settled.
MOST_WAITING = 10_000
#: Files that one job is made of.
_MOST_OF_A_JOB = 1000
#: How often waiting files and the folders themselves are looked at, seconds.
_LOOK_S = 1.0
#: How often a folder is read through where the system does not tell of changes, seconds.
_POLL_S = 10.0
#: File systems on other machines: their changes are not told of.
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afpfs", "davfs", "ceph", "glusterfs", "vboxsf"})

Seen = tuple[int, int]


def is_remote(folder: str) -> bool:
    """Tell whether a folder lies on a file system of another machine, or one that a program provides."""
    kinds = {mount.mountpoint: mount.fstype for mount in psutil.disk_partitions(all=True)}
    kind = kinds.get(_mount_of(folder), "")
    return kind in _REMOTE or kind.startswith("fuse.")


def _mount_of(folder: str) -> str:
    where = os.path.realpath(folder)
    while not os.path.ismount(where):
        where = os.path.dirname(where)
    return where


@dataclass(slots=True)
class Settling:
    """Files that may still be growing.

    Attributes
    ----------
    settle_s : how long a file must stay the same, seconds
    most : how many are known one by one
    """

    settle_s: float
    most: int = MOST_WAITING
    _files: dict[str, tuple[Seen, float]] = field(default_factory=dict)
    _folders: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._files)

    def touch(self, path: str, root: str, now: float) -> None:
        """Note that a file below a watched folder is new or has changed."""
        if root in self._folders:
            self._folders[root] = now
        elif path in self._files or len(self._files) < self.most:
            self._files[path] = ((-1, -1), now)
        else:
            self._folders[root] = now
            self._files = {other: seen for other, seen in self._files.items() if not _is_below(other, root)}

    def settled(self, now: float) -> list[str]:
        """Take out what has stayed the same for long enough: files, and folders as a whole."""
        ready = [root for root, changed in self._folders.items() if now - changed >= self.settle_s]
        for root in ready:
            del self._folders[root]
        for path, (seen, since) in list(self._files.items()):
            try:
                stat = os.stat(path)
            except OSError:  # gone, or not to be seen: if it comes back, that is a change
                del self._files[path]
                continue
            now_seen = (stat.st_size, stat.st_mtime_ns)
            if now_seen != seen:
                self._files[path] = (now_seen, now)
            elif now - since >= self.settle_s:
                del self._files[path]
                ready.append(path)
        return ready


class FolderWatch:
    """Makes jobs of what is put into folders.

    Parameters
    ----------
    folders : sequence of path
        They need not be there yet.
    submit : callable
        Called with the paths of each job; `LimitError` means that it is to be tried again later.
    settle_s : float
        How long a file must stay the same, seconds.
    polling : bool, optional
        Read the folders through every few seconds, instead of being told of changes by the system; default is to do so
        for network mounts alone.
    say : callable, optional
        Called with a sentence when something happens that somebody should know.
    """

    def __init__(
        self,
        folders: Sequence[str | os.PathLike[str]],
        submit: Callable[[list[str]], object],
        *,
        settle_s: float = 5.0,
        polling: bool | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        if not folders:
            raise InputError("No folder was given.", "Name the folders to watch.")
        self._roots = list(dict.fromkeys(absolute(folder) for folder in folders))
        self._submit = submit
        self._polling = polling
        self._say = say or (lambda sentence: None)
        self._settling = Settling(settle_s)
        self._ready: list[str] = []
        self._there: dict[str, tuple[str, int]] = {}
        self._missing: set[str] = set()
        self._held_back = False

    def run(self, stop: threading.Event) -> None:
        """Watch until told to stop."""
        while not stop.is_set():
            self._look_for_folders()
            for changes in self._changes(stop):
                now = time.monotonic()
                for path in changes:
                    self._note(path, now)
                self._ready += self._settling.settled(now)
                self._make_jobs()
                if self._look_for_folders():
                    break  # begin anew with the folders that are there

    # --- folders ----------------------------------------------------------------------------------

    def _look_for_folders(self) -> bool:
        """Find out which folders are there, and tell whether that has changed; new ones become jobs as a whole."""
        changed = False
        for root in self._roots:
            was, now = self._there.get(root), _place_of(root)
            if now is None or (was is not None and len(now[0]) < len(was[0])):  # its mount is gone, what it hid shows
                if root not in self._missing:
                    self._missing.add(root)
                    self._say(f"{root} is not there: nothing is deleted for it; it is watched when it is back")
                    changed = True
            elif now != was or root in self._missing:
                self._there[root] = now
                self._missing.discard(root)
                self._say(f"watching {root}")
                self._ready.append(root)
                changed = True
        return changed

    def _note(self, path: str, now: float) -> None:
        """Note a change; of a folder, which may have been moved here as it is, all that is in it."""
        root = next((root for root in self._watched() if _is_below(path, root)), None)
        if root is None or any(part.startswith(".") for part in os.path.relpath(path, root).split(os.sep)):
            return
        if os.path.isdir(path):
            with contextlib.suppress(InputError):  # it has gone again
                for file in scan([path]):
                    self._settling.touch(file.path, root, now)
        elif is_audio_name(os.path.basename(path)):
            self._settling.touch(path, root, now)

    def _watched(self) -> list[str]:
        return [root for root in self._roots if root not in self._missing]

    # --- changes ----------------------------------------------------------------------------------

    def _changes(self, stop: threading.Event) -> Iterator[list[str]]:
        """Give the paths that were added or changed, or nothing, about once per `_LOOK_S`."""
        from watchfiles import Change, watch

        roots = self._watched()
        if not roots:
            stop.wait(_LOOK_S)
            yield []
            return
        polling = any(map(is_remote, roots)) if self._polling is None else self._polling

        def wanted(change: Change, path: str) -> bool:
            return change is not Change.deleted

        try:
            for changes in watch(
                *roots,
                watch_filter=wanted,
                stop_event=stop,
                rust_timeout=int(1000 * _LOOK_S),
                yield_on_timeout=True,
                raise_interrupt=True,
                force_polling=polling,
                poll_delay_ms=int(1000 * _POLL_S),
                ignore_permission_denied=True,
            ):
                yield [path for _, path in changes]
        except OSError as error:  # also: the system tells of no more folders at a time
            self._say(f"changes cannot be followed: {error}. The folders are read through now and then instead")
            self._polling = True
            stop.wait(_LOOK_S)

    # --- jobs -------------------------------------------------------------------------------------

    def _make_jobs(self) -> None:
        folders = [path for path in self._ready if path in self._roots]
        files = [path for path in self._ready if path not in self._roots]
        groups = [[root] for root in folders] + list(_in_groups(files))
        for number, group in enumerate(groups):
            there = [path for path in group if os.path.lexists(path)]
            try:
                if there:
                    self._submit(there)
            except LimitError as error:
                self._hold_back([path for rest in groups[number:] for path in rest], error)
                return
            except InputError as error:  # one of them went away just now
                self._say(str(error))
        self._ready, self._held_back = [], False

    def _hold_back(self, paths: list[str], error: LimitError) -> None:
        """Keep what cannot be submitted now for the next look; if it is too much, whole folders stand for it."""
        self._ready = paths if len(paths) <= MOST_WAITING else self._watched()
        if not self._held_back:
            self._held_back = True
            self._say(f"{error} What has come in waits.")


def _place_of(root: str) -> tuple[str, int] | None:
    """Name the mount that a folder lies on, and its device; None where there is no folder."""
    try:
        return (_mount_of(root), os.stat(root).st_dev) if os.path.isdir(root) else None
    except OSError:
        return None


def _in_groups(paths: Sequence[str]) -> Iterable[list[str]]:
    return (list(paths[i : i + _MOST_OF_A_JOB]) for i in range(0, len(paths), _MOST_OF_A_JOB))


def _is_below(path: str, root: str) -> bool:
    return path.startswith(os.path.join(root, ""))
