"""Jobs, and where what they analyze lies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from workbench.schema import JobState
from workbench.server.models.limits import MOST_PER_PAGE
from workbench.similarity.request import Asked

Paths = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=4096)]],
    Field(min_length=1, max_length=1000, description="Absolute; folders with all that is below them."),
]


class BatchOptions(Asked):
    """How files are analyzed."""

    frames: tuple[Annotated[str, Field(max_length=80)], ...] = Field(
        default=(), max_length=100, description="Descriptors whose values per frame are stored too."
    )
    descriptors: Literal["fast", "full"] | None = Field(default=None, description="The set to compute.")
    retry_failed: bool = Field(default=False, description="Also try files again that failed before.")


class BatchRequest(BatchOptions):
    """Files and folders of the server, below its allowed roots."""

    paths: Paths


class EstimateBody(Asked):
    """Files and folders of the server, below its allowed roots."""

    paths: Paths


class EstimateAnswer(BaseModel):
    """What analyzing them would find and take."""

    files: int
    new: int = Field(description="Those that are not in the library, or have changed since.")
    seconds: float | None = Field(description="By the speed of the last job; null if there was none.")


class FolderQuery(Asked):
    """Which folder."""

    path: str | None = Field(default=None, min_length=1, max_length=4096, description="The first root if left out.")


class Folder(BaseModel):
    """What a folder of the server holds that may be analyzed, and where one may look."""

    path: str
    parent: str | None = Field(description="Null where one may not look further up.")
    folders: list[str]
    files: list[str] = Field(description="Audio files, by their names.")
    hidden: int = Field(description="How many more there are.")
    roots: list[str]


class JobsQuery(Asked):
    """Which jobs."""

    owner: str | None = Field(default=None, min_length=1, max_length=200, description="Only those of one user.")
    state: JobState | None = Field(default=None, description="Only those that stand so.")
    after: int | None = Field(default=None, ge=1, lt=2**53, description="`next` of the page before.")
    limit: int = Field(default=50, ge=1, le=MOST_PER_PAGE, description="How many at most.")


class SinceQuery(Asked):
    """Where a listener left off."""

    since: int | None = Field(default=None, ge=0, lt=2**53, description="`seq` of the last event that you have.")


class ProgressRecord(BaseModel):
    """How far a job is."""

    seq: int = Field(description="Rises with every change.")
    job_id: int
    state: JobState
    percentage: float
    current_file: str | None
    eta_s: float | None
    done: int
    failed: int
    total: int
    rate: float | None = Field(description="Files per second.")


class JobRecord(ProgressRecord):
    """A job as it stands; times are seconds since 1970."""

    owner: str
    created: float
    started: float | None
    finished: float | None
    error: str | None


class JobsPage(BaseModel):
    """Some jobs, newest first."""

    jobs: list[JobRecord]
    next: int | None


class FailuresQuery(Asked):
    """Which failures."""

    after: int | None = Field(default=None, ge=0, lt=2**53, description="`next` of the page before.")
    limit: int = Field(default=100, ge=1, le=MOST_PER_PAGE, description="How many at most.")


class FailureRecord(BaseModel):
    """A file that could not be analyzed."""

    path: str
    reason: str
    detail: str | None
    remedy: str


class FailuresPage(BaseModel):
    """Some of the files that failed."""

    failures: list[FailureRecord]
    next: int | None
