"""Make the pictures of the README from the real thing: commands run on a terminal, drawn as SVG.

    python scripts/make_pictures.py

Simulates a collection in a temporary folder, runs each command on a pseudo-terminal, and writes what
the terminal showed to docs/pictures/. The pictures need no font or script from elsewhere.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from workbench.testing import simulate_library

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH, HEIGHT = 108, 60
THEME = TerminalTheme(
    (250, 250, 250),
    (40, 44, 52),
    [
        (40, 44, 52),
        (180, 60, 50),
        (60, 130, 60),
        (150, 110, 20),
        (50, 100, 180),
        (140, 70, 150),
        (30, 130, 140),
        (90, 96, 105),
    ],
    [
        (120, 126, 135),
        (200, 80, 70),
        (80, 150, 80),
        (170, 130, 40),
        (70, 120, 200),
        (160, 90, 170),
        (50, 150, 160),
        (40, 44, 52),
    ],
)
# The lines below stand in for rich's own frame, whose font would be fetched from a server.
FRAME = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>{lines}</defs>
<rect fill="#fafafa" stroke="#d0d0d0" width="100%" height="100%" rx="8"/>
<g transform="translate({terminal_x}, {terminal_y}) translate(4, -12)">{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""


def on_a_terminal(*command: str, stop_after_s: float | None = None) -> str:
    """Run a command of the workbench on a terminal and give all that it wrote, escapes included."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-m", "workbench.cli", *command])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    written, began = b"", time.monotonic()
    while stop_after_s is None or time.monotonic() - began < stop_after_s:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        written += piece
        if not piece:
            break
    os.waitpid(pid, 0)
    return written.decode()


def last_screen(written: str) -> str:
    """Leave of a live display what it showed last; lines are drawn over by carriage returns and cursor moves."""
    lines: list[str] = []
    for line in written.replace("\r\n", "\n").split("\n"):
        shown = re.split(r"\r|\x1b\[2K", line)[-1]
        ups = len(re.findall(r"\x1b\[1A", line))
        del lines[len(lines) - ups :]
        lines.append(re.sub(r"\x1b\[\?25[lh]", "", shown))
    return "\n".join(lines).rstrip()


def draw(name: str, prompt: str, screen: str) -> None:
    """Draw a screen as an SVG with a title that readers of the page are told."""
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(f"\x1b[1m$ {prompt}\x1b[0m\n{screen}"))
    target = PICTURES / f"{name}.svg"
    target.write_text(console.export_svg(title=prompt, theme=THEME, code_format=FRAME), encoding="utf-8")
    print(f"{target.relative_to(PICTURES.parents[1])}: {prompt}")


def main() -> None:
    """Make every picture."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WORKBENCH_LIBRARY"] = f"{folder}/music.library"
        music = Path(folder, "Music")
        table = simulate_library(music, n=40)
        analyze = last_screen(on_a_terminal("analyze", str(music)))
        draw("analyze", "workbench analyze ~/Music", analyze.replace(str(music), "~/Music"))
        reference = str(music / table[0].path)
        similar = last_screen(on_a_terminal("similar", reference, "-n", "5"))
        draw("similar", f'workbench similar "{Path(reference).name}" -n 5', similar)
        playlist = last_screen(on_a_terminal("playlist", "--energy", "0.2", "1", "-n", "8", "--curve", "rise"))
        draw("playlist", "workbench playlist --energy 0.2 1 -n 8 --curve rise", playlist)
        tracks = last_screen(on_a_terminal("tracks", "--where", 'bpm > 100 and key like "%minor"'))
        draw("tracks", "workbench tracks --where 'bpm > 100 and key like \"%minor\"'", tracks)


if __name__ == "__main__":
    main()
