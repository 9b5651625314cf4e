"""Analyze whole folders of real audio to the last file; then again; then renamed and retagged.

    python scripts/prove_corpus.py ~/Music /usr/share/games/supertuxkart/data

1. Every audio file of the folders gets exactly one outcome.
2. A second run decodes nothing, and takes about as long as listing the folders.
3. Copies under other names and with other tags take the place of the folders: again nothing is decoded.

Nothing is written to the folders. The copies need as much room as the audio, in the temporary folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from proof import Proof, arguments, broken_by_collect, broken_invariants, outcomes, tripwire

if TYPE_CHECKING:
    from workbench import Library

#: A second run also looks every file up and enters its outcome.
SLACK_S, SLACK_FACTOR = 1.0, 10.0


def audio_files(folder: Path) -> list[str]:
    """List the audio files below a folder, with the means of the standard library."""
    from workbench.audio.probe import is_audio_name

    found = []
    for directory, _, names in os.walk(folder, followlinks=True):
        found += [os.path.join(directory, name) for name in names if is_audio_name(name) and not name.startswith(".")]
    return sorted(found)


def fastest(action: Callable[[], object], times: int = 3) -> float:
    """Give the least time that an action took, seconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        took.append(time.perf_counter() - began)
    return min(took)


def retag(path: Path, number: int) -> bool:
    """Give a file another title, in the way of its format; tell whether it took it."""
    import mutagen
    from mutagen.id3 import TIT2, Encoding

    title = f"Another title {number}"
    try:
        audio = mutagen.File(path)
        if audio is None:
            return False
        if audio.tags is None:
            audio.add_tags()
        if hasattr(audio.tags, "add"):
            audio.tags.add(TIT2(encoding=Encoding.UTF8, text=[title]))
        else:
            audio.tags["\xa9nam" if type(audio).__name__ == "MP4" else "title"] = [title]
        audio.save()
    except (mutagen.MutagenError, NotImplementedError):
        return False
    return True


def copy_renamed(files: list[str], folder: Path) -> int:
    """Copy files under names and into folders that say nothing of the old ones; give how many were retagged."""
    retagged = 0
    for number, path in enumerate(files):
        target = folder / f"{number // 100:03d}" / f"renamed {number:06d}{os.path.splitext(path)[1]}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        retagged += retag(target, number)
    return retagged


def first_run(proof: Proof, library: Library, music: Path, workers: int | None) -> None:
    """Analyze all of it."""
    files = audio_files(music)
    began = time.monotonic()
    said = [began]

    def show(progress: object) -> None:
        if time.monotonic() - said[0] > 30:
            said[0] = time.monotonic()
            proof.say(repr(progress)[:200])

    job = library.analyze(music, workers=workers, on_progress=show)
    counts = job.counts
    reasons = Counter(failure["reason"] for failure in job.failures)
    proof.say(f"first run: {job} {dict(reasons)}")
    proof.figures |= {
        "files": len(files), "analyzed": counts.analyzed, "duplicate": counts.duplicate, "failed": counts.failed,
        "failed_by_reason": dict(reasons), "first_run_s": round(time.monotonic() - began, 1),
        "audio_hours": round(sum(track["duration_s"] for track in library.tracks()) / 3600, 2),
    }  # fmt: skip
    proof.check(sorted(outcomes(library)) == files, "the files with an outcome are not those of the folders")
    proof.check(counts.done == counts.total, f"files without an outcome: {counts}")
    for failure in job.failures:
        proof.check(failure["reason"] != "internal", f"{failure['path']}: {failure['detail']}")
    proof.check_none(broken_invariants(library), "first run")


def second_run(proof: Proof, library: Library, music: Path, folder: Path) -> None:
    """Run again: nothing is decoded, and it takes about as long as a scan."""
    from workbench.audio.scan import scan

    before = outcomes(library)
    listing = fastest(lambda: audio_files(music))
    scanning = fastest(lambda: list(scan([str(music)])))
    parts = library.parts.listed()
    with tripwire(folder) as mark:
        again = fastest(lambda: library.analyze(music, workers=1))
    proof.figures |= {
        "listing_s": round(listing, 3), "scan_s": round(scanning, 3), "second_run_s": round(again, 3),
    }  # fmt: skip
    proof.check(not mark.exists() and library.parts.listed() == parts, "the second run decoded something")
    proof.check(outcomes(library) == before, "the second run came to other outcomes")
    proof.check(again <= SLACK_S + SLACK_FACTOR * scanning, f"second run {again:.2f} s, scan {scanning:.2f} s")


def renamed_run(proof: Proof, library: Library, music: Path, folder: Path) -> None:
    """Put renamed and retagged copies in the place of the folders, and analyze them."""
    copies = folder / "renamed"
    files = audio_files(music)
    retagged = copy_renamed(files, copies)
    shutil.rmtree(music)  # holds only links
    tracks, parts = {track["id"] for track in library.tracks()}, library.parts.listed()
    reasons = Counter(reason for reason, _ in outcomes(library).values())
    began = time.monotonic()
    with tripwire(folder) as mark:
        job = library.analyze(copies, workers=1)
    counts = job.counts
    proof.figures |= {
        "retagged": retagged, "renamed_run_s": round(time.monotonic() - began, 1),
        "renamed_unchanged": counts.unchanged, "renamed_duplicate": counts.duplicate,
    }  # fmt: skip
    proof.say(f"renamed: {job}")
    new = {track["id"] for track in library.tracks()}
    proof.check(not mark.exists() and library.parts.listed() == parts, "a renamed or retagged file was decoded")
    proof.check(counts.analyzed == 0 and counts.done == counts.total == len(files), f"renamed: {counts}")
    proof.check(counts.unchanged >= len(tracks), f"{len(tracks)} tracks, but {counts.unchanged} files unchanged")
    proof.check(new == tracks, "the tracks are not the same as before")
    proof.check(Counter(reason for reason, _ in outcomes(library).values()) == reasons, "other reasons than before")
    titles = sum((track["title"] or "").startswith("Another title") for track in library.tracks())
    proof.figures["tracks_with_their_new_title"] = titles
    proof.check_none(broken_by_collect(library), "renamed")


def main() -> int:
    """Run the command line."""
    parser = arguments(__doc__, folders=True)
    parser.add_argument("--workers", type=int, default=None, help="worker processes (default: one per processor)")
    given: argparse.Namespace = parser.parse_args()
    from workbench import Library

    proof = Proof("whole folders, to the last file, decoded once", as_json=given.json)
    with tempfile.TemporaryDirectory(prefix="prove-corpus-") as name:
        folder = Path(name)
        music = folder / "music"
        music.mkdir()
        for number, source in enumerate(given.folders):
            (music / f"{number}").symlink_to(source.absolute(), target_is_directory=True)
        with Library.open(folder / "a.library") as library:
            first_run(proof, library, music, given.workers)
            second_run(proof, library, music, folder)
            renamed_run(proof, library, music, folder)
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
