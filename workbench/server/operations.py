"""For whoever runs the server, and for whoever writes a client: health, metrics, and what the API is."""

from __future__ import annotations

from typing import Any

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from workbench.server.models.operations import Health, Who
from workbench.server.page import STYLE_HASH, docs_page
from workbench.server.route import Route, operation


class Healthz(Route):
    """Whether the server is ready. Without credentials it does not say why not."""

    pattern = "/healthz"

    @operation("Whether the server is ready", answer=Health, refusals=(503,), public=True)
    async def get(self) -> None:
        """Look."""
        wrong = await self.service.call(self.service.health)
        known = bool(self.current_user)
        self.answer({"status": "not ready" if wrong else "ready", "why": wrong if known else {}}, 503 if wrong else 200)


class Me(Route):
    """Who asks."""

    pattern = "/me"

    @operation("Who you are to this server", answer=Who)
    async def get(self) -> dict[str, Any]:
        """Say so."""
        return {"name": self.owner}


class MetricsRoute(Route):
    """Counters and gauges."""

    pattern = "/metrics"

    @operation("Metrics for Prometheus", media=("text/plain",))
    async def get(self) -> None:
        """Count what is there, and give all."""
        text = await self.service.call(self._counted_text)
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(text)

    def _counted_text(self) -> bytes:
        self.service.count()
        return generate_latest(self.service.metrics.registry)


class OpenApi(Route):
    """The API, for programs."""

    pattern = "/openapi.json"

    @operation("This document")
    async def get(self) -> dict[str, Any]:
        """Give the document."""
        return self.service.openapi


class Docs(Route):
    """The API, for people; needs nothing from other servers."""

    pattern = "/docs"

    @operation("This document as a page", media=("text/html",))
    async def get(self) -> None:
        """Give the page."""
        self.set_header(
            "Content-Security-Policy", f"default-src 'none'; style-src '{STYLE_HASH}'; frame-ancestors 'none'"
        )
        self.answer_text(docs_page(self.service.openapi), "text/html")


routes = [Healthz, Me, MetricsRoute, OpenApi, Docs]
