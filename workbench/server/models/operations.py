"""For whoever runs the server, and what every route may refuse with."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Health(BaseModel):
    """Whether the server is ready; why not is told to those who may come in."""

    status: Literal["ready", "not ready"]
    why: dict[str, str] = Field(default={}, description="A sentence per check that fails.")


class Who(BaseModel):
    """Who asks."""

    name: str = Field(description="By which labels and jobs are known.")


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str = Field(description="A stable word for programs.")
    detail: str
    request_id: str = Field(description="Finds the request in the server's log.")
    errors: list[dict[str, str]] = Field(default=[], description="Per field: what it takes.")
