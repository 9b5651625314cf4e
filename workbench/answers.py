"""`CachedAnswers`: the answers of a library, given again in no time where they were given before.

* A key holds the library's id, its state (`Catalog.state`), how its vectors are scaled, the settings and versions that
  matter, and all that was asked, with files named by their content. So what is kept under a key is the answer, or none
  is. The key is made again when an answer is there: what changed in the meantime is not kept.
* With or without a cache, an answer is the same. Only with the setting ``near_query`` may it be that of a query that is
  nearly the same; then its ``query`` has ``from_cache: {"distance": …}``. `Library` itself keeps only what is asked in
  words, which is answered here; else it makes each answer anew.
* What is asked of tracks is counted, so that common questions can be answered beforehand (`CachedAnswers.warmer`).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import __version__
from workbench.assist.asked import Asked, answer_reading
from workbench.assist.near import NearTexts
from workbench.assist.reading import Reading
from workbench.audio.probe import probe
from workbench.jobs.job import absolute, limits_of
from workbench.jobs.reference import locate
from workbench.jobs.similar import Known, PathLike, References, answer, weigh
from workbench.playlist import Playlist, PlaylistRequest
from workbench.playlist.compatibility import Transition
from workbench.similarity.embedding import EMBEDDING
from workbench.store.cache import Cache, Made
from workbench.store.cache.near import NearQueries
from workbench.store.cache.popular import Popular, Query
from workbench.store.cache.warmer import Warmer
from workbench.store.compose import compose_playlist
from workbench.store.indexes import Indexes
from workbench.store.similar import Reference, SimilarTracks, Wanted, place_of_query

if TYPE_CHECKING:
    import numpy.typing as npt

    from workbench.library.words import Words

#: Raised when what is kept changes its form, or a formula changes that has no version of its own.
_FORM = 1


@dataclass(frozen=True, slots=True)
class _Found:
    """A reference as it lies in the library or on the disk.

    Attributes
    ----------
    name : path of the file or id of the track, as it can be asked for again
    id, path : see `workbench.jobs.reference.locate`
    content : content id of the file, where it is decoded for the answer
    known : whether its vector is in the library
    """

    name: str
    id: str
    path: str
    content: str | None
    known: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question about similarity; see `workbench.Library.similar`."""

    references: dict[PathLike, float]
    wanted: Wanted
    to: PathLike | None
    region: tuple[float, float] | None

    @property
    def is_plain(self) -> bool:
        """Whether it is the vector alone that is searched for."""
        return self.to is None and self.region is None

    def by_name(self, found: Sequence[_Found]) -> dict[str, Any]:
        """Give it as plain values, by what `found` says of the references."""
        names = [one.name for one in found]
        wanted = asdict(self.wanted)
        if wanted["weights"] is not None:
            wanted["weights"] = {name: float(weight) for name, weight in wanted["weights"].items()}
        return {
            "references": [list(pair) for pair in zip(names, self.references.values(), strict=False)],
            "to": None if self.to is None or not names else names[-1],
            "region": None if self.region is None else [float(second) for second in self.region],
            "wanted": wanted,
        }


class CachedAnswers:
    """The answers of a library, kept; `workbench.Library.answers` gives it.

    Parameters
    ----------
    library : workbench.Library
    indexes : Indexes
        Of the library.
    cache : Cache
        Where answers are kept.

    Examples
    --------
    >>> import tempfile, workbench as wb
    >>> with tempfile.TemporaryDirectory() as folder, wb.Library.open(f"{folder}/music.library") as lib:
    ...     [lib.answers.duplicates() for _ in range(2)], lib.answers.stats()["hits"]
    ([[], []], 1)
    """

    def __init__(self, library: Words, indexes: Indexes, cache: Cache) -> None:
        self._library, self._indexes, self._cache = library, indexes, cache
        self._settings = library.settings
        self._near = NearQueries(self._settings.near_query)
        self._near_answers = 0
        self._near_texts = NearTexts(self._settings.assist_near)
        self._popular = Popular(cache, library.catalog.library_id)

    # --- questions --------------------------------------------------------------------------------

    def similar(
        self,
        reference: References,
        n: int = 10,
        *,
        to: PathLike | None = None,
        region: tuple[float, float] | None = None,
        **wanted: Any,
    ) -> SimilarTracks:
        """Find what sounds alike; parameters, answer and errors are those of `workbench.Library.similar`."""
        began = time.perf_counter()
        asked = _Asked(weigh(reference), Wanted(n, **wanted), to, region)
        found = self._find(asked)
        query, results, recall = self._similar(asked, found)
        if all(one.known for one in found):
            self._popular.note({"kind": "similar", **asked.by_name(found)})
        return SimilarTracks(query, round(1000 * (time.perf_counter() - began), 3), results, recall)

    def playlist(self, *, again: str | None = None, **request: Any) -> Playlist:
        """Choose and order tracks; parameters, answer and errors are those of `workbench.Library.playlist`."""
        asked = self._library.playlist_request(again=again, **request)
        made = self._playlist(asked)
        self._popular.note({"kind": "playlist", **asked.asked_for()})
        return made

    def ask(self, text: str, *, offline: bool = False, reading: Reading | None = None) -> Asked:
        """Answer what is asked in words; it is `workbench.Library.ask`."""
        reading = reading or self.read_request(text, offline=offline)
        asked = answer_reading(text, reading, self.playlist, self.similar)
        if reading.by != "offline":  # what the parser reads needs no reading beforehand
            self._popular.note({"kind": "ask", "text": text})
        return asked

    def read_request(self, text: str, *, offline: bool = False) -> Reading:
        """Make a request of words; what a model has made of the same words, of the same library, is kept."""
        chain, parsed = self._library.chain, self._library.read_request(text, offline=True)
        if offline or not chain.providers:
            return parsed if offline else chain.unasked(parsed)
        key = self._key("ask", chain.name, text)
        kept = self._cache.get(key)
        if kept is not None:
            return Reading.of(json.loads(kept))
        group = self._key("near ask", chain.name)
        near = self._near_texts.find(group, parsed)
        if near is not None:
            return near
        reading = self._library.read_request(text)
        if reading.by != parsed.by and self._key("ask", chain.name, text) == key:
            self._cache.put(key, _encode(reading.to_dict()))
            self._near_texts.add(group, parsed, reading)
        return reading

    def duplicates(self) -> list[dict[str, Any]]:
        """Find duplicates; see `workbench.Library.duplicates`."""
        groups: list[dict[str, Any]] = self._answer(
            lambda: self._key("duplicates", self._scaling(), self._scaling_of_regions()), self._library.duplicates
        )
        return groups

    # --- what it does -----------------------------------------------------------------------------

    def warmer(self, idle: Callable[[], bool]) -> Warmer:
        """Give what answers common questions beforehand; `Warmer.start` lets it.

        Parameters
        ----------
        idle : callable
            Whether nothing else is to be done on this machine.
        """
        return Warmer(
            self._library.catalog.state,
            lambda: self._popular.common(self._settings.warm_queries),
            self._replay,
            idle=idle,
            most_s=self._settings.warm_s,
        )

    def stats(self) -> dict[str, Any]:
        """Count answers of this process: see `workbench.store.cache.Cache.stats`, and ``near``: not of their own."""
        return self._cache.stats() | {"near": self._near_answers}

    def clear(self) -> None:
        """Forget all answers."""
        self._cache.clear()

    def close(self) -> None:
        """Write down what was counted, and close the cache."""
        self._popular.write()
        self._cache.close()

    # --- inside -----------------------------------------------------------------------------------

    def _similar(
        self, asked: _Asked, found: Sequence[_Found]
    ) -> tuple[dict[str, Any], list[dict[str, Any]], float | None]:
        """Give query, results and recall."""
        key = self._key_of_similar(asked, found)

        def compute() -> Made:
            near = _Near(self, asked, found) if self._near.within and asked.is_plain else None
            made = answer(
                self._indexes,
                self._settings,
                asked.references,
                asked.wanted,
                to=asked.to,
                region=asked.region,
                shortcut=None if near is None else near.find,
            )
            keep = "from_cache" not in made.query and self._key_of_similar(asked, self._find(asked)) == key
            if keep and near is not None:
                near.remember(key)
            return Made(_encode([made.query, made.results, made.recall]), keep)

        query, results, recall = json.loads(self._cache.get_or_compute(key, compute))
        return query, results, recall

    def _playlist(self, asked: PlaylistRequest) -> Playlist:
        def make() -> dict[str, Any]:
            made = compose_playlist(self._indexes, asked).to_dict()
            return {name: value for name, value in made.items() if name != "request"}

        fields = asked.model_dump(mode="json")
        made = self._answer(lambda: self._key("playlist", fields, self._scaling() if asked.like else None), make)
        return Playlist(asked, **{**made, "transitions": [Transition(**step) for step in made["transitions"]]})

    def _answer(self, key: Callable[[], str], make: Callable[[], Any]) -> Any:
        """Give what is kept, or make it; keep it if its key is the same when it is there."""
        before = key()

        def compute() -> Made:
            value = _encode(make())
            return Made(value, keep=key() == before)

        return json.loads(self._cache.get_or_compute(before, compute))

    def _replay(self, query: Query) -> None:
        """Answer a question that was counted, without counting it again."""
        fields = dict(query)
        kind = fields.pop("kind")
        if kind == "ask":
            self.read_request(fields["text"])  # whose answer is common as well, and counted as such
            return
        if kind == "playlist":
            self._playlist(self._library.playlist_request(**fields))
            return
        asked = _Asked(dict(fields["references"]), Wanted(**fields["wanted"]), fields["to"], fields["region"])
        self._similar(asked, self._find(asked))

    # --- keys -------------------------------------------------------------------------------------

    def _key(self, *parts: Any) -> str:
        catalog = self._library.catalog
        return Cache.key(_FORM, __version__, EMBEDDING.version, catalog.library_id, catalog.state(), *parts)

    def _key_of_similar(self, asked: _Asked, found: Sequence[_Found]) -> str:
        regions = None if asked.region is None else self._scaling_of_regions()
        limits = asdict(limits_of(self._settings))
        located = [[one.id, one.path, one.content] for one in found]
        return self._key("similar", asked.by_name(found), located, limits, self._scaling(), regions)

    def _scaling(self) -> str:
        """Name how vectors are standardised and found: whoever deletes the index gets other scores."""
        cells = self._indexes.cells  # by which some answers are approximate
        return Cache.key(self._indexes.vectors.scaling.to_dict(), None if cells is None else asdict(cells.recall))

    def _scaling_of_regions(self) -> str:
        scaling = self._indexes.regions.scaling
        return Cache.key(scaling.centre.tolist(), scaling.spread.tolist())

    def _find(self, asked: _Asked) -> list[_Found]:
        """Locate all references, the one that the way leads to last."""
        names = [*asked.references, *([] if asked.to is None else [asked.to])]
        return [self._locate(name, decoded=asked.region is not None) for name in names]

    def _locate(self, name: PathLike, *, decoded: bool) -> _Found:
        track, path, number = locate(self._library.catalog, name)
        known = number is not None and self._indexes.vectors.has(number)
        is_file = os.path.exists(absolute(os.fspath(name)))
        content = None if known and not decoded else track if is_file else probe(path).content_id
        return _Found(path if is_file else track, track, path, content, known)


class _Near:
    """Looks for a query that is nearly the same as one, and remembers it for others.

    The two must be alike in all but the vector, also in the tracks of the library that are not to be found.
    """

    def __init__(self, answers: CachedAnswers, asked: _Asked, found: Sequence[_Found]) -> None:
        self._answers, self._asked = answers, asked
        without = sorted(one.id for one in found if one.known)
        self._group = answers._key("near", asked.by_name([])["wanted"], without, answers._scaling())
        self._place: npt.NDArray[np.float64] | None = None

    def find(self, references: Sequence[Reference]) -> Known | None:
        """Give the results of the nearest query, if it is near enough and they are still kept."""
        answers = self._answers
        self._place = place_of_query(answers._indexes, references, self._asked.wanted)
        found = answers._near.find(self._group, self._place)
        text = None if found is None else answers._cache.get(found[0])
        if found is None or text is None:
            return None
        answers._near_answers += 1
        _, results, recall = json.loads(text)
        return Known(results, recall, found[1])

    def remember(self, key: str) -> None:
        """Let others find this query, whose answer is kept under a key."""
        if self._place is not None:
            self._answers._near.add(self._group, self._place, key)


def _encode(value: Any) -> bytes:
    """Write an answer as JSON, its keys in their order; numpy's numbers may be among the values."""
    return json.dumps(value, default=lambda number: number.item()).encode()
