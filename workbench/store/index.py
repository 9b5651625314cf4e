"""What lies below ``index/``: arrays made from a state of the library, memory-mapped, always rebuildable.

A version is written beside the former one and then renamed into place, so that a reader never meets
half of one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def generation(n: int) -> int:
    """Give a number that changes each time that n has doubled.

    What is fitted to a library carries it in its folder's name, and is fitted again when it changes.

    >>> [generation(n) for n in (0, 1, 2, 3, 4, 1000, 1023, 1024)]
    [0, 1, 2, 2, 3, 10, 10, 11]
    """
    return n.bit_length()


def replace_file(path: Path, content: bytes) -> None:
    """Write a small file beside its place and rename it there."""
    building = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    try:
        building.write_bytes(content)
        os.replace(building, path)
    except OSError:
        building.unlink(missing_ok=True)
        raise


def replace_version(target: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder, give it its name unless another process was faster, and drop all others beside it.

    Raises
    ------
    OSError
        Where it cannot be written; nothing is left behind then.
    """
    building = target.parent / f".{target.name}-{uuid.uuid4().hex[:8]}"
    try:
        building.mkdir(parents=True)
        write(building)
        os.rename(building, target)
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
        raise
    for other in target.parent.iterdir():
        if other != target:
            shutil.rmtree(other, ignore_errors=True)  # still mapped by another process on some systems


def made_once(folder: Path, write: Callable[[Path], None], read: Callable[[Path], T]) -> T | None:
    """Let `write` fill a folder unless another process is faster, and read what is there; None where neither can be."""
    for _ in range(2):
        with contextlib.suppress(OSError):
            replace_version(folder, write)
        with contextlib.suppress(OSError, ValueError, KeyError):
            return read(folder)
        shutil.rmtree(folder, ignore_errors=True)  # it is broken
    return None
