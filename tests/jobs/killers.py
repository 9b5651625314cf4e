"""Loaded into workers by tests: files with certain names do to the process what a decoder's defect does.

No name in the workbench is replaced. Python tells its audit hooks of every file that it opens; this
one ends the process, or hangs with the interpreter locked, when the file is called so. The name also
says in which of the two tasks: ``dies-in-probe_files.wav``, ``hangs-in-extract_files.wav``.
"""

from __future__ import annotations

import ctypes
import os
import sys
from types import FrameType
from typing import Any


def _opened(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not isinstance(arguments[0], str):
        return
    what, _, task = os.path.basename(arguments[0]).partition("-in-")
    if not task or not _runs(os.path.splitext(task)[0]):
        return
    if what == "dies":
        os._exit(1)
    if what == "hangs":
        ctypes.PyDLL(None).sleep(1000)


def _runs(function: str) -> bool:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == function:
            return True
        frame = frame.f_back
    return False


sys.addaudithook(_opened)
