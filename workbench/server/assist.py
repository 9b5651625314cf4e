"""What is asked in words, and answered in words."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from workbench.assist.reading import Reading
from workbench.server.models.assist import AskAnswer, AskBody, AssistStatus, Description, ReadAnswer
from workbench.server.route import Route, operation
from workbench.server.service import Service


class Ask(Route):
    """From words to a request and its answer."""

    pattern = "/assist/ask"

    @operation("A playlist or similar tracks, asked for in words", body=AskBody, answer=AskAnswer)
    async def post(self, asked: AskBody) -> dict[str, Any]:
        """Read the words, and answer."""
        reading = await self.service.wait(_read, self.service, asked)
        return await self.service.compose(_answer, self.service, asked.text, reading)


class Read(Route):
    """From words to a request, to be seen and corrected before it is asked."""

    pattern = "/assist/read"

    @operation("The request that words make, without its answer", body=AskBody, answer=ReadAnswer)
    async def post(self, asked: AskBody) -> dict[str, Any]:
        """Read the words."""
        return (await self.service.wait(_read, self.service, asked)).to_dict()


class Status(Route):
    """The language models."""

    pattern = "/assist/status"

    @operation("The language models that may be asked, and how they are", answer=AssistStatus)
    async def get(self) -> dict[str, Any]:
        """Look."""
        status = await self.service.call(lambda: self.service.library.chain.status())
        hidden = ({k: v for k, v in one.items() if k != "address"} for one in status["providers"])
        return status | {"providers": list(hidden)}  # where they are is the administrator's business


class Describe(Route):
    """A track in words."""

    pattern = "/tracks/{track_id}/description"

    @operation("A track in words, each with its descriptor", answer=Description, refusals=(404,))
    async def get(self, track_id: str) -> dict[str, Any]:
        """Describe it."""
        return await self.service.call(_describe, self.service, track_id)


def _read(service: Service, asked: AskBody) -> Reading:
    return service.library.answers.read_request(asked.text, offline=asked.offline)


def _answer(service: Service, text: str, reading: Reading) -> dict[str, Any]:
    return service.library.answers.ask(text, reading=reading).to_dict()


def _describe(service: Service, track_id: str) -> dict[str, Any]:
    service.require_tracks([track_id])
    library = service.library
    return {
        "claims": [asdict(claim) for claim in library.describe(track_id)],
        "tags": [asdict(tag) for tag in library.suggest_tags(track_id)],
    }


routes = [Ask, Read, Status, Describe]
