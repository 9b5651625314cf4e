"""The dialogs of desktops, each a program of its own: what it is called with, and what its answer means.

Titles and folders reach a program as arguments or in its environment, never as part of a script.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.audio.formats import AUDIO_EXTENSIONS

_ENDINGS = sorted(AUDIO_EXTENSIONS)

_APPLESCRIPT = """\
on run argv
  set theTitle to item 1 of argv
  set theFolder to POSIX file (item 2 of argv)
  set wantsFolders to item 3 of argv is "1"
  set wantsSeveral to item 4 of argv is "1"
  set theTypes to {}
  repeat with i from 5 to count of argv
    set end of theTypes to item i of argv
  end repeat
  try
    if wantsFolders then
      set picked to choose folder with prompt theTitle default location theFolder ¬
        multiple selections allowed wantsSeveral
    else
      set picked to choose file with prompt theTitle of type theTypes default location theFolder ¬
        multiple selections allowed wantsSeveral
    end if
  on error number -128
    return ""
  end try
  if class of picked is not list then set picked to {picked}
  set said to ""
  repeat with one in picked
    set said to said & POSIX path of one & linefeed
  end repeat
  return said
end run
"""

_POWERSHELL = """\
$ErrorActionPreference = 'Stop'
[Console]::OutputEncoding = [System.Text.Encoding]::UTF8
Add-Type -AssemblyName System.Windows.Forms
if ($env:WORKBENCH_FOLDERS -eq '1') {
  $dialog = New-Object System.Windows.Forms.FolderBrowserDialog
  $dialog.Description = $env:WORKBENCH_TITLE
  $dialog.SelectedPath = $env:WORKBENCH_START
} else {
  $dialog = New-Object System.Windows.Forms.OpenFileDialog
  $dialog.Title = $env:WORKBENCH_TITLE
  $dialog.InitialDirectory = $env:WORKBENCH_START
  $dialog.Filter = $env:WORKBENCH_FILTER
  $dialog.Multiselect = $env:WORKBENCH_SEVERAL -eq '1'
}
if ($dialog.ShowDialog() -eq [System.Windows.Forms.DialogResult]::OK) {
  if ($env:WORKBENCH_FOLDERS -eq '1') { $dialog.SelectedPath } else { $dialog.FileNames }
}
"""

_TK = """\
import json, sys, tkinter
from tkinter import filedialog
title, start, folders, several, endings = json.loads(sys.argv[1])
root = tkinter.Tk()
root.withdraw()
about = {"parent": root, "title": title, "initialdir": start}
if folders:
    found = filedialog.askdirectory(mustexist=True, **about)
else:
    ask = filedialog.askopenfilenames if several else filedialog.askopenfilename
    found = ask(filetypes=[("Audio", endings), ("All", "*")], **about)
print(json.dumps([found] if isinstance(found, str) else list(found)))
"""


@dataclass(frozen=True, slots=True)
class Dialog:
    """A program that asks.

    Attributes
    ----------
    command : program and arguments
    given : what it reads from its standard input
    environment : variables beside those of this process
    paths : takes what it said apart
    """

    command: list[str]
    given: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    paths: Callable[[str], list[str]] = lambda said: re.split(r"\n(?=/)", said.strip("\n")) if said.strip() else []


def ask(title: str, start: Path, *, folders: bool, multiple: bool) -> list[str] | None:
    """Ask by the first dialog that is there and starts; None if there is none, nothing if the person cancels."""
    for dialog in dialogs(title, start, folders=folders, multiple=multiple):
        try:
            done = subprocess.run(
                dialog.command,
                input=dialog.given,
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                env={**os.environ, **dialog.environment},
                check=False,
            )
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return [path for path in dialog.paths(done.stdout) if path]
        if done.returncode == 1 and not _has_no_screen(done.stderr):
            return []
    return None


def dialogs(title: str, start: Path, *, folders: bool, multiple: bool) -> Iterator[Dialog]:
    """Give the dialogs of this system, the best first."""
    if sys.platform == "darwin":
        yield _osascript(title, start, folders, multiple)
    elif sys.platform == "win32":
        yield _powershell(title, start, folders, multiple)
    else:
        yield _zenity(title, start, folders, multiple)
        yield _kdialog(title, start, folders, multiple)
    yield _tk(title, start, folders, multiple)


def _osascript(title: str, start: Path, folders: bool, multiple: bool) -> Dialog:
    types = [ending.removeprefix(".") for ending in _ENDINGS]
    arguments = [title, str(start), str(int(folders)), str(int(multiple)), *types]
    return Dialog(["osascript", "-", *arguments], given=_APPLESCRIPT)


def _powershell(title: str, start: Path, folders: bool, multiple: bool) -> Dialog:
    script = base64.b64encode(_POWERSHELL.encode("utf-16-le")).decode()
    patterns = ";".join(f"*{ending}" for ending in _ENDINGS)
    environment = {
        "WORKBENCH_TITLE": title,
        "WORKBENCH_START": str(start),
        "WORKBENCH_FOLDERS": str(int(folders)),
        "WORKBENCH_SEVERAL": str(int(multiple)),
        "WORKBENCH_FILTER": f"Audio|{patterns}|All|*.*",
    }
    command = ["powershell", "-NoProfile", "-NonInteractive", "-STA", "-EncodedCommand", script]
    return Dialog(command, environment=environment, paths=str.splitlines)


def _zenity(title: str, start: Path, folders: bool, multiple: bool) -> Dialog:
    options = [f"--title={title}", f"--filename={start}/", "--separator=\n"]
    if multiple:
        options.append("--multiple")
    if folders:
        options.append("--directory")
    else:
        patterns = " ".join("*" + "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in e) for e in _ENDINGS)
        options += [f"--file-filter=Audio | {patterns}", "--file-filter=All | *"]
    return Dialog(["zenity", "--file-selection", *options])


def _kdialog(title: str, start: Path, folders: bool, multiple: bool) -> Dialog:
    command = ["kdialog", "--title", title]
    if folders:
        return Dialog([*command, "--getexistingdirectory", f"{start}/"])
    patterns = " ".join(f"*{ending}" for ending in _ENDINGS)
    several = ["--multiple", "--separate-output"] if multiple else []
    return Dialog([*command, *several, "--getopenfilename", f"{start}/", f"Audio ({patterns})"])


def _tk(title: str, start: Path, folders: bool, multiple: bool) -> Dialog:
    endings = [*_ENDINGS, *(ending.upper() for ending in _ENDINGS)]
    given = json.dumps([title, str(start), folders, multiple, endings])
    return Dialog([sys.executable, "-c", _TK, given], paths=json.loads)


def _has_no_screen(said: str) -> bool:
    """Say whether a dialog that answers as if it was cancelled was never seen; Tk is not there, or the display."""
    return any(word in said for word in ("display", "Display", "tkinter", "TclError"))
