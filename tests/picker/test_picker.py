"""One call, which asks in the way that fits where it runs, and lets nobody out of the jail."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from tests.widgets.conftest import Page, page
from workbench import picker
from workbench.errors import InputError
from workbench.picker import dialogs, pick, place
from workbench.picker.jail import Jail
from workbench.picker.terminal import ask as ask_in_terminal
from workbench.picker.terminal import completer_of
from workbench.widgets import FilePicker

__all__ = ["page"]

HOSTILE = '$(touch pwned) `touch pwned` "; do shell script "touch pwned'


# --- where ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "environment", "tty", "expected"),
    [
        ("linux", {"DISPLAY": ":0"}, True, "desktop"),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, False, "desktop"),
        ("linux", {}, True, "terminal"),
        ("linux", {}, False, "nobody"),
        ("darwin", {}, True, "desktop"),
        ("darwin", {"SSH_CONNECTION": "x"}, True, "terminal"),
        ("win32", {"SSH_TTY": "x"}, False, "nobody"),
        ("win32", {}, False, "desktop"),
    ],
)
def test_the_place_is_found_out(
    platform: str, environment: dict[str, str], tty: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(picker, "_is_terminal", lambda: tty)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert place() == expected


def test_a_kernel_is_a_notebook_whatever_else_is_there() -> None:
    code = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
from workbench.picker import place
print(place())
shell.kernel = object()
print(place())
"""
    environment = {**os.environ, "DISPLAY": ":0"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["desktop", "notebook"]


def test_where_nobody_is_the_error_says_what_to_pass(music: Path) -> None:
    with pytest.raises(InputError, match="nobody here") as raised:
        pick(roots=[music], where="nobody")
    assert "lib.analyze(" in str(raised.value.remedy)
    done = subprocess.run(
        [sys.executable, "-c", "from workbench.picker import pick; pick()"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert "nobody here" in done.stderr


# --- the jail ------------------------------------------------------------------------------------------


def test_what_is_shown_is_folders_and_audio_that_do_not_lead_out(music: Path) -> None:
    listing = Jail([music]).look(music)
    assert (listing.folders, listing.files) == (["in here"], ["a b.wav", "c.MP3"])
    assert listing.parent is None
    assert Jail([music]).look(music / "in here").parent == str(music)


@pytest.mark.parametrize(
    "path", ["..", "../outside", "way out", "out.wav", "way out/secret.wav", "/etc/passwd", "gone", "\0"]
)
def test_nothing_leads_out(music: Path, path: str) -> None:
    with pytest.raises(InputError):
        Jail([music]).admit([music / path])


@given(
    st.lists(
        st.sampled_from(["..", ".", "in here", "way out", "a b.wav", "out.wav", "music", "outside", ""]), max_size=6
    )
)
def test_no_path_of_any_shape_leads_out(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    base = tmp_path_factory.getbasetemp() / "shapes"
    folder = base / "music"
    if not folder.exists():
        (folder / "in here").mkdir(parents=True)
        (base / "outside").mkdir()
        (folder / "way out").symlink_to(base / "outside")
        (folder / "a b.wav").touch()
    try:
        found = Jail([folder]).resolve(os.path.join(folder, *parts))
    except InputError:
        return
    assert os.path.realpath(found).startswith(os.path.realpath(folder))


def test_what_was_picked_is_remembered_and_begun_with(music: Path) -> None:
    jail = Jail([music])
    assert jail.first == music
    jail.admit([music / "in here/d.flac"])
    assert jail.recent() == [music / "in here"]
    assert Jail([music]).first == music / "in here"
    assert Jail([music.parent / "outside"]).recent() == [], "another jail knows nothing of it"


def test_roots_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        Jail([tmp_path / "nowhere"])


# --- a notebook ----------------------------------------------------------------------------------------


def test_in_a_notebook_a_widget_looks_and_takes(music: Path, page: Page) -> None:
    widget = pick(roots=[music], where="notebook")
    assert isinstance(widget, FilePicker)
    assert widget.paths == []
    shown = page.ask(widget, "look", path=None)
    assert shown["files"] == ["a b.wav", "c.MP3"]
    assert page.ask(widget, "choose", paths=[f"{music}/a b.wav", f"{music}/c.MP3"]) == widget.chosen
    assert widget.paths == [music / "a b.wav", music / "c.MP3"]
    with pytest.raises(AssertionError, match="outside"):
        page.ask(widget, "look", path=str(music.parent))
    with pytest.raises(AssertionError, match="outside"):
        page.ask(widget, "choose", paths=[f"{music}/out.wav"])


def test_one_is_one_however_many_a_browser_sends(music: Path, page: Page) -> None:
    widget = pick(roots=[music], where="notebook", multiple=False)
    page.ask(widget, "choose", paths=[f"{music}/a b.wav", f"{music}/c.MP3"])
    assert widget.paths == [music / "a b.wav"]


def test_without_roots_a_notebook_shows_the_home_folder(home: Path, page: Page) -> None:
    (home / "Music").mkdir()
    assert page.ask(pick(where="notebook"), "look")["folders"] == ["Music"]


# --- dialogs: what programs are called with --------------------------------------------------------------

Record = Callable[..., dict[str, object]]


@pytest.fixture
def record(tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    """Put a program in the way that writes down what it is called with, and answers what it is told to."""

    def ask(program: str, platform: str, answer: str, code: int = 0, **options: bool) -> dict[str, object]:
        folder = tmp_path / "bin"
        folder.mkdir()
        script = f"""#!{sys.executable}
import json, os, sys
heard = {{"argv": sys.argv[1:], "stdin": sys.stdin.read(), "env": dict(os.environ)}}
json.dump(heard, open({str(tmp_path / "heard.json")!r}, "w"))
sys.stdout.write({answer!r})
sys.exit({code})
"""
        (folder / program).write_text(script)
        (folder / program).chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setattr(sys, "platform", platform)
        found = pick(title=HOSTILE, roots=[music], where="desktop", **options).paths
        monkeypatch.undo()
        return {"found": found, **json.loads((tmp_path / "heard.json").read_text())}

    return ask


def test_macos_gets_title_and_folder_as_arguments_of_a_script_that_never_changes(record: Record, music: Path) -> None:
    heard = record("osascript", "darwin", f"{music}/a b.wav\n{music}/c.MP3\n")
    argv = heard["argv"]
    assert argv[:5] == ["-", HOSTILE, str(music), "0", "1"]
    assert {"wav", "mp3", "flac"} <= set(argv[5:])
    assert heard["stdin"].startswith("on run argv")
    assert "pwned" not in heard["stdin"]
    assert heard["found"] == [music / "a b.wav", music / "c.MP3"]


def test_macos_folders_end_with_a_slash(record: Record, music: Path) -> None:
    heard = record("osascript", "darwin", f"{music}/in here/\n", folders=True, multiple=False)
    assert heard["argv"][3:5] == ["1", "0"]
    assert heard["found"] == [music / "in here"]


def test_windows_gets_them_in_the_environment(record: Record, music: Path) -> None:
    heard = record("powershell", "win32", f"{music}/a b.wav\r\n{music}/c.MP3\r\n")
    argv, environment = heard["argv"], heard["env"]
    assert argv[:-1] == ["-NoProfile", "-NonInteractive", "-STA", "-EncodedCommand"]
    assert HOSTILE not in " ".join(argv)
    assert environment["WORKBENCH_TITLE"] == HOSTILE
    assert environment["WORKBENCH_START"] == str(music)
    assert environment["WORKBENCH_FILTER"].startswith("Audio|*.")
    assert heard["found"] == [music / "a b.wav", music / "c.MP3"]


def test_kdialog(record: Record, music: Path) -> None:
    heard = record("kdialog", "linux", f"{music}/a b.wav\n{music}/c.MP3\n")
    argv = heard["argv"]
    assert argv[:6] == ["--title", HOSTILE, "--multiple", "--separate-output", "--getopenfilename", f"{music}/"]
    assert argv[6].startswith("Audio (*.")
    assert heard["found"] == [music / "a b.wav", music / "c.MP3"]


def test_who_cancels_has_picked_nothing_and_is_not_asked_again(record: Record) -> None:
    assert record("zenity", "linux", "", code=1)["found"] == []


def test_a_name_with_a_line_break_stays_one_name(music: Path) -> None:
    odd = music / "two\nlines.wav"
    odd.touch()
    (zenity, *_) = dialogs.dialogs("t", music, folders=False, multiple=True)
    assert zenity.paths(f"{odd}\n{music}/c.MP3\n") == [str(odd), f"{music}/c.MP3"]


def test_a_dialog_outside_the_roots_is_refused(record: Record, music: Path) -> None:
    with pytest.raises(InputError, match="outside"):
        record("zenity", "linux", f"{music.parent}/outside/secret.wav\n")


# --- dialogs: the real ones ------------------------------------------------------------------------------


def type_into(title: str, *keys: tuple[str, ...]) -> None:
    """Wait for a window, and type into it, as a person would."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", title], capture_output=True, text=True, check=False
        )
        if found.stdout.strip():
            break
        time.sleep(0.2)
    else:
        raise AssertionError(f"no window {title!r}")
    time.sleep(1)
    window = found.stdout.split()[-1]
    subprocess.run(["xdotool", "windowfocus", "--sync", window], check=False, timeout=10)
    for key in keys:
        subprocess.run(["xdotool", *key], check=True, timeout=30)
        time.sleep(0.7)


def answer(title: str, *keys: tuple[str, ...]) -> threading.Thread:
    typing = threading.Thread(target=type_into, args=(title, *keys))
    typing.start()
    return typing


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("zenity") is None, reason="zenity is not installed: apt-get install zenity")
@pytest.mark.usefixtures("screen")
def test_zenity_asks(music: Path) -> None:
    assert place() == "desktop"
    typing = answer("Choose audio files", ("key", "ctrl+l"), ("type", str(music / "a b.wav")), ("key", "Return"))
    assert pick(roots=[music]).paths == [music / "a b.wav"]
    typing.join()
    typing = answer("Choose a folder", ("key", "Escape"))
    assert pick(roots=[music], folders=True, multiple=False).paths == []
    typing.join()


@pytest.mark.slow
@pytest.mark.usefixtures("screen")
def test_tk_asks_where_there_is_nothing_else(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tkinter", reason="Tk is not installed: apt-get install python3-tk")
    typing = answer("Choose an audio file", ("type", "a b.wav"), ("key", "Return"))
    found = [
        d
        for d in dialogs.dialogs("Choose an audio file", music, folders=False, multiple=False)
        if d.command[0] == sys.executable
    ]
    monkeypatch.setattr(dialogs, "dialogs", lambda *args, **options: iter(found))
    assert pick(roots=[music], multiple=False).paths == [music / "a b.wav"]
    typing.join()


@pytest.mark.slow
def test_without_a_screen_that_answers_the_terminal_is_next(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4242")
    with pytest.raises(InputError, match="nobody here"):
        pick(roots=[music])


# --- a terminal ------------------------------------------------------------------------------------------


def typed(keys: str, start: Path, *, folders: bool = False, multiple: bool = True) -> list[str]:
    """Give what the prompt makes of keys."""
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        return ask_in_terminal("Choose", start, folders=folders, multiple=multiple)


def test_a_terminal_takes_a_path_per_line(music: Path) -> None:
    assert typed("a b.wav\rin here/d.flac\r\r", music) == [str(music / "a b.wav"), str(music / "in here/d.flac")]
    assert typed("c.MP3\r", music, multiple=False) == [str(music / "c.MP3")]
    assert typed("\r", music) == []
    assert typed("a b.wav\r\x03", music) == [], "Ctrl-C takes all back"


@pytest.mark.parametrize(
    ("line", "folders", "expected"),
    [
        ("a", False, ["a b.wav"]),
        ("in", False, ["in here"]),
        ("in here/", False, ["d.flac"]),
        ("not", False, []),
        ("a", True, []),
    ],
)
def test_tab_completes_audio_and_folders(music: Path, line: str, folders: bool, expected: list[str]) -> None:
    found = completer_of(music, folders=folders).get_completions(Document(line), CompleteEvent())
    assert [line.split("/")[-1] + one.text for one in found] == expected
