"""What a playlist may be asked for: one model for Python, the command line and, later, the web."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from workbench.errors import InputError
from workbench.features.mood import MOODS
from workbench.playlist.compatibility import PITCH_PERCENT, KeyDistance, Rules, Weights
from workbench.playlist.keys import parse_key

Shape = Literal["flat", "rise", "fall", "arc"]

DEFAULT_N = 20
MAX_TRACKS = 1000


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"the lower end {bounds[0]:g} is above the upper end {bounds[1]:g}; write the lower one first")
    return bounds


def _moods(value: Any) -> Any:
    """One name or several; a name that nobody defined is refused with the list of those that exist."""
    if value is None:
        return None
    if not isinstance(value, str | list | tuple | set | frozenset):
        raise ValueError("give the name of a mood, or a list of them")
    names = (value,) if isinstance(value, str) else tuple(value)
    unknown = [name for name in names if not isinstance(name, str) or name not in MOODS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not a mood; the moods are {', '.join(MOODS)}")
    return tuple(dict.fromkeys(names)) or None


def _key_name(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return parse_key(text).name
    except InputError as error:
        raise ValueError(str(error).removeprefix("key: ")) from error


def _ids(value: Any) -> Any:
    """One id or several, each once."""
    if value is None:
        return ()
    return tuple(dict.fromkeys((value,) if isinstance(value, int | str) else value))


def _curve(value: Any) -> Any:
    """Read a named curve, or energies that it passes; either is refused in one sentence."""
    if value is None or value in get_args(Shape):
        return value
    given = list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping) else []
    numbers = all(isinstance(point, Real) and not isinstance(point, bool) for point in given)
    points = tuple(float(point) for point in given) if numbers else ()
    if not 2 <= len(points) <= MAX_TRACKS or not all(0 <= point <= 1 for point in points):
        raise ValueError(
            f"{str(value)[:80]!r} is no curve; give {', '.join(get_args(Shape))}, or two or more energies from 0 to 1"
        )
    return points


_Energy = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Bpm = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
_Seed = Annotated[int, Field(ge=0, lt=2**63)]
_Id = int | str
_Mood = Annotated[str, Field(json_schema_extra={"enum": list(MOODS)})]
_Moods = _Mood | list[_Mood] | None
_Curve = Shape | Annotated[list[_Energy], Field(min_length=2, max_length=MAX_TRACKS)] | None
_Ids = Annotated[tuple[_Id, ...], BeforeValidator(_ids), Field(max_length=MAX_TRACKS)]
_Names = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=500)], ...], BeforeValidator(_ids), Field(max_length=100)
]
_Gap = Annotated[int, Field(ge=0, le=MAX_TRACKS)]


class PlaylistRequest(BaseModel):
    """A playlist as it is asked for. Everything left out is left open.

    Raises
    ------
    pydantic.ValidationError
        When built directly; `from_fields` raises the workbench's `InputError` instead.

    Examples
    --------
    >>> PlaylistRequest.from_fields(bpm=(80, 110), key="8A", curve="rise").key
    'A minor'
    >>> PlaylistRequest.from_fields(energy=(0.9, 0.2))
    Traceback (most recent call last):
    ...
    workbench.errors.InputError: energy: the lower end 0.9 is above the upper end 0.2; write the lower one first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mood: Annotated[tuple[str, ...] | None, BeforeValidator(_moods, json_schema_input_type=_Moods)] = Field(
        default=None, description="Named moods, one or several; a track has one of them."
    )
    energy: Annotated[tuple[_Energy, _Energy], AfterValidator(_ordered)] | None = Field(
        default=None, description="Lowest and highest energy, each in 0 to 1."
    )
    ranked: bool = Field(
        default=False,
        description="Take energies and moods as ranks in the library: an energy of 0.9 is above nine tenths of it.",
    )
    bpm: Annotated[tuple[_Bpm, _Bpm], AfterValidator(_ordered)] | None = Field(
        default=None, description="Lowest and highest tempo in beats per minute."
    )
    half_double: bool = Field(
        default=False, description="Count half and double tempo as the same, in the range and between neighbours."
    )
    key: Annotated[str | None, AfterValidator(_key_name)] = Field(
        default=None, description="A key such as 'A minor', 'Am', '8A', 'F#' or 'Bb major'."
    )
    compatible_keys: bool = Field(
        default=False, description="Let the key's relative and the keys a fifth away through as well."
    )
    where: str | None = Field(
        default=None, min_length=1, max_length=2000, description="Only tracks that fit this expression."
    )
    n: int | None = Field(default=None, ge=1, le=MAX_TRACKS, description="Number of tracks; 20 if no length is given.")
    minutes: float | None = Field(
        default=None, gt=0, le=1440, allow_inf_nan=False, description="Total length in minutes, instead of n."
    )
    curve: Annotated[Shape | tuple[float, ...] | None, BeforeValidator(_curve, json_schema_input_type=_Curve)] = Field(
        default=None, description="How energy goes: flat, rise, fall or arc, or energies that it passes, evenly spread."
    )
    start: _Id | None = Field(default=None, description="Id of the first track, whatever the ranges say.")
    end: _Id | None = Field(default=None, description="Id of the last track, whatever the ranges say.")
    waypoints: _Ids = Field(default=(), description="Ids of tracks to pass on the way, in this order, evenly spread.")
    slots: tuple[_Id | None, ...] = Field(
        default=(),
        max_length=MAX_TRACKS,
        description="The whole list, null where a track is to be found; instead of a length, start, end and waypoints.",
    )
    include: _Ids = Field(default=(), description="Ids of tracks that must be in it, anywhere.")
    exclude: _Ids = Field(default=(), description="Ids of tracks that must not be in it.")
    artists: _Names = Field(default=(), description="Names of artists; tracks by others are left out.")
    without_artists: _Names = Field(default=(), description="Names of artists whose tracks are left out.")
    like: _Ids = Field(default=(), description="Ids of seed tracks: what sounds like them is preferred.")
    artist_gap: _Gap | None = Field(
        default=None,
        description="Tracks between two of one artist, at least. Left out: not side by side if it can be helped.",
    )
    album_gap: _Gap | None = Field(default=None, description="The same for albums.")
    seed: _Seed | None = Field(default=None, description="Another seed gives another good list; the same, the same.")
    weights: Weights = Field(default=Weights(), description="How much each term of compatibility counts.")
    pitch_percent: float = Field(
        default=PITCH_PERCENT,
        ge=0.01,
        le=100,
        allow_inf_nan=False,
        description="How far a track's tempo can be changed.",
    )
    key_distance: KeyDistance = Field(
        default="camelot", description="Key steps by the moves of disc jockeys (camelot) or by shared notes (fifths)."
    )

    @model_validator(mode="after")
    def _default_length(self) -> PlaylistRequest:
        """Ask for `DEFAULT_N` tracks where neither slots nor a number nor a duration are given."""
        if not self.slots and self.n is None and self.minutes is None:
            object.__setattr__(self, "n", DEFAULT_N)  # the model is frozen for everybody else
        return self

    @model_validator(mode="after")
    def _consistent(self) -> PlaylistRequest:
        if self.n is not None and self.minutes is not None:
            raise ValueError("n and minutes exclude each other; give one of them")
        if self.slots and any((self.n, self.minutes, self.start is not None, self.end is not None, self.waypoints)):
            raise ValueError("slots is the whole list; leave n, minutes, start, end and waypoints out")
        if self.compatible_keys and self.key is None:
            raise ValueError("compatible_keys needs key; give the key to be compatible with")
        asked = [str(track) for track in self.asked]
        twice = next((track for track in asked if asked.count(track) > 1), None)
        if twice is not None:
            raise ValueError(f"track {twice} is asked for twice and would be repeated; name it once")
        if self.n is not None and self.n < len(asked):
            raise ValueError(f"n must be at least {len(asked)}, the number of tracks asked for by id")
        if self.slots and self.slots.count(None) < len(self.include):
            raise ValueError("slots has fewer gaps than there are tracks to include; add some")
        both = next((track for track in asked if track in {str(track) for track in self.exclude}), None)
        if both is not None:
            raise ValueError(f"track {both} is asked for and excluded; do one of them")
        return self

    @property
    def asked(self) -> tuple[_Id, ...]:
        """Ids of all tracks that must be in the playlist."""
        placed = (self.start, *self.waypoints, self.end, *self.slots)
        return (*(track for track in placed if track is not None), *self.include)

    @property
    def rules(self) -> Rules:
        """How the cost of a transition is counted."""
        return Rules(self.weights, self.half_double, self.pitch_percent, self.key_distance)

    @property
    def wanted_n(self) -> int | None:
        """Number of tracks, None where minutes are asked for."""
        return len(self.slots) or self.n

    def positions(self, n: int) -> dict[int, _Id]:
        """Tell which tracks must stand where, by position, if there are n."""
        slots = list(self.slots)
        for _ in range(len(slots) - n):  # where tracks are lacking, the last gaps go
            del slots[len(slots) - 1 - slots[::-1].index(None)]
        placed = [(position, track) for position, track in enumerate(slots) if track is not None]
        if self.start is not None:
            placed.append((0, self.start))
        if self.end is not None:
            placed.append((n - 1, self.end))
        between = _spread(n, len(self.waypoints), self.start is not None, self.end is not None)
        return dict([*placed, *zip(between, self.waypoints, strict=True)])

    def asked_for(self) -> dict[str, Any]:
        """Give what was asked, without what was left out, as plain JSON-ready values."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_fields(cls, **fields: Any) -> PlaylistRequest:
        """Build a request, or say in one sentence per field what is wrong and what is allowed.

        Parameters
        ----------
        **fields
            The model's fields. None means that nothing is asked.

        Raises
        ------
        InputError
            Naming each wrong field and what it takes.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            raise InputError(" ".join(_complaints(error))) from error


def edit(
    ids: Sequence[int | str],
    request: Mapping[str, Any],
    *,
    extend: int = 0,
    bridge: int | None = None,
    replace: int | None = None,
) -> dict[str, Any]:
    """Turn a playlist that there is into a request for the tracks that it lacks.

    Parameters
    ----------
    ids : sequence
        The tracks, in order.
    request : mapping
        Fields of a request that hold for the new tracks too; what says which tracks, and how many, is replaced.
    extend : int
        How many to append, >= 0.
    bridge : int, optional
        Position, counted from 1, of the track behind which one is to be inserted.
    replace : int, optional
        Position of the track that is to be replaced, and not to come back.

    Raises
    ------
    InputError
        On a position that there is not.

    Examples
    --------
    >>> edit(["a", "b"], {"bpm": (80, 100), "n": 2}, bridge=1)
    {'bpm': (80, 100), 'slots': ['a', None, 'b']}
    >>> edit(["a", "b"], {}, replace=2, extend=1)
    {'slots': ['a', None, None], 'exclude': ['b']}
    """
    if extend < 0:
        raise InputError(f"extend: {extend} is less than none.", "Give the number of tracks to append.")
    for name, position, last in (("bridge", bridge, len(ids) - 1), ("replace", replace, len(ids))):
        if position is not None and not 1 <= position <= last:
            raise InputError(f"{name}: there is no position {position}.", f"Give one from 1 to {last}.")
    slots = [None if replace == position else track for position, track in enumerate(ids, 1)]
    if bridge is not None:
        slots.insert(bridge, None)
    about = {name: value for name, value in request.items() if name not in _WHICH}
    edited: dict[str, Any] = about | {"slots": [*slots, *[None] * extend]}
    here = {str(track) for track in slots}
    excluded = [track for track in request.get("exclude") or () if str(track) not in here]
    if replace is not None:
        excluded.append(ids[replace - 1])
    return edited | ({"exclude": excluded} if excluded else {})


#: Fields that say which tracks there are to be, and how many.
_WHICH = {"n", "minutes", "start", "end", "waypoints", "slots", "include", "exclude"}


def _spread(n: int, count: int, start: bool, end: bool) -> list[int]:
    """Positions of waypoints: as evenly as whole numbers go, in order, none on the start or the end."""
    first, last = int(start), n - 1 - int(end)
    even = [round((i + 1) * (n - 1) / (count + 1)) for i in range(count)]
    for i in range(count):  # each behind the one before, and room for those that follow
        even[i] = min(max(even[i], first + i, even[i - 1] + 1 if i else 0), last - (count - 1 - i))
    return even


def _complaints(error: ValidationError) -> list[str]:
    said: dict[str, None] = {}
    for problem in error.errors(include_url=False):
        field = next((str(part) for part in problem["loc"]), "")
        if problem["type"] == "extra_forbidden":
            model = Weights if field == "weights" else PlaylistRequest
            name = ".".join(str(part) for part in problem["loc"])
            text = f"{name}: no such field; the fields are {', '.join(model.model_fields)}"
        else:
            message = problem["msg"].removeprefix("Value error, ").rstrip(".")
            given = "" if problem["type"] == "value_error" else f" (given: {str(problem['input'])[:80]})"
            text = f"{field}: {message}{given}" if field else message
        said.setdefault(f"{text}.", None)
    return list(said)
