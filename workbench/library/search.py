"""What sounds alike: similarity, tastes, duplicates, the map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workbench.library.opened import Opened, PathLike

if TYPE_CHECKING:
    from workbench.store.map import TrackMap
    from workbench.store.similar import SimilarTracks
    from workbench.store.tastes import Taste


class Search(Opened):
    """What sounds alike."""

    def similar(
        self,
        reference: PathLike | Sequence[PathLike] | Mapping[PathLike, float],
        n: int = 10,
        *,
        to: PathLike | None = None,
        region: tuple[float, float] | None = None,
        where: str | None = None,
        weights: Mapping[str, float] | None = None,
        per_artist: int | None = None,
        per_album: int | None = None,
        fold: bool = True,
    ) -> SimilarTracks:
        """Find the tracks that sound most like a reference, or like several.

        A taste that was learned (`tune`) decides how much what counts, except with `region`.

        Parameters
        ----------
        reference : path or str, sequence, or mapping
            A file, in the library or not, or the id of a track (its beginning is enough). Several are blended: as a
            sequence all alike, as a mapping by weights, of which one below 0 says what the results are to be unlike.
        n : int
            How many.
        to : path or str, optional
            Another reference: the tracks lead from the first to it, each farther on the way than the one before.
        region : (float, float), optional
            Look for this part of the reference, from, to, in seconds, anywhere in the library: ``start_s`` and
            ``end_s`` of a result tell where it is most alike.
        where : str, optional
            Only tracks that fit this expression.
        weights : mapping, optional
            Factor on the usual weight of a facet, ``timbre, rhythm, harmony, dynamics``; one that is not named has 1.
        per_artist, per_album : int, optional
            At most so many of one artist, of one album.
        fold : bool
            List near-identical versions under ``versions`` of the nearest of them, instead of side by side.

        Raises
        ------
        InputError, AudioError
            When a reference is neither a track nor a file that can be decoded, or a value is out of its range.

        Examples
        --------
        >>> import workbench as wb
        >>> def softer(lib: wb.Library, like: str, unlike: str) -> list[str]:
        ...     return [result["path"] for result in lib.similar({like: 1, unlike: -0.5}, per_artist=1).results]
        """
        from workbench.jobs.similar import answer
        from workbench.store.similar import Wanted

        wanted = Wanted(n, where, weights, per_artist, per_album, fold)
        return answer(self._indexes, self.settings, reference, wanted, to=to, region=region)

    def search_index(self) -> dict[str, Any]:
        """Tell how `similar` searches, and how well; an approximate index is made if there is none yet.

        Returns
        -------
        dict
            ``setting``; ``exact``: why all searches are exact, None where some are approximate; ``approximate``: for
            those the fields of `workbench.similarity.cells.Recall`, else None.

        Raises
        ------
        InputError
            When the index is to be approximate and faiss is not installed.
        """
        found = self._indexes.cells_or_why_exact(self._indexes.vectors)
        setting = self.settings.search_index
        if isinstance(found, str):
            return {"setting": setting, "exact": found, "approximate": None}
        return {"setting": setting, "exact": None, "approximate": asdict(found.recall)}

    def tune(
        self,
        likes: Iterable[tuple[PathLike, PathLike]] = (),
        dislikes: Iterable[tuple[PathLike, PathLike]] = (),
        *,
        name: str = "mine",
    ) -> Taste:
        """Learn from a few clicks what makes tracks sound alike to you; `similar` goes by it from then on.

        Clicks are added to those that the taste has been learned from before; of two on one pair the last counts.

        Parameters
        ----------
        likes : iterable of pairs
            A reference and a result that sounds like it; tracks by id or path.
        dislikes : iterable of pairs
            A reference and a result that does not, although it was found.
        name : str
            Name of the taste. Without clicks, one that was saved is used again.

        Returns
        -------
        Taste
            With the factor on each quality, and its ``agreement`` with clicks that it was not shown, beside that of
            the usual weights.

        Raises
        ------
        InputError
            When a track is not in the library, or there is nothing to learn from.

        Examples
        --------
        >>> import workbench as wb
        >>> def click(lib: wb.Library, reference: str, good: str, bad: str) -> None:
        ...     taste = lib.tune(likes=[(reference, good)], dislikes=[(reference, bad)])
        ...     print(taste.factors, taste.agreement_before, taste.agreement)
        """
        from workbench.store import tastes

        liked, disliked = ([(self._track_id(a), self._track_id(b)) for a, b in pairs] for pairs in (likes, dislikes))
        if liked or disliked:
            tastes.learn_taste(self.catalog, self._indexes.vectors, name, liked, disliked)
        else:
            tastes.use(self.catalog, name)
        return next(taste for taste in self.tastes() if taste.name == name)

    def untune(self, *, forget: str | None = None) -> None:
        """Let `similar` go by the usual weights again; tastes are kept, but for one that is named to be forgotten."""
        from workbench.store import tastes

        if forget is not None:
            tastes.forget(self.catalog, forget)
        tastes.use(self.catalog, None)

    def tastes(self) -> list[Taste]:
        """List the tastes that were learned, in order of their names."""
        from workbench.store import tastes

        return tastes.kept(self.catalog)

    def duplicates(self) -> list[dict[str, Any]]:
        """Find groups of the same recording, of versions of a song, and of the same sample, for review.

        Nothing is changed or deleted. See `workbench.store.duplicates.find_duplicates` for what is in a group.

        Examples
        --------
        >>> import workbench as wb
        >>> def review(lib: wb.Library) -> None:
        ...     for group in lib.duplicates():
        ...         print(group["kind"], [track["paths"] for track in group["tracks"]])
        """
        from workbench.store.duplicates import find_duplicates

        return find_duplicates(self._indexes)

    def map(self) -> TrackMap:
        """Place all tracks on a plane, where those that sound alike lie together, in clusters with names.

        A track that was placed stays where it is until the library has doubled. The first map, and the first after
        that, take some seconds.
        """
        from workbench.store.map import load_map

        return load_map(self.catalog, self._indexes.vectors, self.path / "index" / "map")

    def keep_up(self) -> None:
        """Take in what others have committed since, so that the next question need not; for who answers many."""
        self._indexes.keep_up()
