"""What sounds like a track, a region, a blend, or an upload; tastes, duplicates, and the map."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from workbench import tabular
from workbench.server.models.similar import (
    DuplicatesAnswer,
    MapAnswer,
    SimilarAnswer,
    TasteBody,
    TasteRecord,
    Tastes,
    UntuneQuery,
    UploadOptions,
)
from workbench.server.problem import Problem
from workbench.server.route import Route, operation
from workbench.server.service import Service
from workbench.similarity.request import SimilarRequest


class FindSimilar(Route):
    """Search by sound."""

    pattern = "/audio/find-similar"

    @operation(
        "Tracks that sound most alike, with scores and reasons",
        body=SimilarRequest,
        files="file",
        options=UploadOptions,
        answer=SimilarAnswer,
        refusals=(404,),
    )
    async def post(self, asked: SimilarRequest | UploadOptions) -> dict[str, Any]:
        """Search."""
        if isinstance(asked, SimilarRequest):
            return await self.service.compute(_of_tracks, self.service, asked)
        upload = self.upload
        return await self.service.compute(_of_file, self.service, upload.files[0] if upload else Path(), asked)


class Map(Route):
    """The library on a plane."""

    pattern = "/map"

    @operation("All tracks on a plane, where those that sound alike lie together", answer=MapAnswer)
    async def get(self) -> None:
        """Lay it out, or give the places that there are."""
        self.answer_bytes(await self.service.compose(_map, self.service))


class Duplicates(Route):
    """What is there more than once."""

    pattern = "/duplicates"

    @operation("Groups of the same recording, of versions of a song, and of the same sample", answer=DuplicatesAnswer)
    async def get(self) -> dict[str, Any]:
        """Find them."""
        return {"groups": await self.service.compose(lambda: self.service.library.answers.duplicates())}


class TastesRoute(Route):
    """What has been learned of what sounds alike."""

    pattern = "/tastes"

    @operation("The tastes that were learned", answer=Tastes)
    async def get(self) -> dict[str, Any]:
        """List them."""
        return await self.service.call(_tastes, self.service)

    @operation("Learn from clicks what sounds alike; searches go by it", body=TasteBody, answer=TasteRecord,
               refusals=(404,))  # fmt: skip
    async def post(self, asked: TasteBody) -> dict[str, Any]:
        """Learn."""
        return await self.service.compute(_learn, self.service, asked)

    @operation("Let searches go by the usual weights again", query=UntuneQuery, answer=Tastes, refusals=(404,))
    async def delete(self, asked: UntuneQuery) -> dict[str, Any]:
        """Leave the taste."""
        return await self.service.call(_untune, self.service, asked.forget)


def _of_tracks(service: Service, asked: SimilarRequest) -> dict[str, Any]:
    service.require_tracks(asked.named())
    return service.library.answers.similar(**asked.arguments()).to_dict()


def _of_file(service: Service, path: Path, asked: UploadOptions) -> dict[str, Any]:
    region = None if asked.region is None else (asked.region.start_s, asked.region.end_s)
    answer = service.library.answers.similar(path, region=region, **asked.wanted()).to_dict()
    name = path.name.partition("-")[2]
    return answer | {"query": {**answer["query"], "path": name}}  # where it lay here is nobody's business


def _map(service: Service) -> bytes:
    made = asdict(service.library.map())
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in made.items()}
    return tabular.to_json(plain, indent=None).encode()


def _learn(service: Service, asked: TasteBody) -> dict[str, Any]:
    service.require_tracks([track for pair in (*asked.likes, *asked.dislikes) for track in pair])
    return asdict(service.library.tune(asked.likes, asked.dislikes, name=asked.name))


def _tastes(service: Service) -> dict[str, Any]:
    return {"tastes": [asdict(taste) for taste in service.library.tastes()]}


def _untune(service: Service, forget: str | None) -> dict[str, Any]:
    if forget is not None and forget not in {taste.name for taste in service.library.tastes()}:
        raise Problem(404, f"There is no taste {forget!r}.", code="taste-not-found")
    service.library.untune(forget=forget)
    return _tastes(service)


routes = [FindSimilar, Map, Duplicates, TastesRoute]
