"""What sounds like a track, a region, a blend, or an upload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.server.models import SimilarAnswer, UploadOptions
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


def _of_tracks(service: Service, asked: SimilarRequest) -> dict[str, Any]:
    service.require_tracks(asked.named())
    return service.library.answers.similar(**asked.arguments()).to_dict()


def _of_file(service: Service, path: Path, asked: UploadOptions) -> dict[str, Any]:
    region = None if asked.region is None else (asked.region.start_s, asked.region.end_s)
    answer = service.library.answers.similar(path, region=region, **asked.wanted()).to_dict()
    name = path.name.partition("-")[2]
    return answer | {"query": {**answer["query"], "path": name}}  # where it lay here is nobody's business


routes = [FindSimilar]
