"""What requests may say and what answers hold. The same models validate and make the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from workbench.playlist import PlaylistRequest
from workbench.schema import LABEL_LENGTH, MOST_LABELS, SORT_COLUMNS, JobState
from workbench.similarity.request import Asked, Region, Seconds, SimilarOptions, TrackId, Where

MOST_PER_PAGE = 500
MOST_UPLOADS = 200

# --- tracks -----------------------------------------------------------------------------------------


def _column(name: str) -> str:
    if name not in SORT_COLUMNS:
        raise ValueError(f"give one of {', '.join(SORT_COLUMNS)}")
    return name


class TracksQuery(Asked):
    """Which tracks, in which order."""

    where: Where | None = None
    sort: Annotated[str, AfterValidator(_column)] = Field(
        default="path",
        description="Order by this; tracks that lack it come last.",
        json_schema_extra={"enum": list(SORT_COLUMNS)},
    )
    descending: bool = Field(default=False, description="From the greatest down.")
    after: str | None = Field(
        default=None, min_length=1, max_length=8000, description="`next` of the page before.",
        json_schema_extra={"format": "workbench-mark"},
    )  # fmt: skip
    limit: int = Field(default=100, ge=1, le=MOST_PER_PAGE, description="How many at most.")


class TrackRecord(BaseModel):
    """A track; what is not known is null."""

    id: TrackId
    path: str
    duration_s: float
    bpm: float | None
    bpm_confidence: float | None
    key: str | None
    camelot: str | None
    key_strength: float | None
    energy: float | None
    valence: float | None
    arousal: float | None
    danceability: float | None
    mood: str | None
    loudness_lufs: float | None
    title: str | None
    artist: str | None
    album: str | None
    flags: list[str]


class TracksPage(BaseModel):
    """Some tracks, and where the next ones begin."""

    tracks: list[TrackRecord]
    next: str | None = Field(description="Give it as `after` for the next page; null at the end.")


class LabelRecord(BaseModel):
    """Something that somebody says of a track."""

    track: TrackId
    name: str
    value: str | None
    start_s: float | None
    end_s: float | None
    author: str
    labelled_at: float = Field(description="Seconds since 1970.")


class TrackDetail(TrackRecord):
    """A track with its labels."""

    labels: list[LabelRecord]


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("give one line of text that can be seen")
    return text


_Line = Annotated[str, Field(min_length=1, max_length=LABEL_LENGTH), AfterValidator(_line)]


class NewLabel(Asked):
    """Something to say of a track, or of a part of it."""

    name: _Line = Field(description="What it is about, such as genre.")
    value: _Line | None = Field(default=None, description="What is said, such as dub.")
    start_s: Seconds | None = Field(default=None, description="Where the part begins; all of the track if left out.")
    end_s: Seconds | None = Field(default=None, description="Where it ends.")


class Labels(Asked):
    """All that you say of a track; it replaces what you said before, and nothing that others say."""

    labels: list[NewLabel] = Field(max_length=MOST_LABELS)


class LabelsKept(BaseModel):
    """All labels of a track."""

    labels: list[LabelRecord]


class WaveformQuery(Asked):
    """How fine."""

    points: int = Field(default=1000, ge=1, le=4096, description="Spans; a very short recording has fewer.")


class Waveform(BaseModel):
    """The outline of a track: the lowest and highest sample of each of some equal spans, in [-1, 1]."""

    duration_s: float
    lowest: list[float]
    highest: list[float]


# --- similarity -------------------------------------------------------------------------------------


class UploadOptions(SimilarOptions):
    """The part `options` of an upload."""

    region: Region | None = Field(default=None, description="Look for this part of the upload.")


class SimilarVersion(BaseModel):
    """A track that was found."""

    id: TrackId
    path: str
    score: float
    facets: dict[str, float]
    start_s: float
    end_s: float


class SimilarResult(SimilarVersion):
    """A track that was found, and why."""

    why: str
    because: list[dict[str, Any]]
    versions: list[SimilarVersion]
    title: str | None
    artist: str | None


class SimilarAnswer(BaseModel):
    """What sounds most alike, nearest first, or in the order of the way."""

    query: dict[str, Any]
    elapsed_ms: float
    results: list[SimilarResult]


# --- playlists --------------------------------------------------------------------------------------

_ArtistNames = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=500)], ...], Field(max_length=100)]
_TrackIds = Annotated[tuple[TrackId, ...], Field(max_length=1000)]


class PlaylistBody(PlaylistRequest):
    """A playlist as it is asked for; everything left out is left open. Over the web, tracks go by their ids alone."""

    start: TrackId | None = None
    end: TrackId | None = None
    waypoints: _TrackIds = ()
    slots: Annotated[tuple[TrackId | None, ...], Field(max_length=1000)] = ()
    include: _TrackIds = ()
    exclude: _TrackIds = ()
    artists: _ArtistNames = Field(default=(), description="Tracks by others are left out.")
    without_artists: _ArtistNames = Field(default=(), description="Artists whose tracks are left out.")
    like: _TrackIds = ()

    def named(self) -> list[str]:
        """Give the ids of all tracks that the request names."""
        return [str(track) for track in (*self.asked, *self.exclude, *self.like)]


class PlaylistAnswer(BaseModel):
    """Tracks in order, what each step costs, and what could not be met."""

    request: dict[str, Any]
    tracks: list[TrackRecord]
    transitions: list[dict[str, Any]]
    violations: list[dict[str, Any]]
    cost: float
    targets: list[float] | None


# --- in words ---------------------------------------------------------------------------------------


class AskBody(Asked):
    """What is asked in words."""

    text: str = Field(
        min_length=1,
        max_length=1000,
        description="Such as: a calm hour around 80 bpm, getting livelier.",
        json_schema_extra={"format": "workbench-words"},
    )
    offline: bool = Field(default=False, description="Ask no language model.")


class AskAnswer(BaseModel):
    """The request that was made of the words, what is not in it, and its answer."""

    text: str
    kind: Literal["playlist", "similar"]
    request: dict[str, Any] = Field(description="A body for /playlists/generate or /audio/find-similar.")
    read: dict[str, list[str]] = Field(
        description="Field to the words that it was made of, where the parser read them."
    )
    unknown: list[str] = Field(description="Words of which nothing was made.")
    notes: list[str]
    by: str = Field(description="`offline`, or the provider that read the words.")
    tried: list[dict[str, str]] = Field(description="Providers that were asked in vain, and why.")
    near: float | None = Field(description="Distance of the words that it was made of before, if those were others.")
    result: dict[str, Any] = Field(description="The answer of the one or the other.")


class AssistStatus(BaseModel):
    """The language models of this server, and what was used today."""

    installed: bool
    offline: bool
    providers: list[dict[str, Any]]
    budget: dict[str, Any]


class ClaimRecord(BaseModel):
    """A sentence about a track."""

    says: str
    descriptor: str
    value: Any


class SuggestionRecord(BaseModel):
    """A tag for review."""

    name: str
    value: str
    descriptor: str
    confidence: float | None


class Description(BaseModel):
    """A track in words, each with the descriptor that it is about, and tags that could be written."""

    claims: list[ClaimRecord]
    tags: list[SuggestionRecord]


# --- jobs -------------------------------------------------------------------------------------------


class BatchOptions(Asked):
    """How files are analyzed."""

    frames: tuple[Annotated[str, Field(max_length=80)], ...] = Field(
        default=(), max_length=100, description="Descriptors whose values per frame are stored too."
    )
    descriptors: Literal["fast", "full"] | None = Field(default=None, description="The set to compute.")
    retry_failed: bool = Field(default=False, description="Also try files again that failed before.")


class BatchRequest(BatchOptions):
    """Files and folders of the server, below its allowed roots."""

    paths: list[Annotated[str, Field(min_length=1, max_length=4096)]] = Field(
        min_length=1, max_length=1000, description="Absolute; folders with all that is below them."
    )


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


# --- operations -------------------------------------------------------------------------------------


class Health(BaseModel):
    """Whether the server is ready; why not is told to those who may come in."""

    status: Literal["ready", "not ready"]
    why: dict[str, str] = Field(default={}, description="A sentence per check that fails.")


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str = Field(description="A stable word for programs.")
    detail: str
    request_id: str = Field(description="Finds the request in the server's log.")
    errors: list[dict[str, str]] = Field(default=[], description="Per field: what it takes.")
