"""Measure what kept answers save, how good near answers are, and what warming does.

    python scripts/prove_cache.py --tracks 100000 --rounds 2000

1. A library of simulated tracks, as that of ``prove_search.py``. Questions of some hundred kinds are asked, a few of
   them often and most of them seldom (Zipf). Each kept answer is compared with a fresh one.
2. Somebody drags the weight of a blend in small steps. For several distances: how many of the answers come from a
   query that is nearly the same, and how many of their ten are in the exact answer. That the distance of each rank is
   no farther off than was allowed is checked for each.
3. Tracks are committed, and the common questions asked again: without warming, and with.

Times are of the processor. With ``--redis`` the answers are kept there, and the times lack its own part.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from proof import Proof, arguments
from prove_search import draw_filter, draw_vectors, enter, simulate
from pydantic import SecretStr

from workbench import Library, Settings
from workbench.similarity import COMPONENTS

KINDS = 300
N = 10
DISTANCES = (0.01, 0.02, 0.05, 0.1)
#: Least that a hit must be faster than a miss.
LEAST_GAIN = 2.0

Question = tuple[str, dict[str, Any]]


def draw_questions(library: Library, rng: np.random.Generator) -> list[Question]:
    """Draw what may be asked: similar tracks with and without a filter, blends, playlists."""
    vectors = library._indexes.vectors
    ids = vectors.ids.take(rng.choice(np.flatnonzero(vectors.known), 3 * KINDS))
    drawn: list[Question] = []
    for i in range(KINDS):
        kind = rng.integers(4)
        where = draw_filter(rng) if kind == 1 else None
        if kind == 3:
            low = float(rng.uniform(70, 130))
            drawn.append(("playlist", {"n": 20, "bpm": (low, low + 30), "seed": int(rng.integers(9))}))
        else:
            reference = {ids[3 * i]: 1.0, ids[3 * i + 1]: float(rng.uniform(0.2, 2))} if kind == 2 else ids[3 * i]
            drawn.append(("similar", {"reference": reference, "where": where, "n": N}))
    return drawn


def ask(place: Any, question: Question) -> Any:
    """Ask the library, or what keeps its answers."""
    kind, fields = question
    found = getattr(place, kind)(**fields)
    return found.to_dict() if kind == "playlist" else (found.query, found.results)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds of processor, and what came of it."""
    began = time.process_time()
    done = work()
    return 1000 * (time.process_time() - began), done


def told(times: list[float]) -> str:
    """Put times into words."""
    return "p50 {:.1f}, p99 {:.1f}".format(*np.percentile(times, (50, 99)))


def measure_kept(proof: Proof, library: Library, questions: list[Question], rounds: int, rng: Any) -> None:
    """Ask a few questions often and many seldom; compare what is kept with what is fresh."""
    drawn = (rng.zipf(1.2, rounds) - 1) % len(questions)
    misses, hits, seen = [], [], set()
    for i in drawn.tolist():
        took, _ = timed(lambda i=i: ask(library.answers, questions[i]))
        (hits if i in seen else misses).append(took)
        seen.add(i)
    stats = library.answers.stats()
    proof.figures |= {"questions": rounds, "different": len(seen), "hit_rate": round(stats["hits"] / rounds, 3)}
    proof.figures |= {"miss_ms": told(misses), "hit_ms": told(hits), "kept_mb": round(stats["bytes"] / 1e6, 2)}
    # two of the questions that were drawn may be the same
    proof.check(stats["hits"] >= rounds - len(seen), f"{stats['hits']} hits, of {rounds - len(seen)} repetitions")
    gain = float(np.median(misses) / np.median(hits))
    proof.figures["times_as_fast"] = round(gain, 1)
    proof.check(gain >= LEAST_GAIN, f"a hit is only {gain:.1f} times as fast as a miss")
    wrong = sum(ask(library.answers, questions[i]) != ask(library, questions[i]) for i in seen)
    proof.check(wrong == 0, f"{wrong} of {len(seen)} kept answers are not those of the library")
    proof.say(f"kept: {proof.figures['hit_rate']:.0%} hits; {proof.figures['miss_ms']} ms, then {told(hits)} ms")


def measure_near(proof: Proof, folder: Path, settings: Settings, rounds: int, seed: int) -> None:
    """Drag the weights of blends; compare near answers with exact ones."""
    for within in DISTANCES:
        rng = np.random.default_rng(seed)
        with Library.open(folder, settings=settings.model_copy(update={"near_query": within})) as library:
            library.answers.clear()
            vectors = library._indexes.vectors
            known = np.flatnonzero(vectors.known)
            near, overlaps, times = 0, [], []
            for _ in range(max(1, rounds // 20)):
                a, b = vectors.ids.take(rng.choice(known, 2, replace=False))
                weight = 1.0
                for _ in range(20):
                    weight = max(0.05, weight + float(rng.normal(0, 0.05)))
                    blend = {a: 1.0, b: weight}
                    took, found = timed(lambda blend=blend: library.answers.similar(blend, N, fold=False))
                    if "from_cache" not in found.query:
                        continue
                    near += 1
                    times.append(took)
                    exact = library.similar(blend, N, fold=False).results
                    ids = {hit["id"] for hit in exact}
                    overlaps.append(sum(hit["id"] in ids for hit in found.results) / N)
                    off = [abs(1 / x["score"] - 1 / y["score"]) for x, y in zip(found.results, exact, strict=True)]
                    proof.check(max(off) <= within + 1e-6, f"near {within}: a score is {max(off):.4f} off")
            asked = 20 * max(1, rounds // 20)
            proof.figures[f"near_{within}"] = (
                f"{near / asked:.0%} of {asked} from others, overlap mean {np.mean(overlaps or [1]):.3f}, "
                f"least {min(overlaps, default=1):.1f}, {told(times or [0])} ms"
            )
            proof.say(f"near {within}: {proof.figures[f'near_{within}']}")


def measure_warming(proof: Proof, library: Library, questions: list[Question], rng: Any) -> None:
    """Commit tracks and ask what is common again, without warming and with."""
    common = questions[:50]
    warmer = library.answers.warmer(lambda: True)
    times: dict[str, list[float]] = {"cold": [], "warm": []}
    number = len(library._indexes.vectors.known)
    for name in times:
        for _ in range(20):
            for question in common:
                ask(library.answers, question)
        enter(library, number, draw_vectors(rng, 100, rng.normal(0, 1, (1, len(COMPONENTS)))), rng)
        number += 100
        if name == "warm":
            status = warmer.warm()
            proof.figures["warmed"] = f"{status['answered']} of {status['of']} in {status['took_s']} s"
            proof.check(status["failed"] == 0, f"{status['failed']} common questions have no answer")
        times[name] = [timed(lambda question=question: ask(library.answers, question))[0] for question in common]
        proof.figures[f"{name}_ms"] = told(times[name])
    proof.say(f"after a commit: {proof.figures['cold_ms']} ms, warmed {proof.figures['warm_ms']} ms")
    gain = float(np.median(times["cold"]) / np.median(times["warm"]))
    proof.check(gain >= LEAST_GAIN, f"warmed questions are only {gain:.1f} times as fast")
    wrong = sum(ask(library.answers, question) != ask(library, question) for question in common)
    proof.check(wrong == 0, f"{wrong} warmed answers are not those of the library")


def main() -> int:
    """Run the command line."""
    parser = arguments(__doc__, rounds=2000, what="questions")
    parser.add_argument("--tracks", type=int, default=100_000, metavar="N", help="tracks of the library")
    parser.add_argument("--redis", metavar="URL", help="keep answers there (default: in a file)")
    given = parser.parse_args()
    proof = Proof("kept answers are those of the library, and faster", as_json=given.json)
    rng = np.random.default_rng(given.seed)
    settings = Settings(redis=SecretStr(given.redis) if given.redis else None, warm_s=600)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "large.library"
        with Library.open(folder, settings=settings) as library:
            proof.say(f"entering {given.tracks} tracks")
            simulate(library, given.tracks, rng)
            proof.figures["tracks"] = given.tracks
            questions = draw_questions(library, rng)
            for question in questions[:20]:
                ask(library, question)  # reads columns and maps files
            measure_kept(proof, library, questions, given.rounds, rng)
        measure_near(proof, folder, settings, given.rounds, given.seed)
        with Library.open(folder, settings=settings) as library:
            library.answers.clear()
            measure_warming(proof, library, questions, rng)
            library.answers.clear()
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
