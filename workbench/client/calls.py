"""What may be asked of a server: the methods that both clients have."""

from __future__ import annotations

from workbench.client.answers import AnswerCalls
from workbench.client.jobs import JobCalls, ServerCalls
from workbench.client.tracks import LabelCalls, SoundCalls, TrackCalls


class Calls(TrackCalls, SoundCalls, LabelCalls, AnswerCalls, JobCalls, ServerCalls):
    """The methods of both clients; those of an `AsyncClient` are awaited."""
