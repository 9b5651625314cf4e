"""`SimilaritySearch`: what sounds like a clip, a track, or a part of it, and why."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from workbench.assist.asked import refuse_nothing
from workbench.errors import InputError
from workbench.jobs.similar import PathLike, References
from workbench.library import Library
from workbench.playlist import parse_key
from workbench.similarity.request import MOST_RESULTS, SimilarRequest
from workbench.widgets.asking import told_of
from workbench.widgets.player import Listening
from workbench.widgets.selection import Selection
from workbench.widgets.view import View, answers

if TYPE_CHECKING:
    from workbench.client.remote import RemoteLibrary

FACETS = ("timbre", "rhythm", "harmony", "dynamics")
#: What the browser calls a clip that is not in the library.
CLIP = "clip"

_MOST_BYTES = 200_000_000
_NAME = re.compile(r"[^\w .()-]+")


class SimilaritySearch(Listening, View):
    """Drop a clip, record one, or take the track that is selected, or a part of it: results with their reasons.

    The sliders say how much timbre, rhythm, harmony and dynamics count; results change as they move. Thumbs teach the
    library your taste. A click on a result selects it, in the player and elsewhere. It may be asked for in words as
    well: what was understood of them is filled in.

    Examples
    --------
    >>> import workbench as wb
    >>> def find(lib: wb.Library, track: str) -> SimilaritySearch:
    ...     return SimilaritySearch(lib, reference=track)
    """

    module = "similarity.js"
    follows = ("tracks", "playing", "region", "playlist")

    reference = traitlets.Unicode(help="Id of a track, or 'clip' for what was dropped.").tag(sync=True)
    blend = traitlets.Dict(help="Tracks to be like by their ids, with weights, instead of a reference.").tag(sync=True)
    text = traitlets.Unicode(help="The words that it was asked for in, or nothing.").tag(sync=True)
    clip = traitlets.Int(0, help="How many clips there were so far.").tag(sync=True)
    part = traitlets.List(traitlets.Float(), help="Seconds of the reference: from, to; or nothing for all of it.").tag(
        sync=True
    )
    weights = traitlets.Dict(dict.fromkeys(FACETS, 1.0), help="How much each facet counts, 0 to 4.").tag(sync=True)
    bpm = traitlets.List(traitlets.Float(), help="From, to; or nothing.").tag(sync=True)
    key = traitlets.Unicode(help="Such as 8A or A minor; or nothing.").tag(sync=True)
    where = traitlets.Unicode(help="A further expression.").tag(sync=True)
    per_artist = traitlets.Int(0, help="At most so many of one artist; 0 for any number.").tag(sync=True)
    per_album = traitlets.Int(0, help="The same of albums.").tag(sync=True)
    n = traitlets.Int(12, min=1, max=MOST_RESULTS, help="How many.").tag(sync=True)
    tracks = traitlets.List(traitlets.Unicode()).tag(sync=True)
    playing = traitlets.Unicode().tag(sync=True)
    region = traitlets.List(traitlets.Float()).tag(sync=True)
    playlist = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, library: Library | RemoteLibrary, selection: Selection | None = None, **traits: Any) -> None:
        super().__init__(library, selection, **traits)
        self._folder = tempfile.TemporaryDirectory(prefix="workbench-clip-")
        self._clip: Path | None = None
        self._incoming: dict[str, Path] = {}
        self._as_read: tuple[Any, ...] | None = None

    def close(self) -> None:
        """Forget the clip that was dropped."""
        self._folder.cleanup()
        super().close()

    # --- a clip from outside --------------------------------------------------------------------------

    @answers
    def upload(self, name: str, at: int, last: bool, data: memoryview) -> dict[str, Any] | None:
        """Take in a piece of a file; after the last one it is the reference."""
        path = self._incoming.setdefault(name, Path(self._folder.name) / f"{len(self._incoming)}-{_safe(name)}")
        if at + len(data) > _MOST_BYTES:
            raise InputError(f"{name!r} is larger than {_MOST_BYTES // 10**6} MB.", "Cut out the part that matters.")
        with path.open("ab" if at else "wb") as file:
            file.write(data)
        if not last:
            return None
        del self._incoming[name]
        self._clip = path
        self.clip += 1
        self.part, self.blend, self.reference = [], {}, CLIP
        return self.track(CLIP)

    @answers
    def track(self, track: str) -> dict[str, Any]:
        """Give the record of a track, or what is known of the clip."""
        if track != CLIP:
            return super().track(track)
        samples, sr = self._clip_samples()
        name = self._clip.name.partition("-")[2] if self._clip else "clip"
        return {"id": CLIP, "title": name, "duration_s": len(samples) / sr, "loudness_lufs": None}

    @answers
    def excerpt(self, track: str, start_s: float, seconds: float) -> dict[str, Any]:
        """Give samples of a track or of the clip."""
        if track != CLIP:
            return super().excerpt(track, start_s, seconds)
        samples, sr = self._clip_samples()
        first = round(start_s * sr)
        return {"samples": samples[first : first + round(seconds * sr)], "sr": sr}

    def _clip_samples(self) -> tuple[np.ndarray[Any, Any], int]:
        from workbench.audio import load

        if self._clip is None:
            raise InputError("There is no clip.", "Drop an audio file first.")
        y, sr = load(str(self._clip))
        return np.rint(np.clip(y, -1, 1) * 32767).astype(np.int16)[:, np.newaxis], sr

    # --- the answer -----------------------------------------------------------------------------------

    @answers
    def ask(self, text: str) -> dict[str, Any]:
        """Fill in what words ask for; `search` finds it."""
        reading = self.library.answers.read_request(text)
        refuse_nothing(text, reading)
        request = reading.model()
        if not isinstance(request, SimilarRequest):
            raise InputError(
                "This asks for a playlist, not for what sounds like something.",
                "Name a track or an artist, as in 'like TITLE'; or ask for it where playlists are made.",
            )
        with self.hold_sync():
            self.reference, self.part, self.text = request.track_id or "", [], text
            self.blend = {str(one): weight for one, weight in request.tracks().items()} if request.blend else {}
            self.n, self.where = request.n, request.where or ""
            self.per_artist, self.per_album = request.per_artist or 0, request.per_album or 0
            self.bpm, self.key, self.weights = [], "", dict.fromkeys(FACETS, 1.0)
        self._as_read = self._call()
        return told_of(reading)

    @answers
    def search(self) -> dict[str, Any]:
        """Find what is like the reference: the fields of a result, and of its record those that a list shows."""
        reference, n, given = self._call()
        for named in self.blend or [self.reference]:
            self.track(named)  # refuses all but tracks and the clip: a browser names no files of this machine
        found = self.library.similar(reference, n, **given)
        records = self.library.records(result["id"] for result in found.results)
        shown = ("bpm", "camelot", "duration_s", "loudness_lufs")
        rows = [
            {**result, **{name: records[result["id"]][name] for name in shown}}
            for result in found.results
            if result["id"] in records
        ]
        self.selection.query = {"reference": reference, "n": n, **given}
        return {"reference": self.reference, "elapsed_ms": found.elapsed_ms, "results": rows}

    def _call(self) -> tuple[References, int, dict[str, Any]]:
        """Give the arguments of `workbench.Library.similar`."""
        reference = str(self._clip) if self.reference == CLIP else self.reference
        blend: dict[PathLike, float] = {track: float(weight) for track, weight in self.blend.items()}
        return blend or reference, self.n, self._given()

    def _given(self) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if any(weight != 1 for weight in self.weights.values()):
            given["weights"] = dict(self.weights)
        if self.part:
            given["region"] = tuple(self.part)
        if where := self._where():
            given["where"] = where
        if self.per_artist:
            given["per_artist"] = self.per_artist
        if self.per_album:
            given["per_album"] = self.per_album
        return given

    def _where(self) -> str:
        conditions = [f"({self.where})"] if self.where else []
        if self.bpm:
            conditions.append(f"bpm >= {self.bpm[0]:g} and bpm <= {self.bpm[1]:g}")
        if self.key:
            conditions.append(f'camelot == "{parse_key(self.key).camelot}"')
        return " and ".join(conditions)

    @answers
    def judge(self, reference: str, track: str, good: bool) -> dict[str, Any]:
        """Learn that a result sounds like the reference that it was found for, or does not; searches go by it then."""
        if reference in (CLIP, ""):
            remedy = "Analyze the clip into the library first." if reference else "Take one of them as the reference."
            raise InputError("A taste is learned from pairs of tracks.", remedy)
        pair = [(reference, track)]
        taste = self.library.tune(likes=pair if good else (), dislikes=() if good else pair)
        return {"clicks": len(taste.likes) + len(taste.dislikes)}

    @answers
    def forget_taste(self) -> None:
        """Go by the usual weights again; the clicks are kept."""
        self.library.untune()

    def code(self) -> str:
        """Give the search as a call."""
        reference, n, given = call = self._call()
        if self.text and call == self._as_read:
            return f"lib.ask({self.text!r}).result"
        fields = "".join(f", {name}={value!r}" for name, value in given.items())
        return f"lib.similar({reference!r}, {n}{fields})"


def _safe(name: str) -> str:
    """Keep of a name from outside what a file name may be: its end tells people the format."""
    return _NAME.sub("_", Path(name.replace("\\", "/")).name)[-80:] or "clip"
