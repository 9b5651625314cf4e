"""What was made of a text: a request that can be seen, corrected and asked, and what is not in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from workbench.playlist import PlaylistRequest
from workbench.similarity.request import SimilarRequest

Kind = Literal["playlist", "similar"]


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, read.

    Attributes
    ----------
    kind : ``playlist`` or ``similar``
    request : fields of a `PlaylistRequest`, or of a `SimilarRequest`
    read : field to the words that it was made of
    unknown : words of which nothing was made, as they were written
    notes : what was contradictory, approximated, or taken for a misspelling, a sentence each
    by : who read it: ``offline``, or the name of a provider
    tried : providers that were asked in vain: ``provider``, and ``why`` in a word
    near : of the words, the part that differs from the text that this was read of before; None where it is its own
    """

    kind: Kind
    request: dict[str, Any]
    read: dict[str, list[str]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    by: str = "offline"
    tried: tuple[dict[str, str], ...] = ()
    near: float | None = None

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Reading:
        """Read what `to_dict` has written."""
        return cls(**{**fields, **{name: tuple(fields[name]) for name in ("unknown", "notes", "tried")}})

    def model(self) -> PlaylistRequest | SimilarRequest:
        """Give the request as the model that is asked."""
        if self.kind == "similar":
            return SimilarRequest.model_validate(self.request)
        return PlaylistRequest.from_fields(**self.request)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON-ready values."""
        return asdict(self) | {name: list(getattr(self, name)) for name in ("unknown", "notes", "tried")}
