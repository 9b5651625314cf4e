"""Lines to type, each a path, which Tab completes with folders and audio files."""

from __future__ import annotations

from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import PathCompleter

from workbench.audio.formats import is_audio_name


def ask(title: str, start: Path, *, folders: bool, multiple: bool) -> list[str]:
    """Ask for a path, or for several, line by line until one is empty; Ctrl-C and Ctrl-D take all back.

    A path that begins neither at the root nor with ``~`` begins at `start`. Nothing needs quotes.
    """
    completer = completer_of(start, folders=folders)
    session: PromptSession[str] = PromptSession(completer=completer, complete_while_typing=False)
    hint = "one per line, an empty line ends" if multiple else "an empty line is none"
    message = f"{title} in {start} (Tab completes, {hint}): "
    typed: list[str] = []
    try:
        while line := session.prompt(message).strip():
            typed.append(str(start / Path(line).expanduser()))
            if not multiple:
                break
            message = "and: "
    except (EOFError, KeyboardInterrupt):
        return []
    return typed


def completer_of(start: Path, *, folders: bool) -> PathCompleter:
    """Complete folders, and audio files unless only folders are wanted."""
    return PathCompleter(
        only_directories=folders,
        expanduser=True,
        get_paths=lambda: [str(start)],
        file_filter=lambda path: Path(path).is_dir() or is_audio_name(path),
    )
