"""Measure what is asked in words, offline: the same text gives the same answer, and nobody waits.

    python scripts/prove_words.py --tracks 10000

1. A library of many simulated tracks is entered directly, as `prove_search.py` does; some have names that the
   requests know.
2. Every phrased request of `tests/assist` is read, answered anew by a playlist or a search, and asked of the library
   twice. The answers are equal to the bit, but for the time that each tells.
3. Told are the times of reading, of an answer that is made anew, and of asking for the first and the second time.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from proof import Proof, arguments
from prove_search import simulate

from workbench import Library
from workbench.assist.asked import Asked, answer_reading
from workbench.errors import InputError
from workbench.store.catalog.engine import raise_version
from workbench.store.catalog.models import Track

REQUESTS = [Path(__file__).parents[1] / "tests/assist" / f"requests{name}.txt" for name in ("", "_fresh", "_blind")]
TITLES = ("Blue Train", "Night Drive", "Rain", "Calm", "Slow Burn", "Harbour Lights", "Paper Moon", "reference")
ARTISTS = ("Ada Quartet", "Ada Quartet", "Vela", "Vela", "The Lanterns", "Miro", "Miro", "Miro")
MOST_MS = 20.0


def main() -> int:
    """Enter, ask everything twice, compare."""
    parser = arguments(__doc__, rounds=300, what="requests that are asked, from all over the list")
    parser.add_argument("--tracks", type=int, default=10_000, metavar="N", help="how many (default 10000)")
    given = parser.parse_args()
    proof = Proof(f"Words over {given.tracks:,} tracks: the same answer, at once", as_json=given.json)
    with tempfile.TemporaryDirectory(prefix="workbench-prove-words-") as folder, Library.open(folder) as library:
        simulate(library, given.tracks, np.random.default_rng(given.seed))
        name_some(library)
        proof.say("library")
        asked = texts()
        asked = asked[:: max(1, len(asked) // given.rounds)]
        spent: dict[str, list[float]] = {"reading": [], "made_anew": [], "asked": [], "asked_again": []}
        for text in asked[:3]:
            made_anew(library, text)  # what is loaded once is no part of an answer
        refused = 0
        for text in asked:
            timings = [
                timed(act, text)
                for act in (
                    partial(library.read_request, offline=True),
                    partial(made_anew, library),
                    partial(library.ask, offline=True),
                    partial(library.ask, offline=True),
                )
            ]
            for name, (ms, _) in zip(spent, timings, strict=True):
                spent[name].append(ms)
            anew, first, again = (answer for _, answer in timings[1:])
            refused += anew is None
            proof.check(anew == first == again, f"{text!r} has several answers")
        proof.figures |= {"requests": len(asked), "refused": refused}
        for name, ms in spent.items():
            proof.figures[f"{name}_ms"] = {"median": round(float(np.median(ms)), 2), "worst": round(max(ms), 1)}
        proof.check(max(spent["reading"]) <= MOST_MS, "reading took longer than 20 ms")
        proof.check(max(spent["asked_again"]) <= MOST_MS, "the same words again took longer than 20 ms")
    return proof.end()


def name_some(library: Library) -> None:
    """Give some tracks the names that the requests know."""
    with library.catalog.write() as connection:
        for number, (title, artist) in enumerate(zip(TITLES, ARTISTS, strict=True)):
            connection.execute(sa.update(Track).where(Track.number == number).values(title=title, artist=artist))
        raise_version(connection)


def texts() -> list[str]:
    """Give the texts of the phrased requests."""
    lines = [line for path in REQUESTS for line in path.read_text(encoding="utf-8").splitlines()]
    return [line.partition(" | ")[0] for line in lines if line.strip() and not line.startswith("#")]


def made_anew(library: Library, text: str) -> Asked:
    """Answer a text offline, without what was kept."""
    return answer_reading(text, library.read_request(text, offline=True), library.playlist, library.similar)


def without_times(value: Any) -> Any:
    """Leave out what tells how long it took, and whether it was kept."""
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name not in ("elapsed_ms", "cached", "near")}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def timed(act: Callable[[str], Any], text: str) -> tuple[float, str | None]:
    """Give the milliseconds that an answer took, and all of it but times; None where nothing was understood."""
    began = time.perf_counter()
    try:
        found = act(text)
    except InputError:
        found = None
    ms = 1000 * (time.perf_counter() - began)
    return ms, None if found is None else json.dumps(without_times(found.to_dict()), sort_keys=True)


if __name__ == "__main__":
    sys.exit(main())
