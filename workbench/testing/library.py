"""`simulate_library`: a folder of tagged music with a table of what is true of it."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from workbench.errors import InputError
from workbench.testing.encode import Format, encode
from workbench.testing.styles import STYLES
from workbench.testing.track import draw_plan, simulate_track

#: Written first into each library: whose folder it is, and by which parameters.
MARKER = ".simulated-library.json"

# The lossless formats come oftener: they encode ten times as fast.
_FORMAT_CYCLE: tuple[Format, ...] = ("wav", "flac", "ogg", "mp3", "flac", "wav", "mp3", "flac", "ogg", "wav")
_SAMPLE_RATES = (44100, 44100, 44100, 48000)
_FIRST = (
    "Amber", "Cobalt", "Distant", "Electric", "Golden", "Hidden", "Ivory", "Lunar", "Northern", "Paper", "Quiet",
    "Silver", "Velvet", "Winter",
)  # fmt: skip
_SECOND = (
    "Arcade", "Bridge", "Coast", "Dialogue", "Engine", "Forest", "Garden", "Harbour", "Lantern", "Mirror", "Orchard",
    "River", "Station", "Tide",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LibraryTrack:
    """One row of the truth table.

    Attributes
    ----------
    path : relative to the library's folder, with ``/``
    style, tempo, key, energy, brightness, valence : as in `workbench.testing.Truth`
    duration_s : seconds
    format : ``wav``, ``flac``, ``ogg`` or ``mp3``
    sr : sample rate in Hz
    title, artist, album : as tagged
    seed : what `simulate_track` was given beside style, duration and sr
    """

    path: str
    style: str
    tempo: float
    key: str
    energy: float
    brightness: float
    valence: float
    duration_s: float
    format: Format
    sr: int
    title: str
    artist: str
    album: str
    seed: int


def simulate_library(
    folder: str | os.PathLike[str],
    *,
    n: int = 40,
    seed: int = 0,
    duration: tuple[float, float] = (8.0, 30.0),
    styles: tuple[str, ...] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[LibraryTrack]:
    """Write a collection of simulated tracks, nested by style and artist, and its truth table.

    The table is returned and also written as ``truth.csv``. Each file appears complete or not at
    all. A file that exists is left as it is, so an interrupted call is finished by the next one.

    Parameters
    ----------
    folder : path-like
        A folder that does not exist, is empty, or was made by this function with the same parameters.
    n : int
        How many tracks, 1 or more. Styles and formats take turns.
    seed : int
        The same seed and parameters give the same files to the bit.
    duration : tuple of float
        Shortest and longest track, seconds.
    styles : tuple of str, optional
        Names from `STYLES`; default: all.
    progress : callable, optional
        Called with (tracks written, n) after each track.

    Returns
    -------
    list of LibraryTrack
        In the order of the table.

    Raises
    ------
    InputError
        If the folder holds anything that this call would not have made, or a parameter is out of range.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for row in simulate_library(folder, n=2, duration=(1, 1)):
    ...         print(row.path, row.tempo, row.key)
    House/Winter Mirror/01 Ivory Harbour.wav 124.3 E minor
    Techno/Hidden Tide/01 Lunar Tide.flac 133.2 C major
    """
    if n < 1 or not 0 < duration[0] <= duration[1]:
        raise InputError(f"n is {n}, duration {duration}.", "Give n >= 1 and 0 < shortest <= longest.")
    chosen = tuple(STYLES) if styles is None else styles
    unknown = [name for name in chosen if name not in STYLES]
    if unknown or not chosen:
        raise InputError(f"Unknown style {unknown}.", f"Choose from: {', '.join(STYLES)}.")
    root = Path(folder)
    _claim(root, {"n": n, "seed": seed, "duration": [float(d) for d in duration], "styles": list(chosen)})
    table = _table(n, seed, duration, chosen)
    for i, row in enumerate(table):
        path = root / row.path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, _render(row))
        if progress is not None:
            progress(i + 1, n)
    _write(root / "truth.csv", _csv(table))
    return table


def _claim(root: Path, parameters: dict[str, object]) -> None:
    """Make the folder ours, or refuse it."""
    marker = root / MARKER
    if root.exists() and not root.is_dir():
        raise InputError(f"{root} is not a folder.", "Name a folder that does not exist yet.")
    if marker.is_file():
        if json.loads(marker.read_text()) != parameters:
            raise InputError(
                f"{root} holds a simulated library of other parameters.", "Delete it or name another folder."
            )
        return
    if root.exists() and any(root.iterdir()):
        raise InputError(
            f"{root} is not empty and was not simulated.", "Name an empty folder or one that does not exist."
        )
    root.mkdir(parents=True, exist_ok=True)
    _write(marker, json.dumps(parameters).encode())


def _table(n: int, seed: int, duration: tuple[float, float], styles: tuple[str, ...]) -> list[LibraryTrack]:
    rng = np.random.default_rng([seed, 5])
    artists = _names(rng, 2 * len(styles))
    rows = []
    formats = rng.permutation(np.resize(np.array(_FORMAT_CYCLE), n)).tolist()
    for i, (title, format) in enumerate(zip(_names(rng, n), formats, strict=True)):
        style, turn = styles[i % len(styles)], i // len(styles)
        artist = artists[2 * (i % len(styles)) + turn % 2]
        sr = _SAMPLE_RATES[rng.integers(len(_SAMPLE_RATES))]
        seconds = round(float(rng.uniform(*duration)), 1)
        track_seed = int(rng.integers(2**31))
        plan = draw_plan(track_seed, style, None, None, None, None, None, seconds, None)
        folder = style.title().replace(" And ", " and ")
        rows.append(
            LibraryTrack(
                path=f"{folder}/{artist}/{turn // 2 + 1:02d} {title}.{format}",
                style=style,
                tempo=plan.tempo,
                key=plan.key,
                energy=plan.energy,
                brightness=plan.brightness,
                valence=round(plan.valence, 4),
                duration_s=seconds,
                format=format,
                sr=sr,
                title=title,
                artist=artist,
                album=f"{artist} Plays",
                seed=track_seed,
            )
        )
    return rows


def _names(rng: np.random.Generator, n: int) -> list[str]:
    """Different two-word names, numbered from the 197th on."""
    pairs = [f"{first} {second}" for first in _FIRST for second in _SECOND]
    order = rng.permutation(len(pairs))
    return [pairs[order[i % len(pairs)]] + (f" {i // len(pairs) + 1}" if i >= len(pairs) else "") for i in range(n)]


def _render(row: LibraryTrack) -> bytes:
    y, sr, _ = simulate_track(row.seed, style=row.style, duration=row.duration_s, sr=row.sr)
    number = row.path.rpartition("/")[2][:2]
    tags = {
        "title": row.title, "artist": row.artist, "album": row.album, "genre": row.style, "tracknumber": number,
    }  # fmt: skip
    return encode(y, sr, row.format, tags=tags)


def _csv(table: list[LibraryTrack]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(LibraryTrack)])
    writer.writerows(astuple(row) for row in table)
    return text.getvalue().encode()


def _write(path: Path, data: bytes) -> None:
    """Write under a hidden name that no scan picks up, then rename."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(data)
    os.replace(partial, path)
