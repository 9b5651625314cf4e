"""Places: names, links and nodes that a walk through folders meets before any decoder does."""

from __future__ import annotations

import os
import stat
import unicodedata

from workbench.errors import Reason
from workbench.testing.hostile.craft import wav
from workbench.testing.hostile.registry import Maker, Workshop, kind

_NAMES: tuple[tuple[str, str | bytes, str], ...] = (
    ("name-not-utf-8", b"caf\xe9 \xff\xfe.wav", "A name in Latin-1, which is not valid UTF-8."),
    ("name-with-newline", "line one\nline two\t.wav", "A line end and a tab in the name."),
    ("name-with-quotes", 'it\'s "quoted" `and` \\more\\.wav', "Quotes of every kind in the name."),
    ("name-leading-dash", "-rf --help.wav", "A name that looks like an option."),
    ("name-shell", "$(touch owned); rm x & | > y.wav", "A name that a shell would run."),
    ("name-html", "<script>alert(1)<&>.wav", "Markup in the name."),
    ("name-formula", "=cmd|' C calc'!A0.wav", "A name that a spreadsheet would run."),
    ("name-format-string", "%s%n{0}{x!r}$HOME~.wav", "Format strings in the name."),
    ("name-very-long", "n" * 251 + ".wav", "A name of 255 bytes, the most that a file system allows."),
    ("name-emoji", "🎵🏳️‍🌈 мелодия 曲 🎶.wav", "Emoji, Cyrillic and Chinese in the name."),
    ("name-rtl-override", "song\u202evaw.3pm.wav", "A right-to-left override that hides the extension."),
    ("name-escape", "\x1b[31mred\x1b[0m\x07.wav", "Terminal escapes in the name."),
    ("name-spaces", "  two  spaces  .wav", "Spaces at the start and the end of the stem."),
    ("name-percent", "100%25 %2e%2e%2f#?a=b&c.wav", "A name that means something else as a URL."),
    ("name-upper-case", "LOUD.WAV", "An extension in capitals."),
)


def _maker(name: str | bytes) -> Maker:
    def make(workshop: Workshop) -> str:
        return workshop.put(name, wav(workshop.pcm()))

    return make


for _label, _name, _sentence in _NAMES:
    kind(_label, _sentence, "analyzed")(_maker(_name))


@kind("name-nfc", "A name with accents in composed form; its twin below differs only in that.", "analyzed")
def _nfc(workshop: Workshop) -> str:
    return workshop.put(unicodedata.normalize("NFC", "Café Ångström.wav"), wav(workshop.pcm()))


@kind("name-nfd", "The same name in decomposed form: another file, which looks the same.", "analyzed")
def _nfd(workshop: Workshop) -> str:
    return workshop.put(unicodedata.normalize("NFD", "Café Ångström.wav"), wav(workshop.pcm()))


@kind("folder-named-wav", "A folder called album.wav with a good file inside.", "analyzed")
def _folder(workshop: Workshop) -> str:
    os.mkdir(workshop.place("album.wav"))
    return workshop.put("album.wav/inside.wav", wav(workshop.pcm()))


@kind(
    "folder-link-to-itself",
    "A folder with a good file and a link to itself, in which a naive walk never ends.",
    "analyzed",
)
def _folder_loop(workshop: Workshop) -> str:
    os.mkdir(workshop.place("endless"))
    os.symlink(".", workshop.place("endless/again"))
    return workshop.put("endless/good.wav", wav(workshop.pcm()))


@kind("folder-deep", "A file sixty folders down.", "analyzed")
def _deep(workshop: Workshop) -> str:
    inner = "/".join(["deep"] * 60)
    os.makedirs(workshop.place(inner))
    return workshop.put(f"{inner}/bottom.wav", wav(workshop.pcm()))


@kind("fifo", "A named pipe: opening it blocks until somebody writes.", "failed", {Reason.NOT_A_FILE})
def _fifo(workshop: Workshop) -> str:
    path = workshop.place("pipe.wav")
    os.mkfifo(path)
    return path


@kind("socket", "A Unix socket.", "failed", {Reason.NOT_A_FILE})
def _socket(workshop: Workshop) -> str:
    path = workshop.place("socket.wav")
    os.mknod(path, stat.S_IFSOCK | 0o600)
    return path


@kind("device", "A link to /dev/zero, which never ends.", "failed", {Reason.NOT_A_FILE})
def _device(workshop: Workshop) -> str:
    return _link(workshop, "zero.wav", "/dev/zero")


@kind("link-to-itself", "A symbolic link to itself.", "failed", {Reason.SYMLINK_LOOP})
def _loop(workshop: Workshop) -> str:
    return _link(workshop, "loop.wav", "loop.wav")


@kind("link-dangling", "A symbolic link to a file that is gone.", "failed", {Reason.MISSING})
def _dangling(workshop: Workshop) -> str:
    return _link(workshop, "dangling.wav", "gone.wav")


@kind("link-to-good-file", "A symbolic link to a good file that no walk picks up by name.", "analyzed")
def _good_link(workshop: Workshop) -> str:
    workshop.put("linked.data", wav(workshop.pcm()))
    return _link(workshop, "link.wav", "linked.data")


def _link(workshop: Workshop, name: str, target: str) -> str:
    path = workshop.place(name)
    os.symlink(target, path)
    return path


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


@kind(
    "no-permission",
    "A good file that nobody may read; root may all the same.",
    "either" if _is_root() else "failed",
    {Reason.PERMISSION_DENIED},
)
def _forbidden(workshop: Workshop) -> str:
    path = workshop.put("forbidden.wav", wav(workshop.pcm()))
    os.chmod(path, 0)
    return path
